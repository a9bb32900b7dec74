//! The result of a torment.

use super::cause::Cause;
use super::entry::Torment;
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

/// The result of a torment, as it is reported.
#[derive(Clone, Debug)]
pub struct Finding {
    pub torment: &'static Torment,
    pub verdict: Verdict,
    /// Possible causes of a failure, the likeliest first.
    pub causes: Vec<Cause>,
    /// What was seen, or why it was skipped. Empty if it was passed.
    pub seen: String,
    /// Observations that are no faults.
    pub remarks: Vec<String>,
    pub took: Duration,
}
