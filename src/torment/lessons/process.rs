//! Lessons on the server's process: signals, stdout, restart.

use super::{Lesson, lesson};

pub(super) const INTERRUPTED_IS_AN_ERROR: Lesson = lesson(
    ["the server takes a signal for an error", "el servidor toma una señal por un error"],
    [
        "poll, select, epoll_wait and others return EINTR when a signal comes, also after SIGSTOP and SIGCONT.",
        "poll, select, epoll_wait y otras devuelven EINTR cuando llega una señal, también tras SIGSTOP y SIGCONT.",
    ],
    ["Call them again.", "Llámalas otra vez."],
    "signal(7), \"Interruption of system calls\"; src/server/drivers/epoll.rs, `wait`",
);

pub(super) const BLOCKING_PRINT: Lesson = lesson(
    ["a blocked print stops the chat", "una impresión bloqueada detiene el chat"],
    [
        "stdout is a pipe or a terminal that nobody reads any more, and print waits for it inside the loop, or under a \
         lock.",
        "La salida estándar es una tubería o una terminal que ya nadie lee, y la impresión espera dentro del bucle o \
         con un cerrojo tomado.",
    ],
    [
        "Make stdout non-blocking, or let a thread with a bounded queue print.",
        "Haz que la salida estándar no bloquee, o imprime desde un hilo con una cola limitada.",
    ],
    "pipe(7), write(2); src/server/sink.rs",
);

pub(super) const PRINT_ENDS_SERVER: Lesson = lesson(
    ["a closed stdout ends the chat", "una salida estándar cerrada acaba con el chat"],
    [
        "Nobody reads stdout any more (`server | head`), and the print raises SIGPIPE, an exception or a panic.",
        "Ya nadie lee la salida estándar (`servidor | head`), y la impresión provoca SIGPIPE, una excepción o un \
         panic.",
    ],
    [
        "Ignore the error of the print: a log that cannot be written is no reason to stop.",
        "Ignora el error de la impresión: un registro que no se puede escribir no es motivo para parar.",
    ],
    "pipe(7), SIGPIPE, EPIPE; src/server/sink.rs",
);

pub(super) const IGNORES_SIGTERM: Lesson = lesson(
    ["the server does not end at SIGTERM", "el servidor no termina con SIGTERM"],
    [
        "It catches SIGTERM without effect: the loop sleeps on, or waits for clients that need not leave.",
        "Captura SIGTERM sin efecto: el bucle sigue durmiendo, o espera a clientes que no tienen por qué irse.",
    ],
    [
        "Wake the loop, tell the clients, and end within a limit.",
        "Despierta el bucle, avisa a los clientes y termina dentro de un plazo.",
    ],
    "signal(7); signalfd(2); src/server/drivers/epoll.rs, `note_signals`",
);

pub(super) const ADDRESS_IN_USE: Lesson = lesson(
    ["the server cannot be started again at once", "el servidor no se puede volver a iniciar enseguida"],
    [
        "Connections that the server closed first stay in TIME_WAIT for a minute and keep its port.",
        "Las conexiones que el servidor cerró primero quedan un minuto en TIME_WAIT y retienen su puerto.",
    ],
    ["Set SO_REUSEADDR before bind.", "Activa SO_REUSEADDR antes de bind."],
    "socket(7), SO_REUSEADDR; Stevens, UNIX Network Programming, § 7.5; src/server/listener.rs, `listen`",
);

pub(super) const UNKNOWN: Lesson = lesson(
    ["the cause is not known", "no se conoce la causa"],
    ["What was observed fits none of the usual causes.", "Lo observado no encaja en ninguna de las causas habituales."],
    [
        "Repeat this torment alone with --only, and read the server's source at that place.",
        "Repite solo esta prueba con --only y lee ese punto del código del servidor.",
    ],
    "socket(7), tcp(7)",
);
