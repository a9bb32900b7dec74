//! What becomes of the bytes that a client sent: they are cut into lines, and each line is handled or held back.

use super::Hub;
use crate::chat::command::is_surely_said;
use crate::chat::connections::Input;
use crate::chat::connections::line::Line;
use crate::chat::connections::opening::Opening;
use crate::chat::connections::sanitize::{is_plain, sanitize};
use crate::chat::limits::{ENDLESS_FACTOR, Framing};
use crate::chat::messages::Notice;
use crate::chat::{Id, Reason};

/// What became of a line.
pub(super) enum Handled {
    /// It is a message for all.
    Said,
    /// It is anything else, and its client stays.
    Answered,
    /// Its client leaves.
    Left,
    /// It waits until the client has a number.
    HeldBack,
}

impl Hub {
    /// Handles what was held back of a client, as far as it may be said now. Returns whether that was all.
    #[cold]
    pub(super) fn go_on(&mut self, id: Id) -> bool {
        let Some(held_back) = self.connections.release(id) else { return false };
        if let Some(input) = self.connections.take_input(id) {
            self.handle(self.known(id), &held_back, input);
        }
        self.end_if_all_is_said(id);
        !self.holds_back(id)
    }

    #[inline]
    pub(super) fn receive(&mut self, id: Id, bytes: &[u8]) {
        if self.is_linked() && self.receive_upstream(id, bytes) {
            return;
        }
        match self.connections.are_encrypted() {
            true => self.receive_encrypted(id, bytes),
            false => self.receive_plain(id, bytes),
        }
    }

    pub(super) fn receive_plain(&mut self, id: Id, bytes: &[u8]) {
        self.idle.hear(id, self.connections.now());
        if self.holds_back(id) {
            return self.connections.hold_back(id, bytes);
        }
        let Some(mut input) = self.connections.take_input(id) else { return };
        let id = self.known(id);
        match input.opening.read(bytes) {
            Some(protocol) => self.leave(id, Reason::Foreign(protocol)),
            None => self.handle(id, bytes, input),
        }
    }

    /// Handles input of a client. Holds back what may not be said now.
    #[inline]
    fn handle(&mut self, id: Id, bytes: &[u8], mut input: Input) {
        let left = match self.limits.framing {
            Framing::Line => self.handle_lines(id, bytes, &mut input),
            Framing::Raw => self.handle_raw(id, bytes, &mut input.opening),
        };
        self.connections.put_back(id, input);
        if !left.is_empty() {
            self.connections.hold_back(id, left);
        }
        if self.connections.must_evict() {
            self.room.evict(&mut self.connections);
        }
    }

    /// Returns what is to be held back.
    fn handle_lines<'a>(&mut self, mut id: Id, mut bytes: &'a [u8], input: &mut Input) -> &'a [u8] {
        let Input { decoder, opening, .. } = input;
        let line_max = self.limits.line_max;
        let mut is_paced = (input.fills_some || self.connections.some_block()) && self.connections.is_paced(id);
        let mut has_rate = self.connections.has_rate() || !id.has_number();
        while !bytes.is_empty() {
            if (is_paced || has_rate) && self.connections.must_wait(id) && is_more_than_quit(decoder.peek(bytes)) {
                return bytes;
            }
            let before = self.connections.caused();
            let Some(line) = decoder.next(&mut bytes, line_max, line_max * ENDLESS_FACTOR) else { break };
            if has_rate {
                self.connections.count_line(id);
            }
            let handled = self.line(id, line, opening);
            if !id.has_number() {
                // It may have come in.
                id = self.known(id);
                has_rate = self.connections.has_rate() || !id.has_number();
            }
            match handled {
                Handled::Said if !is_paced => continue,
                Handled::Left => return &[],
                Handled::HeldBack => return bytes,
                Handled::Said | Handled::Answered => {}
            }
            is_paced = self.pace(id, before);
        }
        &[]
    }

    /// The same for a read that is a message. Commands are short, so it is held back as a whole or not at all.
    fn handle_raw<'a>(&mut self, id: Id, bytes: &'a [u8], opening: &mut Opening) -> &'a [u8] {
        if self.connections.must_wait(id) && is_more_than_quit(Some([bytes, &[]])) {
            return bytes;
        }
        self.connections.count_line(id);
        let (mut id, before) = (id, self.connections.caused());
        for message in bytes.chunks(self.limits.line_max) {
            // A line end within the message is a control character like others, and is replaced by a space.
            let message = message.trim_ascii_end();
            let flat: Vec<u8> = message.iter().map(|&b| if b == b'\n' { b' ' } else { b }).collect();
            match self.line(id, Line::Text(&flat), opening) {
                Handled::Left | Handled::HeldBack => return &[],
                Handled::Said | Handled::Answered => {}
            }
            id = self.known(id);
        }
        self.pace(id, before);
        &[]
    }

    /// Returns whether others cannot keep up with a client. If so, takes off its allowance what it has caused since `before`.
    #[cold]
    fn pace(&mut self, id: Id, before: u64) -> bool {
        let is_paced = self.connections.is_paced(id);
        if is_paced {
            self.connections.spend(id, (self.connections.caused() - before) as usize);
        }
        is_paced
    }

    /// Handles one line.
    #[inline]
    pub(super) fn line(&mut self, id: Id, line: Line<'_>, opening: &mut Opening) -> Handled {
        if let Some(protocol) = opening.line(&line) {
            self.leave(id, Reason::Foreign(protocol));
            return Handled::Left;
        }
        if !id.has_number() {
            return self.answer(id, &line);
        }
        if !self.newcomers.is_empty() {
            self.welcome_all(id, &line);
        }
        let Hub { room, connections, limits, .. } = self;
        match line {
            Line::Text(bytes) if is_plain(bytes) && is_surely_said(bytes) => {
                // Nearly all lines: the next case would do the same in twice the time.
                room.say(connections, id, bytes);
                return Handled::Said;
            }
            Line::Text(bytes) => self.hear(id, &sanitize(bytes)),
            Line::TooLong(len) => room.tell(connections, id, &Notice::TooLong { len, max: limits.line_max }),
            Line::Endless => room.leave(connections, id, Reason::EndlessLine(limits.line_max * ENDLESS_FACTOR)),
        }
        self.connections.note_addressed(id);
        if self.connections.is_open(id) { Handled::Answered } else { Handled::Left }
    }
}

/// Whether the next line of a client is complete and is not `:q`. `pieces` are the line's.
fn is_more_than_quit(pieces: Option<[&[u8]; 2]>) -> bool {
    pieces.is_some_and(|pieces| pieces.concat().trim_ascii_end() != b":q")
}
