//! Thousands of clients that say nothing, and two that talk among them.

use crate::common::kernel::*;
use crate::common::*;
use crate::each_driver;
use std::net::TcpStream;
use std::sync::{Mutex, PoisonError};
use tertulia::server::Driver;

const SEATS: usize = 9000;

/// One crowd at a time: two would need twice the descriptors.
static ROOM: Mutex<()> = Mutex::new(());

/// A silent client: a descriptor and nothing else.
struct Idle(TcpStream);

impl Idle {
    /// Reads up to this line, which is the first that is no notice.
    #[track_caller]
    fn sees(&self, line: &str) {
        Client::of(self.0.try_clone().expect("a descriptor")).sees(line);
    }
}

each_driver! {
    #[ignore = "needs 9000 descriptors here and in the server, and in threaded mode as many threads"]
    fn two_talk_in_a_crowd_and_nothing_is_left_of_it(mode) {
        let _alone = ROOM.lock().unwrap_or_else(PoisonError::into_inner);
        limit(std::process::id() as i32, "nofile", None);
        let mut server = Server::with(mode, &["--max-clients", &SEATS.to_string()]);
        // Whatever the server starts for its first client is there.
        drop(server.join());
        server.console.shows("#1 guest1 is gone");
        server.rests();
        let (descriptors, threads) = (server.descriptors(), server.threads());
        let memory = status(server.pid(), "VmRSS");

        let mut ana = server.join_as("ana");
        let connect = |n| TcpStream::connect(server.addr).unwrap_or_else(|e| panic!("number {n}: {e}"));
        let crowd: Vec<Idle> = (2..SEATS).map(|n| Idle(connect(n))).collect();
        let mut beto = server.join_as("beto");
        server.console.shows(&format!("({SEATS} of {SEATS} seats)"));
        let mut late = server.connect();
        late.notice(&format!("the room is full ({SEATS} of {SEATS} seats taken)"));
        late.is_closed();
        drop(late);
        until("nobody but the crowd has a descriptor", || (server.descriptors() == descriptors + SEATS).then_some(()));
        server.rests();
        let with_all = status(server.pid(), "VmRSS");
        let per_client = (with_all - memory) as f64 / SEATS as f64;
        eprintln!("{mode}: {memory} KiB alone, {with_all} KiB with {SEATS} clients: {per_client:.1} KiB a client");
        eprintln!("{mode}: {} threads with them, {threads} without", server.threads());
        if Driver::named(mode).is_some_and(|driver| !driver.blocks) {
            assert_eq!(server.threads(), 1);
        }

        for round in 0..3 {
            ana.says(&format!("question {round}"));
            beto.sees(&format!("<ana> question {round}"));
            beto.says(&format!("answer {round}"));
            ana.sees(&format!("<beto> answer {round}"));
        }
        ana.says(":who");
        ana.notice(&format!("{SEATS} here: "));
        for idle in &crowd {
            idle.sees("<ana> question 0");
        }
        assert!(server.lives());
        eprintln!("{mode}: {} KiB when all have read", status(server.pid(), "VmRSS"));

        drop(crowd);
        // That is much output to all at once, and clients that read are not disconnected for it.
        until("the two are alone", || {
            ana.says(":who");
            ana.notice(" here: ").starts_with("-- 2 here: ").then_some(())
        });
        beto.says("just us");
        ana.sees("<beto> just us");
        drop((ana, beto));
        until("all have left", || {
            ((server.descriptors(), server.threads()) == (descriptors, threads)).then_some(())
        });
        server.console.shows(&format!("(0 of {SEATS} seats)"));
        server.rests();
        eprintln!("{mode}: {} KiB when all have left", status(server.pid(), "VmRSS"));
        let [mut cleo, mut dora] = server.join_all(["cleo", "dora"]);
        cleo.says("all to ourselves");
        dora.sees("<cleo> all to ourselves");
    }
}
