//! The ledger: it finds out which write brought which message to which member.
//!
//! What a member gets is a stream of bytes, and every message ends at some position in it. When the room ingests
//! something, the end of a member's stream is what its socket has taken plus what is pending for it. Once that many
//! bytes are written the message has arrived, whether it was written together with others, in parts, or by another
//! thread.

use super::record::Record;
use super::step::{Pending, Step};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{HashMap, VecDeque};

/// A step, and the messages it concerns.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Event {
    /// The thread.
    #[serde(skip)]
    pub track: u32,
    /// Nanoseconds since the recorder began.
    #[serde(skip)]
    pub begin: u64,
    /// When it was over, likewise.
    #[serde(skip)]
    pub end: u64,
    /// What was done.
    #[serde(flatten)]
    pub step: Step,
    /// The step's system call, by its Linux name. `calls` is the number of calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<Cow<'static, str>>,
    /// How many calls it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub calls: Option<usize>,
    /// The message that this step created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<u64>,
    /// The client that caused it; 0 if it was no client in the room.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<u64>,
    /// The messages that have now reached the step's client completely.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delivers: Vec<u64>,
    /// Those of them that have now reached all their receivers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub completes: Vec<u64>,
    /// The thread was still in this step when the recording ended.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unfinished: bool,
}

impl From<Record> for Event {
    fn from(Record { track, begin, end, step, call }: Record) -> Event {
        let (call, calls) = call.map(|(call, calls)| (call.into(), calls)).unzip();
        let (delivers, completes) = (Vec::new(), Vec::new());
        Event {
            track,
            begin,
            end,
            step,
            call,
            calls,
            message: None,
            cause: None,
            delivers,
            completes,
            unfinished: false,
        }
    }
}

impl Event {
    /// The step's system call and the number of calls, unless the step was unfinished.
    pub fn system_calls(&self) -> Option<(&str, usize)> {
        self.call.as_deref().zip(self.calls).filter(|_| !self.unfinished)
    }
}

/// Which messages are under way, and how far each client's stream has got.
#[derive(Default)]
pub struct Ledger {
    messages: u64,
    members: HashMap<u64, Account>,
    /// The number of receivers that each message has not reached yet.
    open: HashMap<u64, usize>,
    /// By thread: the client of the last read that the room has not ingested yet.
    causes: HashMap<u32, u64>,
}

/// Positions in a member's stream. Bytes.
#[derive(Default)]
struct Account {
    written: u64,
    settled: u64,
    promised: u64,
    /// Where each message ends that is still to be written, and the message.
    ends: VecDeque<(u64, u64)>,
}

impl Ledger {
    /// Enters a step, and returns what it did. Call it in the order in which the steps were recorded.
    pub fn enter(&mut self, record: Record) -> Event {
        let mut event = Event::from(record);
        let track = event.track;
        match &event.step {
            Step::Read { client, flaw: None, .. } => {
                self.causes.insert(track, *client);
            }
            Step::Accept { flaw: None, .. } => {
                self.causes.insert(track, 0);
            }
            Step::Ingested { pending } => {
                let added = self.promise(pending);
                event.cause = self.causes.remove(&track);
                if !added.is_empty() {
                    event.message = Some(self.messages);
                }
                event.step = Step::Ingested { pending: added };
            }
            Step::Write { client, bytes, .. } => {
                let account = self.members.entry(*client).or_default();
                account.written += *bytes as u64;
                while let Some((end, message)) = account.ends.front().copied()
                    && end <= account.written
                {
                    account.ends.pop_front();
                    event.delivers.push(message);
                }
                for message in event.delivers.clone() {
                    if self.has_one_less(message) {
                        event.completes.push(message);
                    }
                }
            }
            Step::Settled { client, bytes } => {
                self.members.entry(*client).or_default().settled += *bytes as u64;
            }
            Step::Close { client } => {
                let account = self.members.remove(client).unwrap_or_default();
                for (_, message) in account.ends {
                    self.has_one_less(message);
                }
            }
            _ => {}
        }
        event
    }

    /// Steps are missing: forgets all messages that are under way.
    pub fn forget(&mut self) {
        self.members.clear();
        self.open.clear();
    }

    /// Makes one new message of the pending bytes that were not promised before. Returns these bytes.
    fn promise(&mut self, pending: &[Pending]) -> Vec<Pending> {
        let message = self.messages + 1;
        let mut added = Vec::new();
        for &Pending { client, bytes } in pending {
            let account = self.members.entry(client).or_default();
            let end = account.settled + bytes as u64;
            if end > account.promised {
                added.push(Pending { client, bytes: (end - account.promised) as usize });
                account.ends.push_back((end, message));
            } else {
                // The pending bytes of a client that is leaving may be cut.
                account.ends.retain(|(at, _)| *at <= end);
            }
            account.promised = end;
        }
        if !added.is_empty() {
            self.messages = message;
            self.open.insert(message, added.len());
        }
        added
    }

    /// Counts down a message's receivers. Returns whether that was the last one.
    fn has_one_less(&mut self, message: u64) -> bool {
        let Some(left) = self.open.get_mut(&message) else { return false };
        *left -= 1;
        let is_last = *left == 0;
        if is_last {
            self.open.remove(&message);
        }
        is_last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: [u64; 0] = [];

    fn ingested(pending: &[(u64, usize)]) -> Step {
        Step::Ingested { pending: pending.iter().map(|&(client, bytes)| Pending { client, bytes }).collect() }
    }

    fn write(client: u64, bytes: usize) -> Step {
        Step::Write { client, offered: 24, waits: false, bytes, flaw: None }
    }

    fn read(client: u64) -> Step {
        Step::Read { client, asked: 100, bytes: 10, waits: false, flaw: None, buffer: None }
    }

    /// A write that the room accounts for at once.
    fn write_directly(ledger: &mut Ledger, client: u64, bytes: usize) -> Event {
        let event = enter(ledger, write(client, bytes));
        enter(ledger, Step::Settled { client, bytes });
        event
    }

    fn enter(ledger: &mut Ledger, step: Step) -> Event {
        ledger.enter(Record { track: 1, begin: 0, end: 0, step, call: None })
    }

    #[test]
    fn a_message_is_there_when_its_last_byte_is() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, read(3));
        let event = enter(&mut ledger, ingested(&[(1, 24), (2, 24)]));
        assert_eq!((event.message, event.cause), (Some(1), Some(3)));
        let event = write_directly(&mut ledger, 1, 24);
        assert_eq!((event.delivers, event.completes), (vec![1], NONE.to_vec()));
        assert_eq!(write_directly(&mut ledger, 2, 9).delivers, NONE);
        let event = write_directly(&mut ledger, 2, 15);
        assert_eq!((event.delivers, event.completes), (vec![1], vec![1]));
    }

    #[test]
    fn two_messages_in_one_write_are_told_apart() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, read(3));
        enter(&mut ledger, ingested(&[(1, 24), (2, 24)]));
        enter(&mut ledger, read(1));
        let event = enter(&mut ledger, ingested(&[(1, 24), (2, 34), (3, 10)]));
        assert_eq!(event.step, ingested(&[(2, 10), (3, 10)]));
        assert_eq!(write_directly(&mut ledger, 1, 24).completes, NONE);
        assert_eq!(write_directly(&mut ledger, 2, 34).delivers, [1, 2]);
        assert_eq!(write_directly(&mut ledger, 3, 10).completes, [2]);
    }

    #[test]
    fn what_a_thread_has_written_and_not_settled_yet_is_not_counted_twice() {
        let mut ledger = Ledger::default();
        enter(&mut ledger, ingested(&[(1, 24)]));
        enter(&mut ledger, write(1, 24));
        let event = enter(&mut ledger, ingested(&[(1, 30)]));
        assert_eq!(event.step, ingested(&[(1, 6)]));
        enter(&mut ledger, Step::Settled { client: 1, bytes: 24 });
        assert_eq!(enter(&mut ledger, ingested(&[(1, 6)])).message, None);
        assert_eq!(enter(&mut ledger, write(1, 6)).delivers, [2]);
    }
}
