//! Why a command ends without success.

use std::fmt;
use std::process::ExitCode;

/// One line for people: what is wrong, and what to try.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Failure {
    /// The command line is wrong, so nothing was done. The exit code is clap's for what it refuses itself: 2.
    Usage(String),
    /// It did not work. The exit code is 1.
    Failed(String),
    /// Nothing was learned about a server: it could not be tested. The exit code is 3.
    #[cfg(feature = "torment")]
    Untested(String),
}

impl Failure {
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => 2.into(),
            Failure::Failed(_) => ExitCode::FAILURE,
            #[cfg(feature = "torment")]
            Failure::Untested(_) => 3.into(),
        }
    }
}

impl From<String> for Failure {
    fn from(text: String) -> Failure {
        Failure::Failed(text)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) | Failure::Failed(text) => f.write_str(text),
            #[cfg(feature = "torment")]
            Failure::Untested(text) => f.write_str(text),
        }
    }
}
