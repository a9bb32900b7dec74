//! The gallery: servers that are broken on purpose, each by one classic mistake in its purest form.
//!
//! They are exercises: start one (`tertulia gallery NAME`), talk with it, torment it, find the mistake and fix it. What
//! they do right is in [`parts`] and [`event_loop`], so that each file shows little more than its mistake. The module
//! doc of each file describes the symptom as users would; the cure is folded away below it.

pub(crate) mod blocking_print;
pub(crate) mod blocking_write;
pub(crate) mod descriptor_spin;
pub(crate) mod echo;
pub(crate) mod error_ends_server;
pub(crate) mod event_loop;
pub(crate) mod framing_by_recv;
pub(crate) mod lock_across_write;
pub(crate) mod one_accept;
pub(crate) mod one_read;
pub(crate) mod parts;
pub(crate) mod pauses_everybody;
pub(crate) mod short_write;
pub(crate) mod slow_accept;
pub(crate) mod stale_token;
pub(crate) mod unbounded_line;
pub(crate) mod unbounded_queue;
pub(crate) mod write_all;

use super::Cause;
use std::io;
use std::net::TcpListener;

/// A broken server.
pub struct Exhibit {
    /// As `tertulia gallery` takes it.
    pub name: &'static str,
    /// The cause that torments must find.
    pub cause: Cause,
    /// The source of its file.
    source: &'static str,
    /// Serves until something fails.
    pub serve: fn(TcpListener) -> io::Result<()>,
}

impl Exhibit {
    /// What users complain about.
    pub fn symptom(&self) -> String {
        self.page(|line| line.starts_with("<details>")).0
    }

    /// How to repair it, from its file's first lines.
    pub fn cure(&self) -> String {
        let (_, rest) = self.page(|line| line.starts_with("<details>"));
        rest.replace("</details>", "").trim().to_owned()
    }

    /// The module doc of its file, before and after a border line.
    fn page(&self, is_border: impl Fn(&str) -> bool) -> (String, String) {
        let lines = self.source.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim);
        let lines: Vec<&str> = lines.collect();
        let border = lines.iter().position(|line| is_border(line)).unwrap_or(lines.len());
        let after = lines.get(border + 1..).unwrap_or_default();
        (lines[..border].join(" ").trim().to_owned(), after.join(" ").trim().to_owned())
    }
}

macro_rules! exhibits {
    ($($name:literal $module:ident $cause:ident;)+) => {
        &[$(Exhibit {
            name: $name,
            cause: Cause::$cause,
            source: include_str!(concat!(stringify!($module), ".rs")),
            serve: $module::serve,
        }),+]
    };
}

/// All of them.
pub const EXHIBITS: &[Exhibit] = exhibits! {
    "framing-by-recv" framing_by_recv FramingByRead;
    "one-accept" one_accept OneAcceptPerEdge;
    "one-read" one_read OneReadPerEdge;
    "blocking-write" blocking_write BlockingWrite;
    "lock-across-write" lock_across_write LockAcrossWrite;
    "write-all" write_all WouldBlockIsAnError;
    "pauses-everybody" pauses_everybody PausesEverybody;
    "short-write" short_write ShortWriteDropped;
    "error-ends-server" error_ends_server ClientErrorEndsServer;
    "stale-token" stale_token StaleEvent;
    "descriptor-spin" descriptor_spin DescriptorSpin;
    "unbounded-queue" unbounded_queue UnboundedQueue;
    "unbounded-line" unbounded_line UnboundedLine;
    "echo" echo EchoesToSender;
    "blocking-print" blocking_print BlockingPrint;
    "slow-accept" slow_accept SlowToAccept;
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_states_a_symptom_and_hides_a_cure() {
        for exhibit in EXHIBITS {
            let (symptom, cure) = (exhibit.symptom(), exhibit.cure());
            assert!(symptom.len() > 40 && cure.len() > 40, "{}", exhibit.name);
            assert!(!symptom.contains(&cure) && !cure.contains('<'), "{}: {cure}", exhibit.name);
            // Short enough for an exercise.
            assert!((30..=110).contains(&exhibit.source.lines().count()), "{}", exhibit.name);
        }
    }
}
