//! `tertulia join` in a real terminal, which tmux provides, and whose screen tmux reports.
#![cfg(feature = "join")]

mod common;
use common::process::Dir;
use common::*;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A terminal with a shell that runs `tertulia join`, prints how that ended, and then echoes a line.
struct Terminal {
    /// The name of its tmux server: each terminal has a separate one.
    name: String,
    /// All bytes that were written to the terminal.
    raw: PathBuf,
    tmux_pid: String,
}

/// The size, and additional environment variables for `join`.
#[derive(Clone, Copy)]
struct Setup<'a> {
    width: usize,
    height: usize,
    env: &'a str,
}

const USUAL: Setup = Setup { width: 80, height: 24, env: "" };

impl Terminal {
    /// Starts `tertulia join`, with its prompt or without it.
    #[track_caller]
    fn open(addr: impl ToString, flags: &str, setup: Setup) -> Terminal {
        static OPENED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("tertulia-{}-{}", std::process::id(), OPENED.fetch_add(1, Ordering::Relaxed));
        let raw = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(&name);
        std::fs::write(&raw, "").expect("a file");
        let mut terminal = Terminal { name, raw, tmux_pid: String::new() };
        let Setup { width, height, env } = setup;
        let script = format!(
            "set -m
             before=$(stty -g)
             env {env} sh -c 'echo $$ > \"$0.pid\"; exec \"$@\"' '{raw}' '{tertulia}' join '{addr}' {flags}
             code=$?
             case $code in 146 | 148) # Ctrl-Z: Linux and macOS number it differently.
                 stty sane; echo; echo STOPPED; read -r line; fg > /dev/null; code=$?
             esac
             if [ \"$(stty -g)\" = \"$before\" ]; then echo EXIT $code, sane; else echo EXIT $code, not sane; fi
             read -r line; echo \"READ $line\"; read -r line",
            raw = terminal.raw.display(),
            tertulia = env!("CARGO_BIN_EXE_tertulia"),
            addr = addr.to_string(),
        );
        let (width, height) = (width.to_string(), height.to_string());
        let copy = format!("cat >> '{}'", terminal.raw.display());
        terminal.tmux(&[
            "new-session",
            "-d",
            "-x",
            &width,
            "-y",
            &height,
            "sh",
            "-c",
            &script,
            ";",
            "pipe-pane",
            &copy,
        ]);
        terminal.tmux(&["set-option", "-g", "status", "off", ";", "resize-window", "-x", &width, "-y", &height]);
        terminal.tmux_pid = terminal.tmux(&["display-message", "-p", "#{pid}"]).trim().into();
        terminal
    }

    /// A client that has a name and a prompt.
    #[track_caller]
    fn join(server: &Server, nick: &str, setup: Setup) -> Terminal {
        let terminal = Terminal::open(server.addr, &format!("--nick {nick}"), setup);
        terminal.ends_with(&[&format!("{nick}>")]);
        terminal
    }

    #[track_caller]
    fn tmux(&self, args: &[&str]) -> String {
        let mut tmux = Command::new("tmux");
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TERTULIA_")) {
            tmux.env_remove(name);
        }
        tmux.env_remove("TMUX").env_remove("NO_COLOR").env("LC_ALL", "C").env("TZ", "UTC");
        let output = tmux.args(["-u", "-L", &self.name, "-f", "/dev/null"]).args(args).output().expect("tmux runs");
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    #[track_caller]
    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    /// Presses keys, by tmux's names: `Enter`, `Tab`, `C-c`, `Up`.
    #[track_caller]
    fn presses(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// Types a line and presses Enter.
    #[track_caller]
    fn says(&self, line: &str) {
        self.types(line);
        self.presses(&["Enter"]);
    }

    /// The rows of the screen down to the last one that is not empty, without the time at the beginning of a line.
    fn screen(&self) -> Vec<String> {
        let rows = self.tmux(&["capture-pane", "-p"]);
        rows.trim_end().lines().map(|row| without_time(row).to_owned()).collect()
    }

    /// Waits until the screen is right.
    #[track_caller]
    fn becomes(&self, what: &str, is_right: impl Fn(&[String]) -> bool) {
        let deadline = Instant::now() + LIMIT;
        loop {
            let screen = self.screen();
            if is_right(&screen) {
                return;
            }
            assert!(Instant::now() < deadline, "never on the screen: {what}\n{}", screen.join("\n"));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits until these are the last rows on the screen.
    #[track_caller]
    fn ends_with(&self, rows: &[&str]) {
        self.becomes(&format!("{rows:#?}"), |screen| {
            screen.ends_with(&rows.iter().map(|row| (*row).into()).collect::<Vec<_>>())
        });
    }

    /// Waits for a row that contains `part`.
    #[track_caller]
    fn shows(&self, part: &str) {
        self.becomes(part, |screen| screen.iter().any(|row| row.contains(part)));
    }

    /// What was written to the terminal so far.
    fn raw(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.raw).expect("a file")).into_owned()
    }

    /// Waits until this was written to the terminal, and returns everything that was.
    #[track_caller]
    fn wrote(&self, part: &str) -> String {
        until(&format!("{part:?} is written"), || Some(self.raw()).filter(|raw| raw.contains(part)))
    }

    /// Checks that `join` has ended with this code, and that the shell has its terminal back and echoes what is typed.
    #[track_caller]
    fn exits(&self, code: i32) {
        self.shows(&format!("EXIT {code}, sane"));
        self.says("so be it");
        self.ends_with(&["so be it", "READ so be it"]);
    }

    /// Sends `join` a signal.
    #[track_caller]
    fn signal(&self, name: &str) {
        let pid = std::fs::read_to_string(self.raw.with_extension("pid")).expect("a process id");
        assert!(kill(name, pid.trim()));
    }

    /// From now on the terminal takes no output, like one at the far end of a connection that hangs.
    #[track_caller]
    fn freeze(&self) {
        assert!(kill("STOP", &self.tmux_pid));
    }

    #[track_caller]
    fn thaw(&self) {
        assert!(kill("CONT", &self.tmux_pid));
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- what was written to the terminal\n{}", self.raw().escape_debug());
        }
        let _ = kill("CONT", &self.tmux_pid);
        let end = ["-L", &self.name, "-f", "/dev/null", "display-message", "-p", "#{socket_path}", ";", "kill-server"];
        let ended = Command::new("tmux").env_remove("TMUX").args(end).output();
        // tmux does not remove its socket.
        if let Ok(socket) = ended.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()) {
            let _ = std::fs::remove_file(socket);
        }
        let _ = std::fs::remove_file(&self.raw);
        let _ = std::fs::remove_file(self.raw.with_extension("pid"));
    }
}

fn kill(signal: &str, pid: &str) -> bool {
    !pid.is_empty()
        && Command::new("kill").args([&format!("-{signal}"), pid]).status().is_ok_and(|status| status.success())
}

/// A row without the time at its beginning.
fn without_time(row: &str) -> &str {
    let is_time = row.len() >= 5
        && row.bytes().take(6).enumerate().all(|(i, byte)| match i {
            2 => byte == b':',
            5 => byte == b' ',
            _ => byte.is_ascii_digit(),
        });
    if is_time { row.get(6..).unwrap_or_default() } else { row }
}

#[test]
#[ignore = "needs tmux"]
fn what_is_typed_stays_whole_while_lines_arrive() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("half a thou");
    beto.ends_with(&["beto> half a thou"]);
    for i in 1..=10 {
        ana.says(&format!("line {i}"));
        beto.ends_with(&[&format!("<ana> line {i}"), "beto> half a thou"]);
    }
    // Then many lines at once, past the top of the screen.
    ana.sends((11..=500).map(|i| format!("line {i}\n")).collect::<String>().as_bytes());
    let mut rows: Vec<String> = (478..=500).map(|i| format!("<ana> line {i}")).collect();
    rows.push("beto> half a thou".into());
    beto.becomes("the last 23 lines, and what was typed", |screen| screen == rows);
    beto.says("ght");
    ana.sees("<beto> half a thought");
    rows.drain(..1);
    rows[22] += "ght";
    rows.push("beto>".into());
    beto.becomes("the line that was said, once", |screen| screen == rows);
}

#[test]
#[ignore = "needs tmux"]
fn the_cursor_stays_where_it_was_also_in_a_line_of_three_rows() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", Setup { width: 20, height: 12, ..USUAL });
    beto.types("0123456789abcdefghijklmnopqrstuvwxyz-ñandú");
    let typed = ["beto> 0123456789abcd", "efghijklmnopqrstuvwx", "yz-ñandú"];
    beto.ends_with(&typed);
    beto.presses(&["Home", "Right", "Right"]);
    let cursor = || beto.tmux(&["display-message", "-p", "#{cursor_x},#{cursor_y}"]);
    let row = |rows: usize| rows - typed.len();
    beto.becomes("the cursor in the first row", |screen| cursor() == format!("8,{}\n", row(screen.len())));
    for i in 1..=3 {
        ana.says(&format!("{i} is longer than a row of this terminal"));
        let first = format!("<ana> {i} is");
        let arrived = [first.as_str(), "  longer than a row", "  of this terminal"];
        beto.ends_with(&[arrived, typed].concat());
        beto.becomes("the cursor in the first row", |screen| cursor() == format!("8,{}\n", row(screen.len())));
    }
    beto.types("<here>");
    beto.presses(&["Enter"]);
    ana.sees("<beto> 01<here>23456789abcdefghijklmnopqrstuvwxyz-ñandú");
}

/// Text that a terminal itself would continue at the left margin, where lines begin.
#[test]
#[ignore = "needs tmux"]
fn a_second_row_cannot_look_like_another_line() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    for forged in ["-- cleo (#3) is here", "12:30 <cleo> hola", "* cleo waves", "[cleo -> you] psst", "beto> "] {
        let said = ["x"; 34].join(" ");
        // The time, the nick and what is said take 79 columns.
        ana.says(&format!("{said} {forged}"));
        let (first, second) = (format!("<ana> {said}"), format!("  {forged}"));
        beto.ends_with(&[&first, second.trim_end(), "beto>"]);
        ana.says(&format!(":me {said} {forged}"));
        beto.becomes("an action of two rows", |screen| {
            screen.iter().rev().nth(1).is_some_and(|row| row.starts_with("  "))
        });
    }
    // Terminals do not agree on the widths of these.
    let is_known = |row: &String| ["<ana> ", "* ana ", "  ", "beto>"].iter().any(|start| row.starts_with(start));
    for cluster in ["❤\u{fe0f}", "1\u{fe0f}\u{20e3}", "👩\u{200d}", "🇪🇸", "ক\u{9be}", "日", "e\u{301}"] {
        ana.says(&cluster.repeat(90));
        ana.says("and now a line");
        beto.ends_with(&["<ana> and now a line", "beto>"]);
        let screen = beto.screen();
        let mut rows = screen.iter().skip_while(|row| !row.starts_with("<ana> "));
        assert!(rows.all(is_known), "{cluster}\n{}", screen.join("\n"));
    }
}

#[test]
#[ignore = "needs tmux"]
fn ones_own_line_is_shown_once() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.says("hola");
    ana.sees("<beto> hola");
    beto.says("   ");
    beto.says("¿qué tal, 日本?");
    ana.sees("<beto> ¿qué tal, 日本?");
    ana.says("bien");
    beto.becomes("each line once", |screen| {
        screen.ends_with(&["beto> hola", "beto>", "beto> ¿qué tal, 日本?", "<ana> bien", "beto>"].map(String::from))
            && screen.iter().filter(|row| row.contains("hola")).count() == 1
    });
}

/// Between two lines the keys are not read, and the terminal itself must neither show nor lose them.
#[test]
#[ignore = "needs tmux"]
fn what_is_typed_ahead_is_shown_once_and_not_lost() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    // There is no prompt while the server checks a name, and this server is stopped.
    server.signal("STOP");
    beto.says(":nick carla");
    beto.says("hola");
    beto.types("adi");
    beto.ends_with(&["beto> :nick carla", "beto> hola", "beto> adi"]);
    server.signal("CONT");
    ana.sees("<carla> hola");
    beto.ends_with(&["-- you are now carla", "carla> adi"]);
    beto.says("ós");
    ana.sees("<carla> adiós");
    beto.ends_with(&["carla>"]);
    server.signal("STOP");
    beto.says(":nick dora");
    beto.presses(&["C-d"]);
    server.signal("CONT");
    ana.notice("dora (#2) is gone: left");
    beto.exits(0);
}

#[test]
#[ignore = "needs tmux"]
fn tab_completes_commands_and_the_last_speaker_first() {
    let server = Server::start("epoll");
    let [mut ana, mut cleo] = server.join_all(["ana", "cleo"]);
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.presses(&[":", "n", "Tab"]);
    beto.types("benito");
    beto.ends_with(&["beto> :nick benito"]);
    beto.presses(&["Enter"]);
    beto.ends_with(&["-- you are now benito", "benito>"]);
    for (speaker, first, second) in [(&mut cleo, "cleo", "ana"), (&mut ana, "ana", "cleo")] {
        speaker.says("me");
        beto.ends_with(&[&format!("<{first}> me"), "benito>"]);
        beto.presses(&["Tab"]);
        beto.ends_with(&[&format!("benito> {first}:")]);
        beto.presses(&["Tab"]);
        beto.ends_with(&[&format!("benito> {second}:")]);
        beto.presses(&["C-u"]);
        beto.ends_with(&["benito>"]);
    }
    beto.types("hola cl");
    beto.presses(&["Tab"]);
    beto.types("y an");
    beto.presses(&["Tab"]);
    beto.ends_with(&["benito> hola cleo y ana"]);
    beto.types("!");
    beto.presses(&["Enter"]);
    ana.sees("<cleo> me");
    ana.sees("<benito> hola cleo y ana !");
}

#[test]
#[ignore = "needs tmux"]
fn tab_lists_the_commands_and_what_they_do() {
    let server = Server::start("epoll");
    for (env, nick, first, last) in [
        ("", "beto", "== :nick NAME       take a name", "== :q               leave"),
        ("TERTULIA_LANG=es", "cleo", "== :nick NOMBRE     tomar un nombre", "== :q               salir"),
    ] {
        let person = Terminal::join(&server, nick, Setup { env, ..USUAL });
        person.presses(&[":", "Tab"]);
        person.becomes("all commands, and the first one in the line", |screen| {
            let [.., quit, prompt] = screen else { return false };
            screen.iter().any(|row| row == first) && quit == last && *prompt == format!("{nick}> :nick")
        });
    }
}

#[test]
#[ignore = "needs tmux"]
fn commands_of_other_programs_are_answered_and_not_sent() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", Setup { width: 120, ..USUAL });
    for (line, answer) in [
        ("/quit", "== /quit was not sent: write :q (leave); to say /quit, put a space before it"),
        (":Q", "== :Q was not sent: write :q (leave); to say :Q, put a space before it"),
        (
            "/msg ana psst",
            "== /msg was not sent: write :msg NICK TEXT (tell only NICK); to say /msg, put a space before it",
        ),
        ("/pass 1234", "== /pass was not sent: :help lists the commands; to say /pass, put a space before it"),
    ] {
        beto.says(line);
        beto.ends_with(&[&format!("beto> {line}"), answer, "beto>"]);
    }
    beto.says(" /quit");
    ana.sees("<beto>  /quit");
}

#[test]
#[ignore = "needs tmux"]
fn a_mention_stands_out_and_rings_until_the_bell_is_off() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    let rings = |raw: String| raw.matches('\x07').count();
    ana.says("nothing about anybody");
    assert_eq!(rings(beto.wrote("about anybody")), 0);
    ana.says("oye, Beto!");
    beto.shows("oye, Beto!");
    until("it rings", || (rings(beto.raw()) == 1).then_some(()));
    let screen = beto.tmux(&["capture-pane", "-p", "-e"]);
    let row = screen.lines().find(|row| row.contains("oye")).expect("it is shown");
    // tmux writes the same attributes in its own way.
    let (before, marked) = row.split_once("Beto\x1b[0m").unwrap_or_default();
    assert!(before.ends_with("oye, \x1b[1;7m") && marked.ends_with('!'), "{row:?}");
    ana.says(":msg beto psst");
    beto.shows("[ana -> you] psst");
    until("it rings", || (rings(beto.raw()) == 2).then_some(()));

    beto.says(":bell");
    beto.ends_with(&["== the bell is off; :bell turns it on", "beto>"]);
    ana.says("beto, are you deaf?");
    ana.says("so it seems");
    assert_eq!(rings(beto.wrote("so it seems")), 2);
    beto.says(":bell");
    beto.ends_with(&["== the bell is on; :bell turns it off", "beto>"]);
    ana.says("and now, beto?");
    until("it rings again", || (rings(beto.raw()) == 3).then_some(()));
    // Nothing of that was sent.
    beto.says("yes");
    ana.sees("<beto> yes");
    assert!(!beto.raw().contains("no command"));
}

#[test]
#[ignore = "needs tmux"]
fn ctrl_c_clears_the_line_and_ctrl_d_leaves() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("better not");
    beto.ends_with(&["beto> better not"]);
    beto.presses(&["C-c"]);
    beto.becomes("an empty prompt", |screen| screen.last().is_some_and(|row| row == "beto>"));
    beto.says("hola");
    ana.sees("<beto> hola");
    beto.ends_with(&["beto> hola", "beto>"]);
    beto.presses(&["C-d"]);
    ana.notice("beto (#2) is gone: left");
    beto.ends_with(&["-- goodbye", "EXIT 0, sane"]);
    beto.exits(0);
}

#[test]
#[ignore = "needs tmux"]
fn every_way_to_leave_says_goodbye() {
    let server = Server::start("epoll");
    for leave in [&["C-c"][..], &["C-d"], &[":", "q", "Enter"]] {
        let beto = Terminal::join(&server, "beto", USUAL);
        beto.presses(leave);
        beto.ends_with(&["-- goodbye", "EXIT 0, sane"]);
        beto.exits(0);
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_killed_server_is_told_and_the_terminal_given_back() {
    for (env, words) in [
        ("", "tertulia: the server closed the connection; join again when it is back"),
        ("-u LC_ALL LANG=es_ES.UTF-8", "tertulia: el servidor ha cerrado la conexión; vuelve a entrar cuando esté en"),
    ] {
        let mut server = Server::start("epoll");
        let mut ana = server.join_as("ana");
        let beto = Terminal::join(&server, "beto", Setup { env, ..USUAL });
        beto.types("what I wanted to say is");
        beto.ends_with(&["beto> what I wanted to say is"]);
        ana.says("one more thing");
        beto.ends_with(&["<ana> one more thing", "beto> what I wanted to say is"]);
        server.child.kill().expect("a child of ours");
        beto.shows("EXIT 1, sane");
        beto.becomes("the last line, and what happened, once each", |screen| {
            let count = |part: &str| screen.iter().filter(|row| row.contains(part)).count();
            count("one more thing") == 1 && count("wanted") == 1 && count(words) == 1
        });
        beto.exits(1);
    }
}

#[test]
#[ignore = "needs tmux"]
fn a_server_that_closes_is_heard_to_the_end() {
    let mut server = Server::start("epoll");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("but");
    beto.ends_with(&["beto> but"]);
    server.stop();
    beto.shows("EXIT 1, sane");
    beto.becomes("the server's goodbye before the client's word", |screen| {
        let at = |part: &str| screen.iter().position(|row| row.contains(part));
        at("-- the server closes; goodbye").is_some_and(|goodbye| Some(goodbye) < at("tertulia: the server closed"))
    });
    beto.exits(1);
}

/// In this state the editor reads only the keyboard.
#[test]
#[ignore = "needs tmux"]
fn a_server_that_dies_during_a_search_of_the_history_is_told() {
    let mut server = Server::start("epoll");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.says("hola");
    beto.ends_with(&["beto> hola", "beto>"]);
    beto.presses(&["C-r", "h"]);
    beto.shows("reverse-i-search");
    server.child.kill().expect("a child of ours");
    beto.shows("tertulia: the server closed the connection");
    beto.exits(1);
}

#[test]
#[ignore = "needs tmux"]
fn a_terminated_client_gives_the_terminal_back() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("half");
    beto.ends_with(&["beto> half"]);
    beto.signal("TERM");
    ana.notice("beto (#2) is gone");
    beto.exits(143);
}

#[test]
#[ignore = "needs tmux"]
fn a_resized_terminal_keeps_what_is_typed() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("hola");
    beto.ends_with(&["beto> hola"]);
    for (width, height) in [("30", "10"), ("100", "30"), ("20", "8"), ("80", "24")] {
        beto.tmux(&["resize-window", "-x", width, "-y", height]);
        ana.says(width);
        beto.ends_with(&[&format!("<ana> {width}"), "beto> hola"]);
    }
    beto.presses(&["Enter"]);
    ana.sees("<beto> hola");
    beto.ends_with(&["<ana> 30", "<ana> 100", "<ana> 20", "<ana> 80", "beto> hola", "beto>"]);
}

/// tmux rewraps what it shows, as most terminals do.
#[test]
#[ignore = "needs tmux"]
fn a_resized_terminal_keeps_what_is_typed_in_two_rows() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    let typed = "a line that takes two rows of a small one";
    beto.types(typed);
    beto.ends_with(&[&format!("beto> {typed}")]);
    let resize = |width, height, cursor: usize| {
        beto.tmux(&["resize-window", "-x", width, "-y", height]);
        let end = format!("\r\x1b[{cursor}C\x1b[?2026l");
        until("it is drawn anew", || beto.raw().ends_with(&end).then_some(()));
    };
    for _ in 0..2 {
        resize("30", "10", 17);
        ana.says("narrow");
        beto.ends_with(&["<ana> narrow", "beto> a line that takes two ro", "ws of a small one"]);
        resize("80", "24", 47);
        ana.says("wide");
        beto.ends_with(&["<ana> wide", &format!("beto> {typed}")]);
    }
    beto.says("!");
    ana.sees(&format!("<beto> {typed}!"));
    beto.ends_with(&["<ana> wide", &format!("beto> {typed}!"), "beto>"]);
}

#[test]
#[ignore = "needs tmux"]
fn a_resized_terminal_loses_no_line_and_shows_one_prompt() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    let typed = "a line that takes two rows of a small terminal, or three";
    for (key, column) in [("End", "62\n"), ("Home", "6\n")] {
        beto.tmux(&["clear-history", ";", "resize-window", "-x", "80", "-y", "24"]);
        for line in ["one", "two", "three"] {
            ana.says(line);
            beto.shows(&format!("<ana> {line}"));
        }
        beto.types(typed);
        beto.presses(&[key]);
        let cursor = || beto.tmux(&["display-message", "-p", "#{cursor_x}"]);
        beto.becomes("what was typed, and the cursor", |screen| {
            screen.last().is_some_and(|row| row.ends_with("or three")) && cursor() == column
        });
        for width in ["40", "21", "100", "64", "31", "30", "31", "80"] {
            let before = beto.raw().len();
            beto.tmux(&["resize-window", "-x", width, "-y", "24"]);
            let is_drawn = || beto.raw()[before..].ends_with("\x1b[?2026l").then_some(());
            // 64 columns are enough for one row, as 100 are.
            if width != "64" {
                until("it is drawn anew", is_drawn);
            }
            beto.becomes("each line once, and the prompt", |screen| {
                let whole = screen.join("\n");
                let above = whole.find("beto> ").unwrap_or_default();
                whole[..above].ends_with("<ana> one\n<ana> two\n<ana> three\n")
                    && whole[above..].replace('\n', "") == format!("beto> {typed}")
            });
        }
        beto.presses(&["C-e", "C-u"]);
        beto.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    }
}

#[test]
#[ignore = "needs tmux"]
fn every_line_has_one_time() {
    let history = Dir::new();
    let file = history.file("history.jsonl").display().to_string();
    let server = Server::with("epoll", &["--history", &file]);
    let mut ana = server.join_as("ana");
    ana.says("before");
    server.console.shows("<ana> before");
    let beto = Terminal::join(&server, "beto", Setup { width: 60, ..USUAL });
    ana.notice("beto (#2) is here");
    ana.says("hola");
    beto.shows("<ana> hola");
    beto.says(":bell");
    beto.shows("== the bell is off");
    let long = "a line that is longer than a row of this terminal, and so it takes two";
    beto.types(long);
    beto.presses(&["Home", "Enter"]);
    ana.sees(&format!("<beto> {long}"));
    ana.says("¿sí?");
    beto.ends_with(&["<ana> ¿sí?", "beto>"]);
    let rows = beto.tmux(&["capture-pane", "-p", "-J"]);
    let has_one_time = |row: &str| {
        let rest = without_time(row);
        let text = rest.strip_prefix("-- ").unwrap_or(rest);
        rest.len() < row.len() && without_time(text) == text
    };
    let rows: Vec<&str> = rows.trim_end().lines().collect();
    let Some((prompt, rows)) = rows.split_last() else { panic!("an empty screen") };
    assert_eq!(*prompt, "beto>");
    assert!(rows.iter().filter(|row| !row.starts_with("  ")).all(|row| has_one_time(row)), "{rows:#?}");
    for part in
        ["-- <ana> before", "<ana> hola", "beto> :bell", "== the bell is off", &format!("beto> {long}"), "<ana> ¿sí?"]
    {
        assert_eq!(rows.iter().filter(|row| without_time(row).starts_with(part)).count(), 1, "{part} in {rows:#?}");
    }
}

#[test]
#[ignore = "needs tmux"]
fn up_brings_back_what_one_said() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    for line in ["one", "two", "three"] {
        beto.says(line);
        ana.sees(&format!("<beto> {line}"));
    }
    ana.says("four");
    beto.ends_with(&["<ana> four", "beto>"]);
    beto.presses(&["Up"]);
    beto.ends_with(&["beto> three"]);
    beto.presses(&["Up", "Up"]);
    beto.ends_with(&["beto> one"]);
    beto.presses(&["Down"]);
    beto.ends_with(&["beto> two"]);
    beto.presses(&["Enter"]);
    ana.sees("<beto> two");
}

#[test]
#[ignore = "needs tmux"]
fn no_color_means_no_color() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let has_color = |raw: &str| {
        raw.split("\x1b[")
            .skip(1)
            .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'))
    };
    for (env, flags, colored) in [
        ("", "", true),
        ("NO_COLOR=", "", true),
        ("NO_COLOR=1", "", false),
        ("", "--color never", false),
        ("NO_COLOR=1", "--color always", true),
    ] {
        let beto = Terminal::open(server.addr, &format!("--nick beto {flags}"), Setup { env, ..USUAL });
        beto.ends_with(&["beto>"]);
        ana.says("hola beto");
        beto.ends_with(&["<ana> hola beto", "beto>"]);
        beto.says(":bell");
        beto.shows("== the bell is off");
        beto.presses(&["C-d"]);
        beto.ends_with(&["-- goodbye", "EXIT 0, sane"]);
        let raw = beto.wrote("EXIT 0");
        assert_eq!(has_color(&raw), colored, "{env} {flags}: {raw:?}");
        assert!(raw.contains("\x07"), "it rings all the same");
    }
}

#[test]
#[ignore = "needs tmux"]
fn the_prompt_tells_what_one_is_called() {
    let server = Server::start("epoll");
    let _ana = server.join_as("ana");
    let beto = Terminal::open(server.addr, "", USUAL);
    beto.ends_with(&["guest2>"]);
    beto.says(":nick ana");
    beto.ends_with(&[
        "-- ana is taken, or looks like a name that is; take another one",
        "== you are still guest2; :nick NAME takes another name",
        "guest2>",
    ]);
    beto.says(":nick beto");
    beto.ends_with(&["-- you are now beto", "beto>"]);
    beto.says(":help");
    beto.becomes("the client's own help with the server's", |screen| {
        screen.iter().any(|row| row.starts_with("== :bell turns the bell"))
            && screen.iter().any(|row| row.starts_with("-- :who"))
    });
}

#[test]
#[ignore = "needs tmux"]
fn one_who_does_not_get_the_name_keeps_the_seat() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::open(server.addr, "--nick ANA", USUAL);
    beto.ends_with(&[
        "-- ANA is taken, or looks like a name that is; take another one",
        "== you are still guest2; :nick NAME takes another name",
        "guest2>",
    ]);
    beto.says("hola");
    ana.sees("<guest2> hola");
    let invalid = Terminal::open(server.addr, "--nick be.to", USUAL);
    invalid.shows("tertulia: the name was refused: a name has only letters, digits, _ and -");
    invalid.exits(1);
    assert!(!server.console.text().contains("#3"), "it has connected");
}

#[test]
#[ignore = "needs tmux"]
fn a_password_is_not_shown_while_it_is_typed() {
    let dir = Dir::new();
    let file = dir.file("password");
    std::fs::write(&file, "sesamo 7\n").expect("a temporary file");
    let server = Server::with("epoll", &["--password-file", file.to_str().expect("UTF-8")]);
    let ana = Terminal::open(server.addr, "--nick ana", USUAL);
    ana.ends_with(&["-- this room has a password; type it and press Enter"]);
    ana.says("a guess");
    ana.ends_with(&["-- that is not the password; you have 2 more tries"]);
    ana.says("sesamo 7");
    ana.ends_with(&["-- you are now ana", "ana>"]);
    ana.says("hola");
    server.console.shows("<ana> hola");
    let seen = ana.screen().concat();
    assert!(!seen.contains("guess") && !seen.contains("sesamo"), "{seen}");
}

#[test]
#[ignore = "needs tmux"]
fn the_password_of_those_in_charge_is_neither_shown_nor_remembered() {
    let dir = Dir::new();
    let file = dir.file("password");
    std::fs::write(&file, "sesamo 7\n").expect("a temporary file");
    let server = Server::with("epoll", &["--operator-password-file", file.to_str().expect("UTF-8")]);
    for (nick, env) in [("ana", ""), ("beto", "NO_COLOR=1")] {
        let who = Terminal::join(&server, nick, Setup { env, ..USUAL });
        who.says("hola");
        who.types(":op sesamo");
        who.ends_with(&[&format!("{nick}> :op ******")]);
        who.presses(&["BSpace", "BSpace", "Left"]);
        who.types("am");
        who.presses(&["End", "BSpace"]);
        // Typed was `:op sesa`, and `am` before its last letter.
        who.ends_with(&[&format!("{nick}> :op *****")]);
        who.presses(&["C-u"]);
        who.says(":op sesamo 7");
        who.shows(" is in charge");
        assert!(who.screen().iter().any(|row| *row == format!("{nick}> :op ********")), "{:?}", who.screen());
        who.presses(&["Up"]);
        who.ends_with(&[&format!("{nick}> hola")]);
        assert!(!who.raw().contains("ses"), "{}", who.raw());
    }
}

#[cfg(feature = "tls")]
#[test]
#[ignore = "needs tmux"]
fn who_joins_without_tls_where_it_is_needed_soon_hears_of_it() {
    let dir = Dir::new();
    let path = dir.file("tls.pem");
    common::tls::make_certificate(&path);
    let server = Server::with("epoll", &["--tls-cert", path.to_str().expect("UTF-8")]);
    for nick in ["", "--nick ana"] {
        let ana = Terminal::open(server.addr, nick, USUAL);
        match nick {
            "" => ana.ends_with(&["== no answer yet: the server may be full, or speak TLS only (use --tls)", ">"]),
            // It has said something, and so the server knows.
            _ => ana.shows("tertulia: this server speaks TLS only"),
        }
    }
}

/// Starts a server on the port of one that has ended.
fn start_again(addr: SocketAddr, password: &std::path::Path) -> Server {
    let mut command = tertulia();
    command.args(["serve", &addr.to_string(), "--password-file", password.to_str().expect("UTF-8")]);
    Server::of(command)
}

#[test]
#[ignore = "needs tmux"]
fn who_comes_back_says_the_password_by_itself_and_gives_up_when_it_is_wrong() {
    let dir = Dir::new();
    let [file, other] = ["password", "other"].map(|name| dir.file(name));
    std::fs::write(&file, "sesamo 7\n").expect("a temporary file");
    std::fs::write(&other, "another\n").expect("a temporary file");
    let mut server = Server::with("epoll", &["--password-file", file.to_str().expect("UTF-8")]);
    let addr = server.addr;
    let wide = Setup { width: 120, ..USUAL };
    let ana = Terminal::open(addr, "--nick ana --reconnect", wide);
    ana.ends_with(&["-- this room has a password; type it and press Enter"]);
    ana.says("sesamo 7");
    ana.ends_with(&["ana>"]);
    let with_file = format!("--nick beto --reconnect --password-file '{}'", file.display());
    let beto = Terminal::open(addr, &with_file, wide);
    beto.ends_with(&["beto>"]);
    assert!(server.stop().success());

    let mut server = start_again(addr, &file);
    for (who, nick) in [(&ana, "ana"), (&beto, "beto")] {
        who.becomes("the name again", |screen| {
            screen.iter().any(|row| row == "== connected again")
                && screen.last().is_some_and(|row| *row == format!("{nick}>"))
        });
        who.says("here I am");
        server.console.shows(&format!("<{nick}> here I am"));
        let asked = who.screen().iter().filter(|row| row.contains("type it and press Enter")).count();
        assert_eq!(asked, usize::from(nick == "ana"), "{:?}", who.screen());
    }
    assert!(server.stop().success());

    let server = start_again(addr, &other);
    for who in [&ana, &beto] {
        who.shows("tertulia: that is not the room's password; ask whoever runs the server");
        who.exits(1);
    }
    assert!(!server.console.text().contains("arrived"), "nobody comes in");
}

#[test]
#[ignore = "needs tmux"]
fn who_comes_back_without_a_password_gives_up_when_there_is_one_now() {
    let dir = Dir::new();
    let file = dir.file("password");
    std::fs::write(&file, "sesamo 7\n").expect("a temporary file");
    let mut server = Server::start("epoll");
    let ana = Terminal::open(server.addr, "--nick ana --reconnect", Setup { width: 120, ..USUAL });
    ana.ends_with(&["ana>"]);
    assert!(server.stop().success());
    let _server = start_again(server.addr, &file);
    ana.shows("tertulia: the room has a password; put it in a file, and use --password-file FILE");
    ana.exits(1);
}

#[test]
#[ignore = "needs tmux"]
fn one_who_is_turned_away_has_a_sane_terminal() {
    let server = Server::with("epoll", &["--max-clients", "2"]);
    let _ana = server.join_as("ana");
    let _cleo = server.join_as("cleo");
    for flags in ["", "--nick beto"] {
        let late = Terminal::open(server.addr, flags, USUAL);
        late.becomes("the refusal alone", |screen| {
            screen
                .first()
                .is_some_and(|row| row.starts_with("tertulia: the room is full (2 of 2 seats taken); try again"))
        });
        late.exits(1);
    }
}

#[test]
#[ignore = "needs tmux"]
fn one_who_waits_for_a_seat_is_told_and_then_has_the_right_prompt() {
    for (flags, prompt) in [("", "guest2>"), ("--nick beto", "beto>")] {
        let server = Server::with("epoll", &["--max-clients", "1", "--when-full", "wait"]);
        let ana = server.join();
        let waiting = Terminal::open(server.addr, flags, USUAL);
        waiting.ends_with(&["== no answer yet: the server may be full, or speak TLS only (use --tls)", ">"]);
        waiting.types("a thought longer than a row: 0123456789 0123456789 0123456789 0123456789 0123456789, at");
        waiting.becomes("what was typed", |screen| screen.last().is_some_and(|row| row.ends_with("789, at")));
        drop(ana);
        waiting.becomes("the right prompt once, and what was typed", |screen| {
            let rows = screen.iter().filter(|row| row.contains("a thought"));
            let [.., first, second] = screen else { return false };
            first.starts_with(&format!("{prompt} a thought")) && second.ends_with("789, at") && rows.count() == 1
        });
        waiting.types("!");
        waiting.presses(&["Enter"]);
        waiting.becomes("an empty prompt", |screen| screen.last().is_some_and(|row| row == prompt));
        server.console.shows("0123456789, at!");
    }
}

#[test]
#[ignore = "needs tmux"]
fn many_pasted_lines_are_many_messages() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.tmux(&["set-buffer", "one\ntwo\n:bell\nthree", ";", "paste-buffer", "-p"]);
    beto.shows("three");
    beto.presses(&["Enter"]);
    for line in ["one", "two", "three"] {
        ana.sees(&format!("<beto> {line}"));
    }
    beto.shows("== the bell is off");
}

#[test]
#[ignore = "needs tmux"]
fn a_dumb_terminal_is_a_pipe() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::open(server.addr, "--nick beto", Setup { env: "TERM=dumb", ..USUAL });
    beto.ends_with(&["-- you are now beto"]);
    ana.notice("beto (#2) is here");
    beto.says("hola");
    ana.sees("<beto> hola");
    ana.says("hola beto");
    beto.ends_with(&["hola", "<ana> hola beto"]);
    assert!(!beto.raw().contains('\x1b'));
    beto.presses(&["C-d"]);
    beto.ends_with(&["-- goodbye", "EXIT 0, sane"]);
    beto.exits(0);
}

#[test]
#[ignore = "needs tmux"]
fn a_hostile_server_does_not_reach_the_terminal() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let beto = Terminal::open(listener.local_addr().expect("an address"), "", USUAL);
    let (mut stream, _) = listener.accept().expect("beto joins");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    let nasty = "-- welcome to tertulia: you are \x1b]2;me\x07 (#1)\n\
                 <x\x1b[31m> \x1b[2J\x1b]0;title\x07\x1bc\u{9b}5m\rover\n\
                 -- you are now \x1bcb\n";
    stream.write_all(nasty.as_bytes()).expect("join reads");
    stream.write_all(&vec![b'x'; 1 << 20]).expect("join reads");
    stream.write_all(b"\n<y> the end\n").expect("join reads");
    beto.ends_with(&[
        "<x[31m> [2J]0;titlec5mover",
        "-- you are now cb",
        "== … a line of 1048576 bytes not shown",
        "<y> the end",
        "cb>",
    ]);
    let raw = beto.raw();
    for bad in ["\x1b]", "\x1b[2J", "\x1bc", "\u{9b}", "\x1b[31m", "\x07"] {
        assert!(!raw.contains(bad), "{bad:?} in {raw:?}");
    }
    beto.presses(&["C-d"]);
    let mut heard = String::new();
    stream.read_to_string(&mut heard).expect("beto leaves");
    assert_eq!(heard, ":q\n");
    drop(stream);
    beto.exits(0);
}

#[test]
#[ignore = "needs tmux"]
fn a_server_that_never_closes_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let beto = Terminal::open(listener.local_addr().expect("an address"), "", USUAL);
    let (mut stream, _) = listener.accept().expect("beto joins");
    stream.write_all(b"-- welcome to tertulia: you are beto (#1)\n").expect("join reads");
    beto.ends_with(&["beto>"]);
    beto.says(":q");
    beto.exits(0);
    drop(stream);
}

#[test]
#[ignore = "needs tmux"]
fn a_server_that_comes_back_is_joined_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address");
    let beto = Terminal::open(addr, "--nick beto --reconnect", USUAL);
    let greet = |stream: &mut TcpStream| {
        stream.write_all(b"-- welcome to tertulia: you are guest1 (#1)\n").expect("join reads");
        let mut lines = BufReader::new(stream.try_clone().expect("a descriptor")).lines();
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        assert_eq!(lines.next().expect("a line").expect("UTF-8"), ":nick beto");
        stream.write_all(b"-- you are now beto\n").expect("join reads");
        lines
    };
    let (mut first, _) = listener.accept().expect("beto joins");
    drop(greet(&mut first));
    beto.ends_with(&["beto>"]);
    drop((first, listener));
    beto.ends_with(&["== the server is gone; connecting again in 1 s; :q leaves", "beto>"]);
    beto.says("hola");
    beto.shows("== not sent: there is no connection; the Up key brings the line back");
    beto.shows("== the server is gone; connecting again in 2 s; :q leaves");
    beto.types("half a thou");
    let listener = TcpListener::bind(addr).expect("the same port");
    let (mut second, _) = listener.accept().expect("beto joins again");
    let mut lines = greet(&mut second);
    beto.becomes("the name, and what was typed", |screen| {
        screen.iter().any(|row| row == "== connected again")
            && screen.last().is_some_and(|row| row == "beto> half a thou")
    });
    beto.says("ght");
    assert_eq!(lines.next().expect("a line").expect("UTF-8"), "half a thought");
    drop((lines, second, listener));
    beto.shows("== the server is gone; connecting again in 1 s; :q leaves");
    beto.says(":q");
    beto.exits(0);
}

#[test]
#[ignore = "needs tmux"]
fn a_stopped_client_goes_on_where_it_was() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    beto.types("half a thou");
    beto.ends_with(&["beto> half a thou"]);
    beto.presses(&["C-z"]);
    beto.ends_with(&["STOPPED"]);
    ana.says("are you there?");
    beto.presses(&["Enter"]);
    beto.ends_with(&["<ana> are you there?", "beto> half a thou"]);
    // If the terminal still belonged to the shell, these keys would be shown, and would not move the cursor.
    beto.presses(&["Home"]);
    beto.types("not ");
    beto.ends_with(&["<ana> are you there?", "beto> not half a thou"]);
    beto.presses(&["End"]);
    beto.says("ght");
    ana.sees("<beto> not half a thought");
    beto.presses(&["C-d"]);
    beto.exits(0);
}

/// The server must not have to wait for a user's terminal, because it would disconnect the user.
#[test]
#[ignore = "needs tmux"]
fn a_frozen_terminal_costs_lines_and_not_the_seat() {
    const LINES: usize = 12_000;
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let beto = Terminal::join(&server, "beto", USUAL);
    ana.notice("beto (#2) is here");
    beto.types("half a thou");
    beto.ends_with(&["beto> half a thou"]);
    beto.freeze();
    let rest = "z".repeat(1000);
    for i in 1..=LINES {
        ana.says(&format!("{i} {rest}"));
    }
    ana.says("and that was that");
    ana.says(":who");
    ana.notice("2 here: ana (#1), beto (#2)");
    beto.thaw();
    beto.ends_with(&["<ana> and that was that", "beto> half a thou"]);
    assert!(beto.raw().contains("lines not shown"));
    beto.says("ght");
    ana.sees("<beto> half a thought");
}
