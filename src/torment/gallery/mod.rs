//! The gallery: servers that are broken on purpose, each by one classic mistake in its purest form.
//!
//! They are exercises: start one (`tertulia gallery NAME`), talk with it, torment it, find the mistake and fix it. What
//! they do right is in [`parts`] and [`event_loop`], so that each file shows little more than its mistake. The module
//! doc of each file describes the symptom as users would; the cure is folded away below it.
//!
//! ```console
//! $ cargo install --path . --features gallery
//! $ tertulia gallery                          # lists the servers
//! $ tertulia gallery blocking-write --cure    # how to fix this one
//! $ tertulia torment --only split-line,half-close,stuck-reader -- tertulia gallery blocking-write :{port}
//! split-line          pass      0.1 s
//! half-close          pass      0.2 s
//! stuck-reader        FAIL      5.0 s
//!    while a client does not read, no line arrived at anybody for 4.0 s; when it
//!    read again, all went on
//!
//! Fix this first: a client that does not read makes all others wait
//!    Shown by stuck-reader.
//!    Healthy: One client floods, and another does not read at all. The others talk
//!             on, and the server's memory does not grow with the pending lines.
//!    Usually: A write to it blocks when its socket is full, and the writer (the
//!             loop, a broadcaster, each sender's thread, a full channel) serves
//!             nobody else meanwhile. Never wait for one client: use non-blocking
//!             writes and a bounded queue for each, and disconnect a client whose
//!             queue stays full.
//!    Read on: send(2), socket(7); Stevens, UNIX Network Programming, ch. 16;
//!             src/chat/connections/outbox.rs, src/chat/connections/backpressure.rs
//!
//! Score: 2 of 3 (seed 77873)
//! ```

pub(crate) mod blocking_print;
pub(crate) mod blocking_write;
pub(crate) mod descriptor_spin;
pub(crate) mod echo;
pub(crate) mod error_ends_server;
pub(crate) mod event_loop;
pub(crate) mod framing_by_recv;
pub(crate) mod lock_across_write;
pub(crate) mod one_accept;
pub(crate) mod one_read;
pub(crate) mod parts;
pub(crate) mod pauses_everybody;
pub(crate) mod short_write;
pub(crate) mod slow_accept;
pub(crate) mod stale_token;
pub(crate) mod unbounded_line;
pub(crate) mod unbounded_queue;
pub(crate) mod write_all;

use super::Cause;
use crate::text::Bilingual;
use std::io;
use std::net::TcpListener;

/// A broken server.
pub struct Exhibit {
    /// As `tertulia gallery` takes it.
    pub name: &'static str,
    /// The cause that torments must find.
    pub cause: Cause,
    /// The source of its file.
    source: &'static str,
    /// What users complain about, and how to repair it, in Spanish.
    in_spanish: [&'static str; 2],
    /// Serves until something fails.
    pub serve: fn(TcpListener) -> io::Result<()>,
}

impl Exhibit {
    /// What users complain about.
    pub fn symptom(&self) -> Bilingual {
        let (symptom, _) = self.page(|line| line.starts_with("<details>"));
        Bilingual { en: symptom.into(), es: self.in_spanish[0].into() }
    }

    /// How to repair it.
    pub fn cure(&self) -> Bilingual {
        let (_, rest) = self.page(|line| line.starts_with("<details>"));
        let cure = rest.replace("</details>", "").trim().to_owned();
        Bilingual { en: cure.into(), es: self.in_spanish[1].into() }
    }

    /// The module doc of its file, before and after a border line.
    fn page(&self, is_border: impl Fn(&str) -> bool) -> (String, String) {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let lines: Vec<&str> = lines.collect();
        let border = lines.iter().position(|line| is_border(line)).unwrap_or(lines.len());
        let after = lines.get(border + 1..).unwrap_or_default();
        (lines[..border].join(" ").trim().to_owned(), after.join(" ").trim().to_owned())
    }
}

macro_rules! exhibits {
    ($($name:literal $module:ident $cause:ident $symptom:literal $cure:literal;)+) => {
        &[$(Exhibit {
            name: $name,
            cause: Cause::$cause,
            source: include_str!(concat!(stringify!($module), ".rs")),
            in_spanish: [$symptom, $cure],
            serve: $module::serve,
        }),+]
    };
}

/// All of them, with their texts in Spanish. The English ones are the first lines of each file.
pub const EXHIBITS: &[Exhibit] = exhibits! {
    "framing-by-recv" framing_by_recv FramingByRead
        "Las líneas escritas a mano llegan. Pero de vez en cuando un mensaje llega en dos mitades, cada una con el \
         nombre del emisor delante, o dos mensajes llegan como uno."
        "Una lectura devuelve los bytes que han llegado hasta ese momento. Guarda los bytes de cada cliente en un \
         búfer (`Lines`) y reenvía solo líneas enteras.";
    "one-accept" one_accept OneAcceptPerEdge
        "Funciona si la gente se conecta de uno en uno. Cuando varios se conectan en el mismo momento, entra uno, y \
         los demás están conectados pero esperan hasta que se conecte alguien más."
        "El sondeo de mio funciona por flanco: un solo evento puede representar muchas conexiones. Llama a `accept` \
         en un bucle hasta que devuelva `WouldBlock`.";
    "one-read" one_read OneReadPerEdge
        "Las líneas cortas funcionan. Cuando alguien pega un texto largo, solo llega el principio; el resto llega \
         cuando el mismo emisor envía algo más."
        "El sondeo de mio funciona por flanco: no vuelve a avisar de que queda algo por leer. Lee en un bucle hasta \
         obtener `WouldBlock`.";
    "blocking-write" blocking_write BlockingWrite
        "Alguien detiene un cliente con Ctrl-Z, y al cabo de un rato no le llega ninguna línea a nadie. Después de \
         `fg` el chat sigue."
        "Los sockets son bloqueantes, así que el bucle espera al que está lleno. Hazlos no bloqueantes, guarda lo \
         que no toman en un búfer de salida por cliente (`Outbox`) y desconecta al cliente cuyo búfer crezca \
         demasiado.";
    "lock-across-write" lock_across_write LockAcrossWrite
        "Alguien cierra un portátil, y un minuto después nadie puede hablar, conectarse ni irse."
        "`write_all` se bloquea en un cliente que no lee, y entretanto el hilo mantiene el cerrojo. Pon la línea en \
         una cola por cliente (`Queue`) y deja que escriba otro hilo. O copia la lista, escribe después de soltar el \
         cerrojo y, aun así, no esperes nunca a un solo cliente.";
    "write-all" write_all WouldBlockIsAnError
        "El servidor funciona durante semanas. Un día la red de alguien va lenta un momento, y el servidor termina \
         para todos: \"Resource temporarily unavailable\"."
        "`write_all` en un socket no bloqueante falla con `WouldBlock` cuando el socket está lleno, y para entonces \
         ya ha escrito una parte. Guarda el resto en un búfer de salida por cliente y continúa cuando el socket \
         admita más.";
    "pauses-everybody" pauses_everybody PausesEverybody
        "La memoria sigue siendo poca y nadie pierde una línea. Pero cuando alguien con una red lenta pide la ayuda \
         mil veces, las líneas de todos tardan segundos, incluso entre dos clientes que no tienen nada que ver."
        "Mientras el búfer de salida de un cliente es largo, el bucle no lee de nadie. Cuenta lo que cada cliente ha \
         hecho enviar últimamente y deja de leer de los que han causado mucho. Así se atiende enseguida al cliente \
         que dice poco.";
    "short-write" short_write ShortWriteDropped
        "En el aula funciona todo. Por una conexión lenta, un cliente recibe líneas a las que les falta el centro, y \
         otras líneas no las recibe."
        "`write` devuelve cuántos bytes ha tomado. Pueden ser menos de los que se le dieron, o ninguno. Guarda el \
         resto en un búfer de salida por cliente y continúa cuando el socket admita más.";
    "error-ends-server" error_ends_server ClientErrorEndsServer
        "Cuando se cuelga el ordenador de alguien, o alguien simplemente mata un cliente, el servidor termina para \
         todos: \"Connection reset by peer\"."
        "Un error de una conexión solo afecta a esa conexión. Ciérrala y sigue. De `serve` solo deben salir los \
         errores del sondeo y del socket de escucha.";
    "stale-token" stale_token StaleEvent
        "Muy de vez en cuando se desconecta enseguida a un usuario que acaba de conectarse. Ocurre en días de mucho \
         uso, cuando otro usuario se va en el mismo momento."
        "Una clave del slab se vuelve a usar cuando en el lote aún puede haber eventos de su dueño anterior. Quita y \
         acepta clientes solo después del lote, o da a cada cliente un número que no se reutilice nunca.";
    "descriptor-spin" descriptor_spin DescriptorSpin
        "Cuando hay muchísimos clientes conectados, un procesador está al 100 %, y no hay ningún mensaje de error."
        "Cuando no quedan descriptores, `accept` falla enseguida y la conexión sigue en la cola, así que la llamada \
         siguiente falla igual de rápido. Duerme un poco antes de intentarlo otra vez.";
    "unbounded-queue" unbounded_queue UnboundedQueue
        "Nadie tiene que esperar nunca. Pero algunas noches la memoria del servidor crece un gigabyte, y entonces el \
         kernel lo mata."
        "La cola de un cliente que no lee crece sin fin. Pon un límite a cada cola. Cuando esté llena, haz esperar a \
         los emisores y desconecta al cliente que no lee.";
    "unbounded-line" unbounded_line UnboundedLine
        "El servidor se queda sin memoria, y el registro no muestra nada: nadie ha enviado una línea."
        "`read_until` acumula bytes hasta que llega un fin de línea, y un cliente puede no enviarlo nunca. Fija una \
         longitud máxima (`Read::take` ayuda) y cierra al cliente que la supere.";
    "echo" echo EchoesToSender
        "Todos ven sus propias líneas dos veces: al escribirlas y cuando les vuelven."
        "Excluye al emisor cuando envíes una línea a los clientes.";
    "blocking-print" blocking_print BlockingPrint
        "El chat se detiene para todos hasta que alguien pulsa Ctrl-Q en la terminal del servidor, o cierra el \
         paginador que muestra su registro."
        "La salida estándar puede ser más lenta que el chat, o estar bloqueada. Imprime desde otro hilo con una cola \
         limitada, o haz que la salida estándar no bloquee, y cuenta las líneas que se pierden.";
    "slow-accept" slow_accept SlowToAccept
        "Dos clientes pueden hablar enseguida. Pero cuando se conecta una clase de treinta, el último espera medio \
         minuto."
        "El bucle de accept duerme entre dos conexiones para ahorrar procesador. Pero `accept` se bloquea hasta que \
         llega una conexión, y eso no cuesta nada: quita esa pausa.";
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;

    #[test]
    fn each_page_states_a_symptom_and_hides_a_cure() {
        for exhibit in EXHIBITS {
            let (symptom, cure) = (exhibit.symptom(), exhibit.cure());
            for text in [&symptom, &cure] {
                assert!(text.differs(), "{}: {text:?}", exhibit.name);
                assert!(Lang::ALL.iter().all(|lang| text.is_a_sentence(*lang)), "{}: {text:?}", exhibit.name);
                assert!(text.en.len() > 40 && !text.en.contains('<'), "{}: {text:?}", exhibit.name);
            }
            assert!(!symptom.en.contains(&*cure.en), "{}", exhibit.name);
            // Short enough for an exercise.
            assert!((30..=110).contains(&exhibit.source.lines().count()), "{}", exhibit.name);
        }
    }
}
