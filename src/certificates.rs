//! What the server and the clients of TLS have in common: fingerprints, how a client knows a server by one, and the directory where
//! certificates are kept.

use ::ring::digest::{SHA256, SHA256_OUTPUT_LEN, digest};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme};
use std::fmt::{self, Display, Formatter};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

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

/// Begins a client's connection. `name` is sent to the server, and is what its certificate must be for, if `verifier` looks at that.
pub(crate) fn connection(
    verifier: Arc<dyn ServerCertVerifier>,
    name: ServerName<'static>,
) -> Result<ClientConnection, Error> {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into());
    let config = config.with_safe_default_protocol_versions()?.dangerous().with_custom_certificate_verifier(verifier);
    ClientConnection::new(Arc::new(config.with_no_client_auth()), name)
}

/// Accepts the certificate with a known fingerprint, or any if none is known. Notes the one that it has seen.
#[derive(Debug)]
pub(crate) struct Pinned {
    known: Option<Fingerprint>,
    seen: Mutex<Option<Fingerprint>>,
    provider: CryptoProvider,
}

impl Pinned {
    pub(crate) fn new(known: Option<Fingerprint>) -> Pinned {
        Pinned { known, seen: Mutex::default(), provider: ring::default_provider() }
    }

    /// The fingerprint of the server's certificate, once it has shown it.
    pub(crate) fn seen(&self) -> Option<Fingerprint> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let seen = Fingerprint::of(certificate);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
        match self.known.is_none_or(|known| known == seen) {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(CertificateError::ApplicationVerificationFailure.into()),
        }
    }

    // That the other end has the certificate's key.

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
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
