clients = []
with frozen():
    for _ in range(6):
        in_background(lambda: clients.append(Client()))
    time.sleep(0.3)
while len(clients) < 6:
    time.sleep(0.01)
first, *others = clients
for client in others:
    check(acquainted(first, client), "it can talk with the first one", bytes(client.got))
