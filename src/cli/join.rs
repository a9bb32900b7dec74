//! The command line of `tertulia join`.

use super::address::Where;
use super::{colors_stdout, diagnostics::Diagnostics, failure::Failure, secret};
use crate::client::{self, Options};
use crate::text::Lang;
use clap::ColorChoice;
use std::path::PathBuf;

/// Join a chat
///
/// In a terminal, new lines appear above the line being typed, Tab completes names and commands, and `:q` leaves. In a
/// pipe, the client sends each line of stdin and prints the lines that it receives as plain text. After the end of stdin it
/// prints the lines that still arrive.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(flatten)]
    address: Where,

    /// Nickname to use
    #[arg(long, value_name = "NAME", env = "TERTULIA_NICK")]
    nick: Option<String>,

    #[cfg(feature = "tls")]
    #[command(flatten)]
    tls: super::tls::JoinTls,

    /// File with the room's password, for when the server asks for it
    ///
    /// The password is the file's first line, or the value of TERTULIA_PASSWORD. Without it you are asked in a terminal
    #[arg(long, value_name = "FILE", env = "TERTULIA_PASSWORD_FILE")]
    password_file: Option<PathBuf>,

    /// Connect again when the connection is lost; only in a terminal
    ///
    /// The pauses between the attempts grow. The line that is being typed is kept
    #[arg(long, env = "TERTULIA_RECONNECT")]
    reconnect: bool,

    /// When to use colours; with `auto`, NO_COLOR turns them off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto, env = "TERTULIA_COLOR")]
    color: ColorChoice,

    #[command(flatten)]
    diagnostics: Diagnostics,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        self.diagnostics.start(false);
        Ok(client::run(Options {
            addr: self.address.get().to_string(),
            #[cfg(feature = "tls")]
            trust: self.tls.trust(),
            #[cfg(feature = "tls")]
            forgets: self.tls.forgets(),
            #[cfg(not(feature = "tls"))]
            trust: None,
            #[cfg(not(feature = "tls"))]
            forgets: false,
            nick: self.nick,
            password: secret::to_say(self.password_file.as_deref())?,
            reconnect: self.reconnect,
            color: colors_stdout(self.color),
            lang: Lang::session(),
        })?)
    }
}
