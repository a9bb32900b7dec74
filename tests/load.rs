//! The load generator against servers that do wrong on purpose: it must catch each, and blame a healthy one for nothing.
#![cfg(feature = "bench")]

mod common;

use common::*;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tertulia::load::{self, Faults, Outcome, Pace, Scenario};

/// What a relay does with every fiftieth line for its last client.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    Loses,
    Doubles,
    Cuts,
    Swaps,
    Echoes,
}

/// A relay as students write it, in threads that end with the test.
fn relay(wrong: Wrong) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let room: Arc<Mutex<Vec<TcpStream>>> = Arc::default();
        let held: Arc<Mutex<Option<String>>> = Arc::default();
        for (me, stream) in listener.incoming().flatten().enumerate() {
            stream.set_nodelay(true).expect("a socket");
            room.lock().expect("no panics").push(stream.try_clone().expect("a descriptor"));
            let (room, held) = (room.clone(), held.clone());
            std::thread::spawn(move || {
                for (count, line) in BufReader::new(stream).lines().map_while(Result::ok).enumerate() {
                    let room = room.lock().expect("no panics");
                    for (other, mut socket) in room.iter().enumerate() {
                        if other == me && wrong != Wrong::Echoes {
                            continue;
                        }
                        let text = format!("<{me}> {line}\n");
                        let bad = other == room.len() - 1 && me == 0 && count % 50 == 49;
                        let said = match wrong {
                            Wrong::Loses if bad => String::new(),
                            Wrong::Doubles if bad => text.repeat(2),
                            Wrong::Cuts if bad => format!("{}\n", &text[..text.len() - 9]),
                            Wrong::Swaps if bad => {
                                *held.lock().expect("no panics") = Some(text);
                                String::new()
                            }
                            Wrong::Swaps if other == room.len() - 1 && me == 0 => {
                                text + &held.lock().expect("no panics").take().unwrap_or_default()
                            }
                            _ => text,
                        };
                        let _ = socket.write_all(said.as_bytes());
                    }
                }
            });
        }
    });
    addr
}

fn measure(addr: SocketAddr, pace: Pace) -> Outcome {
    let scenario = Scenario {
        clients: 4,
        talkers: 4,
        pace,
        duration: Duration::from_millis(300),
        warm_up: Duration::from_millis(50),
        ..Scenario::default()
    };
    load::run(addr, &scenario, None, &mut |_| {}).expect("it can be measured")
}

/// With a window of several lines one that is lost does not end the talk.
const PACE: Pace = Pace::Rate(2000.0);

#[test]
fn a_healthy_relay_is_blamed_for_nothing() {
    for pace in [Pace::Window(1), Pace::Window(16), PACE] {
        let outcome = measure(relay(Wrong::Nothing), pace);
        assert_eq!((outcome.faults, outcome.echoes), (Faults::default(), 0));
        assert!(outcome.delivered > 100 && outcome.sent > 30 && outcome.latency.len() > 30);
    }
}

#[test]
fn each_wrong_is_caught_and_called_by_its_name() {
    let others = |faults: Faults| [faults.lost, faults.duplicate, faults.reordered, faults.malformed];
    for (wrong, at) in [(Wrong::Loses, 0), (Wrong::Doubles, 1), (Wrong::Swaps, 2)] {
        let mut counts = others(measure(relay(wrong), PACE).faults);
        if wrong == Wrong::Swaps {
            // The run may end on a line that is held back, and nothing comes to be swapped with it.
            counts[0] = counts[0].saturating_sub(1);
        }
        assert!(counts[at] > 0, "{counts:?}");
        assert_eq!(counts.iter().filter(|count| **count > 0).count(), 1, "{counts:?}");
    }
    // A line that was cut came, and did not come as it was sent.
    let faults = measure(relay(Wrong::Cuts), PACE).faults;
    assert!(faults.malformed > 0 && faults.malformed == faults.lost, "{faults:?}");
    assert!(measure(relay(Wrong::Echoes), PACE).echoes > 0);
}

#[test]
fn a_room_with_too_few_seats_is_told_before_anything_is_measured() {
    let server = Server::with("epoll", &["--max-clients", "2"]);
    let scenario = Scenario { clients: 3, talkers: 3, ..Scenario::default() };
    let error = load::run(server.addr, &scenario, None, &mut |_| {}).expect_err("no seat");
    assert!(error.contains("seats"), "{error}");
}

both_modes! {
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
        let outcome = load::run(server.addr, &scenario, Some(server.pid() as u32), &mut |_| {}).expect("measured");
        assert_eq!(outcome.faults, Faults::default());
        assert!(outcome.delivered >= outcome.sent * 3);
        if cfg!(target_os = "linux") {
            assert!(outcome.usage.is_some_and(|usage| usage.threads.is_some() && usage.cpu.is_some()));
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
