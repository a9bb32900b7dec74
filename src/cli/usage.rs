//! What is said about a value that no flag takes.
//!
//! clap names the flag even if the value comes from the environment, and quotes the errors of Rust's parsers. So errors about
//! values are told in our own words. Other errors, such as unknown flags, are left to clap.

use super::failure::Failure;
use clap::error::{ContextKind, ContextValue};
use std::env;
use std::error::Error;

/// The error as one line, if it is about a value.
pub(super) fn failure(error: &clap::Error) -> Option<Failure> {
    let arg = name_of(text(error, ContextKind::InvalidArg)?);
    let value = text(error, ContextKind::InvalidValue)?;
    let advice = match error.source() {
        Some(advice) => advice.to_string(),
        None => choices(error)?,
    };
    Some(Failure::Usage(match value {
        "" => format!("{arg} needs a value; {advice}"),
        _ => format!("{arg} cannot be {value:?}; {advice}"),
    }))
}

/// A flag or an argument as people type it, or else the variable that its value comes from.
fn name_of(arg: &str) -> String {
    // clap writes `--mode <MODE>`, `--verbose...`, `[PORT]`.
    let name = arg.split_whitespace().next().unwrap_or(arg).trim_end_matches("...");
    let Some(long) = name.strip_prefix("--") else { return name.trim_matches(['[', ']', '<', '>']).into() };
    // A flag has precedence over its variable. So the variable is to blame if nobody typed the flag.
    let is_typed = env::args_os().skip(1).any(|word| word.to_string_lossy().split('=').next() == Some(name));
    if is_typed { name.into() } else { variable(long) }
}

/// The environment variable of a flag.
pub(super) fn variable(long: &str) -> String {
    format!("TERTULIA_{}", long.to_uppercase().replace('-', "_"))
}

/// What to use instead of a wrong word.
fn choices(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::Strings(words)) = error.get(ContextKind::ValidValue) else { return None };
    match words.split_last()? {
        (last, []) => Some(format!("use {last}")),
        (last, others) => Some(format!("use {} or {last}", others.join(", "))),
    }
}

fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
