//! The line end on the wire. Servers differ.

use clap::ValueEnum;

/// What ends a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Eol {
    /// A line feed
    Lf,
    /// A carriage return and a line feed
    #[value(name = "crlf")]
    CrLf,
}

impl Eol {
    /// The bytes that are sent.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Eol::Lf => b"\n",
            Eol::CrLf => b"\r\n",
        }
    }
}
