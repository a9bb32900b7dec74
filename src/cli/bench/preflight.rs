//! Checks before a load that the machine has enough descriptors and ports. The errors say what to type.

use super::messages;
use crate::text::Bilingual;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Descriptors besides the clients': the standard streams, the poll, files of /proc, and one per counter of system
/// calls.
const DESCRIPTORS_BESIDE_CLIENTS: u64 = 64;

/// Ensures that this many clients can be connected to one address at once.
pub(super) fn check(connections: usize) -> Result<(), Bilingual> {
    check_ports(connections)?;
    // In a server with a thread per client, counting system calls takes a descriptor per thread. Without these, only
    // those counts are missing.
    let _ = raise_descriptors(2 * connections as u64 + DESCRIPTORS_BESIDE_CLIENTS);
    let needed = connections as u64 + DESCRIPTORS_BESIDE_CLIENTS;
    raise_descriptors(needed).map_err(|limit| {
        messages::no_descriptors(connections, needed, limit, limit.saturating_sub(DESCRIPTORS_BESIDE_CLIENTS))
    })
}

/// Raises the limit of descriptors if it is too low. An error holds the limit.
fn raise_descriptors(needed: u64) -> Result<(), u64> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // `None` means no limit.
    if current.is_none_or(|soft| soft >= needed) {
        return Ok(());
    }
    // Only root may raise the hard limit.
    let maximum = maximum.map(|hard| hard.max(needed));
    let limit = getrlimit(Resource::Nofile).maximum.or(current).unwrap_or(0);
    setrlimit(Resource::Nofile, Rlimit { current: Some(needed), maximum }).map_err(|_| limit)
}

/// Checks the number of local ports. Each connection to one address takes one from the system's range.
fn check_ports(connections: usize) -> Result<(), Bilingual> {
    const FILE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
    let range = std::fs::read_to_string(FILE).unwrap_or_default();
    let mut ends = range.split_whitespace().filter_map(|port| port.parse::<usize>().ok());
    let (Some(first), Some(last)) = (ends.next(), ends.next()) else { return Ok(()) };
    let ports = (last + 1).saturating_sub(first);
    if connections <= ports {
        return Ok(());
    }
    Err(messages::no_ports(connections, ports))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_many_clients_are_told_what_to_type() {
        let error = raise_descriptors(1 << 40).expect_err("no machine has so many descriptors");
        assert!(error > 0);
        if cfg!(target_os = "linux") {
            let error = check_ports(100_000).expect_err("no address has so many ports");
            let helps = |text: &str| text.contains("sysctl") && text.contains("--clients");
            assert!(helps(&error.en) && helps(&error.es), "{error:?}");
        }
    }
}
