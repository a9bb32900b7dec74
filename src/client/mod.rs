//! What `tertulia join` is: a terminal for people, a pipe for programs.
//!
//! It works with any server that speaks lines; with ours it knows more: who is here, what one is called, and why one was
//! turned away. In reading order:
//!
//! * [`connect`]: from `HOST:PORT` to a socket, or to one line that says why not;
//! * [`inbox`]: the server's bytes as lines, bounded and sanitized;
//! * [`heard`]: what kind of line that is; [`news`]: what a notice tells about names;
//! * [`hello`]: takes a name before anything else is said;
//! * [`pipe`]: stdin's lines go out, the server's come in, nothing more;
//! * [`terminal`]: the same for people, out of [`editor`] (a thread that waits for keys), [`screen`] (lines on their way
//!   to the terminal), [`receiver`], [`tty`], [`render`], [`palette`], [`nicks`] and [`complete`];
//! * [`messages`]: every text the client says, in English and Spanish.

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
mod render;
mod screen;
mod terminal;
mod tty;

use crate::text::Lang;
use std::io::IsTerminal;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How to join.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// `HOST:PORT`, where the host is a name, an IPv4 address or an IPv6 address in brackets.
    pub addr: String,
    /// The name to take before anything is said.
    pub nick: Option<String>,
    /// Colours on the terminal; a pipe never gets any.
    pub color: bool,
    /// The language of the client's own texts, whatever the server speaks.
    pub lang: Lang,
}

/// Joins the conversation until the user or the server ends it. The error is one line: what failed, and what to try.
///
/// On a terminal this is the last thing a process does: stdin may be hung up, because there is no other way to end the
/// waiting for a key. The terminal is as it was.
pub(crate) fn run(options: Options) -> Result<(), String> {
    let nick = options.nick.as_deref().map(|nick| hello::check(nick, options.lang)).transpose()?;
    let stream = connect::connect(&options.addr, options.lang)?;
    let on_terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    match on_terminal.then(|| terminal::Parts::open(&options)).flatten() {
        Some(parts) => terminal::run(stream, nick, parts, &options),
        None => pipe::run(stream, nick, options.lang),
    }
}

/// A thread that panicked has left nothing half done in what these locks guard: names and lines, each whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
