"""A healthy chat in one thread, in steps that `habits.py` and `faults.py` replace. The first argument is the port."""

import selectors, socket, sys, time

QUEUE_MAX, LINE_MAX, READ = 1 << 20, 32 << 10, 4096


class Client:
    def __init__(self, chat, sock, number):
        self.chat, self.sock, self.number, self.name = chat, sock, number, b"guest%d" % number
        self.inbox, self.outbox, self.watched, self.is_gone = b"", bytearray(), 0, False

    def events(self):
        return selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outbox else 0)

    def watch(self):
        events = 0 if self.is_gone else self.events()
        if events == self.watched:
            return
        if self.watched:
            self.chat.selector.unregister(self.sock)
        if events:
            self.chat.selector.register(self.sock, events, self)
        self.watched = events

    def leave(self):
        if not self.is_gone:
            self.is_gone = True
            self.chat.clients.remove(self)
            self.watch()
            self.sock.close()

    def serve(self, mask):
        if mask & selectors.EVENT_WRITE:
            self.flush()
        if mask & selectors.EVENT_READ and not self.is_gone:
            self.read()

    def read(self):
        try:
            data = self.sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.receive(data)
        else:
            self.end()

    def end(self):
        """It sends no more."""
        self.leave()

    def receive(self, data):
        *lines, self.inbox = (self.inbox + data).split(b"\n")
        self.take(lines)
        if len(self.inbox) > LINE_MAX:
            self.leave()

    def take(self, lines):
        for line in lines:
            self.say(line)

    def say(self, line):
        self.chat.tell(b"<%s> %s\n" % (self.name, line), self)

    def send(self, text):
        if len(self.outbox) > QUEUE_MAX:
            return self.leave()
        self.outbox += text
        self.flush()

    def flush(self):
        try:
            del self.outbox[:self.sock.send(self.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            return self.leave()
        self.watch()


class Chat:
    client = Client

    def __init__(self, port):
        self.clients, self.count = [], 0
        self.selector, self.listener = selectors.DefaultSelector(), self.listen(port)
        self.listener.setblocking(False)
        self.selector.register(self.listener, selectors.EVENT_READ, self)

    def listen(self, port):
        return socket.create_server(("127.0.0.1", port), backlog=128)

    def run(self):
        while True:
            self.turn()

    def turn(self):
        for key, mask in self.wait():
            # It may have left since the selector looked.
            if key.data is self or not key.data.is_gone:
                key.data.serve(mask)

    def wait(self):
        return self.selector.select(self.timeout())

    def timeout(self):
        return None

    def serve(self, _mask):
        while self.accept():
            pass

    def accept(self):
        """Returns whether there may be more."""
        try:
            sock, _ = self.listener.accept()
        except BlockingIOError:
            return False
        except OSError as error:
            return self.cannot_accept(error)
        self.count += 1
        self.let_in(sock)
        return True

    def cannot_accept(self, _error):
        # No descriptors: it looks again soon, and does not spin.
        time.sleep(0.02)
        return False

    def let_in(self, sock):
        sock.setblocking(False)
        client = self.client(self, sock, self.count)
        self.clients.append(client)
        client.watch()
        return client

    def tell(self, text, sender):
        for client in list(self.clients):
            if client is not sender:
                client.send(text)


def run(variants):
    """Serves with what the second argument names: a class of chats or of clients."""
    name = "".join(word.title() for word in sys.argv[2].split("-"))
    variant = variants[name]
    if issubclass(variant, Client):
        variant = type(name, (Chat,), {"client": variant})
    variant(int(sys.argv[1])).run()


if __name__ == "__main__":
    Chat(int(sys.argv[1])).run()
