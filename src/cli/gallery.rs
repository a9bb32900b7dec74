//! The command line of `tertulia gallery`.

use super::address::{Place, parse_place};
use crate::server::listener;
use crate::text::{Lang, say};
use crate::torment::gallery::{EXHIBITS, Exhibit};
use clap::builder::{PossibleValuesParser, TypedValueParser};

/// Run a server that is broken on purpose, or list these servers
///
/// The servers are exercises: each contains one classic mistake. Chat on the server, run `tertulia torment` against it, find
/// the mistake in src/torment/gallery and fix it.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name of the server
    #[arg(value_name = "NAME", value_parser = by_name(), hide_possible_values = true)]
    exhibit: Option<&'static Exhibit>,

    /// Address to listen on: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR", default_value = "", hide_default_value = true, value_parser = parse_place)]
    addr: Place,

    /// Print how to fix the mistake
    #[arg(long, requires = "exhibit")]
    cure: bool,
}

impl std::fmt::Debug for Exhibit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Args {
    pub(crate) fn run(self) -> Result<(), String> {
        let lang = Lang::session();
        let Some(exhibit) = self.exhibit else { return super::print(list(lang).as_bytes()) };
        if self.cure {
            let cure = super::torment::wrap(exhibit.cure().in_lang(lang), 80, "");
            return super::print(format!("{cure}\n").as_bytes());
        }
        let listener = listener::bind(&self.addr.or_default())?.swap_remove(0);
        let addr = listener.local_addr().map_err(|e| e.to_string())?;
        let name = exhibit.name;
        super::print(say!(lang, "{name} listens on {addr}\n"; "{name} escucha en {addr}\n").as_bytes())?;
        (exhibit.serve)(listener).map_err(|e| say!(lang, "the server failed: {e}"; "el servidor falló: {e}"))
    }
}

fn list(lang: Lang) -> String {
    let mut text = String::new();
    for exhibit in EXHIBITS {
        let indent = " ".repeat(20);
        text += &format!("{:20}{}\n", exhibit.name, super::torment::wrap(exhibit.symptom().in_lang(lang), 80, &indent));
    }
    text
}

fn by_name() -> impl TypedValueParser<Value = &'static Exhibit> {
    let names = PossibleValuesParser::new(EXHIBITS.iter().map(|exhibit| exhibit.name));
    names.try_map(|name| EXHIBITS.iter().find(|exhibit| exhibit.name == name).ok_or("tertulia gallery lists them"))
}
