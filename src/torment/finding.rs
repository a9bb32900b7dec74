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
    /// How long it took, in all runs.
    pub took: Duration,
    /// How many runs were made: a failure on a fresh server is repeated while there is time.
    pub runs: u32,
    /// In how many of them it failed.
    pub failures: u32,
}

impl Finding {
    /// One that was not tried, and why.
    pub(crate) fn skipped(torment: &'static Torment, why: Bilingual) -> Finding {
        Finding {
            torment,
            verdict: Verdict::Skipped,
            causes: Vec::new(),
            seen: why,
            remarks: Vec::new(),
            took: Duration::ZERO,
            runs: 0,
            failures: 0,
        }
    }

    /// Whether the server may be at fault.
    pub(crate) fn is_blamed(&self) -> bool {
        matches!(self.verdict, Verdict::Fail | Verdict::Doubtful)
    }

    /// Adds another run. What was seen once in several runs is doubtful.
    pub(crate) fn add(&mut self, again: &Finding) {
        self.took += again.took;
        if again.verdict == Verdict::Skipped {
            return;
        }
        self.runs += 1;
        self.failures += u32::from(again.is_blamed());
        if self.verdict == Verdict::Fail && self.failures == 1 {
            self.verdict = Verdict::Doubtful;
        } else if self.verdict == Verdict::Doubtful && again.verdict == Verdict::Fail {
            self.verdict = Verdict::Fail;
        }
    }
}
