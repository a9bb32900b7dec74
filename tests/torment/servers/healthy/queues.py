"""A healthy chat with two threads and a queue for each client. The only argument is the port."""

import queue, socket, sys, threading, time

LINE_MAX, QUEUE_MAX, READ, PATIENCE = 32 << 10, 2000, 4096, 0.5
lock, queues = threading.Lock(), {}


def write(sock, mine):
    while (text := mine.get()) is not None:
        try:
            sock.sendall(text)
        except OSError:
            return


def relay(text, mine):
    # One order for all. Nobody waits here, because the room for the line was waited for.
    with lock:
        for other, sock in list(queues.items()):
            if other is mine:
                continue
            try:
                other.put_nowait(text)
            except queue.Full:
                sock.shutdown(socket.SHUT_RDWR)
                del queues[other]


def wait_for_room():
    """Whoever sends waits for the slowest reader, but not for one that does not read."""
    until = time.monotonic() + PATIENCE
    while any(other.qsize() > QUEUE_MAX / 2 for other in list(queues)):
        if time.monotonic() > until:
            with lock:
                for other in [other for other in queues if other.qsize() > QUEUE_MAX / 2]:
                    queues.pop(other).shutdown(socket.SHUT_RDWR)
        time.sleep(0.001)


def read(sock, mine, number):
    inbox = b""
    while len(inbox) < LINE_MAX and (data := sock.recv(READ)):
        *lines, inbox = (inbox + data).split(b"\n")
        for line in lines:
            relay(b"%d: %s\n" % (number, line), mine)
        if len(lines) > 1:
            wait_for_room()


def serve(sock, number):
    mine = queue.Queue(QUEUE_MAX)
    with lock:
        queues[mine] = sock
    writer = threading.Thread(target=write, args=(sock, mine), daemon=True)
    writer.start()
    try:
        read(sock, mine, number)
    except OSError:
        pass
    with lock:
        queues.pop(mine, None)
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
    while mine.full():
        mine.get_nowait()
    mine.put_nowait(None)
    writer.join()
    sock.close()


number = 0
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=128)
while True:
    try:
        sock, _ = listener.accept()
    except OSError:
        time.sleep(0.05)
        continue
    number += 1
    threading.Thread(target=serve, args=(sock, number), daemon=True).start()
