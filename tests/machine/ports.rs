//! The addresses where a server may listen, and where it may not.

#[cfg(target_os = "linux")]
use crate::common::kernel::is_in_time_wait;
use crate::common::process::*;
use crate::common::*;
use crate::each_driver;

/// `serve` at an address.
fn serve(mode: &str, addr: &str) -> std::process::Command {
    let mut command = tertulia();
    command.args(["serve", addr, "--mode", mode]);
    command
}

each_driver! {
    fn a_port_in_use_is_told_and_its_user_undisturbed(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        fails_with(&mut serve(mode, &server.addr.to_string()), &[&server.addr.to_string(), "in use", "another port"]);
        ana.says("hola");
        beto.sees("<ana> hola");
    }

    fn a_bad_address_is_told_with_what_to_try(mode) {
        fails_with(&mut serve(mode, "no.such.host.invalid:8889"), &["no.such.host.invalid", "try 127.0.0.1:8889"]);
        // No host has an address of TEST-NET-3.
        fails_with(&mut serve(mode, "203.0.113.1:8889"), &["203.0.113.1:8889", "no address of this machine", "try"]);
    }

    fn the_next_server_listens_where_one_just_stopped(mode) {
        let mut first = Server::start(mode);
        let addr = first.addr;
        let mut people = first.join_all(["ana", "beto", "cleo"]);
        people[0].says("hola");
        people[1].sees("<ana> hola");
        assert!(first.stop().success());
        for member in &mut people {
            // A client that closes with unread bytes resets the connection, and then there is no TIME_WAIT.
            member.rest();
        }
        drop(people);
        #[cfg(target_os = "linux")]
        until("the old connections are in TIME_WAIT", || is_in_time_wait(addr).then_some(()));
        let second = Server::of(serve(mode, &addr.to_string()));
        assert_eq!(second.addr, addr);
        second.join();
    }
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;

    each_driver! {
        fn a_privileged_port_is_told_with_what_to_try(mode) {
            let first_free: u16 = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start")
                .ok()
                .and_then(|text| text.trim().parse().ok())
                .unwrap_or(1024);
            let mut command = serve(mode, "127.0.0.1:80");
            if first_free <= 80 {
                eprintln!("skipped: this machine lets anybody have port 80");
            } else if as_nobody(&mut command) {
                fails_with(&mut command, &["127.0.0.1:80", "permission denied", "use a higher one"]);
            }
        }
    }
}

#[cfg(target_os = "linux")]
mod several {
    use super::*;
    use std::net::{SocketAddr, TcpStream};
    use std::path::Path;
    use std::process::{Command, Stdio};

    /// A command that is executed with this file as `/etc/hosts`. `None` if that takes a right which we do not have.
    fn with_hosts(hosts: &Path) -> Option<Command> {
        let command = || {
            let mut command = Command::new("unshare");
            command.args(["--mount", "sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\""]).arg(hosts);
            command
        };
        let trial = command().arg("true").stderr(Stdio::null()).status();
        if !trial.is_ok_and(|status| status.success()) {
            eprintln!("skipped: no mount namespace to be had");
            return None;
        }
        Some(command())
    }

    each_driver! {
        fn a_name_with_several_addresses_is_served_at_all_that_are_ours(mode) {
            let dir = Dir::new();
            let hosts = dir.file("hosts");
            // The third is no host's, and the last is there already.
            let table = "127.0.0.1 several\n127.0.0.2 several\n203.0.113.1 several\n127.0.0.1 several\n";
            std::fs::write(&hosts, table).expect("our file");
            let Some(mut command) = with_hosts(&hosts) else { return };
            command.arg(env!("CARGO_BIN_EXE_tertulia"));
            command.args(["serve", "several:0", "-v", "--mode", mode]);
            let mut server = Server::of(command);
            let port = server.addr.port();
            let at = |host: u8| SocketAddr::from(([127, 0, 0, host], port));
            for host in [1, 2] {
                server.console.shows(&format!("listening on {} ({mode}, 6 seats)", at(host)));
            }
            server.diagnostics.shows(&format!("203.0.113.1:{port} is left out"));

            let join = |host, nick| Client::of(TcpStream::connect(at(host)).expect("it listens")).greeted().named(nick);
            let (mut ana, mut beto) = (join(2, "ana"), join(1, "beto"));
            for host in [1, 2, 1, 2, 2, 2] {
                let mut guest = join(host, "cleo");
                guest.says(":q");
                guest.is_closed();
            }
            ana.says("hola");
            beto.sees("<ana> hola");
            server.rests();
            assert!(server.stop().success());
            for host in [1, 2] {
                assert!(TcpStream::connect(at(host)).is_err(), "it listens no more");
            }
        }
    }
}
