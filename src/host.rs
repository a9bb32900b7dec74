//! Describes what a measurement or a recording was made with: the command, the program and the machine.

use crate::text::{Lang, say};
use serde::{Deserialize, Serialize};

/// The command, the program and the machine.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// The command line as it was typed, quoted for a shell.
    pub command: String,
    /// The program's version.
    pub version: String,
    /// The processor's model.
    pub processor: String,
    /// Its number of cores, also those that the process may not use.
    pub cores: usize,
    /// The system and its version.
    pub system: String,
}

impl Origin {
    /// This process.
    pub fn here() -> Origin {
        let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let cores = match info.lines().filter(|line| line.starts_with("processor")).count() {
            0 => std::thread::available_parallelism().map_or(1, usize::from),
            cores => cores,
        };
        let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
        let name = rustix::system::uname();
        Origin {
            command: command(),
            version: env!("CARGO_PKG_VERSION").into(),
            processor: model.map_or(std::env::consts::ARCH, |(_, model)| model.trim()).into(),
            cores,
            system: format!("{} {}", name.sysname().to_string_lossy(), name.release().to_string_lossy()),
        }
    }

    /// The processor and its number of cores, in words.
    pub fn processor(&self, lang: Lang) -> String {
        let Origin { processor, cores, .. } = self;
        match cores {
            1 => say!(lang, "{processor}, 1 core"; "{processor}, 1 núcleo"),
            _ => say!(lang, "{processor}, {cores} cores"; "{processor}, {cores} núcleos"),
        }
    }
}

fn command() -> String {
    let words = std::env::args_os().skip(1).map(|word| for_shell(&word.to_string_lossy()));
    std::iter::once("tertulia".to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

/// A word as one types it in a shell.
pub(crate) fn for_shell(word: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_./:,=%@+".contains(&b);
    match !word.is_empty() && word.bytes().all(plain) {
        true => word.into(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}
