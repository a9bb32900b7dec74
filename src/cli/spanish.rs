//! The Spanish texts of the command line. The English ones are the doc comments of the commands and flags.
//!
//! Values and defaults are not written here: [`translation`](super::translation) adds them.

/// The text of a command (`serve`, with no name), of its argument or flag (`serve --mode`), or of a value of that
/// (`serve --framing raw`).
pub(super) fn text(command: &str, name: &str) -> Option<&'static str> {
    let own = format!("{command} {name}");
    find(TEXTS, own.trim()).or_else(|| find(TEXTS, name).filter(|_| !name.is_empty()))
}

/// What stands for a value in usage and help: `FILE`. A word that is not known stays as it is.
pub(super) fn value_name(english: &str) -> String {
    find(VALUE_NAMES, english).unwrap_or(english).to_owned()
}

fn find(table: &[(&str, &'static str)], key: &str) -> Option<&'static str> {
    table.iter().find(|(known, _)| *known == key).map(|(_, text)| *text)
}

/// A flag without a command means the same in all commands. The first paragraph is what `-h` shows.
#[rustfmt::skip]
pub(super) const TEXTS: &[(&str, &str)] = &[
    ("", "Un chat en grupo por TCP, con varias formas de esperar a los clientes\n\n\
        El servidor usa un hilo que espera a todos los sockets (--mode epoll), un hilo por cliente (--mode threaded) u otro modo: \
        consulta `tertulia serve --help`. Se puede entrar con nc, ncat o telnet; `tertulia join` es más cómodo."),
    ("help", "Muestra esta ayuda o la de una orden"),
    ("--help", "Muestra la ayuda"),
    ("--version", "Muestra la versión"),
    ("--lang", "Idioma de los mensajes, la ayuda y las páginas [por defecto: el de LC_ALL, LC_MESSAGES o LANG]"),
    ("--lang en", "Inglés"),
    ("--lang es", "Español"),
    ("--color", "Cuándo usar colores; con `auto`, NO_COLOR los quita"),
    ("--verbose", "Escribe más diagnósticos en stderr: -v los sucesos, -vv también los problemas de cada conexión"),
    ("--log", "Nivel de los diagnósticos en stderr, en general o por módulo: `debug`, o `info,tertulia::server=trace`"),
    ("--json", "Escribe el resultado en JSON"),
    ("--addr", "La misma dirección como opción: EQUIPO:PUERTO, EQUIPO, :PUERTO o unix:RUTA [por defecto: 127.0.0.1:8889]"),
    ("ADDR", "EQUIPO:PUERTO, EQUIPO, :PUERTO o unix:RUTA [por defecto: 127.0.0.1:8889]"),
    ("PORT", "El puerto, como segundo argumento"),
    ("--login", "Líneas que cada cliente envía primero, con \\n entre ellas; una n entre llaves es el número del cliente"),
    ("--eol", "Fin de línea que envían los clientes"),
    ("--eol lf", "Un salto de línea"),
    ("--eol crlf", "Un retorno de carro y un salto de línea"),

    ("serve", "Inicia el servidor\n\n\
        Escribe en stdout una línea por suceso: quién entra, quién habla y quién se va. En un terminal acepta órdenes: \
        escribe :help. Ctrl-C o SIGTERM cierran el servidor; SIGHUP vuelve a abrir el historial; SIGUSR1 escribe los recuentos."),
    ("serve --listen", "Escucha también ahí; dala una vez por dirección\n\n\
        EQUIPO:PUERTO, EQUIPO, :PUERTO o unix:RUTA; varias se separan con comas. Sin ADDR el servidor escucha solo en estas. Quien llega por un socket Unix cuenta \
        para --max-per-address y para los vetos por su usuario, como uid:1000"),
    ("serve --mode", "Cómo espera el servidor a sus clientes"),
    ("serve --spin", "Microsegundos de espera activa antes de dormir\n\n\
        Funciona en los modos con un hilo para todos los sockets. El servidor responde antes si tiene un núcleo para él solo, pero \
        lo mantiene ocupado mientras hay tráfico. Basta con 50"),
    ("serve --max-clients", "Número de plazas: cuántos clientes caben a la vez en la sala"),
    ("serve --when-full", "Qué ocurre con un cliente nuevo cuando no quedan plazas"),
    ("serve --when-full refuse", "Se le dice que la sala está llena y se le desconecta"),
    ("serve --when-full wait", "Espera en la cola del núcleo hasta que haya una plaza libre"),
    ("serve --max-line", "Longitud máxima de una línea en bytes, sin el fin de línea"),
    ("serve --rate", "Líneas por segundo de cada cliente; las demás se leen más tarde [por defecto: sin límite]"),
    ("serve --idle", "Minutos de silencio que cuestan la plaza a un cliente [por defecto: sin límite]\n\n\
        Antes se le avisa"),
    ("serve --max-per-address", "Número de clientes que pueden venir de una misma dirección [por defecto: sin límite]"),
    ("serve --password-file", "Solo deja entrar a quien diga la contraseña de este archivo\n\n\
        La contraseña es la primera línea del archivo, o el valor de TERTULIA_PASSWORD. Quien llega tiene tres intentos y 30 segundos; \
        los fallos hacen esperar a su dirección. Sin TLS, la contraseña se puede oír en la red"),
    ("serve --tls", "Cifra con TLS todas las conexiones de la red\n\n\
        Se crean una sola vez un certificado y su clave, y se guardan en el directorio de estado: en tls.pem dentro de \
        ~/.local/state/tertulia, o donde digan XDG_STATE_HOME o STATE_DIRECTORY. Al empezar se muestra su huella: quien entra la \
        compara. Los sockets Unix siguen sin cifrar"),
    ("serve --tls-cert", "Certificado que usar en su lugar, y detrás los que responden de él; PEM\n\n\
        Activa --tls. SIGHUP lo lee de nuevo, y también la clave: los que lleguen reciben el nuevo"),
    ("serve --tls-key", "Clave del certificado, si no está en el mismo archivo; PEM"),
    ("serve --operator-password-file", "Quien diga `:op` y la contraseña de este archivo está a cargo\n\n\
        La contraseña es la primera línea del archivo. Quien está a cargo puede expulsar a otros, silenciarlos, vetar sus direcciones \
        y cerrar el servidor: `:help` dice cómo. Tras varias contraseñas erróneas, su dirección tiene que esperar"),
    ("serve --bans", "Guarda en este archivo qué direcciones están vetadas\n\n\
        Un veto por línea, para que duren más que el servidor. Quien está a cargo veta una dirección con `:ban`"),
    ("serve --room", "Comparte la sala con otros servidores, con este registro en Redis\n\n\
        redis://EQUIPO:PUERTO/BD/NOMBRE, donde PUERTO y BD se pueden omitir, con USUARIO:CONTRASEÑA@ delante del equipo si Redis lo pide; entonces mejor en TERTULIA_ROOM, que otros \
        usuarios no ven. Todos los servidores con el mismo registro tienen una sola sala. El registro es un stream de Redis 7 o posterior, o de Valkey"),
    ("serve --metrics", "Responde a Prometheus en esta dirección con lo que cuenta el servidor\n\n\
        Es HTTP sin cifrar y no pide contraseña: elige una dirección a la que solo llegue quien deba"),
    ("serve --framing", "Cómo se dividen en mensajes los bytes recibidos"),
    ("serve --framing line", "Cada línea es un mensaje"),
    ("serve --framing raw", "Cada lectura es un mensaje, como en el programa original de 2018"),
    ("serve --history", "Guarda un historial en este archivo y muestra sus últimas líneas a los clientes nuevos\n\n\
        El archivo recibe una línea de JSON por suceso. Lo escribe un hilo aparte, así que un disco lento no retrasa a nadie"),
    ("serve --replay", "Número de líneas del historial que recibe un cliente nuevo"),
    ("serve --quiet", "No escribe la transcripción en stdout, y en stderr solo avisos"),
    ("serve --color", "Cuándo usar colores en stdout; con `auto`, NO_COLOR los quita"),
    ("serve --explain", "Explica en stderr cada paso del servidor cuando ocurre"),
    ("serve --slow", "Milisegundos de pausa tras cada paso, que se explica como con --explain, para que el público adivine el siguiente"),
    ("serve --trace", "Archivo donde grabar cada paso, para `tertulia trace view`, ui.perfetto.dev o chrome://tracing"),

    ("join", "Entra en un chat\n\n\
        En un terminal, las líneas nuevas aparecen encima de la que se escribe, Tab completa nombres y órdenes, y `:q` sale. En una \
        tubería, el cliente envía cada línea de stdin y escribe las líneas que recibe como texto simple. Después del fin de stdin \
        escribe las líneas que aún llegan."),
    ("join --nick", "Nombre que usar en el chat"),
    ("join --tls", "Cifra la conexión con TLS\n\n\
        En la primera visita se recuerda el certificado del servidor, en known-servers dentro de ~/.local/state/tertulia o donde diga \
        XDG_STATE_HOME. Si más tarde el servidor tiene otro, no se entra"),
    ("join --tls-fingerprint", "Huella que debe tener el certificado del servidor: el SHA-256 en hexadecimal; activa --tls"),
    ("join --tls-ca", "Archivo con los certificados que deben responder del servidor y de su nombre; PEM; activa --tls"),
    ("join --tls-forget", "Olvida qué certificado tenía el servidor y recuerda el que tiene ahora; activa --tls"),
    ("join --password-file", "Archivo con la contraseña de la sala, para cuando la pida el servidor\n\n\
        La contraseña es la primera línea del archivo, o el valor de TERTULIA_PASSWORD. Sin ella, en un terminal se te pregunta"),
    ("join --reconnect", "Vuelve a conectarse si se pierde la conexión; solo en un terminal\n\n\
        Las pausas entre los intentos crecen. La línea que se está escribiendo se conserva"),

    ("bench", "Mide un servidor de chat bajo carga\n\n\
        Sin --addr inicia su propio servidor en cada modo y los mide todos. Con --addr mide cualquier servidor que reenvíe cada \
        línea a los demás clientes, por ejemplo `ncat -l --chat`."),
    ("bench --addr", "Mide este servidor en marcha en lugar del de tertulia\n\n\
        Dala más de una vez para servidores que tienen una sola sala: los clientes van a cada uno por turno"),
    ("bench --mode", "Modo del servidor de tertulia [por defecto: todos los modos]"),
    ("bench --pid", "PID del servidor en marcha, para medir lo que consume"),
    ("bench --clients", "Clientes en la sala; cada uno debe recibir todas las líneas [por defecto: 6]"),
    ("bench --talkers", "Número de clientes que hablan; los demás solo escuchan [por defecto: todos]\n\n\
        En una medición con menos clientes hablan todos"),
    ("bench --idle", "Número de clientes adicionales que solo leen y no entran en ninguna medida"),
    ("bench --line", "Longitud de una línea en bytes, con su fin de línea"),
    ("bench --window", "Lazo cerrado: número de líneas en curso a la vez por cada cliente que habla"),
    ("bench --rate", "Lazo abierto: líneas por segundo de todos los que hablan, aunque el servidor no dé abasto"),
    ("bench --duration", "Segundos que medir por servidor y número de clientes, en todas las rondas juntas"),
    ("bench --warm-up", "Segundos de calentamiento antes de medir, en todas las rondas juntas"),
    ("bench --tls", "Cifra todas las conexiones con TLS; se acepta cualquier certificado"),
    ("bench --sweep", "Números de clientes con los que medir, separados por comas [por defecto con --html: 2,6,16,64]"),
    ("bench --rounds", "Número de rondas; los servidores se turnan en cada ronda [por defecto: 1; con --html o --sweep 3]"),
    ("bench --cores", "Núcleos del servidor y del generador de carga; con `same` los resultados varían menos"),
    ("bench --cores free", "El sistema elige los núcleos"),
    ("bench --cores same", "El servidor y la carga comparten un núcleo"),
    ("bench --cores apart", "El servidor y la carga tienen un núcleo cada uno"),
    ("bench --hgrm", "Archivo para los percentiles de la latencia, en el formato de los graficadores de HdrHistogram\n\n\
        Cada servidor tiene su propio archivo, con su nombre delante de la extensión: out.hgrm pasa a ser out.epoll.hgrm"),
    ("bench --html", "Archivo para una página con gráficas, medidas con varios números de clientes; tarda medio minuto por cada modo"),

    ("compare", "Compara los modos del servidor con la misma carga y escribe una página con los resultados\n\n\
        Inicia el servidor de este programa en cada modo y le aplica la misma carga: una conversación cuyos pasos se graban, cada \
        vez más clientes, cinco escenas, cada una con una dificultad distinta, y miles de clientes callados. Tarda un minuto y medio."),
    ("compare --output", "Archivo donde escribir la página [por defecto: compare.html; con --json, ninguno]"),
    ("compare --clients", "Números de clientes con los que medir, separados por comas"),
    ("compare --modes", "Modos que comparar, separados por comas; dos al menos [por defecto: todos]"),
    ("compare --rounds", "Rondas por medición; con menos de tres no se dice que un modo sea mejor [por defecto: 5; 3 si son más de tres modos]"),
    ("compare --millis", "Milisegundos que medir por ronda"),
    ("compare --crowd", "El mayor número de clientes callados [por defecto: 9000, o cuantos permita el límite de descriptores]\n\n\
        Es también el número de clientes que se conectan a la vez en la escena storm, hasta 500"),
    ("compare --only", "No medir más que esta parte"),
    ("compare --only c10k", "Lo que cuesta una línea junto a miles de clientes callados"),

    ("trace", "Examina lo que grabó `serve --trace FILE`"),
    ("trace view", "Dibuja la grabación en una página para el navegador, en un solo archivo"),
    ("trace view FILE", "Archivo que escribió `serve --trace`"),
    ("trace view --output", "Archivo donde escribir la página"),
    ("trace calls", "Cuenta las llamadas al sistema de la grabación, como `strace -f -c`"),
    ("trace calls FILE", "Archivo que escribió `serve --trace`"),

    ("where", "Muestra en qué duerme cada hilo de un proceso\n\n\
        Sirve para cualquier programa: indícalo por su id, por su nombre o por el puerto en el que escucha. De cada hilo muestra la \
        llamada al sistema en la que duerme, y qué hay detrás del descriptor."),
    ("where PROCESS", "Id de un proceso, su nombre, o :PUERTO de un servidor"),

    ("torment", "Prueba cómo responde un servidor de chat a clientes que se portan mal\n\n\
        `tertulia torment EQUIPO:PUERTO` prueba un servidor en marcha. `tertulia torment -- ORDEN {port}` inicia un servidor nuevo \
        para cada prueba, y así también puede cambiar sus límites, sus señales y su stdout. Ambas formas sirven con cualquier \
        servidor que reenvíe cada línea a los demás clientes. El informe dice qué falló, cuál es la causa habitual y dónde leer \
        más. El código de salida es 0 solo si todo pasó, 1 si hay fallos y 3 si no se pudo probar el servidor.\n\n\
        La nota cuenta errores y no pruebas. De diez puntos, un error que deja parados a todos los clientes cuesta tres, uno que \
        perjudica a algunos, dos, y uno con el que nadie pierde nada, uno. Un error dudoso cuesta la mitad.\n\n\
        `tertulia torment --class DIRECTORIO` prueba el servidor de cada carpeta del directorio, que se inicia con `./run PUERTO`. El \
        código de salida es 0 si se pudieron probar todos y 3 si no."),
    ("torment ADDR", "Dirección de un servidor en marcha: EQUIPO:PUERTO, EQUIPO o :PUERTO [por defecto: 127.0.0.1:8889]"),
    ("torment COMMAND", "Orden que inicia el servidor; {port} en ella es el puerto"),
    ("torment --class", "Prueba el servidor de cada carpeta de este directorio y muestra una tabla; `./run PUERTO` en una carpeta inicia su servidor"),
    ("torment --csv", "Archivo para la tabla de una clase como valores separados por comas"),
    ("torment --html", "Archivo para la tabla de una clase como página"),
    ("torment --junit", "Archivo para los resultados de una clase en el formato de JUnit"),
    ("torment --login", "Líneas que cada cliente envía primero, con \\n entre ellas; una n entre llaves es el número del cliente. \
        Si el servidor pierde lo que se envía antes de que pregunte, cada línea espera a su pregunta"),
    ("torment --say", "Cómo dice un cliente una línea, que va en {line}: 'DECIR {line}', '{\"decir\": \"{line}\"}' [por defecto: {line}]"),
    ("torment --irc", "El servidor habla IRC: los clientes entran en un canal y hablan en él. Fija --login, --say y --eol"),
    ("torment --echo", "Si quien envía debe recibir sus propias líneas"),
    ("torment --echo any", "Ambas cosas son correctas"),
    ("torment --only", "Hace solo estas pruebas, separadas por comas; --list las muestra"),
    ("torment --replay", "Escribe un guion en Python que muestra lo que hace esta prueba, y termina; --login, --say y --eol van en él"),
    ("torment --list", "Muestra la lista de pruebas y termina"),
    ("torment --seed", "Semilla de los bytes al azar; la misma semilla da los mismos bytes [por defecto: la da el reloj]"),
    ("torment --time", "Factor de todos los tiempos: 2 para una máquina lenta, 0.5 para una prueba rápida"),
    ("torment --i-own-this-server", "Permite un servidor fuera de la interfaz de bucle local de esta máquina. El servidor puede romperse"),

    ("gallery", "Inicia un servidor roto a propósito, o da la lista de estos servidores\n\n\
        Los servidores son ejercicios: cada uno contiene un error clásico y figura en la lista con la queja de sus usuarios. Habla en \
        él, pruébalo con `tertulia torment` y busca el error: el archivo de la pieza 7 es src/torment/gallery/exhibit_07.rs. Después \
        compara con --cure."),
    ("gallery EXHIBIT", "Número del servidor, o su nombre según --names"),
    ("gallery ADDR", "Dirección en la que escuchar: EQUIPO:PUERTO, EQUIPO o :PUERTO [por defecto: 127.0.0.1:8889]"),
    ("gallery --cure", "Escribe cómo corregir el error y las líneas que cambian"),
    ("gallery --cured", "Inicia el servidor sin su error"),
    ("gallery --names", "Da la lista de los servidores con sus nombres y sus errores, para docentes"),

    ("unit", "Escribe una unidad de systemd que ejecuta el servidor con pocos privilegios\n\n\
        Guárdala en /etc/systemd/system/tertulia.service, y la de --socket junto a ella como tertulia.socket. Los ajustes van en \
        /etc/tertulia.env, como variables: `TERTULIA_MAX_CLIENTS=20`."),
    ("unit --mode", "Cómo espera el servidor a sus clientes"),
    ("unit --socket", "Escribe en su lugar la unidad del socket: escucha systemd, y al reiniciar no se rechaza ninguna conexión"),
    ("unit --program", "Ruta del programa [por defecto: la de este]"),

    ("completions", "Escribe un script que completa las órdenes y las opciones de tertulia en un shell"),
    ("completions SHELL", "El shell"),
    ("man", "Escribe la página del manual, para `man -l -`"),
    ("man COMMAND", "Orden cuya página se escribe, por ejemplo `trace view`"),
];

/// What stands for a value.
pub(super) const VALUE_NAMES: &[(&str, &str)] = &[
    ("ADDR", "DIRECCIÓN"),
    ("BYTES", "BYTES"),
    ("COMMAND", "ORDEN"),
    ("CORES", "NÚCLEOS"),
    ("DIR", "DIRECTORIO"),
    ("ECHO", "ECO"),
    ("EOL", "FIN"),
    ("EXHIBIT", "PIEZA"),
    ("FACTOR", "FACTOR"),
    ("FILE", "ARCHIVO"),
    ("FILTER", "FILTRO"),
    ("FINGERPRINT", "HUELLA"),
    ("FRAMING", "DIVISIÓN"),
    ("LANG", "IDIOMA"),
    ("LINE", "LÍNEA"),
    ("LINES", "LÍNEAS"),
    ("LIST", "LISTA"),
    ("MICROS", "MICROS"),
    ("MINUTES", "MINUTOS"),
    ("MILLIS", "MILIS"),
    ("MODE", "MODO"),
    ("MODES", "MODOS"),
    ("N", "N"),
    ("N,N,...", "N,N,..."),
    ("NAME", "NOMBRE"),
    ("NAMES", "NOMBRES"),
    ("PAGE", "PÁGINA"),
    ("PART", "PARTE"),
    ("PID", "PID"),
    ("PORT", "PUERTO"),
    ("PROCESS", "PROCESO"),
    ("SECONDS", "SEGUNDOS"),
    ("SHELL", "SHELL"),
    ("URL", "URL"),
    ("WHEN", "CUÁNDO"),
    ("WHEN_FULL", "QUÉ"),
];
