//! `tertulia join` in a pipe: the behaviour that a program can rely on.
#![cfg(feature = "join")]

mod common;
use common::process::Dir;
use common::*;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv6Addr, TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

/// `tertulia join` with a pipe on each side. Killed when dropped.
struct Join {
    child: Child,
    stdin: Option<ChildStdin>,
    out: Output,
    err: Output,
}

/// How a `join` ended: its exit code, and all that it wrote.
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Join {
    /// Starts it by this command.
    #[track_caller]
    fn of(command: Command) -> Join {
        let (mut join, stdout) = Join::unread(command, Stdio::piped());
        join.out = Output::of(stdout.expect("piped"));
        join
    }

    /// The test itself reads its stdout, or has redirected it.
    #[track_caller]
    fn unread(mut command: Command, stdout: Stdio) -> (Join, Option<ChildStdout>) {
        let mut child =
            command.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped()).spawn().expect("join starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take());
        let err = Output::of(child.stderr.take().expect("piped"));
        (Join { child, stdin, out: Output::of(std::io::empty()), err }, stdout)
    }

    #[track_caller]
    fn to(addr: impl ToString, flags: &[&str]) -> Join {
        Join::of(join_command(addr, flags))
    }

    #[track_caller]
    fn says(&mut self, line: &str) {
        self.sends(&format!("{line}\n"));
    }

    /// Writes to its stdin, all at once.
    #[track_caller]
    fn sends(&mut self, text: &str) {
        self.stdin.as_mut().expect("stdin is open").write_all(text.as_bytes()).expect("join reads");
    }

    /// Closes its stdin.
    fn hangs_up(&mut self) {
        self.stdin = None;
    }

    /// Waits for its end, and does not close its stdin before.
    #[track_caller]
    fn ends(mut self) -> Ended {
        let code = wait_for(&mut self.child).code();
        Ended { code, out: self.out.whole(), err: self.err.whole() }
    }
}

impl Drop for Join {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks for success: exit code 0, and nothing on stderr. Returns stdout.
    #[track_caller]
    fn well(self) -> String {
        assert_eq!((self.code, self.err.as_str()), (Some(0), ""), "stdout:\n{}", self.out);
        self.out
    }

    /// Checks that it failed with one line on stderr that contains all of `parts`. Returns stdout.
    #[track_caller]
    fn badly(self, parts: &[&str]) -> String {
        let Ended { code, out, err } = self;
        assert_eq!(code, Some(1), "stdout:\n{out}stderr:\n{err}");
        let line = err.strip_prefix("tertulia: ").and_then(|line| line.strip_suffix('\n')).unwrap_or_default();
        assert!(!line.is_empty() && !line.contains('\n'), "not one line: {err:?}");
        assert!(parts.iter().all(|part| line.contains(part)), "{line:?} lacks some of {parts:?}");
        out
    }
}

fn join_command(addr: impl ToString, flags: &[&str]) -> Command {
    let mut command = tertulia();
    command.args(["join", &addr.to_string()]).args(flags);
    command
}

/// Runs `join` with all of its stdin ready from the start.
#[track_caller]
fn join_with(addr: impl ToString, flags: &[&str], stdin: &str) -> Ended {
    let mut join = Join::to(addr, flags);
    // A client that is refused at once reads nothing.
    let _ = join.stdin.take().expect("piped").write_all(stdin.as_bytes());
    join.ends()
}

/// A port on which no server listens, and which stays reserved meanwhile.
fn deaf_port() -> (socket2::Socket, u16) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    socket.bind(&any.into()).expect("a free port");
    let port = socket.local_addr().ok().and_then(|addr| addr.as_socket()).expect("an address").port();
    (socket, port)
}

/// A server for one client, which does what the test's closure does.
fn foreign(serve: impl FnOnce(TcpStream) + Send + 'static) -> (String, thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("an address").to_string();
    let thread = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("somebody joins");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        stream.set_write_timeout(Some(LIMIT)).expect("a timeout");
        serve(stream);
    });
    (addr, thread)
}

/// What the documentation of the client says.
fn documentation() -> String {
    let lines = include_str!("../src/client/mod.rs").lines().map_while(|line| line.strip_prefix("//!"));
    lines.map(|line| line.strip_prefix(' ').unwrap_or(line).to_owned() + "\n").collect()
}

const GREETING: &str = "-- welcome to tertulia: you are guest1 (#1)\n\
                        -- nobody else is here yet\n\
                        -- :nick NAME takes a name, :help tells the rest, :q leaves\n";

each_driver! {
    fn a_short_visit_is_what_the_documentation_shows(mode) {
        let server = Server::start(mode);
        let out = join_with(server.addr, &[], "hola\n:q\n").well();
        assert_eq!(out, format!("{GREETING}-- goodbye\n"));
        assert!(documentation().contains(&out), "the documentation shows something else");
    }

    fn stdin_is_sent_and_its_end_leaves(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let out = join_with(server.addr, &[], "hola\n\nque tal").well();
        ana.sees("<guest2> hola");
        // The last line is said although it has no LF.
        ana.sees("<guest2> que tal");
        ana.notice("guest2 (#2) is gone: hung up");
        assert!(out.ends_with("\n-- goodbye\n"), "{out}");
    }

    fn what_still_comes_after_the_end_of_stdin_is_printed(mode) {
        let server = Server::start(mode);
        let out = join_with(server.addr, &[], ":nick ana\n:who").well();
        assert!(out.ends_with("-- you are now ana\n-- 1 here: ana (#1)\n-- goodbye\n"), "{out}");
    }

    fn nothing_is_sent_after_a_quit_though_stdin_stays_open(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let mut join = Join::to(server.addr, &["--nick", "beto"]);
        join.sends("one\r\n:q\r\ntwo\n");
        let out = join.ends().well();
        assert!(out.ends_with("\n-- goodbye\n"), "{out}");
        ana.sees("<beto> one");
        ana.notice("beto (#2) is gone: left");
        let mut cleo = server.join();
        cleo.says("three");
        ana.sees("<guest3> three");
    }

    fn a_bot_hears_and_answers_line_by_line(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let mut bot = Join::to(server.addr, &["--nick", "clock"]);
        ana.notice("clock (#2) is here");
        for i in 0..50 {
            ana.says(&format!("question {i}?"));
            // It came although nothing came after it.
            bot.out.shows(&format!("<ana> question {i}?"));
            bot.says(&format!("answer {i}"));
            ana.sees(&format!("<clock> answer {i}"));
        }
        ana.says("a line in Spanish: ¡mañana! 🦉");
        bot.out.shows("<ana> a line in Spanish: ¡mañana! 🦉");
        bot.hangs_up();
        bot.ends().well();
    }

    fn a_name_is_taken_before_anything_is_said(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let out = join_with(server.addr, &["--nick", "beto"], "hola\n").well();
        assert!(out.contains("\n-- you are now beto\n"), "{out}");
        ana.sees("<beto> hola");
    }

    fn who_does_not_get_the_name_says_nothing(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let mut cleo = server.join_as("cleo");
        let out = join_with(server.addr, &["--nick", "Ana"], "a secret\n").badly(&["the name was refused: Ana is taken"]);
        assert!(out.starts_with("-- welcome") && !out.contains("taken"), "{out}");
        // These names never reach the server.
        for (nick, words) in [
            ("a-name-of-more-than-twenty", "at most 20 characters"),
            ("guest99", "given by the server"),
            ("be.to", "only letters"),
            ("two words", "only letters"),
            ("", "only letters"),
            (" ", "only letters"),
            ("be\nto", "only letters"),
            ("еvan", "one alphabet"),
        ] {
            let ended = join_with(server.addr, &["--nick", nick], "a secret\n");
            assert_eq!(ended.badly(&["the name was refused: ", words]), "");
        }
        server.console.shows("#3 guest3 is gone: hung up");
        cleo.says("nothing between");
        ana.sees("<cleo> nothing between");
        let everybody: Vec<String> = server.console.text().lines().map(String::from).collect();
        assert!(!everybody.iter().any(|line| line.contains("secret") || line.contains("#4")), "{everybody:#?}");
    }

    fn a_password_is_said_only_where_one_is_asked_for(mode) {
        let dir = Dir::new();
        let [password, wrong] = ["password", "wrong"].map(|name| dir.file(name).to_str().expect("UTF-8").to_owned());
        std::fs::write(&password, "sésamo 7\n").expect("a temporary file");
        std::fs::write(&wrong, "sésamo\n").expect("a temporary file");
        let server = Server::with(mode, &["--password-file", &password]);
        let with = ["--password-file", &password];
        let mut first = Join::to(server.addr, &[&with[..], &["--nick", "ana"]].concat());
        first.out.shows("-- you are now ana");
        // It is announced by its name.
        join_with(server.addr, &[&with[..], &["--nick", "beto"]].concat(), "hola\n:q\n").well();
        first.out.shows("-- beto (#2) is here");
        first.out.shows("<beto> hola");
        join_with(server.addr, &with, "adiós\n").well();
        first.out.shows("<guest3> adiós");
        join_with(server.addr, &["--password-file", &wrong], "a secret\n").badly(&["that is not the room's password"]);
        for (flags, stdin) in [(&[][..], "hola\n"), (&["--nick", "eva"], "")] {
            join_with(server.addr, flags, stdin).badly(&["the room has a password", "--password-file"]);
        }
        first.hangs_up();
        let out = first.ends().well();
        assert!(!out.contains("secret") && !out.contains("sésamo"), "{out}");

        // Where no password is asked for, none is said.
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        join_with(server.addr, &with, "hola\n").well();
        ana.sees("<guest2> hola");
    }

    fn a_full_room_says_so_in_the_servers_words(mode) {
        let server = Server::with(mode, &["--max-clients", "1"]);
        let _ana = server.join();
        let words = "tertulia: the room is full (1 of 1 seats taken); try again later\n";
        for (flags, stdin) in [(&[][..], "hola\n"), (&[], ""), (&["--nick", "beto"], "hola\n"), (&[], &"x\n".repeat(1 << 20))] {
            let ended = join_with(server.addr, flags, stdin);
            assert_eq!((ended.code, ended.out.as_str(), ended.err.as_str()), (Some(1), "", words), "{flags:?}");
        }
        let join = Join::to(server.addr, &[]);
        join.ends().badly(&["the room is full"]);
    }

    fn a_full_room_that_lets_people_wait_is_waited_for(mode) {
        let server = Server::with(mode, &["--max-clients", "1", "--when-full", "wait"]);
        let ana = server.join();
        let mut join = Join::to(server.addr, &[]);
        join.says(":who");
        drop(ana);
        join.out.shows("1 here: guest2 (#2)");
        join.hangs_up();
        join.ends().well();
    }

    fn a_killed_server_ends_it_though_stdin_stays_open(mode) {
        let mut server = Server::start(mode);
        let mut join = Join::to(server.addr, &["--nick", "ana"]);
        join.says(":who");
        join.out.shows("1 here: ana (#1)");
        server.child.kill().expect("a child of ours");
        join.ends().badly(&["connection", "join again"]);
    }

    fn a_server_that_closes_is_heard_to_the_end(mode) {
        let mut server = Server::start(mode);
        let join = Join::to(server.addr, &[]);
        join.out.shows(":q leaves");
        assert!(server.stop().success());
        let out = join.ends().badly(&["the server closed the connection; join again"]);
        assert_eq!(out, format!("{GREETING}-- the server closes; goodbye\n"));
    }

    /// Neither direction waits for the other: a program may write all it has before it reads a line.
    fn megabytes_both_ways_arrive_whole(mode) {
        const LINES: usize = 4000;
        let text = "x".repeat(1000);
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let (mut beto, out) = Join::unread(join_command(server.addr, &["--nick", "beto"]), Stdio::piped());
        ana.notice("beto (#2) is here");
        let mut stdin = beto.stdin.take().expect("piped");
        let (hear, heard) = channel();
        // [`Output`] is made for smaller outputs.
        thread::spawn(move || {
            let lines = BufReader::new(out.expect("piped")).lines().map(|line| line.expect("UTF-8"));
            lines.filter(|line| !line.starts_with("-- ")).try_for_each(|line| hear.send(line))
        });

        let mut anas_voice = Client::of(ana.stream.try_clone().expect("a descriptor"));
        let (to_ana, written, spoken) = (text.clone(), text.clone(), text.clone());
        let speaking = thread::spawn(move || (0..LINES).for_each(|i| anas_voice.says(&format!("{i} {spoken}"))));
        let writing = thread::spawn(move || {
            for i in 0..LINES {
                writeln!(stdin, "{i} {written}").expect("join reads");
            }
            stdin
        });
        for i in 0..LINES {
            ana.sees(&format!("<beto> {i} {to_ana}"));
        }
        speaking.join().expect("ana speaks");
        for i in 0..LINES {
            assert_eq!(heard.recv_timeout(LIMIT), Ok(format!("<ana> {i} {text}")));
        }
        drop(writing.join().expect("beto speaks"));
        assert_eq!(heard.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected));
        beto.ends().well();
    }

    fn a_program_that_reads_only_at_the_end_loses_nothing(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let (mut join, stdout) = Join::unread(join_command(server.addr, &[]), Stdio::piped());
        let mut stdin = join.stdin.take().expect("piped");
        ana.notice("guest2 (#2) is here");
        ana.says("before");
        let reading = thread::spawn(move || {
            for i in 0..3000 {
                ana.sees(&format!("<guest2> {i} {}", "y".repeat(1000)));
            }
            ana.says("after");
            ana.says(":who");
            ana.notice("2 here: ");
            ana
        });
        for i in 0..3000 {
            writeln!(stdin, "{i} {}", "y".repeat(1000)).expect("join reads");
        }
        let _ana = reading.join().expect("ana reads");
        drop(stdin);
        join.out = Output::of(stdout.expect("piped"));
        let out = join.ends().well();
        assert!(out.ends_with("<ana> before\n<ana> after\n-- goodbye\n"), "{out}");
    }
}

/// The same as `| head -1` does.
#[test]
fn who_stops_reading_has_read_enough() {
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let (mut join, stdout) = Join::unread(join_command(server.addr, &[]), Stdio::piped());
    let mut first = String::new();
    BufReader::new(stdout.expect("piped")).read_line(&mut first).expect("a line");
    assert_eq!(first, "-- welcome to tertulia: you are guest2 (#2)\n");
    ana.notice("guest2 (#2) is here");
    // Once would be enough, but processes that other tests start hold the pipe's end, too, for a moment.
    until("join has ended", || {
        ana.says("is anybody there?");
        join.child.try_wait().expect("a child of ours")
    });
    join.ends().well();
    ana.notice("guest2 (#2) is gone");
}

#[test]
fn who_cannot_be_reached_is_named_in_one_line() {
    let (_socket, port) = deaf_port();
    let deaf = format!("127.0.0.1:{port}");
    for (addr, parts) in [
        (deaf.as_str(), &[&deaf, "connection refused", "tertulia serve"][..]),
        ("nobody.invalid:1", &["nobody.invalid:1"]),
    ] {
        for flags in [&[][..], &["--nick", "ana"]] {
            assert_eq!(join_with(addr, flags, "hola\n").badly(parts), "", "{addr}");
        }
    }
    for (addr, flags) in [
        ("localhost:1", &["2"][..]),
        ("host:port", &[]),
        ("localhost:70000", &[]),
        ("[::1", &[]),
        ("localhost", &["--nonsense"]),
    ] {
        let usage = join_with(addr, flags, "");
        assert_eq!((usage.code, usage.out.as_str()), (Some(2), ""), "{addr} {flags:?}");
    }
}

#[test]
fn the_address_may_be_said_in_many_ways() {
    let server = Server::start("epoll");
    let (port, addr) = (server.addr.port().to_string(), server.addr.to_string());
    for (args, env) in [
        (&["127.0.0.1", &port][..], None),
        (&["localhost", &port], None),
        (&[&port], None),
        (&[&format!(":{port}")], None),
        (&["--addr", &addr], None),
        (&[], Some(addr.as_str())),
        (&[addr.as_str()], Some("nobody.invalid:1")),
    ] {
        let mut command = tertulia();
        command.arg("join").args(args);
        if let Some(env) = env {
            command.env("TERTULIA_ADDR", env);
        }
        let mut join = Join::of(command);
        join.hangs_up();
        let out = join.ends().well();
        assert!(out.starts_with("-- welcome"), "{args:?} {env:?}: {out}");
    }
}

#[test]
fn the_server_may_be_on_ipv6() {
    if TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("this machine has no IPv6 loopback: not tested");
        return;
    }
    let mut command = tertulia();
    command.args(["serve", "--addr", "[::1]:0"]);
    let server = Server::of(command);
    let port = server.addr.port().to_string();
    assert!(server.addr.is_ipv6());
    for args in [&[&format!("[::1]:{port}")][..], &[&"::1".into(), &port], &[&"[::1]".into(), &port]] {
        let mut command = tertulia();
        command.arg("join").args(args);
        let mut join = Join::of(command);
        join.hangs_up();
        assert!(join.ends().well().starts_with("-- welcome"), "{args:?}");
    }
}

#[test]
fn the_environment_may_say_the_name_and_a_flag_overrules_it() {
    let server = Server::start("epoll");
    for (flags, nick) in [(&[][..], "ana"), (&["--nick", "beto"], "beto")] {
        let mut command = join_command(server.addr, flags);
        command.env("TERTULIA_NICK", "ana");
        let mut join = Join::of(command);
        join.hangs_up();
        let out = join.ends().well();
        assert!(out.contains(&format!("-- you are now {nick}\n")), "{out}");
    }
}

#[test]
fn the_locale_says_the_language() {
    let (_socket, port) = deaf_port();
    let addr = format!("127.0.0.1:{port}");
    for (env, words) in [
        (&[("LANG", "es_ES.UTF-8")][..], "no se puede conectar con"),
        (&[("LANG", "en_GB.UTF-8"), ("LC_ALL", "es_MX")], "no se puede conectar con"),
        (&[("LANG", "es_ES.UTF-8"), ("LC_ALL", "C")], "cannot connect to"),
        (&[("LANG", "es_ES.UTF-8"), ("TERTULIA_LANG", "en")], "cannot connect to"),
        (&[("LANG", "de_DE.UTF-8")], "cannot connect to"),
    ] {
        let mut command = join_command(&addr, &[]);
        command.env_remove("LC_ALL").env_remove("LC_MESSAGES").env_remove("LANG").envs(env.iter().copied());
        assert_eq!(Join::of(command).ends().badly(&[words, &addr]), "", "{env:?}");
    }
}

/// A server that prints in Spanish where it listens.
fn spanish_server(flags: &[&str]) -> Server {
    let mut command = tertulia();
    command.args(["serve", "--addr", "127.0.0.1:0", "--lang", "es"]).args(flags);
    let pipes = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = pipes.spawn().expect("the server starts");
    let console = Output::of(child.stdout.take().expect("piped"));
    let diagnostics = Output::of(child.stderr.take().expect("piped"));
    let line = console.shows("a la escucha en ");
    let addr = line.split(' ').nth(5).expect("an address").parse().expect("an address");
    Server { child, addr, console, diagnostics, unix: None }
}

/// The client's own texts are in its language, and the server's in the server's. The client understands them all the
/// same.
#[test]
fn a_server_that_speaks_spanish_is_understood() {
    let server = spanish_server(&["--max-clients", "2"]);
    let mut ana = server.connect();
    ana.says(":nick ana");
    ana.notice("ahora eres ana");
    let out = join_with(server.addr, &["--nick", "ANA"], "hola\n").badly(&["the name was refused: ANA ya se usa"]);
    assert!(!out.contains("ya se usa"), "{out}");
    until("the seat is free", || server.console.text().contains("(1 de 2 plazas)\n").then_some(()));
    let out = join_with(server.addr, &["--nick", "beto", "--lang", "es"], "hola\n").well();
    assert!(out.ends_with("-- ahora eres beto\n-- hasta luego\n"), "{out}");
    let (_one, _two) = (server.connect(), server.connect());
    let full = |ended: Ended| assert_eq!(ended.badly(&["la sala está llena (2 de 2"]), "");
    let mut waiting = server.connect();
    waiting.notice("la sala está llena");
    full(join_with(server.addr, &["--nick", "cleo"], "hola\n"));
    full(join_with(server.addr, &[], "hola\n"));
}

/// What a hostile server sends is shown without control sequences.
#[test]
fn escapes_of_a_hostile_server_do_not_come_through() {
    let (addr, serving) = foreign(|mut stream| {
        let mut every_control: Vec<u8> = (0..=u8::MAX).filter(|byte| *byte != b'\n').collect();
        every_control.push(b'\n');
        let nasty: [&[u8]; 6] = [
            b"<x> \x1b[2J\x1b]0;title\x07\x1bP1$r\x1b\\one\r<y> two\n",
            "<x> \u{9b}2J\u{202e}abc\u{2066}\u{200f}\u{e0041}\n".as_bytes(),
            &every_control,
            b"-- the room is \x1b[31mfull\n",
            b"\xff\xfb\x01\xff\xfatelnet\xff\xf0three\n",
            b"<x> the end without LF \x1b[?2004h",
        ];
        for bytes in nasty {
            stream.write_all(bytes).expect("join reads");
        }
    });
    let ended = Join::to(addr, &[]).ends();
    serving.join().expect("it served");
    let (out, err) = (ended.out.clone(), ended.err.clone());
    ended.badly(&["the server closed the connection"]);
    assert!(out.starts_with("<x> [2J]0;titleP1$r\\one<y> two\n<x> 2Jabc\n"), "{out:?}");
    assert!(out.ends_with("\nthree\n<x> the end without LF [?2004h\n"), "{out:?}");
    assert_eq!(out.lines().count(), 6, "{out:?}");
    for text in [out, err] {
        let bad =
            text.chars().find(|c| c.is_control() && !"\n\t".contains(*c) || "\u{202e}\u{2066}\u{200f}".contains(*c));
        assert_eq!(bad, None, "{text:?}");
    }
}

/// The most memory that a process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_of(child: &Child) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).expect("a process");
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|number| number.parse().ok()).expect("a number")
}

#[cfg(target_os = "linux")]
#[test]
fn an_endless_line_of_a_hostile_server_costs_no_memory() {
    const MIB: usize = 64;
    let (addr, serving) = foreign(|mut stream| {
        stream.write_all(b"before\n").expect("join reads");
        for _ in 0..MIB {
            stream.write_all(&vec![b'x'; 1 << 20]).expect("join reads");
        }
        stream.write_all(b"\nafter\n").expect("join reads");
        let mut rest = String::new();
        stream.read_to_string(&mut rest).expect("join leaves");
    });
    let mut join = Join::to(addr, &[]);
    join.out.shows("after");
    let peak = peak_of(&join.child);
    join.hangs_up();
    let ended = join.ends();
    serving.join().expect("it served");
    assert!(peak < MIB * 1024 / 2, "{peak} KiB");
    assert_eq!((ended.code, ended.out.as_str()), (Some(0), "before\nafter\n"));
    assert!(ended.err.contains(&format!("a line of {} bytes not shown", MIB << 20)), "{}", ended.err);
}

#[test]
fn a_foreign_server_is_sent_what_stdin_says_and_heard_to_the_end() {
    let (addr, serving) = foreign(|mut stream| {
        let mut heard = String::new();
        // It answers nothing before the client's end.
        stream.read_to_string(&mut heard).expect("join ends its output");
        assert_eq!(heard, "GET / HTTP/1.0\r\n\r\nno end");
        for i in 0..3 {
            writeln!(stream, "answer {i}").expect("join reads");
        }
    });
    assert_eq!(join_with(addr, &[], "GET / HTTP/1.0\r\n\r\nno end").well(), "answer 0\nanswer 1\nanswer 2\n");
    serving.join().expect("it heard that");
}

#[test]
fn a_server_that_never_closes_is_left_after_a_quit() {
    let (left, is_left) = channel::<()>();
    let (addr, serving) = foreign(move |mut stream| {
        let mut heard = String::new();
        stream.read_to_string(&mut heard).expect("join ends its output");
        assert_eq!(heard, "hola\n:q\n");
        stream.write_all(b"not yet\n").expect("join reads");
        // The connection stays open until join has ended.
        assert_eq!(is_left.recv_timeout(LIMIT), Err(RecvTimeoutError::Disconnected));
    });
    let mut join = Join::to(addr, &[]);
    join.says("hola");
    let quit = Instant::now();
    join.says(":q");
    assert_eq!(join.ends().well(), "not yet\n");
    let waited = quit.elapsed();
    drop(left);
    serving.join().expect("it heard that");
    assert!(waited >= Duration::from_secs(2) && waited < LIMIT / 2, "{waited:?}");
}

#[test]
fn a_foreign_server_that_knows_no_names_does_not_keep_one_out() {
    let (addr, serving) = foreign(|stream| {
        let mut lines = BufReader::new(stream).lines().map(|line| line.expect("a line"));
        assert_eq!(lines.next().as_deref(), Some(":nick ana"));
        assert_eq!(lines.next().as_deref(), Some("hola"));
        assert_eq!(lines.next(), None);
    });
    assert_eq!(join_with(addr, &["--nick", "ana"], "hola\n").well(), "");
    serving.join().expect("it heard that");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told() {
    let server = Server::start("epoll");
    let full = std::fs::File::options().write(true).open("/dev/full").expect("Linux has it");
    let (join, _) = Join::unread(join_command(server.addr, &[]), full.into());
    join.ends().badly(&["cannot write to stdout: the disk is full"]);
}

/// The bot of the client's documentation, word for word.
#[test]
#[ignore = "needs bash"]
fn the_bot_tells_the_date() {
    let documentation = documentation();
    let (_, rest) = documentation.split_once("```bash\n").expect("a bot");
    let (bot, _) = rest.split_once("```").expect("its end");
    let server = Server::start("epoll");
    let mut ana = server.join_as("ana");
    let mut bash = tertulia();
    let folder = std::path::Path::new(bash.get_program()).parent().expect("a folder").display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap_or_default());
    bash = Command::new("bash");
    bash.args(["-c", bot]).env("PATH", path).env("TERTULIA_ADDR", server.addr.to_string()).env("LC_ALL", "C");
    let mut bot = Join::of(bash);
    ana.notice("clock (#2) is here");
    ana.says("!date");
    let date = ana.message().expect("an answer");
    assert!(date.starts_with("<clock> ") && date.contains(':'), "{date}");
    drop(server);
    wait_for(&mut bot.child);
}

#[cfg(feature = "tls")]
mod over_tls {
    use super::*;
    use common::tls::make_certificate;
    use std::net::{Shutdown, SocketAddr};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    /// A server with a certificate of its own, and a directory where `join` keeps what it remembers.
    fn server(mode: &str, dir: &Dir) -> Server {
        make_certificate(&dir.file("tls.pem"));
        Server::with(mode, &["-v", "--tls-cert", dir.file("tls.pem").to_str().expect("UTF-8")])
    }

    fn start(addr: impl ToString, dir: &Dir, flags: &[&str]) -> Join {
        let mut command = join_command(addr, flags);
        command.env("XDG_STATE_HOME", dir.file("state"));
        Join::of(command)
    }

    /// Runs `join` with all of its stdin ready from the start.
    fn join(addr: impl ToString, dir: &Dir, flags: &[&str], stdin: &str) -> Ended {
        let mut join = start(addr, dir, flags);
        // A client that is refused at once reads nothing.
        let _ = join.stdin.take().expect("piped").write_all(stdin.as_bytes());
        join.ends()
    }

    /// The fingerprint that the server shows at its start.
    fn fingerprint(server: &Server) -> String {
        until("the fingerprint is shown", || {
            server.diagnostics.text().lines().find(|line| line.len() == 95).map(str::to_owned)
        })
    }

    impl Ended {
        /// Checks that it failed, with these parts on stderr.
        fn told(self, parts: &[&str]) {
            assert_eq!(self.code, Some(1), "{}", self.out);
            assert!(parts.iter().all(|part| self.err.contains(part)), "{:?} lacks some of {parts:?}", self.err);
        }

        /// Checks that it went well, and said that this server was not known before.
        fn first_time(self, fingerprint: &str) -> String {
            assert!(self.err.contains("your first visit") && self.err.contains(fingerprint), "{}", self.err);
            assert_eq!((self.code, self.err.lines().count()), (Some(0), 2), "{}", self.err);
            self.out
        }
    }

    /// Stands between a server and its clients. When it is told to, it changes a byte of what it passes on next.
    struct Meddler {
        addr: SocketAddr,
        to_server: Arc<AtomicBool>,
        to_client: Arc<AtomicBool>,
    }

    impl Meddler {
        fn before(server: SocketAddr) -> Meddler {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
            let addr = listener.local_addr().expect("an address");
            let [to_server, to_client] = [(); 2].map(|()| Arc::new(AtomicBool::new(false)));
            let changes = [to_server.clone(), to_client.clone()];
            // It ends with the test's process.
            thread::spawn(move || {
                for client in listener.incoming() {
                    let client = client.expect("a connection");
                    let server = TcpStream::connect(server).expect("the server accepts");
                    let copy = |stream: &TcpStream| stream.try_clone().expect("a descriptor");
                    let ways = [(copy(&client), copy(&server)), (server, client)];
                    for ((from, to), changes) in ways.into_iter().zip(changes.clone()) {
                        thread::spawn(move || pass_on(from, to, &changes));
                    }
                }
            });
            Meddler { addr, to_server, to_client }
        }
    }

    fn pass_on(mut from: TcpStream, mut to: TcpStream, changes: &AtomicBool) {
        let mut bytes = [0; 16 << 10];
        while let Ok(len @ 1..) = from.read(&mut bytes) {
            if changes.swap(false, Ordering::SeqCst) {
                bytes[len - 1] ^= 1;
            }
            if to.write_all(&bytes[..len]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Write);
    }

    each_driver! {
        fn a_server_is_known_again_and_another_one_is_refused(mode) {
            let dir = Dir::new();
            let first = server(mode, &dir);
            let was = fingerprint(&first);
            let out = join(first.addr, &dir, &["--tls", "--nick", "ana"], "hola\n:q\n").first_time(&was);
            assert!(out.contains("-- you are now ana\n") && out.ends_with("-- goodbye\n"), "{out}");
            first.console.shows("<ana> hola");
            join(first.addr, &dir, &["--tls"], ":q\n").well();

            // Another one is there.
            make_certificate(&dir.file("tls.pem"));
            first.signal("HUP");
            let told = first.diagnostics.shows("newcomers get the certificate");
            let is = told.split(' ').find(|word| word.len() == 95).expect("a fingerprint").to_owned();
            let addr = first.addr;
            let advice = format!("tertulia join --tls-forget {addr}");
            join(addr, &dir, &["--tls"], "a secret\n").told(&["has changed", &was, &is, &advice]);
            join(addr, &dir, &["--tls-forget"], ":q\n").first_time(&is);
            join(addr, &dir, &["--tls"], ":q\n").well();
            assert!(!first.console.text().contains("a secret"));
        }

        fn a_fingerprint_or_an_authority_decides(mode) {
            let dir = Dir::new();
            let server = server(mode, &dir);
            let is = fingerprint(&server);
            for print in [&is, &is.replace(':', "").to_lowercase()] {
                join(server.addr, &dir, &["--tls-fingerprint", print], ":q\n").well();
            }
            let wrong = is.replace(&is[..2], "00");
            let parts = ["another server", &wrong, &is];
            join(server.addr, &dir, &["--tls-fingerprint", &wrong], "a secret\n").told(&parts);

            // It is for the name localhost, and not for the address.
            let tls = dir.file("tls.pem").to_str().expect("UTF-8").to_owned();
            join(format!("localhost:{}", server.addr.port()), &dir, &["--tls-ca", &tls], ":q\n").well();
            join(server.addr, &dir, &["--tls-ca", &tls], "a secret\n").badly(&["is not trusted", "not valid for name"]);
            make_certificate(&dir.file("other.pem"));
            let other = dir.file("other.pem").to_str().expect("UTF-8").to_owned();
            join(server.addr, &dir, &["--tls-ca", &other], "a secret\n").badly(&["is not trusted"]);
            join(server.addr, &dir, &["--tls-ca", "/dev/null"], ":q\n").badly(&["no certificate to trust in /dev/null"]);
            assert!(!server.console.text().contains("a secret"));
        }

        fn with_tls_or_without_must_be_right(mode) {
            let dir = Dir::new();
            let encrypted = server(mode, &dir);
            join(encrypted.addr, &dir, &[], "a secret\n").badly(&["this server speaks TLS only"]);
            let plain = Server::start(mode);
            join(plain.addr, &dir, &["--tls"], "a secret\n").badly(&["does not speak TLS", "without --tls"]);
            assert!(!plain.console.text().contains("a secret"));
        }

        fn a_byte_that_is_changed_on_the_way_ends_the_visit_and_nothing_else(mode) {
            let dir = Dir::new();
            make_certificate(&dir.file("tls.pem"));
            let tls = dir.file("tls.pem").to_str().expect("UTF-8").to_owned();
            let server = Server::with(mode, &["--tls-cert", &tls, "--max-clients", "2"]);
            let meddler = Meddler::before(server.addr);
            let fingerprint = ["--tls-fingerprint", &fingerprint(&server)];
            let mut ana = start(server.addr, &dir, &[&fingerprint[..], &["--nick", "ana"]].concat());
            ana.out.shows("you are now ana");
            for (number, changes) in [&meddler.to_server, &meddler.to_client].into_iter().enumerate() {
                // In the handshake: nobody learns of it.
                changes.store(true, Ordering::SeqCst);
                join(meddler.addr, &dir, &fingerprint, "a secret\n").badly(&[&format!("no TLS with {}: ", meddler.addr)]);

                // In the conversation. There are two seats.
                let nick = format!("beto{number}");
                let mut beto = start(meddler.addr, &dir, &[&fingerprint[..], &["--nick", &nick]].concat());
                beto.out.shows(&format!("you are now {nick}"));
                beto.says("hola");
                ana.out.shows(&format!("<{nick}> hola"));
                changes.store(true, Ordering::SeqCst);
                if number == 0 { &mut beto } else { &mut ana }.says("a secret");
                let out = beto.ends().badly(&["the connection was lost: bytes were changed on the way"]);
                assert!(!out.contains("secret"), "{out}");
                ana.out.shows(&format!("{nick} (#{}) is gone: connection lost", number + 2));
            }
            ana.says(":q");
            let out = ana.ends().well();
            assert!(!out.contains("secret"), "{out}");
        }

        fn a_flood_passes_both_ways(mode) {
            const LINES: usize = 20_000;
            let dir = Dir::new();
            let server = server(mode, &dir);
            let all: String = (0..LINES).map(|i| format!("{i} {}\n", "x".repeat(200))).collect();
            let [mut ana, mut beto] =
                ["ana", "beto"].map(|nick| start(server.addr, &dir, &["--tls", "--nick", nick]));
            for join in [&ana, &beto] {
                join.out.shows("you are now");
            }
            thread::scope(|scope| {
                scope.spawn(|| ana.sends(&all));
                beto.sends(&all);
            });
            for (join, other) in [(ana, "beto"), (beto, "ana")] {
                let start = format!("<{other}> ");
                join.out.shows(&format!("{start}{} ", LINES - 1));
                assert_eq!(join.out.text().matches(&start).count(), LINES);
            }
        }
    }
}
