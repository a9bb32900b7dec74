before, told = memory(), c.total
a.floods(said("flood " * 40) * 100, 3)
try:
    talk(b, c, 3, limit=4)
finally:
    grown, relayed = memory() - before, (c.total - told) / (1 << 20)
    print(f"  another one got {relayed:.0f} MiB, and the server has {grown:.0f} MiB more memory")
check(grown < max(20, relayed / 2), "what it does not read is not kept for ever", f"{grown:.0f} MiB")
