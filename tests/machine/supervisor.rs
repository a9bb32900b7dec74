//! A server that is supervised as systemd does it: with sockets that are handed over, and told what it does.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Starts a server that finds this socket as its descriptor 3.
fn start_with(listener: impl Into<OwnedFd>, mode: &str, flags: &[&str]) -> (Child, Output, Output) {
    let mut command = Command::new("sh");
    command.args(["-c", r#"exec 3<&0 0</dev/null; LISTEN_FDS=1 LISTEN_PID=$$ exec "$@""#, "sh"]);
    command.args([env!("CARGO_BIN_EXE_tertulia"), "serve", "--mode", mode]).args(flags);
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("TERTULIA_")) {
        command.env_remove(name);
    }
    spawn_with(command.env("LC_ALL", "C").stdin(listener.into()))
}

fn stop(child: &mut Child) {
    let status = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(status.expect("kill runs").success());
    assert!(wait_for(child).success());
}

/// The socket by which a server tells its supervisor.
struct Ear(UnixDatagram);

impl Ear {
    fn at(path: &Path) -> Ear {
        let socket = UnixDatagram::bind(path).expect("our file");
        socket.set_read_timeout(Some(LIMIT)).expect("a timeout");
        Ear(socket)
    }

    #[track_caller]
    fn hears(&self) -> String {
        let mut text = [0; 256];
        let len = self.0.recv(&mut text).expect("the server tells");
        String::from_utf8_lossy(&text[..len]).into_owned()
    }
}

fn supervised(mode: &str, ear: &Path) -> Command {
    let mut command = tertulia();
    command.args(["serve", "127.0.0.1:0", "--mode", mode]).env("NOTIFY_SOCKET", ear);
    command
}

each_driver! {
    fn a_restart_with_a_socket_that_is_handed_over_refuses_no_connection(mode) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let addr = listener.local_addr().expect("bound");
        let copy = || listener.try_clone().expect("a descriptor");
        let (mut first, console, _) = start_with(copy(), mode, &["--max-clients", "100"]);
        console.shows(&format!("listening on {addr} ({mode}, 100 seats)"));
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let visits = |_| scope.spawn(|| {
                let mut visits = 0;
                while !is_over.load(Ordering::SeqCst) {
                    visit(addr);
                    visits += 1;
                }
                visits
            });
            let visitors: Vec<_> = (0..3).map(visits).collect();
            for _ in 0..2 {
                Client::of(TcpStream::connect(addr).expect("it listens")).greeted();
                stop(&mut first);
                let (next, console, _) = start_with(copy(), mode, &["--max-clients", "100"]);
                console.shows(&format!("listening on {addr}"));
                first = next;
                Client::of(TcpStream::connect(addr).expect("it listens")).greeted();
            }
            is_over.store(true, Ordering::SeqCst);
            for visitor in visitors {
                assert!(visitor.join().expect("nobody is refused") > 0);
            }
        });
        stop(&mut first);
        // The socket is the supervisor's, and is left as it was.
        TcpStream::connect(addr).expect("it still listens");
    }

    fn a_unix_socket_that_is_handed_over_is_served_and_its_file_stays(mode) {
        let dir = Dir::new();
        let path = dir.file("chat.sock");
        let listener = UnixListener::bind(&path).expect("our file");
        let (mut server, console, _) = start_with(listener.try_clone().expect("a descriptor"), mode, &["--listen", "127.0.0.1:0"]);
        console.shows(&format!("listening on unix:{} ({mode}", path.display()));
        let line = console.shows("listening on 127.0.0.1:");
        let addr: SocketAddr = line.split(' ').find_map(|word| word.parse().ok()).expect("an address");
        let stream = std::os::unix::net::UnixStream::connect(&path).expect("it listens");
        let mut ana = Client::of(TcpStream::from(OwnedFd::from(stream))).greeted().named("ana");
        let mut beto = Client::of(TcpStream::connect(addr).expect("it listens")).greeted().named("beto");
        ana.says("hola");
        beto.sees("<ana> hola");
        stop(&mut server);
        assert!(path.exists());
    }

    fn a_supervisor_is_told_when_the_server_is_ready_reloads_and_stops(mode) {
        let dir = Dir::new();
        let ear = Ear::at(&dir.file("notify"));
        let mut server = Server::of(supervised(mode, &dir.file("notify")));
        assert_eq!(ear.hears(), "READY=1\n");
        server.join();
        server.signal("HUP");
        let reloading = ear.hears();
        assert!(reloading.starts_with("RELOADING=1\nMONOTONIC_USEC="), "{reloading}");
        assert_eq!(ear.hears(), "READY=1\n");
        server.stop();
        assert_eq!(ear.hears(), "STOPPING=1\n");
    }

    fn a_silent_server_gives_signs_of_life_and_one_that_stands_still_none(mode) {
        let dir = Dir::new();
        let ear = Ear::at(&dir.file("notify"));
        let mut command = supervised(mode, &dir.file("notify"));
        command.env("WATCHDOG_USEC", "100000");
        let server = Server::of(command);
        assert_eq!(ear.hears(), "READY=1\n");
        for _ in 0..10 {
            assert_eq!(ear.hears(), "WATCHDOG=1\n");
        }
        server.frozen(|| {
            ear.0.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
            // What it has said before comes first.
            while ear.0.recv(&mut [0; 16]).is_ok() {}
        });
        ear.0.set_read_timeout(Some(LIMIT)).expect("a timeout");
        assert_eq!(ear.hears(), "WATCHDOG=1\n");
    }
}

/// Connects, and reads what the server says first: a greeting, or that it closes.
fn visit(addr: SocketAddr) {
    let stream = TcpStream::connect(addr).expect("the socket listens all the time");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line).expect("the server answers");
    assert!(line.starts_with("-- "), "{line:?}");
}

#[test]
fn what_is_no_listener_is_told() {
    let file = std::fs::File::open("/dev/null").expect("it is there");
    let (mut child, _, diagnostics) = start_with(file, "epoll", &[]);
    assert_eq!(wait_for(&mut child).code(), Some(1));
    assert!(diagnostics.whole().contains("LISTEN_FDS"));
}
