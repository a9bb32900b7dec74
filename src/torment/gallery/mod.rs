//! The gallery: servers that are broken on purpose, each by one classic mistake in its purest form.
//!
//! They are exercises: start one by its number, talk with it, torment it, find the mistake and fix it. There are two
//! servers without mistakes, [`event_loop`] and [`threads`], made of [`parts`]. Each exhibit replaces one step of one of
//! them, so its file shows that step and nothing else. It begins with the symptom as users would describe it, and does not
//! name the mistake: that is in the table below.
//!
//! ```console
//! $ cargo install --path . --features gallery
//! $ tertulia gallery                  # lists the servers by their symptoms
//! $ tertulia gallery 5 --cure         # how to fix this one, and the lines that differ
//! $ tertulia gallery 5 --cured :9000  # runs it without its mistake
//! $ tertulia gallery --names          # for teachers: the mistakes
//! $ tertulia torment --only split-line,half-close,stuck-reader -- tertulia gallery 5 :{port}
//! ```

pub(crate) mod difference;
pub(crate) mod event_loop;
pub(crate) mod exhibit_01;
pub(crate) mod exhibit_02;
pub(crate) mod exhibit_03;
pub(crate) mod exhibit_04;
pub(crate) mod exhibit_05;
pub(crate) mod exhibit_06;
pub(crate) mod exhibit_07;
pub(crate) mod exhibit_08;
pub(crate) mod exhibit_09;
pub(crate) mod exhibit_10;
pub(crate) mod exhibit_11;
pub(crate) mod exhibit_12;
pub(crate) mod exhibit_13;
pub(crate) mod exhibit_14;
pub(crate) mod exhibit_15;
pub(crate) mod exhibit_16;
pub(crate) mod exhibit_17;
pub(crate) mod parts;
pub(crate) mod threads;

pub use difference::Line;

use super::Cause;
use crate::text::Bilingual;
use std::io;
use std::net::TcpListener;

/// A broken server.
pub struct Exhibit {
    /// As users and students know it.
    pub number: usize,
    /// As teachers may call it: it says what the mistake is.
    pub name: &'static str,
    /// The cause that torments must find.
    pub cause: Cause,
    /// How to repair it.
    pub cure: Bilingual,
    symptom_es: &'static str,
    /// Its file, and that of the server which it changes.
    sources: [&'static str; 2],
    /// Serves until something fails.
    pub serve: fn(TcpListener) -> io::Result<()>,
    /// The same without the mistake.
    pub serve_cured: fn(TcpListener) -> io::Result<()>,
}

impl Exhibit {
    /// What users complain about. The English text is the first lines of its file.
    pub fn symptom(&self) -> Bilingual {
        let lines = self.sources[0].lines().map_while(|line| line.strip_prefix("//! "));
        let en = lines.collect::<Vec<_>>().join(" ");
        Bilingual { en: en.into(), es: self.symptom_es.into() }
    }

    /// The step that it replaces, line by line beside the right one.
    pub fn difference(&self) -> Vec<Line> {
        difference::lines(self.sources[0], self.sources[1])
    }

    /// Its file in the repository.
    pub fn path(&self) -> String {
        format!("src/torment/gallery/exhibit_{:02}.rs", self.number)
    }
}

macro_rules! exhibits {
    ($($number:literal $module:ident $server:ident $name:literal $cause:ident
       $symptom_es:literal $cure:literal $cure_es:literal;)+) => {
        &[$(Exhibit {
            number: $number,
            name: $name,
            cause: Cause::$cause,
            cure: Bilingual::new($cure, $cure_es),
            symptom_es: $symptom_es,
            sources: [
                include_str!(concat!(stringify!($module), ".rs")),
                include_str!(concat!(stringify!($server), ".rs")),
            ],
            serve: $module::serve,
            serve_cured: |listener| $server::serve(listener, $server::HEALTHY),
        }),+]
    };
}

/// All of them. The symptoms that anybody notices come first, and those that need a crowd or bad luck last.
pub const EXHIBITS: &[Exhibit] = exhibits! {
    1 exhibit_01 threads "echo" EchoesToSender
        "Todos ven sus propias líneas dos veces: al escribirlas y cuando les vuelven."
        "Leave out the sender when you send a line to the clients."
        "Excluye al emisor cuando envíes una línea a los clientes.";
    2 exhibit_02 threads "slow-accept" SlowToAccept
        "Dos clientes pueden hablar enseguida. Pero cuando se conecta una clase de treinta, el último espera medio \
         minuto."
        "The accept loop sleeps between two connections, to save processor time. But `accept` blocks until a connection \
         arrives, and that costs nothing: remove the sleep."
        "El bucle de accept duerme entre dos conexiones para ahorrar procesador. Pero `accept` se bloquea hasta que \
         llega una conexión, y eso no cuesta nada: quita esa pausa.";
    3 exhibit_03 event_loop "framing-by-recv" FramingByRead
        "Las líneas escritas a mano llegan. Pero de vez en cuando un mensaje llega en dos mitades, cada una con el \
         nombre del emisor delante, o dos mensajes llegan como uno."
        "A read returns the bytes that have arrived so far. Keep each client's bytes in a buffer (`Lines`), and relay \
         only whole lines."
        "Una lectura devuelve los bytes que han llegado hasta ese momento. Guarda los bytes de cada cliente en un \
         búfer (`Lines`) y reenvía solo líneas enteras.";
    4 exhibit_04 event_loop "error-ends-server" ClientErrorEndsServer
        "Cuando se cuelga el ordenador de alguien, o alguien simplemente mata un cliente, el servidor termina para \
         todos: \"Connection reset by peer\"."
        "An error of a connection concerns that connection only. Close it and go on. Only errors of the poll and the \
         listener should end the server."
        "Un error de una conexión solo afecta a esa conexión. Ciérrala y sigue. Solo deben terminar el servidor los \
         errores del sondeo y del socket de escucha.";
    5 exhibit_05 threads "lock-across-write" LockAcrossWrite
        "Alguien cierra un portátil, y un minuto después nadie puede hablar, conectarse ni irse."
        "`write_all` blocks on a client that does not read, and the thread holds the lock meanwhile. Put the line in a \
         queue for each client (`Queue`), and let another thread write. Or copy the list, write after unlocking it, and \
         even then never wait for one client."
        "`write_all` se bloquea en un cliente que no lee, y entretanto el hilo mantiene el cerrojo. Pon la línea en \
         una cola por cliente (`Queue`) y deja que escriba otro hilo. O copia la lista, escribe después de soltar el \
         cerrojo y, aun así, no esperes nunca a un solo cliente.";
    6 exhibit_06 event_loop "one-read" OneReadPerEdge
        "Las líneas cortas funcionan. Cuando alguien pega un texto largo, solo llega el principio; el resto llega \
         cuando el mismo emisor envía algo más."
        "mio's poll is edge-triggered: it does not report again that there is more to read. Read in a loop until \
         `WouldBlock`, or remember that there may be more."
        "El sondeo de mio funciona por flanco: no vuelve a avisar de que queda algo por leer. Lee en un bucle hasta \
         obtener `WouldBlock`, o recuerda que puede quedar algo.";
    7 exhibit_07 threads "unbounded-line" UnboundedLine
        "El servidor se queda sin memoria, y el registro no muestra nada: nadie ha enviado una línea."
        "`read_until` collects bytes until a line end arrives, and a client may never send one. Set a longest line \
         (`Read::take` helps, too), and close a client that exceeds it."
        "`read_until` acumula bytes hasta que llega un fin de línea, y un cliente puede no enviarlo nunca. Fija una \
         longitud máxima (`Read::take` también ayuda) y cierra al cliente que la supere.";
    8 exhibit_08 event_loop "blocking-print" BlockingPrint
        "El chat se detiene para todos hasta que alguien pulsa Ctrl-Q en la terminal del servidor, o cierra el \
         paginador que muestra su registro."
        "stdout may be slower than the chat, or blocked. Print from a separate thread with a bounded queue, or make \
         stdout non-blocking, and accept that lines are lost."
        "La salida estándar puede ser más lenta que el chat, o estar bloqueada. Imprime desde otro hilo con una cola \
         limitada, o haz que la salida estándar no bloquee, y acepta que se pierdan líneas.";
    9 exhibit_09 event_loop "one-accept" OneAcceptPerEdge
        "Funciona si la gente se conecta de uno en uno. Cuando varios se conectan en el mismo momento, entra uno, y \
         los demás están conectados pero esperan hasta que se conecte alguien más."
        "mio's poll is edge-triggered: one event may stand for many connections. Call `accept` in a loop until it \
         returns `WouldBlock`."
        "El sondeo de mio funciona por flanco: un solo evento puede representar muchas conexiones. Llama a `accept` \
         en un bucle hasta que devuelva `WouldBlock`.";
    10 exhibit_10 event_loop "short-write" ShortWriteDropped
        "En el aula funciona todo. Por una conexión lenta, un cliente recibe líneas a las que les falta el centro, y \
         otras líneas no las recibe."
        "`write` returns how many bytes it took. That may be fewer than it was given, or none. Keep the rest in an \
         outbox for each client, and continue when the socket is writable."
        "`write` devuelve cuántos bytes ha tomado. Pueden ser menos de los que se le dieron, o ninguno. Guarda el \
         resto en un búfer de salida por cliente y continúa cuando el socket admita más.";
    11 exhibit_11 threads "unbounded-queue" UnboundedQueue
        "Nadie tiene que esperar nunca. Pero algunas noches la memoria del servidor crece un gigabyte, y entonces el \
         kernel lo mata."
        "The queue of a client that does not read grows for ever. When much of a sender is pending in a queue, make \
         that sender wait a moment. Then disconnect the client if it has taken nothing."
        "La cola de un cliente que no lee crece sin fin. Cuando en una cola haya mucho de un emisor, haz que \
         ese emisor espere un momento. Después desconecta al cliente si no ha tomado nada.";
    12 exhibit_12 event_loop "no-budget" Unfair
        "Alguien envía un fichero grande al chat. Hasta que termina de pasar, los demás no pueden hablar."
        "The loop reads from one client, in small pieces, until nothing is left. A client that sends without pause always \
         has something left. Read a few times at most, remember that there may be more, and serve the others first."
        "El bucle lee de un cliente, a trozos pequeños, hasta que no queda nada. A un cliente que envía sin pausa siempre \
         le queda algo. Lee unas pocas veces como mucho, recuerda que puede quedar algo y atiende antes a los demás.";
    13 exhibit_13 event_loop "blocking-write" BlockingWrite
        "Alguien detiene un cliente con Ctrl-Z, y al cabo de un rato no le llega ninguna línea a nadie. Después de \
         `fg` el chat sigue."
        "The loop waits for the one socket that is full, as it would if the socket were in blocking mode. Keep what a \
         socket does not take in an outbox for each client (`Outbox`), and disconnect a client whose outbox grows too \
         long."
        "El bucle espera al único socket que está lleno, como si el socket fuera bloqueante. Guarda lo que un socket no \
         toma en un búfer de salida por cliente (`Outbox`) y desconecta al cliente cuyo búfer crezca demasiado.";
    14 exhibit_14 threads "descriptor-spin" DescriptorSpin
        "Cuando hay muchísimos clientes conectados, un procesador está al 100 %, y no hay ningún mensaje de error."
        "When no descriptors are left, `accept` fails at once, and the connection stays in the queue, so the next call \
         fails just as fast. Sleep a little before trying again."
        "Cuando no quedan descriptores, `accept` falla enseguida y la conexión sigue en la cola, así que la llamada \
         siguiente falla igual de rápido. Duerme un poco antes de intentarlo otra vez.";
    15 exhibit_15 event_loop "write-all" WouldBlockIsAnError
        "El servidor funciona durante semanas. Un día la red de alguien va lenta un momento, y el servidor termina \
         para todos: \"Resource temporarily unavailable\"."
        "`write_all` on a non-blocking socket fails with `WouldBlock` when the socket is full, and has written a part by \
         then. Keep the rest in an outbox for each client, and continue when the socket is writable."
        "`write_all` en un socket no bloqueante falla con `WouldBlock` cuando el socket está lleno, y para entonces \
         ya ha escrito una parte. Guarda el resto en un búfer de salida por cliente y continúa cuando el socket \
         admita más.";
    16 exhibit_16 event_loop "pauses-everybody" PausesEverybody
        "La memoria sigue siendo poca y nadie pierde una línea. Pero cuando alguien con una red lenta pide la ayuda \
         mil veces, las líneas de todos tardan segundos, incluso entre dos clientes que no tienen nada que ver."
        "While the outbox of one client is long, the loop reads from nobody. Count what each client has caused to be sent \
         lately, and stop reading from those that have caused much. A client that says little is then heard at once."
        "Mientras el búfer de salida de un cliente es largo, el bucle no lee de nadie. Cuenta lo que cada cliente ha \
         hecho enviar últimamente y deja de leer de los que han causado mucho. Así se atiende enseguida al cliente \
         que dice poco.";
    17 exhibit_17 event_loop "stale-token" StaleEvent
        "Muy de vez en cuando se desconecta enseguida a un usuario que acaba de conectarse. Ocurre en días de mucho \
         uso, cuando otro usuario se va en el mismo momento."
        "A number is given again while events for its former owner may still be in the batch. Give each client a number \
         that is never used again. Or remove and accept clients only after the batch, as with a slab or an array of \
         clients."
        "Un número se vuelve a dar cuando en el lote aún puede haber eventos de su dueño anterior. Da a cada cliente un \
         número que no se reutilice nunca. O quita y acepta clientes solo después del lote, como con un slab o un array \
         de clientes.";
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn each_exhibit_has_a_number_a_symptom_and_a_cure() {
        for (exhibit, number) in EXHIBITS.iter().zip(1..) {
            assert_eq!(exhibit.number, number, "{}", exhibit.name);
            assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(exhibit.path()).exists());
            for text in [&exhibit.symptom(), &exhibit.cure] {
                assert!(text.differs(), "{}: {text:?}", exhibit.name);
                assert!(Lang::ALL.iter().all(|lang| text.is_a_sentence(*lang)), "{}: {text:?}", exhibit.name);
                assert!(text.en.len() > 40, "{}: {text:?}", exhibit.name);
            }
        }
    }

    #[test]
    fn each_exhibit_replaces_one_step_by_a_wrong_one() {
        for exhibit in EXHIBITS {
            let (name, [source, server]) = (exhibit.name, exhibit.sources);
            let functions: Vec<&str> = source.lines().filter(|line| line.starts_with("fn ")).collect();
            let step = functions[0][3..].split('(').next().unwrap_or_default();
            assert_eq!(functions.len(), 1, "{name}");
            assert!(source.contains(&format!("Steps {{ {step}, ..HEALTHY }}")), "{name}");
            let lines = exhibit.difference();
            let differing = lines.iter().filter(|line| !matches!(line, Line::Both(_))).count();
            assert!((1..=20).contains(&differing), "{name}: {lines:#?}");
            // Both say the same of what the step has to do, so that the exhibit's file gives nothing away.
            let doc = |source: &'static str| {
                let (before, _) = source.split_once(&format!("\nfn {step}(")).expect(name);
                before.lines().rev().take_while(|line| line.starts_with("///")).collect::<Vec<_>>()
            };
            assert_eq!(doc(source), doc(server), "{name}");
            assert!(!source.contains(name), "{name}");
        }
    }
}
