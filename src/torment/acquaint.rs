//! Clients who meet: each has heard the other before anything is tried.

use crate::harness::{Crowd, Kind, SHORT};
use std::time::{Duration, Instant};

/// Why two do not hear each other.
#[derive(Debug)]
pub enum Stranger {
    Closed(usize),
    Unheard { by: usize, who: usize },
}

impl Stranger {
    pub fn in_words(&self, heard: &str) -> String {
        let heard = if heard.is_empty() {
            "; nothing was sent to it".into()
        } else {
            format!("; what it heard ends with \"{heard}\"")
        };
        match self {
            Stranger::Closed(0) => format!("one who was inside was closed when another came{heard}"),
            Stranger::Closed(_) => format!("a newcomer was closed{heard}"),
            Stranger::Unheard { by: 0, .. } => format!("nobody hears a newcomer{heard}"),
            Stranger::Unheard { .. } => format!("a newcomer hears nobody{heard}"),
        }
    }
}

/// Lets some of a crowd say hello until all of them have heard each other.
///
/// One after the other, the last one first: a server is to be met, and what it does when several speak at once, or one while
/// another comes in, is looked at elsewhere.
pub fn acquaint(crowd: &mut Crowd, who: &[usize], limit: Duration) -> Result<(), Stranger> {
    let begin = Instant::now();
    let mut pause = Duration::from_millis(60);
    loop {
        for &i in who.iter().rev() {
            if unheard_by(crowd, i, who).is_none() {
                continue;
            }
            crowd.members[i].say(Kind::Hello, SHORT);
            let next = pause.min(limit.saturating_sub(begin.elapsed()));
            crowd.wait(next, |crowd| {
                unheard_by(crowd, i, who).is_none() || who.iter().any(|&i| !crowd.members[i].is_open())
            });
            if let Some(&closed) = who.iter().find(|&&i| !crowd.members[i].is_open()) {
                return Err(Stranger::Closed(closed));
            }
        }
        match who.iter().find_map(|&i| Some((unheard_by(crowd, i, who)?, i))) {
            None => return Ok(()),
            Some((by, who)) if begin.elapsed() >= limit => return Err(Stranger::Unheard { by, who }),
            // A line that was said before the other came was not heard by it; a server that asks for a name took the first.
            Some(_) => pause = (pause * 2).min(Duration::from_millis(500)),
        }
    }
}

/// The first of some who has not heard anything of one of them.
fn unheard_by(crowd: &Crowd, one: usize, who: &[usize]) -> Option<usize> {
    let number = crowd.members[one].number();
    who.iter().copied().find(|&by| by != one && !crowd.members[by].receiver.knows(number))
}
