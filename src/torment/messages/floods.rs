//! What was observed while clients sent without pause, and others read slowly or not at all.

use super::{millis, seconds};
use crate::text::{Bilingual, say};
use std::time::Duration;

// flood-all

pub(crate) const ALL_CLOSED: Bilingual =
    Bilingual::new("the server closed the clients", "el servidor cerró a los clientes");

pub(crate) fn some_closed(closed: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "when all clients sent as fast as they could, and read, the server closed {closed} of {count}";
            "cuando todos los clientes enviaban lo más rápido que podían, y leían, el servidor cerró a {closed} de {count}")
    })
}

pub(crate) fn damaged(count: usize, text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{count} lines arrived damaged, the first as \"{text}\"";
            "líneas que llegaron dañadas: {count}; la primera, así: «{text}»")
    })
}

pub(crate) fn missing(count: usize, due: usize) -> Bilingual {
    Bilingual::of(
        |lang| say!(lang, "{count} of {due} lines did not arrive"; "líneas que no llegaron: {count} de {due}"),
    )
}

pub(crate) fn twice(count: usize, due: usize) -> Bilingual {
    Bilingual::of(
        |lang| say!(lang, "{count} of {due} lines arrived twice"; "líneas que llegaron dos veces: {count} de {due}"),
    )
}

pub(crate) fn reordered(count: usize, due: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{count} of {due} lines arrived after a later line of the same sender";
            "líneas que llegaron después de otra posterior del mismo emisor: {count} de {due}")
    })
}

pub(crate) fn other_order(count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "all lines arrived, but in different orders: two clients disagree at {count} places";
            "llegaron todas las líneas, pero en órdenes distintos: dos clientes difieren en {count} puntos")
    })
}

// firehose

pub(crate) const BESIDE_A_FLOOD_CLOSED: Bilingual = Bilingual::new(
    "while a client sent without pause, the server closed a client",
    "mientras un cliente enviaba sin pausa, el servidor cerró a un cliente",
);

pub(crate) fn beside_lost(count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{count} lines of the other client did not arrive";
            "líneas del otro cliente que no llegaron: {count}")
    })
}

/// `limit` is how long was waited after the flood.
pub(crate) fn beside_late(count: usize, limit: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let limit = seconds(lang, limit);
        say!(lang,
            "{limit} after the flood, {count} lines of the other client had not arrived, and the server was still relaying the \
             flood";
            "{limit} después de la avalancha no habían llegado {count} líneas del otro cliente, y el servidor aún reenviaba la \
             avalancha")
    })
}

pub(crate) fn beside_slow(p99: Duration, before: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let (p99, before) = (seconds(lang, p99), millis(lang, before));
        say!(lang,
            "the other client's lines took {p99} (99th percentile); before the flood they took {before} at most";
            "las líneas del otro cliente tardaron {p99} (percentil 99); antes de la avalancha tardaban {before} como \
             mucho")
    })
}

// stuck-reader, trickle-reader

/// How the bad reader reads.
#[derive(Clone, Copy)]
pub(crate) enum BadReader {
    Never,
    Trickle,
}

impl BadReader {
    fn does(self) -> Bilingual {
        match self {
            BadReader::Never => Bilingual::new("a client did not read", "un cliente no leía"),
            BadReader::Trickle => Bilingual::new("a client read 2 KiB a second", "un cliente leía 2 KiB por segundo"),
        }
    }
}

/// Something that was observed beside a bad reader.
fn beside(reader: BadReader, seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let (does, seen) = (reader.does(), seen.in_lang(lang));
        let does = does.in_lang(lang);
        say!(lang, "while {does}, {seen}"; "mientras {does}, {seen}")
    })
}

pub(crate) fn talker_closed(reader: BadReader) -> Bilingual {
    beside(
        reader,
        &Bilingual::new(
            "the server closed another one that sent now and then",
            "el servidor cerró a otro que enviaba de vez en cuando",
        ),
    )
}

pub(crate) fn flooder_closed(reader: BadReader) -> Bilingual {
    beside(
        reader,
        &Bilingual::new(
            "the server closed the client that sent without pause",
            "el servidor cerró al cliente que enviaba sin pausa",
        ),
    )
}

pub(crate) fn flooder_waits(reader: BadReader) -> Bilingual {
    beside(
        reader,
        &Bilingual::new(
            "nothing more arrived from the client that had sent without pause; it did as soon as the bad reader read \
             again",
            "no llegó nada más del cliente que había enviado sin pausa; llegó en cuanto el mal lector volvió a leer",
        ),
    )
}

/// Another client's line is stuck behind the flood.
pub(crate) fn line_behind_flood(reader: BadReader, waited: Duration) -> Bilingual {
    beside(
        reader,
        &Bilingual::of(|lang| {
            let waited = seconds(lang, waited);
            say!(lang,
                "another client's line did not arrive for {waited}, and the server went on relaying the flood";
                "la línea de otro cliente no llegó durante {waited}, y el servidor seguía reenviando la avalancha")
        }),
    )
}

/// No line arrives any more. `freed` tells whether that changed when the bad reader read again.
pub(crate) fn everybody_waits(reader: BadReader, waited: Duration, freed: bool) -> Bilingual {
    beside(
        reader,
        &Bilingual::of(|lang| {
            let waited = seconds(lang, waited);
            let text = say!(lang,
                "no line arrived at any client for {waited}";
                "no le llegó ninguna línea a nadie durante {waited}");
            match freed {
                true => text + &say!(lang, "; when it read again, all went on"; "; cuando volvió a leer, todo siguió"),
                false => text,
            }
        }),
    )
}

/// Bytes.
pub(crate) fn queue_grows(reader: BadReader, grown: u64, pending: u64) -> Bilingual {
    let (grown, pending) = (grown >> 20, pending >> 20);
    beside(
        reader,
        &Bilingual::of(|lang| {
            say!(lang,
                "the server's memory grew by {grown} MiB while {pending} MiB were pending for it";
                "la memoria del servidor creció en {grown} MiB mientras había {pending} MiB pendientes para él")
        }),
    )
}

// slow-reader

pub(crate) const FLOODER_CLOSED: Bilingual = Bilingual::new(
    "while a client read slowly, the server closed the client that sent without pause",
    "mientras un cliente leía despacio, el servidor cerró al cliente que enviaba sin pausa",
);

/// Bytes.
pub(crate) fn slow_got_less(bytes: u64) -> Bilingual {
    let kib = bytes.div_ceil(1024);
    Bilingual::of(|lang| {
        say!(lang,
            "the slow client got {kib} KiB less than a client that reads at once";
            "el cliente lento recibió {kib} KiB menos que un cliente que lee enseguida")
    })
}

pub(crate) fn all_damaged(text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "lines arrived damaged, also at a client that reads at once: \"{text}\"";
            "llegaron líneas dañadas, también a un cliente que lee enseguida: «{text}»")
    })
}

pub(crate) fn slow_got_pieces(lacks: usize, count: u32, pieces: usize, text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the slow client missed {lacks} of {count} lines and got pieces of {pieces} others: \"{text}\"";
            "al cliente lento le faltan {lacks} de {count} líneas y de otras {pieces} solo recibió trozos: «{text}»")
    })
}

pub(crate) fn slow_has_gap(lacks: usize, count: u32) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the slow client missed {lacks} of {count} lines, and was neither told nor disconnected";
            "al cliente lento le faltan {lacks} de {count} líneas, sin aviso y sin que se le desconecte")
    })
}

pub(crate) const KEEPS_ALL_LINES: Bilingual = Bilingual::new(
    "the server's memory grows with all lines, not only with those that wait for a client: it seems to keep a history \
     without limit",
    "la memoria del servidor crece con todas las líneas, no solo con las que esperan a un cliente: parece guardar un \
     historial sin límite",
);

pub(crate) const ALL_HAVE_GAPS: Bilingual = Bilingual::new(
    "lines of the flood are missing, for the client that reads fast, too",
    "faltan líneas de la avalancha, también al cliente que lee deprisa",
);

/// Bytes.
pub(crate) fn slow_disconnected(received: u64) -> Bilingual {
    let kib = received >> 10;
    Bilingual::of(|lang| {
        say!(lang,
            "a client that reads 2 MB a second is disconnected after {kib} KiB";
            "un cliente que lee 2 MB por segundo se desconecta tras {kib} KiB")
    })
}

// selfish-reader, whisperers, polite-beside-flood

pub(crate) const POLITE: Bilingual = Bilingual::new("a client that says little", "un cliente que dice poco");
pub(crate) const ASKS: Bilingual = Bilingual::new("the client that sends requests", "el cliente que hace peticiones");
pub(crate) const WHISPERS: Bilingual =
    Bilingual::new("a client that sends private lines", "un cliente que envía líneas privadas");
pub(crate) const FLOODS: Bilingual =
    Bilingual::new("the client that sends without pause", "el cliente que envía sin pausa");
pub(crate) const READS_SLOWLY: Bilingual =
    Bilingual::new("the client that reads 400 KiB a second", "el cliente que lee 400 KiB por segundo");

/// A remark: the server disconnects a client that takes more than its share, or another one.
pub(crate) fn disconnected(who: &Bilingual, received: u64) -> Bilingual {
    let kib = received >> 10;
    Bilingual::of(|lang| {
        let who = who.in_lang(lang);
        say!(lang, "{who} is disconnected after {kib} KiB"; "se desconecta a {who} tras {kib} KiB")
    })
}

pub(crate) const POLITE_CLOSED: Bilingual =
    Bilingual::new("the server closed a client that says little", "el servidor cerró a un cliente que dice poco");

pub(crate) fn polite_late(missing: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} lines of the others did not arrive for a long time";
            "líneas de los demás que tardaron mucho en llegar: {missing}")
    })
}

/// The median and the longest time that lines took, under pressure and before.
pub(crate) fn polite_slow(times: (Duration, Duration), before: (Duration, Duration)) -> Bilingual {
    Bilingual::of(|lang| {
        let [median, worst, median_before, worst_before] =
            [times.0, times.1, before.0, before.1].map(|time| millis(lang, time));
        say!(lang,
            "the lines of the others took {median} (median) and {worst} at most; before, {median_before} and \
             {worst_before}";
            "las líneas de los demás tardaron {median} (mediana) y {worst} como mucho; antes, {median_before} y \
             {worst_before}")
    })
}

pub(crate) fn polite_lost(missing: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} lines of the others did not arrive";
            "líneas de los demás que no llegaron: {missing}")
    })
}

pub(crate) fn polite_lost_to_some(missing: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} lines of the others did not reach every client that stayed connected";
            "líneas de los demás que no llegaron a todos los clientes conectados: {missing}")
    })
}

pub(crate) const SILENT_FOR_GOOD: Bilingual = Bilingual::new(
    "no line arrives, not even after the greedy clients have stopped",
    "no llega ninguna línea, ni siquiera cuando los clientes acaparadores han parado",
);

pub(crate) fn our_clients_were_slower(seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        say!(lang,
            "{seen}; but the test clients were slower than the server, so it is not to blame";
            "{seen}; pero los clientes de prueba fueron más lentos que el servidor, así que no es culpa suya")
    })
}

pub(crate) fn nothing_to_ask(requests: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server answers none of {requests} to the client alone that sends it";
            "el servidor no responde a ninguna de {requests} solo al cliente que la envía")
    })
}

pub(crate) const NO_NAMES: Bilingual = Bilingual::new(
    "nothing before a line says who sent it, so private lines cannot be addressed",
    "nada delante de una línea dice quién la envió, así que no se puede elegir destinatario",
);

pub(crate) fn no_private_lines(forms: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server has no private lines of the form {forms}";
            "el servidor no tiene líneas privadas de la forma {forms}")
    })
}

// backlog

pub(crate) const BEHIND_IS_CLOSED: Bilingual = Bilingual::new(
    "while a client was a little behind, the server closed a client",
    "mientras un cliente iba un poco retrasado, el servidor cerró a un cliente",
);

pub(crate) const AFTER_A_BACKLOG: Bilingual = Bilingual::new(
    "after a client has read all that waited for it, and while all are still connected",
    "después de que un cliente leyera todo lo que le esperaba, y con todos aún conectados",
);

pub(crate) fn behind_got_pieces(text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "a client that was a little behind got pieces of lines, the first as \"{text}\"";
            "un cliente que iba un poco retrasado recibió trozos de líneas, el primero así: «{text}»")
    })
}

pub(crate) fn behind_lacks(lacked: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "a client that was a little behind lacks {lacked} of {count} lines";
            "a un cliente que iba un poco retrasado le faltan líneas: {lacked} de {count}")
    })
}

/// Of the lines that it lacked, `more` arrived after another client had sent a line.
pub(crate) fn behind_was_shoved(lacked: usize, count: usize, more: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the last {lacked} of {count} lines did not arrive at a client that was a little behind, until another one sent a \
             line: then {more} of them did";
            "las últimas {lacked} de {count} líneas no llegaron a un cliente que iba un poco retrasado hasta que otro envió \
             una línea: entonces llegaron {more} de ellas")
    })
}
