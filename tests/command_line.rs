//! The command line: what it accepts, what it prints when it does not, and where the output goes.

mod common;

use common::process::*;
use common::*;
use std::process::{Command, Stdio};
use tertulia::server::DRIVERS;

/// Runs `tertulia` with these arguments to its end.
#[track_caller]
fn tells(args: &[&str]) -> Ended {
    run(tertulia().args(args))
}

/// The names of the subcommands that `tertulia --help` lists.
#[track_caller]
fn subcommands() -> Vec<String> {
    let help = tells(&["--help"]).stdout;
    let list = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).expect("a list");
    let names = list.lines().filter(|line| !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

/// `serve` on a free port, with these arguments and this environment.
fn serve(args: &[&str], env: &[(&str, &str)]) -> Command {
    let mut command = tertulia();
    command.args(["serve", "--addr", "127.0.0.1:0"]).args(args).envs(env.iter().copied());
    command
}

/// What such a server writes while clients come, talk and leave: stdout and stderr.
#[track_caller]
fn outputs(args: &[&str], env: &[(&str, &str)]) -> (String, String) {
    let mut server = Server::of(serve(args, env));
    conversation(&mut server);
    (server.console.whole(), server.diagnostics.whole())
}

/// Clients come, talk, reset and leave; then the server is stopped.
#[track_caller]
fn conversation(server: &mut Server) {
    let [mut ana, mut beto] = server.join_all(["ana", "beto"]);
    ana.says("hola");
    beto.sees("<ana> hola");
    beto.resets();
    ana.notice("beto (#2) is gone");
    assert!(server.stop().success());
}

const ESC: char = '\x1b';

// Its own descriptions.

#[test]
fn help_is_there_for_each_subcommand() {
    let names = subcommands();
    assert_eq!(names.first().map(String::as_str), Some("serve"));
    for (name, built) in [("join", cfg!(feature = "join")), ("bench", cfg!(feature = "bench"))] {
        assert_eq!(names.iter().any(|listed| listed == name), built, "{name}");
    }
    for name in names.iter().filter(|name| *name != "help") {
        let long = tells(&[name, "--help"]);
        assert_eq!((long.code, long.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(long.stdout.contains(&format!("Usage: tertulia {name}")), "{}", long.stdout);
        assert_eq!(tells(&["help", name]).stdout, long.stdout, "{name}");
        let short = tells(&[name, "-h"]);
        assert_eq!((short.code, short.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(short.stdout.len() <= long.stdout.len(), "{name}");
        for line in long.stdout.lines() {
            assert!(line.chars().count() <= 100, "{name}: {line}");
            assert!(!line.contains(ESC), "{name}: {line:?}");
        }
    }
}

#[test]
fn help_is_in_the_language_of_the_session() {
    let spanish =
        [vec![("LC_ALL", "es_ES.UTF-8")], vec![("LC_ALL", ""), ("LANG", "es_MX")], vec![("TERTULIA_LANG", "es")]];
    let with = |env: &[(&str, &str)], args: &[&str]| run(tertulia().args(args).envs(env.iter().copied()));
    for name in subcommands().iter().filter(|name| *name != "help") {
        let long = with(&spanish[0], &[name, "--help"]);
        assert_eq!((long.code, long.stderr.as_str()), (Some(0), ""), "{name}");
        assert!(long.stdout.contains(&format!("Uso: tertulia {name}")), "{}", long.stdout);
        for env in &spanish {
            assert_eq!(with(env, &["help", name]).stdout, long.stdout, "{name} {env:?}");
        }
        assert_eq!(with(&[], &[name, "--lang", "es", "--help"]).stdout, long.stdout, "{name}");
        assert_eq!(with(&spanish[0], &["--lang=en", name, "--help"]).stdout, tells(&[name, "--help"]).stdout, "{name}");
        let short = with(&spanish[0], &[name, "-h"]).stdout;
        for line in long.stdout.lines().chain(short.lines()) {
            assert!(line.chars().count() <= 100, "{name}: {line}");
            assert!(!line.contains(ESC), "{name}: {line:?}");
        }
    }
    let help = with(&spanish[0], &["serve", "--help"]).stdout;
    for part in [
        "--max-clients <N>",
        "[por defecto: 6]",
        "[variable: TERTULIA_MAX_CLIENTS]",
        "un hilo espera a todos los sockets",
        "[valores posibles: auto, always, never]",
    ] {
        assert!(help.contains(part), "no {part:?} in: {help}");
    }
    let version = with(&spanish[0], &["--version"]).stdout;
    assert!(version.contains(" (modos: epoll"), "{version}");
}

#[test]
fn the_flags_of_serve_are_documented_with_their_variables() {
    let help = tells(&["serve", "--help"]).stdout;
    for flag in [
        "addr",
        "mode",
        "max-clients",
        "when-full",
        "max-line",
        "framing",
        "lang",
        "history",
        "replay",
        "spin",
        "quiet",
        "operator-password-file",
        "bans",
        "password-file",
    ] {
        let variable = format!("TERTULIA_{}", flag.to_uppercase().replace('-', "_"));
        assert!(help.contains(&format!("--{flag}")) && help.contains(&variable), "{flag}: {help}");
    }
    for default in ["127.0.0.1:8889", "[default: 6]", "[default: epoll]", "[default: refuse]", "[default: 1024]"] {
        assert!(help.contains(default), "{default}: {help}");
    }
}

#[test]
fn short_help_is_a_reminder() {
    for name in ["serve", "join"].iter().filter(|name| subcommands().iter().any(|listed| listed == *name)) {
        let short = tells(&[name, "-h"]).stdout;
        assert!(!short.contains("[env") && !short.contains("TERTULIA_"), "{short}");
        let lines = short.lines().count();
        assert!(lines <= 45, "{name}: {lines} lines fit on no screen: {short}");
    }
}

#[test]
fn version_names_the_modes_that_were_built_in() {
    let modes: Vec<_> = DRIVERS.iter().map(|driver| driver.name).collect();
    assert_eq!((modes[0], modes.contains(&"threaded")), ("epoll", cfg!(feature = "threaded")));
    let expected = format!("{} (modes: {})\n", env!("CARGO_PKG_VERSION"), modes.join(", "));
    for (args, name) in [(&["--version"][..], "tertulia"), (&["-V"], "tertulia"), (&["serve", "-V"], "tertulia-serve")]
    {
        let ended = tells(args);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert_eq!(ended.stdout, format!("{name} {expected}"));
    }
}

#[cfg(feature = "extras")]
mod man {
    use super::*;

    /// Lets a shell read a script, and returns the result; `None` if the shell is not installed.
    #[track_caller]
    fn shell(name: &str, args: &[&str], script: &str) -> Option<Ended> {
        if Command::new(name).args(["-c", "exit 0"]).status().is_err() {
            eprintln!("skipped: no {name} here");
            return None;
        }
        let dir = Dir::new();
        let path = dir.file("completions");
        std::fs::write(&path, script).expect("our directory");
        let ended = run(Command::new(name).args(args).arg(&path));
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{name}");
        Some(ended)
    }

    #[track_caller]
    fn completions(shell: &str) -> String {
        let ended = tells(&["completions", shell]);
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""), "{shell}");
        for word in ["serve", "max-clients", "completions"] {
            assert!(ended.stdout.contains(word), "{shell}: no {word} in: {}", ended.stdout);
        }
        ended.stdout
    }

    #[test]
    fn bash_completes_subcommands_flags_and_values() {
        let script = completions("bash");
        shell("bash", &["-n"], &script);
        for (words, expected) in [
            ("tertulia ser", "serve"),
            ("tertulia serve --max-c", "--max-clients"),
            ("tertulia serve --framing r", "raw"),
            ("tertulia serve --mode ep", "epoll"),
            ("tertulia man se", "serve"),
            ("tertulia completions ba", "bash"),
        ] {
            let (before, word) = words.rsplit_once(' ').expect("more words than one");
            let previous = before.rsplit(' ').next().expect("a word");
            // The same as bash does on Tab.
            let tab = format!(
                "{script}\nCOMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))\n\
                 _tertulia tertulia '{word}' '{previous}'; echo \"${{COMPREPLY[*]}}\"\n"
            );
            if let Some(ended) = shell("bash", &["--norc"], &tab) {
                assert_eq!(ended.stdout.trim_end(), expected, "{words}");
            }
        }
    }

    #[test]
    fn zsh_completes_the_same() {
        let zsh = completions("zsh");
        assert!(zsh.starts_with("#compdef tertulia\n"), "{zsh}");
        shell("zsh", &["-n"], &zsh);
        // Its completion needs a terminal. This is what the script gives it.
        for values in ["MODE:((epoll", ":FRAMING:((line", ":(serve ", "(bash "] {
            assert!(zsh.contains(values), "no {values} in: {zsh}");
        }
    }

    #[test]
    fn fish_completes_the_same() {
        let fish = completions("fish");
        assert!(fish.contains("complete -c tertulia "), "{fish}");
        shell("fish", &["--no-execute"], &fish);
        for (words, expected) in [
            ("serve --mode ep", "epoll"),
            ("serve --framing r", "raw"),
            ("man se", "serve"),
            ("completions ba", "bash"),
        ] {
            let tab = format!("{fish}\ncomplete -C 'tertulia {words}'\n");
            if let Some(ended) = shell("fish", &["--no-config"], &tab) {
                // A description may follow.
                assert_eq!(ended.stdout.split_whitespace().next(), Some(expected), "{words}");
            }
        }
    }

    #[test]
    fn there_is_a_page_of_the_manual_for_each_subcommand() {
        let page = tells(&["man"]);
        assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
        assert!(page.stdout.contains(".TH tertulia 1"), "{}", page.stdout);
        for name in subcommands().iter().filter(|name| *name != "help") {
            let page = tells(&["man", name]);
            assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""), "{name}");
            assert!(page.stdout.contains(&format!(".TH tertulia-{name} 1")), "{}", page.stdout);
        }
        if cfg!(feature = "trace") {
            let view = tells(&["man", "trace", "view"]);
            assert_eq!((view.code, view.stderr.as_str()), (Some(0), ""));
            assert!(view.stdout.contains(".TH tertulia-trace-view 1"), "{}", view.stdout);
            refuses(tertulia().args(["man", "trace", "serve"]), &["no command `tertulia trace serve`"]);
        }
        let serve = tells(&["man", "serve"]).stdout;
        for section in ["COMMANDS IN THE CHAT", "EXAMPLES", "EXIT STATUS", "SIGNALS", "ENVIRONMENT"] {
            assert!(
                serve.contains(&format!(".SH \"{section}\"\n")) || serve.contains(&format!(".SH {section}\n")),
                "{section}"
            );
        }
        for word in [":msg NICK TEXT", "SIGHUP", "NO_COLOR", "LC_ALL"] {
            assert!(serve.contains(word), "no {word:?} in: {serve}");
        }
        assert!(serve.contains(r"\-\-max\-clients") && serve.contains("TERTULIA_MAX_CLIENTS"), "{serve}");
        assert_eq!(titles(&serve).last(), Some(&"VERSION"), "{serve}");
    }

    /// The titles of the sections of a page.
    fn titles(page: &str) -> Vec<&str> {
        page.lines().filter_map(|line| line.strip_prefix(".SH ")).map(|title| title.trim_matches('"')).collect()
    }

    #[test]
    fn the_manual_is_in_the_language_of_the_session() {
        let page = tells(&["man", "serve", "--lang", "es"]);
        assert_eq!((page.code, page.stderr.as_str()), (Some(0), ""));
        let sections = [
            "NOMBRE",
            "SINOPSIS",
            "DESCRIPCIÓN",
            "ARGUMENTOS",
            "OPCIONES",
            "ÓRDENES DEL CHAT",
            "EJEMPLOS",
            "CÓDIGO DE SALIDA",
            "SEÑALES",
            "VARIABLES DE ENTORNO",
            "VERSIÓN",
        ];
        assert_eq!(titles(&page.stdout), sections);
        for word in [":msg NICK TEXTO", "Valores posibles:", "[por defecto: 6]", "un hilo espera a todos los sockets"] {
            assert!(page.stdout.contains(word), "no {word:?} in: {}", page.stdout);
        }
        let trace = tells(&["man", "--lang", "es", "trace"]).stdout;
        assert!(titles(&trace).contains(&"ÓRDENES"), "{trace}");
    }

    #[test]
    fn completions_are_described_in_the_language_of_the_session() {
        for (name, check) in [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")] {
            let script = tells(&["completions", name, "--lang", "es"]).stdout;
            let (english, spanish) = ("one thread waits for every socket", "un hilo espera a todos los sockets");
            assert!(!script.contains(english), "{script}");
            assert_eq!(script.contains(spanish), name != "bash", "{script}");
            shell(name, &[check], &script);
        }
    }
}

// Wrong arguments.

#[test]
fn a_wrong_command_line_is_told_with_what_to_try() {
    for (words, english, spanish) in [
        (
            "serv",
            "there is no command \"serv\"; use serve, or see tertulia --help\n",
            "no existe la orden \"serv\"; usa serve, o consulta tertulia --help\n",
        ),
        (
            "help nosuch",
            "there is no command \"nosuch\"; see tertulia --help\n",
            "no existe la orden \"nosuch\"; consulta tertulia --help\n",
        ),
        (
            "serve --max-client 3",
            "there is no flag --max-client; use --max-clients, or see tertulia serve --help\n",
            "no existe la opción --max-client; usa --max-clients, o consulta tertulia serve --help\n",
        ),
        (
            "serve --max-clients -1",
            "--max-clients cannot be \"-1\"; use a whole number, 1 or more\n",
            "--max-clients no puede ser \"-1\"; usa un número entero, 1 o más\n",
        ),
        (
            "serve --max-clients",
            "--max-clients needs a value; see tertulia serve --help\n",
            "--max-clients necesita un valor; consulta tertulia serve --help\n",
        ),
        (
            "serve --when-full drop",
            "--when-full cannot be \"drop\"; use refuse or wait\n",
            "--when-full no puede ser \"drop\"; usa refuse o wait\n",
        ),
        ("serve --quiet=yes", "--quiet takes no value; leave out \"yes\"\n", "--quiet no lleva valor; quita \"yes\"\n"),
        (
            "serve a 1 c",
            "unexpected argument \"c\"; see tertulia serve --help\n",
            "sobra el argumento \"c\"; consulta tertulia serve --help\n",
        ),
        (
            "serve --replay 1 --replay 2",
            "--replay is given twice; give it once\n",
            "--replay está dos veces; escríbela solo una\n",
        ),
        ("--lang", "--lang needs a value; use en or es\n", "--lang necesita un valor; usa en o es\n"),
    ] {
        refuses(tertulia().args(words.split(' ')), &[english]);
        refuses(tertulia().args(words.split(' ')).env("LC_ALL", "es_ES.UTF-8"), &[spanish]);
    }
    refuses(tertulia().args(["--lang", "es"]), &["falta la orden; consulta tertulia --help\n"]);
    let alone = run(&mut tertulia());
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(2), ""), "{}", alone.stderr);
    assert!(alone.stderr.contains("Usage: tertulia [OPTIONS] <COMMAND>"), "{}", alone.stderr);
}

#[cfg(feature = "bench")]
#[test]
fn flags_that_exclude_or_need_each_other_are_told() {
    for (words, line) in [
        ("bench --rate 3 --window 4", "--rate cannot be used together with --window; leave one of them out\n"),
        ("bench --pid 3", "--addr is missing; see tertulia bench --help\n"),
        ("bench --rate 0 --lang es", "--rate no puede ser \"0\"; usa un número mayor que 0\n"),
    ] {
        refuses(tertulia().args(words.split(' ')), &[line]);
    }
}

#[test]
fn a_wrong_value_is_told_with_what_to_type_instead() {
    let modes: Vec<_> = DRIVERS.iter().map(|driver| driver.name).collect();
    let built = subcommands();
    for (words, line) in [
        ("serve --mode kqueue", &*format!("--mode cannot be \"kqueue\"; use {}", modes[0])),
        ("serve --max-clients 0", "--max-clients cannot be \"0\"; use a whole number, 1 or more\n"),
        ("serve --max-clients six", "--max-clients cannot be \"six\"; use a whole number, 1 or more\n"),
        ("serve --max-clients=", "--max-clients needs a value; use a whole number, 1 or more\n"),
        ("serve --max-clients 18446744073709551616", "use a whole number, 1 or more\n"),
        ("serve --max-line 15", "--max-line cannot be \"15\"; use a whole number from 16 to 65536\n"),
        ("serve --max-line=65537", "--max-line cannot be \"65537\"; use a whole number from 16 to 65536\n"),
        ("serve --replay 1001", "use a whole number from 0 to 1000\n"),
        ("serve --spin fast", "use a whole number from 0 to 1000000\n"),
        ("serve --when-full drop", "--when-full cannot be \"drop\"; use refuse or wait\n"),
        ("serve --framing json", "use line or raw\n"),
        ("serve --lang fr", "use en or es\n"),
        ("serve --color blue", "use auto, always or never\n"),
        ("serve --log loud", "\"loud\" is not a log level; use off, error, warn, info, debug or trace\n"),
        ("serve --log info,mio=loud", "\"loud\" is not a log level; use off"),
        ("serve localhost http", "PORT cannot be \"http\"; use a whole number from 0 to 65535\n"),
        ("serve localhost 65536", "PORT cannot be \"65536\"; use a whole number from 0 to 65535\n"),
        ("serve :99999", "ADDR cannot be \":99999\"; use a port from 0 to 65535\n"),
        ("serve --slow 0", "use a whole number from 1 to 60000\n"),
        ("join [::1", "ADDR cannot be \"[::1\"; write it like [::1]:8889\n"),
        ("join [::1]x", "write it like [::1]:8889\n"),
        ("bench --addr :99999", "--addr cannot be \":99999\"; use a port from 0 to 65535\n"),
        ("bench --clients x", "--clients cannot be \"x\"; use a whole number, 2 or more\n"),
        ("bench --sweep 2,x", "--sweep cannot be \"x\"; use a whole number, 2 or more\n"),
        ("bench --duration 0", "--duration cannot be \"0\"; use a number from 0.001 to 86400\n"),
        ("bench --warm-up long", "use a number from 0 to 86400\n"),
        ("bench --rate nan", "use a number above 0\n"),
        ("bench --rounds 0", "use a whole number from 1 to 1000\n"),
        ("compare --millis 0", "use a whole number from 50 to 60000\n"),
        ("torment localhost:x", "ADDR cannot be \"localhost:x\"; use a port from 0 to 65535\n"),
        ("torment --only tickle", "--only cannot be \"tickle\"; "),
        ("torment --seed -", "use a whole number, 0 or more\n"),
        ("torment --time slow", "use a number from 0.1 to 100\n"),
        ("completions dos", "SHELL cannot be \"dos\"; use bash"),
        ("man nosuch", "COMMAND cannot be \"nosuch\"; use serve"),
    ] {
        let mut words = words.split(' ').peekable();
        let is_built = words.peek().is_some_and(|name| built.iter().any(|listed| listed == name));
        // --slow comes with the feature `trace`.
        if is_built && (cfg!(feature = "trace") || !line.contains("60000")) {
            refuses(tertulia().args(words), &[line]);
        }
    }
}

#[test]
fn a_wrong_environment_is_blamed_by_its_own_name() {
    for (name, value, line) in [
        ("TERTULIA_LOG", "loud", "TERTULIA_LOG cannot be \"loud\"; \"loud\" is not a log level; use off"),
        ("TERTULIA_MODE", "kqueue", "TERTULIA_MODE cannot be \"kqueue\"; use epoll"),
        ("TERTULIA_MODE", "", "TERTULIA_MODE needs a value; use epoll"),
        ("TERTULIA_MAX_CLIENTS", "0", "TERTULIA_MAX_CLIENTS cannot be \"0\"; use a whole number, 1 or more\n"),
        ("TERTULIA_ADDR", "host:x", "TERTULIA_ADDR cannot be \"host:x\"; use a port from 0 to 65535\n"),
        ("TERTULIA_LANG", "fr", "TERTULIA_LANG cannot be \"fr\"; use en or es\n"),
        ("TERTULIA_VERBOSE", "much", "TERTULIA_VERBOSE cannot be \"much\"; use a whole number from 0 to 255\n"),
    ] {
        refuses(tertulia().arg("serve").env(name, value), &[line]);
    }
    // The flag has precedence, so it is to blame.
    refuses(tertulia().args(["serve", "--lang=x"]).env("TERTULIA_LANG", "fr"), &["--lang cannot be \"x\""]);
}

#[cfg(not(feature = "threaded"))]
#[test]
fn a_build_without_threads_says_how_to_get_them() {
    refuses(tertulia().args(["serve", "--mode", "threaded"]), &["no threaded mode", "cargo build --features threaded"]);
    refuses(tertulia().arg("serve").env("TERTULIA_MODE", "threaded"), &["cargo build --features threaded"]);
}

#[test]
fn threads_do_not_spin() {
    for driver in DRIVERS.iter().filter(|driver| !driver.spins) {
        let mut command = tertulia();
        refuses(
            command.args(["serve", "--mode", driver.name, "--spin", "50"]),
            &["--spin", "--mode epoll", "leave it"],
        );
    }
}

#[test]
fn one_address_is_enough() {
    for command in ["serve", "join"].iter().filter(|command| subcommands().iter().any(|name| name == *command)) {
        for (words, parts) in [
            (&["127.0.0.1:1", "2"][..], &["1 and 2 are two ports", "give only one"][..]),
            (&["--addr", "127.0.0.1:1", "127.0.0.2:1"], &["127.0.0.2 and 127.0.0.1 are two hosts"]),
            (&["--addr", ":1", ":2"], &["2 and 1 are two ports"]),
        ] {
            refuses(tertulia().arg(command).args(words), parts);
        }
    }
}

#[cfg(feature = "bench")]
#[test]
fn a_load_that_cannot_be_played_is_a_wrong_command_line() {
    for (args, parts) in [
        (&["--clients", "0"][..], &["2 or more"][..]),
        (&["--clients", "1"], &["2 or more"]),
        (&["--sweep", "4,1"], &["2 or more"]),
        (&["--talkers", "0"], &["1 or more"]),
        (&["--talkers", "9"], &["9 of 6 clients", "--talkers 6 or less"]),
        (&["--talkers", "9", "--sweep", "2,4"], &["9 of 4 clients"]),
        (&["--line", "3"], &["or more"]),
        (&["--rate", "0"], &["a number above 0"]),
    ] {
        refuses(tertulia().arg("bench").args(args), parts);
    }
}

// Accepted arguments.

#[test]
fn serve_takes_addresses_as_people_type_them() {
    for words in
        [&["127.0.0.1", "0"][..], &["127.0.0.1:0"], &[":0"], &["0"], &["--addr", "127.0.0.1:0"], &["--addr=:0"]]
    {
        let mut command = tertulia();
        let server = Server::of({
            command.arg("serve").args(words);
            command
        });
        assert!(server.addr.ip().is_loopback() && server.addr.port() > 0, "{words:?}: {}", server.addr);
        server.join();
    }
}

#[test]
fn serve_takes_addresses_of_ipv6() {
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        eprintln!("skipped: no IPv6 loopback here");
        return;
    }
    for words in [&["[::1]:0"][..], &["::1", "0"], &["[::1]", "0"], &["--addr", "[::1]:0"]] {
        let mut command = tertulia();
        command.arg("serve").args(words).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the server starts");
        let console = Output::of(child.stdout.take().expect("piped"));
        let addr = "127.0.0.1:0".parse().expect("an address");
        let mut server = Server { child, addr, console, diagnostics: Output::default(), unix: None };
        let line = server.console.shows("seats)");
        server.addr = line.split(' ').find_map(|word| word.parse().ok()).expect("an address");
        assert!(server.addr.is_ipv6(), "{words:?}: {line}");
        let mut ana = server.join();
        server.console.shows("#1 guest1 arrived from [::1]:");
        ana.says(":q");
        ana.is_closed();
    }
}

#[test]
fn a_server_on_all_addresses_says_which_ones_others_type() {
    let mut command = tertulia();
    let mut server = Server::of({
        command.args(["serve", "0.0.0.0:0"]);
        command
    });
    // The same question as the server's: is there a way out?
    let probe = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9"));
    if probe.is_err() {
        eprintln!("skipped: no network here");
        return;
    }
    server.diagnostics.shows("others on your network join with: nc ");
    // The lines are written before the server listens.
    server.console.shows("seats)");
    let told = server.diagnostics.text();
    for line in told.lines() {
        assert!(
            line.starts_with("others on your network join with: nc ") || line.starts_with("or with: nc "),
            "{told}"
        );
        let words: Vec<_> = line.rsplit(' ').take(2).collect();
        server.addr = format!("{}:{}", words[1], words[0]).parse().expect("an address");
        server.join();
    }
}

#[test]
fn words_on_the_command_line_come_before_the_environment() {
    let listening = |args: &[&str], env: &[(&str, &str)]| {
        let server = Server::of(serve(args, env));
        server.console.shows("seats)").split_once(" (").expect("a mode").1.to_owned()
    };
    assert_eq!(listening(&[], &[]), "epoll, 6 seats)");
    assert_eq!(listening(&[], &[("TERTULIA_MAX_CLIENTS", "1")]), "epoll, 1 seats)");
    assert_eq!(listening(&["--max-clients", "3"], &[("TERTULIA_MAX_CLIENTS", "1")]), "epoll, 3 seats)");
    #[cfg(feature = "threaded")]
    {
        assert_eq!(listening(&[], &[("TERTULIA_MODE", "threaded")]), "threaded, 6 seats)");
        assert_eq!(listening(&["--mode", "epoll"], &[("TERTULIA_MODE", "threaded")]), "epoll, 6 seats)");
    }
    let mut by_env = tertulia();
    by_env.arg("serve").env("TERTULIA_ADDR", "127.0.0.1:0");
    Server::of(by_env).join();
    let mut by_word = tertulia();
    by_word.args(["serve", ":0"]).env("TERTULIA_ADDR", "203.0.113.1:1");
    Server::of(by_word).join();
}

#[test]
fn the_seats_of_the_environment_are_the_rooms() {
    let server = Server::of(serve(&[], &[("TERTULIA_MAX_CLIENTS", "1")]));
    let _ana = server.join();
    let mut beto = server.connect();
    beto.notice("the room is full (1 of 1 seats taken)");
    beto.is_closed();
}

#[test]
fn the_language_is_asked_for_or_the_localess() {
    for (args, env, expected) in [
        (&[][..], &[("LC_ALL", "es_ES.UTF-8")][..], "a la escucha"),
        (&["--lang", "en"], &[("LC_ALL", "es_ES.UTF-8")], "listening"),
        (&["--lang", "es"], &[("LC_ALL", "C")], "a la escucha"),
        (&[], &[("TERTULIA_LANG", "es")], "a la escucha"),
        (&[], &[("LC_ALL", ""), ("LC_MESSAGES", ""), ("LANG", "es_MX.UTF-8")], "a la escucha"),
        (&[], &[("LC_ALL", ""), ("LC_MESSAGES", "en_GB"), ("LANG", "es_MX.UTF-8")], "listening"),
    ] {
        let server = Server::of(serve(args, env));
        server.console.shows(expected);
        let welcome = server.connect().line().expect("a greeting");
        assert_eq!(welcome.contains("bienvenida"), expected != "listening", "{args:?} {env:?}: {welcome}");
    }
}

#[test]
fn whoever_runs_the_server_is_told_in_the_language_of_the_session() {
    let first = Server::start("epoll");
    let addr = first.addr.to_string();
    let spanish = [("LC_ALL", "es_ES.UTF-8")];
    let taken = format!("no se puede escuchar en {addr}: la dirección ya está en uso; cierra el programa");
    fails_with(tertulia().args(["serve", &addr]).envs(spanish), &[&taken, "usa otro puerto con --addr :PUERTO\n"]);
    let unwritable = ["no se puede guardar el historial en /nowhere/file: ", "elige otro archivo\n"];
    fails_with(&mut serve(&["--history", "/nowhere/file"], &spanish), &unwritable);
    if cfg!(feature = "join") {
        let nobody = "no se puede conectar con 127.0.0.1:1: conexión rechazada; ";
        fails_with(tertulia().args(["join", "127.0.0.1:1"]).envs(spanish), &[nobody]);
    }
    let (transcript, diagnostics) = outputs_in_spanish();
    assert!(transcript.contains("a la escucha en "), "{transcript}");
    assert!(diagnostics.contains("a la escucha en ") && diagnostics.contains(", modo epoll, "), "{diagnostics}");
}

/// What a server of a Spanish session writes: stdout and stderr.
#[track_caller]
fn outputs_in_spanish() -> (String, String) {
    let mut server = Server::of(serve(&["-v"], &[("LC_ALL", "es_ES.UTF-8")]));
    assert!(server.stop().success());
    (server.console.whole(), server.diagnostics.whole())
}

// Where the output goes.

#[test]
fn stdout_is_the_transcript_and_stderr_silent_unless_there_is_a_warning() {
    let (transcript, diagnostics) = outputs(&[], &[]);
    assert!(transcript.contains("<ana> hola") && transcript.contains("closing\n"), "{transcript}");
    assert_eq!(diagnostics, "");
}

#[test]
fn more_is_said_on_stderr_to_those_who_ask() {
    let (transcript, first) = outputs(&["-v"], &[]);
    assert!(first.contains("INFO") && first.contains("listening on 127.0.0.1:"), "{first}");
    for line in first.lines() {
        let time = line.split(' ').next().unwrap_or_default();
        assert!(time.parse::<jiff::Timestamp>().is_ok(), "no time in: {line}");
    }
    assert!(!first.contains("DEBUG") && !transcript.contains("INFO"), "{first}{transcript}");
    let (_, second) = outputs(&["-vv"], &[]);
    assert!(second.contains("DEBUG"), "{second}");
    for diagnostics in [
        outputs(&["--verbose"], &[]).1,
        outputs(&["--log", "info"], &[]).1,
        outputs(&[], &[("TERTULIA_LOG", "info")]).1,
        outputs(&[], &[("TERTULIA_VERBOSE", "1")]).1,
        outputs(&["--log", "off,tertulia::server=info"], &[]).1,
    ] {
        assert_eq!(diagnostics.matches("listening on").count(), 1, "{diagnostics}");
        assert!(!diagnostics.contains("DEBUG"), "{diagnostics}");
    }
    for diagnostics in [
        outputs(&["-vvv", "--log", "off"], &[]).1,
        outputs(&["--log", "info,tertulia::server=warn"], &[]).1,
        outputs(&["--log", "off"], &[("TERTULIA_LOG", "info")]).1,
    ] {
        assert_eq!(diagnostics, "");
    }
}

#[test]
fn colours_are_as_asked_for() {
    for (args, env, coloured) in [
        (&["--color", "always"][..], &[][..], true),
        (&["--color", "always"], &[("NO_COLOR", "1")], true),
        (&[], &[("TERTULIA_COLOR", "always")], true),
        (&["--color", "never"], &[("TERTULIA_COLOR", "always")], false),
        (&["--color", "auto"], &[], false),
        (&[], &[], false),
    ] {
        let (transcript, diagnostics) = outputs(args, env);
        assert_eq!(transcript.contains(ESC), coloured, "{args:?} {env:?}: {transcript}");
        assert_eq!(diagnostics, "");
        let plain: Vec<_> = transcript.split(ESC).collect();
        assert!(!coloured || plain.len() % 2 == 1, "what begins ends: {transcript:?}");
    }
}

#[cfg(target_os = "linux")]
mod on_linux {
    use super::*;
    use crate::common::kernel::*;

    /// The same as [`outputs`], for a server that need not print where it listens.
    #[track_caller]
    fn outputs_unheard(mut command: Command) -> (String, String) {
        let (stdout, its_stdout) = std::io::pipe().expect("a pipe");
        let (stderr, its_stderr) = std::io::pipe().expect("a pipe");
        let mut server = start_unheard(command.stdout(its_stdout).stderr(its_stderr));
        // It holds the write ends of the pipes, too.
        drop(command);
        conversation(&mut server);
        (Output::of(stdout).whole(), Output::of(stderr).whole())
    }

    #[test]
    fn quiet_is_quiet_but_for_warnings() {
        for (args, env) in [
            (&["--quiet"][..], &[][..]),
            (&["-q"], &[]),
            (&["-q", "-vvv"], &[]),
            (&["-q", "--color", "always"], &[]),
            (&[], &[("TERTULIA_QUIET", "1")]),
            (&[], &[("TERTULIA_QUIET", "true")]),
        ] {
            assert_eq!(outputs_unheard(serve(args, env)), (String::new(), String::new()), "{args:?} {env:?}");
        }
        let (transcript, warning) = outputs_unheard(serve(&["-q", "--history", "/dev/full"], &[]));
        assert_eq!(transcript, "");
        assert!(warning.contains("the history loses lines"), "{warning}");
        for no in ["0", "false", ""] {
            let (transcript, _) = outputs_unheard(serve(&[], &[("TERTULIA_QUIET", no)]));
            assert!(transcript.contains("<ana> hola"), "{no:?}: {transcript}");
        }
    }

    #[test]
    fn a_terminal_gets_colours_unless_they_are_declined() {
        for (args, env, coloured) in [
            (&[][..], &[][..], true),
            (&[], &[("NO_COLOR", "")], true),
            (&[], &[("NO_COLOR", "1")], false),
            (&["--color", "never"], &[], false),
            (&["--color", "always"], &[("NO_COLOR", "1")], true),
        ] {
            let (person, program) = terminal();
            let mut command = serve(args, env);
            let mut server = start_unheard(command.stdout(program).stderr(Stdio::null()));
            drop(command);
            let screen = Output::of(person);
            screen.shows("listening on");
            conversation(&mut server);
            assert_eq!(screen.whole().contains(ESC), coloured, "{args:?} {env:?}: {}", screen.text());
        }
    }

    #[test]
    fn nothing_panics_where_its_outputs_take_nothing() {
        let server = Server::start("epoll");
        let addr = server.addr.to_string();
        let fails = 1;
        let mut cases = vec![
            (vec!["--help"], 0),
            (vec!["--version"], 0),
            (vec!["serve", "--help"], 0),
            (vec!["serve", "--nosuch"], 2),
            (vec!["serve", addr.as_str()], fails),
        ];
        if cfg!(feature = "join") {
            // No server listens on port 1.
            cases.push((vec!["join", "127.0.0.1:1"], fails));
        }
        for (args, code) in cases {
            for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full", "2>/dev/full", ">/dev/full 2>&1"] {
                assert_eq!(ends(&args, closed, "").code, Some(code), "{args:?} {closed}");
            }
        }
    }

    /// A result that could not be printed is a failure; one whose reader stopped early is not.
    #[cfg(any(feature = "bench", feature = "extras"))]
    #[test]
    fn a_result_that_cannot_be_printed_is_told() {
        let bench = ["bench", "--mode", "epoll", "--duration", "0.1", "--warm-up", "0"];
        let mut cases: Vec<Vec<&str>> = Vec::new();
        if cfg!(feature = "extras") {
            cases.extend([vec!["completions", "bash"], vec!["man"], vec!["man", "serve"]]);
        }
        if cfg!(feature = "bench") {
            cases.extend([bench.to_vec(), [&bench[..], &["--json"]].concat()]);
        }
        for args in cases {
            let full = ends(&args, ">/dev/full", "");
            assert_eq!(full.code, Some(1), "{args:?}: {}", full.stderr);
            assert_eq!(full.stderr.lines().count(), 1, "{args:?}: {}", full.stderr);
            assert!(full.stderr.contains("cannot write to stdout"), "{args:?}: {}", full.stderr);
            for elsewhere in [">&-", "2>&-", ">&- 2>&-"] {
                assert_eq!(ends(&args, elsewhere, "").code, Some(0), "{args:?} {elsewhere}");
            }
            // A pipe whose reader is closed before it is written to.
            let (reader, writer) = std::io::pipe().expect("a pipe");
            drop(reader);
            let mut command = tertulia();
            let mut child = command.args(&args).stdout(writer).stderr(Stdio::piped()).spawn().expect("it starts");
            let stderr = Output::of(child.stderr.take().expect("piped"));
            assert_eq!(wait_for(&mut child).code(), Some(0), "{args:?}");
            assert_eq!(stderr.whole(), "", "{args:?}");
        }
    }

    #[cfg(feature = "join")]
    #[test]
    fn join_ends_in_good_order_where_its_outputs_take_nothing() {
        let server = Server::start("epoll");
        let mut ana = server.join_as("ana");
        let addr = server.addr.to_string();
        for (outputs, code) in [(">&-", 0), ("2>&-", 0), (">&- 2>&-", 0), (">/dev/full", 1), (">/dev/full 2>&1", 1)] {
            assert_eq!(ends(&["join", &addr], outputs, r"printf 'hola\n:q\n' |").code, Some(code), "{outputs}");
            ana.notice("is gone");
        }
    }

    /// Runs `tertulia` in a shell, after `first`, with redirected outputs.
    #[track_caller]
    fn ends(args: &[&str], outputs: &str, first: &str) -> Ended {
        let ended = run(&mut by_shell(first, args, outputs));
        assert!(!ended.stderr.contains("panicked"), "{args:?} {outputs}: {}", ended.stderr);
        ended
    }
}
