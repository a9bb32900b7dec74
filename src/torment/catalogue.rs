//! The catalogue: all torments.

use super::cause::Cause::*;
use super::entry::Torment;
use super::{backlog, bytes, connections, crowd, floods, framing, long_lived, names, pressure, process, readers};
use crate::text::Bilingual;

/// All torments, in the order in which they run. Torments whose failure explains others come first. Those that take
/// long come last, because a server that fails many may use up the time.
pub const TORMENTS: &[Torment] = &[
    Torment::new(
        "idle",
        Bilingual::new(
            "Two clients are connected and send nothing.",
            "Dos clientes están conectados y no envían nada.",
        ),
        Bilingual::new("The server sleeps.", "El servidor duerme."),
        &[Unknown],
        &[Unknown],
        process::idle,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "stop-continue",
        Bilingual::new(
            "SIGSTOP stops the process, and SIGCONT continues it.",
            "SIGSTOP detiene el proceso, y SIGCONT lo reanuda.",
        ),
        Bilingual::new(
            "The server goes on, and what was sent meanwhile arrives.",
            "El servidor sigue, y lo que se envió entretanto llega.",
        ),
        &[InterruptedIsAnError],
        &[InterruptedIsAnError],
        process::stop_continue,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "own-line",
        Bilingual::new(
            "A client sends a line and checks whether it comes back.",
            "Un cliente envía una línea y mira si le vuelve.",
        ),
        Bilingual::new(
            "Each of the other clients gets each line once.",
            "Cada uno de los demás clientes recibe cada línea una vez.",
        ),
        &[Unknown],
        &[Unknown],
        framing::own_line,
    ),
    Torment::new(
        "split-line",
        Bilingual::new(
            "A client sends half a line, another client sends a line, and then the first one sends the other half.",
            "Un cliente envía media línea, otro envía una línea y después el primero envía la otra mitad.",
        ),
        Bilingual::new("Both lines arrive whole.", "Las dos líneas llegan enteras."),
        &[TrustsInput],
        &[BlockingHandshake, BlockingWrite],
        framing::split_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "two-in-one",
        Bilingual::new("A client sends two lines in one write.", "Un cliente envía dos líneas en una sola escritura."),
        Bilingual::new("Two lines arrive.", "Llegan dos líneas."),
        &[TrustsInput],
        &[Unknown],
        framing::two_in_one,
    ),
    Torment::new(
        "byte-by-byte",
        Bilingual::new(
            "A client sends a line byte by byte, and another client sends a line meanwhile.",
            "Un cliente envía una línea byte a byte, y entretanto otro envía una línea.",
        ),
        Bilingual::new("Both lines arrive whole.", "Las dos líneas llegan enteras."),
        &[TrustsInput],
        &[BlockingHandshake],
        framing::byte_by_byte,
    ),
    Torment::new(
        "utf8-split",
        Bilingual::new(
            "A client sends a character of three bytes in two pieces.",
            "Un cliente envía un carácter de tres bytes en dos trozos.",
        ),
        Bilingual::new("The character arrives intact.", "El carácter llega intacto."),
        &[DecodesPieces, TrustsInput],
        &[TrustsInput],
        framing::utf8_split,
    ),
    Torment::new(
        "gulp",
        Bilingual::new(
            "A client sends two thousand lines in one write, and then nothing more.",
            "Un cliente envía dos mil líneas en una sola escritura, y después nada más.",
        ),
        Bilingual::new(
            "All lines arrive although the client sends nothing more.",
            "Llegan todas las líneas aunque el cliente no envíe nada más.",
        ),
        &[WouldBlockIsAnError],
        &[OneReadPerEdge],
        framing::gulp,
    )
    .of_floods(),
    Torment::new(
        "long-line",
        Bilingual::new(
            "A client sends longer and longer lines, up to 20 000 bytes.",
            "Un cliente envía líneas cada vez más largas, de hasta 20 000 bytes.",
        ),
        Bilingual::new(
            "Each line arrives whole or is refused, and the other clients are not disturbed.",
            "Cada línea llega entera o se rechaza, y los demás clientes no lo notan.",
        ),
        &[TrustsInput],
        &[TrustsInput],
        framing::long_line,
    ),
    Torment::new(
        "garbage",
        Bilingual::new(
            "A client sends HTTP, a TLS hello, telnet commands, NUL bytes, escape sequences and random bytes.",
            "Un cliente envía HTTP, un saludo TLS, órdenes de telnet, bytes nulos, secuencias de escape y bytes al \
             azar.",
        ),
        Bilingual::new(
            "Whatever the server does with these bytes, the other clients are not disturbed.",
            "Haga lo que haga el servidor con esos bytes, los demás clientes no lo notan.",
        ),
        &[TrustsInput],
        &[TrustsInput],
        bytes::garbage_bytes,
    )
    .checked_for_busy_loop()
    .first_of_its_kind(),
    Torment::new(
        "burst-connect",
        Bilingual::new(
            "Eight clients connect while the server is stopped, so it finds them all at once.",
            "Ocho clientes se conectan mientras el servidor está detenido, así que los encuentra todos a la vez.",
        ),
        Bilingual::new("All of them can talk.", "Todos pueden hablar."),
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge],
        connections::burst_connect,
    )
    .first_of_its_kind(),
    Torment::new(
        "connect-storm",
        Bilingual::new(
            "Two hundred clients connect and leave at once, some of them with a reset.",
            "Doscientos clientes se conectan y se van enseguida, algunos con un RST.",
        ),
        Bilingual::new(
            "Connected clients go on talking, and new ones are let in.",
            "Los clientes conectados siguen hablando, y los nuevos pueden entrar.",
        ),
        &[ClientErrorEndsServer, FixedTable],
        &[OneAcceptPerEdge, SlowToAccept, ErrorEndsFanOut, ClientErrorEndsServer, SeatsNotFreed],
        connections::connect_storm,
    )
    .checked_for_busy_loop(),
    Torment::new(
        "silent-newcomer",
        Bilingual::new(
            "A client connects and sends nothing; then another client connects.",
            "Un cliente se conecta y no envía nada; después se conecta otro.",
        ),
        Bilingual::new("Nobody has to wait for the silent client.", "Nadie tiene que esperar al cliente callado."),
        &[ClientErrorEndsServer],
        &[BlockingHandshake, OneAcceptPerEdge, SlowToAccept],
        connections::silent_newcomer,
    )
    .first_of_its_kind(),
    Torment::new(
        "reset-idle",
        Bilingual::new(
            "A client that sends nothing resets its connection.",
            "Un cliente que no envía nada corta su conexión con un RST.",
        ),
        Bilingual::new(
            "The server removes it, and the others go on talking.",
            "El servidor lo retira, y los demás siguen hablando.",
        ),
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_idle,
    )
    .checked_for_busy_loop(),
    Torment::new(
        "reset-backlog",
        Bilingual::new(
            "Clients reset their connections before the server accepts them.",
            "Unos clientes cortan su conexión con un RST antes de que el servidor la acepte.",
        ),
        Bilingual::new("The other clients are not disturbed.", "Los demás clientes no lo notan."),
        &[ClientErrorEndsServer, FixedTable],
        &[OneAcceptPerEdge, SlowToAccept, ErrorEndsFanOut, ClientErrorEndsServer],
        connections::reset_backlog,
    ),
    Torment::new(
        "reset-mid-fanout",
        Bilingual::new(
            "A client leaves, with a FIN or a reset, while the others send.",
            "Un cliente se va, con un FIN o un RST, mientras los demás envían.",
        ),
        Bilingual::new("The others get each line once.", "Los demás reciben cada línea una vez."),
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_mid_fanout,
    )
    .first_of_its_kind(),
    Torment::new(
        "rush-hour",
        Bilingual::new(
            "Some clients talk while others connect, send a line and leave, without a pause.",
            "Unos clientes hablan mientras otros, sin pausa, se conectan, envían una línea y se van.",
        ),
        Bilingual::new(
            "The clients that stay get each line once.",
            "Los clientes que se quedan reciben cada línea una vez.",
        ),
        &[ClientErrorEndsServer, SharedUnguarded, FixedTable],
        &[ErrorEndsFanOut, SharedUnguarded, ClientErrorEndsServer, SeatsNotFreed],
        connections::rush_hour,
    )
    .first_of_its_kind(),
    Torment::new(
        "half-close",
        Bilingual::new(
            "A client sends three lines and shuts down its sending side, so that the lines and the end-of-file arrive \
             together.",
            "Un cliente envía tres líneas y cierra su sentido de envío, de modo que las líneas y el fin de datos llegan \
             juntos.",
        ),
        Bilingual::new(
            "The lines arrive, and the end-of-file causes no busy loop.",
            "Las líneas llegan, y el fin de datos no causa espera activa.",
        ),
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::half_close,
    )
    .first_of_its_kind(),
    Torment::new(
        "stale-event",
        Bilingual::new(
            "In one batch of events, one client leaves, another one connects and a third one sends.",
            "En un mismo lote de eventos, un cliente se va, otro se conecta y un tercero envía.",
        ),
        Bilingual::new("The new client stays connected.", "El cliente nuevo sigue conectado."),
        &[StaleEvent, ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::stale_event,
    )
    .of_the_process(),
    Torment::new(
        "vanish",
        Bilingual::new(
            "A client disappears without a FIN: nothing that is sent to it is acknowledged.",
            "Un cliente desaparece sin FIN: nadie confirma lo que se le envía.",
        ),
        Bilingual::new("The others go on talking.", "Los demás siguen hablando."),
        &[ClientErrorEndsServer],
        &[BlockingWrite],
        connections::vanish,
    ),
    Torment::new(
        "stuck-reader",
        Bilingual::new(
            "One client sends without pause, and another one does not read at all.",
            "Un cliente envía sin pausa, y otro no lee nada.",
        ),
        Bilingual::new(
            "The others go on talking, and the server's memory does not grow with the pending lines.",
            "Los demás siguen hablando, y la memoria del servidor no crece con las líneas pendientes.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::stuck_reader,
    )
    .of_floods()
    .first_of_its_kind(),
    Torment::new(
        "no-descriptors",
        Bilingual::new(
            "Clients connect while the server has no file descriptors left; later it has some again.",
            "Se conectan clientes cuando al servidor no le quedan descriptores de fichero; más tarde vuelve a \
             tenerlos.",
        ),
        Bilingual::new(
            "Connected clients go on talking, there is no busy loop, and the waiting clients are let in when there \
             are descriptors again.",
            "Los clientes conectados siguen hablando, no hay espera activa, y los que esperan entran cuando vuelve a \
             haber descriptores.",
        ),
        &[DescriptorDeath],
        &[DescriptorSpin],
        process::no_descriptors,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "frozen-stdout",
        Bilingual::new(
            "Nobody reads the server's stdout while clients talk, connect and leave.",
            "Nadie lee la salida estándar del servidor mientras unos clientes hablan, se conectan y se van.",
        ),
        Bilingual::new("The chat goes on.", "El chat sigue."),
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::frozen_stdout,
    )
    .of_its_stdout()
    .first_of_its_kind(),
    Torment::new(
        "closed-stdout",
        Bilingual::new(
            "The reading end of the server's stdout is closed.",
            "Se cierra el extremo de lectura de la salida estándar del servidor.",
        ),
        Bilingual::new("The chat goes on.", "El chat sigue."),
        &[PrintEndsServer, ClientErrorEndsServer],
        &[PrintEndsServer, ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::closed_stdout,
    )
    .of_its_stdout(),
    Torment::new(
        "terminate",
        Bilingual::new("The server gets SIGTERM.", "El servidor recibe SIGTERM."),
        Bilingual::new("It ends within five seconds.", "Termina en cinco segundos como mucho."),
        &[Unknown],
        &[Unknown],
        process::terminate,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "restart",
        Bilingual::new(
            "The server is stopped while clients are connected, and started again at once.",
            "Se detiene el servidor con clientes conectados y se inicia otra vez enseguida.",
        ),
        Bilingual::new("It listens on the same port again.", "Vuelve a escuchar en el mismo puerto."),
        &[Unknown],
        &[AddressInUse],
        process::restart,
    )
    .of_the_process(),
    Torment::new(
        "endless-line",
        Bilingual::new("A client sends 64 MiB without a line end.", "Un cliente envía 64 MiB sin ningún fin de línea."),
        Bilingual::new(
            "The server stops reading, closes the connection or discards the bytes; its memory does not grow with \
             them.",
            "El servidor deja de leer, cierra la conexión o descarta los bytes; su memoria no crece con ellos.",
        ),
        &[UnboundedLine, TrustsInput],
        &[UnboundedLine, Unfair],
        framing::endless_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "slow-reader",
        Bilingual::new(
            "One client sends without pause, and another one reads 2 MB a second.",
            "Un cliente envía sin pausa, y otro lee 2 MB por segundo.",
        ),
        Bilingual::new(
            "The slow client gets every line, or is disconnected: it never lacks a line without notice.",
            "El cliente lento recibe todas las líneas, o se le desconecta: nunca le falta una línea sin aviso.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::slow_reader,
    )
    .of_floods(),
    backlog::BACKLOG,
    Torment::new(
        "flood-all",
        Bilingual::new(
            "All clients send as fast as they can, and read.",
            "Todos los clientes envían lo más rápido que pueden, y leen.",
        ),
        Bilingual::new(
            "Each line arrives once and whole, each sender's lines arrive in order, and all clients get the same \
             order.",
            "Cada línea llega entera y una sola vez, las de cada emisor llegan en orden, y todos los clientes \
             reciben el mismo orden.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        floods::flood_all,
    )
    .of_floods()
    .first_of_its_kind(),
    names::NAMES,
    Torment::new(
        "full-house",
        Bilingual::new(
            "Clients connect until no more are let in, or 32 are in; then some leave and others connect.",
            "Se conectan clientes hasta que no entran más o hay 32 dentro; después unos se van y otros se conectan.",
        ),
        Bilingual::new(
            "A client that is not let in waits, or is told why, and a seat that becomes free is used again.",
            "El cliente que no entra espera o recibe un aviso, y la plaza que queda libre se vuelve a usar.",
        ),
        &[ClientErrorEndsServer, FixedTable],
        &[SeatsNotFreed, FixedTable],
        connections::full_house,
    ),
    crowd::CROWD,
    Torment::new(
        "churn",
        Bilingual::new(
            "Three hundred clients connect, send a line and leave.",
            "Trescientos clientes se conectan, envían una línea y se van.",
        ),
        Bilingual::new(
            "Nothing of them remains: no descriptors, threads or memory.",
            "No queda nada de ellos: ni descriptores, ni hilos, ni memoria.",
        ),
        &[ClientErrorEndsServer],
        &[Leaks, ErrorEndsFanOut, SeatsNotFreed],
        connections::churn,
    ),
    Torment::new(
        "firehose",
        Bilingual::new(
            "One client sends without pause, and another one sends a line now and then.",
            "Un cliente envía sin pausa, y otro envía una línea de vez en cuando.",
        ),
        Bilingual::new(
            "That line arrives about as soon as without the flood.",
            "Esa línea llega casi tan pronto como sin la avalancha.",
        ),
        &[WouldBlockIsAnError],
        &[Unfair, BlockingWrite],
        floods::firehose,
    )
    .of_floods(),
    Torment::new(
        "selfish-reader",
        Bilingual::new(
            "One client sends requests without pause that the server answers to it alone, and reads 1.6 MB a second.",
            "Un cliente hace sin pausa peticiones que el servidor le responde solo a él, y lee 1,6 MB por segundo.",
        ),
        Bilingual::new(
            "The lines of the others arrive about as soon as before.",
            "Las líneas de los demás llegan casi tan pronto como antes.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::selfish_reader,
    )
    .of_floods(),
    Torment::new(
        "whisperers",
        Bilingual::new(
            "Two clients send each other private lines without pause, and read 400 KiB a second.",
            "Dos clientes se envían líneas privadas sin pausa, y leen 400 KiB por segundo.",
        ),
        Bilingual::new(
            "The lines of the others arrive about as soon as before.",
            "Las líneas de los demás llegan casi tan pronto como antes.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::whisperers,
    )
    .of_floods(),
    Torment::new(
        "polite-beside-flood",
        Bilingual::new(
            "One client sends without pause, another one reads 400 KiB a second, and the others say little.",
            "Un cliente envía sin pausa, otro lee 400 KiB por segundo, y los demás dicen poco.",
        ),
        Bilingual::new(
            "The lines of the others arrive about as soon as before, and the slow client misses none of them.",
            "Las líneas de los demás llegan casi tan pronto como antes, y al cliente lento no le falta ninguna.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::polite_beside_flood,
    )
    .of_floods()
    .first_of_its_kind(),
    Torment::new(
        "trickle-reader",
        Bilingual::new(
            "One client sends without pause, and another one reads 2 KiB a second.",
            "Un cliente envía sin pausa, y otro lee 2 KiB por segundo.",
        ),
        Bilingual::new(
            "The others go on talking, and the server's memory does not grow with the pending lines.",
            "Los demás siguen hablando, y la memoria del servidor no crece con las líneas pendientes.",
        ),
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::trickle_reader,
    )
    .of_floods(),
    long_lived::LONG_LIVED,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn each_torment_is_described_in_sentences_in_both_languages() {
        for torment in TORMENTS {
            let texts = [&torment.does, &torment.healthy];
            assert!(texts.iter().all(|text| text.differs()), "{texts:?}");
            assert!(Lang::ALL.iter().all(|lang| texts.iter().all(|text| text.is_a_sentence(*lang))), "{texts:?}");
        }
    }
}
