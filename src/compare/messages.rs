//! The findings as sentences, in English and Spanish. The choice of sentences, and every figure in them, follows from
//! the measurements.

use super::Comparison;
use super::figures::{Metric, Row, Spread, Verdict};
use super::scenes::Scene;
use super::talk::PerLine;
use crate::server::Driver;
use crate::text::{Lang, numbers, say};

/// The names of some drivers in a sentence: "a, b and c".
fn named(lang: Lang, drivers: &[&Driver], which: &[usize]) -> String {
    let names: Vec<_> = which.iter().map(|mode| drivers[*mode].noun.in_lang(lang)).collect();
    match &names[..] {
        [others @ .., last] if !others.is_empty() => {
            let others = others.join(", ");
            say!(lang, "{others} and {last}"; "{others} y {last}")
        }
        _ => names.concat(),
    }
}

pub(crate) fn metric(lang: Lang, metric: Metric) -> String {
    match metric {
        Metric::RoundTrip => say!(lang, "round trip, the median"; "ida y vuelta, la mediana"),
        Metric::RoundTripP99 => say!(lang, "round trip, the worst of a hundred"; "ida y vuelta, la peor de cien"),
        Metric::Deliveries => say!(lang, "deliveries a second"; "entregas por segundo"),
        Metric::Cpu => say!(lang, "processor time for a delivery"; "tiempo de procesador por entrega"),
        Metric::Memory => say!(lang, "memory for a client"; "memoria por cliente"),
        Metric::Threads => say!(lang, "threads for a client"; "hilos por cliente"),
        Metric::Connections => say!(lang, "connections a second"; "conexiones por segundo"),
    }
}

pub(crate) fn scene(lang: Lang, scene: Scene) -> String {
    match scene {
        Scene::Talk => say!(lang, "six people talk in turn"; "seis personas hablan por turnos"),
        Scene::Burst => {
            say!(lang, "six people, 64 lines under way each"; "seis personas con 64 líneas en camino cada una")
        }
        Scene::SlowReader => say!(lang, "the same, and one who does not read"; "lo mismo, y alguien que no lee"),
        Scene::IdleCrowd => say!(lang, "six talk in a silent crowd"; "seis hablan entre una multitud callada"),
        Scene::Storm => say!(lang, "all come at once"; "todos llegan a la vez"),
        Scene::FrozenConsole => say!(lang,
            "the talk again, and nobody reads the console";
            "la charla otra vez, y nadie lee la consola"),
    }
}

/// The sentences, the most important first.
pub(crate) fn findings(lang: Lang, comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    said.push(per_line(lang, comparison));
    said.push(alone(lang, comparison));
    for metric in [Metric::RoundTrip, Metric::Deliveries, Metric::Cpu, Metric::Memory] {
        said.extend(by_size(lang, metric, &comparison.drivers, &comparison.sweep));
    }
    said.extend(turning_point(lang, &comparison.drivers, &comparison.sweep));
    for (scene, row) in comparison.scenes.iter().filter(|(scene, _)| *scene != Scene::Talk) {
        said.extend(in_scene(lang, *scene, row, comparison));
    }
    said
}

fn per_line(lang: Lang, comparison: &Comparison) -> String {
    let decimal = |value: f64| format!("{:.1}", value).trim_end_matches(".0").to_owned();
    let calls = |line: &PerLine| {
        let mut calls: Vec<_> = line.system_calls.iter().collect();
        calls.sort_by(|a, b| b.1.total_cmp(a.1));
        let calls: Vec<_> = calls.into_iter().map(|(name, times)| format!("{} {name}", decimal(*times))).collect();
        format!("{} ({})", decimal(line.calls()), calls.join(", "))
    };
    let mut text = say!(lang, "One line to five others, on average."; "Una línea para otros cinco, de media.");
    for (driver, talk) in comparison.drivers.iter().zip(&comparison.talks) {
        let line = &talk.per_line;
        let (name, calls) = (capital(driver.noun.in_lang(lang)), calls(line));
        let [wakes, locks, waits] = [line.wake_ups, line.locks, line.lock_waits].map(decimal);
        text += &say!(lang,
            " {name}: system calls {calls}; wake-ups {wakes}";
            " {name}: llamadas al sistema {calls}; despertares {wakes}");
        if line.locks > 0.0 {
            text += &say!(lang,
                "; the room's lock taken {locks}, waited for {waits}";
                "; llave de la sala tomada {locks}, esperada {waits}");
        }
        text += ".";
    }
    text
}

/// How long a line takes when nobody else talks. A driver is called quicker only if the middle half of its times is
/// below the middle half of every other driver's.
fn alone(lang: Lang, comparison: &Comparison) -> String {
    let micros = |value: f64| numbers::nanos(value * 1e3);
    let times = comparison.drivers.iter().zip(&comparison.talks).map(|(driver, talk)| {
        let (name, line) = (driver.noun.in_lang(lang), &talk.per_line);
        let (median, low, high) =
            (micros(line.micros), micros(line.micros_middle_half.0), micros(line.micros_middle_half.1));
        say!(lang, "{median} ({low} … {high}) with {name}"; "{median} ({low} … {high}) con {name}")
    });
    let times = times.collect::<Vec<_>>().join(", ");
    let mut text = say!(lang,
        "A line that is said while nobody else talks is in its last receiver's socket after {times}; in parentheses, the middle half \
         of them.";
        "Una línea dicha mientras nadie más habla está en el socket de su último receptor tras {times}; entre paréntesis, la mitad \
         central.");
    let halves: Vec<_> = comparison.talks.iter().map(|talk| talk.per_line.micros_middle_half).collect();
    let is_quickest = |mode: &usize| {
        let others = halves.iter().enumerate().filter(|(other, _)| other != mode);
        others.into_iter().all(|(_, half)| halves[*mode].1 < half.0)
    };
    text += &match (0..halves.len()).find(is_quickest).filter(|_| halves.len() > 1) {
        Some(mode) => {
            let name = capital(comparison.drivers[mode].noun.in_lang(lang));
            say!(lang, " {name} is quicker."; " {name} es más rápido.")
        }
        None => say!(lang, " That is a tie."; " Es un empate."),
    };
    text
}

/// A sentence about one metric. Neighbouring numbers of clients with the same leaders are put together.
fn by_size(lang: Lang, which: Metric, drivers: &[&Driver], sweep: &[Row]) -> Option<String> {
    /// Numbers of clients, and the largest factor by which the leaders were better.
    struct Group {
        /// `None` means a tie.
        leaders: Option<Vec<usize>>,
        clients: Vec<usize>,
        times: f64,
    }
    let mut groups: Vec<Group> = Vec::new();
    for row in sweep {
        let Some(Verdict { leaders, times, is_tie }) = row.verdict(which) else { continue };
        let leaders = (!is_tie).then_some(leaders);
        match groups.last_mut().filter(|group| group.leaders == leaders) {
            Some(group) => {
                group.clients.push(row.clients);
                group.times = group.times.max(times);
            }
            None => groups.push(Group { leaders, clients: vec![row.clients], times }),
        }
    }
    if groups.is_empty() {
        return None;
    }
    let part = |Group { leaders, clients, times }: &Group| {
        let (first, last) = (clients[0], clients[clients.len() - 1]);
        let clients = match first == last {
            true => say!(lang, "with {first} clients"; "con {first} clientes"),
            false => say!(lang, "with {first} to {last} clients"; "con {first} a {last} clientes"),
        };
        let Some(leaders) = leaders else { return say!(lang, "{clients} a tie"; "{clients} un empate") };
        let names = named(lang, drivers, leaders);
        match leaders.len() {
            1 => say!(lang,
                "{clients} {names} is better, by up to {times:.1} times";
                "{clients} gana {names}, hasta {times:.1} veces"),
            _ => say!(lang,
                "{clients} {names} are better, by up to {times:.1} times";
                "{clients} ganan {names}, hasta {times:.1} veces"),
        }
    };
    let parts: Vec<_> = groups.iter().map(part).collect();
    let (metric, parts) = (capital(&metric(lang, which)), parts.join("; "));
    Some(format!("{metric}: {parts}."))
}

/// A sentence about the number of clients at which the leaders in deliveries change.
fn turning_point(lang: Lang, drivers: &[&Driver], sweep: &[Row]) -> Option<String> {
    let decided = |row: &Row| {
        let verdict = row.verdict(Metric::Deliveries).filter(|verdict| !verdict.is_tie)?;
        Some((row.clients, verdict.leaders))
    };
    let leaders: Vec<(usize, Vec<usize>)> = sweep.iter().filter_map(decided).collect();
    let Some((_, first)) = leaders.first() else {
        return Some(say!(lang,
            "Nowhere does one deliver more beyond doubt.";
            "En ninguna parte entrega uno más sin duda alguna."));
    };
    let changes = |pair: &&[(usize, Vec<usize>)]| !pair[0].1.iter().any(|mode| pair[1].1.contains(mode));
    if let Some([(from, before), (to, after)]) = leaders.windows(2).find(changes) {
        let (before, after) = (named(lang, drivers, before), named(lang, drivers, after));
        return Some(say!(lang,
            "The winner changes between {from} and {to} clients: from {before} to {after}.";
            "El ganador cambia entre {from} y {to} clientes: de {before} a {after}."));
    }
    let always: Vec<usize> =
        first.iter().copied().filter(|mode| leaders.iter().all(|(_, leaders)| leaders.contains(mode))).collect();
    let name = named(lang, drivers, &always);
    (!always.is_empty()).then(|| {
        say!(lang,
            "Wherever one delivers more beyond doubt, it is {name}.";
            "Donde uno entrega más sin duda alguna, es {name}.")
    })
}

fn in_scene(lang: Lang, which: Scene, row: &Row, comparison: &Comparison) -> Option<String> {
    let metric_of = which.metric();
    let verdict = row.verdict(metric_of)?;
    let value = |(mode, driver): (usize, &&Driver)| {
        let spread = row.spread(mode, metric_of)?;
        let (value, name) = (metric_of.format()(spread.median), driver.noun.in_lang(lang));
        Some(say!(lang, "{value} with {name}"; "{value} con {name}"))
    };
    let values = comparison.drivers.iter().enumerate().filter_map(value).collect::<Vec<_>>().join(", ");
    let (name, what) = (which.name(), metric(lang, metric_of));
    let mut text = say!(lang, "{name}: {what} is {values}"; "{name}: {what}: {values}");
    let leaders = named(lang, &comparison.drivers, &verdict.leaders);
    text += &match verdict.leaders.len() {
        _ if verdict.is_tie => say!(lang, " (a tie)."; " (un empate)."),
        1 => say!(lang, " ({leaders} is better)."; " (gana {leaders})."),
        _ => say!(lang, " ({leaders} are better)."; " (ganan {leaders})."),
    };
    // The cost of the disturbance, compared with the same scene without it.
    let without = match which {
        Scene::FrozenConsole => Scene::Talk,
        Scene::SlowReader => Scene::Burst,
        _ => return Some(text),
    };
    let (_, calm) = comparison.scenes.iter().find(|(scene, _)| *scene == without)?;
    for (mode, driver) in comparison.drivers.iter().enumerate() {
        let (troubled, calm) = (row.spread(mode, metric_of)?, calm.spread(mode, metric_of)?);
        let (name, cost) = (driver.noun.in_lang(lang), cost(lang, metric_of, troubled, calm));
        let without = without.name();
        text +=
            &say!(lang, " Against {without} it costs {name} {cost}."; " Frente a {without} le cuesta a {name} {cost}.");
    }
    Some(text)
}

fn cost(lang: Lang, metric: Metric, troubled: Spread, calm: Spread) -> String {
    let overlap = troubled.low <= calm.high && calm.low <= troubled.high;
    let ratio = troubled.median / calm.median;
    let worse = if metric.more_is_better() { 1.0 / ratio } else { ratio };
    let times = format!("{worse:.1}");
    match worse {
        _ if !worse.is_finite() => say!(lang, "everything"; "todo"),
        _ if overlap => say!(lang, "nothing that can be told from chance"; "nada que se distinga del azar"),
        ..=1.0 => say!(lang, "nothing"; "nada"),
        ..1.95 => {
            let part = numbers::whole_percent(worse - 1.0);
            say!(lang, "{part}"; "un {part}")
        }
        _ => say!(lang, "a factor of {times}"; "un factor de {times}"),
    }
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figures;
    use super::*;

    fn row(clients: usize, epoll: [f64; 2], threaded: [f64; 2]) -> Row {
        let of = |values: [f64; 2]| {
            values.map(|value| Figures { deliveries_per_second: Some(value), ..Figures::default() }).to_vec()
        };
        Row { clients, modes: vec![of(epoll), of(threaded)] }
    }

    fn drivers() -> [&'static Driver; 2] {
        ["epoll", "threaded"].map(|name| Driver::named(name).expect("it is built in"))
    }

    #[test]
    fn the_same_winner_is_told_once_and_a_change_is_told() {
        let sweep = [
            row(2, [10.0, 11.0], [20.0, 21.0]),
            row(6, [10.0, 21.0], [20.0, 22.0]),
            row(16, [40.0, 41.0], [20.0, 20.5]),
            row(64, [80.0, 81.0], [20.0, 20.5]),
        ];
        let said = by_size(Lang::En, Metric::Deliveries, &drivers(), &sweep).expect("a sentence");
        assert_eq!(
            said,
            "Deliveries a second: with 2 clients a thread per client is better, by up to 1.9 times; with 6 clients a tie; \
             with 16 to 64 clients the event loop is better, by up to 4.0 times."
        );
        let said = turning_point(Lang::En, &drivers(), &sweep).expect("a sentence");
        assert_eq!(said, "The winner changes between 2 and 16 clients: from a thread per client to the event loop.");
        assert!(turning_point(Lang::Es, &drivers(), &sweep[..1]).expect("a sentence").contains("un hilo por cliente"));
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert_eq!(by_size(Lang::En, Metric::Cpu, &drivers(), &[row(2, [1.0, 1.0], [2.0, 2.0])]), None);
    }
}
