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
        fails_with(&mut serve(mode, "host:x"), &["\"x\" in", "is not a port", "a number up to 65535"]);
        fails_with(&mut serve(mode, "[::1"), &["bracket", "write it like [::1]:8889"]);
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
                fails_with(&mut command, &["127.0.0.1:80", "permission denied", "take a higher one"]);
            }
        }
    }
}
