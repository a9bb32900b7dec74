//! The language of the session: of `--lang`, or of TERTULIA_LANG, or of the locale.
//!
//! Help texts and errors are in it, too. So it must be known before clap parses the command line.

use super::usage::variable;
use crate::text::Lang;
use clap::builder::EnumValueParser;
use clap::{Arg, ValueEnum};
use std::env;

/// The name of the flag, and of the argument.
const NAME: &str = "lang";

/// Where the flag stands in a list of flags: before `--help`, which is last.
const ORDER: usize = 998;

/// The flag, for all commands. clap only checks and documents it: its value is [`Lang::session`].
pub(super) fn flag() -> Arg {
    Arg::new(NAME)
        .long(NAME)
        .value_name("LANG")
        .env(variable(NAME))
        .value_parser(EnumValueParser::<Lang>::new())
        .global(true)
        .display_order(ORDER)
        .help("Language of messages, help and pages [default: from LC_ALL, LC_MESSAGES or LANG]")
}

/// The language that the person who started this process asked for.
pub(super) fn requested() -> Lang {
    let words: Vec<String> = env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    of(&words, &|name| env::var(name).ok())
}

/// The language by the words of the command line and by the environment.
fn of(words: &[String], environment: &dyn Fn(&str) -> Option<String>) -> Lang {
    let set = |name: &str| environment(name).filter(|value| !value.is_empty());
    let named = |value: &str| Lang::from_str(value, false).ok();
    let locale = || set("LC_ALL").or_else(|| set("LC_MESSAGES")).or_else(|| set("LANG"));
    typed(words)
        .and_then(named)
        .or_else(|| set(&variable(NAME)).as_deref().and_then(named))
        .unwrap_or_else(|| Lang::of_locale(&locale().unwrap_or_default()))
}

/// The last value of the flag on the command line, whether or not it is a language.
fn typed(words: &[String]) -> Option<&str> {
    // What follows `--` is the command of another server.
    let end = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let flag = format!("--{NAME}");
    words[..end].iter().enumerate().rev().find_map(|(i, word)| match word.strip_prefix(&flag)? {
        "" => words[..end].get(i + 1).map(String::as_str),
        rest => rest.strip_prefix('='),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &str, environment: &[(&str, &str)]) -> Lang {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        of(&words, &|name| environment.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).into()))
    }

    #[test]
    fn the_flag_comes_before_the_variable_and_that_before_the_locale() {
        let (es, en) = (Lang::Es, Lang::En);
        for (words, environment, expected) in [
            ("serve --lang es", &[("LANG", "C")][..], es),
            ("--lang=en serve", &[("TERTULIA_LANG", "es"), ("LC_ALL", "es_ES")], en),
            ("serve --help", &[("TERTULIA_LANG", "es"), ("LC_ALL", "C")], es),
            ("serve", &[("TERTULIA_LANG", "en"), ("LC_ALL", "es_ES.UTF-8")], en),
            ("serve", &[("TERTULIA_LANG", ""), ("LC_ALL", ""), ("LANG", "es_ES.UTF-8")], es),
            ("serve", &[("LC_MESSAGES", "en_GB"), ("LANG", "es_ES.UTF-8")], en),
            // clap refuses these, in the language that is known without them.
            ("serve --lang fr", &[("LANG", "es_ES.UTF-8")], es),
            ("serve --lang", &[("LANG", "es_ES.UTF-8")], es),
            ("serve --language es", &[], en),
            ("torment -- server --lang es", &[], en),
        ] {
            assert_eq!(asked(words, environment), expected, "{words} {environment:?}");
        }
    }
}
