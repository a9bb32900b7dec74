//! Where a process waits: what each of its threads sleeps in at this moment, as Linux reports it in /proc.
//!
//! It looks at any program, not only at ours. In reading order:
//!
//! * [`descriptors`]: what a descriptor is: a listener, a connection, a pipe;
//! * [`find`]: processes by id, by name, or by the port on which they listen;
//! * [`conclusion`]: which way of waiting that is;
//! * [`report`]: all of it in sentences.
//!
//! The kernel shows a thread's system call, with the descriptor in its first argument, to whoever may trace the process:
//! its owner (with Yama, its parent alone) and root. To anybody else it shows only that the thread sleeps.

mod conclusion;
mod descriptors;
pub(crate) mod find;
pub(crate) mod report;

use crate::harness::calls::{self, Call, Takes};
pub(crate) use descriptors::{Descriptor, What};
use descriptors::{Descriptors, Memory};
use procfs::ProcError;
use procfs::process::{Syscall, Task};
use serde::Serialize;
use std::time::Duration;

/// A thread that runs is looked at this often: one that only did something brief is seen to sleep in between.
const LOOKS: usize = 5;
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// A process at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Process {
    pub pid: i32,
    pub name: String,
    pub threads: Vec<Thread>,
    /// What it holds open, whether or not a thread waits for it.
    pub listeners: usize,
    pub connections: usize,
    /// The system does not let us see the calls.
    pub hidden: bool,
}

#[derive(Clone, PartialEq, Debug, Serialize)]
pub(crate) struct Thread {
    pub id: i32,
    pub name: String,
    #[serde(flatten)]
    pub state: State,
}

/// What a thread does.
#[derive(Clone, PartialEq, Debug, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub(crate) enum State {
    /// It runs, or wants to, at each look.
    Runs,
    /// It sleeps in a system call. `on` is what it waits for.
    Waits {
        call: String,
        /// The descriptor of an epoll instance or of a ring, through which it waits.
        #[serde(skip_serializing_if = "Option::is_none")]
        through: Option<i32>,
        on: Vec<Descriptor>,
    },
    /// It sleeps, and the system does not say in which call.
    Sleeps,
    /// A signal or a debugger has stopped it.
    Stopped,
    /// It has ended, and its parent has not asked for its exit code.
    Ended,
}

impl Process {
    /// Looks at a process. `None` if there is none of this id.
    pub(crate) fn look(pid: i32) -> Option<Process> {
        let process = procfs::process::Process::new(pid).ok()?;
        let name = process.stat().ok()?.comm;
        let descriptors = Descriptors::of(&process);
        let mut memory = Memory::of(pid);
        let mut hidden = false;
        let mut threads = Vec::new();
        // A thread that ends meanwhile is left out.
        for task in process.tasks().ok()?.flatten() {
            let Ok(stat) = task.stat() else { continue };
            let state = match stat.state {
                'T' | 't' => State::Stopped,
                'Z' | 'X' => State::Ended,
                _ => state(&task, &descriptors, &mut memory, &mut hidden),
            };
            threads.push(Thread { id: task.tid, name: stat.comm, state });
        }
        let count = |is: fn(&What) -> bool| descriptors.all().filter(|what| is(what)).count();
        Some(Process {
            pid,
            name,
            threads,
            listeners: count(What::is_listener),
            connections: count(What::is_connection),
            hidden,
        })
    }

    /// The system calls in which its threads sleep, each with the number of threads, the most frequent first.
    pub(crate) fn sleeps_in(&self) -> Vec<(&str, usize)> {
        let mut calls: Vec<(&str, usize)> = Vec::new();
        for thread in &self.threads {
            let State::Waits { call, .. } = &thread.state else { continue };
            match calls.iter_mut().find(|(known, _)| known == call) {
                Some((_, threads)) => *threads += 1,
                None => calls.push((call, 1)),
            }
        }
        calls.sort_by_key(|(_, threads)| std::cmp::Reverse(*threads));
        calls
    }
}

fn state(task: &Task, descriptors: &Descriptors, memory: &mut Memory, hidden: &mut bool) -> State {
    for _ in 0..LOOKS {
        match task.syscall() {
            // A thread of the kernel itself is in no call.
            Ok(Syscall::Blocked { stack_pointer: 0, .. }) => break,
            Ok(Syscall::Blocked { syscall_number, argument_registers, .. }) => {
                return waits(syscall_number, &argument_registers, descriptors, memory);
            }
            Ok(_) => std::thread::sleep(BETWEEN_LOOKS),
            Err(ProcError::PermissionDenied(_)) => {
                *hidden = true;
                break;
            }
            // A kernel without this file.
            Err(_) => break,
        }
    }
    match task.stat() {
        Ok(stat) if stat.state == 'R' => State::Runs,
        _ => State::Sleeps,
    }
}

fn waits(number: i64, arguments: &[u64; 6], descriptors: &Descriptors, memory: &mut Memory) -> State {
    // It sleeps outside of any call: until a page of its memory is there, for example.
    if number < 0 {
        return State::Sleeps;
    }
    let Some(Call { name, takes, .. }) = calls::find(number) else {
        return State::Waits { call: format!("system call {number}"), through: None, on: Vec::new() };
    };
    // The kernel looks at the lower half of the register.
    let first = arguments[0] as i32;
    let (through, on) = match takes {
        Takes::Nothing => (None, Vec::new()),
        Takes::Descriptor => (None, vec![first]),
        Takes::Ring => (Some(first), Vec::new()),
        Takes::Epoll => (Some(first), descriptors.watched_by(first)),
        Takes::PollList => (None, memory.poll_list(arguments[0], arguments[1])),
        Takes::Sets => (None, memory.sets(arguments[0], &arguments[1..4])),
    };
    let on = on.into_iter().map(|number| descriptors.get(number)).collect();
    State::Waits { call: (*name).to_owned(), through, on }
}
