//! What came of a torment.

use super::catalogue::Torment;
use super::cause::Cause;
use std::time::Duration;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    Pass,
    Fail,
    Doubtful,
    Skipped,
}

impl Verdict {
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Doubtful => "doubtful",
            Verdict::Skipped => "skipped",
        }
    }
}

/// A torment that was not passed.
#[derive(Clone, Debug)]
pub enum Blow {
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

pub fn fault(causes: &[Cause], seen: impl Into<String>) -> Blow {
    Blow::Fault { causes: causes.into(), seen: seen.into() }
}

pub fn proven(causes: &[Cause], seen: impl Into<String>) -> Blow {
    Blow::Proven { causes: causes.into(), seen: seen.into() }
}

pub fn doubt(causes: &[Cause], seen: impl Into<String>) -> Blow {
    Blow::Doubt { causes: causes.into(), seen: seen.into() }
}

/// A torment's own word.
pub type Outcome = Result<(), Blow>;

/// The word on a torment that is reported.
#[derive(Clone, Debug)]
pub struct Finding {
    pub torment: &'static Torment,
    pub verdict: Verdict,
    /// What may have caused a failure, the likeliest first.
    pub causes: Vec<Cause>,
    /// What was seen, or why it was skipped. Empty if it was passed.
    pub seen: String,
    /// What is worth a word and is no fault.
    pub remarks: Vec<String>,
    pub took: Duration,
}
