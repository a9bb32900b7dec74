//! The command line's description in another language than English: help, manual pages and completions.
//!
//! The English texts are the doc comments of the flags. The Spanish ones are in [`spanish`], by command and flag. clap has
//! words of its own, such as "Options" and "default", which it does not let anybody replace. So they are written here.

use super::spanish::{self, text};
use super::usage::variable;
use crate::server::Driver;
use clap::builder::{PossibleValue, PossibleValuesParser, StyledStr};
use clap::{Arg, Command};

/// The command, its flags and its subcommands in Spanish. The command must be built: then it has clap's own flags, too.
///
/// What clap says about the values of a flag stays in English: see [`with_values`] and [`with_help_in_full`].
pub(super) fn translated(command: Command) -> Command {
    each(command, "", &|command, path| {
        let about = text(path, "").unwrap_or_default();
        command
            .about(first_paragraph(about))
            .long_about(about)
            .subcommand_help_heading("Órdenes")
            .subcommand_value_name("ORDEN")
            .mut_args(|arg| translated_arg(arg, path))
    })
}

fn translated_arg(arg: Arg, path: &str) -> Arg {
    let help = text(path, &name(&arg)).unwrap_or_default();
    let (mut short, mut long) = (first_paragraph(help).to_owned(), help.to_owned());
    match arg.get_id().as_str() {
        // clap points from the short help to the long one if they differ.
        "help" if arg.get_long_help().is_some() => {
            short += " (más con '--help')";
            long += " (resumen con '-h')";
        }
        _ if arg.get_env().is_some() => {
            let variable = arg.get_long().map(variable).unwrap_or_default();
            long += &format!("\n\n[variable: {variable}]");
        }
        _ => {}
    }
    let names: Vec<_> =
        arg.get_value_names().unwrap_or_default().iter().map(|name| spanish::value_name(name)).collect();
    let takes_value = arg.get_action().takes_values();
    let heading = if arg.is_positional() { "Argumentos" } else { "Opciones" };
    // In a section with a heading, clap sorts arguments by their names.
    let order = arg.get_index().unwrap_or(arg.get_display_order());
    let arg = arg.help(short).long_help(long).help_heading(heading).display_order(order);
    if takes_value { arg.value_names(names) } else { arg }
}

/// Replaces the descriptions of the values that a flag takes. Such a command describes, and cannot parse: all its values
/// are words.
pub(super) fn with_values(command: Command) -> Command {
    each(command, "", &|command, path| {
        command.mut_args(|arg| match values(&arg, path) {
            values if values.is_empty() => arg,
            values => arg.value_parser(PossibleValuesParser::new(values)),
        })
    })
}

/// Writes what clap would add to a help text in English: the usage, the values of a flag and the default.
pub(super) fn with_help_in_full(command: Command) -> Command {
    each(command, "", &|mut command, path| {
        let heading = *command.get_styles().get_usage();
        let usage = command.render_usage().to_string().replace("[OPTIONS]", "[OPCIONES]");
        let usage = usage.trim_start_matches("Usage:").trim_start().to_owned();
        let template = format!("{{about-with-newline}}\n{heading}Uso:{heading:#} {{usage}}\n\n{{all-args}}");
        command.override_usage(usage).help_template(template).mut_args(|arg| with_specification(arg, path))
    })
}

/// Adds the default and the values to the short and to the long help.
fn with_specification(arg: Arg, path: &str) -> Arg {
    let of = |help: Option<&StyledStr>| help.map(ToString::to_string).unwrap_or_default();
    let (mut short, mut long) = (of(arg.get_help()), of(arg.get_long_help()));
    let values = if arg.is_hide_possible_values_set() { Vec::new() } else { values(&arg, path) };
    if !values.is_empty() {
        let names: Vec<_> = values.iter().map(PossibleValue::get_name).collect();
        let list = format!("[valores posibles: {}]", names.join(", "));
        short += &format!(" {list}");
        long += "\n\n";
        match values.iter().any(|value| value.get_help().is_some()) {
            true => long += &described(&values),
            false => long += &list,
        }
    }
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if arg.get_action().takes_values() && !arg.is_hide_default_value_set() && !defaults.is_empty() {
        let default = format!("[por defecto: {}]", defaults.join(" "));
        short += &format!(" {default}");
        long += &format!("\n\n{default}");
    }
    let arg = arg.help(short.trim_start().to_owned()).long_help(long.trim_start().to_owned());
    arg.hide_default_value(true).hide_possible_values(true).hide_env(true)
}

/// A list of values, a line each.
fn described(values: &[PossibleValue]) -> String {
    let width = values.iter().map(|value| value.get_name().len()).max().unwrap_or(0) + 1;
    let line = |value: &PossibleValue| match value.get_help() {
        Some(help) => format!("\n- {:width$} {help}", format!("{}:", value.get_name())),
        None => format!("\n- {}", value.get_name()),
    };
    format!("Valores posibles:{}", values.iter().map(line).collect::<String>())
}

/// The values that a flag takes, with their descriptions.
fn values(arg: &Arg, path: &str) -> Vec<PossibleValue> {
    let translate = |value: PossibleValue| match value.get_help().and_then(|_| value_text(path, arg, value.get_name()))
    {
        Some(help) => PossibleValue::new(value.get_name().to_owned()).help(help),
        None => value,
    };
    arg.get_possible_values().into_iter().map(translate).collect()
}

fn value_text(path: &str, arg: &Arg, value: &str) -> Option<&'static str> {
    let driver = || Driver::named(value).map(|driver| &*driver.title.es);
    text(path, &format!("{} {value}", name(arg))).or_else(driver)
}

/// How an argument is named in the table of texts: `--mode`, `ADDR`.
fn name(arg: &Arg) -> String {
    match arg.get_long() {
        Some(long) => format!("--{long}"),
        None => arg.get_value_names().unwrap_or_default().join(" "),
    }
}

/// The part that clap shows in short help texts and in lists of commands.
fn first_paragraph(text: &str) -> &str {
    text.split("\n\n").next().unwrap_or_default()
}

/// Applies a change to a command and to all its subcommands. Each comes with its path, such as `trace view`.
fn each(command: Command, words: &str, change: &dyn Fn(Command, &str) -> Command) -> Command {
    change(command, &path(words)).mut_subcommands(|one| {
        let words = format!("{words} {}", one.get_name());
        each(one, &words, change)
    })
}

/// The words of a command as the table of texts has them. Each command with subcommands has clap's `help`, which has a
/// copy of each of them.
fn path(words: &str) -> String {
    let words: Vec<_> = words.split_whitespace().collect();
    match words.last() {
        Some(&"help") => "help".into(),
        _ => words.into_iter().filter(|word| *word != "help").collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::described as command;
    use crate::text::Lang;
    use std::collections::BTreeSet;

    /// Calls `check` with each text in both languages: its key, the English text, and the Spanish one if there is one.
    fn all(check: &mut dyn FnMut(&str, &str, Option<&'static str>)) {
        fn walk(command: &Command, words: &str, check: &mut dyn FnMut(&str, &str, Option<&'static str>)) {
            let path = &*path(words);
            let both = |long: Option<&StyledStr>, short: Option<&StyledStr>| {
                long.or(short).map(ToString::to_string).unwrap_or_default()
            };
            check(path, &both(command.get_long_about(), command.get_about()), text(path, ""));
            for arg in command.get_arguments() {
                let key = format!("{path} {}", name(arg));
                let english = both(arg.get_long_help(), arg.get_help());
                let english = english.split("\n\n[env: ").next().unwrap_or_default();
                let english = english.split(" (see ").next().unwrap_or_default();
                check(key.trim(), english, text(path, &name(arg)));
                for value in arg.get_possible_values() {
                    if let Some(help) = value.get_help() {
                        let key = format!("{key} {}", value.get_name());
                        check(key.trim(), &help.to_string(), value_text(path, arg, value.get_name()));
                    }
                }
            }
            for one in command.get_subcommands() {
                // The copies below `help` have no long texts.
                if !words.ends_with(" help") {
                    walk(one, &format!("{words} {}", one.get_name()), check);
                }
            }
        }
        walk(&command(Lang::En), "", check);
    }

    #[test]
    fn every_text_is_there_in_spanish_with_the_same_numbers() {
        let numbers = |text: &str| -> BTreeSet<String> {
            text.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
        };
        let mut count = 0;
        all(&mut |key, english, spanish| {
            let spanish = spanish.unwrap_or_else(|| panic!("{key} has no Spanish text for {english:?}"));
            assert_ne!(english, spanish, "{key}");
            assert_eq!(numbers(english), numbers(spanish), "{key}: {english:?} {spanish:?}");
            let paragraphs = |text: &str| text.split("\n\n").count();
            assert_eq!(paragraphs(english), paragraphs(spanish), "{key}: {english:?} {spanish:?}");
            count += 1;
        });
        assert!(count > 20, "only {count} texts were checked");
    }

    #[cfg(all(feature = "join", feature = "compare", feature = "torment", feature = "extras", feature = "gallery"))]
    #[test]
    fn every_spanish_text_is_used() {
        let mut used = BTreeSet::new();
        all(&mut |_, _, spanish| used.extend(spanish));
        let unused: Vec<_> = spanish::TEXTS.iter().filter(|(_, text)| !used.contains(text)).collect();
        assert!(unused.is_empty(), "{unused:?}");
    }

    #[test]
    fn every_placeholder_is_known() {
        fn walk(command: &Command) {
            for arg in command.get_arguments().filter(|arg| arg.get_action().takes_values()) {
                for name in arg.get_value_names().unwrap_or_default() {
                    assert!(spanish::VALUE_NAMES.iter().any(|(english, _)| english == name), "{name}");
                }
            }
            command.get_subcommands().for_each(walk);
        }
        walk(&command(Lang::En));
    }

    #[test]
    fn clap_adds_no_english() {
        fn walk(mut command: Command) {
            for help in [command.render_help(), command.render_long_help()] {
                let help = help.to_string();
                for word in [
                    "Usage",
                    "OPTIONS",
                    "Options",
                    "Arguments",
                    "COMMAND",
                    "Commands",
                    "default",
                    "env:",
                    "possible",
                    "Print",
                ] {
                    assert!(!help.contains(word), "{word} in: {help}");
                }
            }
            command.get_subcommands().cloned().for_each(walk);
        }
        walk(with_help_in_full(translated(command(Lang::En))));
    }
}
