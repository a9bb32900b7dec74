//! The diagnosis: it derives causes from failures. Failures have overlapping causes; the causes are listed in the order
//! in which to fix them.

use super::cause::Cause;
use super::elimination::remaining;
use super::finding::Finding;
use std::collections::BTreeMap;

/// The causes that explain all failures, in the order in which to fix them, each with the torments that it explains.
///
/// Causes that passed torments rule out are dropped first. A failure with one possible cause then establishes that
/// cause. A failure with several is assigned to a cause that is established already, or else to its likeliest one.
pub fn diagnose(findings: &[Finding]) -> Vec<(Cause, Vec<&'static str>)> {
    let blamed = findings.iter().filter(|finding| finding.is_blamed());
    let blamed: Vec<(&'static str, Vec<Cause>)> = blamed.map(|f| (f.torment.name, remaining(f, findings))).collect();
    let mut known: Vec<Cause> = blamed.iter().filter(|(_, c)| c.len() == 1).map(|(_, causes)| causes[0]).collect();
    let mut explained: BTreeMap<Cause, Vec<&'static str>> = BTreeMap::new();
    for (name, causes) in blamed {
        let cause = causes.iter().filter(|cause| known.contains(cause)).min().or(causes.first());
        let cause = cause.copied().unwrap_or(Cause::Unknown);
        known.push(cause);
        explained.entry(cause).or_default().push(name);
    }
    explained.into_iter().collect()
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
