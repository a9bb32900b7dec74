//! Any bytes at all, and what must hold whatever they are: the bodies of the targets under `tests/fuzz`.
//!
//! Each takes its input apart as its own page says, and panics where a law is broken. libFuzzer makes up inputs by the
//! million; the tests here replay those that led it somewhere new, which are kept in `tests/fuzz/corpus`. How to run a target
//! is said in `tests/fuzz/Cargo.toml`.

mod commands;
mod decoder;
mod sanitizer;
mod scripts;

pub use commands::commands;
pub use decoder::decoder;
pub use sanitizer::sanitizer;
pub use scripts::hub;

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Plays what is kept for a target. The name of a file that breaks a law is shown with the failure.
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
    fn scripts_of_the_corpus_are_lawful() {
        replay("hub", hub);
    }

    #[test]
    fn lines_of_the_corpus_are_sanitized_lawfully() {
        replay("sanitizer", sanitizer);
    }
}
