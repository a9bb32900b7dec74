//! Tests in which stdout and stderr fail in every way they can. The chat must not notice.

use crate::common::kernel::*;
use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;
use std::time::Duration;

/// Clients come, talk, reset and leave.
#[track_caller]
fn conversation(server: &mut Server) {
    for _ in 0..5 {
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("hola");
        beto.sees("<ana> hola");
        beto.says(":me waves");
        ana.sees("* beto waves");
        let cleo = server.join_as("cleo");
        // This makes a line of diagnostics at -vv.
        cleo.resets();
        ana.notice("is gone: connection lost");
        leave([ana, beto]);
    }
    assert!(server.lives());
}

/// Both leave, and their names are free.
#[track_caller]
fn leave(members: [Client; 2]) {
    for mut member in members {
        member.says(":q");
        member.is_closed();
    }
}

/// One client says so many bytes that neither a pipe nor the console's buffer of 1 MiB holds them. Returns the number
/// of lines.
#[track_caller]
fn flood(ana: &mut Client, beto: &mut Client) -> usize {
    let text = "x".repeat(1000);
    for n in 0..1300 {
        ana.says(&format!("{n} {text}"));
        beto.sees(&format!("<ana> {n} {text}"));
    }
    1300
}

/// Checks that the transcript, read at last, contains each of the lines or counts it as lost.
#[track_caller]
fn accounts_for(transcript: &Output, ana: &mut Client, beto: &mut Client, flooded: usize) {
    transcript.shows("lines of this transcript were lost");
    ana.says("all well again");
    beto.sees("<ana> all well again");
    transcript.shows("<ana> all well again");
    let text = transcript.text();
    let said: Vec<&str> = text.lines().filter_map(|line| line.split("<ana> ").nth(1)).collect();
    let (last, shown) = said.split_last().expect("it says something");
    assert_eq!(last.trim_end(), "all well again");
    for (n, line) in shown.iter().enumerate() {
        assert!(line.starts_with(&format!("{n} ")), "line {n} is {line:?}");
    }
    let lost = text.lines().filter_map(|line| line.split(" lines of this transcript").next()?.split(' ').nth(1));
    let lost: usize = lost.filter_map(|number| number.parse::<usize>().ok()).sum();
    assert_eq!(shown.len() + lost, flooded, "shown and lost");
}

/// `serve` with outputs that the test provides.
#[track_caller]
fn serve(mode: &str, flags: &[&str], stdout: impl Into<Stdio>, stderr: impl Into<Stdio>) -> Server {
    let mut command = tertulia();
    command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode]).args(flags);
    start_unheard(command.stdout(stdout).stderr(stderr))
}

fn full() -> File {
    OpenOptions::new().write(true).open("/dev/full").expect("linux has one")
}

/// A pipe whose reader collects what it gets.
fn heard() -> (Output, std::io::PipeWriter) {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    (Output::of(reader), writer)
}

/// Whether a terminal or a pipe takes what is written to it.
fn flows(program: &File) -> bool {
    let mut fds = [PollFd::new(program, PollFlags::OUT)];
    poll(&mut fds, Some(&Timespec::default())).expect("a descriptor") == 1
}

each_driver! {
    fn a_transcript_that_only_its_first_line_is_read_of_costs_nothing(mode) {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        let (diagnostics, stderr) = heard();
        let mut server = serve(mode, &[], stdout, stderr);
        // The same as `| head -1` does.
        let mut first = String::new();
        BufReader::new(reader).read_line(&mut first).expect("a line");
        assert!(first.contains("listening on"), "{first}");
        conversation(&mut server);
        assert!(server.stop().success());
        let diagnostics = diagnostics.whole();
        assert_eq!(diagnostics.matches("the transcript loses lines").count(), 1, "{diagnostics}");
    }

    fn closed_outputs_cost_nothing_and_no_client_gets_what_was_for_them(mode) {
        for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"] {
            let mut command = serve_by_shell("", mode, &["-vv"], closed);
            let mut server = start_unheard(command.stdout(Stdio::null()).stderr(Stdio::null()));
            conversation(&mut server);
            let mut ana = server.join_as("ana");
            let mut beto = server.join_as("beto");
            beto.says("hola");
            beto.says(":q");
            beto.is_closed();
            ana.says(":q");
            for line in ana.rest() {
                assert!(line.starts_with("-- ") || line == "<beto> hola", "{closed}: {line:?}");
            }
            assert!(server.stop().success(), "{closed}");
        }
    }

    /// The same as `>> log 2>&1` does.
    fn a_file_behind_both_keeps_what_is_in_it(mode) {
        let dir = Dir::new();
        let path = dir.file("log");
        let mut log = File::create(&path).expect("our directory");
        log.write_all(b"before\n").expect("our file");
        let mut server = serve(mode, &["-vv"], log.try_clone().expect("a descriptor"), log);
        conversation(&mut server);
        assert!(server.stop().success());
        let text = std::fs::read_to_string(&path).expect("our file");
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "before");
        assert_eq!(lines.iter().filter(|line| line.ends_with("ana> hola")).count(), 5, "{text}");
        let is_whole = |line: &&str| line.starts_with(|c: char| c.is_ascii_digit()) || line.contains(" [tertulia");
        assert!(lines[1..].iter().all(is_whole), "{text}");
    }

    fn a_file_behind_stdout_is_written_by_a_thread_of_its_own(mode) {
        let dir = Dir::new();
        let threads = |stdout: Stdio| {
            let server = serve(mode, &[], stdout, Stdio::null());
            server.rests();
            server.threads()
        };
        let file = File::create(dir.file("transcript")).expect("our directory");
        assert_eq!(threads(file.into()), threads(Stdio::null()) + 1);
    }

    fn a_full_disk_behind_stdout_is_told_once_and_costs_nothing(mode) {
        let (diagnostics, stderr) = heard();
        let mut server = serve(mode, &[], full(), stderr);
        conversation(&mut server);
        assert!(server.stop().success());
        let diagnostics = diagnostics.whole();
        assert_eq!(diagnostics.matches("the transcript loses lines").count(), 1, "{diagnostics}");
    }

    fn a_disk_behind_stdout_that_is_no_longer_full_gets_the_number_of_lost_lines(mode) {
        let dir = Dir::new();
        let path = dir.file("transcript");
        // A disk that ends at 4 KiB. Such a limit also sends a signal, which must not end the server.
        let mut command = serve_by_shell("", mode, &[], "");
        let stdout = File::create(&path).expect("our directory");
        let (diagnostics, stderr) = heard();
        let mut server = start_unheard(command.stdout(stdout).stderr(stderr));
        limit(server.pid(), "fsize", Some(4096));
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let (said, text_of_a_line) = (50, "x".repeat(100));
        for n in 0..said {
            ana.says(&format!("{n} {text_of_a_line}"));
            beto.sees(&format!("<ana> {n} {text_of_a_line}"));
        }
        diagnostics.shows("the transcript loses lines");
        limit(server.pid(), "fsize", None);
        // Lines are lost until the transcript is tried again.
        let mut said = said;
        until("the transcript goes on", || {
            ana.says(&format!("{said} {text_of_a_line}"));
            beto.sees(&format!("<ana> {said} {text_of_a_line}"));
            said += 1;
            let text = std::fs::read_to_string(&path).expect("our file");
            text.ends_with(&format!("{text_of_a_line}\n")).then_some(())
        });
        assert!(server.stop().success());
        let text = std::fs::read_to_string(&path).expect("our file");
        let loss = text.lines().find(|line| line.ends_with("lines of this transcript were lost")).expect("one is told");
        let lost: usize = loss.split(' ').nth(1).and_then(|number| number.parse().ok()).expect("on a line of its own");
        let shown = text.lines().filter(|line| line.ends_with(&text_of_a_line)).count();
        assert_eq!(shown + lost, said, "{text}");
    }

    fn a_full_disk_behind_stderr_costs_nothing(mode) {
        let (console, stdout) = heard();
        let mut server = serve(mode, &["-vvv"], stdout, full());
        conversation(&mut server);
        assert!(server.stop().success());
        assert!(console.whole().contains("closing"));
    }

    fn full_disks_behind_both_cost_nothing(mode) {
        let mut server = serve(mode, &["-vvv"], full(), full());
        conversation(&mut server);
        assert!(server.stop().success());
    }

    fn a_pipe_that_nobody_reads_costs_console_lines_and_they_are_counted(mode) {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        let mut server = serve(mode, &[], stdout, Stdio::null());
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let flooded = flood(&mut ana, &mut beto);
        // However much is said, there is room left for arrivals and departures.
        let _cleo = server.join();
        ana.notice("guest3 (#3) is here");
        beto.notice("guest3 (#3) is here");

        let before = cpu_time(server.pid());
        hears_nothing(&ana, Duration::from_secs(1));
        let used = cpu_time(server.pid()) - before;
        assert!(used < HARDLY_ANY, "waiting for stdout cost {used:?} of a second");

        let transcript = Output::of(reader);
        accounts_for(&transcript, &mut ana, &mut beto, flooded);
        assert!(transcript.text().contains("#3 guest3 arrived"));
        assert!(server.stop().success());
    }

    fn what_a_full_pipe_did_not_take_it_gets_later_though_nothing_else_happens(mode) {
        let (reader, stdout) = std::io::pipe().expect("a pipe");
        let mut pipe = File::from(std::os::fd::OwnedFd::from(stdout.try_clone().expect("a descriptor")));
        let server = serve(mode, &[], stdout, Stdio::null());
        while flows(&pipe) {
            pipe.write_all(&[b'\n'; 4096]).expect("a pipe");
        }
        let _ana = server.join();
        Output::of(reader).shows("#1 guest1 arrived");
    }

    fn a_stop_does_not_wait_for_a_pipe_that_nobody_reads(mode) {
        let (_reader, stdout) = std::io::pipe().expect("a pipe");
        let mut server = serve(mode, &[], stdout, Stdio::null());
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        flood(&mut ana, &mut beto);
        server.signal("TERM");
        beto.notice("the server closes");
        assert!(wait_for(&mut server.child).success());
    }

    fn a_terminal_stopped_by_ctrl_s_costs_console_lines_and_they_are_counted(mode) {
        let (mut person, program) = terminal();
        let copy = program.try_clone().expect("a descriptor");
        let mut server = serve(mode, &["-vvv"], program.try_clone().expect("a descriptor"), copy);
        let mut read = [0; 4096];
        let n = person.read(&mut read).expect("a transcript");
        assert!(n > 0);
        person.write_all(b"\x13").expect("Ctrl-S");
        until("the terminal stops", || (!flows(&program)).then_some(()));

        conversation(&mut server);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        flood(&mut ana, &mut beto);
        person.write_all(b"\x11").expect("Ctrl-Q");
        let terminal = Output::of(person);
        terminal.shows("lines of this transcript were lost");
        leave([ana, beto]);
        conversation(&mut server);
        terminal.shows("lines of diagnostics were lost");
        assert!(server.stop().success());
    }

    fn a_terminal_that_nobody_reads_costs_lines_and_they_are_counted(mode) {
        let (person, program) = terminal();
        let mut server = serve(mode, &["--color", "never"], program, Stdio::null());
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let flooded = flood(&mut ana, &mut beto);
        accounts_for(&Output::of(person), &mut ana, &mut beto, flooded);
        assert!(server.stop().success());
    }

    fn diagnostics_that_nobody_reads_are_lost_and_counted(mode) {
        let (person, program) = terminal();
        unread_diagnostics(mode, person, program);
        let (reader, writer) = std::io::pipe().expect("a pipe");
        unread_diagnostics(mode, reader, writer);
    }
}

#[track_caller]
fn unread_diagnostics(mode: &str, reader: impl Read + Send + 'static, stderr: impl Into<Stdio>) {
    let (console, stdout) = heard();
    let mut server = serve(mode, &["-vvv"], stdout, stderr);
    let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
    for _ in 0..800 {
        server.join().resets();
        ana.notice("is gone: connection lost");
    }
    ana.says("hola");
    beto.sees("<ana> hola");
    let diagnostics = Output::of(reader);
    // Until there is room, and something to log.
    until("the loss is told", || {
        server.join().resets();
        diagnostics.text().contains("lines of diagnostics were lost").then_some(())
    });
    assert!(server.stop().success());
    assert!(console.whole().contains("closing"));
    assert!(!diagnostics.text().contains("panicked"), "what is ours to know is told");
}
