//! Buffers for what is received, which the kernel chooses from.
//!
//! A receive that waits needs no buffer. So a pool that is enough for what arrives in one turn serves any number of
//! silent clients.

use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// A buffer that the kernel has filled. Give it back when its bytes are read.
#[must_use = "the pool has a buffer less until it is given back"]
pub(crate) struct Buffer {
    id: u16,
    len: usize,
}

impl Buffer {
    pub(super) fn id(&self) -> u16 {
        self.id
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }
}

/// The buffers, and the queue of those that the kernel may take, in one block of memory: first the queue, then the
/// buffers.
pub(super) struct Pool {
    block: NonNull<u8>,
    layout: Layout,
    /// Where the buffers begin in the block.
    offset: usize,
    /// The number of buffers, a power of two.
    count: u16,
    /// The length of each. Bytes.
    len: u32,
    /// The number of buffers that were given, from the beginning.
    given: u16,
    is_leaked: bool,
}

impl Pool {
    /// The number by which operations name the pool.
    pub(super) const GROUP: u16 = 0;

    pub(super) fn new(io: &IoUring, count: u16, len: u32) -> io::Result<Pool> {
        assert!(count.is_power_of_two() && len > 0);
        let page = rustix::param::page_size();
        let offset = (usize::from(count) * size_of::<BufRingEntry>()).next_multiple_of(page);
        let size = offset + usize::from(count) * len as usize;
        let layout = Layout::from_size_align(size, page).map_err(io::Error::other)?;
        // SAFETY: the size is not zero.
        let block = NonNull::new(unsafe { alloc(layout) }).unwrap_or_else(|| handle_alloc_error(layout));
        // SAFETY: the queue is within the block, and nobody else uses it yet.
        unsafe { block.write_bytes(0, offset) };
        let mut pool = Pool { block, layout, offset, count, len, given: 0, is_leaked: false };
        // SAFETY: the address is that of a page, the queue has this many entries, and it is freed after the ring.
        unsafe { io.submitter().register_buf_ring_with_flags(block.as_ptr() as u64, count, Pool::GROUP, 0)? };
        (0..count).for_each(|id| pool.give(id));
        Ok(pool)
    }

    /// # Safety
    ///
    /// The kernel has taken this buffer, and has written `len` bytes.
    pub(super) unsafe fn take_out(&self, id: u16, len: usize) -> Buffer {
        assert!(id < self.count && len <= self.len as usize);
        Buffer { id, len }
    }

    pub(super) fn bytes(&self, buffer: &Buffer) -> &[u8] {
        // SAFETY: the kernel has written these bytes, and does not use the buffer until it is given back. That takes
        // the only `Buffer` of this number.
        unsafe { std::slice::from_raw_parts(self.address(buffer.id), buffer.len) }
    }

    pub(super) fn give_back(&mut self, buffer: Buffer) {
        self.give(buffer.id);
    }

    /// The length of a buffer. Bytes.
    pub(super) fn buffer_len(&self) -> usize {
        self.len as usize
    }

    /// Never frees the memory.
    pub(super) fn leak(&mut self) {
        self.is_leaked = true;
    }

    fn give(&mut self, id: u16) {
        let queue = self.block.as_ptr().cast::<BufRingEntry>();
        let place = usize::from(self.given & (self.count - 1));
        self.given = self.given.wrapping_add(1);
        // SAFETY: the entry is within the queue, and the kernel reads it only after the next store. There are no more
        // buffers than entries, so it is a free one. The end of the queue is stored within its first entry, in a field
        // that is not set here.
        unsafe {
            let entry = &mut *queue.add(place);
            entry.set_addr(self.address(id) as u64);
            entry.set_len(self.len);
            entry.set_bid(id);
            AtomicU16::from_ptr(BufRingEntry::tail(queue).cast_mut()).store(self.given, Ordering::Release);
        }
    }

    fn address(&self, id: u16) -> *const u8 {
        // SAFETY: all buffers are within the block.
        unsafe { self.block.as_ptr().add(self.offset + usize::from(id) * self.len as usize) }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        if !self.is_leaked {
            // SAFETY: it was allocated with this layout, and the ring, which is dropped before, has let go of it.
            unsafe { dealloc(self.block.as_ptr(), self.layout) }
        }
    }
}
