//! The result for people.

use super::class::points_in_words;
use crate::text::{Bilingual, Lang, numbers, say};
use crate::torment::messages::seen_in_runs;
use crate::torment::{Cause, Finding, Grade, Lesson, TORMENTS, Verdict, diagnose};
use anstyle::{AnsiColor, Style};
use std::io::{self, Write};

/// Formats the result.
pub(super) struct Report {
    pub(super) lang: Lang,
    pub(super) colors: bool,
    /// The options that tell how the server's clients talk, each after a space: a script needs them, too.
    pub(super) speech: String,
    width: usize,
}

/// Width of the column of names.
const NAME: usize = 20;
const INDENT: &str = "   ";

// What a failed torment shows, in this order, and what any torment may show.
const TEST: Bilingual = Bilingual::new("Test:     ", "Prueba:    ");
const EXPECTED: Bilingual = Bilingual::new("Expected: ", "Esperado:  ");
const OBSERVED: Bilingual = Bilingual::new("Observed: ", "Observado: ");
const NOTE: Bilingual = Bilingual::new("Note: ", "Nota: ");
// What is said about a cause.
const USUALLY: Bilingual = Bilingual::new("Usually: ", "Lo habitual: ");
const FIX: Bilingual = Bilingual::new("Fix:     ", "Arreglo:     ");
const READ_ON: Bilingual = Bilingual::new("Read on: ", "Para leer:   ");
const REPLAY: Bilingual = Bilingual::new("Script:  ", "Guion:       ");

impl Report {
    pub(super) fn new(lang: Lang, colors: bool, speech: String) -> Report {
        Report { lang, colors, speech, width: width() }
    }

    pub(super) fn list(&self) -> String {
        let lang = self.lang;
        let mut text = String::new();
        for torment in TORMENTS {
            let (does, healthy) = (torment.does.in_lang(lang), torment.healthy.in_lang(lang));
            let needs = match torment.needs_process {
                true => say!(lang, " (Only with -- COMMAND.)"; " (Solo con -- ORDEN.)"),
                false => String::new(),
            };
            let does = say!(lang, "{does}{needs} Expected: {healthy}"; "{does}{needs} Se espera: {healthy}");
            text += &format!("{:NAME$}{}\n", torment.name, wrap(&does, self.width, &" ".repeat(NAME)));
        }
        text
    }

    /// Shows what runs, on a terminal only.
    pub(super) fn announce(&self, name: &str) {
        if self.is_watched() {
            let _ = write!(io::stdout(), "{name:NAME$}...").and_then(|()| io::stdout().flush());
        }
    }

    pub(super) fn erase(&self) {
        if self.is_watched() {
            let _ = write!(io::stdout(), "\r\x1b[K");
        }
    }

    fn is_watched(&self) -> bool {
        use io::IsTerminal;
        io::stdout().is_terminal()
    }

    pub(super) fn row(&self, finding: &Finding) -> String {
        let lang = self.lang;
        let mut text = if self.is_watched() { String::from("\r\x1b[K") } else { String::new() };
        let (word, style) = match finding.verdict {
            Verdict::Pass => (say!(lang, "pass"; "pasa"), AnsiColor::Green.on_default()),
            Verdict::Fail => (say!(lang, "FAIL"; "FALLA"), AnsiColor::Red.on_default().bold()),
            Verdict::Doubtful => (say!(lang, "doubtful"; "dudosa"), AnsiColor::Yellow.on_default()),
            Verdict::Skipped => (say!(lang, "skipped"; "omitida"), Style::new().dimmed()),
        };
        text += &format!("{:NAME$}{}", finding.torment.name, self.paint(&format!("{word:9}"), style));
        if finding.verdict != Verdict::Skipped {
            text += &format!("{:>4} s", numbers::fixed(lang, finding.took.as_secs_f64(), 1));
        }
        text += "\n";
        let seen = sentence(finding.seen.in_lang(lang));
        let mut dim =
            |label: &str, said: &str| text += &self.paint(&self.paragraph(label, said), Style::new().dimmed());
        match finding.verdict {
            Verdict::Pass => {}
            Verdict::Skipped => dim("", &seen),
            Verdict::Fail | Verdict::Doubtful => {
                dim(TEST.in_lang(lang), finding.torment.does.in_lang(lang));
                dim(EXPECTED.in_lang(lang), finding.torment.healthy.in_lang(lang));
                dim(OBSERVED.in_lang(lang), &seen);
                if finding.runs > 1 {
                    dim("", seen_in_runs(finding.failures, finding.runs).in_lang(lang));
                }
            }
        }
        finding.remarks.iter().for_each(|remark| dim(NOTE.in_lang(lang), &sentence(remark.in_lang(lang))));
        text
    }

    pub(super) fn end(&self, findings: &[Finding], seed: u64) -> String {
        let lang = self.lang;
        let mut text = String::new();
        for (i, (cause, names)) in diagnose(findings).into_iter().enumerate() {
            let Lesson { title, usually, fix, read } = cause.lesson();
            let title = title.in_lang(lang);
            let heading = match i {
                0 => say!(lang, "Fix this first: {title}"; "Arregla primero esto: {title}"),
                _ => say!(lang, "Then: {title}"; "Después: {title}"),
            };
            text += &format!("\n{}\n", self.paint(&heading, Style::new().bold()));
            text += &self.paragraph("", &self.explains(findings, cause, &names));
            text += &self.paragraph(USUALLY.in_lang(lang), usually.in_lang(lang));
            text += &self.paragraph(FIX.in_lang(lang), fix.in_lang(lang));
            text += &self.paragraph(READ_ON.in_lang(lang), read);
            if let Some(name) = names.first() {
                let command = format!("tertulia torment --replay {name}{} > {name}.py", self.speech);
                // In one line, however long, so that it can be copied.
                text += &format!("{INDENT}{}{command}\n", REPLAY.in_lang(lang));
            }
        }
        let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
        let (passed, skipped, doubtful) = (count(Verdict::Pass), count(Verdict::Skipped), count(Verdict::Doubtful));
        let tried = findings.len() - skipped;
        // A few torments would give a grade that says little.
        if findings.len() == TORMENTS.len() {
            text += &format!("\n{}", self.paint(&self.grade(findings), Style::new().bold()));
        }
        let score = say!(lang, "Score: {passed} of {tried}"; "Puntuación: {passed} de {tried}");
        text += &format!("\n{}", self.paint(&score, Style::new().bold()));
        if doubtful > 0 {
            text += &say!(lang, ", {doubtful} doubtful"; ", dudosas: {doubtful}");
        }
        if skipped > 0 {
            text += &say!(lang, ", {skipped} skipped"; ", omitidas: {skipped}");
        }
        text + &say!(lang, " (seed {seed})\n"; " (semilla {seed})\n")
    }

    fn grade(&self, findings: &[Finding]) -> String {
        let Grade { points, of, mistakes } = Grade::of(findings);
        let [points, of] = [points, of].map(|points| points_in_words(self.lang, points));
        match mistakes.len() {
            0 => say!(self.lang, "Grade: {points} of {of}"; "Nota: {points} de {of}"),
            1 => say!(self.lang, "Grade: {points} of {of}, 1 mistake"; "Nota: {points} de {of}, 1 error"),
            n => say!(self.lang, "Grade: {points} of {of}, {n} mistakes"; "Nota: {points} de {of}, {n} errores"),
        }
    }

    fn explains(&self, findings: &[Finding], cause: Cause, names: &[&str]) -> String {
        let sure = names.len() > 1 || findings.iter().any(|f| f.torment.name == names[0] && f.causes == [cause]);
        let names = names.join(", ");
        match sure {
            true => say!(self.lang, "Shown by {names}."; "Se ve en {names}."),
            false => say!(self.lang, "Most likely the cause of {names}."; "Es la causa más probable de {names}."),
        }
    }

    fn paragraph(&self, label: &str, text: &str) -> String {
        let indent = format!("{INDENT}{}", " ".repeat(label.chars().count()));
        format!("{INDENT}{label}{}\n", wrap(text, self.width, &indent))
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colors { format!("{style}{text}{style:#}") } else { text.into() }
    }
}

/// A clause as a sentence.
fn sentence(clause: &str) -> String {
    let mut chars = clause.chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    let end = if clause.ends_with(['.', '?', '!']) { "" } else { "." };
    format!("{first}{}{end}", chars.as_str())
}

/// Breaks a text into lines. All but the first are indented.
pub(in crate::cli) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width).initial_indent(indent).subsequent_indent(indent);
    textwrap::fill(text, options).trim_start().to_owned()
}

/// Width of the terminal, limited to what is easy to read. Columns.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col as usize);
    if columns == 0 { 80 } else { columns.clamp(40, 100) }
}
