//! Lessons on writing: full sockets, slow readers, queues, the order of lines.

use super::{Lesson, lesson};

pub(super) const SIGPIPE: Lesson = lesson(
    [
        "a write to a closed connection kills the server with SIGPIPE",
        "una escritura en una conexión cerrada mata al servidor con SIGPIPE",
    ],
    [
        "A write to a socket that the client has reset raises SIGPIPE, which ends a process by default.",
        "Escribir en un socket que el cliente cortó provoca SIGPIPE, que por omisión termina el proceso.",
    ],
    [
        "Ignore the signal, or send with MSG_NOSIGNAL, and handle EPIPE.",
        "Ignora la señal, o envía con MSG_NOSIGNAL, y trata el error EPIPE.",
    ],
    "send(2), MSG_NOSIGNAL; signal(7); Stevens, UNIX Network Programming, § 5.13",
);

pub(super) const ERROR_ENDS_FAN_OUT: Lesson = lesson(
    [
        "an error of one receiver ends the delivery to the others",
        "un error de un receptor interrumpe la entrega a los demás",
    ],
    [
        "The loop that writes to each client stops at the first error, or takes the error for the sender's, or \
         removes the failed client inside the loop and so skips the next one.",
        "El bucle que escribe a cada cliente se detiene en el primer error, o lo atribuye al emisor, o quita dentro \
         del bucle al cliente que falló y así se salta al siguiente.",
    ],
    [
        "Note which client failed, go on with the next, and remove the failed ones after the loop.",
        "Anota qué cliente falló, sigue con el siguiente y quita a los que fallaron después del bucle.",
    ],
    "send(2), ERRORS; src/server/drivers/epoll.rs, `flush_dirty`, `bury_dead`",
);

pub(super) const WOULD_BLOCK_IS_AN_ERROR: Lesson = lesson(
    ["the server takes a full socket for an error", "el servidor toma un socket lleno por un error"],
    [
        "write_all (sendall) on a non-blocking socket gives up with EWOULDBLOCK as soon as a reader is a little \
         behind, and has written a part by then.",
        "write_all (sendall) en un socket no bloqueante se rinde con EWOULDBLOCK en cuanto un lector se retrasa un \
         poco, y para entonces ya ha escrito una parte.",
    ],
    [
        "Keep the rest for that client, and write on when its socket is writable.",
        "Guarda el resto para ese cliente y sigue escribiendo cuando su socket lo admita.",
    ],
    "send(2), EAGAIN; std::io::Write::write_all; src/chat/connections/outbox.rs",
);

pub(super) const BLOCKING_WRITE: Lesson = lesson(
    ["a client that does not read makes all others wait", "un cliente que no lee hace esperar a todos los demás"],
    [
        "A write to that client blocks when its socket is full, and meanwhile the writer (the loop, a broadcaster, \
         each sender's thread, a full channel) serves nobody else.",
        "La escritura a ese cliente se bloquea cuando su socket está lleno, y entretanto quien escribe (el bucle, un \
         difusor, el hilo de cada emisor, un canal lleno) no atiende a nadie más.",
    ],
    [
        "Never wait for one client: use non-blocking writes and a bounded queue for each client, and disconnect a \
         client whose queue stays full.",
        "No esperes nunca a un solo cliente: usa escrituras no bloqueantes y una cola limitada por cliente, y \
         desconecta al cliente cuya cola siga llena.",
    ],
    "send(2), socket(7); Stevens, UNIX Network Programming, § 16; src/chat/connections/outbox.rs, \
     src/chat/connections/backpressure.rs",
);

pub(super) const LOCK_ACROSS_WRITE: Lesson = lesson(
    ["the server holds a lock while it writes", "el servidor mantiene un cerrojo mientras escribe"],
    [
        "A thread writes to all clients while it holds the lock of the list. The write blocks at a client that does \
         not read, and then nobody can talk, connect or leave.",
        "Un hilo escribe a todos los clientes con el cerrojo de la lista tomado. La escritura se bloquea en un cliente \
         que no lee, y entonces nadie puede hablar, conectarse ni irse.",
    ],
    [
        "Copy the list under the lock, write after unlocking it, and never wait for one client.",
        "Copia la lista con el cerrojo tomado, escribe después de soltarlo y no esperes nunca a un solo cliente.",
    ],
    "pthread_mutex_lock(3), send(2); src/server/drivers/threaded/writing.rs",
);

pub(super) const PAUSES_EVERYBODY: Lesson = lesson(
    [
        "a full queue of one client makes all senders wait",
        "la cola llena de un cliente hace esperar a todos los emisores",
    ],
    [
        "When the queue of one client is too long, the server reads from nobody, not even from clients that did not \
         fill that queue.",
        "Cuando la cola de un cliente es demasiado larga, el servidor no lee de nadie, ni siquiera de los clientes que \
         no la llenaron.",
    ],
    [
        "Count what each client causes to be sent, and let only those wait that cause much. Answers and private lines \
         count against the client that asked for them.",
        "Cuenta lo que cada cliente hace enviar y haz esperar solo a los que causan mucho. Las respuestas y las líneas \
         privadas cuentan para el cliente que las pidió.",
    ],
    "src/chat/connections/allowance.rs, src/chat/connections/backpressure.rs; RFC 9293, § 3.8.6",
);

pub(super) const SHORT_WRITE_DROPPED: Lesson = lesson(
    ["the server loses the rest of a short write", "el servidor pierde el resto de una escritura corta"],
    [
        "write and send may take fewer bytes than they are given; their result says how many. The server ignores it.",
        "write y send pueden tomar menos bytes de los que se les dan; su resultado dice cuántos. El servidor no lo \
         mira.",
    ],
    [
        "Keep the rest for that client, and write on when its socket is writable.",
        "Guarda el resto para ese cliente y sigue escribiendo cuando su socket lo admita.",
    ],
    "write(2), send(2), RETURN VALUE; Beej's Guide, § 7.4; src/chat/connections/outbox.rs",
);

pub(super) const DROPPED_WHEN_FULL: Lesson = lesson(
    [
        "the server drops lines for a slow client and does not tell it",
        "el servidor descarta líneas de un cliente lento sin avisarle",
    ],
    [
        "A full queue, or a broadcast channel whose receiver is too far behind, drops lines.",
        "Una cola llena, o un canal de difusión cuyo receptor va muy retrasado, descarta líneas.",
    ],
    [
        "Make the senders wait, or disconnect a client that is too far behind and tell it why. A chat must never lose \
         a line silently.",
        "Haz esperar a los emisores, o desconecta al cliente que va muy retrasado y dile por qué. Un chat no debe \
         perder nunca una línea sin avisar.",
    ],
    "tokio::sync::broadcast, \"Lagging\"; src/chat/connections/backpressure.rs",
);

pub(super) const UNBOUNDED_QUEUE: Lesson = lesson(
    ["a queue has no limit", "una cola no tiene límite"],
    [
        "The server keeps whatever a slow reader does not take, so the queue grows until the memory is used up.",
        "El servidor guarda todo lo que un lector lento no toma, así que la cola crece hasta agotar la memoria.",
    ],
    [
        "Limit each queue, also those that the language hides (the buffer of a socket or a stream). When it is full, \
         make the senders wait, or disconnect a client that does not read.",
        "Limita cada cola, también las que oculta el lenguaje (el búfer de un socket o de un flujo). Cuando se llene, \
         haz esperar a los emisores o desconecta al cliente que no lee.",
    ],
    "src/chat/limits.rs, src/chat/connections/backpressure.rs; Node.js: stream.write, \"backpressure\"; asyncio: \
     StreamWriter.drain",
);

pub(super) const INTERLEAVED_WRITES: Lesson = lesson(
    [
        "two threads or tasks write to one socket at the same time",
        "dos hilos o tareas escriben a la vez en un mismo socket",
    ],
    [
        "Each of them writes a piece of its line, so the lines are mixed.",
        "Cada uno escribe un trozo de su línea, así que las líneas se mezclan.",
    ],
    [
        "Let one thread or task write to each socket, or hold a lock for each socket during a whole line.",
        "Deja que escriba en cada socket un solo hilo o tarea, o toma un cerrojo por socket durante toda la línea.",
    ],
    "write(2), send(2); src/server/drivers/threaded/writing.rs",
);

pub(super) const LOSES: Lesson = lesson(
    ["the server loses lines", "el servidor pierde líneas"],
    [
        "A buffer is overwritten before it is written out, the result of a write is ignored, or a queue drops lines.",
        "Un búfer se sobrescribe antes de enviarse, no se mira el resultado de una escritura o una cola descarta \
         líneas.",
    ],
    [
        "Follow one line from its read to its last write, and look for these three places.",
        "Sigue una línea desde su lectura hasta su última escritura y busca esos tres puntos.",
    ],
    "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
);

pub(super) const DUPLICATES: Lesson = lesson(
    ["the server delivers lines twice", "el servidor entrega líneas dos veces"],
    [
        "A client is in the list twice, or a write starts again from the beginning after a short write.",
        "Un cliente está dos veces en la lista, o una escritura vuelve a empezar desde el principio tras una escritura \
         corta.",
    ],
    [
        "Check what adds clients to the list, and continue a short write where it ended.",
        "Comprueba qué añade clientes a la lista y continúa la escritura corta donde se quedó.",
    ],
    "write(2), RETURN VALUE; src/chat/connections/outbox.rs",
);

pub(super) const REORDERS: Lesson = lesson(
    ["the server changes the order of one sender's lines", "el servidor cambia el orden de las líneas de un emisor"],
    [
        "Each line gets a task or thread of its own, or lines that are written directly overtake lines in a queue.",
        "Cada línea tiene su propia tarea o hilo, o las líneas que se escriben directamente adelantan a las que están \
         en una cola.",
    ],
    [
        "Put all lines for a client into one queue, in the order in which they were read.",
        "Pon todas las líneas de un cliente en una sola cola, en el orden en que se leyeron.",
    ],
    "src/chat/connections/outbox.rs",
);

pub(super) const NO_ONE_ORDER: Lesson = lesson(
    [
        "clients receive the same lines in different orders",
        "los clientes reciben las mismas líneas en órdenes distintos",
    ],
    [
        "Each sender's thread writes to the other clients by itself.",
        "El hilo de cada emisor escribe por su cuenta a los demás clientes.",
    ],
    [
        "If all clients should see the same order, decide it in one place: one lock, one loop, one channel.",
        "Si todos deben ver el mismo orden, decídelo en un solo sitio: un cerrojo, un bucle, un canal.",
    ],
    "Lamport, Time, Clocks, and the Ordering of Events; src/chat/connections/broadcast.rs",
);

pub(super) const ECHOES_TO_SENDER: Lesson = lesson(
    ["a sender gets its own line back", "un emisor recibe su propia línea"],
    [
        "The server sends the line to all clients, and the sender already has it on its screen.",
        "El servidor envía la línea a todos los clientes, y el emisor ya la tiene en su pantalla.",
    ],
    [
        "Leave out the sender. If the echo is intended, use --echo yes.",
        "Excluye al emisor. Si el eco es intencionado, usa --echo yes.",
    ],
    "Beej's Guide, § 7.3 (\"Except the listener and ourselves\")",
);

pub(super) const FORGETS_THE_REST: Lesson = lesson(
    [
        "the rest of a short write waits until the next line is sent",
        "el resto de una escritura corta espera hasta que se envíe la línea siguiente",
    ],
    [
        "A full socket takes only a part. The server keeps the rest, but does not ask the kernel when it can write on, so \
         it tries again only when there is another line for that client.",
        "Un socket lleno solo acepta una parte. El servidor guarda el resto, pero no le pregunta al kernel cuándo puede \
         seguir, así que solo lo intenta cuando hay otra línea para ese cliente.",
    ],
    [
        "While an outbox is not empty, watch its socket for writability.",
        "Mientras un búfer de salida no esté vacío, vigila si su socket admite escritura.",
    ],
    "send(2), poll(2), POLLOUT; src/server/drivers/epoll.rs, `flush_dirty`",
);

pub(super) const SPINS_WHEN_DRAINED: Lesson = lesson(
    [
        "after a client was behind, the server is in a busy loop",
        "después de que un cliente se retrasara, el servidor está en espera activa",
    ],
    [
        "The server began to watch a full socket for writability and never stopped: a socket with room is always \
         writable, so each wait returns at once.",
        "El servidor empezó a vigilar si un socket lleno admitía escritura y no dejó de hacerlo: un socket con sitio \
         siempre la admite, así que cada espera vuelve enseguida.",
    ],
    [
        "Watch for writability only while there is something to write.",
        "Vigila si se puede escribir solo mientras haya algo que escribir.",
    ],
    "poll(2), POLLOUT; epoll_ctl(2), EPOLL_CTL_MOD; src/server/drivers/epoll.rs, `flush_dirty`",
);

pub(super) const WRONG_NAME: Lesson = lesson(
    ["some lines bear a wrong name, or none", "algunas líneas llevan un nombre equivocado, o ninguno"],
    [
        "The name is kept in a variable that all clients share, or it is looked up by a number that now belongs to \
         another client, or one of the ways to send a line leaves it out.",
        "El nombre está en una variable común a todos los clientes, o se busca con un número que ya es de otro cliente, \
         o uno de los caminos por los que se envía una línea lo omite.",
    ],
    [
        "Keep the name with the client's connection, and make the whole line in one place before it is sent.",
        "Guarda el nombre junto a la conexión del cliente y forma la línea entera en un solo sitio antes de enviarla.",
    ],
    "src/chat/room/conversation.rs",
);
