//! Clients that encrypt: what goes wrong between them and the server, and scenarios with them.
//!
//! Their records are cut anywhere. Some stop in the middle of the handshake, some end without saying so, and of some one byte is
//! changed on the way.

use super::client::ScriptedClient;
use super::dice::Dice;
use super::kernel::Kernel;
use super::random_scenario;
use crate::certificates::{Pinned, connection};
use crate::chat::Tls;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::{AlertDescription, ClientConnection, Error};
use std::io::{BufRead, Write};
use std::sync::{Arc, LazyLock};

/// The server's certificate. Signatures of its kind all have the same length, so a seed plays the same schedule again.
static SERVER: LazyLock<Tls> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("a key");
    let params = rcgen::CertificateParams::new(["tertulia".to_owned()]).expect("a name");
    let certificate = params.self_signed(&key).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(key.serialize_der());
    Tls::new(vec![certificate.der().clone()], key.into()).expect("the key is the certificate's")
});

/// Changes a random scenario so that the server encrypts. Some clients come through a Unix socket, where nothing is encrypted, and
/// some speak plain text where they should not.
pub(super) fn encrypted_scenario(seed: u64) -> Kernel {
    let mut kernel = random_scenario(seed);
    kernel.room.tls = Some(SERVER.clone());
    for socket in &mut kernel.sockets {
        match kernel.dice.below(8) {
            0 | 1 => socket.client.is_local = true,
            2 => {}
            _ => socket.client.session = Some(Session::random(&socket.client, &mut kernel.dice)),
        }
    }
    kernel
}

/// What the schedules have to meet.
pub(super) const DANGERS: &[&str] =
    &["failed handshake", "full house", "lost without a reset", "plain text", "rest", "short write", "too slow"];

/// What happens to the bytes of a client.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fate {
    /// All come.
    Sound,
    /// All come, and then an end-of-file that was not announced.
    Cut,
    /// Only the first come.
    Stops(usize),
    /// One is changed on the way.
    Changed(usize),
}

/// A client's end of TLS.
pub(super) struct Session {
    tls: ClientConnection,
    fate: Fate,
    to_send: Vec<u8>,
    sent: usize,
    /// What the server has sent and the client has not read, decrypted.
    pub unread: Vec<u8>,
    /// The client has read the last of the handshake.
    is_open: bool,
    /// It can do nothing before it has read more.
    waits: bool,
    has_said_the_end: bool,
    was_told_the_end: bool,
}

impl Session {
    fn random(client: &ScriptedClient, dice: &mut Dice) -> Session {
        // Who does not end its last line has to end its stream, or the line is not said.
        let may_be_cut = client.ends_all_lines();
        let fate = match dice.below(16) {
            0 => Fate::Stops(dice.below(200)),
            1 => Fate::Changed(dice.below(1000)),
            2..=4 if may_be_cut => Fate::Cut,
            _ => Fate::Sound,
        };
        let name = "tertulia".try_into().expect("a name");
        let mut tls = connection(Arc::new(Pinned::new(None)), name).expect("a client");
        tls.set_buffer_limit(None);
        let mut session = Session {
            tls,
            fate,
            to_send: Vec::new(),
            sent: 0,
            unread: Vec::new(),
            is_open: false,
            waits: false,
            has_said_the_end: false,
            was_told_the_end: false,
        };
        session.collect();
        session
    }

    /// Whether all its bytes come as they were sent, if they come.
    pub(super) fn is_sound(&self) -> bool {
        matches!(self.fate, Fate::Sound | Fate::Cut)
    }

    /// Whether its connection may be lost although it is not reset.
    pub(super) fn may_be_lost(&self) -> bool {
        self.fate == Fate::Cut || self.is_changed()
    }

    /// Whether one of its bytes was changed.
    pub(super) fn is_changed(&self) -> bool {
        matches!(self.fate, Fate::Changed(at) if at < self.sent)
    }

    /// Whether its first byte did not come, or was changed: nothing shows that it speaks TLS.
    pub(super) fn is_obscure(&self) -> bool {
        matches!(self.fate, Fate::Stops(0) | Fate::Changed(0))
    }

    pub(super) fn is_handshaking(&self) -> bool {
        !self.is_open
    }

    pub(super) fn has_said_the_end(&self) -> bool {
        self.has_said_the_end
    }

    pub(super) fn was_told_the_end(&self) -> bool {
        self.was_told_the_end
    }

    /// The client says this.
    pub(super) fn encrypt(&mut self, bytes: &[u8]) {
        let written = self.tls.writer().write_all(bytes);
        assert!(written.is_ok() || !self.is_sound(), "its buffer has no limit: {written:?}");
        self.collect();
    }

    /// The client is about to end its stream. Returns whether it announces that now.
    pub(super) fn says_the_end(&mut self) -> bool {
        if self.has_said_the_end || self.fate == Fate::Cut {
            return false;
        }
        self.has_said_the_end = true;
        self.tls.send_close_notify();
        self.collect();
        true
    }

    fn collect(&mut self) {
        while self.tls.wants_write() {
            self.tls.write_tls(&mut self.to_send).expect("a vector takes all");
        }
    }

    /// Bytes that come to the server now. `None` if there are none, and the client may go on with its script.
    pub(super) fn next_piece(&mut self, dice: &mut Dice) -> Option<Vec<u8>> {
        let left = match self.fate {
            Fate::Stops(end) => self.to_send.len().min(end - self.sent),
            _ => self.to_send.len(),
        };
        if left == 0 {
            return None;
        }
        let len = if dice.one_in(2) { left } else { 1 + dice.below(left) };
        let mut piece: Vec<u8> = self.to_send.drain(..len).collect();
        if let Fate::Changed(at) = self.fate
            && let Some(byte) = at.checked_sub(self.sent).and_then(|at| piece.get_mut(at))
        {
            *byte ^= 1 << dice.below(8);
        }
        self.sent += len;
        Some(piece)
    }

    /// Whether the client has to wait for the server before it goes on with its script.
    pub(super) fn has_to_wait(&mut self) -> bool {
        self.waits = !self.is_open;
        self.waits
    }

    /// The client has read all that has come. Returns whether that was what it has waited for.
    pub(super) fn goes_on(&mut self) -> bool {
        self.is_open = !self.tls.is_handshaking();
        self.waits && (self.is_open || !self.to_send.is_empty()) && std::mem::take(&mut self.waits)
    }

    /// Decrypts what the server has sent.
    pub(super) fn decrypt(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.tls.read_tls(&mut bytes).unwrap_or(0) == 0 {
                // Behind the end or an error.
                assert!(!self.is_sound() || self.was_told_the_end, "the client cannot decrypt what it gets");
                return;
            }
            let state = self.tls.process_new_packets();
            let mut reader = self.tls.reader();
            while let Ok(piece @ [_, ..]) = reader.fill_buf() {
                self.unread.extend(piece);
                let len = piece.len();
                reader.consume(len);
            }
            match state {
                Ok(state) => self.was_told_the_end |= state.peer_has_closed(),
                // It came too late, or no thread could be started for it.
                Err(Error::AlertReceived(AlertDescription::AccessDenied)) => {}
                Err(e) => assert!(!self.is_sound(), "the client cannot decrypt what it gets: {e}"),
            }
            self.collect();
        }
    }
}
