//! The torments: clients that misbehave on purpose, as clients and networks do in real life.
//!
//! They work on any server that relays a line to the other clients. In reading order, where each file uses only those
//! below it:
//!
//! * [`catalogue`]: what is done, and what a healthy server does;
//! * [`trial`]: runs the torments one after the other and judges; [`calibration`]: measures what is normal for a
//!   server;
//! * [`class`]: torments the servers of a class;
//! * [`grade`]: what a server's mistakes cost;
//! * [`diagnosis`]: derives causes from failures; [`elimination`]: what passed torments rule out;
//! * [`framing`], [`bytes`], [`names`], [`connections`], [`crowd`], [`readers`], [`backlog`], [`floods`], [`pressure`],
//!   [`long_lived`], [`process`]: the torments;
//! * [`finding`]: a verdict; [`entry`]: an entry of the catalogue;
//! * [`arrivals`]: lines that came twice, late or not at all;
//! * [`deadlock`]: whether the server's threads wait for each other;
//! * [`arena`]: the server under test, its clients and its health;
//! * [`messages`]: what was observed, in words, in English and Spanish;
//! * [`acquaint`]: the introduction of clients;
//! * [`settings`], [`baseline`]: what the user sets, and what was measured;
//! * [`failure`]: why a torment was not passed;
//! * [`replays`]: scripts that show a failure without this program;
//! * [`lessons`]: an explanation of each cause, in English and Spanish; [`cause`]: the mistakes behind failures;
//! * `gallery` (cargo feature `gallery`): servers that are broken on purpose, one for each classic mistake.
//!
//! A torment blames a server only for what harms clients that behave: a freeze, a crash, lines that are lost,
//! duplicated or mixed, a busy loop, memory without limit. The longest line, what happens when the room is full, and
//! whether a sender gets its own line back are the server's choice, and cause a remark at most.
//!
//! Failures have overlapping causes: a server that takes each read for a message fails the floods, too. So the report
//! names what to fix first. A passed torment rules out what would have failed it. *doubtful* is what may be intended.
//!
//! ```console
//! $ tertulia torment -- ./my-server {port}
//! $ tertulia torment --login 'nick {n}' localhost:9000
//! $ tertulia torment --login '{"name":"n{n}"}' --say '{"say":"{line}"}' -- ./my-server {port}
//! $ tertulia torment --irc localhost:6667
//! $ tertulia torment --only stuck-reader,flood-all -- ncat -l --chat 127.0.0.1 {port}
//! ```
//!
//! With a command, `torment` starts the server itself, a new one for each torment so that none affects another. It can
//! then stop the server, take its descriptors, watch its memory and processor and freeze its stdout. On a server that
//! runs already, the torments that need its process are skipped. All together take half a minute on a healthy server,
//! and no more than a minute on others.
//!
//! The exit code is 0 only if nothing failed, nothing is doubtful, and there was time for all; what cannot be tried on
//! a server does not count. It is 1 if something failed, and 3 if the server could not be tested. If a server makes each
//! newcomer wait, one torment of each kind comes first. If no line of one client gets to another, there is no verdict
//! but an error that says what to try. However `torment` ends, even by `kill -9`, the servers that it has started end,
//! too.

pub(crate) mod acquaint;
pub(crate) mod arena;
pub(crate) mod arrivals;
pub(crate) mod backlog;
pub(crate) mod baseline;
pub(crate) mod bytes;
pub(crate) mod calibration;
pub(crate) mod catalogue;
pub(crate) mod cause;
pub mod class;
pub(crate) mod connections;
pub(crate) mod crowd;
pub(crate) mod deadlock;
pub(crate) mod diagnosis;
pub(crate) mod elimination;
pub(crate) mod entry;
pub(crate) mod failure;
pub(crate) mod finding;
pub(crate) mod floods;
pub(crate) mod framing;
#[cfg(feature = "gallery")]
pub mod gallery;
pub(crate) mod grade;
pub(crate) mod lessons;
pub(crate) mod long_lived;
pub(crate) mod messages;
pub(crate) mod names;
pub(crate) mod pressure;
pub(crate) mod process;
pub(crate) mod readers;
pub mod replays;
pub(crate) mod settings;
pub(crate) mod trial;

pub use crate::harness::Eol;
pub use catalogue::TORMENTS;
pub use cause::Cause;
pub use diagnosis::diagnose;
pub use entry::Torment;
pub use finding::{Finding, Verdict};
pub use grade::{Grade, Harm};
pub use lessons::Lesson;
pub use settings::{Settings, Target};
pub use trial::{News, run};
