members = guests(5)
for n, leaver in enumerate([1, 4, 0, 2]):
    with frozen():
        members.pop(leaver).leave(is_reset=n % 2 == 0)
        for who, member in enumerate(members):
            member.send(b"".join(said(f"LINE-{n}{who}{line}.") for line in range(3)))
    for hearer, member in enumerate(members):
        for who in {0, 1, 2, 3} - {hearer}:
            for line in range(3):
                text = f"LINE-{n}{who}{line}."
                is_once = member.hears(text) and member.got.count(text.encode()) == 1
                is_once or check(False, f"{text} once", bytes(member.got[-400:]))
    print("ok   the others have each line once")
    members.append(join(members[0]))
