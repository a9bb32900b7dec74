a, b, c = guests(3)
slow = join(a, narrow=True)
slow.rate = 400 << 10
c.floods(said("flood " * 30) * 100, 6)
time.sleep(0.7)
talk(a, b, 2, limit=1.5)
