//! The command line of `tertulia gallery`.

use super::address::{Place, parse_place};
use super::colors_stdout;
use super::torment::report::wrap;
use crate::server::listener;
use crate::text::{Lang, say};
use crate::torment::gallery::{EXHIBITS, Exhibit, Line};
use anstyle::AnsiColor;
use clap::ColorChoice;

/// Run a server that is broken on purpose, or list these servers
///
/// The servers are exercises: each contains one classic mistake, and is listed with what its users complain about. Chat on
/// it, run `tertulia torment` against it, and find the mistake: the file of exhibit 7 is src/torment/gallery/exhibit_07.rs.
/// Then compare with --cure.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Number of the server, or its name from --names
    #[arg(value_name = "EXHIBIT", value_parser = parse_exhibit)]
    exhibit: Option<&'static Exhibit>,

    /// Address to listen on: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR", default_value = "", hide_default_value = true, value_parser = parse_place)]
    addr: Place,

    /// Print how to fix the mistake, and the lines that differ
    #[arg(long, requires = "exhibit")]
    cure: bool,

    /// Run the server without its mistake
    #[arg(long, requires = "exhibit", conflicts_with = "cure")]
    cured: bool,

    /// List the servers with their names and mistakes, for teachers
    #[arg(long, conflicts_with = "exhibit")]
    names: bool,

    /// When to use colours; with `auto`, NO_COLOR turns them off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

impl std::fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<(), String> {
        let lang = Lang::session();
        let Some(exhibit) = self.exhibit else {
            let list = if self.names { names(lang) } else { list(lang) };
            return super::print(list.as_bytes());
        };
        if self.cure {
            return super::print(cure(exhibit, lang, colors_stdout(self.color)).as_bytes());
        }
        let listener = listener::bind(&self.addr.address()?)?.0.swap_remove(0);
        let (addr, number) = (listener.local_addr().map_err(|e| e.to_string())?, exhibit.number);
        super::print(
            say!(lang, "exhibit {number} listens on {addr}\n"; "la pieza {number} escucha en {addr}\n").as_bytes(),
        )?;
        let serve = if self.cured { exhibit.serve_cured } else { exhibit.serve };
        serve(listener).map_err(|e| say!(lang, "the server failed: {e}"; "el servidor falló: {e}"))
    }
}

/// What users complain about.
fn list(lang: Lang) -> String {
    let mut text = String::new();
    for exhibit in EXHIBITS {
        let label = say!(lang, "exhibit {:2}  "; "pieza {:2}  ", exhibit.number);
        let symptom = wrap(exhibit.symptom().in_lang(lang), 80, &" ".repeat(label.len()));
        text += &format!("{label}{symptom}\n");
    }
    text
}

/// What is wrong.
fn names(lang: Lang) -> String {
    let line = |e: &Exhibit| format!("{:2}  {:19}{}\n", e.number, e.name, e.cause.lesson().title.in_lang(lang));
    EXHIBITS.iter().map(line).collect()
}

fn cure(exhibit: &Exhibit, lang: Lang, colors: bool) -> String {
    let mut text = format!("{}\n\n{}\n\n", wrap(exhibit.cure.in_lang(lang), 80, ""), exhibit.path());
    for line in exhibit.difference() {
        let (sign, line, style) = match line {
            Line::Both(line) => (' ', line, None),
            Line::Wrong(line) => ('-', line, Some(AnsiColor::Red.on_default())),
            Line::Right(line) => ('+', line, Some(AnsiColor::Green.on_default())),
        };
        text += &match style.filter(|_| colors) {
            Some(style) => format!("{style}{sign}{line}{style:#}\n"),
            None => format!("{sign}{line}\n"),
        };
    }
    text
}

/// The names are accepted, but not listed with the numbers: they would give the mistakes away.
fn parse_exhibit(text: &str) -> Result<&'static Exhibit, String> {
    let is_meant = |exhibit: &&Exhibit| text == exhibit.name || text == exhibit.number.to_string();
    let count = EXHIBITS.len();
    EXHIBITS.iter().find(is_meant).ok_or_else(|| {
        say!(Lang::session(),
            "use a number from 1 to {count}; tertulia gallery lists them";
            "usa un número de 1 a {count}; tertulia gallery da la lista")
    })
}
