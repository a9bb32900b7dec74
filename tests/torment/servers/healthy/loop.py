"""A healthy chat in one thread. The first argument is the port, the others are its habits."""

import collections, queue, selectors, socket, sys, threading, time

habits = sys.argv[2:]
QUEUE_MAX, LINE_MAX, READ, WIDTH, NAME_MAX = 1 << 20, 32 << 10, 4096, 64, 12
PAUSE = 0.02  # Between two reads of one client, if it delays.
if "starts-slowly" in habits:
    time.sleep(2)
selector = selectors.DefaultSelector()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ)
clients, paused, history = {}, {}, collections.deque(maxlen=20)
transcript = queue.Queue(1000)


def print_transcript():
    # A thread of its own, because a print may wait for whoever reads it.
    while True:
        try:
            print(transcript.get(), flush=True)
        except OSError:
            pass


class Client:
    def __init__(self, sock, number):
        self.sock, self.name, self.inbox, self.outbox = sock, b"guest%d" % number, b"", bytearray()
        self.is_in = not {"prompts", "login"} & set(habits)

    def leave(self):
        if clients.pop(self.sock, None):
            paused.pop(self, None)
            if self.sock in selector.get_map():
                selector.unregister(self.sock)
            self.sock.close()

    def watch(self):
        events = (0 if self in paused else selectors.EVENT_READ) | (selectors.EVENT_WRITE if self.outbox else 0)
        if self.sock not in clients:
            return
        # A selector takes no socket without events.
        is_known = self.sock in selector.get_map()
        if is_known and not events:
            selector.unregister(self.sock)
        elif not is_known and events:
            selector.register(self.sock, events)
        elif is_known:
            selector.modify(self.sock, events)

    def send(self, data):
        self.outbox += data
        if len(self.outbox) > QUEUE_MAX:
            return self.leave()
        self.flush()

    def flush(self):
        try:
            del self.outbox[:self.sock.send(self.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            return self.leave()
        self.watch()

    def read(self):
        try:
            data = self.sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            return self.leave()
        *lines, self.inbox = (self.inbox + data).split(b"\n")
        for line in lines:
            if self.sock in clients:
                self.take(line.rstrip(b"\r"))
        if len(self.inbox) > LINE_MAX:
            return self.leave()
        if "delays" in habits:
            paused[self] = time.monotonic() + PAUSE
            self.watch()

    def take(self, line):
        if not self.is_in:
            return self.let_in(line)
        if "refuses" in habits and len(line) > WIDTH:
            return self.send(b"-- a line has at most %d bytes\n" % WIDTH)
        if "cuts" in habits:
            line = line[:WIDTH]
        pieces = [line]
        if "wraps" in habits:
            pieces = [line[at:at + WIDTH] for at in range(0, len(line), WIDTH)]
        for piece in pieces:
            text = b"<%s> %s\n" % (self.name, piece)
            if "history" in habits:
                history.append(text)
            tell(text, None if "echoes" in habits else self)

    def let_in(self, line):
        if "login" in habits:
            word, _, name = line.partition(b" ")
        else:
            word, name = b"login", line[:NAME_MAX]
        if word != b"login" or not name or any(other.name == name for other in clients.values()):
            return self.send(b"-- try again: ")
        self.name, self.is_in = name, True
        self.send(b"-- welcome, %s\n" % name)
        tell(b"-- %s is here\n" % name, self)


def tell(text, but):
    if "prints" in habits and not transcript.full():
        transcript.put(text.decode("utf-8", "replace").rstrip())
    for other in list(clients.values()):
        if other is not but and other.is_in:
            other.send(text)


def accept(number):
    try:
        sock, _ = listener.accept()
    except BlockingIOError:
        return False
    except OSError:
        time.sleep(0.05)  # No descriptors: it looks again soon, and does not spin.
        return False
    sock.setblocking(False)
    clients[sock] = client = Client(sock, number)
    selector.register(sock, selectors.EVENT_READ)
    if not client.is_in:
        client.send(b"Name: ")
    for text in list(history):
        client.send(text)
    return True


if "prints" in habits:
    threading.Thread(target=print_transcript, daemon=True).start()
number = 0
while True:
    now = time.monotonic()
    for client in [client for client, until in paused.items() if until <= now]:
        del paused[client]
        client.watch()
    for key, mask in selector.select(max(0, min(paused.values()) - now) if paused else None):
        if key.fileobj is listener:
            number += accept(number)
            continue
        client = clients.get(key.fileobj)
        if client and mask & selectors.EVENT_WRITE:
            client.flush()
        if client and client.sock in clients and mask & selectors.EVENT_READ:
            client.read()
