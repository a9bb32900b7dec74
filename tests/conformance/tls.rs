//! Encrypted connections: over each driver, a conversation is the same as in plain text.

use crate::common::process::Dir;
use crate::common::tls::{TlsClient, connection, make_certificate, renewed};
use crate::common::*;
use crate::each_driver;
use std::io::Write;
use std::os::unix::net::UnixStream;

/// A server with a certificate of its own.
fn encrypted(mode: &str, dir: &Dir, flags: &[&str]) -> Server {
    let path = dir.file("tls.pem");
    make_certificate(&path);
    let path = path.to_str().expect("UTF-8");
    Server::with(mode, &[&["-vv", "--tls-cert", path], flags].concat())
}

const SPEAK_TLS: &str = "-- this server speaks TLS only";

each_driver! {
    fn members_talk_and_leave(mode) {
        let dir = Dir::new();
        let mut server = encrypted(mode, &dir, &[]);
        let mut ana = TlsClient::join(&server, "ana");
        let mut beto = TlsClient::join(&server, "beto");
        ana.reads("-- beto (#2) is here");
        ana.says("hola");
        beto.reads("<ana> hola");
        // In one record, and in many.
        beto.sends(b"uno\ndos\n");
        "tres\n".bytes().for_each(|byte| beto.sends(&[byte]));
        for line in ["<beto> uno", "<beto> dos", "<beto> tres"] {
            assert_eq!(ana.line().as_deref(), Some(line));
        }
        ana.says(":q");
        ana.reads("-- goodbye");
        ana.is_closed();
        beto.reads("-- ana (#1) is gone: left");
        // The end of the stream leaves too, and its last line needs no LF.
        let mut carla = TlsClient::join(&server, "carla");
        carla.sends(b"one more");
        carla.stream.get_mut().conn.send_close_notify();
        carla.stream.get_mut().flush().expect("the server reads");
        carla.reads("-- goodbye");
        beto.reads("<carla> one more");
        beto.reads("-- carla (#3) is gone: hung up");
        // Without that, half a line is not said.
        let mut eva = TlsClient::join(&server, "eva");
        eva.sends(b"half a li");
        drop(eva);
        beto.reads("-- eva (#4) is here");
        assert_eq!(beto.line().as_deref(), Some("-- eva (#4) is gone: connection lost"));
        assert!(server.stop().success());
        beto.reads("-- the server closes; goodbye");
        beto.is_closed();
    }

    fn strangers_are_told_and_nobody_learns_of_them(mode) {
        let dir = Dir::new();
        let server = encrypted(mode, &dir, &[]);
        let mut ana = TlsClient::join(&server, "ana");
        let mut plain = server.connect();
        plain.says("hola");
        plain.notice(SPEAK_TLS.trim_start_matches("-- "));
        plain.is_closed();
        let mut garbage = server.connect();
        garbage.sends(b"\x16\x03\x01\x00\x05hello");
        server.console.shows("turned away: no TLS handshake");
        let mut beto = TlsClient::join(&server, "beto");
        assert_eq!(ana.line().as_deref(), Some("-- beto (#2) is here"));
        beto.says("hola");
        ana.reads("<beto> hola");
    }

    fn handshakes_that_stand_still_take_no_seats_and_keep_nobody_waiting(mode) {
        let dir = Dir::new();
        let server = encrypted(mode, &dir, &["--max-clients", "2"]);
        let mut ana = TlsClient::join(&server, "ana");
        let mut hello = Vec::new();
        connection().write_tls(&mut hello).expect("a vector");
        let stuck: Vec<Client> = (0..20).map(|i| {
            let mut client = server.connect();
            client.sends(&hello[..hello.len() * i / 20]);
            client
        }).collect();
        let mut beto = TlsClient::join(&server, "beto");
        beto.says("hola");
        ana.reads("<beto> hola");
        let mut carla = TlsClient::connect(&server);
        carla.says("hola");
        carla.reads("-- the room is full");
        carla.is_closed();
        drop(stuck);
    }

    fn a_flood_reaches_a_slow_reader_whole(mode) {
        const LINES: usize = 20_000;
        let dir = Dir::new();
        let server = encrypted(mode, &dir, &[]);
        let (mut ana, mut beto) = (TlsClient::join(&server, "ana"), TlsClient::join(&server, "beto"));
        let rest = "x".repeat(300);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for i in 0..LINES {
                    ana.says(&format!("{i} {rest}"));
                }
            });
            for i in 0..LINES {
                beto.reads(&format!("<ana> {i} "));
            }
        });
    }

    fn a_new_certificate_is_read_while_the_server_runs(mode) {
        let dir = Dir::new();
        let server = encrypted(mode, &dir, &["--max-clients", "100"]);
        let mut ana = TlsClient::join(&server, "ana");
        let old = ana.certificate();
        make_certificate(&dir.file("tls.pem"));
        server.signal("HUP");
        let mut beto = renewed(&server, &old);
        beto.says("hola");
        ana.reads("<new> hola");
        // One that is none changes nothing.
        std::fs::write(dir.file("tls.pem"), "nothing").expect("a temporary file");
        server.signal("HUP");
        server.diagnostics.shows("the old certificate stays in use: there is no certificate in");
        let carla = TlsClient::join(&server, "carla");
        assert_eq!(carla.certificate(), beto.certificate());
    }

    fn a_unix_socket_stays_plain(mode) {
        let dir = Dir::new();
        let path = dir.file("chat.sock");
        let unix = format!("unix:{}", path.display());
        let server = encrypted(mode, &dir, &["--listen", &unix]);
        server.console.shows("chat.sock");
        let socket = std::os::fd::OwnedFd::from(UnixStream::connect(&path).expect("the server accepts"));
        let mut ana = Client::of(socket.into()).greeted();
        let mut beto = TlsClient::join(&server, "beto");
        beto.says("hola");
        ana.sees("<beto> hola");
        ana.says("hi");
        beto.reads("<guest1> hi");
    }
}
