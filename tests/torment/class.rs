//! A class: each folder's server is tested, and gets a line in each table.

use super::common::process::{Dir, fails_with, refuses, run};
use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A folder with a program `run`.
fn student(class: &Path, name: &str, script: Option<&str>) {
    let folder = class.join(name);
    fs::create_dir(&folder).expect("our directory");
    if let Some(script) = script {
        let program = folder.join("run");
        fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("our directory");
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).expect("our file");
    }
}

const STRANGE: &str = "=<b>\"ana\", maría";

fn class(dir: &Dir) -> std::path::PathBuf {
    let class = dir.file("class");
    fs::create_dir(&class).expect("our directory");
    // The working directory is the student's folder.
    let own = format!("test -x ./run && exec {} serve 127.0.0.1:$1", env!("CARGO_BIN_EXE_tertulia"));
    student(&class, STRANGE, Some(&own));
    student(&class, "beto", Some("echo no reason >&2; exit 3"));
    student(&class, "cleo", None);
    student(&class, ".hidden", None);
    student(&class, "dani", Some(&own));
    fs::set_permissions(class.join("dani/run"), fs::Permissions::from_mode(0o644)).expect("our file");
    class
}

#[test]
fn each_student_has_a_line_whatever_the_others_servers_do() {
    let dir = Dir::new();
    let class = class(&dir);
    let [csv, html, junit] = ["class.csv", "class.html", "class.xml"].map(|name| dir.file(name));
    let mut command = tertulia();
    command.args(["torment", "--only", "own-line,split-line", "--class"]).arg(&class);
    command.arg("--csv").arg(&csv).arg("--html").arg(&html).arg("--junit").arg(&junit);
    let ended = run(&mut command);
    // Not all could be tested.
    assert_eq!(ended.code, Some(3), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("3 of 4 servers could not be tested"), "{}", ended.stderr);
    let lines: Vec<&str> = ended.stdout.lines().collect();
    assert_eq!(lines.len(), 5, "{}", ended.stdout);
    assert!(lines[1].starts_with(STRANGE) && lines[1].ends_with("10"), "{}", lines[1]);
    for (line, [name, why]) in lines[2..].iter().zip([["beto", "no reason"], ["cleo", "no file"], ["dani", "chmod"]]) {
        assert!(line.starts_with(name) && line.contains(why), "{line}");
    }

    let csv = fs::read_to_string(csv).expect("a table");
    assert!(csv.contains("\r\n\"'=<b>\"\"ana\"\", maría\",10,2,2,,,,\r\nbeto,,0,0,,,,"), "{csv}");
    let html = fs::read_to_string(html).expect("a page");
    assert!(html.contains("=&lt;b&gt;&quot;ana&quot;, maría") && !html.contains(STRANGE), "{html}");
    let junit = fs::read_to_string(junit).expect("results");
    let name = "=&lt;b&gt;&quot;ana&quot;, maría";
    assert!(junit.contains(&format!("<testsuite name=\"{name}\" tests=\"2\" failures=\"0\" errors=\"0\"")), "{junit}");
    assert_eq!(junit.matches("<error message=").count(), 3, "{junit}");
}

#[test]
fn the_grade_of_a_class_counts_mistakes() {
    let dir = Dir::new();
    let class = class(&dir);
    let mut command = tertulia();
    command.args(["torment", "--only", "own-line,split-line", "--echo", "yes", "--json", "--class"]).arg(&class);
    let json: serde_json::Value = serde_json::from_str(&run(&mut command).stdout).expect("JSON");
    let students = json["students"].as_array().expect("a list");
    assert_eq!(students.len(), 4, "{json:#}");
    let own = &students[0];
    assert_eq!((&own["student"], &own["passed"]), (&STRANGE.into(), &1.into()), "{json:#}");
    let costs = own["grade"]["mistakes"][0]["costs"].as_f64().expect("a mistake");
    assert_eq!(own["grade"]["points"].as_f64(), Some(10.0 - costs), "{json:#}");
    assert!(students[1]["error"].as_str().is_some_and(|why| why.contains("exit code 3")), "{json:#}");
}

#[test]
fn what_is_no_class_is_told() {
    let dir = Dir::new();
    let empty = dir.file("empty");
    fs::create_dir(&empty).expect("our directory");
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.arg("torment").args(args);
        command
    };
    let ended = run(&mut command(&["--class", &empty.display().to_string()]));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("no folders") && ended.stderr.contains("`run`"), "{}", ended.stderr);
    let ended = run(&mut command(&["--class", "/nonexistent"]));
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    refuses(&mut command(&["--csv", "x.csv", "--", "true", "{port}"]), &["--class"]);
    // Before anything is tested.
    let class = class(&dir).display().to_string();
    fails_with(&mut command(&["--class", &class, "--csv", "/nonexistent/x.csv"]), &["cannot be written"]);
}
