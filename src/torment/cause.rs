//! The classic mistakes that make servers fail, each with an explanation for its author.

use serde::Serialize;

/// In the order in which to fix them: an early one also fails torments that are made for a later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(clap::ValueEnum))]
pub enum Cause {
    /// A busy loop: it never sleeps.
    BusyLoop,
    /// Each read is taken for a message.
    FramingByRead,
    /// One accept for each event.
    OneAcceptPerEdge,
    /// One read for each event.
    OneReadPerEdge,
    /// Bytes that are no text end the server.
    TrustsInput,
    /// A new client that sends nothing keeps all others waiting.
    BlockingHandshake,
    /// New clients are accepted slowly, one after the other.
    SlowToAccept,
    /// The list of clients is used by two threads or tasks at once.
    SharedUnguarded,
    /// One client's error ends the server.
    ClientErrorEndsServer,
    /// A write to a closed connection kills the server: SIGPIPE.
    Sigpipe,
    /// An error of one receiver ends the fan-out for the others.
    ErrorEndsFanOut,
    /// An event of a client that has left is applied to a new one.
    StaleEvent,
    /// A full socket is taken for an error.
    WouldBlockIsAnError,
    /// A client that does not read makes all others wait.
    BlockingWrite,
    /// A lock is held across a write.
    LockAcrossWrite,
    /// A full queue of one client makes all senders wait.
    PausesEverybody,
    /// The rest of a short write is lost.
    ShortWriteDropped,
    /// Lines for a slow client are dropped without notice.
    DroppedWhenFull,
    /// A queue without a limit.
    UnboundedQueue,
    /// A line without a limit.
    UnboundedLine,
    /// Each piece is decoded by itself.
    DecodesPieces,
    /// Two threads or tasks write to one socket at once.
    InterleavedWrites,
    /// What was sent just before the end-of-file is lost.
    LosesAtTheEnd,
    /// An end-of-file or a hang-up causes a busy loop.
    SpinsAtTheEnd,
    /// A client that sends without pause keeps the others waiting.
    Unfair,
    /// Lines are lost.
    Loses,
    /// Lines arrive twice.
    Duplicates,
    /// One sender's lines arrive in another order.
    Reorders,
    /// Clients receive the same lines in different orders.
    NoOneOrder,
    /// A sender gets its own line back.
    EchoesToSender,
    /// A seat that became free is not used again.
    SeatsNotFreed,
    /// Clients that leave leave something behind.
    Leaks,
    /// Without descriptors it is in a busy loop.
    DescriptorSpin,
    /// Without descriptors it ends.
    DescriptorDeath,
    /// After a failed accept the connections in the queue are forgotten.
    AcceptNotRetried,
    /// A signal is taken for an error.
    InterruptedIsAnError,
    /// A print stops the chat.
    BlockingPrint,
    /// A closed stdout ends the chat.
    PrintEndsServer,
    /// It does not end at SIGTERM.
    IgnoresSigterm,
    /// It cannot be started again at once.
    AddressInUse,
    /// None of the above.
    Unknown,
}

impl Cause {
    /// Its name in JSON and for programs.
    pub fn id(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(String::from)).unwrap_or_default()
    }

    /// The mistake, in a few words.
    pub fn title(self) -> &'static str {
        self.words().0
    }

    /// What usually causes it, and what to do.
    pub fn usually(self) -> &'static str {
        self.words().1
    }

    /// Where to read more.
    pub fn read(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Cause::BusyLoop => (
                "a busy loop: it never sleeps",
                "The loop tries non-blocking sockets again and again, or polls with a timeout of 0, or watches for \
                 writability while there is nothing to write. Sleep in one place, until the kernel reports an event.",
                "poll(2), epoll_wait(2); Kerrisk, The Linux Programming Interface, ch. 63; src/server/drivers/epoll.rs, \
                 `timeout`",
            ),
            Cause::FramingByRead => (
                "each read is taken for a message",
                "TCP is a stream of bytes: a recv may return half a line, or two and a half. Keep a buffer for each client, \
                 append what arrives, and take out whole lines only.",
                "recv(2), tcp(7); Stevens, UNIX Network Programming, 3.9 (readline); Beej's Guide, 7.6 (Son of Data \
                 Encapsulation); src/chat/connections/line.rs",
            ),
            Cause::OneAcceptPerEdge => (
                "one accept for each event",
                "An edge-triggered poll says once that the listener became ready, whether for one connection or for fifty. \
                 Accept until EWOULDBLOCK.",
                "epoll(7), \"Level-triggered and edge-triggered\"; mio::Poll, \"Draining readiness\"; \
                 src/server/drivers/epoll.rs, `accept`",
            ),
            Cause::OneReadPerEdge => (
                "one read for each event",
                "An edge-triggered poll does not say again that there is more. Read until EWOULDBLOCK, or remember which \
                 client was not read to the end and read it again without an event.",
                "epoll(7); mio::Poll, \"Draining readiness\"; src/server/drivers/epoll.rs, `read_ready`",
            ),
            Cause::TrustsInput => (
                "bytes that are no text end the server",
                "What comes from the network is bytes, not text: decoding it may fail, a field may be missing, an index may \
                 be out of range. Replace what is no UTF-8, check what you take apart, and end that client at most.",
                "RFC 3629, section 10; src/chat/connections/sanitize.rs",
            ),
            Cause::BlockingHandshake => (
                "a new client that sends nothing keeps all others waiting",
                "The loop that accepts also waits for the new client's first line (its name, its login). Accept, and let the \
                 client's own thread, or its state in the loop, wait for that.",
                "accept(2); Stevens, UNIX Network Programming, ch. 16; src/server/drivers/threaded.rs",
            ),
            Cause::SlowToAccept => (
                "new clients are accepted slowly, one after the other",
                "The loop that accepts sleeps, or does something slow, between one connection and the next, so that the tenth \
                 waits ten times as long. Accept all that wait, and sleep in accept or poll only.",
                "accept(2), listen(2); src/server/drivers/epoll.rs, `accept`; src/server/drivers/threaded.rs",
            ),
            Cause::SharedUnguarded => (
                "the list of clients is used by two threads or tasks at once",
                "One iterates over the list and writes; another adds or removes a client meanwhile, without a lock or during an \
                 await. Then some clients are skipped, or the runtime ends the one that iterates. One lock for the list (and a \
                 copy made under it to iterate over), or one thread or task that owns it.",
                "Go: \"Go maps in action\", Concurrency; Java: ConcurrentModificationException; Python: RuntimeError, \
                 \"changed size during iteration\"; src/server/drivers/threaded.rs",
            ),
            Cause::ClientErrorEndsServer => (
                "one client's error ends the server",
                "A read, write or accept failed (ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED) and the error left the loop: a \
                 `?`, an uncaught exception, an exit(1). Those errors are one connection's: close it and go on.",
                "accept(2), \"Error handling\"; recv(2), send(2), ERRORS; src/server/drivers/epoll.rs, `bury_dead`",
            ),
            Cause::Sigpipe => (
                "a write to a closed connection kills the server: SIGPIPE",
                "To write to a socket whose peer has reset it raises SIGPIPE, which ends a process by default. \
                 Ignore the signal, or send with MSG_NOSIGNAL, and handle EPIPE.",
                "send(2), MSG_NOSIGNAL; signal(7); Stevens, UNIX Network Programming, 5.13",
            ),
            Cause::ErrorEndsFanOut => (
                "an error of one receiver ends the fan-out for the others",
                "The loop that writes to each client stops at the first error, or the error is taken for the sender's, or the \
                 client that failed is removed from the list inside the loop and the next is skipped. Note which failed, go on \
                 with the next, and remove them after the loop.",
                "send(2), ERRORS; src/server/drivers/epoll.rs, `flush_dirty` and `bury_dead`",
            ),
            Cause::StaleEvent => (
                "an event of a client that has left is applied to a new one",
                "A slot, token or descriptor was freed and taken again while events for its former owner were still in the \
                 batch. Remove and accept clients after the batch, or give each client a number that is never used \
                 again.",
                "epoll(7), \"If using an event cache\"; src/server/drivers/epoll.rs, `turn`",
            ),
            Cause::WouldBlockIsAnError => (
                "a full socket is taken for an error",
                "write_all (sendall) on a non-blocking socket gives up with EWOULDBLOCK as soon as a reader is a little \
                 behind, after writing a part. Keep the rest for that client and write on when it is writable.",
                "send(2), EAGAIN; std::io::Write::write_all; src/chat/connections/outbox.rs",
            ),
            Cause::BlockingWrite => (
                "a client that does not read makes all others wait",
                "A write to it blocks when its socket is full, and the writer (the loop, a broadcaster, each sender's \
                 thread, a full channel) serves nobody else meanwhile. Never wait for one client: use non-blocking \
                 writes and a bounded queue for each, and disconnect a client whose queue stays full.",
                "send(2), socket(7); Stevens, UNIX Network Programming, ch. 16; src/chat/connections/outbox.rs, \
                 src/chat/connections/backpressure.rs",
            ),
            Cause::LockAcrossWrite => (
                "a lock is held across a write",
                "A thread writes to all clients while it holds the lock of the list. The write blocks at a client that does \
                 not read, and then nobody can talk, connect or leave. Copy under the lock, write outside it, without waiting.",
                "pthread_mutex_lock(3), send(2); src/server/drivers/threaded/writing.rs",
            ),
            Cause::PausesEverybody => (
                "a full queue of one client makes all senders wait",
                "Above a mark of some client's queue nothing more is read from anybody, also not from clients that had no part in \
                 filling it. Let only those wait who fill it: count what each client causes, hear those who say little at once, \
                 and let answers and private lines hold back only their author.",
                "src/chat/connections/allowance.rs, src/chat/connections/backpressure.rs; TCP: RFC 9293, 3.8.6 (flow control is \
                 per connection)",
            ),
            Cause::ShortWriteDropped => (
                "the rest of a short write is lost",
                "write and send may take less than they are given, and their result says how much. The rest was dropped. \
                 Keep it for that client and write on when it is writable.",
                "write(2), send(2), RETURN VALUE; Beej's Guide, 7.4 (partial sends); src/chat/connections/outbox.rs",
            ),
            Cause::DroppedWhenFull => (
                "lines for a slow client are dropped without notice",
                "A full queue or a lagging broadcast channel drops lines. Hold the senders back, or disconnect a client that is \
                 too far behind and tell it why: a chat must never have a silent gap.",
                "tokio::sync::broadcast, \"Lagging\"; src/chat/connections/backpressure.rs",
            ),
            Cause::UnboundedQueue => (
                "a queue without a limit",
                "What a slow reader does not take is kept, however much it is: its queue grows until the server is out of \
                 memory. Limit each queue (and the language's own: a socket's or a stream's buffer), hold senders back, or \
                 disconnect a client that does not read.",
                "src/chat/limits.rs, src/chat/connections/backpressure.rs; Node.js: stream.write, \"backpressure\"; asyncio: \
                 StreamWriter.drain",
            ),
            Cause::UnboundedLine => (
                "a line without a limit",
                "Bytes are collected until a line end arrives, and a client that never sends it fills the memory. Set a longest \
                 line, and close a client that exceeds it by far.",
                "RFC 2812, 2.3 (512 bytes); RFC 5321, 4.5.3.1.6; std::io::Read::take; src/chat/connections/line.rs",
            ),
            Cause::DecodesPieces => (
                "each piece is decoded by itself",
                "A character of several bytes may arrive in two reads. Take out whole lines first and decode those, or use an \
                 incremental decoder.",
                "RFC 3629; Python: codecs.getincrementaldecoder; Node.js: StringDecoder; src/chat/connections/line.rs",
            ),
            Cause::InterleavedWrites => (
                "two threads or tasks write to one socket at once",
                "Several threads or tasks write to the same socket without coordination, a piece each: lines are mixed with each \
                 other. One writer for each socket, or a lock for each, held for a whole line.",
                "write(2), send(2); src/server/drivers/threaded/writing.rs",
            ),
            Cause::LosesAtTheEnd => (
                "what was sent just before the end-of-file is lost",
                "The hang-up was handled before the data, or a buffer was discarded at it. Read until read returns 0: only \
                 that is the end.",
                "poll(2), POLLHUP, POLLRDHUP; shutdown(2); src/server/drivers/epoll.rs, `read`",
            ),
            Cause::SpinsAtTheEnd => (
                "an end-of-file or a hang-up causes a busy loop",
                "A socket at its end stays readable for ever. When read returns 0, close it or stop watching it.",
                "read(2), poll(2); Kerrisk, The Linux Programming Interface, 63.2.3; src/server/drivers/epoll.rs, `read`",
            ),
            Cause::Unfair => (
                "a client that sends without pause keeps the others waiting",
                "A client is read for as long as it has bytes. Give each turn a budget, then serve the next client.",
                "epoll(7), \"Starvation\"; src/server/drivers/epoll.rs, `read_ready`",
            ),
            Cause::Loses => (
                "lines are lost",
                "Look for a buffer that is overwritten before it is written out, a result of write that nobody looks at, and \
                 a queue that drops.",
                "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
            ),
            Cause::Duplicates => (
                "lines arrive twice",
                "Look for a client that is twice in the list, and for a write that starts again after it was short.",
                "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
            ),
            Cause::Reorders => (
                "one sender's lines arrive in another order",
                "Each line is handed to a task or thread of its own, or what is queued and what is written directly overtake \
                 each other.",
                "src/chat/connections/outbox.rs",
            ),
            Cause::NoOneOrder => (
                "clients receive the same lines in different orders",
                "Each sender's thread writes to the members on its own. If the order is to be the same for all, one place \
                 must decide it: one lock, one loop, one channel.",
                "Lamport, Time, Clocks, and the Ordering of Events; src/chat/connections/broadcast.rs",
            ),
            Cause::EchoesToSender => (
                "a sender gets its own line back",
                "The fan-out includes the sender, which has the line on its screen already. (If that is intended, \
                 use --echo yes.)",
                "Beej's Guide, 7.3 (\"Except the listener and ourselves\")",
            ),
            Cause::SeatsNotFreed => (
                "a seat that became free is not used again",
                "Seats are counted when clients connect and not when they leave, or clients wait and are not looked at again.",
                "src/server/drivers/epoll.rs, `can_accept`",
            ),
            Cause::Leaks => (
                "clients that leave leave something behind",
                "A descriptor that is not closed, a thread that does not end, a list that is not shortened when a client \
                 goes.",
                "close(2), proc(5) (/proc/PID/fd); src/server/drivers/epoll.rs, `close`",
            ),
            Cause::DescriptorSpin => (
                "without descriptors it is in a busy loop",
                "accept fails with EMFILE and the connection stays in the queue, so the listener stays ready, or the loop \
                 just tries again. Leave the listener alone for a while.",
                "accept(2), EMFILE; libev's manual, \"The special problem of accept()ing when you can't\"; \
                 src/server/drivers/epoll.rs, `accept_at`",
            ),
            Cause::DescriptorDeath => (
                "without descriptors it ends",
                "accept failed with EMFILE and that was taken for a fatal error: the server exits or never accepts again. The \
                 error is temporary: wait a little and try again.",
                "accept(2), EMFILE; src/server/listener.rs, `is_one_connections`",
            ),
            Cause::AcceptNotRetried => (
                "after a failed accept the connections in the queue are forgotten",
                "An edge-triggered listener does not fire again after EMFILE, not even when descriptors come back. Try again \
                 after some time.",
                "accept(2), epoll(7); src/server/drivers/epoll.rs, `accept`",
            ),
            Cause::InterruptedIsAnError => (
                "a signal is taken for an error",
                "poll, select, epoll_wait and others return EINTR when a signal comes, also after SIGSTOP and SIGCONT. Call \
                 them again.",
                "signal(7), \"Interruption of system calls\"; src/server/drivers/epoll.rs, `wait`",
            ),
            Cause::BlockingPrint => (
                "a print stops the chat",
                "stdout is a pipe or a terminal that nobody reads any more, and print waits for it inside \
                 the loop (or under a lock). Make it non-blocking, or let a thread with a bounded queue print.",
                "pipe(7), write(2); src/server/sink.rs",
            ),
            Cause::PrintEndsServer => (
                "a closed stdout ends the chat",
                "Nobody reads stdout any more (`server | head`), and the print raises SIGPIPE, an exception or a panic. A \
                 log that cannot be written is no reason to stop.",
                "pipe(7), SIGPIPE, EPIPE; src/server/sink.rs",
            ),
            Cause::IgnoresSigterm => (
                "it does not end at SIGTERM",
                "SIGTERM is caught without effect: the loop sleeps on, or waits for clients that need not leave. \
                 Wake the loop, tell the clients, and end within a limit.",
                "signal(7); signalfd(2); src/server/drivers/epoll.rs, `note_signals`",
            ),
            Cause::AddressInUse => (
                "it cannot be started again at once",
                "Connections that the server closed first stay in TIME_WAIT for a minute and keep its port. Set SO_REUSEADDR \
                 before bind.",
                "socket(7), SO_REUSEADDR; Stevens, UNIX Network Programming, 7.5; src/server/listener.rs, `listen`",
            ),
            Cause::Unknown => ("something else", "What was observed fits none of the usual causes.", "its own source"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn each_cause_is_listed_once_in_order_and_where_to_read_on_exists() {
        assert!(Cause::value_variants().is_sorted_by(|a, b| a < b));
        for cause in Cause::value_variants() {
            assert!(!cause.id().is_empty());
            for word in cause.read().split([' ', ',', ';']).filter(|word| word.starts_with("src/")) {
                let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(word);
                assert!(path.is_file(), "{word}");
            }
        }
    }
}
