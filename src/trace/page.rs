//! The page that shows a trace: one HTML file without external resources.
//!
//! `page.html` is the frame, `page.css` the style, and `page.js` the behaviour. This module makes the data for the
//! script: each step with its sentence in both languages, and each message with the steps that carried it.

use super::chrome::Trace;
use super::ledger::Event;
use super::messages::sentence;
use super::step::{Source, Step};
use crate::text::{Bilingual, Lang};
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The page shows at most this many steps, and says so: more than these are slow to draw in a browser.
pub(crate) const STEPS_MAX: usize = 40_000;

/// A trace in the form that the script gets. Times are microseconds since the first step.
#[derive(Serialize)]
pub(crate) struct Picture<'a> {
    mode: &'a str,
    title: &'a Bilingual,
    threads: Vec<Thread>,
    clients: BTreeSet<u64>,
    steps: Vec<Drawn<'a>>,
    messages: Vec<Message>,
    /// Steps that were lost in the recording. `left_out` is the number of steps that are not in the picture.
    lost: u64,
    left_out: usize,
}

#[derive(Serialize)]
struct Thread {
    track: u32,
    name: String,
}

/// A step. The field names are short because there are many steps.
#[derive(Serialize)]
struct Drawn<'a> {
    /// The thread, the begin and the end.
    t: u32,
    b: f64,
    e: f64,
    /// The kind of step, and a label of a word or two.
    kind: &'static str,
    label: String,
    /// The client that the step concerns; 0 for none.
    #[serde(skip_serializing_if = "is_none")]
    c: u64,
    /// The bytes that moved.
    #[serde(skip_serializing_if = "is_nothing")]
    n: usize,
    /// The thread sleeps in this step.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    z: bool,
    /// The system call, and the number of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<(&'a str, usize)>,
    /// The messages that this step belongs to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    m: Vec<u64>,
    en: String,
    es: String,
}

fn is_none(client: &u64) -> bool {
    *client == 0
}

fn is_nothing(bytes: &usize) -> bool {
    *bytes == 0
}

/// Something that came from one client and went to others.
#[derive(Serialize)]
struct Message {
    id: u64,
    /// 0 if no client in the room said it: an arrival or a departure.
    from: u64,
    to: Vec<u64>,
    /// The steps that carried it: wake-up, read, ingestion, writes.
    path: Vec<usize>,
    /// When its bytes were there to be read. `end` is the end of the last write that took some of it.
    begin: f64,
    end: f64,
    /// It reached all its receivers.
    whole: bool,
    #[serde(skip)]
    ingested: usize,
    #[serde(skip)]
    ingested_at: f64,
}

impl<'a> Picture<'a> {
    pub(crate) fn of(trace: &'a Trace) -> Picture<'a> {
        let origin = trace.events.iter().map(|event| event.begin).min().unwrap_or(0);
        let micros = |nanos: u64| (nanos - origin) as f64 / 1e3;
        let shown: Vec<&'a Event> = trace.events.iter().take(STEPS_MAX).collect();
        let mut messages: BTreeMap<u64, Message> = BTreeMap::new();
        // By thread: the step that woke it, its reads since then, and its waits for the room's mutex.
        let mut before: HashMap<u32, Vec<usize>> = HashMap::new();

        let mut steps: Vec<Drawn<'a>> = Vec::with_capacity(shown.len());
        for (i, event) in shown.iter().enumerate() {
            steps.push(drawn(event, &micros));
            let waiting = before.entry(event.track).or_default();
            match &event.step {
                Step::Wait { .. } => *waiting = vec![i],
                Step::Read { .. } | Step::Accept { .. } => {
                    waiting.retain(|step| matches!(shown[*step].step, Step::Wait { .. }));
                    waiting.push(i);
                }
                Step::Lock { .. } => waiting.push(i),
                Step::Ingested { pending } => {
                    let Some(id) = event.message else { continue };
                    let mut path = std::mem::take(waiting);
                    // The same wake-up is part of the other messages that are read in this turn.
                    *waiting = path.iter().copied().filter(|i| matches!(shown[*i].step, Step::Wait { .. })).collect();
                    path.push(i);
                    let first = path.first().map_or(i, |first| *first);
                    let first = shown[first];
                    let slept = first.step.sleeps();
                    messages.insert(
                        id,
                        Message {
                            id,
                            from: event.cause.unwrap_or(0),
                            to: pending.iter().map(|pending| pending.client).collect(),
                            path,
                            begin: micros(if slept { first.end } else { first.begin }),
                            end: micros(event.end),
                            whole: false,
                            ingested: i,
                            ingested_at: micros(event.end),
                        },
                    );
                }
                // This stay in the room includes the messages that were ingested during it.
                Step::Inside => {
                    for message in
                        messages.values_mut().rev().take_while(|message| message.ingested_at >= micros(event.begin))
                    {
                        if shown[message.ingested].track == event.track {
                            message.path.push(i);
                        }
                    }
                }
                _ => {}
            }
            for id in &event.delivers {
                if let Some(message) = messages.get_mut(id) {
                    message.path.push(i);
                    message.end = micros(event.end);
                    message.whole |= event.completes.contains(id);
                }
            }
        }
        for message in messages.values() {
            for step in &message.path {
                steps[*step].m.push(message.id);
            }
        }
        let clients = shown.iter().flat_map(|event| clients(event)).collect();
        let threads = trace.threads.iter().map(|(track, name)| Thread { track: *track, name: name.clone() });
        Picture {
            mode: &trace.header.mode,
            title: &trace.header.title,
            threads: threads.collect(),
            clients,
            messages: messages.into_values().collect(),
            lost: trace.lost,
            left_out: trace.events.len() - steps.len(),
            steps,
        }
    }
}

fn drawn<'a>(event: &'a Event, micros: &impl Fn(u64) -> f64) -> Drawn<'a> {
    let say = |lang| sentence(lang, event).unwrap_or_default();
    let sleeps = event.step.sleeps();
    Drawn {
        t: event.track,
        b: micros(event.begin),
        e: micros(event.end),
        kind: kind(&event.step),
        label: event.step.label(),
        c: event.step.client(),
        n: match event.step {
            Step::Read { bytes, .. } | Step::Write { bytes, .. } => bytes,
            _ => 0,
        },
        z: sleeps && !matches!(event.step, Step::Wait { may_sleep: false, .. }),
        call: event.system_calls(),
        m: Vec::new(),
        en: say(Lang::En),
        es: say(Lang::Es),
    }
}

/// The kind that the script draws.
fn kind(step: &Step) -> &'static str {
    match step {
        Step::Wait { .. } => "wait",
        Step::Read { .. } => "read",
        Step::Write { .. } => "write",
        Step::Ingested { .. } => "ingested",
        Step::Inside => "inside",
        Step::Lock { waited: true } => "lock",
        Step::Lock { .. } => "key",
        Step::Park { .. } => "park",
        Step::Show { .. } => "show",
        Step::Accept { .. } => "accept",
        _ => "other",
    }
}

/// All clients that the step concerns.
fn clients(event: &Event) -> Vec<u64> {
    let mut clients = match &event.step {
        Step::Ingested { pending } => pending.iter().map(|pending| pending.client).collect(),
        Step::Wait { ready, .. } => {
            let number = |source| if let Source::Client(client) = source { Some(client) } else { None };
            ready.iter().filter_map(|ready| number(ready.source)).collect()
        }
        step => vec![step.client()],
    };
    clients.retain(|client| *client > 0);
    clients
}

/// The page for a trace.
pub(crate) fn of(trace: &Trace, lang: Lang) -> String {
    with_report(&[trace], lang, "")
}

/// The page for several traces, one below the other, and a report below them. The report is HTML, and each of its parts
/// states its language.
pub(crate) fn with_report(traces: &[&Trace], lang: Lang, report: &str) -> String {
    let pictures: Vec<_> = traces.iter().map(|trace| Picture::of(trace)).collect();
    let lang = lang.code();
    let data = json!({ "lang": lang, "traces": pictures });
    // `</script>` anywhere in the data would end the script.
    let data = data.to_string().replace('<', "\\u003c");
    let kind = if report.is_empty() { "alone" } else { "with-report" };
    let mut page = include_str!("page.html").replace("{{lang}}", lang).replace("{{kind}}", kind);
    for (place, text) in [
        ("/*{{style}}*/", include_str!("page.css")),
        ("/*{{script}}*/", include_str!("page.js")),
        ("{{data}}", &data),
        ("{{report}}", report),
    ] {
        page = page.replacen(place, text, 1);
    }
    page
}
