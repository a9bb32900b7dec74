//! Why no torment could begin, and what to try.

use crate::harness::server_process::Ended;
use crate::text::{Bilingual, say};
use std::net::SocketAddr;

pub(crate) fn only_two_seats(refusal: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let refusal = refusal.in_lang(lang);
        say!(lang,
            "only two clients can talk, and torments need three; when a third one connected, {refusal}. If the room was full, \
             give it more seats";
            "solo pueden hablar dos clientes, y las pruebas necesitan tres; al conectarse un tercero, {refusal}. Si la sala \
             estaba llena, dale más plazas")
    })
}

pub(crate) fn stops_relaying() -> Bilingual {
    Bilingual::new(
        "two clients receive each other's lines at first, and then no more",
        "dos clientes reciben al principio las líneas el uno del otro, y después ya no",
    )
}

/// Lines that follow each other closely are not relayed, or their sender is even closed. That may be intended.
pub(crate) fn is_limited(closed: bool, heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        let what = match closed {
            true => say!(lang,
                "the server closes a client that sends one line after the other";
                "el servidor cierra a un cliente que envía una línea tras otra"),
            false => say!(lang,
                "the server does not relay lines that follow each other closely";
                "el servidor no reenvía líneas muy seguidas"),
        };
        say!(lang,
            "{what}; the last line that arrived is \"{heard}\"; if the server limits the lines per second, switch that limit \
             off: torments send fast";
            "{what}; la última línea que llegó es «{heard}»; si el servidor limita las líneas por segundo, quita ese límite: las \
             pruebas envían deprisa")
    })
}

pub(crate) fn ended(ended: Ended, message: &str) -> Bilingual {
    Bilingual::of(|lang| {
        let ended = ended.in_lang(lang);
        say!(lang,
            "the server ended when two clients connected and talked: {ended}; its last message: {message}";
            "el servidor terminó cuando dos clientes se conectaron y hablaron: {ended}; su último mensaje: {message}")
    })
}

pub(crate) fn nobody_listens(addr: SocketAddr) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "nobody listens on {addr}; start the server first, or let torment start it: tertulia torment -- COMMAND \
             {{port}}";
            "nadie escucha en {addr}; inicia antes el servidor, o deja que torment lo inicie: tertulia torment -- ORDEN \
             {{port}}")
    })
}

pub(crate) fn needs_crlf(seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        say!(lang,
            "the server relays no line that ends in LF ({seen}), but it relays lines that end in CR LF; use --eol crlf";
            "el servidor no reenvía líneas que terminan en LF ({seen}), pero sí las que terminan en CR LF; usa --eol \
             crlf")
    })
}

/// `login` is what the clients send first, if anything.
pub(crate) fn is_it_a_chat(seen: &Bilingual, login: Option<&str>) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        let text = say!(lang,
            "the server relays no line from one client to another: {seen}";
            "el servidor no reenvía ninguna línea de un cliente a otro: {seen}");
        text + &match login {
            Some(login) => {
                let login = login.replace('\n', "\\n");
                say!(lang,
                    "; the login that each client sends is \"{login}\"; see --login";
                    "; cada cliente se identifica con «{login}»; mira --login")
            }
            None => say!(lang,
                "; is it a chat? It may need a login first (--login 'nick {{n}}')";
                "; ¿es un chat? Quizá haya que identificarse antes (--login 'nick {{n}}')"),
        }
    })
}
