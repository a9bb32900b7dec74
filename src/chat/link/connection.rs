//! A connection to Redis: what was asked, in order, and when to dial again.

use super::entry::{NotOurs, ServerId};
use super::redis::{self, Replies, Reply};
use super::room::{Room, Trouble};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// An answer that takes longer than this does not come. Redis itself keeps a reader waiting for less.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// After a failure it is dialled again after this pause, which doubles ...
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// ... up to this one.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What a connection is for. An XREAD that waits keeps its connection busy, so there are two.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Append,
    Read,
}

impl Way {
    pub(crate) const BOTH: [Way; 2] = [Way::Append, Way::Read];
}

/// What an answer is to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Question {
    /// AUTH or SELECT.
    Greeting,
    Version,
    Type,
    /// Whether the last entry that was read is still there.
    Anchor,
    LookBack,
    Entries,
    /// Holds whose entry it is, and its number.
    Append(ServerId, u64),
}

pub(super) struct Connection {
    state: State,
    questions: VecDeque<Question>,
    replies: Replies,
    pub output: Vec<u8>,
    /// When the oldest question without an answer became that.
    waits_since: Instant,
    pause: Duration,
    /// The driver has to close it.
    pub has_failed: bool,
    pub trouble: Option<Trouble>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Away {
        dial_at: Instant,
    },
    Dialled,
    Open,
    /// All that is asked at first was answered well.
    Ready,
}

impl Connection {
    pub(super) fn new(now: Instant) -> Connection {
        Connection {
            state: State::Away { dial_at: now },
            questions: VecDeque::new(),
            replies: Replies::default(),
            output: Vec::new(),
            waits_since: now,
            pause: PAUSE_MIN,
            has_failed: false,
            trouble: None,
        }
    }

    /// Whether it has to be dialled now. Then it counts as dialled.
    pub(super) fn dial(&mut self, now: Instant) -> bool {
        let is_due = matches!(self.state, State::Away { dial_at } if dial_at <= now) && !self.has_failed;
        if is_due {
            self.state = State::Dialled;
        }
        is_due
    }

    /// It stands.
    pub(super) fn begin(&mut self, now: Instant, room: &Room) {
        self.state = State::Open;
        (self.replies, self.output) = Default::default();
        self.questions.clear();
        for words in room.greetings() {
            self.ask(Question::Greeting, &words.iter().map(String::as_str).collect::<Vec<_>>(), now);
        }
    }

    pub(super) fn ask(&mut self, question: Question, words: &[&str], now: Instant) {
        if self.questions.is_empty() {
            self.waits_since = now;
        }
        self.questions.push_back(question);
        redis::command(&mut self.output, words);
    }

    pub(super) fn is_asking(&self) -> bool {
        !self.questions.is_empty()
    }

    pub(super) fn be_ready(&mut self) {
        self.state = State::Ready;
    }

    pub(super) fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// What it is for is done again: the next failure is a new one.
    pub(super) fn be_well(&mut self) {
        (self.trouble, self.pause) = (None, PAUSE_MIN);
    }

    pub(super) fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.state, State::Open | State::Ready) {
            self.replies.receive(bytes);
        }
    }

    /// The next answer, and what it is to.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<(Question, Reply)>, NotOurs> {
        if !matches!(self.state, State::Open | State::Ready) {
            return Ok(None);
        }
        let Some(reply) = self.replies.next()? else { return Ok(None) };
        self.waits_since = now;
        let question = self.questions.pop_front().ok_or(NotOurs)?;
        Ok(Some((question, reply)))
    }

    /// It is gone. It is dialled again after a pause.
    pub(super) fn lose(&mut self, now: Instant, trouble: Trouble) {
        if let State::Away { .. } = self.state {
            return;
        }
        self.state = State::Away { dial_at: now + self.pause };
        self.pause = (self.pause * 2).min(PAUSE_MAX);
        self.trouble = Some(trouble);
        self.questions.clear();
    }

    /// Whether an answer is overdue.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.late_at().is_some_and(|at| at <= now)
    }

    fn late_at(&self) -> Option<Instant> {
        let waits = matches!(self.state, State::Open | State::Ready) && self.is_asking();
        waits.then_some(self.waits_since + ANSWER_PATIENCE)
    }

    /// When there is something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.state {
            State::Away { dial_at } => Some(dial_at),
            _ => self.late_at(),
        }
    }
}
