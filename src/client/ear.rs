//! Listens to the server: learns the names, and puts the lines on the screen.

use super::heard::Heard;
use super::hello::words_of;
use super::inbox::{Inbox, Received};
use super::lock;
use super::news::News;
use super::nicks::NickBook;
use super::render::Style;
use super::screen::Screen;
use super::terminal::Event;
use super::words::Text;
use crate::text::Lang;
use jiff::{Timestamp, tz::TimeZone};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

pub struct Ear {
    pub screen: Screen,
    pub nicks: Arc<Mutex<NickBook>>,
    pub style: Style,
    pub bell: Arc<AtomicBool>,
    /// The server has said something.
    pub has_heard: Arc<AtomicBool>,
    pub lang: Lang,
}

impl Ear {
    /// Shows lines, and tells what they mean for the session.
    pub fn hear(&self, lines: Vec<Received>, tell: &mut dyn FnMut(Event)) {
        let now = Timestamp::now().to_zoned_datetime(TimeZone::system());
        let time = now.strftime("%H:%M").to_string();
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
            match Heard::of(&line) {
                Heard::Notice(text) => {
                    let news = News::of(text);
                    nicks.learn(&news);
                    match news {
                        News::Mine(_) | News::NickRefused => tell(Event::NameSettled),
                        News::Full => {
                            tell(Event::Refused(words_of(&line).to_owned()));
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
        }
    }

    /// Listens until the server ends. Never waits for the terminal.
    pub fn listen(&self, mut inbox: Inbox, tell: &mut dyn FnMut(Event)) {
        loop {
            let batch = inbox.read(None);
            self.hear(batch.lines, tell);
            if let Some(end) = batch.end {
                return tell(Event::Ended(end));
            }
        }
    }
}
