//! A talker's lines that have not reached all receivers.

use std::collections::VecDeque;
use std::time::Duration;

/// When a line was due and when it was sent. Times since the beginning.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct SentLine {
    pub to_be_sent: Duration,
    pub sent: Duration,
}

/// Counts for each line how many receivers wait for it, so that a run of lines that arrives at once costs as much as
/// one.
///
/// When a later line arrives, the earlier ones count as arrived, too. If they were lost, the tally reports that; the
/// load goes on.
#[derive(Debug)]
pub(crate) struct UnderWay {
    /// The oldest first.
    lines: VecDeque<SentLine>,
    /// How many receivers wait for each of the lines and, last, for the one that will be sent next.
    waiting: VecDeque<u32>,
    /// The oldest line's number.
    first: u32,
}

impl UnderWay {
    pub(crate) fn new(receivers: u32) -> UnderWay {
        UnderWay { lines: VecDeque::new(), waiting: [receivers].into(), first: 0 }
    }

    /// How many lines have been sent since the beginning.
    pub(crate) fn sent(&self) -> u32 {
        self.first + self.lines.len() as u32
    }

    /// How many have not reached all receivers.
    pub(crate) fn count(&self) -> usize {
        self.lines.len()
    }

    /// Adds a line, and returns its number.
    pub(crate) fn say(&mut self, line: SentLine) -> u32 {
        self.lines.push_back(line);
        self.waiting.push_back(0);
        self.sent() - 1
    }

    /// The lines with the numbers from `from` until before `to`. Lines with the same times come as one and their count.
    pub(crate) fn between(&self, from: u32, to: u32) -> impl Iterator<Item = (SentLine, u32)> {
        let skipped = from.saturating_sub(self.first) as usize;
        let mut lines = self.lines.iter().skip(skipped).take(to.saturating_sub(from) as usize).peekable();
        std::iter::from_fn(move || {
            let line = lines.next()?;
            let alike = std::iter::from_fn(|| lines.next_if_eq(&line)).count();
            Some((*line, 1 + alike as u32))
        })
    }

    /// A receiver that waited for line `from` waits for line `to` now. `done` gets each line that has reached all
    /// receivers.
    pub(crate) fn reached(&mut self, from: u32, to: u32, mut done: impl FnMut(SentLine)) {
        let (from, to) = (from.wrapping_sub(self.first) as usize, to.wrapping_sub(self.first) as usize);
        if from >= to || to >= self.waiting.len() {
            return;
        }
        self.waiting[from] -= 1;
        self.waiting[to] += 1;
        while self.waiting.front() == Some(&0)
            && let Some(line) = self.lines.pop_front()
        {
            self.waiting.pop_front();
            self.first += 1;
            done(line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_done_when_the_last_receiver_has_it() {
        let ms = Duration::from_millis;
        let mut under_way = UnderWay::new(2);
        for n in 0..4 {
            assert_eq!(under_way.say(SentLine { to_be_sent: ms(n), sent: ms(n) }), n as u32);
        }
        let reached = |under_way: &mut UnderWay, from, to| {
            let mut done = Vec::new();
            under_way.reached(from, to, |line| done.push(line.sent.as_millis()));
            done
        };
        // One receiver gets three at once, the other one by one.
        assert_eq!(reached(&mut under_way, 0, 3), []);
        assert_eq!(reached(&mut under_way, 0, 1), [0]);
        assert_eq!((under_way.count(), under_way.sent()), (3, 4));
        assert_eq!(
            under_way.between(1, 3).map(|(line, n)| (line.sent, n)).collect::<Vec<_>>(),
            [(ms(1), 1), (ms(2), 1)]
        );
        assert_eq!(reached(&mut under_way, 1, 4), [1, 2]);
        assert_eq!(reached(&mut under_way, 3, 4), [3]);
        assert_eq!((under_way.count(), under_way.sent()), (0, 4));
        // A line that was not sent changes nothing.
        assert_eq!(reached(&mut under_way, 4, 5), []);
    }
}
