//! What a process waits in, in sentences.

use super::{Descriptor, Process, State, Thread, What, conclusion};
use crate::text::{Lang, say};

/// Of more threads than this that wait alike, the first are shown, and the others counted.
const ALIKE_SHOWN: usize = 3;
/// More descriptors of one thread are counted by kind.
const LISTED_MAX: usize = 3;

/// The report about one process, with a line's end after each line.
pub(crate) fn text(lang: Lang, process: &Process) -> String {
    let Process { pid, name, threads, .. } = process;
    let mut lines = vec![match threads.len() {
        1 => say!(lang, "{name} (process {pid}) has one thread:"; "{name} (proceso {pid}) tiene un hilo:"),
        count => {
            say!(lang, "{name} (process {pid}) has {count} threads:"; "{name} (proceso {pid}) tiene {count} hilos:")
        }
    }];
    let width = threads.iter().map(|thread| thread.name.chars().count()).max().unwrap_or(0);
    let mut shown: Vec<(String, usize)> = Vec::new();
    let mut rest: Vec<(String, usize)> = Vec::new();
    for thread in threads {
        let alike = alike(lang, thread);
        if counted(&mut shown, &alike) <= ALIKE_SHOWN {
            lines.push(format!("  {:width$}  {}", thread.name, state(lang, thread)));
        } else {
            counted(&mut rest, &alike);
        }
    }
    for (alike, count) in rest {
        lines.push(say!(lang, "  … and {count} more: {alike}"; "  … y {count} más: {alike}"));
    }
    if process.hidden {
        lines.push(say!(lang,
            "The system does not let you see its calls. Run this as the same user, or as root.";
            "El sistema no te deja ver sus llamadas. Ejecuta esto como el mismo usuario, o como root."));
    }
    lines.extend(conclusion::sentences(lang, process));
    lines.join("\n") + "\n"
}

/// Counts one more of a kind, and returns how many there are now.
fn counted(kinds: &mut Vec<(String, usize)>, kind: &str) -> usize {
    if let Some((_, count)) = kinds.iter_mut().find(|(known, _)| known == kind) {
        *count += 1;
        return *count;
    }
    kinds.push((kind.to_owned(), 1));
    1
}

fn state(lang: Lang, thread: &Thread) -> String {
    match &thread.state {
        State::Runs => say!(lang, "runs"; "trabaja"),
        State::Sleeps => {
            say!(lang, "sleeps; the system does not say in which call"; "duerme; el sistema no dice en qué llamada")
        }
        State::Stopped => {
            say!(lang, "is stopped, by a signal or a debugger"; "está parado, por una señal o un depurador")
        }
        State::Ended => say!(lang, "has ended"; "ha terminado"),
        State::Waits { call, through, on } => waits(lang, call, *through, on),
    }
}

/// The same without what differs between threads that wait alike.
fn alike(lang: Lang, thread: &Thread) -> String {
    match &thread.state {
        State::Waits { call, through: None, on } if on.len() <= 1 => {
            let kinds = on.iter().map(|one| kind(lang, &one.what, 1)).collect::<String>();
            let meaning = meaning(lang, call);
            match (kinds.is_empty(), meaning) {
                (false, _) => say!(lang, "{call} on {kinds}"; "{call} en {kinds}"),
                (true, Some(meaning)) => format!("{call}: {meaning}"),
                (true, None) => call.clone(),
            }
        }
        _ => state(lang, thread),
    }
}

fn waits(lang: Lang, call: &str, through: Option<i32>, on: &[Descriptor]) -> String {
    let listed = match on.len() {
        0..=LISTED_MAX => on.iter().map(|one| described(lang, &one.what)).collect(),
        _ => by_kind(lang, on),
    };
    let listed = listed.join(", ");
    let count = on.len();
    match (through, on) {
        (Some(number), []) => say!(lang, "{call} on {number}"; "{call} en {number}"),
        (Some(number), _) => {
            say!(lang, "{call} on {number}, which watches {listed}"; "{call} en {number}, que vigila {listed}")
        }
        (None, []) => match meaning(lang, call) {
            Some(meaning) => format!("{call}: {meaning}"),
            None => call.to_owned(),
        },
        (None, [one]) => {
            let number = one.number;
            say!(lang, "{call} on {number}: {listed}"; "{call} en {number}: {listed}")
        }
        _ => say!(lang, "{call} on {count} descriptors: {listed}"; "{call} en {count} descriptores: {listed}"),
    }
}

/// What a call without a descriptor waits for.
fn meaning(lang: Lang, call: &str) -> Option<String> {
    match call {
        "futex" | "futex_waitv" => Some(
            say!(lang, "waits for another thread (a lock, a condition)"; "espera a otro hilo (un cerrojo, una condición)"),
        ),
        "nanosleep" | "clock_nanosleep" => {
            Some(say!(lang, "waits until some time has passed"; "espera a que pase un tiempo"))
        }
        "wait4" | "waitid" => {
            Some(say!(lang, "waits until a child process ends"; "espera a que termine un proceso hijo"))
        }
        "pause" | "rt_sigsuspend" | "rt_sigtimedwait" => Some(say!(lang, "waits for a signal"; "espera una señal")),
        "restart_syscall" => Some(say!(lang,
            "goes on with a wait that a signal interrupted";
            "sigue con una espera que una señal interrumpió")),
        _ => None,
    }
}

fn described(lang: Lang, what: &What) -> String {
    match what {
        What::Listener { addr } => say!(lang, "the listener {addr}"; "el socket que escucha en {addr}"),
        What::Connection { remote, .. } => say!(lang, "the connection to {remote}"; "la conexión con {remote}"),
        What::Terminal { path } => say!(lang, "the terminal {path}"; "el terminal {path}"),
        What::File { path } => path.clone(),
        other => kind(lang, other, 1),
    }
}

fn by_kind(lang: Lang, on: &[Descriptor]) -> Vec<String> {
    let mut kinds: Vec<(&What, usize)> = Vec::new();
    for one in on {
        let alike = |what: &What| std::mem::discriminant(what) == std::mem::discriminant(&one.what);
        match kinds.iter_mut().find(|(what, _)| alike(what)) {
            Some((_, count)) => *count += 1,
            None => kinds.push((&one.what, 1)),
        }
    }
    kinds.into_iter().map(|(what, count)| kind(lang, what, count)).collect()
}

/// "a connection", "6 connections".
fn kind(lang: Lang, what: &What, count: usize) -> String {
    let (one, many) = match what {
        What::Listener { .. } => {
            (say!(lang, "a listener"; "un socket que escucha"), say!(lang, "listeners"; "sockets que escuchan"))
        }
        What::Connection { .. } => {
            (say!(lang, "a connection"; "una conexión"), say!(lang, "connections"; "conexiones"))
        }
        What::Unix => (say!(lang, "a Unix socket"; "un socket Unix"), say!(lang, "Unix sockets"; "sockets Unix")),
        What::Socket => (say!(lang, "another socket"; "otro socket"), say!(lang, "other sockets"; "otros sockets")),
        What::Pipe => (say!(lang, "a pipe"; "una tubería"), say!(lang, "pipes"; "tuberías")),
        What::Terminal { .. } => (say!(lang, "a terminal"; "un terminal"), say!(lang, "terminals"; "terminales")),
        What::EventFd => (say!(lang, "an eventfd"; "un eventfd"), "eventfd".into()),
        What::Timer => (say!(lang, "a timerfd"; "un timerfd"), "timerfd".into()),
        What::Signals => (say!(lang, "a signalfd"; "un signalfd"), "signalfd".into()),
        What::Epoll => (
            say!(lang, "an epoll instance"; "una instancia de epoll"),
            say!(lang, "epoll instances"; "instancias de epoll"),
        ),
        What::Ring => (say!(lang, "an io_uring"; "un io_uring"), "io_uring".into()),
        What::File { .. } => (say!(lang, "a file"; "un archivo"), say!(lang, "files"; "archivos")),
        What::Other => (say!(lang, "something else"; "otra cosa"), say!(lang, "others"; "otros")),
        What::Unknown => (
            say!(lang, "a descriptor that is not shown"; "un descriptor que no se ve"),
            say!(lang, "that are not shown"; "que no se ven"),
        ),
    };
    if count == 1 { one } else { format!("{count} {many}") }
}
