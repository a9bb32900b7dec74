//! What a run of torments says about a server, in English and Spanish: why it could not begin, and what was observed.
//!
//! A text about an observation is a clause without a full stop, so that it can stand within another. It does not repeat
//! what the torment did: the catalogue says that.

pub(crate) mod connections;
pub(crate) mod floods;
pub(crate) mod framing;
pub(crate) mod process;
pub(crate) mod start;

use super::acquaint::Unacquainted;
use crate::harness::Probe;
use crate::harness::server_process::Ended;
use crate::text::{Bilingual, Lang, numbers, say};
use std::io::{self, ErrorKind};
use std::time::Duration;

// Why a torment was not tried.

pub(crate) const NO_TIME: Bilingual =
    Bilingual::new("no time was left; --time gives more", "no quedaba tiempo; --time da más");

pub(crate) const NEEDS_PROCESS: Bilingual = Bilingual::new(
    "this torment needs the server's process, and `tertulia torment -- COMMAND` starts it",
    "esta prueba necesita el proceso del servidor, que se inicia con `tertulia torment -- ORDEN`",
);

pub(crate) fn not_recovered(torment: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server has not recovered from {torment}";
            "el servidor no se ha recuperado de {torment}")
    })
}

/// The server takes only this many lines a second from a client. That is its choice.
pub(crate) fn limits_rate(lines_per_second: f64) -> Bilingual {
    Bilingual::of(|lang| {
        let rate = numbers::fixed(lang, lines_per_second, 1);
        say!(lang,
            "the server takes about {rate} lines a second from a client, and this torment sends more; switch that limit off to \
             try it";
            "el servidor acepta de un cliente unas {rate} líneas por segundo, y esta prueba envía más; quita ese límite para \
             hacerla")
    })
}

/// The server relays only a few lines a second.
pub(crate) fn too_slow(came: usize, due: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server relays too slowly: {came} of {due} lines arrived in the time; --time gives more";
            "el servidor reenvía demasiado despacio: en el plazo llegaron {came} de {due} líneas; --time da más")
    })
}

pub(crate) fn too_slow_for_mib(mib: f64) -> Bilingual {
    Bilingual::of(|lang| {
        let mib = numbers::fixed(lang, mib, 1);
        say!(lang,
            "the server relays too slowly: {mib} MiB arrived in the time; --time gives more";
            "el servidor reenvía demasiado despacio: en el plazo llegaron {mib} MiB; --time da más")
    })
}

pub(crate) fn needs_seats(needed: usize, seats: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "this torment needs {needed} seats, and the server has {seats}";
            "esta prueba necesita {needed} plazas, y el servidor tiene {seats}")
    })
}

// Clients that connect.

pub(crate) fn cannot_connect(error: &io::Error) -> Bilingual {
    match error.kind() {
        ErrorKind::ConnectionRefused => Bilingual::new(
            "the server no longer listens: a new client gets \"connection refused\"",
            "el servidor ya no escucha: un cliente nuevo recibe \"connection refused\"",
        ),
        ErrorKind::TimedOut => Bilingual::new(
            "a new client cannot connect: the listener's queue is full",
            "un cliente nuevo no puede conectar: la cola del socket de escucha está llena",
        ),
        _ => Bilingual::of(|lang| {
            say!(lang,
                "a new client cannot connect: {error}";
                "un cliente nuevo no puede conectar: {error}")
        }),
    }
}

/// Two clients do not get each other's lines. `heard` is the end of what the newer one received.
pub(crate) fn unacquainted(why: &Unacquainted, heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        let what = match why {
            Unacquainted::Closed(0) => say!(lang,
                "a connected client was closed when another one connected";
                "se cerró un cliente conectado cuando se conectó otro"),
            Unacquainted::Closed(_) => say!(lang, "a new client was closed"; "se cerró un cliente nuevo"),
            Unacquainted::Unheard { by: 0 } => say!(lang,
                "the lines of a new client do not arrive";
                "no llegan las líneas de un cliente nuevo"),
            Unacquainted::Unheard { .. } => say!(lang,
                "a new client receives no lines";
                "un cliente nuevo no recibe ninguna línea"),
        };
        match heard {
            "" => say!(lang, "{what}; nothing was sent to it"; "{what}; no se le envió nada"),
            _ => say!(lang,
                "{what}; what it received ends with \"{heard}\"";
                "{what}; lo que recibió termina en «{heard}»"),
        }
    })
}

pub(crate) fn newcomers_do_not_talk(heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "two new clients do not receive each other's lines; the last received is \"{heard}\"";
            "dos clientes nuevos no reciben las líneas el uno del otro; lo último recibido es «{heard}»")
    })
}

pub(crate) const NO_LINES: Bilingual = Bilingual::new("no lines arrive", "no llega ninguna línea");

/// The line with this probe.
pub(crate) fn line_missing(probe: Probe) -> Bilingual {
    let Probe { sender, seq, .. } = probe;
    Bilingual::of(|lang| {
        say!(lang,
            "line {seq} of client {sender} does not arrive";
            "no llega la línea {seq} del cliente {sender}")
    })
}

// The server itself.

/// The share of a processor that it uses while nobody sends anything.
pub(crate) fn spins(share: f64) -> Bilingual {
    Bilingual::of(|lang| {
        let share = numbers::whole_percent(lang, share);
        say!(lang,
            "the server uses {share} of a processor, although nobody sends anything";
            "el servidor usa el {share} de un procesador, aunque nadie envía nada")
    })
}

pub(crate) fn left_unread(bytes: u32) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server leaves {bytes} bytes unread in its sockets";
            "el servidor deja {bytes} bytes sin leer en sus sockets")
    })
}

pub(crate) fn arrived_later(more: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "after more was sent, {more} of them arrived";
            "después de enviar algo más llegaron {more} de ellas")
    })
}

pub(crate) fn deadlock(threads: usize, bytes: u32) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{threads} threads of the server wait for other threads, none runs, and {bytes} bytes stay unread";
            "{threads} hilos del servidor esperan a otros hilos, ninguno se ejecuta y quedan {bytes} bytes sin leer")
    })
}

pub(crate) fn ended(ended: Ended, message: Option<&str>) -> Bilingual {
    Bilingual::of(|lang| {
        let how = ended.in_lang(lang);
        let text = say!(lang, "the server ended: {how}"; "el servidor terminó: {how}");
        match message {
            Some(message) => text + &say!(lang, "; its last message: {message}"; "; su último mensaje: {message}"),
            None => text,
        }
    })
}

pub(crate) fn is_gone(seen: &Bilingual) -> Bilingual {
    around(seen, |lang, seen| say!(lang, "the server is gone: {seen}"; "el servidor ya no está: {seen}"))
}

pub(crate) fn it_wrote(seen: &Bilingual, message: &str) -> Bilingual {
    around(
        seen,
        |lang, seen| say!(lang, "{seen}; the server wrote: {message}"; "{seen}; el servidor escribió: {message}"),
    )
}

pub(crate) fn afterwards(seen: &Bilingual) -> Bilingual {
    around(seen, |lang, seen| say!(lang, "afterwards, {seen}"; "después, {seen}"))
}

pub(crate) fn went_on_when_stdout_was_read(seen: &Bilingual) -> Bilingual {
    around(seen, |lang, seen| {
        say!(lang,
            "{seen}; all went on when its stdout was read";
            "{seen}; todo siguió cuando se leyó su salida estándar")
    })
}

/// How sure a failure is. A sentence.
pub(crate) fn seen_in_runs(failures: u32, runs: u32) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "Seen in {failures} of {runs} runs.";
            "Visto en {failures} de {runs} ejecuciones.")
    })
}

/// Two observations.
pub(crate) fn both(seen: &Bilingual, more: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| format!("{}; {}", seen.in_lang(lang), more.in_lang(lang)))
}

/// An observation, with the time at which it was made before it.
pub(crate) fn at(when: &Bilingual, seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| format!("{}, {}", when.in_lang(lang), seen.in_lang(lang)))
}

fn around(seen: &Bilingual, text: impl Fn(Lang, &str) -> String) -> Bilingual {
    Bilingual::of(|lang| text(lang, seen.in_lang(lang)))
}

// With a no-break space, so that no line of the report ends between a number and its unit.

/// A time in seconds, with one decimal.
fn seconds(lang: Lang, time: Duration) -> String {
    format!("{}\u{a0}s", numbers::fixed(lang, time.as_secs_f64(), 1))
}

/// A time in milliseconds, with one decimal.
fn millis(lang: Lang, time: Duration) -> String {
    format!("{}\u{a0}ms", numbers::fixed(lang, time.as_secs_f64() * 1e3, 1))
}
