//! Tab completion: commands at the start of the line, nicks everywhere.
//!
//! Each Tab inserts one candidate, and the next Tab replaces it by the next one. The editor is never asked to show a
//! list, because it shows no incoming lines while it waits for the user's answer to that list.

use super::nicks::NickBook;
use crate::chat::command::COMMANDS;

/// The client's own command.
pub(super) const BELL: &str = ":bell";

/// The state after the last Tab, from which the next Tab continues.
#[derive(Default)]
pub(super) struct Completion {
    last: Option<Cycle>,
}

struct Cycle {
    /// The text before the cursor after the last Tab.
    left: String,
    start: usize,
    candidates: Vec<String>,
    shown: usize,
}

impl Completion {
    /// Completes the text `before` the cursor. Returns a position, and the text that replaces everything from there to
    /// the cursor.
    pub(super) fn complete(&mut self, before: &str, nicks: &NickBook) -> Option<(usize, String)> {
        let mut cycle = match self.last.take() {
            Some(cycle) if cycle.left == before => Cycle { shown: (cycle.shown + 1) % cycle.candidates.len(), ..cycle },
            _ => {
                let start = before.rfind([' ', '\t']).map_or(0, |at| at + 1);
                Cycle { left: String::new(), start, candidates: candidates(before, start, nicks), shown: 0 }
            }
        };
        let candidate = cycle.candidates.get(cycle.shown)?.clone();
        cycle.left = format!("{}{candidate}", &before[..cycle.start]);
        let start = cycle.start;
        self.last = Some(cycle);
        Some((start, candidate))
    }
}

/// All completions of the word at `start`, the most likely first.
fn candidates(before: &str, start: usize, nicks: &NickBook) -> Vec<String> {
    let word = &before[start..];
    if start == 0 && word.starts_with(':') {
        let commands = COMMANDS.iter().chain([&BELL]).filter(|command| command.starts_with(word));
        return commands.map(|command| format!("{command}{}", after_command(command))).collect();
    }
    let after = if start == 0 { ": " } else { " " };
    nicks.beginning_with(word).map(|nick| format!("{nick}{after}")).collect()
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
            let Some((start, text)) = completion.complete(&line, &nicks) else { break };
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
        assert_eq!(completion.complete("an", &nicks), Some((0, "Ana: ".into())));
        assert_eq!(completion.complete("Ana: be", &nicks), Some((5, "beto ".into())));
    }
}
