//! Servers that listen at several addresses, and on Unix sockets.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::fs;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// `serve` on this Unix socket alone.
fn serve_at(mode: &str, path: &Path, flags: &[&str]) -> std::process::Command {
    let mut command = tertulia();
    command.args(["serve", &unix(path), "--mode", mode]).args(flags);
    command
}

fn unix(path: &Path) -> String {
    format!("unix:{}", path.display())
}

/// A connection from which nothing has been read.
fn connect(path: &Path) -> Client {
    Client::of(TcpStream::from(OwnedFd::from(UnixStream::connect(path).expect("the server listens"))))
}

/// This process's user, as the server writes it.
fn uid() -> String {
    format!("uid:{}", rustix::process::getuid().as_raw())
}

each_driver! {
    fn whoever_comes_by_whatever_socket_is_in_one_room(mode) {
        let dir = Dir::new();
        let path = dir.file("chat.sock");
        let mut server = Server::with(mode, &["--listen", &unix(&path), "--listen", "127.0.0.2:0"]);
        server.console.shows(&format!("listening on {} ({mode}, 6 seats)", unix(&path)));
        let line = server.console.shows("listening on 127.0.0.2:");
        let second = line.split(' ').find_map(|word| word.parse::<std::net::SocketAddr>().ok()).expect("an address");
        let mode_of_file = fs::metadata(&path).expect("it is there").permissions().mode();
        assert_eq!(mode_of_file & 0o777, 0o660);

        let mut ana = server.join_as("ana");
        let mut beto = connect(&path).greeted().named("beto");
        let mut cleo = Client::of(TcpStream::connect(second).expect("it listens")).greeted().named("cleo");
        server.console.shows(&format!("#2 guest2 arrived from {} (2 of 6 seats)", uid()));
        ana.says("hola");
        beto.sees("<ana> hola");
        cleo.sees("<ana> hola");
        beto.says("buenas");
        ana.sees("<beto> buenas");
        cleo.sees("<beto> buenas");
        // More than a socket's buffer holds.
        let long = "x".repeat(1000);
        for _ in 0..1000 {
            ana.says(&long);
        }
        for _ in 0..1000 {
            beto.sees(&format!("<ana> {long}"));
            cleo.sees(&format!("<ana> {long}"));
        }
        for n in 0..10 {
            let mut guest = connect(&path).greeted();
            guest.says(&format!("I am {n}"));
            guest.says(":q");
            guest.is_closed();
            ana.sees(&format!("<guest{}> I am {n}", n + 4));
        }
        server.rests();
        assert!(server.stop().success());
        assert!(beto.rest().concat().ends_with("-- the server closes; goodbye"));
        assert!(!path.exists(), "the server takes its file with it");
        assert!(UnixStream::connect(&path).is_err() && TcpStream::connect(second).is_err());
    }

    fn a_reset_and_half_a_line_are_on_a_unix_socket_what_they_are_on_tcp(mode) {
        let dir = Dir::new();
        let path = dir.file("chat.sock");
        let server = Server::with(mode, &["--listen", &unix(&path)]);
        let mut ana = server.join_as("ana");
        let mut beto = connect(&path).greeted().named("beto");
        beto.sends(b"hola\nwithout an end");
        beto.hangs_up();
        ana.sees("<beto> hola");
        ana.sees("<beto> without an end");
        ana.notice("beto (#2) is gone");
        let gone = connect(&path).greeted();
        drop(gone);
        ana.notice("(#3) ");
        ana.says("still here?");
        server.rests();
    }

    fn a_dead_servers_socket_is_replaced_and_a_live_ones_is_not(mode) {
        let dir = Dir::new();
        let path = dir.file("chat.sock");
        let (mut first, console, _) = spawn(&mut serve_at(mode, &path, &[]));
        console.shows(&unix(&path));
        fails_with(&mut serve_at(mode, &path, &[]), &[&unix(&path), "in use", "another path"]);
        connect(&path).greeted();
        first.kill().expect("it runs");
        first.wait().expect("it ends");
        assert!(fs::symlink_metadata(&path).expect("it is left").file_type().is_socket());
        // The kernel takes back a ring, and the listener that it accepts from, a moment after its process is gone.
        let (mut second, console, _) = spawn(&mut serve_at(mode, &path, &[]));
        console.shows(&unix(&path));
        connect(&path).greeted();
        second.kill().expect("it runs");
        second.wait().expect("it ends");
    }

    fn clients_of_a_unix_socket_are_counted_and_banned_by_user(mode) {
        let dir = Dir::new();
        let (path, bans) = (dir.file("chat.sock"), dir.file("bans.txt"));
        let secret = dir.file("op.txt");
        fs::write(&secret, "sesamo\n").expect("our file");
        let flags = ["--listen", &unix(&path), "--max-per-address", "2", "--bans", bans.to_str().expect("a path"),
            "--operator-password-file", secret.to_str().expect("a path")];
        let server = Server::with(mode, &flags);
        let mut boss = server.join_as("boss");
        boss.says(":op sesamo");
        boss.notice("in charge");
        let (mut ana, mut beto) = (connect(&path).greeted(), connect(&path).greeted());
        assert!(connect(&path).rest().concat().contains("address"), "a third of this user is turned away");
        server.join_as("cleo");
        boss.says(&format!(":ban {}", uid()));
        for member in [&mut ana, &mut beto] {
            member.notice("banned");
            member.is_closed();
        }
        assert!(connect(&path).rest().concat().contains("banned"));
        until("the ban is in the file", || fs::read_to_string(&bans).is_ok_and(|text| text == format!("{}\n", uid())).then_some(()));
        boss.says(&format!(":unban {}", uid()));
        boss.notice("let in again");
        connect(&path).greeted();
    }
}

#[cfg(feature = "join")]
#[test]
fn join_finds_a_unix_socket_and_says_when_nobody_is_there() {
    use std::io::Write;
    let dir = Dir::new();
    let path = dir.file("chat.sock");
    fails_with(tertulia().args(["join", &unix(&path)]), &[&unix(&path), "no such file"]);
    let server = Server::with("epoll", &["--listen", &unix(&path)]);
    let mut ana = server.join_as("ana");
    let mut join = tertulia();
    join.args(["join", &unix(&path), "--nick", "beto"]);
    let mut join =
        join.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::null()).spawn().expect("it starts");
    join.stdin.take().expect("piped").write_all(b"hola\n:q\n").expect("it reads");
    ana.sees("<beto> hola");
    assert!(wait_for(&mut join).success());
}
