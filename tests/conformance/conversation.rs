//! Conversations: what the server sends, and what clients can say to each other.

use crate::common::*;
use crate::{each_driver, each_driver_and_socket};
use std::io::Read;
use tertulia::server::DRIVERS;

each_driver_and_socket! {
    fn a_line_reaches_everybody_but_its_sender(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.says("hola");
        beto.reads("<ana> hola");
        cleo.reads("<ana> hola");
        beto.says("que tal");
        ana.reads("<beto> que tal");
        cleo.reads("<beto> que tal");
    }

    fn a_newcomer_is_told_who_it_is_who_is_here_and_how_to_leave(mode) {
        let server = Server::start(mode);
        let mut ana = server.connect();
        ana.reads("-- welcome to tertulia: you are guest1 (#1)");
        ana.reads("-- nobody else is here yet");
        ana.reads("-- :nick NAME takes a name, :help tells the rest, :q leaves");

        let mut beto = server.connect();
        beto.reads("-- welcome to tertulia: you are guest2 (#2)");
        beto.reads("-- here: guest1 (#1)");
        beto.reads("-- :nick NAME takes a name, :help tells the rest, :q leaves");
        ana.reads("-- guest2 (#2) is here");
    }

    fn leaving_is_told_to_the_others_with_its_reason(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.says(":q");
        ana.reads("-- goodbye");
        assert_eq!(ana.line(), None);
        beto.reads("-- ana (#1) is gone: left");
        cleo.reads("-- ana (#1) is gone: left");
        beto.hangs_up();
        beto.reads("-- goodbye");
        assert_eq!(beto.line(), None);
        cleo.reads("-- beto (#2) is gone: hung up");
    }

    fn numbers_are_never_used_again(mode) {
        let server = Server::start(mode);
        let mut beto = server.join_as("beto");
        for number in 2..=12 {
            let mut guest = server.connect();
            guest.reads(&format!("-- welcome to tertulia: you are guest{number} (#{number})"));
            beto.reads(&format!("-- guest{number} (#{number}) is here"));
            guest.says(":q");
            beto.reads(&format!("-- guest{number} (#{number}) is gone: left"));
        }
    }

    fn a_nick_is_told_to_all_and_can_be_had_when_its_wearer_is_gone(mode) {
        let server = Server::start(mode);
        let mut ana = server.join();
        let mut beto = server.join();
        ana.reads("-- guest2 (#2) is here");
        ana.says(":nick José_1-b");
        ana.reads("-- you are now José_1-b");
        beto.reads("-- guest1 is now José_1-b (#1)");
        ana.says(":nick ana");
        ana.reads("-- you are now ana");
        beto.reads("-- José_1-b is now ana (#1)");
        beto.says(":nick José_1-b");
        beto.reads("-- you are now José_1-b");
        ana.reads("-- guest2 is now José_1-b (#2)");
        beto.says(":q");
        ana.reads("-- José_1-b (#2) is gone: left");
        let mut third = server.join();
        third.says(":nick José_1-b");
        third.reads("-- you are now José_1-b");
        ana.reads("-- guest3 (#3) is here");
        ana.reads("-- guest3 is now José_1-b (#3)");
    }

    fn a_nick_may_change_its_own_case_and_go_back_to_its_guest_name(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        for nick in ["Ana", "ANA", "guest1", "ana"] {
            ana.says(&format!(":nick {nick}"));
            ana.reads(&format!("-- you are now {nick}"));
        }
    }

    fn a_nick_that_breaks_the_rules_is_refused_with_the_rule(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for (typed, told) in [
            (":nick", "-- write :nick NAME"),
            (":nick an a", "-- a name has only letters, digits, _ and -; take another one"),
            (":nick <ana>", "-- a name has only letters, digits, _ and -; take another one"),
            (":nick 123456789012345678901", "-- a name has at most 20 characters; take a shorter one"),
            (":nick guest7", "-- names that look like guest… are given by the server; take another one"),
            (":nick Beto", "-- Beto is taken, or looks like a name that is; take another one"),
        ] {
            ana.says(typed);
            ana.reads(told);
        }
        ana.says(":nick ñandúñandúñandúñandú");
        ana.reads("-- you are now ñandúñandúñandúñandú");
        beto.reads("-- ana is now ñandúñandúñandúñandú (#1)");
    }

    fn who_me_and_help(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.says(":who");
        ana.reads("-- 3 here: ana (#1), beto (#2), cleo (#3)");
        ana.says(":me waves");
        beto.reads("* ana waves");
        ana.says(":me");
        ana.reads("-- write :me TEXT");
        beto.says(":q");
        cleo.reads("* ana waves");
        cleo.reads("-- beto (#2) is gone: left");
        cleo.says(":who");
        cleo.reads("-- 2 here: ana (#1), cleo (#3)");

        cleo.says(":help");
        let mut help = String::new();
        while !help.contains("::TEXT") {
            let line = cleo.line().expect("help goes on");
            assert!(line.starts_with("-- "), "{line}");
            help.push_str(&line);
        }
        for command in [":q", ":nick NAME", ":who", ":msg NICK TEXT", ":me TEXT"] {
            assert!(help.contains(command), "{command} in {help}");
        }
    }

    fn a_private_message_is_for_one_alone(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.says(":msg BETO psst");
        beto.reads("[ana -> you] psst");
        ana.says(":msg dora psst");
        ana.reads("-- nobody here is called dora; :who lists the names");
        ana.says(":msg beto");
        ana.reads("-- write :msg NICK TEXT");
        ana.says(":msg ana remember");
        ana.reads("[ana -> you] remember");
        ana.says("hola");
        cleo.reads("<ana> hola");
        let line = server.console.shows("in private");
        assert!(line.ends_with("#1 ana to beto, in private"), "{line}");
        assert!(!server.console.text().contains("psst"), "nobody else's business");
    }

    fn private_and_public_lines_keep_their_order(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.sends(b"one\n:msg beto two\nthree\n:msg beto four\n:me five\n:nick eva\nsix\n");
        for line in ["<ana> one", "[ana -> you] two", "<ana> three", "[ana -> you] four", "* ana five"] {
            beto.reads(line);
        }
        beto.reads("-- ana is now eva (#1)");
        beto.reads("<eva> six");
        for line in ["<ana> one", "<ana> three", "* ana five", "-- ana is now eva (#1)", "<eva> six"] {
            cleo.reads(line);
        }
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn raw_framing_makes_each_read_a_message(mode) {
        let server = Server::with(mode, &["--framing", "raw"]);
        let mut ana = server.connect();
        ana.notice("welcome");
        let mut beto = server.connect();
        beto.notice(":q leaves");
        for (sent, read) in [
            ("hola", "<guest1> hola"),
            ("with an end\n", "<guest1> with an end"),
            ("two\nlines", "<guest1> two lines"),
            (":q but not alone", ""),
            ("end", "<guest1> end"),
        ] {
            ana.sends(sent.as_bytes());
            ana.is_read();
            if !read.is_empty() {
                beto.sees(read);
            }
        }
        // The lesson: two messages that are sent apart may be read as one.
        server.frozen(|| {
            ana.sends(b"one");
            ana.sends(b"two");
        });
        beto.sees("<guest1> onetwo");
        ana.sends(b":q");
        beto.reads("-- guest1 (#1) is gone: left");
    }

    /// The client of 2018 never reads, sends each message without a line end, and relies on pauses to keep them apart.
    fn the_client_of_2018_can_take_part(mode) {
        let server = Server::with(mode, &["--framing", "raw"]);
        let mut ana = server.join();
        let mut old = server.connect();
        ana.reads("-- guest2 (#2) is here");
        old.sends(b"hola");
        ana.reads("<guest2> hola");
        ana.sends("qué tal".as_bytes());
        server.console.shows("#1 <guest1> qué tal");
        old.sends("¡adiós!".as_bytes());
        ana.reads("<guest2> ¡adiós!");
        server.console.shows("#2 <guest2> ¡adiós!");
        old.sends(b":q");
        old.hangs_up();
        ana.reads("-- guest2 (#2) is gone: left");
        server.console.shows("#2 guest2 is gone: left");
        // All that it never read was sent to it.
        let mut all = String::new();
        old.stream.read_to_string(&mut all).expect("the server closes in good order");
        assert!(all.ends_with("<guest1> qué tal\n-- goodbye\n"), "{all}");
    }

    /// Closing a socket with unread bytes sends a RST, and that discards the reason on its way.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn who_is_refused_can_read_why_although_it_had_sent_already(mode) {
        let server = Server::with(mode, &["--max-clients", "1"]);
        let mut ana = server.join();
        let mut late = server.frozen(|| {
            let mut late = server.connect();
            late.sends(b"hola\nI bring news\n");
            late
        });
        // It goes on sending, because it has not read the reason yet.
        server.console.shows("turned away");
        late.sends(&[b'x'; 64 << 10]);
        late.reads("-- the room is full (1 of 1 seats taken); try again later");
        assert_eq!(late.line(), None);
        ana.says(":who");
        ana.reads("-- 1 here: guest1 (#1)");
    }

    fn six_seats_unless_told_otherwise(mode) {
        let server = Server::start(mode);
        let _six = server.join_all(["ana", "beto", "cleo", "dora", "eva", "fede"]);
        server.connect().reads("-- the room is full (6 of 6 seats taken); try again later");
    }

    fn when_full_wait_lets_the_next_wait_for_a_seat(mode) {
        let server = Server::with(mode, &["--max-clients", "2", "--when-full", "wait"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let mut third = server.connect();
        let mut fourth = server.connect();
        third.says("at last");
        fourth.says("me too");
        ana.says("hola");
        beto.reads("<ana> hola");

        ana.says(":q");
        third.reads("-- welcome to tertulia: you are guest3 (#3)");
        for line in ["-- ana (#1) is gone: left", "-- guest3 (#3) is here", "<guest3> at last"] {
            beto.reads(line);
        }
        third.says(":q");
        fourth.reads("-- welcome to tertulia: you are guest4 (#4)");
        for line in ["-- guest3 (#3) is gone: left", "-- guest4 (#4) is here", "<guest4> me too"] {
            beto.reads(line);
        }
        assert!(!server.console.text().contains("turned away"));
    }

    fn in_spanish(mode) {
        let server = Server::with(mode, &["--lang", "es", "--max-clients", "2"]);
        let mut ana = server.connect();
        ana.reads("-- te damos la bienvenida a tertulia: eres guest1 (#1)");
        ana.reads("-- todavía no hay nadie más");
        ana.reads("-- :nick NOMBRE toma un nombre, :help explica el resto, :q sale");
        let mut beto = server.connect();
        beto.reads("-- te damos la bienvenida a tertulia: eres guest2 (#2)");
        beto.reads("-- están: guest1 (#1)");
        beto.reads("-- :nick NOMBRE toma un nombre, :help explica el resto, :q sale");
        ana.reads("-- guest2 (#2) ha llegado");
        server.connect().reads("-- la sala está llena (2 de 2 plazas ocupadas); prueba más tarde");
        ana.says(":nick ana");
        ana.reads("-- ahora eres ana");
        beto.reads("-- guest1 ahora es ana (#1)");
        ana.says(":qx");
        ana.reads("-- :qx no es una orden y no se ha enviado; :help da la lista, ::qx lo dice");
        ana.says("¡hola!");
        beto.reads("<ana> ¡hola!");
        ana.says(":q");
        ana.reads("-- hasta luego");
        beto.reads("-- ana (#1) ya no está: se ha ido");
        server.console.shows("#1 ana ya no está: se ha ido (1 de 2 plazas)");
    }
}

// The console shows addresses of the network.
each_driver! {
    fn the_console_shows_who_came_who_spoke_and_who_left(mode) {
        let server = Server::start(mode);
        let mut ana = server.join();
        let beto = server.join();
        let from = ana.stream.local_addr().expect("connected");
        ana.sends(b":nick ana\nhola\n:me waves\n:q\n");
        ana.rest();
        drop(beto);
        server.console.shows("#2 guest2 is gone");
        let text = server.console.text();
        let lines: Vec<_> = text.lines().map(|line| line.split_once(' ').expect("a time")).collect();
        for (time, line) in &lines {
            let is_time = time.len() == 8 && time.split(':').all(|part| part.len() == 2 && part.parse::<u8>().is_ok());
            assert!(is_time, "{time} {line}");
        }
        let after: Vec<_> = lines.iter().map(|(_, line)| *line).collect();
        assert_eq!(after[0], format!("listening on {} ({mode}, 6 seats)", server.addr));
        assert_eq!(after[1], format!("#1 guest1 arrived from {from} (1 of 6 seats)"));
        assert!(after[2].starts_with("#2 guest2 arrived from 127.0.0.1:") && after[2].ends_with("(2 of 6 seats)"));
        assert_eq!(after[3..7], [
            "#1 guest1 is now ana",
            "#1 <ana> hola",
            "#1 * ana waves",
            "#1 ana is gone: left (1 of 6 seats)",
        ]);
        assert!(after[7].ends_with("(0 of 6 seats)"), "{}", after[7]);
        assert_eq!(after.len(), 8);
    }

    fn when_the_room_is_full_the_next_is_told_so_and_nobody_else_notices(mode) {
        let server = Server::with(mode, &["--max-clients", "2"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for _ in 0..10 {
            let mut third = server.connect();
            third.reads("-- the room is full (2 of 2 seats taken); try again later");
            assert_eq!(third.line(), None);
        }
        let line = server.console.shows("turned away");
        assert!(line.contains("127.0.0.1:") && line.ends_with(" turned away: the room is full"), "{line}");
        ana.says("hola");
        beto.reads("<ana> hola");
        ana.says(":q");
        ana.reads("-- goodbye");
        let mut third = server.connect();
        third.reads("-- welcome to tertulia: you are guest3 (#3)");
    }
}

/// All drivers give the same conversation: clients cannot tell which driver it was.
#[test]
fn the_same_script_gives_the_same_transcripts() {
    use Step::{Leaves, Says};
    let script = [
        Says(0, b":nick ana\nhola\n"),
        Says(1, b":nick beto\n:who\nwho is there?\n"),
        Says(0, b"\xc2\xa1hola!\r\n:msg beto psst\n:me waves\n"),
        Says(2, b"no line end yet"),
        Says(1, b":nick ANA\n:nick evan\n:qx\n::q\n\n  \n"),
        Says(2, b", but now\n:help\n"),
        Says(3, b"bad \x80\xff\xf4 bytes\x1b[2J\n:nick \xd0\xb5van\n"),
        Leaves(4, b"the room is full\n"),
        Says(0, &[b"x".repeat(64), b"\n".to_vec(), b"x".repeat(65), b"\n:msg nobody\n".to_vec()].concat()),
        Leaves(2, b"a\n:q\nb\n"),
        Says(0, b":msg guest3 too late\n"),
        Says(5, b"the sixth\n:me has the seat of the third\n:who\n"),
        Leaves(3, &[b'x'; 64 * 16]),
        Leaves(1, b"my last line"),
        Says(5, b":nick beto\nand now?\n"),
        Leaves(0, b""),
        Leaves(5, b":q"),
    ];
    let first = transcripts(DRIVERS[0].name, &script);
    assert!(first[0].contains(&"<guest3> no line end yet, but now".to_owned()), "{:#?}", first[0]);
    for driver in &DRIVERS[1..] {
        let other = transcripts(driver.name, &script);
        for (who, (first, other)) in first.iter().zip(&other).enumerate() {
            assert_eq!(first, other, "{}, {who}", driver.name);
        }
        assert_eq!(first.len(), other.len());
    }
}

/// A client, by number, and what it sends in one write.
enum Step<'a> {
    Says(usize, &'a [u8]),
    /// The last bytes that it sends.
    Leaves(usize, &'a [u8]),
}

/// What each client has read of a conversation in which all wait for each other, so that timing does not matter; and
/// last, what the console has shown, without times and addresses.
fn transcripts(mode: &str, script: &[Step<'_>]) -> Vec<Vec<String>> {
    let mut server = Server::with(mode, &["--max-clients", "4", "--max-line", "64"]);
    let mut people = Vec::new();
    for step in script {
        let (Step::Says(who, bytes) | Step::Leaves(who, bytes)) = *step;
        if who == people.len() {
            people.push((server.connect(), Vec::new()));
        }
        let (speaker, transcript) = &mut people[who];
        speaker.sends(bytes);
        match step {
            // Only the speaker gets the answer, and everything sent before has been said by then.
            Step::Says(..) if !bytes.ends_with(b"\n") => speaker.is_read(),
            Step::Says(..) => {
                speaker.says(":msg nobody ?");
                transcript.extend(speaker.lines_to("-- nobody here is called nobody; :who lists the names"));
            }
            Step::Leaves(..) => {
                speaker.hangs_up();
                transcript.extend(speaker.rest());
            }
        }
    }
    assert!(server.stop().success());
    let console = server.console.whole();
    let after_times = console.lines().skip(1).filter_map(|line| line.split_once(' '));
    let without_addresses = after_times.map(|(_, line)| match line.split_once("127.0.0.1:") {
        Some((before, after)) => before.to_owned() + after.trim_start_matches(|c: char| c.is_ascii_digit()),
        None => line.to_owned(),
    });
    let console = without_addresses.collect();
    people.into_iter().map(|(_, transcript)| transcript).chain([console]).collect()
}
