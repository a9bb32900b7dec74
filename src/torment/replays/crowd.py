import resource

if COMMAND:
    start()  # With the old limit.
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 4096), most))
a, b = guests(2)
silent, end = [], time.monotonic() + 10
while len(silent) < 1100 and time.monotonic() < end:
    silent += [Client(reads=False) for _ in range(9)]
    newest = Client()
    if not acquainted(a, newest):
        if newest.is_open:  # It may wait for a seat.
            for client in silent[-20:]:
                client.leave()
            check(acquainted(a, newest), "a newcomer can talk, or waits for a seat", f"it is not served, with {len(silent)} others")
        break
    newest.leave()
print(f"  {len(silent)} clients, or as many as the server lets in")
talk(a, b)
