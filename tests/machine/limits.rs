//! Tests in which descriptors and threads run out, and become available again.

use crate::common::kernel::*;
use crate::common::process::*;
use crate::common::*;
use crate::each_driver;
use std::time::Duration;

/// The least limit with which `serve` starts for six clients: it counts twelve for itself and two for connections that linger.
const FOR_SIX: usize = 20;

/// The number of descriptors that our children inherit and that count against the limit.
fn inherited_below(limit: usize) -> usize {
    let list = run(std::process::Command::new("sh").args(["-c", "ls /proc/$$/fd"])).stdout;
    list.lines().filter(|fd| fd.parse().is_ok_and(|fd: usize| (3..limit).contains(&fd))).count()
}

/// Flags with which the limit counts for each accept. One that goes on, in uring mode, keeps the limit of the time when it
/// was handed over; a server that lets others wait hands over one for each connection.
const ONE_BY_ONE: [&str; 4] = ["--max-clients", "20", "--when-full", "wait"];

each_driver! {
    fn without_descriptors_the_server_neither_ends_nor_spins_and_lets_people_in_when_others_leave(mode) {
        let server = Server::with(mode, &ONE_BY_ONE);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        limit_descriptors(server.pid(), 2);
        let [mut cleo, dora] = server.join_all(["cleo", "dora"]);

        let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
        server.diagnostics.shows("nobody can be let in for now");
        let before = cpu_time(server.pid());
        hears_nothing(&waiting[0], Duration::from_secs(1));
        let used = cpu_time(server.pid()) - before;
        assert!(used < HARDLY_ANY, "waiting for descriptors cost {used:?} of a second");
        let warnings = server.diagnostics.text().matches("nobody can be let in").count();
        assert_eq!(warnings, 1, "said once, not at each attempt");
        ana.says("we go on");
        beto.sees("<ana> we go on");

        cleo.sees("<ana> we go on");
        cleo.says(":q");
        cleo.is_closed();
        drop(cleo);
        waiting.remove(0).notice("welcome");
        drop(dora);
        waiting.remove(0).notice("welcome");
        limit(server.pid(), "nofile", None);
        waiting.remove(0).notice("welcome");
        let mut eva = server.join_as("eva");
        beto.says("all here");
        eva.sees("<beto> all here");
        ana.sees("<beto> all here");
    }

    fn a_stop_without_descriptors_does_not_spin_either(mode) {
        let mut server = Server::with(mode, &ONE_BY_ONE);
        let mut ana = server.join_as("ana");
        // Keeps the server from ending before its timeout.
        let (_stuck, _) = overfed(&server, &mut ana);
        limit_descriptors(server.pid(), 0);
        // The first of them may be the one for which an accept is under way.
        let _waiting = [server.connect(), server.connect()];
        server.diagnostics.shows("nobody can be let in for now");

        server.signal("TERM");
        ana.notice("the server closes");
        let before = cpu_time(server.pid());
        until("the server ends", || (state(server.pid()) == "Z").then_some(()));
        let used = cpu_time(server.pid()) - before;
        assert!(used < HARDLY_ANY * 2, "stopping cost {used:?} of two seconds");
        assert_eq!(wait_for(&mut server.child).code(), Some(0));
    }

    fn the_descriptors_that_are_asked_for_are_enough(mode) {
        let dir = Dir::new();
        let history = dir.file("history.jsonl");
        let flags = ["--history", history.to_str().expect("a path")];
        let ulimit = format!("ulimit -n {};", FOR_SIX + inherited_below(FOR_SIX));
        let server = Server::of(serve_by_shell(&ulimit, mode, &flags, ""));
        let mut people = server.join_all(["ana", "beto", "cleo", "dora", "eva", "fay"]);
        let mut seventh = server.connect();
        seventh.notice("the room is full");
        seventh.is_closed();
        people[0].says("we are six");
        people[5].sees("<ana> we are six");
    }

    fn who_leaves_and_does_not_close_keeps_nobody_out(mode) {
        for limit in [FOR_SIX, 64] {
            let ulimit = format!("ulimit -n {};", limit + inherited_below(limit));
            let server = Server::of(serve_by_shell(&ulimit, mode, &[], ""));
            let _five = server.join_all(["ana", "beto", "cleo", "dora", "eva"]);
            let mut open = Vec::new();
            for _ in 0..100 {
                let mut guest = server.join();
                guest.says(":q");
                guest.notice("goodbye");
                open.push(guest);
            }
            assert!(!server.diagnostics.text().contains("nobody can be let in"), "{}", server.diagnostics.text());
        }
    }

    fn the_soft_limit_of_descriptors_is_raised(mode) {
        let server = Server::of(serve_by_shell("ulimit -Sn 20;", mode, &["--max-clients", "40"], ""));
        let mut people: Vec<Client> = (0..40).map(|_| server.join()).collect();
        people[0].says("hola");
        people[39].sees("<guest1> hola");
    }

    fn more_clients_than_the_hard_limit_allows_is_an_error_before_listening(mode) {
        let serve = |seats: &str| serve_by_shell("ulimit -n 64;", mode, &["--max-clients", seats], "");
        fails_with(&mut serve("100"), &["100 clients", "the limit is 64", "ulimit", "--max-clients 50"]);
        fails_with(&mut serve("18446744073709551615"), &["the limit is 64", "--max-clients 50"]);
        let mut for_one = serve_by_shell("ulimit -n 14;", mode, &["--max-clients", "1"], "");
        fails_with(&mut for_one, &["the limit is 14; raise it (ulimit -Hn 15, as root)\n"]);
    }
}

/// The mode has one thread, whatever the server has to do; and one more that waits for the disk if a history is asked for.
#[test]
fn epoll_has_one_thread_and_needs_no_other() {
    let dir = Dir::new();
    let history = dir.file("history.jsonl");
    std::fs::set_permissions(dir.path(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).expect("our directory");
    for (flags, threads) in [(&[][..], 1), (&["--history", history.to_str().expect("a path")], 2)] {
        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "-vvv"]).args(flags);
        let able = as_nobody(&mut command);
        let mut server = Server::of(command);
        if able {
            // Not even one more thread could be started.
            limit(server.pid(), "nproc", Some(1));
        }
        let mut ana = server.join_as("ana");
        let (_stuck, _) = overfed(&server, &mut ana);
        if threads > 1 {
            until("the history is written", || std::fs::metadata(&history).ok().filter(|file| file.len() > 0));
        }
        assert_eq!(status(server.pid(), "Threads"), threads);
        assert!(server.lives());
    }
}

#[cfg(feature = "threaded")]
mod threads {
    use super::*;

    /// A server in threaded mode whose threads can be limited; that is not possible for root's processes.
    fn limitable() -> Option<Server> {
        let mut command = tertulia();
        command.args(["serve", "--addr", "127.0.0.1:0", "--mode", "threaded"]);
        as_nobody(&mut command).then(|| Server::of(command))
    }

    #[test]
    fn a_client_for_whom_there_is_no_thread_is_told_and_the_others_go_on() {
        let Some(mut server) = limitable() else { return };
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        limit(server.pid(), "nproc", Some(1));
        for _ in 0..3 {
            let mut cleo = server.connect();
            cleo.notice("no thread");
            cleo.is_closed();
        }
        server.diagnostics.shows("no thread for it");
        ana.says("hola");
        beto.sees("<ana> hola");
        limit(server.pid(), "nproc", None);
        let mut cleo = server.join_as("cleo");
        ana.says("welcome");
        cleo.sees("<ana> welcome");
        assert!(server.lives());
    }

    #[test]
    fn a_slow_member_for_whom_there_is_no_writer_goes_and_the_others_stay() {
        let Some(server) = limitable() else { return };
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let _slow = server.connect();
        ana.notice("guest3");
        limit(server.pid(), "nproc", Some(1));
        let text = "x".repeat(1000);
        let mut said = 0;
        while !server.diagnostics.text().contains("no thread to write") {
            ana.says(&text);
            beto.sees(&format!("<ana> {text}"));
            said += 1;
            assert!(said < 64 << 10, "the kernel holds all of it");
        }
        ana.says("hola");
        beto.sees("<ana> hola");
    }
}

/// A kernel or a container that forbids io_uring refuses the first call.
#[cfg(feature = "uring")]
#[test]
#[ignore = "needs strace"]
fn who_wants_io_uring_where_it_is_forbidden_is_told_what_to_use() {
    for (error, why) in [("EPERM", "forbids io_uring"), ("ENOSYS", "no io_uring"), ("EINVAL", "Linux 6.1")] {
        let mut command = std::process::Command::new("strace");
        command.args(["-qq", "-o", "/dev/null", "-e", &format!("inject=io_uring_setup:error={error}")]);
        command.arg(env!("CARGO_BIN_EXE_tertulia")).args(["serve", "--mode", "uring", "--addr", ":0"]);
        fails_with(&mut command, &["--mode uring does not work here", why, "use --mode epoll"]);
    }
}
