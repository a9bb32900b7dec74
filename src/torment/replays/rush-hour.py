a, b, c = guests(3)
end = time.monotonic() + 2


def visit():
    while time.monotonic() < end:
        visitor = Client()
        visitor.say("hello")
        time.sleep(0.002)
        visitor.leave(is_reset=Client.count % 3 == 0)


visits = [in_background(visit) for _ in range(3)]
talk(a, b, 1)
talk(b, c, 1)
check(a.is_open and b.is_open and c.is_open, "those who stay are connected", "one of them was closed")
