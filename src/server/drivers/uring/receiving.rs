//! What is received: from completions to the hub, and when a receive is cancelled and handed over again.

use super::super::ring::{Buffer, Completion, Errno, Operation, Outcome, PollFlags};
use super::{Client, CompletionLoop, Connection, Id};

impl CompletionLoop {
    /// Hands to the hub what was received. What a turn has no room for stays in its buffers until the next one. The
    /// kernel takes no more buffers than there are, so that is bounded.
    pub(super) fn take_in(&mut self) {
        while self.hub.turn_has_room()
            && let Some(id) = self.resumed.pop_front()
        {
            self.resume(id);
        }
        while self.hub.turn_has_room()
            && let Some(Completion { operation, key, is_last, outcome }) = self.ring.next_received()
        {
            let Outcome::Received(result) = outcome else { continue };
            let is_current = match self.connections.get_mut(key) {
                Some(Connection::Client(Client { input, .. }) | Connection::Lingering(_, input)) => {
                    let is_current = *input == Some(operation);
                    if is_current && is_last {
                        *input = None;
                    }
                    is_current
                }
                None => false,
            };
            match result {
                Ok(Some(buffer)) => {
                    if is_current {
                        self.receive(key, &buffer);
                    }
                    self.ring.give_back(buffer);
                }
                Ok(None) if is_current => self.receive_end(key),
                // It was cancelled, or there was no buffer left.
                Err(Errno::CANCELED | Errno::NOBUFS | Errno::INTR | Errno::AGAIN) | Ok(None) => {}
                Err(e) if is_current => self.fail(key, e),
                Err(_) => {}
            }
            if is_current && is_last {
                self.arm(key);
            }
        }
    }

    fn receive(&mut self, key: usize, buffer: &Buffer) {
        // From one that lingers it is discarded.
        let Some(Connection::Client(client)) = self.connections.get(key) else { return };
        if client.ended {
            return;
        }
        let bytes = self.ring.bytes(buffer);
        match self.hub.permit(client.id) {
            Some(permit) => permit.receive(bytes),
            None => self.hub.receive_ahead(client.id, bytes),
        }
        // It has to wait from now on. `Effect::Resume` says how long.
        if !self.hub.interest(client.id).readable
            && let Some(input) = client.input
        {
            self.ring.cancel(input);
        }
    }

    fn receive_end(&mut self, key: usize) {
        match self.connections.get_mut(key) {
            Some(Connection::Client(client)) if !client.ended => {
                client.ended = true;
                client.end_is_due = self.hub.holds_back(client.id);
                if !client.end_is_due {
                    self.hub.receive_end(client.id);
                }
            }
            Some(Connection::Client(_)) | None => {}
            Some(Connection::Lingering(..)) => {
                self.lingering.remove(key);
                self.remove(key);
            }
        }
    }

    pub(super) fn fail(&mut self, key: usize, error: Errno) {
        match self.connections.get_mut(key) {
            Some(Connection::Client(client)) => {
                log::debug!("{}: {error}", client.id);
                client.ended = true;
                self.dead.push(client.id);
            }
            Some(Connection::Lingering(..)) => {
                self.lingering.remove(key);
                self.remove(key);
            }
            None => {}
        }
    }

    /// Receives from a client again that had to wait.
    pub(super) fn resume(&mut self, id: Id) {
        let Some(Connection::Client(client)) = self.connections.get_mut(id.key()) else { return };
        // What was held back is said here.
        if client.id != id || self.hub.permit(id).is_none() {
            return;
        }
        if std::mem::take(&mut client.end_is_due) {
            self.hub.receive_end(id);
        }
        match client.input {
            // Its last completion leads to `arm`.
            Some(input) => self.ring.cancel(input),
            None => self.arm(id.key()),
        }
    }

    /// Hands over an operation for the input of a connection that has none: a receive; or, while the client has to wait, a
    /// poll that reports a reset at once.
    pub(super) fn arm(&mut self, key: usize) {
        match self.connections.get_mut(key) {
            Some(Connection::Client(client)) if client.input.is_none() && !client.ended => {
                client.input = Some(match self.hub.interest(client.id).readable {
                    true => self.ring.receive(&client.socket, key),
                    false => self.ring.poll(&client.socket, PollFlags::empty(), key),
                });
            }
            Some(Connection::Lingering(socket, input @ None)) => *input = Some(self.ring.receive(socket, key)),
            _ => {}
        }
    }

    /// The poll for a client that has to wait is complete.
    pub(super) fn polled(&mut self, key: usize, operation: Operation, result: Result<PollFlags, Errno>) {
        let input = match self.connections.get_mut(key) {
            Some(Connection::Client(Client { input, .. }) | Connection::Lingering(_, input)) => input,
            None => return,
        };
        if *input != Some(operation) {
            return;
        }
        *input = None;
        match result {
            Ok(events) if events.intersects(PollFlags::ERR | PollFlags::HUP) => self.fail(key, Errno::CONNRESET),
            // The peer has ended its stream, which is received when the client is resumed. A poll would report it again.
            Ok(_) => {}
            Err(_) => self.arm(key),
        }
    }
}
