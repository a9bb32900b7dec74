//! The server pool: servers that are started ahead, so that nobody waits for those that are slow to start.

use super::launcher::Launcher;
use super::server_process::{ServerProcess, Stdout};
use crate::text::Bilingual;
use std::time::{Duration, Instant};

/// The most servers that wait or start at a time.
const AHEAD_MAX: usize = 20;
/// The same for servers that do not only sleep until they listen: more would slow down each other, and the torment that
/// runs meanwhile.
const AHEAD_WORKING_MAX: usize = 2;
/// After each wait of this length one more server is started ahead. A torment takes about as long.
const TOO_LONG: Duration = Duration::from_millis(400);
/// Whether a server sleeps is seen in this many looks during a wait.
const LOOKS: u32 = 8;

/// Starts the servers that will be taken next. Each is taken once, so each is fresh.
pub(crate) struct ServerPool<'a> {
    launcher: &'a Launcher<'static>,
    /// The stdout of the servers that will be taken.
    plan: Vec<Stdout>,
    started: Vec<(Stdout, ServerProcess)>,
    /// How many of the plan are started ahead.
    ahead: usize,
}

impl<'a> ServerPool<'a> {
    pub(crate) fn new(launcher: &'a Launcher<'static>) -> ServerPool<'a> {
        ServerPool { launcher, plan: Vec::new(), started: Vec::new(), ahead: 0 }
    }

    pub(crate) fn launcher(&self) -> &'a Launcher<'static> {
        self.launcher
    }

    /// From now on, servers with these kinds of stdout will be taken.
    pub(crate) fn will_take(&mut self, plan: impl IntoIterator<Item = Stdout>) {
        self.plan = plan.into_iter().collect();
    }

    /// A server, once it listens, at most `limit` after it was started.
    pub(crate) fn take(&mut self, stdout: Stdout, limit: Duration) -> Result<ServerProcess, Bilingual> {
        let mut server = match self.started.iter().position(|(kind, _)| *kind == stdout) {
            Some(at) => self.started.remove(at).1,
            None => self.launcher.begin(stdout)?,
        };
        self.start_ahead();
        let (mut since, mut looks, mut worked) = (Instant::now(), 0, 0);
        let waited = server.wait_until_it_listens(limit, &mut |server| {
            if since.elapsed() > TOO_LONG / LOOKS * (looks + 1) {
                looks += 1;
                worked += u32::from(server.works());
            }
            if looks == LOOKS {
                let most = if worked > LOOKS / 2 { AHEAD_WORKING_MAX } else { AHEAD_MAX };
                self.ahead = (self.ahead + 1).min(most);
                self.start_ahead();
                (since, looks, worked) = (Instant::now(), 0, 0);
            }
        });
        match waited {
            Ok(()) => {
                self.ahead = self.ahead.max(1);
                self.start_ahead();
                Ok(server)
            }
            // Another process may have taken its port.
            Err(_) if server.ended().is_some() => self.launcher.start(stdout, limit),
            Err(why) => Err(why),
        }
    }

    fn start_ahead(&mut self) {
        for stdout in [Stdout::Nowhere, Stdout::Pipe] {
            let planned = self.plan.iter().take(self.ahead).filter(|kind| **kind == stdout).count();
            let started = self.started.iter().filter(|(kind, _)| *kind == stdout).count();
            // A server that cannot be started is tried again when it is taken, and then the error is reported.
            let servers = (started..planned).map_while(|_| self.launcher.begin(stdout).ok());
            self.started.extend(servers.map(|server| (stdout, server)));
        }
    }
}
