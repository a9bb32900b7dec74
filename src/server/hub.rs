//! A wrapper around [`chat::Hub`] for the drivers: it marks what the hub ingests and accounts for as steps of the
//! trace. A tick gives a supervisor a sign of life when one is due, and turns are timed.

use super::figures::Figures;
use super::supervisor::Watchdog;
use super::turns::Turns;
use crate::chat::Peer;
#[cfg(feature = "link")]
use crate::chat::link::room::Trouble;
use crate::chat::{self, Event, Id, Reason, Transcript};
#[cfg(feature = "link")]
use crate::server::diagnostics;
use crate::trace::marks;
use std::ops::{Deref, DerefMut};
use std::time::Instant;

/// Wraps [`chat::Hub`] and has the same contract. The methods below add a mark each.
pub(crate) struct Hub {
    hub: chat::Hub,
    /// The number of events in the hub's transcript that are marked already.
    marked: usize,
    watchdog: Watchdog,
    turns: Turns,
    #[cfg(feature = "link")]
    trouble: Option<Trouble>,
}

impl Hub {
    pub(crate) fn new(hub: chat::Hub) -> Hub {
        Hub {
            hub,
            marked: 0,
            watchdog: Watchdog::new(Instant::now()),
            turns: Turns::default(),
            #[cfg(feature = "link")]
            trouble: None,
        }
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.watchdog.beat(now);
        self.turns.begin(now);
        if self.hub.tick(now) {
            self.mark();
        }
        #[cfg(feature = "link")]
        self.tell_trouble();
    }

    /// Tells the person who runs the server what is wrong with the log of a room on several servers, once.
    #[cfg(feature = "link")]
    fn tell_trouble(&mut self) {
        let trouble = self.hub.trouble();
        if trouble == self.trouble.as_ref() {
            return;
        }
        match trouble {
            Some(trouble) => log::warn!("{}", diagnostics::room_waits(trouble)),
            None => log::warn!("{}", diagnostics::room_goes_on()),
        }
        self.trouble = trouble.cloned();
    }

    pub(crate) fn end_turn(&mut self) {
        self.hub.end_turn();
        self.turns.end(Instant::now());
    }

    pub(crate) fn figures(&self) -> Figures<'_> {
        Figures { gauges: self.hub.gauges(), counters: self.hub.counters(), turns: &self.turns }
    }

    /// The figures for Prometheus.
    pub(crate) fn metrics(&self) -> String {
        self.figures().prometheus()
    }

    /// The figures as a table for people.
    pub(crate) fn table(&self) -> String {
        self.figures().table(self.hub.lang())
    }

    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        [self.hub.next_deadline(), self.watchdog.deadline()].into_iter().flatten().min()
    }

    /// When a supervisor expects the next sign of life, which a tick gives.
    #[cfg(feature = "threaded")]
    pub(crate) fn next_beat(&self) -> Option<Instant> {
        self.watchdog.deadline()
    }

    pub(crate) fn connect(&mut self, key: usize, peer: Peer) -> Option<Id> {
        let id = self.hub.connect(key, peer)?;
        marks::connected(peer, id.serial());
        // A newcomer that waits gets nothing yet: the tick or a line brings its greeting.
        if !self.hub.is_newcomer(id) {
            self.mark();
        }
        Some(id)
    }

    /// A connection of this server's own stands, or will: see [`chat::Hub::dialled`].
    pub(crate) fn dialled(&mut self, key: usize) -> Option<Id> {
        let id = self.hub.dialled(key)?;
        marks::dialled(id.serial());
        Some(id)
    }

    pub(crate) fn permit(&mut self, id: Id) -> Option<Permit<'_>> {
        let holds_back = self.hub.holds_back(id);
        let read_max = self.hub.permit(id).map(|permit| permit.read_max());
        if holds_back {
            self.mark();
        }
        Some(Permit { hub: self, id, read_max: read_max? })
    }

    #[cfg(all(feature = "uring", target_os = "linux"))]
    pub(crate) fn receive_ahead(&mut self, id: Id, bytes: &[u8]) {
        self.hub.receive_ahead(id, bytes);
        self.mark();
    }

    pub(crate) fn receive_end(&mut self, id: Id) {
        self.hub.receive_end(id);
        self.mark();
    }

    pub(crate) fn disconnect(&mut self, id: Id, reason: Reason) {
        self.hub.disconnect(id, reason);
        self.mark();
    }

    /// Carries out what was typed at the server's own terminal. The transcript shows the answer.
    pub(crate) fn operate(&mut self, lines: Vec<String>) {
        for line in lines {
            let answer = self.hub.operate(&line);
            if !answer.is_empty() {
                self.hub.record_answer(&answer);
            }
        }
        self.mark();
    }

    pub(crate) fn close_room(&mut self) {
        self.hub.close_room();
        self.mark();
    }

    #[inline(always)]
    pub(crate) fn wrote(&mut self, id: Id, taken: usize) -> bool {
        marks::settled(id.serial(), taken);
        self.hub.wrote(id, taken)
    }

    #[inline(always)]
    pub(crate) fn carried(&mut self, id: Id, taken: usize) {
        marks::settled(id.serial(), taken);
        self.hub.carried(id, taken);
    }

    pub(crate) fn take_transcript(&mut self, transcript: &mut Transcript) {
        self.hub.take_transcript(transcript);
        self.marked = 0;
    }

    #[inline(always)]
    fn mark(&mut self) {
        marks::ingested(|| self.hub.pending().map(|(id, bytes)| (id.serial(), bytes)));
        if let Some(transcript) = self.hub.transcript() {
            marks::told(|| transcript.after(self.marked).filter_map(told));
            self.marked = transcript.len();
        }
    }
}

/// What the trace shows of an event: the client's number and name, and what it said to all.
fn told(event: Event<'_>) -> Option<(u64, &str, Option<&str>)> {
    match event {
        Event::Arrived { id, nick, .. } | Event::Renamed { id, nick, .. } => Some((id.serial(), nick, None)),
        Event::Said { id, nick, text } | Event::Acted { id, nick, text } => Some((id.serial(), nick, Some(text))),
        _ => None,
    }
}

/// [`chat::Permit`].
pub(crate) struct Permit<'a> {
    hub: &'a mut Hub,
    id: Id,
    read_max: usize,
}

impl Permit<'_> {
    pub(crate) fn read_max(&self) -> usize {
        self.read_max
    }

    pub(crate) fn receive(self, bytes: &[u8]) {
        if let Some(permit) = self.hub.hub.permit(self.id) {
            permit.receive(bytes);
            self.hub.mark();
        }
    }
}

impl Deref for Hub {
    type Target = chat::Hub;

    fn deref(&self) -> &chat::Hub {
        &self.hub
    }
}

impl DerefMut for Hub {
    fn deref_mut(&mut self) -> &mut chat::Hub {
        &mut self.hub
    }
}
