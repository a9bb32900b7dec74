//! The fuzz target for commands and nicks: a line that is parsed and written out again is parsed to the same, and an
//! allowed name can be used.

use crate::chat::command::{COMMANDS, Input, is_surely_said, parse};
use crate::chat::nick;
use crate::chat::sanitize::{is_plain, sanitize};

/// The input is a line. It is parsed as a command, and every word of it is checked as a name.
pub fn commands(line: &[u8]) {
    let text = sanitize(line);
    let text = text.as_ref();
    let input = parse(text);
    if let Some(again) = written_out(&input) {
        assert_eq!(parse(&again), input);
    }
    let slip = text.strip_prefix(':').is_some_and(|rest| rest.bytes().take_while(u8::is_ascii_lowercase).count() >= 2);
    match &input {
        Input::Say(said) => {
            assert!(*said == text || (format!(":{said}") == text && said.starts_with(':')), "said is what was typed");
            assert!(!slip, "a slip of the finger is not told to the room");
        }
        Input::Private { to, text } => assert!(!to.is_empty() && !to.contains([' ', '\t']) && !text.trim().is_empty()),
        Input::Act(text) | Input::Nick(text) => assert!(!text.is_empty() && text.trim() == *text),
        Input::Quit => assert_eq!(text.trim_end(), ":q"),
        Input::Who => assert_eq!(text.trim_end(), ":who"),
        Input::Help => assert_eq!(text.trim_end(), ":help"),
        Input::Op(password) => assert!(!password.is_empty() && text[1..3].eq_ignore_ascii_case("op")),
        Input::Misused(":op") => assert!(text.trim_end().eq_ignore_ascii_case(":op")),
        Input::Misused(word) => assert!(COMMANDS.contains(word) && text.starts_with(word)),
        Input::Unknown(word) => assert!(slip && text.starts_with(word)),
    }
    if !text.starts_with(':') || text.starts_with("::") {
        assert!(matches!(input, Input::Say(_)));
    }
    // The fast path for most lines gives the same result as the slow one.
    if is_plain(line) && is_surely_said(line) {
        assert_eq!((text.as_bytes(), input), (line, Input::Say(text)));
        assert!(!text.trim().is_empty());
    }

    text.split([' ', '\t']).for_each(name);
}

/// The shortest line that asks for the same. There is none for a command's word that is unknown because of what
/// directly follows it.
fn written_out(input: &Input<'_>) -> Option<String> {
    Some(match input {
        Input::Say(text) if text.starts_with(':') => format!(":{text}"),
        Input::Say(text) => text.to_string(),
        Input::Act(text) => format!(":me {text}"),
        Input::Private { to, text } => format!(":msg {to} {text}"),
        Input::Nick(nick) => format!(":nick {nick}"),
        Input::Who => ":who".to_string(),
        Input::Help => ":help".to_string(),
        Input::Quit => ":q".to_string(),
        Input::Op(password) => format!(":op {password}"),
        Input::Misused(word) if [":q", ":who", ":help"].contains(word) => format!("{word} x"),
        Input::Misused(word) => word.to_string(),
        Input::Unknown(word) if COMMANDS.contains(word) => return None,
        Input::Unknown(word) => word.to_string(),
    })
}

/// A name that the client with number 2 wants.
fn name(name: &str) {
    let number = 2;
    let skeletons = nick::skeletons(name);
    let alike = |other: &str| nick::skeletons(other).iter().any(|skeleton| skeletons.contains(skeleton));
    assert!(alike(&name.to_lowercase()) && alike(&name.to_uppercase()), "a capital makes no other name");
    let Ok(checked) = nick::check(name, number) else { return };
    assert_eq!(checked, skeletons);
    assert!((1..=20).contains(&name.chars().count()));
    assert_eq!(sanitize(name.as_bytes()), name, "shown as it is");
    assert_eq!(parse(&format!(":nick {name}")), Input::Nick(name), "can be taken");
    assert_eq!(parse(&format!(":msg {name} hola")), Input::Private { to: name, text: "hola" }, "can be written to");
    assert!(name == nick::guest(number) || !alike(&nick::guest(3)), "nobody looks like a guest");
}
