"""A chat that asks for a login. The first argument is the port, the second says how it asks."""

import socket, sys, threading

kind = sys.argv[2]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
lock, clients = threading.Lock(), set()


def asked(client, question):
    """The answer to a question. What was typed ahead is thrown away."""
    client.sendall(question)
    return client.recv(1024).split(b"\n")[0]


def let_in(client, lines):
    match kind:
        case "nick":  # The first line must be NICK and a name.
            word, _, name = next(lines, b"").strip().partition(b" ")
            if word == b"NICK" and name[:1].isalpha():
                client.sendall(b"welcome " + name + b"\n")
                return True
            client.sendall(b"ERR bad nick\n")
        case "asks":
            return asked(client, b"Name: ") != b"" and asked(client, b"Password: ") == b"secret"
        case "swallows":  # It asks nothing, and one read is the name.
            return client.recv(1024).startswith(b"n")
    return False


def serve(client):
    try:
        lines = client.makefile("rb") if kind == "nick" else iter(lambda: client.recv(65536), b"")
        lines = iter(lines)
        if let_in(client, lines):
            with lock:
                clients.add(client)
            for line in client.makefile("rb") if kind != "nick" else lines:
                with lock:
                    others = [other for other in clients if other is not client]
                for other in others:
                    try:
                        other.sendall(line)
                    except OSError:
                        pass
    except OSError:
        pass
    with lock:
        clients.discard(client)
    client.close()


while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
