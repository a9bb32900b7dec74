//! Servers that share a room over a simulated Redis, with random failures.

use super::Link;
use super::connection::Way;
use super::entry::{Event, ServerId};
use super::replica::{Applied, Replica};
use super::room::{Room, Trouble};
use super::simulated::{Redis, end};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A server, and what its room was told.
struct Server {
    link: Link,
    /// It does nothing until then.
    sleeps_until: Instant,
    /// Bytes that are under way to Redis.
    sent: [Vec<u8>; 2],
    tickets: Vec<u64>,
    last_ticket: u64,
    said: Vec<String>,
    /// The number of texts that were said anywhere before it had joined.
    joined_at: Option<usize>,
    /// The room as the server's people see it: numbers and names.
    people: BTreeMap<u64, String>,
    missed: u64,
}

struct World {
    rng: fastrand::Rng,
    now: Instant,
    redis: Redis,
    servers: Vec<Option<Server>>,
    /// What was said, and by which server.
    said: Vec<(usize, String)>,
    has_lost: bool,
}

fn room() -> Room {
    Room { key: "room".into(), database: 0, user: None, password: None, kept: 1000 }
}

impl World {
    fn new(seed: u64) -> World {
        let mut redis = Redis::default();
        redis.time = 1_000_000;
        let rng = fastrand::Rng::with_seed(seed);
        World { rng, now: Instant::now(), redis, servers: Vec::new(), said: Vec::new(), has_lost: false }
    }

    fn start(&mut self) {
        let link = Link::new(room(), ServerId(1000 * self.servers.len() as u64), self.now);
        self.servers.push(Some(Server {
            link,
            sleeps_until: self.now,
            sent: Default::default(),
            tickets: Vec::new(),
            last_ticket: 0,
            said: Vec::new(),
            joined_at: None,
            people: BTreeMap::new(),
            missed: 0,
        }));
    }

    fn wait(&mut self, time: Duration) {
        self.now += time;
        self.redis.time += time.as_millis() as u64;
    }

    /// One turn of a server.
    fn turn(&mut self, at: usize) {
        let World { rng, now, redis, servers, said, .. } = self;
        let Some(server) = servers[at].as_mut().filter(|server| server.sleeps_until <= *now) else { return };
        server.link.tick(*now);
        for way in Way::BOTH.into_iter().filter(|way| server.link.has_failed(*way)).collect::<Vec<_>>() {
            redis.disconnect(end(at, way));
            server.link.lost(way);
        }
        while let Some(way) = server.link.dial() {
            server.sent[way as usize].clear();
            if redis.connect(end(at, way)) { server.link.connected(way) } else { server.link.lost(way) }
        }
        for way in Way::BOTH {
            let is_there = redis.has(end(at, way));
            if !is_there {
                server.link.lost(way);
            }
            let bytes = redis.output(end(at, way));
            // Answers arrive in pieces.
            let cut = rng.usize(..=bytes.len());
            server.link.receive(way, &bytes[..cut]);
            server.link.receive(way, &bytes[cut..]);
            if server.link.has_failed(way) {
                redis.disconnect(end(at, way));
                server.link.lost(way);
            }
        }
        server.link.end_turn();
        for way in Way::BOTH {
            let bytes = server.link.output(way);
            let sent = &mut server.sent[way as usize];
            sent.extend(bytes);
            let cut = if rng.u8(..3) == 0 { rng.usize(..=sent.len()) } else { sent.len() };
            redis.receive(end(at, way), &sent.drain(..cut).collect::<Vec<u8>>());
        }
        while let Some(applied) = server.link.next_applied() {
            server.see(applied);
        }
        if server.link.has_joined() {
            server.joined_at.get_or_insert(said.len());
        }
        if let Some(at) = server.link.next_deadline() {
            assert!(at > *now, "the deadline is past");
        }
    }

    /// A member of a server comes, speaks or goes.
    fn live(&mut self, at: usize) {
        let Some(server) = self.servers[at].as_mut().filter(|server| server.sleeps_until <= self.now) else { return };
        let ticket = self.rng.choice(server.tickets.iter()).copied();
        match (self.rng.u8(..8), ticket) {
            (0..=1, _) | (_, None) => {
                server.last_ticket += 1;
                server.tickets.push(server.last_ticket);
                server.link.append(&Event::Arrived { ticket: server.last_ticket });
            }
            (2, Some(ticket)) => {
                server.tickets.retain(|it| *it != ticket);
                server.link.append(&Event::Left { ticket, why: "quit" });
            }
            (3, Some(ticket)) => {
                let nick = ["ana", "beto", "Ana", "cleo"][self.rng.usize(..4)];
                server.link.append(&Event::Named { ticket, nick });
            }
            (_, Some(ticket)) => {
                let text = format!("text {}", self.said.len());
                server.link.append(&Event::Said { ticket, nick: "ana", text: &text });
                self.said.push((at, text));
            }
        }
    }

    /// Something fails.
    fn fail(&mut self, may_lose: bool) {
        let at = self.rng.usize(..self.servers.len());
        match self.rng.u8(..12) {
            0..=3 => {
                let way = Way::BOTH[self.rng.usize(..2)];
                // What was sent may be executed although nobody hears the answer.
                if let Some(server) = &mut self.servers[at]
                    && self.rng.bool()
                {
                    let sent = std::mem::take(&mut server.sent[way as usize]);
                    self.redis.receive(end(at, way), &sent);
                }
                self.redis.disconnect(end(at, way));
            }
            4 => self.redis.stop(),
            5 => self.redis.is_away = false,
            6 => {
                let refusals = ["OOM command not allowed when used memory > 'maxmemory'.", "LOADING Redis is loading"];
                self.redis.refusal = [None, Some(refusals[0]), Some(refusals[1])][self.rng.usize(..3)];
            }
            7 => {
                if let Some(server) = &mut self.servers[at] {
                    server.sleeps_until = self.now + Duration::from_millis(self.rng.u64(..20_000));
                }
            }
            8 if self.servers.len() < 6 => self.start(),
            9 if self.alive() > 1 => {
                self.servers[at] = None;
                Way::BOTH.iter().for_each(|way| self.redis.disconnect(end(at, *way)));
            }
            10 if may_lose => {
                self.redis.lose(self.rng.usize(..5));
                self.has_lost = true;
            }
            _ => {}
        }
    }

    fn alive(&self) -> usize {
        self.servers.iter().flatten().count()
    }

    fn play(&mut self, steps: usize, may_lose: bool) {
        for _ in 0..steps {
            let at = self.rng.usize(..self.servers.len());
            match self.rng.u8(..10) {
                0..=5 => self.turn(at),
                6..=7 => self.live(at),
                8 => {
                    let time = Duration::from_millis(self.rng.u64(..500));
                    self.wait(time);
                }
                _ if self.rng.u8(..4) == 0 => self.fail(may_lose),
                _ => {}
            }
        }
    }

    /// Nothing fails any more.
    fn settle(&mut self) {
        self.redis.is_away = false;
        self.redis.refusal = None;
        for _ in 0..4000 {
            (0..self.servers.len()).for_each(|at| self.turn(at));
            self.wait(Duration::from_millis(20));
        }
    }

    /// All servers that are there agree.
    fn check(&self) {
        let servers: Vec<&Server> = self.servers.iter().flatten().collect();
        let room = |replica: &Replica| {
            replica.members().map(|(number, member)| (number, member.nick.clone())).collect::<BTreeMap<_, _>>()
        };
        for server in &servers {
            assert!(server.link.has_joined(), "{:?}", server.link.trouble());
            assert_eq!(server.link.trouble(), None);
            assert_eq!(room(server.link.replica()), room(servers[0].link.replica()));
            assert_eq!(server.people, room(server.link.replica()), "its people know something else");
            let own = server.link.replica().members().filter(|(_, member)| member.server == server.link.server());
            let own: Vec<u64> = own.map(|(_, member)| member.ticket).collect();
            assert_eq!(sorted(&own), sorted(&server.tickets), "its own members");
            assert!(self.has_lost || server.missed == 0);
        }
        // What was read before the log lost it may come again, later.
        if self.has_lost {
            return;
        }
        for (i, one) in servers.iter().enumerate() {
            let mut once = one.said.clone();
            once.sort();
            once.dedup();
            assert_eq!(once.len(), one.said.len(), "told twice: {:?}", one.said);
            for other in &servers[i + 1..] {
                let common = |server: &Server, with: &Server| {
                    server.said.iter().filter(|text| with.said.contains(text)).cloned().collect::<Vec<_>>()
                };
                assert_eq!(common(one, other), common(other, one), "the order");
            }
        }
        for (at, (speaker, text)) in self.said.iter().enumerate() {
            for server in servers.iter().filter(|_| self.servers[*speaker].is_some()) {
                let was_there = server.joined_at.is_some_and(|joined_at| joined_at <= at);
                assert!(!was_there || server.said.contains(text), "{text} is lost");
            }
        }
    }
}

impl Server {
    fn see(&mut self, applied: Applied) {
        match applied {
            Applied::Arrived { number, .. } => {
                assert!(self.people.insert(number, format!("guest{number}")).is_none(), "{number} arrives twice");
            }
            Applied::Renamed { number, old, nick } => assert_eq!(self.people.insert(number, nick), Some(old)),
            Applied::Left { number, nick, .. } => assert_eq!(self.people.remove(&number), Some(nick)),
            Applied::Said { number, text } => {
                assert!(self.people.contains_key(&number), "{number} is not there");
                self.said.push(text);
            }
            Applied::Missed { entries, .. } => self.missed += entries,
            _ => {}
        }
    }
}

fn sorted(numbers: &[u64]) -> Vec<u64> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable();
    numbers
}

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None => 0..std::env::var("SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(60),
    }
}

fn many(may_lose: bool) {
    for seed in seeds() {
        let outcome = std::panic::catch_unwind(|| {
            let mut world = World::new(seed);
            (0..1 + seed % 3).for_each(|_| world.start());
            world.play(3000, may_lose);
            world.settle();
            world.check();
        });
        if let Err(e) = outcome {
            eprintln!("SEED={seed}");
            std::panic::resume_unwind(e);
        }
    }
}

#[test]
fn servers_agree_and_nothing_is_lost_or_told_twice_whatever_fails_but_the_log() {
    many(false);
}

#[test]
fn servers_agree_again_when_the_log_has_lost_its_end() {
    many(true);
}

#[test]
fn the_first_server_has_joined_at_once() {
    let mut world = World::new(1);
    world.start();
    let begun = world.now;
    while !world.servers[0].as_ref().expect("it is there").link.has_joined() {
        world.turn(0);
        world.wait(Duration::from_millis(1));
        assert!(world.now < begun + Duration::from_millis(50));
    }
}

#[test]
fn what_is_wrong_with_redis_is_told() {
    let answers = |answers: &[&[u8]]| {
        let mut link = Link::new(room(), ServerId(1), Instant::now());
        while let Some(way) = link.dial() {
            link.connected(way);
        }
        answers.iter().for_each(|answer| link.receive(Way::Append, answer));
        link.trouble().cloned()
    };
    let info = |version: &str| {
        let info = format!("# Server\r\nredis_version:{version}\r\n");
        format!("${}\r\n{info}\r\n", info.len()).into_bytes()
    };
    assert_eq!(answers(&[&info("7.0.15"), b"+stream\r\n"]), None);
    assert_eq!(answers(&[&info("7.0.15"), b"+hash\r\n"]), Some(Trouble::WrongType("hash".into())));
    assert_eq!(answers(&[&info("6.2.1")]), Some(Trouble::TooOld("6.2.1".into())));
    assert_eq!(answers(&[b"HTTP/1.1 400 Bad Request\r\n"]), Some(Trouble::NotRedis));
    let refusal = "NOAUTH Authentication required.";
    assert_eq!(answers(&[format!("-{refusal}\r\n").as_bytes()]), Some(Trouble::Refused(refusal.into())));
}
