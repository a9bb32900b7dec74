//! The catalogue.

use super::cause::Cause::*;
use super::entry::Torment;
use super::{bytes, connections, floods, framing, process, readers};

/// All torments, in the order in which they are done: what explains others comes first, and what takes long comes last, for a
/// server that fails them one by one may use up the time.
pub const TORMENTS: &[Torment] = &[
    Torment::new("idle", "Two are there and say nothing.", "It sleeps.", &[Unknown], &[Unknown], process::idle)
        .of_the_process()
        .first_of_its_kind(),
    Torment::new(
        "own-line",
        "Somebody says a line and listens whether it comes back.",
        "Each line comes once to each of the others.",
        &[Unknown],
        &[Unknown],
        framing::own_line,
    ),
    Torment::new(
        "split-line",
        "Half a line, a line of another's, the other half.",
        "Both lines come whole.",
        &[TrustsInput],
        &[BlockingHandshake, BlockingWrite],
        framing::split_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "two-in-one",
        "Two lines in one piece.",
        "Two lines come.",
        &[TrustsInput],
        &[Unknown],
        framing::two_in_one,
    ),
    Torment::new(
        "byte-by-byte",
        "A line is typed byte by byte while another talks.",
        "Both lines come whole.",
        &[TrustsInput],
        &[BlockingHandshake],
        framing::byte_by_byte,
    ),
    Torment::new(
        "utf8-split",
        "A character of three bytes comes in two pieces.",
        "It comes as if it had been sent whole.",
        &[DecodesPieces, TrustsInput],
        &[TrustsInput],
        framing::utf8_split,
    ),
    Torment::new(
        "gulp",
        "Two thousand lines in one piece, and then nothing.",
        "All come, without another word.",
        &[WouldBlockIsAnError],
        &[OneReadPerEdge],
        framing::gulp,
    ),
    Torment::new(
        "long-line",
        "Longer and longer lines, up to 20 000 bytes.",
        "Each comes whole, or is refused; nobody else notices.",
        &[TrustsInput],
        &[TrustsInput],
        framing::long_line,
    ),
    Torment::new(
        "garbage",
        "HTTP, a TLS hello, telnet's negotiation, NULs, escape sequences, random bytes.",
        "Whatever it makes of them, the others do not notice.",
        &[TrustsInput],
        &[TrustsInput],
        bytes::garbage_bytes,
    )
    .after_which_it_may_spin()
    .first_of_its_kind(),
    Torment::new(
        "burst-connect",
        "Eight connect at once, while the server looks away.",
        "All get to talk.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge],
        connections::burst_connect,
    )
    .first_of_its_kind(),
    Torment::new(
        "connect-storm",
        "Two hundred connect and are gone at once, some with a reset.",
        "Those inside talk on, and newcomers can come.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge, ErrorEndsFanOut, ClientErrorEndsServer],
        connections::connect_storm,
    )
    .after_which_it_may_spin(),
    Torment::new(
        "silent-newcomer",
        "One connects and says nothing, and another comes.",
        "The others do not wait for it.",
        &[ClientErrorEndsServer],
        &[BlockingHandshake, OneAcceptPerEdge],
        connections::silent_newcomer,
    )
    .first_of_its_kind(),
    Torment::new(
        "reset-idle",
        "One who says nothing resets its connection.",
        "It is gone, and the others talk on.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_idle,
    )
    .after_which_it_may_spin(),
    Torment::new(
        "reset-backlog",
        "Connections are reset before they are accepted.",
        "Nobody notices.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge, ErrorEndsFanOut, ClientErrorEndsServer],
        connections::reset_backlog,
    ),
    Torment::new(
        "reset-mid-fanout",
        "One leaves, by a FIN or a reset, while the others talk to it.",
        "The others get each line, once.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_mid_fanout,
    )
    .first_of_its_kind(),
    Torment::new(
        "rush-hour",
        "Some talk while others come, say a word and are gone, without pause.",
        "Those who stay hear each line, once.",
        &[ClientErrorEndsServer, SharedUnguarded],
        &[ErrorEndsFanOut, SharedUnguarded, ClientErrorEndsServer],
        connections::rush_hour,
    )
    .first_of_its_kind(),
    Torment::new(
        "half-close",
        "One says three lines and ends its side of the connection.",
        "The lines come; it does not spin on the end-of-file.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::half_close,
    )
    .first_of_its_kind(),
    Torment::new(
        "stale-event",
        "One leaves, one comes and one speaks, all in one batch of events.",
        "The one who came stays.",
        &[StaleEvent, ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::stale_event,
    )
    .of_the_process(),
    Torment::new(
        "vanish",
        "One is gone without a FIN: nothing that is sent to it is acknowledged.",
        "The others talk on.",
        &[ClientErrorEndsServer],
        &[BlockingWrite],
        connections::vanish,
    ),
    Torment::new(
        "stuck-reader",
        "One floods, and another does not read at all.",
        "The others talk on, and the server's memory does not grow with what is owed.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::stuck_reader,
    )
    .first_of_its_kind(),
    Torment::new(
        "no-descriptors",
        "The server's descriptors are used up while others want in; then there are some again.",
        "Those inside talk on, it does not spin, and lets the others in when it can.",
        &[DescriptorDeath],
        &[DescriptorSpin],
        process::no_descriptors,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "stop-continue",
        "SIGSTOP, and SIGCONT a little later.",
        "It goes on, and what was said meanwhile is heard.",
        &[InterruptedIsAnError],
        &[InterruptedIsAnError],
        process::stop_continue,
    )
    .of_the_process(),
    Torment::new(
        "frozen-stdout",
        "Nobody reads the server's stdout while they talk, come and go.",
        "The chat goes on.",
        &[ClientErrorEndsServer],
        &[BlockingPrint, ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::frozen_stdout,
    )
    .of_its_stdout()
    .first_of_its_kind(),
    Torment::new(
        "closed-stdout",
        "Nobody is at the other end of the server's stdout any more.",
        "The chat goes on.",
        &[PrintEndsServer, ClientErrorEndsServer],
        &[PrintEndsServer, ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::closed_stdout,
    )
    .of_its_stdout(),
    Torment::new("terminate", "SIGTERM.", "It ends within five seconds.", &[Unknown], &[Unknown], process::terminate)
        .of_the_process()
        .first_of_its_kind(),
    Torment::new(
        "restart",
        "It is stopped while clients are there, and started again at once.",
        "It listens on the same port again.",
        &[Unknown],
        &[AddressInUse],
        process::restart,
    )
    .of_the_process(),
    Torment::new(
        "endless-line",
        "64 MiB without a line end.",
        "It stops reading, or closes, or throws it away; its memory does not grow with it.",
        &[UnboundedLine, TrustsInput],
        &[UnboundedLine, Unfair],
        framing::endless_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "slow-reader",
        "One floods, and another reads 2 MB a second of it.",
        "It gets every line, or is disconnected: never a gap.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::slow_reader,
    ),
    Torment::new(
        "flood-all",
        "All talk as fast as they can, and read.",
        "Each line comes once, whole, in its sender's order, and in one order for all.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        floods::flood_all,
    )
    .first_of_its_kind(),
    Torment::new(
        "full-house",
        "Clients come until no more are let in, or 32 are inside; then some leave and others come.",
        "Whoever is not let in is told so or waits; a seat that becomes free is given again.",
        &[ClientErrorEndsServer],
        &[SeatsNotFreed],
        connections::full_house,
    ),
    Torment::new(
        "churn",
        "Three hundred come, say a word and leave.",
        "Nothing of them is left: no descriptor, no thread, no memory.",
        &[ClientErrorEndsServer],
        &[Leaks, ErrorEndsFanOut],
        connections::churn,
    ),
    Torment::new(
        "firehose",
        "One sends without pause while another says a word now and then.",
        "The word is heard about as soon as without.",
        &[WouldBlockIsAnError],
        &[Unfair, BlockingWrite],
        floods::firehose,
    ),
    Torment::new(
        "trickle-reader",
        "One floods, and another reads 2 KiB a second.",
        "The others talk on, and the server's memory does not grow with what is owed.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::trickle_reader,
    ),
];
