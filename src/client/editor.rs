//! The line editor and its thread, which waits for keys.

use super::complete::Completion;
use super::nicks::NickBook;
use super::render::Paint;
use super::screen::Screen;
use super::tty::Tty;
use super::{commands, lock};
use crate::text::Lang;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{ColorMode, CompletionType, Config, Context, ExternalPrinter, Helper, Prompt};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
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
}

/// Asks the editor's thread for a line.
pub(super) struct Asker(Sender<String>);

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
        let color_mode = match style {
            Paint::Plain => ColorMode::Disabled,
            Paint::Colors => ColorMode::Enabled,
        };
        let config = Config::builder()
            .auto_add_history(true)
            .completion_type(CompletionType::List)
            .color_mode(color_mode)
            .build();
        let mut lines = rustyline::Editor::with_config(config).ok()?;
        let completion = RefCell::default();
        lines.set_helper(Some(Keys {
            nicks,
            completion,
            screen: screen.clone(),
            style,
            lang,
            has_text: Cell::new(false),
        }));
        Some(Editor { lines, screen, tty })
    }

    pub(super) fn printer(&mut self) -> Option<impl ExternalPrinter + Send + use<>> {
        self.lines.create_external_printer().ok()
    }

    /// Starts the thread, which calls `tell` once for each [`Asker::ask`]. If the thread cannot be started, `tell` is
    /// never called.
    pub(super) fn start(self, mut tell: impl FnMut(Typed) + Send + 'static) -> io::Result<Asker> {
        let (asker, prompts) = channel();
        thread::Builder::new().name("editor".into()).spawn(move || self.answer(prompts, &mut tell))?;
        Ok(Asker(asker))
    }

    fn answer(mut self, prompts: Receiver<String>, tell: &mut dyn FnMut(Typed)) {
        for text in prompts {
            let prompt = Announced { text, screen: &self.screen, tty: &self.tty, is_announced: Cell::new(false) };
            let answer = self.lines.readline(&prompt);
            self.screen.close();
            let had_text = self.lines.helper().is_some_and(|keys| keys.has_text.get());
            tell(match answer {
                Ok(line) => Typed::Line(line),
                Err(ReadlineError::Interrupted) if had_text => Typed::Cleared,
                Err(ReadlineError::Interrupted | ReadlineError::Eof) => Typed::End,
                Err(e) => Typed::Failed(e.to_string()),
            });
        }
    }
}

impl Asker {
    pub(super) fn ask(&self, prompt: String) {
        // The editor's thread ends only when its asker is dropped.
        let _ = self.0.send(prompt);
    }
}

/// A prompt that notices when the editor first reads it. By then the terminal is in raw mode, and the editor is about
/// to wait for keys.
struct Announced<'a> {
    text: String,
    screen: &'a Screen,
    tty: &'a Tty,
    is_announced: Cell<bool>,
}

impl Prompt for Announced<'_> {
    fn raw(&self) -> &str {
        if !self.is_announced.replace(true) {
            self.tty.remember_raw();
            self.screen.open();
        }
        &self.text
    }

    fn styled(&self) -> &str {
        &self.text
    }
}

/// The callbacks of the editor while keys come in.
struct Keys {
    nicks: Arc<Mutex<NickBook>>,
    completion: RefCell<Completion>,
    screen: Screen,
    style: Paint,
    lang: Lang,
    /// Something is typed. The editor itself does not report what a Ctrl-C has cleared.
    has_text: Cell<bool>,
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

    /// The editor calls this after every change of the line. There is never a hint.
    fn hint(&self, line: &str, _: usize, _: &Context<'_>) -> Option<String> {
        self.has_text.set(!line.is_empty());
        None
    }
}

impl Validator for Keys {
    /// The editor calls this on Enter, before it returns. Every line is valid.
    fn validate(&self, _: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        self.screen.close();
        Ok(ValidationResult::Valid(None))
    }
}

impl Highlighter for Keys {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, is_default: bool) -> Cow<'b, str> {
        match prompt.strip_suffix("> ") {
            Some(nick) if is_default && !nick.is_empty() => Cow::Owned(format!("{}> ", self.style.nick(nick))),
            _ => Cow::Borrowed(prompt),
        }
    }
}
