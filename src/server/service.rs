//! What a driver is given, and the rules that all drivers keep.

use super::hub::Hub;
use super::metrics::Metrics;
use super::records::Records;
use super::terminal::Terminal;
use super::{diagnostics, listener, supervisor};
use crate::chat::Event;
use std::io;
use std::net::TcpListener;
use std::time::Duration;

/// What happens to a client that connects when all seats are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum WhenFull {
    /// It is told that the room is full, and disconnected
    Refuse,
    /// It waits in the kernel's queue until a seat is free
    Wait,
}

/// How long outboxes are flushed after the server is told to stop.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// How long a driver leaves the listener alone after accept failed for lack of descriptors or memory.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// Connections let in in one turn of a driver with one thread. The limit keeps a burst of connections from delaying the clients in the
/// room.
pub(crate) const ACCEPTS_MAX: usize = 64;
/// A client that sends this much at a time is probably not the only one. So the others may send, too, before what was said is
/// written: then one write to each member is for all of them. Bytes.
#[cfg(any(feature = "threaded", all(feature = "uring", target_os = "linux")))]
pub(crate) const BURST: usize = 256;
/// In a room of at least this many members a line takes many writes, and other clients are likely to speak meanwhile.
#[cfg(any(feature = "threaded", all(feature = "uring", target_os = "linux")))]
pub(crate) const CROWD: usize = 16;

/// What a driver is given.
pub(crate) struct Service {
    /// The driver's name, as `--mode` takes it.
    pub mode: &'static str,
    /// One for each address.
    pub listeners: Vec<TcpListener>,
    /// A supervisor has some of them, too, and goes on listening.
    pub are_shared: bool,
    pub hub: Hub,
    pub records: Records,
    /// `None` if nobody sits at the server's own terminal.
    pub terminal: Option<Terminal>,
    /// `None` if Prometheus gets no figures.
    pub metrics: Option<Metrics>,
    pub when_full: WhenFull,
    /// How many connections may linger at a time.
    pub lingering_max: usize,
    /// For how long one thread that waits for every socket looks again before it sleeps. What this gains and costs:
    /// `benches/network/main.rs`.
    pub spin: Duration,
}

impl Service {
    /// Reports that the server listens. A driver calls this after it has installed its signal handlers: a program that
    /// waits for this line may send a signal at once.
    pub(crate) fn announce(&mut self) -> io::Result<()> {
        let (mode, seats) = (self.mode, self.hub.limits().clients_max);
        for listener in &self.listeners {
            let addr = listener::name(listener)?;
            self.records.note_one(Event::Listening { addr: &addr, mode, seats });
            log::info!("{}", diagnostics::listening(&addr, mode, seats));
        }
        supervisor::tell(supervisor::State::Ready);
        Ok(())
    }
}
