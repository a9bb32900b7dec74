//! Readiness as on Linux: edge-triggered for epoll(7), level-triggered for poll(2).

use super::kernel::{Kernel, LIFE_MAX, Watch, Watched};
use super::net::{Event, Events, PollFd};
use mio::{Interest, Token};
use rustix::event::PollFlags;
use std::io;
use std::time::Duration;

/// This many polls in a row without an effect and without a sleep are a busy loop: more than `--spin` makes.
const SPIN_POLLS: usize = 300;

impl Kernel {
    /// Watches a source. A state that is already ready makes an edge at once.
    pub(super) fn watch(&mut self, source: Watched, token: Token, interest: Interest) {
        self.call();
        self.watches.retain(|(watched, _)| *watched != source);
        let watch = Watch { token, interest, raised: false };
        let raised = self.event(source, &watch).is_some();
        if let Watched::Socket(number) = source {
            let socket = &mut self.sockets[number];
            socket.starved |= interest.is_writable() && !socket.is_writable();
        }
        self.watches.push((source, Watch { raised, ..watch }));
    }

    /// The event to report for a source now; `None` if the state that made its edge is over.
    fn event(&self, source: Watched, watch: &Watch) -> Option<Event> {
        let quiet = Event { token: watch.token, readable: false, writable: false, read_closed: false, error: false };
        let event = match source {
            Watched::Listener => Event { readable: !self.queue.is_empty(), ..quiet },
            Watched::Signals => Event { readable: self.signals > 0, ..quiet },
            Watched::Socket(number) => {
                let socket = &self.sockets[number];
                let ended = socket.fin || socket.reset;
                Event {
                    readable: !socket.inbox.is_empty() || ended,
                    writable: socket.is_writable() && watch.interest.is_writable(),
                    read_closed: ended,
                    error: socket.reset,
                    ..quiet
                }
            }
        };
        (event.readable || event.writable).then_some(event)
    }

    pub(super) fn poll_edges(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        self.begin_poll()?;
        events.list.clear();
        self.sleep_until(timeout, |kernel| kernel.watches.iter().any(|(_, watch)| watch.raised))?;
        self.hand_out(events);
        Ok(())
    }

    pub(super) fn poll_levels(&mut self, sources: &mut [PollFd<'_>], timeout: Option<Duration>) -> io::Result<()> {
        self.begin_poll()?;
        let is_ready = |kernel: &Kernel| sources.iter().any(|source| !kernel.level(source).is_empty());
        self.sleep_until(timeout, is_ready)?;
        for source in &mut *sources {
            source.answer = self.level(source);
        }
        if self.dice.one_in(self.spurious) {
            self.meet("spurious event");
            let one = self.dice.below(sources.len());
            sources[one].answer |= sources[one].asked;
        }
        Ok(())
    }

    /// The answer for a source now. An error and the end of both directions are reported even if they were not asked
    /// for.
    fn level(&self, fd: &PollFd<'_>) -> PollFlags {
        self.level_of(fd.source, fd.asked)
    }

    pub(super) fn level_of(&self, source: Watched, asked: PollFlags) -> PollFlags {
        let mut level = PollFlags::empty();
        match source {
            Watched::Listener => level.set(PollFlags::IN, !self.queue.is_empty()),
            Watched::Signals => level.set(PollFlags::IN, self.signals > 0),
            Watched::Socket(number) => {
                let socket = &self.sockets[number];
                level.set(PollFlags::IN, !socket.inbox.is_empty() || socket.fin || socket.reset);
                level.set(PollFlags::OUT, socket.is_writable());
                level.set(PollFlags::ERR, socket.reset);
                level.set(PollFlags::HUP, socket.reset || (socket.fin && socket.shut));
            }
        }
        level & (asked | PollFlags::ERR | PollFlags::HUP)
    }

    pub(super) fn begin_poll(&mut self) -> io::Result<()> {
        self.call();
        self.idle_polls += 1;
        assert!(self.idle_polls < SPIN_POLLS, "the loop spins");
        // An interrupted poll leaves the old events in the list.
        self.interrupts("interrupted poll")?;
        if self.no_poll_from.is_some_and(|from| from <= self.elapsed) {
            return Err(io::Error::from_raw_os_error(12)); // ENOMEM
        }
        Ok(())
    }

    /// Sleeps until something is ready, at most for `timeout`.
    pub(super) fn sleep_until(
        &mut self,
        timeout: Option<Duration>,
        is_ready: impl Fn(&Kernel) -> bool,
    ) -> io::Result<()> {
        let until = timeout.map(|timeout| self.elapsed + timeout);
        while !is_ready(self) && until.is_none_or(|until| self.elapsed < until) {
            self.assert_may_sleep(timeout.is_some());
            self.progress();
            self.meet("sleep");
            let act = self.agenda.first_key_value().map(|((at, _), _)| *at);
            match act.into_iter().chain(until).min() {
                Some(wake) => self.pass(wake - self.elapsed),
                None => self.rest(),
            }
            assert!(self.elapsed < LIFE_MAX, "the room does not come to rest");
            self.interrupts("interrupted sleep")?;
        }
        Ok(())
    }

    /// Hands out events in random order, at most as many as fit, and sometimes a spurious one.
    fn hand_out(&mut self, events: &mut Events) {
        for at in (1..self.watches.len()).rev() {
            let other = self.dice.below(at + 1);
            self.watches.swap(at, other);
        }
        for at in 0..self.watches.len() {
            let (source, watch) = self.watches[at];
            if !watch.raised {
                continue;
            }
            if events.list.len() == events.capacity {
                self.meet("more events than fit");
                break;
            }
            self.watches[at].1.raised = false;
            if let Some(mut event) = self.event(source, &watch) {
                // An end-of-file may be reported without `readable`, and an error without `read_closed`.
                event.readable &= !(event.read_closed && self.dice.one_in(2));
                event.read_closed &= !(event.error && self.dice.one_in(2));
                events.list.push(event);
                self.progress();
            }
        }
        if self.dice.one_in(self.spurious) && !self.watches.is_empty() && events.list.len() < events.capacity {
            self.meet("spurious event");
            let (_, Watch { token, interest, .. }) = self.watches[0];
            let writable = interest.is_writable();
            events.list.push(Event { token, readable: true, writable, read_closed: false, error: false });
        }
    }
}
