//! How often a process asks the kernel, as the kernel counts it: by the tracepoint that each system call passes, with one
//! counter for each of its threads.
//!
//! While it is counted each system call of the whole machine takes somewhat longer. So it is never counted while times are
//! taken.

#[cfg(target_os = "linux")]
use crate::harness::proc;

/// A count under way.
pub struct SystemCalls {
    #[cfg(target_os = "linux")]
    counters: Vec<perf_event::Counter>,
}

#[cfg(target_os = "linux")]
impl SystemCalls {
    /// Begins to count the calls of all threads that a process has now. `None` where the system does not let us: it takes
    /// root or CAP_PERFMON, and a descriptor for each thread.
    pub fn of(pid: u32) -> Option<SystemCalls> {
        let id = tracepoint_id()?;
        let counter = |thread: i32| {
            let mut builder = perf_event::Builder::new(perf_event::events::Tracepoint::with_id(id));
            // Threads that are born meanwhile are counted with the one that bore them.
            builder.observe_pid(thread).any_cpu().include_kernel().inherit(true).enabled(true);
            builder.build().ok()
        };
        let counters: Option<Vec<_>> = proc::threads(pid)?.into_iter().map(counter).collect();
        Some(SystemCalls { counters: counters? })
    }

    /// How many there were until now.
    pub fn count(&mut self) -> Option<u64> {
        self.counters.iter_mut().map(|counter| counter.read().ok()).sum()
    }
}

/// The number under which this kernel knows the tracepoint; a file in its tracefs says it.
#[cfg(target_os = "linux")]
fn tracepoint_id() -> Option<u64> {
    const FILE: &str = "events/raw_syscalls/sys_enter/id";
    let mounted = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];
    let read = |place: &&str| std::fs::read_to_string(format!("{place}/{FILE}")).ok();
    mounted.iter().find_map(read).or_else(|| read_unmounted(FILE))?.trim().parse().ok()
}

/// Where no tracefs is mounted root may have one for itself, which nobody else sees and which is gone at once.
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

/// Elsewhere nobody tells.
#[cfg(not(target_os = "linux"))]
impl SystemCalls {
    pub fn of(_: u32) -> Option<SystemCalls> {
        None
    }

    pub fn count(&mut self) -> Option<u64> {
        None
    }
}
