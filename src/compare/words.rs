//! What to notice, in English and Spanish. Which sentence is said, and every figure in it, comes from what was measured.

use super::figures::{Metric, Row, Spread, Verdict};
use super::scenes::Scene;
use super::talk::PerLine;
use super::{Comparison, MODES};
use crate::chat::Lang;
use crate::page::numbers;

/// A text in the language asked for. Both stand side by side: one that is missing does not compile.
macro_rules! say {
    ($lang:expr, $en:literal; $es:literal) => {
        match $lang {
            Lang::En => format!($en),
            Lang::Es => format!($es),
        }
    };
}
pub(super) use say;

/// A mode as a sentence calls it.
fn named(lang: Lang, mode: usize) -> &'static str {
    match (lang, MODES[mode]) {
        (Lang::En, "epoll") => "the event loop",
        (Lang::En, _) => "a thread per client",
        (Lang::Es, "epoll") => "el bucle de eventos",
        (Lang::Es, _) => "un hilo por cliente",
    }
}

pub fn metric(lang: Lang, metric: Metric) -> String {
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

pub fn scene(lang: Lang, scene: Scene) -> String {
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
pub fn findings(lang: Lang, comparison: &Comparison) -> Vec<String> {
    let mut said = Vec::new();
    if let [epoll, threaded] = &comparison.talks[..] {
        said.push(per_line(lang, &epoll.per_line, &threaded.per_line));
        said.push(alone(lang, &epoll.per_line, &threaded.per_line));
    }
    for metric in [Metric::RoundTrip, Metric::Deliveries, Metric::Cpu, Metric::Memory] {
        said.extend(by_size(lang, metric, &comparison.sweep));
    }
    said.extend(turning_point(lang, &comparison.sweep));
    for (scene, row) in comparison.scenes.iter().filter(|(scene, _)| *scene != Scene::Talk) {
        said.extend(in_scene(lang, *scene, row, comparison));
    }
    said
}

fn per_line(lang: Lang, epoll: &PerLine, threaded: &PerLine) -> String {
    let decimal = |value: f64| format!("{:.1}", value).trim_end_matches(".0").to_owned();
    let calls = |line: &PerLine| {
        let mut calls: Vec<_> = line.system_calls.iter().collect();
        calls.sort_by(|a, b| b.1.total_cmp(a.1));
        let calls: Vec<_> = calls.into_iter().map(|(name, times)| format!("{} {name}", decimal(*times))).collect();
        format!("{} ({})", decimal(line.calls()), calls.join(", "))
    };
    let (a, b) = (calls(epoll), calls(threaded));
    let (wakes_a, wakes_b) = (decimal(epoll.wake_ups), decimal(threaded.wake_ups));
    let (locks, waits) = (decimal(threaded.locks), decimal(threaded.lock_waits));
    say!(lang,
        "One line to five others, on average. The event loop: system calls {a}; wake-ups {wakes_a}. A thread per client: system \
         calls {b}; wake-ups {wakes_b}; the room's lock taken {locks}, waited for {waits}.";
        "Una línea para otros cinco, de media. El bucle de eventos: llamadas al sistema {a}; despertares {wakes_a}. Un hilo por \
         cliente: llamadas al sistema {b}; despertares {wakes_b}; llave de la sala tomada {locks}, esperada {waits}.")
}

/// How long a line takes when nobody else talks. One is called quicker only if most of its lines are quicker than most of the
/// other's.
fn alone(lang: Lang, epoll: &PerLine, threaded: &PerLine) -> String {
    let time = |line: &PerLine| {
        let micros = |value: f64| numbers::nanos(value * 1e3);
        let (low, high) = line.micros_middle_half;
        format!("{} ({} … {})", micros(line.micros), micros(low), micros(high))
    };
    let (a, b) = (time(epoll), time(threaded));
    let mut text = say!(lang,
        "A line that is said while nobody else talks is in its last receiver's socket after {a} with the event loop, after {b} \
         with a thread per client; in parentheses, the middle half of them.";
        "Una línea dicha mientras nadie más habla está en el socket de su último receptor tras {a} con el bucle de eventos, tras \
         {b} con un hilo por cliente; entre paréntesis, la mitad central.");
    let (epoll, threaded) = (epoll.micros_middle_half, threaded.micros_middle_half);
    text += &match (epoll.1 < threaded.0, threaded.1 < epoll.0) {
        (true, _) => say!(lang, " The event loop is quicker."; " El bucle de eventos es más rápido."),
        (_, true) => say!(lang, " A thread per client is quicker."; " Un hilo por cliente es más rápido."),
        _ => say!(lang, " That is a tie."; " Es un empate."),
    };
    text
}

/// Neighbouring numbers of clients with the same winner are told together.
fn by_size(lang: Lang, which: Metric, sweep: &[Row]) -> Option<String> {
    /// Numbers of clients, by how many times the winner was better with each.
    struct Group {
        winner: Option<usize>,
        clients: Vec<usize>,
        times: f64,
    }
    let mut groups: Vec<Group> = Vec::new();
    for row in sweep {
        let Some(Verdict { winner, times }) = row.verdict(which) else { continue };
        match groups.last_mut().filter(|group| group.winner == winner) {
            Some(group) => {
                group.clients.push(row.clients);
                group.times = group.times.max(times);
            }
            None => groups.push(Group { winner, clients: vec![row.clients], times }),
        }
    }
    if groups.is_empty() {
        return None;
    }
    let part = |Group { winner, clients, times }: &Group| {
        let (first, last) = (clients[0], clients[clients.len() - 1]);
        let clients = match first == last {
            true => say!(lang, "with {first} clients"; "con {first} clientes"),
            false => say!(lang, "with {first} to {last} clients"; "con {first} a {last} clientes"),
        };
        match winner {
            None => say!(lang, "{clients} a tie"; "{clients} un empate"),
            Some(mode) => {
                let name = named(lang, *mode);
                say!(lang,
                    "{clients} {name} is better, by up to {times:.1} times";
                    "{clients} gana {name}, hasta {times:.1} veces")
            }
        }
    };
    let parts: Vec<_> = groups.iter().map(part).collect();
    let (metric, parts) = (capital(&metric(lang, which)), parts.join("; "));
    Some(format!("{metric}: {parts}."))
}

/// Where the one that delivers more is another.
fn turning_point(lang: Lang, sweep: &[Row]) -> Option<String> {
    let winners: Vec<(usize, usize)> =
        sweep.iter().filter_map(|row| Some((row.clients, row.verdict(Metric::Deliveries)?.winner?))).collect();
    let change = winners.windows(2).find(|pair| pair[0].1 != pair[1].1);
    Some(match (change, winners.first()) {
        (Some(pair), _) => {
            let (from, to) = (pair[0].0, pair[1].0);
            let (before, after) = (named(lang, pair[0].1), named(lang, pair[1].1));
            say!(lang,
                "The winner changes between {from} and {to} clients: from {before} to {after}.";
                "El ganador cambia entre {from} y {to} clientes: de {before} a {after}.")
        }
        (None, Some((_, winner))) => {
            let name = named(lang, *winner);
            say!(lang,
                "Wherever one delivers more beyond doubt, it is {name}.";
                "Donde uno entrega más sin duda alguna, es {name}.")
        }
        (None, None) => say!(lang,
            "Nowhere does one deliver more beyond doubt.";
            "En ninguna parte entrega uno más sin duda alguna."),
    })
}

fn in_scene(lang: Lang, which: Scene, row: &Row, comparison: &Comparison) -> Option<String> {
    let metric_of = which.metric();
    let verdict = row.verdict(metric_of)?;
    let value = |mode| row.spread(mode, metric_of).map(|spread| metric_of.format()(spread.median)).unwrap_or_default();
    let (name, what, a, b) = (which.name(), metric(lang, metric_of), value(0), value(1));
    let (one, other) = (named(lang, 0), named(lang, 1));
    let mut text = say!(lang, "{name}: {what} is {a} with {one}, {b} with {other}"; "{name}: {what}: {a} con {one}, {b} con {other}");
    text += &match verdict.winner {
        None => say!(lang, " (a tie)."; " (un empate)."),
        Some(mode) => {
            let name = named(lang, mode);
            say!(lang, " ({name} is better)."; " (gana {name}).")
        }
    };
    // What the trouble costs, against the same without it.
    let without = match which {
        Scene::FrozenConsole => Scene::Talk,
        Scene::SlowReader => Scene::Burst,
        _ => return Some(text),
    };
    let (_, calm) = comparison.scenes.iter().find(|(scene, _)| *scene == without)?;
    for mode in 0..MODES.len() {
        let (troubled, calm) = (row.spread(mode, metric_of)?, calm.spread(mode, metric_of)?);
        let (name, cost) = (named(lang, mode), cost(lang, metric_of, troubled, calm));
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
            let part = format!("{:.0} %", (worse - 1.0) * 100.0);
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
        Row { clients, modes: [of(epoll), of(threaded)] }
    }

    #[test]
    fn the_same_winner_is_told_once_and_a_change_is_told() {
        let sweep = [
            row(2, [10.0, 11.0], [20.0, 21.0]),
            row(6, [10.0, 21.0], [20.0, 22.0]),
            row(16, [40.0, 41.0], [20.0, 20.5]),
            row(64, [80.0, 81.0], [20.0, 20.5]),
        ];
        let said = by_size(Lang::En, Metric::Deliveries, &sweep).expect("a sentence");
        assert_eq!(
            said,
            "Deliveries a second: with 2 clients a thread per client is better, by up to 1.9 times; with 6 clients a tie; \
             with 16 to 64 clients the event loop is better, by up to 4.0 times."
        );
        let said = turning_point(Lang::En, &sweep).expect("a sentence");
        assert_eq!(said, "The winner changes between 2 and 16 clients: from a thread per client to the event loop.");
        assert!(turning_point(Lang::Es, &sweep[..1]).expect("a sentence").contains("un hilo por cliente"));
    }

    #[test]
    fn nothing_measured_is_nothing_said() {
        assert_eq!(by_size(Lang::En, Metric::Cpu, &[row(2, [1.0, 1.0], [2.0, 2.0])]), None);
    }
}
