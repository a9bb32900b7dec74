//! The two ways of waiting, side by side: the same is played against each, and one page says what each did.
//!
//! In reading order:
//!
//! * [`server`]: ours, started for a comparison;
//! * [`talk`]: six people talk to a server that records its steps;
//! * [`figures`]: what a load measures, and how much it varies from round to round;
//! * [`scenes`]: loads that are hard in different ways;
//! * [`words`]: what to notice, in English and Spanish. Every sentence is made of what was measured;
//! * [`report`]: all of it on a page, and as JSON.

pub mod figures;
pub mod report;
pub mod scenes;
pub mod server;
pub mod talk;
pub mod words;

use crate::load::{self, Scenario};
use figures::{Figures, Row};
use scenes::Scene;
use serde::Serialize;
use server::Quiet;
use std::time::Duration;
use talk::Talk;

/// As they are called on the command line; everything that is compared comes in this order.
pub const MODES: [&str; 2] = ["epoll", "threaded"];

/// How much to measure.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// Numbers of clients, upwards.
    pub clients: Vec<usize>,
    pub rounds: usize,
    /// What is measured in one round, and the warm-up before that.
    pub duration: Duration,
    pub warm_up: Duration,
    /// Silent ones, in the scene of that name.
    pub crowd: usize,
    /// Connections that come at once.
    pub storm: usize,
}

/// What came of it.
pub struct Comparison {
    pub plan: Plan,
    /// One a mode.
    pub talks: Vec<Talk>,
    pub sweep: Vec<Row>,
    pub scenes: Vec<(Scene, Row)>,
}

impl Plan {
    /// How many runs there will be.
    pub fn runs(&self) -> usize {
        MODES.len() * (1 + self.rounds * (self.clients.len() + Scene::ALL.len()))
    }

    /// Most descriptors that are needed at a time.
    pub fn connections(&self) -> usize {
        let clients = self.clients.iter().copied().max().unwrap_or(0);
        clients.max(self.crowd + 16).max(self.storm + 16)
    }

    /// Measures everything. `next` is told what comes next, once before each run. The modes take turns, and who begins
    /// changes: what drifts drifts for both.
    pub fn run(self, next: &mut dyn FnMut(&str)) -> Result<Comparison, String> {
        let mut talks = Vec::new();
        for mode in MODES {
            next(&format!("{mode}, six people talk"));
            talks.push(Talk::play(mode)?);
        }
        let mut sweep = Vec::new();
        for &clients in &self.clients {
            let scenario = self.scenario(clients);
            sweep.push(self.row(clients, next, &format!("{clients} clients"), &|mode| load_on(mode, &scenario))?);
        }
        let mut scenes = Vec::new();
        for scene in Scene::ALL {
            let row = self.row(scene.clients(&self), next, scene.name(), &|mode| scene.play(mode, &self))?;
            scenes.push((scene, row));
        }
        Ok(Comparison { plan: self, talks, sweep, scenes })
    }

    fn row(
        &self,
        clients: usize,
        next: &mut dyn FnMut(&str),
        what: &str,
        run: &dyn Fn(&'static str) -> Result<Figures, String>,
    ) -> Result<Row, String> {
        let mut row = Row { clients, modes: [Vec::new(), Vec::new()] };
        for round in 0..self.rounds {
            let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
            for mode in order {
                next(&format!("{}, {what}, round {} of {}", MODES[mode], round + 1, self.rounds));
                row.modes[mode].push(run(MODES[mode])?);
            }
        }
        Ok(row)
    }

    /// Everybody talks, and says the next line when the last has reached all.
    fn scenario(&self, clients: usize) -> Scenario {
        Scenario { clients, talkers: clients, duration: self.duration, warm_up: self.warm_up, ..Scenario::default() }
    }
}

fn load_on(mode: &str, scenario: &Scenario) -> Result<Figures, String> {
    let server = Quiet::start(mode, scenario.connections() + 1)?;
    load::run(server.addr, scenario, Some(server.pid()), &mut |_| {}).map(|outcome| Figures::of(&outcome, scenario))
}
