//! The bodies of the fuzz targets under `tests/fuzz`: they take any bytes, and check what must hold for all of them.
//!
//! Each target documents how it interprets its input, and panics where a check fails. libFuzzer makes inputs by the
//! million. The tests here replay those inputs that reached new code, which are kept in `tests/fuzz/corpus`.
//! `tests/fuzz/Cargo.toml` tells how to run a target.

mod commands;
mod decoder;
mod door;
mod sanitizer;
mod scripts;

pub use commands::commands;
pub use decoder::decoder;
pub use door::door;
pub use sanitizer::sanitizer;
pub use scripts::hub;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Runs a target on its corpus. If a check fails, the output includes the name of the file.
    fn replay(name: &str, target: fn(&[u8])) {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name);
        let mut files: Vec<_> =
            std::fs::read_dir(&dir).expect("a corpus").map(|file| file.expect("a file").path()).collect();
        files.sort();
        assert!(!files.is_empty(), "nothing is kept in {dir:?}");
        for file in files {
            let input = std::fs::read(&file).expect("a file of ours");
            if std::panic::catch_unwind(|| target(&input)).is_err() {
                panic!("a law is broken by {file:?}");
            }
        }
    }

    #[test]
    fn commands_of_the_corpus_are_lawful() {
        replay("commands", commands);
    }

    #[test]
    fn streams_of_the_corpus_are_cut_lawfully() {
        replay("decoder", decoder);
    }

    #[test]
    fn strangers_of_the_corpus_stay_at_the_door() {
        replay("door", door);
    }

    #[test]
    fn scripts_of_the_corpus_are_lawful() {
        replay("hub", hub);
    }

    #[test]
    fn lines_of_the_corpus_are_sanitized_lawfully() {
        replay("sanitizer", sanitizer);
    }
}
