//! What a server's process used, as the system counts it. What the system does not count is `None`.

use crate::harness::proc;
use std::ops::Sub;
use std::time::Duration;

/// Counts since the process began; the difference of two is what was used between them.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Usage {
    /// Processor time of all its threads, in user mode and in the kernel.
    pub cpu: Option<Duration>,
    /// Context switches because a thread had nothing to do, of all its threads that still live.
    pub switches_voluntary: Option<u64>,
    /// Context switches because another thread got the processor.
    pub switches_involuntary: Option<u64>,
    /// The number now, not a count since the beginning.
    pub threads: Option<u64>,
}

impl Usage {
    /// The usage of a process until now.
    pub fn of(pid: u32) -> Usage {
        let (status, switches) = (proc::status(pid), proc::context_switches(pid));
        Usage {
            cpu: status.map(|status| status.cpu),
            switches_voluntary: switches.map(|switches| switches.voluntary),
            switches_involuntary: switches.map(|switches| switches.involuntary),
            threads: status.map(|status| status.threads as u64),
        }
    }
}

impl Sub for Usage {
    type Output = Usage;

    fn sub(self, before: Usage) -> Usage {
        let less = |now: Option<u64>, before: Option<u64>| Some(now?.saturating_sub(before?));
        Usage {
            cpu: self.cpu.zip(before.cpu).map(|(now, before)| now.saturating_sub(before)),
            switches_voluntary: less(self.switches_voluntary, before.switches_voluntary),
            switches_involuntary: less(self.switches_involuntary, before.switches_involuntary),
            threads: self.threads,
        }
    }
}
