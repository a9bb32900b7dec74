//! What was observed with lines in pieces, several lines in one piece, long lines, and bytes that are not text.

use crate::text::{Bilingual, say};

// split-line, byte-by-byte

pub(crate) const HALF_A_LINE_BLOCKS: Bilingual = Bilingual::new(
    "while one client has sent only half a line, the other client's line does not arrive",
    "mientras un cliente solo ha enviado media línea, no llega la línea del otro",
);

pub(crate) const BYTES_BLOCK: Bilingual = Bilingual::new(
    "while one client sends its line byte by byte, the other client's line does not arrive",
    "mientras un cliente envía su línea byte a byte, no llega la línea del otro",
);

/// What arrived instead of the line in two pieces, if anything did.
pub(crate) fn split(instead: Option<&str>) -> Bilingual {
    Bilingual::of(|lang| match instead {
        Some(text) => say!(lang,
            "the line in two pieces did not arrive whole: what arrived begins with \"{text}\"";
            "la línea en dos trozos no llegó entera: lo que llegó empieza por «{text}»"),
        None => say!(lang, "the line in two pieces did not arrive"; "la línea en dos trozos no llegó"),
    })
}

pub(crate) fn bytes_in_pieces(heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the line sent byte by byte did not arrive whole: what arrived ends with \"{heard}\"";
            "la línea enviada byte a byte no llegó entera: lo que llegó termina en «{heard}»")
    })
}

// two-in-one

pub(crate) const NO_LINE: Bilingual = Bilingual::new("a line does not arrive", "una línea no llega");

pub(crate) fn one_of_two(first: bool) -> Bilingual {
    match first {
        true => Bilingual::new("the first of the two lines did not arrive", "la primera de las dos líneas no llegó"),
        false => Bilingual::new("the second of the two lines did not arrive", "la segunda de las dos líneas no llegó"),
    }
}

pub(crate) fn two_as_one(heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the two lines arrived as one: \"{heard}\"";
            "las dos líneas llegaron como una sola: «{heard}»")
    })
}

pub(crate) fn second_without_prefix(heard: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "what the server puts before a line stands only before the first of the two lines: \"{heard}\"";
            "lo que el servidor pone delante de una línea solo está delante de la primera de las dos: «{heard}»")
    })
}

// utf8-split

pub(crate) const NOT_ASCII_CLOSES: Bilingual = Bilingual::new(
    "the server closes a client that sends a line that is not ASCII",
    "el servidor cierra a un cliente que envía una línea que no es ASCII",
);

pub(crate) const NOT_ASCII_SILENCES: Bilingual = Bilingual::new(
    "after a line that is not ASCII no line arrives",
    "después de una línea que no es ASCII no llega ninguna",
);

pub(crate) const NOT_ASCII_IS_NOT_RELAYED: Bilingual = Bilingual::new(
    "the server does not relay characters of several bytes even in one piece",
    "el servidor no reenvía caracteres de varios bytes ni siquiera de una pieza",
);

pub(crate) const SPLIT_CHARACTER_CLOSES: Bilingual = Bilingual::new(
    "the server closes a client that sends a character in two pieces",
    "el servidor cierra a un cliente que envía un carácter en dos trozos",
);

/// What arrived instead of the character in two pieces, if anything did.
pub(crate) fn split_character(instead: Option<&str>) -> Bilingual {
    Bilingual::of(|lang| match instead {
        Some(text) => say!(lang,
            "the character in two pieces did not arrive intact: what arrived is \"{text}\"";
            "el carácter en dos trozos no llegó intacto: lo que llegó es «{text}»"),
        None => say!(lang,
            "the line with the character in two pieces did not arrive";
            "la línea con el carácter en dos trozos no llegó"),
    })
}

// gulp

pub(crate) fn gulp_damaged(count: usize, text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "some of the {count} lines arrived damaged: \"{text}\"";
            "algunas de las {count} líneas llegaron dañadas: «{text}»")
    })
}

pub(crate) fn gulp_lost(missing: usize, count: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{missing} of {count} lines did not arrive";
            "líneas que no llegaron: {missing} de {count}")
    })
}

// long-line, endless-line

pub(crate) fn long_line_silences(len: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "after a line of {len} bytes no line arrives";
            "después de una línea de {len} bytes no llega ninguna")
    })
}

pub(crate) fn long_line_closes(len: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server closes a client that sends a line of {len} bytes";
            "el servidor cierra a un cliente que envía una línea de {len} bytes")
    })
}

pub(crate) fn long_line_in_reads(len: usize, text: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "a line of {len} bytes arrived in the pieces in which the server read it: \"{text}\"";
            "una línea de {len} bytes llegó en los trozos en que la leyó el servidor: «{text}»")
    })
}

pub(crate) fn long_line_cut(len: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "a line of {len} bytes arrives cut, or in pieces";
            "una línea de {len} bytes llega cortada o en trozos")
    })
}

pub(crate) fn long_line_mutes(len: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "after a client has sent a line of {len} bytes, its lines no longer arrive, and it is not closed";
            "después de que un cliente envíe una línea de {len} bytes ya no llegan sus líneas, y no se le cierra")
    })
}

pub(crate) fn longest_line(relayed: usize, refused: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server relays a line of {relayed} bytes, and does not relay one of {refused}";
            "el servidor reenvía una línea de {relayed} bytes, y no reenvía una de {refused}")
    })
}

pub(crate) fn endless_line_kept(taken: u64, growth: u64) -> Bilingual {
    let (taken, growth) = (taken >> 20, growth >> 20);
    Bilingual::of(|lang| {
        say!(lang,
            "{taken} MiB without a line end made the server's memory grow by {growth} MiB";
            "{taken} MiB sin fin de línea hicieron crecer la memoria del servidor en {growth} MiB")
    })
}

/// When it ended, the line arrived.
pub(crate) fn endless_line_relayed(bytes: u64) -> Bilingual {
    Bilingual::of(|lang| {
        let mib = bytes >> 20;
        say!(lang,
            "the server collected {mib} MiB without a line end, and relayed them when the line ended";
            "el servidor guardó {mib} MiB sin fin de línea, y los reenvió cuando la línea terminó")
    })
}

pub(crate) fn endless_line_silences(taken: u64) -> Bilingual {
    let taken = taken >> 10;
    Bilingual::of(|lang| {
        say!(lang,
            "after {taken} KiB without a line end, another client's line does not arrive";
            "después de {taken} KiB sin fin de línea no llega la línea de otro cliente")
    })
}

// own-line

pub(crate) fn arrived_often(times: usize) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "one line arrived {times} times"; "una línea llegó {times} veces"))
}

pub(crate) const ECHOES: Bilingual = Bilingual::new(
    "the sender gets its own line back, and the option --echo no forbids that",
    "el emisor recibe su propia línea, y la opción «--echo no» lo prohíbe",
);

pub(crate) const ECHOES_NOT: Bilingual = Bilingual::new(
    "the sender does not get its own line back, and the option --echo yes demands that",
    "el emisor no recibe su propia línea, y la opción --echo yes lo exige",
);

pub(crate) const ECHOES_AND_MAY: Bilingual = Bilingual::new(
    "a sender gets its own lines back; with the option --echo no, that is a fault",
    "un emisor recibe sus propias líneas; con la opción «--echo no», eso es un fallo",
);

// garbage

/// The others do not get each other's lines any more.
pub(crate) fn garbage_silences(bytes: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let bytes = bytes.in_lang(lang);
        say!(lang,
            "after {bytes}, the other clients do not receive each other's lines";
            "después de {bytes}, los demás clientes no reciben las líneas unos de otros")
    })
}

pub(crate) fn garbage_closes(bytes: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let bytes = bytes.in_lang(lang);
        say!(lang, "after {bytes}, another client was closed"; "después de {bytes}, se cerró otro cliente")
    })
}

pub(crate) const ESCAPES_PASS: Bilingual = Bilingual::new(
    "escape sequences reach the other clients' terminals unchanged: a client can move their cursors and set their \
     clipboards",
    "las secuencias de escape llegan intactas a las terminales de los demás: un cliente puede mover su cursor y cambiar su \
     portapapeles",
);

// names

/// `name` is what stands in the sender's other lines.
pub(crate) fn wrong_name(name: &str, count: usize, of: usize, line: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "\"{name}\" stands before the lines of a client, but not before {count} of {of}; one of them arrived after \"{line}\"";
            "«{name}» está delante de las líneas de un cliente, pero falta en {count} de {of}; una de ellas llegó detrás de \
             «{line}»")
    })
}

/// The clients had sent `heard` lines before.
pub(crate) fn lost_in_calm(heard: usize) -> Bilingual {
    Bilingual::of(|lang| {
        let nth = heard + 1;
        say!(lang,
            "line {nth} did not arrive, although no other was under way; the next one of the same client did";
            "la línea {nth} no llegó, aunque no había otra en camino; la siguiente del mismo cliente sí")
    })
}

pub(crate) fn stale_rest(rest: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "behind a short line came the end of an earlier, longer one of another client: \"{rest}\"";
            "detrás de una línea corta llegó el final de otra anterior y más larga, de otro cliente: «{rest}»")
    })
}
