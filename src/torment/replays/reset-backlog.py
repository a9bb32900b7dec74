a, b = guests(2)
with frozen():
    for _ in range(2):
        Client(login=False).leave(is_reset=True)
talk(a, b)
join(a)
print("ok   a newcomer")
