//! The introduction of clients: each has received a line of the others before a torment begins.

use crate::harness::{Crowd, Kind, SHORT_LEN};
use std::time::{Duration, Instant};

/// Why two clients do not receive each other's lines.
#[derive(Debug)]
pub(crate) enum Unacquainted {
    /// This client was closed.
    Closed(usize),
    /// This client lacks a line of another one.
    Unheard { by: usize },
}

/// Lets some of a crowd send hellos until all of them have received each other's.
///
/// They send one after the other, the last one first. What a server does when several send at once, or while a client
/// connects, is left to the torments.
pub(crate) fn acquaint(crowd: &mut Crowd, who: &[usize], limit: Duration) -> Result<(), Unacquainted> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(60);
    loop {
        for &i in who.iter().rev() {
            if unheard_by(crowd, i, who).is_none() {
                continue;
            }
            crowd.members[i].say(Kind::Hello, SHORT_LEN);
            let next = pause.min(limit.saturating_sub(begin.elapsed()));
            crowd.wait(next, |crowd| {
                unheard_by(crowd, i, who).is_none() || who.iter().any(|&i| !crowd.members[i].is_open())
            });
            if let Some(&closed) = who.iter().find(|&&i| !crowd.members[i].is_open()) {
                return Err(Unacquainted::Closed(closed));
            }
        }
        match who.iter().find_map(|&i| unheard_by(crowd, i, who)) {
            None => return Ok(()),
            Some(by) if begin.elapsed() >= limit => return Err(Unacquainted::Unheard { by }),
            // A client does not get what was sent before it was let in, and a server that asks for a name takes the
            // first line as the name.
            Some(_) => pause = (pause * 2).min(Duration::from_millis(500)),
        }
    }
}

/// The first of `who` that has received nothing from one of them.
fn unheard_by(crowd: &Crowd, one: usize, who: &[usize]) -> Option<usize> {
    let number = crowd.members[one].number();
    who.iter().copied().find(|&by| by != one && !crowd.members[by].receiver.knows(number))
}
