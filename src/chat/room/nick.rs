//! Nicks: which names are allowed, and which look too much alike.
//!
//! A name tells who speaks, so two members must not have names that look the same: not by case, and not by letters of
//! another alphabet (`evan` with a Cyrillic `е`). The skeletons of the Unicode standard (UTS 39) tell what looks alike.

use crate::chat::id::Id;
use crate::chat::limits::NICK_CHARS_MAX;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use unicode_security::{GeneralSecurityProfile, MixedScript, confusable_detection};
use unicode_width::UnicodeWidthChar;

/// The prefix of the names that the server gives.
const GUEST: &str = "guest";

/// Why a name is refused, apart from being taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Flaw {
    TooLong,
    /// Something other than letters, digits, `_` and `-`.
    BadCharacter,
    /// Letters of more than one alphabet.
    MixedAlphabets,
    /// `guest…` is reserved for the server.
    Reserved,
}

/// How a name looks, ignoring case: a skeleton of UTS 39.
///
/// A name has two of them, and two members must not share either. Letters that look alike in one case may not do so in the
/// other: `l` and `I` are told apart only if `I` becomes `i`, and `ν` and `v` only if `ν` becomes `Ν`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Skeleton {
    Lower(Box<str>),
    Upper(Box<str>),
}

/// The name that a member has until it chooses one.
pub(crate) fn guest(number: u64) -> String {
    format!("{GUEST}{number}")
}

/// Whether `nick` is allowed at all. `number` is the member's, because it may take its own guest name again. Returns
/// the skeletons.
pub(crate) fn check(nick: &str, number: u64) -> Result<[Skeleton; 2], Flaw> {
    if nick.chars().count() > NICK_CHARS_MAX {
        return Err(Flaw::TooLong);
    }
    // `is_alphanumeric` accepts no symbols, and of the characters without width only marks that are vowels. But it
    // accepts the invisible Hangul fillers, which the identifier profile does not.
    let fits = |c: char| (c.is_alphanumeric() && c.identifier_allowed()) || c == '_' || c == '-';
    // A mark is drawn over the letter before it. At the start of a name it would be drawn over the `<`.
    let begins_with_mark = nick.starts_with(|c: char| c.width() == Some(0));
    if nick.is_empty() || begins_with_mark || !nick.chars().all(fits) {
        return Err(Flaw::BadCharacter);
    }
    if !nick.is_single_script() {
        return Err(Flaw::MixedAlphabets);
    }
    let (skeletons, reserved) = (skeletons(nick), skeletons(GUEST));
    if skeletons.iter().zip(&reserved).any(|(ours, guests)| ours.text().starts_with(guests.text()))
        && nick != guest(number)
    {
        return Err(Flaw::Reserved);
    }
    Ok(skeletons)
}

/// The skeletons of any text. Only those of a checked nick can belong to a member.
pub(crate) fn skeletons(nick: &str) -> [Skeleton; 2] {
    // Converted to lower case after that, too, because the skeleton of a digit may be a capital.
    let lower = |text: &str| skeleton(text).to_lowercase();
    // The skeleton once more: what looks alike in upper case may have different small letters.
    let upper = lower(&lower(&nick.to_uppercase()));
    [Skeleton::Lower(lower(&nick.to_lowercase()).into()), Skeleton::Upper(upper.into())]
}

/// The skeleton of UTS 39. A mark that is repeated is drawn over itself, and so it counts once.
fn skeleton(text: &str) -> String {
    let mut last = None;
    let is_new = |c: &char| last.replace(*c) != Some(*c) || c.width() != Some(0);
    confusable_detection::skeleton(text).filter(is_new).collect()
}

impl Skeleton {
    fn text(&self) -> &str {
        match self {
            Skeleton::Lower(text) | Skeleton::Upper(text) => text,
        }
    }
}

/// Who wears which skeleton.
///
/// It keeps a hash of each skeleton, and of each wearer its key: the texts would be a third of what an idle member takes. The hash
/// is keyed by chance, and has 64 bits. So nobody can look for two names with one hash; if it ever happens, the second name is
/// refused as taken.
#[derive(Default)]
pub(crate) struct Wearers {
    keys: HashMap<u64, usize>,
    hasher: RandomState,
}

impl Wearers {
    /// The key of the member that wears a skeleton.
    pub(crate) fn get(&self, skeleton: &Skeleton) -> Option<usize> {
        self.keys.get(&self.hash(skeleton)).copied()
    }

    pub(crate) fn insert(&mut self, skeletons: [Skeleton; 2], id: Id) {
        for skeleton in skeletons {
            self.keys.insert(self.hash(&skeleton), id.key());
        }
    }

    pub(crate) fn remove(&mut self, skeletons: [Skeleton; 2]) {
        for skeleton in skeletons {
            self.keys.remove(&self.hash(&skeleton));
        }
    }

    /// The number of members.
    pub(crate) fn count(&self) -> usize {
        self.keys.len() / 2
    }

    fn hash(&self, skeleton: &Skeleton) -> u64 {
        self.hasher.hash_one(skeleton)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_people_have_are_fine() {
        for nick in
            ["ana", "José", "Ñandú", "x", "r2-d2", "under_score", "Дмитрий", "太郎", "مُحَمَّد", "12345678901234567890"]
        {
            assert!(check(nick, 1).is_ok(), "{nick}");
        }
    }

    #[test]
    fn names_that_deceive_are_refused() {
        for (nick, flaw) in [
            ("123456789012345678901", Flaw::TooLong),
            ("", Flaw::BadCharacter),
            ("an a", Flaw::BadCharacter),
            ("ana>", Flaw::BadCharacter),
            ("*", Flaw::BadCharacter),
            ("an\u{200b}a", Flaw::BadCharacter),
            ("an\u{200d}a", Flaw::BadCharacter),
            ("an\u{301}a", Flaw::BadCharacter),
            ("\u{64b}", Flaw::BadCharacter),
            ("\u{64e}\u{64f}", Flaw::BadCharacter),
            ("\u{3164}", Flaw::BadCharacter),
            ("\u{ffa0}", Flaw::BadCharacter),
            ("еvan", Flaw::MixedAlphabets),
            ("guest2", Flaw::Reserved),
            ("Guest1", Flaw::Reserved),
            ("guestl", Flaw::Reserved),
        ] {
            assert_eq!(check(nick, 1), Err(flaw), "{nick:?}");
        }
        assert!(check("guest1", 1).is_ok(), "its own guest name");
    }

    #[test]
    fn names_are_compared_by_skeleton_and_not_by_letters() {
        let alike = |a, b| skeletons(a).iter().zip(&skeletons(b)).any(|(a, b)| a == b);
        assert!(alike("Ana", "aNA"));
        assert!(alike("ÑANDÚ", "ñandú"));
        assert!(alike("сор", "cop"), "Cyrillic and Latin");
        assert!(alike("modern", "modem"));
        assert!(
            alike("paul", "pauI") && alike("lan", "Ian") && alike("O2", "02"),
            "a capital that looks like a small letter"
        );
        assert!(alike("σα", "ςα"), "two small letters of one capital");
        assert!(alike("νου", "vou"), "small letters whose capitals differ");
        assert!(alike("a\u{64b}", "a\u{64b}\u{64b}"), "a mark over itself");
        assert!(!alike("ana", "anna"));
        assert!(!alike("n1", "n2"));
        assert!(!alike("paul", "paula"));
    }
}
