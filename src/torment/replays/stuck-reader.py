a, b, c, stuck = guests(4)
stuck.reads = False
in_background(lambda: [a.send(said("flood " * 40)) for _ in range(1_000_000)])
for second in range(6):
    b.say(f"LINE-{second}")
    c.expects(f"LINE-{second}", 5)
    time.sleep(1)
