//! The failure of a torment.

use super::cause::Cause;

/// Why a torment was not passed. Causes are listed with the likeliest first.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A fault was seen. If the server has ended, the end is reported instead.
    Fault { causes: Vec<Cause>, seen: String },
    /// A fault was seen that counts even if the server has ended since.
    Proven { causes: Vec<Cause>, seen: String },
    /// Something was seen that may be intended.
    Doubt { causes: Vec<Cause>, seen: String },
    /// No client could talk any more. The torment's entry has the likely causes.
    Silence(String),
    /// The torment cannot be tried, for this reason.
    Skip(String),
}

pub(crate) fn fault(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Fault { causes: causes.into(), seen: seen.into() }
}

pub(crate) fn proven(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Proven { causes: causes.into(), seen: seen.into() }
}

pub(crate) fn doubt(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Doubt { causes: causes.into(), seen: seen.into() }
}

/// What a torment returns.
pub(crate) type Outcome = Result<(), Failure>;
