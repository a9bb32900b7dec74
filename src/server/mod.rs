//! How bytes move: the drivers, and what they stand on. Nothing here knows what a line means.
//!
//! * [`drivers`]: one file for each driver, and the table of them;
//! * [`service`]: what a driver is given;
//! * [`net`] (for `epoll` and `poll`), `ring` (for `uring`) and `blocking` (for `threaded`): the layer between a driver and the system. The tests put a
//!   simulated one in its place. This layer and [`hub`] mark the steps for the trace;
//! * [`listener`]: the listening sockets; [`socket_file`]: the files of those that are Unix sockets;
//! * [`own_address`]: by which address others reach this machine;
//! * [`supervisor`]: what systemd hands over and is told;
//! * [`diagnostics`]: what the server says to the person who runs it;
//! * [`figures`]: what is counted, for whoever watches over the server; [`turns`]: how long turns take;
//! * [`metrics`]: the same for Prometheus, over the network;
//! * [`signals`]: what a signal asks of the server; [`stopping`]: how a loop carries it out;
//! * [`identity`]: the server's certificate and key;
//! * [`bans`]: the file of the banned addresses;
//! * [`shared`]: where the log of a room on several servers is;
//! * [`terminal`]: commands that are typed at the server's own terminal;
//! * [`recent`]: the last messages, for newcomers;
//! * [`records`]: where events are recorded: the [`console`] and the [`history`]. Their lines pass a [`spool`], so that
//!   the chat waits neither for a [`sink`] nor for a [`disk`].
//!
//! # What it withstands
//!
//! The tests hold every driver to this; see `tests/conformance` and `tests/machine`.
//!
//! * **Connections** that are reset at any time, half-closed, or made by the thousand. Half a line before a reset is
//!   not said. A client that leaves without closing keeps nobody out: as many such connections are kept as the limit of
//!   descriptors leaves. A program that connects and closes in a loop does not fill the console and the history: from
//!   an address with more than 128 silent visits they only count.
//! * **Vanished peers**: a connection whose other end is gone frees its seat after 40 seconds, whether or not anybody
//!   talks.
//! * **The machine**: no descriptors left, no thread to be had, a full disk, a disk that hangs, a frozen terminal.
//!
//! stdout is the transcript, stderr is diagnostics. Neither can stop the chat: if stdout is frozen, closed or full,
//! lines of the transcript are lost, counted, and the count is shown later. The same holds for the history. It is
//! written by a thread that may wait for its disk, and so is the transcript if stdout is a file; nobody else waits for
//! a disk, however long it hangs. Only a file behind stderr can still delay the chat.
//!
//! In rooms of more than 128 seats the kernel's buffers for TCP are limited to 512 MiB in each direction; those of a Unix socket have a fixed size. The process may be
//! larger than what [`chat`] keeps: in threaded mode glibc has several heaps for its threads, and does not
//! give back all of them after a storm. `MALLOC_ARENA_MAX=1` keeps it small.

mod bans;
#[cfg(feature = "threaded")]
pub(crate) mod blocking;
pub(crate) mod console;
pub(crate) mod diagnostics;
mod disk;
pub(crate) mod drivers;
pub(crate) mod figures;
pub(crate) mod history;
pub(crate) mod hub;
#[cfg_attr(not(feature = "tls"), path = "no_identity.rs")]
pub mod identity;
pub(crate) mod lingering;
pub(crate) mod listener;
#[cfg_attr(not(all(feature = "metrics", target_os = "linux")), path = "metrics/none.rs")]
pub(crate) mod metrics;
pub(crate) mod net;
mod own_address;
mod recent;
pub(crate) mod records;
#[cfg(all(feature = "uring", target_os = "linux"))]
pub(crate) mod ring;
pub(crate) mod service;
#[cfg_attr(not(feature = "link"), path = "not_shared.rs")]
mod shared;
mod signals;
#[cfg(test)]
mod simulated;
pub(crate) mod sink;
mod socket_file;
mod spool;
pub(crate) mod stopping;
mod supervisor;
#[cfg(feature = "async")]
pub(crate) mod tasks;
#[cfg_attr(not(any(target_os = "linux", target_os = "android")), path = "terminal/none.rs")]
pub(crate) mod terminal;
mod turns;
mod visits;
pub(crate) mod wall_clock;

use crate::address::Address;
use crate::chat::limits::CALLERS_MAX;
use crate::chat::{self, Limits, Secret};
use crate::text::Lang;
use crate::trace::{self, marks};
use bans::Bans;
pub use drivers::{DRIVERS, Driver};
use identity::Identity;
pub use listener::make_room_for;
use metrics::Metrics;
use records::Records;
use service::Service;
pub use service::WhenFull;
pub use shared::Shared;
use sink::Sink;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use terminal::Terminal;

/// Where and what to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen.
    pub addrs: Vec<Address>,
    /// Where to listen if there is neither an address nor a socket that a supervisor hands over.
    pub addr_default: Address,
    /// The way of waiting.
    pub driver: &'static Driver,
    /// How long a one-thread driver polls without sleeping before it sleeps.
    pub spin: Duration,
    /// What happens to a client that connects when all seats are taken.
    pub when_full: WhenFull,
    /// Seats, the longest line, framing.
    pub limits: Limits,
    /// The certificate and the key with which connections are encrypted; `None` for plain text.
    pub tls: Option<identity::Source>,
    /// Members that know it are in charge.
    pub operator: Option<Secret>,
    /// Where to keep which addresses are banned; `None` for nowhere.
    pub bans: Option<PathBuf>,
    /// The language of what the server says.
    pub lang: Lang,
    /// The transcript on stdout, coloured or plain; `None` for no transcript.
    pub console: Option<console::Paint>,
    /// Where to keep what is said; `None` for nowhere.
    pub history: Option<PathBuf>,
    /// How many lines of the history a newcomer gets.
    pub replay: usize,
    /// Where the log of a room on several servers is; `None` for a room on this server alone.
    pub room: Option<Shared>,
    /// Where Prometheus gets the figures; `None` for nowhere.
    pub metrics: Option<Address>,
    /// Where the steps that the driver takes are recorded.
    pub trace: trace::Options,
}

/// The connections to the log of a room on several servers, and those that take their place while they are closed.
const LOG_DESCRIPTORS: usize = 4;

/// Serves until a signal tells it to stop. An error is one line for people: what failed and what to try.
pub fn run(mut options: Options) -> Result<(), String> {
    options.driver.check()?;
    signals::outlive_file_limit().map_err(|e| diagnostics::cannot_handle_signals(&e))?;
    let has_password = options.limits.password.is_some();
    let identity = options.tls.as_ref().map(Identity::open).transpose()?;
    options.limits.tls = identity.as_ref().map(Identity::tls);
    let has_tls = identity.is_some();
    let fingerprint = identity.as_ref().map(Identity::line);
    let callers = if has_password || has_tls { CALLERS_MAX } else { 0 };
    let further_addrs = options.addrs.len().saturating_sub(1);
    let log = if options.room.is_some() { LOG_DESCRIPTORS } else { 0 };
    let beside = further_addrs + log + if options.metrics.is_some() { metrics::DESCRIPTORS } else { 0 };
    let lingering_max = listener::make_room_for(options.limits.clients_max + callers + beside)?;
    let mut listeners = supervisor::listeners()?;
    let are_shared = !listeners.is_empty();
    let mut files = Vec::new();
    let addrs = match &options.addrs[..] {
        [] if !are_shared => std::slice::from_ref(&options.addr_default),
        addrs => addrs,
    };
    for addr in addrs {
        let (bound, file) = listener::bind(addr)?;
        listeners.extend(bound);
        files.extend(file);
    }
    let is_reachable = |listener: &TcpListener| listener.local_addr().is_ok_and(|addr| !addr.ip().is_loopback());
    if has_password && !has_tls && listeners.iter().any(is_reachable) {
        log::warn!("{}", diagnostics::password_can_be_overheard());
    }
    listeners.iter().for_each(|listener| listener::limit_buffers(listener, options.limits.clients_max));
    let Options { driver, when_full, spin, lang, .. } = options;
    let bans = options.bans.as_deref().map(Bans::open).transpose()?;
    let earlier_bans: Vec<_> = bans.iter().flat_map(Bans::left).collect();
    let shared = options.room.as_ref().map(|room| room.look(options.replay)).transpose()?;
    let mut records = Records::new(options.console, lang, options.history.as_deref(), options.replay)?
        .with_recent(shared.as_ref().and_then(shared::Found::recent))
        .with_bans(bans)
        .with_identity(identity);
    marks::start(&options.trace, driver.header(), lang, || Some(Sink::stderr().ok()?.into_writer()))?;
    for line in own_address::lines(&listeners, has_tls).iter().chain(&fingerprint) {
        records.tell(line);
    }
    let mut hub = chat::Hub::new(options.limits, lang, Instant::now());
    if records.are_kept() {
        hub = hub.record();
    }
    for (addr, left) in earlier_bans {
        hub.ban(addr, left);
    }
    if let Some(password) = options.operator {
        hub = hub.with_operator(password);
    }
    if let Some(found) = shared {
        hub = found.share(hub);
    }
    if let Some(replay) = records.replay() {
        hub = hub.replay(replay);
    }
    let hub = hub::Hub::new(hub);
    let terminal = options.console.and_then(|_| Terminal::open());
    let metrics = options.metrics.as_ref().map(Metrics::open).transpose()?;
    let mode = driver.name;
    let service =
        Service { mode, listeners, are_shared, hub, records, terminal, metrics, when_full, lingering_max, spin };
    let result = (driver.run)(service);
    marks::finish();
    result.map_err(|e| diagnostics::cannot_go_on(&e))
}
