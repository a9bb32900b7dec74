//! What the server and the client of TLS have in common: fingerprints, and the directory where certificates are kept.

use ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::pki_types::CertificateDer;
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;

/// The SHA-256 of a certificate. People compare it. `openssl x509 -fingerprint -sha256` writes it alike.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Fingerprint([u8; SHA256_OUTPUT_LEN]);

impl Fingerprint {
    pub(crate) fn of(certificate: &CertificateDer<'_>) -> Fingerprint {
        let mut sum = [0; SHA256_OUTPUT_LEN];
        sum.copy_from_slice(digest(&SHA256, certificate).as_ref());
        Fingerprint(sum)
    }
}

impl Display for Fingerprint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.0.iter().enumerate().try_for_each(|(i, byte)| write!(f, "{}{byte:02X}", if i == 0 { "" } else { ":" }))
    }
}

impl FromStr for Fingerprint {
    type Err = ();

    /// With or without colons, in capitals or small letters.
    fn from_str(text: &str) -> Result<Fingerprint, ()> {
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut sum = [0; SHA256_OUTPUT_LEN];
        if digits.len() != 2 * sum.len() {
            return Err(());
        }
        for (byte, pair) in sum.iter_mut().zip(digits.chunks(2)) {
            let digit = |at: usize| char::from(pair[at]).to_digit(16).ok_or(());
            *byte = (digit(0)? << 4 | digit(1)?) as u8;
        }
        Ok(Fingerprint(sum))
    }
}

/// Where programs keep what they have to remember: a service has a directory of its own, and a user `~/.local/state/tertulia`. `None`
/// if the environment names neither.
pub(crate) fn state_directory() -> Option<PathBuf> {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("STATE_DIRECTORY")
        .or_else(|| Some(variable("XDG_STATE_HOME")?.join("tertulia")))
        .or_else(|| Some(variable("HOME")?.join(".local/state/tertulia")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_as_people_write_it() {
        let it = Fingerprint::of(&CertificateDer::from(&b"abc"[..]));
        let text = it.to_string();
        assert!(text.starts_with("BA:78:16:BF:8F:01") && text.ends_with("15:AD"), "{text}");
        for text in [text.clone(), text.replace(':', ""), text.to_lowercase()] {
            assert_eq!(text.parse(), Ok(it));
        }
        for text in ["", "BA:78", &text[2..], &format!("{text}:00"), &text.replace('B', "G"), &text.replace('B', "é")]
        {
            assert_eq!(text.parse::<Fingerprint>(), Err(()), "{text}");
        }
    }
}
