//! The page that shows a trace: one HTML file without external resources.
//!
//! `page.html` is the frame and `page.css` the style, on top of that of all pages. `words.js` holds the texts, `timeline.js` draws
//! one server, and `page.js` is the rest. This module makes the data for the
//! script: each step with its sentence in both languages, and each message with the steps that carried it.

use super::calls;
use super::chrome::Trace;
use super::ledger::Event;
use super::messages::sentence;
use super::step::{Source, Step};
use crate::host::Origin;
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
    /// What the clients are called. Those of whom the server keeps no transcript have no name here.
    names: BTreeMap<u64, &'a str>,
    origin: &'a Origin,
    steps: Vec<Drawn<'a>>,
    messages: Vec<Message>,
    facts: Facts,
    /// The number of steps of the recording that are not in the picture.
    left_out: usize,
}

/// What the page says of the whole recording, even if the picture does not show all of it.
#[derive(Serialize)]
struct Facts {
    messages: usize,
    /// The same number as that of `tertulia trace calls`.
    calls: usize,
    threads: usize,
    /// The share of the time in which a thread did not sleep, from 0 to 1. `None` if steps were lost: nobody knows what
    /// the threads did then.
    at_work: Option<f64>,
    lost: u64,
}

impl Facts {
    fn of(trace: &Trace) -> Facts {
        Facts {
            messages: trace.events.iter().filter(|event| event.message.is_some()).count(),
            calls: calls::count(trace).values().sum(),
            threads: trace.threads.len(),
            at_work: if trace.lost == 0 { at_work(&trace.events) } else { None },
            lost: trace.lost,
        }
    }
}

/// The share of the time in which at least one thread was at work: between its first step and its last, and not asleep.
fn at_work(events: &[Event]) -> Option<f64> {
    // Each thread begins to work at its first step, stops and begins again at each sleep, and stops after its last step.
    let mut threads: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    let mut changes: Vec<(u64, i32)> = Vec::new();
    for event in events {
        let (begin, end) = threads.entry(event.track).or_insert((event.begin, event.end));
        (*begin, *end) = ((*begin).min(event.begin), (*end).max(event.end));
        if is_asleep(event) {
            changes.extend([(event.begin, -1), (event.end, 1)]);
        }
    }
    changes.extend(threads.values().flat_map(|(begin, end)| [(*begin, 1), (*end, -1)]));
    changes.sort();
    let (first, last) = (changes.first()?.0, changes.last()?.0);
    let (mut working, mut since, mut worked) = (0, first, 0);
    for (at, change) in changes {
        if working > 0 {
            worked += at - since;
        }
        working += change;
        since = at;
    }
    (last > first).then(|| worked as f64 / (last - first) as f64)
}

/// Whether the thread sleeps in this step. A wait that only looks does not.
fn is_asleep(event: &Event) -> bool {
    event.step.sleeps() && !matches!(event.step, Step::Wait { may_sleep: false, .. })
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
    /// When the thread woke that read it, or began to read it if it was awake. `end` is the end of the last write that took some of it.
    begin: f64,
    end: f64,
    /// It reached all its receivers.
    whole: bool,
    /// What it says, if it was said to all.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip)]
    ingested: usize,
    #[serde(skip)]
    ingested_at: f64,
}

impl<'a> Picture<'a> {
    pub(crate) fn of(trace: &'a Trace) -> Picture<'a> {
        let origin = trace.events.iter().map(|event| event.begin).min().unwrap_or(0);
        let micros = |nanos: u64| (nanos - origin) as f64 / 1e3;
        let is_drawn = |event: &&Event| !matches!(event.step, Step::Told { .. });
        let shown: Vec<&'a Event> = trace.events.iter().filter(is_drawn).take(STEPS_MAX).collect();
        let Told { names, mut texts } = Told::of(&trace.events);
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
                            text: texts.remove(&id).map(|texts| texts.join(" ⏎ ")),
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
            facts: Facts::of(trace),
            left_out: trace.events.iter().filter(is_drawn).count() - steps.len(),
            names,
            origin: &trace.origin,
            steps,
        }
    }
}

/// What the room noted.
#[derive(Default)]
struct Told<'a> {
    /// By client. The last name counts.
    names: BTreeMap<u64, &'a str>,
    /// By message. Several lines may come in one read.
    texts: HashMap<u64, Vec<&'a str>>,
}

impl<'a> Told<'a> {
    /// A note follows the message to which it belongs, in the same thread.
    fn of(events: &'a [Event]) -> Told<'a> {
        let mut told = Told::default();
        let mut latest: HashMap<u32, Option<u64>> = HashMap::new();
        for event in events {
            match &event.step {
                Step::Ingested { .. } => drop(latest.insert(event.track, event.message)),
                Step::Told { client, name, text } => {
                    told.names.insert(*client, name);
                    let message = latest.get(&event.track).copied().flatten();
                    if let Some((message, text)) = message.zip(text.as_deref()) {
                        told.texts.entry(message).or_default().push(text);
                    }
                }
                _ => {}
            }
        }
        told
    }
}

fn drawn<'a>(event: &'a Event, micros: &impl Fn(u64) -> f64) -> Drawn<'a> {
    let say = |lang| sentence(lang, event).unwrap_or_default();
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
        z: is_asleep(event),
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
    with_report(&[trace], lang, "", "")
}

/// The page for several traces, of which two are shown at a time, with an overview above them and a report below. Both are HTML,
/// and each of their parts states its language.
pub(crate) fn with_report(traces: &[&Trace], lang: Lang, overview: &str, report: &str) -> String {
    let pictures: Vec<_> = traces.iter().map(|trace| Picture::of(trace)).collect();
    let lang = lang.code();
    let data = json!({ "lang": lang, "traces": pictures });
    // `</script>` anywhere in the data would end the script.
    let data = data.to_string().replace('<', "\\u003c");
    let kind = if report.is_empty() { "alone" } else { "with-report" };
    let mut page = include_str!("page.html").replace("{{lang}}", lang).replace("{{kind}}", kind);
    let style = [include_str!("../page/style.css"), include_str!("page.css")].concat();
    let script = [include_str!("words.js"), include_str!("timeline.js"), include_str!("page.js")].concat();
    for (place, text) in [
        ("/*{{style}}*/", style.as_str()),
        ("/*{{script}}*/", &script),
        ("{{data}}", &data),
        ("{{overview}}", overview),
        ("{{report}}", report),
    ] {
        page = page.replacen(place, text, 1);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::record::Record;

    fn event(track: u32, begin: u64, end: u64, step: Step) -> Event {
        Event::from(Record { track, begin, end, step, call: Some(("epoll_wait", 1)) })
    }

    fn wait(may_sleep: bool) -> Step {
        Step::Wait { may_sleep, ready: Vec::new(), submitted: None, wakes: false }
    }

    #[test]
    fn a_thread_works_while_it_does_not_sleep_and_two_at_once_count_once() {
        let step = || Step::Close { client: 1 };
        let one = [event(1, 0, 10, step()), event(1, 20, 90, wait(true)), event(1, 90, 100, wait(false))];
        assert_eq!(at_work(&one), Some(0.3));
        let two = [&one[..], &[event(2, 0, 50, wait(true)), event(2, 50, 100, step())]].concat();
        assert_eq!(at_work(&two), Some(0.7));
        assert_eq!(at_work(&[]), None);
    }

    #[test]
    fn the_counts_are_those_of_the_whole_recording() {
        let events: Vec<Event> = (0..STEPS_MAX as u64 + 5).map(|i| event(1, i, i + 1, wait(true))).collect();
        let threads = BTreeMap::from([(1, "event loop".to_owned())]);
        let mut trace = Trace { threads, events, ..Trace::default() };
        trace.events[3].unfinished = true;
        let picture = Picture::of(&trace);
        assert_eq!((picture.steps.len(), picture.left_out), (STEPS_MAX, 5));
        assert_eq!(picture.facts.calls, STEPS_MAX + 4);
        assert!(calls::table(&trace, Lang::En).contains(&format!("{}  total", picture.facts.calls)));
        assert!(picture.facts.at_work.is_some());
        trace.lost = 127_557;
        assert_eq!(Picture::of(&trace).facts.at_work, None, "nobody knows what it did then");
    }
}
