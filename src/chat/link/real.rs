//! The same with a real Redis: it understands the commands, and loses nothing that it has promised to keep.

#[path = "../../../tests/common/redis.rs"]
mod redis_server;

use super::Link;
use super::connection::Way;
use super::entry::{Event, ServerId};
use super::replica::Applied;
use super::room::{Room, Trouble};
use redis_server::Redis;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

const LIMIT: Duration = Duration::from_secs(60);

/// A server with nothing but its link.
struct Server {
    link: Link,
    sockets: [Option<TcpStream>; 2],
    said: Vec<String>,
}

impl Server {
    fn new(id: u64, password: Option<&str>) -> Server {
        let password = password.map(str::to_owned);
        let room = Room { key: "room".into(), database: 1, user: None, password, kept: 10_000 };
        Server { link: Link::new(room, ServerId(id), Instant::now()), sockets: [None, None], said: Vec::new() }
    }

    fn turn(&mut self, port: u16) {
        self.link.tick(Instant::now());
        while let Some(way) = self.link.dial() {
            match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                Ok(socket) => {
                    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a timeout");
                    self.sockets[way as usize] = Some(socket);
                    self.link.connected(way);
                }
                Err(_) => self.link.lost(way),
            }
        }
        for way in Way::BOTH {
            let Some(socket) = &mut self.sockets[way as usize] else { continue };
            let mut buffer = [0; 4096];
            let is_there = match socket.read(&mut buffer) {
                Ok(0) => false,
                Ok(len) => {
                    self.link.receive(way, &buffer[..len]);
                    true
                }
                Err(e) => matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
            };
            if !is_there || self.link.has_failed(way) {
                self.sockets[way as usize] = None;
                self.link.lost(way);
            }
        }
        self.link.end_turn();
        for way in Way::BOTH {
            let output = self.link.output(way);
            if let Some(socket) = &mut self.sockets[way as usize]
                && socket.write_all(&output).is_err()
            {
                self.sockets[way as usize] = None;
                self.link.lost(way);
            }
        }
        while let Some(applied) = self.link.next_applied() {
            if let Applied::Said { text, .. } = applied {
                self.said.push(text);
            }
        }
    }
}

/// Takes turns until something is so.
fn until(redis: &Redis, servers: &mut [Server], what: &str, is_so: impl Fn(&[Server]) -> bool) {
    let begun = Instant::now();
    while !is_so(servers) {
        servers.iter_mut().for_each(|server| server.turn(redis.port));
        assert!(
            begun.elapsed() < LIMIT,
            "{what}: {:?}",
            servers.iter().map(|it| it.link.trouble()).collect::<Vec<_>>()
        );
    }
}

#[test]
#[ignore = "needs redis-server"]
fn two_servers_talk_and_nothing_is_lost_when_redis_is_killed() {
    let mut redis = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut servers = [Server::new(1, None), Server::new(2, None)];
    until(&redis, &mut servers, "they join", |servers| servers.iter().all(|server| server.link.has_joined()));
    servers.iter_mut().for_each(|server| server.link.append(&Event::Arrived { ticket: 1 }));
    let mut said = 0;
    for round in 0..6 {
        for _ in 0..50 {
            let text = format!("text {said}");
            servers[said % 2].link.append(&Event::Said { ticket: 1, nick: "ana", text: &text });
            servers.iter_mut().for_each(|server| server.turn(redis.port));
            said += 1;
            if round % 2 == 1 && said % 50 == 25 {
                redis.kill();
            }
        }
        redis.run();
    }
    until(&redis, &mut servers, "all is told", |servers| servers.iter().all(|server| server.said.len() >= said));
    assert_eq!(servers[0].said, servers[1].said, "one order");
    let mut once = servers[0].said.clone();
    once.sort();
    once.dedup();
    assert_eq!((once.len(), servers[0].said.len()), (said, said), "each once");
}

#[test]
#[ignore = "needs redis-server"]
fn a_password_is_needed_and_a_key_of_another_type_is_told() {
    let redis = Redis::start(&["--requirepass", "secreto"]);
    let mut servers = [Server::new(1, Some("otro"))];
    let refused = |servers: &[Server]| matches!(servers[0].link.trouble(), Some(Trouble::Refused(text)) if text.starts_with("WRONGPASS"));
    until(&redis, &mut servers, "a wrong password", refused);
    let mut servers = [Server::new(1, Some("secreto"))];
    until(&redis, &mut servers, "the right one", |servers| servers[0].link.has_joined());

    let mut socket = TcpStream::connect((Ipv4Addr::LOCALHOST, redis.port)).expect("redis");
    socket.write_all(b"AUTH secreto\r\nSELECT 1\r\nDEL room\r\nSADD room ana\r\n").expect("redis");
    let mut servers = [Server::new(2, Some("secreto"))];
    let is_wrong = |servers: &[Server]| {
        let trouble = servers[0].link.trouble();
        matches!(trouble, Some(Trouble::WrongType(kind)) if kind == "set")
            || matches!(trouble, Some(Trouble::Refused(text)) if text.starts_with("WRONGTYPE"))
    };
    until(&redis, &mut servers, "a set under the key", is_wrong);
}
