//! Lessons on the loop and its connections: sleeping, accepting, removing, descriptors.

use super::{Lesson, lesson};

pub(super) const BUSY_LOOP: Lesson = lesson(
    ["the server never sleeps: it is in a busy loop", "el servidor nunca duerme: está en espera activa"],
    [
        "The loop tries non-blocking sockets again and again, polls with a timeout of 0, or watches for writability \
         while there is nothing to write.",
        "El bucle prueba una y otra vez los sockets no bloqueantes, llama a poll con un tiempo límite de 0, o vigila \
         si puede escribir cuando no hay nada que escribir.",
    ],
    [
        "Sleep in one place, until the kernel reports an event.",
        "Duerme en un solo sitio, hasta que el kernel avise de un evento.",
    ],
    "poll(2), epoll_wait(2); Kerrisk, The Linux Programming Interface, § 63; src/server/drivers/epoll.rs, `timeout`",
);

pub(super) const ONE_ACCEPT_PER_EDGE: Lesson = lesson(
    ["the server accepts only one connection for each event", "el servidor acepta una sola conexión por evento"],
    [
        "An edge-triggered poll says once that the listener became ready, whether for one connection or for fifty.",
        "Un sondeo por flanco avisa una sola vez de que hay conexiones por aceptar, ya sea una o cincuenta.",
    ],
    ["Accept until EWOULDBLOCK.", "Acepta hasta obtener EWOULDBLOCK."],
    "epoll(7), \"Level-triggered and edge-triggered\"; mio::Poll, \"Draining readiness\"; \
     src/server/drivers/epoll.rs, `accept`",
);

pub(super) const BLOCKING_HANDSHAKE: Lesson = lesson(
    [
        "a new client that sends nothing makes all others wait",
        "un cliente nuevo que no envía nada hace esperar a todos",
    ],
    [
        "The loop that accepts also waits for the new client's first line (its name, its login).",
        "El bucle que acepta espera también la primera línea del cliente nuevo (su nombre, su identificación).",
    ],
    [
        "Accept at once, and wait for that line in the client's own thread, or in its state in the loop.",
        "Acepta enseguida, y espera esa línea en el hilo del cliente o en su estado dentro del bucle.",
    ],
    "accept(2); Stevens, UNIX Network Programming, § 16; src/server/drivers/threaded.rs",
);

pub(super) const SLOW_TO_ACCEPT: Lesson = lesson(
    [
        "the server accepts new clients slowly, one after the other",
        "el servidor acepta a los clientes nuevos despacio, de uno en uno",
    ],
    [
        "The loop that accepts sleeps, or does something slow, between two connections, so the tenth client waits ten \
         times as long.",
        "El bucle que acepta duerme o hace algo lento entre dos conexiones, así que el décimo cliente espera diez \
         veces más.",
    ],
    [
        "Accept all that wait, and sleep only in accept or poll.",
        "Acepta a todos los que esperan, y duerme solo en accept o en poll.",
    ],
    "accept(2), listen(2); src/server/drivers/epoll.rs, `accept`; src/server/drivers/threaded.rs",
);

pub(super) const SHARED_UNGUARDED: Lesson = lesson(
    [
        "two threads or tasks use the list of clients at the same time",
        "dos hilos o tareas usan a la vez la lista de clientes",
    ],
    [
        "One iterates over the list and writes, while another adds or removes a client without a lock, or during an \
         await. Then some clients are skipped, or the runtime ends the thread that iterates.",
        "Uno recorre la lista y escribe mientras otro añade o quita un cliente sin cerrojo, o durante un await. \
         Entonces se salta algún cliente, o el entorno termina el hilo que recorre la lista.",
    ],
    [
        "Guard the list with one lock and iterate over a copy made under it, or let one thread or task own the list.",
        "Protege la lista con un cerrojo y recorre una copia hecha bajo él, o deja la lista en manos de un solo hilo \
         o tarea.",
    ],
    "Go: \"Go maps in action\", Concurrency; Java: ConcurrentModificationException; Python: RuntimeError, \
     \"changed size during iteration\"; src/server/drivers/threaded.rs",
);

pub(super) const CLIENT_ERROR_ENDS_SERVER: Lesson = lesson(
    ["an error of one client ends the server", "un error de un cliente acaba con el servidor"],
    [
        "A read, write or accept failed (ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED), and the error left the loop: a \
         `?`, an uncaught exception, an exit(1).",
        "Falló una lectura, una escritura o un accept (ECONNRESET, EPIPE, ENOTCONN, ECONNABORTED) y el error salió \
         del bucle: un `?`, una excepción sin capturar, un exit(1).",
    ],
    [
        "Such an error concerns one connection: close it and go on.",
        "Ese error es de una sola conexión: ciérrala y sigue.",
    ],
    "accept(2), \"Error handling\"; recv(2), send(2), ERRORS; src/server/drivers/epoll.rs, `bury_dead`",
);

pub(super) const STALE_EVENT: Lesson = lesson(
    [
        "the server applies an event of a client that has left to a new client",
        "el servidor aplica a un cliente nuevo un evento de otro que se fue",
    ],
    [
        "A slot, token or descriptor was freed and taken again while events for its former owner were still in the \
         batch.",
        "Un hueco, un token o un descriptor se liberó y se volvió a usar cuando en el lote aún quedaban eventos de su \
         dueño anterior.",
    ],
    [
        "Remove and accept clients after the batch, or give each client a number that is never used again.",
        "Quita y acepta clientes después del lote, o da a cada cliente un número que no se reutilice nunca.",
    ],
    "epoll(7), \"If using an event cache\"; src/server/drivers/epoll.rs, `turn`",
);

pub(super) const SEATS_NOT_FREED: Lesson = lesson(
    [
        "the server does not use a seat again when it becomes free",
        "el servidor no vuelve a usar una plaza que queda libre",
    ],
    [
        "It counts seats when clients connect and not when they leave, or it never looks again at clients that wait.",
        "Cuenta las plazas cuando se conectan clientes y no cuando se van, o no vuelve a mirar a los clientes que \
         esperan.",
    ],
    [
        "Derive the number of free seats from the list of clients, and accept again when one leaves.",
        "Calcula las plazas libres a partir de la lista de clientes y acepta otra vez cuando uno se vaya.",
    ],
    "src/server/drivers/epoll.rs, `can_accept`",
);

pub(super) const LEAKS: Lesson = lesson(
    ["the server keeps resources of clients that have left", "el servidor conserva recursos de clientes que se fueron"],
    [
        "A descriptor is not closed, a thread does not end, or a list is not shortened when a client leaves.",
        "No se cierra un descriptor, no termina un hilo o no se acorta una lista cuando un cliente se va.",
    ],
    [
        "Release everything of a client in one place, on every way out.",
        "Libera todo lo de un cliente en un solo sitio, salga por donde salga.",
    ],
    "close(2), proc(5); src/server/drivers/epoll.rs, `close`",
);

pub(super) const DESCRIPTOR_SPIN: Lesson = lesson(
    [
        "without free descriptors the server is in a busy loop",
        "sin descriptores libres el servidor está en espera activa",
    ],
    [
        "accept fails with EMFILE and the connection stays in the queue, so the listener stays ready, or the loop just \
         tries again.",
        "accept falla con EMFILE y la conexión sigue en la cola, así que el socket de escucha sigue listo, o el bucle \
         simplemente lo intenta otra vez.",
    ],
    [
        "Do not watch the listener for a while, then try again.",
        "Deja de vigilar el socket de escucha durante un rato y después inténtalo otra vez.",
    ],
    "accept(2), EMFILE; libev(3), \"The special problem of accept()ing when you can't\"; \
     src/server/drivers/epoll.rs, `accept_at`",
);

pub(super) const DESCRIPTOR_DEATH: Lesson = lesson(
    [
        "without free descriptors the server ends or never accepts again",
        "sin descriptores libres el servidor termina o no vuelve a aceptar",
    ],
    [
        "accept failed with EMFILE, and the server took that for a fatal error.",
        "accept falló con EMFILE y el servidor lo tomó por un error fatal.",
    ],
    [
        "This error is temporary: wait a little and try again.",
        "Ese error es pasajero: espera un poco e inténtalo otra vez.",
    ],
    "accept(2), EMFILE; src/server/listener.rs, `is_one_connections`",
);

pub(super) const ACCEPT_NOT_RETRIED: Lesson = lesson(
    [
        "after a failed accept the server forgets the connections in the queue",
        "tras un accept fallido el servidor olvida las conexiones de la cola",
    ],
    [
        "An edge-triggered listener reports nothing more after EMFILE, not even when descriptors are free again.",
        "Un socket de escucha vigilado por flanco no avisa más tras EMFILE, ni siquiera cuando vuelve a haber \
         descriptores.",
    ],
    ["Try again after some time.", "Inténtalo otra vez al cabo de un rato."],
    "accept(2), epoll(7); src/server/drivers/epoll.rs, `accept`",
);

pub(super) const FIXED_TABLE: Lesson = lesson(
    [
        "with more clients than a fixed number, the server ends or does not serve them",
        "con más clientes que un número fijo, el servidor termina o no los atiende",
    ],
    [
        "The clients are in an array of fixed size (often of 5, 64, 100 or 1024), and nobody checks whether it is full \
         before a client is added. select has such an array, too: FD_SET beyond FD_SETSIZE (1024) writes over other \
         memory.",
        "Los clientes están en un array de tamaño fijo (a menudo 5, 64, 100 o 1024) y nadie mira si está lleno antes \
         de añadir otro. select también tiene un array así: FD_SET más allá de FD_SETSIZE (1024) escribe sobre otra \
         memoria.",
    ],
    [
        "Let the table grow, or tell the client that the room is full and close it; use poll or epoll instead of select.",
        "Deja que la tabla crezca, o dile al cliente que la sala está llena y ciérralo; usa poll o epoll en vez de \
         select.",
    ],
    "select(2), BUGS; poll(2); src/chat/hub.rs",
);

pub(super) const CLOSES_ACTIVE: Lesson = lesson(
    ["the server closes clients that talk", "el servidor cierra a clientes que hablan"],
    [
        "A timer that is meant for clients that send nothing is started when a client connects, and not again when it \
         sends a line.",
        "Un temporizador pensado para clientes que no envían nada empieza cuando el cliente se conecta y no vuelve a \
         empezar cuando envía una línea.",
    ],
    [
        "Start the timer again whenever bytes arrive, and tell the client why before you close it.",
        "Reinicia el temporizador cada vez que lleguen bytes, y dile al cliente por qué antes de cerrarlo.",
    ],
    "timerfd_create(2); Stevens, UNIX Network Programming, § 14.2; src/chat/hub.rs",
);

pub(super) const DEADLOCK: Lesson = lesson(
    ["threads wait for each other's locks for ever", "unos hilos esperan para siempre a los cerrojos de otros"],
    [
        "One thread holds lock A and wants B, while another holds B and wants A: for example, each sender locks its own \
         client first and then the others.",
        "Un hilo tiene el cerrojo A y quiere el B, y otro tiene el B y quiere el A: por ejemplo, cada emisor bloquea primero \
         a su propio cliente y después a los demás.",
    ],
    [
        "Take locks in one order everywhere, or hold only one at a time: copy the list under its lock, release it, and write \
         then.",
        "Toma los cerrojos siempre en el mismo orden, o ten uno solo cada vez: copia la lista bajo su cerrojo, suéltalo y \
         escribe después.",
    ],
    "pthread_mutex_lock(3); Kerrisk, The Linux Programming Interface, § 30.1.4; src/server/drivers/threaded.rs",
);
