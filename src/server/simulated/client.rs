//! Clients with a script.

use super::dice::Dice;
use super::tls::Session;
use std::collections::VecDeque;
use std::time::Duration;

/// Something that a client does, or its system, at a planned time.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Connect(usize),
    /// The next step of its script.
    Step(usize),
    Read(usize),
    /// The server gets a signal to stop.
    Terminate,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Waits until this time.
    Until(Duration),
    End,
    Reset,
}

/// How a client reads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Habit {
    Eager,
    /// Reads a part every few milliseconds.
    Slow,
    /// Reads nothing before this time.
    From(Duration),
    Never,
}

pub(super) struct ScriptedClient {
    pub habit: Habit,
    pub script: VecDeque<Step>,
    /// What it says, in order. `said` is how many of these lines have been said in the room.
    pub lines: Vec<String>,
    pub said: usize,
    /// When it has sent something or reset its connection.
    pub acted_at: Vec<Duration>,
    pub quits: bool,
    /// When it has read everything and the server has shut down its side, it ends its stream, too.
    pub closes: bool,
    /// A read is planned.
    pub is_reading: bool,
    /// All that it has read. `owed` is all that it must read, given what happened in the room.
    pub got: Vec<u8>,
    pub expected: Vec<u8>,
    /// Its connection failed before it was accepted.
    pub aborted: bool,
    pub refused: bool,
    /// No thread could be started for it, so it may lack the end of what it was told.
    pub unserved: bool,
    /// It left because its connection was lost.
    pub is_lost: bool,
    /// What it encrypts with.
    pub session: Option<Session>,
    /// It comes through a Unix socket.
    pub is_local: bool,
}

impl ScriptedClient {
    /// A client that comes, talks, and stays or leaves.
    pub(super) fn random(number: usize, dice: &mut Dice) -> ScriptedClient {
        let habit = match dice.below(10) {
            0 => Habit::Never,
            1 => Habit::From(Duration::from_millis(20 + dice.below(700) as u64)),
            2..=4 => Habit::Slow,
            _ => Habit::Eager,
        };
        let (count, len) = match dice.below(12) {
            0 => (70 + dice.below(80), 1000),
            1..=3 => (1 + dice.below(4), 1000),
            _ => (dice.below(8), 12),
        };
        let lines: Vec<String> = (0..count)
            .map(|line| {
                let padding = "x".repeat(dice.below(len));
                format!("{number}.{line} {padding}.")
            })
            .collect();
        let mut bytes: Vec<u8> = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into();
        let goes = dice.below(10);
        let quits = goes == 0 || goes == 1;
        if quits {
            bytes.extend_from_slice(b":q\n");
            let more = dice.one_of(&[0, 0, 20, 3000]);
            bytes.extend(std::iter::repeat_n(b'y', more));
        }
        if goes == 2 && dice.one_in(2) && !bytes.is_empty() {
            bytes.pop();
        }
        let mut script = VecDeque::new();
        let piece_max =
            if bytes.len() > 10_000 { dice.one_of(&[20_000, 80_000, 200_000]) } else { 1 + dice.below(60) * 8 };
        while !bytes.is_empty() {
            let len = (1 + dice.below(piece_max)).min(bytes.len());
            let rest = bytes.split_off(len);
            script.push_back(Step::Send(std::mem::replace(&mut bytes, rest)));
        }
        match goes {
            2 | 3 => script.push_back(Step::End),
            4 | 5 => {
                script.truncate(1 + dice.below(script.len() + 1));
                script.push_back(Step::Reset);
            }
            _ => {}
        }
        ScriptedClient { habit, script, lines, quits, closes: dice.one_in(2), ..ScriptedClient::silent() }
    }

    /// A client that reads all it gets, and at `at` sends `count` lines of a kilobyte at once.
    pub(super) fn flooder(number: usize, count: usize, at: Duration) -> ScriptedClient {
        let lines: Vec<String> = (0..count).map(|line| format!("{number}.{line} {:.<1$}", "", 1000)).collect();
        let bytes = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into();
        ScriptedClient { lines, script: [Step::Until(at), Step::Send(bytes)].into(), ..ScriptedClient::silent() }
    }

    /// A client that reads all it gets, and says a short line at each of these times.
    pub(super) fn talker(number: usize, at: impl IntoIterator<Item = Duration>) -> ScriptedClient {
        let mut talker = ScriptedClient::silent();
        for (line, at) in at.into_iter().enumerate() {
            let text = format!("{number}.{line} .");
            talker.script.extend([Step::Until(at), Step::Send(format!("{text}\n").into())]);
            talker.lines.push(text);
        }
        talker
    }

    /// A client that leaves at `at` and keeps its connection open.
    pub(super) fn quitter(at: Duration) -> ScriptedClient {
        ScriptedClient {
            quits: true,
            script: [Step::Until(at), Step::Send(b":q\n".into())].into(),
            ..ScriptedClient::silent()
        }
    }

    pub(super) fn silent() -> ScriptedClient {
        ScriptedClient {
            habit: Habit::Eager,
            script: VecDeque::new(),
            lines: Vec::new(),
            said: 0,
            acted_at: Vec::new(),
            quits: false,
            closes: false,
            is_reading: false,
            got: Vec::new(),
            expected: Vec::new(),
            aborted: false,
            refused: false,
            unserved: false,
            is_lost: false,
            session: None,
            is_local: false,
        }
    }

    /// Makes the client send `:q` and then bytes that the server does not need to read.
    pub(super) fn quit_at_once(&mut self) {
        self.lines.clear();
        self.quits = true;
        self.script = [&b":q\n"[..], &[b'y'; 3000]].map(|bytes| Step::Send(bytes.to_vec())).into();
    }

    /// Makes the client send one byte at a time, and never the end of a line.
    pub(super) fn type_on(&mut self) {
        self.lines.clear();
        self.quits = false;
        self.script = vec![Step::Send(b"y".to_vec()); 500].into();
    }

    /// Whether no line of it lacks its end.
    #[cfg(feature = "tls")]
    pub(super) fn ends_all_lines(&self) -> bool {
        let last = self.script.iter().rev().find_map(|step| match step {
            Step::Send(bytes) => bytes.last(),
            _ => None,
        });
        last.is_none_or(|byte| *byte == b'\n')
    }

    /// Whether all that it sends comes as it was sent, if it comes.
    pub(super) fn is_sound(&self) -> bool {
        self.session.as_ref().is_none_or(Session::is_sound)
    }

    /// It is about to end its stream. Returns whether it announces that now.
    pub(super) fn says_the_end(&mut self) -> bool {
        self.session.as_mut().is_some_and(Session::says_the_end)
    }

    pub(super) fn is_handshaking(&self) -> bool {
        self.session.as_ref().is_some_and(Session::is_handshaking)
    }

    /// What it has to read, decrypted: `window` unless it encrypts.
    pub(super) fn unread<'a>(&'a self, window: &'a [u8]) -> &'a [u8] {
        self.session.as_ref().map_or(window, |session| &session.unread)
    }

    pub(super) fn reads(&self) -> bool {
        self.habit != Habit::Never
    }
}
