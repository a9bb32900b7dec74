start()
a, b = guests(2)
for n in range(3):
    time.sleep(0.1)
    with frozen():  # SIGSTOP, and SIGCONT at the end
        a.say(f"LINE-{n}")
        time.sleep(0.1)
    b.expects(f"LINE-{n}")
    talk(a, b)
