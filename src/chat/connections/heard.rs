//! What is heard of an encrypted connection.

/// What a client sent, as far as it can be decrypted.
#[derive(Default)]
pub(crate) struct Heard {
    pub plain: Vec<u8>,
    /// The handshake has ended with these bytes.
    pub is_ready: bool,
    /// Its first message is complete. [`answer`](super::tls::Session::answer) is to be called for it.
    pub is_greeting: bool,
    /// The client has said that it sends nothing more.
    pub has_ended: bool,
    pub failure: Option<Failure>,
}

impl Heard {
    pub(super) fn failed(failure: Failure) -> Heard {
        Heard { failure: Some(failure), ..Heard::default() }
    }

    /// Whether nothing more can be heard of the client, because it does not speak TLS.
    pub(in crate::chat) fn is_unencrypted(&self) -> bool {
        self.failure == Some(Failure::Unencrypted)
    }
}

/// Why nothing more can be heard of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    /// It does not speak TLS at all.
    Unencrypted,
    /// It does not keep to the protocol, has no version or cipher in common with the server, or its bytes were changed on the way.
    Broken,
}
