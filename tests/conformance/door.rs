//! A room with a password: over each driver, who does not know it has no seat, and nobody learns of it.

use crate::common::process::Dir;
use crate::common::*;
use crate::{each_driver, each_driver_and_socket};

/// A server with a password, a history, and diagnostics and steps in full on stderr.
fn locked(mode: &str, dir: &Dir, seats: &str) -> Server {
    let (password, history) = (dir.file("password"), dir.file("history"));
    std::fs::write(&password, "sésamo 7\n").expect("a temporary file");
    let [password, history] = [password, history].map(|path| path.to_str().expect("UTF-8").to_owned());
    Server::with(mode, &["-vv", "--password-file", &password, "--history", &history, "--max-clients", seats])
}

const ASKED: &str = "-- this room has a password; type it and press Enter";

each_driver! {
    #[cfg_attr(not(target_os = "linux"), ignore = "127.0.1.1 is an address of this machine on Linux only")]
    fn guesses_from_many_addresses_disturb_nobody(mode) {
        let dir = Dir::new();
        let server = locked(mode, &dir, "6");
        let enter = |number: usize| {
            let mut client = server.connect();
            client.says("sésamo 7");
            client.notice(&format!("welcome to tertulia: you are guest{number} (#{number})"));
            client
        };
        let mut ana = enter(1);
        // More than may stand at the door at a time.
        let mut guessers: Vec<Client> = Vec::new();
        for i in 0..300 {
            let mut eva = server.connect_from([127, 0, 1 + (i / 150) as u8, 1 + (i % 150) as u8]);
            eva.sends(b"guess\nguess\nguess\n");
            guessers.push(eva);
            if i == 290 {
                enter(2);
            }
        }
        for eva in &mut guessers {
            let told = eva.rest().concat();
            assert!(!told.contains("welcome"), "{told}");
        }
        enter(3);
        ana.notice(":q leaves");
        for line in ["-- guest2 (#2) is here", "-- guest2 (#2) is gone: hung up", "-- guest3 (#3) is here"] {
            ana.reads(line);
        }
    }
}

each_driver_and_socket! {
    fn only_who_knows_the_password_comes_in(mode) {
        let dir = Dir::new();
        let mut server = locked(mode, &dir, "6");
        let mut ana = server.connect();
        ana.reads(ASKED);
        ana.says("guess");
        ana.reads("-- that is not the password; you have 2 more tries");
        // In two pieces, and the next line in the same one.
        ana.sends("sésa".as_bytes());
        ana.sends("mo 7\r\n:nick ana\nhola\n".as_bytes());
        ana.notice("welcome to tertulia: you are guest1 (#1)");
        ana.notice("you are now ana");

        let mut eva = server.connect();
        eva.reads(ASKED);
        eva.says("guess");
        eva.reads("-- that is not the password; you have 2 more tries");
        eva.says(":q");
        eva.reads("-- goodbye");
        eva.is_closed();

        // It sends the password before it is asked, and its name before that.
        let mut beto = server.connect();
        beto.says(":nick beto");
        beto.reads(ASKED);
        beto.says("sésamo 7");
        beto.notice("welcome to tertulia: you are guest2 (#2)");
        beto.notice("ana (#1)");
        ana.reads("-- beto (#2) is here");
        beto.says("hola");
        ana.reads("<beto> hola");

        assert!(server.stop().success());
        let history = std::fs::read_to_string(dir.file("history")).expect("a history");
        for text in [server.console.whole(), server.diagnostics.whole(), history] {
            assert!(!text.contains("sésa") && !text.contains("guess\n") && !text.contains("> guess"), "{text}");
        }
    }

    fn who_is_wrong_three_times_is_turned_away(mode) {
        let dir = Dir::new();
        let server = locked(mode, &dir, "6");
        let mut eva = server.connect();
        for _ in 0..3 {
            eva.says("guess");
        }
        eva.reads("-- that is not the password; you have 2 more tries");
        eva.reads("-- that is not the password; you have one more try");
        eva.reads("-- disconnected: that is not the password");
        eva.is_closed();
        server.console.shows("turned away: that is not the password");
        // Its address has to wait for some seconds, and is let in then.
        let mut ana = server.connect();
        ana.reads(ASKED);
        ana.says("sésamo 7");
        ana.notice("welcome to tertulia: you are guest1 (#1)");
    }

    fn those_at_the_door_take_no_seats(mode) {
        let dir = Dir::new();
        let server = locked(mode, &dir, "1");
        let [mut eva, mut ana, mut beto] = [(); 3].map(|()| server.connect());
        for client in [&mut eva, &mut ana, &mut beto] {
            client.reads(ASKED);
        }
        ana.says("sésamo 7");
        ana.notice("welcome to tertulia: you are guest1 (#1)");
        beto.says("sésamo 7");
        beto.notice("the room is full (1 of 1 seats taken)");
        beto.is_closed();
        ana.says(":q");
        ana.notice("goodbye");
        eva.says("sésamo 7");
        eva.notice("welcome to tertulia: you are guest2 (#2)");
    }
}
