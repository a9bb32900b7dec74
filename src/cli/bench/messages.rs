//! What bench says about its measurements, in English and Spanish.

use super::campaign::{Cell, Cores};
use super::report::LATE;
use crate::load::rounds::Duel;
use crate::load::{Faults, Outcome, Pace, Scenario};
use crate::page::Point;
use crate::text::{Bilingual, Lang, numbers, say};

pub(super) const CHECKED: Bilingual = Bilingual::new(
    "What is checked: every receiver must get each line once, unchanged, in its sender's order and under its \
     sender's name.",
    "Qué se comprueba: cada receptor tiene que recibir cada línea una sola vez, sin cambios, en el orden de su emisor y con el \
     nombre de su emisor.",
);

// What cannot be done.

pub(super) fn too_many_talkers(talkers: usize, clients: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{talkers} of {clients} clients cannot talk; use --talkers {clients} or less, or more --clients";
            "no pueden hablar {talkers} de {clients} clientes; usa --talkers {clients} o menos, o más --clients")
    })
}

pub(super) fn no_process(pid: u32) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "there is no process {pid} that can be measured; find the PID with pgrep -a";
            "no hay ningún proceso {pid} que se pueda medir; busca el PID con pgrep -a")
    })
}

pub(super) fn no_descriptors(clients: usize, needed: u64, limit: u64, fits: u64) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{clients} clients need {needed} file descriptors and the limit is {limit}; raise it (ulimit -n {needed}, as root) or \
             use --clients {fits}";
            "{clients} clientes necesitan {needed} descriptores de fichero y el límite es {limit}; súbelo (ulimit -n {needed}, como \
             root) o usa --clients {fits}")
    })
}

pub(super) fn no_ports(clients: usize, ports: usize) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{clients} clients need one local port each, and there are {ports}; run sysctl -w \
             net.ipv4.ip_local_port_range=\"1024 65535\" as root, or use --clients {ports}";
            "{clients} clientes necesitan un puerto local cada uno y hay {ports}; ejecuta sysctl -w \
             net.ipv4.ip_local_port_range=\"1024 65535\" como root o usa --clients {ports}")
    })
}

pub(super) fn not_flawless(server: &str) -> Bilingual {
    Bilingual::of(|lang| {
        say!(lang,
            "{server}: the server did not deliver every line once, in order and unchanged";
            "{server}: el servidor no entregó cada línea una sola vez, en orden y sin cambios")
    })
}

// The load.

pub(super) fn progress(lang: Lang, server: &str, clients: usize, round: usize, rounds: usize) -> String {
    say!(lang,
        "{server}, {clients} clients, round {round} of {rounds}";
        "{server}, {clients} clientes, ronda {round} de {rounds}")
}

pub(super) fn cores(cores: Cores) -> Bilingual {
    match cores {
        Cores::Free => Bilingual::new("chosen by the system", "los que elige el sistema"),
        Cores::Same => Bilingual::new("one core for both", "un mismo núcleo para ambos"),
        Cores::Apart => Bilingual::new("separate cores", "núcleos distintos"),
    }
}

/// A load in words.
pub(super) fn describe(lang: Lang, scenario: &Scenario) -> String {
    let Scenario { clients, talkers, idle, line_len, .. } = scenario;
    let pace = match scenario.pace {
        Pace::Window(1) => say!(lang,
            "closed loop with 1 line in flight per talker";
            "bucle cerrado con 1 línea en vuelo por cliente que habla"),
        Pace::Window(lines) => say!(lang,
            "closed loop with {lines} lines in flight per talker";
            "bucle cerrado con {lines} líneas en vuelo por cliente que habla"),
        Pace::Rate(rate) => say!(lang,
            "open loop with {rate} lines per second in total";
            "bucle abierto con {rate} líneas por segundo en total"),
    };
    let who = match talkers {
        _ if talkers == clients => say!(lang, "{clients} clients, all talk"; "{clients} clientes, todos hablan"),
        1 => say!(lang, "{clients} clients, 1 talks"; "{clients} clientes, habla 1"),
        _ => say!(lang, "{clients} clients, {talkers} talk"; "{clients} clientes, hablan {talkers}"),
    };
    let idle = match idle {
        0 => String::new(),
        _ => say!(lang, "; {idle} more only read"; "; otros {idle} solo leen"),
    };
    say!(lang, "{who}{idle}; lines of {line_len} bytes; {pace}"; "{who}{idle}; líneas de {line_len} bytes; {pace}")
}

pub(super) fn median_of(lang: Lang, rounds: usize) -> String {
    match rounds {
        1 => String::new(),
        _ => say!(lang, "; median of {rounds} rounds"; "; mediana de {rounds} rondas"),
    }
}

/// A median and the range around it.
pub(super) fn range(lang: Lang, median: &str, low: &str, high: &str) -> String {
    say!(lang, "{median} ({low} to {high})"; "{median} ({low} a {high})")
}

// The result.

/// Whether every line arrived.
pub(super) fn verdict(lang: Lang, cell: &Cell) -> String {
    let mut faults = Faults::default();
    cell.rounds.iter().for_each(|round| faults += round.faults);
    let counts = [
        (faults.lost, Bilingual::new("lost", "perdidas")),
        (faults.duplicate, Bilingual::new("duplicate", "duplicadas")),
        (faults.reordered, Bilingual::new("out of order", "desordenadas")),
        (faults.malformed, Bilingual::new("malformed", "dañadas")),
        (faults.mislabelled, Bilingual::new("mislabelled", "con otro nombre")),
    ];
    let found = counts.iter().filter(|(count, _)| *count > 0);
    let mut found: Vec<_> = found.map(|(count, what)| format!("{count} {}", what.in_lang(lang))).collect();
    if cell.rounds.iter().any(|round| !round.troubles.is_empty()) {
        found.push(say!(lang, "connections closed"; "conexiones cerradas"));
    }
    if found.is_empty() { say!(lang, "each once, in order"; "una vez, en orden") } else { found.join(", ") }
}

/// Sentences that say which server is better than which others. `None` if a server has one round only, has not delivered
/// every line, or was limited by the load generator.
pub(super) fn winner(lang: Lang, cells: &[&Cell]) -> Option<String> {
    if cells.iter().any(|cell| cell.rounds.len() < 2 || !cell.is_flawless() || cell.generator_is_the_limit()) {
        return None;
    }
    // In an open loop all servers deliver what they are given, so the one with the lower latency is better.
    let is_open = matches!(cells[0].scenario.pace, Pace::Rate(_));
    let score = |round: &Outcome| match is_open {
        true => (!round.latency.is_empty()).then(|| 1.0 / round.latency.value_at_quantile(0.5) as f64),
        false => Some(round.deliveries_per_second()),
    };
    let scores = cells.iter().map(|cell| (cell.server.as_str(), cell.rounds.iter().map(score).collect()));
    compare(lang, scores.collect(), if is_open { faster } else { more })
}

fn faster(lang: Lang, times: f64) -> String {
    let times = numbers::fixed(lang, times, 2);
    say!(lang, "its latency is {times} x lower"; "su latencia es {times} veces menor")
}

fn more(lang: Lang, times: f64) -> String {
    let times = numbers::fixed(lang, times, 2);
    say!(lang, "it delivers {times} x as many lines"; "entrega {times} veces más líneas")
}

/// Compares the server with the best median with each other one, by the rule of [`Duel`].
fn compare(lang: Lang, mut scores: Vec<(&str, Vec<Option<f64>>)>, factor: fn(Lang, f64) -> String) -> Option<String> {
    let median = |scores: &[Option<f64>]| Point::of(0.0, scores.iter().flatten().copied()).map_or(0.0, |point| point.y);
    scores.sort_by(|(_, a), (_, b)| median(b).total_cmp(&median(a)));
    let [(best, of_best), others @ ..] = &scores[..] else { return None };
    let sentence = |(name, of_other): &(&str, Vec<Option<f64>>)| {
        let duel = Duel::of(of_best, of_other)?;
        let (Duel { rounds, won, .. }, factor) = (duel, factor(lang, duel.times));
        Some(if duel.is_won() {
            say!(lang,
                "{best} is better than {name} in each of {rounds} rounds: in the median {factor}.";
                "{best} es mejor que {name} en cada una de las {rounds} rondas: en la mediana {factor}.")
        } else if duel.is_close() {
            say!(lang,
                "{best} and {name} differ by less than a tenth in the median.";
                "{best} y {name} difieren en menos de un décimo en la mediana.")
        } else {
            say!(lang,
                "{rounds} rounds cannot tell {best} and {name} apart: {best} is better in {won} of {rounds} rounds, and in the \
                 median {factor}.";
                "{rounds} rondas no bastan para distinguir {best} de {name}: {best} es mejor en {won} de {rounds} rondas, y en \
                 la mediana {factor}.")
        })
    };
    let sentences: Vec<String> = others.iter().filter_map(sentence).collect();
    (!sentences.is_empty()).then(|| sentences.join(" "))
}

/// What a reader must know before trusting the figures.
pub(super) fn warnings(lang: Lang, cells: &[Cell]) -> Vec<String> {
    let mut warnings = Vec::new();
    for cell in cells {
        let (server, clients) = (&cell.server, cell.scenario.clients);
        let mut warn = |text: String| {
            warnings.push(say!(lang, "{server}, {clients} clients: {text}"; "{server}, {clients} clientes: {text}"));
        };
        if let Some(first) = cell.rounds.iter().find_map(|run| run.troubles.first()) {
            let first = first.in_lang(lang);
            warn(say!(lang, "{first}; the run ended early"; "{first}; la medición terminó antes de tiempo"));
        }
        if cell.rounds.iter().any(|run| run.faults.any()) {
            let verdict = verdict(lang, cell);
            warn(say!(lang,
                "not every line arrived as it should: {verdict}";
                "no todas las líneas llegaron como debían: {verdict}"));
        }
        if let Some((first, count)) = cell.strays() {
            warn(say!(lang,
                "{count} lines arrived that no client has sent: {first:?}";
                "llegaron {count} líneas que ningún cliente ha enviado: {first:?}"));
        }
        let late =
            |run: &Outcome| run.worst_and_median_receiver().filter(|(worst, median)| worst.p50 > LATE * median.p50);
        if let Some((worst, median)) = cell.rounds.iter().find_map(late) {
            let (number, worst, median) =
                (worst.client + 1, numbers::nanos(lang, worst.p50), numbers::nanos(lang, median.p50));
            warn(say!(lang,
                "client {number} gets lines late: its p50 is {worst}, that of the median receiver is {median}";
                "el cliente {number} recibe las líneas tarde: su p50 es {worst}; la del receptor mediano, {median}"));
        }
        if cell.generator_is_the_limit() {
            warn(say!(lang,
                "the load generator was saturated: these figures are its own limit, not the server's";
                "el generador de carga estaba saturado: estas cifras son su propio límite, no el del servidor"));
        }
    }
    if cfg!(debug_assertions) {
        warnings.push(say!(lang,
            "this is a debug build; measure a build made with `cargo build --release`";
            "esta es una compilación de depuración; mide una hecha con `cargo build --release`"));
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lang: Lang, servers: &[(&str, [f64; 3])]) -> String {
        let scores = servers.iter().map(|(name, scores)| (*name, scores.map(Some).to_vec())).collect();
        compare(lang, scores, more).expect("two servers")
    }

    #[test]
    fn a_factor_of_two_is_told_even_if_the_rounds_disagree() {
        let servers = [("epoll", [20.5, 45.0, 20.0]), ("threaded", [40.2, 41.0, 39.0])];
        assert_eq!(
            said(Lang::En, &servers),
            "3 rounds cannot tell threaded and epoll apart: threaded is better in 2 of 3 rounds, and in the median it \
             delivers 1.96 x as many lines."
        );
        assert!(said(Lang::Es, &servers).starts_with("3 rondas no bastan para distinguir threaded de epoll: "));
    }

    #[test]
    fn the_best_is_compared_with_each_other() {
        let servers = [("epoll", [20.0, 9.0, 21.0]), ("poll", [39.0, 18.1, 43.0]), ("threaded", [40.0, 18.0, 42.0])];
        assert_eq!(
            said(Lang::En, &servers),
            "threaded and poll differ by less than a tenth in the median. threaded is better than epoll in each of 3 rounds: \
             in the median it delivers 2.00 x as many lines."
        );
    }
}
