//! The steps that a driver takes, and their names.

use crate::text::Bilingual;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a recording says about its driver, at its beginning.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Header {
    /// The value of `--mode`.
    pub mode: Cow<'static, str>,
    /// What it does, as a heading.
    #[serde(default)]
    pub title: Bilingual,
    /// The system call in which its threads sleep while all clients are silent.
    #[serde(default)]
    pub sleeps_in: Cow<'static, str>,
    /// True if each connection has a thread of its own that blocks in its calls.
    #[serde(default)]
    pub blocks: bool,
    /// What its main thread is called. Not part of a recording, which has the threads' names.
    #[serde(skip)]
    pub main: Cow<'static, str>,
}

/// A step and its result. Most steps are one system call.
///
/// A `client` is the number of a client in the room; 0 is a connection that is not in the room yet, or not any more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The loop slept until a source was ready or a deadline came. While there is work left it only asks which sources
    /// are ready, and does not sleep.
    Wait {
        /// Nothing was left to do: it could sleep.
        may_sleep: bool,
        /// The sources that the kernel called ready; or, if operations are handed over, those that one is complete for;
        /// or, in a runtime of tasks, those whose tasks were woken.
        ready: Vec<Ready>,
        /// It is the wait of a runtime of tasks.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        wakes: bool,
        /// The operations that were handed over with the same call. `None` for a driver that waits for readiness.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        submitted: Option<usize>,
    },
    /// A send was put into the submission queue, for the next call to hand over.
    Queue {
        /// To whom.
        client: u64,
        /// Bytes that the socket will be offered.
        bytes: usize,
    },
    /// A task was woken: the runtime polls it soon.
    Woken {
        /// Whose task.
        task: Source,
    },
    /// The runtime polled a task: what follows is done by it.
    Polled {
        /// Whose task.
        task: Source,
    },
    /// A task had to wait, and returned to the runtime.
    Pending {
        /// Whose task.
        task: Source,
    },
    /// A signal was handled.
    Signal {
        /// The thread blocked until the signal came.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
    /// A connection was taken from the listener's queue, or there was none.
    Accept {
        /// The thread blocked until a connection came.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        /// Why the call brought nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// A socket's options were set.
    SetUp,
    /// The poll was asked to watch a socket.
    Watch {
        /// Whose socket.
        client: u64,
        /// It was asked to report also when the socket is writable.
        writable: bool,
    },
    /// A thread was started.
    Spawn {
        /// Its name.
        thread: String,
    },
    /// Bytes were read; zero bytes are the end of the stream.
    Read {
        /// Whose socket.
        client: u64,
        /// Room in the buffer. Bytes.
        asked: usize,
        /// Bytes that were read.
        bytes: usize,
        /// The thread blocked until there was something to read.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        /// Why the call brought nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
        /// The buffer that the kernel chose for them, if it chose one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        buffer: Option<u16>,
    },
    /// The room's lock was taken.
    Lock {
        /// Another thread held it, and this one blocked.
        waited: bool,
    },
    /// The room ingested something, and bytes are pending for some clients. The marks list all pending bytes. The
    /// recording lists only those that this step added.
    Ingested {
        /// For each client, in bytes.
        pending: Vec<Pending>,
    },
    /// A thread held the room's mutex.
    Inside,
    /// A socket was offered bytes and took some of them.
    Write {
        /// Whose socket.
        client: u64,
        /// Bytes that it was offered.
        offered: usize,
        /// Bytes that it took.
        bytes: usize,
        /// The thread blocked until the socket took some of them, or until a time-out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        /// Why the call brought nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// The room accounted for bytes that a client's socket took.
    Settled {
        /// Whose socket.
        client: u64,
        /// Bytes that it took.
        bytes: usize,
    },
    /// What a client's socket did not take was left to that client's own writer.
    HandOver {
        /// Whose socket.
        client: u64,
        /// Bytes that are left.
        bytes: usize,
    },
    /// A thread waited for a change in the room, which was unlocked meanwhile: until the others keep up with its
    /// client, until its client is closed, or until there is a free seat.
    Park {
        /// Whose thread; 0 for the accepting one.
        client: u64,
    },
    /// A client that connected when all seats were taken was told that the room is full.
    Refuse {
        /// Bytes that its socket took.
        bytes: usize,
    },
    /// Bytes from a client that has left were read and discarded.
    Discard {
        /// Bytes that were read.
        bytes: usize,
        /// The thread blocked until something came, or until a time-out.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
    /// A connection was shut down.
    Shutdown {
        /// Whose.
        client: u64,
    },
    /// A socket was closed.
    Close {
        /// Whose.
        client: u64,
    },
    /// The room noted what a client is called from now on, or what it said to all. This takes no time.
    Told {
        /// Which client.
        client: u64,
        /// Its name.
        name: String,
        /// What it said, cut to [`TEXT_MAX`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
    /// The transcript was written to stdout.
    Show {
        /// Calls to write.
        writes: usize,
    },
}

/// Why a call moved nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It would have blocked.
    WouldBlock,
    /// It failed.
    Failed,
}

/// A source that the kernel called ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ready {
    /// What it is.
    #[serde(flatten)]
    pub source: Source,
    /// There is something to read, or the end of the stream, or an error.
    pub readable: bool,
    /// There is space in the socket's buffer, or an error.
    pub writable: bool,
}

/// Something that can be ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "source", content = "client", rename_all = "snake_case")]
pub enum Source {
    /// The listening socket: somebody connects.
    Listener,
    /// The pipe that signals come through.
    Signals,
    /// The server's own terminal.
    Terminal,
    /// The server of the figures: somebody asks for them.
    Metrics,
    /// A client in the room, by its number.
    Client(u64),
    /// A client that has left and whose connection is still open.
    Leaver,
    /// The task that writes to all clients.
    Writer,
}

/// Bytes that are pending for a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Pending {
    /// The client's number.
    pub client: u64,
    /// How many bytes.
    pub bytes: usize,
}

/// The most receivers of a message that are recorded individually.
pub const PENDING_MAX: usize = 64;
/// The most characters of a message that are recorded.
pub const TEXT_MAX: usize = 160;

impl Step {
    /// Whether the thread sleeps for the duration of the step.
    pub fn sleeps(&self) -> bool {
        match self {
            Step::Wait { .. } | Step::Park { .. } => true,
            Step::Lock { waited: waits }
            | Step::Signal { waits }
            | Step::Accept { waits, .. }
            | Step::Read { waits, .. }
            | Step::Write { waits, .. }
            | Step::Discard { waits, .. } => *waits,
            _ => false,
        }
    }

    /// A word or two, for a box in the picture.
    pub fn label(&self) -> String {
        match self {
            Step::Wait { .. } => "wait".into(),
            Step::Signal { .. } => "signal".into(),
            Step::Accept { .. } => "accept".into(),
            Step::SetUp => "set up".into(),
            Step::Queue { client, .. } => format!("queue #{client}"),
            Step::Woken { .. } => "wake".into(),
            Step::Polled { .. } => "poll".into(),
            Step::Pending { .. } => "pending".into(),
            Step::Watch { client: 0, .. } => "watch".into(),
            Step::Watch { client, .. } => format!("watch #{client}"),
            Step::Spawn { .. } => "start thread".into(),
            Step::Read { client, .. } => format!("read #{client}"),
            Step::Lock { .. } => "lock".into(),
            Step::Ingested { .. } => "room".into(),
            Step::Inside => "in the room".into(),
            Step::Write { client, .. } => format!("write #{client}"),
            Step::Settled { .. } => "settled".into(),
            Step::HandOver { client, .. } => format!("hand over #{client}"),
            Step::Park { .. } => "park".into(),
            Step::Refuse { .. } => "refuse".into(),
            Step::Discard { .. } => "discard".into(),
            Step::Shutdown { .. } => "shutdown".into(),
            Step::Close { .. } => "close".into(),
            Step::Told { text, name, .. } => text.as_ref().unwrap_or(name).clone(),
            Step::Show { .. } => "show".into(),
        }
    }

    /// The client that the step concerns; 0 for none.
    pub fn client(&self) -> u64 {
        match self {
            Step::Watch { client, .. }
            | Step::Queue { client, .. }
            | Step::Read { client, .. }
            | Step::Write { client, .. }
            | Step::Settled { client, .. }
            | Step::HandOver { client, .. }
            | Step::Park { client }
            | Step::Told { client, .. }
            | Step::Shutdown { client }
            | Step::Close { client } => *client,
            _ => 0,
        }
    }
}
