//! The findings as sentences, in English and Spanish. The choice of sentences, and every figure in them, follows from
//! the measurements.

use super::Comparison;
use super::c10k::Level;
use super::figures::{Figures, Metric, Row, Verdict, duel};
use super::scenes::Scene;
use super::talk::PerLine;
use crate::server::Driver;
use crate::text::{Bilingual, Lang, numbers, say};
use std::io;

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
        Metric::Threads => say!(lang, "threads"; "hilos"),
        Metric::Connections => say!(lang, "connections per second"; "conexiones por segundo"),
    }
}

pub(crate) fn scene(lang: Lang, scene: Scene) -> String {
    match scene {
        Scene::Talk => {
            say!(lang, "six clients talk, with one line in flight each"; "seis clientes hablan, con una línea en vuelo cada uno")
        }
        Scene::Burst => {
            say!(lang, "six clients talk, with 64 lines in flight each"; "seis clientes hablan, con 64 líneas en vuelo cada uno")
        }
        Scene::SlowReader => {
            say!(lang, "as burst, with one more client that does not read"; "como la ráfaga, con un cliente más que no lee")
        }
        Scene::Storm => say!(lang, "all clients connect at once"; "todos los clientes se conectan a la vez"),
        Scene::FrozenConsole => say!(lang,
            "as talk, but nobody reads the server's stdout";
            "como la charla, pero nadie lee la salida estándar del servidor"),
    }
}

// Progress.

pub(crate) fn talk_begins(mode: &str) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "{mode}, six clients talk"; "{mode}, seis clientes hablan"))
}

pub(crate) fn size(clients: usize) -> Bilingual {
    Bilingual::of(|lang| say!(lang, "{clients} clients"; "{clients} clientes"))
}

pub(crate) fn round_begins(mode: &str, what: &Bilingual, round: usize, rounds: usize) -> Bilingual {
    Bilingual::of(|lang| {
        let what = what.in_lang(lang);
        say!(lang, "{mode}, {what}, round {round} of {rounds}"; "{mode}, {what}, ronda {round} de {rounds}")
    })
}

pub(crate) fn beside(mode: &str, silent: usize) -> Bilingual {
    Bilingual::of(
        |lang| say!(lang, "{mode}, beside {silent} silent clients"; "{mode}, junto a {silent} clientes callados"),
    )
}

// What can fail.

pub(crate) fn talk_failed(mode: &str, error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
        "{mode}: the clients cannot talk: {error}";
        "{mode}: los clientes no pueden hablar: {error}")
    })
}

pub(crate) fn no_slow_reader(mode: &str, error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
        "{mode}: the slow reader cannot connect: {error}";
        "{mode}: el lector lento no puede conectar: {error}")
    })
}

pub(crate) fn storm_failed(mode: &str, error: &io::Error) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
        "{mode}: not all clients of the storm could connect: {error}";
        "{mode}: no todos los clientes de la avalancha pudieron conectar: {error}")
    })
}

/// The sentences, the most important first.
pub(crate) fn findings(lang: Lang, comparison: &Comparison) -> Vec<String> {
    let mut said = c10k(lang, comparison);
    if comparison.talks.is_empty() {
        return said;
    }
    said.push(per_line(lang, comparison));
    said.push(alone(lang, comparison));
    for metric in [Metric::RoundTrip, Metric::RoundTripP99, Metric::Deliveries, Metric::Cpu, Metric::Memory] {
        said.extend(by_size(lang, metric, &comparison.drivers, &comparison.sweep));
    }
    said.extend(turning_point(lang, &comparison.drivers, &comparison.sweep));
    for (scene, row) in comparison.scenes.iter().filter(|(scene, _)| *scene != Scene::Talk) {
        said.extend(in_scene(lang, *scene, row, comparison));
    }
    said
}

/// What changes with thousands of silent clients, and what it costs to have them: a sentence each.
pub(crate) fn c10k(lang: Lang, comparison: &Comparison) -> Vec<String> {
    let most = comparison.plan.silent.last().copied().unwrap_or(0);
    let levels = || comparison.drivers.iter().zip(&comparison.c10k);
    let ends = |levels: &[Level]| Some((levels.first()?.cpu_per_line?, levels.last()?.cpu_per_line?));
    let growth = levels().filter_map(|(driver, levels)| {
        let (alone, beside) = ends(levels)?;
        let (name, factor) = (driver.noun.in_lang(lang), numbers::fixed(lang, beside / alone, 1));
        let [alone, beside] = [alone, beside].map(|nanos| numbers::nanos(lang, nanos));
        let all = levels.last().map_or(0, |level| level.silent);
        let only = if all == most { String::new() } else { say!(lang, ", beside {all}"; ", junto a {all}") };
        Some(format!("{name} {factor} × ({alone} → {beside}{only})"))
    });
    let growth: Vec<_> = growth.collect();
    let memory = levels().filter_map(|(driver, levels)| {
        let (name, bytes) = (driver.noun.in_lang(lang), numbers::bytes(lang, memory_per_client(levels)?));
        Some(say!(lang, "{bytes} with {name}"; "{bytes} con {name}"))
    });
    let memory: Vec<_> = memory.collect();
    let mut said = Vec::new();
    if !growth.is_empty() {
        let growth = growth.join(", ");
        said.push(say!(lang,
            "Beside {most} silent clients, a line to one client costs this many times the processor time that it costs without them: \
             {growth}.";
            "Junto a {most} clientes callados, una línea a un cliente cuesta tantas veces el tiempo de procesador que cuesta sin \
             ellos: {growth}."));
    }
    if !memory.is_empty() {
        let memory = memory.join(", ");
        said.push(say!(lang, "A silent client takes {memory}."; "Un cliente callado ocupa {memory}."));
    }
    said
}

/// Bytes that one more silent client costs.
pub(crate) fn memory_per_client(levels: &[Level]) -> Option<f64> {
    let (first, last) = (levels.first()?, levels.last()?);
    let clients = last.silent.checked_sub(first.silent).filter(|clients| *clients > 0)?;
    Some((last.memory? - first.memory?).max(0.0) / clients as f64)
}

fn per_line(lang: Lang, comparison: &Comparison) -> String {
    let decimal = |value: f64| numbers::fixed(lang, value, 1).trim_end_matches(".0").trim_end_matches(",0").to_owned();
    let calls = |line: &PerLine| {
        let mut calls: Vec<_> = line.system_calls.iter().collect();
        calls.sort_by(|a, b| b.1.total_cmp(a.1));
        let calls: Vec<_> = calls.into_iter().map(|(name, times)| format!("{} {name}", decimal(*times))).collect();
        format!("{} ({})", decimal(line.calls()), calls.join(", "))
    };
    let mut text = say!(lang,
        "Averages for one line to five other clients and to the console, which costs one write.";
        "Promedios de una línea para otros cinco clientes y para la consola, que cuesta un write.");
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
                "; el cerrojo de la sala se toma {locks} veces y se espera {waits} veces");
        }
        text += ".";
    }
    text
}

/// How long a line takes when nobody else talks. This is one recording without rounds, so no driver is called better.
fn alone(lang: Lang, comparison: &Comparison) -> String {
    let micros = |value: f64| numbers::nanos(lang, value * 1e3);
    let times = comparison.drivers.iter().zip(&comparison.talks).map(|(driver, talk)| {
        let (name, line) = (driver.noun.in_lang(lang), &talk.per_line);
        let (median, low, high) =
            (micros(line.micros), micros(line.micros_middle_half.0), micros(line.micros_middle_half.1));
        say!(lang, "{median} ({low} … {high}) with {name}"; "{median} ({low} … {high}) con {name}")
    });
    let times = times.collect::<Vec<_>>().join(", ");
    say!(lang,
        "Time of a line while nobody else talks, from when the server's thread wakes up until the last receiver's socket has the \
         line: {times}. The middle half of the times is in parentheses. This is one recording, so it does not say which mode is \
         better.";
        "Tiempo de una línea mientras nadie más habla, desde que despierta el hilo del servidor hasta que la línea está en el \
         socket del último receptor: {times}. Entre paréntesis está la mitad central de los tiempos. Es una sola grabación: no \
         dice qué modo es mejor.")
}

/// A sentence about one metric. Neighbouring numbers of clients with the same result are put together.
fn by_size(lang: Lang, which: Metric, drivers: &[&Driver], sweep: &[Row]) -> Option<String> {
    let verdicts: Vec<(usize, Verdict)> =
        sweep.iter().filter_map(|row| Some((row.clients, row.verdict(which)?))).collect();
    let says_the_same = |a: &Verdict, b: &Verdict| match (a, b) {
        (Verdict::Better { leaders: a, .. }, Verdict::Better { leaders: b, .. }) => a == b,
        (Verdict::Unclear { best: a, worst: b, .. }, Verdict::Unclear { best: c, worst: d, .. }) => (a, b) == (c, d),
        _ => a == b,
    };
    let parts: Vec<_> = verdicts
        .chunk_by(|(_, a), (_, b)| says_the_same(a, b))
        .map(|group| {
            let (clients, result) = (clients(lang, group[0].0, group[group.len() - 1].0), result(lang, drivers, group));
            format!("{clients}, {result}")
        })
        .collect();
    let (metric, parts) = (capital(&metric(lang, which)), parts.join("; "));
    (!parts.is_empty()).then(|| format!("{metric}: {parts}."))
}

fn clients(lang: Lang, first: usize, last: usize) -> String {
    match first == last {
        true => say!(lang, "with {first} clients"; "con {first} clientes"),
        false => say!(lang, "with {first} to {last} clients"; "con {first} a {last} clientes"),
    }
}

/// What one number of clients shows, as a sentence.
pub(crate) fn with_clients(lang: Lang, drivers: &[&Driver], count: usize, verdict: Verdict) -> String {
    let (clients, result) = (clients(lang, count, count), result(lang, drivers, &[(count, verdict)]));
    capital(&format!("{clients} {result}."))
}

/// Whether more of a figure is better.
pub(crate) fn direction(lang: Lang, metric: Metric) -> String {
    match metric.more_is_better() {
        true => say!(lang, "more is better"; "más es mejor"),
        false => say!(lang, "less is better"; "menos es mejor"),
    }
}

/// What some numbers of clients have in common.
fn result(lang: Lang, drivers: &[&Driver], group: &[(usize, Verdict)]) -> String {
    let factor = factor(lang, group);
    match &group[0].1 {
        Verdict::Better { leaders, .. } => {
            let names = named(lang, drivers, leaders);
            match leaders.len() {
                1 => say!(lang, "{names} is better by {factor}"; "{names} es mejor por {factor}"),
                _ => say!(lang, "{names} are better by {factor}"; "{names} son mejores por {factor}"),
            }
        }
        Verdict::Close => {
            say!(lang, "the modes differ by less than a tenth"; "los modos difieren en menos de un décimo")
        }
        Verdict::Unclear { best, worst, rounds, .. } => {
            let [best, worst] = [best, worst].map(|mode| drivers[*mode].noun.in_lang(lang));
            say!(lang,
                "{rounds} rounds cannot tell the modes apart, though in the median {best} is better than {worst} by {factor}";
                "{rounds} rondas no bastan para distinguir los modos, aunque en la mediana {best} es mejor que {worst} por \
                 {factor}")
        }
    }
}

/// The range of the factors.
fn factor(lang: Lang, group: &[(usize, Verdict)]) -> String {
    let times = group.iter().filter_map(|(_, verdict)| match verdict {
        Verdict::Better { times, .. } | Verdict::Unclear { times, .. } => Some(*times),
        Verdict::Close => None,
    });
    let (low, high) = times.fold((f64::MAX, 0.0), |(low, high): (f64, f64), times| (low.min(times), high.max(times)));
    let [low, high] = [low, high].map(|times| numbers::fixed(lang, times, 1));
    match low == high {
        true => say!(lang, "a factor of {low}"; "un factor de {low}"),
        false => say!(lang, "factors of {low} to {high}"; "factores de {low} a {high}"),
    }
}

/// A sentence about the number of clients at which the leaders in deliveries change.
fn turning_point(lang: Lang, drivers: &[&Driver], sweep: &[Row]) -> Option<String> {
    let decided = |row: &Row| match row.verdict(Metric::Deliveries)? {
        Verdict::Better { leaders, .. } => Some((row.clients, leaders)),
        Verdict::Close | Verdict::Unclear { .. } => None,
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
            "Wherever one mode delivers clearly more than another, it is {name}.";
            "Donde un modo entrega claramente más que otro, es {name}.")),
        _ => Some(say!(lang,
            "Wherever some modes deliver clearly more than others, they are {name}.";
            "Donde unos modos entregan claramente más que otros, son {name}.")),
    }
}

fn in_scene(lang: Lang, which: Scene, row: &Row, comparison: &Comparison) -> Option<String> {
    let metric_of = which.metric();
    let verdict = row.verdict(metric_of)?;
    let value = |(mode, driver): (usize, &&Driver)| {
        let spread = row.spread(mode, metric_of)?;
        let (value, name) = (metric_of.format()(lang, spread.median), driver.noun.in_lang(lang));
        Some(say!(lang, "{value} with {name}"; "{value} con {name}"))
    };
    let values = comparison.drivers.iter().enumerate().filter_map(value).collect::<Vec<_>>().join(", ");
    let (name, what) = (which.title(), metric(lang, metric_of));
    let name = name.in_lang(lang);
    let mut text = say!(lang, "Scene \"{name}\", {what}: {values}"; "Escena «{name}», {what}: {values}");
    text += &match verdict {
        Verdict::Close => {
            say!(lang, " (a difference of less than a tenth)."; " (una diferencia de menos de un décimo).")
        }
        Verdict::Unclear { rounds, .. } => say!(lang,
            " ({rounds} rounds cannot tell the modes apart).";
            " ({rounds} rondas no bastan para distinguir los modos)."),
        Verdict::Better { leaders, .. } => {
            let names = named(lang, &comparison.drivers, &leaders);
            match leaders.len() {
                1 => say!(lang, " ({names} is better)."; " ({names} es mejor)."),
                _ => say!(lang, " ({names} are better)."; " ({names} son mejores)."),
            }
        }
    };
    // The cost of the disturbance, compared with the same scene without it.
    let without = match which {
        Scene::FrozenConsole => Scene::Talk,
        Scene::SlowReader => Scene::Burst,
        _ => return Some(text),
    };
    let (_, calm) = comparison.scenes.iter().find(|(scene, _)| *scene == without)?;
    let cost = |(mode, driver): (usize, &&Driver)| {
        let (name, cost) = (driver.noun.in_lang(lang), cost(lang, metric_of, &calm.modes[mode], &row.modes[mode])?);
        Some(say!(lang, "{name} is {cost}"; "{name} es {cost}"))
    };
    let costs = comparison.drivers.iter().enumerate().filter_map(cost).collect::<Vec<_>>().join("; ");
    let without = without.title();
    let without = without.in_lang(lang);
    if !costs.is_empty() {
        text += &say!(lang, " Compared with \"{without}\": {costs}."; " Frente a «{without}»: {costs}.");
    }
    Some(text)
}

/// How much slower a driver is with the disturbance.
fn cost(lang: Lang, metric: Metric, calm: &[Figures], troubled: &[Figures]) -> Option<String> {
    let (won, lost) = (duel(metric, calm, troubled)?, duel(metric, troubled, calm)?);
    let (rounds, times) = (won.rounds, won.times);
    let factor = numbers::fixed(lang, times, 1);
    Some(match times {
        _ if lost.is_won() => say!(lang, "not slower"; "igual de rápido"),
        _ if won.is_close() => say!(lang, "slower by less than a tenth"; "más lento en menos de un décimo"),
        _ if !won.is_won() && times < 1.0 => say!(lang,
            "not slower in the median, but slower in some of {rounds} rounds";
            "igual de rápido en la mediana, pero más lento en alguna de las {rounds} rondas"),
        _ if !won.is_won() => say!(lang,
            "{factor} x slower in the median, but not in each of {rounds} rounds";
            "{factor} veces más lento en la mediana, pero no en cada una de las {rounds} rondas"),
        _ if !times.is_finite() => say!(lang, "at a standstill"; "incapaz de seguir"),
        ..1.95 => {
            let part = numbers::whole_percent(lang, times - 1.0);
            say!(lang, "{part} slower"; "un {part} más lento")
        }
        _ => say!(lang, "{factor} x slower"; "{factor} veces más lento"),
    })
}

pub(crate) fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::figures::Figures;
    use super::*;

    fn row(clients: usize, epoll: [f64; 3], threaded: [f64; 3]) -> Row {
        let of = |values: [f64; 3]| {
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
            row(2, [10.0, 11.0, 10.0], [20.0, 21.0, 20.0]),
            row(6, [10.0, 41.0, 10.0], [20.0, 22.0, 21.0]),
            row(7, [20.0, 20.0, 20.0], [20.0, 21.0, 20.0]),
            row(16, [40.0, 41.0, 40.0], [20.0, 20.5, 20.0]),
            row(64, [80.0, 81.0, 80.0], [20.0, 20.5, 20.0]),
        ];
        let said = by_size(Lang::En, Metric::Deliveries, &drivers(), &sweep).expect("a sentence");
        assert_eq!(
            said,
            "Deliveries per second: with 2 clients, a thread per client is better by a factor of 2.0; with 6 clients, 3 rounds \
             cannot tell the modes apart, though in the median a thread per client is better than the event loop by a factor \
             of 2.1; with 7 clients, the modes differ by less than a tenth; with 16 to 64 clients, the \
             event loop is better by factors of 2.0 to 4.0."
        );
        let said = turning_point(Lang::En, &drivers(), &sweep).expect("a sentence");
        assert_eq!(said, "The best mode changes between 2 and 16 clients: from a thread per client to the event loop.");
        assert!(turning_point(Lang::Es, &drivers(), &sweep[..1]).expect("a sentence").contains("un hilo por cliente"));
    }

    #[test]
    fn a_cost_is_told_only_if_every_round_agrees() {
        let cost = |calm, troubled| {
            let row = row(6, calm, troubled);
            cost(Lang::En, Metric::Deliveries, &row.modes[0], &row.modes[1]).expect("a cost")
        };
        assert_eq!(cost([20.0, 21.0, 22.0], [10.0, 10.5, 11.0]), "2.0 x slower");
        assert_eq!(cost([20.0, 21.0, 22.0], [30.0, 31.0, 32.0]), "not slower");
        assert_eq!(cost([20.0, 21.0, 22.0], [22.0, 21.0, 20.0]), "slower by less than a tenth");
        assert!(
            cost([20.0, 21.0, 22.0], [30.0, 10.0, 10.0])
                .starts_with("2.1 x slower in the median, but not in each of 3")
        );
        assert_eq!(
            cost([20.0, 21.0, 22.0], [30.0, 31.0, 18.0]),
            "not slower in the median, but slower in some of 3 rounds"
        );
        assert_eq!(cost([20.0, 21.0, 22.0], [0.0; 3]), "at a standstill");
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert_eq!(by_size(Lang::En, Metric::Cpu, &drivers(), &[row(2, [1.0; 3], [2.0; 3])]), None);
    }
}
