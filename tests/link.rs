//! One room on several servers: the real program, a real Redis, and what happens when one of them fails.
//!
//! All tests need `redis-server`. `cargo test --test link -- --ignored` runs them.
#![cfg(feature = "link")]

mod common;
#[path = "common/redis.rs"]
mod redis;

use common::process::Dir;
use common::{Client, Server, tertulia, until};
use redis::Redis;
use std::net::{Ipv4Addr, TcpListener};
use std::process::Command;

/// Rooms in a Redis.
trait Rooms {
    fn command(&self, words: &[&str]) -> String;
    fn room(&self) -> String;
    fn server(&self, mode: &str) -> Server;
    fn three_servers(&self) -> [Server; 3];
}

impl Rooms for Redis {
    fn command(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli").args(["-p", &self.port.to_string()]).args(words).output();
        String::from_utf8_lossy(&output.expect("redis-cli").stdout).into_owned()
    }

    fn room(&self) -> String {
        format!("redis://127.0.0.1:{}/sala", self.port)
    }

    fn server(&self, mode: &str) -> Server {
        Server::with(mode, &["--room", &self.room()])
    }

    /// Three servers with different modes, of those that this machine has.
    fn three_servers(&self) -> [Server; 3] {
        let works = |mode: &&str| tertulia::server::DRIVERS.iter().any(|it| it.name == *mode && it.check().is_ok());
        let modes: Vec<_> = ["epoll", "threaded", "uring", "async", "poll"].into_iter().filter(works).collect();
        [0, 1, 2].map(|at| self.server(modes[at % modes.len()]))
    }
}

const KEEPS_ALL: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

/// A member on each server. All know all.
fn a_member_each(servers: &[Server; 3]) -> [Client; 3] {
    let mut ana = servers[0].join_as("ana");
    let mut beto = servers[1].join_as("beto");
    ana.notice("is now beto ");
    let cleo = servers[2].join_as("cleo");
    ana.notice("is now cleo ");
    beto.notice("is now cleo ");
    [ana, beto, cleo]
}

#[test]
#[ignore = "needs redis-server"]
fn members_of_several_servers_are_in_one_room() {
    let redis = Redis::start(&[]);
    let servers = redis.three_servers();
    let [mut ana, mut beto, mut cleo] = a_member_each(&servers);
    cleo.says(":who");
    cleo.reads("-- 3 here: ana (#1), beto (#2), cleo (#3)");
    ana.says("hola");
    beto.sees("<ana> hola");
    cleo.sees("<ana> hola");
    beto.says(":me waves");
    ana.sees("* beto waves");
    cleo.sees("* beto waves");
    cleo.says(":msg ana psst");
    ana.reads("[cleo -> you] psst");
    beto.says(":nick Ana");
    beto.reads("-- Ana is taken, or looks like a name that is; take another one");
    cleo.says(":q");
    cleo.notice("goodbye");
    cleo.is_closed();
    ana.notice("cleo (#3) is gone: left");
    beto.notice("cleo (#3) is gone: left");
    // Nobody gets a line twice, or its own.
    ana.says("the end");
    beto.reads("<ana> the end");
    for server in &servers {
        server.console.shows("<ana> the end");
    }
}

#[test]
#[ignore = "needs redis-server"]
fn the_members_of_a_server_that_is_killed_are_gone_soon_and_the_others_talk_on() {
    let redis = Redis::start(&[]);
    let mut servers = redis.three_servers();
    let [mut ana, mut beto, _cleo] = a_member_each(&servers);
    servers[2].child.kill().expect("our child");
    ana.says("are you there?");
    beto.sees("<ana> are you there?");
    ana.notice("cleo (#3) is gone: its server is gone");
    beto.notice("cleo (#3) is gone: its server is gone");
    let mut cleo = servers[0].join_as("cleo");
    cleo.says("I came back at another one");
    beto.sees("<cleo> I came back at another one");
}

#[test]
#[ignore = "needs redis-server"]
fn the_room_waits_for_redis_and_nothing_is_lost_or_said_twice() {
    let mut redis = Redis::start(KEEPS_ALL);
    let servers = redis.three_servers();
    let [mut ana, mut beto, mut cleo] = a_member_each(&servers);
    for round in 0..3 {
        ana.says(&format!("before {round}"));
        redis.kill();
        for client in [&mut ana, &mut beto, &mut cleo] {
            client.notice("the room waits for its log");
        }
        servers[0].diagnostics.shows("the room waits for its log: nobody answers there");
        ana.says(&format!("meanwhile {round}"));
        redis.run();
        for client in [&mut ana, &mut beto, &mut cleo] {
            client.notice("the room goes on");
        }
        ana.says(&format!("after {round}"));
        for client in [&mut beto, &mut cleo] {
            for when in ["before", "meanwhile", "after"] {
                client.sees(&format!("<ana> {when} {round}"));
            }
        }
    }
}

#[test]
#[ignore = "needs redis-server"]
fn a_server_that_was_stopped_for_long_comes_back_with_its_members() {
    let redis = Redis::start(&[]);
    let servers = redis.three_servers();
    let [mut ana, mut beto, mut cleo] = a_member_each(&servers);
    servers[2].frozen(|| {
        ana.notice("cleo (#3) is gone: its server is gone");
        ana.says("cleo does not hear this at once");
    });
    ana.notice("cleo (#4) is here");
    beto.notice("cleo (#4) is here");
    cleo.says("I am here");
    ana.sees("<cleo> I am here");
    beto.sees("<ana> cleo does not hear this at once");
    beto.sees("<cleo> I am here");
}

#[test]
#[ignore = "needs redis-server"]
fn orders_reach_members_of_other_servers() {
    let redis = Redis::start(&[]);
    let dir = Dir::new();
    let password = dir.file("password");
    std::fs::write(&password, "sésamo\n").expect("a file");
    let with = |mode| {
        let password = password.display().to_string();
        Server::with(mode, &["--room", &redis.room(), "--operator-password-file", &password])
    };
    let (first, second) = (with("epoll"), with("threaded"));
    let mut ana = first.join_as("ana");
    let mut beto = second.join_as("beto");
    ana.notice("is now beto ");
    ana.says(":op sésamo");
    ana.notice("in charge");
    beto.notice("in charge");
    ana.says(":mute beto 5");
    beto.notice("nobody gets what you write");
    ana.says(":unmute beto");
    beto.notice("again");
    ana.says(":say the room closes at noon");
    beto.notice("the room closes at noon");
    ana.says(":kick beto it is late");
    beto.notice("shown out: it is late");
    beto.is_closed();
    ana.notice("beto (#2) is gone: shown out: it is late");
}

#[test]
#[ignore = "needs redis-server"]
fn what_cannot_be_used_is_told_at_start() {
    let redis = Redis::start(&["--requirepass", "secreto"]);
    let fails = |room: &str, why: &str| {
        let mut command = tertulia();
        let output = command.args(["serve", ":0", "--room", room]).output().expect("it runs");
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), told.lines().count()), (Some(1), 1), "{room}: {told}");
        assert!(told.contains(why), "{room}: {told}");
        assert!(!told.contains("wrong"), "no password is told: {told}");
    };
    let at = |user: &str, name: &str| format!("redis://{user}127.0.0.1:{}/{name}", redis.port);
    fails(&at("", "sala"), "NOAUTH");
    fails(&at(":wrong@", "sala"), "WRONGPASS");
    redis.command(&["-a", "secreto", "SADD", "set", "ana"]);
    fails(&at(":secreto@", "set"), "holds a set");
    redis.command(&["-a", "secreto", "XADD", "foreign", "*", "temperature", "17"]);
    fails(&at(":secreto@", "foreign"), "written by another program");
    let chat = Server::start("epoll");
    fails(&format!("redis://{}/sala", chat.addr), "is not Redis");
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("an address");
    fails(&format!("redis://{nobody}/sala"), "nobody answers there");
}

#[test]
#[ignore = "needs redis-server"]
fn a_newcomer_gets_the_last_lines_of_the_log_also_after_all_servers_have_ended() {
    let redis = Redis::start(&[]);
    let lines = |server: &Server| {
        let mut newcomer = server.connect();
        newcomer.lines_to("-- :nick NAME takes a name, :help tells the rest, :q leaves");
        let told = |line: String| line.split_once("<ana> ").expect("a message").1.to_owned();
        [(); 4].map(|()| told(newcomer.line().expect("a line"))).to_vec()
    };
    let expected: Vec<String> = (6..=9).map(|number| format!("hola {number}")).collect();
    let mut server = Server::with("epoll", &["--room", &redis.room(), "--replay", "4"]);
    let other = redis.server("threaded");
    let mut beto = other.join_as("beto");
    let mut ana = server.join_as("ana");
    (0..10).for_each(|number| ana.says(&format!("hola {number}")));
    beto.lines_to("<ana> hola 9");
    server.console.shows("<ana> hola 9");
    assert_eq!(lines(&server), expected);
    assert!(server.stop().success());
    beto.notice("ana (#2) is gone: the server closes");
    drop(other);
    let server = Server::with("epoll", &["--room", &redis.room(), "--replay", "4"]);
    assert_eq!(lines(&server), expected);
}

#[test]
#[ignore = "needs redis-server"]
fn servers_agree_again_after_redis_has_lost_everything() {
    let mut redis = Redis::start(&[]);
    let servers = redis.three_servers();
    let [mut ana, mut beto, mut cleo] = a_member_each(&servers);
    redis.kill();
    redis.run();
    // Those that are there again may have other numbers.
    for client in [&mut ana, &mut beto, &mut cleo] {
        until("all three are in one room", || {
            client.says(":who");
            let names = client.notice(" here: ");
            let is_whole =
                names.starts_with("-- 3 ") && ["ana", "beto", "cleo"].iter().all(|nick| names.contains(nick));
            is_whole.then_some(())
        });
    }
    ana.says("still here");
    beto.sees("<ana> still here");
    cleo.sees("<ana> still here");
}

#[test]
#[ignore = "needs redis-server"]
fn a_redis_that_refuses_or_pauses_only_delays_what_is_said() {
    let redis = Redis::start(KEEPS_ALL);
    let servers = redis.three_servers();
    let [mut ana, mut beto, mut cleo] = a_member_each(&servers);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    ana.says("is there room?");
    servers[0].diagnostics.shows("Redis answers \"OOM");
    ana.notice("the room waits for its log");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    beto.sees("<ana> is there room?");
    cleo.sees("<ana> is there room?");

    redis.command(&["CLIENT", "PAUSE", "7000", "ALL"]);
    ana.says("is anybody awake?");
    beto.sees("<ana> is anybody awake?");
    cleo.sees("<ana> is anybody awake?");
    cleo.says("I am");
    ana.sees("<cleo> I am");
    beto.sees("<cleo> I am");
}
