//! What was observed with clients that connect and leave.

use super::{millis, seconds};
use crate::text::{Bilingual, say};
use std::io;
use std::time::Duration;

// When something was observed.

pub(crate) fn after_connections(count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "after {count} connections were opened and closed";
            "después de abrir y cerrar {count} conexiones")
    })
}

pub(crate) const WHILE_A_NEWCOMER_IS_SILENT: Bilingual =
    Bilingual::new("while a new client sends nothing", "mientras un cliente nuevo no envía nada");

pub(crate) const AFTER_A_RESET: Bilingual =
    Bilingual::new("after a client has reset its connection", "después de que un cliente cortara su conexión");

pub(crate) const AFTER_RESETS_IN_THE_QUEUE: Bilingual = Bilingual::new(
    "after connections were reset before they were accepted",
    "después de cortarse unas conexiones antes de aceptarlas",
);

pub(crate) const AFTER_A_HALF_CLOSE: Bilingual = Bilingual::new(
    "after a client has shut down its sending side",
    "después de que un cliente cerrara su sentido de envío",
);

pub(crate) const AFTER_A_CLIENT_VANISHED: Bilingual =
    Bilingual::new("after a client has disappeared without a FIN", "después de que un cliente desapareciera sin FIN");

pub(crate) fn with_clients(count: usize) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "with {count} clients"; "con {count} clientes"))
}

pub(crate) const BEFORE_A_FULL_ROOM: Bilingual =
    Bilingual::new("while another client waited for a seat", "mientras otro cliente esperaba una plaza");

pub(crate) fn after_visits(visits: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "after {visits} clients have connected and left";
            "después de conectarse e irse {visits} clientes")
    })
}

pub(crate) fn during_visits(visits: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "while {visits} others connected and left";
            "mientras se conectaban y se iban otros {visits}")
    })
}

// What was observed then.

pub(crate) const ANOTHER_CLOSED: Bilingual =
    Bilingual::new("one of the other clients was closed", "se cerró uno de los demás clientes");

pub(crate) const OTHERS_SILENT: Bilingual = Bilingual::new(
    "the other clients do not receive each other's lines",
    "los demás clientes no reciben las líneas unos de otros",
);

pub(crate) const STAYER_CLOSED: Bilingual =
    Bilingual::new("a client that stayed was closed", "se cerró un cliente que se quedaba");

pub(crate) fn stayer_missed(missing: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "a client that stayed missed {missing} of {count} lines";
            "a un cliente que se quedaba le faltan líneas: {missing} de {count}")
    })
}

pub(crate) const TWICE: Bilingual = Bilingual::new("a line arrived twice", "una línea llegó dos veces");

// burst-connect

pub(crate) const SHORT_QUEUE: Bilingual = Bilingual::new(
    "the listener's queue holds only one connection",
    "en la cola del socket de escucha solo cabe una conexión",
);

pub(crate) fn burst(served: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{served} of {count} clients could talk";
            "clientes que pudieron hablar: {served} de {count}")
    })
}

pub(crate) fn burst_closed(served: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{served} of {count} clients could talk, and some were closed";
            "clientes que pudieron hablar: {served} de {count}; y algunos se cerraron")
    })
}

pub(crate) fn burst_slow(served: usize, count: usize, time: Duration, more: usize, more_time: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let (time, more_time) = (seconds(lang, time), seconds(lang, more_time));
        say!(lang,
            "{served} of {count} clients could talk after {time}, and {more} more after another {more_time}";
            "clientes que pudieron hablar tras {time}: {served} de {count}; y tras otros {more_time}, {more} más")
    })
}

// reset-mid-fanout

/// Another client missed lines.
pub(crate) fn missed(reset: bool, missing: usize, count: usize, closed: bool) -> Bilingual {
    Bilingual::of(|lang| {
        let text = match reset {
            true => say!(lang,
                "when one client reset its connection, another missed {missing} of {count} lines";
                "cuando un cliente cortó su conexión con un RST, a otro le faltaron líneas: {missing} de {count}"),
            false => say!(lang,
                "when one client closed its connection, another missed {missing} of {count} lines";
                "cuando un cliente cerró su conexión, a otro le faltaron líneas: {missing} de {count}"),
        };
        match closed {
            true => text + &say!(lang, ", and a client was closed"; ", y se cerró un cliente"),
            false => text,
        }
    })
}

// half-close

pub(crate) fn last_words_lost(missing: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} of the three lines did not arrive";
            "líneas que no llegaron: {missing} de 3")
    })
}

pub(crate) fn last_words_lost_but_one(missing: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} of the three lines did not arrive, but a single line did";
            "líneas que no llegaron: {missing} de 3; en cambio, una línea sola sí llegó")
    })
}

// stale-event, vanish

pub(crate) const BATCH_LOST: Bilingual =
    Bilingual::new("the line of the client that sent did not arrive", "no llegó la línea del cliente que envió");

pub(crate) const NEWCOMER_CLOSED: Bilingual =
    Bilingual::new("the new client was closed at once", "el cliente nuevo se cerró enseguida");

pub(crate) const THIRD_CLOSED: Bilingual = Bilingual::new(
    "a client that neither left nor connected was closed",
    "se cerró un cliente que ni se iba ni llegaba",
);

pub(crate) const NEWCOMER_UNHEARD: Bilingual =
    Bilingual::new("the new client's lines do not arrive", "no llegan las líneas del cliente nuevo");

pub(crate) fn cannot_vanish(error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the kernel does not let a client vanish: {error}";
            "el kernel no deja que un cliente desaparezca: {error}")
    })
}

// full-house

pub(crate) fn no_limit_seen(inside: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server lets in {inside} clients or more";
            "el servidor deja entrar a {inside} clientes o más")
    })
}

pub(crate) fn next_waits(inside: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server lets in {inside} clients; the next one waits";
            "el servidor deja entrar a {inside} clientes; el siguiente espera")
    })
}

/// `word` is what the client that is not let in reads.
pub(crate) fn next_closed(inside: usize, word: &str) -> Bilingual {
    Bilingual::of(|lang| match word {
        "" => say!(lang,
            "the server lets in {inside} clients; the next one is closed without a word";
            "el servidor deja entrar a {inside} clientes; el siguiente se cierra sin aviso"),
        _ => say!(lang,
            "the server lets in {inside} clients; the next one reads \"{word}\" and is closed";
            "el servidor deja entrar a {inside} clientes; el siguiente lee «{word}» y se cierra"),
    })
}

pub(crate) const WAITING_NOT_LET_IN: Bilingual = Bilingual::new(
    "a client left the full room, and the client that waited is not let in",
    "un cliente dejó la sala llena, y el que esperaba no entra",
);

pub(crate) fn next_not_let_in(seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        say!(lang,
            "a client left the full room, and another one is not let in: {seen}";
            "un cliente dejó la sala llena, y otro no entra: {seen}")
    })
}

// churn

pub(crate) fn slower(visits: usize, now: Duration, before: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let (now, before) = (millis(lang, now), millis(lang, before));
        say!(lang,
            "after {visits} clients have connected and left, the fastest line takes {now}; before, it took {before}";
            "después de conectarse e irse {visits} clientes, la línea más rápida tarda {now}; antes tardaba {before}")
    })
}

/// What the server has more of than before.
pub(crate) enum Leak {
    Descriptors(usize),
    Threads(usize),
    /// Bytes.
    Memory(u64),
}

pub(crate) fn leaks(visits: usize, leak: &Leak) -> Bilingual {
    Bilingual::of(|lang| {
        let leak = match leak {
            Leak::Descriptors(more) => say!(lang, "{more} more open descriptors"; "{more} descriptores abiertos más"),
            Leak::Threads(more) => say!(lang, "{more} more threads"; "{more} hilos más"),
            Leak::Memory(more) => {
                let mib = more >> 20;
                say!(lang, "{mib} MiB more memory"; "{mib} MiB más de memoria")
            }
        };
        say!(lang,
            "after {visits} clients have connected and left, the server has {leak} than before";
            "después de conectarse e irse {visits} clientes, el servidor tiene {leak} que antes")
    })
}

// crowd

pub(crate) const NEWEST_STAYS_QUEUED: Bilingual = Bilingual::new(
    "the newest client is not accepted, not even after others have left",
    "el cliente más nuevo no se acepta, ni siquiera después de irse otros",
);

pub(crate) const NEWEST_IS_DEAF: Bilingual = Bilingual::new(
    "the newest client is accepted, but its lines do not arrive and it receives none, not even after others have left",
    "el cliente más nuevo se acepta, pero sus líneas no llegan ni recibe ninguna, ni siquiera después de irse otros",
);

// long-lived

/// A client that talked was closed.
pub(crate) fn talker_closed(after: Duration, heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        let after = seconds(lang, after);
        say!(lang,
            "a client that sent a line every half second was closed after {after}; what it received ends with \"{heard}\"";
            "un cliente que enviaba una línea cada medio segundo se cerró tras {after}; lo que recibió termina en «{heard}»")
    })
}

pub(crate) fn talk_ends(after: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let after = seconds(lang, after);
        say!(lang,
            "the lines of two clients that talked arrived for {after}, and then no more";
            "las líneas de dos clientes que hablaban llegaron durante {after}, y después ninguna más")
    })
}
