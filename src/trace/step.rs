//! The steps that a driver takes: the one place where they are named.

use crate::text::Bilingual;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// What a driver says of itself, at the head of what is recorded.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Header {
    /// As `--mode` takes it.
    pub mode: Cow<'static, str>,
    /// What it does, as a heading says it.
    #[serde(default)]
    pub title: Bilingual,
    /// The system call that its threads sleep in while all clients are silent.
    #[serde(default)]
    pub sleeps_in: Cow<'static, str>,
    /// Each connection has a thread of its own, which blocks in its calls.
    #[serde(default)]
    pub blocks: bool,
}

/// A step, and what came of it. Most are one system call.
///
/// A `client` is the number of one in the room; 0 is somebody who is not in it yet, or not any more.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// The loop slept until somebody was ready, or until it was time for something. While there is work left it only asks
    /// who is ready, and does not sleep.
    Wait { may_sleep: bool, ready: Vec<Ready> },
    /// A signal was handled.
    Signal {
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
    /// One was taken from the listener's queue; or nobody was there.
    Accept {
        /// Until somebody comes.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// A socket's options were set.
    SetUp,
    /// The poll was told what to watch a socket for.
    Watch { client: u64, writable: bool },
    /// A thread was started.
    Spawn { thread: String },
    /// Bytes were read; none of them is the end of the stream.
    Read {
        client: u64,
        asked: usize,
        bytes: usize,
        /// Until there is something to read.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// The room's lock was taken, and had to be waited for or not.
    Lock { waited: bool },
    /// The room ingested something, and has pending bytes for some clients. As a driver's seam marks it: all that is pending.
    /// As it is recorded: what this added.
    Ingested { pending: Vec<Pending> },
    /// A thread was in the room, and all others were not.
    Inside,
    /// A socket was offered bytes and took some of them.
    Write {
        client: u64,
        offered: usize,
        bytes: usize,
        /// Until the socket takes some of them, or for a while.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flaw: Option<Flaw>,
    },
    /// The room was told how many bytes a client's socket took.
    Settled { client: u64, bytes: usize },
    /// What a client's socket did not take was left to that client's own writer.
    HandOver { client: u64, bytes: usize },
    /// A thread waited for a change in the room, and gave back its lock meanwhile: until the others keep up with its client, until
    /// its client is closed, or until there is a free seat.
    Park { client: u64 },
    /// One who comes when all seats are taken was told so.
    Refuse { bytes: usize },
    /// What somebody still sent who has left was read and thrown away.
    Discard {
        bytes: usize,
        /// Until something comes, or for a while.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        waits: bool,
    },
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
pub struct Pending {
    pub client: u64,
    pub bytes: usize,
}

/// Most receivers of a message that are recorded by name.
pub const PENDING_MAX: usize = 64;

impl Step {
    /// Whether the thread sleeps in it, as long as it takes.
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

    /// In a word or two, for a box in a picture.
    pub fn label(&self) -> String {
        match self {
            Step::Wait { .. } => "wait".into(),
            Step::Signal { .. } => "signal".into(),
            Step::Accept { .. } => "accept".into(),
            Step::SetUp => "set up".into(),
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
