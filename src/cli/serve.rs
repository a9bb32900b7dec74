//! The command line of `tertulia serve`.

use super::address::{HOST, PORT, Where, parse_address};
use super::mode::ModeParser;
use super::usage::alternatives;
use super::value::{at_least, number, whole};
use super::{colors_stdout, diagnostics::Diagnostics, failure::Failure, secret};
use crate::address::Address;
use crate::chat::{Framing, Limits};
use crate::server::console::Paint;
use crate::server::{self, DRIVERS, Driver, Options, WhenFull};
use crate::text::{Lang, say};
use clap::ColorChoice;
use clap::builder::FalseyValueParser;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

/// Run the server
///
/// Prints one line per event on stdout: who joined, who spoke and who left. In a terminal it takes commands: type :help. Ctrl-C or SIGTERM ends the server, SIGHUP opens
/// the history again, SIGUSR1 prints what is counted.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    address: Where,

    /// Listen there, too; give it once for each address
    ///
    /// HOST:PORT, HOST, :PORT or unix:PATH; commas part several. Without ADDR the server listens at these only. Whoever comes through a Unix socket counts
    /// for --max-per-address and for bans by its user, as uid:1000
    #[arg(long, value_name = "ADDR", env = "TERTULIA_LISTEN", value_delimiter = ',', value_parser = parse_address)]
    listen: Vec<Address>,

    /// How the server waits for its clients
    #[arg(long, value_name = "MODE", default_value = DRIVERS[0].name, env = "TERTULIA_MODE", value_parser = ModeParser)]
    mode: &'static Driver,

    /// Microseconds for which the server keeps polling before it sleeps
    ///
    /// Works in the modes with one thread for all sockets. The server answers sooner if it has a core of its own, but it keeps
    /// that core busy while there is traffic. 50 is enough
    #[arg(long, value_name = "MICROS", default_value_t = 0, env = "TERTULIA_SPIN", hide_short_help = true,
          value_parser = whole::<u32>(0..=1_000_000))]
    spin: u32,

    /// Number of seats: how many clients can be in the room at once
    #[arg(long, value_name = "N", default_value_t = 6, env = "TERTULIA_MAX_CLIENTS", value_parser = at_least::<usize>(1))]
    max_clients: usize,

    /// What happens to a new client when all seats are taken
    #[arg(long, value_enum, default_value_t = WhenFull::Refuse, env = "TERTULIA_WHEN_FULL")]
    when_full: WhenFull,

    /// Maximum length of a line in bytes, without its line end
    #[arg(long, value_name = "BYTES", default_value_t = 1024, env = "TERTULIA_MAX_LINE",
          value_parser = whole::<usize>(16..=65536))]
    max_line: usize,

    /// Lines a second from each client; more is read later [default: none]
    #[arg(long, value_name = "LINES", env = "TERTULIA_RATE", value_parser = at_least(NonZeroU32::MIN))]
    rate: Option<NonZeroU32>,

    /// Minutes of silence that cost a client its seat [default: none]
    ///
    /// The client is warned before
    #[arg(long, value_name = "MINUTES", env = "TERTULIA_IDLE", value_parser = number(0.01..=100_000.0))]
    idle: Option<f64>,

    /// Number of clients that may come from one address [default: all]
    #[arg(long, value_name = "N", env = "TERTULIA_MAX_PER_ADDRESS", value_parser = at_least::<usize>(1))]
    max_per_address: Option<usize>,

    /// Let in only who says the password in this file
    ///
    /// The password is the file's first line, or the value of TERTULIA_PASSWORD. A newcomer has three tries and 30 seconds; wrong
    /// tries slow down its address. Without TLS the password can be overheard on the network
    #[arg(long, value_name = "FILE", env = "TERTULIA_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: super::tls::ServeTls,

    /// Members that say `:op` and the password in this file are in charge
    ///
    /// The password is the file's first line. Whoever is in charge may show others out, mute them, ban their addresses and end the
    /// server: `:help` tells how. Wrong passwords from an address are slowed down
    #[arg(long, value_name = "FILE", env = "TERTULIA_OPERATOR_PASSWORD_FILE", hide_short_help = true)]
    operator_password_file: Option<PathBuf>,

    /// Keep in this file which addresses are banned
    ///
    /// One ban a line, so that bans last longer than the server. Whoever is in charge bans an address with `:ban`
    #[arg(long, value_name = "FILE", env = "TERTULIA_BANS", hide_short_help = true)]
    bans: Option<PathBuf>,

    /// Answer Prometheus at this address with what the server counts
    ///
    /// It is plain HTTP and asks for no password: take an address that only the right ones reach
    #[cfg(feature = "metrics")]
    #[arg(long, value_name = "ADDR", env = "TERTULIA_METRICS", hide_short_help = true, value_parser = parse_address)]
    metrics: Option<Address>,

    /// Share the room with other servers, by this log in Redis
    ///
    /// redis://HOST:PORT/DB/NAME, where PORT and DB may be left out, and USER:PASSWORD@ comes before the host if Redis asks for it; then better in TERTULIA_ROOM, which other users do not see.
    /// All servers with the same log have one room. The log is a stream of Redis 7 or newer, or Valkey
    #[cfg(feature = "link")]
    #[arg(long, value_name = "URL", env = "TERTULIA_ROOM", hide_env_values = true, hide_short_help = true)]
    room: Option<server::Shared>,

    /// How the server splits received bytes into messages
    #[arg(long, value_enum, default_value_t = Framing::Line, env = "TERTULIA_FRAMING")]
    framing: Framing,

    /// Keep a history in this file, and show its last lines to new clients
    ///
    /// The file gets one line of JSON per event. A separate thread writes it, so that a slow disk delays nobody
    #[arg(long, value_name = "FILE", env = "TERTULIA_HISTORY")]
    history: Option<PathBuf>,

    /// Number of lines of the history that a new client gets
    #[arg(long, value_name = "N", default_value_t = 20, env = "TERTULIA_REPLAY",
          value_parser = whole::<usize>(0..=1000))]
    replay: usize,

    /// Print no transcript on stdout, and only warnings on stderr
    #[arg(short, long, env = "TERTULIA_QUIET", value_parser = FalseyValueParser::new())]
    quiet: bool,

    /// When to use colours; with `auto`, NO_COLOR turns them off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, env = "TERTULIA_COLOR")]
    color: ColorChoice,

    #[cfg(feature = "trace")]
    #[command(flatten)]
    trace: super::trace::Serve,

    #[command(flatten)]
    diagnostics: Diagnostics,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.diagnostics.start(self.quiet);
        if self.spin > 0 && !self.mode.spins {
            let others: Vec<_> = DRIVERS.iter().filter(|driver| driver.spins).map(|driver| driver.name).collect();
            let others = alternatives(&others, Lang::session());
            return Err(Failure::Usage(say!(Lang::session(),
                "--spin works only with --mode {others}, where one loop of the server's own does the waiting; leave it out";
                "--spin solo funciona con --mode {others}, donde espera un solo bucle del propio servidor; quítala")));
        }
        let paint = if colors_stdout(self.color) { Paint::Colors } else { Paint::Plain };
        Ok(server::run(Options {
            addr_default: Address::Tcp(HOST.into(), PORT),
            addrs: self.address.asked_for().into_iter().chain(self.listen).collect(),
            driver: self.mode,
            spin: Duration::from_micros(self.spin.into()),
            when_full: self.when_full,
            limits: Limits {
                clients_max: self.max_clients,
                line_max: self.max_line,
                framing: self.framing,
                rate: self.rate,
                idle: self.idle.map(|minutes| Duration::from_secs_f64(minutes * 60.0)),
                per_address: self.max_per_address,
                password: secret::of_room(self.password_file.as_deref())?,
                // The server adds it, if it is asked for.
                tls: None,
            },
            #[cfg(feature = "tls")]
            tls: self.tls.source()?,
            #[cfg(not(feature = "tls"))]
            tls: None,
            operator: self.operator_password_file.as_deref().map(secret::in_file).transpose()?,
            bans: self.bans,
            lang: Lang::session(),
            console: (!self.quiet).then_some(paint),
            history: self.history,
            replay: self.replay,
            #[cfg(feature = "link")]
            room: self.room,
            #[cfg(not(feature = "link"))]
            room: None,
            #[cfg(feature = "metrics")]
            metrics: self.metrics,
            #[cfg(not(feature = "metrics"))]
            metrics: None,
            #[cfg(feature = "trace")]
            trace: self.trace.options(),
            #[cfg(not(feature = "trace"))]
            trace: Default::default(),
        })?)
    }
}
