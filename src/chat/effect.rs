//! The effects: what a driver has to do.

use super::id::Id;
use super::reason::Reason;
use std::net::SocketAddr;

/// What a driver has to do in step 3 of a turn.
///
/// An effect may name a client that the driver has disconnected meanwhile. Then there is nothing to do.
#[must_use = "an effect that is not carried out leaves a client unwritten, unread or open"]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Effect {
    /// Write to this client, in the direct or the detached way.
    Flush(Id),
    /// Close this connection. Its bytes are written or given up, and the hub has forgotten the client.
    Close(Id, Reason),
    /// Call [`Hub::permit`](super::Hub::permit) again for this client: it had to wait, and no longer has to. That handles
    /// the input that was held back. The client may have sent more meanwhile.
    Resume(Id),
    /// Stop, as if a signal said so. The room is closed already.
    Stop,
    /// Connect to this address, and call [`Hub::dialled`](super::Hub::dialled), or [`Hub::not_dialled`](super::Hub::not_dialled) if
    /// that fails at once. Only in a room on several servers.
    Dial(SocketAddr),
}
