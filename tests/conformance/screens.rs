//! Screens: a terminal obeys what it is shown, so no control sequence may come out of the server anywhere.

use crate::common::*;
use crate::each_driver_and_socket;

/// Text that a client may send to manipulate others' terminals.
const HOSTILE: [&str; 14] = [
    "\x1b[2J\x1b[Hscreen",
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "\u{9b}31mred",
    "\u{9d}0;title\u{9c}",
    "\x07\x07bell",
    "abc\x08\x08\x08xyz",
    "abc\x7f",
    "secret\rpublic",
    "a\x0bb\x0cc",
    "\u{202e}abc\u{202c}\u{2066}\u{2067}\u{2068}\u{2069}",
    "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202d}",
    "one\u{2028}two\u{2029}three\u{85}four",
    "\x00\x01\x02\x03\x04\x05\x06\x0e\x0f\x1a\x1c",
];

/// Characters that a terminal or a line reader may interpret as more than a letter.
fn is_hostile(c: char) -> bool {
    let bidi = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (c.is_control() && c != '\n') || bidi || matches!(c, '\u{2028}' | '\u{2029}')
}

#[track_caller]
fn is_inert(what: &str, text: &str) {
    assert!(!text.contains(is_hostile), "{what}: {text:?}");
}

each_driver_and_socket! {
    fn nothing_for_a_terminal_to_obey_comes_out_anywhere(mode) {
        let history = std::env::temp_dir().join(format!("tertulia-screens-{mode}-{}", std::process::id()));
        let path = history.to_str().expect("a path in UTF-8");
        let mut server = Server::with(mode, &["-vv", "--color", "never", "--history", path]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for text in HOSTILE {
            ana.says(&format!("say {text}"));
            ana.says(&format!(":me {text} acts"));
            ana.says(&format!(":msg beto tell {text}"));
            ana.says(&format!(":msg {text} hola"));
            ana.says(&format!(":nick {text}"));
            ana.says(&format!(":x{text}x"));
            ana.says(":nick ana"); // Freed of what is hostile, some are names like others.
        }
        ana.says("end");
        let at_betos = beto.lines_to("<ana> end");
        assert!(at_betos.len() >= HOSTILE.len() * 3, "{at_betos:?}");
        is_inert("the other's screen", &at_betos.concat());

        ana.says(":q");
        is_inert("their own screen", &ana.rest().concat());
        let mut newcomer = server.join();
        newcomer.says(":q");
        is_inert("the replay", &newcomer.rest().concat());

        assert!(server.stop().success());
        is_inert("the console", &server.console.whole());
        is_inert("the diagnostics", &server.diagnostics.whole());
        let kept = std::fs::read_to_string(&history).expect("a history");
        let _ = std::fs::remove_file(&history);
        assert!(kept.contains("redpublic") || kept.contains("secretpublic"), "{kept}");
        is_inert("the history", &kept);
        assert!(!kept.contains("\\u00") && !kept.contains("\\b"), "controls in disguise: {kept}");
    }

    fn a_carriage_return_and_a_unicode_line_break_make_no_new_line(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("one\r<beto> two\u{2028}<beto> three\u{85}<beto> four");
        beto.reads("<ana> one<beto> two<beto> three<beto> four");
    }

    fn a_tower_of_combining_marks_is_bounded(mode) {
        let server = Server::with(mode, &["--max-line", "4096"]);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says(&format!("a{}b", "\u{301}".repeat(1000)));
        let line = beto.message().expect("a line");
        assert!(line.starts_with("<ana> a\u{301}") && line.ends_with('b'), "{line}");
        let marks = line.chars().filter(|c| *c == '\u{301}').count();
        assert!(marks <= 16, "{marks} marks on one letter");
        // The marks that a language needs stay.
        ana.says("e\u{301} हिन्दी");
        beto.reads("<ana> e\u{301} हिन्दी");
    }

    fn what_shows_nothing_is_not_said(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for nothing in ["\u{200b}", "\u{200d}\u{fe0f}", "\u{3164}\u{ffa0}", "\u{2800}", "\u{301}", "\u{a0}\u{3000}", "\u{e0041}"] {
            ana.says(nothing);
            ana.says(&format!(":me {nothing}"));
            ana.reads("-- write :me TEXT");
            ana.says(&format!(":msg beto {nothing}"));
            ana.reads("-- write :msg NICK TEXT");
        }
        ana.says("that\u{200b} was\u{fe0f} all");
        beto.reads("<ana> that was all");
    }

    fn blanks_do_not_push_text_into_the_next_row(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        for blank in [" ", "\u{a0}", "\u{3000}", "\u{2800}", "\u{3164}", " \u{200b}"] {
            let forged = |command: &str| format!("{command}hola{}-- beto (#2) is gone: left", blank.repeat(80));
            let seen = format!("hola{}-- beto (#2) is gone: left", " ".repeat(17));
            ana.says(&forged(""));
            beto.reads(&format!("<ana> {seen}"));
            ana.says(&forged(":me "));
            beto.reads(&format!("* ana {seen}"));
            ana.says(&forged(":msg beto "));
            beto.reads(&format!("[ana -> you] {seen}"));
        }
        ana.says("\t\tif hungry { eat() }");
        beto.reads("<ana> \t\tif hungry { eat() }");
    }

    fn a_nick_that_deceives_is_refused_with_a_reason(mode) {
        let server = Server::start(mode);
        let [mut ana, mut evan] = server.join_all(["ana", "evan"]);
        for (nick, reason) in [
            ("еvan", "-- a name keeps to the letters of one alphabet; take another one"),
            ("ev\u{200b}an", "-- evan is taken, or looks like a name that is; take another one"),
            ("\u{200b}", "-- write :nick NAME"),
            ("\u{3164}", "-- write :nick NAME"),
            ("evan\u{301}", "-- a name has only letters, digits, _ and -; take another one"),
            ("EVAN", "-- EVAN is taken, or looks like a name that is; take another one"),
            ("evan", "-- evan is taken, or looks like a name that is; take another one"),
        ] {
            ana.says(&format!(":nick {nick}"));
            ana.reads(reason);
        }
        ana.says("hola");
        evan.reads("<ana> hola");
    }

    fn two_whole_words_of_other_alphabets_that_look_alike_cannot_both_be_worn(mode) {
        let server = Server::start(mode);
        let [mut ana, mut cop] = server.join_all(["ana", "cop"]);
        // All letters are Cyrillic, so the name is not mixed.
        ana.says(":nick сор");
        ana.reads("-- сор is taken, or looks like a name that is; take another one");
        cop.says(":q");
        ana.reads("-- cop (#2) is gone: left");
        ana.says(":nick сор");
        ana.reads("-- you are now сор");
    }

    fn what_imitates_a_notice_cannot_be_mistaken(mode) {
        let server = Server::start(mode);
        let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
        ana.says("-- beto (#2) is gone: left");
        beto.reads("<ana> -- beto (#2) is gone: left");
        ana.says("::-- the server closes");
        beto.reads("<ana> :-- the server closes");
        ana.says(":me -- the server closes");
        beto.reads("* ana -- the server closes");
        ana.says(":msg beto -- the server closes");
        beto.reads("[ana -> you] -- the server closes");
        ana.says(":nick --");
        ana.reads("-- you are now --");
        beto.reads("-- ana is now -- (#1)");
        ana.says("beto (#2) is gone: left");
        beto.reads("<--> beto (#2) is gone: left");
        ana.says(":me beto (#2) is gone: left");
        beto.reads("* -- beto (#2) is gone: left");
    }
}
