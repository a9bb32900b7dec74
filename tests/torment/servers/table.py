"""A healthy chat on poll(2) with a table of a fixed size, as in C. The only argument is the port."""

import ctypes, os, socket, sys, time

SEATS, LINE_MAX, QUEUE_MAX, READ = 64, 32 << 10, 1 << 20, 4096
POLLIN, POLLOUT = 1, 4


class Entry(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int), ("events", ctypes.c_short), ("revents", ctypes.c_short)]


libc = ctypes.CDLL(None, use_errno=True)
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
listener.setblocking(False)
# The first entry is the listener's. poll skips the entries with -1.
table = (Entry * (1 + SEATS))(*[Entry(-1, 0, 0)] * (1 + SEATS))
socks, inboxes, outboxes = {}, {}, {}


def leave(seat):
    socks.pop(seat).close()
    table[seat].fd = -1


def send(seat, text):
    outboxes[seat] += text
    try:
        del outboxes[seat][:socks[seat].send(outboxes[seat])]
    except BlockingIOError:
        pass
    except OSError:
        return leave(seat)
    if len(outboxes[seat]) > QUEUE_MAX:
        return leave(seat)
    table[seat].events = POLLIN | (POLLOUT if outboxes[seat] else 0)


def read(seat):
    try:
        data = socks[seat].recv(READ)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    *lines, inboxes[seat] = (inboxes[seat] + data).split(b"\n")
    for line in lines:
        for other in list(socks):
            if other != seat:
                send(other, b"%d> %s\n" % (seat, line))
    if seat in socks and (not data or len(inboxes[seat]) > LINE_MAX):
        leave(seat)


def accept():
    """Returns for how long the listener rests."""
    try:
        sock, _ = listener.accept()
    except BlockingIOError:
        return 0
    except OSError:
        return 0.05
    sock.setblocking(False)
    seat = next((seat for seat in range(1, 1 + SEATS) if table[seat].fd == -1), None)
    if seat is None:
        sock.send(b"-- the room is full\n")
        sock.close()
        return 0
    socks[seat], inboxes[seat], outboxes[seat] = sock, b"", bytearray()
    table[seat].fd, table[seat].events, table[seat].revents = sock.fileno(), POLLIN, 0
    return 0


rests_until = 0
while True:
    rests = max(0, rests_until - time.monotonic())
    table[0] = Entry(-1 if rests else listener.fileno(), POLLIN, 0)
    if libc.poll(table, 1 + SEATS, int(rests * 1000) + 1 if rests else -1) < 0:
        sys.exit(os.strerror(ctypes.get_errno()))
    for seat in list(socks):
        if seat in socks and table[seat].revents & POLLOUT:
            send(seat, b"")
        if seat in socks and table[seat].revents & ~POLLOUT:
            read(seat)
    if table[0].revents:
        rests_until = time.monotonic() + accept()
