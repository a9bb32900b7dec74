//! Common programs as clients: what they really send, and what they show of what they get.

mod common;

use common::process::{Dir, run};
use common::*;
use std::ffi::OsStr;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};

/// A program to which the test types. Killed when dropped.
struct Program {
    child: Child,
    stdin: Option<ChildStdin>,
    screen: Output,
}

impl Program {
    #[track_caller]
    fn start(name: &str, args: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Program {
        let mut command = Command::new(name);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut child = command.spawn().unwrap_or_else(|e| panic!("{name}: {e}"));
        let screen = Output::of(child.stdout.take().expect("piped"));
        Program { stdin: child.stdin.take(), child, screen }
    }

    /// `nc`, `ncat` or `telnet`: all take flags, host and port.
    #[track_caller]
    fn at(name: &str, flags: &[&str], addr: SocketAddr) -> Program {
        let (host, port) = (addr.ip().to_string(), addr.port().to_string());
        Program::start(name, flags.iter().copied().chain([host.as_str(), port.as_str()]))
    }

    /// The same as [`Program::at`], and waits for the greeting.
    #[track_caller]
    fn greeted(name: &str, flags: &[&str], server: &Server) -> Program {
        let program = Program::at(name, flags, server.addr);
        program.screen.shows(":q leaves");
        program
    }

    /// `telnet` on a terminal, as a user has it; `script` makes the terminal.
    #[track_caller]
    fn telnet_on_a_terminal(addr: SocketAddr) -> Program {
        let telnet = format!("telnet {} {}", addr.ip(), addr.port());
        Program::start("script", ["-q", "-f", "-c", &telnet, "/dev/null"])
    }

    #[track_caller]
    fn types(&mut self, text: &str) {
        let stdin = self.stdin.as_mut().expect("its input has not ended");
        stdin.write_all(text.as_bytes()).and_then(|()| stdin.flush()).expect("the program reads");
    }

    fn ends_its_input(&mut self) {
        self.stdin = None;
    }

    #[track_caller]
    fn ends(&mut self) -> ExitStatus {
        wait_for(&mut self.child)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the program's screen\n{}", self.screen.text());
        }
    }
}

/// Lines are sent and received, and `:q` is answered.
#[track_caller]
fn talks(name: &str, flags: &[&str], mode: &str) {
    let server = Server::start(mode);
    let mut ana = server.join_as("ana");
    let mut program = Program::greeted(name, flags, &server);
    ana.notice("guest2 (#2) is here");
    program.types(":nick beto\n");
    ana.notice("guest2 is now beto (#2)");
    program.types("hola, ana\n");
    ana.reads("<beto> hola, ana");
    program.types("año ñandú €\n");
    ana.reads("<beto> año ñandú €");
    ana.says("¿qué tal?");
    assert_eq!(program.screen.shows("qué tal"), "<ana> ¿qué tal?");
    program.types("two\nlines\n");
    ana.reads("<beto> two");
    ana.reads("<beto> lines");
    program.types(":q\n");
    ana.reads("-- beto (#2) is gone: left");
    program.screen.shows("-- goodbye");
    program.ends_its_input();
    assert!(program.ends().success());
    let screen = program.screen.whole();
    assert!(!screen.contains("hola, ana") && !screen.contains("two"), "nobody gets their own lines: {screen}");
}

/// A program whose input ends shuts down its write side, and still gets what is said.
#[track_caller]
fn half_closes(name: &str, flags: &[&str], mode: &str) {
    let server = Server::start(mode);
    let mut ana = server.join_as("ana");
    let mut program = Program::at(name, flags, server.addr);
    program.types("one\ntwo\nand no end");
    program.ends_its_input();
    ana.sees("<guest2> one");
    ana.sees("<guest2> two");
    ana.reads("<guest2> and no end");
    ana.reads("-- guest2 (#2) is gone: hung up");
    assert!(program.ends().success());
    let screen = program.screen.whole();
    assert!(screen.starts_with("-- welcome to tertulia: you are guest2 (#2)\n"), "{screen}");
    assert!(screen.ends_with("-- goodbye\n"), "{screen}");
    server.console.shows("#2 guest2 is gone: hung up (1 of 6 seats)");
}

#[track_caller]
fn two_talk(name: &str, flags: &[&str], mode: &str) {
    let server = Server::start(mode);
    let mut ana = Program::greeted(name, flags, &server);
    let mut beto = Program::greeted(name, flags, &server);
    ana.screen.shows("guest2 (#2) is here");
    ana.types(":nick ana\n");
    beto.screen.shows("-- guest1 is now ana (#1)");
    for round in 0..20 {
        ana.types(&format!("question {round}\n"));
        assert_eq!(beto.screen.shows(&format!("question {round}")), format!("<ana> question {round}"));
        beto.types(&format!("answer {round}\n"));
        assert_eq!(ana.screen.shows(&format!("answer {round}")), format!("<guest2> answer {round}"));
    }
    let talk = ana.screen.text();
    assert_eq!(talk.matches("<guest2> ").count(), 20, "{talk}");
}

/// A program that speaks another protocol comes to the room and is turned away. Nobody reads a word of what it says, nor learns
/// that it was there.
#[track_caller]
fn nobody_learns_of_it(protocol: &str, mode: &str, speaks: impl Fn(SocketAddr)) {
    // On a busy machine it may begin so late that the server takes it for a silent person.
    assert!((0..5).any(|_| nothing_is_said(protocol, mode, &speaks)), "it was announced each time");
}

/// Returns whether nobody learned that the program was there.
#[track_caller]
fn nothing_is_said(protocol: &str, mode: &str, speaks: impl Fn(SocketAddr)) -> bool {
    let mut server = Server::start(mode);
    let mut ana = server.join_as("ana");
    speaks(server.addr);
    let why = format!("this is a chat, and it speaks {protocol}");
    server.console.shows(&why);
    let mut beto = server.join();
    beto.says("is that all?");
    let read = ana.lines_to(&format!("<{}> is that all?", beto.nick));
    let tells =
        |line: &String| line.starts_with("-- guest") && [" is here", &why].iter().any(|end| line.ends_with(end));
    assert!(read.iter().all(tells), "{read:?}");
    assert!(server.stop().success());
    let console = server.console.whole();
    assert_eq!(console.matches("> ").count(), 1, "only one has spoken: {console}");
    read.len() == 1
}

/// What `telnet` sends when its user types "hola" and presses Ctrl-C, read by a server that is no chat.
#[track_caller]
fn telnets_own_words() -> Vec<u8> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let mut telnet = Program::telnet_on_a_terminal(listener.local_addr().expect("bound"));
    let (mut stream, _) = listener.accept().expect("telnet connects");
    stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
    telnet.screen.shows("Escape character");
    telnet.types("hola\n");
    let mut line = [0; 6];
    stream.read_exact(&mut line).expect("a line");
    assert_eq!(&line, b"hola\r\n");
    telnet.types("\x03");
    let mut words = [0; 2];
    stream.read_exact(&mut words).expect("an interrupt");
    words.to_vec()
}

/// A client with the wire behaviour of the 2018 one: it never reads, and a message is what one write takes. It leaves
/// with `:q` and does not wait for an answer.
const CLIENT_OF_2018: &str = r#"
import socket, sys

client = socket.socket()
client.connect(("127.0.0.1", int(sys.argv[1])))
for line in sys.stdin:
    message = line.rstrip("\n")
    client.send(message.encode())
    if message == ":q":
        break
client.shutdown(socket.SHUT_RDWR)
client.close()
"#;

each_driver! {
    #[ignore = "needs nc"]
    fn nc_talks(mode) {
        talks("nc", &[], mode);
    }

    #[ignore = "needs nc"]
    fn nc_that_half_closes_delivers_its_lines_and_leaves(mode) {
        half_closes("nc", &["-N"], mode);
    }

    #[ignore = "needs nc"]
    fn two_nc_talk_to_each_other(mode) {
        two_talk("nc", &[], mode);
    }

    #[ignore = "needs nc"]
    fn nc_is_told_that_the_server_closes(mode) {
        let mut server = Server::start(mode);
        let mut nc = Program::greeted("nc", &[], &server);
        assert!(server.stop().success());
        nc.screen.shows("-- the server closes; goodbye");
        nc.ends_its_input();
        assert!(nc.ends().success());
    }

    #[ignore = "needs ncat"]
    fn ncat_talks(mode) {
        talks("ncat", &[], mode);
    }

    #[ignore = "needs ncat"]
    fn ncat_with_crlf_talks(mode) {
        talks("ncat", &["-C"], mode);
    }

    #[ignore = "needs ncat"]
    fn ncat_delivers_its_lines_and_leaves(mode) {
        half_closes("ncat", &[], mode);
        half_closes("ncat", &["-C"], mode);
    }

    #[ignore = "needs ncat"]
    fn two_ncat_talk_to_each_other(mode) {
        two_talk("ncat", &["-C"], mode);
    }

    #[ignore = "needs telnet"]
    fn telnet_in_a_pipe_talks(mode) {
        talks("telnet", &[], mode);
    }

    #[ignore = "needs telnet and script"]
    fn telnet_on_a_terminal_talks_and_what_is_telnets_own_is_seen_nowhere(mode) {
        assert_eq!(telnets_own_words(), b"\xff\xf4", "IAC IP: interrupt the process");

        let mut server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let mut telnet = Program::telnet_on_a_terminal(server.addr);
        telnet.screen.shows(":q leaves");
        ana.notice("guest2 (#2) is here");
        telnet.types("hola\n");
        ana.reads("<guest2> hola");
        ana.says("hola, telnet");
        assert_eq!(telnet.screen.shows("hola, telnet").trim_end(), "<ana> hola, telnet");
        // From the first Ctrl-C on, its screen shows nothing that it receives: it waits for an answer to DO
        // TIMING-MARK, and the chat does not answer telnet commands.
        for round in 0..5 {
            telnet.types(&format!("\x03round {round}\n"));
            ana.reads(&format!("<guest2> round {round}"));
        }
        telnet.types(":q\n");
        ana.reads("-- guest2 (#2) is gone: left");
        telnet.screen.shows("Connection closed by foreign host");
        telnet.ends();

        assert!(server.stop().success());
        let console = server.console.whole();
        assert!(!console.contains(|c: char| c == '\u{fffd}' || c.is_control() && c != '\n'), "{console:?}");
        assert_eq!(console.matches("#2 <guest2> ").count(), 6, "{console}");
        assert_eq!(server.diagnostics.whole(), "");
    }

    #[ignore = "needs curl"]
    fn curl_cannot_speak_in_the_room(mode) {
        for words in [&["--max-time", "30"][..], &["--max-time", "30", "--data-binary", ":nick eva\nhola\n"]] {
            nobody_learns_of_it("HTTP", mode, |addr| {
                run(Command::new("curl").args(words).arg(format!("http://{addr}/")));
            });
        }
    }

    #[ignore = "needs openssl"]
    fn openssl_cannot_speak_in_the_room(mode) {
        nobody_learns_of_it("TLS", mode, |addr| {
            run(Command::new("openssl").args(["s_client", "-connect", &addr.to_string()]));
        });
    }

    #[ignore = "needs ssh"]
    fn ssh_cannot_speak_in_the_room(mode) {
        nobody_learns_of_it("SSH", mode, |addr| {
            let (host, port) = (addr.ip().to_string(), addr.port().to_string());
            run(Command::new("ssh").args(["-F", "none", "-o", "BatchMode=yes", "-p", &port, &host]));
        });
    }

    #[ignore = "needs chromium"]
    fn a_web_page_cannot_speak_in_the_room(mode) {
        let dir = Dir::new();
        nobody_learns_of_it("HTTP", mode, |addr| {
            let sends = format!("fetch('http://{addr}/', {{ method: 'POST', mode: 'no-cors', body: ':nick eva\\nhola\\n' }})");
            let page = dir.file("page.html");
            std::fs::write(&page, format!("<script>{sends};</script>")).expect("our directory");
            browser::opens(&page);
        });
    }

    #[ignore = "needs python3"]
    fn the_client_of_2018_is_understood_in_raw_framing(mode) {
        let dir = Dir::new();
        let script = dir.file("client.py");
        std::fs::write(&script, CLIENT_OF_2018).expect("our directory");
        let server = Server::with(mode, &["--framing", "raw"]);
        let port = server.addr.port().to_string();
        let mut ana = server.join_as("ana");
        for id in 2..5 {
            let mut client = Program::start("python3", [script.as_os_str(), port.as_ref()]);
            server.console.shows(&format!("#{id} guest{id} arrived"));
            for message in ["hola", "qué tal", ":)", " :q", "adiós"] {
                client.types(&format!("{message}\n"));
                server.console.shows(&format!("#{id} <guest{id}> {message}"));
                ana.sees(&format!("<guest{id}> {message}"));
            }
            client.types(":q\n");
            assert!(client.ends().success());
            server.console.shows(&format!("#{id} guest{id} is gone: left"));
            ana.notice(&format!("guest{id} (#{id}) is gone: left"));
        }
        assert_eq!(server.console.text().matches("is gone: left").count(), 3);
    }
}

/// Programs that speak TLS, which are clients like any other.
#[cfg(feature = "tls")]
mod over_tls {
    use super::*;
    use common::tls::make_certificate;

    fn server(mode: &str, dir: &Dir, flags: &[&str]) -> Server {
        let path = dir.file("tls.pem");
        make_certificate(&path);
        Server::with(mode, &[&["--tls-cert", path.to_str().expect("UTF-8")], flags].concat())
    }

    fn openssl(server: &Server, flags: &[&str]) -> Program {
        let addr = server.addr.to_string();
        Program::start("openssl", ["s_client", "-quiet", "-connect", &addr].iter().chain(flags))
    }

    each_driver! {
        #[ignore = "needs openssl and ncat"]
        fn openssl_and_ncat_talk_to_each_other(mode) {
            let dir = Dir::new();
            let server = server(mode, &dir, &[]);
            let mut ana = openssl(&server, &["-tls1_3"]);
            ana.screen.shows("you are guest1 (#1)");
            let mut beto = openssl(&server, &["-tls1_2"]);
            beto.screen.shows("you are guest2 (#2)");
            let mut carla = Program::at("ncat", &["--ssl"], server.addr);
            carla.screen.shows("you are guest3 (#3)");
            ana.types("hola\n");
            beto.screen.shows("<guest1> hola");
            carla.screen.shows("<guest1> hola");
            carla.types("hi\n:q\n");
            carla.screen.shows("-- goodbye");
            carla.ends_its_input();
            assert!(carla.ends().success());
            ana.screen.shows("<guest3> hi");
            beto.types(":q\n");
            beto.screen.shows("-- goodbye");
            beto.ends_its_input();
            assert!(beto.ends().success());
        }

        #[ignore = "needs openssl"]
        fn old_versions_are_refused_and_nothing_is_negotiated_again(mode) {
            let dir = Dir::new();
            let server = server(mode, &dir, &[]);
            for version in ["-tls1_1", "-tls1"] {
                let addr = server.addr.to_string();
                let flags = ["s_client", "-connect", &addr, version, "-cipher", "DEFAULT:@SECLEVEL=0"];
                let ended = run(Command::new("openssl").args(flags));
                assert!(!ended.stdout.contains("welcome"), "{}", ended.stdout);
            }
            server.console.shows("turned away: no TLS handshake");
            let mut ana = openssl(&server, &[]);
            ana.screen.shows("you are guest1");
            // R asks openssl to negotiate again, where it takes commands.
            let mut eva = Program::start("openssl", ["s_client", "-connect", &server.addr.to_string(), "-tls1_2"]);
            eva.screen.shows("you are guest2");
            eva.types("R\n");
            server.console.shows("guest2 is gone");
            ana.types("hola\n:q\n");
            ana.screen.shows("-- goodbye");
        }

        #[ignore = "needs chromium"]
        fn a_web_page_does_not_get_past_the_certificate(mode) {
            let dir = Dir::new();
            let server = server(mode, &dir, &[]);
            let mut ana = openssl(&server, &[]);
            ana.screen.shows("you are guest1");
            let page = dir.file("page.html");
            let sends = format!("fetch('https://{}/', {{ method: 'POST', mode: 'no-cors', body: 'hola\\n' }})", server.addr);
            std::fs::write(&page, format!("<script>{sends};</script>")).expect("our directory");
            browser::opens(&page);
            server.console.shows("turned away: no TLS handshake");
            ana.types(":q\n");
            ana.screen.shows("-- goodbye");
            assert!(!ana.screen.text().contains("guest2"));
        }

        #[ignore = "needs curl"]
        fn a_browser_is_answered_in_its_own_protocol(mode) {
            let dir = Dir::new();
            let server = server(mode, &dir, &[]);
            let url = format!("https://{}/", server.addr);
            let ended = run(Command::new("curl").args(["-sk", "-o", "/dev/null", "-w", "%{http_code}", &url]));
            assert_eq!(ended.stdout, "400");
        }
    }
}
