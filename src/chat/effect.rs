//! What a driver has to do.

use super::id::Id;
use super::reason::Reason;

/// What a driver has to do in step 3 of a turn.
///
/// An effect may name a client that the driver has disconnected meanwhile; then there is nothing to do.
#[must_use = "an effect that is not carried out leaves a client unwritten, unread or open"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write to this client, the direct or the detached way.
    Flush(Id),
    /// Close this connection. All bytes for it are written, or never will be, and the hub has forgotten the client.
    Close(Id, Reason),
    /// Ask [`Hub::permit`](super::Hub::permit) again for this client: it had to wait, and need not any more. It may have
    /// sent meanwhile.
    Resume(Id),
}
