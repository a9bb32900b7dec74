//! Other servers, healthy or not, and what stands in the way of a verdict.

use super::common::process::run;
use super::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tertulia::torment::Eol;

/// Serves on a free port, with a thread for each client.
fn serving(talk: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        for (me, stream) in listener.incoming().flatten().enumerate() {
            let talk = talk.clone();
            std::thread::spawn(move || talk(me, stream));
        }
    });
    addr
}

type Sockets = Arc<Mutex<BTreeMap<usize, TcpStream>>>;

fn lock(sockets: &Sockets) -> MutexGuard<'_, BTreeMap<usize, TcpStream>> {
    sockets.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds a client, and calls `say` with each line until the client is gone or `say` returns `false`.
fn for_each_line(sockets: &Sockets, me: usize, stream: TcpStream, mut say: impl FnMut(&[u8]) -> bool) {
    lock(sockets).insert(me, stream.try_clone().expect("a descriptor"));
    let mut reader = BufReader::new(stream);
    let mut line = Vec::new();
    while let Ok(1..) = reader.read_until(b'\n', &mut line)
        && say(&line)
    {
        line.clear();
    }
    lock(sockets).remove(&me);
}

fn tell_all(sockets: &Sockets, text: &[u8]) {
    for mut other in lock(sockets).values() {
        let _ = other.write_all(text);
    }
}

/// A healthy server that is very different from ours: no names, no notices, lines go back to their sender, text follows
/// the line.
fn another() -> SocketAddr {
    let sockets = Sockets::default();
    serving(move |me, stream| {
        for_each_line(&sockets, me, stream, |line| {
            let text = String::from_utf8_lossy(line);
            tell_all(&sockets, format!("12:00 {} (says {me})\r\n", text.trim_end()).as_bytes());
            true
        });
    })
}

#[test]
fn another_healthy_server_has_no_faults() {
    let some = torments(&[
        "own-line",
        "split-line",
        "two-in-one",
        "byte-by-byte",
        "utf8-split",
        "gulp",
        "long-line",
        "garbage",
        "burst-connect",
        "reset-mid-fanout",
        "rush-hour",
        "half-close",
        "flood-all",
        "full-house",
    ]);
    let findings = torment(&Target::Running(another()), &some, &patient());
    has_no_faults(&findings);
    assert!(findings[0].remarks[0].en.contains("gets its own lines back"), "{findings:#?}");
}

#[test]
fn without_commands_and_names_nobody_can_ask_or_whisper() {
    let findings = torment(&Target::Running(another()), &torments(&["selfish-reader", "whisperers"]), &patient());
    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Skipped), "{findings:#?}");
    assert!(findings[0].seen.en.contains(":help"), "{findings:#?}");
    assert!(findings[1].seen.en.contains("who sent it"), "{findings:#?}");
}

#[test]
fn a_server_that_is_no_chat_is_reported_before_any_torment() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let target = Target::Running(listener.local_addr().expect("bound"));
    let settings = Settings { time: 0.3, ..Settings::default() };
    let error = torment::run(&target, &torments(&["idle"]), &settings, &mut |_| {}).expect_err("nobody relays");
    assert!(error.en.contains("--login"), "{error:?}");
}

/// Checks that the run ends with an error that says what to try.
#[track_caller]
fn cannot_be_tormented(addr: SocketAddr, words: &[&str]) {
    let settings = Settings { time: 0.3, ..Settings::default() };
    let error = torment::run(&Target::Running(addr), &torments(&["own-line"]), &settings, &mut |_| {});
    let error = error.expect_err("it cannot be tormented");
    assert!(words.iter().all(|word| error.en.contains(word)), "{error:?}");
}

#[test]
fn a_line_that_is_lost_in_calm_is_told_from_a_chat_that_stops() {
    // From each client's 60th line on, one is lost, or all are.
    let losing = |lost: std::ops::Range<usize>| {
        let sockets = Sockets::default();
        serving(move |me, stream| {
            let mut said = 0;
            for_each_line(&sockets, me, stream, |line| {
                said += 1;
                if !lost.contains(&said) {
                    tell_all(&sockets, line);
                }
                true
            });
        })
    };
    let found = |lost| torment(&Target::Running(losing(lost)), &torments(&["names"]), &patient());
    let findings = found(60..61);
    assert_eq!(findings[0].causes, [Cause::Loses], "{findings:#?}");
    has_no_faults(&found(60..usize::MAX));
}

#[test]
fn a_server_that_needs_cr_lf_is_recognized() {
    let sockets = Sockets::default();
    let addr = serving(move |me, stream| {
        let mut pending = Vec::new();
        for_each_line(&sockets, me, stream, |line| {
            pending.extend_from_slice(line);
            if pending.ends_with(b"\r\n") {
                tell_all(&sockets, &pending);
                pending.clear();
            }
            true
        });
    });
    cannot_be_tormented(addr, &["CR LF", "--eol crlf"]);
    let settings = Settings { eol: Eol::CrLf, ..patient() };
    has_no_faults(&torment(&Target::Running(addr), &torments(&["own-line", "split-line"]), &settings));
}

#[test]
fn a_login_may_have_several_lines() {
    let sockets = Sockets::default();
    let addr = serving(move |me, stream| {
        let mut lines = 0;
        for_each_line(&sockets, me, stream, |line| {
            lines += 1;
            match lines {
                1 => line.starts_with(b"NICK n"),
                2 => line == b"USER tester\n",
                _ => {
                    tell_all(&sockets, line);
                    true
                }
            }
        });
    });
    let words = ["torment", "--only", "own-line,split-line", &addr.to_string(), "--login", r"NICK n{n}\nUSER tester"];
    let ended = run(tertulia().args(words));
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    let ended = run(tertulia().args(&words[..4]));
    assert_eq!(ended.code, Some(command::UNTESTED), "{}{}", ended.stdout, ended.stderr);
}

#[test]
fn a_rate_limit_is_no_fault_and_is_reported_at_once() {
    let sockets = Sockets::default();
    let addr = serving(move |me, stream| {
        let (begin, mut said) = (Instant::now(), 0.0);
        for_each_line(&sockets, me, stream, |line| {
            // Ten lines at once, and then two a second.
            said += 1.0;
            if said < 10.0 + begin.elapsed().as_secs_f64() * 2.0 {
                tell_all(&sockets, line);
            }
            true
        });
    });
    cannot_be_tormented(addr, &["follow each other closely", "limits the lines per second"]);
}

#[test]
fn a_server_that_makes_floods_wait_is_not_blamed_for_late_lines() {
    let sockets = Sockets::default();
    let addr = serving(move |me, stream| {
        let mut lines = 0;
        for_each_line(&sockets, me, stream, |line| {
            lines += 1;
            if lines % 13 == 0 {
                // This is the limit: about 13 lines a second.
                std::thread::sleep(Duration::from_secs(1));
            }
            tell_all(&sockets, line);
            true
        });
    });
    let some = torments(&["split-line", "stuck-reader", "firehose"]);
    let findings = torment(&Target::Running(addr), &some, &patient());
    has_no_faults(&findings);
    assert!(findings[1..].iter().all(|finding| finding.seen.en.contains("lines a second")), "{findings:#?}");
}

#[test]
fn a_slow_server_is_not_waited_for_without_end() {
    let sockets = Sockets::default();
    let addr = serving(move |me, stream| {
        for_each_line(&sockets, me, stream, |line| {
            tell_all(&sockets, line);
            // This server is slow by design.
            std::thread::sleep(Duration::from_millis(50));
            true
        });
    });
    let settings = Settings { time: 0.5, ..patient() };
    let findings = torment(&Target::Running(addr), &torments(&["gulp"]), &settings);
    assert_eq!(findings[0].verdict, Verdict::Skipped, "{findings:#?}");
    assert!(findings[0].seen.en.contains("too slowly"), "{findings:#?}");
}

#[test]
fn a_server_that_removes_the_wrong_client_fails_when_clients_come_and_go() {
    // Each client remembers its index in the list, and others leave meanwhile.
    let sockets: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
    let addr = serving(move |_, stream| {
        let lock = || sockets.lock().unwrap_or_else(PoisonError::into_inner);
        let place = {
            let mut all = lock();
            all.push(stream.try_clone().expect("a descriptor"));
            all.len() - 1
        };
        let mut reader = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(1..) = reader.read_until(b'\n', &mut line) {
            for mut other in lock().iter() {
                let _ = other.write_all(&line);
            }
            line.clear();
        }
        let mut all = lock();
        if place < all.len() {
            all.remove(place);
        } else {
            all.remove(0);
        }
    });
    let findings = torment(&Target::Running(addr), &torments(&["rush-hour"]), &patient());
    assert_eq!(findings[0].verdict, Verdict::Fail, "{findings:#?}");
    assert!(findings[0].causes.contains(&Cause::SharedUnguarded), "{findings:#?}");
}

/// A busy server needs a moment until it notices that clients have left.
#[test]
fn seats_that_become_free_a_moment_later_are_waited_for() {
    const SEATS: usize = 3;
    let (sockets, taken) = (Sockets::default(), Arc::new(Mutex::new(0)));
    let count = |taken: &Mutex<usize>, change: fn(usize) -> Option<usize>| {
        let mut taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
        change(*taken).map(|count| *taken = count).is_some()
    };
    let addr = serving(move |me, mut stream| {
        let has_seat = count(&taken, |taken| (taken < SEATS).then_some(taken + 1));
        if !has_seat {
            let _ = stream.write_all(b"no seat\n");
            return;
        }
        for_each_line(&sockets, me, stream, |line| {
            tell_all(&sockets, &[format!("<{me}> ").as_bytes(), line].concat());
            true
        });
        std::thread::sleep(Duration::from_millis(400));
        count(&taken, |taken| Some(taken - 1));
    });
    let some = torments(&["split-line", "gulp", "two-in-one"]);
    has_no_faults(&torment(&Target::Running(addr), &some, &patient()));
}
