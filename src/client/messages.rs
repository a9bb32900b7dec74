//! Every text of the client, in English and Spanish.
//!
//! Each text is one match arm with both languages in it, so a missing translation does not compile.

use crate::text::errors::cause;
use crate::text::{Lang, say};
use std::fmt::{self, Display, Formatter};
use std::io;

/// A text of the client itself, without the leading `== ` and without line ends.
pub(super) enum Text<'a> {
    BadAddress(&'a str),
    NoSuchHost(&'a str),
    CannotConnect(&'a str, &'a io::Error),
    /// TLS fails. Holds the address and the reason.
    HandshakeFailed(&'a str, &'a str),
    NoTls(&'a str),
    /// The server refuses us before the handshake.
    NotLetIn(&'a str),
    /// No authority vouches for the certificate. Holds the address and the reason.
    NotTrusted(&'a str, &'a str),
    /// A server's certificate is not the remembered one.
    CertificateChanged {
        addr: &'a str,
        was: &'a str,
        is: &'a str,
    },
    /// A server's certificate is not the one that was asked for.
    OtherCertificate {
        addr: &'a str,
        wanted: &'a str,
        is: &'a str,
    },
    /// The address and the fingerprint of a server that is remembered from now on.
    FirstVisit(&'a str, &'a str),
    NotRemembered(&'a io::Error),
    /// A file, and why no certificate can be read from it.
    NoAuthority(&'a str, &'a str),
    PasswordNeeded,
    WrongPassword,
    NickRefused(&'a str),
    /// The server refused a nick, and the client keeps this one.
    StillCalled(&'a str),
    /// The pause before the next attempt to connect, in seconds.
    Retrying(u64),
    ConnectedAgain,
    /// A line was not sent, because there is no connection.
    NotConnected,
    ServerClosed,
    ConnectionLost(&'a io::Error),
    CannotWrite(&'a io::Error),
    /// stdin fails. What was read before it is sent.
    CannotRead(&'a io::Error),
    TerminalFailed(&'a str),
    /// This many lines came faster than the terminal took them.
    NotShown(usize),
    /// The server sent a line of this many bytes.
    LongLine(usize),
    NoAnswer,
    /// The same, without TLS.
    NoAnswerInPlain,
    BellOn,
    BellOff,
    Help,
    /// The commands that the server's help does not list, in the same form.
    MoreCommands,
    /// A line was not sent. Holds its first word, and how the command is written and what it does.
    NotSent {
        word: &'a str,
        usage: &'a str,
        meaning: &'a str,
    },
    /// A line was not sent. Holds its first word, which is no command.
    NoCommand(&'a str),
}

impl Text<'_> {
    pub(super) fn say(&self, lang: Lang) -> String {
        Said(lang, self).to_string()
    }
}

struct Said<'a, T>(Lang, &'a T);

impl Display for Said<'_, Text<'_>> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, text) = *self;
        match text {
            Text::BadAddress(addr) => say!(lang, f,
                "{addr} is not an address; write HOST:PORT, for example 127.0.0.1:8889";
                "{addr} no es una dirección; escribe HOST:PUERTO, como 127.0.0.1:8889"),
            Text::NoSuchHost(addr) => say!(lang, f,
                "cannot find the host of {addr}; check its name";
                "no se encuentra el equipo de {addr}; comprueba su nombre"),
            Text::CannotConnect(addr, e) => {
                let cause = Said(lang, *e);
                say!(lang, f,
                    "cannot connect to {addr}: {cause}; is the server running? (tertulia serve)";
                    "no se puede conectar con {addr}: {cause}; ¿está en marcha el servidor? (tertulia serve)")
            }
            Text::HandshakeFailed(addr, why) => say!(lang, f,
                "no TLS with {addr}: {why}";
                "no hay TLS con {addr}: {why}"),
            Text::NoTls(addr) => say!(lang, f,
                "{addr} does not speak TLS; join without --tls";
                "{addr} no habla TLS; entra sin --tls"),
            Text::NotLetIn(addr) => say!(lang, f,
                "{addr} lets nobody in from your address now; try again later";
                "{addr} no deja entrar ahora a nadie desde tu dirección; prueba más tarde"),
            Text::NotTrusted(addr, why) => say!(lang, f,
                "the certificate of {addr} is not trusted: {why}; ask whoever runs the server for the right file";
                "el certificado de {addr} no es de confianza: {why}; pide el archivo correcto a quien lleva el servidor"),
            Text::CertificateChanged { addr, was, is } => say!(lang, f,
                "the certificate of {addr} has changed: somebody may be listening in\nwas {was}\nis  {is}\nask whoever runs \
                 the server; if it is right, forget the old one: tertulia join --tls-forget {addr}";
                "el certificado de {addr} ha cambiado: puede que alguien esté escuchando\nera {was}\nes  {is}\npregunta a \
                 quien lleva el servidor; si es correcto, olvida el anterior: tertulia join --tls-forget {addr}"),
            Text::OtherCertificate { addr, wanted, is } => say!(lang, f,
                "{addr} is another server than you asked for: compare the fingerprints\nwanted {wanted}\nis     {is}";
                "{addr} no es el servidor que pediste: compara las huellas\npedida {wanted}\nes     {is}"),
            Text::FirstVisit(addr, is) => say!(lang, f,
                "this is your first visit to {addr}; compare its fingerprint with what the server shows at its start:\n{is}";
                "es tu primera visita a {addr}; compara su huella con la que muestra el servidor al empezar:\n{is}"),
            Text::NotRemembered(e) => {
                let cause = Said(lang, *e);
                say!(lang, f,
                    "the file of known servers cannot be written: {cause}; set XDG_STATE_HOME to another directory";
                    "no se puede escribir el archivo de servidores conocidos: {cause}; define XDG_STATE_HOME con otro directorio")
            }
            Text::NoAuthority(path, why) => say!(lang, f,
                "there is no certificate to trust in {path}: {why}; name a PEM file with one";
                "no hay en {path} ningún certificado en el que confiar: {why}; indica un archivo PEM que tenga uno"),
            Text::PasswordNeeded => say!(lang, f,
                "the room has a password; put it in a file, and use --password-file FILE";
                "la sala tiene contraseña; ponla en un archivo y usa --password-file ARCHIVO"),
            Text::WrongPassword => say!(lang, f,
                "that is not the room's password; ask whoever runs the server";
                "esa no es la contraseña de la sala; pregunta a quien lleva el servidor"),
            Text::NickRefused(words) => {
                say!(lang, f, "the name was refused: {words}"; "el nombre no se ha aceptado: {words}")
            }
            Text::StillCalled(nick) => say!(lang, f,
                "you are still {nick}; :nick NAME takes another name";
                "sigues siendo {nick}; :nick NOMBRE toma otro nombre"),
            Text::Retrying(pause_secs) => say!(lang, f,
                "the server is gone; connecting again in {pause_secs} s; :q leaves";
                "el servidor no está; nuevo intento de conexión en {pause_secs} s; :q sale"),
            Text::ConnectedAgain => say!(lang, f, "connected again"; "hay conexión de nuevo"),
            Text::NotConnected => say!(lang, f,
                "not sent: there is no connection; the Up key brings the line back";
                "no se ha enviado: no hay conexión; la tecla Arriba trae la línea de vuelta"),
            Text::ServerClosed => say!(lang, f,
                "the server closed the connection; join again when it is back";
                "el servidor ha cerrado la conexión; vuelve a entrar cuando esté en marcha"),
            Text::ConnectionLost(e) => {
                let cause = Said(lang, *e);
                say!(lang, f, "the connection was lost: {cause}; join again"; "se ha perdido la conexión: {cause}; vuelve a entrar")
            }
            Text::CannotWrite(e) => {
                let cause = Said(lang, *e);
                say!(lang, f, "cannot write to stdout: {cause}"; "no se puede escribir en stdout: {cause}")
            }
            Text::CannotRead(e) => {
                let cause = Said(lang, *e);
                say!(lang, f, "stdin cannot be read: {cause}"; "no se puede leer stdin: {cause}")
            }
            Text::TerminalFailed(cause) => say!(lang, f,
                "the terminal failed: {cause}; use a pipe instead: tertulia join | cat";
                "el terminal ha fallado: {cause}; usa una tubería: tertulia join | cat"),
            Text::NotShown(1) => say!(lang, f, "… 1 line not shown"; "… 1 línea sin mostrar"),
            Text::NotShown(lines) => say!(lang, f, "… {lines} lines not shown"; "… {lines} líneas sin mostrar"),
            Text::LongLine(len) => say!(lang, f,
                "… a line of {len} bytes not shown";
                "… una línea de {len} bytes sin mostrar"),
            Text::NoAnswer => say!(lang, f,
                "the server has not answered yet: it may be full and keep you waiting";
                "el servidor aún no responde: puede que esté lleno y haya que esperar"),
            Text::NoAnswerInPlain => say!(lang, f,
                "no answer yet: the server may be full, or speak TLS only (use --tls)";
                "aún no responde: puede que esté lleno o que solo hable TLS (usa --tls)"),
            Text::BellOn => {
                say!(lang, f, "the bell is on; :bell turns it off"; "el timbre está activado; :bell lo desactiva")
            }
            Text::BellOff => {
                say!(lang, f, "the bell is off; :bell turns it on"; "el timbre está desactivado; :bell lo activa")
            }
            Text::Help => say!(lang, f,
                ":bell turns the bell for your name on or off, Tab completes names and commands, Ctrl-D leaves";
                ":bell activa o desactiva el timbre para tu nombre, Tab completa nombres y órdenes, Ctrl-D sale"),
            Text::MoreCommands => say!(lang, f,
                ":help            list the commands\n\
                 :bell            turn the bell for your name on or off";
                ":help            dar la lista de órdenes\n\
                 :bell            activar o desactivar el timbre para tu nombre"),
            Text::NotSent { word, usage, meaning } => say!(lang, f,
                "{word} was not sent: write {usage} ({meaning}); to say {word}, put a space before it";
                "{word} no se ha enviado: escribe {usage} ({meaning}); para decir {word}, pon un espacio delante"),
            Text::NoCommand(word) => say!(lang, f,
                "{word} was not sent: :help lists the commands; to say {word}, put a space before it";
                "{word} no se ha enviado: :help da la lista de órdenes; para decir {word}, pon un espacio delante"),
        }
    }
}

/// Our own text for errors that users can act on, and the system's text for all others.
impl Display for Said<'_, io::Error> {
    fn fmt(&self, f: &mut Formatter) -> fmt::Result {
        let Said(lang, e) = *self;
        match e.kind() {
            io::ErrorKind::ConnectionRefused => say!(lang, f, "connection refused"; "conexión rechazada"),
            io::ErrorKind::ConnectionReset => say!(lang, f, "reset by the other end"; "cortada por el otro extremo"),
            io::ErrorKind::TimedOut => say!(lang, f, "no answer"; "sin respuesta"),
            io::ErrorKind::UnexpectedEof => say!(lang, f, "cut off"; "cortada"),
            // TLS finds that, at either end.
            io::ErrorKind::InvalidData => say!(lang, f,
                "bytes were changed on the way ({e})";
                "hay bytes cambiados por el camino ({e})"),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                say!(lang, f, "no route to that host"; "no hay ruta hasta ese equipo")
            }
            _ => f.write_str(&cause(lang, e)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_one_line_and_without_numbers() {
        let e = io::Error::from_raw_os_error(13);
        let text = Text::CannotConnect("host:1", &e).say(Lang::En);
        assert!(text.starts_with("cannot connect to host:1: ") && !text.contains("os error"), "{text}");
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        assert!(Text::CannotConnect("a:1", &refused).say(Lang::Es).contains("conexión rechazada; ¿está en marcha"));
    }
}
