//! What was observed of the server's process: descriptors, stdout, signals, restart.

use crate::harness::server_process::Ended;
use crate::text::{Bilingual, numbers, say};
use std::time::Duration;

// When something was observed.

pub(crate) const WITHOUT_DESCRIPTORS: Bilingual =
    Bilingual::new("while no descriptors were left", "mientras no quedaban descriptores");

pub(crate) const AFTER_CONTINUE: Bilingual =
    Bilingual::new("after SIGSTOP and SIGCONT", "después de SIGSTOP y SIGCONT");

pub(crate) const STDOUT_FROZEN: Bilingual =
    Bilingual::new("while nobody reads the server's stdout", "mientras nadie lee la salida estándar del servidor");

pub(crate) const STDOUT_CLOSED: Bilingual =
    Bilingual::new("with the server's stdout closed", "con la salida estándar del servidor cerrada");

// What was observed then.

pub(crate) const CLIENT_CLOSED: Bilingual =
    Bilingual::new("a connected client was closed", "se cerró un cliente conectado");

pub(crate) const CLIENTS_SILENT: Bilingual =
    Bilingual::new("the clients do not receive each other's lines", "los clientes no reciben las líneas unos de otros");

// no-descriptors

pub(crate) const LIMIT_IS_FIXED: Bilingual = Bilingual::new(
    "the server's limit of descriptors cannot be changed",
    "no se puede cambiar el límite de descriptores del servidor",
);

pub(crate) fn poll_needs(count: u64) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "the server passes {count} entries to poll(2), which fails if the limit of descriptors is less";
            "el servidor pasa {count} entradas a poll(2), que falla si el límite de descriptores es menor")
    })
}

pub(crate) const WAITING_NOT_SERVED: Bilingual = Bilingual::new(
    "there are descriptors again, and the clients that waited are not served",
    "vuelve a haber descriptores, y no se atiende a los clientes que esperaban",
);

pub(crate) fn nobody_let_in(seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        say!(lang,
            "there are descriptors again, and no client is let in any more: {seen}";
            "vuelve a haber descriptores, y ya no entra ningún cliente: {seen}")
    })
}

pub(crate) const ENDED: Bilingual = Bilingual::new("the server ended", "el servidor terminó");

/// On other systems than Linux.
#[cfg(not(target_os = "linux"))]
pub(crate) const NO_LIMITS_HERE: Bilingual = Bilingual::new(
    "this system does not let us change the limits of a running process",
    "este sistema no permite cambiar los límites de un proceso en marcha",
);

// stop-continue

pub(crate) const SENT_WHILE_STOPPED_IS_LOST: Bilingual = Bilingual::new(
    "what was sent while the server was stopped does not arrive when it goes on",
    "lo que se envió mientras el servidor estaba detenido no llega cuando se reanuda",
);

// terminate, restart

pub(crate) fn still_runs(limit: Duration) -> Bilingual {
    Bilingual::of(|lang| {
        let limit = numbers::fixed(lang, limit.as_secs_f64(), 0);
        say!(lang,
            "{limit} s after SIGTERM the server still runs";
            "{limit} s después de SIGTERM el servidor sigue en marcha")
    })
}

pub(crate) const ENDS_WITH_RESETS: Bilingual = Bilingual::new(
    "at SIGTERM the clients get a reset instead of an end-of-file",
    "con SIGTERM los clientes reciben un RST en vez de un fin de datos",
);

pub(crate) const ENDS_SILENTLY: Bilingual = Bilingual::new(
    "at SIGTERM the server ends without a message to its clients",
    "con SIGTERM el servidor termina sin avisar a sus clientes",
);

pub(crate) fn ends_with(ended: Ended) -> Bilingual {
    Bilingual::of(|lang| {
        let how = ended.in_lang(lang);
        say!(lang, "at SIGTERM the server ends: {how}"; "con SIGTERM el servidor termina: {how}")
    })
}

pub(crate) const HAD_TO_BE_KILLED: Bilingual = Bilingual::new(
    "the server did not end at SIGTERM, so it was killed",
    "el servidor no terminó con SIGTERM, así que hubo que matarlo",
);

pub(crate) fn not_started_again(seen: &Bilingual) -> Bilingual {
    Bilingual::of(|lang| {
        let seen = seen.in_lang(lang);
        say!(lang, "when it was started again, {seen}"; "al iniciarlo otra vez, {seen}")
    })
}
