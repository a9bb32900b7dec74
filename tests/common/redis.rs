//! A `redis-server` for tests. Tests of the library include this file, too, so it stands alone.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// It has to answer within this time.
const LIMIT: Duration = Duration::from_secs(60);

/// A `redis-server` on a free port. It ends with the test.
pub(crate) struct Redis {
    pub(crate) port: u16,
    directory: PathBuf,
    process: Option<Child>,
    options: &'static [&'static str],
}

impl Redis {
    pub(crate) fn start(options: &'static [&'static str]) -> Redis {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let port = free.local_addr().expect("an address").port();
        let directory = std::env::temp_dir().join(format!("tertulia-redis-{port}"));
        std::fs::create_dir_all(&directory).expect("a directory");
        drop(free);
        let mut redis = Redis { port, directory, process: None, options };
        redis.run();
        redis
    }

    /// Starts it, unless it runs, and waits until it listens.
    pub(crate) fn run(&mut self) {
        if self.process.is_some() {
            return;
        }
        let mut command = Command::new("redis-server");
        command.args(["--port", &self.port.to_string(), "--bind", "127.0.0.1", "--save", ""]).args(self.options);
        command.current_dir(&self.directory).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().expect("redis-server"));
        let begun = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            assert!(begun.elapsed() < LIMIT, "Redis does not listen");
            sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
