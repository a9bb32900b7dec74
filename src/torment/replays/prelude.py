import socket, struct, sys, threading, time

PORT = int(sys.argv[1])
HOST = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"


class Client:
    count = 0

    def __init__(self, login=True):
        Client.count += 1
        self.socket = socket.create_connection((HOST, PORT), timeout=5)
        self.socket.settimeout(None)
        self.got = b""
        self.reads = True
        in_background(self.read)
        for line in LOGIN if login else []:
            self.send(line.replace("{n}", str(Client.count)).encode() + EOL)

    def read(self):
        while self.reads and (data := self.socket.recv(65536)):
            self.got = (self.got + data)[-(1 << 20):]

    def send(self, data):
        self.socket.sendall(data)

    def say(self, text):
        self.send(said(text))

    def hears(self, text, seconds=3):
        """Whether the text arrives in that time."""
        end = time.monotonic() + seconds
        while text.encode() not in self.got and time.monotonic() < end:
            time.sleep(0.01)
        return text.encode() in self.got

    def expects(self, text, seconds=3):
        check(self.hears(text, seconds), text, self.got[-200:])

    def reset(self):
        """Closes the connection with a RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def said(text):
    return SAY.replace("{line}", text).encode() + EOL


def check(is_right, expected, observed):
    print("ok  " if is_right else "FAIL", expected if is_right else f"{expected!r}; {observed!r}")
    if not is_right:
        sys.exit(1)


def join(first):
    """A client that has exchanged lines with the first one. A server may take its first line for a name."""
    client = Client()
    hello = f"hello{Client.count}"
    for _ in range(5):
        client.say(hello)
        if first.hears(hello, 0.5):
            first.say(f"to-{hello}")
            if client.hears(f"to-{hello}", 1):
                return client
    sys.exit("FAIL a new client cannot talk")


def guests(count):
    first = Client()
    time.sleep(0.1)
    return [first] + [join(first) for _ in range(count - 1)]


def in_background(call):
    def run():
        try:
            call()
        except OSError:
            pass
    threading.Thread(target=run, daemon=True).start()
