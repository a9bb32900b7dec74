//! What the server says on stderr to the person who runs it: errors and diagnostics, in the language of the session. What
//! the clients and the transcript get is in [`chat::messages`](crate::chat::messages).

use crate::address::Address;
use crate::chat::limits::BANS_MAX;
#[cfg(feature = "link")]
use crate::chat::link::room::Trouble;
use crate::text::errors::cause;
use crate::text::{Lang, say};
#[cfg(all(feature = "uring", target_os = "linux"))]
use rustix::io::Errno;
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;

// Why the server does not start. Each is one line: what is wrong, and what to try.

pub(super) fn no_such_address(host: &str, port: u16) -> String {
    say!(Lang::session(),
        "there is no address or name {host} on this machine; try 127.0.0.1:{port}";
        "no hay ninguna dirección ni nombre {host} en esta máquina; prueba 127.0.0.1:{port}")
}

pub(super) fn mode_does_not_work(mode: &str, why: &str, other: &str) -> String {
    say!(Lang::session(),
        "--mode {mode} does not work here: {why}; use --mode {other}";
        "--mode {mode} no funciona aquí: {why}; usa --mode {other}")
}

/// Of an instrument that goes on with the other modes.
pub(super) fn mode_left_out(why: &str) -> String {
    say!(Lang::session(), "left out: {why}"; "se omite: {why}")
}

#[cfg(feature = "link")]
pub(super) fn no_room(form: &str) -> String {
    say!(Lang::session(), "the log of a room is written {form}"; "el registro de una sala se escribe {form}")
}

#[cfg(feature = "link")]
pub(super) fn no_rediss() -> String {
    say!(Lang::session(),
        "Redis over TLS is not supported; let a tunnel such as stunnel speak TLS, and use redis:// here";
        "no se admite Redis por TLS; pon un túnel como stunnel que hable TLS, y usa redis:// aquí")
}

#[cfg(feature = "link")]
pub(super) fn cannot_find(place: &str, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang,
        "the log of the room cannot be found at {place}: {cause}; check the name of the host";
        "no se encuentra el registro de la sala en {place}: {cause}; comprueba el nombre del equipo")
}

#[cfg(feature = "link")]
pub(super) fn cannot_use_log(place: &str, name: &str, trouble: &Trouble) -> String {
    let why = trouble_with_log(trouble);
    say!(Lang::session(),
        "the room {name:?} cannot be shared through {place}: {why}";
        "no se puede compartir la sala {name:?} a través de {place}: {why}")
}

#[cfg(feature = "link")]
fn trouble_with_log(trouble: &Trouble) -> String {
    let lang = Lang::session();
    match trouble {
        Trouble::Unreachable => say!(lang,
            "nobody answers there; start Redis (`redis-server`), or check the address";
            "allí no responde nadie; arranca Redis (`redis-server`), o comprueba la dirección"),
        Trouble::NotRedis => say!(lang,
            "what answers there is not Redis; check the port";
            "lo que responde allí no es Redis; comprueba el puerto"),
        Trouble::Refused(answer)
            if ["NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR Client sent AUTH"]
                .iter()
                .any(|it| answer.starts_with(it)) =>
        {
            say!(lang,
            "Redis answers {answer:?}; write redis://USER:PASSWORD@HOST/NAME";
            "Redis responde {answer:?}; escribe redis://USUARIO:CONTRASEÑA@EQUIPO/NOMBRE")
        }
        Trouble::Refused(answer) => say!(lang, "Redis answers {answer:?}"; "Redis responde {answer:?}"),
        Trouble::TooOld(version) => say!(lang,
            "Redis {version} is too old; use Redis 7 or newer, or Valkey";
            "Redis {version} es demasiado antiguo; usa Redis 7 o posterior, o Valkey"),
        Trouble::WrongType(kind) => say!(lang,
            "the key of this name holds a {kind}, which is no stream; choose another name";
            "la clave de este nombre contiene un {kind}, que no es un stream; elige otro nombre"),
        Trouble::Foreign => say!(lang,
            "the stream of this name was written by another program; choose another name";
            "el stream de este nombre lo ha escrito otro programa; elige otro nombre"),
    }
}

/// What the server says while it runs.
#[cfg(feature = "link")]
pub(super) fn room_waits(trouble: &Trouble) -> String {
    let why = trouble_with_log(trouble);
    say!(Lang::session(),
        "the room waits for its log: {why}; the server tries again";
        "la sala espera su registro: {why}; el servidor sigue intentándolo")
}

#[cfg(feature = "link")]
pub(super) fn room_goes_on() -> String {
    say!(Lang::session(), "the log of the room can be reached again"; "se vuelve a alcanzar el registro de la sala")
}

#[cfg(all(feature = "uring", target_os = "linux"))]
pub(super) fn no_io_uring(error: &io::Error) -> String {
    let lang = Lang::session();
    match Errno::from_io_error(error) {
        Some(Errno::NOSYS) => say!(lang,
            "this kernel has no io_uring, or a container hides it";
            "este núcleo no tiene io_uring, o un contenedor lo oculta"),
        Some(Errno::PERM | Errno::ACCESS) => say!(lang,
            "this system forbids io_uring (see `sysctl kernel.io_uring_disabled`; containers often forbid it, too)";
            "este sistema prohíbe io_uring (véase `sysctl kernel.io_uring_disabled`; los contenedores también suelen \
             prohibirlo)"),
        Some(Errno::INVAL) | None => say!(lang, "it needs Linux 6.1 or newer"; "necesita Linux 6.1 o posterior"),
        Some(_) => {
            let cause = cause(lang, error);
            say!(lang, "io_uring cannot be set up: {cause}"; "no se puede preparar io_uring: {cause}")
        }
    }
}

pub(super) fn cannot_listen(place: &Address, port: u16, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    let why = match error.kind() {
        ErrorKind::AddrInUse => say!(lang,
            "{cause}; stop the program that uses it, or use another port with --addr :PORT";
            "{cause}; cierra el programa que la usa, o usa otro puerto con --addr :PUERTO"),
        ErrorKind::PermissionDenied => say!(lang,
            "{cause}; ports below 1024 are root's; use a higher one with --addr :PORT";
            "{cause}; los puertos por debajo de 1024 son de root; usa uno más alto con --addr :PUERTO"),
        ErrorKind::AddrNotAvailable => say!(lang,
            "that is no address of this machine; try 127.0.0.1:{port}";
            "esa dirección no es de esta máquina; prueba 127.0.0.1:{port}"),
        _ => say!(lang,
            "{cause}; try another address with --addr HOST:PORT";
            "{cause}; prueba otra dirección con --addr EQUIPO:PUERTO"),
    };
    say!(lang, "cannot listen on {place}: {why}"; "no se puede escuchar en {place}: {why}")
}

#[cfg(feature = "service")]
pub(super) fn no_listener(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang,
        "cannot listen on what LISTEN_FDS hands over: {cause}; hand over TCP or Unix stream sockets";
        "no se puede escuchar en lo que entrega LISTEN_FDS: {cause}; entrega sockets TCP o Unix de flujo")
}

#[cfg(all(feature = "metrics", target_os = "linux"))]
pub(super) fn no_metrics(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "cannot serve the metrics: {cause}"; "no se pueden servir las métricas: {cause}")
}

pub(super) fn cannot_listen_at(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    let advice = match error.kind() {
        ErrorKind::AddrInUse => say!(lang,
            "stop the server that listens there, or use another path";
            "cierra el servidor que escucha ahí, o usa otra ruta"),
        _ => say!(lang,
            "use a short path in a directory that you may write to";
            "usa una ruta corta en un directorio en el que puedas escribir"),
    };
    say!(lang, "cannot listen on unix:{path}: {cause}; {advice}"; "no se puede escuchar en unix:{path}: {cause}; {advice}")
}

/// `fits` is the number of clients for which the limit is enough.
pub(super) fn too_few_descriptors(clients: usize, needed: u64, limit: u64, fits: u64) -> String {
    let lang = Lang::session();
    let alternative = match fits {
        0 => String::new(),
        _ => say!(lang, " or use --max-clients {fits}"; " o usa --max-clients {fits}"),
    };
    say!(lang,
        "{clients} clients need {needed} file descriptors and the limit is {limit}; \
         raise it (ulimit -Hn {needed}, as root){alternative}";
        "{clients} clientes necesitan {needed} descriptores de archivo y el límite es {limit}; \
         súbelo (ulimit -Hn {needed}, como root){alternative}")
}

pub(super) fn cannot_keep_history(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "the history cannot be kept in {path}: {cause}; choose another file";
        "no se puede guardar el historial en {path}: {cause}; elige otro archivo")
}

pub(super) fn cannot_keep_bans(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "the bans cannot be kept in {path}: {cause}; choose another file";
        "no se pueden guardar los vetos en {path}: {cause}; elige otro archivo")
}

pub(super) fn no_ban(path: &Path, line: usize) -> String {
    let path = path.display();
    say!(Lang::session(),
        "line {line} of {path} is no ban; write an address, and until when if it ends: 192.0.2.7 2030-01-31T12:00:00Z";
        "la línea {line} de {path} no es un veto; escribe una dirección y hasta cuándo si acaba: 192.0.2.7 2030-01-31T12:00:00Z")
}

pub(super) fn too_many_bans(path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "there are more than {BANS_MAX} bans in {path}; remove some";
        "hay más de {BANS_MAX} vetos en {path}; quita algunos")
}

pub(crate) fn cannot_handle_signals(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "cannot handle signals: {cause}"; "no se pueden atender las señales: {cause}")
}

pub(super) fn cannot_go_on(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "the server cannot go on: {cause}"; "el servidor no puede seguir: {cause}")
}

// How others join.

/// `is_first` is false for further addresses of the same machine.
pub(super) fn others_join_with(addr: SocketAddr, is_first: bool, has_tls: bool) -> String {
    let (lang, ip, port) = (Lang::session(), addr.ip(), addr.port());
    let command = if has_tls { format!("tertulia join --tls {addr}") } else { format!("nc {ip} {port}") };
    match is_first {
        true => say!(lang, "others on your network join with: {command}"; "los demás de tu red entran con: {command}"),
        false => say!(lang, "or with: {command}"; "o con: {command}"),
    }
}

// Diagnostics.

pub(super) fn listening(addr: &str, mode: &str, seats: usize) -> String {
    say!(Lang::session(),
        "listening on {addr}, mode {mode}, {seats} seats";
        "a la escucha en {addr}, modo {mode}, {seats} plazas")
}

pub(super) fn left_out(addr: SocketAddr, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "{addr} is left out: {cause}"; "se omite {addr}: {cause}")
}

pub(super) fn cannot_accept(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "nobody can be let in for now: {cause}"; "por ahora no puede entrar nadie: {cause}")
}

/// `client` is its id, or its address if it has none yet.
pub(super) fn no_thread(client: impl Display, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "{client}: no thread for it: {cause}"; "{client}: no hay hilo para este cliente: {cause}")
}

pub(super) fn no_writer(client: impl Display, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "{client}: no thread to write to it: {cause}"; "{client}: no hay hilo que le escriba: {cause}")
}

/// Its socket cannot be given to epoll.
pub(super) fn not_watched(client: impl Display, error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang, "{client}: its socket cannot be watched: {cause}"; "{client}: no se puede vigilar su socket: {cause}")
}

pub(super) fn no_transcript(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang,
        "there is no transcript: stdout cannot be written to: {cause}";
        "no hay transcripción: no se puede escribir en stdout: {cause}")
}

pub(super) fn transcript_loses_lines(error: &io::Error) -> String {
    let lang = Lang::session();
    let cause = cause(lang, error);
    say!(lang,
        "the transcript loses lines: stdout cannot be written to: {cause}";
        "la transcripción pierde líneas: no se puede escribir en stdout: {cause}")
}

// TLS.

#[cfg(feature = "tls")]
pub(super) fn no_state_directory() -> String {
    say!(Lang::session(),
        "there is no place to keep a key: HOME is not set; set it, or use --tls-cert and --tls-key";
        "no hay dónde guardar una clave: HOME no está definida; defínela, o usa --tls-cert y --tls-key")
}

#[cfg(feature = "tls")]
pub(super) fn cannot_make_certificate(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "cannot make a certificate in {path}: {cause}; set XDG_STATE_HOME to another directory, or use --tls-cert and --tls-key";
        "no se puede crear un certificado en {path}: {cause}; define XDG_STATE_HOME con otro directorio, o usa --tls-cert y \
         --tls-key")
}

#[cfg(feature = "tls")]
pub(super) fn cannot_read_certificate(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang, "cannot read {path}: {cause}; choose another file"; "no se puede leer {path}: {cause}; elige otro archivo")
}

#[cfg(feature = "tls")]
pub(super) fn no_certificate(path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "there is no certificate in {path}: one begins with -----BEGIN CERTIFICATE-----";
        "no hay ningún certificado en {path}: uno empieza por -----BEGIN CERTIFICATE-----")
}

#[cfg(feature = "tls")]
pub(super) fn no_key(path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "there is no key in {path}: one begins with -----BEGIN PRIVATE KEY-----, and has no passphrase";
        "no hay ninguna clave en {path}: una empieza por -----BEGIN PRIVATE KEY-----, y no tiene contraseña")
}

#[cfg(feature = "tls")]
pub(super) fn no_pair(certificate: &Path, key: &Path, error: &dyn Display) -> String {
    let (certificate, key) = (certificate.display(), key.display());
    say!(Lang::session(),
        "{key} is not the key of {certificate}: {error}; name the two files that belong together";
        "{key} no es la clave de {certificate}: {error}; indica los dos archivos que van juntos")
}

#[cfg(feature = "tls")]
pub(super) fn certificate_read_again(fingerprint: &dyn Display) -> String {
    say!(Lang::session(),
        "newcomers get the certificate {fingerprint} from now on";
        "los que lleguen reciben desde ahora el certificado {fingerprint}")
}

#[cfg(feature = "tls")]
pub(super) fn old_certificate_stays(why: &str) -> String {
    say!(Lang::session(), "the old certificate stays in use: {why}"; "se sigue usando el certificado anterior: {why}")
}

/// What the person who runs a server with TLS passes on.
#[cfg(feature = "tls")]
pub(super) fn compare_fingerprint(fingerprint: &dyn Display) -> String {
    say!(Lang::session(),
        "the fingerprint that `join --tls` shows must be\n{fingerprint}";
        "la huella que muestra `join --tls` debe ser\n{fingerprint}")
}

pub(super) fn password_can_be_overheard() -> String {
    say!(Lang::session(),
        "the password goes over the network as plain text, and others there can overhear it";
        "la contraseña viaja por la red sin cifrar, y otros pueden oírla")
}

pub(super) fn disk_takes_nothing(path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "the history loses lines: {path}: the disk takes nothing";
        "el historial pierde líneas: {path}: el disco no acepta nada")
}

pub(super) fn history_loses_lines(lines: u64, path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "the history loses lines, {lines} so far: {path}: {cause}";
        "el historial pierde líneas, {lines} hasta ahora: {path}: {cause}")
}

pub(super) fn history_is_written_again(lost: u64, path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "the history is written again, without {lost} lines: {path}";
        "el historial se escribe de nuevo, sin {lost} líneas: {path}")
}

pub(super) fn history_ends_without(lines: u64, path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(),
        "the history ends without {lines} lines: {path}";
        "el historial termina sin {lines} líneas: {path}")
}

pub(super) fn opened_again(path: &Path) -> String {
    let path = path.display();
    say!(Lang::session(), "{path} is opened again"; "se ha vuelto a abrir {path}")
}

pub(super) fn old_file_is_kept(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "the old file is kept: {path} cannot be opened again: {cause}";
        "se conserva el archivo anterior: no se puede volver a abrir {path}: {cause}")
}

pub(super) fn no_history_to_open() -> String {
    say!(Lang::session(),
        "SIGHUP has no effect: there is no history to open again";
        "SIGHUP no tiene efecto: no hay historial que volver a abrir")
}
