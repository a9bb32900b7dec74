//! Servers in Python with known faults, and the causes that must be named.

use super::*;

/// Where a server of `tests/torment/servers` is.
pub fn script(server: &str) -> String {
    format!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/torment/servers/{}"), server)
}

/// Starts a server of `tests/torment/servers` for each torment, with these words after the port.
pub fn python(server: &str, words: &[&str]) -> Target {
    let script = script(server);
    let command = [&["python3", &script, "{port}"], words].concat();
    Target::Started(Launcher::of_words(command.into_iter().map(String::from).collect()).expect("{port} in it"))
}

/// The server that [`torment`] has started has ended when these are judged.
#[test]
#[ignore = "needs python3"]
fn faults_of_a_servers_end_are_named() {
    for (fault, name, cause) in [
        ("none", "terminate", None),
        ("none", "restart", None),
        ("ignores-sigterm", "terminate", Some(Cause::IgnoresSigterm)),
        ("address-in-use", "restart", Some(Cause::AddressInUse)),
    ] {
        let findings = torment(&python("threads.py", &[fault]), &torments(&[name]), &Settings::default());
        let causes: Vec<Cause> = torment::diagnose(&findings).into_iter().map(|(cause, _)| cause).collect();
        assert_eq!(causes, Vec::from_iter(cause), "{fault}: {findings:#?}");
    }
}
