import resource

start()
a, b = guests(2)
# poll(2) fails if the limit is below the number of its entries, which a server may have for 64 clients from the beginning.
others = [Client(reads=False) for _ in range(66)]
time.sleep(0.3)
for pid in processes():
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    limits = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    first_free = min(set(range(len(used) + 1)) - used)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (first_free, limits[1]))
waiting = [Client() for _ in range(3)]
time.sleep(0.2)
talk(a, b)
sleeps()
for pid in processes():
    resource.prlimit(pid, resource.RLIMIT_NOFILE, limits)
for other in others:
    other.leave()
time.sleep(0.5)
for client in waiting:
    check(acquainted(a, client) or not client.is_open, "those who waited are let in or closed", "one still waits")
    client.leave()
time.sleep(0.2)
join(a)
print("ok   a newcomer")
