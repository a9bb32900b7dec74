//! What makes servers fail: the mistakes that are made again and again, each with a word for whoever made it.

use serde::Serialize;

/// In the order in which they are to be mended: an early one makes torments fail that are about a later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(clap::ValueEnum))]
pub enum Cause {
    BusyLoop,
    FramingByRead,
    OneAcceptPerEdge,
    OneReadPerEdge,
    TrustsInput,
    BlockingHandshake,
    SlowToAccept,
    SharedUnguarded,
    ClientErrorEndsServer,
    Sigpipe,
    ErrorEndsFanOut,
    StaleEvent,
    WouldBlockIsAnError,
    BlockingWrite,
    LockAcrossWrite,
    ShortWriteDropped,
    DroppedWhenFull,
    UnboundedQueue,
    UnboundedLine,
    DecodesPieces,
    InterleavedWrites,
    LosesAtTheEnd,
    SpinsAtTheEnd,
    Unfair,
    Loses,
    Duplicates,
    Reorders,
    NoOneOrder,
    EchoesToSender,
    SeatsNotFreed,
    Leaks,
    DescriptorSpin,
    DescriptorDeath,
    AcceptNotRetried,
    InterruptedIsAnError,
    BlockingPrint,
    PrintEndsServer,
    IgnoresSigterm,
    AddressInUse,
    /// It fails, and it is nothing of the above that we know.
    Unknown,
}

impl Cause {
    /// Its name for programs.
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

    /// Where to read on.
    pub fn read(self) -> &'static str {
        self.words().2
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Cause::BusyLoop => (
                "it never sleeps",
                "The loop asks non-blocking sockets again and again, or polls with a timeout of 0, or watches for \
                 writability while there is nothing to write. Sleep in one place, until the kernel has something to say.",
                "poll(2), epoll_wait(2); Kerrisk, The Linux Programming Interface, ch. 63; src/server/epoll.rs, \
                 `timeout`",
            ),
            Cause::FramingByRead => (
                "each read is taken for a message",
                "TCP is a stream of bytes: a recv may return half a line, or two and a half. Keep a buffer for each client, \
                 append what comes, and take out whole lines only.",
                "recv(2), tcp(7); Stevens, UNIX Network Programming, 3.9 (readline); Beej's Guide, 7.6 (Son of Data \
                 Encapsulation); src/chat/connections/line.rs",
            ),
            Cause::OneAcceptPerEdge => (
                "one accept for each event",
                "An edge-triggered poll says once that the listener became ready, whether for one connection or for fifty. \
                 Accept until EWOULDBLOCK.",
                "epoll(7), \"Level-triggered and edge-triggered\"; mio::Poll, \"Draining readiness\"; \
                 src/server/epoll.rs, `accept`",
            ),
            Cause::OneReadPerEdge => (
                "one read for each event",
                "An edge-triggered poll does not say again that there is more. Read until EWOULDBLOCK, or remember who was \
                 not read to the end and come back without being told.",
                "epoll(7); mio::Poll, \"Draining readiness\"; src/server/epoll.rs, `read_ready`",
            ),
            Cause::TrustsInput => (
                "bytes that are no text end it",
                "What comes from the network is bytes, not text: decoding it may fail, a field may be missing, an index may \
                 be out of range. Replace what is no UTF-8, check what you take apart, and end that client at most.",
                "RFC 3629, section 10; src/chat/connections/sanitize.rs",
            ),
            Cause::BlockingHandshake => (
                "a newcomer who says nothing keeps all others waiting",
                "The loop that accepts also waits for the newcomer's first line (its name, its login). Accept, and let the \
                 newcomer's own thread, or its state in the loop, wait for that.",
                "accept(2); Stevens, UNIX Network Programming, ch. 16; src/server/threaded.rs",
            ),
            Cause::SlowToAccept => (
                "newcomers are let in one by one, and each waits",
                "The loop that accepts sleeps, or does something slow, between one connection and the next, so that the tenth \
                 waits ten times as long. Accept whoever is there, and sleep in accept or poll only.",
                "accept(2), listen(2); src/server/epoll.rs, `accept`; src/server/threaded.rs",
            ),
            Cause::SharedUnguarded => (
                "the list of clients is used by two at once",
                "One walks through the list and writes; another puts a newcomer in or takes one out meanwhile, without a lock or \
                 during an await. Then some are passed over, or the runtime ends whoever walked. One lock for the list (and a \
                 copy made under it to walk through), or one thread or task that owns it.",
                "Go: \"Go maps in action\", Concurrency; Java: ConcurrentModificationException; Python: RuntimeError, \
                 \"changed size during iteration\"; src/server/threaded.rs",
            ),
            Cause::ClientErrorEndsServer => (
                "one client's error ends the server",
                "A read, write or accept failed (ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED) and the error left the loop: a \
                 `?`, an uncaught exception, an exit(1). Those errors are one connection's: close it and go on.",
                "accept(2), \"Error handling\"; recv(2), send(2), ERRORS; src/server/epoll.rs, `bury_dead`",
            ),
            Cause::Sigpipe => (
                "a write to one who has gone kills it: SIGPIPE",
                "To write to a socket whose peer has reset it raises SIGPIPE, which ends a process that says nothing else. \
                 Ignore the signal, or send with MSG_NOSIGNAL, and handle EPIPE.",
                "send(2), MSG_NOSIGNAL; signal(7); Stevens, UNIX Network Programming, 5.13",
            ),
            Cause::ErrorEndsFanOut => (
                "an error while writing to one ends the round for the others",
                "The loop that writes to each client leaves off at the first error, or the error is taken for the sender's, or \
                 who failed is taken out of the list in the middle of the loop and the next is passed over. Note who failed, go \
                 on with the next, and take out the failed after the round.",
                "send(2), ERRORS; src/server/epoll.rs, `flush_dirty` and `bury_dead`",
            ),
            Cause::StaleEvent => (
                "an event of one who has gone is applied to one who came",
                "A slot, token or descriptor was freed and taken again while events for its former owner were still in the \
                 batch. Bury the dead and accept the new after the batch, or give each client a number that never comes \
                 again.",
                "epoll(7), \"If using an event cache\"; src/server/epoll.rs, `turn`",
            ),
            Cause::WouldBlockIsAnError => (
                "a full socket is taken for an error",
                "write_all (sendall) on a non-blocking socket gives up with EWOULDBLOCK as soon as a reader is a little \
                 behind, after writing a part. Keep the rest for that client and write on when it is writable.",
                "send(2), EAGAIN; std::io::Write::write_all; src/chat/connections/outbox.rs",
            ),
            Cause::BlockingWrite => (
                "one who does not read makes all wait",
                "A write to it blocks when its socket is full, and whoever writes (the loop, a broadcaster, each sender's \
                 thread, a full channel) serves nobody else meanwhile. Never wait for one client: non-blocking \
                 writes, a bounded queue each, and out with who lets it fill.",
                "send(2), socket(7); Stevens, UNIX Network Programming, ch. 16; src/chat/connections/outbox.rs, \
                 src/chat/connections/backpressure.rs",
            ),
            Cause::LockAcrossWrite => (
                "a lock is held across a write",
                "A thread writes to all clients while it holds the lock of the list. The write blocks at one who does not \
                 read, and then nobody can talk, come or leave. Copy under the lock, write outside it, without waiting.",
                "pthread_mutex_lock(3), send(2); src/server/threaded/writing.rs",
            ),
            Cause::ShortWriteDropped => (
                "what a short write did not take is lost",
                "write and send may take less than they are given, and their result says how much. The rest was dropped. \
                 Keep it for that client and write on when it is writable.",
                "write(2), send(2), RETURN VALUE; Beej's Guide, 7.4 (partial sends); src/chat/connections/outbox.rs",
            ),
            Cause::DroppedWhenFull => (
                "lines for one who is a little behind are dropped in silence",
                "A full queue or a lagging broadcast channel drops lines. Hold the senders back, or disconnect who is too far \
                 behind and tell it: a gap that nobody is told of is the one thing a chat must not have.",
                "tokio::sync::broadcast, \"Lagging\"; src/chat/connections/backpressure.rs",
            ),
            Cause::UnboundedQueue => (
                "a queue without a limit",
                "What a slow reader does not take is kept, however much: its queue grows until memory ends, and with it the \
                 server. Limit each queue (and a language's own: a socket's or a stream's buffer), hold senders back, or \
                 disconnect who does not read.",
                "src/chat/limits.rs, src/chat/connections/backpressure.rs; Node.js: stream.write, \"backpressure\"; asyncio: \
                 StreamWriter.drain",
            ),
            Cause::UnboundedLine => (
                "a line without a limit",
                "Bytes are collected until a line end comes, and one who never sends it fills the memory. Set a longest \
                 line, and close who exceeds it by far.",
                "RFC 2812, 2.3 (512 bytes); RFC 5321, 4.5.3.1.6; std::io::Read::take; src/chat/connections/line.rs",
            ),
            Cause::DecodesPieces => (
                "each piece is decoded by itself",
                "A character of several bytes may come in two reads. Take out whole lines first and decode those, or use an \
                 incremental decoder.",
                "RFC 3629; Python: codecs.getincrementaldecoder; Node.js: StringDecoder; src/chat/connections/line.rs",
            ),
            Cause::InterleavedWrites => (
                "two write to one socket at once",
                "Several threads or tasks write to the same socket without agreeing, a piece each: lines land inside each \
                 other. One writer for each socket, or a lock for each, held for a whole line.",
                "write(2), send(2); src/server/threaded/writing.rs",
            ),
            Cause::LosesAtTheEnd => (
                "what came just before the end-of-file is lost",
                "The hang-up was looked at before the data, or a buffer was thrown away at it. Read until read returns 0, and \
                 only then is it over.",
                "poll(2), POLLHUP, POLLRDHUP; shutdown(2); src/server/epoll.rs, `read`",
            ),
            Cause::SpinsAtTheEnd => (
                "an end-of-file or a hang-up keeps it spinning",
                "A socket at its end stays readable for ever. When read returns 0, close it or stop watching it.",
                "read(2), poll(2); Kerrisk, The Linux Programming Interface, 63.2.3; src/server/epoll.rs, `read`",
            ),
            Cause::Unfair => (
                "one who sends without pause keeps the others waiting",
                "A client is read from for as long as it has something. Give each turn a budget, and the next client its \
                 turn.",
                "epoll(7), \"Starvation\"; src/server/epoll.rs, `read_ready`",
            ),
            Cause::Loses => (
                "lines are lost",
                "Look for a buffer that is overwritten before it is written out, a result of write that nobody looks at, and \
                 a queue that drops.",
                "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
            ),
            Cause::Duplicates => (
                "lines come twice",
                "Look for a client that is twice in the list, and for a write that is begun anew after it took a part.",
                "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
            ),
            Cause::Reorders => (
                "one sender's lines change places",
                "Each line is handed to a task or thread of its own, or what is queued and what is written directly overtake \
                 each other.",
                "src/chat/connections/outbox.rs",
            ),
            Cause::NoOneOrder => (
                "members hear the same talk in different orders",
                "Each sender's thread writes to the members on its own. If the order is to be the same for all, one place \
                 must decide it: one lock, one loop, one channel.",
                "Lamport, Time, Clocks, and the Ordering of Events; src/chat/connections/broadcast.rs",
            ),
            Cause::EchoesToSender => (
                "a sender gets its own line back",
                "The fan-out does not leave out who sent the line; the sender has it on its screen already. (If it is meant, \
                 say --echo yes.)",
                "Beej's Guide, 7.3 (\"Except the listener and ourselves\")",
            ),
            Cause::SeatsNotFreed => (
                "a seat that became free is not given again",
                "Seats are counted at arrivals and not at departures, or newcomers wait and nobody looks again.",
                "src/server/epoll.rs, `can_accept`",
            ),
            Cause::Leaks => (
                "who leaves leaves something behind",
                "A descriptor that is not closed, a thread that does not end, a list that is not shortened when a client \
                 goes.",
                "close(2), proc(5) (/proc/PID/fd); src/server/epoll.rs, `close`",
            ),
            Cause::DescriptorSpin => (
                "without descriptors it spins",
                "accept fails with EMFILE and the connection stays in the queue, so the listener stays ready, or the loop \
                 just tries again. Leave the listener alone for a while.",
                "accept(2), EMFILE; libev's manual, \"The special problem of accept()ing when you can't\"; \
                 src/server/epoll.rs, `accept_at`",
            ),
            Cause::DescriptorDeath => (
                "without descriptors it ends",
                "accept failed with EMFILE and that was taken for the end: the server exits or accepts nobody ever again. It \
                 is a passing trouble: wait a little and try again.",
                "accept(2), EMFILE; src/server/listener.rs, `is_one_connections`",
            ),
            Cause::AcceptNotRetried => (
                "after a failed accept those in the queue are forgotten",
                "An edge-triggered listener does not fire again after EMFILE, not even when descriptors come back. Try again \
                 by the clock.",
                "accept(2), epoll(7); src/server/epoll.rs, `accept`",
            ),
            Cause::InterruptedIsAnError => (
                "a signal is taken for an error",
                "poll, select, epoll_wait and others return EINTR when a signal comes, also after SIGSTOP and SIGCONT. Call \
                 them again.",
                "signal(7), \"Interruption of system calls\"; src/server/epoll.rs, `wait`",
            ),
            Cause::BlockingPrint => (
                "a print stops the chat",
                "stdout is a pipe or a terminal that somebody has stopped reading, and print waits for it in the middle of \
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
                "it does not end when it is told to",
                "SIGTERM is caught and nothing comes of it: the loop sleeps on, or waits for clients that need not leave. \
                 Wake the loop, say goodbye, and end within a time.",
                "signal(7); signalfd(2); src/server/epoll.rs, `note_signals`",
            ),
            Cause::AddressInUse => (
                "it cannot be started again at once",
                "Connections that the server closed first stay in TIME_WAIT for a minute and keep its port. Set SO_REUSEADDR \
                 before bind.",
                "socket(7), SO_REUSEADDR; Stevens, UNIX Network Programming, 7.5; src/server/listener.rs, `listen`",
            ),
            Cause::Unknown => ("something else", "What was seen fits none of the usual causes.", "its own source"),
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
