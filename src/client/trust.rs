//! Whether a server is the one that it should be.
//!
//! Most servers of a chat have a certificate that nobody vouches for. So a client remembers it at the first visit, and refuses
//! another one later, as ssh does. Whoever knows the fingerprint beforehand, or has a certificate authority, says so.

use super::messages::Text;
use super::session::Session;
use super::stream::Stream;
use crate::certificates::{Fingerprint, Pinned, connection, state_directory};
use crate::files;
use crate::text::Lang;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{AlertDescription, CertificateError, Error, RootCertStore};
use std::fs;
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take for its handshake.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// A longer file of known servers is not ours. Bytes.
const FILE_MAX: u64 = 1 << 20;

/// Which certificate a server must have.
#[derive(Clone, Debug)]
pub(crate) enum Trust {
    /// The one that it had before. At the first visit, any.
    Remembered,
    /// The one with this fingerprint.
    Fingerprint(Fingerprint),
    /// One for its name, for which one of the certificates in this file vouches.
    Authority(PathBuf),
}

/// Ends the handshake of a new connection to `addr`, and checks who is there.
pub(super) fn secure(socket: TcpStream, addr: &str, trust: &Trust, lang: Lang) -> Result<Stream, String> {
    let provider = ring::default_provider();
    let known = match trust {
        Trust::Remembered => remembered(addr),
        Trust::Fingerprint(fingerprint) => Some(*fingerprint),
        Trust::Authority(_) => None,
    };
    let pinned = Arc::new(Pinned::new(known));
    let verifier: Arc<dyn ServerCertVerifier> = match trust {
        Trust::Authority(path) => authority(path, provider, lang)?,
        _ => pinned.clone(),
    };
    let lost = |e: io::Error| Text::ConnectionLost(&e).say(lang);
    let failed = |e: Error| Text::HandshakeFailed(addr, &e.to_string()).say(lang);
    let tls = connection(verifier, name(addr)).map_err(failed)?;

    socket.set_read_timeout(Some(HANDSHAKE_PATIENCE)).map_err(lost)?;
    let session = Session::begin(tls, &socket).map_err(|e| match e.kind() {
        ErrorKind::WouldBlock | ErrorKind::TimedOut => Text::NoTls(addr).say(lang),
        _ => lost(e),
    })?;
    let seen = pinned.seen();
    let session = session.map_err(|e| match (e, known, seen) {
        (Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure), Some(known), Some(seen)) => {
            let (known, seen) = (known.to_string(), seen.to_string());
            match trust {
                Trust::Remembered => Text::CertificateChanged { addr, was: &known, is: &seen }.say(lang),
                _ => Text::OtherCertificate { addr, wanted: &known, is: &seen }.say(lang),
            }
        }
        (Error::InvalidMessage(_), ..) => Text::NoTls(addr).say(lang),
        (Error::AlertReceived(AlertDescription::AccessDenied), ..) => Text::NotLetIn(addr).say(lang),
        (Error::InvalidCertificate(e), ..) => Text::NotTrusted(addr, &e.to_string()).say(lang),
        (e, ..) => failed(e),
    })?;
    if let (Trust::Remembered, None, Some(seen)) = (trust, known, seen) {
        // stdout is for the conversation.
        eprintln!("== {}", Text::FirstVisit(addr, &seen.to_string()).say(lang));
        if let Err(e) = edit(|lines| lines.push(format!("{addr} {seen}"))) {
            log::warn!("{}", Text::NotRemembered(&e).say(lang));
        }
    }
    Ok(Stream::encrypted(socket, session))
}

/// Forgets which certificate a server had.
pub(super) fn forget(addr: &str, lang: Lang) -> Result<(), String> {
    edit(|lines| lines.retain(|line| line.split(' ').next() != Some(addr)))
        .map_err(|e| Text::NotRemembered(&e).say(lang))
}

/// The certificate that a server had.
fn remembered(addr: &str) -> Option<Fingerprint> {
    let text = read(&file()?).ok()?;
    text.lines().find_map(|line| line.split_once(' ').filter(|(known, _)| *known == addr)?.1.parse().ok())
}

/// The file of the known servers: an address and a fingerprint a line.
fn file() -> Option<PathBuf> {
    Some(state_directory()?.join("known-servers"))
}

fn read(path: &Path) -> io::Result<String> {
    match fs::metadata(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(String::new()),
        Ok(it) if it.len() > FILE_MAX => Err(io::Error::from(ErrorKind::FileTooLarge)),
        _ => fs::read_to_string(path),
    }
}

/// Changes the file of the known servers. There is a whole one at any time.
fn edit(change: impl FnOnce(&mut Vec<String>)) -> io::Result<()> {
    let path = file().ok_or(ErrorKind::NotFound)?;
    let mut lines: Vec<String> = read(&path)?.lines().map(str::to_owned).collect();
    change(&mut lines);
    if let Some(directory) = path.parent() {
        files::make_directory(directory)?;
    }
    files::replace(&path, &lines.iter().map(|line| format!("{line}\n")).collect::<String>())
}

/// The name that the certificate must be for, if an authority vouches for it.
fn name(addr: &str) -> ServerName<'static> {
    let host = addr.rsplit_once(':').map_or(addr, |(host, _)| host);
    let host = host.trim_start_matches('[').trim_end_matches(']').split('%').next().unwrap_or_default().to_owned();
    // A host whose name no certificate can have: it is not checked unless an authority is asked, and then it is wrong.
    ServerName::try_from(host).unwrap_or_else(|_| ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()))
}

/// Checks that one of the certificates in a file vouches for the server's.
fn authority(path: &Path, provider: CryptoProvider, lang: Lang) -> Result<Arc<WebPkiServerVerifier>, String> {
    let flaw = |why: &str| Text::NoAuthority(&path.display().to_string(), why).say(lang);
    let text = fs::read(path).map_err(|e| flaw(&crate::text::errors::cause(lang, &e)))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        roots.add(certificate.map_err(|e| flaw(&e.to_string()))?).map_err(|e| flaw(&e.to_string()))?;
    }
    let verifier = WebPkiServerVerifier::builder_with_provider(roots.into(), provider.into()).build();
    verifier.map_err(|e| flaw(&e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_from_any_address() {
        for (addr, expected) in [
            ("chat.example:8889", "chat.example"),
            ("127.0.0.1:1", "127.0.0.1"),
            ("[::1]:8889", "::1"),
            ("[fe80::1%eth0]:8889", "fe80::1"),
            ("ñ:1", "0.0.0.0"),
        ] {
            assert_eq!(name(addr).to_str(), expected, "{addr}");
        }
    }
}
