//! Clients with a script.

use super::dice::Dice;
use std::collections::VecDeque;
use std::time::Duration;

/// When a client does something by itself, or its system does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Act {
    Connect(usize),
    /// The next step of its script.
    Step(usize),
    Read(usize),
    /// Somebody ends the server.
    Terminate,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Send(Vec<u8>),
    /// Waits until then.
    Until(Duration),
    End,
    Reset,
}

/// How a client reads.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Habit {
    Eager,
    /// Some of it, every few milliseconds.
    Slow,
    /// Not until then.
    From(Duration),
    Never,
}

pub(super) struct ScriptedClient {
    pub habit: Habit,
    pub script: VecDeque<Step>,
    /// What it says, in order, and how much of that has been said in the room.
    pub lines: Vec<String>,
    pub said: usize,
    pub quits: bool,
    /// When all is over it ends its stream, too.
    pub closes: bool,
    /// A read is planned.
    pub is_reading: bool,
    /// All that it has read, and all that it has to read by what happened in the room.
    pub got: Vec<u8>,
    pub expected: Vec<u8>,
    /// Its connection failed before it was accepted.
    pub aborted: bool,
    pub refused: bool,
    /// There was no thread to be had for it, and it may lack the end of what it was told.
    pub unserved: bool,
}

impl ScriptedClient {
    /// Somebody who comes, talks, and stays or goes.
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

    /// Somebody who reads all it gets, and at `at` sends `count` lines of a kilobyte at once.
    pub(super) fn flooder(number: usize, count: usize, at: Duration) -> ScriptedClient {
        let lines: Vec<String> = (0..count).map(|line| format!("{number}.{line} {:.<1$}", "", 1000)).collect();
        let bytes = lines.iter().flat_map(|line| [line, "\n"]).collect::<String>().into();
        ScriptedClient { lines, script: [Step::Until(at), Step::Send(bytes)].into(), ..ScriptedClient::silent() }
    }

    /// Somebody who leaves at `at` and keeps its connection open.
    pub(super) fn quitter(at: Duration) -> ScriptedClient {
        ScriptedClient {
            quits: true,
            script: [Step::Until(at), Step::Send(b":q\n".into())].into(),
            ..ScriptedClient::silent()
        }
    }

    fn silent() -> ScriptedClient {
        ScriptedClient {
            habit: Habit::Eager,
            script: VecDeque::new(),
            lines: Vec::new(),
            said: 0,
            quits: false,
            closes: false,
            is_reading: false,
            got: Vec::new(),
            expected: Vec::new(),
            aborted: false,
            refused: false,
            unserved: false,
        }
    }

    /// Says that it goes, and more that nobody wants to read any more.
    pub(super) fn quit_at_once(&mut self) {
        self.lines.clear();
        self.quits = true;
        self.script = [&b":q\n"[..], &[b'y'; 3000]].map(|bytes| Step::Send(bytes.to_vec())).into();
    }

    /// Goes on sending, a byte at a time, and never comes to a line's end.
    pub(super) fn type_on(&mut self) {
        self.lines.clear();
        self.quits = false;
        self.script = vec![Step::Send(b"y".to_vec()); 500].into();
    }

    pub(super) fn reads(&self) -> bool {
        self.habit != Habit::Never
    }
}
