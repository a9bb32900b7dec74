//! Decides when lines are to be sent in an open loop.

use super::scenario::{Pace, Scenario};
use std::time::Duration;

/// The timetable of an open loop: the talkers take turns at equal intervals.
pub(crate) struct Timetable {
    every: Duration,
    talkers: usize,
    next: u32,
}

impl Timetable {
    pub(crate) fn new(scenario: &Scenario) -> Timetable {
        let every = match scenario.pace {
            Pace::Rate(rate) => Duration::from_secs_f64(1.0 / rate),
            Pace::Window(_) => Duration::MAX,
        };
        Timetable { every, talkers: scenario.talkers, next: 0 }
    }

    pub(crate) fn next_at(&self) -> Duration {
        self.every.saturating_mul(self.next)
    }

    /// The next line that is due at `now`: its talker, and when it was due.
    pub(crate) fn due(&mut self, now: Duration) -> Option<(usize, Duration)> {
        let at = self.next_at();
        if at > now {
            return None;
        }
        let talker = self.next as usize % self.talkers;
        self.next += 1;
        Some((talker, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talkers_take_turns_at_equal_intervals_and_no_line_is_skipped() {
        let scenario = Scenario { talkers: 3, pace: Pace::Rate(100.0), ..Scenario::default() };
        let mut timetable = Timetable::new(&scenario);
        let ms = Duration::from_millis;
        assert_eq!(timetable.due(ms(0)), Some((0, ms(0))));
        assert_eq!((timetable.due(ms(9)), timetable.next_at()), (None, ms(10)));
        // All lines that became due meanwhile are returned, with their times.
        let due: Vec<_> = std::iter::from_fn(|| timetable.due(ms(40))).collect();
        assert_eq!(due, [(1, ms(10)), (2, ms(20)), (0, ms(30)), (1, ms(40))]);
    }
}
