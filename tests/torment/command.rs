//! The command's report, its JSON and its exit code.

use super::common::process::{ends_with_a_line, refuses, run};
use super::*;

/// The exit code if the server could not be tested.
pub const UNTESTED: i32 = 3;

#[track_caller]
pub fn cannot_test(command: &mut std::process::Command, parts: &[&str]) {
    ends_with_a_line(command, UNTESTED, parts);
}

#[test]
fn the_command_reports_what_it_cannot_do() {
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.arg("torment").args(args);
        command
    };
    // Nothing is sent there: the address is reserved for documentation.
    refuses(&mut command(&["192.0.2.1:9"]), &["not on this machine", "--i-own-this-server"]);
    refuses(&mut command(&["--", "true"]), &["{port}"]);
    cannot_test(&mut command(&["--", "/nonexistent/server", "{port}"]), &["cannot be started"]);
    cannot_test(
        &mut command(&["--", "sh", "-c", "echo no reason >&2; exit 4", "{port}"]),
        &["exit code 4", "no reason"],
    );
    cannot_test(&mut command(&["no.such.host.invalid:9"]), &["no.such.host.invalid"]);
    let ended = run(&mut command(&["--json", "--seed", "7", "--", "sh", "-c", "exit 4", "{port}"]));
    assert_eq!((ended.code, ended.stderr.lines().count()), (Some(UNTESTED), 1), "{}", ended.stderr);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert!(json["error"].as_str().is_some_and(|why| why.contains("exit code 4")), "{json:#}");
    assert_eq!((&json["torments"], &json["passed"], &json["seed"]), (&serde_json::json!([]), &0.into(), &7.into()));
    let ended = run(&mut command(&["--only", "tickle"]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let list = run(&mut command(&["--list"])).stdout;
    assert!(TORMENTS.iter().all(|torment| list.contains(torment.name)), "{list}");
}

#[test]
fn the_command_prints_rows_and_json_and_its_exit_code_is_the_verdict() {
    let serve = ["--", env!("CARGO_BIN_EXE_tertulia"), "serve", "--addr", "127.0.0.1:{port}"];
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.args(["torment", "--only", "split-line,own-line", "--seed", "7"]).args(args).args(serve);
        run(&mut command)
    };
    let ended = command(&[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Score: 2 of 2 (seed 7)"), "{}", ended.stdout);
    let ended = command(&["--json", "--echo", "yes"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&json["passed"], &json["failed"], &json["seed"]), (&1.into(), &1.into(), &7.into()), "{json:#}");
    assert_eq!(json["diagnosis"][0]["explains"][0], "own-line", "{json:#}");
}

#[test]
fn the_script_that_the_report_names_speaks_as_the_server_needs_it() {
    let serve = ["--", env!("CARGO_BIN_EXE_tertulia"), "serve", "--addr", "127.0.0.1:{port}"];
    // The sender should get its own lines, and does not.
    let options = ["--only", "own-line", "--echo", "yes", "--login", "it's n{n}", "--eol", "crlf"];
    let ended = run(tertulia().arg("torment").args(options).args(serve));
    let script = r"tertulia torment --replay own-line --login 'it'\''s n{n}' --eol crlf > own-line.py";
    assert!(ended.stdout.contains(script), "{}", ended.stdout);
}

/// Parts that stand in a text, in this order.
#[track_caller]
fn shows(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in its place in {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_command_speaks_the_language_of_the_locale_or_the_flag() {
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.env("LC_ALL", "").env("LC_MESSAGES", "").env("LANG", "es_ES.UTF-8").arg("torment").args(args);
        run(&mut command)
    };
    let serve = ["--", env!("CARGO_BIN_EXE_tertulia"), "serve", "--addr", "127.0.0.1:{port}"];
    let echo = ["--only", "own-line", "--echo", "yes", "--seed", "7"];
    let ended = command(&[&echo[..], &serve].concat());
    shows(
        &ended.stdout,
        &["own-line", "FALLA", ",", " s\n", "Prueba: ", "Esperado: ", "Observado: El emisor no recibe"],
    );
    shows(
        &ended.stdout,
        &["Arregla primero esto: ", "Lo habitual: ", "Arreglo: ", "Para leer: ", "Puntuación: 0 de 1"],
    );
    assert!(ended.stderr.starts_with("tertulia: no se superaron todas las pruebas"), "{}", ended.stderr);

    let json = command(&[&echo[..], &["--json"], &serve].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["failed"], &json["torments"][0]["verdict"]), (&1.into(), &"fail".into()), "{json:#}");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    assert!(text(&json["torments"][0]["seen"]).starts_with("el emisor no recibe"), "{json:#}");
    assert!(text(&json["diagnosis"][0]["fix"]).starts_with("Sigue una línea"), "{json:#}");

    assert!(command(&["--list"]).stdout.contains("Se espera: "));
    assert!(command(&["--list", "--lang", "en"]).stdout.contains("Expected: "));
    let ended = command(&["--", "sh", "-c", "exit 3", "{port}"]);
    assert!(ended.stderr.contains("el servidor terminó antes de escuchar en el puerto"), "{}", ended.stderr);
    assert!(ended.stderr.contains("código de salida 3"), "{}", ended.stderr);
}
