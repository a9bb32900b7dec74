//! The result as an HTML page.

use super::campaign::Cell;
use super::messages::{CHECKED, describe, warnings, winner};
use super::report::rows;
use crate::host::Origin;
use crate::load::{Outcome, Pace};
use crate::page::{Axis, Chart, Kind, Page, Point, Series, Steps, Stroke};
use crate::server::DRIVERS;
use crate::text::numbers::{self, Format};
use crate::text::{Lang, say};

/// The number of intervals between the samples of a latency curve. They are shorter towards the end.
const CURVE_POINTS: usize = 200;

/// What the page says besides the figures.
pub(super) struct Colophon {
    /// Where server and load ran, in words.
    pub cores: String,
    /// The number of clients that is shown first.
    pub clients: usize,
}

pub(super) fn page(lang: Lang, cells: &[Cell], colophon: &Colophon) -> Page {
    let beside_first = |cell: &&Cell| cell.scenario.clients == cells[0].scenario.clients;
    let servers: Vec<&str> = cells.iter().take_while(beside_first).map(|cell| cell.server.as_str()).collect();
    let main: Vec<&Cell> = cells.iter().filter(|cell| cell.scenario.clients == colophon.clients).collect();
    let Some(first) = main.first() else {
        return Page::new(lang, &say!(lang, "nothing was measured"; "no se midió nada"));
    };
    let rounds = first.rounds.len();

    let names = servers.join(", ");
    let mut page = Page::new(
        lang,
        &say!(lang, "Load test of a chat server: {names}"; "Prueba de carga de un servidor de chat: {names}"),
    );
    page.paragraph(&format!("{}.", describe(lang, &first.scenario)));
    warnings(lang, cells).iter().for_each(|warning| page.warning(&format!("{warning}.")));
    let sound = cells.iter().all(Cell::is_flawless);
    if sound {
        page.paragraph(&say!(lang,
            "Every line reached every other client once, in order and complete.";
            "Cada línea llegó a todos los demás clientes una sola vez, en orden y completa."));
    }
    if let Some(sentence) = winner(lang, &main) {
        page.paragraph(&sentence);
    }
    let (head, rows) = table(lang, &main);
    page.chart_with_table(&curve(lang, &main), &head, &rows);

    if cells.len() > main.len() {
        page.heading(&say!(lang, "By number of clients"; "Según el número de clientes"));
        page.paragraph(&spread_in_words(lang, rounds));
        page.charts(&by_clients(lang, cells, &servers));
        for group in cells.chunk_by(|a, b| a.scenario.clients == b.scenario.clients) {
            let (group, clients): (Vec<&Cell>, usize) = (group.iter().collect(), group[0].scenario.clients);
            if clients != colophon.clients {
                page.heading(&say!(lang, "{clients} clients"; "{clients} clientes"));
                if let Some(sentence) = winner(lang, &group) {
                    page.paragraph(&sentence);
                }
                let (head, rows) = table(lang, &group);
                page.table(&head, &rows);
            }
        }
    }

    page.heading(&say!(lang, "How it was measured"; "Cómo se midió"));
    let seconds = first.rounds.iter().map(|round| round.elapsed.as_secs_f64()).sum::<f64>();
    let seconds = numbers::fixed(lang, seconds, 1);
    let measured = match rounds {
        1 => say!(lang,
            "{seconds} s per server and number of clients, in 1 round";
            "{seconds} s por servidor y número de clientes, en 1 ronda"),
        _ => say!(lang,
            "{seconds} s per server and number of clients, in {rounds} rounds";
            "{seconds} s por servidor y número de clientes, en {rounds} rondas"),
    };
    let more = [
        (say!(lang, "cores for server and load"; "núcleos del servidor y de la carga"), colophon.cores.clone()),
        (say!(lang, "measured"; "medido"), measured),
    ];
    page.origin(&Origin::here(), &more.each_ref().map(|(name, value)| (name.as_str(), value.clone())));
    how(lang, rounds, &first.scenario.pace).iter().for_each(|text| page.paragraph(text));
    page
}

/// What a reader has to know of the method.
fn how(lang: Lang, rounds: usize, pace: &Pace) -> Vec<String> {
    let rule = (rounds > 1).then(|| say!(lang,
        "A server is called better only if it was better in every one of three or more rounds, and by a tenth or more in the \
         median. In three rounds chance alone puts all on one side in one of four comparisons, in five rounds in one of sixteen.";
        "Solo se dice que un servidor es mejor si lo fue en cada una de tres o más rondas, y por un décimo o más en la mediana. En \
         tres rondas el azar las pone todas del mismo lado en una de cada cuatro comparaciones; en cinco, en una de cada dieciséis."));
    let latency = match pace {
        Pace::Window(_) => say!(lang,
            "Latency is the time from just before a line is written until the last of the other clients has read it. In a \
             closed loop a client sends its next line only after that, so a slow server gets less load.";
            "La latencia es el tiempo desde justo antes de escribir una línea hasta que la ha leído el último de los demás \
             clientes. En un bucle cerrado cada cliente envía su línea siguiente solo después, así que un servidor lento recibe \
             menos carga."),
        Pace::Rate(_) => say!(lang,
            "Latency is the time from when a line was due until the last of the other clients has read it, so a stall counts \
             in every line that it delays. \"From sending\" does not include the time that a line waited before it was written.";
            "La latencia es el tiempo desde que tocaba enviar una línea hasta que la ha leído el último de los demás clientes, así \
             que una parada cuenta en cada línea que retrasa. «Desde el envío» no incluye lo que una línea esperó antes de escribirse."),
    };
    let receivers = say!(lang,
        "In a closed loop with several talkers, one client that gets its lines late hardly shows in the percentiles: the \
         others wait for it, and it sends most of the lines itself. So the median latency is given for each receiver by \
         itself, too: that of the worst, and that of the one in the middle.";
        "En un bucle cerrado en el que hablan varios, un cliente que recibe tarde apenas se nota en los percentiles: los demás lo \
         esperan y casi todas las líneas las envía él. Por eso se da también la latencia mediana de cada receptor por separado: \
         la del peor y la del que está en medio.");
    let server = say!(lang,
        "CPU, threads, memory and system calls are those of the server, as its kernel counts them. Figures that the kernel \
         does not report are left out. Memory per client is the growth of the server's memory that belongs to no file while \
         the clients connected, before they talked, divided by their number. With fewer than 50 clients, idle ones included, it \
         is left out, because most of the growth is what a server sets up once. System calls are counted after everything else, \
         because counting slows them down. Servers that bench starts print nothing (--quiet); a console costs one \
         system call more for a line that comes alone. CPU per delivery is the processor time of all the server's threads while it is \
         measured, divided by the lines that arrive in that time. The more lines a write carries, the smaller it is, so it \
         depends on the load.";
        "CPU, hilos, memoria y llamadas al sistema son los del servidor, según los cuenta el núcleo. Las cifras que el núcleo no da \
         se omiten. La memoria por cliente es lo que creció la memoria del servidor que no pertenece a ningún fichero mientras los \
         clientes conectaban, antes de hablar, dividido por su número. Con menos de 50 clientes, contando los que callan, se omite, \
         porque casi todo es lo que un servidor prepara una sola vez. Las llamadas al sistema se cuentan después de todo lo demás, \
         porque contarlas las hace más lentas. Los servidores que lanza bench no imprimen nada (--quiet); una consola cuesta una \
         llamada más por cada línea que llega sola. La CPU por entrega es el tiempo de procesador de todos los hilos del servidor \
         mientras se mide, dividido por las líneas que llegan en ese tiempo. Cuantas más líneas lleva un write, menor es, así que \
         depende de la carga.");
    rule.into_iter().chain([latency, receivers, CHECKED.in_lang(lang).to_owned(), server]).collect()
}

/// The table of some servers with the same number of clients: its head and its rows.
fn table(lang: Lang, cells: &[&Cell]) -> (Vec<String>, Vec<Vec<String>>) {
    let row = |name: String, texts: Vec<String>| std::iter::once(name).chain(texts).collect();
    let head = row(String::new(), cells.iter().map(|cell| cell.server.clone()).collect());
    (head, rows(lang, cells, true).into_iter().map(|(name, texts)| row(name, texts)).collect())
}

fn spread_in_words(lang: Lang, rounds: usize) -> String {
    match rounds {
        1 => say!(lang,
            "There was one round per server. Use --rounds 3 to see how much the figures vary.";
            "Hubo una ronda por servidor. Usa --rounds 3 para ver cuánto varían las cifras."),
        _ => say!(lang,
            "The marks are medians of {rounds} rounds, in which the servers took turns. The whiskers show the lowest and the highest \
             round.";
            "Las marcas son medianas de {rounds} rondas, en las que los servidores se turnaron. Los bigotes son la ronda más baja y la \
             más alta."),
    }
}

/// The number of a server's colour: a mode has the same one on every page.
fn colour(server: &str, place: usize) -> usize {
    DRIVERS.iter().position(|driver| driver.name == server).unwrap_or(place)
}

/// Latency percentiles of each server.
fn curve(lang: Lang, cells: &[&Cell]) -> Chart {
    let series = cells.iter().enumerate().map(|(place, cell)| {
        // The curve ends where too few lines are left to tell a percentile from the maximum.
        let least = cell.rounds.iter().map(|round| round.latency.len()).min().unwrap_or(0).max(10) as f64;
        let nines = least.log10().min(6.0);
        let at = |n| 1.0 - 10f64.powf(-(n as f64) / CURVE_POINTS as f64 * nines);
        let point = |quantile| {
            Point::of(quantile, cell.figures(|round| Some(round.latency.value_at_quantile(quantile).max(1) as f64)))
        };
        Series {
            name: cell.server.clone(),
            colour: colour(&cell.server, place),
            stroke: Stroke::Solid,
            points: (0..=CURVE_POINTS).map(at).filter_map(point).collect(),
        }
    });
    let clients = cells[0].scenario.clients;
    Chart {
        title: say!(lang,
            "Latency of the last receiver with {clients} clients";
            "Latencia del último receptor con {clients} clientes"),
        note: say!(lang,
            "The curve shows the latency that a given share of the lines did not exceed. From each tick to the next, the share of \
             slower lines falls to a tenth. The band is the spread of the rounds.";
            "La curva muestra la latencia que no superó una parte dada de las líneas. De cada marca a la siguiente, la parte de líneas \
             más lentas baja a la décima parte. La banda es la dispersión de las rondas."),
        x: Axis::new(
            lang,
            &say!(lang, "share of the lines"; "parte de las líneas"),
            Kind::Percentile,
            numbers::percent,
        ),
        y: Axis::new(lang, &say!(lang, "latency"; "latencia"), Kind::Log, numbers::nanos),
        series: series.collect(),
    }
}

/// The charts over the number of clients. A figure that the system did not report has none.
fn by_clients(lang: Lang, cells: &[Cell], servers: &[&str]) -> Vec<Chart> {
    let mut counts: Vec<f64> = cells.iter().map(|cell| cell.scenario.clients as f64).collect();
    counts.dedup();
    let chart = |title: String, label: String, kind, format: Format, lines: &[Figure]| Chart {
        title,
        note: String::new(),
        x: Axis::new(lang, &say!(lang, "clients"; "clientes"), Kind::Log, |_, clients| format!("{clients}"))
            .with_ticks(counts.clone()),
        y: Axis::new(lang, &label, kind, format),
        series: lines.iter().flat_map(|line| line.series(cells, servers)).collect(),
    };
    let in_bytes = |chart: Chart| Chart { y: Axis { steps: Steps::Binary, ..chart.y }, ..chart };
    let solid = |figure| [Figure { name: "", stroke: Stroke::Solid, figure }];
    let quantiles = [
        Figure { name: " p50", stroke: Stroke::Solid, figure: |run| quantile(run, 0.5) },
        Figure { name: " p99", stroke: Stroke::Dashed, figure: |run| quantile(run, 0.99) },
    ];
    let charts = [
        chart(
            say!(lang, "Latency of the last receiver"; "Latencia del último receptor"),
            say!(lang, "latency"; "latencia"),
            Kind::Log,
            numbers::nanos,
            &quantiles,
        ),
        chart(
            say!(lang, "Deliveries per second"; "Entregas por segundo"),
            say!(lang, "deliveries / s"; "entregas / s"),
            Kind::Linear,
            numbers::count,
            &solid(|run| Some(run.deliveries_per_second())),
        ),
        chart(
            say!(lang, "The server's CPU time per delivery"; "Tiempo de CPU del servidor por entrega"),
            say!(lang, "CPU time"; "tiempo de CPU"),
            Kind::Linear,
            numbers::nanos,
            &solid(Outcome::cpu_per_delivery),
        ),
        chart(
            say!(lang, "The server's system calls per delivery"; "Llamadas al sistema del servidor por entrega"),
            say!(lang, "system calls"; "llamadas al sistema"),
            Kind::Linear,
            numbers::count,
            &solid(|run| run.system_calls_per_delivery),
        ),
        in_bytes(chart(
            say!(lang, "The server's memory per client"; "Memoria del servidor por cliente"),
            say!(lang, "memory"; "memoria"),
            Kind::Linear,
            numbers::bytes,
            &solid(|run| Some(run.memory_per_client? as f64)),
        )),
        chart(
            say!(lang, "The server's threads"; "Hilos del servidor"),
            say!(lang, "threads"; "hilos"),
            Kind::Log,
            numbers::count,
            &solid(|run| Some(run.usage?.threads? as f64)),
        ),
    ];
    charts.into_iter().filter(|chart| !chart.is_empty()).collect()
}

/// One figure of every server.
struct Figure {
    /// The suffix of the server's name.
    name: &'static str,
    stroke: Stroke,
    figure: fn(&Outcome) -> Option<f64>,
}

impl Figure {
    fn series(&self, cells: &[Cell], servers: &[&str]) -> Vec<Series> {
        let of = |(place, server): (usize, &&str)| {
            let own = cells.iter().filter(|cell| cell.server == **server);
            Series {
                name: format!("{server}{}", self.name),
                colour: colour(server, place),
                stroke: self.stroke,
                points: own.filter_map(|c| Point::of(c.scenario.clients as f64, c.figures(self.figure))).collect(),
            }
        };
        servers.iter().enumerate().map(of).collect()
    }
}

fn quantile(run: &Outcome, quantile: f64) -> Option<f64> {
    (!run.latency.is_empty()).then(|| run.latency.value_at_quantile(quantile) as f64)
}
