//! `tertulia compare`: both modes on one page.
#![cfg(all(feature = "compare", target_os = "linux"))]

mod common;

use common::process::{Dir, run};
use common::tertulia;
use serde_json::Value;
use std::fs;

#[test]
fn both_modes_are_measured_and_put_on_a_page() {
    let dir = Dir::new();
    let page = dir.file("page.html");
    let mut compare = tertulia();
    compare.args(["compare", "--clients", "2,4", "--rounds", "1", "--millis", "50", "--crowd", "20", "--json", "-o"]);
    let ended = run(compare.arg(&page));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);

    let result: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    for mode in ["epoll", "threaded"] {
        let line = &result["per_line"][mode];
        let calls = line["system_calls"].as_object().expect("counts");
        // To five others, and to the console.
        let count = |name: &str| calls.get(name).and_then(Value::as_f64).unwrap_or_default();
        assert!(count("sendto") + count("writev") >= 5.0 - 1e-9, "{line}");
        assert!((count("write") - 1.0).abs() < 0.2, "{line}");
        assert!(line["micros"].as_f64() > Some(0.0), "{line}");
        assert_eq!(line["locks"].as_f64() > Some(0.0), mode == "threaded", "{line}");
    }
    assert_eq!(result["by_clients"].as_array().map(Vec::len), Some(2));
    let scenes: Vec<_> = result["scenes"].as_array().expect("scenes").iter().map(|scene| &scene["scene"]).collect();
    assert_eq!(scenes, ["talk", "burst", "slow-reader", "idle-crowd", "storm", "frozen-console"]);
    for row in result["by_clients"].as_array().into_iter().chain(result["scenes"].as_array()).flatten() {
        for mode in ["epoll", "threaded"] {
            assert_eq!(row["rounds"][mode][0]["flawless"], true, "{row}");
        }
    }
    assert!(result["findings"].as_array().is_some_and(|findings| findings.len() > 8));

    let html = fs::read_to_string(&page).expect("a page");
    assert!(html.contains("What to notice") && html.contains("En qué fijarse"));
    assert!(html.matches("<figure>").count() >= 8, "charts in both languages");
    for outside in ["src=\"http", "href=\"http", "url(http", "@import"] {
        assert!(!html.contains(outside), "{outside}");
    }
}
