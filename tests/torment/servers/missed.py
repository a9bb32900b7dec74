"""A chat in one thread. The first argument is the port, the others are faults that show only after a backlog, in a crowd, or
now and then. Without faults it is healthy."""

import selectors, socket, sys, time
faults = sys.argv[2:]
QUEUE_MAX, LINE_MAX, READ = 1 << 20, 32 << 10, 4096
TABLE = next((int(fault.rpartition("-")[2]) for fault in faults if fault.startswith("table-")), None)
selector = selectors.DefaultSelector()
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(128)
listener.setblocking(False)
selector.register(listener, selectors.EVENT_READ)
clients, kept, numbers, said = {}, [], 0, 0
shared = bytearray(LINE_MAX + 1)
# Memory that the process has before it needs any, as a virtual machine has.
memory = bytearray(b"x" * ((64 << 20) if "unbounded-line" in faults else 0))
stored = 0

class Client:
    def __init__(self, sock, number):
        self.sock, self.number, self.inbox, self.outbox = sock, number, b"", bytearray()
        self.since, self.is_watched, self.is_stored = time.monotonic(), False, False

    def leave(self):
        if clients.pop(self.sock, None):
            selector.unregister(self.sock)
            self.sock.close()
            if "leaks" in faults:
                kept.append(b"x" * (64 << 10))

    def watch(self):
        if "forgets-the-rest" in faults:
            return
        wants = bool(self.outbox) or ("watches-writable" in faults and self.is_watched)
        if self.sock in clients and wants != self.is_watched:
            self.is_watched = wants
            selector.modify(self.sock, selectors.EVENT_READ | (selectors.EVENT_WRITE if wants else 0))

    def send(self, data):
        self.outbox += data
        self.flush()

    def flush(self):
        try:
            del self.outbox[:self.sock.send(self.outbox)]
        except BlockingIOError:
            pass
        except OSError:
            return self.leave()
        if len(self.outbox) > QUEUE_MAX and "unbounded-line" not in faults:
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
        if "unbounded-line" in faults and (self.is_stored or len(self.inbox) > LINE_MAX // 2):
            return self.store(data)
        *lines, self.inbox = (self.inbox + data).split(b"\n")
        if len(self.inbox) > LINE_MAX:
            return self.leave()
        for line in lines:
            self.say(line)

    def store(self, data):
        global stored
        time.sleep(0.0005)
        if not self.is_stored:
            data, self.is_stored, stored = self.inbox + data, True, 0
        memory[stored:stored + len(data)] = data
        stored += len(data)
        if b"\n" in data:
            *lines, self.inbox = bytes(memory[:stored]).split(b"\n")
            self.is_stored = False
            for line in lines:
                self.say(line)

    def say(self, line):
        global said
        said += 1
        name = b"<guest%d> " % self.number
        if "wrong-name" in faults and said % 20 == 0:
            name = b"<guest%d> " % (self.number + 1)
        if "no-name" in faults and said % 20 == 0:
            name = b""
        if "stale-buffer" in faults:  # One buffer for all, as C keeps it: a text ends at the first NUL, and nobody sets that.
            shared[:len(line)] = line
            line = bytes(shared).partition(b"\0")[0]
        for other in list(clients.values()):
            if other is not self:
                other.send(name + line + b"\n")

def accept():
    global numbers
    try:
        sock, _ = listener.accept()
    except BlockingIOError:
        return False
    except OSError:
        time.sleep(0.02)
        return False
    numbers += 1
    if TABLE and len(clients) >= TABLE:
        if "dies" in faults:
            sys.exit("*** stack smashing detected ***: terminated")
        if "deaf" in faults:  # It is accepted, and nobody watches it.
            kept.append(sock)
            return True
        sock.send(b"the room is full\n")
        sock.close()
        return True
    sock.setblocking(False)
    clients[sock] = Client(sock, numbers)
    selector.register(sock, selectors.EVENT_READ)
    return True

while True:
    for key, mask in selector.select(0.1 if "closes-active" in faults else None):
        if key.fileobj is listener:
            while accept():
                pass
            continue
        client = clients.get(key.fileobj)
        if client and mask & selectors.EVENT_WRITE:
            client.flush()
        if client and client.sock in clients and mask & selectors.EVENT_READ:
            client.read()
    for client in list(clients.values()):
        if "closes-active" in faults and time.monotonic() > client.since + 3:
            client.leave()
