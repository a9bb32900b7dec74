//! Tests of the history: it keeps what was said across stops, kills and failing disks.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// `serve` with a history, in the time zone UTC.
fn serve(mode: &str, history: &Path, flags: &[&str]) -> std::process::Command {
    let mut command = tertulia();
    command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode, "--history"]).arg(history).args(flags);
    command.env("TZ", "UTC");
    command
}

#[track_caller]
fn start(mode: &str, history: &Path, flags: &[&str]) -> Server {
    Server::of(serve(mode, history, flags))
}

fn read(history: &Path) -> String {
    String::from_utf8_lossy(&fs::read(history).unwrap_or_default()).into_owned()
}

/// The file's lines, each of which must be complete.
#[track_caller]
fn records(history: &Path) -> Vec<Value> {
    let text = read(history);
    assert!(text.is_empty() || text.ends_with('\n'), "ends within a line: {text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
}

#[track_caller]
fn waits_for(history: &Path, text: &str) {
    until(&format!("the history has {text:?}"), || read(history).contains(text).then_some(()));
}

/// Says something and waits until another client has it, so that the server has handled it.
#[track_caller]
fn say(ana: &mut Client, beto: &mut Client, text: &str) {
    ana.says(text);
    beto.sees(&format!("<{}> {text}", ana.nick));
}

/// What a newcomer reads between its greeting and its goodbye.
#[track_caller]
fn replay(server: &Server) -> Vec<String> {
    let mut newcomer = server.join();
    newcomer.says(":q");
    let mut lines = newcomer.rest();
    assert_eq!(lines.pop().as_deref(), Some("-- goodbye"));
    lines
}

/// The texts of a replay, after the time and this nick.
#[track_caller]
fn texts(replay: &[String], nick: &str) -> Vec<String> {
    let name = format!("<{nick}> ");
    replay.iter().map(|line| line.split_once(&name).unwrap_or_else(|| panic!("{line}")).1.to_owned()).collect()
}

#[track_caller]
fn kill_9(mut server: Server) {
    server.signal("KILL");
    assert_eq!(wait_for(&mut server.child).code(), None, "by a signal");
}

each_driver! {
    fn each_event_is_a_line_of_json_and_nothing_private_is_among_them(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let mut server = start(mode, &history, &[]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        say(&mut ana, &mut beto, "\"hola\" \\ año €");
        beto.says(":me waves");
        ana.sees("* beto waves");
        ana.says(":msg beto secret");
        beto.sees("[ana -> you] secret");
        ana.says(":who");
        ana.notice("2 here");
        ana.says(":nosuch");
        ana.notice("is no command");
        beto.says(":q");
        ana.notice("beto (#2) is gone");
        assert!(server.stop().success());

        let records = records(&history);
        let expected = [
            (1, "arrived", "guest1", Value::Null),
            (1, "renamed", "ana", json!("guest1")),
            (2, "arrived", "guest2", Value::Null),
            (2, "renamed", "beto", json!("guest2")),
            (1, "said", "ana", json!("\"hola\" \\ año €")),
            (2, "acted", "beto", json!("waves")),
            (2, "left", "beto", json!("left")),
            (1, "left", "ana", json!("the server closes")),
        ];
        let got: Vec<_> = records.iter().map(|record| {
            (record["id"].as_u64(), record["event"].as_str(), record["nick"].as_str(), record["text"].clone())
        }).collect();
        let expected = expected.map(|(id, event, nick, text)| (Some(id), Some(event), Some(nick), text));
        assert_eq!(got, expected);
        for record in &records {
            let time = record["time"].as_str().expect("a time");
            // 2026-01-31T12:34:56Z
            assert!(time.len() == 20 && time.as_bytes()[10] == b'T' && time.ends_with('Z'), "{time}");
        }
        assert!(!read(&history).contains("secret"));
        assert_eq!(server.diagnostics.whole(), "");
    }

    fn one_event_alone_is_written_in_time(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let server = start(mode, &history, &[]);
        let mut ana = server.join();
        waits_for(&history, "\"arrived\"");
        ana.says("hola");
        waits_for(&history, "\"hola\"");
    }

    fn newcomers_get_as_many_of_the_last_messages_as_is_asked_for(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let mut server = start(mode, &history, &[]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for n in 0..25 {
            say(&mut ana, &mut beto, &format!("message {n}"));
            ana.says(&format!(":msg beto secret {n}"));
            beto.sees(&format!("[ana -> you] secret {n}"));
            // Arrivals and departures are not messages and do not use up the replay.
            server.join().says(":q");
            ana.notice("is gone: left");
        }
        let last = |n: usize| (25 - n..25).map(|n| format!("message {n}")).collect::<Vec<_>>();
        assert_eq!(texts(&replay(&server), "ana"), last(20), "while the server runs");
        assert!(server.stop().success());

        let said: Vec<_> = records(&history).into_iter().filter(|record| record["event"] == "said").collect();
        assert_eq!(said.len(), 25);
        for (flags, expected) in [
            (&[][..], last(20)),
            (&["--replay", "3"], last(3)),
            (&["--replay", "0"], vec![]),
            (&["--replay", "1000"], last(25)),
        ] {
            let mut server = start(mode, &history, flags);
            for _ in 0..2 {
                let lines = replay(&server);
                assert_eq!(texts(&lines, "ana"), expected, "{flags:?}");
                for (line, record) in lines.iter().rev().zip(said.iter().rev()) {
                    let (date, time) = record["time"].as_str().and_then(|time| time.split_once('T')).expect("a time");
                    let (time, text) = (&time[..5], record["text"].as_str().expect("a text"));
                    // With the date, if a new day began during the test.
                    let with_date = format!("-- {date} {time} <ana> {text}");
                    assert!(*line == format!("-- {time} <ana> {text}") || *line == with_date, "{line}");
                }
            }
            assert!(server.stop().success());
        }
        assert!(!read(&history).contains("secret"));
    }

    fn a_program_that_comes_and_goes_in_a_loop_is_summed_up(mode) {
        const TIMES: usize = 300;
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let mut server = start(mode, &history, &[]);
        for _ in 0..TIMES {
            server.connect().notice("welcome");
        }
        // Whoever speaks is shown from beginning to end.
        let mut ana = server.join_as("ana");
        ana.says(":q");
        ana.is_closed();
        assert!(server.stop().success());

        let console = server.console.whole();
        let number = TIMES + 1;
        for part in [format!("#{number} guest{number} arrived"), format!("#{number} ana is gone: left")] {
            assert_eq!(console.matches(&part).count(), 1, "{part}");
        }
        let told = console.lines().find(|line| line.contains("127.0.0.1 came and went ")).expect("it is told");
        let counted: usize = told.split(' ').find_map(|word| word.parse().ok()).expect("a number");
        let shown = console.matches(" arrived from ").count() - 1;
        assert!(shown < TIMES / 2, "{shown} of {TIMES}");
        assert_eq!(shown + counted, TIMES);
        assert_eq!(console.matches(" is gone: ").count(), shown + 1);

        let records = records(&history);
        let of = |event: &str| records.iter().filter(|record| record["event"] == event).collect::<Vec<_>>();
        assert_eq!((of("arrived").len(), of("left").len()), (shown + 1, shown + 1));
        assert_eq!((&of("visits")[0]["addr"], &of("visits")[0]["times"]), (&json!("127.0.0.1"), &json!(counted)));
    }

    fn a_new_file_is_its_owners_alone_and_an_old_one_stays_as_it_is(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let permissions = || fs::metadata(&history).expect("it is there").permissions().mode() & 0o777;
        drop(start(mode, &history, &[]));
        assert_eq!(permissions(), 0o600);
        fs::set_permissions(&history, PermissionsExt::from_mode(0o644)).expect("our file");
        let server = start(mode, &history, &[]);
        assert_eq!(permissions(), 0o644);
        fs::remove_file(&history).expect("our file");
        server.signal("HUP");
        until("there is a new file", || history.exists().then_some(()));
        assert_eq!(permissions(), 0o600);
    }

    fn a_torn_last_line_is_ignored_and_nothing_is_glued_to_it(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let server = start(mode, &history, &[]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        say(&mut ana, &mut beto, "whole");
        say(&mut ana, &mut beto, "torn");
        waits_for(&history, "\"torn\"}\n");
        kill_9(server);
        let text = read(&history);
        let end = text.rfind("torn").expect("it is there") + 2;
        OpenOptions::new().write(true).open(&history).and_then(|file| file.set_len(end as u64)).expect("our file");

        let mut server = start(mode, &history, &[]);
        assert_eq!(texts(&replay(&server), "ana"), ["whole"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        say(&mut ana, &mut beto, "next");
        assert!(server.stop().success());
        assert_eq!(server.diagnostics.whole(), "");
        let text = read(&history);
        let broken: Vec<_> = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
        assert_eq!(broken, [text[..end].lines().last().expect("the torn line")]);
        let server = start(mode, &history, &[]);
        assert_eq!(texts(&replay(&server), "ana"), ["whole", "next"]);
    }

    fn a_kill_costs_the_last_moments_and_nothing_before_them(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let server = start(mode, &history, &[]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        // They talk without a pause, and yet the history is written.
        let mut said = 0;
        until("the history has what was said first", || {
            say(&mut ana, &mut beto, &format!("message {said}"));
            said += 1;
            assert!(said < 600, "only so much that it is written for its size");
            read(&history).contains("\"message 0\"").then_some(())
        });
        for _ in 0..100 {
            say(&mut ana, &mut beto, &format!("message {said}"));
            said += 1;
        }
        kill_9(server);
        let kept: Vec<_> = records(&history).into_iter().filter(|record| record["event"] == "said").collect();
        assert!(!kept.is_empty() && kept.len() <= said, "{} of {said}", kept.len());
        for (n, record) in kept.iter().enumerate() {
            assert_eq!(record["text"], json!(format!("message {n}")), "the first ones, in order");
        }
        let server = start(mode, &history, &["--replay", "1"]);
        assert_eq!(texts(&replay(&server), "ana"), [format!("message {}", kept.len() - 1)]);
    }

    fn a_place_where_no_history_can_be_is_told_at_the_start(mode) {
        let dir = Dir::new();
        for history in [dir.file("no/such/directory/history.jsonl"), dir.path().to_owned()] {
            let parts = [history.to_str().expect("a path"), "the history cannot be kept in", "choose another file"];
            fails_with(&mut serve(mode, &history, &[]), &parts);
        }
    }

    fn what_others_wrote_into_the_file_is_inert(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let hostile = [
            // Longer than the part of the file that is read again.
            format!("{{\"time\":\"{}\"}}\n", "x".repeat(1 << 20)).into_bytes(),
            b"no JSON at all\n\n\0\n[]\n{}\n42\nnull\n".to_vec(),
            b"{\"time\":\"2020-02-29T23:58:00Z\",\"id\":1,\"event\":\"said\",\"nick\":\"ana\",\"text\":\"bad \xff\"}\n".to_vec(),
            line("2020-02-29T23:59:00Z", "said", "ana", "\u{1b}[2J\u{1b}]0;title\u{7}red"),
            line("2020-02-29T23:59:00Z", "said", "e\u{1b}[1mve", "one\n-- the server closes; goodbye\r\nthree"),
            line("2020-02-29T23:59:00Z", "acted", "e\n<beto>", "\u{9b}31mturns \u{202e}around\u{2028}"),
            line("\u{1b}[2J", "said", "ana", "at no time"),
            line("yesterday", "said", "ana", "at no time"),
            line("2020-02-29T23:59:00Z", "sung", "ana", "in no known way"),
            line("2020-03-01T00:00:00+05:30", "said", "ana", "elsewhere"),
            b"{\"time\":\"2020-03-01T00:00:00Z\",\"id\":-1,\"event\":\"said\",\"nick\":\"ana\",\"text\":\"no id\"}\n".to_vec(),
            b"{\"time\":\"2020-03-01T00:00:00Z\",\"id\":1,\"event\":\"said\",\"nick\":\"ana\"}\n".to_vec(),
        ];
        fs::write(&history, hostile.concat()).expect("our file");
        let mut server = start(mode, &history, &[]);
        assert_eq!(replay(&server), [
            "-- 2020-02-29 23:59 <ana> [2J]0;titlered",
            "-- 2020-02-29 23:59 <e[1mve> one-- the server closes; goodbyethree",
            "-- 2020-02-29 23:59 * e<beto> 31mturns around",
            "-- 2020-02-29 18:30 <ana> elsewhere",
            "-- 2020-03-01 00:00 <ana> ",
        ]);
        assert!(server.stop().success());
        assert_eq!(server.diagnostics.whole(), "");
    }

    /// A replay goes into the newcomer's outbox: many long lines for many newcomers would fill the memory.
    fn of_a_long_history_of_long_lines_the_last_are_replayed(mode) {
        let dir = Dir::new();
        let flags = ["--max-line", "65536", "--replay", "1000"];
        let server = start(mode, &dir.file("history.jsonl"), &flags);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let text = "x".repeat(65_000);
        for _ in 0..20 {
            say(&mut ana, &mut beto, &text);
        }
        say(&mut ana, &mut beto, "the last");
        let texts = texts(&replay(&server), "ana");
        let (last, long) = texts.split_last().expect("a replay");
        assert_eq!(last, "the last");
        assert!((1..20).contains(&long.len()) && long.iter().all(|line| *line == text), "{} lines", long.len());
    }
}

/// A record as another program may write it.
fn line(time: &str, event: &str, nick: &str, text: &str) -> Vec<u8> {
    format!("{}\n", json!({ "time": time, "id": 1, "event": event, "nick": nick, "text": text })).into_bytes()
}

/// Checks that a server whose history loses every line reports that in these lines, and works like any other.
#[cfg(target_os = "linux")]
#[track_caller]
fn chats_without(command: std::process::Command, complaints: &[&str], history: &Path) {
    let mut server = Server::of(command);
    let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
    say(&mut ana, &mut beto, "hola");
    let warning = server.diagnostics.shows(complaints[0]);
    assert!(warning.contains(history.to_str().expect("a path")), "{warning}");
    for n in 0..100 {
        say(&mut ana, &mut beto, &format!("message {n}"));
    }
    assert_eq!(texts(&replay(&server), "ana").len(), 20, "newcomers get what was said since the start");
    say(&mut ana, &mut beto, "goodbye");
    assert!(server.stop().success());
    let diagnostics = server.diagnostics.whole();
    let told: Vec<_> =
        diagnostics.lines().zip(complaints).filter(|(line, complaint)| line.contains(*complaint)).collect();
    assert_eq!((diagnostics.lines().count(), told.len()), (complaints.len(), complaints.len()), "{diagnostics}");
    assert!(server.console.whole().contains("closing"));
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use crate::common::kernel::*;
    use std::fs::File;
    use std::path::PathBuf;
    use std::process::Command;
    use std::time::{Duration, Instant};

    each_driver! {
        fn a_full_disk_is_told_once_and_at_the_end_and_the_chat_goes_on(mode) {
            let full = Path::new("/dev/full");
            let complaints = ["the history loses lines", "the history ends without 1"];
            chats_without(serve(mode, full, &[]), &complaints, full);
        }

        /// The limit is in blocks of 512 bytes.
        fn a_limit_for_files_is_a_full_disk(mode) {
            let dir = Dir::new();
            let (history, transcript) = (dir.file("history.jsonl"), dir.file("transcript"));
            let flags = ["--history", history.to_str().expect("a path")];
            let last = format!("> {}", transcript.display());
            let mut server = start_unheard(serve_by_shell("ulimit -f 8;", mode, &flags, &last).stderr(std::process::Stdio::null()));
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            for n in 0..100 {
                say(&mut ana, &mut beto, &format!("{n} {}", "x".repeat(100)));
            }
            until("both files are full", || {
                let is_full = |path| fs::metadata(path).is_ok_and(|file| file.len() == 4096);
                (is_full(&history) && is_full(&transcript)).then_some(())
            });
            say(&mut ana, &mut beto, "on we go");
            assert!(server.stop().success());
        }

        fn a_directory_that_is_read_only_is_told_at_the_start(mode) {
            let dir = Dir::new();
            fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o555)).expect("our directory");
            let history = dir.file("history.jsonl");
            let mut command = serve(mode, &history, &[]);
            if as_nobody(&mut command) {
                fails_with(&mut command, &["the history cannot be kept", "permission denied"]);
            }
        }

        fn a_disk_that_is_no_longer_full_gets_whole_lines_again(mode) {
            let dir = Dir::new();
            let history = dir.file("history.jsonl");
            // A disk that ends within a line. Such a limit also sends a signal, which must not end the server.
            let flags = ["--history", history.to_str().expect("a path")];
            let mut server = Server::of(serve_by_shell("", mode, &flags, ""));
            limit(server.pid(), "fsize", Some(4099));
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            let text = "x".repeat(100);
            for n in 0..60 {
                say(&mut ana, &mut beto, &format!("{n} {text}"));
            }
            server.diagnostics.shows("the history loses lines");
            say(&mut ana, &mut beto, "lost");
            // Both sides know that the disk is full, and the last line is not complete.
            let torn = read(&history);
            assert!(torn.len() == 4099 && !torn.ends_with('\n'), "{torn}");
            limit(server.pid(), "fsize", None);
            until("the history goes on", || {
                say(&mut ana, &mut beto, "kept");
                read(&history).ends_with("\"kept\"}\n").then_some(())
            });
            assert!(server.stop().success());
            let diagnostics = server.diagnostics.whole();
            assert_eq!(diagnostics.matches("the history loses lines").count(), 1, "{diagnostics}");
            let text = read(&history);
            let broken: Vec<_> = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_err()).collect();
            assert_eq!(broken, [torn.lines().last().expect("the torn line")]);
        }
    }

    /// A pipe that nobody reads: it hangs like a disk as soon as it is full. Reading and writing, so that no open blocks.
    fn hanging(dir: &Dir) -> (PathBuf, File) {
        let path = dir.file("history.fifo");
        assert!(Command::new("mkfifo").arg(&path).status().expect("mkfifo runs").success());
        let pipe = OpenOptions::new().read(true).write(true).open(&path).expect("our pipe");
        (path, pipe)
    }

    /// What does not fit into the pipe and the server's buffer several times over. Returns the number of lines.
    #[track_caller]
    fn flood(ana: &mut Client, beto: &mut Client) -> usize {
        const BATCHES: usize = 64;
        const BATCH: usize = 256;
        let text = "x".repeat(1000);
        for batch in 0..BATCHES {
            let lines = batch * BATCH..(batch + 1) * BATCH;
            let last = lines.end - 1;
            ana.sends(lines.map(|n| format!("{n} {text}\n")).collect::<String>().as_bytes());
            beto.lines_to(&format!("<ana> {last} {text}"));
        }
        BATCHES * BATCH
    }

    each_driver! {
        fn a_disk_that_hangs_costs_lines_which_are_counted_and_nobody_waits_for_it(mode) {
            let dir = Dir::new();
            let (path, pipe) = hanging(&dir);
            let server = start(mode, &path, &[]);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            let before = status(server.pid(), "VmRSS");
            let said = flood(&mut ana, &mut beto);
            server.diagnostics.shows("the history loses lines: ");
            let peak = server.memory_peak() as u64;
            assert!(peak < before + (24 << 10), "{peak} KiB after {before} KiB");
            drop(server.join());

            let file = Output::of(pipe);
            let told = server.diagnostics.shows("the history is written again, without ");
            let lost: usize = told.split(' ').find_map(|word| word.parse().ok()).expect("a number");
            say(&mut ana, &mut beto, "all well again");
            file.shows("\"all well again\"");
            let text = file.text();
            let records: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
            let gap = records.iter().position(|record| record["event"] == "lost").expect("a gap");
            assert_eq!(records[gap]["lines"], lost);
            let numbers = records[..gap].iter().filter(|record| record["event"] == "said").map(|record| {
                record["text"].as_str().and_then(|text| text.split(' ').next()?.parse().ok()).expect("a number")
            });
            let kept: Vec<usize> = numbers.collect();
            assert!(kept.iter().copied().eq(0..kept.len()), "the first ones, in order");
            // The newcomer's arrival and departure are missing, too.
            assert!((said..=said + 2).contains(&(kept.len() + lost)), "{} kept, {lost} lost, {said} said", kept.len());
        }

        fn a_disk_that_hangs_does_not_keep_the_server_from_ending(mode) {
            let dir = Dir::new();
            let (path, pipe) = hanging(&dir);
            let mut server = start(mode, &path, &[]);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            flood(&mut ana, &mut beto);
            server.signal("TERM");
            let begin = Instant::now();
            for member in [&mut ana, &mut beto] {
                member.notice("the server closes; goodbye");
                member.is_closed();
            }
            assert_eq!(wait_for(&mut server.child).code(), Some(0));
            // One second, and the time that a busy machine takes.
            assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
            assert!(server.diagnostics.whole().contains("the history ends without "));
            drop(pipe);
        }
    }

    /// One thread for the disk, and none if there is nothing to write to.
    #[test]
    fn epoll_has_one_thread_more_for_its_history_whatever_becomes_of_it() {
        assert_eq!(Server::start("epoll").threads(), 1);
        let dir = Dir::new();
        for history in [dir.file("history.jsonl"), "/dev/full".into()] {
            let server = start("epoll", &history, &[]);
            let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
            // Two batches.
            for batch in 0..2 {
                say(&mut ana, &mut beto, &format!("batch {batch}"));
                if fs::metadata(&history).is_ok_and(|file| file.is_file()) {
                    waits_for(&history, &format!("batch {batch}"));
                }
                assert_eq!(server.threads(), 2, "{}", history.display());
            }
        }
    }
}
