//! The server's own terminal: what is typed there are commands.

use crate::common::kernel::terminal;
use crate::common::*;
use crate::each_driver;
use rustix::termios::{Winsize, tcsetwinsize};
use std::fs::File;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A server in the foreground of a terminal of its own, the person's end of it, and what it shows.
struct Sat {
    child: Child,
    person: File,
    screen: Output,
    addr: std::net::SocketAddr,
}

impl Sat {
    #[track_caller]
    fn at(mode: &str) -> Sat {
        let (person, program) = terminal();
        let size = Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&person, size).expect("a terminal has a size");
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(env!("CARGO_BIN_EXE_tertulia")).args(["serve", "--addr", "127.0.0.1:0"]);
        command.args(["--mode", mode, "--color", "never"]).env("LC_ALL", "C").env("TERM", "xterm");
        let copy = || Stdio::from(program.try_clone().expect("a descriptor"));
        let child = command.stdin(copy()).stdout(copy()).stderr(Stdio::null()).spawn().expect("setsid runs");
        let screen = Output::of(person.try_clone().expect("a descriptor"));
        let line = screen.shows("listening on ");
        let addr = line.split(' ').find_map(|word| word.parse().ok()).expect("an address");
        Sat { child, person, screen, addr }
    }

    fn types(&mut self, keys: &str) {
        self.person.write_all(keys.as_bytes()).expect("a terminal");
    }

    fn connect(&self) -> Client {
        Client::of(std::net::TcpStream::connect(self.addr).expect("it listens"))
    }
}

impl Drop for Sat {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

each_driver! {
    /// The last row of 24 is for typing: lines scroll in those above, and the cursor returns.
    #[ignore = "needs setsid of util-linux"]
    fn what_is_typed_is_not_torn_by_the_transcript(mode) {
        let mut server = Sat::at(mode);
        let mut ana = server.connect().greeted();
        server.types(":say half a");
        server.screen.shows(":say half a");
        ana.says("hola");
        server.screen.shows("#1 <guest1> hola\u{1b}[r\u{1b}8");
        server.types(" line\n");
        ana.reads("-- attention: half a line");
        server.screen.shows("console: :say half a line");
        let text = server.screen.text();
        let (_, lines) = text.split_once("\u{1b}[24;1H").expect("the cursor goes to the last row");
        let typed: String = lines.split("\u{1b}7").map(|part| part.split_once("\u{1b}8").map_or(part, |(_, typed)| typed)).collect();
        assert!(typed.starts_with(":say half a line"), "{text:?}");
        assert!(lines.matches("\u{1b}7").count() == lines.matches("\u{1b}[1;23r\u{1b}[23;1H").count(), "{text:?}");
    }

    #[ignore = "needs setsid of util-linux"]
    fn whoever_sits_at_the_servers_terminal_is_in_charge(mode) {
        let mut server = Sat::at(mode);
        let mut ana = server.connect().greeted();
        let mut beto = server.connect().greeted();
        ana.reads("-- guest2 (#2) is here");
        server.types(":who\n");
        server.screen.shows("2 here: guest1 (#1, 127.0.0.1:");
        // Two lines at once, the second after a correction; and Ctrl-D, which ends nothing.
        server.types(":say tea\n:kick guest3\x7f2 says too much\n");
        for client in [&mut ana, &mut beto] {
            client.reads("-- attention: tea");
        }
        ana.reads("-- guest2 (#2) is gone: shown out: says too much");
        beto.reads("-- disconnected: shown out: says too much");
        server.types("\x04");
        server.screen.shows("commands only: :help lists them");
        server.types(":stop\n");
        ana.reads("-- the server closes; goodbye");
        assert!(wait_for(&mut server.child).success());
    }
}
