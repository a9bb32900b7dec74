//! The failure of a torment.

use super::cause::Cause;
use crate::text::Bilingual;

/// Why a torment was not passed. The likeliest cause comes first.
#[derive(Clone, Debug)]
pub enum Failure {
    /// A fault was observed. If the server has ended, the end is reported instead.
    Fault { causes: Vec<Cause>, seen: Bilingual },
    /// A fault was observed that counts even if the server has ended since.
    Proven { causes: Vec<Cause>, seen: Bilingual },
    /// Something was observed that may be intended.
    Doubt { causes: Vec<Cause>, seen: Bilingual },
    /// No client could talk any more. The torment's entry in the catalogue has the likely causes.
    Silence(Bilingual),
    /// The torment cannot be tried, for this reason.
    Skip(Bilingual),
}

pub(crate) fn fault(causes: &[Cause], seen: Bilingual) -> Failure {
    Failure::Fault { causes: causes.into(), seen }
}

pub(crate) fn proven(causes: &[Cause], seen: Bilingual) -> Failure {
    Failure::Proven { causes: causes.into(), seen }
}

pub(crate) fn doubt(causes: &[Cause], seen: Bilingual) -> Failure {
    Failure::Doubt { causes: causes.into(), seen }
}

/// What a torment returns.
pub(crate) type Outcome = Result<(), Failure>;
