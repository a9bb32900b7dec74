//! Parses addresses as people type them: `HOST:PORT`, `HOST`, `:PORT`, `unix:PATH`, or `HOST PORT` as two words.

use super::usage;
use super::value::whole;
use crate::address::{Address, UNIX};
use crate::text::{Bilingual, Lang, say};
use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::fmt::Display;
#[cfg(any(feature = "bench", feature = "torment"))]
use std::net::{SocketAddr, ToSocketAddrs};

/// The default address of the server.
pub(crate) const HOST: &str = "127.0.0.1";
pub(crate) const PORT: u16 = 8889;

/// Where to serve or to join. It is checked while the command line is parsed.
#[derive(Debug)]
pub(crate) struct Where {
    addr: Address,
    is_default: bool,
}

impl Where {
    /// The address. A host may be a name, and is not resolved.
    pub(crate) fn get(self) -> Address {
        self.addr
    }

    /// The address, unless nobody has asked for it.
    pub(crate) fn asked_for(self) -> Option<Address> {
        (!self.is_default).then_some(self.addr)
    }
}

/// Parses an address that is complete but for what has a default.
pub(crate) fn parse_address(text: &str) -> Result<Address, String> {
    parse_place_or_path(text)?.address()
}

/// Parses what [`parse_place`] does, or `unix:PATH`, which stands in the place of the host.
fn parse_place_or_path(text: &str) -> Result<Place, String> {
    match text.strip_prefix(UNIX) {
        Some("") => {
            Err(say!(Lang::session(), "write it like unix:/run/chat.sock"; "escríbelo así: unix:/run/chat.sock"))
        }
        Some(_) => Ok(Place { host: Some(text.into()), port: None }),
        None => parse_place(text),
    }
}

/// An address in one word, of which a part may be missing.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Place {
    host: Option<String>,
    port: Option<u16>,
}

impl Place {
    /// Host and port, where what is missing is the default.
    #[cfg(any(feature = "bench", feature = "torment"))]
    pub(crate) fn or_default(&self) -> (String, u16) {
        (self.host.clone().unwrap_or_else(|| HOST.into()), self.port.unwrap_or(PORT))
    }

    /// The address, where what is missing is the default.
    pub(crate) fn address(self) -> Result<Address, String> {
        let host = self.host.unwrap_or_else(|| HOST.into());
        match (host.strip_prefix(UNIX), self.port) {
            (None, port) => Ok(Address::Tcp(host, port.unwrap_or(PORT))),
            (Some(path), None) => Ok(Address::Unix(path.into())),
            (Some(_), Some(port)) => Err(say!(Lang::session(),
                "{host} has no port; leave out {port}"; "{host} no tiene puerto; quita {port}")),
        }
    }

    /// The addresses of the place, one at least.
    #[cfg(any(feature = "bench", feature = "torment"))]
    pub(crate) fn resolve(&self) -> Result<Vec<SocketAddr>, Bilingual> {
        let (host, port) = self.or_default();
        let addrs: Vec<_> = (host.as_str(), port).to_socket_addrs().ok().into_iter().flatten().collect();
        if !addrs.is_empty() {
            return Ok(addrs);
        }
        Err(Bilingual::of(|lang| {
            say!(lang,
                "cannot find the host {host}; check its name";
                "no se encuentra el equipo {host}; comprueba el nombre")
        }))
    }
}

/// Parses `HOST:PORT`, `HOST`, `:PORT` or a port.
pub(crate) fn parse_place(text: &str) -> Result<Place, String> {
    if text.is_empty() {
        return Ok(Place::default());
    }
    // Digits alone are a port: nobody means the IPv4 address 0.0.34.185 by 8889.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(Place { host: None, port: Some(port_of(text)?) });
    }
    let place = |host: &str, port| Place { host: Some(host.into()), port };
    if let Some(rest) = text.strip_prefix('[') {
        return match rest.split_once(']') {
            Some((host, "")) => Ok(place(host, None)),
            Some((host, after)) if after.starts_with(':') => Ok(place(host, Some(port_of(&after[1..])?))),
            _ => Err(say!(Lang::session(), "write it like [::1]:{PORT}"; "escríbelo así: [::1]:{PORT}")),
        };
    }
    match text.rsplit_once(':') {
        // More than one colon and no bracket: an IPv6 address without a port.
        Some((host, _)) if host.contains(':') => Ok(place(text, None)),
        Some(("", port)) => Ok(place(HOST, Some(port_of(port)?))),
        Some((host, port)) => Ok(place(host, Some(port_of(port)?))),
        None => Ok(place(text, None)),
    }
}

fn port_of(text: &str) -> Result<u16, String> {
    let advice = || say!(Lang::session(), "use a port from 0 to {}"; "usa un puerto de 0 a {}", u16::MAX);
    text.parse().map_err(|_| advice())
}

/// The arguments that say [`Where`].
#[derive(Args, Debug)]
struct Words {
    /// HOST:PORT, HOST, :PORT or unix:PATH [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR", value_parser = parse_place_or_path)]
    place: Option<Place>,

    /// The port, as a second argument
    #[arg(value_name = "PORT", value_parser = whole::<u16>(0..=u16::MAX))]
    port: Option<u16>,

    /// The same address as a flag: HOST:PORT, HOST, :PORT or unix:PATH [default: 127.0.0.1:8889]
    #[arg(long, value_name = "ADDR", env = "TERTULIA_ADDR", value_parser = parse_place_or_path)]
    addr: Option<Place>,
}

impl Words {
    /// The address. Two different ones on the command line are an error; the environment's gives way.
    fn get(self, addr_is_typed: bool) -> Result<Where, String> {
        let is_default = self.place.is_none() && self.port.is_none() && self.addr.is_none();
        let Place { host, port } = self.place.unwrap_or_default();
        let (hosts, ports) = (Bilingual::new("hosts", "equipos"), Bilingual::new("ports", "puertos"));
        let port = one_of(&ports, port, self.port)?;
        let addr = self.addr.unwrap_or_default();
        let (host, port) = match host {
            _ if addr_is_typed => (one_of(&hosts, host, addr.host)?, one_of(&ports, port, addr.port)?),
            Some(host) => (Some(host), port),
            None => (addr.host, port.or(addr.port)),
        };
        Ok(Where { addr: Place { host, port }.address()?, is_default })
    }
}

fn one_of<T: PartialEq + Display>(what: &Bilingual, one: Option<T>, other: Option<T>) -> Result<Option<T>, String> {
    match (one, other) {
        (Some(one), Some(other)) if one != other => {
            let lang = Lang::session();
            let what = what.in_lang(lang);
            Err(
                say!(lang, "{one} and {other} are two {what}; give only one"; "{one} y {other} son dos {what}; da solo uno"),
            )
        }
        (one, other) => Ok(one.or(other)),
    }
}

impl Args for Where {
    fn augment_args(command: Command) -> Command {
        Words::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Words::augment_args_for_update(command)
    }
}

impl FromArgMatches for Where {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Where, clap::Error> {
        let addr_is_typed = matches.value_source("addr") == Some(ValueSource::CommandLine);
        let address = Words::from_arg_matches(matches)?.get(addr_is_typed);
        address.map_err(|text| usage::error(ErrorKind::ArgumentConflict, text))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Where::from_arg_matches(matches)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(place: &str, port: Option<u16>) -> Result<Address, String> {
        Words { place: Some(parse_place_or_path(place)?), port, addr: None }.get(false).map(Where::get)
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
            assert_eq!(get(place, port), Ok(Address::Tcp(host.into(), expected)), "{place:?} {port:?}");
        }
    }

    #[test]
    fn a_unix_socket_has_a_path_and_replaces_the_default() {
        let unix = |path: &str| Ok(Address::Unix(path.into()));
        assert_eq!(get("unix:/run/chat.sock", None), unix("/run/chat.sock"));
        assert_eq!(parse_address("unix:chat.sock"), unix("chat.sock"));
        let words = Words { place: None, port: None, addr: Some(parse_place_or_path("unix:a").expect("a path")) };
        assert_eq!(words.get(true).map(Where::asked_for), Ok(Some(Address::Unix("a".into()))));
        let none = Words { place: None, port: None, addr: None };
        assert_eq!(none.get(false).map(Where::asked_for), Ok(None));
    }

    #[test]
    fn an_argument_and_the_flag_complete_each_other() {
        let address = |place: &str, addr: &str, addr_is_typed| {
            let [place, addr] = [place, addr].map(|text| Some(parse_place_or_path(text).expect("a place")));
            Words { place, port: None, addr }.get(addr_is_typed).map(Where::get)
        };
        let is = |host: &str, port| Ok(Address::Tcp(host.into(), port));
        for addr_is_typed in [false, true] {
            assert_eq!(address("99", "10.0.0.1", addr_is_typed), is("10.0.0.1", 99));
            assert_eq!(address("10.0.0.2", "10.0.0.2", addr_is_typed), is("10.0.0.2", 8889));
        }
        // Only the environment's address gives way.
        for (place, expected) in [("99", is("10.0.0.1", 99)), ("10.0.0.2", is("10.0.0.2", 8889))] {
            assert_eq!(address(place, "10.0.0.1:7", false), expected);
            assert!(address(place, "10.0.0.1:7", true).is_err_and(|e| e.contains("give only one")), "{place}");
        }
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
            ("unix:", None),
            ("unix:chat.sock", Some(2)),
        ] {
            let error = get(place, port).expect_err(place);
            assert!(!error.contains('\n'), "{error}");
        }
    }
}
