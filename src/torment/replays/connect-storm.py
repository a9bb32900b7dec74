a, b = guests(2)
for _ in range(10):
    visitors = [Client(login=False) for _ in range(20)]
    for n, visitor in enumerate(visitors):
        visitor.leave(is_reset=n % 2 == 0)
    talk(a, b)
join(a)
print("ok   a newcomer")
