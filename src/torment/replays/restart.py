start()
clients = guests(3)
tell(signal.SIGTERM)
try:
    server.wait(4)
except subprocess.TimeoutExpired:
    tell(signal.SIGKILL)
    server.wait()
time.sleep(0.3)
for client in clients:  # The server closed first, so its side is in TIME_WAIT now.
    client.leave()
start()
print("ok   it listens again")
talk(*guests(2))
