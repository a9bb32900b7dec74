//! Errors of the system, for people.

use super::{Lang, say};
use std::io::{self, ErrorKind};

/// The text of an error, without its number. The system's own texts are in English; in Spanish there are texts for those
/// that a user can do something about.
pub(crate) fn cause(lang: Lang, error: &io::Error) -> String {
    let text = error.to_string();
    let english = text.split(" (os error").next().unwrap_or(&text).to_lowercase();
    if error.kind() == ErrorKind::StorageFull {
        return say!(lang, "the disk is full"; "el disco está lleno");
    }
    if lang == Lang::En {
        return english;
    }
    let spanish = match error.kind() {
        ErrorKind::AddrInUse => "la dirección ya está en uso",
        ErrorKind::AddrNotAvailable => "la dirección no está disponible",
        ErrorKind::BrokenPipe => "nadie lee al otro extremo",
        ErrorKind::IsADirectory => "es un directorio",
        ErrorKind::NotADirectory => "no es un directorio",
        ErrorKind::NotFound => "no existe ese archivo o directorio",
        ErrorKind::PermissionDenied => "permiso denegado",
        ErrorKind::ReadOnlyFilesystem => "el sistema de archivos es de solo lectura",
        ErrorKind::FileTooLarge => "el archivo es demasiado grande",
        _ if error.raw_os_error() == Some(TOO_MANY_FILES) => "demasiados archivos abiertos",
        _ => return english,
    };
    spanish.into()
}

/// EMFILE, for which the standard library has no name.
const TOO_MANY_FILES: i32 = rustix::io::Errno::MFILE.raw_os_error();

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::io::Errno;

    #[test]
    fn errors_have_no_numbers_and_the_common_ones_are_translated() {
        for (errno, english, spanish) in [
            (Errno::ADDRINUSE, "address already in use", "la dirección ya está en uso"),
            (Errno::MFILE, "too many open files", "demasiados archivos abiertos"),
            (Errno::NOSPC, "the disk is full", "el disco está lleno"),
            (Errno::NFILE, "too many open files in system", "too many open files in system"),
        ] {
            let error = io::Error::from(errno);
            assert_eq!(cause(Lang::En, &error), english);
            assert_eq!(cause(Lang::Es, &error), spanish);
        }
    }
}
