//! Clients with TLS, and certificates for servers.

use super::{Client, LIMIT, Server, until};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, ClientConnection, DigitallySignedStruct, Error, SignatureScheme, StreamOwned};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;

/// Accepts any certificate.
#[derive(Debug)]
pub struct Anybody(pub CryptoProvider);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A client that has not begun its handshake.
pub fn connection() -> ClientConnection {
    let provider = ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.clone().into())
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anybody(provider)))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), "localhost".try_into().expect("a name")).expect("a client")
}

/// A client in the room, over TLS.
pub struct TlsClient {
    pub stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
}

impl TlsClient {
    /// Connects. The handshake comes with the first line.
    #[track_caller]
    pub fn connect(server: &Server) -> TlsClient {
        let Client { stream, .. } = server.connect();
        TlsClient { stream: BufReader::with_capacity(64 << 10, StreamOwned::new(connection(), stream)) }
    }

    /// Takes a name and has read the greeting.
    #[track_caller]
    pub fn join(server: &Server, nick: &str) -> TlsClient {
        let mut client = TlsClient::connect(server);
        client.says(&format!(":nick {nick}"));
        client.reads(&format!("-- you are now {nick}"));
        client
    }

    #[track_caller]
    pub fn says(&mut self, line: &str) {
        self.sends(format!("{line}\n").as_bytes());
    }

    #[track_caller]
    pub fn sends(&mut self, bytes: &[u8]) {
        self.stream.get_mut().write_all(bytes).expect("the server reads");
    }

    /// The next line; `None` at the end, if the server has announced it.
    #[track_caller]
    pub fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let len = self.stream.read_line(&mut line).expect("a whole stream");
        (len > 0).then(|| line.trim_end_matches('\n').to_owned())
    }

    /// Reads lines up to one that begins like this.
    #[track_caller]
    pub fn reads(&mut self, start: &str) {
        let mut others = Vec::new();
        loop {
            let line = self.line().unwrap_or_else(|| panic!("no {start:?}, but {others:?}"));
            if line.starts_with(start) {
                return;
            }
            others.push(line);
        }
    }

    /// The server has ended the stream, and said so.
    #[track_caller]
    pub fn is_closed(&mut self) {
        assert_eq!(self.line(), None);
    }

    /// The server's certificate.
    pub fn certificate(&self) -> Vec<u8> {
        let chain = self.stream.get_ref().conn.peer_certificates();
        chain.expect("a handshake")[0].to_vec()
    }
}

/// Makes a certificate and its key in this file.
pub fn make_certificate(path: &Path) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let text = format!("{}{}", made.cert.pem(), made.signing_key.serialize_pem());
    std::fs::write(path, text).expect("a temporary file");
}

/// Waits until a new client gets another certificate than this.
#[track_caller]
pub fn renewed(server: &Server, old: &[u8]) -> TlsClient {
    let deadline = std::time::Instant::now() + LIMIT;
    until("the server uses the new certificate", || {
        assert!(std::time::Instant::now() < deadline);
        let client = TlsClient::join(server, "new");
        (client.certificate() != old).then_some(client)
    })
}
