//! README.md: what it quotes is what the program prints, its commands are understood, and its links lead somewhere.
#![cfg(all(feature = "join", feature = "compare", feature = "torment", feature = "extras"))]

mod common;

use common::process::run;
use common::{Server, tertulia};
use std::path::Path;

const README: &str = include_str!("../README.md");

/// A text without what differs from run to run: the time that a line begins with, and the ports of clients.
fn timeless(text: &str) -> String {
    let time = |word: &str| word.contains(':') && word.chars().all(|c| c.is_ascii_digit() || c == ':');
    let lines = text.lines().map(|line| match line.split_once(' ') {
        Some((first, rest)) if time(first) => rest,
        _ => line,
    });
    let without_port = |line: &str| match line.split_once(" 127.0.0.1:") {
        Some((before, after)) => format!("{before} HOST{}", after.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    };
    lines.map(|line| without_port(line) + "\n").collect()
}

/// The README's first visit, in a language: the notices that end the greeting and confirm a name, and the lines that are
/// said, first by beto.
#[track_caller]
fn first_visit(lang: &str, greeted: &str, named: &str, said: &[&str]) {
    let readme = timeless(README);
    let mut server = Server::with("epoll", &["--lang", lang]);
    let mut ana = server.connect();
    ana.lines_to(greeted);
    ana.says(":nick ana");
    ana.lines_to(&format!("-- {named} ana"));
    let mut beto = server.connect();
    let mut nc = beto.lines_to(greeted);
    nc.extend([greeted.into(), ":nick beto".into(), format!("-- {named} beto")]);
    beto.says(":nick beto");
    beto.reads(&format!("-- {named} beto"));
    let talk = [("beto", &mut beto), ("ana", &mut ana)];
    for (turn, text) in said.iter().enumerate() {
        talk[turn % 2].1.says(text);
        let line = format!("<{}> {text}", talk[turn % 2].0);
        talk[(turn + 1) % 2].1.sees(&line);
        nc.push(if turn % 2 == 0 { (*text).to_owned() } else { line });
    }
    let console = {
        server.console.shows(said.last().expect("something is said"));
        server.console.text()
    };
    server.stop();
    for (what, shown) in [("the console", timeless(&console)), ("nc", timeless(&nc.join("\n")))] {
        assert!(readme.contains(&shown), "the README does not show this of {what}:\n{shown}");
    }
}

#[test]
fn the_first_five_minutes_are_as_shown() {
    let greeted = "-- :nick NAME takes a name, :help tells the rest, :q leaves";
    first_visit("en", greeted, "you are now", &["hola, ana", "que tal, beto"]);
}

#[test]
fn so_they_are_in_spanish() {
    let greeted = "-- :nick NOMBRE toma un nombre, :help explica el resto, :q sale";
    first_visit("es", greeted, "ahora eres", &["hola, ana"]);
}

/// The commands of the README, in blocks and in sentences, without variables before them and comments behind them.
fn commands() -> Vec<String> {
    let blocks = README.lines().filter_map(|line| line.strip_prefix("$ "));
    let mut commands: Vec<String> = blocks.map(|line| line.split(" #").next().unwrap_or(line).into()).collect();
    let mut in_block = false;
    let sentences = README.lines().filter(|line| {
        in_block ^= line.starts_with("```");
        !in_block
    });
    let sentences: Vec<_> = sentences.collect();
    commands.extend(sentences.join(" ").split('`').skip(1).step_by(2).map(str::to_owned));
    let ours = commands.iter().filter_map(|command| {
        let piped = command.rsplit("| ").find(|part| part.contains("tertulia "))?;
        let at = piped.find("tertulia ").filter(|at| piped[..*at].split_whitespace().all(|word| word.contains('=')))?;
        Some(piped[at..].trim().to_owned())
    });
    ours.collect()
}

#[test]
fn its_commands_are_understood() {
    let commands = commands();
    assert!(commands.len() > 20, "{commands:?}");
    for command in commands.iter().filter(|command| !command.contains("COMMAND")) {
        // With --help nothing happens. What stands before it is read first, so an unknown flag is an error.
        let words = command.split_whitespace().skip(1).take_while(|word| *word != "--").chain(["--help"]);
        let ended = run(tertulia().args(words));
        assert_eq!(ended.code, Some(0), "{command}: {}", ended.stderr);
    }
}

#[test]
fn its_links_lead_somewhere() {
    let headings: Vec<String> = README
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| heading.to_lowercase().replace('`', "").replace(' ', "-"))
        .collect();
    let links = README.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    for link in links.filter(|link| !link.starts_with("http")) {
        let there = match link.strip_prefix('#') {
            Some(heading) => headings.iter().any(|there| there == heading),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join(link).exists(),
        };
        assert!(there, "{link} is not there");
    }
}
