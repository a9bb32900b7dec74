for n in range(60):
    a.send(said("is this printed?") * 25)
    a.say(f"LINE-{n}.")
    b.hears(f"LINE-{n}.") or check(False, f"LINE-{n}.", bytes(b.got[-200:]))
for _ in range(10):
    for visitor in [Client() for _ in range(20)]:
        visitor.leave()
    talk(a, b)
