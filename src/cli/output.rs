//! A file that gets a result.

use crate::text::errors::cause;
use crate::text::{Lang, say};
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) struct Output {
    path: PathBuf,
    file: File,
}

impl Output {
    /// Opens the file, and creates it if there is none. Call it before the result is measured: nobody should wait for a
    /// result that cannot be written. What the file contains stays until then.
    pub(crate) fn open(path: &Path) -> Result<Output, String> {
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let file = file.map_err(|e| cannot_be_written(path, &e))?;
        Ok(Output { path: path.into(), file })
    }

    /// Replaces what the file contains.
    pub(crate) fn write(mut self, text: &str) -> Result<(), String> {
        // Only a regular file has a length.
        let is_regular = self.file.metadata().is_ok_and(|metadata| metadata.is_file());
        let emptied = if is_regular { self.file.set_len(0) } else { Ok(()) };
        let written = emptied.and_then(|()| self.file.write_all(text.as_bytes()));
        written.map_err(|e| cannot_be_written(&self.path, &e))
    }

    /// Writes a page, and says on stderr how to open it.
    pub(crate) fn write_page(self, page: &str, lang: Lang) -> Result<(), String> {
        let path = self.path.clone();
        self.write(page)?;
        let (name, url) = (path.display(), url(&path));
        let note = say!(lang,
            "{name} is written; open it in a browser: {url}";
            "{name} está escrito; ábrelo en un navegador: {url}");
        // The page is there, whether or not stderr takes this.
        let _ = writeln!(io::stderr(), "{note}");
        Ok(())
    }
}

fn cannot_be_written(path: &Path, error: &io::Error) -> String {
    let (lang, path) = (Lang::session(), path.display());
    let cause = cause(lang, error);
    say!(lang,
        "{path} cannot be written: {cause}; choose another file";
        "no se puede escribir {path}: {cause}; elige otro archivo")
}

/// The address of a file for a browser.
fn url(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.into());
    let escape = |b: &u8| match *b {
        b if b.is_ascii_alphanumeric() || b"/-_.~".contains(&b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    };
    format!("file://{}", path.as_os_str().as_encoded_bytes().iter().map(escape).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_an_address_of_one_word() {
        assert_eq!(url(Path::new("/home/ana/una página.html")), "file:///home/ana/una%20p%C3%A1gina.html");
    }
}
