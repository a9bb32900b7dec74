//! Tab completion: commands at the start of the line, nicks everywhere.
//!
//! Each Tab inserts one candidate, and the next Tab replaces it by the next one. The editor is never asked to show a
//! list, because it shows no incoming lines while it waits for the user's answer to that list. A list of commands is shown
//! like an incoming line.

use super::commands;
use super::nicks::NickBook;

/// The state after the last Tab, from which the next Tab continues.
#[derive(Default)]
pub(super) struct Completion {
    last: Option<Cycle>,
}

/// What a Tab does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Completed {
    /// `text` replaces everything from here to the cursor.
    pub start: usize,
    pub text: String,
    /// The commands to choose from, if this is the first Tab and there are several.
    pub commands: Vec<&'static str>,
}

struct Cycle {
    /// The text before the cursor after the last Tab.
    left: String,
    start: usize,
    candidates: Vec<String>,
    shown: usize,
}

impl Completion {
    /// Completes the text `before` the cursor.
    pub(super) fn complete(&mut self, before: &str, nicks: &NickBook) -> Option<Completed> {
        let mut commands = Vec::new();
        let mut cycle = match self.last.take() {
            Some(cycle) if cycle.left == before => Cycle { shown: (cycle.shown + 1) % cycle.candidates.len(), ..cycle },
            _ => {
                let start = before.rfind([' ', '\t']).map_or(0, |at| at + 1);
                if start == 0 {
                    commands.extend(commands_beginning_with(before));
                }
                Cycle { left: String::new(), start, candidates: candidates(before, start, nicks), shown: 0 }
            }
        };
        let text = cycle.candidates.get(cycle.shown)?.clone();
        let start = cycle.start;
        cycle.left = format!("{}{text}", &before[..start]);
        self.last = Some(cycle);
        if commands.len() < 2 {
            commands.clear();
        }
        Some(Completed { start, text, commands })
    }
}

/// All completions of the word at `start`, the most likely first.
fn candidates(before: &str, start: usize, nicks: &NickBook) -> Vec<String> {
    let word = &before[start..];
    if start == 0 && word.starts_with(':') {
        return commands_beginning_with(word).map(|command| format!("{command}{}", after_command(command))).collect();
    }
    let after = if start == 0 { ": " } else { " " };
    nicks.beginning_with(word).map(|nick| format!("{nick}{after}")).collect()
}

/// All commands that begin with `word`. None if it has not even a colon.
fn commands_beginning_with(word: &str) -> impl Iterator<Item = &'static str> {
    commands::all().filter(move |command| word.starts_with(':') && command.starts_with(word))
}

/// The text behind a completed command: a blank if the command takes an argument.
fn after_command(command: &str) -> &'static str {
    match command {
        ":nick" | ":msg" | ":me" => " ",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::super::heard::Heard;
    use super::super::news::News;
    use super::*;

    /// Ana, Anselmo and beto are here, and beto spoke last.
    fn room() -> NickBook {
        let mut nicks = NickBook::default();
        nicks.learn(&News::Here(vec!["Ana", "Anselmo", "beto"]));
        nicks.hear(Heard::Said { nick: "beto", text: "hola" });
        nicks
    }

    /// The line after this many Tabs.
    fn tab(typed: &str, times: usize) -> String {
        let (nicks, mut completion, mut line) = (room(), Completion::default(), typed.to_owned());
        for _ in 0..times {
            let Some(Completed { start, text, .. }) = completion.complete(&line, &nicks) else { break };
            line.replace_range(start.., &text);
        }
        line
    }

    #[test]
    fn the_first_tab_puts_in_the_likeliest() {
        for (typed, completed) in [
            (":n", ":nick "),
            (":b", ":bell"),
            (":q", ":q"),
            (":xyz", ":xyz"),
            ("be", "beto: "),
            ("", "beto: "),
            ("an", "Ana: "),
            ("hola be", "hola beto "),
            (":msg an", ":msg Ana "),
            (":msg ", ":msg beto "),
            ("hola :n", "hola :n"),
            ("nobody", "nobody"),
        ] {
            assert_eq!(tab(typed, 1), completed, "{typed:?}");
        }
    }

    #[test]
    fn the_next_tab_puts_in_the_next_and_then_begins_again() {
        assert_eq!(tab("an", 2), "Anselmo: ");
        assert_eq!(tab("an", 3), "Ana: ");
        assert_eq!(tab(":m", 1), ":msg ");
        assert_eq!(tab(":m", 2), ":me ");
    }

    #[test]
    fn typing_ends_the_turning() {
        let (nicks, mut completion) = (room(), Completion::default());
        let mut completed = |line| completion.complete(line, &nicks).map(|completed| (completed.start, completed.text));
        assert_eq!(completed("an"), Some((0, "Ana: ".into())));
        assert_eq!(completed("Ana: be"), Some((5, "beto ".into())));
    }

    #[test]
    fn several_commands_are_listed_once_and_the_one_that_leaves_is_the_last() {
        let (nicks, mut completion) = (room(), Completion::default());
        let mut listed = |line| completion.complete(line, &nicks).map(|completed| completed.commands);
        assert_eq!(listed(":"), Some(vec![":nick", ":who", ":msg", ":me", ":help", ":bell", ":q"]));
        assert_eq!(listed(":nick "), Some(vec![]), "the second Tab");
        assert_eq!(listed(":m"), Some(vec![":msg", ":me"]));
        assert_eq!(listed(":q"), Some(vec![]), "there is no choice");
        assert_eq!(listed("an"), Some(vec![]), "no command");
    }
}
