//! How bytes move: the drivers, and what they need. Nothing here knows what a line means.
//!
//! * [`drivers`] is the table of them;
//! * [`epoll`], `poll` and `threaded` are the drivers, a file each. Lay them side by side;
//! * [`net`] and `blocking`: what the one and what the other stands on, and in its tests does not. There, and in [`hub`], the
//!   steps are marked for the trace;
//! * [`listener`]: where clients come in;
//! * [`records`]: where it is told what happened: [`console`] and [`history`].

#[cfg(feature = "threaded")]
pub mod blocking;
pub mod console;
pub mod drivers;
pub mod epoll;
pub mod history;
pub mod hub;
pub mod lingering;
pub mod listener;
pub mod net;
#[cfg(feature = "poll")]
pub mod poll;
pub mod records;
#[cfg(test)]
mod simulated;
pub mod sink;
#[cfg(feature = "threaded")]
pub mod threaded;
pub mod wall_clock;

use crate::chat::{self, Event, Limits};
use crate::text::Lang;
use crate::trace::{self, marks};
pub use drivers::{DRIVERS, Driver};
use records::Records;
use sink::Sink;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// What happens to a client that connects when all seats are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
pub enum WhenFull {
    /// It is told so and closed
    Refuse,
    /// It waits in the kernel's queue until a seat is free
    Wait,
}

/// Where and what to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Host and port.
    pub addr: (String, u16),
    pub driver: &'static Driver,
    /// For how long one thread that waits for every socket looks again before it sleeps.
    pub spin: Duration,
    pub when_full: WhenFull,
    pub limits: Limits,
    pub lang: Lang,
    /// The transcript on stdout, in colours or not; `None` for no transcript.
    pub console: Option<console::Paint>,
    pub history: Option<PathBuf>,
    /// How many lines of the history a newcomer gets.
    pub replay: usize,
    /// What becomes of the steps that the driver takes.
    pub trace: trace::Options,
}

/// How long outboxes are flushed when the server is told to stop.
pub(crate) const STOP_PATIENCE: Duration = Duration::from_secs(2);
/// How long to leave the listener alone after it failed, for want of descriptors or memory.
pub(crate) const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// What a driver is given.
pub(crate) struct Service {
    pub driver: &'static Driver,
    pub listener: TcpListener,
    pub hub: hub::Hub,
    pub records: Records,
    pub when_full: WhenFull,
    pub spin: Duration,
}

impl Service {
    /// Says that the server listens. A driver does so once it catches signals: whoever waits for this word may send one.
    pub fn announce(&mut self) -> io::Result<()> {
        let (addr, seats) = (self.listener.local_addr()?, self.hub.limits().clients_max);
        let mode = self.driver.name;
        self.records.note_one(Event::Listening { addr, mode, seats });
        log::info!("listening on {addr}, mode {mode}, {seats} seats");
        Ok(())
    }
}

/// Serves until SIGINT or SIGTERM. An error is one line for people: what failed and what to try.
pub fn run(options: Options) -> Result<(), String> {
    listener::make_room_for(options.limits.clients_max)?;
    let listener = listener::bind(&options.addr)?;
    let Options { driver, when_full, spin, lang, .. } = options;
    marks::start(&options.trace, driver.header(), lang, || Some(Sink::stderr().ok()?.into_writer()))?;
    let records = Records::new(&options);
    let mut hub = chat::Hub::new(options.limits, lang, Instant::now());
    if records.are_kept() {
        hub = hub.record();
    }
    let hub = hub::Hub::new(hub);
    let result = (driver.run)(Service { driver, listener, hub, records, when_full, spin });
    marks::finish();
    result.map_err(|e| format!("the server cannot go on: {e}"))
}
