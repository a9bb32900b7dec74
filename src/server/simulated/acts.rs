//! The clients play their scripts, and read.

use super::client::{Act, Habit, Step};
use super::kernel::{Kernel, Stage};

impl Kernel {
    pub(super) fn act(&mut self, act: Act) {
        match act {
            Act::Connect(number) => {
                self.connect(number);
                self.go_on(number);
            }
            Act::Step(number) => {
                if let Some(session) = &mut self.sockets[number].client.session {
                    if let Some(piece) = session.next_piece(&mut self.dice) {
                        self.arrive(number, &piece);
                        return self.go_on(number);
                    }
                    if session.has_to_wait() {
                        return;
                    }
                }
                let client = &mut self.sockets[number].client;
                if let Some(Step::Send(_) | Step::Reset) = client.script.front() {
                    client.acted_at.push(self.elapsed);
                }
                match client.script.pop_front() {
                    Some(Step::Send(bytes)) => match &mut client.session {
                        Some(session) => session.encrypt(&bytes),
                        None => self.arrive(number, &bytes),
                    },
                    Some(Step::Until(at)) => return self.plan(at.saturating_sub(self.elapsed), Act::Step(number)),
                    Some(Step::End) if client.says_the_end() => client.script.push_front(Step::End),
                    Some(Step::End) => self.end(number),
                    Some(Step::Reset) => self.reset(number),
                    None => return,
                }
                self.go_on(number);
            }
            Act::Read(number) => self.take(number),
            Act::Terminate => self.signal(),
        }
    }

    fn go_on(&mut self, number: usize) {
        let end = self.dice.one_of(&[1, 100, 100, 1000, 10_000, 200_000]);
        let pause = self.dice.micros(end);
        self.plan(pause, Act::Step(number));
    }

    /// Plans the next read of a client that has something to read.
    pub(super) fn incoming(&mut self, number: usize) {
        let (dice, elapsed) = (&mut self.dice, self.elapsed);
        let client = &mut self.sockets[number].client;
        let delay = match client.habit {
            _ if client.is_handshaking() => dice.micros(500),
            Habit::Eager => dice.micros(500),
            Habit::Slow => dice.micros(10_000),
            Habit::From(at) => at.saturating_sub(elapsed),
            Habit::Never => return,
        };
        if !std::mem::replace(&mut client.is_reading, true) {
            self.plan(delay, Act::Read(number));
        }
    }

    fn take(&mut self, number: usize) {
        let socket = &mut self.sockets[number];
        socket.client.is_reading = false;
        let all = socket.window.len();
        let len = match socket.client.habit {
            Habit::Slow if all > 0 => 1 + self.dice.below(all),
            _ => all,
        };
        socket.take(len);
        let session = socket.client.session.as_mut().filter(|_| len == all);
        let goes_on = session.is_some_and(|session| session.goes_on());
        if goes_on {
            self.go_on(number);
        }
        let socket = &self.sockets[number];
        if len < all {
            self.incoming(number);
        } else if socket.shut && socket.client.closes && socket.stage == Stage::Accepted {
            self.end(number);
        }
    }
}
