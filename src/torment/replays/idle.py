start()
a, b = guests(2)
sleeps()
