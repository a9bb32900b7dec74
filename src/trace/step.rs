//! The steps that a driver takes: the one place where they are named.

use serde::{Deserialize, Serialize};

/// A step, and what came of it. Most are one system call; [`Step::calls`] tells which.
///
/// A `client` is the number of one in the room; 0 is somebody who is not in it yet, or not any more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The loop slept until somebody was ready, or until it was time for something. While there is work left it only asks
    /// who is ready, and does not sleep.
    Wait { may_sleep: bool, ready: Vec<Ready> },
    /// A signal was taken in.
    Signal,
    /// One was taken from the listener's queue; or nobody was there.
    Accept {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// A socket was set to what it needs, by so many calls.
    SetUp { calls: u32 },
    /// The poll was told what to watch a socket for.
    Watch { client: u64, writable: bool },
    /// A thread was started.
    Spawn,
    /// Bytes were read; none of them is the end of the stream.
    Read {
        client: u64,
        asked: usize,
        bytes: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// The room's lock was taken, and had to be waited for or not.
    Lock { waited: bool },
    /// The room was told of something: how many bytes it owes to whom. As a driver marks it: all that is owed. As it is
    /// recorded: what this added.
    Told { owed: Vec<Owed> },
    /// A thread looked whether others have sent, too, who will then write for it: so many sockets had something.
    Look { ready: usize },
    /// A thread was in the room, and all others were not.
    Inside,
    /// A socket was offered bytes and took some of them.
    Write {
        client: u64,
        offered: usize,
        /// From several pieces of memory.
        gathered: bool,
        /// Until the socket takes some of them, or for a while.
        waits: bool,
        bytes: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// The room was told how many bytes a client's socket took.
    Settled { client: u64, bytes: usize },
    /// What a client's socket did not take was left to that client's own writer.
    HandOver { client: u64, bytes: usize },
    /// A client's thread waited in the room until others keep up with it, or until it is closed.
    Park { client: u64 },
    /// One who comes when all seats are taken was told so.
    Refuse { bytes: usize },
    /// What somebody still sent who has left was read and thrown away.
    Discard { bytes: usize },
    /// A connection was shut down.
    Shutdown { client: u64 },
    /// A socket was closed.
    Close { client: u64 },
    /// The transcript was written to stdout, by so many calls.
    Show { writes: usize },
}

/// Why a call brought nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It would have had to wait.
    WouldBlock,
    Failed,
}

/// One of those that the poll called ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Ready {
    #[serde(flatten)]
    pub source: Source,
    pub readable: bool,
    pub writable: bool,
}

/// What can be ready.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "source", content = "client", rename_all = "snake_case")]
pub enum Source {
    Listener,
    Signals,
    Client(u64),
    /// One who has been told goodbye, or to go.
    Leaver,
}

/// Bytes for a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Owed {
    pub client: u64,
    pub bytes: usize,
}

/// Most receivers of a message that are recorded by name.
pub const OWED_MAX: usize = 64;

impl Step {
    /// Which system call it is on Linux, and how often. `None` for what needs none, or none for certain: a lock that is free
    /// is taken without the kernel.
    pub fn calls(&self, is_threaded: bool) -> Option<(&'static str, usize)> {
        Some(match self {
            Step::Wait { .. } => ("epoll_wait", 1),
            Step::Accept { .. } => ("accept4", 1),
            Step::SetUp { calls } => ("setsockopt", *calls as usize),
            Step::Watch { .. } => ("epoll_ctl", 1),
            Step::Read { .. } if is_threaded => ("read", 1),
            Step::Read { .. } | Step::Discard { .. } => ("recvfrom", 1),
            Step::Write { gathered: true, .. } => ("writev", 1),
            Step::Write { .. } | Step::Refuse { .. } => ("sendto", 1),
            Step::Shutdown { .. } => ("shutdown", 1),
            Step::Close { .. } => ("close", 1),
            Step::Look { .. } => ("ppoll", 1),
            Step::Show { writes } => ("write", *writes),
            Step::Signal | Step::Spawn | Step::Lock { .. } | Step::Told { .. } | Step::Inside => return None,
            Step::Settled { .. } | Step::HandOver { .. } | Step::Park { .. } => return None,
        })
    }

    /// Whether the thread sleeps in it, as long as it takes.
    pub fn sleeps(&self, is_threaded: bool) -> bool {
        match self {
            Step::Wait { .. } | Step::Park { .. } | Step::Lock { waited: true } | Step::Write { waits: true, .. } => {
                true
            }
            Step::Read { .. } | Step::Accept { .. } | Step::Signal | Step::Discard { .. } => is_threaded,
            _ => false,
        }
    }

    /// In a word or two, for a box in a picture.
    pub fn label(&self) -> String {
        match self {
            Step::Wait { .. } => "wait".into(),
            Step::Signal => "signal".into(),
            Step::Accept { .. } => "accept".into(),
            Step::SetUp { .. } => "set up".into(),
            Step::Watch { client: 0, .. } => "watch".into(),
            Step::Watch { client, .. } => format!("watch #{client}"),
            Step::Spawn => "start thread".into(),
            Step::Read { client, .. } => format!("read #{client}"),
            Step::Lock { .. } => "lock".into(),
            Step::Told { .. } => "room".into(),
            Step::Look { .. } => "look".into(),
            Step::Inside => "in the room".into(),
            Step::Write { client, .. } => format!("write #{client}"),
            Step::Settled { .. } => "settled".into(),
            Step::HandOver { client, .. } => format!("hand over #{client}"),
            Step::Park { .. } => "park".into(),
            Step::Refuse { .. } => "refuse".into(),
            Step::Discard { .. } => "discard".into(),
            Step::Shutdown { .. } => "shutdown".into(),
            Step::Close { .. } => "close".into(),
            Step::Show { .. } => "show".into(),
        }
    }

    /// The client it has to do with; 0 for none.
    pub fn client(&self) -> u64 {
        match self {
            Step::Watch { client, .. }
            | Step::Read { client, .. }
            | Step::Write { client, .. }
            | Step::Settled { client, .. }
            | Step::HandOver { client, .. }
            | Step::Park { client }
            | Step::Shutdown { client }
            | Step::Close { client } => *client,
            _ => 0,
        }
    }
}
