//! The TLS flags of `serve` and `join`.

use super::failure::Failure;
#[cfg(feature = "join")]
use crate::certificates::Fingerprint;
#[cfg(feature = "join")]
use crate::client::Trust;
use crate::server::identity::Source;
use crate::text::{Lang, say};
use clap::builder::FalseyValueParser;
use std::path::PathBuf;

/// Flags of `serve`.
#[derive(clap::Args, Debug)]
pub(crate) struct ServeTls {
    /// Encrypt all connections over the network with TLS
    ///
    /// A certificate and its key are made once, and kept in the state directory: in tls.pem under ~/.local/state/tertulia, or where
    /// XDG_STATE_HOME or STATE_DIRECTORY says. Its fingerprint is shown at the start: whoever joins compares it. Unix sockets stay
    /// plain
    #[arg(long, env = "TERTULIA_TLS", value_parser = FalseyValueParser::new())]
    tls: bool,

    /// Certificate to use instead, and behind it those that vouch for it; PEM
    ///
    /// Turns on --tls. SIGHUP reads it and the key again: newcomers get the new one
    #[arg(long, value_name = "FILE", env = "TERTULIA_TLS_CERT", hide_short_help = true)]
    tls_cert: Option<PathBuf>,

    /// Key of the certificate, if it is not in the same file; PEM
    #[arg(long, value_name = "FILE", env = "TERTULIA_TLS_KEY", hide_short_help = true)]
    tls_key: Option<PathBuf>,
}

impl ServeTls {
    pub(crate) fn source(self) -> Result<Option<Source>, Failure> {
        match (self.tls_cert, self.tls_key) {
            (Some(certificate), key) => {
                let key = key.unwrap_or_else(|| certificate.clone());
                Ok(Some(Source::Own { certificate, key }))
            }
            (None, None) => Ok(self.tls.then_some(Source::Made)),
            (None, Some(_)) => Err(Failure::Usage(say!(Lang::session(),
                "--tls-key needs --tls-cert: name both files, or use --tls alone";
                "--tls-key necesita --tls-cert: indica los dos archivos, o usa solo --tls"))),
        }
    }
}

/// Flags of `join`.
#[cfg(feature = "join")]
#[derive(clap::Args, Debug)]
pub(crate) struct JoinTls {
    /// Encrypt the connection with TLS
    ///
    /// At the first visit the server's certificate is remembered, in known-servers under ~/.local/state/tertulia or where
    /// XDG_STATE_HOME says. A server that has another one later is refused
    #[arg(long, env = "TERTULIA_TLS", value_parser = FalseyValueParser::new())]
    tls: bool,

    /// Fingerprint that the server's certificate must have: the SHA-256 in hexadecimal; turns on --tls
    #[arg(long, value_name = "FINGERPRINT", env = "TERTULIA_TLS_FINGERPRINT", value_parser = fingerprint,
          conflicts_with = "tls_ca")]
    tls_fingerprint: Option<Fingerprint>,

    /// File with the certificates that must vouch for the server's, and for its name; PEM; turns on --tls
    #[arg(long, value_name = "FILE", env = "TERTULIA_TLS_CA")]
    tls_ca: Option<PathBuf>,

    /// Forget which certificate the server had, and remember the one that it has now; turns on --tls
    #[arg(long, conflicts_with_all = ["tls_fingerprint", "tls_ca"])]
    tls_forget: bool,
}

#[cfg(feature = "join")]
impl JoinTls {
    pub(crate) fn trust(&self) -> Option<Trust> {
        match (self.tls_fingerprint, &self.tls_ca) {
            (Some(fingerprint), _) => Some(Trust::Fingerprint(fingerprint)),
            (None, Some(path)) => Some(Trust::Authority(path.clone())),
            (None, None) => (self.tls || self.tls_forget).then_some(Trust::Remembered),
        }
    }

    pub(crate) fn forgets(&self) -> bool {
        self.tls_forget
    }
}

#[cfg(feature = "join")]
fn fingerprint(text: &str) -> Result<Fingerprint, String> {
    text.parse().map_err(|()| {
        say!(Lang::session(),
            "a fingerprint has 64 hexadecimal digits, with or without colons";
            "una huella tiene 64 cifras hexadecimales, con o sin dos puntos")
    })
}
