//! The result as JSON, for programs. The keys are English in each language.

use crate::text::Lang;
use crate::torment::{Finding, Grade, Lesson, Verdict, diagnose};
use serde_json::{Value, json};

/// The result when no torment could begin, with the keys of the others.
pub(super) fn with_error(lang: Lang, why: &str, seed: u64) -> Value {
    let mut json = of(lang, &[], seed);
    json["error"] = why.into();
    json
}

/// The result.
pub(super) fn of(lang: Lang, findings: &[Finding], seed: u64) -> Value {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let torments: Vec<_> = findings
        .iter()
        .map(|f| {
            let torment = f.torment;
            json!({
                "name": torment.name,
                "does": torment.does.in_lang(lang),
                "healthy": torment.healthy.in_lang(lang),
                "verdict": f.verdict.name(),
                "seen": f.seen.in_lang(lang),
                "causes": f.causes,
                "remarks": f.remarks.iter().map(|remark| remark.in_lang(lang)).collect::<Vec<_>>(),
                "seconds": f.took.as_secs_f64(),
                "runs": f.runs,
                "failures": f.failures,
            })
        })
        .collect();
    let diagnosis: Vec<_> = diagnose(findings)
        .into_iter()
        .map(|(cause, names)| {
            let Lesson { title, usually, fix, read } = cause.lesson();
            json!({
                "cause": cause,
                "title": title.in_lang(lang),
                "usually": usually.in_lang(lang),
                "fix": fix.in_lang(lang),
                "read_on": read,
                "explains": names,
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seed": seed,
        "passed": count(Verdict::Pass),
        "failed": count(Verdict::Fail),
        "doubtful": count(Verdict::Doubtful),
        "skipped": count(Verdict::Skipped),
        "grade": (!findings.is_empty()).then(|| Grade::of(findings)),
        "diagnosis": diagnosis,
        "torments": torments,
    })
}
