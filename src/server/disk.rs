//! Writes to a file that never block the caller: a thread of its own waits for the disk.
//!
//! A file is always "ready" for epoll and poll, and O_NONBLOCK has no effect on it. Yet a write to a disk that hangs
//! (a network file system without its server, a frozen file system) blocks for as long as the disk hangs.
//!
//! A thread in such a write cannot be killed either. The process ends when the write returns, and until then the kernel
//! keeps the descriptors that the process has not closed. So a driver closes its sockets before it waits for the disk.

use super::diagnostics;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};

/// The most that is copied for the thread at a time. Bytes.
const WRITE_MAX: usize = 1 << 20;
/// The thread's stack. Bytes.
const STACK: usize = 128 << 10;

/// Opens a file to append to it, and creates it if there is none. A new file is its owner's alone: what is said in a room
/// is not for every user of the machine. It is opened for reading, too, so that the open of a named pipe does not wait
/// for the other end.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// A file, and the thread `disk` that writes to it, one write at a time.
pub(crate) struct DiskWriter {
    jobs: Sender<Job>,
    results: Receiver<io::Result<usize>>,
    /// The thread has a write whose result was not taken yet.
    is_writing: bool,
}

/// What the thread is asked to do.
enum Job {
    Write(Vec<u8>),
    Reopen(PathBuf),
}

impl DiskWriter {
    pub(crate) fn new(file: File) -> io::Result<DiskWriter> {
        let (jobs, queue) = channel();
        let (answers, results) = channel();
        let thread = std::thread::Builder::new().name("disk".into()).stack_size(STACK);
        thread.spawn(move || work(&queue, &answers, file))?;
        Ok(DiskWriter { jobs, results, is_writing: false })
    }

    /// A write(2) that the thread makes. While it is under way this fails with [`ErrorKind::WouldBlock`]: call again
    /// with the same bytes, or with more behind them, until the result is returned. So the caller keeps its bytes until
    /// they are written, and an error concerns exactly those that it still has.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_writing {
            let bytes = &bytes[..bytes.len().min(WRITE_MAX)];
            self.jobs.send(Job::Write(bytes.to_vec())).map_err(|_| ErrorKind::BrokenPipe)?;
            self.is_writing = true;
        }
        let result = self.results.try_recv().map_err(|e| match e {
            TryRecvError::Empty => ErrorKind::WouldBlock,
            TryRecvError::Disconnected => ErrorKind::BrokenPipe,
        })?;
        self.is_writing = false;
        result
    }

    /// Goes on in the file of this name, after the write that is under way. If it cannot be opened, a warning is logged and
    /// the old file is kept.
    pub(crate) fn reopen(&self, path: &Path) {
        // Without a thread every write fails.
        let _ = self.jobs.send(Job::Reopen(path.to_owned()));
    }
}

/// The thread. It ends when its [`DiskWriter`] is dropped.
fn work(queue: &Receiver<Job>, answers: &Sender<io::Result<usize>>, mut file: File) {
    for job in queue {
        match job {
            Job::Write(bytes) if answers.send(file.write(&bytes)).is_err() => return,
            Job::Write(_) => {}
            Job::Reopen(path) => match open(&path) {
                Ok(again) => {
                    log::info!("{}", diagnostics::opened_again(&path));
                    file = again;
                }
                Err(e) => log::warn!("{}", diagnostics::old_file_is_kept(&path, &e)),
            },
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::io::{PipeReader, Read};
    use std::os::fd::OwnedFd;
    use std::time::{Duration, Instant};

    /// A pipe is a disk that hangs while the pipe is full.
    pub(crate) fn disk() -> (PipeReader, DiskWriter) {
        let (reader, writer) = io::pipe().expect("a pipe");
        (reader, DiskWriter::new(OwnedFd::from(writer).into()).expect("a thread"))
    }

    /// Calls `write` until it has a result.
    fn written(disk: &mut DiskWriter, bytes: &[u8]) -> io::Result<usize> {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            match disk.write(bytes) {
                Err(e) if e.kind() == ErrorKind::WouldBlock => assert!(Instant::now() < end, "no result"),
                result => return result,
            }
            std::thread::yield_now();
        }
    }

    #[test]
    fn what_is_offered_again_while_it_is_written_is_written_once() {
        let (mut reader, mut disk) = disk();
        assert_eq!(written(&mut disk, b"one\n").expect("there is room"), 4);
        assert_eq!(written(&mut disk, b"two\n").expect("there is room"), 4);
        drop(disk);
        let mut text = String::new();
        reader.read_to_string(&mut text).expect("the thread ends and closes the pipe");
        assert_eq!(text, "one\ntwo\n");
    }

    #[test]
    fn a_disk_that_hangs_blocks_nobody() {
        let (mut reader, mut disk) = disk();
        let bytes = vec![b'x'; 2 * WRITE_MAX];
        for _ in 0..1000 {
            assert_eq!(disk.write(&bytes).expect_err("the pipe is full").kind(), ErrorKind::WouldBlock);
        }
        let read = std::thread::spawn(move || {
            let mut got = vec![0; WRITE_MAX];
            reader.read_exact(&mut got).map(|()| reader)
        });
        assert_eq!(written(&mut disk, &bytes).expect("somebody reads"), WRITE_MAX, "as much as is copied at a time");
        read.join().expect("it ends").expect("all of it");
    }

    #[test]
    fn an_error_is_returned_once() {
        let (reader, mut disk) = disk();
        drop(reader);
        assert_eq!(written(&mut disk, b"x").expect_err("nobody reads").kind(), ErrorKind::BrokenPipe);
        assert!(!disk.is_writing, "the next write is tried");
    }
}
