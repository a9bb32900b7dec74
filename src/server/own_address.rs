//! By which addresses others reach a server that listens on all addresses of its machine: nobody can type 0.0.0.0.

use super::diagnostics;
use if_addrs::{Interface, get_if_addrs};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// What others type, if one of these listens on all addresses.
pub(super) fn lines(listeners: &[TcpListener], has_tls: bool) -> Vec<String> {
    let addrs = listeners.iter().filter_map(|listener| listener.local_addr().ok());
    let Some(any) = addrs.filter(|addr| addr.ip().is_unspecified()).max_by_key(|addr| addr.is_ipv6()) else {
        return Vec::new();
    };
    let own: Vec<IpAddr> = get_if_addrs().unwrap_or_default().iter().filter_map(address).collect();
    let others = for_others(any.ip(), own, outgoing()).into_iter().enumerate();
    others.map(|(i, ip)| diagnostics::others_join_with(SocketAddr::new(ip, any.port()), i == 0, has_tls)).collect()
}

/// The address of an interface that others can be connected to.
fn address(interface: &Interface) -> Option<IpAddr> {
    let ip = interface.ip();
    // A link-local address works with the name of the other machine's interface only.
    let is_reachable = !ip.is_loopback() && !interface.is_link_local();
    (interface.is_oper_up() && is_reachable).then_some(ip)
}

/// The addresses that others type: the one that most of them need comes first. A socket that listens on all addresses of
/// IPv6 takes IPv4, too.
fn for_others(any: IpAddr, mut own: Vec<IpAddr>, outgoing: [Option<IpAddr>; 2]) -> Vec<IpAddr> {
    own.retain(|ip| any.is_ipv6() || ip.is_ipv4());
    // A machine may have many addresses of IPv6, to be hard to follow. One of them is enough.
    own.retain(|ip| ip.is_ipv4() || outgoing.contains(&Some(*ip)));
    let rank = |ip: &IpAddr| outgoing.iter().position(|out| *out == Some(*ip)).unwrap_or(outgoing.len());
    own.sort_by_key(|ip| (rank(ip), *ip));
    own.dedup();
    own
}

/// The addresses of IPv4 and IPv6 from which this machine reaches other networks. `None` if it reaches none.
fn outgoing() -> [Option<IpAddr>; 2] {
    // To connect a UDP socket sends nothing: the kernel only chooses the route, and so the address. These networks are
    // reserved for documentation.
    let routes: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    routes.map(|(any, outside)| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((outside, 9)).ok()?;
        Some(socket.local_addr().ok()?.ip())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_the_route_comes_first_and_ipv6_only_where_it_is_served() {
        let ip = |text: &str| text.parse::<IpAddr>().expect("an address");
        let own = ["10.0.0.7", "192.168.1.5", "2001:db8::7", "2001:db8::8"].map(ip);
        let outgoing = [Some(ip("192.168.1.5")), Some(ip("2001:db8::8"))];
        let told = |any: &str| for_others(ip(any), own.to_vec(), outgoing);
        assert_eq!(told("0.0.0.0"), ["192.168.1.5", "10.0.0.7"].map(ip));
        assert_eq!(told("::"), ["192.168.1.5", "2001:db8::8", "10.0.0.7"].map(ip));
        assert_eq!(for_others(ip("::"), own.to_vec(), [None, None]), ["10.0.0.7", "192.168.1.5"].map(ip));
    }
}
