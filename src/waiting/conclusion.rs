//! Which way of waiting a process has, as far as its threads show it.

use super::{Process, State, Thread, What};
use crate::harness::calls;
use crate::text::{Lang, say};
use std::net::SocketAddr;

/// What the threads of a process have in common.
#[derive(Default)]
struct Counts<'a> {
    /// Threads that wait for several descriptors at once.
    loops: usize,
    /// Connections that those wait for.
    watched: usize,
    /// Threads that wait through a ring, which does not tell for what.
    rings: usize,
    /// Threads that wait for one connection to send.
    readers: usize,
    acceptors: usize,
    /// Threads that wait for one connection to take bytes.
    held_up: Vec<(&'a Thread, SocketAddr)>,
    /// Threads that wait for another thread.
    on_threads: usize,
    running: usize,
}

impl<'a> Counts<'a> {
    fn of(process: &'a Process) -> Counts<'a> {
        let mut counts = Counts::default();
        for thread in &process.threads {
            match &thread.state {
                State::Waits { call, through: Some(_), on } if on.is_empty() && call == "io_uring_enter" => {
                    counts.rings += 1;
                }
                State::Waits { call, through, on } => counts.add(thread, call, through.is_some(), on),
                State::Runs => counts.running += 1,
                State::Sleeps | State::Stopped | State::Ended => {}
            }
        }
        counts
    }

    fn add(&mut self, thread: &'a Thread, call: &str, through: bool, on: &'a [super::Descriptor]) {
        let sockets = on.iter().filter(|one| one.what.is_connection() || one.what.is_listener()).count();
        let many = through || ["poll", "ppoll", "select", "pselect6"].contains(&call);
        if many && sockets > 0 {
            self.loops += 1;
            self.watched += on.iter().filter(|one| one.what.is_connection()).count();
        } else if calls::accepts(call) {
            self.acceptors += 1;
        } else if call.starts_with("futex") {
            self.on_threads += 1;
        } else if let [one] = on
            && let What::Connection { remote, .. } = &one.what
        {
            match calls::writes(call) {
                true => self.held_up.push((thread, *remote)),
                false if calls::reads(call) => self.readers += 1,
                false => {}
            }
        }
    }
}

/// Sentences that say what that means, none if it cannot be told.
pub(super) fn sentences(lang: Lang, process: &Process) -> Vec<String> {
    let counts = Counts::of(process);
    let Counts { loops, watched, rings, readers, acceptors, on_threads, running, .. } = counts;
    let (connections, threads) = (process.connections, process.threads.len());
    let mut said = Vec::new();
    for (thread, remote) in counts.held_up.iter().take(3) {
        let name = &thread.name;
        said.push(say!(lang,
            "Thread {name} sleeps in a write until {remote} reads. Whatever needs this thread waits, too.";
            "El hilo {name} duerme en una escritura hasta que {remote} lea. Lo que necesita a este hilo también espera."));
    }
    if !counts.held_up.is_empty() && on_threads > 0 {
        said.push(match on_threads {
            1 => say!(lang,
                "One thread waits for another one, perhaps for a lock that a writing thread holds.";
                "Un hilo espera a otro, quizá un cerrojo que tiene un hilo que escribe."),
            _ => say!(lang,
                "{on_threads} threads wait for another one, perhaps for a lock that a writing thread holds.";
                "{on_threads} hilos esperan a otro, quizá un cerrojo que tiene un hilo que escribe."),
        });
    }
    if running > 0 && running == threads {
        said.push(match threads {
            1 => say!(lang, "It runs, and waits for nothing."; "Trabaja y no espera a nada."),
            _ => say!(lang, "All its threads run, and wait for nothing."; "Todos sus hilos trabajan y no esperan a nada."),
        });
    }
    if connections > 0 && on_threads == threads {
        said.push(say!(lang,
            "No thread waits for a socket: each waits for another thread. If that does not change, it is a deadlock.";
            "Ningún hilo espera a un socket: cada uno espera a otro hilo. Si eso no cambia, es un interbloqueo."));
    }
    let way = match (loops + rings, readers) {
        (1, 0) if rings == 1 => Some(say!(lang,
            "One thread waits for everything at once: it has handed the kernel its reads and writes, and is told which are done.";
            "Un hilo espera a todo a la vez: ha encargado al núcleo sus lecturas y escrituras, y se le dice cuáles están hechas.")),
        (1, 0) if loops == 1 && watched >= connections => Some(match watched {
            0 => say!(lang,
                "One thread waits for all sockets at once. Nobody is connected.";
                "Un hilo espera a todos los sockets a la vez. Nadie está conectado."),
            1 => say!(lang,
                "One thread waits for all sockets at once. It has one connection.";
                "Un hilo espera a todos los sockets a la vez. Tiene una conexión."),
            _ => say!(lang,
                "One thread waits for all its {watched} connections at once.";
                "Un hilo espera a sus {watched} conexiones a la vez."),
        }),
        (2.., 0) => {
            let loops = loops + rings;
            Some(say!(lang,
                "{loops} threads wait, each for many sockets at once.";
                "{loops} hilos esperan, cada uno a muchos sockets a la vez."))
        }
        (_, 1) if threads == 1 && connections > 1 => {
            let others = connections - 1;
            Some(say!(lang,
                "The only thread waits for one client. What the other {others} send, it does not see before that.";
                "El único hilo espera a un cliente. Hasta entonces no ve lo que envían los otros {others}."))
        }
        (_, 1..) if readers >= connections => Some(match readers {
            1 => say!(lang,
                "A thread waits for the one connection alone.";
                "Un hilo espera solo a la única conexión."),
            _ => say!(lang,
                "Each of the {readers} connections has a thread that waits for it alone.";
                "Cada una de las {readers} conexiones tiene un hilo que solo la espera a ella."),
        }),
        (0, 0) if acceptors > 0 && threads == 1 && connections > 0 => Some(say!(lang,
            "The only thread waits for a new client. It does not see what those who are connected send.";
            "El único hilo espera a un cliente nuevo. No ve lo que envían los que están conectados.")),
        _ => None,
    };
    said.extend(way);
    said
}
