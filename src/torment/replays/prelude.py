import atexit, contextlib, os, pathlib, signal, socket, struct, subprocess, sys, threading, time

PORT, *REST = sys.argv[1:] or sys.exit(__doc__)
PORT, COMMAND = int(PORT), REST[1:] if REST[:1] == ["--"] else []
HOST = REST[0] if REST and not COMMAND else "127.0.0.1"
server = None


class Client:
    count = 0

    def __init__(self, login=True, narrow=False, reads=True):
        if COMMAND and not server:
            start()
        Client.count += 1
        self.number = Client.count
        self.got, self.keep, self.total, self.rate, self.is_open = bytearray(), 1 << 20, 0, None, True
        self.awaited, self.has_come = b"", threading.Event()
        self.socket = socket.socket(socket.AF_INET6 if ":" in HOST else socket.AF_INET)
        if narrow:  # The kernel holds less for this client.
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 10)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1400)
        self.socket.settimeout(5)
        try:
            self.socket.connect((HOST, PORT))
        except OSError as error:
            check(False, "a client can connect", error)
        self.socket.settimeout(None)
        self.reader = in_background(self.read) if reads else None
        for line in LOGIN if login else []:
            self.send(line.replace("{n}", str(self.number)).encode() + EOL)

    def read(self):
        """Reads `rate` bytes a second, or all if it is None."""
        while self.rate == 0:
            time.sleep(0.02)
        while data := self.socket.recv(65536 if self.rate is None else self.rate // 50 + 1):
            self.total += len(data)
            self.got += data
            # It is looked for here: in a flood it is soon dropped again.
            if self.awaited in self.got[-len(data) - len(self.awaited):]:
                self.has_come.set()
            del self.got[:-self.keep]
            while self.rate == 0:
                time.sleep(0.02)
            if self.rate:
                time.sleep(len(data) / self.rate)
        self.is_open = False

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            self.is_open = False

    def say(self, text):
        self.send(said(text))

    def floods(self, data, seconds):
        """Sends this again and again for some time, in the background."""
        end = time.monotonic() + seconds

        def flood():
            while self.is_open and time.monotonic() < end:
                self.send(data)
        return in_background(flood)

    def hears(self, text, seconds=3):
        """Whether the text arrives in that time."""
        end, self.awaited = time.monotonic() + seconds, text.encode()
        self.has_come.clear()
        if self.awaited in self.got:
            return True
        while not self.has_come.wait(0.02) and self.is_open and time.monotonic() < end:
            pass
        return self.has_come.is_set()

    def expects(self, text, seconds=3):
        check(self.hears(text, seconds), text, bytes(self.got[-200:]))

    def leave(self, is_reset=False):
        with contextlib.suppress(OSError):  # The server may have closed it.
            self.socket.shutdown(socket.SHUT_RD)
        if self.reader:  # A recv that waits would keep the connection open.
            self.reader.join(1)
        if is_reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def said(text):
    return SAY.replace("{line}", text).encode() + EOL


def check(is_right, expected, observed):
    print("ok  " if is_right else "FAIL", expected)
    if not is_right:
        print("     seen instead:", observed)
        if server and server.poll() is not None:
            print("     the server has ended with status", server.returncode)
        sys.exit(1)


def acquainted(first, client):
    """Whether two clients can exchange lines. A server may take a client's first line for a name."""
    hello = f"hello{client.number}"
    for seconds in [0.05, 0.3, 0.5, 1, 1]:
        client.say(hello)
        is_heard = first.hears(hello, seconds)
        first.say(f"to-{hello}")
        if is_heard and client.hears(f"to-{hello}", seconds):
            return True
        if not client.is_open:
            break
    return False


def join(first, narrow=False):
    client = Client(narrow=narrow)
    if not acquainted(first, client):
        check(False, "a new client can talk", bytes(client.got[-200:]))
    return client


def guests(count):
    first = Client()
    time.sleep(0.1)
    return [first] + [join(first) for _ in range(count - 1)]


def talk(a, b, seconds=0, limit=3, usual=0.3):
    """Two clients talk for some time. Each line must arrive within the limit, and half of them within the usual time."""
    begin, times = time.monotonic(), []
    while not times or time.monotonic() < begin + seconds:
        for talker, hearer in [(a, b), (b, a)]:
            at, text = time.monotonic(), f"talk-{time.monotonic_ns()}."
            talker.say(text)
            if not hearer.hears(text, limit):
                check(False, f"a line within {limit} s", bytes(hearer.got[-200:]))
            times.append(time.monotonic() - at)
        time.sleep(min(seconds, 0.03))
    median = sorted(times)[len(times) // 2]
    summary = f"{len(times)} lines, half of them within {median * 1000:.0f} ms, the slowest within {max(times) * 1000:.0f} ms"
    check(seconds == 0 or median < usual, summary, "too slow")


def in_background(call):
    def run():
        with contextlib.suppress(OSError):
            call()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def start(stdout=subprocess.DEVNULL):
    """Starts the server, and waits until it listens."""
    global server
    if not COMMAND:
        sys.exit(__doc__)
    server = subprocess.Popen(COMMAND, stdin=subprocess.DEVNULL, stdout=stdout, start_new_session=True)
    atexit.register(lambda pid=server.pid: tell(signal.SIGKILL, pid))
    end = time.monotonic() + 8
    while True:
        try:
            socket.create_connection((HOST, PORT)).close()
            return time.sleep(0.1)  # It may take a moment to see that this one is gone.
        except OSError as error:
            if server.poll() is not None or time.monotonic() > end:
                check(False, "the server listens", error)
            time.sleep(0.02)


def tell(signal_number, pid=None):
    """Sends a signal to the server and the processes that it has started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid or server.pid, signal_number)


@contextlib.contextmanager
def frozen():
    """If the server was started here, it is stopped meanwhile: then all that happens comes to it at once."""
    if COMMAND and not server:
        start()
    if server:
        tell(signal.SIGSTOP)
        time.sleep(0.05)
    yield
    if server:
        tell(signal.SIGCONT)


def processes():
    """What /proc says of the server's processes, by PID: the fields of `stat` from the third on."""
    stats = {}
    for file in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = file.read_text().rpartition(")")[2].split()
            if server and int(fields[2]) == server.pid:
                stats[int(file.parent.name)] = fields
    return stats


def memory():
    """Of the server. MiB."""
    return sum(int(fields[21]) for fields in processes().values()) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def sleeps():
    """Checks that the server, if it was started here, uses no processor time while nothing happens."""
    if not server:
        return
    def ticks():
        return sum(int(fields[11]) + int(fields[12]) for fields in processes().values())
    shares = []
    for _ in range(3):
        before, at = ticks(), time.monotonic()
        time.sleep(0.3)
        shares.append((ticks() - before) / os.sysconf("SC_CLK_TCK") / (time.monotonic() - at))
    check(min(shares) < 0.15, "the server sleeps", f"it uses {min(shares):.0%} of a processor")


signal.signal(signal.SIGALRM, lambda *_: check(False, "an end within 20 s", "a send or a start that waits"))
signal.alarm(20)
