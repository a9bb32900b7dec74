//! The gallery's servers: the torments name the mistake of each, and none without it.

use super::common::process::run;
use super::*;
use tertulia::harness::{START_LIMIT, Stdout};
use tertulia::torment::diagnose;
use tertulia::torment::gallery::{EXHIBITS, Exhibit};

fn findings(words: &[&str], torments: &[&'static Torment]) -> Vec<Finding> {
    let target = started(&[&["gallery"], words, &["127.0.0.1:{port}"]].concat());
    // An echo to the sender is a fault only if the settings say so.
    let settings = Settings { echo: Some(false), ..patient() };
    torment(&target, torments, &settings)
}

/// What is named besides an exhibit's fault, or instead of it.
fn wrong(exhibit: &Exhibit, torments: &[&'static Torment]) -> Option<String> {
    let findings = findings(&[&exhibit.number.to_string()], torments);
    let causes: Vec<_> = diagnose(&findings).into_iter().map(|(cause, _)| cause).collect();
    let blamed: Vec<_> = findings.iter().filter(|finding| finding.verdict != Verdict::Pass).collect();
    (causes != [exhibit.cause]).then(|| format!("{}: {causes:?} {blamed:#?}", exhibit.name))
}

/// Checks every second exhibit, from this number on. The other test checks the others at the same time.
#[track_caller]
fn have_their_own_fault_only(first: usize, torments: impl Fn(&Exhibit) -> Vec<&'static Torment>) {
    let exhibits = EXHIBITS.iter().skip(first - 1).step_by(2);
    let wrong: Vec<String> = exhibits.filter_map(|exhibit| wrong(exhibit, &torments(exhibit))).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_running_server_that_ends_is_reported_as_gone() {
    let Target::Started(launcher) = started(&["gallery", "error-ends-server", "127.0.0.1:{port}"]) else {
        panic!("it is to be started");
    };
    let server = launcher.start(Stdout::Nowhere, START_LIMIT).expect("it listens");
    let findings = torment(&Target::Running(server.addr), &torments(&["rush-hour"]), &patient());
    assert!(findings[0].seen.en.contains("the server is gone"), "{findings:#?}");
    assert_eq!(diagnose(&findings)[0].0, Cause::ClientErrorEndsServer, "{findings:#?}");
}

/// Torments that show an exhibit's fault, and some that must pass.
fn telling(exhibit: &Exhibit) -> Vec<&'static Torment> {
    torments(match exhibit.name {
        "framing-by-recv" => &["split-line", "two-in-one", "byte-by-byte", "utf8-split", "long-line"],
        "one-accept" => &["burst-connect", "reset-backlog", "connect-storm"],
        "one-read" => &["gulp", "split-line", "two-in-one"],
        "blocking-write" | "lock-across-write" => &["stuck-reader", "half-close"],
        "write-all" => &["stuck-reader", "reset-idle"],
        "pauses-everybody" => &["polite-beside-flood", "half-close"],
        "short-write" => &["slow-reader", "split-line"],
        "error-ends-server" => &["reset-idle", "reset-backlog", "reset-mid-fanout", "half-close"],
        "stale-token" => &["stale-event", "burst-connect", "reset-idle"],
        "descriptor-spin" => &["no-descriptors", "idle", "half-close"],
        "unbounded-queue" => &["stuck-reader", "endless-line"],
        "unbounded-line" => &["endless-line", "long-line"],
        "echo" => &["own-line", "split-line"],
        "blocking-print" => &["frozen-stdout", "closed-stdout"],
        "slow-accept" => &["burst-connect", "split-line"],
        "no-budget" => &["firehose", "split-line"],
        other => panic!("what shows the fault of {other}?"),
    })
}

#[test]
fn exhibits_with_odd_numbers_fail_by_their_own_fault() {
    have_their_own_fault_only(1, telling);
}

#[test]
fn exhibits_with_even_numbers_fail_by_their_own_fault() {
    have_their_own_fault_only(2, telling);
}

#[test]
#[ignore = "takes minutes"]
fn exhibits_with_odd_numbers_fail_all_torments_by_their_own_fault_only() {
    have_their_own_fault_only(1, |_| TORMENTS.iter().collect());
}

#[test]
#[ignore = "takes minutes"]
fn exhibits_with_even_numbers_fail_all_torments_by_their_own_fault_only() {
    have_their_own_fault_only(2, |_| TORMENTS.iter().collect());
}

#[test]
fn whoever_takes_more_than_its_share_shows_that_a_server_pauses_everybody() {
    for finding in findings(&["pauses-everybody"], &torments(PRESSURE)) {
        assert_eq!(finding.verdict, Verdict::Fail, "{finding:#?}");
        assert_eq!(finding.causes[0], Cause::PausesEverybody, "{finding:#?}");
    }
}

/// Runs an exhibit without its mistake.
#[track_caller]
fn passes_all_torments_when_cured(name: &str) {
    let all: Vec<_> = TORMENTS.iter().collect();
    has_no_faults(&findings(&[name, "--cured"], &all));
}

#[test]
fn the_event_loop_without_a_mistake_passes_all_torments() {
    passes_all_torments_when_cured("one-read");
}

#[test]
fn the_threads_without_a_mistake_pass_all_torments() {
    passes_all_torments_when_cured("echo");
}

#[test]
fn the_gallery_lists_symptoms_and_tells_causes_and_cures_on_demand_only() {
    let list = run(tertulia().arg("gallery")).stdout;
    let names = run(tertulia().args(["gallery", "--names"])).stdout;
    let in_words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    for exhibit in EXHIBITS {
        let (number, name) = (exhibit.number.to_string(), exhibit.name);
        assert!(in_words(&list).contains(&format!("exhibit {number} {}", exhibit.symptom().en)), "{list}");
        assert!(!list.contains(&format!(" {name} ")), "{list}");
        assert!(in_words(&names).contains(&format!("{number} {name} {}", exhibit.cause.lesson().title.en)), "{names}");
        let cure = run(tertulia().args(["gallery", &number, "--cure", "--lang", "es"])).stdout;
        assert!(in_words(&cure).starts_with(&*exhibit.cure.es), "{cure}");
        let cure = run(tertulia().args(["gallery", name, "--cure"])).stdout;
        assert!(in_words(&cure).starts_with(&*exhibit.cure.en), "{cure}");
        assert!(cure.contains(&exhibit.path()), "{cure}");
    }
    let cure = run(tertulia().args(["gallery", "2", "--cure"])).stdout;
    assert!(cure.contains("\n-    thread::sleep(Duration::from_secs(1));\n }\n"), "{cure}");
    let cure = run(tertulia().args(["gallery", "2", "--cure", "--color", "always"])).stdout;
    assert!(cure.contains("\u{1b}[31m-    thread::sleep(Duration::from_secs(1));\u{1b}[0m\n"), "{cure}");
}

#[test]
fn an_exhibit_that_does_not_exist_is_refused() {
    let refused = run(tertulia().args(["gallery", "99"]));
    assert!(refused.stderr.contains("use a number from 1 to"), "{}", refused.stderr);
}
