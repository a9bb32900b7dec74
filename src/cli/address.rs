//! Parses addresses as people type them: `HOST:PORT`, `HOST`, `:PORT`, or `HOST PORT` as two words.

/// The default address of the server.
pub(crate) const HOST: &str = "127.0.0.1";
pub(crate) const PORT: u16 = 8889;

/// Where to serve or to join.
#[derive(clap::Args, Debug)]
pub(crate) struct Address {
    /// HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR")]
    place: Option<String>,

    /// The port, as a second argument
    #[arg(value_name = "PORT")]
    port: Option<u16>,

    /// The same address as a flag: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(long, value_name = "ADDR", env = "TERTULIA_ADDR")]
    addr: Option<String>,
}

impl Address {
    /// The address in the value of another flag.
    pub(crate) fn of(place: &str) -> Address {
        Address { place: Some(place.into()), port: None, addr: None }
    }

    /// Host and port. The host may be a name, and is not resolved.
    pub(crate) fn get(&self) -> Result<(String, u16), String> {
        let place = self.place.as_deref().or(self.addr.as_deref()).unwrap_or("");
        let (mut host, port) = parse(place)?;
        if let (Some(place), Some(addr)) = (&self.place, &self.addr)
            && is_port(place)
        {
            // Only the port is given here, so the host is that of `--addr`.
            host = parse(addr)?.0;
        }
        match (port, self.port) {
            (Some(port), Some(second)) if port != second => {
                Err(format!("{place} already has a port, and {second} is a second one; give only one port"))
            }
            (port, second) => Ok((host, port.or(second).unwrap_or(PORT))),
        }
    }
}

fn parse(place: &str) -> Result<(String, Option<u16>), String> {
    let port = |text: &str| {
        text.parse().map(Some).map_err(|_| format!("{text:?} in {place:?} is not a port; use a number up to 65535"))
    };
    if place.is_empty() {
        return Ok((HOST.into(), None));
    }
    // Digits alone are a port: nobody means the IPv4 address 0.0.34.185 by 8889.
    if is_port(place) {
        return Ok((HOST.into(), port(place)?));
    }
    if let Some(rest) = place.strip_prefix('[') {
        let Some((host, after)) = rest.split_once(']') else {
            return Err(format!("{place:?} has no closing bracket; write it like [::1]:{PORT}"));
        };
        return match after.strip_prefix(':') {
            Some(text) => Ok((host.into(), port(text)?)),
            None if after.is_empty() => Ok((host.into(), None)),
            None => Err(format!("{after:?} after the bracket in {place:?} is not a port; write it like [::1]:{PORT}")),
        };
    }
    match place.rsplit_once(':') {
        // More than one colon and no bracket: an IPv6 address without a port.
        Some((host, _)) if host.contains(':') => Ok((place.into(), None)),
        Some(("", text)) => Ok((HOST.into(), port(text)?)),
        Some((host, text)) => Ok((host.into(), port(text)?)),
        None => Ok((place.into(), None)),
    }
}

fn is_port(place: &str) -> bool {
    !place.is_empty() && place.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(place: &str, port: Option<u16>) -> Result<(String, u16), String> {
        Address { place: Some(place.into()), port, addr: None }.get()
    }

    #[test]
    fn addresses_as_people_type_them() {
        for (place, port, host, expected) in [
            ("", None, "127.0.0.1", 8889),
            ("localhost", None, "localhost", 8889),
            ("localhost:99", None, "localhost", 99),
            ("localhost", Some(99), "localhost", 99),
            (":99", None, "127.0.0.1", 99),
            ("99", None, "127.0.0.1", 99),
            ("10.0.0.1:99", None, "10.0.0.1", 99),
            ("::1", None, "::1", 8889),
            ("::1", Some(99), "::1", 99),
            ("[::1]", None, "::1", 8889),
            ("[::1]:99", None, "::1", 99),
        ] {
            assert_eq!(get(place, port), Ok((host.to_owned(), expected)), "{place:?} {port:?}");
        }
    }

    #[test]
    fn a_port_alone_leaves_the_host_that_was_said_elsewhere() {
        let address = |place: &str| Address { place: Some(place.into()), port: None, addr: Some("10.0.0.1:7".into()) };
        assert_eq!(address("99").get(), Ok(("10.0.0.1".to_owned(), 99)));
        assert_eq!(address("10.0.0.2").get(), Ok(("10.0.0.2".to_owned(), 8889)));
    }

    #[test]
    fn what_is_no_address_is_told_why() {
        for (place, port) in [
            ("host:", None),
            ("host:x", None),
            ("host:70000", None),
            ("[::1", None),
            ("[::1]x", None),
            ("h:1", Some(2)),
        ] {
            let error = get(place, port).expect_err(place);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
