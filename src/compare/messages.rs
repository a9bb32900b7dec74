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
        Metric::RoundTrip => say!(lang, "round-trip time (median)"; "tiempo de ida y vuelta (mediana)"),
        Metric::RoundTripP99 => {
            say!(lang, "round-trip time (99th percentile)"; "tiempo de ida y vuelta (percentil 99)")
        }
        Metric::Deliveries => say!(lang, "deliveries per second"; "entregas por segundo"),
        Metric::Cpu => say!(lang, "processor time per delivery"; "tiempo de procesador por entrega"),
        Metric::Memory => say!(lang, "memory per client"; "memoria por cliente"),
        Metric::Threads => say!(lang, "threads per client"; "hilos por cliente"),
        Metric::Connections => say!(lang, "connections per second"; "conexiones por segundo"),
    }
}

pub(crate) fn scene(lang: Lang, scene: Scene) -> String {
    match scene {
        Scene::Talk => {
            say!(lang, "six clients talk, with one line in flight each"; "seis clientes hablan, con una línea en curso cada uno")
        }
        Scene::Burst => {
            say!(lang, "six clients talk, with 64 lines in flight each"; "seis clientes hablan, con 64 líneas en curso cada uno")
        }
        Scene::SlowReader => {
            say!(lang, "as burst, with one more client that does not read"; "como burst, con un cliente más que no lee")
        }
        Scene::IdleCrowd => {
            say!(lang, "six clients talk, and all others are silent"; "seis clientes hablan y los demás callan")
        }
        Scene::Storm => say!(lang, "all clients connect at once"; "todos los clientes se conectan a la vez"),
        Scene::FrozenConsole => say!(lang,
            "as talk, but nobody reads the console";
            "como talk, pero nadie lee la consola"),
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
    let mut text =
        say!(lang, "Averages for one line to five other clients."; "Promedios de una línea para otros cinco clientes.");
    for (driver, talk) in comparison.drivers.iter().zip(&comparison.talks) {
        let line = &talk.per_line;
        let (name, calls) = (capital(driver.noun.in_lang(lang)), calls(line));
        let [wakes, locks, waits] = [line.wake_ups, line.locks, line.lock_waits].map(decimal);
        text += &say!(lang,
            " {name}: system calls {calls}; wake-ups {wakes}";
            " {name}: llamadas al sistema {calls}; despertares {wakes}");
        if line.locks > 0.0 {
            text += &say!(lang,
                "; the room's lock is taken {locks} times and waited for {waits} times";
                "; la llave de la sala se toma {locks} veces y se espera {waits} veces");
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
        "A line that is sent while nobody else talks reaches the socket of its last receiver after {times}. The middle half of \
         the times is in parentheses.";
        "Una línea enviada mientras nadie más habla llega al socket de su último receptor en {times}. Entre paréntesis está la \
         mitad central de los tiempos.");
    let halves: Vec<_> = comparison.talks.iter().map(|talk| talk.per_line.micros_middle_half).collect();
    let is_quickest = |mode: &usize| {
        let others = halves.iter().enumerate().filter(|(other, _)| other != mode);
        others.into_iter().all(|(_, half)| halves[*mode].1 < half.0)
    };
    text += &match (0..halves.len()).find(is_quickest).filter(|_| halves.len() > 1) {
        Some(mode) => {
            let name = capital(comparison.drivers[mode].noun.in_lang(lang));
            say!(lang, " {name} is faster."; " {name} es más rápido.")
        }
        None => say!(lang, " This is a tie."; " Es un empate."),
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
        let Some(leaders) = leaders else { return say!(lang, "{clients} there is a tie"; "{clients} hay un empate") };
        let names = named(lang, drivers, leaders);
        match leaders.len() {
            1 => say!(lang,
                "{clients} {names} is better, by a factor of up to {times:.1}";
                "{clients} gana {names}, por un factor de hasta {times:.1}"),
            _ => say!(lang,
                "{clients} {names} are better, by a factor of up to {times:.1}";
                "{clients} ganan {names}, por un factor de hasta {times:.1}"),
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
            "No mode delivers clearly more than another at any number of clients.";
            "Ningún modo entrega claramente más que otro con ningún número de clientes."));
    };
    let changes = |pair: &&[(usize, Vec<usize>)]| !pair[0].1.iter().any(|mode| pair[1].1.contains(mode));
    if let Some([(from, before), (to, after)]) = leaders.windows(2).find(changes) {
        let (before, after) = (named(lang, drivers, before), named(lang, drivers, after));
        return Some(say!(lang,
            "The best mode changes between {from} and {to} clients: from {before} to {after}.";
            "El mejor modo cambia entre {from} y {to} clientes: de {before} a {after}."));
    }
    let always: Vec<usize> =
        first.iter().copied().filter(|mode| leaders.iter().all(|(_, leaders)| leaders.contains(mode))).collect();
    let name = named(lang, drivers, &always);
    match always.len() {
        0 => None,
        1 => Some(say!(lang,
            "Where a mode delivers clearly more than another, that mode is {name}.";
            "Donde un modo entrega claramente más que otro, ese modo es {name}.")),
        _ => Some(say!(lang,
            "Where modes deliver clearly more than others, those modes are {name}.";
            "Donde unos modos entregan claramente más que otros, esos modos son {name}.")),
    }
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
    let mut text = say!(lang, "Scene {name}, {what}: {values}"; "Escena {name}, {what}: {values}");
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
        text += &say!(lang,
            " Compared with {without}, the cost for {name} is {cost}.";
            " Frente a {without}, el coste para {name} es {cost}.");
    }
    Some(text)
}

fn cost(lang: Lang, metric: Metric, troubled: Spread, calm: Spread) -> String {
    let overlap = troubled.low <= calm.high && calm.low <= troubled.high;
    let ratio = troubled.median / calm.median;
    let worse = if metric.more_is_better() { 1.0 / ratio } else { ratio };
    let times = format!("{worse:.1}");
    match worse {
        _ if !worse.is_finite() => say!(lang, "total"; "total"),
        _ if overlap => say!(lang, "no more than random variation"; "no mayor que la variación aleatoria"),
        ..=1.0 => say!(lang, "zero"; "cero"),
        ..1.95 => {
            let part = numbers::whole_percent(worse - 1.0);
            say!(lang, "{part}"; "de un {part}")
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
            "Deliveries per second: with 2 clients a thread per client is better, by a factor of up to 1.9; with 6 clients \
             there is a tie; with 16 to 64 clients the event loop is better, by a factor of up to 4.0."
        );
        let said = turning_point(Lang::En, &drivers(), &sweep).expect("a sentence");
        assert_eq!(said, "The best mode changes between 2 and 16 clients: from a thread per client to the event loop.");
        assert!(turning_point(Lang::Es, &drivers(), &sweep[..1]).expect("a sentence").contains("un hilo por cliente"));
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert_eq!(by_size(Lang::En, Metric::Cpu, &drivers(), &[row(2, [1.0, 1.0], [2.0, 2.0])]), None);
    }
}
