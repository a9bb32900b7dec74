//! The fuzz target for the door: whatever a stranger sends, it has no seat before it has said the password, and with TLS not before
//! its handshake has ended.

use crate::chat::limits::Limits;
use crate::chat::tests::sim::{ROOMY, STYLES, Sim};
use crate::chat::{Secret, Tls};
use std::time::Duration;

const PASSWORD: &str = "open";

/// The lowest bit of the first byte turns TLS on, the next one chooses the style of driver. Pieces follow: a byte with a length, and
/// so many bytes, which come in one read. A piece without bytes lets a second pass.
pub fn door(input: &[u8]) {
    let Some((first, mut rest)) = input.split_first() else { return };
    let tls = if first & 1 == 1 { tls() } else { None };
    let is_encrypted = tls.is_some();
    let limits = Limits { password: Secret::new(PASSWORD), tls, ..Limits::default() };
    let mut sim = Sim::new(STYLES[usize::from(first >> 1 & 1)], limits);
    let id = sim.come(ROOMY, b"").expect("there is a place");
    let mut said = Vec::new();
    while let Some((len, more)) = rest.split_first() {
        let (piece, after) = more.split_at(usize::from(*len).min(more.len()));
        match piece {
            [] => sim.wait(Duration::from_secs(1)),
            piece => sim.send(id, piece),
        }
        sim.turn();
        said.extend_from_slice(piece);
        rest = after;
    }
    let knows = said.split(|byte| *byte == b'\n').any(|line| line.trim_ascii_end() == PASSWORD.as_bytes());
    let is_member = sim.hub.connections.known(id).has_number();
    assert!(!is_member || (knows && !is_encrypted), "a stranger has come in");
}

/// One for all inputs: to make a key takes longer than to read an input.
#[cfg(feature = "tls")]
fn tls() -> Option<Tls> {
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use std::sync::LazyLock;
    static MADE: LazyLock<Tls> = LazyLock::new(|| {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        Tls::new(vec![made.cert.der().clone()], key.into()).expect("the key is the certificate's")
    });
    Some(MADE.clone())
}

#[cfg(not(feature = "tls"))]
fn tls() -> Option<Tls> {
    None
}
