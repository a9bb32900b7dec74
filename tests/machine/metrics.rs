//! The figures for Prometheus: `serve --metrics`.

use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Instant;

/// A server whose figures are at this address.
fn serve(mode: &str) -> (Server, SocketAddr) {
    // Nobody says on which port the figures are.
    let free = free_a_moment_ago();
    (Server::with(mode, &["--metrics", &free.to_string()]), free)
}

fn free_a_moment_ago() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port")
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).expect("it listens");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    stream
}

/// The answer to a request that comes in these parts.
fn ask(addr: SocketAddr, parts: &[&str]) -> String {
    let mut stream = connect(addr);
    for part in parts {
        stream.write_all(part.as_bytes()).expect("it reads");
    }
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

fn figures(addr: SocketAddr) -> String {
    let answer = ask(addr, &["GET /metrics HT", "TP/1.1\r\nHost: localhost\r\n", "\r\n"]);
    let (head, body) = answer.split_once("\r\n\r\n").expect("a head and a body");
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    body.to_owned()
}

each_driver! {
    fn the_figures_are_told_from_the_servers_own_loop(mode) {
        let (mut server, addr) = serve(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("hola");
        beto.sees("<ana> hola");
        for _ in 0..3 {
            let text = figures(addr);
            for line in ["members 2", "seats 6", "lines_total 1", "deliveries_total 1", "left_total{reason=\"quit\"} 0"] {
                assert!(text.contains(&format!("\ntertulia_{line}\n")), "{line} is missing in {text}");
            }
        }
        assert!(ask(addr, &["GET /nowhere HTTP/1.1\r\n\r\n"]).starts_with("HTTP/1.1 404 "));
        assert!(ask(addr, &["hola\r\n\r\n"]).starts_with("HTTP/1.1 400 "));
        server.rests();
        if mode != "threaded" {
            assert_eq!(server.threads(), 1, "no thread is needed");
        }
        ana.says("on we go");
        beto.sees("<ana> on we go");
        assert!(server.stop().success());
    }

    fn who_asks_slowly_or_much_keeps_nobody_waiting(mode) {
        let (server, addr) = serve(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let descriptors = server.descriptors();
        let mut slow: Vec<_> = (0..30).map(|_| {
            let mut stream = connect(addr);
            stream.write_all(b"GET /metrics").expect("there is room");
            stream
        }).collect();
        // For these the oldest give way, and they for this one.
        figures(addr);
        assert!(server.descriptors() < descriptors + 12, "there are only so many");
        for n in 0..20 {
            ana.says(&format!("line {n}"));
            beto.sees(&format!("<ana> line {n}"));
        }
        let begin = Instant::now();
        for stream in &mut slow {
            // A close, or a reset if the server had not read all.
            let _ = stream.read_to_end(&mut Vec::new());
        }
        assert!(begin.elapsed() < LIMIT, "they are closed in time");
        until("their descriptors are free", || (server.descriptors() <= descriptors).then_some(()));
        let mut much = connect(addr);
        // It is closed before it has taken all.
        let _ = (0..1000).try_for_each(|_| much.write_all(&[b'x'; 1024]));
        figures(addr);
        server.rests();
    }

    #[ignore = "needs promtool"]
    fn prometheus_has_nothing_to_object_to(mode) {
        let (server, addr) = serve(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("hola");
        beto.sees("<ana> hola");
        beto.says(":q");
        ana.notice("beto (#2) is gone");
        let dir = Dir::new();
        std::fs::write(dir.file("figures"), figures(addr)).expect("our file");
        let input = std::fs::File::open(dir.file("figures")).expect("our file");
        let (mut child, out, errors) = spawn_with(std::process::Command::new("promtool").args(["check", "metrics"]).stdin(input));
        assert!(wait_for(&mut child).success(), "{}{}", out.whole(), errors.whole());
        assert_eq!(out.whole() + &errors.whole(), "");
    }
}

#[test]
fn a_port_in_use_is_told() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let addr = taken.local_addr().expect("bound").to_string();
    fails_with(tertulia().args(["serve", ":0", "--quiet", "--metrics", &addr]), &[&addr, "in use"]);
}

/// A real Prometheus, which is killed when this is dropped.
struct Prometheus {
    process: std::process::Child,
    addr: SocketAddr,
    log: Output,
}

impl Prometheus {
    /// Starts one that reads the figures at this address every second.
    fn start(dir: &Dir, figures: SocketAddr) -> Prometheus {
        let addr = free_a_moment_ago();
        let (settings, data) = (dir.file("prometheus.yml"), dir.file("data"));
        let text = format!(
            "global: {{scrape_interval: 1s}}\n\
             scrape_configs: [{{job_name: tertulia, static_configs: [{{targets: ['{figures}']}}]}}]\n"
        );
        std::fs::write(&settings, text).expect("our file");
        let mut command = std::process::Command::new("prometheus");
        command.arg(format!("--config.file={}", settings.display()));
        command.arg(format!("--storage.tsdb.path={}", data.display()));
        let (process, _, log) = spawn(command.arg(format!("--web.listen-address={addr}")));
        Prometheus { process, addr, log }
    }

    /// Waits until the newest value of a figure is this one.
    #[track_caller]
    fn comes_to_know(&self, figure: &str, value: u32) {
        let value = format!(",\"{value}\"]");
        until(&format!("{figure} is {value}; {}", self.log.text()), || {
            // It may not listen yet.
            TcpStream::connect(self.addr).ok()?;
            let answer = ask(self.addr, &[&format!("GET /api/v1/query?query={figure} HTTP/1.0\r\n\r\n")]);
            answer.contains(&value).then_some(())
        });
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

// What it reads is the same in each mode: see above.
#[test]
#[ignore = "needs prometheus"]
fn prometheus_reads_the_figures_again_and_again() {
    let dir = Dir::new();
    let (server, addr) = serve("epoll");
    let prometheus = Prometheus::start(&dir, addr);
    let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
    prometheus.comes_to_know("tertulia_members", 2);
    ana.says("hola");
    beto.sees("<ana> hola");
    prometheus.comes_to_know("tertulia_lines_total", 1);
    beto.says(":q");
    ana.notice("beto (#2) is gone");
    prometheus.comes_to_know("tertulia_members", 1);
    prometheus.comes_to_know("up", 1);
}
