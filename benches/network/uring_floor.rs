//! The floor over io_uring: the least that a relay could do. It receives from each client into buffers that the kernel
//! chooses, and has one send to each other client under way. It has no lines, no names and no limits, and it runs until
//! killed.
#![allow(unsafe_code)] // The kernel uses the buffers of operations that are under way; each block says why they live.

use io_uring::types::Fd;
use io_uring::{IoUring, cqueue, opcode, squeue};
use rustix::io::Errno;
use socket2::SockRef;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::fd::AsRawFd;

const READ_MAX: usize = 4 << 10;
const BUFFERS: u16 = 1024;
const GATHERS_MAX: usize = 16;
/// The kind of an operation is in the upper half of its number, and the client's descriptor in the lower half.
const ACCEPT: u64 = 1 << 32;
const RECEIVE: u64 = 2 << 32;
const SEND: u64 = 3 << 32;
const PROVIDE: u64 = 4 << 32;

#[derive(Default)]
struct FloorClient {
    /// Bytes that no send has taken yet.
    rest: Vec<u8>,
    /// Bytes of the send that is under way.
    sending: Vec<u8>,
}

/// Serves until killed.
pub fn serve(addr: &str) {
    let listener = TcpListener::bind(addr).expect("a free port");
    // The accepted sockets inherit it.
    SockRef::from(&listener).set_tcp_nodelay(true).expect("a socket");
    let mut builder = IoUring::builder();
    builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag().setup_submit_all().setup_cqsize(4096);
    let mut ring: IoUring = builder.build(256).expect("io_uring");
    // They live as long as the process.
    let buffers: &mut [u8] = vec![0; READ_MAX * usize::from(BUFFERS)].leak();
    let provide = |first: u16, count: u16| {
        let begin = buffers[usize::from(first) * READ_MAX..].as_ptr().cast_mut();
        opcode::ProvideBuffers::new(begin, READ_MAX as i32, count, 0, first).build().user_data(PROVIDE)
    };
    push(&mut ring, provide(0, BUFFERS));
    push(&mut ring, opcode::AcceptMulti::new(Fd(listener.as_raw_fd())).build().user_data(ACCEPT));
    // By descriptor.
    let mut clients: Vec<Option<FloorClient>> = Vec::new();
    let mut completions: Vec<cqueue::Entry> = Vec::new();
    loop {
        call(&mut ring, 1);
        completions.extend(ring.completion());
        // Whoever sends a burst is probably not the only one: one send is for all that comes meanwhile.
        for _ in 0..GATHERS_MAX {
            if completions.len() < 2 {
                break;
            }
            std::thread::yield_now();
            if !ring.submission().taskrun() {
                break;
            }
            // Without a wait: that there is work does not mean that it completes anything, and others wait for what is here.
            call(&mut ring, 0);
            completions.extend(ring.completion());
        }
        let (mut said, mut parts) = (Vec::new(), Vec::new());
        for completion in completions.drain(..) {
            let (kind, key) = (completion.user_data() & !0xffff_ffff, completion.user_data() as u32 as usize);
            match (kind, usize::try_from(completion.result())) {
                (ACCEPT, Ok(fd)) => {
                    if clients.len() <= fd {
                        clients.resize_with(fd + 1, || None);
                    }
                    clients[fd] = Some(FloorClient::default());
                    push(&mut ring, receive(fd));
                }
                (RECEIVE, Ok(n @ 1..)) => {
                    let chosen = cqueue::buffer_select(completion.flags()).expect("a buffer");
                    let begin = usize::from(chosen) * READ_MAX;
                    parts.push((key, said.len()..said.len() + n));
                    said.extend_from_slice(&buffers[begin..begin + n]);
                    push(&mut ring, provide(chosen, 1));
                    if !cqueue::more(completion.flags()) {
                        push(&mut ring, receive(key));
                    }
                }
                // All buffers are in use.
                (RECEIVE, Err(_)) if completion.result() == -Errno::NOBUFS.raw_os_error() => {
                    push(&mut ring, receive(key));
                }
                (RECEIVE, _) => clients[key] = None,
                (SEND, taken) => {
                    let is_lost = taken.is_err() && !is_passing(completion.result());
                    match &mut clients[key] {
                        client if is_lost => *client = None,
                        Some(client) => {
                            client.rest.splice(..0, client.sending.drain(..).skip(taken.unwrap_or(0)));
                        }
                        None => {}
                    }
                }
                _ => {}
            }
        }
        for (fd, client) in clients.iter_mut().enumerate() {
            let Some(client) = client else { continue };
            // A client may have said several parts in one turn.
            let mut begin = 0;
            for (_, own) in parts.iter().filter(|(speaker, _)| *speaker == fd) {
                client.rest.extend_from_slice(&said[begin..own.start]);
                begin = own.end;
            }
            client.rest.extend_from_slice(&said[begin..]);
            if client.sending.is_empty() && !client.rest.is_empty() {
                std::mem::swap(&mut client.sending, &mut client.rest);
                let bytes = &client.sending;
                let send = opcode::Send::new(Fd(fd as i32), bytes.as_ptr(), bytes.len() as u32);
                push(&mut ring, send.build().user_data(SEND | fd as u64));
            }
        }
    }
}

/// Hands over what is queued, and waits for so many completions, or for a signal.
fn call(ring: &mut IoUring, completions: usize) {
    if let Err(e) = ring.submit_and_wait(completions) {
        assert_eq!(e.kind(), ErrorKind::Interrupted, "{e}");
    }
}

/// Whether an operation that has failed like this may succeed the next time.
fn is_passing(result: i32) -> bool {
    [Errno::AGAIN, Errno::INTR, Errno::NOBUFS, Errno::NOMEM].iter().any(|errno| result == -errno.raw_os_error())
}

fn receive(fd: usize) -> squeue::Entry {
    opcode::RecvMulti::new(Fd(fd as i32), 0).build().user_data(RECEIVE | fd as u64)
}

fn push(ring: &mut IoUring, entry: squeue::Entry) {
    // SAFETY: the buffers for what is received live as long as the process. The bytes of a send are not touched before it is
    // complete; a benchmark's clients leave only when the server is killed.
    while unsafe { ring.submission().push(&entry) }.is_err() {
        ring.submit().expect("io_uring");
    }
}
