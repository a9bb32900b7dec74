"""A healthy chat with two threads and a queue for each client, in steps that `thread_faults.py` replaces. The first argument
is the port."""

import queue, socket, sys, threading, time

LINE_MAX, QUEUE_MAX, READ, PATIENCE = 32 << 10, 2000, 4096, 0.5


class Client:
    def __init__(self, sock, number):
        self.sock, self.name = sock, b"guest%d" % number
        self.queue = queue.Queue(QUEUE_MAX)

    def write(self):
        while (text := self.queue.get()) is not None:
            try:
                self.sock.sendall(text)
            except OSError:
                return

    def is_behind(self):
        return self.queue.qsize() > QUEUE_MAX / 2

    def shut_down(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def end(self, writer):
        self.shut_down()
        while self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(None)
        writer.join()
        self.sock.close()


class Chat:
    client = Client

    def __init__(self):
        # Whoever holds the lock may use the set of clients.
        self.lock, self.clients = threading.Lock(), set()

    def run(self, port):
        number, listener = 0, socket.create_server(("127.0.0.1", port), backlog=128)
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                time.sleep(0.05)
                continue
            number += 1
            client = self.client(sock, number)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.add(client)
        writer = threading.Thread(target=client.write, daemon=True)
        writer.start()
        try:
            self.read(client)
        except OSError:
            pass
        finally:
            self.remove(client)
            client.end(writer)

    def add(self, client):
        with self.lock:
            self.clients.add(client)

    def remove(self, client):
        with self.lock:
            self.clients.discard(client)

    def read(self, client):
        inbox = b""
        while len(inbox) < LINE_MAX and (data := client.sock.recv(READ)):
            *lines, inbox = (inbox + data).split(b"\n")
            for line in lines:
                self.relay(b"<%s> %s\n" % (client.name, line), client)
            if len(lines) > 1:
                self.wait_for_room()

    def relay(self, text, sender):
        # One order for all. Nobody waits here, because the room for the line was waited for.
        with self.lock:
            for client in list(self.clients):
                if client is not sender:
                    self.send(client, text)

    def send(self, client, text):
        try:
            client.queue.put_nowait(text)
        except queue.Full:
            client.shut_down()
            self.clients.discard(client)

    def wait_for_room(self):
        """Whoever sends waits for the slowest reader, but not for one that does not read."""
        until = time.monotonic() + PATIENCE
        while behind := self.those_behind():
            if time.monotonic() > until:
                for client in behind:
                    client.shut_down()
                    self.remove(client)
            time.sleep(0.001)

    def those_behind(self):
        with self.lock:
            return [client for client in self.clients if client.is_behind()]


if __name__ == "__main__":
    Chat().run(int(sys.argv[1]))
