//! Marks of the tasks of an async runtime.

use super::{Ready, Source, Step, on};
use std::cell::RefCell;

thread_local! {
    /// Since when the runtime sleeps, if it does, and whose tasks were woken meanwhile.
    static PARKED: RefCell<Option<(u64, Vec<Ready>)>> = const { RefCell::new(None) };
}

/// The runtime has no task to poll, and is about to sleep.
pub(crate) fn parks() {
    if let Some(on) = on() {
        on.pause();
        PARKED.set(Some((on.begin(), Vec::new())));
    }
}

/// The runtime has slept, and tasks were woken.
pub(crate) fn unparks() {
    if let Some(on) = on()
        && let Some((begin, ready)) = PARKED.take()
    {
        on.end(begin, Step::Wait { may_sleep: true, ready, submitted: None, wakes: true }, Some(("epoll_wait", 1)));
    }
}

/// A task is woken: the runtime will poll it.
pub(crate) fn wakes(task: Source) {
    let Some(on) = on() else { return };
    let is_parked = PARKED.with_borrow_mut(|parked| {
        let woken = parked.as_mut().map(|(_, woken)| woken);
        woken.map(|woken| woken.push(Ready { source: task, readable: true, writable: false })).is_some()
    });
    if !is_parked {
        on.moment(Step::Woken { task }, None);
    }
}

/// The runtime polls a task.
pub(crate) fn polls(task: Source) {
    if let Some(on) = on() {
        on.moment(Step::Polled { task }, None);
    }
}

/// A task waits, and returns to the runtime.
pub(crate) fn pending(task: Source) {
    if let Some(on) = on() {
        on.moment(Step::Pending { task }, None);
    }
}
