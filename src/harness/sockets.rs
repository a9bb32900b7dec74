//! What the kernel tells of sockets, on Linux: /proc/net/tcp and tcp6. Elsewhere it tells nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// A row of the table.
pub struct Socket {
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub is_listener: bool,
    /// Bytes that have come and were not read; of a listener, connections that were not accepted.
    pub unread: u64,
    pub inode: String,
}

/// All sockets that have to do with a port.
pub fn sockets(port: u16) -> Vec<Socket> {
    let part = format!(":{port:04X} ");
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|path| std::fs::read_to_string(path).unwrap_or_default());
    // There may be thousands of others: their lines are not taken apart.
    let rows = tables.iter().flat_map(|table| table.lines().skip(1)).filter(|line| line.contains(&part));
    rows.filter_map(socket).collect()
}

/// Connections to a server that it has not accepted yet.
pub fn not_accepted(server: SocketAddr) -> Option<u64> {
    sockets(server.port()).into_iter().find(|socket| socket.is_listener).map(|socket| socket.unread)
}

/// Bytes of a client that have come to the server and that it has not read.
pub fn unread(server: SocketAddr, client: SocketAddr) -> Option<u64> {
    let mut rows = sockets(server.port()).into_iter();
    rows.find(|socket| socket.local.port() == server.port() && socket.remote.port() == client.port()).map(|s| s.unread)
}

fn socket(line: &str) -> Option<Socket> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let (_, unread) = fields.get(4)?.split_once(':')?;
    Some(Socket {
        local: addr(fields[1])?,
        remote: addr(fields[2])?,
        is_listener: fields[3] == "0A",
        unread: u64::from_str_radix(unread, 16).ok()?,
        inode: fields.get(9)?.to_string(),
    })
}

/// An address as it stands in the table: words of four bytes in the machine's order.
fn addr(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let word = |at: usize| Some(u32::from_str_radix(host.get(at..at + 8)?, 16).ok()?.to_ne_bytes());
    let host = if host.len() == 8 {
        IpAddr::from(Ipv4Addr::from(word(0)?))
    } else {
        let words = [word(0)?, word(8)?, word(16)?, word(24)?];
        let host: [u8; 16] = words.concat().try_into().ok()?;
        IpAddr::from(Ipv6Addr::from(host)).to_canonical()
    };
    Some(SocketAddr::new(host, u16::from_str_radix(port, 16).ok()?))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn what_waits_in_the_kernel_is_counted() {
        for host in ["127.0.0.1", "::1"] {
            let Ok(listener) = TcpListener::bind((host, 0)) else { continue };
            let server = listener.local_addr().expect("bound");
            assert_eq!(not_accepted(server), Some(0));
            let mut client = TcpStream::connect(server).expect("connected");
            assert_eq!(not_accepted(server), Some(1));
            let _accepted = listener.accept().expect("accepted");
            client.write_all(b"seven b").expect("written");
            // On the loopback it has come when the write returns.
            assert_eq!(unread(server, client.local_addr().expect("bound")), Some(7));
        }
    }
}
