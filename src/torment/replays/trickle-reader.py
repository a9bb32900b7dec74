a, b, c = guests(3)
slow = join(a, narrow=True)
slow.rate = 2048
