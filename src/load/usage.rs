//! What a server's process used, as the system counts it. Where it does not, there is nothing: no guesses.

use std::ops::Sub;
use std::time::Duration;

/// Counts since the process began; the difference of two is what was used between them.
#[derive(Clone, Copy, Default, Debug, PartialEq)]
pub struct Usage {
    pub cpu: Option<Duration>,
    /// Context switches because it had nothing to do, of all its threads that still live.
    pub switches_voluntary: Option<u64>,
    /// Context switches because somebody else's turn came.
    pub switches_involuntary: Option<u64>,
    /// Now, not since the beginning.
    pub threads: Option<u64>,
}

/// A process' resident memory now. Bytes.
#[cfg(target_os = "linux")]
pub fn memory(pid: u32) -> Option<u64> {
    let read = |file, name| field(&std::fs::read_to_string(format!("/proc/{pid}/{file}")).ok()?, name);
    // The first is exact, and not always ours to read; the other is brought up to date now and then.
    read("smaps_rollup", "Rss:").or_else(|| read("status", "VmRSS:")).map(|kib| kib * 1024)
}

#[cfg(not(target_os = "linux"))]
pub fn memory(_: u32) -> Option<u64> {
    None
}

impl Usage {
    /// Of a process, now.
    #[cfg(target_os = "linux")]
    pub fn of(pid: u32) -> Usage {
        let read = |path: String| std::fs::read_to_string(path).ok();
        let status = read(format!("/proc/{pid}/status"));
        let stat = read(format!("/proc/{pid}/stat"));
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task"));
        let statuses: Option<Vec<String>> = tasks.ok().map(|tasks| {
            let paths = tasks.flatten().map(|task| task.path().join("status"));
            paths.filter_map(|path| std::fs::read_to_string(path).ok()).collect()
        });
        let switches = |kind: &str| {
            let statuses = statuses.as_ref()?;
            Some(statuses.iter().filter_map(|status| field(status, kind)).sum())
        };
        Usage {
            cpu: stat.as_deref().and_then(cpu),
            switches_voluntary: switches("voluntary_ctxt_switches:"),
            switches_involuntary: switches("nonvoluntary_ctxt_switches:"),
            threads: status.as_deref().and_then(|status| field(status, "Threads:")),
        }
    }

    /// Elsewhere nobody tells.
    #[cfg(not(target_os = "linux"))]
    pub fn of(_: u32) -> Usage {
        Usage::default()
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

#[cfg(target_os = "linux")]
fn field(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find(|line| line.starts_with(name))?;
    line[name.len()..].split_whitespace().next()?.parse().ok()
}

/// User and system time, the 14th and 15th field of /proc/PID/stat. The second, the program's name, may hold blanks, and
/// ends with the last parenthesis.
#[cfg(target_os = "linux")]
fn cpu(stat: &str) -> Option<Duration> {
    let fields: Vec<&str> = stat[stat.rfind(')')? + 1..].split_whitespace().collect();
    let ticks: u64 = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_has_used_something() {
        let usage = Usage::of(std::process::id());
        assert!(usage.threads >= Some(1) && memory(std::process::id()) > Some(0) && usage.cpu.is_some());
        assert!(usage.switches_voluntary.is_some() && usage.switches_involuntary.is_some());
    }

    #[test]
    fn a_name_with_blanks_and_parentheses_does_not_shift_the_fields() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 150 50 0 0";
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        assert_eq!(cpu(stat), Some(Duration::from_secs_f64(200.0 / ticks)));
    }
}
