//! The classic mistakes that make servers fail. [`lessons`](super::lessons) explains each.

use serde::Serialize;

/// In the order in which to fix them: an early one also fails torments that are made for a later one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(test, derive(clap::ValueEnum))]
pub enum Cause {
    /// The server never sleeps: it is in a busy loop.
    BusyLoop,
    /// Each read is taken for a message.
    FramingByRead,
    /// One accept for each event.
    OneAcceptPerEdge,
    /// One read for each event.
    OneReadPerEdge,
    /// The rest of an earlier line is sent with another one.
    StaleBuffer,
    /// Bytes that are not text break the server.
    TrustsInput,
    /// A new client that sends nothing keeps all others waiting.
    BlockingHandshake,
    /// New clients are accepted slowly, one after the other.
    SlowToAccept,
    /// With more clients than a fixed number, the server ends or does not serve them.
    FixedTable,
    /// The list of clients is used by two threads or tasks at once.
    SharedUnguarded,
    /// Threads wait for each other's locks.
    Deadlock,
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
    /// The rest of a short write waits until the next line is sent.
    ForgetsTheRest,
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
    /// After a client was behind, the server is in a busy loop.
    SpinsWhenDrained,
    /// A client that sends without pause keeps the others waiting.
    Unfair,
    /// Clients that talk are closed after some time.
    ClosesActive,
    /// Some lines bear a wrong name, or none.
    WrongName,
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
    /// The server keeps resources of clients that have left.
    Leaks,
    /// Without free descriptors the server is in a busy loop.
    DescriptorSpin,
    /// Without free descriptors the server ends.
    DescriptorDeath,
    /// After a failed accept the connections in the queue are forgotten.
    AcceptNotRetried,
    /// A signal is taken for an error.
    InterruptedIsAnError,
    /// A blocked print stops the chat.
    BlockingPrint,
    /// A closed stdout ends the chat.
    PrintEndsServer,
    /// The server does not end at SIGTERM.
    IgnoresSigterm,
    /// The server cannot be started again at once.
    AddressInUse,
    /// None of the above.
    Unknown,
}

impl Cause {
    /// Its name for programs, as in JSON.
    pub fn id(self) -> String {
        serde_json::to_value(self).ok().and_then(|value| value.as_str().map(String::from)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::ValueEnum;

    #[test]
    fn each_cause_is_listed_once_in_order() {
        assert!(Cause::value_variants().is_sorted_by(|a, b| a < b));
        assert!(Cause::value_variants().iter().all(|cause| !cause.id().is_empty()));
    }
}
