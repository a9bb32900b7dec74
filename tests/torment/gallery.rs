//! The gallery's servers: the torments name the mistake of each.

use super::common::process::run;
use super::*;
use tertulia::harness::{START_LIMIT, Stdout};
use tertulia::torment::diagnose;
use tertulia::torment::gallery::{EXHIBITS, Exhibit};

fn findings(exhibit: &Exhibit, torments: &[&'static Torment]) -> Vec<Finding> {
    let target = started(&["gallery", exhibit.name, "127.0.0.1:{port}"]);
    // An echo to the sender is a fault only if the settings say so.
    let settings = Settings { echo: Some(false), ..patient() };
    torment(&target, torments, &settings)
}

#[track_caller]
fn has_its_own_fault_only(exhibit: &Exhibit, findings: &[Finding]) {
    let causes: Vec<_> = diagnose(findings).into_iter().map(|(cause, _)| cause).collect();
    assert_eq!(causes, [exhibit.cause], "{}: {findings:#?}", exhibit.name);
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

/// Runs the torments that show an exhibit's fault, and some that must pass.
#[test]
fn each_exhibit_fails_by_its_own_fault() {
    for exhibit in EXHIBITS {
        let telling: &[&str] = match exhibit.name {
            "framing-by-recv" => &["split-line", "two-in-one", "byte-by-byte", "utf8-split", "long-line"],
            "one-accept" => &["burst-connect", "reset-backlog", "connect-storm"],
            "one-read" => &["gulp", "split-line", "two-in-one"],
            "blocking-write" | "lock-across-write" => &["stuck-reader", "half-close"],
            "write-all" => &["stuck-reader", "reset-idle"],
            "pauses-everybody" => &["selfish-reader", "whisperers", "polite-beside-flood", "half-close"],
            "short-write" => &["slow-reader", "split-line"],
            "error-ends-server" => &["reset-idle", "reset-backlog", "reset-mid-fanout", "half-close"],
            "stale-token" => &["stale-event", "burst-connect", "reset-idle"],
            "descriptor-spin" => &["no-descriptors", "idle", "half-close"],
            "unbounded-queue" => &["stuck-reader", "endless-line"],
            "unbounded-line" => &["endless-line", "long-line"],
            "echo" => &["own-line", "split-line"],
            "blocking-print" => &["frozen-stdout", "closed-stdout"],
            "slow-accept" => &["burst-connect", "split-line"],
            other => panic!("what shows the fault of {other}?"),
        };
        has_its_own_fault_only(exhibit, &findings(exhibit, &torments(telling)));
    }
}

#[test]
fn whoever_takes_more_than_its_share_shows_that_a_server_pauses_everybody() {
    let exhibit = EXHIBITS.iter().find(|exhibit| exhibit.name == "pauses-everybody").expect("it is listed");
    for finding in findings(exhibit, &torments(PRESSURE)) {
        assert_eq!(finding.verdict, Verdict::Fail, "{finding:#?}");
        assert_eq!(finding.causes[0], Cause::PausesEverybody, "{finding:#?}");
    }
}

#[test]
#[ignore = "takes a quarter of an hour"]
fn each_exhibit_fails_all_torments_by_its_own_fault_only() {
    let all: Vec<_> = TORMENTS.iter().collect();
    for exhibit in EXHIBITS {
        has_its_own_fault_only(exhibit, &findings(exhibit, &all));
    }
}

#[test]
fn the_gallery_lists_its_exhibits_and_prints_a_cure_on_demand() {
    let list = run(tertulia().arg("gallery")).stdout;
    for exhibit in EXHIBITS {
        assert!(list.contains(exhibit.name), "{list}");
        let cure = run(tertulia().args(["gallery", exhibit.name, "--cure", "--lang", "es"])).stdout;
        assert_eq!(cure.split_whitespace().collect::<Vec<_>>().join(" "), exhibit.cure().es);
        let cure = run(tertulia().args(["gallery", exhibit.name, "--cure"])).stdout;
        assert_eq!(cure.split_whitespace().collect::<Vec<_>>().join(" "), exhibit.cure().en);
    }
}
