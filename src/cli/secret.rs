//! Passwords, as the command line gets them: from a file or from the environment, and never as an argument, which everybody on
//! the machine could see.

use super::failure::Failure;
use crate::chat::{SECRET_MAX, Secret};
use crate::text::errors::cause;
use crate::text::{Lang, say};
use std::path::Path;

/// The variable with the room's password.
const PASSWORD: &str = "TERTULIA_PASSWORD";

/// The password in the first line of a file.
pub(crate) fn in_file(path: &Path) -> Result<Secret, Failure> {
    let (first, place) = first_line(path)?;
    checked(&first, &place)
}

/// The room's password, for its server: from a file, or from the environment.
pub(crate) fn of_room(path: Option<&Path>) -> Result<Option<Secret>, Failure> {
    let Some((text, place)) = found(path)? else { return Ok(None) };
    checked(&text, &place).map(Some)
}

/// The same for a client, which has to say it.
#[cfg(feature = "join")]
pub(crate) fn to_say(path: Option<&Path>) -> Result<Option<String>, Failure> {
    let Some((text, place)) = found(path)? else { return Ok(None) };
    checked(&text, &place)?;
    Ok(Some(text))
}

/// A password, and the place where it was found.
fn found(path: Option<&Path>) -> Result<Option<(String, String)>, Failure> {
    let in_variable = || {
        let value = std::env::var_os(PASSWORD).filter(|value| !value.is_empty())?;
        Some((value.to_string_lossy().into_owned(), PASSWORD.to_owned()))
    };
    match path {
        Some(path) => first_line(path).map(Some),
        None => Ok(in_variable()),
    }
}

fn first_line(path: &Path) -> Result<(String, String), Failure> {
    let (lang, place) = (Lang::session(), path.display().to_string());
    let text = std::fs::read_to_string(path).map_err(|e| {
        let cause = cause(lang, &e);
        say!(lang,
            "cannot read a password from {place}: {cause}; choose another file";
            "no se puede leer una contraseña de {place}: {cause}; elige otro archivo")
    })?;
    Ok((text.lines().next().unwrap_or_default().to_owned(), place))
}

fn checked(text: &str, place: &str) -> Result<Secret, Failure> {
    Ok(Secret::new(text).ok_or_else(|| {
        say!(Lang::session(),
            "there is no password in {place}: one has 1 to {SECRET_MAX} bytes, no control characters and no colon at its beginning";
            "no hay contraseña en {place}: una tiene de 1 a {SECRET_MAX} bytes, sin caracteres de control ni dos puntos al principio")
    })?)
}

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
