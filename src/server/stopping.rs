//! How the drivers with one thread carry out what signals ask for, and when they end.

use super::service::STOP_PATIENCE;
use super::signals::Order;
use std::time::Instant;

/// Whether the server is told to stop, and since when.
#[derive(Default)]
pub(crate) struct Stopping {
    /// The server ends at this time, whoever has not got its goodbye.
    until: Option<Instant>,
}

impl Stopping {
    /// Carries out orders. Returns whether the server is told to stop, now or before: then close the room, and accept nobody.
    pub(crate) fn obey(
        &mut self,
        orders: impl Iterator<Item = Order>,
        now: Instant,
        mut reopen_history: impl FnMut(),
        mut print_figures: impl FnMut(),
    ) -> bool {
        for order in orders {
            match order {
                Order::Stop => {
                    self.until.get_or_insert(now + STOP_PATIENCE);
                }
                Order::ReopenHistory => reopen_history(),
                Order::PrintFigures => print_figures(),
            }
        }
        self.until.is_some()
    }

    /// When the server ends at the latest; `None` if it is not told to stop.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.until
    }

    /// Whether the server ends now. `is_deserted` is asked whether all goodbyes are written, if the server is told to stop.
    pub(crate) fn is_over(&self, now: Instant, is_deserted: impl FnOnce() -> bool) -> bool {
        self.until.is_some_and(|until| now >= until || is_deserted())
    }
}
