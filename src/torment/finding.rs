//! What came of a torment.

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
