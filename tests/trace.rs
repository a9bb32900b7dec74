//! The steps that a driver takes, as they are recorded, narrated and drawn.
// Some of them are compared with the system calls, which have these names on Linux.
#![cfg(all(feature = "trace", target_os = "linux"))]

mod common;

use common::browser;
use common::process::{Dir, fails_with, run, serve_by_shell};
use common::{Client, Server, tertulia, until};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tertulia::server::{DRIVERS, Driver};
use tertulia::trace::chrome::{self, Trace};
use tertulia::trace::ledger::Event;
use tertulia::trace::step::{Flaw, Ready, Source, Step};

fn traced(mode: &str, file: &Path) -> Server {
    Server::with(mode, &["--trace", file.to_str().expect("text")])
}

/// Three clients that have heard of each other, in a server that has nothing left to do.
#[track_caller]
fn three(server: &Server) -> [Client; 3] {
    let clients = server.join_all(["ana", "beto", "cleo"]);
    server.rests();
    clients
}

/// The trace of a server, which is stopped first.
#[track_caller]
fn ended(mut server: Server, file: &Path) -> Trace {
    assert!(server.stop().success());
    chrome::read(file).expect("a trace")
}

/// Whether each client has a thread that blocks.
fn blocks(mode: &str) -> bool {
    Driver::named(mode).expect("a mode").blocks
}

/// Whether the kernel does the work, and reports that it is done.
fn completes(mode: &str) -> bool {
    Driver::named(mode).expect("a mode").sleeps_in == "io_uring_enter"
}

/// Whether a runtime polls tasks.
fn polls_tasks(mode: &str) -> bool {
    mode == "async"
}

/// The index of the read that brought `len` bytes.
#[track_caller]
fn read_of(trace: &Trace, len: usize) -> usize {
    let is_it = |event: &Event| matches!(event.step, Step::Read { bytes, .. } if bytes == len);
    trace.events.iter().position(is_it).expect("a read")
}

each_driver! {
    fn a_line_to_two_others_is_one_read_and_two_writes(mode) {
        let dir = Dir::new();
        let file = dir.file("trace.json");
        let server = traced(mode, &file);
        let [mut ana, mut beto, mut cleo] = three(&server);
        // From here on only ana talks, and nothing else is under way.
        for text in ["one", "two, and this one is looked at", "three"] {
            ana.says(text);
            for other in [&mut beto, &mut cleo] {
                other.sees(&format!("<ana> {text}"));
            }
            server.console.shows(&format!("<ana> {text}"));
            // Otherwise a task may find the next line when it looks once more.
            if polls_tasks(mode) {
                server.sleeps();
            }
        }
        let trace = ended(server, &file);

        let read = read_of(&trace, "two, and this one is looked at\n".len());
        let thread = trace.events[read].track;
        let own: Vec<&Event> = trace.events.iter().filter(|event| event.track == thread).collect();
        let at = own.iter().position(|event| **event == trace.events[read]).expect("it is the thread's own");
        let begins = |event: &&Event| match event.step {
            Step::Wait { .. } => true,
            Step::Read { waits, .. } => waits,
            _ => false,
        };
        let first = (0..=at).rev().find(|i| begins(&own[*i])).expect("it slept before");
        let after = (at + 1..own.len()).find(|i| begins(&own[*i])).expect("it slept after");
        let turn = &own[first..after];
        let calls: Vec<_> = turn.iter().filter(|event| event.system_calls().is_some()).collect();
        let labels: Vec<_> = calls.iter().map(|event| event.step.label()).collect();
        match blocks(mode) {
            // The same call hands over the sends of the line before and waits for this one.
            false if completes(mode) => {
                assert_eq!(labels, ["wait", "show"]);
                let steps = turn.iter().map(|event| &event.step).filter(|step| !matches!(step, Step::Told { .. }));
                let labels: Vec<_> = steps.map(Step::label).collect();
                let work = ["wait", "read #1", "room", "queue #2", "queue #3", "show", "write #2", "write #3"];
                assert_eq!(labels, work);
            }
            // The task looks once more before it waits.
            false if polls_tasks(mode) => {
                assert_eq!(labels, ["wait", "read #1", "write #2", "write #3", "show", "read #1"]);
                let steps = turn.iter().map(|event| &event.step);
                let tasks: Vec<_> = steps.filter(|step| matches!(step, Step::Polled { .. } | Step::Pending { .. })).collect();
                let own = Source::Client(1);
                let polled = [own, Source::Writer, own].map(|task| [Step::Polled { task }, Step::Pending { task }]);
                assert_eq!(tasks, polled.iter().flatten().collect::<Vec<_>>());
            }
            false => assert_eq!(labels, ["wait", "read #1", "write #2", "write #3", "show"]),
            true => assert_eq!(labels, ["read #1", "write #2", "write #3", "show"]),
        }
        assert!(calls[0].step.sleeps());
        assert_eq!(calls[0].call.as_deref(), Driver::named(mode).map(|driver| driver.sleeps_in));

        // The message is also known from end to end.
        let told = turn.iter().find(|event| event.message.is_some()).expect("a message");
        assert_eq!(told.cause, Some(1));
        let delivered: Vec<_> = turn.iter().filter(|event| !event.delivers.is_empty()).collect();
        assert_eq!(delivered.iter().map(|event| event.step.client()).collect::<Vec<_>>(), [2, 3]);
        assert!(delivered.iter().all(|event| event.delivers == [told.message.expect("a number")]));
        assert_eq!(delivered[1].completes, delivered[1].delivers);
    }

    fn a_file_is_whole_after_sigterm_spans_nest_and_arrows_end(mode) {
        let dir = Dir::new();
        let file = dir.file("trace.json");
        let server = traced(mode, &file);
        let [mut ana, mut beto, mut cleo] = three(&server);
        ana.says("hola");
        beto.says("hola, ana");
        ana.says(":msg cleo psst");
        ana.says(":q");
        cleo.notice("ana (#1) is gone");
        // Two clients are still there.
        let trace = ended(server, &file);
        assert_eq!(trace.lost, 0);

        let text = fs::read_to_string(&file).expect("a file");
        // It holds what was said to all, for its owner only.
        assert!(text.contains("hola, ana") && text.contains("\"name\":\"beto\"") && !text.contains("psst"), "{text}");
        assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
        let events: Vec<Value> = serde_json::from_str(&text).expect("whole JSON");
        let mut open: BTreeMap<u64, Vec<(f64, f64)>> = BTreeMap::new();
        let mut arrows: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        let number = |event: &Value, name: &str| event[name].as_f64().expect("a number");
        let mut spans: Vec<&Value> = events.iter().filter(|event| event["ph"] == "X").collect();
        assert!(spans.len() > 20);
        // Outer spans first, as Perfetto sorts them.
        spans.sort_by(|a, b| {
            let key = |event: &Value| (number(event, "ts"), -number(event, "dur"));
            key(a).partial_cmp(&key(b)).expect("numbers")
        });
        for span in spans {
            let (begin, end) = (number(span, "ts"), number(span, "ts") + number(span, "dur"));
            let open = open.entry(span["tid"].as_u64().expect("a thread")).or_default();
            // Half a nanosecond: the file has microseconds as decimals.
            open.retain(|(_, outer_end)| *outer_end > begin + 0.0005);
            assert!(open.iter().all(|(_, outer_end)| end <= *outer_end + 0.0005), "{span} overlaps {open:?}");
            open.push((begin, end));
        }
        for event in &events {
            let phase = event["ph"].as_str().expect("a phase");
            match phase {
                "M" | "X" => {}
                "s" | "t" | "f" => arrows.entry(event["id"].as_u64().expect("a message")).or_default().push(phase.into()),
                _ => panic!("a step that does not end: {event}"),
            }
        }
        assert!(!arrows.is_empty());
        for (message, phases) in arrows {
            let (first, last) = (&phases[0], &phases[phases.len() - 1]);
            assert_eq!((first.as_str(), last.as_str()), ("s", "f"), "message {message}: {phases:?}");
        }
    }

    fn a_file_that_breaks_off_is_still_read(mode) {
        let dir = Dir::new();
        let file = dir.file("trace.json");
        let mut server = traced(mode, &file);
        let [mut ana, mut beto, _cleo] = three(&server);
        ana.says("before the end");
        beto.sees("<ana> before the end");
        let len = "before the end\n".len();
        until("it is in the file", || {
            let trace = chrome::read(&file).ok()?;
            trace.events.iter().any(|event| matches!(event.step, Step::Read { bytes, .. } if bytes == len)).then_some(())
        });
        server.child.kill().expect("it was there");
        server.child.wait().expect("it is gone");
        let counted = run(tertulia().args(["trace", "calls"]).arg(&file));
        assert!(counted.code == Some(0) && counted.stdout.contains("total"), "{}", counted.stderr);
        let counted = run(tertulia().args(["trace", "calls", "--lang", "es"]).arg(&file)).stdout;
        assert!(counted.contains("llamadas  llamada al sistema") && counted.contains("total"), "{counted}");
        // It does not matter either where the file breaks off.
        let text = fs::read_to_string(&file).expect("a file");
        fs::write(&file, &text[..text.len() - 7]).expect("a shorter one");
        chrome::read(&file).expect("a trace");
    }

    fn a_reader_who_is_full_is_seen_to_take_less(mode) {
        let dir = Dir::new();
        let file = dir.file("trace.json");
        let server = traced(mode, &file);
        let mut slow = server.join_narrow("slow", 4096);
        let mut ana = server.join_as("ana");
        slow.notice("is now ana");
        let text = "x".repeat(1000);
        let is_full = |event: &Event| match event.step {
            Step::Write { client: 1, offered, bytes, flaw: None, .. } => bytes < offered,
            Step::Write { client: 1, flaw: Some(flaw), .. } => flaw == Flaw::WouldBlock,
            _ => false,
        };
        until("a write comes up short", || {
            (0..64).for_each(|_| ana.says(&text));
            chrome::read(&file).ok()?.events.iter().any(is_full).then_some(())
        });
        ana.says("the last");
        slow.lines_to("<ana> the last");
        let trace = ended(server, &file);
        let full = trace.events.iter().position(is_full).expect("it was there");
        let then = |what: &dyn Fn(&Step) -> bool| trace.events[full..].iter().any(|event| what(&event.step));
        match mode {
            "epoll" => {
                assert!(then(&|step| *step == Step::Watch { client: 1, writable: true }));
                assert!(then(&|step| *step == Step::Watch { client: 1, writable: false }));
            }
            // The task that waits for space.
            _ if polls_tasks(mode) => {
                let is_own = |ready: &Ready| ready.source == Source::Client(1);
                assert!(then(&|step| matches!(step, Step::Wait { ready, .. } if ready.iter().any(is_own))));
            }
            _ if blocks(mode) => assert!(then(&|step| matches!(step, Step::HandOver { client: 1, bytes: 1.. }))),
            _ => {
                let is_writable = |ready: &Ready| ready.source == Source::Client(1) && ready.writable;
                assert!(then(&|step| matches!(step, Step::Wait { ready, .. } if ready.iter().any(is_writable))));
            }
        }
        // All of it arrived, in parts and by any thread: every message has an end.
        let said = trace.events.iter().filter(|event| event.message.is_some() && event.cause == Some(2)).count();
        let whole: usize = trace.events.iter().map(|event| event.completes.len()).sum();
        assert!(said > 0 && whole >= said, "{said} messages, {whole} of them whole");
    }

    fn each_step_is_told_as_it_is_taken(mode) {
        let server = Server::with(mode, &["--explain"]);
        let [mut ana, mut beto, mut cleo] = three(&server);
        ana.says("hola a todos");
        beto.sees("<ana> hola a todos");
        cleo.sees("<ana> hola a todos");
        let told = &server.diagnostics;
        match blocks(mode) {
            false if completes(mode) => {
                told.shows("1 complete: a receive from #1");
                told.shows("13 bytes from #1 were received in buffer ");
                told.shows("handled the input of #1; queued for #2, #3");
                told.shows("queued a send of 19 bytes to #2");
                // It is known when the next call returns.
                beto.says("hola");
                told.shows("the kernel has sent 19 bytes to #2");
            }
            false if polls_tasks(mode) => {
                told.shows("in wait → 1 task was woken: the task of #1");
                told.shows("polled the task of #1");
                told.shows("handled the input of #1; queued for #2, #3");
                told.shows("woke the writing task");
                told.shows("the task of #1 is pending: it waits, and the thread goes on");
                told.shows("wrote 19 bytes to #2");
            }
            false => {
                told.shows("in wait → 1 ready: #1 readable");
                told.shows("read 13 bytes from #1; nothing left");
                told.shows("handled the input of #1; queued for #2, #3");
                told.shows("wrote 19 bytes to #2");
            }
            true => {
                assert!(told.shows("→ 13 bytes from #1").starts_with("client-1: was blocked in read for "));
                told.shows("client-1: locked the room");
                told.shows("client-1: handled the input of #1; queued for #2, #3");
                told.shows("client-1: unlocked the room after");
                told.shows("client-1: wrote 19 bytes to #2");
            }
        }
    }

    /// Nobody has said anything, so the clock alone brings the greeting.
    fn what_a_silent_newcomer_gets_is_seen_to_be_queued(mode) {
        let server = Server::with(mode, &["--explain"]);
        let _silent = server.join();
        let told = &server.diagnostics;
        told.shows("; queued for #1");
        told.shows(if completes(mode) { "queued a send of " } else { " bytes to #1" });
    }

    fn steps_are_told_in_spanish(mode) {
        let server = Server::with(mode, &["--explain", "--lang", "es"]);
        let mut ana = server.connect();
        ana.says(":nick ana");
        ana.notice("ahora eres ana");
        server.diagnostics.shows("trató la entrada de #1");
        server.diagnostics.shows("a #1");
    }

    fn a_slow_server_pauses_after_each_step(mode) {
        let server = Server::with(mode, &["--slow", "100"]);
        let mut ana = server.connect();
        ana.notice("welcome");
        server.diagnostics.shows("to #1");
        // At least the read is narrated before the answer is written.
        let asked = Instant::now();
        ana.says(":who");
        ana.notice("1 here");
        assert!(asked.elapsed() >= Duration::from_millis(100));
    }

    /// Its pauses at the end would take a quarter of an hour.
    fn a_slow_server_ends_at_once_all_the_same(mode) {
        let mut server = Server::with(mode, &["--explain", "--slow", "60000"]);
        let _clients = [server.connect(), server.connect()];
        server.diagnostics.shows(match blocks(mode) {
            true => "a new connection",
            false if completes(mode) => "complete: an accept",
            false if polls_tasks(mode) => "the accepting task",
            false => "ready: listener",
        });
        assert!(server.stop().success());
    }

    /// The chat does not wait for the narration, not even if stderr takes nothing.
        fn nobody_waits_for_the_narration(mode) {
        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "--quiet", "--explain", "--mode", mode]);
        // This pipe is never read. It holds 64 KiB.
        let server = common::kernel::start_unheard(command.stdout(Stdio::null()).stderr(Stdio::piped()));
        let [mut ana, mut beto, _cleo] = three(&server);
        for i in 0..1000 {
            ana.says(&format!("line {i}"));
            beto.sees(&format!("<ana> line {i}"));
        }
    }

    /// The chat does not wait for the trace either, even if the disk is full. Files may hold 16 KiB here.
    fn the_chat_outlives_its_trace(mode) {
        let dir = Dir::new();
        let file = dir.file("trace.json");
        let first = "ulimit -f 32;";
        let server = Server::of(serve_by_shell(first, mode, &["--trace", file.to_str().expect("text")], ""));
        let [mut ana, mut beto, _cleo] = three(&server);
        for i in 0..200 {
            ana.says(&format!("line {i}"));
            beto.sees(&format!("<ana> line {i}"));
        }
        server.diagnostics.shows("the trace ends here");
        ana.says("on we go");
        beto.sees("<ana> on we go");
        assert!(!ended(server, &file).events.is_empty());
    }

    #[ignore = "needs strace"]
    fn the_steps_are_those_that_strace_counts(mode) {
        agrees_with_strace(mode, 4, 5, a_lively_hour);
        agrees_with_strace(mode, 22, 22, all_shout);
    }
}

/// Runs `play` against a server with `seats` seats under strace, and waits until `closed` connections are closed.
#[track_caller]
fn agrees_with_strace(mode: &str, seats: usize, closed: usize, play: impl FnOnce(&Server)) {
    let dir = Dir::new();
    let (file, log) = (dir.file("trace.json"), dir.file("strace.log"));
    let mut command = Command::new("strace");
    command.args(["-f", "-yy", "-qq", "-e", "signal=none", "-o"]).arg(&log).arg(env!("CARGO_BIN_EXE_tertulia"));
    command.args(["serve", "--addr", "127.0.0.1:0", "--mode", mode, "--lang", "en", "--max-clients"]);
    command.arg(seats.to_string()).arg("--trace").arg(&file);
    let mut server = Server::of(command);
    play(&server);
    let are_closed = || -> Option<bool> {
        match completes(mode) {
            // To close a socket is no call either.
            true => {
                let events = chrome::read(&file).ok()?.events;
                Some(events.iter().filter(|event| matches!(event.step, Step::Close { .. })).count() == closed)
            }
            false => Some(counted(&fs::read_to_string(&log).ok()?, mode).get("close") == Some(&closed)),
        }
    };
    until("the connections are closed", || are_closed()?.then_some(()));
    // The server is strace's child, not strace itself.
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", server.pid())).expect("it has one");
    let child = children.split_whitespace().next().expect("a child");
    assert!(Command::new("kill").args(["-TERM", child]).status().expect("kill runs").success());
    common::wait_for(&mut server.child);

    let mut expected = counted(&fs::read_to_string(&log).expect("a log"), mode);
    let trace = chrome::read(&file).expect("a trace");
    let mut steps: BTreeMap<String, usize> =
        tertulia::trace::calls::count(&trace).into_iter().map(|(name, times)| (name.to_owned(), times)).collect();
    // These go to stdout, which is no socket.
    steps.remove("write");
    // Looks without sleep: a runtime looks by itself, too, and that is not marked.
    let (looks, marked) = (expected.remove("look").unwrap_or(0), steps.get("epoll_wait").copied().unwrap_or(0));
    let slept = expected.get("epoll_wait").copied().unwrap_or(0);
    if polls_tasks(mode) && (slept..=slept + looks).contains(&marked) {
        expected.insert("epoll_wait".into(), marked);
    }
    // strace shows a wait twice that a signal interrupts and the kernel restarts.
    let wait = Driver::named(mode).expect("a mode").sleeps_in;
    if let (Some(marked), Some(shown)) = (steps.get(wait), expected.get_mut(wait))
        && *shown == marked + 1
    {
        *shown = *marked;
    }
    assert_eq!(steps, expected);
    if !completes(mode) {
        assert_eq!(expected["close"], closed);
    }
}

#[test]
fn what_cannot_be_done_is_said() {
    fails_with(
        tertulia().args(["serve", "--addr", ":0", "--trace", "/nowhere/trace.json"]),
        &["/nowhere/trace.json", "written"],
    );
    fails_with(tertulia().args(["trace", "view", "/nowhere/trace.json"]), &["/nowhere/trace.json", "read"]);
    let dir = Dir::new();
    let file = dir.file("other.json");
    fs::write(&file, "[1, 2]").expect("a file");
    fails_with(tertulia().args(["trace", "calls"]).arg(&file), &["was not written by", "serve --trace"]);
    // Files in Chrome's format by another program, in both of the format's forms.
    let event = r#"{"name":"x","ph":"X","ts":1,"dur":2,"pid":1,"tid":1,"args":{}}"#;
    for text in [format!("[{event}]"), format!("[\n{event},\n{event}\n]"), format!("{{\"traceEvents\":[{event}]}}")] {
        fs::write(&file, text).expect("a file");
        fails_with(tertulia().args(["trace", "view"]).arg(&file), &["was not written by"]);
    }
    // Our own file, without steps.
    let begin = r#"{"name":"tertulia","ph":"M","pid":1,"tid":0,"args":{"mode":"epoll"}}"#;
    fs::write(&file, format!("[\n{begin}")).expect("a file");
    fails_with(tertulia().args(["trace", "view"]).arg(&file), &["contains no steps"]);
}

/// A FIFO without a reader would block the server for ever.
#[test]
fn a_trace_is_not_written_to_what_is_no_file() {
    let dir = Dir::new();
    let fifo = dir.file("fifo");
    assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo runs").success());
    for path in [&fifo, Path::new("/dev/full")] {
        fails_with(tertulia().args(["serve", "--addr", ":0", "--trace"]).arg(path), &["no regular file"]);
    }
}

#[test]
fn two_servers_do_not_write_into_one_trace() {
    let dir = Dir::new();
    let file = dir.file("trace.json");
    let server = traced("epoll", &file);
    let _clients = three(&server);
    fails_with(tertulia().args(["serve", "--addr", ":0", "--trace"]).arg(&file), &["another server"]);
    assert!(!ended(server, &file).events.is_empty());
    // The next server may use the file, and overwrites it.
    assert!(ended(traced("epoll", &file), &file).events.len() < 5);
}

/// The file may be forged or damaged: it is drawn all the same, and nothing in it is interpreted as a script.
#[test]
fn a_file_that_lies_or_is_damaged_is_drawn() {
    let dir = Dir::new();
    let (file, page) = (dir.file("trace.json"), dir.file("page.html"));
    let begin = r#"{"name":"tertulia","ph":"M","pid":1,"tid":0,"args":{"mode":"threaded"}}"#;
    let name = r#"{"name":"thread_name","ph":"M","pid":1,"tid":1,"args":{"name":"</script><script>alert(1)//"}}"#;
    let step = r#"{"name":"x","ph":"X","ts":-5,"dur":1e300,"pid":1,"tid":1,"args":{"step":"read","client":1,"asked":9,"bytes":9}}"#;
    let later = step.replace("-5", "1e300");
    fs::write(&file, [format!("[\n{begin},\n{name},\n{step},\n{later},\n").as_bytes(), b"\"\xc3"].concat())
        .expect("a file");
    let drawn = run(tertulia().args(["trace", "view", "-o"]).arg(&page).arg(&file));
    assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
    assert!(drawn.stderr.contains(&format!("open it in a browser: file://{}", page.display())), "{}", drawn.stderr);
    let html = fs::read_to_string(&page).expect("a page");
    assert_eq!(html.matches("</script>").count(), 2);
}

/// Clients do something of each kind: talk, whisper, leave, hang up, do not read, are refused.
fn a_lively_hour(server: &Server) {
    let [mut ana, mut beto, mut cleo] = three(server);
    for i in 0..20 {
        ana.says(&format!("line {i}"));
        cleo.sees(&format!("<ana> line {i}"));
    }
    beto.says(":msg ana psst");
    ana.sees("[beto -> you] psst");
    let mut dani = server.join_as("dani");
    let mut refused = server.connect();
    refused.notice("the room is full");
    refused.hangs_up();
    refused.is_closed();
    dani.says(":q");
    ana.notice("dani (#4) is gone");
    drop(dani);
    beto.hangs_up();
    ana.notice("beto (#2) is gone");
    cleo.resets();
    ana.notice("cleo (#3) is gone");
    ana.says(":q");
    ana.notice("goodbye");
    ana.hangs_up();
    server.console.shows("ana is gone");
}

/// Twenty clients send a burst each, all at once; one reads slowly, one resets.
fn all_shout(server: &Server) {
    let mut slow = server.join_narrow("slow", 4096);
    let mut clients: Vec<Client> = (0..20).map(|i| server.join_as(&format!("n{i}"))).collect();
    let mut lost = server.join_as("lost");
    server.rests();
    let burst = format!("{}\n", "x".repeat(90)).repeat(8);
    for _ in 0..4 {
        clients.iter_mut().for_each(|client| client.sends(burst.as_bytes()));
    }
    for client in &mut clients {
        client.says("that is all");
    }
    lost.says("bye");
    lost.resets();
    for client in clients.iter_mut().chain([&mut slow]) {
        client.notice("lost (#22) is gone");
    }
    for mut client in clients.into_iter().chain([slow]) {
        client.hangs_up();
        client.rest();
    }
}

/// Whether tokio makes this call by itself: it is not marked.
fn is_the_runtimes_own(name: &str, arguments: &str, end: &str) -> bool {
    match name {
        "epoll_ctl" => arguments.contains("EPOLL_CTL_DEL"),
        "accept4" => end.contains("EAGAIN"),
        _ => false,
    }
}

/// The number of finished calls in strace's log on clients' connections, the listener or the poll, by name.
fn counted(text: &str, mode: &str) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let mut unfinished: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let mut call = rest.trim_start();
        if call.ends_with("<unfinished ...>") {
            unfinished.insert(thread, call);
            continue;
        }
        if call.starts_with("<... ") {
            call = unfinished.remove(thread).expect("it began");
        }
        let Some((name, arguments)) = call.split_once('(') else { continue };
        let is_connection = arguments.contains("<TCP:[") && arguments.contains("->");
        let is_ours = match name {
            "epoll_wait" | "io_uring_enter" => true,
            "ppoll" => arguments.contains("<TCP:["),
            // The last one ends when the listener is shut down.
            "accept4" => !rest.contains("= ?") && !rest.contains("EINVAL"),
            // In a debug build the standard library checks whether a descriptor is open. A thread asks whether its client is gone.
            "fcntl" | "getpeername" => false,
            _ => is_connection,
        };
        let looks = name == "epoll_wait" && (rest.contains(", 0) = ") || arguments.contains(", 0 <unfinished"));
        let name = if looks && polls_tasks(mode) { "look" } else { name };
        if is_ours && !(polls_tasks(mode) && is_the_runtimes_own(name, arguments, rest)) {
            *counts.entry(name.to_owned()).or_default() += 1;
        }
    }
    counts
}

/// The page in a real browser, with a script at its end that acts like a user and records what it sees.
#[test]
#[ignore = "needs chromium"]
fn the_page_works_in_a_browser() {
    const ACTS: &str = r#"
        const all = query => [...document.querySelectorAll(query)];
        const key = key => document.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
        const paint = () => page.timelines.forEach(timeline => timeline.paint());
        seen.ready = document.body.dataset.ready;
        const text = id => document.getElementById(id).textContent;
        seen.facts = text('facts');
        seen.origin = text('origin');
        seen.opening = text('story');
        seen.unnamed = all('button, input').filter(control => !control.title || !control.getAttribute('aria-label')).length;
        seen.legend = all('#legend li').length;
        seen.lanes = all('.lane').map(lane => lane.dataset.lane);
        key('Escape'); paint();
        seen.pathAtFirst = all('.on-path').length;
        // A line, and no arrival or new name.
        const said = messages => page.active.messages.get(Number(messages.split(' ')[0])).text;
        const write = all('.step.write[data-messages] rect').find(rect => said(rect.parentNode.dataset.messages));
        write.dispatchEvent(new PointerEvent('pointermove', { bubbles: true, clientX: 300, clientY: 200 }));
        seen.card = document.getElementById('card').hidden ? '' : text('card');
        write.dispatchEvent(new MouseEvent('click', { bubbles: true })); paint();
        seen.message = write.parentNode.dataset.messages;
        seen.path = all('.step.on-path').map(step => page.active.sentence(page.active.steps[step.dataset.step]));
        seen.dimmed = all('svg.follows').length;
        seen.line = all('polyline.path').length;
        const told = () => document.getElementById('sentence').textContent, first = told();
        key('ArrowRight'); seen.stepped = told() !== first;
        key('ArrowLeft'); seen.back = told() === first;
        key('l'); seen.spanish = told(); key('l');
        key('ArrowDown'); seen.story = document.getElementById('story').textContent;
        key('+'); key('-'); key('a'); key('0'); paint();
        // The window becomes narrower: all of the message is seen again.
        const isWhole = () => page.active.x(page.active.stretch()[1]) <= page.active.stage.clientWidth;
        document.getElementById('app').style.width = '700px';
        seen.isCut = !isWhole();
        seen.refitted = await until(isWhole);
        const search = document.getElementById('search');
        search.value = 'LINE 3';
        search.dispatchEvent(new Event('input'));
        seen.found = [text('found'), text('story')];
        location.hash = '#step=5&lang=es';
        seen.gone = await until(() => text('count').startsWith('paso 5 de '));
    "#;
    for mode in DRIVERS.iter().map(|driver| driver.name) {
        let dir = Dir::new();
        let (file, page) = (dir.file("trace.json"), dir.file("page.html"));
        let server = traced(mode, &file);
        let [mut ana, mut beto, mut cleo] = three(&server);
        for i in 0..5 {
            ana.says(&format!("line {i} <b>&amp;</script>"));
            beto.sees(&format!("<ana> line {i} <b>&amp;</script>"));
            cleo.sees(&format!("<ana> line {i} <b>&amp;</script>"));
        }
        ended(server, &file);
        let drawn = run(tertulia().args(["trace", "view", "--lang", "en", "-o"]).arg(&page).arg(&file));
        assert_eq!(drawn.code, Some(0), "{}", drawn.stderr);
        let html = fs::read_to_string(&page).expect("a page");
        assert!(
            !html.contains("http://") || html.matches("http://").count() == html.matches("http://www.w3.org/").count()
        );
        let seen = browser::sees(&page, &html, ACTS);

        assert_eq!(seen["ready"], "yes");
        let lanes = seen["lanes"].to_string();
        for lane in ["thread-", "socket-1", "socket-2", "socket-3"] {
            assert!(lanes.contains(lane), "{lanes}");
        }
        assert_eq!(lanes.contains("room"), blocks(mode));
        assert_eq!((&seen["pathAtFirst"], &seen["dimmed"], &seen["line"]), (&0.into(), &1.into(), &1.into()), "{seen}");
        let path = seen["path"].to_string();
        let writes = if completes(mode) { "the kernel has sent" } else { "wrote" };
        assert!(
            path.contains("from ana (#1)") && path.contains("queued for beto (#2)") && path.contains(writes),
            "{path}"
        );
        let text = |what: &str| seen[what].as_str().expect("text").to_owned();
        assert!(text("opening").contains("“line 0 <b>&amp;</script>” from ana (#1) to beto (#2), cleo (#3)"), "{seen}");
        let version = concat!("tertulia ", env!("CARGO_PKG_VERSION"));
        assert!([version, "--trace", "core"].iter().all(|part| text("origin").contains(part)), "{seen}");
        assert!(text("card").contains("bytes to ") && (completes(mode) || text("card").contains("sendto")), "{seen}");
        assert!(seen["unnamed"] == 0 && seen["legend"].as_u64() >= Some(6), "{seen}");
        assert_eq!(
            (&seen["isCut"], &seen["refitted"], &seen["gone"]),
            (&true.into(), &true.into(), &true.into()),
            "{seen}"
        );
        let (place, story) = (seen["found"][0].as_str(), seen["found"][1].as_str().expect("text"));
        assert!(place == Some("1 of 1") && story.contains("“line 3 "), "{seen}");
        browser::fits(&page);
        assert_eq!(browser::pages_on_paper(&page), 1);
        assert_eq!((&seen["stepped"], &seen["back"]), (&true.into(), &true.into()));
        assert!(seen["story"].as_str().expect("text").contains("from waking to the last receiver"), "{seen}");
        let counted = run(tertulia().args(["trace", "calls"]).arg(&file)).stdout;
        let total = counted.lines().find_map(|line| line.strip_suffix("  total")).expect("a total").trim();
        let facts = seen["facts"].as_str().expect("text");
        assert!(facts.contains(&format!(" {total} system calls")) && facts.contains("at work"), "{facts} {counted}");
        let spanish = seen["spanish"].as_str().expect("text");
        assert!(
            ["escribió", "leyó", "esperó", "sala", "durmió", "núcleo", "recibieron"]
                .iter()
                .any(|word| spanish.contains(word)),
            "{spanish}"
        );
    }
}
