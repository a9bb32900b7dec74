a, b, c = guests(3)
c.floods(said("flood " * 30) * 300, 6)
time.sleep(0.3)
talk(a, b, 2)
