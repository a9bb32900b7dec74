//! What is said about a wrong command line: one line that says what is wrong and what to try.
//!
//! clap's own errors have several lines, are in English, name the flag even if the value comes from the environment, and
//! quote the errors of Rust's parsers.

use super::failure::Failure;
use crate::text::{Lang, say};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::env;
use std::error::Error;

/// An error with a text of ours, for a parser of values.
pub(super) fn error(kind: ErrorKind, text: String) -> clap::Error {
    let mut error = clap::Error::new(kind);
    error.insert(ContextKind::Custom, ContextValue::String(text));
    error
}

/// The error as one line. `None` if it is a text that was asked for, such as a help text.
pub(super) fn failure(error: &clap::Error, lang: Lang) -> Option<Failure> {
    let is_text = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (!is_text).then(|| Failure::Usage(line(error, &command_words(), lang)))
}

/// The line about a wrong use of `command`, such as `tertulia serve`.
fn line(error: &clap::Error, command: &str, lang: Lang) -> String {
    let see = say!(lang, "see {command} --help"; "consulta {command} --help");
    if let [text, ..] = &texts(error, ContextKind::Custom)[..] {
        return (*text).into();
    }
    let given = texts(error, ContextKind::InvalidArg);
    let arg = given.first().map(|arg| name_of(arg)).unwrap_or_default();
    let value = texts(error, ContextKind::InvalidValue).concat();
    match error.kind() {
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            let advice = error.source().map(ToString::to_string).or_else(|| choices(error, &see, lang)).unwrap_or(see);
            match &*value {
                "" => say!(lang, "{arg} needs a value; {advice}"; "{arg} necesita un valor; {advice}"),
                _ => say!(lang, "{arg} cannot be {value:?}; {advice}"; "{arg} no puede ser {value:?}; {advice}"),
            }
        }
        ErrorKind::TooManyValues => say!(lang,
            "{arg} takes no value; leave out {value:?}";
            "{arg} no lleva valor; quita {value:?}"),
        ErrorKind::UnknownArgument => unknown(error, command, &see, lang),
        ErrorKind::InvalidSubcommand => {
            let name = texts(error, ContextKind::InvalidSubcommand).concat();
            let advice = match &texts(error, ContextKind::SuggestedSubcommand)[..] {
                [] => see,
                similar => {
                    let similar = alternatives(similar, lang);
                    say!(lang, "use {similar}, or {see}"; "usa {similar}, o {see}")
                }
            };
            say!(lang, "there is no command {name:?}; {advice}"; "no existe la orden {name:?}; {advice}")
        }
        ErrorKind::MissingSubcommand => say!(lang, "a command is missing; {see}"; "falta la orden; {see}"),
        ErrorKind::MissingRequiredArgument => {
            let names: Vec<String> = given.iter().map(|arg| name_of(arg)).collect();
            let names = names.join(", ");
            say!(lang, "{names} is missing; {see}"; "falta {names}; {see}")
        }
        ErrorKind::ArgumentConflict => {
            let others: Vec<String> = texts(error, ContextKind::PriorArg).iter().map(|arg| name_of(arg)).collect();
            match others.join(", ") {
                other if other == arg => {
                    say!(lang, "{arg} is given twice; give it once"; "{arg} está dos veces; escríbela solo una")
                }
                other => say!(lang,
                    "{arg} cannot be used together with {other}; leave one of them out";
                    "{arg} y {other} no pueden ir juntos; quita uno de los dos"),
            }
        }
        ErrorKind::InvalidUtf8 => say!(lang,
            "an argument is not valid UTF-8; type it again";
            "un argumento no es UTF-8 válido; escríbelo de nuevo"),
        // No flag of ours leads here. clap's own sentence is its first line.
        _ => {
            let text = error.to_string();
            let text = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            format!("{text}; {see}")
        }
    }
}

/// A flag that does not exist, or an argument too many.
fn unknown(error: &clap::Error, command: &str, see: &str, lang: Lang) -> String {
    let arg = texts(error, ContextKind::InvalidArg).concat();
    if !arg.starts_with('-') {
        return say!(lang, "unexpected argument {arg:?}; {see}"; "sobra el argumento {arg:?}; {see}");
    }
    let advice = if let [similar, ..] = &texts(error, ContextKind::SuggestedArg)[..] {
        say!(lang, "use {similar}, or {see}"; "usa {similar}, o {see}")
    } else if let [other, ..] = &texts(error, ContextKind::SuggestedSubcommand)[..] {
        // clap found it among the flags of a subcommand.
        say!(lang, "use it with {command} {other}, or {see}"; "úsala con {command} {other}, o {see}")
    } else {
        see.to_owned()
    };
    say!(lang, "there is no flag {arg}; {advice}"; "no existe la opción {arg}; {advice}")
}

/// A flag or an argument as people type it, or else the variable that its value comes from.
fn name_of(arg: &str) -> String {
    // clap writes `--mode <MODE>`, `--verbose...`, `[PORT]`, `[COMMAND]...`.
    let name = arg.split_whitespace().next().unwrap_or(arg).trim_end_matches("...");
    let Some(long) = name.strip_prefix("--") else { return name.trim_matches(['[', ']', '<', '>']).into() };
    // A flag has precedence over its variable. So the variable is to blame if nobody typed the flag.
    let is_unset = env::var_os(variable(long)).is_none();
    let is_typed = env::args_os().skip(1).any(|word| word.to_string_lossy().split('=').next() == Some(name));
    if is_typed || is_unset { name.into() } else { variable(long) }
}

/// The environment variable of a flag.
pub(super) fn variable(long: &str) -> String {
    format!("TERTULIA_{}", long.to_uppercase().replace('-', "_"))
}

/// The words of the command line that name the command: `tertulia trace view`.
fn command_words() -> String {
    let (mut words, mut at) = (vec!["tertulia".to_owned()], super::command());
    for word in env::args_os().skip(1) {
        if let Some(command) = word.to_str().and_then(|word| at.find_subcommand(word)).cloned() {
            words.push(command.get_name().to_owned());
            at = command;
        }
    }
    words.join(" ")
}

/// What to use instead of a wrong word: all that can be used, or the similar ones of many.
fn choices(error: &clap::Error, see: &str, lang: Lang) -> Option<String> {
    const LISTED_MAX: usize = 14;
    let words = texts(error, ContextKind::ValidValue);
    let is_short = words.len() <= LISTED_MAX;
    let words = if is_short { words } else { texts(error, ContextKind::SuggestedValue) };
    let listed = (!words.is_empty()).then(|| alternatives(&words, lang))?;
    Some(match is_short {
        true => say!(lang, "use {listed}"; "usa {listed}"),
        false => say!(lang, "use {listed}, or {see}"; "usa {listed}, o {see}"),
    })
}

/// Some words in a sentence: `a, b or c`.
pub(super) fn alternatives(words: &[&str], lang: Lang) -> String {
    match words {
        [others @ .., last] if !others.is_empty() => {
            let others = others.join(", ");
            say!(lang, "{others} or {last}"; "{others} o {last}")
        }
        _ => words.concat(),
    }
}

fn texts(error: &clap::Error, kind: ContextKind) -> Vec<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => vec![text],
        Some(ContextValue::Strings(texts)) => texts.iter().map(String::as_str).collect(),
        _ => Vec::new(),
    }
}
