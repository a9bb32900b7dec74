//! When lines are to be sent in an open loop.

use super::scenario::{Pace, Scenario};
use std::time::Duration;

/// The timetable of an open loop: the talkers take turns at even distances.
pub struct Timetable {
    every: Duration,
    talkers: usize,
    next: u32,
}

impl Timetable {
    pub fn new(scenario: &Scenario) -> Timetable {
        let every = match scenario.pace {
            Pace::Rate(rate) => Duration::from_secs_f64(1.0 / rate),
            Pace::Window(_) => Duration::MAX,
        };
        Timetable { every, talkers: scenario.talkers, next: 0 }
    }

    pub fn next_at(&self) -> Duration {
        self.every.saturating_mul(self.next)
    }

    /// Who was to send a line by `now`, and when.
    pub fn due(&mut self, now: Duration) -> Option<(usize, Duration)> {
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
    fn talkers_take_turns_at_even_distances_and_nobody_is_let_off() {
        let scenario = Scenario { talkers: 3, pace: Pace::Rate(100.0), ..Scenario::default() };
        let mut timetable = Timetable::new(&scenario);
        let ms = Duration::from_millis;
        assert_eq!(timetable.due(ms(0)), Some((0, ms(0))));
        assert_eq!((timetable.due(ms(9)), timetable.next_at()), (None, ms(10)));
        // Who comes late is told all that was to be sent meanwhile, and when.
        let due: Vec<_> = std::iter::from_fn(|| timetable.due(ms(40))).collect();
        assert_eq!(due, [(1, ms(10)), (2, ms(20)), (0, ms(30)), (1, ms(40))]);
    }
}
