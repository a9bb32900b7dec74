//! Counts a process's system calls by the kernel's tracepoint, with one counter for each thread.
//!
//! Counting slows down every system call of the host, so it is never done while times are measured.

#[cfg(target_os = "linux")]
use crate::harness::proc;

/// Counters that run.
pub(crate) struct SystemCalls {
    #[cfg(target_os = "linux")]
    counters: Vec<perf_event::Counter>,
}

#[cfg(target_os = "linux")]
impl SystemCalls {
    /// Begins to count the calls of all threads that a process has now. `None` if the system does not allow it: it
    /// takes root or CAP_PERFMON, and a descriptor for each thread.
    pub(crate) fn of(pid: u32) -> Option<SystemCalls> {
        let id = tracepoint_id()?;
        let counter = |thread: i32| {
            let mut builder = perf_event::Builder::new(perf_event::events::Tracepoint::with_id(id));
            // Threads that are started later are counted with the thread that started them.
            builder.observe_pid(thread).any_cpu().include_kernel().inherit(true).enabled(true);
            builder.build().ok()
        };
        let counters: Option<Vec<_>> = proc::threads(pid)?.into_iter().map(counter).collect();
        Some(SystemCalls { counters: counters? })
    }

    /// The number of calls until now.
    pub(crate) fn count(&mut self) -> Option<u64> {
        self.counters.iter_mut().map(|counter| counter.read().ok()).sum()
    }
}

/// The tracepoint's number in this kernel, from a file in tracefs.
#[cfg(target_os = "linux")]
fn tracepoint_id() -> Option<u64> {
    const FILE: &str = "events/raw_syscalls/sys_enter/id";
    let mounted = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    let read = |place: &&str| std::fs::read_to_string(format!("{place}/{FILE}")).ok();
    mounted.iter().find_map(read).or_else(|| read_unmounted(FILE))?.trim().parse().ok()
}

/// If no tracefs is mounted, root can mount one that no other process sees and that is gone when it is closed.
#[cfg(target_os = "linux")]
fn read_unmounted(file: &str) -> Option<String> {
    use rustix::fs::{Mode, OFlags, openat};
    use rustix::mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen};
    let filesystem = fsopen("tracefs", FsOpenFlags::FSOPEN_CLOEXEC).ok()?;
    fsconfig_create(&filesystem).ok()?;
    let mount = fsmount(&filesystem, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY).ok()?;
    let file = openat(mount, file, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).ok()?;
    std::io::read_to_string(std::fs::File::from(file)).ok()
}

/// On other systems nothing is counted.
#[cfg(not(target_os = "linux"))]
impl SystemCalls {
    pub fn of(_: u32) -> Option<SystemCalls> {
        None
    }

    pub fn count(&mut self) -> Option<u64> {
        None
    }
}
