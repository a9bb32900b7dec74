//! The gallery's servers: the torments name the mistake of each, and none without it.

use super::common::process::run;
use super::rows::{Expected, Row, check_all};
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
fn telling(exhibit: &Exhibit) -> &'static [&'static str] {
    match exhibit.name {
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
    }
}

/// An exhibit, with its mistake or without.
fn row(words: &[&str], torments: &'static [&'static str], expected: Expected) -> Row {
    let command = own_command(&[&["gallery"], words, &["127.0.0.1:{port}"]].concat());
    let mut row = Row::new(format!("gallery {}", words.join(" ")), command, torments, expected);
    // An echo to the sender is a fault only if the settings say so.
    row.settings.echo = Some(false);
    row
}

pub fn rows() -> Vec<Row> {
    let exhibits = EXHIBITS.iter();
    let broken = exhibits.map(|exhibit| row(&[exhibit.name], telling(exhibit), Expected::Only(exhibit.cause)));
    // The two servers of which an exhibit replaces a step.
    let cured = ["one-read", "echo"].map(|name| row(&[name, "--cured"], QUICK, Expected::NoFault));
    broken.chain(cured).collect()
}

#[test]
#[ignore = "takes minutes"]
fn rows_of_the_gallery() {
    check_all(rows());
}

#[test]
fn whoever_takes_more_than_its_share_shows_that_a_server_pauses_everybody() {
    for finding in findings(&["pauses-everybody"], &torments(PRESSURE)) {
        assert_eq!(finding.verdict, Verdict::Fail, "{finding:#?}");
        assert_eq!(finding.causes[0], Cause::PausesEverybody, "{finding:#?}");
    }
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
