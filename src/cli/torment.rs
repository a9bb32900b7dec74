//! The command line of `tertulia torment`.

mod class;
mod json;
pub(super) mod report;

use super::address::{Place, parse_place};
use super::colors_stdout;
use super::failure::Failure;
use super::output::Output;
use super::value::{at_least, number};
use crate::harness::Launcher;
use crate::host::for_shell;
use crate::text::errors::cause;
use crate::text::{Lang, say};
use crate::torment::class::Student;
use crate::torment::messages::NO_TIME;
use crate::torment::{self, Eol, Finding, News, Settings, TORMENTS, Target, Torment, Verdict, diagnose};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ColorChoice, ValueEnum};
use report::Report;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Test how a chat server handles misbehaving clients
///
/// `tertulia torment HOST:PORT` tests a running server. `tertulia torment -- COMMAND {port}` starts a new server for each
/// torment, and can also change its limits, signals and stdout. Both work with any server that relays a line to the other
/// clients. The report says what failed, what usually causes it, and where to read more. The exit code is 0 only if
/// everything passed, 1 if there are faults, and 3 if the server could not be tested.
///
/// The grade counts mistakes, and not torments. Of ten points, a mistake that stops all clients costs three, one that harms some
/// of them two, and one by which nobody loses anything one. A doubtful mistake costs half.
///
/// `tertulia torment --class DIR` tests the server in each folder of DIR, which is started by `./run PORT`. The exit code is 0 if all
/// could be tested, and 3 otherwise.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Address of a running server: HOST:PORT, HOST or :PORT [default: 127.0.0.1:8889]
    #[arg(value_name = "ADDR", conflicts_with = "command", default_value = "", hide_default_value = true, value_parser = parse_place)]
    addr: Place,

    /// Command that starts the server; {port} in it stands for the port
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,

    /// Test the server of each folder in this directory, and print a table; `./run PORT` in a folder starts its server
    #[arg(long, value_name = "DIR", conflicts_with_all = ["addr", "command"])]
    class: Option<PathBuf>,

    /// File for the table of a class as comma-separated values
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,

    /// File for the table of a class as a page
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,

    /// File for the results of a class in the format of JUnit
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,

    /// Lines that each client sends first, with \n between them; an n in braces stands for the client's number. If the
    /// server loses what is sent before it asks, each line waits for its question
    #[arg(long, value_name = "LINES")]
    login: Option<String>,

    /// How a client says a line, which stands at {line}: 'SAY {line}', '{"say": "{line}"}' [default: {line}]
    #[arg(long, value_name = "LINE", value_parser = with_line)]
    say: Option<String>,

    /// The server speaks IRC: the clients join a channel and talk there. Sets --login, --say and --eol
    #[arg(long, conflicts_with_all = ["login", "say", "eol"])]
    irc: bool,

    /// Line end that the clients send
    #[arg(long, value_enum, default_value_t = Eol::Lf)]
    eol: Eol,

    /// Whether a sender should receive its own lines
    #[arg(long, value_enum, default_value_t = Echo::Any)]
    echo: Echo,

    /// Run only these torments, separated by commas; --list lists them
    #[arg(long, value_name = "NAMES", value_delimiter = ',', value_parser = by_name(),
          hide_possible_values = true)]
    only: Vec<&'static Torment>,

    /// Print a Python script that shows what this torment does, and exit; --login, --say and --eol are put into it
    #[arg(long, value_name = "NAME", value_parser = by_name(), hide_possible_values = true)]
    replay: Option<&'static Torment>,

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

    /// When to use colours; with `auto`, NO_COLOR turns them off
    #[arg(long, value_enum, value_name = "WHEN", default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
}

/// What `--irc` stands for. RFC 2812 allows nicks of 9 characters.
const IRC_LOGIN: &str = r"NICK t{n}\nUSER t{n} 0 * :t\nJOIN #torment";
const IRC_SAY: &str = "PRIVMSG #torment :{line}";

fn with_line(text: &str) -> Result<String, String> {
    let has_it = text.matches("{line}").count() == 1 && !text.contains('\n');
    has_it.then(|| text.into()).ok_or_else(|| {
        say!(Lang::session(),
            "{{line}} must stand in it once, and no line end";
            "en él debe estar {{line}} una vez, y ningún fin de línea")
    })
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
        let lang = Lang::session();
        let report = Report::new(lang, !self.json && colors_stdout(self.color), self.speech());
        if self.list {
            return Ok(super::print(report.list().as_bytes())?);
        }
        let seed = self.seed.unwrap_or_else(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            u64::from(since.subsec_micros())
        });
        let settings = Settings {
            eol: if self.irc { Eol::CrLf } else { self.eol },
            login: self.login.as_deref().or(self.irc.then_some(IRC_LOGIN)).map(|login| login.replace("\\n", "\n")),
            say: self.say.clone().or(self.irc.then(|| IRC_SAY.into())),
            echo: match self.echo {
                Echo::Yes => Some(true),
                Echo::No => Some(false),
                Echo::Any => None,
            },
            seed,
            time: self.time,
            limit: Duration::from_secs(50).mul_f64(self.time),
            runs_max: Settings::default().runs_max,
        };
        if let Some(torment) = self.replay {
            let script = torment::replays::script(lang, torment, &settings);
            return Ok(super::print(script.as_bytes())?);
        }
        let torments: Vec<&Torment> =
            TORMENTS.iter().filter(|t| self.only.is_empty() || self.only.iter().any(|o| o.name == t.name)).collect();

        if self.class.is_none() && [&self.csv, &self.html, &self.junit].iter().any(|file| file.is_some()) {
            return Err(Failure::Usage(say!(lang,
                "--csv, --html and --junit write the table of a class; add --class DIR, or use --json";
                "--csv, --html y --junit escriben la tabla de una clase; añade --class DIRECTORIO o usa --json")));
        }
        if let Some(dir) = &self.class {
            return self.run_class(dir, &torments, &settings, &report);
        }
        let mut tell = |news: News| match news {
            _ if self.json => {}
            News::Begins(torment) => report.announce(torment.name),
            News::Found(finding) => {
                let _ = super::print(report.row(finding).as_bytes());
            }
        };
        let findings = self.target(lang).and_then(|target| {
            let findings = torment::run(&target, &torments, &settings, &mut tell);
            findings.map_err(|e| Failure::Untested(e.in_lang(lang).into()))
        });
        if let Err(Failure::Untested(why)) = &findings {
            report.erase();
            if self.json {
                super::print(format!("{:#}\n", json::with_error(lang, why, seed)).as_bytes())?;
            }
        }
        let findings = findings?;
        let result = match self.json {
            true => format!("{:#}\n", json::of(lang, &findings, seed)),
            false => report.end(&findings, seed),
        };
        super::print(result.as_bytes())?;
        in_a_word(lang, &findings)
    }

    fn run_class(
        &self,
        dir: &Path,
        torments: &[&'static Torment],
        settings: &Settings,
        report: &Report,
    ) -> Result<(), Failure> {
        let lang = report.lang;
        let folders = torment::class::folders(dir).map_err(|e| {
            let (dir, cause) = (dir.display(), cause(lang, &e));
            Failure::Untested(say!(lang, "{dir} cannot be read: {cause}"; "no se puede leer {dir}: {cause}"))
        })?;
        if folders.is_empty() {
            let dir = dir.display();
            return Err(Failure::Untested(say!(lang,
                "there are no folders in {dir}; each student's server needs one, with a file `run` that starts it";
                "no hay carpetas en {dir}; el servidor de cada estudiante necesita una, con un archivo `run` que lo inicie")));
        }
        let open = |path: &Option<PathBuf>| path.as_deref().map(Output::open).transpose();
        let (csv, html, junit) = (open(&self.csv)?, open(&self.html)?, open(&self.junit)?);
        if !self.json {
            super::print(class::head(lang).as_bytes())?;
        }
        let mut students: Vec<Student> = Vec::new();
        for folder in &folders {
            if !self.json {
                report.announce(&torment::class::name(folder));
            }
            let student = torment::class::torment(folder, torments, settings);
            if !self.json {
                report.erase();
                super::print(class::row(lang, &student).as_bytes())?;
            }
            students.push(student);
        }
        if self.json {
            super::print(format!("{:#}\n", class::json(lang, &students, settings.seed)).as_bytes())?;
        }
        csv.map(|file| file.write(&class::csv(lang, &students))).transpose()?;
        junit.map(|file| file.write(&class::junit(lang, &students))).transpose()?;
        let name = torment::class::name(&dir.canonicalize().unwrap_or_else(|_| dir.into()));
        html.map(|file| file.write_page(&class::page(lang, &name, &students), lang)).transpose()?;
        match students.iter().filter(|student| student.result.is_err()).count() {
            0 => Ok(()),
            count => {
                let all = students.len();
                Err(Failure::Untested(say!(lang,
                    "{count} of {all} servers could not be tested";
                    "servidores que no se pudieron probar: {count} de {all}")))
            }
        }
    }

    /// The options that tell how the server's clients talk, each after a space.
    fn speech(&self) -> String {
        let texts = [("--login", &self.login), ("--say", &self.say)];
        let texts =
            texts.into_iter().filter_map(|(flag, text)| Some(format!(" {flag} {}", for_shell(text.as_deref()?))));
        let flags = [(self.irc, " --irc"), (self.eol == Eol::CrLf, " --eol crlf")];
        let flags = flags.into_iter().filter(|(is_given, _)| *is_given).map(|(_, flag)| flag.to_owned());
        texts.chain(flags).collect()
    }

    fn target(&self, lang: Lang) -> Result<Target, Failure> {
        if !self.command.is_empty() {
            let launcher = Launcher::of_words(self.command.clone());
            return launcher.map(Target::Started).map_err(|e| Failure::Usage(e.in_lang(lang).into()));
        }
        let addrs = self.addr.resolve().map_err(|e| Failure::Untested(e.in_lang(lang).into()))?;
        // Without the flag nothing is sent to another machine, not even to test whether it answers.
        if !self.i_own_this_server && addrs.iter().any(|addr| !addr.ip().is_loopback()) {
            let ip = addrs[0].ip();
            return Err(Failure::Usage(say!(lang,
                "{ip} is not on this machine, and torments may break the server there; use --i-own-this-server if it is yours";
                "{ip} no está en esta máquina, y las pruebas pueden romper el servidor de allí; usa --i-own-this-server si es \
                 tuyo")));
        }
        let answers = |addr: &&SocketAddr| TcpStream::connect_timeout(addr, Duration::from_secs(3)).is_ok();
        // A name may have an IPv4 and an IPv6 address, while the server listens on one of them only.
        let addr = if addrs.len() > 1 { addrs.iter().find(answers).unwrap_or(&addrs[0]) } else { &addrs[0] };
        Ok(Target::Running(*addr))
    }
}

/// The result that gives the exit code. An error is the last line.
fn in_a_word(lang: Lang, findings: &[Finding]) -> Result<(), Failure> {
    if let Some((cause, _)) = diagnose(findings).first() {
        let lesson = cause.lesson();
        let title = lesson.title.in_lang(lang);
        return Err(Failure::Failed(say!(lang,
            "not all torments passed; fix this first: {title}";
            "no se superaron todas las pruebas; arregla primero esto: {title}")));
    }
    let count = |is_it: fn(&Finding) -> bool| findings.iter().filter(|finding| is_it(finding)).count();
    match (count(|f| f.seen == NO_TIME), count(|f| f.verdict != Verdict::Skipped)) {
        (0, 1..) => Ok(()),
        (0, 0) => Err(Failure::Untested(say!(lang,
            "none of the torments could be tried; choose others, or start the server with -- COMMAND";
            "no se pudo hacer ninguna de las pruebas; elige otras, o inicia el servidor con -- ORDEN"))),
        (untried, _) => {
            let (all, why) = (findings.len(), NO_TIME);
            let why = why.in_lang(lang);
            Err(Failure::Untested(say!(lang,
                "{untried} of {all} torments were not tried: {why}";
                "pruebas sin hacer: {untried} de {all}; {why}")))
        }
    }
}

fn by_name() -> impl TypedValueParser<Value = &'static Torment> {
    let names = PossibleValuesParser::new(TORMENTS.iter().map(|torment| torment.name));
    names.try_map(|name| TORMENTS.iter().find(|torment| torment.name == name).ok_or("see tertulia torment --list"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Bilingual;
    use crate::torment::Cause;
    use crate::torment::messages::{self, NEEDS_PROCESS};

    fn finding(verdict: Verdict, seen: Bilingual) -> Finding {
        Finding {
            torment: &TORMENTS[0],
            verdict,
            causes: vec![Cause::BusyLoop],
            seen,
            remarks: Vec::new(),
            took: Duration::ZERO,
            runs: 1,
            failures: 1,
        }
    }

    #[test]
    fn torments_skipped_for_lack_of_time_do_not_pass() {
        let passed = finding(Verdict::Pass, Bilingual::default());
        let skipped = finding(Verdict::Skipped, NEEDS_PROCESS);
        let untried = finding(Verdict::Skipped, NO_TIME);
        assert_eq!(in_a_word(Lang::En, &[passed.clone(), skipped.clone()]), Ok(()));
        assert!(in_a_word(Lang::En, &[skipped]).is_err_and(|e| e.to_string().contains("none")));
        assert!(
            in_a_word(Lang::En, &[passed, untried.clone()])
                .is_err_and(|e| e.to_string().contains("1 of 2 torments were not tried"))
        );
        let failed = finding(Verdict::Fail, messages::spins(0.9));
        assert!(
            in_a_word(Lang::En, &[failed, untried])
                .is_err_and(|e| e.to_string().contains(&*Cause::BusyLoop.lesson().title.en))
        );
    }
}
