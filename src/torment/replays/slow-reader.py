import re

a, b = guests(2)
slow = join(a, narrow=True)
b.keep = slow.keep = 1 << 26
slow.rate, last, end = 500_000, 0, time.monotonic() + 2
while time.monotonic() < end and a.is_open and slow.is_open:
    if last > 0 and not b.hears(f"LINE-{last - 1}.", 0.02):
        continue  # The server needs its time.
    many = 10_000 if last == 0 else 800
    a.send(b"".join(said(f"LINE-{n}." + "x" * 40) for n in range(last, last + many)))
    last += many
slow.rate = None
for client in [b, slow]:
    while client.is_open:
        before = client.total
        if client.hears(f"LINE-{last - 1}.", 0.5) or client.total == before:
            break
for name, client in [("eager", b), ("slow", slow)]:
    got = [int(n) for n in re.findall(rb"LINE-(\d+)\.", client.got)]
    gap = next((n for n, m in enumerate(got) if n != m), len(got))
    is_right = gap == len(got) and (gap == last or not client.is_open)
    check(is_right, f"the {name} client gets all lines or is closed", f"it lacks LINE-{gap} of {last}")
