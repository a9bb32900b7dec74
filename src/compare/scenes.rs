//! The scenes: loads that are hard in different ways.

use super::figures::{Figures, Metric};
use super::messages;
use super::plan::Plan;
use super::server::{self, LIMIT};
use crate::harness::{Crowd, ServerProcess, TestClient};
use crate::load::{self, Pace, Scenario, Usage};
use crate::text::Bilingual;
use serde::Serialize;
use std::io;
use std::time::{Duration, Instant};

/// Lines that each client has under way in a burst.
const BURST: u32 = 64;
/// A receive buffer that is soon full. Bytes.
const NARROW: usize = 4096;
/// At first a server waits for a client that does not read. A round must last longer than that.
const SLOW_READER_LEAST: Duration = Duration::from_millis(1000);

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Scene {
    /// Six clients talk. Each sends its next line when the last one has reached all others.
    Talk,
    /// Six clients talk, and each has many lines in flight.
    Burst,
    /// The same, beside a client that does not read.
    SlowReader,
    /// Hundreds of clients connect at once.
    Storm,
    /// The talk again, and nobody reads the server's stdout.
    FrozenConsole,
}

impl Scene {
    pub(crate) const ALL: [Scene; 5] =
        [Scene::Talk, Scene::Burst, Scene::SlowReader, Scene::Storm, Scene::FrozenConsole];

    /// Its name for people. JSON has the English one, with hyphens.
    pub(crate) const fn title(self) -> Bilingual {
        match self {
            Scene::Talk => Bilingual::new("talk", "charla"),
            Scene::Burst => Bilingual::new("burst", "ráfaga"),
            Scene::SlowReader => Bilingual::new("slow reader", "lector lento"),
            Scene::Storm => Bilingual::new("storm", "avalancha"),
            Scene::FrozenConsole => Bilingual::new("frozen console", "consola bloqueada"),
        }
    }

    /// The figure that this scene is about.
    pub(crate) fn metric(self) -> Metric {
        match self {
            Scene::Talk | Scene::FrozenConsole => Metric::RoundTrip,
            Scene::Burst | Scene::SlowReader => Metric::Deliveries,
            Scene::Storm => Metric::Connections,
        }
    }

    pub(crate) fn clients(self, plan: &Plan) -> usize {
        match self {
            Scene::Storm => plan.storm,
            _ => 6,
        }
    }

    pub(crate) fn play(self, mode: &str, plan: &Plan) -> Result<Figures, Bilingual> {
        let talk = plan.scenario(6);
        let burst = Scenario { pace: Pace::Window(BURST), ..talk.clone() };
        match self {
            Scene::Burst => load_on(mode, &burst),
            Scene::SlowReader => {
                let burst = Scenario { duration: burst.duration.max(SLOW_READER_LEAST), ..burst };
                let server = server::quiet(mode, burst.connections() + 2)?;
                let _reader =
                    server::connect(&server, 0, Some(NARROW)).map_err(|e| messages::no_slow_reader(mode, &e))?;
                let outcome = load::run(&[server.addr], &burst, Some(server.pid()), &mut |_| {})?;
                Ok(Figures::of(&outcome))
            }
            Scene::Storm => {
                let server = server::quiet(mode, plan.storm + 1)?;
                storm(&server, plan.storm).map_err(|e| messages::storm_failed(mode, &e))
            }
            Scene::Talk | Scene::FrozenConsole => {
                let mut server = server::with_console(mode, talk.connections() + 1, &[])?;
                if self == Scene::Talk {
                    server.read_stdout();
                }
                let outcome = load::run(&[server.addr], &talk, Some(server.pid()), &mut |_| {})?;
                Ok(Figures::of(&outcome))
            }
        }
    }
}

/// A load on a server that prints nothing.
pub(crate) fn load_on(mode: &str, scenario: &Scenario) -> Result<Figures, Bilingual> {
    let server = server::quiet(mode, scenario.connections() + 1)?;
    load::run(&[server.addr], scenario, Some(server.pid()), &mut |_| {}).map(|outcome| Figures::of(&outcome))
}

/// All clients connect, and then read until each has the greeting.
fn storm(server: &ServerProcess, connections: usize) -> io::Result<Figures> {
    let begin = Instant::now();
    let clients: io::Result<Vec<TestClient>> =
        (0..connections).map(|number| server::connect(server, number as u16, None)).collect();
    server::greet(&mut Crowd::new(clients?, LIMIT))?;
    let elapsed = begin.elapsed().as_secs_f64();
    let threads = Usage::of(server.pid()).threads;
    Ok(Figures {
        connections_per_second: Some(connections as f64 / elapsed),
        threads: threads.map(|threads| threads as f64),
        flawless: true,
        ..Figures::default()
    })
}
