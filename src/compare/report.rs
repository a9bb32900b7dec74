//! Formats the result as a page, and as JSON.

use super::Comparison;
use super::figures::{Metric, Row};
use super::headlines::headlines;
use super::messages;
use crate::host::Origin;
use crate::page::{Axis, Chart, Kind, Page, Point, Series, Stroke};
use crate::text::{Lang, numbers, say};
use crate::trace::page;
use serde_json::{Value, json};

/// The page. It begins in `lang`, and can be switched to the other language.
pub(crate) fn html(comparison: &Comparison, lang: Lang) -> String {
    let traces: Vec<_> = comparison.talks.iter().map(|talk| &talk.trace).collect();
    let report =
        Lang::ALL.map(|lang| format!("<article lang=\"{}\">\n{}</article>\n", lang.code(), text(comparison, lang)));
    page::with_report(&traces, lang, &report.concat())
}

fn text(comparison: &Comparison, lang: Lang) -> String {
    let mut page = Page::new(lang, &say!(lang, "What to notice"; "En qué fijarse"));
    let flawed = rows(comparison).any(|row| row.modes.iter().flatten().any(|figures| !figures.flawless));
    if flawed {
        page.warning(&say!(lang,
            "In at least one run, not every line reached every client once and in order. Do not trust this comparison.";
            "En alguna medición no todas las líneas llegaron a todos una vez y en orden. No te fíes de esta comparación."));
    }
    page.findings(&headlines(lang, comparison));
    page.folded(&say!(lang, "All findings, in sentences"; "Todos los hallazgos, en frases"), |page| {
        messages::findings(lang, comparison).iter().for_each(|finding| page.paragraph(finding));
    });
    page.heading(&say!(lang, "As the number of clients grows"; "Según crece el número de clientes"));
    page.paragraph(&say!(lang,
        "All clients talk. Each client sends its next line when its previous line has reached all others. A mark is the median \
         of the rounds. The whiskers are the best and the worst round. Memory is shown for 50 clients and more: with fewer, \
         most of it is what a server sets up once.";
        "Todos los clientes hablan. Cada uno envía su línea siguiente cuando la anterior ha llegado a todos los demás. Cada marca \
         es la mediana de las rondas. Los bigotes son la mejor y la peor ronda. La memoria se muestra desde 50 clientes: con \
         menos, casi toda es la que el servidor prepara una sola vez."));
    let metrics =
        [Metric::RoundTrip, Metric::RoundTripP99, Metric::Deliveries, Metric::Cpu, Metric::Memory, Metric::Threads];
    let charts: Vec<_> = metrics.iter().map(|metric| chart(lang, *metric, comparison)).collect();
    page.charts(&charts.into_iter().filter(|chart| !chart.is_empty()).collect::<Vec<_>>());
    page.heading(&say!(lang, "In figures"; "En cifras"));
    page.folded(
        &say!(lang, "One line, from one client to five others"; "Una línea, de un cliente a otros cinco"),
        |page| {
            page.table(&head(lang, comparison), &per_line(lang, comparison));
        },
    );
    page.folded(&say!(lang, "Six scenes"; "Seis escenas"), |page| {
        page.table(&head(lang, comparison), &scenes(lang, comparison));
    });
    page.heading(&say!(lang, "How it was measured"; "Cómo se midió"));
    let (rounds, millis) = (comparison.plan.rounds, comparison.plan.duration.as_millis());
    let measured = say!(lang,
        "the modes in turn, in {rounds} rounds of {millis} ms each";
        "los modos por turnos, en {rounds} rondas de {millis} ms cada una");
    page.origin(&Origin::here(), &[(&say!(lang, "measured"; "medido"), measured)]);
    page.paragraph(&colophon(lang, comparison));
    page.body().to_owned()
}

fn rows(comparison: &Comparison) -> impl Iterator<Item = &Row> {
    comparison.sweep.iter().chain(comparison.scenes.iter().map(|(_, row)| row))
}

fn head(lang: Lang, comparison: &Comparison) -> Vec<String> {
    let modes = comparison.drivers.iter().map(|driver| driver.name.to_owned());
    std::iter::once(say!(lang, "figure"; "medida")).chain(modes).collect()
}

fn per_line(lang: Lang, comparison: &Comparison) -> Vec<Vec<String>> {
    let lines: Vec<_> = comparison.talks.iter().map(|talk| &talk.per_line).collect();
    let decimal = |value: f64| numbers::fixed(lang, value, 1);
    let row = |name: String, cell: &dyn Fn(&super::talk::PerLine) -> String| {
        std::iter::once(name).chain(lines.iter().map(|line| cell(line))).collect::<Vec<_>>()
    };
    let mut rows = vec![row(say!(lang, "system calls"; "llamadas al sistema"), &|line| decimal(line.calls()))];
    let mut names: Vec<_> = lines.iter().flat_map(|line| line.system_calls.keys()).collect();
    names.sort();
    names.dedup();
    for name in names {
        rows.push(row(format!("– {name}"), &|line| {
            line.system_calls.get(name).map_or("–".into(), |times| decimal(*times))
        }));
    }
    rows.push(row(say!(lang, "wake-ups of sleeping threads"; "despertares de hilos dormidos"), &|line| {
        decimal(line.wake_ups)
    }));
    rows.push(row(
        say!(lang, "context switches, counted by the kernel"; "cambios de contexto, según el núcleo"),
        &|line| line.context_switches.map_or("–".into(), decimal),
    ));
    rows.push(row(say!(lang, "times the room's lock is taken"; "veces que se toma el cerrojo de la sala"), &|line| {
        decimal(line.locks)
    }));
    rows.push(row(
        say!(lang, "times a thread waits for the room's lock"; "veces que un hilo espera el cerrojo de la sala"),
        &|line| decimal(line.lock_waits),
    ));
    rows.push(row(
        say!(lang, "time from waking to the last receiver's socket"; "tiempo del despertar al socket del último receptor"),
        &|line| numbers::nanos(lang, line.micros * 1e3),
    ));
    rows
}

fn chart(lang: Lang, metric: Metric, comparison: &Comparison) -> Chart {
    let sweep = &comparison.sweep;
    let series = comparison.drivers.iter().enumerate().map(|(mode, driver)| Series {
        name: driver.name.into(),
        colour: mode,
        stroke: Stroke::Solid,
        points: sweep.iter().filter_map(|row| Point::of(row.clients as f64, row.values(mode, metric))).collect(),
    });
    let ticks = sweep.iter().map(|row| row.clients as f64).collect();
    let name = messages::capital(&messages::metric(lang, metric));
    let note = messages::direction(lang, metric);
    Chart {
        title: name,
        note: String::new(),
        x: Axis::new(lang, &say!(lang, "clients"; "clientes"), Kind::Log, |_, clients| format!("{clients}"))
            .with_ticks(ticks),
        y: Axis { steps: metric.steps(), ..Axis::new(lang, &note, Kind::Log, metric.format()) },
        series: series.filter(|series| !series.points.is_empty()).collect(),
    }
}

fn scenes(lang: Lang, comparison: &Comparison) -> Vec<Vec<String>> {
    let cell = |row: &Row, mode: usize, metric: Metric| match row.spread(mode, metric) {
        None => "–".into(),
        Some(spread) => {
            let format = metric.format();
            let [median, low, high] = [spread.median, spread.low, spread.high].map(|value| format(lang, value));
            if low == high { median } else { format!("{median} ({low} … {high})") }
        }
    };
    let mut rows = Vec::new();
    for (scene, row) in &comparison.scenes {
        let first = scene.metric();
        let others = [Metric::RoundTripP99, Metric::Memory, Metric::Threads];
        let metrics = std::iter::once(first).chain(others.into_iter().filter(|metric| *metric != first));
        let known = metrics.filter(|metric| (0..row.modes.len()).any(|mode| row.spread(mode, *metric).is_some()));
        for (i, metric) in known.enumerate() {
            let cells: Vec<String> = (0..row.modes.len()).map(|mode| cell(row, mode, metric)).collect();
            let (name, what, clients) = (scene.title(), messages::scene(lang, *scene), row.clients);
            let name = name.in_lang(lang);
            let metric = messages::metric(lang, metric);
            let title = match i {
                0 => {
                    say!(lang, "{name} ({what}; {clients} clients): {metric}"; "{name} ({what}; {clients} clientes): {metric}")
                }
                _ => format!("– {metric}"),
            };
            rows.push(std::iter::once(title).chain(cells).collect());
        }
    }
    rows
}

fn colophon(lang: Lang, comparison: &Comparison) -> String {
    let busy =
        rows(comparison).flat_map(|row| row.modes.iter().flatten()).filter(|figures| figures.generator_is_the_limit);
    let (busy, runs) = (busy.count(), comparison.plan.runs());
    let mut text = say!(lang,
        "The clients run on the same machine. A mode is called better only if it was better in every round, and by a tenth or more in the \
         median. In three rounds chance alone puts all on one side in one of four comparisons, in five rounds in one of sixteen.";
        "Los clientes se ejecutan en la misma máquina. Solo se dice que un modo es mejor si lo fue en todas las rondas, y por un décimo \
         o más en la mediana. En tres rondas el azar las pone todas del mismo lado en una de cada cuatro comparaciones; en cinco, \
         en una de cada dieciséis.");
    if busy > 0 {
        text += &say!(lang,
            " In {busy} of {runs} runs the load generator was saturated: there the server may be better than the figures show.";
            " En {busy} de {runs} mediciones el generador de carga estaba saturado: el servidor puede ser mejor de lo que indican \
             las cifras.");
    }
    text
}

/// The result for programs. Unless a name says otherwise, times are in nanoseconds and memory is in bytes.
pub(crate) fn json(comparison: &Comparison, lang: Lang) -> Value {
    let host = Origin::here();
    let by_name = |values: Vec<Value>| -> serde_json::Map<String, Value> {
        comparison.drivers.iter().map(|driver| driver.name.to_owned()).zip(values).collect()
    };
    let by_mode = |row: &Row| by_name(row.modes.iter().map(|rounds| json!(rounds)).collect());
    let talks = by_name(comparison.talks.iter().map(|talk| json!(talk.per_line)).collect());
    let sweep: Vec<_> =
        comparison.sweep.iter().map(|row| json!({ "clients": row.clients, "rounds": by_mode(row) })).collect();
    let scenes = comparison.scenes.iter();
    let scenes: Vec<_> =
        scenes.map(|(scene, row)| json!({ "scene": scene, "clients": row.clients, "rounds": by_mode(row) })).collect();
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "processor": host.processor(Lang::En),
        "system": host.system,
        "seconds_a_round": comparison.plan.duration.as_secs_f64(),
        "per_line": talks,
        "by_clients": sweep,
        "scenes": scenes,
        "findings": messages::findings(lang, comparison),
    })
}
