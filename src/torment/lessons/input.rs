//! Lessons on reading: lines, bytes, the end of a stream, fairness.

use super::{Lesson, lesson};

pub(super) const FRAMING_BY_READ: Lesson = lesson(
    ["the server takes each read for one message", "el servidor toma cada lectura por un mensaje"],
    [
        "TCP is a stream of bytes without message boundaries: one recv may return half a line, or two and a half.",
        "TCP es un flujo de bytes sin límites entre mensajes: un recv puede devolver media línea, o dos y media.",
    ],
    [
        "Keep a buffer for each client, append what arrives, and take out whole lines only.",
        "Guarda un búfer por cliente, añade lo que llega y saca solo líneas enteras.",
    ],
    "recv(2), tcp(7); Stevens, UNIX Network Programming, § 3.9 (readline); Beej's Guide, § 7.6 (Son of Data \
     Encapsulation); src/chat/connections/line.rs",
);

pub(super) const ONE_READ_PER_EDGE: Lesson = lesson(
    ["the server reads only once for each event", "el servidor lee una sola vez por evento"],
    [
        "An edge-triggered poll does not say again that there is more to read.",
        "Un sondeo por flanco no vuelve a avisar de que queda algo por leer.",
    ],
    [
        "Read until EWOULDBLOCK, or remember which client was not read to the end and read it again without an event.",
        "Lee hasta obtener EWOULDBLOCK, o recuerda qué cliente no se leyó hasta el final y léelo otra vez sin evento.",
    ],
    "epoll(7); mio::Poll, \"Draining readiness\"; src/server/drivers/epoll.rs, `read_ready`",
);

pub(super) const TRUSTS_INPUT: Lesson = lesson(
    ["bytes that are not text break the server", "unos bytes que no son texto estropean el servidor"],
    [
        "The server expects well-formed text, but a client can send any bytes: decoding may fail, a field may be \
         missing, an index may be out of range.",
        "El servidor espera texto bien formado, pero un cliente puede enviar cualquier byte: la decodificación puede \
         fallar, puede faltar un campo, un índice puede salirse de rango.",
    ],
    [
        "Replace what is not UTF-8, check every field that you take apart, and close that one client at most.",
        "Sustituye lo que no sea UTF-8, comprueba cada campo que separes y cierra, como mucho, a ese cliente.",
    ],
    "RFC 3629, § 10; src/chat/connections/sanitize.rs",
);

pub(super) const UNBOUNDED_LINE: Lesson = lesson(
    ["a line has no limit", "una línea no tiene límite"],
    [
        "The server collects bytes until a line end arrives, so a client that never sends one fills the memory.",
        "El servidor acumula bytes hasta que llega un fin de línea, así que un cliente que nunca lo envía llena la \
         memoria.",
    ],
    [
        "Set a longest line, and close a client that exceeds it by far.",
        "Fija una longitud máxima y cierra al cliente que la supere con mucho.",
    ],
    "RFC 2812, § 2.3; RFC 5321, § 4.5.3.1.6; std::io::Read::take; src/chat/connections/line.rs",
);

pub(super) const DECODES_PIECES: Lesson = lesson(
    ["the server decodes each piece by itself", "el servidor decodifica cada trozo por separado"],
    [
        "A character of several bytes may arrive in two reads, and neither half is valid text.",
        "Un carácter de varios bytes puede llegar en dos lecturas, y ninguna de las mitades es texto válido.",
    ],
    [
        "Take out whole lines first and decode those, or use an incremental decoder.",
        "Saca primero líneas enteras y decodifica esas, o usa un decodificador incremental.",
    ],
    "RFC 3629; Python: codecs.getincrementaldecoder; Node.js: StringDecoder; src/chat/connections/line.rs",
);

pub(super) const LOSES_AT_THE_END: Lesson = lesson(
    [
        "the server loses what was sent just before the end-of-file",
        "el servidor pierde lo que se envió justo antes del fin de datos",
    ],
    [
        "It handles the hang-up before the data, or discards its buffer at the hang-up.",
        "Trata el cierre antes que los datos, o tira su búfer al ver el cierre.",
    ],
    ["Read until read returns 0: only that is the end.", "Lee hasta que read devuelva 0: solo eso es el final."],
    "poll(2), POLLHUP, POLLRDHUP; shutdown(2); src/server/drivers/epoll.rs, `read`",
);

pub(super) const SPINS_AT_THE_END: Lesson = lesson(
    ["an end-of-file or a hang-up causes a busy loop", "un fin de datos o un cierre causa espera activa"],
    [
        "A socket at its end stays readable for ever, so every poll returns at once.",
        "Un socket que llegó a su fin sigue siendo legible para siempre, así que cada poll vuelve enseguida.",
    ],
    [
        "When read returns 0, close the socket or stop watching it.",
        "Cuando read devuelva 0, cierra el socket o deja de vigilarlo.",
    ],
    "read(2), poll(2); Kerrisk, The Linux Programming Interface, § 63.2.3; src/server/drivers/epoll.rs, `read`",
);

pub(super) const UNFAIR: Lesson = lesson(
    [
        "a client that sends without pause makes the others wait",
        "un cliente que envía sin pausa hace esperar a los demás",
    ],
    [
        "The server reads from one client for as long as that client has bytes.",
        "El servidor lee de un cliente mientras ese cliente tenga bytes.",
    ],
    [
        "Limit how much is read from a client in a turn, then serve the next client.",
        "Limita cuánto se lee de un cliente en cada vuelta y atiende después al siguiente.",
    ],
    "epoll(7), \"Starvation\"; src/server/drivers/epoll.rs, `read_ready`",
);

pub(super) const STALE_BUFFER: Lesson = lesson(
    [
        "the rest of an earlier line is sent with another client's line",
        "el resto de una línea anterior se envía con la línea de otro cliente",
    ],
    [
        "One buffer serves all clients, and its length is not kept: a short line is written over a long one, and what \
         the short one does not cover is sent as well. In C: strlen on bytes from recv, which end with no NUL.",
        "Un mismo búfer sirve a todos los clientes y no se guarda cuánto contiene: una línea corta se escribe sobre \
         una larga y también se envía lo que la corta no tapa. En C: strlen sobre los bytes de recv, que no terminan \
         en NUL.",
    ],
    [
        "Give each client a buffer of its own, and send exactly as many bytes as the read returned.",
        "Da a cada cliente su propio búfer y envía exactamente los bytes que devolvió la lectura.",
    ],
    "recv(2), RETURN VALUE; strlen(3); src/chat/connections/line.rs",
);
