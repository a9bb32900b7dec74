//! Measures servers one after the other, each beside the floor.

use criterion::{Criterion, SamplingMode, Throughput};
use std::time::{Duration, Instant};
use tertulia::harness::ServerProcess;
use tertulia::harness::server_process::pin_this_thread;

/// Samples taken of each server.
const SAMPLES: usize = 20;
const WARM_UP: Duration = Duration::from_millis(300);
/// The time of all samples of one server. The floor beside it takes as long again.
const MEASURED: Duration = Duration::from_millis(1500);

/// Where server and load run.
#[derive(Clone, Copy)]
pub enum Place {
    OneCore,
    ACoreEach,
}

impl Place {
    pub fn name(self) -> &'static str {
        match self {
            Place::OneCore => "one core",
            Place::ACoreEach => "separate cores",
        }
    }

    /// Call it before the server has clients: the threads that it starts for them run on the same core.
    pub fn pin(self, server: &ServerProcess) {
        let load_core = match self {
            Place::OneCore => 0,
            Place::ACoreEach => 1,
        };
        server.pin(0).and_then(|()| pin_this_thread(load_core)).expect("two cores");
    }
}

/// A server with its clients, called with the number of iterations to run.
pub type Runner = Box<dyn FnMut(usize)>;

/// Measures each of `names` next to the first, which is the floor, and prints both criterion's figures and the ratios.
///
/// The floor itself is measured against a second floor: the distance of that ratio from 1.00 shows the error of all
/// ratios.
pub fn race(
    criterion: &mut Criterion,
    group: &str,
    names: &[String],
    throughput: Option<Throughput>,
    start: impl Fn(&str) -> Runner,
) {
    let is_rate = throughput.is_some();
    let mut group_of = criterion.benchmark_group(group);
    group_of.sample_size(SAMPLES).warm_up_time(WARM_UP).measurement_time(MEASURED).sampling_mode(SamplingMode::Flat);
    if let Some(throughput) = throughput {
        group_of.throughput(throughput);
    }

    let mut floor = None;
    let mut results = Vec::new();
    for name in names {
        // Criterion calls the closure once per sample, and never if its filter excludes this benchmark.
        let mut runner = None;
        let mut ratios = Vec::new();
        group_of.bench_function(name, |bencher| {
            let floor = floor.get_or_insert_with(|| start(&names[0]));
            let runner = runner.get_or_insert_with(|| start(name));
            bencher.iter_custom(|iterations| {
                let floors = time(floor, iterations);
                let own = time(runner, iterations);
                ratios.push(own.as_secs_f64() / floors.as_secs_f64());
                own
            });
        });
        if ratios.len() >= SAMPLES {
            // The earlier ratios are those of the warm-up.
            results.push((name, ratios.split_off(ratios.len() - SAMPLES)));
        }
    }
    group_of.finish();

    if !results.is_empty() {
        let what = if is_rate { "throughput, more is better" } else { "time, less is better" };
        println!("{group}: ratio to the floor ({what}): median, and the middle half of the samples");
    }
    for (name, mut ratios) in results {
        if is_rate {
            ratios.iter_mut().for_each(|ratio| *ratio = 1.0 / *ratio);
        }
        ratios.sort_by(f64::total_cmp);
        let [low, median, high] = [1, 2, 3].map(|quarter| ratios[quarter * SAMPLES / 4]);
        println!("    {name:22} {median:5.2}   {low:.2} to {high:.2}");
    }
    println!();
}

fn time(runner: &mut Runner, iterations: u64) -> Duration {
    let begin = Instant::now();
    runner(iterations as usize);
    begin.elapsed()
}
