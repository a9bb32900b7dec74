//! The names of operations, and what their completions say.

use super::{Buffer, Errno, PollFlags, Socket};
use crate::chat::Flight;
use std::num::NonZeroU64;

/// Names an operation. The kernel returns the name with each completion. No other operation of the ring has the same
/// name, so a late completion is recognized.
///
/// From the lowest bit: 1; the kind; an index; a number that counts up. At a million operations a second the numbers
/// last for twelve days, and then two names are the same only if their indices are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Operation(NonZeroU64);

const KIND_SHIFT: u32 = 1;
const INDEX_SHIFT: u32 = 4;
const INDEX_MASK: u64 = (1 << 20) - 1;
const NUMBER_SHIFT: u32 = 24;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Accept,
    Receive,
    Send,
    Poll,
    /// Nobody waits for its completion.
    Silent,
}

impl Operation {
    pub(super) fn new(kind: Kind, index: usize, number: u64) -> Operation {
        debug_assert!(index as u64 <= INDEX_MASK, "there are no more descriptors");
        let index = index as u64 & INDEX_MASK;
        Operation(NonZeroU64::MIN | (kind as u64) << KIND_SHIFT | index << INDEX_SHIFT | number << NUMBER_SHIFT)
    }

    pub(super) fn from_raw(raw: u64) -> Option<Operation> {
        NonZeroU64::new(raw).map(Operation)
    }

    pub(super) fn raw(self) -> u64 {
        self.0.get()
    }

    /// The name by which the trace knows it.
    pub(super) fn token(self) -> usize {
        self.raw() as usize
    }

    pub(super) fn kind(self) -> Option<Kind> {
        const KINDS: [Kind; 5] = [Kind::Accept, Kind::Receive, Kind::Send, Kind::Poll, Kind::Silent];
        KINDS.get((self.raw() >> KIND_SHIFT & 7) as usize).copied()
    }

    pub(super) fn index(self) -> usize {
        (self.raw() >> INDEX_SHIFT & INDEX_MASK) as usize
    }
}

/// An operation, or a part of one that goes on, is complete.
pub(crate) struct Completion {
    pub operation: Operation,
    /// The number that the caller gave for the socket.
    pub key: usize,
    /// The operation is over.
    pub is_last: bool,
    pub outcome: Outcome,
}

/// What came of it.
pub(crate) enum Outcome {
    Accepted(Result<Socket, Errno>),
    /// `None` is the end-of-file.
    Received(Result<Option<Buffer>, Errno>),
    /// The socket took this many bytes of the flight.
    Sent(Flight, Result<usize, Errno>),
    /// The events that were found, as poll(2) has them.
    Polled(Result<PollFlags, Errno>),
}

/// How a send treats a full socket, and whether it wakes the caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum How {
    /// The socket takes what it can at once. If that is all, the completion wakes nobody: it comes with the next one.
    Quietly,
    /// The socket takes what it can at once.
    AtOnce,
    /// The send waits until the socket takes some.
    Patiently,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_its_parts_and_the_next_number_makes_another() {
        for kind in [Kind::Accept, Kind::Receive, Kind::Send, Kind::Poll, Kind::Silent] {
            for index in [0, 1, INDEX_MASK as usize] {
                let name = Operation::new(kind, index, 77);
                let back = Operation::from_raw(name.raw()).expect("a name");
                assert_eq!((back.kind(), back.index()), (Some(kind), index));
                assert_ne!(name, Operation::new(kind, index, 78));
            }
        }
    }
}
