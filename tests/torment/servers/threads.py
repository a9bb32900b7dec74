"""A chat with a thread for each client, and one lock. The first argument is the port, the others are faults."""

import contextlib, signal, socket, sys, threading
faults = sys.argv[2:]
if "ignores-sigterm" in faults:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket()
if "address-in-use" not in faults:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
clients, everything, nothing = {}, threading.RLock(), contextlib.nullcontext()
is_shared = "shared-unguarded" in faults
registry = nothing if is_shared else everything
# What is locked for a whole fan-out decides whether all clients see one order.
fan_out = everything if not any(f in faults for f in ["no-one-order", "interleaved-writes", "shared-unguarded", "lock-order"]) else nothing
def relay(client, name, line):
    # Its own lock first, and then those of the others.
    with clients[client] if "lock-order" in faults else fan_out:
        with registry:
            others = clients if is_shared else list(clients)
        for other in others:
            if other is client:
                continue
            with nothing if "interleaved-writes" in faults else clients.get(other) or nothing:
                try:
                    text = b"<guest%d> %s" % (name, line)
                    for part in [text[:40], text[40:]] if "interleaved-writes" in faults else [text]:
                        other.sendall(part)
                except OSError:
                    pass
def serve(client, name):
    try:
        for line in client.makefile("rb"):
            relay(client, name, line)
    except OSError:
        pass
    finally:
        with registry:
            del clients[client]
        client.close()
name = 0
while True:
    client, _ = listener.accept()
    name += 1
    with registry:
        clients[client] = threading.Lock()
    threading.Thread(target=serve, args=(client, name), daemon=True).start()
