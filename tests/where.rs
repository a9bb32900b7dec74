//! `tertulia where`: what the threads of a process sleep in.
#![cfg(all(feature = "bench", target_os = "linux"))]

mod common;

use common::process::{Dir, as_nobody, fails_with, run, spawn};
use common::{Server, tertulia, until};
use serde_json::Value;
use std::net::TcpStream;
use std::process::Command;
use tertulia::server::DRIVERS;

fn report(word: &str) -> String {
    let ended = run(tertulia().args(["where", word]));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}

/// Looks until the report has all of these: a thread may still be on its way to the call in which it sleeps.
fn shows(word: &str, parts: &[&str]) {
    until(&format!("{parts:?}"), || parts.iter().all(|part| report(word).contains(part)).then_some(()));
}

each_driver! {
    fn our_own_server_sleeps_where_the_table_says(mode) {
        let server = Server::start(mode);
        let clients: Vec<_> = ["ana", "beto", "cleo"].map(|nick| server.join_as(nick)).into();
        let driver = DRIVERS.iter().find(|driver| driver.name == mode).expect("in the table");
        let port = format!(":{}", server.addr.port());
        let way = match driver.sleeps_in {
            "io_uring_enter" => "One thread waits for everything at once",
            _ if driver.blocks => "Each of the 3 connections has a thread that waits for it alone.",
            _ => "One thread waits for all its 3 connections at once.",
        };
        shows(&port, &[way, &format!("{} on ", driver.sleeps_in)]);
        if driver.blocks {
            shows(&port, &[&format!("accept4 on 3: the listener {}", server.addr)]);
        }
        drop(clients);
    }
}

/// A server in Python for one port, which ends with the test.
struct Python(std::process::Child, String);

impl Python {
    fn start(dir: &Dir, body: &str) -> Python {
        let file = dir.file("server.py");
        let begin = "import socket, select, threading\nl = socket.create_server(('127.0.0.1', 0))\n";
        std::fs::write(&file, format!("{begin}print(f'port {{l.getsockname()[1]}}', flush=True)\n{body}\n"))
            .expect("written");
        let (child, stdout, _) = spawn(Command::new("python3").arg(&file));
        let port = stdout.shows("port ").trim_start_matches("port ").trim().to_owned();
        Python(child, port)
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "needs python3"]
fn the_mistakes_of_others_are_seen() {
    const KEEP: &str = "kept = [l.accept()[0] for _ in range(3)]\n";
    let cases = [
        (format!("{KEEP}l.accept()"), "The only thread waits for a new client."),
        (format!("{KEEP}kept[1].recv(9)"), "What the other 2 send, it does not see before that."),
        (format!("{KEEP}select.select([l] + kept, [], [])"), "One thread waits for all its 3 connections at once."),
        (
            format!("{KEEP}p = select.poll()\nfor s in kept: p.register(s, select.POLLIN)\np.poll()"),
            "One thread waits for all its 3 connections at once.",
        ),
        (format!("{KEEP}while True: pass"), "It runs, and waits for nothing."),
        (
            format!(
                "{KEEP}m = threading.Lock()\ndef t(s):\n with m:\n  while True: s.sendall(bytes(9999))\nfor s in kept: threading.Thread(target=t, args=(s,)).start()\nl.accept()"
            ),
            "2 threads wait for another one, perhaps for a lock that a writing thread holds.",
        ),
        (
            format!("{KEEP}m = threading.Lock()\nm.acquire()\nthreading.Thread(target=m.acquire).start()\nm.acquire()"),
            "No thread waits for a socket: each waits for another thread.",
        ),
    ];
    for (body, sentence) in cases {
        let dir = Dir::new();
        let server = Python::start(&dir, &body);
        let port = format!(":{}", server.1);
        let addr = format!("127.0.0.1:{}", server.1);
        let clients: Vec<_> = (0..3).map(|_| TcpStream::connect(&addr).expect("connected")).collect();
        shows(&port, &[sentence]);
        drop(clients);
    }
}

#[test]
fn a_process_is_found_by_its_id_too_and_json_has_the_same() {
    let server = Server::start("epoll");
    let _ana = server.join_as("ana");
    let pid = server.pid().to_string();
    let seen: Value = until("it sleeps", || {
        let ended = run(tertulia().args(["where", "--json", &pid]));
        let seen: Value = serde_json::from_str(&ended.stdout).expect("JSON");
        (seen[0]["threads"][0]["call"] == "epoll_wait").then_some(seen)
    });
    assert_eq!((&seen[0]["pid"], &seen[0]["connections"]), (&server.pid().into(), &1.into()), "{seen:#}");
    let on = seen[0]["threads"][0]["on"].as_array().expect("a list");
    let listener = on.iter().find(|one| one["is"] == "listener").expect("a listener");
    assert_eq!(listener["addr"], server.addr.to_string(), "{seen:#}");
    assert!(report("tertulia").contains(&format!("(process {pid})")));
}

#[test]
fn what_is_not_there_is_said_with_what_to_try() {
    let no = |word: &str, parts: &[&str]| fails_with(tertulia().args(["where", word]), parts);
    no("no-such-program", &["no process is called no-such-program", "ps -e"]);
    no(":1", &["listens on port 1", "ss -ltnp"]);
    no(":http", &[":http is no port", ":8889"]);
    // No process has this id: it is larger than the kernel's largest.
    no("2000000000", &["no process has the id 2000000000"]);
}

#[test]
fn who_may_not_look_is_told() {
    let server = Server::start("epoll");
    let mut look = tertulia();
    look.args(["where", &server.pid().to_string()]);
    if !rustix::process::geteuid().is_root() || !as_nobody(&mut look) {
        eprintln!("skipped: only root can look as somebody else");
        return;
    }
    let ended = run(&mut look);
    assert!(ended.stdout.contains("Run this as the same user, or as root."), "{}{}", ended.stdout, ended.stderr);
}
