//! Formats the result as a page, and as JSON.

use super::Comparison;
use super::c10k::Level;
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
    if comparison.talks.is_empty() {
        return c10k_alone(comparison, lang);
    }
    let traces: Vec<_> = comparison.talks.iter().map(|talk| &talk.trace).collect();
    let both = |part: &dyn Fn(Lang) -> String| {
        Lang::ALL.map(|lang| format!("<article lang=\"{}\">\n{}</article>\n", lang.code(), part(lang))).concat()
    };
    page::with_report(&traces, lang, &both(&|lang| overview(comparison, lang)), &both(&|lang| text(comparison, lang)))
}

/// A row for each mode.
fn overview(comparison: &Comparison, lang: Lang) -> String {
    let modes = comparison.drivers.len();
    let mut page = Page::part(lang);
    page.paragraph(&say!(lang,
        "{modes} servers carry the same conversation, and wait in different ways. This is where each sleeps while nobody speaks, and \
         what it does for one line from one client to five others.";
        "{modes} servidores llevan la misma conversación y esperan de formas distintas. Esto es dónde duerme cada uno mientras nadie \
         habla, y qué hace por una línea de un cliente a otros cinco."));
    let head = [
        say!(lang, "mode"; "modo"),
        say!(lang, "threads"; "hilos"),
        say!(lang, "sleeps now in"; "duerme ahora en"),
        say!(lang, "system calls a line"; "llamadas por línea"),
        say!(lang, "switches a line"; "cambios por línea"),
        say!(lang, "processor time a line"; "procesador por línea"),
        say!(lang, "memory a client"; "memoria por cliente"),
    ];
    let known = |text: Option<String>| text.unwrap_or_else(|| "–".into());
    let rows = comparison.drivers.iter().enumerate().map(|(mode, driver)| {
        let per_line = &comparison.talks[mode].per_line;
        // While the six are alone.
        let asleep = comparison.c10k[mode].first().and_then(|level| level.asleep.as_ref());
        let sleeps = asleep.map(|asleep| {
            let calls = asleep.calls.iter().map(|(call, threads)| match threads {
                1 => call.clone(),
                threads => format!("{call} × {threads}"),
            });
            calls.collect::<Vec<_>>().join(", ")
        });
        let decimal = |value| numbers::fixed(lang, value, 1);
        vec![
            format!("{}: {}", driver.name, driver.title.in_lang(lang)),
            known(asleep.map(|asleep| asleep.threads.to_string())),
            known(sleeps.filter(|calls| !calls.is_empty())),
            decimal(per_line.calls()),
            known(per_line.context_switches.map(decimal)),
            known(cpu_per_line(comparison, mode).map(|nanos| numbers::nanos(lang, nanos))),
            known(messages::memory_per_client(&comparison.c10k[mode]).map(|bytes| numbers::bytes(lang, bytes))),
        ]
    });
    page.table(&head, &rows.collect::<Vec<_>>());
    page.body().to_owned()
}

/// The processor time for a line to five others, if six clients were measured.
fn cpu_per_line(comparison: &Comparison, mode: usize) -> Option<f64> {
    let row = comparison.sweep.iter().find(|row| row.clients == 6)?;
    Some(row.spread(mode, Metric::Cpu)?.median * 5.0)
}

/// The page of `--only c10k`.
fn c10k_alone(comparison: &Comparison, lang: Lang) -> String {
    let mut page = Page::new(lang, &c10k_title(lang));
    c10k(lang, comparison, &mut page);
    page.origin(&Origin::here(), &[]);
    page.html()
}

fn c10k_title(lang: Lang) -> String {
    say!(lang, "Beside thousands of silent clients"; "Junto a miles de clientes callados")
}

/// The C10k picture.
fn c10k(lang: Lang, comparison: &Comparison, page: &mut Page) {
    messages::c10k(lang, comparison).iter().for_each(|sentence| page.paragraph(sentence));
    page.paragraph(&say!(lang,
        "Six clients whisper to one another in turn, one line at a time, so a line has one receiver however many are there: what \
         grows is the cost of waiting, not that of delivering. The memory is the server's own; what the kernel holds for it is not \
         counted. Each mode is measured once at each number of clients: look at the shape of the lines, not at small differences.";
        "Seis clientes se susurran por turnos, una línea cada vez, así que cada línea tiene un receptor por muchos que haya: lo que \
         crece es el coste de esperar, no el de entregar. La memoria es la del propio servidor; no se cuenta la que el núcleo \
         guarda para él. Cada modo se mide una vez con cada número de clientes: fíjate en la forma de las líneas, no en las \
         diferencias pequeñas."));
    type Figure = fn(&Level) -> Option<f64>;
    let charts: [(String, Metric, Figure); 3] = [
        (say!(lang, "Processor time a line"; "Tiempo de procesador por línea"), Metric::Cpu, |level| {
            level.cpu_per_line
        }),
        (say!(lang, "Round trip of a line"; "Ida y vuelta de una línea"), Metric::RoundTrip, |level| {
            Some(level.round_trip)
        }),
        (say!(lang, "Memory of the server"; "Memoria del servidor"), Metric::Memory, |level| level.memory),
    ];
    let charts = charts.map(|(title, metric, figure)| {
        let point = |level: &Level| Point::of(level.silent as f64, [figure(level)?]);
        let series =
            comparison.drivers.iter().zip(&comparison.c10k).enumerate().map(|(mode, (driver, levels))| Series {
                name: driver.name.into(),
                colour: mode,
                stroke: Stroke::Solid,
                points: levels.iter().filter_map(point).collect(),
            });
        let silent = say!(lang, "silent clients"; "clientes callados");
        // Two of the numbers are too near to each other on the axis for a label each.
        let ticks = comparison.plan.silent.iter().map(|silent| *silent as f64).filter(|silent| *silent != 100.0);
        Chart {
            title,
            note: String::new(),
            x: Axis::new(lang, &silent, Kind::Linear, numbers::count).with_ticks(ticks.collect()),
            y: Axis {
                steps: metric.steps(),
                ..Axis::new(lang, &messages::direction(lang, metric), Kind::Log, metric.format())
            },
            series: series.filter(|series| !series.points.is_empty()).collect(),
        }
    });
    page.charts(&charts.into_iter().filter(|chart| !chart.is_empty()).collect::<Vec<_>>());
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
    page.heading(&c10k_title(lang));
    c10k(lang, comparison, &mut page);
    page.heading(&say!(lang, "In figures"; "En cifras"));
    page.folded(
        &say!(lang, "One line, from one client to five others"; "Una línea, de un cliente a otros cinco"),
        |page| {
            page.table(&head(lang, comparison), &per_line(lang, comparison));
        },
    );
    page.folded(&say!(lang, "Five scenes"; "Cinco escenas"), |page| {
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
    let c10k = by_name(comparison.c10k.iter().map(|levels| json!(levels)).collect());
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
        "beside_silent_clients": c10k,
        "findings": messages::findings(lang, comparison),
    })
}
