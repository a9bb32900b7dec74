//! The load generator against relays with deliberate faults: it must find each fault, and none in a healthy relay.
#![cfg(feature = "bench")]

mod common;

use common::process::{Dir, fails_with, run};
use common::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tertulia::load::{self, Eol, Faults, Outcome, Pace, Scenario};

/// What a relay does wrong with every fiftieth line from its first client to its last one.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Wrong {
    Nothing,
    /// It puts no name before lines.
    NamesNobody,
    /// It puts a number before each line, which changes.
    CountsLines,
    Loses,
    /// Every line from the fiftieth on.
    LosesTheRest,
    /// The line goes to the last client only.
    Narrows,
    Doubles,
    Cuts,
    /// The line comes after the next one.
    Swaps,
    /// The line comes after another client's next line, which is no fault.
    SwapsSenders,
    Changes,
    /// The line and the next one become one line.
    Glues,
    /// The first half of the line and the second half of the next become one line.
    Mixes,
    Echoes,
    /// The line comes under the second client's name.
    Renames,
    /// Something stands before the line.
    Prepends,
    /// A line of nobody comes before it.
    Invents,
    /// Every line to the last client comes this much later.
    Delays,
}

const DELAY: Duration = Duration::from_millis(40);

/// A relay as students write it, in threads that end with the test.
fn relay(wrong: Wrong) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let relay: Arc<Mutex<Relay>> = Arc::default();
        for (me, stream) in listener.incoming().flatten().enumerate() {
            stream.set_nodelay(true).expect("a socket");
            relay.lock().expect("no panics").sockets.push(stream.try_clone().expect("a descriptor"));
            let relay = relay.clone();
            std::thread::spawn(move || {
                let lines = BufReader::new(stream).split(b'\n').map_while(Result::ok);
                for (count, line) in lines.enumerate() {
                    let line = String::from_utf8_lossy(&line).into_owned();
                    relay.lock().expect("no panics").relay(wrong, me, count, &line);
                }
            });
        }
    });
    addr
}

#[derive(Default)]
struct Relay {
    sockets: Vec<TcpStream>,
    /// A line that the last client gets later.
    held: Option<String>,
    /// What it gets when it is time.
    delayed: Option<Sender<(Instant, TcpStream, String)>>,
    lines: usize,
}

impl Relay {
    fn relay(&mut self, wrong: Wrong, me: usize, count: usize, line: &str) {
        self.lines += 1;
        let text = match wrong {
            Wrong::NamesNobody => format!("{line}\n"),
            Wrong::CountsLines => format!("[{}] <{me}> {line}\n", self.lines),
            _ => format!("<{me}> {line}\n"),
        };
        let last = self.sockets.len() - 1;
        let bad = me == 0 && count % 50 == 49;
        for to in 0..self.sockets.len() {
            if (to == me && wrong != Wrong::Echoes) || (wrong == Wrong::Narrows && bad && to != last) {
                continue;
            }
            if wrong == Wrong::Delays && to == last {
                self.delay(&text);
                continue;
            }
            let said = if to == last { self.for_the_last(wrong, me, count, &text) } else { text.clone() };
            let _ = self.sockets[to].write_all(said.as_bytes());
        }
    }

    fn delay(&mut self, text: &str) {
        let delayed = self.delayed.get_or_insert_with(|| {
            let (sender, lines) = channel::<(Instant, TcpStream, String)>();
            std::thread::spawn(move || {
                for (at, mut socket, text) in lines {
                    std::thread::sleep(at.saturating_duration_since(Instant::now()));
                    let _ = socket.write_all(text.as_bytes());
                }
            });
            sender
        });
        let last = self.sockets.last().and_then(|socket| socket.try_clone().ok()).expect("a descriptor");
        let _ = delayed.send((Instant::now() + DELAY, last, text.to_owned()));
    }

    fn for_the_last(&mut self, wrong: Wrong, me: usize, count: usize, text: &str) -> String {
        let text = text.to_owned();
        let bad = me == 0 && count % 50 == 49;
        let mine = |held: &mut Option<String>| if me == 0 { held.take() } else { None };
        match wrong {
            Wrong::Loses if bad => String::new(),
            Wrong::LosesTheRest if me == 0 && count >= 49 => String::new(),
            Wrong::Doubles if bad => text.repeat(2),
            Wrong::Cuts if bad => format!("{}\n", &text[..text.len() - 9]),
            Wrong::Renames if bad => text.replacen("<0>", "<1>", 1),
            Wrong::Prepends if bad => format!("@@ {text}"),
            Wrong::Invents if bad => format!("who said this?\n{text}"),
            // Not in the random part, where two of them may stand together.
            Wrong::Changes if bad => text.replacen("xxxx", "xxxy", 1),
            Wrong::Swaps | Wrong::SwapsSenders | Wrong::Glues | Wrong::Mixes if bad => {
                self.held = Some(text);
                String::new()
            }
            Wrong::Swaps => text + &mine(&mut self.held).unwrap_or_default(),
            // Any client's line may come next, but the sender's own next line must not overtake.
            Wrong::SwapsSenders if me == 0 => self.held.take().unwrap_or_default() + &text,
            Wrong::SwapsSenders => text + &self.held.take().unwrap_or_default(),
            Wrong::Glues => mine(&mut self.held).unwrap_or_default().replace('\n', "") + &text,
            Wrong::Mixes => match mine(&mut self.held) {
                Some(held) => format!("{}{}", &held[..held.len() / 2], &text[text.len() / 2..]),
                None => text,
            },
            _ => text,
        }
    }
}

fn scenario(pace: Pace) -> Scenario {
    Scenario {
        clients: 4,
        talkers: 4,
        pace,
        duration: Duration::from_millis(300),
        warm_up: Duration::from_millis(50),
        ..Scenario::default()
    }
}

fn measure(addr: SocketAddr, pace: Pace) -> Outcome {
    load::run(&[addr], &scenario(pace), None, &mut |_| {}).expect("it can be measured")
}

const PACE: Pace = Pace::Rate(2000.0);

#[test]
fn a_healthy_relay_has_no_faults() {
    let healthy = [Wrong::Nothing, Wrong::NamesNobody, Wrong::CountsLines, Wrong::SwapsSenders];
    for (wrong, pace) in
        healthy.into_iter().flat_map(|wrong| [Pace::Window(1), Pace::Window(16), PACE].map(|p| (wrong, p)))
    {
        if wrong == Wrong::SwapsSenders && pace == Pace::Window(1) {
            continue; // The held line waits for one that may never be sent.
        }
        let mut outcome = measure(relay(wrong), pace);
        if wrong == Wrong::SwapsSenders {
            // The run may end while the relay holds a line back.
            outcome.faults.lost = outcome.faults.lost.saturating_sub(1);
        }
        assert_eq!((outcome.faults, outcome.echoes), (Faults::default(), 0), "{wrong:?} {pace:?}");
        assert!(outcome.delivered > 100 && outcome.sent > 30 && outcome.latency.len() > 30, "{wrong:?} {outcome:?}");
    }
}

#[test]
fn each_fault_is_found_and_classified() {
    let counted =
        |faults: Faults| [faults.lost, faults.duplicate, faults.reordered, faults.malformed, faults.mislabelled];
    let alone = |wrong, at: usize, pace| {
        let mut counts = counted(measure(relay(wrong), pace).faults);
        if wrong == Wrong::Swaps {
            // As above.
            counts[0] = counts[0].saturating_sub(1);
        }
        assert!(counts[at] > 0, "{wrong:?} {pace:?} {counts:?}");
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 1, "{wrong:?} {pace:?} {counts:?}");
    };
    // A line that did not arrive as it was sent is malformed, and each line that should have arrived instead is lost.
    let malformed = |wrong, lost_each: u64, pace| {
        let faults = measure(relay(wrong), pace).faults;
        // As above.
        let lost = faults.malformed * lost_each..=faults.malformed * lost_each + 1;
        assert!(faults.malformed > 0 && lost.contains(&faults.lost), "{wrong:?} {pace:?} {faults:?}");
        assert_eq!((faults.duplicate, faults.reordered), (0, 0), "{wrong:?} {pace:?}");
    };
    // All in parallel, because after a loss each waits until nothing arrives any more.
    std::thread::scope(|scope| {
        for pace in [PACE, Pace::Window(64)] {
            for (wrong, at) in [
                (Wrong::Loses, 0),
                (Wrong::LosesTheRest, 0),
                (Wrong::Narrows, 0),
                (Wrong::Doubles, 1),
                (Wrong::Swaps, 2),
                (Wrong::Renames, 4),
                (Wrong::Prepends, 4),
            ] {
                scope.spawn(move || alone(wrong, at, pace));
            }
            for (wrong, lost_each) in [(Wrong::Cuts, 1), (Wrong::Changes, 1), (Wrong::Glues, 2), (Wrong::Mixes, 2)] {
                scope.spawn(move || malformed(wrong, lost_each, pace));
            }
        }
        scope.spawn(|| assert!(measure(relay(Wrong::Echoes), PACE).echoes > 0));
    });
}

#[test]
fn lines_of_nobody_are_counted_and_shown() {
    let outcome = measure(relay(Wrong::Invents), PACE);
    assert!(outcome.strays.count > 0, "{outcome:?}");
    assert_eq!(outcome.strays.first.as_deref(), Some("who said this?"));
    assert_eq!(outcome.faults, Faults::default());
    let mut command = tertulia();
    command.args(["bench", "--clients", "4", "--duration", "0.3", "--warm-up", "0"]);
    let ended = run(command.args(["--addr", &relay(Wrong::Invents).to_string()]));
    assert!(ended.stdout.contains("no client has sent: \"who said this?\""), "{}", ended.stdout);
}

#[test]
fn one_client_that_gets_its_lines_late_is_found() {
    let outcome = measure(relay(Wrong::Delays), Pace::Window(1));
    let (worst, median) = outcome.worst_and_median_receiver().expect("it was measured");
    assert_eq!(worst.client, 3);
    let delay = DELAY.as_nanos() as f64;
    assert!(worst.p50 > delay * 0.98 && median.p50 < delay / 2.0, "{worst:?} {median:?}");
    assert!(outcome.latency.max() as f64 > delay * 0.98, "the last receiver counts");
    let mut command = tertulia();
    command.args(["bench", "--clients", "4", "--duration", "0.5", "--warm-up", "0"]);
    let ended = run(command.args(["--addr", &relay(Wrong::Delays).to_string()]));
    for part in ["worst receiver: p50", "client 4 gets lines late"] {
        assert!(ended.stdout.contains(part), "no {part:?} in {}", ended.stdout);
    }
}

/// A server that accepts nothing, and whose queue of connections is full.
#[test]
#[cfg(target_os = "linux")]
fn a_server_that_accepts_nothing_is_not_waited_for_without_end() {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    socket.bind(&any.into()).and_then(|()| socket.listen(1)).expect("a free port");
    let addr = socket.local_addr().expect("bound").as_socket().expect("an address");
    let mut command = tertulia();
    command.args(["bench", "--clients", "4", "--addr", &addr.to_string()]);
    fails_with(&mut command, &["of 4 cannot connect", "after 5 s", "does not accept", "--clients"]);
}

#[test]
fn clients_that_only_listen_must_receive_every_line() {
    let outcome = |wrong| {
        let scenario = Scenario { talkers: 1, eol: Eol::CrLf, ..scenario(Pace::Window(8)) };
        load::run(&[relay(wrong)], &scenario, None, &mut |_| {}).expect("it can be measured")
    };
    let healthy = outcome(Wrong::Nothing);
    assert!(healthy.is_flawless() && healthy.latency.len() > 30, "{healthy:?}");
    assert!(outcome(Wrong::Loses).faults.lost > 0);
}

#[test]
fn too_few_seats_are_reported_before_the_measurement() {
    let server = Server::with("epoll", &["--max-clients", "2"]);
    let mut command = tertulia();
    command.args(["bench", "--clients", "3", "--addr", &server.addr.to_string()]);
    fails_with(&mut command, &["closed by the server", "full", "--max-clients 3"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_file_that_cannot_be_written_is_told_before_the_load_and_costs_no_result() {
    for flag in ["--html", "--hgrm"] {
        fails_with(tertulia().args(["bench", flag, "/nowhere/file"]), &["/nowhere/file", "cannot be written"]);
    }
    let mut bench = tertulia();
    bench.args(["bench", "--mode", "epoll", "--sweep", "2", "--rounds", "1", "--duration", "0.1", "--warm-up", "0"]);
    let ended = run(bench.args(["--html", "/dev/full"]));
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert!(ended.stdout.contains("deliveries / s"), "{}", ended.stdout);
    assert!(ended.stderr.contains("/dev/full cannot be written"), "{}", ended.stderr);
}

#[test]
fn a_load_without_a_server_or_its_means_is_reported_in_one_line() {
    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let mut command = tertulia();
    fails_with(command.args(["bench", "--addr", &nobody.to_string()]), &["cannot connect", "is the server running"]);
    if cfg!(target_os = "linux") {
        fails_with(tertulia().args(["bench", "--clients", "65000", "--idle", "9000"]), &["local port", "sysctl"]);
        // No process has a number above the kernel's maximum.
        fails_with(tertulia().args(["bench", "--addr", ":1", "--pid", "4194305"]), &["no process 4194305"]);
    }
}

each_driver! {
    fn our_own_servers_deliver_every_line_once_and_in_order(mode) {
        let server = Server::with(mode, &["--max-clients", "5"]);
        let scenario = Scenario {
            clients: 4,
            talkers: 4,
            idle: 1,
            pace: Pace::Window(64),
            duration: Duration::from_millis(500),
            warm_up: Duration::ZERO,
            ..Scenario::default()
        };
        let outcome = load::run(&[server.addr], &scenario, Some(server.pid() as u32), &mut |_| {}).expect("measured");
        assert_eq!(outcome.faults, Faults::default());
        assert!(outcome.delivered >= outcome.sent * 3);
        if cfg!(target_os = "linux") {
            assert!(outcome.usage.is_some_and(|usage| usage.threads.is_some() && usage.cpu.is_some()));
        }
        // Where the system lets us count: gathered lines need at least one write.
        assert!(outcome.system_calls_per_delivery.is_none_or(|calls| calls > 0.0));
    }

    fn idle_clients_get_every_line_and_their_memory_is_measured(mode) {
        let server = Server::with(mode, &["--max-clients", "60"]);
        let scenario = Scenario {
            clients: 2,
            talkers: 2,
            idle: 58,
            duration: Duration::from_millis(300),
            warm_up: Duration::ZERO,
            ..Scenario::default()
        };
        let outcome = load::run(&[server.addr], &scenario, Some(server.pid() as u32), &mut |_| {}).expect("measured");
        assert!(outcome.is_flawless() && outcome.delivered > outcome.sent, "{outcome:?}");
        if cfg!(target_os = "linux") {
            assert!(outcome.memory_per_client.is_some_and(|bytes| bytes < 1 << 20), "{outcome:?}");
        }
    }
}

#[test]
fn the_command_prints_a_table_and_json() {
    let run = |json: bool| {
        let mut command = tertulia();
        command.args(["bench", "--mode", "epoll", "--duration", "0.2", "--warm-up", "0", "--clients", "3"]);
        if json {
            command.arg("--json");
        }
        let output = command.output().expect("it runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    let table = run(false);
    assert!(table.contains("deliveries / s") && table.contains("each once, in order"), "{table}");
    let json: serde_json::Value = serde_json::from_str(&run(true)).expect("JSON");
    assert_eq!(json["runs"][0]["faults"]["lost"], 0);
    assert!(json["runs"][0]["deliveries_per_second"].as_f64() > Some(0.0));
}

#[cfg(feature = "tls")]
#[test]
fn servers_are_measured_over_tls_too() {
    let dir = Dir::new();
    let mut command = tertulia();
    command.env("XDG_STATE_HOME", dir.file("state"));
    command.args([
        "bench",
        "--tls",
        "--json",
        "--duration",
        "0.2",
        "--warm-up",
        "0",
        "--clients",
        "3",
        "--login",
        ":nick n{n}",
    ]);
    let ended = run(&mut command);
    let result: serde_json::Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
    for run in result["runs"].as_array().expect("runs") {
        assert_eq!(run["faults"]["lost"], 0, "{run}");
        assert!(run["deliveries_per_second"].as_f64() > Some(0.0), "{run}");
    }
}

#[test]
fn the_command_speaks_the_language_of_the_locale_or_the_flag() {
    let bench = |args: &[&str]| {
        let mut command = tertulia();
        command.env("LC_ALL", "").env("LC_MESSAGES", "").env("LANG", "es_ES.UTF-8").arg("bench").args(args);
        run(&mut command)
    };
    let short = ["--mode", "epoll", "--duration", "0.2", "--warm-up", "0", "--clients", "3"];
    let table = bench(&short).stdout;
    for part in
        ["3 clientes, todos hablan", "entregas / s", "una vez, en orden", "último receptor: p99", "Qué se comprueba"]
    {
        assert!(table.contains(part), "no {part:?} in {table}");
    }
    let json: serde_json::Value =
        serde_json::from_str(&bench(&[&short[..], &["--json"]].concat()).stdout).expect("JSON");
    assert_eq!((&json["runs"][0]["faults"]["lost"], &json["cores"]), (&0.into(), &"los que elige el sistema".into()));
    assert!(bench(&[&short[..], &["--lang", "en"]].concat()).stdout.contains("3 clients, all talk"));

    let nobody = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port");
    let told = bench(&["--addr", &nobody.to_string()]).stderr;
    assert!(told.contains("no puede conectar con") && told.contains("¿está en marcha el servidor"), "{told}");
    assert!(bench(&["--line", "2"]).stderr.contains("demasiado corta"));
}

/// A short sweep with a page.
#[track_caller]
fn page(dir: &Dir) -> String {
    let file = dir.file("page.html");
    let mut command = tertulia();
    command.args(["bench", "--sweep", "2,3", "--rounds", "2", "--duration", "0.2", "--warm-up", "0", "--html"]);
    let ended = run(command.arg(&file));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.contains("2 clients,") && ended.stdout.contains("3 clients,"), "{}", ended.stdout);
    std::fs::read_to_string(file).expect("a page")
}

#[test]
fn the_page_is_complete_and_requests_nothing() {
    let dir = Dir::new();
    let page = page(&dir);
    for part in ["<svg", "Deliveries per second", "--sweep 2,3", env!("CARGO_PKG_VERSION"), "each once, in order"] {
        assert!(page.contains(part), "no {part:?} in {page}");
    }
    if cfg!(target_os = "linux") {
        assert!(page.contains("server's threads"), "{page}");
        // Three clients are too few to tell what one needs.
        assert!(!page.contains("<figcaption>The server's memory") && !page.contains(">memory per client<"), "{page}");
    }
    for outside in ["http:", "https:", "<script", "src=", "@import", "url("] {
        assert!(!page.contains(outside), "{outside:?} in {page}");
    }
    assert!(!page.contains("NaN"), "{page}");
}

#[test]
#[ignore = "needs chromium"]
fn a_browser_shows_the_page_without_an_error_or_a_request() {
    let dir = Dir::new();
    let page = page(&dir);
    let log = dir.file("net.json");
    let ended = run(Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr", "--dump-dom", "--v=0"])
        .args(["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"])
        .arg(format!("--user-data-dir={}", dir.file("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", dir.file("page.html").display())));
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stdout.matches("<svg").count(), page.matches("<svg").count());
    // The page's own errors are logged with this word; the browser's are not.
    assert!(!ended.stderr.contains("CONSOLE"), "{}", ended.stderr);
    let log = std::fs::read_to_string(log).expect("a log of requests");
    // The initiator of a request from a page in a file has this name; the browser's own requests have another.
    assert!(!log.contains("\"initiator\":\"null\""), "the page asked for something");
    common::browser::fits(&dir.file("page.html"));
}

#[test]
#[ignore = "needs ncat"]
fn ncat_can_be_measured() {
    for args in [&["--window", "1"][..], &["--login", "soy {n}", "--eol", "crlf", "--rate", "500"]] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        drop(listener);
        let mut ncat = Command::new("ncat")
            .args(["-l", "--chat", "-k", "127.0.0.1", &addr.port().to_string()])
            .stdout(Stdio::null())
            .spawn()
            .expect("ncat starts");
        // It stays connected: ncat does not always survive a client that hangs up at once.
        let _first = until("ncat listens", || TcpStream::connect(addr).ok());
        let mut command = tertulia();
        command.args(["bench", "--clients", "4", "--duration", "0.5", "--warm-up", "0.1", "--addr", &addr.to_string()]);
        let ended = run(command.args(args));
        let _ = ncat.kill();
        let _ = ncat.wait();
        assert_eq!(ended.code, Some(0), "{}{}", ended.stdout, ended.stderr);
        assert!(ended.stdout.contains("each once, in order"), "{}", ended.stdout);
    }
}
