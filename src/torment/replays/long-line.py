a, b = guests(2)
for length in [100, 1000, 5000, 20_000]:
    c = join(a)
    c.say("x" * length)
    a.say(f"after-{length}")
    b.expects(f"after-{length}")
    print("  the long line arrives" if b.hears("x" * length, 0.5) else "  the long line is refused")
    c.socket.close()
