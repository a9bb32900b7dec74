import re

clients = guests(4)
for client in clients:
    client.keep = 1 << 26
lines = [b"".join(said(f"LINE-{who}-{n}." + "x" * 40) for n in range(3000)) for who in range(4)]
floods = [in_background(lambda who=who: clients[who].send(lines[who])) for who in range(4)]
for flood in floods:
    flood.join()
orders = []
for who, client in enumerate(clients):
    others = [other for other in range(4) if other != who]
    for other in others:
        client.hears(f"LINE-{other}-2999.", 5)
    got = [(int(a), int(b)) for a, b in re.findall(rb"LINE-(\d)-(\d+)\.x{40}", client.got)]
    for other in others:
        numbers = [n for sender, n in got if sender == other]
        wrong = next((n for n, m in enumerate(numbers) if n != m), len(numbers))
        if clients[other].is_open and client.is_open:
            check(numbers == list(range(3000)), f"3000 lines of {other} in order at {who}",
                  f"{len(numbers)} lines, and LINE-{other}-{wrong} is missing, damaged, twice or late")
    orders.append(got)
for who in [1, 2, 3]:
    here, there = [[line for line in order if line[0] not in (0, who)] for order in (orders[0], orders[who])]
    check(here == there, f"one order at 0 and {who}", "another order")
