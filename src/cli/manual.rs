//! What a manual page says beside the description and the flags.

use super::usage::variable;
use crate::chat::messages::{Notice, Said};
use crate::text::Lang;
use clap_mangen::roff::{Roff, bold, roman};

/// The further sections of the page of a command, given with the words that call it, such as `trace view`.
pub(super) fn sections(words: &str, command: &clap::Command) -> Roff {
    let mut page = Roff::new();
    if ["serve", "join"].contains(&words) {
        section(&mut page, "COMMANDS IN THE CHAT", chat_commands());
    }
    section(&mut page, "EXAMPLES", examples(words).iter().map(own).collect());
    section(&mut page, "EXIT STATUS", exit_status(words).iter().map(own).collect());
    section(&mut page, "SIGNALS", signals(words).iter().map(own).collect());
    section(&mut page, "ENVIRONMENT", environment(command));
    page
}

/// A term, and what it means.
type Entry = (String, String);

fn own((term, meaning): &(&str, &str)) -> Entry {
    ((*term).into(), (*meaning).into())
}

fn section(page: &mut Roff, title: &str, entries: Vec<Entry>) {
    if entries.is_empty() {
        return;
    }
    page.control("SH", [title]);
    for (term, meaning) in entries {
        page.control("TP", []);
        page.text([bold(term)]);
        page.text([roman(meaning)]);
    }
}

/// The table that `:help` shows in the chat.
fn chat_commands() -> Vec<Entry> {
    let help = Said(Lang::En, &Notice::Help).to_string();
    let table = help.lines().filter_map(|line| line.split_once("  "));
    table.map(|(command, meaning)| (command.into(), meaning.trim().into())).collect()
}

fn environment(command: &clap::Command) -> Vec<Entry> {
    let flags = command.get_arguments().filter(|arg| arg.get_env().is_some()).filter_map(|arg| arg.get_long());
    let mut entries: Vec<Entry> =
        flags.map(|long| (variable(long), format!("The value of --{long} if the flag is not given."))).collect();
    let takes = |name: &str| command.get_arguments().any(|arg| arg.get_long() == Some(name));
    if takes("lang") {
        entries.push(own(&(
            "LC_ALL, LC_MESSAGES, LANG",
            "The language, if nothing else says it: the first of them that is set.",
        )));
    }
    if takes("color") {
        entries.push(own(&("NO_COLOR", "If it is set, there are no colours unless --color always is given.")));
    }
    entries
}

fn exit_status(words: &str) -> [(&'static str, &'static str); 3] {
    let done = match words {
        "serve" => "A signal told the server to stop.",
        "join" => "You left, or the input has ended.",
        "bench" => "Every line reached every receiver once, in order and unchanged.",
        "torment" => "The server passed everything that could be tried on it.",
        _ => "Done.",
    };
    [
        ("0", done),
        ("1", "It failed. One line on stderr says what failed and what to try."),
        ("2", "The command line or a variable of the environment is wrong. Nothing was done."),
    ]
}

fn signals(words: &str) -> &'static [(&'static str, &'static str)] {
    match words {
        "serve" => &[
            (
                "SIGINT, SIGTERM",
                "The server tells everybody, writes what is pending for up to two seconds, and ends. A second signal ends it \
                 at once.",
            ),
            (
                "SIGHUP",
                "The server opens the history again by its name, as log rotation needs. If stdout is a terminal, which was \
                 closed then, the server ends as after SIGTERM.",
            ),
        ],
        "compare" => &[(
            "SIGHUP, SIGINT, SIGTERM",
            "The comparison ends, and so do its servers. The exit status is 128 and the number of the signal.",
        )],
        _ => &[],
    }
}

fn examples(words: &str) -> &'static [(&'static str, &'static str)] {
    match words {
        "" => &[
            ("tertulia serve", "Serve on 127.0.0.1:8889."),
            ("tertulia join --nick ana", "Join that server."),
            ("nc 127.0.0.1 8889", "Join it without this program."),
        ],
        "serve" => &[
            ("tertulia serve 0.0.0.0 --history talk.jsonl", "Let others on the network in, and keep what is said."),
            ("tertulia serve --mode threaded --slow 2000", "Explain each step, and pause for two seconds after it."),
            ("TERTULIA_MAX_CLIENTS=64 tertulia serve :9000", "Serve 64 clients on another port."),
        ],
        "join" => &[
            ("tertulia join chat.example:9000 --nick ana", "Join a server on another machine."),
            ("printf 'hola\\n:q\\n' | tertulia join", "Say one line, and leave."),
        ],
        "bench" => &[
            ("tertulia bench --talkers 1 --cores same", "Measure the round trip of a single line in each mode."),
            ("tertulia bench --html out.html", "Measure with several numbers of clients, and write a page with plots."),
            ("tertulia bench --addr :9000 --pid 4711", "Measure another server, and what its process uses."),
        ],
        "compare" => &[
            ("tertulia compare", "Compare all modes, and write compare.html."),
            ("tertulia compare --json --rounds 5 --clients 2,6,16,64", "Measure more often, and print the figures."),
        ],
        "trace" | "trace view" | "trace calls" => &[
            ("tertulia serve --trace talk.json", "Record the steps of a server until Ctrl-C."),
            ("tertulia trace view talk.json -o talk.html", "Draw them as a page."),
            ("tertulia trace calls talk.json", "Count their system calls."),
        ],
        "torment" => &[
            ("tertulia torment -- ./my-server {port}", "Start a server for each torment."),
            ("tertulia torment --login 'nick {n}' localhost:9000", "Test a running server that asks for a name first."),
            ("tertulia torment --only stuck-reader,flood-all -- ncat -l --chat 127.0.0.1 {port}", "Try two torments."),
        ],
        "gallery" => &[("tertulia gallery", "List the servers."), ("tertulia gallery echo", "Run one of them.")],
        "completions" => &[
            ("source <(tertulia completions bash)", "Complete in this shell, if it is bash."),
            ("tertulia completions fish > ~/.config/fish/completions/tertulia.fish", "Complete in every fish."),
        ],
        "man" => &[("tertulia man serve | man -l -", "Read the page of a command.")],
        _ => &[],
    }
}
