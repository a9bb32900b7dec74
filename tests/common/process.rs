//! Processes under special conditions, and directories for their files.

use super::{LIMIT, Output, tertulia};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A program that has ended.
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// Starts a program, and reads both of its outputs.
///
/// The tests have a launcher of their own because they look at every line of a server, and also test a build without
/// the library's launcher.
#[track_caller]
pub fn spawn(command: &mut Command) -> (Child, Output, Output) {
    spawn_with(command.stdin(Stdio::null()))
}

/// The same for a command that has its stdin already.
#[track_caller]
pub fn spawn_with(command: &mut Command) -> (Child, Output, Output) {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts");
    let stdout = Output::of(child.stdout.take().expect("piped"));
    let stderr = Output::of(child.stderr.take().expect("piped"));
    (child, stdout, stderr)
}

/// Runs a program that should end by itself. One that does not is killed, and that is a failure.
#[track_caller]
pub fn run(command: &mut Command) -> Ended {
    run_within(LIMIT, command)
}

/// The same for one that has more to do than others.
#[track_caller]
pub fn run_within(limit: Duration, command: &mut Command) -> Ended {
    let (mut child, stdout, stderr) = spawn(command);
    let deadline = Instant::now() + limit;
    let status = loop {
        if let Some(status) = child.try_wait().expect("a child of ours") {
            break status;
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            panic!("{command:?} does not end:\n{}{}", stdout.text(), stderr.text());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ended { code: status.code(), stdout: stdout.whole(), stderr: stderr.whole() }
}

/// Checks that a program fails as it should: nothing on stdout, exit code 1, and one line on stderr that contains these
/// parts.
#[track_caller]
pub fn fails_with(command: &mut Command, parts: &[&str]) {
    ends_with_a_line(command, 1, parts);
}

/// The same for a wrong command line: exit code 2.
#[track_caller]
pub fn refuses(command: &mut Command, parts: &[&str]) {
    ends_with_a_line(command, 2, parts);
}

/// Checks that a program prints nothing on stdout, ends with this exit code, and prints one line on stderr that contains
/// these parts.
#[track_caller]
pub fn ends_with_a_line(command: &mut Command, code: i32, parts: &[&str]) {
    let ended = run(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{command:?}: {}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "no {part:?} in: {}", ended.stderr);
    }
}

/// `tertulia serve` on a free port, started by a shell that executes `first` before it (`ulimit`). `last` redirects the
/// outputs.
pub fn serve_by_shell(first: &str, mode: &str, flags: &[&str], last: &str) -> Command {
    let serve = ["serve", "--addr", "127.0.0.1:0", "--mode", mode];
    by_shell(&format!("{first} exec"), &[&serve, flags].concat(), last)
}

/// `tertulia` with these arguments, in a shell.
pub fn by_shell(first: &str, args: &[&str], last: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{first} \"$0\" \"$@\" {last}"), env!("CARGO_BIN_EXE_tertulia")]).args(args);
    for (name, value) in tertulia().get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// Lets a command run as the user `nobody` if it would run as root, for which few limits hold. Returns `false`, and
/// prints why, if that user cannot run what was built.
#[cfg(unix)]
pub fn as_nobody(command: &mut Command) -> bool {
    use std::os::unix::process::CommandExt;
    const NOBODY: u32 = 65534;
    if !rustix::process::geteuid().is_root() {
        return true;
    }
    command.uid(NOBODY).gid(NOBODY);
    let trial = tertulia().arg("--version").stdout(Stdio::null()).uid(NOBODY).gid(NOBODY).status();
    if trial.is_err() {
        eprintln!("skipped: {} is out of nobody's reach", env!("CARGO_BIN_EXE_tertulia"));
    }
    trial.is_ok()
}

/// A directory for one test, removed when dropped.
pub struct Dir(PathBuf);

impl Dir {
    pub fn new() -> Dir {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tertulia-test-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary directory");
        Dir(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
