//! The server's certificate and its key, for TLS: made once and kept, or the administrator's own.
//!
//! A certificate that nobody vouches for is enough where a client remembers it: that is how `join --tls` works. Both are in one file,
//! which only the server's user may read, so that one cannot be there without the other.

use super::diagnostics;
use crate::certificates::{Fingerprint, state_directory};
use crate::chat::Tls;
use crate::files;
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

/// Where the certificate and the key are.
#[derive(Clone, Debug)]
pub enum Source {
    /// In the state directory. They are made if they are not there.
    Made,
    /// In these files. The key may stand in the file of the certificate.
    Own {
        /// The certificate, and behind it those that vouch for it. PEM.
        certificate: PathBuf,
        /// Its key. PEM.
        key: PathBuf,
    },
}

/// A certificate and its key, which can be read again.
pub(crate) struct Identity {
    certificate: PathBuf,
    key: PathBuf,
    tls: Tls,
    fingerprint: Fingerprint,
}

type Read = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Identity {
    /// Reads the files, or makes them first. The error is text for people.
    pub(crate) fn open(source: &Source) -> Result<Identity, String> {
        let (certificate, key) = match source {
            Source::Own { certificate, key } => (certificate.clone(), key.clone()),
            Source::Made => {
                let directory = state_directory().ok_or_else(diagnostics::no_state_directory)?;
                let path = directory.join("tls.pem");
                if !path.exists() {
                    make(&directory, &path).map_err(|e| diagnostics::cannot_make_certificate(&path, &e))?;
                }
                (path.clone(), path)
            }
        };
        let (certificates, private) = read(&certificate, &key)?;
        let fingerprint = Fingerprint::of(&certificates[0]);
        let tls = Tls::new(certificates, private).map_err(|e| diagnostics::no_pair(&certificate, &key, &e))?;
        Ok(Identity { certificate, key, tls, fingerprint })
    }

    /// By which fingerprint others know the server, as text for people.
    pub(crate) fn line(&self) -> String {
        diagnostics::compare_fingerprint(&self.fingerprint)
    }

    pub(crate) fn tls(&self) -> Tls {
        self.tls.clone()
    }

    /// Reads the files again, for all that connect from now on. A thread does it, because the chat does not wait for a disk.
    pub(crate) fn reload(&self) {
        let (certificate, key, tls) = (self.certificate.clone(), self.key.clone(), self.tls.clone());
        let work = move || {
            let renewed = read(&certificate, &key).and_then(|(certificates, private)| {
                let fingerprint = Fingerprint::of(&certificates[0]);
                tls.renew(certificates, private).map_err(|e| diagnostics::no_pair(&certificate, &key, &e))?;
                Ok(fingerprint)
            });
            match renewed {
                Ok(fingerprint) => log::info!("{}", diagnostics::certificate_read_again(&fingerprint)),
                Err(e) => log::warn!("{}", diagnostics::old_certificate_stays(&e)),
            }
        };
        if let Err(e) = thread::Builder::new().name("certificate".into()).spawn(work) {
            log::warn!("{}", diagnostics::old_certificate_stays(&e.to_string()));
        }
    }
}

/// Reads at least one certificate, and a key.
fn read(certificate: &Path, key: &Path) -> Result<Read, String> {
    let contents = |path: &Path| fs::read(path).map_err(|e| diagnostics::cannot_read_certificate(path, &e));
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&contents(certificate)?).collect();
    let certificates = certificates.unwrap_or_default();
    if certificates.is_empty() {
        return Err(diagnostics::no_certificate(certificate));
    }
    let private = PrivateKeyDer::from_pem_slice(&contents(key)?).map_err(|_| diagnostics::no_key(key))?;
    Ok((certificates, private))
}

/// Makes a key and a certificate that vouches for itself.
fn make(directory: &Path, path: &Path) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))
    };
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into_iter().chain(Some(host).filter(is_name));
    let mut params = CertificateParams::new(names.collect::<Vec<_>>()).map_err(io::Error::other)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "tertulia");
    let certificate = params.self_signed(&key).map_err(io::Error::other)?;
    let text = format!("{}{}", certificate.pem(), key.serialize_pem());
    files::make_directory(directory)?;
    files::create(path, &text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Directory {
            Directory(std::env::temp_dir().join(format!("tertulia-identity-{name}-{}", std::process::id())))
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_is_made_is_kept_for_its_user_alone() {
        let directory = Directory::new("made");
        let path = directory.0.join("tls.pem");
        make(&directory.0, &path).expect("a temporary directory");
        assert_eq!(fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        let text = fs::read_to_string(&path).expect("it is there");
        make(&directory.0, &path).expect("another one has made it");
        assert_eq!(fs::read_to_string(&path).expect("it is there"), text);
        assert_eq!(fs::read_dir(&directory.0).expect("it is there").count(), 1);

        let own = Source::Own { certificate: path.clone(), key: path.clone() };
        let first = Identity::open(&own).expect("both are in it").fingerprint;
        assert_eq!(Identity::open(&own).expect("both are in it").fingerprint, first);
    }

    #[test]
    fn files_without_a_certificate_or_its_key_are_named() {
        let directory = Directory::new("own");
        let [one, two] = ["one", "two"].map(|name| directory.0.join(name));
        make(&directory.0, &one).and_then(|()| make(&directory.0, &two)).expect("a temporary directory");
        let text = fs::read_to_string(&one).expect("it is there");
        let (certificate, key) = text.split_at(text.find("-----BEGIN PRIVATE").expect("a key"));
        let path = |name: &str, text: &str| {
            let path = directory.0.join(name);
            fs::write(&path, text).expect("a temporary file");
            path
        };
        let (certificate, key) = (path("certificate", certificate), path("key", key));
        let open = |certificate: &Path, key: &Path| {
            Identity::open(&Source::Own { certificate: certificate.into(), key: key.into() }).map(|it| it.fingerprint)
        };
        assert!(open(&certificate, &key).is_ok());
        for (certificate, key, named) in [
            (&key, &key, "no certificate in"),
            (&certificate, &certificate, "no key in"),
            (&two, &key, "not the key of"),
            (&certificate, &directory.0.join("none"), "cannot read"),
            (&certificate, &path("garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n"), "no key in"),
        ] {
            let error = open(certificate, key).expect_err(named);
            assert!(error.contains(named), "{error}");
        }
    }
}
