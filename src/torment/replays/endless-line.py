a, b, c = guests(3)
before = memory()
# A process with a garbage collector takes memory anyway, so it gets more.
total = 64 if before < 32 else 640
piece = b"x" * (1 << 20)
in_background(lambda: [c.send(piece) for _ in range(total) if c.is_open]).join(4)
time.sleep(0.2)
if server:
    grown = memory() - before
    check(grown < total / 2, "the line is not kept", f"{total} MiB without a line end, and {grown:.0f} MiB more memory")
else:
    print(f"  {total} MiB without a line end: how large is the server now? ps -o rss= -p PID")
talk(a, b)
