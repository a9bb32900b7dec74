//! The nicks of the other members, as far as they are known, the last speaker first; and the client's own nick.

use super::heard::Heard;
use super::news::News;

/// At most this many nicks are remembered, because a foreign server may send any number of them.
const NICKS_MAX: usize = 1000;

#[derive(Default)]
pub(super) struct NickBook {
    mine: Option<String>,
    others: Vec<String>,
}

impl NickBook {
    pub(super) fn mine(&self) -> Option<&str> {
        self.mine.as_deref()
    }

    /// The other members' nicks that begin with `start`, ignoring case.
    pub(super) fn beginning_with<'a>(&'a self, start: &str) -> impl Iterator<Item = &'a str> {
        let start = start.to_lowercase();
        self.others.iter().map(String::as_str).filter(move |nick| nick.to_lowercase().starts_with(&start))
    }

    /// Learns from a line that was not a notice.
    pub(super) fn hear(&mut self, heard: Heard<'_>) {
        if let Heard::Said { nick, .. } | Heard::Acted { nick, .. } | Heard::Private { nick, .. } = heard
            && !self.is_mine(nick)
        {
            self.forget(nick);
            self.others.insert(0, nick.to_owned());
            self.others.truncate(NICKS_MAX);
        }
    }

    /// Learns from a notice.
    pub(super) fn learn(&mut self, news: &News<'_>) {
        match news {
            News::Mine(nick) => {
                self.forget(nick);
                self.mine = Some((*nick).to_owned());
            }
            News::Renamed { old, new } => match self.others.iter_mut().find(|other| other == old) {
                Some(other) => *other = (*new).to_owned(),
                None => self.meet(new),
            },
            News::Left(nick) => self.forget(nick),
            News::Here(nicks) => nicks.iter().for_each(|nick| self.meet(nick)),
            News::NickRefused | News::Full | News::Password | News::Nothing => {}
        }
    }

    fn is_mine(&self, nick: &str) -> bool {
        self.mine.as_deref() == Some(nick)
    }

    fn meet(&mut self, nick: &str) {
        if !self.is_mine(nick) && self.others.len() < NICKS_MAX && !self.others.iter().any(|other| other == nick) {
            self.others.push(nick.to_owned());
        }
    }

    fn forget(&mut self, nick: &str) {
        self.others.retain(|other| other != nick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(book: &NickBook) -> Vec<&str> {
        book.beginning_with("").collect()
    }

    #[test]
    fn people_come_speak_rename_and_go() {
        let mut book = NickBook::default();
        book.learn(&News::Mine("guest3"));
        book.learn(&News::Here(vec!["ana", "beto", "guest3", "carla"]));
        assert_eq!(all(&book), ["ana", "beto", "carla"]);
        book.hear(Heard::Said { nick: "carla", text: "hola" });
        book.hear(Heard::Acted { nick: "beto", text: "waves" });
        book.hear(Heard::Said { nick: "guest3", text: "not me: I do not hear myself" });
        assert_eq!(all(&book), ["beto", "carla", "ana"]);
        book.learn(&News::Renamed { old: "carla", new: "Carlota" });
        book.learn(&News::Left("beto"));
        assert_eq!(all(&book), ["Carlota", "ana"]);
        assert_eq!(book.beginning_with("CAR").collect::<Vec<_>>(), ["Carlota"]);
        book.learn(&News::Mine("dora"));
        assert_eq!(book.mine(), Some("dora"));
    }

    #[test]
    fn a_server_that_names_everybody_does_not_fill_the_memory() {
        let mut book = NickBook::default();
        for i in 0..NICKS_MAX + 50 {
            let nick = format!("n{i}");
            book.learn(&News::Here(vec![&nick]));
            book.hear(Heard::Said { nick: &nick, text: "" });
        }
        assert_eq!(all(&book).len(), NICKS_MAX);
    }
}
