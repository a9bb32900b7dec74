//! The command line of `tertulia torment`.

use super::address::{Place, parse_place};
use super::colors_stdout;
use super::failure::Failure;
use super::value::{at_least, number};
use crate::harness::Launcher;
use crate::torment::trial::NO_TIME;
use crate::torment::{self, Cause, Eol, Finding, News, Settings, TORMENTS, Target, Torment, Verdict, diagnose};
use anstyle::{AnsiColor, Style};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ColorChoice, ValueEnum};
use serde_json::json;
use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, SystemTime};

/// Test how a chat server handles misbehaving clients
///
/// `tertulia torment HOST:PORT` tests a running server. `tertulia torment -- COMMAND {port}` starts a new server for each
/// torment, and can also change its limits, signals and stdout. Both work with any server that relays a line to the other
/// clients. The report says what failed, what usually causes it, and where to read more. The exit code is 0 only if
/// everything passed.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Address of a running server: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR", conflicts_with = "command", default_value = "", hide_default_value = true, value_parser = parse_place)]
    addr: Place,

    /// Command that starts the server; {port} in it stands for the port
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// A line that each client sends first; an n in braces stands for the client's number
    #[arg(long, value_name = "LINE")]
    login: Option<String>,

    /// Line end that the clients send
    #[arg(long, value_enum, default_value_t = Eol::Lf)]
    eol: Eol,

    /// Whether a sender should receive its own lines
    #[arg(long, value_enum, default_value_t = Echo::Any)]
    echo: Echo,

    /// Run only these torments, separated by commas
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = by_name(),
          hide_possible_values = true)]
    only: Vec<&'static Torment>,

    /// List the torments and exit
    #[arg(long)]
    list: bool,

    /// Seed of the random bytes; the same seed gives the same bytes [default: from the clock]
    #[arg(long, value_name = "N", value_parser = at_least::<u64>(0))]
    seed: Option<u64>,

    /// Factor for all times: 2 for a slow machine, 0.5 for a quick check
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = number(0.1..=100.0))]
    time: f64,

    /// Print the result as JSON
    #[arg(long)]
    json: bool,

    /// Allow a server that is not on this machine's loopback interface. The server may break
    #[arg(long)]
    i_own_this_server: bool,

    /// When to use colours; NO_COLOR turns `auto` off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
enum Echo {
    Yes,
    No,
    /// Both are correct
    Any,
}

impl Args {
    pub(crate) fn run(self) -> Result<(), Failure> {
        let report = Report { colors: !self.json && colors_stdout(self.color), width: width() };
        if self.list {
            return Ok(super::print(report.list().as_bytes())?);
        }
        let target = self.target()?;
        let seed = self.seed.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            u64::from(since.subsec_micros())
        });
        let settings = Settings {
            eol: self.eol,
            login: self.login.clone(),
            echo: match self.echo {
                Echo::Yes => Some(true),
                Echo::No => Some(false),
                Echo::Any => None,
            },
            seed,
            time: self.time,
            limit: Duration::from_secs(50).mul_f64(self.time),
        };
        let torments: Vec<&Torment> =
            TORMENTS.iter().filter(|t| self.only.is_empty() || self.only.iter().any(|o| o.name == t.name)).collect();

        let mut tell = |news: News| match news {
            _ if self.json => {}
            News::Begins(torment) => report.announce(torment),
            News::Found(finding) => {
                let _ = super::print(report.row(finding).as_bytes());
            }
        };
        let findings = torment::run(&target, &torments, &settings, &mut tell).inspect_err(|_| report.erase())?;
        let result = if self.json { format!("{:#}\n", to_json(&findings, seed)) } else { report.end(&findings, seed) };
        super::print(result.as_bytes())?;
        Ok(in_a_word(&findings)?)
    }

    fn target(&self) -> Result<Target, Failure> {
        if !self.command.is_empty() {
            return Ok(Target::Started(
                Launcher::of_words(self.command.clone()).map_err(|e| Failure::Usage(e.en.into()))?,
            ));
        }
        let (host, port) = self.addr.or_default();
        let addrs: Vec<_> = (host.as_str(), port).to_socket_addrs().ok().into_iter().flatten().collect();
        let Some(first) = addrs.first() else {
            return Err(format!("cannot find the host {host}; check its name").into());
        };
        // Without the flag nothing is sent to another machine, not even to test whether it answers.
        if !self.i_own_this_server && addrs.iter().any(|addr| !addr.ip().is_loopback()) {
            return Err(Failure::Usage(format!(
                "{} is not on this machine, and a torment may break it; use --i-own-this-server if it is yours",
                first.ip()
            )));
        }
        let answers = |addr: &&SocketAddr| TcpStream::connect_timeout(addr, Duration::from_secs(3)).is_ok();
        // A name may have an IPv4 and an IPv6 address, while the server listens on one of them only.
        let addr = if addrs.len() > 1 { addrs.iter().find(answers).unwrap_or(first) } else { first };
        Ok(Target::Running(*addr))
    }
}

/// The result that gives the exit code. An error is the last line.
fn in_a_word(findings: &[Finding]) -> Result<(), String> {
    if let Some((cause, _)) = diagnose(findings).first() {
        return Err(format!("not all torments passed; fix this first: {}", cause.title()));
    }
    let count = |is_it: fn(&Finding) -> bool| findings.iter().filter(|finding| is_it(finding)).count();
    match (count(|f| f.seen == NO_TIME), count(|f| f.verdict != Verdict::Skipped)) {
        (0, 1..) => Ok(()),
        (0, 0) => Err("none of the torments could be tried; choose others, or start the server with -- COMMAND".into()),
        (untried, _) => Err(format!("{untried} of {} were not tried: {NO_TIME}", findings.len())),
    }
}

fn to_json(findings: &[Finding], seed: u64) -> serde_json::Value {
    let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
    let torments: Vec<_> = findings
        .iter()
        .map(|f| {
            let torment = f.torment;
            json!({
                "name": torment.name,
                "does": torment.does,
                "healthy": torment.healthy,
                "verdict": f.verdict.name(),
                "seen": f.seen,
                "causes": f.causes,
                "remarks": f.remarks,
                "seconds": f.took.as_secs_f64(),
            })
        })
        .collect();
    let diagnosis: Vec<_> = diagnose(findings)
        .into_iter()
        .map(|(cause, names)| {
            json!({
                "cause": cause,
                "title": cause.title(),
                "usually": cause.usually(),
                "read_on": cause.read(),
                "explains": names,
            })
        })
        .collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seed": seed,
        "passed": count(Verdict::Pass),
        "failed": count(Verdict::Fail),
        "doubtful": count(Verdict::Doubtful),
        "skipped": count(Verdict::Skipped),
        "diagnosis": diagnosis,
        "torments": torments,
    })
}

/// Formats the result for people.
struct Report {
    colors: bool,
    width: usize,
}

/// Width of the column of names.
const NAME: usize = 20;
const INDENT: &str = "   ";

impl Report {
    fn list(&self) -> String {
        let mut text = String::new();
        for torment in TORMENTS {
            let needs = if torment.needs_process { " (Only with -- COMMAND.)" } else { "" };
            let does = format!("{}{needs} Healthy: {}", torment.does, torment.healthy);
            text += &format!("{:NAME$}{}\n", torment.name, wrap(&does, self.width, &" ".repeat(NAME)));
        }
        text
    }

    /// Shows which torment runs, on a terminal only.
    fn announce(&self, torment: &Torment) {
        if self.is_watched() {
            let _ = write!(io::stdout(), "{:NAME$}...", torment.name).and_then(|()| io::stdout().flush());
        }
    }

    fn erase(&self) {
        if self.is_watched() {
            let _ = write!(io::stdout(), "\r\x1b[K");
        }
    }

    fn is_watched(&self) -> bool {
        use io::IsTerminal;
        io::stdout().is_terminal()
    }

    fn row(&self, finding: &Finding) -> String {
        let mut text = if self.is_watched() { String::from("\r\x1b[K") } else { String::new() };
        let (word, style) = match finding.verdict {
            Verdict::Pass => ("pass", AnsiColor::Green.on_default()),
            Verdict::Fail => ("FAIL", AnsiColor::Red.on_default().bold()),
            Verdict::Doubtful => ("doubtful", AnsiColor::Yellow.on_default()),
            Verdict::Skipped => ("skipped", Style::new().dimmed()),
        };
        text += &format!("{:NAME$}{}", finding.torment.name, self.paint(&format!("{word:9}"), style));
        if finding.verdict != Verdict::Skipped {
            text += &format!("{:4.1} s", finding.took.as_secs_f64());
        }
        text += "\n";
        let said = if finding.verdict == Verdict::Pass { None } else { Some(&finding.seen) };
        for said in said.into_iter().chain(&finding.remarks) {
            text += &format!("{INDENT}{}\n", self.paint(&wrap(said, self.width, INDENT), Style::new().dimmed()));
        }
        text
    }

    fn end(&self, findings: &[Finding], seed: u64) -> String {
        let mut text = String::new();
        for (i, (cause, names)) in diagnose(findings).into_iter().enumerate() {
            let heading = if i == 0 { "Fix this first: " } else { "Then: " };
            text += &format!("\n{}\n", self.paint(&format!("{heading}{}", cause.title()), Style::new().bold()));
            text += &self.paragraph("", &format!("{}.", self.explains(findings, cause, &names)));
            text += &self.paragraph("Healthy: ", &healthy(findings, &names));
            text += &self.paragraph("Usually: ", cause.usually());
            text += &self.paragraph("Read on: ", cause.read());
        }
        let count = |verdict| findings.iter().filter(|f| f.verdict == verdict).count();
        let (passed, skipped) = (count(Verdict::Pass), count(Verdict::Skipped));
        let tried = findings.len() - skipped;
        text += &format!("\n{}", self.paint(&format!("Score: {passed} of {tried}"), Style::new().bold()));
        for (verdict, word) in [(Verdict::Doubtful, "doubtful"), (Verdict::Skipped, "skipped")] {
            if count(verdict) > 0 {
                text += &format!(", {} {word}", count(verdict));
            }
        }
        text + &format!(" (seed {seed})\n")
    }

    fn explains(&self, findings: &[Finding], cause: Cause, names: &[&str]) -> String {
        let sure = names.len() > 1 || findings.iter().any(|f| f.torment.name == names[0] && f.causes == [cause]);
        let verb = if sure { "Shown by" } else { "Most likely the cause of" };
        format!("{verb} {}", names.join(", "))
    }

    fn paragraph(&self, label: &str, text: &str) -> String {
        let indent = format!("{INDENT}{}", " ".repeat(label.len()));
        format!("{INDENT}{label}{}\n", wrap(text, self.width, &indent))
    }

    fn paint(&self, text: &str, style: Style) -> String {
        if self.colors { format!("{style}{text}{style:#}") } else { text.into() }
    }
}

/// What the first of these torments does, and what a healthy server does then.
fn healthy(findings: &[Finding], names: &[&str]) -> String {
    let first = findings.iter().find(|f| names.first() == Some(&f.torment.name));
    first.map_or(String::new(), |f| format!("{} {}", f.torment.does, f.torment.healthy))
}

/// Breaks a text into lines. All but the first are indented.
pub(super) fn wrap(text: &str, width: usize, indent: &str) -> String {
    let options = textwrap::Options::new(width).initial_indent(indent).subsequent_indent(indent);
    textwrap::fill(text, options).trim_start().to_owned()
}

/// Width of the terminal, limited to what is easy to read. Columns.
fn width() -> usize {
    let columns = rustix::termios::tcgetwinsize(io::stdout()).map_or(80, |size| size.ws_col as usize);
    if columns == 0 { 80 } else { columns.clamp(40, 100) }
}

fn by_name() -> impl TypedValueParser<Value = &'static Torment> {
    let names = PossibleValuesParser::new(TORMENTS.iter().map(|torment| torment.name));
    names.try_map(|name| TORMENTS.iter().find(|torment| torment.name == name).ok_or("see tertulia torment --list"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, seen: &str) -> Finding {
        Finding {
            torment: &TORMENTS[0],
            verdict,
            causes: vec![Cause::BusyLoop],
            seen: seen.into(),
            remarks: Vec::new(),
            took: Duration::ZERO,
        }
    }

    #[test]
    fn torments_skipped_for_lack_of_time_do_not_pass() {
        let passed = finding(Verdict::Pass, "");
        let skipped = finding(Verdict::Skipped, "it needs the server's process");
        let untried = finding(Verdict::Skipped, NO_TIME);
        assert_eq!(in_a_word(&[passed.clone(), skipped.clone()]), Ok(()));
        assert!(in_a_word(&[skipped]).is_err_and(|e| e.contains("none")));
        assert!(in_a_word(&[passed, untried.clone()]).is_err_and(|e| e.contains("1 of 2 were not tried")));
        let failed = finding(Verdict::Fail, "it spins");
        assert!(in_a_word(&[failed, untried]).is_err_and(|e| e.contains(Cause::BusyLoop.title())));
    }
}
