start()
for _ in range(3):
    a, b, victim = guests(3)
    with frozen():  # All of this is one batch of events.
        a.say("LINE-A")
        newcomer = Client()
        victim.leave(is_reset=True)
    b.expects("LINE-A")
    check(acquainted(a, newcomer), "the newcomer stays and can talk", bytes(newcomer.got[-200:]))
    talk(a, b)
    for client in [a, b, newcomer]:
        client.leave()
