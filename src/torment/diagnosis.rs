//! The diagnosis: it derives causes from failures. Failures have overlapping causes; the causes are listed in the order
//! in which to fix them.

use super::cause::Cause;
use super::elimination::remaining;
use super::finding::Finding;
use std::collections::{BTreeMap, BTreeSet};

/// The causes that explain all failures, in the order in which to fix them, each with the torments that it explains.
///
/// Causes that passed torments rule out are dropped first. A failure with one possible cause then establishes that
/// cause. Established causes explain all they can; then the cause that explains most of the rest does, until nothing is
/// left: few causes are likelier than many.
pub fn diagnose(findings: &[Finding]) -> Vec<(Cause, Vec<&'static str>)> {
    let blamed = findings.iter().filter(|finding| finding.is_blamed());
    let mut left: Vec<(&'static str, Vec<Cause>)> = blamed.map(|f| (f.torment.name, remaining(f, findings))).collect();
    let mut explained = BTreeMap::new();
    while let Some(cause) = best_explanation(&left) {
        let (its, others) = left.into_iter().partition(|(_, causes)| causes.contains(&cause));
        explained.insert(cause, Vec::from_iter(Vec::into_iter(its).map(|(name, _)| name)));
        left = others;
    }
    explained.into_iter().collect()
}

/// The cause that explains most of these failures, of those that are established if there are some. A failure counts
/// the less, the more other causes are likelier for it.
fn best_explanation(failures: &[(&'static str, Vec<Cause>)]) -> Option<Cause> {
    let is_established = |cause: Cause| failures.iter().any(|(_, causes)| causes == &[cause]);
    let weight = |cause: Cause| -> f64 {
        let ranks = failures.iter().filter_map(|(_, causes)| causes.iter().position(|other| *other == cause));
        ranks.map(|rank| 1.0 / (1 + rank) as f64).sum()
    };
    let all: BTreeSet<Cause> = failures.iter().flat_map(|(_, causes)| causes.iter().copied()).collect();
    let score = |cause: Cause| (is_established(cause), weight(cause));
    // Of several that explain as much, the one to fix first.
    let best = |one: Cause, other: Cause| if score(other) > score(one) { other } else { one };
    all.into_iter().reduce(best)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torment::{TORMENTS, Verdict};
    use std::time::Duration;

    fn failed(name: &str, causes: &[Cause]) -> Finding {
        found(name, Verdict::Fail, causes)
    }

    fn passed(name: &str) -> Finding {
        found(name, Verdict::Pass, &[])
    }

    fn found(name: &str, verdict: Verdict, causes: &[Cause]) -> Finding {
        Finding {
            torment: TORMENTS.iter().find(|torment| torment.name == name).expect(name),
            verdict,
            causes: causes.into(),
            seen: crate::text::Bilingual::default(),
            remarks: Vec::new(),
            took: Duration::ZERO,
            runs: 1,
            failures: u32::from(verdict != Verdict::Pass),
        }
    }

    #[test]
    fn a_failure_with_several_causes_is_assigned_to_an_established_one() {
        let split = failed("split-line", &[Cause::FramingByRead]);
        let flood = failed("flood-all", &[Cause::InterleavedWrites, Cause::FramingByRead]);
        let stuck = failed("stuck-reader", &[Cause::BlockingWrite]);
        let all = diagnose(&[flood.clone(), stuck, split]);
        assert_eq!(
            all,
            [(Cause::FramingByRead, vec!["flood-all", "split-line"]), (Cause::BlockingWrite, vec!["stuck-reader"])]
        );
        assert_eq!(diagnose(&[flood]), [(Cause::InterleavedWrites, vec!["flood-all"])]);
    }

    #[test]
    fn the_cause_that_most_failures_share_explains_an_ambiguous_one() {
        let hose = failed("firehose", &[Cause::Unfair, Cause::UnboundedQueue]);
        let polite = failed("polite-beside-flood", &[Cause::PausesEverybody, Cause::BlockingWrite, Cause::Unfair]);
        assert_eq!(diagnose(&[polite.clone(), hose]), [(Cause::Unfair, vec!["polite-beside-flood", "firehose"])]);
        assert_eq!(diagnose(&[polite]), [(Cause::PausesEverybody, vec!["polite-beside-flood"])]);
        // Two failures whose likeliest cause it is weigh more than one that it hardly explains.
        let input = [Cause::TrustsInput, Cause::ClientErrorEndsServer];
        let ends = failed("reset-idle", &[Cause::ClientErrorEndsServer]);
        let doubtful = failed("vanish", &[Cause::ClientErrorEndsServer, Cause::FixedTable]);
        let garbage = [failed("garbage", &input), failed("long-line", &input)];
        assert_eq!(
            diagnose(&[&garbage[..], &[doubtful]].concat()),
            [(Cause::TrustsInput, vec!["garbage", "long-line"]), (Cause::ClientErrorEndsServer, vec!["vanish"])]
        );
        assert_eq!(
            diagnose(&[&garbage[..], &[ends]].concat()),
            [(Cause::ClientErrorEndsServer, vec!["garbage", "long-line", "reset-idle"])]
        );
    }

    #[test]
    fn what_passed_torments_rule_out_is_not_named() {
        let gulp = failed("gulp", &[Cause::FramingByRead, Cause::ShortWriteDropped]);
        let exonerated = [passed("split-line"), passed("two-in-one"), gulp.clone()];
        assert_eq!(diagnose(&exonerated), [(Cause::ShortWriteDropped, vec!["gulp"])]);
        let exonerated = [&exonerated[..], &[passed("slow-reader")]].concat();
        assert_eq!(diagnose(&exonerated), [(Cause::Loses, vec!["gulp"])]);
        // One failure among the telling torments is enough to keep a cause.
        let split = failed("split-line", &[Cause::FramingByRead]);
        assert_eq!(
            diagnose(&[split, passed("two-in-one"), gulp]),
            [(Cause::FramingByRead, vec!["split-line", "gulp"])]
        );
    }

    #[test]
    fn a_busy_loop_after_garbage_alone_comes_from_the_garbage() {
        let garbage = failed("garbage", &[Cause::SpinsAtTheEnd, Cause::BusyLoop, Cause::TrustsInput]);
        let half_close = failed("half-close", &[Cause::SpinsAtTheEnd, Cause::BusyLoop]);
        let calm = [passed("idle"), garbage];
        assert_eq!(
            diagnose(&[&calm[..], &[half_close]].concat()),
            [(Cause::SpinsAtTheEnd, vec!["garbage", "half-close"])]
        );
        assert_eq!(
            diagnose(&[&calm[..], &[passed("half-close"), passed("reset-idle")]].concat()),
            [(Cause::TrustsInput, vec!["garbage"])]
        );
    }

    #[test]
    fn a_cause_is_never_named_that_is_ruled_out() {
        let stuck = passed("stuck-reader");
        let waits = failed("selfish-reader", &[Cause::LockAcrossWrite]);
        assert_eq!(
            diagnose(&[stuck.clone(), passed("trickle-reader"), waits.clone()]),
            [(Cause::Unknown, vec!["selfish-reader"])]
        );
        assert_eq!(diagnose(&[waits]), [(Cause::LockAcrossWrite, vec!["selfish-reader"])]);
    }

    #[test]
    fn what_is_not_seen_again_is_doubtful() {
        let mut once = failed("gulp", &[Cause::Loses]);
        once.add(&passed("gulp"));
        assert_eq!((once.verdict, once.failures, once.runs), (Verdict::Doubtful, 1, 2));
        once.add(&failed("gulp", &[Cause::Loses]));
        assert_eq!((once.verdict, once.failures, once.runs), (Verdict::Fail, 2, 3));
    }
}
