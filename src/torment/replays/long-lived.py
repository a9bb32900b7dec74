a, b = guests(2)
for _ in range(9):
    talk(a, b)
    check(a.is_open and b.is_open, "both stay connected", "one was closed")
    time.sleep(0.5)
