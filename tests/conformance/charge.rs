//! Members in charge: over each driver they show others out, keep them out, and end the server.

use crate::common::process::Dir;
use crate::common::*;
use crate::{each_driver, each_driver_and_socket};

/// A server whose operator's password is `sésamo`, with a history, and with diagnostics and steps in full on stderr.
fn guarded(mode: &str, dir: &Dir) -> Server {
    let (password, history) = (dir.file("password"), dir.file("history"));
    std::fs::write(&password, "sésamo\n").expect("a temporary file");
    let [password, history] = [password, history].map(|path| path.to_str().expect("UTF-8").to_owned());
    Server::with(mode, &["-vv", "--operator-password-file", &password, "--history", &history])
}

each_driver_and_socket! {
    #[cfg_attr(not(target_os = "linux"), ignore = "127.0.0.2 is an address of this machine on Linux only")]
    fn a_ban_outlives_the_server(mode) {
        let dir = Dir::new();
        let (password, bans) = (dir.file("password"), dir.file("bans"));
        std::fs::write(&password, "sésamo\n").expect("a temporary file");
        let flags = ["--operator-password-file", password.to_str().expect("UTF-8"), "--bans", bans.to_str().expect("UTF-8")];
        let mut server = Server::with(mode, &flags);
        let mut ana = server.join_as("ana");
        ana.says(":op sésamo");
        ana.reads("-- ana (#1) is in charge");
        ana.says(":ban 127.0.0.2");
        ana.reads("-- 127.0.0.2 is banned");
        assert!(server.stop().success());
        assert_eq!(std::fs::read_to_string(&bans).expect("bans"), "127.0.0.2\n");
        let server = Server::with(mode, &flags);
        server.connect_from([127, 0, 0, 2]).reads("-- your address is banned here; goodbye");
        server.join();
    }

    fn a_member_in_charge_shows_somebody_out_and_ends_the_server(mode) {
        let dir = Dir::new();
        let mut server = guarded(mode, &dir);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        beto.says(":op guess");
        beto.reads("-- that is not the password");
        ana.says(":op sésamo");
        for client in [&mut ana, &mut beto, &mut cleo] {
            client.reads("-- ana (#1) is in charge");
        }
        ana.says(":kick beto says too much");
        cleo.reads("-- beto (#2) is gone: shown out: says too much");
        beto.reads("-- disconnected: shown out: says too much");
        beto.is_closed();
        ana.says(":stop for today");
        cleo.reads("-- attention: for today");
        cleo.notice("the server closes; goodbye");
        assert!(wait_for(&mut server.child).success());
        let history = std::fs::read_to_string(dir.file("history")).expect("a history");
        for text in [server.console.whole(), history] {
            assert!(text.contains(":kick beto says too much") && text.contains(":stop for today"), "{text}");
            assert!(!text.contains("guess\"") && !text.contains(":op guess") && !text.contains("sésamo"), "{text}");
        }
        let diagnostics = server.diagnostics.whole();
        assert!(!diagnostics.contains("guess ") && !diagnostics.contains("sésamo"), "{diagnostics}");
    }
}

// By an address of the network.
each_driver! {
    #[cfg_attr(not(target_os = "linux"), ignore = "127.0.0.2 is an address of this machine on Linux only")]
    fn who_comes_from_a_banned_address_is_shown_out_and_turned_away(mode) {
        let dir = Dir::new();
        let server = guarded(mode, &dir);
        let mut ana = server.join_as("ana");
        ana.says(":op sésamo");
        ana.reads("-- ana (#1) is in charge");
        ana.says(":ban 127.0.0.1");
        ana.reads("-- 127.0.0.1 is your own address, too, and was not banned");
        let mut beto = server.connect_from([127, 0, 0, 2]).greeted();
        ana.reads("-- guest2 (#2) is here");
        ana.says(":ban guest2 5");
        ana.reads("-- guest2 (#2) is gone: its address is banned");
        ana.reads("-- 127.0.0.2 is banned for 5 min");
        beto.reads("-- disconnected: its address is banned");
        beto.is_closed();
        let mut again = server.connect_from([127, 0, 0, 2]);
        again.reads("-- your address is banned here; goodbye");
        again.is_closed();
        server.console.shows("turned away: banned");
        ana.says(":unban 127.0.0.2");
        ana.reads("-- 127.0.0.2 is let in again");
        server.connect_from([127, 0, 0, 2]).greeted();
    }
}
