//! The time of day, for display. Timers do not use it, because it can jump.

use jiff::{Timestamp, tz::TimeZone};
use std::cell::LazyCell;
use std::time::SystemTime;

/// The local time of day and the UTC timestamp, computed at most once a second.
pub(crate) struct WallClock {
    /// Looked up when it is first needed: a quiet server never asks for the time of day.
    zone: LazyCell<TimeZone>,
    /// The second since 1970 for which the texts below were made; `None` before the first look.
    second: Option<u64>,
    time_of_day: String,
    timestamp: String,
}

impl WallClock {
    pub(crate) fn new() -> WallClock {
        WallClock {
            zone: LazyCell::new(TimeZone::system),
            second: None,
            time_of_day: String::new(),
            timestamp: String::new(),
        }
    }

    /// `HH:MM:SS`, local, of the last look.
    pub(crate) fn time_of_day(&self) -> &str {
        &self.time_of_day
    }

    /// RFC 3339, UTC, to the second, of the last look.
    pub(crate) fn timestamp(&self) -> &str {
        &self.timestamp
    }

    /// Reads the clock. Call it once for all events of a turn: it costs as much as writing a line.
    pub(crate) fn look(&mut self) {
        let second = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
        if self.second == Some(second) {
            return;
        }
        self.second = Some(second);
        let timestamp = Timestamp::from_second(second as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        self.timestamp = timestamp.to_string();
        self.time_of_day = timestamp.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string();
    }

    /// A timestamp as people write it: `HH:MM` today, with the date before it otherwise. `None` if it cannot be parsed.
    pub(crate) fn when(&self, timestamp: &str) -> Option<String> {
        let local = |timestamp: Timestamp| timestamp.to_zoned_datetime(self.zone.clone());
        let (then, today) = (local(timestamp.parse().ok()?), local(Timestamp::now()).date());
        let format = if then.date() == today { "%H:%M" } else { "%Y-%m-%d %H:%M" };
        Some(then.strftime(format).to_string())
    }
}

/// RFC 3339, UTC, to the second. `millis` are milliseconds since 1970.
#[cfg(feature = "link")]
pub(crate) fn timestamp(millis: u64) -> String {
    Timestamp::from_second((millis / 1000) as i64).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}

impl Default for WallClock {
    fn default() -> WallClock {
        WallClock::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_tells_the_second_that_it_is_and_not_the_one_that_it_was() {
        let mut clock = WallClock::new();
        clock.second = Some(1);
        let before = Timestamp::now().as_second();
        clock.look();
        let after = Timestamp::now().as_second();
        let told: Timestamp = clock.timestamp().parse().expect("RFC 3339");
        assert!((before..=after).contains(&told.as_second()), "{told} is not now");
        let local = told.to_zoned_datetime(TimeZone::system());
        assert_eq!(clock.time_of_day(), local.strftime("%H:%M:%S").to_string());
    }
}
