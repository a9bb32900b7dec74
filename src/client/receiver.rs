//! Receives what the server sends: learns the names, and puts the lines on the screen.

use super::editor::Typed;
use super::heard::Heard;
use super::hello::words_of;
use super::inbox::{Inbox, Received};
use super::lock;
use super::messages::Text;
use super::news::News;
use super::nicks::NickBook;
use super::render::{Paint, time_of_day};
use super::screen::Screen;
use super::stream::Stream;
use crate::text::Lang;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// An event from the other threads of a terminal session for the one that decides.
pub(super) enum TerminalEvent {
    Typed(Typed),
    /// The server has confirmed or refused the client's nick.
    NameSettled,
    /// The room is full. Holds the server's text.
    Refused(String),
    /// The server closed the connection, or it failed.
    Ended(io::Result<()>),
    /// There is no connection. The next attempt comes after this time.
    Retrying(Duration),
    /// There is a new connection.
    Connected(Stream),
}

pub(super) struct Receiver {
    pub screen: Screen,
    pub nicks: Arc<Mutex<NickBook>>,
    pub style: Paint,
    pub bell: Arc<AtomicBool>,
    /// The server has sent a line.
    pub has_heard: Arc<AtomicBool>,
    pub lang: Lang,
}

impl Receiver {
    /// Shows lines, and reports those that matter to the session.
    pub(super) fn receive(&self, lines: Vec<Received>, tell: &mut dyn FnMut(TerminalEvent)) {
        let time = time_of_day();
        for line in lines {
            self.has_heard.store(true, Ordering::Relaxed);
            let line = match line {
                Received::Text(line) => line,
                Received::TooLong(len) => {
                    self.screen.push(self.style.own(&Text::LongLine(len).say(self.lang)));
                    continue;
                }
            };
            let mut nicks = lock(&self.nicks);
            let mut own = None;
            match Heard::of(&line) {
                Heard::Notice(text) => {
                    let news = News::of(text);
                    nicks.learn(&news);
                    match news {
                        News::Mine(_) => tell(TerminalEvent::NameSettled),
                        News::NickRefused => {
                            own = nicks.mine().map(|nick| Text::StillCalled(nick).say(self.lang));
                            tell(TerminalEvent::NameSettled);
                        }
                        News::Full => {
                            tell(TerminalEvent::Refused(words_of(&line).to_owned()));
                            continue;
                        }
                        _ => {}
                    }
                }
                heard => nicks.hear(heard),
            }
            let (mut drawn, is_for_me) = self.style.line(&time, &line, nicks.mine());
            drop(nicks);
            if is_for_me && self.bell.load(Ordering::Relaxed) {
                drawn.push('\x07');
            }
            self.screen.push(drawn);
            if let Some(text) = own {
                self.screen.push(self.style.own(&text));
            }
        }
    }

    /// Receives until the connection ends, and returns how it ended. Never waits for the terminal.
    pub(super) fn run(&self, mut inbox: Inbox, tell: &mut dyn FnMut(TerminalEvent)) -> io::Result<()> {
        loop {
            let batch = inbox.read(None);
            self.receive(batch.lines, tell);
            if let Some(end) = batch.end {
                return end;
            }
        }
    }
}
