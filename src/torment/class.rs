//! A class: each folder has a server, and each server gets a grade.

use super::entry::Torment;
use super::finding::Finding;
use super::settings::{Settings, Target};
use super::trial;
use crate::harness::Launcher;
use crate::text::errors::cause;
use crate::text::{Bilingual, say};
use rustix::fs::Access;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// The program in a folder that starts the server. Its argument is the port.
pub const PROGRAM: &str = "run";

/// A folder, and what became of its server.
#[derive(Debug)]
pub struct Student {
    /// The folder's name, without control characters.
    pub name: String,
    /// What the torments showed; or why the server could not be tested.
    pub result: Result<Vec<Finding>, Bilingual>,
    /// How long it took.
    pub took: Duration,
}

/// The folders in `dir`, by name. Hidden ones are left out.
pub fn folders(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = dir.read_dir()?.collect::<io::Result<Vec<_>>>()?;
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let mut folders: Vec<PathBuf> =
        entries.iter().map(|entry| entry.path()).filter(|path| path.is_dir() && !is_hidden(path)).collect();
    folders.sort();
    Ok(folders)
}

/// The folder's name, for people.
pub fn name(folder: &Path) -> String {
    let name = folder.file_name().unwrap_or(folder.as_os_str()).to_string_lossy();
    name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Torments the server of a folder.
pub fn torment(folder: &Path, torments: &[&'static Torment], settings: &Settings) -> Student {
    let begin = Instant::now();
    let result =
        launcher(folder).and_then(|launcher| trial::run(&Target::Started(launcher), torments, settings, &mut |_| {}));
    Student { name: name(folder), result, took: begin.elapsed() }
}

fn launcher(folder: &Path) -> Result<Launcher<'static>, Bilingual> {
    let cannot = |e: io::Error| {
        Bilingual::of(|lang| {
            let cause = cause(lang, &e);
            say!(lang, "{PROGRAM} cannot be started: {cause}"; "{PROGRAM} no se puede iniciar: {cause}")
        })
    };
    // The server's working directory is another one than ours.
    let folder = folder.canonicalize().map_err(cannot)?;
    let program = folder.join(PROGRAM);
    if !program.is_file() {
        return Err(Bilingual::new("there is no file `run`", "no hay ningún archivo `run`"));
    }
    if rustix::fs::access(&program, Access::EXEC_OK).is_err() {
        return Err(Bilingual::new(
            "the file `run` is not executable; use chmod +x run",
            "el archivo `run` no es ejecutable; usa chmod +x run",
        ));
    }
    Ok(Launcher::of_program(move |addr| {
        let mut command = Command::new(&program);
        command.arg(addr.port().to_string()).current_dir(&folder);
        command
    }))
}
