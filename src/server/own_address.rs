//! By which address others reach a server that listens on all addresses of its machine: nobody can type 0.0.0.0.

use crate::text::{Lang, say};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};

/// Says on stderr what others type, if one of these listens on all addresses.
pub(super) fn tell(listeners: &[TcpListener], lang: Lang) {
    let Some(addr) = listeners.iter().find_map(for_others) else { return };
    let (ip, port) = (addr.ip(), addr.port());
    let note = say!(lang, "others on your network join with: nc {ip} {port}"; "los demás de tu red entran con: nc {ip} {port}");
    // The chat goes on whether or not stderr takes this.
    let _ = writeln!(io::stderr(), "{note}");
}

/// The address of this machine that others type, if the server listens on all of them. `None` if there is no network.
fn for_others(listener: &TcpListener) -> Option<SocketAddr> {
    let addr = listener.local_addr().ok().filter(|addr| addr.ip().is_unspecified())?;
    // To connect a UDP socket sends nothing: the kernel only chooses the route, and so the address. These networks are
    // reserved for documentation.
    let routes: [(IpAddr, IpAddr); 2] = [
        (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into()),
        (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()),
    ];
    // A socket that listens on all addresses of IPv6 takes IPv4, too.
    let routes = routes.into_iter().filter(|(any, _)| addr.is_ipv6() || any.is_ipv4());
    let own = |(any, outside)| {
        let socket = UdpSocket::bind((any, 0)).ok()?;
        socket.connect((outside, 9)).ok()?;
        socket.local_addr().ok()
    };
    routes.filter_map(own).next().map(|own| SocketAddr::new(own.ip(), addr.port()))
}
