//! Writes to stdout and stderr that never block.
//!
//! A pipe that nobody reads, or a terminal stopped by Ctrl-S, blocks its writers, and with them a server that prints in
//! its loop. O_NONBLOCK would help, but it belongs to the open file description, which we share with the shell and
//! other programs on the terminal: their writes would fail with EAGAIN. So the file is opened a second time where that
//! is possible, and only our description is non-blocking.

mod above;

use super::disk::DiskWriter;
use super::terminal::is_attended;
use crate::trace::record::Stderr;
use above::Above;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::net::{SendFlags, send};
use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, OwnedFd};

/// A pipe that polls as writable takes this many bytes without blocking: the minimum that POSIX guarantees. Bytes.
const PIPE_BUF: usize = 512;

/// Makes all writes to stderr fail instead of block (`eprintln!` too), where the system allows it.
pub(crate) fn keep_stderr_from_waiting() -> io::Result<()> {
    // A regular file is the same description again. A socket is left as it is.
    if let Sink::File(file) = Sink::to(io::stderr().as_fd().try_clone_to_owned()?)? {
        rustix::stdio::dup2_stderr(&file)?;
    }
    Ok(())
}

pub(crate) enum Sink {
    /// An open file description of our own with O_NONBLOCK, or stderr's regular file.
    File(File),
    /// A file that may be on a disk that hangs.
    Disk(DiskWriter),
    /// A terminal where somebody types.
    Above(Above),
    /// A socket, written to with MSG_DONTWAIT in each call.
    Socket(OwnedFd),
    /// Could not be opened again. poll(2) is asked before each small write.
    Asked(File),
}

impl Sink {
    /// Starts a thread if stdout is a regular file.
    pub(crate) fn stdout() -> io::Result<Sink> {
        let fd = io::stdout().as_fd().try_clone_to_owned()?;
        if file_type(&fd)? == FileType::RegularFile {
            Ok(Sink::Disk(DiskWriter::new(fd.into())?))
        } else if is_attended() {
            Sink::to(fd).map(Above::of)
        } else {
            Sink::to(fd)
        }
    }

    /// A regular file gets no thread here: what is written to stderr may wait for a disk that hangs.
    pub(crate) fn stderr() -> io::Result<Sink> {
        Sink::to(io::stderr().as_fd().try_clone_to_owned()?)
    }

    /// The same as a closure, for code that does not know [`Sink`].
    pub(crate) fn into_writer(mut self) -> Stderr {
        Box::new(move |bytes| self.write(bytes))
    }

    pub(super) fn to(fd: OwnedFd) -> io::Result<Sink> {
        Ok(match file_type(&fd)? {
            FileType::RegularFile => Sink::File(fd.into()),
            FileType::Socket => Sink::Socket(fd),
            _ => match reopen(&fd) {
                Ok(file) => Sink::File(file),
                Err(_) => Sink::Asked(fd.into()),
            },
        })
    }

    /// Writes what is taken without blocking, and returns the number of bytes. Fails with [`ErrorKind::WouldBlock`] if
    /// nothing is taken; then offer the same bytes again: see [`DiskWriter::write`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::File(file) => file.write(bytes),
            Sink::Above(above) => above.write(bytes),
            Sink::Disk(disk) => disk.write(bytes),
            Sink::Socket(fd) => Ok(send(fd, bytes, SendFlags::DONTWAIT)?),
            Sink::Asked(file) => {
                let mut fds = [PollFd::new(&*file, PollFlags::OUT)];
                poll(&mut fds, Some(&Timespec::default()))?;
                if fds[0].revents().is_empty() {
                    return Err(ErrorKind::WouldBlock.into());
                }
                file.write(&bytes[..bytes.len().min(PIPE_BUF)])
            }
        }
    }

    /// The number of system calls that the calling thread makes for one write.
    pub(crate) fn calls(&self) -> usize {
        match self {
            Sink::Disk(_) => 0,
            Sink::Above(_) => 3,
            _ => 1,
        }
    }
}

fn file_type(fd: &OwnedFd) -> io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(fd)?.st_mode as _))
}

/// Opens the file behind a descriptor again.
#[cfg(target_os = "linux")]
fn reopen(fd: &OwnedFd) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", fd.as_raw_fd());
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(open(path, flags, Mode::empty())?.into())
}

/// On other systems `/dev/fd` gives the same description; only a terminal can be opened again, by its name.
#[cfg(not(target_os = "linux"))]
fn reopen(fd: &OwnedFd) -> io::Result<File> {
    use rustix::fs::{Mode, OFlags, open};
    let name = rustix::termios::ttyname(fd, Vec::new())?;
    let flags = OFlags::WRONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(open(&name, flags, Mode::empty())?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    /// Writes until nothing more is taken. Returns the number of bytes.
    fn fill(sink: &mut Sink) -> usize {
        let mut total = 0;
        loop {
            match sink.write(&[b'x'; 4096]) {
                Ok(n) => total += n,
                Err(e) if e.kind() == ErrorKind::WouldBlock => return total,
                Err(e) => panic!("{e}"),
            }
        }
    }

    #[test]
    fn a_full_pipe_is_no_reason_to_wait_and_its_other_writers_keep_their_mode() {
        let (mut reader, writer) = io::pipe().expect("a pipe");
        let mut sink = Sink::to(OwnedFd::from(writer.try_clone().expect("a descriptor"))).expect("a sink");
        let total = fill(&mut sink);
        assert!(total >= 4096);
        let flags = rustix::fs::fcntl_getfl(&writer).expect("flags");
        assert!(!flags.contains(rustix::fs::OFlags::NONBLOCK), "the shared description was changed");
        let mut buf = vec![0; total];
        reader.read_exact(&mut buf).expect("all of it");
        assert!(fill(&mut sink) > 0, "it takes bytes again");
    }

    #[test]
    fn a_socket_takes_as_much_as_it_has_room_for() {
        let (_reader, writer) = UnixStream::pair().expect("a socket");
        let mut sink = Sink::to(writer.into()).expect("a sink");
        assert_eq!(sink.write(&[b'x'; 4096]).expect("it is empty"), 4096);
        assert!(fill(&mut sink) > 0, "and until it has none");
    }

    #[test]
    fn asking_before_each_piece_does_not_wait_either() {
        let (_reader, writer) = io::pipe().expect("a pipe");
        let mut sink = Sink::Asked(File::from(OwnedFd::from(writer)));
        assert!(fill(&mut sink) >= PIPE_BUF);
    }

    #[test]
    fn a_closed_pipe_is_an_error() {
        let (reader, writer) = io::pipe().expect("a pipe");
        let mut sink = Sink::to(writer.into()).expect("a sink");
        drop(reader);
        assert_eq!(sink.write(b"x").expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
    }
}
