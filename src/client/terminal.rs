//! The client for a terminal: it draws incoming lines above the line that is being typed.
//!
//! There are four threads, besides the one for signals. The editor waits for keys, inside a library; the reader waits
//! for the socket, and the printer for the terminal. The main thread waits for their events and decides.

use super::commands::{self, BELL, Slip};
use super::editor::{Asker, Editor, Typed};
use super::hello::{ending, is_question, pass_door, request_nick};
use super::inbox::{Inbox, Received};
use super::messages::Text;
use super::nicks::NickBook;
use super::receiver::{Receiver as LineReceiver, TerminalEvent};
use super::render::{Paint, time_of_day};
use super::screen::Screen;
use super::stream::Stream;
use super::tty::{Cursor, Tty, hang_up_stdin, takes_output};
use super::{LEAVING_PATIENCE, Options, lock, reconnect};
use crate::address::UNIX;
use crate::chat::command::{self, Input};
use crate::text::Lang;
use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// The timeout of the prompt, which waits for the nick that it shows.
const NAME_PATIENCE: Duration = Duration::from_millis(500);
/// The timeout for the editor after the end of its input. It returns within microseconds, or not at all.
const EDITOR_PATIENCE: Duration = Duration::from_millis(200);

/// The terminal's parts, ready to be used.
pub(super) struct Parts {
    tty: Tty,
    editor: Editor,
    screen: Screen,
    nicks: Arc<Mutex<NickBook>>,
    style: Paint,
}

impl Parts {
    /// `None` if this terminal is too simple for a line editor. Then the client for pipes is used.
    pub(super) fn open(options: &Options) -> Option<Parts> {
        let tty = Tty::remember().ok()?;
        let style = if options.color { Paint::Colors } else { Paint::Plain };
        let screen = Screen::new(options.lang);
        let nicks = Arc::<Mutex<NickBook>>::default();
        let mut editor = Editor::open(screen.clone(), tty.clone(), nicks.clone(), style, options.lang)?;
        let hang_up = || hang_up_stdin().unwrap_or_else(|e| log::debug!("the line editor cannot be stopped: {e}"));
        screen.start(editor.printer()?, hang_up).ok()?;
        tty.mind_signals(screen.clone()).ok()?;
        Some(Parts { tty, editor, screen, nicks, style })
    }
}

/// Runs the session until the user leaves or the server ends it.
pub(super) fn run(stream: Stream, nick: Option<&str>, parts: Parts, options: &Options) -> Result<(), String> {
    let lang = options.lang;
    let Parts { tty, editor, screen, nicks, style } = parts;
    let lost = |e: io::Error| Text::ConnectionLost(&e).say(lang);
    let outbox = stream.clone();
    let bell = Arc::new(AtomicBool::new(true));
    let has_heard = Arc::new(AtomicBool::new(false));
    let receiver = LineReceiver {
        screen: screen.clone(),
        nicks: nicks.clone(),
        style,
        bell: bell.clone(),
        has_heard: has_heard.clone(),
        lang,
    };
    let mut inbox = Inbox::new(stream);

    if let Some(nick) = nick {
        let requested =
            request_nick(nick, &mut inbox, &outbox, lang, &mut |lines| receiver.receive(lines, &mut |_| ()));
        if let Err(e) = requested {
            write_out(&screen.finish(takes_output));
            return Err(e);
        }
    }
    tty.mute();
    let mut password = options.password.clone();
    let is_given = Cell::new(password.is_some());
    let mut ask = || {
        if !is_given.take() {
            // An empty line is no password, and the server does not answer it.
            let mut typed = String::new();
            while typed.is_empty() {
                typed = tty.read_hidden().map_err(|e| Text::CannotRead(&e).say(lang))?;
            }
            password = Some(typed);
        }
        Ok(password.clone().unwrap_or_default())
    };
    // The screen shows nothing before the editor asks for a line, so the question is written at once.
    let mut show = |lines: Vec<Received>| {
        let (questions, others): (Vec<_>, Vec<_>) = lines.into_iter().partition(is_question);
        for question in questions {
            if let Received::Text(text) = question
                && !is_given.get()
            {
                tty.write(&format!("{}\n", style.line(&time_of_day(), &text, None).0));
            }
        }
        receiver.receive(others, &mut |_| ());
    };
    let passed = pass_door(&mut inbox, &outbox, lang, &mut ask, &mut show);
    if let Err(e) = passed {
        write_out(&screen.finish(takes_output));
        tty.restore(Cursor::OnFreshLine);
        return Err(e);
    }
    let (events, inward) = channel();
    let typed = events.clone();
    let asker = editor.start(move |what| drop(typed.send(TerminalEvent::Typed(what)))).map_err(lost)?;
    let reconnect_to =
        options.reconnect.then(|| reconnect::Target { addr: options.addr.clone(), trust: options.trust.clone() });
    thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            let tell = &mut |event| drop(events.send(event));
            let end = receiver.run(inbox, tell);
            match reconnect_to {
                Some(target) => reconnect::run(&receiver, &target, password.as_deref(), tell),
                None => tell(TerminalEvent::Ended(end)),
            }
        })
        .map_err(lost)?;

    let is_named = nick.is_none() && lock(&nicks).mine().is_some();
    let unnamed_until = (!is_named).then(|| Instant::now() + NAME_PATIENCE);
    let mut session = Session {
        outbox: Some(outbox),
        asker,
        screen,
        style,
        bell,
        has_heard,
        lang,
        is_plain: options.trust.is_none() && !options.addr.starts_with(UNIX),
        is_editing: false,
        unnamed_until,
        leaving_until: None,
        refusal: None,
    };
    let ended = session.talk(&inward);
    session.leave_terminal(&tty, &inward);
    ended
}

struct Session {
    /// `None` between two connections.
    outbox: Option<Stream>,
    asker: Asker,
    screen: Screen,
    style: Paint,
    bell: Arc<AtomicBool>,
    /// The server has sent a line.
    has_heard: Arc<AtomicBool>,
    lang: Lang,
    /// The connection may be the wrong kind: it has no TLS, and is none of a Unix socket.
    is_plain: bool,
    /// The editor was asked for a line and has not answered.
    is_editing: bool,
    unnamed_until: Option<Instant>,
    leaving_until: Option<Instant>,
    refusal: Option<String>,
}

impl Session {
    fn talk(&mut self, events: &Receiver<TerminalEvent>) -> Result<(), String> {
        loop {
            if !self.is_editing && self.unnamed_until.is_none() && self.leaving_until.is_none() {
                self.ask();
            }
            match next(events, self.leaving_until.or(self.unnamed_until)) {
                Some(TerminalEvent::Typed(typed)) => {
                    self.is_editing = false;
                    self.obey(typed)?;
                }
                Some(TerminalEvent::NameSettled) => {
                    self.unnamed_until = None;
                    if self.is_editing {
                        self.asker.renew_prompt();
                    }
                }
                Some(TerminalEvent::Refused(words)) => self.refusal = Some(words),
                Some(TerminalEvent::Ended(_) | TerminalEvent::Retrying(_)) | None if self.leaving_until.is_some() => {
                    return Ok(());
                }
                Some(TerminalEvent::Retrying(pause)) => {
                    self.outbox = None;
                    if let Some(words) = self.refusal.take() {
                        words.lines().for_each(|line| self.screen.push(self.style.own(line)));
                    }
                    self.tell(&Text::Retrying(pause.as_secs()));
                }
                Some(TerminalEvent::Connected(outbox)) => {
                    self.outbox = Some(outbox);
                    self.tell(&Text::ConnectedAgain);
                }
                Some(TerminalEvent::Ended(end)) => {
                    return Err(self.refusal.take().unwrap_or_else(|| ending(end, self.lang)));
                }
                None => {
                    self.unnamed_until = None;
                    if !self.has_heard.load(Ordering::Relaxed) {
                        self.tell(if self.is_plain { &Text::NoAnswerInPlain } else { &Text::NoAnswer });
                    }
                }
            }
        }
    }

    fn ask(&mut self) {
        self.asker.ask();
        self.is_editing = true;
    }

    fn obey(&mut self, typed: Typed) -> Result<(), String> {
        match typed {
            // Pasted text may be several lines.
            Typed::Line(lines) => lines.lines().for_each(|line| self.say(line)),
            Typed::Cleared => {}
            Typed::End => self.say(":q"),
            Typed::Failed(e) => return Err(Text::TerminalFailed(&e).say(self.lang)),
        }
        Ok(())
    }

    fn say(&mut self, line: &str) {
        if self.leaving_until.is_some() || line.trim().is_empty() {
            return;
        }
        if line.split_whitespace().next() == Some(BELL) {
            return self.toggle_bell();
        }
        if let Some(slip) = commands::slip(line) {
            return self.hold_back(&slip);
        }
        let input = command::parse(line);
        let Some(outbox) = &mut self.outbox else {
            match input {
                Input::Quit => self.leaving_until = Some(Instant::now()),
                _ => self.tell(&Text::NotConnected),
            }
            return;
        };
        // A connection that takes no more has ended. The reader notices that, too, and reports it.
        let _ = outbox.write_all(format!("{line}\n").as_bytes());
        match input {
            Input::Quit => {
                outbox.end_output();
                self.leaving_until = Some(Instant::now() + LEAVING_PATIENCE);
            }
            Input::Nick(_) => self.unnamed_until = Some(Instant::now() + NAME_PATIENCE),
            Input::Help => self.tell(&Text::Help),
            _ => {}
        }
    }

    fn hold_back(&self, Slip { word, meant }: &Slip<'_>) {
        let explained = meant.map(|command| commands::explain(command, self.lang));
        self.tell(&match explained.as_deref().and_then(|line| line.split_once("  ")) {
            Some((usage, meaning)) => Text::NotSent { word, usage, meaning: meaning.trim_start() },
            None => Text::NoCommand(word),
        });
    }

    fn toggle_bell(&self) {
        let was_on = self.bell.fetch_xor(true, Ordering::Relaxed);
        self.tell(if was_on { &Text::BellOff } else { &Text::BellOn });
    }

    fn tell(&self, text: &Text<'_>) {
        self.screen.push(self.style.own(&text.say(self.lang)));
    }

    /// Shows everything that arrived, and restores the terminal.
    fn leave_terminal(&mut self, tty: &Tty, events: &Receiver<TerminalEvent>) {
        if !self.is_editing {
            let rest = self.screen.finish(takes_output);
            tty.restore(Cursor::OnFreshLine);
            return write_out(&rest);
        }
        self.screen.await_editing();
        let rest = self.screen.finish(takes_output);
        let until = Instant::now() + EDITOR_PATIENCE;
        while self.is_editing
            && let Some(event) = next(events, Some(until))
        {
            self.is_editing = !matches!(event, TerminalEvent::Typed(_));
        }
        // An editor that searches its history, or draws on a stopped terminal, is not woken. Its thread is left
        // running.
        tty.restore(if self.is_editing { Cursor::InText } else { Cursor::OnFreshLine });
        write_out(&rest);
    }
}

/// The next event, or `None` when the time is up.
fn next(events: &Receiver<TerminalEvent>, until: Option<Instant>) -> Option<TerminalEvent> {
    let Some(until) = until else { return events.recv().ok() };
    events.recv_timeout(until.saturating_duration_since(Instant::now())).ok()
}

fn write_out(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}
