//! The TLS flags of `serve`.

use super::failure::Failure;
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
