//! Finds processes by their id, by their name, or by the port on which they listen.

use crate::text::{Bilingual, say};
use procfs::net::TcpState;
use procfs::process::{FDTarget, Process, all_processes};
use std::collections::{HashMap, HashSet};
use std::fs::read_link;
use std::path::{Path, PathBuf};

/// The ids of the processes that a word means: `4711`, `:8889`, or a name. Never none, and never this process.
pub(crate) fn processes(word: &str) -> Result<Vec<i32>, Bilingual> {
    if let Some(port) = word.strip_prefix(':') {
        return match port.parse() {
            Ok(port) => by_port(port),
            Err(_) => Err(Bilingual::of(
                |lang| say!(lang, "{word} is no port; write it like :8889"; "{word} no es un puerto; escríbelo así: :8889"),
            )),
        };
    }
    match word.parse::<i32>() {
        Ok(pid) if Process::new(pid).is_ok_and(|process| process.is_alive()) => Ok(vec![pid]),
        Ok(pid) => Err(Bilingual::of(|lang| {
            let text = say!(lang, "no process has the id {pid}; `ps` lists them"; "ningún proceso tiene el id {pid}; `ps` los lista");
            match u16::try_from(pid) {
                Err(_) => text,
                Ok(port) => {
                    text + &say!(lang,
                        "; to ask who listens on port {port}, write :{port}";
                        "; para saber quién escucha en el puerto {port}, escribe :{port}")
                }
            }
        })),
        Err(_) => by_name(word),
    }
}

fn by_port(port: u16) -> Result<Vec<i32>, Bilingual> {
    // The listeners of a network namespace are read once: on a busy machine the table is long.
    let mut listeners: HashMap<PathBuf, HashSet<u64>> = HashMap::new();
    let mut listens = |process: &Process| {
        let namespace = read_link(format!("/proc/{}/ns/net", process.pid)).unwrap_or_default();
        let inodes = listeners.entry(namespace).or_insert_with(|| listeners_on(process, port));
        let is_one = |target| matches!(target, FDTarget::Socket(inode) if inodes.contains(&inode));
        !inodes.is_empty() && process.fd().into_iter().flatten().flatten().any(|open| is_one(open.target))
    };
    let found = others().filter(|process| listens(process)).map(|process| process.pid);
    some(found.collect()).ok_or_else(|| {
        Bilingual::of(|lang| {
            say!(lang,
                "no process that you may look at listens on port {port}; `ss -ltnp` lists who listens, and root sees all";
                "ningún proceso que puedas ver escucha en el puerto {port}; `ss -ltnp` lista quién escucha, y root los ve todos")
        })
    })
}

/// The inodes of the sockets that listen on a port, in the network namespace of a process.
fn listeners_on(process: &Process, port: u16) -> HashSet<u64> {
    let tables = [process.tcp(), process.tcp6()].into_iter().flatten().flatten();
    let listens = tables.filter(|socket| socket.state == TcpState::Listen && socket.local_address.port() == port);
    listens.map(|socket| socket.inode).collect()
}

/// `python3 chat.py` has the names `python3` and `chat.py`, and the one that the process gave itself.
fn by_name(name: &str) -> Result<Vec<i32>, Bilingual> {
    let is_called = |process: &Process| {
        let words = process.cmdline().unwrap_or_default();
        let file = |word: &String| Path::new(word).file_name().is_some_and(|file| file == name);
        words.iter().take(2).any(file) || process.stat().is_ok_and(|stat| stat.comm == name)
    };
    some(others().filter(is_called).map(|process| process.pid).collect()).ok_or_else(|| {
        Bilingual::of(|lang| {
            say!(lang,
                "no process is called {name}; `ps -e` lists them; name one by its id, or by its port as :8889";
                "ningún proceso se llama {name}; `ps -e` los lista; indica uno por su id, o por su puerto, como :8889")
        })
    })
}

/// All processes but this one.
fn others() -> impl Iterator<Item = Process> {
    let own = std::process::id() as i32;
    all_processes().into_iter().flatten().flatten().filter(move |process| process.pid != own)
}

fn some(mut found: Vec<i32>) -> Option<Vec<i32>> {
    found.sort();
    (!found.is_empty()).then_some(found)
}
