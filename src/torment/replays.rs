//! Scripts that show a failure without this program: Python, with its standard library alone.
//!
//! What they share is in `replays/prelude.py`, so that the lines of each are only what its torment does. Each ends with exit
//! code 0 if the server does what a healthy one does, and with 1 otherwise.

use super::entry::Torment;
use super::settings::Settings;
use crate::harness::Eol;
use crate::text::{Lang, say};

const PRELUDE: &str = include_str!("replays/prelude.py");

macro_rules! scripts {
    ($($name:literal)+) => {
        &[$(($name, include_str!(concat!("replays/", $name, ".py")))),+]
    };
}

/// By the torment's name.
const SCRIPTS: &[(&str, &str)] = scripts! {
    "idle" "stop-continue" "own-line" "split-line" "two-in-one" "byte-by-byte" "utf8-split" "gulp" "long-line" "garbage"
    "burst-connect" "connect-storm" "silent-newcomer" "reset-idle" "reset-backlog" "reset-mid-fanout" "rush-hour" "half-close"
    "stale-event" "vanish" "stuck-reader" "no-descriptors" "frozen-stdout" "closed-stdout" "terminate" "restart" "endless-line"
    "slow-reader" "backlog" "flood-all" "names" "full-house" "crowd" "churn" "firehose" "selfish-reader" "whisperers"
    "polite-beside-flood" "trickle-reader" "long-lived"
};

/// How some of them go on: they differ only in how they begin.
const ENDINGS: &[(&[&str], &str)] = &[
    (&["stuck-reader", "trickle-reader"], include_str!("replays/beside-a-reader.py")),
    (&["closed-stdout", "frozen-stdout"], include_str!("replays/while-it-prints.py")),
];

/// A script without what all of them share.
fn body(name: &str) -> String {
    let own = SCRIPTS.iter().find(|(script, _)| *script == name).map_or("", |(_, own)| *own);
    let ending = ENDINGS.iter().find(|(scripts, _)| scripts.contains(&name)).map_or("", |(_, ending)| *ending);
    [own, ending].concat()
}

/// The script that shows what a torment does.
pub fn script(lang: Lang, torment: &Torment, settings: &Settings) -> String {
    let name = torment.name;
    let body = body(name);
    let (does, healthy) = (torment.does.in_lang(lang), torment.healthy.in_lang(lang));
    let starts = say!(lang,
        "python3 {name}.py PORT -- COMMAND    starts the server by this command";
        "python3 {name}.py PUERTO -- ORDEN      inicia el servidor con esta orden");
    let running = say!(lang,
        "python3 {name}.py PORT [HOST]        one that runs already";
        "python3 {name}.py PUERTO [EQUIPO]      uno que ya está en marcha");
    // A script that must have started the server says so in a line of its own.
    let usage = match body.lines().any(|line| line.starts_with("start(")) {
        true => starts,
        false => format!("{starts}\n{running}"),
    };
    let prints = say!(lang,
        "With a healthy server no line begins with FAIL, and the exit code is 0. A line with FAIL says what was\n\
         expected, and the next one what was seen instead; the exit code is 1.";
        "Con un servidor sano ninguna línea empieza por FAIL, y el código de salida es 0. Una línea con FAIL dice\n\
         qué se esperaba, y la siguiente qué se vio en su lugar; el código de salida es 1.");
    let login: Vec<String> = settings.login.iter().flat_map(|login| login.lines()).map(quoted).collect();
    let say = quoted(settings.say.as_deref().unwrap_or("{line}"));
    let eol = if settings.eol == Eol::CrLf { r#"b"\r\n""# } else { r#"b"\n""# };
    let login = login.join(", ");
    format!(
        "#!/usr/bin/env python3\n\"\"\"{does}\n{healthy}\n\n{usage}\n\n{prints}\n\"\"\"\n\
         LOGIN, SAY, EOL = [{login}], {say}, {eol}\n\n{PRELUDE}\n\n{body}"
    )
}

/// A string of Python, which has the escapes of JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::torment::TORMENTS;

    #[test]
    fn each_torment_has_a_short_script() {
        assert_eq!(SCRIPTS.len(), TORMENTS.len());
        for torment in TORMENTS {
            let (name, _) = SCRIPTS.iter().find(|(name, _)| *name == torment.name).expect(torment.name);
            assert!((1..=30).contains(&body(name).lines().count()), "{name}");
            let script = script(Lang::Es, torment, &Settings::default());
            assert!(
                script.contains(&*torment.does.es) && script.contains("LOGIN, SAY, EOL = [], \"{line}\", b\"\\n\"")
            );
        }
    }
}
