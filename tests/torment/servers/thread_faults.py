"""Chats of threads with one fault each. The arguments are the port and a fault: `lock-order` is LockOrder."""

from threads import *

# The threads take turns often, as they do on many processors.
sys.setswitchinterval(1e-4)


class SharedUnguarded(Chat):
    """Clients come and go while others iterate over the set."""

    def add(self, client):
        self.clients.add(client)

    def remove(self, client):
        self.clients.discard(client)

    def relay(self, text, sender):
        with self.lock:
            for client in self.clients:
                if client is not sender:
                    self.send(client, text)


class NoOneOrder(Chat):
    """The lock guards the set, and not the order."""

    def relay(self, text, sender):
        with self.lock:
            clients = list(self.clients)
        for client in clients:
            if client is not sender:
                self.send(client, text)


class InterleavedWrites(NoOneOrder):
    """If nothing is pending, whoever has read writes at once, and a long text in two parts."""

    class client(Client):
        def write(self):
            while (text := self.queue.get()) is not None:
                try:
                    self.sock.sendall(text)
                except OSError:
                    return
                self.queue.task_done()

    def send(self, client, text):
        for part in [text[:64], text[64:]]:
            if not client.queue.unfinished_tasks:
                try:
                    part = part[client.sock.send(part, socket.MSG_DONTWAIT):]
                except BlockingIOError:
                    pass
                except OSError:
                    return
            if part:
                super().send(client, part)


class LockOrder(Chat):
    """A relay takes its client's lock first, and then those of the others."""

    class client(Client):
        def __init__(self, sock, number):
            super().__init__(sock, number)
            self.lock = threading.Lock()

    def relay(self, text, sender):
        with sender.lock:
            with self.lock:
                clients = list(self.clients)
            for client in clients:
                if client is not sender:
                    with client.lock:
                        self.send(client, text)


name = "".join(word.title() for word in sys.argv[2].split("-"))
globals()[name]().run(int(sys.argv[1]))
