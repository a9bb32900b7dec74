//! The line editor and its thread, which waits for keys.

use super::complete::Completion;
use super::nicks::NickBook;
use super::reflow::make_room;
use super::render::{Paint, time_of_day};
use super::screen::Screen;
use super::tty::Tty;
use super::wrap::columns;
use super::{commands, lock};
use crate::text::Lang;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, ExternalPrinter, Helper, Prompt};
use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;

/// What the user did.
#[derive(Debug)]
pub(super) enum Typed {
    Line(String),
    /// Ctrl-C with something typed, which is discarded.
    Cleared,
    /// Ctrl-C with nothing typed, or Ctrl-D.
    End,
    Failed(String),
}

/// The line editor of this terminal, before its thread is started.
pub(super) struct Editor {
    lines: rustyline::Editor<Keys, DefaultHistory>,
    screen: Screen,
    tty: Tty,
    nicks: Arc<Mutex<NickBook>>,
    /// What is drawn before the line.
    prompt: Arc<Mutex<String>>,
}

/// Asks the editor's thread for a line.
pub(super) struct Asker {
    asked: Sender<()>,
    screen: Screen,
    tty: Tty,
    nicks: Arc<Mutex<NickBook>>,
    prompt: Arc<Mutex<String>>,
}

/// Ctrl-E, Ctrl-U and Ctrl-C: the keys that clear the line and end its editing.
const END_KEYS: &[u8] = b"\x05\x15\x03";

impl Editor {
    /// `None` if the library cannot open the terminal. For one that cannot move its cursor, [`Editor::printer`] is
    /// `None`.
    pub(super) fn open(
        screen: Screen,
        tty: Tty,
        nicks: Arc<Mutex<NickBook>>,
        style: Paint,
        lang: Lang,
    ) -> Option<Editor> {
        // Whether there are colours decides `style`. Without this the editor would not ask what to draw, and show passwords.
        let config = Config::builder().completion_type(CompletionType::List).color_mode(ColorMode::Forced).build();
        let mut lines = rustyline::Editor::with_config(config).ok()?;
        let prompt = Arc::<Mutex<String>>::default();
        lines.set_helper(Some(Keys {
            nicks: nicks.clone(),
            completion: RefCell::default(),
            screen: screen.clone(),
            tty: tty.clone(),
            style,
            lang,
            prompt: prompt.clone(),
            typed: RefCell::default(),
            columns: Cell::new(columns()),
        }));
        Some(Editor { lines, screen, tty, nicks, prompt })
    }

    pub(super) fn printer(&mut self) -> Option<impl ExternalPrinter + Send + use<>> {
        self.lines.create_external_printer().ok()
    }

    /// Starts the thread, which calls `tell` once for each [`Asker::ask`]. If the thread cannot be started, `tell` is
    /// never called.
    pub(super) fn start(self, mut tell: impl FnMut(Typed) + Send + 'static) -> io::Result<Asker> {
        let (asked, asks) = channel();
        let asker = Asker {
            asked,
            screen: self.screen.clone(),
            tty: self.tty.clone(),
            nicks: self.nicks.clone(),
            prompt: self.prompt.clone(),
        };
        thread::Builder::new().name("editor".into()).spawn(move || self.answer(asks, &mut tell))?;
        Ok(asker)
    }

    fn answer(mut self, asks: Receiver<()>, tell: &mut dyn FnMut(Typed)) {
        for () in asks {
            tell(self.edit());
        }
    }

    /// Returns when the user has ended the line. If [`Asker::renew_prompt`] has ended it, it is edited further.
    fn edit(&mut self) -> Typed {
        let mut typed = String::new();
        loop {
            let text = prompt(&self.nicks);
            lock(&self.prompt).clone_from(&text);
            let prompt = Announced::new(text, &self.screen, &self.tty);
            let answer = self.lines.readline_with_initial(&prompt, (&typed, ""));
            self.screen.close();
            typed = self.lines.helper().map(|keys| keys.typed.take()).unwrap_or_default();
            let is_renewed = self.tty.end_pretence();
            return match answer {
                Err(ReadlineError::Interrupted) if is_renewed => {
                    self.tty.erase_row_above();
                    continue;
                }
                Ok(line) => {
                    if !commands::has_password(&line)
                        && let Err(e) = self.lines.add_history_entry(&line)
                    {
                        log::debug!("the Up key does not bring back the line: {e}");
                    }
                    Typed::Line(line)
                }
                Err(ReadlineError::Interrupted) if !typed.is_empty() => Typed::Cleared,
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => Typed::End,
                Err(e) => Typed::Failed(e.to_string()),
            };
        }
    }
}

impl Asker {
    pub(super) fn ask(&self) {
        // The editor's thread ends only when its asker is dropped.
        let _ = self.asked.send(());
    }

    /// Draws another prompt if the client's nick has changed while a line is edited.
    ///
    /// The editor cannot do that: it measures its prompt once. So keys are pretended that end the editing, and then the
    /// same text is edited with the new prompt. The cursor moves to its end. Of a pasted text of several lines, the rows of
    /// all lines but one stay on the screen.
    pub(super) fn renew_prompt(&self) {
        self.screen.await_editing();
        if *lock(&self.prompt) == prompt(&self.nicks) {
            return;
        }
        match self.screen.while_open(|| self.tty.pretend_keys(END_KEYS)) {
            Some(Ok(())) => self.screen.redraw(),
            Some(Err(e)) => log::debug!("the prompt stays as it is: {e}"),
            // The next line has the right prompt.
            None => {}
        }
    }
}

fn prompt(nicks: &Mutex<NickBook>) -> String {
    format!("{}> ", lock(nicks).mine().unwrap_or_default())
}

/// A prompt that notices when the editor first reads it. By then the terminal is in raw mode, and the editor is about
/// to wait for keys. When the line has been entered, the time stands before the prompt.
///
/// The editor measures the prompt only before. That does no harm: it draws an entered line once, from the left margin, and
/// then goes to the next row.
struct Announced<'a> {
    text: String,
    screen: &'a Screen,
    tty: &'a Tty,
    is_announced: Cell<bool>,
    timed: OnceCell<String>,
}

impl<'a> Announced<'a> {
    fn new(text: String, screen: &'a Screen, tty: &'a Tty) -> Announced<'a> {
        Announced { text, screen, tty, is_announced: Cell::new(false), timed: OnceCell::new() }
    }
}

impl Prompt for Announced<'_> {
    fn raw(&self) -> &str {
        if !self.is_announced.replace(true) {
            self.tty.remember_raw();
            self.screen.open();
        }
        self.styled()
    }

    fn styled(&self) -> &str {
        if self.screen.is_open() {
            &self.text
        } else {
            self.timed.get_or_init(|| format!("{} {}", time_of_day(), self.text))
        }
    }
}

/// The callbacks of the editor while keys come in.
struct Keys {
    nicks: Arc<Mutex<NickBook>>,
    completion: RefCell<Completion>,
    screen: Screen,
    tty: Tty,
    style: Paint,
    lang: Lang,
    /// What is drawn before the line.
    prompt: Arc<Mutex<String>>,
    /// What the user has typed. The editor itself does not report what a Ctrl-C has cleared.
    typed: RefCell<String>,
    /// The width of the terminal when that was drawn.
    columns: Cell<usize>,
}

impl Helper for Keys {}

impl Completer for Keys {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let Some(completed) = self.completion.borrow_mut().complete(&line[..pos], &lock(&self.nicks)) else {
            return Ok((pos, Vec::new()));
        };
        for command in completed.commands {
            self.screen.push(self.style.own(&commands::explain(command, self.lang)));
        }
        Ok((completed.start, vec![completed.text]))
    }
}

impl Hinter for Keys {
    type Hint = String;

    /// The editor calls this after every change of the line, and in a resized terminal before it clears the old rows. There
    /// is never a hint.
    fn hint(&self, line: &str, cursor: usize, _: &Context<'_>) -> Option<String> {
        let columns = columns();
        let before = self.columns.replace(columns);
        if before != columns && *self.typed.borrow() == line {
            let prompt = lock(&self.prompt);
            self.tty.write(&make_room(&format!("{prompt}{line}"), prompt.len() + cursor, before, columns));
        }
        if !self.tty.has_pretence() {
            line.clone_into(&mut self.typed.borrow_mut());
        }
        None
    }
}

impl Validator for Keys {
    /// The editor calls this on Enter, before it returns. Every line is valid. A message, even an empty one, lets the editor
    /// draw the line once more, now with its time.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.screen.close();
        Ok(ValidationResult::Valid(Some(String::new())))
    }
}

impl Highlighter for Keys {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, is_default: bool) -> Cow<'b, str> {
        if is_default { Cow::Owned(self.style.prompt(prompt)) } else { Cow::Borrowed(prompt) }
    }

    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        commands::masked(line)
    }

    /// Whether the editor has to ask what to draw for one more character.
    fn highlight_char(&self, line: &str, _: usize, _: CmdKind) -> bool {
        commands::has_password(line)
    }
}
