//! `tertulia compare`: all modes on one page.
#![cfg(all(feature = "compare", target_os = "linux"))]

mod common;

use common::process::{Dir, fails_with, run, run_within};
use common::{LIMIT, browser, tertulia, until, wait_for};
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use tertulia::server::Driver;

/// The page and the results of a short comparison, which is made once.
#[track_caller]
fn compared() -> &'static (String, Value) {
    static COMPARED: OnceLock<(String, Value)> = OnceLock::new();
    COMPARED.get_or_init(|| {
        let dir = Dir::new();
        let page = dir.file("page.html");
        let mut compare = tertulia();
        compare.args([
            "compare",
            "--clients",
            "2,6",
            "--rounds",
            "2",
            "--millis",
            "50",
            "--crowd",
            "20",
            "--json",
            "-o",
        ]);
        let ended = run_within(LIMIT * 3, compare.arg(&page));
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("open it in a browser: file://{}", page.display())), "{}", ended.stderr);
        let result = serde_json::from_str(&ended.stdout).expect("JSON");
        (fs::read_to_string(&page).expect("a page"), result)
    })
}

#[test]
fn each_mode_is_measured_and_put_on_a_page() {
    let (html, result) = compared();
    for driver in Driver::usable() {
        let line = &result["per_line"][driver.name];
        let calls = line["system_calls"].as_object().expect("counts");
        // Writes to five other clients, and to the console.
        let count = |name: &str| calls.get(name).and_then(Value::as_f64).unwrap_or_default();
        assert!((count("write") - 1.0).abs() < 0.2, "{line}");
        // The table in the documentation of the drivers has these numbers.
        let total: f64 = calls.values().filter_map(Value::as_f64).sum();
        if driver.sleeps_in == "io_uring_enter" {
            assert!((total - 2.0).abs() < 0.5, "{line}");
        } else {
            assert!(count("sendto") + count("writev") >= 5.0 - 1e-9, "{line}");
            let expected = match driver.name {
                "threaded" => 7.0,
                "async" => 9.0,
                _ => 8.0,
            };
            assert!((total - expected).abs() < 0.5, "{line}");
        }
        assert!(line["micros"].as_f64() > Some(0.0), "{line}");
        assert_eq!(line["locks"].as_f64() > Some(0.0), driver.blocks, "{line}");
    }
    assert_eq!(result["by_clients"].as_array().map(Vec::len), Some(2));
    let scenes: Vec<_> = result["scenes"].as_array().expect("scenes").iter().map(|scene| &scene["scene"]).collect();
    assert_eq!(scenes, ["talk", "burst", "slow-reader", "storm", "frozen-console"]);
    for row in result["by_clients"].as_array().into_iter().chain(result["scenes"].as_array()).flatten() {
        for driver in Driver::usable() {
            assert_eq!(row["rounds"][driver.name][0]["flawless"], true, "{row}");
        }
    }
    for driver in Driver::usable() {
        let levels = result["beside_silent_clients"][driver.name].as_array().expect("levels");
        let silent: Vec<_> = levels.iter().filter_map(|level| level["silent"].as_u64()).collect();
        assert_eq!(silent, [0, 20], "{levels:?}");
        assert!(levels.iter().all(|level| level["round_trip"].as_f64() > Some(0.0)), "{levels:?}");
        // Where it sleeps is seen, and is what the table of drivers says.
        let calls = levels[1]["asleep"]["calls"].as_array().expect("calls");
        let sleeps = |call: &Value| call[0] == driver.sleeps_in && call[1] == if driver.blocks { 26 } else { 1 };
        assert!(calls.iter().any(sleeps), "{}: {calls:?}", driver.name);
    }
    assert!(result["findings"].as_array().is_some_and(|findings| findings.len() > 8));

    assert!(html.contains("What to notice") && html.contains("En qué fijarse"));
    assert!(html.matches("<figure>").count() >= 8, "charts in both languages");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn a_page_that_cannot_be_written_is_told_of_before_all_is_measured() {
    fails_with(tertulia().args(["compare", "-o", "/nowhere/page.html"]), &["/nowhere/page.html", "written"]);
}

#[cfg(target_os = "linux")]
#[test]
fn findings_are_printed_even_if_the_page_is_lost() {
    let mut compare = tertulia();
    compare.args(["compare", "--only", "c10k", "--crowd", "5", "--modes", "epoll,poll", "-o", "/dev/full"]);
    let ended = run(&mut compare);
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("A silent client takes"), "{}", ended.stdout);
    assert!(ended.stderr.contains("/dev/full cannot be written"), "{}", ended.stderr);
}

/// Only `compare` gets the signal here; at a terminal the servers would get Ctrl-C, too.
#[test]
fn no_server_is_left_behind() {
    let dir = Dir::new();
    for signal in ["-INT", "-TERM"] {
        let mut compare = tertulia();
        // Longer than a test may take.
        compare.args(["compare", "--millis", "60000", "-o"]).arg(dir.file("page.html"));
        let mut compare = compare.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let pid = compare.id();
        let is_measured = |child: &&str| {
            let words = fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap_or_default();
            words.contains("--quiet")
        };
        let server = until("a server is measured", || {
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).ok()?;
            children.split_whitespace().find(is_measured).map(str::to_owned)
        });
        assert!(Command::new("kill").args([signal, &pid.to_string()]).status().expect("kill runs").success());
        let code = wait_for(&mut compare).code();
        assert_eq!(code, Some(if signal == "-INT" { 130 } else { 143 }));
        assert!(!Path::new("/proc").join(server).exists());
    }
}

#[test]
#[ignore = "needs chromium"]
fn all_timelines_follow_the_same_message_in_a_browser() {
    const ACTS: &str = r#"
        const all = query => [...document.querySelectorAll(query)];
        const key = key => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const paint = () => page.timelines.forEach(timeline => timeline.paint());
        seen.ready = document.body.dataset.ready;
        seen.lanes = all('.timeline').map(timeline => timeline.querySelectorAll('.lane').length);
        seen.facts = all('.timeline h2').map(heading => heading.textContent);
        // Any other two can be chosen; one that is on the other side already changes places with it.
        const select = (id, mode) => {
            const list = document.getElementById(id);
            list.value = mode;
            list.dispatchEvent(new Event('change', { bubbles: true }));
        };
        const modes = page.all.map(({ trace }) => trace.mode), first = page.timelines.map(({ trace }) => trace.mode);
        const names = () => page.timelines.map(({ trace }) => trace.mode);
        seen.chosen = [first.join()];
        select('left', first[1]); seen.chosen.push(names().join());
        select('left', modes.at(-1)); select('right', modes.at(-2)); seen.chosen.push(names().join());
        seen.last = [modes.at(-1), modes.at(-2)].join();
        paint();
        seen.drawn = all('.timeline .step').length > 9;
        // The address can ask for more than two.
        page.goTo(new URLSearchParams({ modes })); paint();
        seen.all = page.timelines.length === modes.length && all('.timeline').length === modes.length;
        page.goTo(new URLSearchParams({ modes: first })); paint();
        key('ArrowDown'); paint();
        seen.messages = page.timelines.map(timeline => timeline.message);
        seen.paths = all('.timeline').map(timeline => timeline.querySelectorAll('.step.write.on-path').length);
        seen.scales = page.timelines.map(timeline => timeline.axis.scale);
        seen.story = document.getElementById('story').textContent;
        // Nothing that is written lies on anything else that is written.
        const boxes = all('.lane-name, .bytes.on-path').map(text => text.getBoundingClientRect());
        const meet = (a, b) => a.left < b.right && b.left < a.right && a.top + a.height / 4 < b.bottom - b.height / 4 && b.top + b.height / 4 < a.bottom - a.height / 4;
        seen.overlaps = boxes.filter((a, i) => boxes.some((b, j) => j > i && meet(a, b))).length;
        // Nor on the line that the message takes, which is right below the boxes.
        seen.struck = all('.timeline').filter(timeline => {
            const line = timeline.querySelector('polyline.path').points, middle = line[line.length - 1].y;
            return [...timeline.querySelectorAll('.bytes.on-path')].some(text => {
                const { y, height } = text.getBBox();
                return y < middle && middle < y + height;
            });
        }).length;
        key('Tab');
        seen.other = page.active === page.timelines[1];
        const languages = () => [...new Set(all('article').filter(part => part.offsetHeight > 0).map(part => part.lang))];
        seen.english = languages(); key('l');
        seen.spanish = languages();
        const texts = query => all(`article[lang=es] ${query}`).map(element => element.textContent);
        seen.numbers = texts('.bars .value').concat(texts('td b'));
        seen.findings = texts('.finding');
        seen.command = texts('dd')[0];
        const colours = names => names.map(name => { document.body.style.color = `var(--${name})`; return getComputedStyle(document.body).color; });
        for (const theme of ['light', 'dark']) {
            page.setTheme(theme);
            const steps = colours(['sleep', 'read', 'ingested', 'write', 'lock', 'other', 'path']);
            (seen.both ??= []).push(...colours(['c0', 'c1', 'c2', 'c3', 'c4', 'c5']).filter(mode => steps.includes(mode)));
        }
    "#;
    let dir = Dir::new();
    let (html, _) = compared();
    fs::write(dir.file("page.html"), html).expect("written");
    let seen = browser::sees(&dir.file("page.html"), html, ACTS);
    assert_eq!(seen["ready"], "yes");
    let of = |what: &str| seen[what].as_array().expect("one for each timeline").clone();
    // An event loop beside threads, at first.
    let drivers = ["epoll", "threaded"].map(|name| Driver::named(name).expect("it is built in"));
    assert_eq!(of("lanes").len(), 2, "{seen}");
    assert_eq!(of("chosen"), ["epoll,threaded", "threaded,epoll", seen["last"].as_str().expect("text")], "{seen}");
    assert_eq!((&seen["drawn"], &seen["all"]), (&true.into(), &true.into()), "{seen}");
    for (driver, facts) in drivers.iter().zip(of("facts")) {
        let facts = facts.as_str().expect("text");
        let threads = if driver.blocks { " threads" } else { "1 thread " };
        assert!([driver.name, "system calls", threads].iter().all(|part| facts.contains(part)), "{facts}");
    }
    for (driver, lanes) in drivers.iter().zip(of("lanes")) {
        // Six threads, the other threads, the room and six sockets; or one thread and six sockets.
        assert!(if driver.blocks { lanes.as_u64() >= Some(14) } else { lanes == 7 }, "{seen}");
    }
    assert!(of("messages").iter().all(|message| *message == of("messages")[0]), "{seen}");
    assert!(of("paths").iter().all(|writes| *writes == 5), "{seen}");
    assert!(of("scales").iter().all(|scale| *scale == of("scales")[0]), "{seen}");
    assert_eq!((&seen["overlaps"], &seen["struck"]), (&0.into(), &0.into()), "{seen}");
    let story = seen["story"].as_str().expect("text");
    assert!(drivers.iter().all(|driver| story.contains(driver.name)) && story.contains("sendto"), "{story}");
    assert_eq!(seen["other"], true, "{seen}");
    // A colour is that of a step or that of a mode.
    assert_eq!(of("both"), [Value::Null; 0], "{seen}");
    let numbers = of("numbers");
    let has = |mark: char| numbers.iter().any(|number| number.as_str().expect("text").contains(mark));
    assert!(has(',') && !has('.'), "{seen}");
    // Two rounds tell nothing apart.
    let is_honest = |finding: &Value| {
        let finding = finding.as_str().expect("text");
        finding.contains("no bastan") && finding.contains(" × ?") || finding.contains("menos de un décimo")
    };
    assert!(of("findings").len() >= 2 && of("findings").iter().all(is_honest), "{seen}");
    assert!(seen["command"].as_str().expect("text").starts_with("tertulia compare --clients 2,6"), "{seen}");
    browser::fits(&dir.file("page.html"));
    let pages = browser::pages_on_paper(&dir.file("page.html"));
    assert!((3..=6).contains(&pages), "{pages}");
    assert_eq!(
        (&seen["english"], &seen["spanish"]),
        (&serde_json::json!(["en"]), &serde_json::json!(["es"])),
        "{seen}"
    );
}

#[test]
fn only_the_modes_that_were_asked_for_are_compared() {
    let mut compare = tertulia();
    compare.args(["compare", "--clients", "2", "--rounds", "2", "--millis", "50", "--crowd", "20", "--json"]);
    let ended = run(compare.args(["--modes", "threaded,epoll"]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let modes: Vec<_> = result["per_line"].as_object().expect("by mode").keys().collect();
    assert_eq!(modes, ["epoll", "threaded"], "{result:#}");
    let ended = run(tertulia().args(["compare", "--json", "--modes", "epoll,epoll"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stderr.contains("one mode alone"), "{}", ended.stderr);
}

#[test]
fn the_c10k_picture_can_be_had_alone() {
    let dir = Dir::new();
    let page = dir.file("c10k.html");
    let mut compare = tertulia();
    compare.args(["compare", "--only", "c10k", "--crowd", "150", "--modes", "epoll,poll", "--json", "-o"]).arg(&page);
    let ended = run(&mut compare);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let result: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let silent = |mode: &str| -> Vec<u64> {
        let levels = result["beside_silent_clients"][mode].as_array().expect("levels");
        levels.iter().filter_map(|level| level["silent"].as_u64()).collect()
    };
    assert_eq!((silent("epoll"), silent("poll")), (vec![0, 100, 150], vec![0, 100, 150]));
    assert_eq!((&result["by_clients"], &result["scenes"]), (&serde_json::json!([]), &serde_json::json!([])));
    let html = fs::read_to_string(page).expect("a page");
    assert_eq!(html.matches("<figure>").count(), 3, "{html}");
    assert!(html.contains("Beside 150 silent clients, a line to one client costs"), "{html}");
}
