//! Bytes and lines: TCP keeps no message boundaries, so any cut of the stream must give the same lines.

use crate::common::*;
use crate::each_driver_and_socket;
use socket2::SockRef;
use std::io::Write;

each_driver_and_socket! {
    fn nothing_of_another_protocol_is_said(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        let post = "POST /chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/plain\r\n\r\n:nick eva\nhola\n";
        let long = format!("POST /{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nhola\n", "a".repeat(3000));
        for (protocol, bytes) in [
            ("HTTP", post.as_bytes()),
            ("HTTP", long.as_bytes()),
            ("HTTP", b"GET / HTTP/1.0"),
            ("TLS", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\nhola\n"),
            ("SSH", b"SSH-2.0-OpenSSH_10.0\r\nhola\n"),
        ] {
            let mut stranger = server.connect().greeted();
            ana.notice("is here");
            stranger.sends(bytes);
            if bytes == b"GET / HTTP/1.0" {
                stranger.hangs_up();
            }
            let why = format!("this is a chat, and it speaks {protocol}");
            assert_eq!(stranger.rest().last(), Some(&format!("-- disconnected: {why}")), "{protocol}");
            let left = ana.notice("is gone");
            assert!(left.contains(&why), "{left}");
            server.console.shows(&why);
            #[cfg(target_os = "linux")]
            server.rests();
        }
        let mut beto = server.join_as("beto");
        beto.says("GET UP");
        ana.sees("<beto> GET UP");
    }
}

each_driver_and_socket! {
    fn nobody_learns_of_a_stranger_that_begins_at_once(mode) {
        let server = Server::start(mode);
        let mut ana = server.join_as("ana");
        for (answer, protocol, bytes) in [
            ("HTTP/1.1 400 Bad Request", "HTTP", &b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n:nick eva\nhola\n"[..]),
            ("-- disconnected: this is a chat", "TLS", b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\nhola\n"),
            ("-- disconnected: this is a chat", "SSH", b"SSH-2.0-OpenSSH_10.0\r\nhola\n"),
        ] {
            // On a busy machine this thread may be so late that the server takes the client for a silent person.
            let is_in_time = (0..20).any(|_| {
                let mut stranger = server.connect();
                stranger.sends(bytes);
                let lines = stranger.rest();
                let was_greeted = lines[0].starts_with("-- welcome");
                if was_greeted {
                    ana.notice("is here");
                    ana.notice("is gone");
                } else {
                    assert!(lines[0].starts_with(answer), "{lines:?}");
                    assert!(lines[lines.len() - 1].ends_with(protocol), "{lines:?}");
                    server.console.shows(&format!("turned away: this is a chat, and it speaks {protocol}"));
                }
                !was_greeted
            });
            assert!(is_in_time, "{protocol}");
        }
        let mut beto = server.join_as("beto");
        beto.says("hola");
        let told = ana.lines_to("<beto> hola");
        assert!(told.len() == 2 && told[0].ends_with("is here") && told[1].contains("is now beto"), "{told:?}");
    }
}

each_driver_and_socket! {
    fn a_line_byte_by_byte(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for byte in "¿qué tal?\r\n".bytes() {
            ana.sends(&[byte]);
            ana.is_read();
        }
        beto.reads("<ana> ¿qué tal?");
    }

    fn two_segments_of_one_line_are_one_message(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for (first, second) in [
            (&b"ho"[..], &b"la\n"[..]),
            (b"hola", b"\n"),
            (b"hola\r", b"\n"),
        ] {
            ana.sends(first);
            ana.is_read();
            ana.sends(second);
            beto.reads("<ana> hola");
        }
        ana.sends(b"ma\xc3");
        ana.is_read();
        ana.sends(b"\xb1ana\n");
        beto.reads("<ana> mañana");
    }

    fn a_command_in_two_segments_is_one_command(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.sends(b":ni");
        ana.is_read();
        ana.sends(b"ck eva\n");
        ana.reads("-- you are now eva");
        beto.reads("-- ana is now eva (#1)");
    }

    fn many_lines_in_one_segment_all_arrive_in_order(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        let lines: String = (0..500).map(|i| format!("line {i}\n")).collect();
        ana.sends(lines.as_bytes());
        for i in 0..500 {
            beto.reads(&format!("<ana> line {i}"));
        }
    }

    fn a_command_and_a_message_in_one_write_both_work(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.sends(b":nick eva\nhola\n:who\n");
        ana.reads("-- you are now eva");
        ana.reads("-- 2 here: eva (#1), beto (#2)");
        beto.reads("-- ana is now eva (#1)");
        beto.reads("<eva> hola");
    }

    fn a_line_of_the_limit_passes_and_a_longer_one_stays_with_its_sender(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for line in ["x".repeat(1023), "x".repeat(1024), "x".repeat(1022) + "ñ"] {
            for end in ["\n", "\r\n"] {
                ana.sends(format!("{line}{end}").as_bytes());
                beto.reads(&format!("<ana> {line}"));
            }
        }
        // Half a character is never sent: the limit is inside the ñ.
        for line in ["x".repeat(1025), "x".repeat(1023) + "ñ"] {
            ana.says(&line);
            ana.reads("-- your line of 1025 bytes was not sent: a line holds at most 1024");
        }
        ana.says(&"x".repeat(16_000));
        ana.reads("-- your line of 16000 bytes was not sent: a line holds at most 1024");
        ana.says("short");
        beto.reads("<ana> short");
    }

    fn a_line_is_as_long_as_max_line_says(mode) {
        let server = Server::with(mode, &["--max-line", "16"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("0123456789abcdef");
        beto.reads("<ana> 0123456789abcdef");
        ana.says("0123456789abcdefg");
        ana.reads("-- your line of 17 bytes was not sent: a line holds at most 16");
        ana.sends(&[b'x'; 16 * 16]);
        ana.reads("-- disconnected: 256 bytes without a line end");
        beto.reads("-- ana (#1) is gone: 256 bytes without a line end");
    }

    fn a_line_without_an_end_closes_its_sender_with_a_word_why(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.sends(&[b'x'; 16 * 1024]);
        ana.reads("-- disconnected: 16384 bytes without a line end");
        assert_eq!(ana.line(), None);
        beto.reads("-- ana (#1) is gone: 16384 bytes without a line end");
        server.console.shows("#1 ana is gone: 16384 bytes without a line end");
    }

    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn an_endless_line_costs_no_memory(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        let before = server.memory_peak();
        let mut sent = 0;
        while sent < 64 << 20 && ana.stream.write_all(&[b'x'; 64 << 10]).is_ok() {
            sent += 64 << 10;
        }
        beto.reads("-- ana (#1) is gone: 16384 bytes without a line end");
        beto.says("still here");
        cleo.sees("<beto> still here");
        let grown = server.memory_peak() - before;
        assert!(grown < 4 << 10, "{grown} KiB more for {sent} bytes");
    }

    fn empty_lines_and_blanks_are_ignored(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.sends(b"\n\r\n   \n\t\n::\n\x00\n\x1b\nhola\n");
        beto.reads("<ana> :");
        beto.reads("<ana> hola");
    }

    fn what_leaves(mode) {
        let server = Server::start(mode);
        let mut beto = server.join_as("beto");
        for (number, typed) in (2..).zip([":q\n", ":q \n", ":q\t\r\n"]) {
            let mut guest = server.join();
            guest.sends(typed.as_bytes());
            guest.reads("-- goodbye");
            assert_eq!(guest.line(), None, "{typed:?}");
            beto.reads(&format!("-- guest{number} (#{number}) is here"));
            beto.reads(&format!("-- guest{number} (#{number}) is gone: left"));
        }
    }

    fn what_looks_like_a_command_and_is_said(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for said in [" :q", ":Q", ":)", ":D", ":p", ":-)", ":", "q", "adios :q"] {
            ana.says(said);
            beto.reads(&format!("<ana> {said}"));
        }
        ana.says("::q");
        beto.reads("<ana> :q");
        ana.says("::nick eva");
        beto.reads("<ana> :nick eva");
    }

    fn a_slip_of_the_finger_is_not_sent(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for slip in [":qx", ":quit", ":wq", ":nickeva"] {
            ana.says(slip);
            ana.reads(&format!("-- {slip} is no command and was not sent; :help lists them, :{slip} says it"));
        }
        ana.says(":q now");
        ana.reads("-- write :q alone on its line");
        ana.says("hola");
        beto.reads("<ana> hola");
    }

    fn what_comes_before_leaving_is_delivered_and_what_comes_after_is_not(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.sends(b"a\n:q\nb\n");
        ana.reads("-- goodbye");
        assert_eq!(ana.line(), None);
        beto.reads("<ana> a");
        beto.reads("-- ana (#1) is gone: left");
        cleo.says("c");
        beto.reads("<cleo> c");
    }

    fn the_last_line_needs_no_line_end(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        ana.sends(b"first\nlast");
        ana.hangs_up();
        ana.reads("-- goodbye");
        assert_eq!(ana.line(), None);
        for other in [&mut beto, &mut cleo] {
            other.reads("<ana> first");
            other.reads("<ana> last");
            other.reads("-- ana (#1) is gone: hung up");
        }
        beto.sends(b":q");
        beto.hangs_up();
        cleo.reads("-- beto (#2) is gone: left");
    }

    fn bytes_that_are_no_utf8_become_replacement_characters(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for (bytes, read) in [
            (&b"a\x80b\n"[..], "<ana> a\u{fffd}b"),
            (b"a\xc0\xafb\n", "<ana> a\u{fffd}\u{fffd}b"),
            (b"a\xed\xa0\x80b\n", "<ana> a\u{fffd}\u{fffd}\u{fffd}b"),
            (b"caf\xc3\n", "<ana> caf\u{fffd}"),
            (b"caf\xe9 latin-1\n", "<ana> caf\u{fffd} latin-1"),
        ] {
            ana.sends(bytes);
            beto.reads(read);
        }
    }

    fn nul_and_telnet_sequences_are_gone(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for pieces in [
            &[&b"h\0ol\0a\n"[..]][..],
            &[b"\xff\xfb\x1fhola\n"],
            &[b"ho\xff", b"\xfb", b"\x1fla\n"],
            &[b"ho\xff\xfa\x1f\0\x50", b"\0\x18\xff", b"\xf0la\n"],
            &[b"\xff\xf4\xff\xfd\x06", b"hola\r\n"],
            &[b"hola\xff\xf1\r\0\n"],
        ] {
            for piece in pieces {
                ana.sends(piece);
                ana.is_read();
            }
            beto.reads("<ana> hola");
        }
    }

    /// Out-of-band data splits the stream: a read stops before it, although there are more bytes.
    #[cfg_attr(not(target_os = "linux"), ignore = "looks into /proc")]
    fn an_out_of_band_byte_holds_nothing_up(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto, mut cleo] = server.join_all(["ana", "beto", "cleo"]);
        server.frozen(|| {
            // Telnet's Ctrl-C: Interrupt Process, and Data Mark, with the mark out of band.
            ana.sends(b"hol\xff\xf4\xff");
            SockRef::from(&ana.stream).send_out_of_band(b"\xf2").expect("sent");
            ana.sends(b"a\n:q\n");
        });
        beto.reads("<ana> hola");
        beto.reads("-- ana (#1) is gone: left");
        server.frozen(|| {
            beto.sends(b"adi");
            SockRef::from(&beto.stream).send_out_of_band(b"!").expect("sent");
            beto.sends(b"os");
            beto.hangs_up();
        });
        cleo.sees("<ana> hola");
        cleo.sees("<beto> adios");
        cleo.reads("-- beto (#2) is gone: hung up");
    }
}
