"""A chat with a thread for each client. The first argument is the port, the others are faults."""

import signal, socket, sys, threading
faults = sys.argv[2:]
if "ignores-sigterm" in faults:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket()
if "address-in-use" not in faults:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
lock, clients = threading.Lock(), {}
def serve(client, name):
    try:
        for line in client.makefile("rb"):
            with lock:
                others = [other for other in clients if other is not client]
            for other in others:
                try:
                    other.sendall(b"<guest%d> %s" % (name, line))
                except OSError:
                    pass
    except OSError:
        pass
    with lock:
        del clients[client]
    client.close()
name = 0
while True:
    client, _ = listener.accept()
    name += 1
    with lock:
        clients[client] = name
    threading.Thread(target=serve, args=(client, name), daemon=True).start()
