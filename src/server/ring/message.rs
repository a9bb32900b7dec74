//! What a send of several pieces points to.

use std::io::IoSlice;
use std::ptr;

/// The pieces of a message, and their list.
pub(super) struct Message {
    header: libc::msghdr,
    pieces: [libc::iovec; 3],
}

impl Message {
    pub(super) fn empty() -> Message {
        let nothing = libc::iovec { iov_base: ptr::null_mut(), iov_len: 0 };
        // SAFETY: a header of zeros has no address, no pieces and no control data.
        Message { header: unsafe { std::mem::zeroed() }, pieces: [nothing; 3] }
    }

    /// Points to these pieces, without the empty ones.
    pub(super) fn set(&mut self, pieces: &[IoSlice<'_>; 3]) -> *const libc::msghdr {
        let mut len = 0;
        for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
            self.pieces[len] = libc::iovec { iov_base: piece.as_ptr().cast_mut().cast(), iov_len: piece.len() };
            len += 1;
        }
        self.header.msg_iov = self.pieces.as_mut_ptr();
        self.header.msg_iovlen = len as _;
        &self.header
    }
}
