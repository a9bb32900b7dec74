//! The languages of the program. Each text is given in both side by side, so a missing translation does not compile.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::sync::OnceLock;

/// A language.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, clap::ValueEnum)]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Spanish
    Es,
}

/// What [`Lang::session`] returns. Like a locale, it is set once, when the process starts.
static SESSION: OnceLock<Lang> = OnceLock::new();

impl Lang {
    /// All languages.
    pub const ALL: [Lang; 2] = [Lang::En, Lang::Es];

    /// The language's ISO 639-1 code: `en` or `es`.
    pub fn code(self) -> &'static str {
        match self {
            Lang::En => "en",
            Lang::Es => "es",
        }
    }

    /// The language of what this process says to the person who started it: help, errors and diagnostics. What others
    /// read, on the wire or on a page, has a language that is passed along. English until [`Lang::begin_session`].
    pub fn session() -> Lang {
        SESSION.get().copied().unwrap_or_default()
    }

    /// Makes this the language of the session, unless there is one already.
    pub(crate) fn begin_session(self) {
        let _ = SESSION.set(self);
    }

    /// The language of a locale's name, as in LC_ALL or LANG: `es_ES.UTF-8` is Spanish, all others are English.
    pub fn of_locale(locale: &str) -> Lang {
        match locale.split(['_', '.', '@']).next() {
            Some("es") => Lang::Es,
            _ => Lang::En,
        }
    }
}

/// A text in all languages: fixed, or composed of what was measured.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
pub struct Bilingual {
    /// In English.
    pub en: Cow<'static, str>,
    /// In Spanish.
    pub es: Cow<'static, str>,
}

impl Bilingual {
    /// A text of the program itself.
    pub const fn new(en: &'static str, es: &'static str) -> Bilingual {
        Bilingual { en: Cow::Borrowed(en), es: Cow::Borrowed(es) }
    }

    /// A text that is composed: `text` is called once for each language.
    pub fn of(text: impl Fn(Lang) -> String) -> Bilingual {
        Bilingual { en: text(Lang::En).into(), es: text(Lang::Es).into() }
    }

    /// The text in one language.
    pub fn in_lang(&self, lang: Lang) -> &str {
        match lang {
            Lang::En => &self.en,
            Lang::Es => &self.es,
        }
    }
}

#[cfg(test)]
impl Bilingual {
    /// Whether it is a whole sentence in this language: not empty, and with a full stop at its end.
    pub(crate) fn is_a_sentence(&self, lang: Lang) -> bool {
        let text = self.in_lang(lang);
        text.len() > 1 && text.trim() == text && text.ends_with(['.', '?', '!']) && !text.ends_with("..")
    }

    /// Whether each language has a text of its own.
    pub(crate) fn differs(&self) -> bool {
        self.en != self.es && !self.en.is_empty() && !self.es.is_empty()
    }
}

/// Formats a text in the requested language: `say!(lang, "hello {name}"; "hola {name}")` is a `String`,
/// `say!(lang, f, "hello {name}"; "hola {name}")` writes it with `write!`.
macro_rules! say {
    ($lang:expr, $en:literal; $es:literal $(, $arg:expr)*) => {
        match $lang {
            $crate::text::Lang::En => format!($en $(, $arg)*),
            $crate::text::Lang::Es => format!($es $(, $arg)*),
        }
    };
    ($lang:expr, $f:expr, $en:literal; $es:literal $(, $arg:expr)*) => {
        match $lang {
            $crate::text::Lang::En => write!($f, $en $(, $arg)*),
            $crate::text::Lang::Es => write!($f, $es $(, $arg)*),
        }
    };
}
pub(crate) use say;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_composed_text_is_in_each_language() {
        let text = Bilingual::of(|lang| say!(lang, "{} lines"; "{} líneas", 3));
        assert_eq!(Lang::ALL.map(|lang| text.in_lang(lang).to_owned()), ["3 lines", "3 líneas"]);
    }

    #[test]
    fn locales_are_understood() {
        for locale in ["es", "es_ES.UTF-8", "es_MX", "es.UTF-8"] {
            assert_eq!(Lang::of_locale(locale), Lang::Es, "{locale}");
        }
        for locale in ["", "C", "POSIX", "en_GB.UTF-8", "est_EE"] {
            assert_eq!(Lang::of_locale(locale), Lang::En, "{locale}");
        }
    }
}
