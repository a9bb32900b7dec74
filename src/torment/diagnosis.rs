//! The diagnosis: it derives causes from failures. Failures have overlapping causes; the causes are listed in the order
//! in which to fix them.

use super::cause::Cause;
use super::finding::{Finding, Verdict};
use std::collections::BTreeMap;

/// The causes that explain all failures, in the order in which to fix them, each with the torments that it explains.
///
/// A failure with one possible cause establishes that cause. A failure with several is assigned to a cause that is
/// established already, or else to its likeliest one.
pub fn diagnose(findings: &[Finding]) -> Vec<(Cause, Vec<&'static str>)> {
    let blamed: Vec<&Finding> =
        findings.iter().filter(|f| matches!(f.verdict, Verdict::Fail | Verdict::Doubtful)).collect();
    let mut known: Vec<Cause> = blamed.iter().filter(|f| f.causes.len() == 1).map(|f| f.causes[0]).collect();
    let mut explained: BTreeMap<Cause, Vec<&'static str>> = BTreeMap::new();
    for finding in &blamed {
        let cause = finding.causes.iter().filter(|cause| known.contains(cause)).min().or(finding.causes.first());
        let cause = cause.copied().unwrap_or(Cause::Unknown);
        known.push(cause);
        explained.entry(cause).or_default().push(finding.torment.name);
    }
    explained.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torment::TORMENTS;
    use std::time::Duration;

    fn failed(name: &str, causes: &[Cause]) -> Finding {
        Finding {
            torment: TORMENTS.iter().find(|torment| torment.name == name).expect(name),
            verdict: Verdict::Fail,
            causes: causes.into(),
            seen: crate::text::Bilingual::default(),
            remarks: Vec::new(),
            took: Duration::ZERO,
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
}
