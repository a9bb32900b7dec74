//! The listeners, and the connections that the kernel has accepted.

use super::super::ring::{Errno, Listener, Operation, Ring, Socket};
use super::super::{ACCEPT_RETRY, WhenFull, listener};
use crate::server::diagnostics;
use std::collections::VecDeque;
use std::time::Instant;

pub(super) struct Accepting {
    /// Each with the accept that is under way. None is left once the server is told to stop.
    listeners: Vec<(Listener, Option<Operation>)>,
    when_full: WhenFull,
    /// Accepts that were cancelled, and are not over: one more connection may come from each.
    ending: usize,
    /// Connections that were accepted, and not let in yet.
    accepted: VecDeque<Socket>,
    /// When to accept again, after accept failed for lack of resources.
    retry_at: Option<Instant>,
    /// The last accept failed for lack of resources, and a warning was logged.
    is_failing: bool,
}

impl Accepting {
    pub(super) fn new(listeners: Vec<Listener>, when_full: WhenFull) -> Accepting {
        let listeners = listeners.into_iter().map(|listener| (listener, None)).collect();
        Accepting { listeners, when_full, ending: 0, accepted: VecDeque::new(), retry_at: None, is_failing: false }
    }

    /// Hands over an accept for each listener that has none, or cancels it while nobody may be let in.
    pub(super) fn arm(&mut self, ring: &mut Ring, has_seat: bool, now: Instant) {
        if self.retry_at.is_some_and(|at| now < at) {
            return;
        }
        self.retry_at = None;
        // Whoever finds no seat has to wait in the kernel's queue, so one connection is accepted at a time.
        let waits = self.when_full == WhenFull::Wait;
        let may_accept = !waits || (has_seat && self.accepted.is_empty());
        for (key, (listener, accept)) in self.listeners.iter_mut().enumerate() {
            match *accept {
                None if may_accept && waits => *accept = Some(ring.accept_one(listener, key)),
                None if may_accept => *accept = Some(ring.accept_all(listener, key)),
                Some(operation) if !may_accept => ring.cancel(operation),
                _ => {}
            }
        }
    }

    /// An accept is complete, or has brought one more connection.
    pub(super) fn note(&mut self, (key, is_last): (usize, bool), result: Result<Socket, Errno>, now: Instant) {
        match self.listeners.get_mut(key) {
            Some((_, accept)) if is_last => *accept = None,
            None if is_last => self.ending -= 1,
            _ => {}
        }
        match result {
            Ok(socket) => {
                self.is_failing = false;
                self.accepted.push_back(socket);
            }
            Err(Errno::CANCELED) => {}
            Err(e) if listener::is_one_connections(&e.into()) => log::debug!("accept: {e}"),
            Err(e) => {
                // Most likely no descriptors are left. The same operation would fail again at once.
                if !std::mem::replace(&mut self.is_failing, true) {
                    log::warn!("{}", diagnostics::cannot_accept(&e.into()));
                }
                self.retry_at = Some(now + ACCEPT_RETRY);
            }
        }
    }

    /// The next connection to let in or to refuse.
    pub(super) fn next(&mut self, has_seat: bool) -> Option<Socket> {
        if self.has_next(has_seat) { self.accepted.pop_front() } else { None }
    }

    /// Whether [`Accepting::next`] returns one.
    pub(super) fn has_next(&self, has_seat: bool) -> bool {
        let is_stopped = self.listeners.is_empty();
        !self.accepted.is_empty() && (has_seat || is_stopped || self.when_full == WhenFull::Refuse)
    }

    /// Whether no connection comes any more, after [`Accepting::stop`].
    pub(super) fn is_over(&self) -> bool {
        self.ending == 0 && self.accepted.is_empty()
    }

    /// When [`Accepting::arm`] has something to do.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Nobody is let in any more. Whoever the kernel has accepted by then is refused.
    pub(super) fn stop(&mut self, ring: &mut Ring) {
        for (listener, accept) in self.listeners.drain(..) {
            if let Some(accept) = accept {
                ring.cancel(accept);
                self.ending += 1;
            }
            ring.close_listener(listener);
        }
        self.retry_at = None;
    }
}
