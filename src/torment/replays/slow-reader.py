import re

a, b = guests(2)
slow = join(a, narrow=True)
b.keep = slow.keep = 1 << 26
slow.rate, last, end = 2_000_000, 0, time.monotonic() + 2
while time.monotonic() < end and a.is_open and slow.is_open:
    many = 30_000 if last == 0 else 800
    a.send(b"".join(said(f"LINE-{n}." + "x" * 180) for n in range(last, last + many)))
    last += many
    time.sleep(0.02)
slow.rate = None
for client in [b, slow]:
    before = -1
    while client.total > before and client.is_open and not client.hears(f"LINE-{last - 1}.", 0.5):
        before = client.total
for name, client in [("eager", b), ("slow", slow)]:
    got = [int(n) for n in re.findall(rb"LINE-(\d+)\.", client.got)]
    gap = next((n for n, m in enumerate(got) if n != m), len(got))
    is_right = gap == len(got) and (gap == last or not client.is_open)
    check(is_right, f"the {name} client gets all lines or is closed", f"it lacks LINE-{gap} of {last}")
