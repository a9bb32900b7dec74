//! The grade of a server: ten points, less what its mistakes cost.
//!
//! Mistakes are counted, and not torments: a missing error handler may fail many torments, and is one mistake. A mistake
//! costs three points if it stops all clients, two if it harms some of them, and one if nobody loses a line by it. A
//! mistake that is doubtful costs half of that.

use super::cause::Cause;
use super::diagnosis::diagnose;
use super::finding::{Finding, Verdict};
use serde::Serialize;

/// The best grade. Points.
pub(crate) const BEST: f64 = 10.0;

/// What a mistake does to clients that behave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Harm {
    /// The server ends, or serves nobody any more.
    StopsAll,
    /// Some clients lose lines, wait long, or are closed; or the machine's resources are used up.
    HarmsSome,
    /// No client loses anything.
    HarmsNobody,
}

impl Harm {
    /// Points.
    pub const fn costs(self) -> f64 {
        match self {
            Harm::StopsAll => 3.0,
            Harm::HarmsSome => 2.0,
            Harm::HarmsNobody => 1.0,
        }
    }
}

impl Cause {
    /// What it does to clients that behave.
    pub const fn harm(self) -> Harm {
        match self {
            Cause::TrustsInput
            | Cause::BlockingHandshake
            | Cause::FixedTable
            | Cause::SharedUnguarded
            | Cause::Deadlock
            | Cause::ClientErrorEndsServer
            | Cause::Sigpipe
            | Cause::WouldBlockIsAnError
            | Cause::BlockingWrite
            | Cause::LockAcrossWrite
            | Cause::UnboundedQueue
            | Cause::UnboundedLine
            | Cause::DescriptorDeath
            | Cause::InterruptedIsAnError
            | Cause::BlockingPrint
            | Cause::PrintEndsServer => Harm::StopsAll,
            Cause::NoOneOrder | Cause::EchoesToSender | Cause::IgnoresSigterm | Cause::AddressInUse => {
                Harm::HarmsNobody
            }
            _ => Harm::HarmsSome,
        }
    }
}

/// A mistake, and what it costs.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Mistake {
    /// Which one.
    pub cause: Cause,
    /// What it does.
    pub harm: Harm,
    /// Points.
    pub costs: f64,
}

/// The grade of a server.
#[derive(Clone, PartialEq, Debug, Serialize)]
pub struct Grade {
    /// From zero to [`BEST`].
    pub points: f64,
    /// [`BEST`].
    pub of: f64,
    /// In the order in which to fix them.
    pub mistakes: Vec<Mistake>,
}

impl Grade {
    /// The grade that these findings give.
    pub fn of(findings: &[Finding]) -> Grade {
        let failed = |name: &str| findings.iter().any(|f| f.torment.name == name && f.verdict == Verdict::Fail);
        let mistakes: Vec<Mistake> = diagnose(findings)
            .into_iter()
            .map(|(cause, names)| {
                let is_sure = names.iter().any(|name| failed(name));
                let harm = cause.harm();
                Mistake { cause, harm, costs: if is_sure { harm.costs() } else { harm.costs() / 2.0 } }
            })
            .collect();
        let costs: f64 = mistakes.iter().map(|mistake| mistake.costs).sum();
        Grade { points: (BEST - costs).max(0.0), of: BEST, mistakes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Bilingual;
    use crate::torment::TORMENTS;

    fn finding(name: &str, verdict: Verdict, cause: Cause) -> Finding {
        let torment = TORMENTS.iter().find(|torment| torment.name == name).expect(name);
        Finding { verdict, causes: vec![cause], ..Finding::skipped(torment, Bilingual::default()) }
    }

    #[test]
    fn a_mistake_counts_once_and_a_doubtful_one_half() {
        let framing = Cause::FramingByRead;
        let two = [finding("split-line", Verdict::Fail, framing), finding("two-in-one", Verdict::Fail, framing)];
        assert_eq!(Grade::of(&two).points, BEST - Harm::HarmsSome.costs());
        let order = finding("flood-all", Verdict::Doubtful, Cause::NoOneOrder);
        assert_eq!(Grade::of(&[order]).points, BEST - Harm::HarmsNobody.costs() / 2.0);
        assert_eq!(Grade::of(&[]).points, BEST);
    }
}
