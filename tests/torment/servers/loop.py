"""A chat in one thread. The first argument is the port, the others are faults. Without faults it is healthy."""

import ctypes, os, select, selectors, signal, socket, sys, time
faults = sys.argv[2:]
QUEUE_MAX, LINE_MAX, READ = 1 << 20, 32 << 10, 4096
selector = selectors.DefaultSelector()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ)
if "accept-not-retried" in faults:  # One event for all that wait, and no other.
    selector._selector.modify(listener.fileno(), select.EPOLLIN | select.EPOLLET)
if "sigpipe" in faults:
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
if "print-ends-server" in faults:
    os.set_blocking(1, False)
clients, seats, kept, said = {}, 0, [], 0

class Client:
    def __init__(self, sock, number):
        self.sock, self.number, self.inbox, self.outbox = sock, number, b"", bytearray()
        self.is_muted, self.since = False, time.monotonic()
        self.late = []

    def leave(self):
        if clients.pop(self.sock, None):
            selector.unregister(self.sock)
            self.sock.close()
            if "leaks" in faults:
                kept.append(b"x" * (1 << 19))

    def watch(self):
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self.outbox else 0)
        if self.sock in clients and selector.get_key(self.sock).events != events:
            selector.modify(self.sock, events)

    def send(self, data):
        if "dropped-when-full" in faults and self.outbox:
            return True
        self.outbox += data
        return self.flush()

    def flush(self):
        """Returns whether the connection lives."""
        try:
            del self.outbox[:self.sock.send(self.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            self.leave()
            return False
        if len(self.outbox) > QUEUE_MAX and "unbounded-queue" not in faults:
            self.leave()
        self.watch()
        return True

    def read(self):
        try:
            data = self.sock.recv(READ)
        except BlockingIOError:
            return
        except OSError:
            return self.leave()
        if not data:
            if "spins-at-the-end" in faults:
                return
            return self.leave()
        if "decodes-pieces" in faults:
            data = data.decode("utf-8", "replace").encode()
        if "trusts-input" in faults:
            data.decode()
        *lines, self.inbox = (self.inbox + data).split(b"\n")
        if "reorders" in faults and len(lines) > 2:
            lines[0], lines[1] = lines[1], lines[0]
        if len(self.inbox) > LINE_MAX:
            return self.leave()
        if "loses-at-the-end" in faults:  # They wait for more, and the end of file throws them away.
            self.late += lines
            self.since = time.monotonic()
        else:
            self.say(lines)

    def say(self, lines):
        global said
        for line in lines:
            if "mutes" in faults and len(line) > 1500:
                self.is_muted = True
            if self.is_muted:
                continue
            said += 1
            if "print-ends-server" in faults:
                try:
                    os.write(1, line + b"\n")
                except BlockingIOError:
                    pass
            if "loses" in faults and said % 100 == 0:
                continue
            text = b"<guest%d> %s\n" % (self.number, line)
            if "history" in faults:  # All lines stay in memory, which is no queue.
                kept.append(text)
            if "duplicates" in faults and said % 7 == 0:
                text += text
            for other in list(clients.values()):
                if other is not self and not other.send(text) and "error-ends-fan-out" in faults:
                    break

def accept():
    global seats
    try:
        sock, _ = listener.accept()
    except BlockingIOError:
        return False
    except OSError:
        if "descriptor-death" in faults:
            raise
        if "accept-not-retried" not in faults:
            time.sleep(0.02)
        return False
    seats += 1
    if "seats-not-freed" in faults and seats > 30:
        sock.close()
        return True
    if "blocking-handshake" in faults:
        try:
            sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return True
    sock.setblocking(False)
    selector.register(sock, selectors.EVENT_READ)
    clients[sock] = Client(sock, seats)
    return True

def events():
    if "interrupted-is-an-error" in faults:
        libc, room = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(64)
        if libc.epoll_wait(selector.fileno(), room, 1, -1) < 0:
            sys.exit(os.strerror(ctypes.get_errno()))
    patience = 0 if "busy-loop" in faults else 0.01 if any(client.late for client in clients.values()) else None
    return selector.select(patience)

def is_hung_up(sock):
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return poll.poll(0)

while True:
    for key, mask in events():
        if key.fileobj is listener:
            while accept():
                pass
            continue
        client = clients.get(key.fileobj)
        if client and mask & selectors.EVENT_WRITE:
            client.flush()
        if client and client.sock in clients and mask & selectors.EVENT_READ:
            if "hang-up-first" in faults and is_hung_up(client.sock):
                client.leave()
                continue
            client.read()
            while "unfair" in faults and client.sock in clients and select.select([client.sock], [], [], 0.002)[0]:
                client.read()
    for client in list(clients.values()):
        if client.late and time.monotonic() > client.since + 0.01:
            lines, client.late = client.late, []
            client.say(lines)
