//! Passwords: what is kept of one, and how it is compared.

use std::fmt::{self, Debug, Formatter};
use subtle::ConstantTimeEq;

/// The longest password. Bytes.
pub const SECRET_MAX: usize = 256;

/// A password. It is compared in a time that tells neither how much of it was right nor how long it is, and it is never printed.
#[derive(Clone)]
pub struct Secret(Padded);

type Padded = [u8; SECRET_MAX];

impl Secret {
    /// `None` if nobody could type it as a line: it is empty, longer than [`SECRET_MAX`], has control characters, or begins with a
    /// colon, as commands do.
    pub fn new(text: &str) -> Option<Secret> {
        let can_be_typed = !text.is_empty() && !text.starts_with(':') && !text.chars().any(char::is_control);
        padded(text.as_bytes()).filter(|_| can_be_typed).map(Secret)
    }

    /// Whether a client has sent the password.
    pub fn is(&self, tried: &[u8]) -> bool {
        // A password has no zero bytes, so its length shows in the padding.
        let known = padded(tried).filter(|_| !tried.contains(&0));
        self.0.ct_eq(&known.unwrap_or([0; SECRET_MAX])).into()
    }
}

fn padded(text: &[u8]) -> Option<Padded> {
    let mut padded = [0; SECRET_MAX];
    padded.get_mut(..text.len())?.copy_from_slice(text);
    Some(padded)
}

impl Debug for Secret {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_password_is_right() {
        let secret = Secret::new("sésamo 7").expect("it can be typed");
        assert!(secret.is("sésamo 7".as_bytes()));
        for wrong in ["", "s", "sésamo", "sésamo 77", "sésamo 7\0", "Sésamo 7", &"x".repeat(300)] {
            assert!(!secret.is(wrong.as_bytes()), "{wrong:?}");
        }
        assert_eq!(format!("{secret:?}"), "Secret(..)");
    }

    #[test]
    fn what_nobody_could_type_is_no_password() {
        for text in ["", ":q", "a\nb", "a\0", "\u{1b}[A", &"x".repeat(257)] {
            assert!(Secret::new(text).is_none(), "{text:?}");
        }
        assert!(Secret::new(&"x".repeat(256)).is_some());
    }
}
