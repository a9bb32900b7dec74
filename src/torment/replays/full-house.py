members, outside = guests(2), None
while len(members) < 32 and not outside:
    newcomer = Client()
    if acquainted(members[0], newcomer):
        members.append(newcomer)
    else:
        outside = newcomer
print(f"  {len(members)} are in;", "the next one waits" if outside and outside.is_open else "the next one is closed")
talk(*members[:2])
if outside and outside.is_open:
    members.pop().leave()
    check(acquainted(members[0], outside), "who waited gets the free seat", "it still waits")
for _ in range(3 if outside else 0):
    members.pop().leave()
    time.sleep(0.2)
    members.append(join(members[0]))
    print("ok   a seat that became free is used again")
