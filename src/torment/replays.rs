//! Scripts that show a failure without this program: Python, with its standard library alone.
//!
//! What they share is in `replays/prelude.py`. Each ends with exit code 0 if the server does what a healthy one does, and with 1
//! otherwise.

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
    "own-line" "split-line" "two-in-one" "byte-by-byte" "utf8-split" "gulp" "long-line" "endless-line" "silent-newcomer" "reset-idle"
    "half-close" "stuck-reader"
};

/// The torments that have a script.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCRIPTS.iter().map(|(name, _)| *name)
}

/// The script that shows what a torment does, if there is one.
pub fn script(lang: Lang, torment: &Torment, settings: &Settings) -> Option<String> {
    let (name, body) = SCRIPTS.iter().find(|(name, _)| *name == torment.name)?;
    let (does, healthy) = (torment.does.in_lang(lang), torment.healthy.in_lang(lang));
    let usage = say!(lang, "Usage: python3 {name}.py PORT [HOST]"; "Uso: python3 {name}.py PUERTO [EQUIPO]");
    let login: Vec<String> = settings.login.iter().flat_map(|login| login.lines()).map(quoted).collect();
    let say = quoted(settings.say.as_deref().unwrap_or("{line}"));
    let eol = if settings.eol == Eol::CrLf { r#"b"\r\n""# } else { r#"b"\n""# };
    Some(format!(
        "#!/usr/bin/env python3\n\"\"\"{does}\n{healthy}\n\n{usage}\n\"\"\"\nLOGIN, SAY, EOL = [{}], {say}, {eol}\n\n{PRELUDE}\n\n{body}",
        login.join(", ")
    ))
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
    fn each_script_belongs_to_a_torment() {
        for name in names() {
            let torment = TORMENTS.iter().find(|torment| torment.name == name).expect(name);
            let script = script(Lang::Es, torment, &Settings::default()).expect("it is listed");
            assert!(
                script.contains(&*torment.does.es) && script.contains("LOGIN, SAY, EOL = [], \"{line}\", b\"\\n\"")
            );
        }
    }
}
