//! The torments against servers with known faults: they find the fault, and find none in a healthy server.
#![cfg(feature = "torment")]

mod common;

use common::process::{Dir, fails_with, refuses, run};
use common::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tertulia::harness::Launcher;
use tertulia::torment::{self, Cause, Eol, Finding, Settings, TORMENTS, Target, Torment, Verdict};

/// Torments that take less than a second each.
const QUICK: &[&str] = &[
    "idle",
    "own-line",
    "split-line",
    "two-in-one",
    "byte-by-byte",
    "utf8-split",
    "gulp",
    "long-line",
    "endless-line",
    "burst-connect",
    "connect-storm",
    "silent-newcomer",
    "reset-idle",
    "reset-backlog",
    "reset-mid-fanout",
    "rush-hour",
    "half-close",
    "stale-event",
    "vanish",
    "no-descriptors",
    "stop-continue",
    "closed-stdout",
    "terminate",
    "restart",
];

/// Torments in which a few members take more than their share.
const PRESSURE: &[&str] = &["selfish-reader", "whisperers", "polite-beside-flood"];

fn torments(names: &[&str]) -> Vec<&'static Torment> {
    let all: Vec<_> = TORMENTS.iter().filter(|torment| names.contains(&torment.name)).collect();
    assert_eq!(all.len(), names.len(), "a torment's name has changed");
    all
}

/// Starts `tertulia` with these arguments for each torment.
fn started(words: &[&str]) -> Target {
    let own = tertulia();
    // In English, and without the tester's settings.
    let mut options: Vec<String> = own
        .get_envs()
        .filter(|(_, v)| v.is_none())
        .flat_map(|(name, _)| ["-u".to_owned(), name.to_string_lossy().into_owned()])
        .collect();
    let set =
        own.get_envs().filter_map(|(name, v)| Some(format!("{}={}", name.to_string_lossy(), v?.to_string_lossy())));
    options.extend(set);
    let mut words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    words.insert(0, env!("CARGO_BIN_EXE_tertulia").into());
    let command = [vec!["env".to_owned()], options, words].concat();
    Target::Started(Launcher::of_words(command).expect("{port} in it"))
}

/// Twice the default times, and a limit that is never reached.
fn patient() -> Settings {
    Settings { time: 2.0, limit: Duration::from_secs(1200), ..Settings::default() }
}

fn torment(target: &Target, torments: &[&'static Torment], settings: &Settings) -> Vec<Finding> {
    torment::run(target, torments, settings, &mut |_| {}).expect("it can be tormented")
}

#[track_caller]
fn has_no_faults(findings: &[Finding]) {
    let blamed: Vec<_> =
        findings.iter().filter(|finding| matches!(finding.verdict, Verdict::Fail | Verdict::Doubtful)).collect();
    assert!(blamed.is_empty(), "{blamed:#?}");
    assert!(findings.iter().any(|finding| finding.verdict == Verdict::Pass));
}

fn own(mode: &str) -> Target {
    started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}"])
}

each_driver! {
    fn our_own_server_passes_the_quick_torments(mode) {
        let findings = torment(&own(mode), &torments(QUICK), &patient());
        has_no_faults(&findings);
        if cfg!(target_os = "linux") {
            assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
        }
    }

    #[ignore = "takes a minute"]
    fn our_own_server_passes_every_torment(mode) {
        let all: Vec<_> = TORMENTS.iter().collect();
        let findings = torment(&own(mode), &all, &patient());
        has_no_faults(&findings);
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
    }

    fn members_that_take_more_than_their_share_make_only_themselves_wait(mode) {
        let findings = torment(&own(mode), &torments(PRESSURE), &patient());
        has_no_faults(&findings);
        assert!(findings.iter().all(|finding| finding.verdict == Verdict::Pass), "{findings:#?}");
    }

    fn a_running_server_skips_the_torments_that_need_its_process(mode) {
        let server = Server::start(mode);
        let some = torments(&["split-line", "burst-connect", "reset-idle", "half-close", "stop-continue", "restart"]);
        let findings = torment(&Target::Running(server.addr), &some, &patient());
        let verdicts: Vec<_> = findings.iter().map(|finding| finding.verdict).collect();
        use Verdict::*;
        assert_eq!(verdicts, [Pass, Pass, Pass, Pass, Skipped, Skipped], "{findings:#?}");
    }

    fn three_seats_are_enough(mode) {
        let target = started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}", "--max-clients", "3"]);
        let some = torments(&["split-line", "gulp", "burst-connect", "reset-mid-fanout", "stale-event", "half-close"]);
        has_no_faults(&torment(&target, &some, &patient()));
    }

    fn a_full_room_may_let_others_wait(mode) {
        let target =
            started(&["serve", "--mode", mode, "--addr", "127.0.0.1:{port}", "--max-clients", "4", "--when-full", "wait"]);
        let findings = torment(&target, &torments(&["full-house"]), &patient());
        has_no_faults(&findings);
        assert!(findings[0].remarks[0].en.contains("the next one waits"), "{findings:#?}");
    }
}

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
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
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

#[test]
fn the_command_reports_what_it_cannot_do() {
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.arg("torment").args(args);
        command
    };
    // Nothing is sent there: the address is reserved for documentation.
    refuses(&mut command(&["192.0.2.1:9"]), &["not on this machine", "--i-own-this-server"]);
    refuses(&mut command(&["--", "true"]), &["{port}"]);
    fails_with(&mut command(&["--", "/nonexistent/server", "{port}"]), &["cannot be started"]);
    fails_with(
        &mut command(&["--", "sh", "-c", "echo no reason >&2; exit 3", "{port}"]),
        &["exit code 3", "no reason"],
    );
    let ended = run(&mut command(&["--only", "tickle"]));
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    let list = run(&mut command(&["--list"])).stdout;
    assert!(TORMENTS.iter().all(|torment| list.contains(torment.name)), "{list}");
}

#[test]
fn the_command_prints_rows_and_json_and_its_exit_code_is_the_verdict() {
    let serve = ["--", env!("CARGO_BIN_EXE_tertulia"), "serve", "--addr", "127.0.0.1:{port}"];
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.args(["torment", "--only", "split-line,own-line", "--seed", "7"]).args(args).args(serve);
        run(&mut command)
    };
    let ended = command(&[]);
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("Score: 2 of 2 (seed 7)"), "{}", ended.stdout);
    let ended = command(&["--json", "--echo", "yes"]);
    assert_eq!(ended.code, Some(1), "{}{}", ended.stdout, ended.stderr);
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&json["passed"], &json["failed"], &json["seed"]), (&1.into(), &1.into(), &7.into()), "{json:#}");
    assert_eq!(json["diagnosis"][0]["explains"][0], "own-line", "{json:#}");
}

/// A chat with a thread for each client, in Python. Words after the port are faults.
const CHAT: &str = r#"
import signal, socket, sys, threading
faults = sys.argv[2:]
if "ignores-sigterm" in faults:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
listener = socket.socket()
if "address-in-use" not in faults:
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen()
lock, clients = threading.Lock(), {}
def serve(client, name):
    try:
        for line in client.makefile("rb"):
            with lock:
                others = [other for other in clients if other is not client]
            for other in others:
                try:
                    other.sendall(b"<guest%d> %s" % (name, line))
                except OSError:
                    pass
    except OSError:
        pass
    with lock:
        del clients[client]
    client.close()
name = 0
while True:
    client, _ = listener.accept()
    name += 1
    with lock:
        clients[client] = name
    threading.Thread(target=serve, args=(client, name), daemon=True).start()
"#;

/// The server that [`torment`] has started has ended when these are judged.
#[test]
#[ignore = "needs python3"]
fn faults_of_a_servers_end_are_named() {
    let dir = Dir::new();
    let script = dir.file("chat.py");
    std::fs::write(&script, CHAT).expect("our directory");
    for (fault, name, cause) in [
        ("none", "terminate", None),
        ("none", "restart", None),
        ("ignores-sigterm", "terminate", Some(Cause::IgnoresSigterm)),
        ("address-in-use", "restart", Some(Cause::AddressInUse)),
    ] {
        let words = ["python3", &script.display().to_string(), "{port}", fault].map(String::from);
        let target = Target::Started(Launcher::of_words(words.to_vec()).expect("{port} in it"));
        let findings = torment(&target, &torments(&[name]), &Settings::default());
        let causes: Vec<Cause> = torment::diagnose(&findings).into_iter().map(|(cause, _)| cause).collect();
        assert_eq!(causes, Vec::from_iter(cause), "{fault}: {findings:#?}");
    }
}

/// Parts that stand in a text, in this order.
#[track_caller]
fn shows(text: &str, parts: &[&str]) {
    let mut rest = text;
    for part in parts {
        let at = rest.find(part).unwrap_or_else(|| panic!("no {part:?} in its place in {text}"));
        rest = &rest[at + part.len()..];
    }
}

#[test]
fn the_command_speaks_the_language_of_the_locale_or_the_flag() {
    let command = |args: &[&str]| {
        let mut command = tertulia();
        command.env("LC_ALL", "").env("LC_MESSAGES", "").env("LANG", "es_ES.UTF-8").arg("torment").args(args);
        run(&mut command)
    };
    let serve = ["--", env!("CARGO_BIN_EXE_tertulia"), "serve", "--addr", "127.0.0.1:{port}"];
    let echo = ["--only", "own-line", "--echo", "yes", "--seed", "7"];
    let ended = command(&[&echo[..], &serve].concat());
    shows(
        &ended.stdout,
        &["own-line", "FALLA", ",", " s\n", "Prueba: ", "Esperado: ", "Observado: El emisor no recibe"],
    );
    shows(
        &ended.stdout,
        &["Arregla primero esto: ", "Lo habitual: ", "Arreglo: ", "Para leer: ", "Puntuación: 0 de 1"],
    );
    assert!(ended.stderr.starts_with("tertulia: no se superaron todas las pruebas"), "{}", ended.stderr);

    let json = command(&[&echo[..], &["--json"], &serve].concat());
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json["failed"], &json["torments"][0]["verdict"]), (&1.into(), &"fail".into()), "{json:#}");
    let text = |value: &serde_json::Value| value.as_str().expect("text").to_owned();
    assert!(text(&json["torments"][0]["seen"]).starts_with("el emisor no recibe"), "{json:#}");
    assert!(text(&json["diagnosis"][0]["fix"]).starts_with("Sigue una línea"), "{json:#}");

    assert!(command(&["--list"]).stdout.contains("Se espera: "));
    assert!(command(&["--list", "--lang", "en"]).stdout.contains("Expected: "));
    let ended = command(&["--", "sh", "-c", "exit 3", "{port}"]);
    assert!(ended.stderr.contains("el servidor terminó antes de escuchar en el puerto"), "{}", ended.stderr);
    assert!(ended.stderr.contains("código de salida 3"), "{}", ended.stderr);
}

#[cfg(feature = "gallery")]
mod gallery {
    use super::*;
    use tertulia::harness::{START_LIMIT, Stdout};
    use tertulia::torment::diagnose;
    use tertulia::torment::gallery::{EXHIBITS, Exhibit};

    fn findings(exhibit: &Exhibit, torments: &[&'static Torment]) -> Vec<Finding> {
        let target = started(&["gallery", exhibit.name, "127.0.0.1:{port}"]);
        // An echo to the sender is a fault only if the settings say so.
        let settings = Settings { echo: Some(false), ..patient() };
        torment(&target, torments, &settings)
    }

    #[track_caller]
    fn has_its_own_fault_only(exhibit: &Exhibit, findings: &[Finding]) {
        let causes: Vec<_> = diagnose(findings).into_iter().map(|(cause, _)| cause).collect();
        assert_eq!(causes, [exhibit.cause], "{}: {findings:#?}", exhibit.name);
    }

    #[test]
    fn a_running_server_that_ends_is_reported_as_gone() {
        let Target::Started(launcher) = started(&["gallery", "error-ends-server", "127.0.0.1:{port}"]) else {
            panic!("it is to be started");
        };
        let server = launcher.start(Stdout::Nowhere, START_LIMIT).expect("it listens");
        let findings = torment(&Target::Running(server.addr), &torments(&["rush-hour"]), &patient());
        assert!(findings[0].seen.en.contains("the server is gone"), "{findings:#?}");
        assert_eq!(diagnose(&findings)[0].0, Cause::ClientErrorEndsServer, "{findings:#?}");
    }

    /// Runs the torments that show an exhibit's fault, and some that must pass.
    #[test]
    fn each_exhibit_fails_by_its_own_fault() {
        for exhibit in EXHIBITS {
            let telling: &[&str] = match exhibit.name {
                "framing-by-recv" => &["split-line", "two-in-one", "byte-by-byte", "utf8-split", "long-line"],
                "one-accept" => &["burst-connect", "reset-backlog", "connect-storm"],
                "one-read" => &["gulp", "split-line", "two-in-one"],
                "blocking-write" | "lock-across-write" => &["stuck-reader", "half-close"],
                "write-all" => &["stuck-reader", "reset-idle"],
                "pauses-everybody" => &["selfish-reader", "whisperers", "polite-beside-flood", "half-close"],
                "short-write" => &["slow-reader", "split-line"],
                "error-ends-server" => &["reset-idle", "reset-backlog", "reset-mid-fanout", "half-close"],
                "stale-token" => &["stale-event", "burst-connect", "reset-idle"],
                "descriptor-spin" => &["no-descriptors", "idle", "half-close"],
                "unbounded-queue" => &["stuck-reader", "endless-line"],
                "unbounded-line" => &["endless-line", "long-line"],
                "echo" => &["own-line", "split-line"],
                "blocking-print" => &["frozen-stdout", "closed-stdout"],
                "slow-accept" => &["burst-connect", "split-line"],
                other => panic!("what shows the fault of {other}?"),
            };
            has_its_own_fault_only(exhibit, &findings(exhibit, &torments(telling)));
        }
    }

    #[test]
    fn whoever_takes_more_than_its_share_shows_that_a_server_pauses_everybody() {
        let exhibit = EXHIBITS.iter().find(|exhibit| exhibit.name == "pauses-everybody").expect("it is listed");
        for finding in findings(exhibit, &torments(PRESSURE)) {
            assert_eq!(finding.verdict, Verdict::Fail, "{finding:#?}");
            assert_eq!(finding.causes[0], Cause::PausesEverybody, "{finding:#?}");
        }
    }

    #[test]
    #[ignore = "takes a quarter of an hour"]
    fn each_exhibit_fails_all_torments_by_its_own_fault_only() {
        let all: Vec<_> = TORMENTS.iter().collect();
        for exhibit in EXHIBITS {
            has_its_own_fault_only(exhibit, &findings(exhibit, &all));
        }
    }

    #[test]
    fn the_gallery_lists_its_exhibits_and_prints_a_cure_on_demand() {
        let list = run(tertulia().arg("gallery")).stdout;
        for exhibit in EXHIBITS {
            assert!(list.contains(exhibit.name), "{list}");
            let cure = run(tertulia().args(["gallery", exhibit.name, "--cure", "--lang", "es"])).stdout;
            assert_eq!(cure.split_whitespace().collect::<Vec<_>>().join(" "), exhibit.cure().es);
            let cure = run(tertulia().args(["gallery", exhibit.name, "--cure"])).stdout;
            assert_eq!(cure.split_whitespace().collect::<Vec<_>>().join(" "), exhibit.cure().en);
        }
    }
}
