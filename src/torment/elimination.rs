//! Elimination: a cause is ruled out if a server with it fails certain torments, and this one has passed them.

use super::cause::Cause;
use super::finding::{Finding, Verdict};

impl Cause {
    /// A server with this cause fails at least one of these torments, whatever else it fails. Empty if that depends on
    /// chance.
    pub(crate) fn certainly_fails(self) -> &'static [&'static str] {
        match self {
            Cause::BusyLoop => &["idle"],
            Cause::FramingByRead => &["split-line", "two-in-one", "byte-by-byte"],
            Cause::OneAcceptPerEdge => &["burst-connect", "reset-backlog"],
            Cause::OneReadPerEdge => &["gulp"],
            Cause::BlockingHandshake => &["silent-newcomer"],
            Cause::SlowToAccept => &["burst-connect"],
            Cause::ErrorEndsFanOut => &["reset-idle", "reset-mid-fanout", "rush-hour", "stale-event"],
            Cause::StaleEvent => &["stale-event"],
            Cause::WouldBlockIsAnError => &["stuck-reader", "slow-reader", "trickle-reader"],
            Cause::BlockingWrite => &["stuck-reader", "trickle-reader", "polite-beside-flood"],
            Cause::LockAcrossWrite => &["stuck-reader", "trickle-reader"],
            Cause::PausesEverybody => &["selfish-reader", "whisperers", "polite-beside-flood"],
            Cause::ShortWriteDropped | Cause::DroppedWhenFull => &["slow-reader", "backlog"],
            Cause::UnboundedQueue => &["stuck-reader", "trickle-reader", "firehose"],
            Cause::UnboundedLine => &["endless-line"],
            Cause::StaleBuffer => &["names"],
            Cause::FixedTable => &["crowd"],
            Cause::ForgetsTheRest | Cause::SpinsWhenDrained => &["backlog"],
            Cause::ClosesActive => &["long-lived"],
            Cause::DecodesPieces => &["utf8-split"],
            Cause::InterleavedWrites => &["flood-all", "slow-reader"],
            Cause::LosesAtTheEnd => &["half-close"],
            Cause::SpinsAtTheEnd => &["half-close", "reset-idle", "connect-storm"],
            Cause::SeatsNotFreed => &["full-house", "churn"],
            Cause::DescriptorSpin | Cause::DescriptorDeath | Cause::AcceptNotRetried => &["no-descriptors"],
            Cause::InterruptedIsAnError => &["stop-continue"],
            Cause::BlockingPrint => &["frozen-stdout"],
            Cause::PrintEndsServer => &["closed-stdout", "frozen-stdout"],
            Cause::IgnoresSigterm => &["terminate"],
            Cause::AddressInUse => &["restart"],
            _ => &[],
        }
    }

    /// What remains to be said if this cause is ruled out.
    pub(crate) fn vaguer(self) -> Cause {
        match self {
            Cause::FramingByRead | Cause::OneReadPerEdge | Cause::ShortWriteDropped | Cause::DroppedWhenFull => {
                Cause::Loses
            }
            Cause::InterleavedWrites => Cause::Loses,
            Cause::LockAcrossWrite => Cause::BlockingWrite,
            Cause::SpinsAtTheEnd | Cause::SpinsWhenDrained | Cause::DescriptorSpin => Cause::BusyLoop,
            _ => Cause::Unknown,
        }
    }
}

/// Whether some of the torments that a server with this cause fails for certain were tried, and all of them passed.
pub(crate) fn is_ruled_out(cause: Cause, findings: &[Finding]) -> bool {
    let verdicts = || {
        let telling = findings.iter().filter(|finding| cause.certainly_fails().contains(&finding.torment.name));
        telling.map(|finding| finding.verdict).filter(|verdict| *verdict != Verdict::Skipped)
    };
    verdicts().count() > 0 && verdicts().all(|verdict| verdict == Verdict::Pass)
}

/// The causes of a finding that are not ruled out, or else the first vaguer one.
pub(crate) fn remaining(finding: &Finding, findings: &[Finding]) -> Vec<Cause> {
    let causes = finding.causes.iter().copied();
    let possible: Vec<Cause> = causes.filter(|cause| !is_ruled_out(*cause, findings)).collect();
    if !possible.is_empty() {
        return possible;
    }
    let first = finding.causes.first().copied().unwrap_or(Cause::Unknown);
    let vaguer = std::iter::successors(Some(first), |cause| Some(cause.vaguer()));
    vaguer.skip(1).find(|cause| !is_ruled_out(*cause, findings)).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torment::TORMENTS;
    use clap::ValueEnum;

    #[test]
    fn the_torments_exist_and_each_chain_of_vaguer_causes_ends() {
        for &cause in Cause::value_variants() {
            for name in cause.certainly_fails() {
                assert!(TORMENTS.iter().any(|torment| torment.name == *name), "{name}");
            }
            assert_eq!(cause.vaguer().vaguer().vaguer(), Cause::Unknown, "{cause:?}");
        }
        assert!(Cause::Unknown.certainly_fails().is_empty());
    }
}
