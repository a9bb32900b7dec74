//! The client, `tertulia join`: a terminal interface for people, a pipe for programs.
//!
//! It works with any server that sends and receives lines. From our own server it also learns who is in the room, its
//! own nick, and why it was refused. In reading order:
//!
//! * [`connect`]: connects a socket to `HOST:PORT`; [`stream`]: the connection, with TLS or without; `session`: what two threads share
//!   of TLS; `trust`: whether a server is the right one;
//! * [`inbox`]: the server's bytes as lines, bounded and sanitized;
//! * [`heard`]: the kind of each line; [`news`]: what a notice says about names;
//! * [`hello`]: requests a nick before anything else is sent;
//! * [`pipe`]: sends the lines of stdin and prints the server's lines;
//! * [`terminal`]: the same for people. Its parts are [`editor`] (a thread that waits for keys), [`screen`] (the lines
//!   that wait for the terminal), [`receiver`], [`reconnect`], [`tty`], [`render`], [`wrap`], [`reflow`], [`palette`], [`nicks`], [`complete`] and
//!   [`commands`];
//! * [`messages`]: every text of the client, in English and Spanish.
//!
//! # In a terminal
//!
//! Lines arrive above the line that is being typed, each with its time of day. Tab completes commands and names, the
//! last speaker first; `:` and Tab list the commands and what they do. Long lines are wrapped between words, and all
//! rows but the first are indented. Lines that mention you stand out and ring; `:bell` turns that off. Ctrl-D leaves.
//! Commands of other programs, such as `/quit`, `/msg` or `:Q`, are not sent: the client says what to write instead. A
//! space before such a word sends it. With `--reconnect` the client connects again when the server is gone, under the
//! same name, and keeps what is being typed.
//!
//! # In a pipe
//!
//! The output is plain. The client sends the lines of stdin and prints what arrives; after the end of stdin it prints
//! what still arrives.
//!
//! ```console
//! $ printf 'hola\n:q\n' | tertulia join
//! -- welcome to tertulia: you are guest1 (#1)
//! -- nobody else is here yet
//! -- :nick NAME takes a name, :help tells the rest, :q leaves
//! -- goodbye
//! ```
//!
//! So a bot is a shell script. This one answers to `!date`:
//!
//! ```bash
//! coproc tertulia join --nick clock
//! while read -r who text; do
//!     [ "$text" = '!date' ] && date
//! done <&"${COPROC[0]}" >&"${COPROC[1]}"
//! ```
//!
//! # Exit codes
//!
//! 0: you left. 1: the server is not there, is gone or is full, or the name cannot be one. A name that is taken also
//! ends a client in a pipe, so that a bot never speaks under another name. In a terminal you keep your seat as
//! `guestN`.

mod commands;
mod complete;
mod connect;
mod editor;
mod heard;
mod hello;
mod inbox;
mod messages;
mod news;
mod nicks;
mod palette;
mod pipe;
mod receiver;
mod reconnect;
mod reflow;
mod render;
mod screen;
#[cfg_attr(not(feature = "tls"), path = "no_session.rs")]
mod session;
mod stream;
mod terminal;
#[cfg_attr(not(feature = "tls"), path = "no_trust.rs")]
mod trust;
mod tty;
mod wrap;

use crate::text::Lang;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
pub(crate) use trust::Trust;

/// The timeout for the server to close the connection after a `:q`.
const LEAVING_PATIENCE: Duration = Duration::from_secs(2);

/// The options of `tertulia join`.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `HOST:PORT`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
    pub addr: String,
    /// Which certificate the server must have; `None` for a connection without TLS.
    pub trust: Option<Trust>,
    /// The certificate that the server had before does not count.
    pub forgets: bool,
    /// The nick to request before anything else is sent.
    pub nick: Option<String>,
    /// The room's password, for when the server asks; without it a terminal asks its user.
    pub password: Option<String>,
    /// Whether a terminal connects again when the server is gone; a pipe never does.
    pub reconnect: bool,
    /// Whether a terminal gets colours; a pipe never does.
    pub color: bool,
    /// The language of the client's own texts, whatever the server speaks.
    pub lang: Lang,
}

/// Joins the conversation until the user or the server ends it. The error is one line: what failed, and what to try.
///
/// On a terminal, the process should end after this: stdin may have been replaced by `/dev/null`, because there is no
/// other way to end the wait for a key. The terminal's modes are restored.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let nick = options.nick.as_deref().map(|nick| hello::check(nick, options.lang)).transpose()?;
    #[cfg(feature = "tls")]
    if options.forgets {
        trust::forget(&options.addr, options.lang)?;
    }
    let stream = connect::connect(&options.addr, options.trust.as_ref(), options.lang)?;
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match on_terminal.then(|| terminal::Parts::open(&options)).flatten() {
        Some(parts) => terminal::run(stream, nick, parts, &options),
        None => pipe::run(stream, nick, options.password, options.lang),
    }
}

/// Locks a mutex, poisoned or not: these mutexes guard names and lines, which a thread that panics leaves intact.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
