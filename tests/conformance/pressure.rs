//! Slow and greedy clients: those that do not read, and those that flood. A client that reads loses nothing.

use crate::common::*;
use crate::each_driver_and_socket;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The longest time that a well-behaved client may have to wait because of one that is not.
const PATIENCE: Duration = Duration::from_secs(2);

/// More lines than any test needs, for a flood that goes on until it is stopped.
const ENDLESS: usize = 200_000;

/// The last line that every client says.
const LAST: &str = "that was all";

/// A line of a flood, of a kilobyte. Its number distinguishes it from the others.
fn flood_line(number: usize) -> String {
    format!("{number} {}\n", "x".repeat(1000))
}

/// Sends `enough` lines of a flood, or fewer if it is stopped; then [`LAST`].
fn flood(client: &TcpStream, enough: usize, stop: &AtomicBool) {
    let mut mouth = client;
    for number in (0..enough).take_while(|_| !stop.load(Ordering::Relaxed)) {
        mouth.write_all(flood_line(number).as_bytes()).expect("sooner or later the server reads");
    }
    mouth.write_all(format!("{LAST}\n").as_bytes()).expect("sooner or later the server reads");
}

/// Stops a flood when dropped, also when the test fails: otherwise the failure would never be reported.
struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A second handle on a client's connection: one thread sends while another reads.
fn mouth(client: &Client) -> TcpStream {
    client.stream.try_clone().expect("a descriptor")
}

/// What a client has seen of the others' messages.
struct Seen {
    nick: String,
    lines: Vec<String>,
    /// The longest time between two of the lines.
    gap: Duration,
}

/// Reads until this many speakers have said [`LAST`]. The test decides what to do after each line.
fn reads_all(reader: &mut Client, mut speakers: usize, mut then: impl FnMut(&mut Client, &str)) -> Seen {
    let mut seen = Seen { nick: reader.nick.clone(), lines: Vec::new(), gap: Duration::ZERO };
    let mut before = Instant::now();
    while speakers > 0 {
        let line = reader.message().unwrap_or_else(|| panic!("{} was thrown out", reader.nick));
        seen.gap = seen.gap.max(before.elapsed());
        speakers -= usize::from(line.ends_with(LAST));
        then(reader, &line);
        seen.lines.push(line);
        before = Instant::now();
    }
    seen
}

fn does_nothing_else(_: &mut Client, _: &str) {}

impl Seen {
    /// Checks that everything this speaker said is here, once and in order. Returns the number of lines before the
    /// last.
    #[track_caller]
    fn has_all_of(&self, nick: &str) -> usize {
        let prefix = format!("<{nick}> ");
        let mut texts = self.lines.iter().filter_map(|line| line.strip_prefix(&prefix));
        let mut count = 0;
        for text in texts.by_ref().take_while(|text| *text != LAST) {
            let number = text.split(' ').next().and_then(|number| number.parse().ok());
            assert_eq!(number, Some(count), "{} sees what {nick} said out of order", self.nick);
            count += 1;
        }
        assert_eq!(texts.next(), None, "{nick} goes on after its last");
        count
    }

    /// Checks that both have seen the same in the same order, except for what they said themselves.
    #[track_caller]
    fn agrees_with(&self, other: &Seen) {
        let (a, b) = (format!("<{}> ", self.nick), format!("<{}> ", other.nick));
        let of_third = |line: &&String| !line.starts_with(&a) && !line.starts_with(&b);
        let same = self.lines.iter().filter(of_third).eq(other.lines.iter().filter(of_third));
        assert!(same, "{} and {} have not seen the same in the same order", self.nick, other.nick);
    }
}

each_driver_and_socket! {
    fn one_never_reads_one_floods_and_four_chat_as_if_nothing_were(mode) {
        let server = Server::start(mode);
        let mut stuck = server.join_narrow("stuck", 4 << 10);
        let [mut fred, mut ana, mut beto, mut cleo, mut dora] =
            server.join_all(["fred", "ana", "beto", "cleo", "dora"]);
        let is_out = AtomicBool::new(false);
        let chats = |chatter: &mut Client| {
            let (mut flooded, mut said) = (0, 0);
            reads_all(chatter, 4, |chatter, line| {
                let Some(text) = line.strip_prefix("<fred> ") else { return };
                flooded += 1;
                if text == LAST {
                    chatter.says(LAST);
                } else if flooded % 50 == 1 {
                    chatter.says(&format!("{said} and so on"));
                    said += 1;
                }
            })
        };
        let seen = thread::scope(|scope| {
            let mouth = mouth(&fred);
            let is_out = &is_out;
            scope.spawn(move || flood(&mouth, ENDLESS, is_out));
            let chatters = [&mut ana, &mut beto, &mut cleo, &mut dora];
            let chatters = chatters.map(|chatter| scope.spawn(|| chats(chatter)));
            let flood = Stop(is_out);
            fred.notice("stuck (#1) is gone: did not read, ");
            drop(flood);
            reads_all(&mut fred, 4, does_nothing_else);
            chatters.map(|chatter| chatter.join().expect("a chatter stays in"))
        });
        for one in &seen {
            assert!(one.gap < PATIENCE, "{} saw nothing for {:?}", one.nick, one.gap);
            assert!(one.has_all_of("fred") > 100);
            for other in seen.iter().filter(|other| other.nick != one.nick) {
                assert!(one.has_all_of(&other.nick) > 2);
                one.agrees_with(other);
            }
        }
        let line = server.console.shows("#1 stuck is gone: did not read, ");
        assert!(line.contains("iB waiting (5 of 6 seats)"), "{line}");
        // There is no silent gap: the stuck client got the beginning, and then nothing.
        let fred = |lines: &[String]| -> Vec<String> {
            lines.iter().filter(|line| line.starts_with("<fred> ")).cloned().collect()
        };
        let (given, all) = (fred(&stuck.rest()), fred(&seen[0].lines));
        assert!(!given.is_empty() && given.len() < all.len());
        assert_eq!(given, all[..given.len()]);
    }

    fn a_crowd_that_bursts_out_at_once_hears_all_of_it_in_one_order(mode) {
        const CROWD: usize = 24;
        const BURSTS: usize = 5;
        let server = Server::with(mode, &["--max-clients", "24"]);
        let mut crowd: Vec<Client> = (0..CROWD).map(|number| server.join_as(&format!("c{number}"))).collect();
        for burst in 0..BURSTS {
            // The server finds all of them at once, each with several lines.
            server.frozen(|| {
                for client in &mut crowd {
                    let mut lines: String = (2 * burst..2 * burst + 2).map(flood_line).collect();
                    if burst + 1 == BURSTS {
                        lines += &format!("{LAST}\n");
                    }
                    client.sends(lines.as_bytes());
                }
            });
        }
        let seen: Vec<Seen> =
            crowd.iter_mut().map(|client| reads_all(client, CROWD - 1, does_nothing_else)).collect();
        for (one, next) in seen.iter().zip(seen.iter().cycle().skip(1)) {
            for other in seen.iter().filter(|other| other.nick != one.nick) {
                assert_eq!(one.has_all_of(&other.nick), 2 * BURSTS);
            }
            one.agrees_with(next);
        }
    }

    fn who_is_thrown_out_and_reads_in_time_is_told_why(mode) {
        let server = Server::start(mode);
        let mut stuck = server.join_narrow("stuck", 4 << 10);
        let mut fred = server.join_as("fred");
        let is_out = AtomicBool::new(false);
        thread::scope(|scope| {
            let mouth = mouth(&fred);
            let is_out = &is_out;
            scope.spawn(move || flood(&mouth, ENDLESS, is_out));
            let flood = Stop(is_out);
            fred.notice("stuck (#1) is gone");
            drop(flood);
            let rest = stuck.rest();
            let last = rest.last().expect("a last word");
            assert!(last.starts_with("-- disconnected: did not read, "), "{last}");
        });
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn all_six_flood_and_nobody_loses_a_line(mode) {
        const EACH: usize = 2_000;
        let server = Server::start(mode);
        let mut six = server.join_all(["ana", "beto", "cleo", "dora", "eva", "fede"]);
        let before = server.memory_peak();
        let never = AtomicBool::new(false);
        let mouths = six.each_ref().map(mouth);
        let seen = thread::scope(|scope| {
            for mouth in &mouths {
                scope.spawn(|| flood(mouth, EACH, &never));
            }
            let readers = six.each_mut().map(|client| scope.spawn(|| reads_all(client, 5, does_nothing_else)));
            readers.map(|reader| reader.join().expect("everybody stays in"))
        });
        for one in &seen {
            for other in seen.iter().filter(|other| other.nick != one.nick) {
                assert_eq!(one.has_all_of(&other.nick), EACH);
                one.agrees_with(other);
            }
        }
        let grown = server.memory_peak() - before;
        assert!(grown < 48 << 10, "{grown} KiB more");
    }

    /// The flood is slowed down, and no client is disconnected. What the slow client has not read yet waits with its
    /// sender, which has said everything and hung up. So when the sender is resumed, it must be read to its end without
    /// a new edge.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn a_healthy_reader_slower_than_the_flood_stays_in_and_loses_nothing(mode) {
        const LINES: usize = 12_000;
        let server = Server::start(mode);
        let mut slow = server.join_narrow("slow", 64 << 10);
        let [fred, mut beto] = server.join_all(["fred", "beto"]);
        let before = server.memory_peak();
        let never = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                flood(&fred.stream, LINES, &never);
                fred.stream.shutdown(Shutdown::Write).expect("a connection");
            });
            let beto = scope.spawn(|| reads_all(&mut beto, 1, does_nothing_else));
            let mut count = 0;
            let seen = reads_all(&mut slow, 1, |_, _| {
                count += 1;
                if count % 32 == 0 {
                    // This makes it slow: some three megabytes a second.
                    thread::sleep(Duration::from_millis(10));
                }
            });
            assert_eq!(seen.has_all_of("fred"), LINES);
            assert_eq!(beto.join().expect("beto stays in").has_all_of("fred"), LINES);
        });
        slow.reads("-- fred (#2) is gone: hung up");
        let grown = server.memory_peak() - before;
        assert!(grown < 6 << 10, "{grown} KiB more");
    }

    fn a_firehose_leaves_the_others_their_turns(mode) {
        let server = Server::start(mode);
        let [hose, mut ana, mut beto] = server.join_all(["hose", "ana", "beto"]);
        let enough = AtomicBool::new(false);
        let flooded = thread::scope(|scope| {
            let _flood = Stop(&enough);
            scope.spawn(|| flood(&hose.stream, ENDLESS, &enough));
            scope.spawn(|| {
                reads_all(&mut beto, 1, |beto, line| {
                    if let Some(ping) = line.strip_prefix("<ana> ping ") {
                        beto.says(&format!("pong {ping}"));
                    }
                })
            });
            let mut pongs = 0;
            ana.says("ping 0");
            let seen = reads_all(&mut ana, 1, |ana, line| {
                if let Some(pong) = line.strip_prefix("<beto> pong ") {
                    assert_eq!(pong, pongs.to_string());
                    pongs += 1;
                    if pongs < 50 {
                        ana.says(&format!("ping {pongs}"));
                    } else {
                        enough.store(true, Ordering::Relaxed);
                    }
                }
            });
            assert_eq!(pongs, 50, "the flood was over before");
            seen.has_all_of("hose")
        });
        assert!(flooded < ENDLESS);
    }

    fn who_reads_byte_by_byte_under_a_flood_is_out(mode) {
        a_trickle_is_out(mode, 1, Duration::from_millis(50));
    }

    /// It takes something all the time, and never catches up.
    fn who_reads_in_sips_under_a_flood_is_out(mode) {
        a_trickle_is_out(mode, 1 << 10, Duration::from_millis(20));
    }

    /// The same as with Ctrl-Z and `fg`: what was said meanwhile is in the kernel's buffers and the outbox.
    fn who_does_not_read_for_a_while_catches_up(mode) {
        let server = Server::start(mode);
        let mut cleo = server.join_narrow("cleo", 4 << 10);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let text = "x".repeat(500);
        for i in 0..500 {
            ana.says(&format!("{i} {text}"));
            beto.sees(&format!("<ana> {i} {text}"));
            beto.says(&format!("{i} yes"));
            ana.sees(&format!("<beto> {i} yes"));
        }
        for i in 0..500 {
            cleo.sees(&format!("<ana> {i} {text}"));
            cleo.sees(&format!("<beto> {i} yes"));
        }
        ana.says("back again?");
        cleo.sees("<ana> back again?");
        cleo.says("yes");
        beto.sees("<ana> back again?");
        beto.sees("<cleo> yes");
    }

    /// No other client adds to its outbox, so no other client has to wait.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn who_asks_for_more_than_it_reads_hurts_only_itself(mode) {
        let server = Server::start(mode);
        let asker = server.join_narrow("asker", 4 << 10);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let before = server.memory_peak();
        thread::scope(|scope| {
            // It ends when the server reads no more of it.
            asker.stream.set_write_timeout(Some(Duration::from_secs(1))).expect("a socket");
            scope.spawn(|| while (&asker.stream).write_all(&b":help\n".repeat(1000)).is_ok() {});
            for i in 0..50 {
                ana.says(&format!("ping {i}"));
                beto.sees(&format!("<ana> ping {i}"));
                beto.says(&format!("pong {i}"));
                ana.sees(&format!("<beto> pong {i}"));
            }
        });
        // It is not read from, and that it is gone is noticed all the same.
        asker.resets();
        server.console.shows("#1 asker is gone: connection lost");
        beto.says("quiet now");
        ana.sees("<beto> quiet now");
        let grown = server.memory_peak() - before;
        assert!(grown < 32 << 10, "{grown} KiB more");
    }
}

/// A client takes `bytes` bytes at a time, with pauses of `pause`, while another floods.
fn a_trickle_is_out(mode: &str, bytes: usize, pause: Duration) {
    let server = Server::start(mode);
    let mut drip = server.join_narrow("drip", 4 << 10);
    let [mut fred, mut beto] = server.join_all(["fred", "beto"]);
    let is_out = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let mouth = mouth(&fred);
        let is_out = &is_out;
        scope.spawn(move || flood(&mouth, ENDLESS, is_out));
        scope.spawn(|| {
            let mut buffer = vec![0; bytes];
            while !is_out.load(Ordering::Relaxed) && drip.stream.read(&mut buffer).is_ok_and(|n| n > 0) {
                thread::sleep(pause);
            }
        });
        let beto = scope.spawn(|| reads_all(&mut beto, 1, does_nothing_else));
        let flood = Stop(is_out);
        fred.notice("drip (#1) is gone: did not read, ");
        drop(flood);
        beto.join().expect("beto stays in")
    });
    assert!(seen.has_all_of("fred") < ENDLESS);
    server.console.shows("#1 drip is gone: did not read, ");
}

each_driver_and_socket! {
    fn above_the_rate_lines_come_later_and_in_order_and_nobody_else_waits(mode) {
        const LINES: usize = 45;
        let server = Server::with(mode, &["--rate", "20"]);
        let [mut ana, mut beto, mut carla] = server.join_all(["ana", "beto", "carla"]);
        let begin = Instant::now();
        let lines: String = (0..LINES).map(|number| format!("line {number}\n")).collect();
        ana.sends(lines.as_bytes());
        // That is all of it: `printf ... | nc` ends its stream at once.
        ana.stream.shutdown(Shutdown::Write).expect("it is connected");
        carla.says("I need not wait");
        beto.lines_to("<carla> I need not wait");
        assert!(begin.elapsed() < PATIENCE, "{:?}", begin.elapsed());
        for number in 0..LINES {
            carla.sees(&format!("<ana> line {number}"));
        }
        // 20 lines at once, less one for the name, and the others in 50 ms each.
        assert!(begin.elapsed() > Duration::from_millis(50) * (LINES as u32 - 21), "{:?}", begin.elapsed());
        carla.notice("ana (#1) is gone: hung up");
        ana.sees("<carla> I need not wait");
        ana.notice("goodbye");
        ana.is_closed();
    }

    fn from_one_address_come_only_as_many_as_are_permitted(mode) {
        for when_full in ["refuse", "wait"] {
            let flags = ["--max-per-address", "2", "--when-full", when_full];
            let server = Server::with(mode, &flags);
            let [mut ana, beto] = server.join_all(["ana", "beto"]);
            let mut third = server.connect();
            third.notice("there are as many here from your address as are permitted");
            third.is_closed();
            server.console.shows("turned away: too many from this address");
            drop(beto);
            ana.notice("beto (#2) is gone");
            let mut carla = server.join_as("carla");
            carla.says("now I am in");
            ana.sees("<carla> now I am in");
        }
    }

    fn who_says_nothing_is_warned_and_disconnected(mode) {
        // Six seconds, and a warning after three.
        let server = Server::with(mode, &["--idle", "0.1"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let warning = "say something within 3 s, or your seat is given to somebody else";
        ana.notice(warning);
        beto.notice(warning);
        ana.says("I am here");
        beto.sees("<ana> I am here");
        beto.notice("disconnected: said nothing for 6 s");
        beto.is_closed();
        ana.notice("beto (#2) is gone: said nothing for 6 s");
        server.console.shows("#2 beto is gone: said nothing for 6 s (1 of 6 seats)");
    }
}
