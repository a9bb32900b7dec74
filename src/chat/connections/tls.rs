//! TLS: the codec between the bytes of a socket and the lines of a client.
//!
//! A driver carries encrypted bytes, and knows nothing of it. What a client sends is decrypted before it is cut into lines. What it
//! gets is encrypted into its outbox, so the limits there count encrypted bytes.
//!
//! A line for all is stored once and encrypted for each client. Therefore an encrypted connection does not read the turn's log from
//! its own [`Place`], which is [beyond](Place::BEYOND) the log: nothing can be written from there in plain text. It has another place
//! in its [`Session`], and is caught up before it is flushed.
//!
//! The library does no I/O, either. It asks the system for random bytes, and for nothing else.
//!
//! # What it costs
//!
//! Measured with `tertulia bench --addr :8889 --tls`, all on one core: among 6 members a line and its echo take about 1.35 times as long
//! as in plain text, and among 64 about half as many lines are delivered. With `stunnel` before a plain server it is 6 times as long,
//! and a tenth. A member takes 10 KiB instead of 2.
//!
//! A handshake costs the loop about 0.2 ms, and one in 1 ms is answered. So while 1,000 clients at a time shake hands, again and again,
//! 99 of 100 lines reach all of 6 members within 1.2 ms, as they do in calm, and 999 of 1,000 within 15 ms (`bench --rate 500`, the
//! server and the members on a core each, before all else that runs there). With a thread for each client it is 26 ms and 0.4 s.

use super::broadcast::Place;
use super::heard::{Failure, Heard};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{Accepted, Acceptor, ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, ServerConnection};
use std::fmt::{self, Debug, Formatter};
use std::io::{BufRead, Write};
use std::sync::{Arc, PoisonError, RwLock};

/// The type of TLS's handshake records: the first byte of a connection.
const HANDSHAKE: u8 = 22;
/// What a client may send behind its first message before that is answered: it has nothing to say yet. Bytes.
const EARLY_MAX: usize = 4 << 10;
/// What a client gets that is not let in before its handshake: a record with the fatal alert `access_denied`.
pub(crate) const ACCESS_DENIED: &[u8] = &[21, 3, 3, 0, 2, 2, 49];

/// The server's side of TLS: versions 1.3 and 1.2, a certificate and its key.
///
/// Sessions are not resumed: that would need keys that are as secret as the server's own, and saves a chat nothing.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ServerConfig>,
    identity: Arc<Identity>,
}

impl Tls {
    /// A server with this certificate (behind it may follow those that vouch for it) and its key.
    ///
    /// # Errors
    ///
    /// The key is not the certificate's, or is of no known kind.
    pub fn new(certificates: Vec<CertificateDer<'static>>, key: PrivateKeyDer<'static>) -> Result<Tls, rustls::Error> {
        let identity = Arc::new(Identity(RwLock::new(certified(certificates, key)?)));
        let builder = ServerConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(identity.clone());
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Tls { config: Arc::new(config), identity })
    }

    /// Uses another certificate and key for all that connect from now on.
    ///
    /// # Errors
    ///
    /// As with [`Tls::new`]; then the former ones stay.
    pub fn renew(
        &self,
        certificates: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<(), rustls::Error> {
        let renewed = certified(certificates, key)?;
        *self.identity.0.write().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }
}

fn certified(
    certificates: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<CertifiedKey>, rustls::Error> {
    CertifiedKey::from_der(certificates, key, &ring::default_provider()).map(Arc::new)
}

impl Debug for Tls {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("Tls(..)")
    }
}

/// The certificate and the key. They can be exchanged while the server runs.
struct Identity(RwLock<Arc<CertifiedKey>>);

impl Debug for Identity {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl ResolvesServerCert for Identity {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

/// One client's TLS connection.
pub(crate) struct Session {
    config: Arc<ServerConfig>,
    stage: Stage,
    /// How much of the turn's log was encrypted for it.
    pub place: Place,
    /// The client has said that it sends nothing more. What it said before may still be held back.
    pub has_ended: bool,
}

// The largest is the usual one.
#[allow(clippy::large_enum_variant)]
enum Stage {
    /// The client's first message is not complete.
    Silent(Acceptor, usize),
    /// It is complete, and its answer takes most of the work of a handshake.
    Greeted(Accepted, Vec<u8>),
    /// The server has answered it.
    Answered(ServerConnection),
    /// Nothing more can be sent.
    Over,
}

impl Session {
    pub(crate) fn new(tls: &Tls) -> Session {
        let stage = Stage::Silent(Acceptor::default(), 0);
        Session { config: tls.config.clone(), stage, place: Place::BEYOND, has_ended: false }
    }

    /// Whether the client has not sent a byte.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.stage, Stage::Silent(_, 0))
    }

    /// Takes in what the client sent. What TLS itself has to say goes to `output`.
    pub(crate) fn read(&mut self, bytes: &[u8], output: &mut impl Write) -> Heard {
        let heard = match &mut self.stage {
            Stage::Silent(_, len) => {
                if *len == 0 && bytes.first().is_some_and(|first| *first != HANDSHAKE) {
                    return Heard::failed(Failure::Unencrypted);
                }
                *len += bytes.len();
                self.greet(bytes, output)
            }
            Stage::Greeted(_, early) => {
                early.extend_from_slice(bytes);
                match early.len() {
                    ..=EARLY_MAX => Heard::default(),
                    _ => Heard::failed(Failure::Broken),
                }
            }
            Stage::Answered(connection) => hear(connection, bytes, output),
            Stage::Over => Heard::default(),
        };
        if heard.failure.is_some() {
            self.stage = Stage::Over;
        }
        heard
    }

    /// Reads the client's first message.
    fn greet(&mut self, mut bytes: &[u8], output: &mut impl Write) -> Heard {
        let Stage::Silent(acceptor, _) = &mut self.stage else { return Heard::default() };
        loop {
            // An error means that its buffer is full: the message is longer than any is.
            let Ok(taken) = acceptor.read_tls(&mut bytes) else { return Heard::failed(Failure::Broken) };
            match acceptor.accept() {
                Ok(Some(accepted)) => {
                    self.stage = Stage::Greeted(accepted, bytes.to_vec());
                    return Heard { is_greeting: true, ..Heard::default() };
                }
                Ok(None) if taken == 0 || bytes.is_empty() => return Heard::default(),
                Ok(None) => {}
                Err((_, mut alert)) => {
                    // Writing to an outbox does not fail.
                    let _ = alert.write_all(output);
                    return Heard::failed(Failure::Broken);
                }
            }
        }
    }

    /// Answers the client's first message: this chooses the keys and signs them, and costs as much as some hundred lines.
    pub(crate) fn answer(&mut self, output: &mut impl Write) -> Heard {
        let Stage::Greeted(accepted, early) = std::mem::replace(&mut self.stage, Stage::Over) else {
            return Heard::default();
        };
        match accepted.into_connection(self.config.clone()) {
            Ok(mut connection) => {
                // The outbox is bounded, and takes everything at once.
                connection.set_buffer_limit(None);
                let heard = hear(&mut connection, &early, output);
                if heard.failure.is_none() {
                    self.stage = Stage::Answered(connection);
                }
                heard
            }
            Err((_, mut alert)) => {
                let _ = alert.write_all(output);
                Heard::failed(Failure::Broken)
            }
        }
    }

    /// Encrypts what the client gets. Nothing before the handshake has ended.
    pub(crate) fn encrypt(&mut self, pieces: [&[u8]; 2], output: &mut impl Write) {
        let Stage::Answered(connection) = &mut self.stage else { return };
        if connection.is_handshaking() {
            return;
        }
        for piece in pieces {
            // It takes all, because its buffer has no limit.
            let _ = connection.writer().write_all(piece);
        }
        send(connection, output);
    }

    /// Tells the client that nothing more comes.
    pub(crate) fn end(&mut self, output: &mut impl Write) {
        if let Stage::Answered(connection) = &mut self.stage {
            connection.send_close_notify();
            send(connection, output);
        }
        self.stage = Stage::Over;
    }
}

/// Decrypts what a client sent.
fn hear(connection: &mut ServerConnection, mut bytes: &[u8], output: &mut impl Write) -> Heard {
    let was_handshaking = connection.is_handshaking();
    let mut heard = Heard::default();
    loop {
        // It takes some KiB at a time. An error means that its buffer is full of one record, which is longer than any may be.
        let taken = if bytes.is_empty() { Ok(0) } else { connection.read_tls(&mut bytes) };
        let state = connection.process_new_packets();
        // Also before an error there may be something.
        let mut reader = connection.reader();
        while let Ok(piece @ [_, ..]) = reader.fill_buf() {
            heard.plain.extend_from_slice(piece);
            let len = piece.len();
            reader.consume(len);
        }
        match state {
            Err(_) => heard.failure = Some(Failure::Broken),
            Ok(state) => heard.has_ended |= state.peer_has_closed(),
        }
        send(connection, output);
        let is_over = heard.failure.is_some() || heard.has_ended || bytes.is_empty();
        match taken {
            _ if is_over => break,
            Ok(1..) => {}
            _ => {
                heard.failure = Some(Failure::Broken);
                break;
            }
        }
    }
    heard.is_ready = was_handshaking && !connection.is_handshaking();
    heard
}

/// Moves what TLS has to send to `output`.
fn send(connection: &mut ServerConnection, output: &mut impl Write) {
    while connection.wants_write() && connection.write_tls(output).is_ok_and(|taken| taken > 0) {}
}
