"""Healthy chats with habits that look like faults. The arguments are the port and a habit: `starts-slowly` is StartsSlowly."""

import collections, queue, threading, time
from event_loop import *

WIDTH, NAME_MAX = 64, 12


class StartsSlowly(Chat):
    def listen(self, port):
        time.sleep(2)
        return super().listen(port)


class Echoes(Client):
    def say(self, line):
        self.chat.tell(b"<%s> %s\n" % (self.name, line), None)


class Cuts(Client):
    def say(self, line):
        super().say(line[:WIDTH])


class Wraps(Client):
    def say(self, line):
        for at in range(0, len(line), WIDTH):
            super().say(line[at:at + WIDTH])


class Refuses(Client):
    def say(self, line):
        if len(line) > WIDTH:
            return self.send(b"-- a line has at most %d bytes\n" % WIDTH)
        super().say(line)


class Delays(Chat):
    """It reads from each client once in 20 ms."""

    class client(Client):
        reads_at = 0

        def events(self):
            return super().events() & ~(selectors.EVENT_READ if self.reads_at else 0)

        def receive(self, data):
            super().receive(data)
            self.reads_at = time.monotonic() + 0.02
            self.watch()

    def timeout(self):
        times = [client.reads_at for client in self.clients if client.reads_at]
        return max(0, min(times) - time.monotonic()) if times else None

    def turn(self):
        super().turn()
        for client in self.clients:
            if client.reads_at and client.reads_at <= time.monotonic():
                client.reads_at = 0
                client.watch()


class Prints(Chat):
    """It prints in a thread of its own, because a print may wait for whoever reads it."""

    def __init__(self, port):
        super().__init__(port)
        self.transcript = queue.Queue(1000)
        threading.Thread(target=self.print_all, daemon=True).start()

    def print_all(self):
        while True:
            try:
                print(self.transcript.get(), flush=True)
            except OSError:
                pass

    def tell(self, text, sender):
        if not self.transcript.full():
            self.transcript.put(text.decode("utf-8", "replace").rstrip())
        super().tell(text, sender)


class History(Chat):
    """Newcomers read the last lines."""

    def __init__(self, port):
        super().__init__(port)
        self.lines = collections.deque(maxlen=20)

    def let_in(self, sock):
        client = super().let_in(sock)
        for text in list(self.lines):
            client.send(text)

    def tell(self, text, sender):
        self.lines.append(text)
        super().tell(text, sender)


class Remembers(Chat):
    """All lines stay in memory, which is no queue."""

    def __init__(self, port):
        super().__init__(port)
        self.lines = []

    def tell(self, text, sender):
        self.lines.append(text)
        super().tell(text, sender)


class Prompts(Chat):
    """The first line is a name."""

    class client(Client):
        is_in = False

        def say(self, line):
            if self.is_in:
                return super().say(line)
            name = self.name_in(line.rstrip(b"\r"))
            if not name or any(client.name == name for client in self.chat.clients):
                return self.send(b"-- try again: ")
            self.name, self.is_in = name, True
            self.send(b"-- welcome, %s\n" % name)
            self.chat.tell(b"-- %s is here\n" % name, self)

        def name_in(self, line):
            return line[:NAME_MAX]

    def let_in(self, sock):
        super().let_in(sock).send(b"Name: ")

    def tell(self, text, sender):
        for client in list(self.clients):
            if client is not sender and client.is_in:
                client.send(text)


class Login(Prompts):
    class client(Prompts.client):
        def name_in(self, line):
            word, _, name = line.partition(b" ")
            return name if word == b"login" else None


run(globals())
