//! The comparison of the drivers: the same load is played against each driver, and one page says what each did.
//!
//! In reading order:
//!
//! * [`plan`]: how much is measured;
//! * [`server`]: our own server, started for a comparison;
//! * [`talk`]: six people talk to a server that records its steps;
//! * [`figures`]: the figures that a load gives, and how much they vary from round to round;
//! * [`scenes`]: loads that are hard in different ways;
//! * [`c10k`]: what a line costs beside thousands of silent clients;
//! * [`messages`]: the findings as sentences, in English and Spanish;
//! * [`headlines`]: three of them, in large type;
//! * [`report`]: the result as a page, and as JSON.
//!
//! # What the page shows
//!
//! ```console
//! $ tertulia compare                            # writes compare.html, and says what to notice
//! $ tertulia compare --json --rounds 9 --clients 2,6,16,64
//! ```
//!
//! At the top is a table with a row for each mode: where it sleeps, and what it does for a line. Below are the timelines of one talk,
//! of two modes at a time and to one scale: the same message is followed in both, with the steps that the mode took for it. Then
//! come sentences that say what to notice; the round trip, deliveries, processor time and memory as the number of clients
//! grows; the C10k picture; and five scenes: `talk`, `burst`, `slow-reader`, `storm`, `frozen-console`.
//!
//! Every sentence comes from what was measured on this machine. A mode is called better only if it was better in every
//! round, and by a tenth or more in the median.

pub(crate) mod c10k;
pub(crate) mod figures;
pub(crate) mod headlines;
pub(crate) mod messages;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod scenes;
pub(crate) mod server;
pub(crate) mod talk;

use crate::server::Driver;
use crate::text::Bilingual;
use c10k::Level;
use figures::{Figures, Row};
pub(crate) use plan::Plan;
use scenes::{Scene, load_on};
use talk::Talk;

/// The result of a comparison.
pub(crate) struct Comparison {
    pub plan: Plan,
    /// The drivers that are compared. Their results are in this order.
    pub drivers: Vec<&'static Driver>,
    /// One per driver.
    pub talks: Vec<Talk>,
    pub sweep: Vec<Row>,
    pub scenes: Vec<(Scene, Row)>,
    /// One per driver. In each, one per number of silent clients.
    pub c10k: Vec<Vec<Level>>,
}

impl Plan {
    /// The number of runs.
    pub(crate) fn runs(&self) -> usize {
        let others = if self.c10k_only { 0 } else { 1 + self.rounds * (self.clients.len() + Scene::ALL.len()) };
        self.drivers.len() * (self.silent.len() + others)
    }

    /// The most descriptors that are needed at a time.
    pub(crate) fn connections(&self) -> usize {
        let most = |numbers: &[usize]| numbers.last().copied().unwrap_or(0);
        (most(&self.clients) + 16).max(most(&self.silent) + 16).max(self.storm + 16)
    }

    /// Measures everything. `next` is called with a description before each run. The drivers take turns, and the order
    /// alternates, so that a drift of the machine affects all of them.
    pub(crate) fn run(self, next: &mut dyn FnMut(Bilingual)) -> Result<Comparison, Bilingual> {
        let (mut talks, mut sweep, mut scenes, mut c10k) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let drivers = self.drivers.clone();
        if !self.c10k_only {
            for driver in &drivers {
                next(messages::talk_begins(driver.name));
                talks.push(Talk::play(driver.name)?);
            }
            for &clients in &self.clients {
                let scenario = self.scenario(clients);
                sweep.push(self.row(clients, next, &messages::size(clients), &|mode| load_on(mode, &scenario))?);
            }
            for scene in Scene::ALL {
                let row = self.row(scene.clients(&self), next, &scene.title(), &|mode| scene.play(mode, &self))?;
                scenes.push((scene, row));
            }
        }
        for driver in &drivers {
            c10k.push(c10k::play(driver, &self.silent, next)?);
        }
        Ok(Comparison { plan: self, drivers, talks, sweep, scenes, c10k })
    }

    fn row(
        &self,
        clients: usize,
        next: &mut dyn FnMut(Bilingual),
        what: &Bilingual,
        run: &dyn Fn(&'static str) -> Result<Figures, Bilingual>,
    ) -> Result<Row, Bilingual> {
        let drivers = &self.drivers;
        let mut row = Row { clients, modes: vec![Vec::new(); drivers.len()] };
        for round in 0..self.rounds {
            let mut order: Vec<usize> = (0..drivers.len()).collect();
            if round % 2 == 1 {
                order.reverse();
            }
            for mode in order {
                let name = drivers[mode].name;
                next(messages::round_begins(name, what, round + 1, self.rounds));
                row.modes[mode].push(run(name)?);
            }
        }
        Ok(row)
    }
}
