//! A process group that ends with this process, also if this process is killed.

use crate::text::{Bilingual, say};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What the watchdog executes: it waits for the end of its input, and then kills its group and itself. Signals that its
/// group gets must not end it before.
const WATCH: &str = "trap '' HUP INT TERM; read line; kill -KILL 0";

/// The groups that exist. `None` once [`end_all`] was called.
static GROUPS: Mutex<Option<Vec<Pid>>> = Mutex::new(Some(Vec::new()));

fn groups() -> MutexGuard<'static, Option<Vec<Pid>>> {
    GROUPS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Kills all servers that were started here. From then on none can be started.
pub fn end_all() {
    groups().take().into_iter().flatten().for_each(kill);
}

fn kill(group: Pid) {
    let _ = kill_process_group(group, Signal::KILL);
}

/// A process group, killed on drop. A terminal's Ctrl-C does not reach it.
///
/// Its leader is a watchdog: a shell that reads from a pipe whose other end is only here. However this process ends, the
/// kernel closes that end, and the watchdog kills the group. Linux could send each child a signal when its parent dies,
/// but that does not reach the processes that the child has started.
pub(super) struct ProcessGroup {
    watchdog: Child,
}

impl ProcessGroup {
    /// Starts a command in a new group.
    pub(super) fn spawn(command: &mut Command) -> Result<(ProcessGroup, Child), Bilingual> {
        // Locked until the command runs, so that `end_all` misses none.
        let mut groups = groups();
        let Some(ids) = groups.as_mut() else {
            return Err(Bilingual::new(
                "the command was stopped, so no more servers are started",
                "la orden se detuvo, así que no se inician más servidores",
            ));
        };
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH]).process_group(0);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let watchdog = shell.spawn().map_err(|e| cannot_start("sh", &e))?;
        let group = ProcessGroup { watchdog };
        ids.push(group.id());
        let child = command.process_group(group.id().as_raw_pid()).spawn();
        drop(groups);
        let program = command.get_program().to_string_lossy();
        child.map(|child| (group, child)).map_err(|e| cannot_start(&program, &e))
    }

    /// Its number. No other group gets it before this one is dropped.
    pub(super) fn id(&self) -> Pid {
        Pid::from_child(&self.watchdog)
    }

    /// Stops all its processes but the watchdog.
    pub(super) fn freeze(&self) {
        let _ = kill_process_group(self.id(), Signal::STOP);
        let _ = kill_process(self.id(), Signal::CONT);
    }

    /// Lets them continue.
    pub(super) fn thaw(&self) {
        let _ = kill_process_group(self.id(), Signal::CONT);
    }

    /// Kills all its processes.
    pub(super) fn kill(&self) {
        kill(self.id());
    }
}

fn cannot_start(program: &str, error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "{program} cannot be started: {error}"; "no se puede iniciar {program}: {error}"))
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
        let _ = self.watchdog.wait();
        if let Some(ids) = groups().as_mut() {
            ids.retain(|id| *id != self.id());
        }
    }
}
