//! The result of a torment.

use super::cause::Cause;
use super::entry::Torment;
use crate::text::Bilingual;
use std::time::Duration;

/// What a torment showed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// No well-behaved client was harmed.
    Pass,
    /// Well-behaved clients were harmed.
    Fail,
    /// What was observed may be intended.
    Doubtful,
    /// It could not be tried, or there was no time.
    Skipped,
}

impl Verdict {
    /// As JSON has it.
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
    /// Which torment.
    pub torment: &'static Torment,
    /// What it showed.
    pub verdict: Verdict,
    /// Possible causes of a failure, the likeliest first.
    pub causes: Vec<Cause>,
    /// What was observed, or why it was skipped. Empty if it was passed.
    pub seen: Bilingual,
    /// Observations that are not faults.
    pub remarks: Vec<Bilingual>,
    /// How long it took.
    pub took: Duration,
}
