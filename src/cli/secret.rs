//! Passwords, as the command line gets them: from a file or from the environment, and never as an argument, which everybody on
//! the machine could see.

use super::failure::Failure;
use crate::chat::{SECRET_MAX, Secret};
use crate::text::errors::cause;
use crate::text::{Lang, say};
use std::path::Path;

/// The password in the first line of a file.
pub(crate) fn in_file(path: &Path) -> Result<Secret, Failure> {
    let (lang, shown) = (Lang::session(), path.display());
    let text = std::fs::read_to_string(path).map_err(|e| {
        let cause = cause(lang, &e);
        say!(lang,
            "cannot read a password from {shown}: {cause}; choose another file";
            "no se puede leer una contraseña de {shown}: {cause}; elige otro archivo")
    })?;
    let first = text.lines().next().unwrap_or_default();
    Ok(Secret::new(first).ok_or_else(|| {
        say!(lang,
            "there is no password in {shown}: its first line must have 1 to {SECRET_MAX} bytes, no control characters and no colon at its beginning";
            "no hay contraseña en {shown}: su primera línea ha de tener de 1 a {SECRET_MAX} bytes, sin caracteres de control ni dos puntos al principio")
    })?)
}

/// The password of the room: from a file, or from the environment.
pub(crate) fn of_room(path: Option<&Path>) -> Result<Option<Secret>, Failure> {
    if let Some(path) = path {
        return in_file(path).map(Some);
    }
    let Some(value) = std::env::var_os(PASSWORD) else { return Ok(None) };
    let secret = value.to_str().and_then(Secret::new).ok_or_else(|| {
        say!(Lang::session(),
            "{PASSWORD} is no password: it must have 1 to {SECRET_MAX} bytes, no control characters and no colon at its beginning";
            "{PASSWORD} no es una contraseña: ha de tener de 1 a {SECRET_MAX} bytes, sin caracteres de control ni dos puntos al \
             principio")
    })?;
    Ok(Some(secret))
}

const PASSWORD: &str = "TERTULIA_PASSWORD";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_of_a_file_is_the_password() {
        let path = std::env::temp_dir().join(format!("tertulia-secret-{}", std::process::id()));
        for (text, is_one) in
            [("sésamo 7\n# not this\n", true), ("sésamo 7", true), ("sésamo 7\r\n", true), ("\n", false)]
        {
            std::fs::write(&path, text).expect("a temporary file");
            assert_eq!(in_file(&path).is_ok_and(|secret| secret.is("sésamo 7".as_bytes())), is_one, "{text:?}");
        }
        std::fs::remove_file(&path).expect("it is there");
        assert!(in_file(&path).is_err());
    }
}
