//! Why a torment is not passed.

use super::cause::Cause;

/// A torment that was not passed.
#[derive(Clone, Debug)]
pub enum Failure {
    /// What was seen, and what may have caused it: the likeliest first.
    Fault { causes: Vec<Cause>, seen: String },
    /// The same, and it was so before the server ended, if it ended.
    Proven { causes: Vec<Cause>, seen: String },
    /// Something must be said that may be meant so, or was not seen clearly.
    Doubt { causes: Vec<Cause>, seen: String },
    /// Nobody could talk any more. The torment knows what that most likely means.
    Silence(String),
    /// It cannot be tried, and why.
    Skip(String),
}

pub fn fault(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Fault { causes: causes.into(), seen: seen.into() }
}

pub fn proven(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Proven { causes: causes.into(), seen: seen.into() }
}

pub fn doubt(causes: &[Cause], seen: impl Into<String>) -> Failure {
    Failure::Doubt { causes: causes.into(), seen: seen.into() }
}

/// A torment's own word.
pub type Outcome = Result<(), Failure>;
