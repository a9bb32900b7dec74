//! Mutexes, condition variables, channels and threads with the standard library's interface, on shuttle and the
//! [`scheduler`](super::scheduler).

use super::super::kernel::{Kernel, with};
use super::scheduler::{Wait, after, is_over, new_word, say, sleep};
use std::io::{self, ErrorKind};
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, LockResult, PoisonError};
use std::time::Duration;

pub(super) struct Mutex<T>(shuttle::sync::Mutex<T>);

pub(super) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    guard: shuttle::sync::MutexGuard<'a, T>,
}

impl<T> Mutex<T> {
    pub(super) fn new(value: T) -> Mutex<T> {
        Mutex(shuttle::sync::Mutex::new(value))
    }
    pub(super) fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(MutexGuard { mutex: self, guard })
    }
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.guard
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.guard
    }
}

/// The room's mutex.
pub(super) struct RoomMutex<T>(Mutex<T>);

pub(super) struct RoomGuard<'a, T>(MutexGuard<'a, T>);

impl<T> RoomMutex<T> {
    pub(super) fn new(value: T) -> RoomMutex<T> {
        RoomMutex(Mutex::new(value))
    }
    pub(super) fn lock(&self) -> RoomGuard<'_, T> {
        RoomGuard(self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<T> RoomGuard<'_, T> {
    pub(super) fn wait(self, changed: &Condvar) -> Self {
        RoomGuard(changed.wait_until(self.0, None))
    }
    pub(super) fn wait_timeout(self, changed: &Condvar, timeout: Duration) -> Self {
        RoomGuard(changed.wait_until(self.0, Some(after(timeout))))
    }
}

impl<T> Deref for RoomGuard<'_, T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for RoomGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

/// The notifications that its sleepers wait for.
#[derive(Default)]
pub(super) struct Condvar(std::sync::Mutex<Vec<u64>>);

impl Condvar {
    pub(super) fn new() -> Condvar {
        Condvar::default()
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.0.lock().expect("nothing fails within")
    }

    /// Unlocks the mutex, sleeps until the notification or until `end`, and locks again. Some waits return at once: a
    /// spurious wake-up.
    fn wait_until<'a, T>(&self, guard: MutexGuard<'a, T>, end: Option<Duration>) -> MutexGuard<'a, T> {
        let word = new_word();
        self.waiting().push(word);
        let mutex = guard.mutex;
        drop(guard);
        let is_spurious = with(|kernel| kernel.dice.one_in(10));
        if is_spurious {
            with(|kernel| kernel.meet("spurious wake-up"));
        } else {
            sleep(Wait::Word(word), end);
        }
        self.waiting().retain(|waiting| *waiting != word);
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        Ok(self.wait_until(guard, None))
    }

    pub(super) fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        timeout: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, ())> {
        Ok((self.wait_until(guard, Some(after(timeout))), ()))
    }

    pub(super) fn notify_one(&self) {
        let mut waiting = self.waiting();
        if !waiting.is_empty() {
            let one = with(|kernel| kernel.dice.below(waiting.len()));
            let word = waiting.swap_remove(one);
            drop(waiting);
            say(word);
        }
    }

    pub(super) fn notify_all(&self) {
        let words = std::mem::take(&mut *self.waiting());
        words.into_iter().for_each(say);
    }
}

pub(super) fn spawn(name: String, _: usize, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    if with(|kernel| kernel.has_no_thread(&name)) {
        return Err(ErrorKind::WouldBlock.into());
    }
    super::scheduler::spawn(name, run);
    Ok(())
}

pub(super) mod thread {
    use super::*;
    use crate::chat::messages;
    use crate::text::Lang;

    impl Kernel {
        /// Refuses a thread at random, and notes that its client is not served.
        pub(crate) fn has_no_thread(&mut self, name: &str) -> bool {
            let Some((kind, number)) = name.split_once('-').filter(|_| self.fails && self.dice.one_in(60)) else {
                return false;
            };
            let number = number.parse().expect("threads are named for their clients");
            let client = if kind == "client" {
                let words = self.at_once(self.last_accepted, messages::no_thread(Lang::En));
                let client = &mut self.sockets[self.last_accepted].client;
                client.expected.extend(words);
                client
            } else {
                let Some(socket) = self.room.socket_of(number) else { return false };
                &mut self.sockets[socket].client
            };
            client.unserved = true;
            self.meet("no thread");
            true
        }
    }

    pub(crate) fn sleep(time: Duration) {
        super::sleep(Wait::Time, Some(after(time)));
    }
}

pub(super) mod mpsc {
    use super::*;
    use std::collections::VecDeque;
    use std::sync::mpsc::{RecvError, SendError};

    struct Queue<T> {
        waiting: VecDeque<T>,
        sender_is_gone: bool,
        receiver_is_gone: bool,
    }

    /// A queue, and a condition variable for its changes.
    type Channel<T> = Arc<(Mutex<Queue<T>>, Condvar)>;

    fn lock<T>(channel: &Channel<T>) -> MutexGuard<'_, Queue<T>> {
        channel.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) struct Sender<T>(Channel<T>);
    pub struct Receiver<T>(Channel<T>);

    pub(crate) fn channel<T>() -> (Sender<T>, Receiver<T>) {
        let queue = Queue { waiting: VecDeque::new(), sender_is_gone: false, receiver_is_gone: false };
        let channel = Arc::new((Mutex::new(queue), Condvar::new()));
        (Sender(channel.clone()), Receiver(channel))
    }

    /// The driver never sends more than fits, so the bound is not simulated.
    pub(crate) fn sync_channel<T>(_: usize) -> (Sender<T>, Receiver<T>) {
        channel()
    }

    impl<T> Sender<T> {
        pub(crate) fn send(&self, thing: T) -> Result<(), SendError<T>> {
            let mut queue = lock(&self.0);
            if queue.receiver_is_gone {
                return Err(SendError(thing));
            }
            queue.waiting.push_back(thing);
            drop(queue);
            self.0.1.notify_one();
            Ok(())
        }
    }

    impl<T> Receiver<T> {
        pub fn recv(&self) -> Result<T, RecvError> {
            let mut queue = lock(&self.0);
            loop {
                if let Some(thing) = queue.waiting.pop_front() {
                    return Ok(thing);
                }
                if queue.sender_is_gone {
                    return Err(RecvError);
                }
                queue = self.0.1.wait_until(queue, None);
            }
        }
    }

    impl<T> Iterator for &Receiver<T> {
        type Item = T;
        fn next(&mut self) -> Option<T> {
            self.recv().ok()
        }
    }

    impl<T> Drop for Sender<T> {
        fn drop(&mut self) {
            if !is_over() && !std::thread::panicking() {
                lock(&self.0).sender_is_gone = true;
                self.0.1.notify_one();
            }
        }
    }

    impl<T> Drop for Receiver<T> {
        fn drop(&mut self) {
            if !is_over() && !std::thread::panicking() {
                lock(&self.0).receiver_is_gone = true;
            }
        }
    }
}
