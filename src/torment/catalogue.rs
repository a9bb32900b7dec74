//! The catalogue: all torments.

use super::cause::Cause::*;
use super::entry::Torment;
use super::{bytes, connections, floods, framing, pressure, process, readers};

/// All torments, in the order in which they run. Torments whose failure explains others come first. Those that take
/// long come last, because a server that fails many may use up the time.
pub const TORMENTS: &[Torment] = &[
    Torment::new(
        "idle",
        "Two clients are connected and send nothing.",
        "It sleeps.",
        &[Unknown],
        &[Unknown],
        process::idle,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "own-line",
        "A client sends a line and looks whether it comes back.",
        "Each line reaches each of the others once.",
        &[Unknown],
        &[Unknown],
        framing::own_line,
    ),
    Torment::new(
        "split-line",
        "Half a line, a line of another client, the other half.",
        "Both lines arrive whole.",
        &[TrustsInput],
        &[BlockingHandshake, BlockingWrite],
        framing::split_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "two-in-one",
        "Two lines are sent in one piece.",
        "Two lines arrive.",
        &[TrustsInput],
        &[Unknown],
        framing::two_in_one,
    ),
    Torment::new(
        "byte-by-byte",
        "A line is sent byte by byte while another client sends.",
        "Both lines arrive whole.",
        &[TrustsInput],
        &[BlockingHandshake],
        framing::byte_by_byte,
    ),
    Torment::new(
        "utf8-split",
        "A character of three bytes is sent in two pieces.",
        "It arrives as if it had been sent whole.",
        &[DecodesPieces, TrustsInput],
        &[TrustsInput],
        framing::utf8_split,
    ),
    Torment::new(
        "gulp",
        "Two thousand lines are sent in one piece, and then nothing.",
        "All arrive, without another line to trigger them.",
        &[WouldBlockIsAnError],
        &[OneReadPerEdge],
        framing::gulp,
    ),
    Torment::new(
        "long-line",
        "Longer and longer lines, up to 20 000 bytes, are sent.",
        "Each arrives whole or is refused; the other clients are not disturbed.",
        &[TrustsInput],
        &[TrustsInput],
        framing::long_line,
    ),
    Torment::new(
        "garbage",
        "HTTP, a TLS hello, telnet's negotiation, NULs, escape sequences, random bytes.",
        "Whatever it does with them, the other clients are not disturbed.",
        &[TrustsInput],
        &[TrustsInput],
        bytes::garbage_bytes,
    )
    .checked_for_busy_loop()
    .first_of_its_kind(),
    Torment::new(
        "burst-connect",
        "Eight clients connect at once while the server is stopped.",
        "All can talk.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge],
        connections::burst_connect,
    )
    .first_of_its_kind(),
    Torment::new(
        "connect-storm",
        "Two hundred clients connect and leave at once, some with a reset.",
        "Connected clients talk on, and new ones are let in.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge, ErrorEndsFanOut, ClientErrorEndsServer],
        connections::connect_storm,
    )
    .checked_for_busy_loop(),
    Torment::new(
        "silent-newcomer",
        "A client connects and sends nothing, and another one connects.",
        "The others do not have to wait for it.",
        &[ClientErrorEndsServer],
        &[BlockingHandshake, OneAcceptPerEdge],
        connections::silent_newcomer,
    )
    .first_of_its_kind(),
    Torment::new(
        "reset-idle",
        "A client that sends nothing resets its connection.",
        "It is removed, and the others talk on.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_idle,
    )
    .checked_for_busy_loop(),
    Torment::new(
        "reset-backlog",
        "Connections are reset before they are accepted.",
        "The other clients are not disturbed.",
        &[ClientErrorEndsServer],
        &[OneAcceptPerEdge, ErrorEndsFanOut, ClientErrorEndsServer],
        connections::reset_backlog,
    ),
    Torment::new(
        "reset-mid-fanout",
        "A client leaves, by a FIN or a reset, while the others send.",
        "The others get each line once.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::reset_mid_fanout,
    )
    .first_of_its_kind(),
    Torment::new(
        "rush-hour",
        "Some clients talk while others connect, send a line and leave, without pause.",
        "Those that stay get each line once.",
        &[ClientErrorEndsServer, SharedUnguarded],
        &[ErrorEndsFanOut, SharedUnguarded, ClientErrorEndsServer],
        connections::rush_hour,
    )
    .first_of_its_kind(),
    Torment::new(
        "half-close",
        "A client sends three lines and ends its side of the connection.",
        "The lines arrive, and the end-of-file causes no busy loop.",
        &[ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::half_close,
    )
    .first_of_its_kind(),
    Torment::new(
        "stale-event",
        "One client leaves, one connects and one sends, all in one batch of events.",
        "The new client stays.",
        &[StaleEvent, ClientErrorEndsServer],
        &[ErrorEndsFanOut],
        connections::stale_event,
    )
    .of_the_process(),
    Torment::new(
        "vanish",
        "A client disappears without a FIN: nothing that is sent to it is acknowledged.",
        "The others talk on.",
        &[ClientErrorEndsServer],
        &[BlockingWrite],
        connections::vanish,
    ),
    Torment::new(
        "stuck-reader",
        "One client floods, and another does not read at all.",
        "The others talk on, and the server's memory does not grow with the pending lines.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::stuck_reader,
    )
    .first_of_its_kind(),
    Torment::new(
        "no-descriptors",
        "The server has no descriptors left while clients connect; then it has some again.",
        "Connected clients talk on, there is no busy loop, and the others are let in when there are descriptors.",
        &[DescriptorDeath],
        &[DescriptorSpin],
        process::no_descriptors,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "stop-continue",
        "The process is stopped by SIGSTOP and continued by SIGCONT.",
        "It goes on, and what was sent meanwhile arrives.",
        &[InterruptedIsAnError],
        &[InterruptedIsAnError],
        process::stop_continue,
    )
    .of_the_process(),
    Torment::new(
        "frozen-stdout",
        "Nobody reads the server's stdout while clients talk, connect and leave.",
        "The chat goes on.",
        &[ClientErrorEndsServer],
        &[BlockingPrint, ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::frozen_stdout,
    )
    .of_its_stdout()
    .first_of_its_kind(),
    Torment::new(
        "closed-stdout",
        "The other end of the server's stdout is closed.",
        "The chat goes on.",
        &[PrintEndsServer, ClientErrorEndsServer],
        &[PrintEndsServer, ErrorEndsFanOut, ClientErrorEndsServer, OneAcceptPerEdge],
        process::closed_stdout,
    )
    .of_its_stdout(),
    Torment::new(
        "terminate",
        "SIGTERM is sent.",
        "It ends within five seconds.",
        &[Unknown],
        &[Unknown],
        process::terminate,
    )
    .of_the_process()
    .first_of_its_kind(),
    Torment::new(
        "restart",
        "It is stopped while clients are connected, and started again at once.",
        "It listens on the same port again.",
        &[Unknown],
        &[AddressInUse],
        process::restart,
    )
    .of_the_process(),
    Torment::new(
        "endless-line",
        "64 MiB without a line end are sent.",
        "It stops reading, closes, or discards them; its memory does not grow with them.",
        &[UnboundedLine, TrustsInput],
        &[UnboundedLine, Unfair],
        framing::endless_line,
    )
    .first_of_its_kind(),
    Torment::new(
        "slow-reader",
        "One client floods, and another reads 2 MB a second.",
        "The slow client gets every line, or is disconnected: never a gap.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::slow_reader,
    ),
    Torment::new(
        "flood-all",
        "All clients send as fast as they can, and read.",
        "Each line arrives once, whole, in its sender's order, and in the same order at all.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        floods::flood_all,
    )
    .first_of_its_kind(),
    Torment::new(
        "full-house",
        "Clients connect until no more are let in, or 32 are; then some leave and others connect.",
        "A client that is not let in is told so or waits; a seat that becomes free is used again.",
        &[ClientErrorEndsServer],
        &[SeatsNotFreed],
        connections::full_house,
    ),
    Torment::new(
        "churn",
        "Three hundred clients connect, send a line and leave.",
        "Nothing of them is left: no descriptors, threads or memory.",
        &[ClientErrorEndsServer],
        &[Leaks, ErrorEndsFanOut],
        connections::churn,
    ),
    Torment::new(
        "firehose",
        "One client sends without pause while another sends a line now and then.",
        "The line arrives about as soon as without the flood.",
        &[WouldBlockIsAnError],
        &[Unfair, BlockingWrite],
        floods::firehose,
    ),
    Torment::new(
        "selfish-reader",
        "One client asks without pause for what is answered to itself alone, and reads 1.6 MB a second.",
        "The lines of the others arrive about as soon as without it.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::selfish_reader,
    ),
    Torment::new(
        "whisperers",
        "Two clients send private lines to each other without pause, and read 400 KiB a second.",
        "The lines of the others arrive about as soon as without them.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::whisperers,
    ),
    Torment::new(
        "polite-beside-flood",
        "One client floods, another reads 400 KiB a second, and the others say little.",
        "Their lines arrive about as soon as without the flood, and the slow client loses none.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        pressure::polite_beside_flood,
    )
    .first_of_its_kind(),
    Torment::new(
        "trickle-reader",
        "One client floods, and another reads 2 KiB a second.",
        "The others talk on, and the server's memory does not grow with the pending lines.",
        &[WouldBlockIsAnError],
        &[BlockingWrite],
        readers::trickle_reader,
    ),
];
