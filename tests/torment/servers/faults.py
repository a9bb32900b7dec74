"""Chats with one fault each. The arguments are the port and a fault: `busy-loop` is BusyLoop."""

import ctypes, itertools, os, select, signal
from event_loop import *


class BusyLoop(Chat):
    def timeout(self):
        return 0


class TrustsInput(Client):
    def receive(self, data):
        data.decode()
        super().receive(data)


class SpinsAfterGarbage(Chat):
    wakes = None

    def timeout(self):
        return self.wakes

    class client(Client):
        def say(self, line):
            if b"\0" in line:
                self.chat.wakes = 0
            super().say(line)


class BlockingHandshake(Chat):
    def let_in(self, sock):
        try:
            sock.recv(1, socket.MSG_PEEK)
        except OSError:
            return
        super().let_in(sock)


class Sigpipe(Chat):
    def __init__(self, port):
        # Python ignores it otherwise.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        super().__init__(port)


class ErrorEndsFanOut(Chat):
    def tell(self, text, sender):
        for client in list(self.clients):
            if client is not sender:
                client.send(text)
                if client.is_gone:
                    break


class DroppedWhenFull(Client):
    def send(self, text):
        if not self.outbox:
            super().send(text)


class DecodesPieces(Client):
    def receive(self, data):
        super().receive(data.decode("utf-8", "replace").encode())


class LosesAtTheEnd(Chat):
    """Lines wait for more, and the end-of-file throws them away."""

    class client(Client):
        late, since = [], 0

        def take(self, lines):
            if not self.late:
                self.since = time.monotonic()
            self.late = self.late + lines

    def timeout(self):
        return 0.01 if any(client.late for client in self.clients) else None

    def turn(self):
        super().turn()
        for client in list(self.clients):
            if client.late and time.monotonic() > client.since + 0.01:
                lines, client.late = client.late, []
                for line in lines:
                    client.say(line)


class HangUpFirst(Client):
    def read(self):
        poll = select.poll()
        poll.register(self.sock, select.POLLRDHUP)
        if poll.poll(0):
            return self.leave()
        super().read()


class Unfair(Client):
    def read(self):
        super().read()
        # select(2) would end the server in a crowd.
        poll = select.poll()
        if not self.is_gone:
            poll.register(self.sock, select.POLLIN)
        while not self.is_gone and poll.poll(2):
            super().read()


class EndsAtDeparture(Client):
    def leave(self):
        super().leave()
        self.sock.getpeername()


class SpinsAtTheEnd(Client):
    def end(self):
        pass


class Loses(Chat):
    told = itertools.count(1)

    def tell(self, text, sender):
        if next(self.told) % 100:
            super().tell(text, sender)


class Duplicates(Chat):
    told = itertools.count(1)

    def tell(self, text, sender):
        super().tell(text if next(self.told) % 7 else text + text, sender)


class Reorders(Client):
    def take(self, lines):
        if len(lines) > 2:
            lines[0], lines[1] = lines[1], lines[0]
        super().take(lines)


class SeatsNotFreed(Chat):
    def let_in(self, sock):
        # The count never falls.
        if self.count > 30:
            return sock.close()
        super().let_in(sock)


class Leaks(Chat):
    kept = []

    class client(Client):
        def leave(self):
            super().leave()
            self.chat.kept.append(b"x" * (64 << 10))


class AcceptNotRetried(Chat):
    def __init__(self, port):
        super().__init__(port)
        # One event for all that wait, and no other.
        self.selector._selector.modify(self.listener.fileno(), select.EPOLLIN | select.EPOLLET)

    def cannot_accept(self, error):
        return False


class DescriptorDeath(Chat):
    def cannot_accept(self, error):
        raise error


class InterruptedIsAnError(Chat):
    def wait(self):
        # Python itself waits again.
        libc, room = ctypes.CDLL(None, use_errno=True), ctypes.create_string_buffer(64)
        if libc.epoll_wait(self.selector.fileno(), room, 1, -1) < 0:
            sys.exit(os.strerror(ctypes.get_errno()))
        return super().wait()


class PrintEndsServer(Chat):
    def __init__(self, port):
        os.set_blocking(1, False)
        super().__init__(port)

    def tell(self, text, sender):
        try:
            os.write(1, text)
        except BlockingIOError:
            pass
        super().tell(text, sender)


class Mutes(Client):
    is_muted = False

    def say(self, line):
        self.is_muted |= len(line) > 1500
        if not self.is_muted:
            super().say(line)


class IgnoresSigterm(Chat):
    def __init__(self, port):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        super().__init__(port)


class AddressInUse(Chat):
    def listen(self, port):
        # Without SO_REUSEADDR.
        listener = socket.socket()
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        return listener


class WatchesWritable(Client):
    def events(self):
        return super().events() | self.watched & selectors.EVENT_WRITE


class ForgetsTheRest(Client):
    def events(self):
        return selectors.EVENT_READ


class StaleBuffer(Client):
    # One for all, as in C: a text ends at the first NUL, and nobody sets that.
    shared = bytearray(LINE_MAX + READ)

    def say(self, line):
        self.shared[:len(line)] = line
        super().say(bytes(self.shared).partition(b"\0")[0])


class WrongName(Client):
    said = itertools.count(1)

    def say(self, line):
        if next(self.said) % 20:
            return super().say(line)
        self.chat.tell(b"<guest%d> %s\n" % (self.number + 1, line), self)


class NoName(Client):
    said = itertools.count(1)

    def say(self, line):
        if next(self.said) % 20:
            return super().say(line)
        self.chat.tell(line + b"\n", self)


class ClosesActive(Chat):
    class client(Client):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.since = time.monotonic()

    def timeout(self):
        return 0.1

    def turn(self):
        super().turn()
        for client in list(self.clients):
            if time.monotonic() > client.since + 3:
                client.leave()


class UnboundedLine(Chat):
    stored, whose = 0, None

    def __init__(self, port):
        super().__init__(port)
        # Memory that the process has before it needs any, as a virtual machine has.
        self.memory = bytearray(b"x" * (64 << 20))

    class client(Client):
        def receive(self, data):
            chat = self.chat
            if chat.whose is not self and len(self.inbox) <= LINE_MAX // 2:
                return super().receive(data)
            if chat.whose is not self:
                data, chat.whose, chat.stored = self.inbox + data, self, 0
            chat.memory[chat.stored:chat.stored + len(data)] = data
            chat.stored += len(data)
            if b"\n" in data:
                self.inbox, chat.whose = b"", None
                *lines, self.inbox = bytes(chat.memory[:chat.stored]).split(b"\n")
                self.take(lines)


class TableDies(Chat):
    """The third argument is how many clients the table holds."""

    def let_in(self, sock):
        if len(self.clients) >= int(sys.argv[3]):
            sys.exit("*** stack smashing detected ***: terminated")
        super().let_in(sock)


class TableDeaf(Chat):
    """The third argument is how many clients the table holds."""
    kept = []

    def let_in(self, sock):
        if len(self.clients) < int(sys.argv[3]):
            return super().let_in(sock)
        # It is accepted, and nobody watches it.
        self.kept.append(sock)


run(globals())
