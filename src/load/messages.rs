//! What is said to the user of the load generator, in English and Spanish.

use super::load_client::CONNECT_MAX;
use crate::chat::sanitize::sanitize_text;
use crate::text::{Bilingual, Lang, say};
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

pub(crate) fn failed(error: impl Display) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "the load generator failed: {error}"; "el generador de carga falló: {error}"))
}

/// One of `count` clients cannot connect. `number` counts from 0.
pub(crate) fn cannot_connect(number: usize, count: usize, addr: SocketAddr, error: &io::Error) -> Bilingual {
    let number = number + 1;
    Bilingual::of(|lang| {
        let advice = advice(lang, error.kind());
        say!(lang,
            "client {number} of {count} cannot connect to {addr}: {error}{advice}";
            "el cliente {number} de {count} no puede conectar con {addr}: {error}{advice}")
    })
}

/// What to try when a client cannot connect.
fn advice(lang: Lang, kind: ErrorKind) -> String {
    match kind {
        ErrorKind::ConnectionRefused => say!(lang,
            "; is the server running at this address?";
            "; ¿está en marcha el servidor en esta dirección?"),
        ErrorKind::AddrNotAvailable => say!(lang,
            "; no local port is free: wait a minute, or use fewer --clients";
            "; no queda ningún puerto local: espera un minuto o usa menos --clients"),
        ErrorKind::TimedOut => {
            let seconds = CONNECT_MAX.as_secs();
            say!(lang,
                " (after {seconds} s); the server does not accept connections: is it stopped, or too busy? try again, or use \
                 fewer --clients";
                " (tras {seconds} s); el servidor no acepta conexiones: ¿está parado o sobrecargado? Inténtalo otra vez o usa \
                 menos --clients")
        }
        _ => String::new(),
    }
}

/// A connection is over. `notice` is the last line that the server sent on it outside the load: it often says why.
pub(crate) fn trouble(number: usize, end: &End, notice: &[u8]) -> Bilingual {
    let number = number + 1;
    let notice = String::from_utf8_lossy(notice);
    let notice = sanitize_text(&notice);
    Bilingual::of(|lang| {
        let text = match end {
            End::ByServer => say!(lang,
                "client {number} was closed by the server";
                "el servidor cerró la conexión del cliente {number}"),
            End::Read(error) => say!(lang,
                "client {number} could not read: {error}";
                "el cliente {number} no pudo leer: {error}"),
            End::Write(error) => say!(lang,
                "client {number} could not write: {error}";
                "el cliente {number} no pudo escribir: {error}"),
        };
        if notice.is_empty() { text } else { format!("{text}: {notice:?}") }
    })
}

/// How a connection ended before the load did.
pub(crate) enum End {
    ByServer,
    Read(io::Error),
    Write(io::Error),
}

/// A connection ended before the load began.
pub(crate) fn refused(trouble: &Bilingual, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        let trouble = trouble.in_lang(lang);
        say!(lang,
            "{trouble}; does the server have seats for {count} (--max-clients {count}), and does it need a --login?";
            "{trouble}; ¿tiene el servidor {count} plazas (--max-clients {count})? ¿Necesita un --login?")
    })
}

/// Some of `count` clients do not get the first one's lines.
pub(crate) fn not_relayed(deaf: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{deaf} of {count} clients do not receive the lines of the first one; does the server relay lines to all others, does \
             it have seats for {count} (--max-clients {count}), and does it need a --login?";
            "{deaf} de {count} clientes no reciben las líneas del primero; ¿reenvía el servidor cada línea a todos los demás? \
             ¿Tiene {count} plazas (--max-clients {count})? ¿Necesita un --login?")
    })
}
