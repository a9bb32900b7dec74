//! What must always hold, for random scripts: the hub against a room that is obviously right.

use super::sim::{Happened, ROOMY, STYLES, Sim, Style};
use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::time::Duration;

/// Short, so that scripts reach it.
const LINE_MAX: usize = 64;

/// A line of earlier: so many of them make a long outbox at little cost.
const EARLIER: &[u8] = &[b'-'; 1023];

/// A room that keeps everything that was ever said, and for whom it was.
#[derive(Default)]
struct Model {
    people: Vec<Person>,
    lines: Vec<(Vec<Id>, Vec<u8>)>,
    told: Vec<String>,
    seats: usize,
}

struct Person {
    id: Id,
    nick: String,
    unread: Vec<u8>,
    announced: bool,
    here: bool,
}

impl Model {
    /// The room after all that happened.
    fn after(history: &[Happened], seats: usize) -> Model {
        let mut model = Model { seats, ..Model::default() };
        for happened in history {
            match happened {
                Happened::Came(id, replay) => model.come(*id, replay),
                Happened::Refused => model.note(Event::Refused { peer: sim::peer() }),
                Happened::Sent(id, bytes) => model.read(*id, bytes),
                Happened::Ended(id) => model.end(*id),
                Happened::Lost(id) => model.leave(*id, Reason::Lost),
                Happened::ThrownOut(id, reason) => model.leave(*id, *reason),
                Happened::Closing => {
                    model.note(Event::Closing);
                    let mut here = model.here();
                    here.sort_by_key(|id| id.key());
                    here.into_iter().for_each(|id| model.leave(id, Reason::Closing));
                }
            }
        }
        model
    }

    /// All that was for one.
    fn owed(&self, id: Id) -> Vec<u8> {
        let lines = self.lines.iter().filter(|(audience, _)| audience.contains(&id));
        lines.map(|(_, line)| line.as_slice()).collect::<Vec<_>>().concat()
    }

    fn come(&mut self, id: Id, replay: &[u8]) {
        let nick = nick::guest(id.number());
        let you = Who { nick: &nick, id };
        let announced = self.here().len() < ANNOUNCE_MAX;
        if announced {
            self.notice(self.here(), &Notice::Arrived(you));
        }
        self.notice(vec![id], &Notice::Welcome(you));
        match &self.names()[..] {
            [] => self.notice(vec![id], &Notice::Alone),
            _ => self.with_list(|model, list| model.notice(vec![id], &Notice::Here(list, 0))),
        }
        self.notice(vec![id], &Notice::HowTo);
        self.lines.push((vec![id], replay.to_vec()));
        self.people.push(Person { id, nick: nick.clone(), unread: Vec::new(), announced, here: true });
        let (seats_taken, seats) = (self.here().len(), self.seats);
        self.note(Event::Arrived { id, nick: &nick, peer: sim::peer(), seats_taken, seats });
    }

    fn leave(&mut self, id: Id, reason: Reason) {
        let Some(person) = self.person(id) else { return };
        person.here = false;
        let (nick, announced) = (person.nick.clone(), person.announced);
        self.notice(vec![id], &Notice::Goodbye(reason));
        if announced {
            self.notice(self.here(), &Notice::Left(Who { nick: &nick, id }, reason));
        }
        let (seats_taken, seats) = (self.here().len(), self.seats);
        self.note(Event::Left { id, nick: &nick, reason, seats_taken, seats });
    }

    fn read(&mut self, id: Id, bytes: &[u8]) {
        let Some(person) = self.person(id) else { return };
        person.unread.extend(bytes);
        loop {
            let Some(person) = self.person(id) else { return };
            let end = person.unread.iter().position(|byte| *byte == b'\n');
            if end.unwrap_or(person.unread.len()) >= LINE_MAX * ENDLESS_FACTOR {
                return self.leave(id, Reason::EndlessLine(LINE_MAX * ENDLESS_FACTOR));
            }
            let Some(end) = end else { return };
            let mut line: Vec<u8> = person.unread.drain(..=end).collect();
            line.pop();
            self.line(id, line);
        }
    }

    fn end(&mut self, id: Id) {
        let Some(person) = self.person(id) else { return };
        let rest = std::mem::take(&mut person.unread);
        if !rest.is_empty() {
            self.line(id, rest);
        }
        self.leave(id, Reason::EndOfInput);
    }

    fn line(&mut self, id: Id, line: Vec<u8>) {
        let whole = line.strip_suffix(b"\r").unwrap_or(&line);
        if whole.len() > LINE_MAX {
            return self.notice(vec![id], &Notice::TooLong { len: line.len(), max: LINE_MAX });
        }
        let line = sanitize(whole);
        let nick = self.person(id).expect("only who is here is read").nick.clone();
        let nick = nick.as_str();
        match command::parse(&line) {
            Input::Say(text) | Input::Act(text) if text.trim().is_empty() => {}
            Input::Say(text) => {
                self.lines.push((self.others(id), format!("<{nick}> {text}\n").into()));
                self.note(Event::Said { id, nick, text });
            }
            Input::Act(text) => {
                self.lines.push((self.others(id), format!("* {nick} {text}\n").into()));
                self.note(Event::Acted { id, nick, text });
            }
            Input::Private { to, text } => match self.wearer(&nick::look(to)) {
                Some(receiver) => {
                    self.lines.push((vec![receiver], format!("[{nick} -> you] {text}\n").into()));
                    self.note(Event::Whispered { id, nick, to });
                }
                None => self.notice(vec![id], &Notice::NobodyCalled(to)),
            },
            Input::Nick(new) => match nick::check(new, id.number()) {
                Err(flaw) => self.notice(vec![id], &Notice::NickFlaw(flaw)),
                Ok(look) if self.wearer(&look).is_some_and(|wearer| wearer != id) => {
                    self.notice(vec![id], &Notice::NickTaken(new));
                }
                Ok(_) => {
                    self.person(id).expect("it is here").nick = new.to_string();
                    self.notice(vec![id], &Notice::YouAre(new));
                    self.notice(self.others(id), &Notice::Renamed(nick, Who { nick: new, id }));
                    self.note(Event::Renamed { id, old: nick, nick: new });
                }
            },
            Input::Who => self.with_list(|model, list| model.notice(vec![id], &Notice::Everyone(list, 0))),
            Input::Help => self.notice(vec![id], &Notice::Help),
            Input::Quit => self.leave(id, Reason::Quit),
            Input::Misused(command) => self.notice(vec![id], &Notice::Usage(command)),
            Input::Unknown(word) => self.notice(vec![id], &Notice::Unknown(word)),
        }
    }

    fn notice(&mut self, audience: Vec<Id>, notice: &Notice<'_>) {
        self.lines.push((audience, words::notice(Lang::En, notice)));
    }

    fn note(&mut self, event: Event<'_>) {
        self.told.push(words::Said(Lang::En, &event).to_string());
    }

    fn here(&self) -> Vec<Id> {
        self.people.iter().filter(|person| person.here).map(|person| person.id).collect()
    }

    fn others(&self, id: Id) -> Vec<Id> {
        self.here().into_iter().filter(|other| *other != id).collect()
    }

    fn names(&self) -> Vec<(String, Id)> {
        self.people.iter().filter(|person| person.here).map(|person| (person.nick.clone(), person.id)).collect()
    }

    fn with_list(&mut self, tell: impl FnOnce(&mut Model, &[Who<'_>])) {
        let names = self.names();
        let list: Vec<Who> = names.iter().map(|(nick, id)| Who { nick, id: *id }).collect();
        tell(self, &list);
    }

    fn person(&mut self, id: Id) -> Option<&mut Person> {
        self.people.iter_mut().find(|person| person.here && person.id == id)
    }

    fn wearer(&self, look: &Look) -> Option<Id> {
        self.people.iter().find(|person| person.here && nick::look(&person.nick) == *look).map(|person| person.id)
    }
}

// Scripts.

/// One step of a script. Clients are named by a number that is taken modulo those who have come.
#[derive(Clone, Debug)]
enum Step {
    /// Somebody comes, whose socket takes so many bytes before it reads, and gets so many kibibytes of earlier lines.
    Come {
        room: usize,
        replay: usize,
    },
    Send(usize, Vec<u8>),
    End(usize),
    Lose(usize),
    Take(usize, usize),
    /// What only a writer thread does.
    Write(usize, usize),
    Turn,
    Wait(Duration),
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let nick = prop_oneof![Just("ana"), Just("Ana"), Just("beto"), Just("be\u{442}o"), Just("guest1"), Just("guest2")];
    let command = prop_oneof![
        nick.clone().prop_map(|nick| format!(":nick {nick}")),
        nick.prop_map(|nick| format!(":msg {nick} psst")),
        Just(":me waves".to_string()),
        Just(":who".to_string()),
        Just(":help".to_string()),
        Just(":q".to_string()),
        Just(":q now".to_string()),
        Just(":qit".to_string()),
        Just("::q".to_string()),
        Just(":)".to_string()),
        Just(" ".to_string()),
    ];
    let text = prop_oneof![
        6 => "[a-zñ ]{1,12}".prop_map(String::into_bytes),
        6 => command.prop_map(String::into_bytes),
        2 => vec(any::<u8>(), 0..20),
        1 => (LINE_MAX - 2..LINE_MAX + 3).prop_map(|len| vec![b'x'; len]),
        1 => (LINE_MAX - 2..LINE_MAX + 3).prop_map(|len| "ñ".repeat(len / 2).into_bytes()),
    ];
    let end = prop_oneof![8 => Just(&b"\n"[..]), 1 => Just(&b"\r\n"[..]), 1 => Just(&b""[..])];
    (text, end).prop_map(|(text, end)| [&text[..], end].concat())
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => vec(line(), 1..5).prop_map(|lines| lines.concat()),
        1 => (900usize..1100).prop_map(|len| vec![b'x'; len]),
    ]
}

fn room() -> impl Strategy<Value = usize> {
    prop_oneof![2 => Just(ROOMY), 1 => 0usize..400]
}

/// Things happen, and no time passes: what comes of it is not a matter of timing.
fn timeless() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..20;
    let step = prop_oneof![
        4 => room().prop_map(|room| Step::Come { room, replay: 0 }),
        12 => (who.clone(), bytes()).prop_map(|(who, bytes)| Step::Send(who, bytes)),
        1 => who.clone().prop_map(Step::End),
        1 => who.clone().prop_map(Step::Lose),
        4 => (who.clone(), 1usize..300).prop_map(|(who, bytes)| Step::Take(who, bytes)),
        6 => (who, 0usize..300).prop_map(|(who, bytes)| Step::Write(who, bytes)),
        4 => Just(Step::Turn),
    ];
    vec(step, 1..60)
}

/// Long outboxes, slow sockets and time.
fn pressing() -> impl Strategy<Value = Vec<Step>> {
    let who = 0usize..8;
    let room = prop_oneof![1 => Just(ROOMY), 2 => 0usize..200 << 10];
    let some = prop_oneof![Just(1usize), 0usize..200 << 10, 400usize << 10..2 << 20];
    let time = prop_oneof![4 => 0u64..120, 2 => 120u64..1500, 1 => 1500u64..31_000];
    let step = prop_oneof![
        3 => (room, 0usize..1500).prop_map(|(room, replay)| Step::Come { room, replay }),
        8 => (who.clone(), bytes()).prop_map(|(who, bytes)| Step::Send(who, bytes)),
        1 => who.clone().prop_map(Step::End),
        1 => who.clone().prop_map(Step::Lose),
        4 => (who.clone(), some.clone()).prop_map(|(who, bytes)| Step::Take(who, bytes)),
        4 => (who, some).prop_map(|(who, bytes)| Step::Write(who, bytes)),
        3 => Just(Step::Turn),
        4 => time.prop_map(|ms| Step::Wait(Duration::from_millis(ms))),
    ];
    vec(step, 1..40)
}

const SEATS: usize = 4;

/// Plays a script, until all that can be read has been read.
fn play(script: &[Step], style: Style, split: impl Fn(&[u8]) -> Vec<&[u8]>) -> Sim {
    let limits = Limits { clients_max: SEATS, line_max: LINE_MAX, ..Limits::default() };
    let mut sim = Sim::new(style, limits);
    sim.lazy_writers = true;
    for step in script {
        play_step(&mut sim, step, &split);
    }

    // Everybody reads all there is.
    sim.lazy_writers = false;
    sim.turn();
    for id in sim.open().collect::<Vec<_>>() {
        sim.take(id, ROOMY);
    }
    sim.turn();
    assert_eq!((sim.hub.queued, sim.hub.blockers, sim.hub.paused.len()), (0, 0, 0));
    assert!(sim.hub.members.iter().flatten().all(|member| member.leaving.is_none()), "all goodbyes are read");
    for member in sim.hub.members.iter().flatten() {
        assert_eq!(member.outbox.capacity(), 0, "an idle member costs no buffer");
    }
    sim
}

fn play_step(sim: &mut Sim, step: &Step, split: impl Fn(&[u8]) -> Vec<&[u8]>) {
    let named = |sim: &Sim, who: usize| sim.clients.keys().nth(who % sim.clients.len().max(1)).copied();
    match step {
        Step::Come { room, replay } => {
            sim.come(*room, &[EARLIER, b"\n"].concat().repeat(*replay));
        }
        Step::Send(who, bytes) => {
            if let Some(id) = named(sim, *who) {
                split(bytes).into_iter().for_each(|piece| sim.send(id, piece));
            }
        }
        Step::End(who) => named(sim, *who).into_iter().for_each(|id| sim.end(id)),
        Step::Lose(who) => named(sim, *who).into_iter().for_each(|id| sim.lose(id)),
        Step::Take(who, bytes) => named(sim, *who).into_iter().for_each(|id| sim.take(id, *bytes)),
        Step::Write(who, bytes) => named(sim, *who).into_iter().for_each(|id| sim.write(id, *bytes)),
        Step::Turn => sim.turn(),
        Step::Wait(time) => sim.wait(*time),
    }
}

fn whole(bytes: &[u8]) -> Vec<&[u8]> {
    vec![bytes]
}

// Laws.

/// Everybody got what the model says, and the console was told what it says.
fn assert_lawful(sim: &Sim) {
    let model = Model::after(&sim.history, SEATS);
    assert_eq!(sim.told, model.told);
    for (id, client) in &sim.clients {
        let owed = model.owed(*id);
        let got = &client.got;
        assert_printable(got);
        match client.left {
            _ if client.lost => assert!(owed.starts_with(got), "{id}"),
            Some((_, reason @ (Reason::TooSlow(_) | Reason::MemoryFull(_)))) => {
                // A writer that is lazy is not the client's fault, but looks the same.
                assert!(client.was_full || sim.style == Style::Threaded, "{id} took everything and was thrown out");
                assert_cut(got, &owed, &words::notice(Lang::En, &Notice::Goodbye(reason)), client.was_given_up());
            }
            Some(_) if client.was_given_up() => assert!(owed.starts_with(got), "{id}"),
            _ => assert!(owed == *got, "{id} got\n{}instead of\n{}", text(got), text(&owed)),
        }
    }
}

/// And that when the room closes.
fn assert_closes_lawfully(mut sim: Sim) {
    sim.close_room();
    sim.turn();
    assert!(sim.hub.is_deserted());
    assert_lawful(&sim);
}

fn assert_same(one: &Sim, other: &Sim) {
    assert_eq!(one.told, other.told);
    for ((id, a), b) in one.clients.iter().zip(other.clients.values()) {
        assert!(a.got == b.got || a.lost || b.lost, "{id} got\n{}and\n{}", text(&a.got), text(&b.got));
    }
}

/// Who was thrown out got a part, in whole lines, and the reason.
fn assert_cut(got: &[u8], owed: &[u8], goodbye: &[u8], gave_up: bool) {
    let mut owed = owed.strip_suffix(goodbye).expect("a goodbye is the last word");
    let mut got = got;
    while !owed.is_empty() && got.starts_with(first_line(owed)) {
        got = &got[first_line(owed).len()..];
        owed = &owed[first_line(owed).len()..];
    }
    let in_time = got == goodbye;
    let too_late = gave_up && (goodbye.starts_with(got) || first_line(owed).starts_with(got));
    assert!(in_time || too_late, "after a cut: {}", text(got));
}

fn assert_printable(got: &[u8]) {
    let mut rest = got;
    while !rest.is_empty() {
        let line = first_line(rest);
        rest = &rest[line.len()..];
        // A member may be gone in the middle of a line, and so of a character.
        if let Some(line) = line.strip_suffix(b"\n")
            && line != EARLIER
        {
            let line = str::from_utf8(line).expect("output is UTF-8");
            assert!(line.chars().all(|c| !c.is_control() || c == '\t'), "{line:?}");
        }
    }
}

fn first_line(bytes: &[u8]) -> &[u8] {
    let len = memchr::memchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    &bytes[..len]
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn everybody_gets_their_part_of_one_order(script in timeless()) {
        let [one, other] = STYLES.map(|style| play(&script, style, whole));
        assert_same(&one, &other);
        for sim in [one, other] {
            assert_lawful(&sim);
            assert_closes_lawfully(sim);
        }
    }

    #[test]
    fn a_split_changes_nothing(script in timeless(), sizes in vec(1usize..9, 1..20)) {
        for style in STYLES {
            assert_same(&play(&script, style, whole), &play(&script, style, |bytes| pieces(bytes, &sizes)));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn pressure_takes_nothing_from_those_who_stay(script in pressing()) {
        for style in STYLES {
            let sim = play(&script, style, whole);
            assert_lawful(&sim);
            assert_closes_lawfully(sim);
        }
    }
}

fn pieces<'a>(mut bytes: &'a [u8], sizes: &[usize]) -> Vec<&'a [u8]> {
    let mut pieces = Vec::new();
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (piece, rest) = bytes.split_at((*size).min(bytes.len()));
        pieces.push(piece);
        bytes = rest;
    }
    pieces
}
