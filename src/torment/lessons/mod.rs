//! What a teacher says about each cause, in English and Spanish: what the server does wrong, and what to do instead.

mod connections;
mod input;
mod output;
mod process;

use super::cause::Cause;
use crate::text::Bilingual;

/// The explanation of a cause.
pub struct Lesson {
    /// What the server does wrong, in a few words, without a full stop.
    pub title: Bilingual,
    /// How that usually comes about.
    pub usually: Bilingual,
    /// What to do.
    pub fix: Bilingual,
    /// Where to read more: manual pages, books, and our own source.
    pub read: &'static str,
}

const fn lesson(
    title: [&'static str; 2],
    usually: [&'static str; 2],
    fix: [&'static str; 2],
    read: &'static str,
) -> Lesson {
    Lesson {
        title: Bilingual::new(title[0], title[1]),
        usually: Bilingual::new(usually[0], usually[1]),
        fix: Bilingual::new(fix[0], fix[1]),
        read,
    }
}

impl Cause {
    /// Its explanation.
    pub const fn lesson(self) -> Lesson {
        match self {
            Cause::BusyLoop => connections::BUSY_LOOP,
            Cause::FramingByRead => input::FRAMING_BY_READ,
            Cause::OneAcceptPerEdge => connections::ONE_ACCEPT_PER_EDGE,
            Cause::OneReadPerEdge => input::ONE_READ_PER_EDGE,
            Cause::StaleBuffer => input::STALE_BUFFER,
            Cause::TrustsInput => input::TRUSTS_INPUT,
            Cause::BlockingHandshake => connections::BLOCKING_HANDSHAKE,
            Cause::SlowToAccept => connections::SLOW_TO_ACCEPT,
            Cause::FixedTable => connections::FIXED_TABLE,
            Cause::SharedUnguarded => connections::SHARED_UNGUARDED,
            Cause::Deadlock => connections::DEADLOCK,
            Cause::ClientErrorEndsServer => connections::CLIENT_ERROR_ENDS_SERVER,
            Cause::Sigpipe => output::SIGPIPE,
            Cause::ErrorEndsFanOut => output::ERROR_ENDS_FAN_OUT,
            Cause::StaleEvent => connections::STALE_EVENT,
            Cause::WouldBlockIsAnError => output::WOULD_BLOCK_IS_AN_ERROR,
            Cause::BlockingWrite => output::BLOCKING_WRITE,
            Cause::LockAcrossWrite => output::LOCK_ACROSS_WRITE,
            Cause::PausesEverybody => output::PAUSES_EVERYBODY,
            Cause::ShortWriteDropped => output::SHORT_WRITE_DROPPED,
            Cause::ForgetsTheRest => output::FORGETS_THE_REST,
            Cause::DroppedWhenFull => output::DROPPED_WHEN_FULL,
            Cause::UnboundedQueue => output::UNBOUNDED_QUEUE,
            Cause::UnboundedLine => input::UNBOUNDED_LINE,
            Cause::DecodesPieces => input::DECODES_PIECES,
            Cause::InterleavedWrites => output::INTERLEAVED_WRITES,
            Cause::LosesAtTheEnd => input::LOSES_AT_THE_END,
            Cause::SpinsAtTheEnd => input::SPINS_AT_THE_END,
            Cause::SpinsWhenDrained => output::SPINS_WHEN_DRAINED,
            Cause::Unfair => input::UNFAIR,
            Cause::ClosesActive => connections::CLOSES_ACTIVE,
            Cause::WrongName => output::WRONG_NAME,
            Cause::Loses => output::LOSES,
            Cause::Duplicates => output::DUPLICATES,
            Cause::Reorders => output::REORDERS,
            Cause::NoOneOrder => output::NO_ONE_ORDER,
            Cause::EchoesToSender => output::ECHOES_TO_SENDER,
            Cause::SeatsNotFreed => connections::SEATS_NOT_FREED,
            Cause::Leaks => connections::LEAKS,
            Cause::DescriptorSpin => connections::DESCRIPTOR_SPIN,
            Cause::DescriptorDeath => connections::DESCRIPTOR_DEATH,
            Cause::AcceptNotRetried => connections::ACCEPT_NOT_RETRIED,
            Cause::InterruptedIsAnError => process::INTERRUPTED_IS_AN_ERROR,
            Cause::BlockingPrint => process::BLOCKING_PRINT,
            Cause::PrintEndsServer => process::PRINT_ENDS_SERVER,
            Cause::IgnoresSigterm => process::IGNORES_SIGTERM,
            Cause::AddressInUse => process::ADDRESS_IN_USE,
            Cause::Unknown => process::UNKNOWN,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Lang;
    use clap::ValueEnum;

    #[test]
    fn each_cause_is_explained_in_sentences_in_both_languages() {
        for cause in Cause::value_variants() {
            let Lesson { title, usually, fix, .. } = cause.lesson();
            for lang in Lang::ALL {
                let title = title.in_lang(lang);
                assert!(title.starts_with(char::is_lowercase) && !title.ends_with('.'), "{cause:?}: {title}");
                assert!([&usually, &fix].iter().all(|text| text.is_a_sentence(lang)), "{cause:?}: {usually:?} {fix:?}");
            }
            assert!([title, usually, fix].iter().all(Bilingual::differs), "{cause:?}");
        }
    }

    #[test]
    fn where_to_read_on_exists() {
        for cause in Cause::value_variants() {
            let read = cause.lesson().read;
            assert!(!read.is_empty(), "{cause:?}");
            for word in read.split([' ', ',', ';']).filter(|word| word.starts_with("src/")) {
                let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(word);
                assert!(path.is_file(), "{word}");
            }
        }
    }
}
