//! A room on several servers: the connections to the log, and when what comes back from it is applied. What the log is, is in
//! [`link`](crate::chat::link).
//!
//! To a driver these connections are like those of clients. There are two differences: the driver makes them, when
//! [`Effect::Dial`](crate::chat::Effect::Dial) asks for it, and [`Hub::dialled`] tells their ids.

use super::{Handled, Hub};
use crate::chat::command::{self, Input};
use crate::chat::connections::line::Line;
use crate::chat::connections::sanitize::sanitize;
use crate::chat::limits::KEYS_MAX;
use crate::chat::link::Link;
use crate::chat::link::connection::Way;
use crate::chat::link::room::Trouble;
use crate::chat::messages::Notice;
use crate::chat::newcomers::{Arrival, Newcomer};
use crate::chat::peer::{Origin, Peer};
use crate::chat::room::{Linked, Outcome, Room};
use crate::chat::{Id, Reason, Transcript, charge, nick};
use charge::Order;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Members are told that the room waits when it has waited for this long. Most troubles are over by then.
const TELL_AFTER: Duration = Duration::from_millis(300);
/// A server that closes waits this long until the log has what its members said last.
const CLOSING_PATIENCE: Duration = Duration::from_secs(1);
/// While members cannot keep up, the log is not read on. When this server is so far behind that the log might be trimmed before it
/// is read, they have to go. Milliseconds of the log's clock.
const LAG_MAX: u64 = 5000;

/// The connections to the log.
pub(super) struct Upstream {
    addrs: Vec<SocketAddr>,
    /// The address that is dialled next.
    next: usize,
    ids: [Option<Id>; 2],
    /// What the driver is dialling for.
    dialling: Option<Way>,
    waiting: Waiting,
    closing_since: Option<Instant>,
}

/// Since when the room waits, and whether its members know.
enum Waiting {
    No,
    Since(Instant),
    Told,
}

impl Hub {
    /// The room is on several servers from now on. Call it before anybody connects. The log is at one of these addresses.
    pub(crate) fn share_room(mut self, link: Link, addrs: Vec<SocketAddr>) -> Hub {
        self.room.link = Some(Box::new(Linked::new(link)));
        self.connections.have_log();
        let ids = [None, None];
        self.upstream =
            Some(Upstream { addrs, next: 0, ids, dialling: None, waiting: Waiting::No, closing_since: None });
        self
    }

    /// What is wrong with the log, and members know that the room waits for it; `None` if it does not.
    pub(crate) fn trouble(&self) -> Option<&Trouble> {
        let is_told = matches!(self.upstream.as_ref()?.waiting, Waiting::Told);
        self.link()?.trouble().filter(|_| is_told)
    }

    pub(super) fn is_linked(&self) -> bool {
        self.room.link.is_some()
    }

    fn link(&self) -> Option<&Link> {
        self.room.link.as_deref().map(|linked| &linked.link)
    }

    fn link_mut(&mut self) -> Option<&mut Link> {
        self.room.link_mut()
    }

    // The driver's side.

    /// The connection that [`Effect::Dial`](crate::chat::Effect::Dial) asked for is made, or begun: bytes that are written to it wait
    /// until it is made. `key` is the driver's number for it, as for a client's. Returns the id under which the driver reports what
    /// happens to it. `None` if nothing was asked for, or if the key is taken.
    #[must_use = "everything else about the connection is told by its id"]
    pub fn dialled(&mut self, key: usize) -> Option<Id> {
        if key >= KEYS_MAX || self.connections.has_key(key) {
            self.not_dialled();
            return None;
        }
        let way = self.upstream.as_mut()?.dialling.take()?;
        self.last_serial = self.next_serial();
        let id = Id::without_number(self.last_serial, key);
        self.connections.open_upstream(id);
        self.upstream.as_mut()?.ids[way as usize] = Some(id);
        self.link_mut()?.connected(way);
        Some(id)
    }

    /// The connection that [`Effect::Dial`](crate::chat::Effect::Dial) asked for could not be made.
    pub fn not_dialled(&mut self) {
        if let Some(way) = self.upstream.as_mut().and_then(|upstream| upstream.dialling.take()) {
            self.lost(way);
        }
    }

    /// Which way to the log this connection is; `None` if it is a client's.
    fn way(&self, id: Id) -> Option<Way> {
        let ids = self.upstream.as_ref()?.ids;
        Way::BOTH.into_iter().find(|way| ids[*way as usize] == Some(id))
    }

    /// Bytes came from the log.
    pub(super) fn receive_upstream(&mut self, id: Id, bytes: &[u8]) -> bool {
        let Some(way) = self.way(id) else { return false };
        if let Some(link) = self.link_mut() {
            link.receive(way, bytes);
        }
        self.tend_link();
        true
    }

    /// A connection to the log is gone. Returns `false` if it is a client's.
    pub(super) fn lose_upstream(&mut self, id: Id) -> bool {
        let Some(way) = self.way(id) else { return false };
        self.connections.leave(id, Reason::Lost, &[]);
        self.lost(way);
        true
    }

    fn lost(&mut self, way: Way) {
        if let Some(upstream) = &mut self.upstream {
            upstream.ids[way as usize] = None;
            // There may be another one at another address.
            upstream.next = (upstream.next + 1) % upstream.addrs.len().max(1);
        }
        if let Some(link) = self.link_mut() {
            link.lost(way);
        }
    }

    // The turn.

    /// Tells the link the time. Returns whether that brought something.
    pub(super) fn tick_link(&mut self) -> bool {
        let now = self.connections.now();
        let Some(link) = self.link_mut() else { return false };
        link.tick(now);
        self.tend_link()
    }

    /// Carries out what the link asks for. Returns whether something was applied.
    fn tend_link(&mut self) -> bool {
        for way in Way::BOTH {
            let id = self.upstream.as_ref().and_then(|upstream| upstream.ids[way as usize]);
            let has_failed = self.link_mut().is_some_and(|link| link.has_failed(way));
            if has_failed || id.is_some_and(|id| !self.connections.is_open(id)) {
                id.into_iter().for_each(|id| self.connections.leave(id, Reason::Lost, &[]));
                self.lost(way);
            }
        }
        let were_any = self.apply();
        self.keep_up();
        self.tell_of_waiting();
        self.finish_closing();
        were_any
    }

    /// Applies what came back, as much as this turn has room for.
    fn apply(&mut self) -> bool {
        let mut were_any = false;
        while self.connections.turn_has_room() && !self.connections.some_block() {
            let Some(applied) = self.link_mut().and_then(Link::next_applied) else { break };
            were_any = true;
            let before = self.connections.caused();
            let Hub { room, connections, replay, .. } = self;
            let replay = |room: &Room| match replay {
                Some(replay) => replay(room.transcript().unwrap_or(&Transcript::default())),
                None => Vec::new(),
            };
            match room.apply(connections, applied, replay) {
                Outcome::Spoke(id) if connections.is_paced(id) => {
                    connections.spend(id, (connections.caused() - before) as usize);
                }
                Outcome::Ordered(line) => self.obey(&line),
                Outcome::Spoke(_) | Outcome::Nothing => {}
            }
            self.room.evict(&mut self.connections);
        }
        were_any
    }

    /// While members cannot keep up, the log is not read on, and waits. But not too long.
    fn keep_up(&mut self) {
        let some_block = self.connections.some_block();
        let Some(link) = self.link_mut() else { return };
        let (is_held, is_full) = (some_block || link.has_applied(), link.is_congested());
        link.hold(is_held);
        let is_late = some_block && link.lag() > LAG_MAX;
        self.connections.fill_log(is_full);
        if is_late {
            for (id, waiting) in self.connections.blockers() {
                self.room.leave(&mut self.connections, id, Reason::TooSlow(waiting));
            }
        }
    }

    /// Tells all when the room waits for its log, or for the answer of the other servers.
    fn tell_of_waiting(&mut self) {
        let now = self.connections.now();
        let waits = self.link().is_some_and(|link| link.trouble().is_some() || !link.has_joined());
        let Some(upstream) = &mut self.upstream else { return };
        let notice = match (waits, &upstream.waiting) {
            (true, Waiting::No) => {
                upstream.waiting = Waiting::Since(now);
                return;
            }
            (true, Waiting::Since(since)) if *since + TELL_AFTER <= now => {
                upstream.waiting = Waiting::Told;
                Notice::RoomWaits
            }
            (false, Waiting::Told) => {
                upstream.waiting = Waiting::No;
                Notice::RoomGoesOn
            }
            (false, Waiting::Since(_)) => {
                upstream.waiting = Waiting::No;
                return;
            }
            _ => return,
        };
        self.room.tell_everybody(&mut self.connections, &notice);
    }

    /// The end of the turn: what happened in it is appended. Returns whether that makes new effects.
    pub(super) fn append_turn(&mut self) -> bool {
        if self.room.link.is_none() {
            return false;
        }
        self.keep_up();
        let is_over = self.is_over();
        let Some(link) = self.link_mut() else { return false };
        link.end_turn();
        let outputs = Way::BOTH.map(|way| link.output(way));
        let way = if is_over { None } else { link.dial() };
        let has_news = way.is_some() || outputs.iter().any(|bytes| !bytes.is_empty());
        let Some(upstream) = &mut self.upstream else { return false };
        for (id, bytes) in upstream.ids.iter().zip(&outputs) {
            if let Some(id) = id.filter(|_| !bytes.is_empty()) {
                self.connections.send_upstream(id, bytes);
            }
        }
        if let Some(way) = way
            && let Some(addr) = upstream.addrs.get(upstream.next)
        {
            upstream.dialling = Some(way);
            self.connections.dial(*addr);
        }
        has_news
    }

    /// When the next turn has to begin because of the log, if nothing comes from it.
    pub fn link_deadline(&self) -> Option<Instant> {
        let (link, upstream) = (self.link()?, self.upstream.as_ref().filter(|_| !self.is_over())?);
        let now = self.connections.now();
        let may_apply = link.has_applied() && !self.connections.some_block();
        let notice = match upstream.waiting {
            Waiting::Since(since) => Some(since + TELL_AFTER),
            _ => None,
        };
        let end = upstream.closing_since.map(|since| since + CLOSING_PATIENCE);
        let apply = may_apply.then_some(now);
        link.next_deadline().into_iter().chain(notice).chain(apply).chain(end).min()
    }

    // The end.

    /// Whether the room is closed, and no connection is left.
    fn is_over(&self) -> bool {
        self.upstream.as_ref().is_some_and(|upstream| upstream.closing_since.is_some()) && self.connections.is_empty()
    }

    /// All members here have left. The others learn of it, if the log can be reached.
    pub(super) fn leave_room(&mut self) {
        let now = self.connections.now();
        if let Some(upstream) = &mut self.upstream
            && upstream.closing_since.is_none()
        {
            upstream.closing_since = Some(now);
            if let Some(link) = self.link_mut() {
                link.stop();
            }
        }
    }

    /// When the log has what was said last, or does not take it for long, the connections to it are closed.
    fn finish_closing(&mut self) {
        let Some(since) = self.upstream.as_ref().and_then(|upstream| upstream.closing_since) else { return };
        let is_settled = self.link().is_some_and(|link| link.is_settled() && !link.has_applied());
        if is_settled || self.connections.now() >= since + CLOSING_PATIENCE {
            for id in self.upstream.iter_mut().flat_map(|upstream| &mut upstream.ids).filter_map(Option::take) {
                self.connections.leave(id, Reason::Closing, &[]);
            }
        }
    }

    // Clients.

    /// Whether a client has a seat, and will get its number from the log.
    pub(super) fn gets_number_from_log(&self, id: Id) -> bool {
        self.is_linked() && !id.has_number() && self.door.as_ref().is_none_or(|door| door.stage(id).is_none())
    }

    /// A newcomer asks to enter.
    pub(super) fn let_enter(&mut self, id: Id, peer: Peer) {
        self.enter_with(id, peer, None);
    }

    fn enter_with(&mut self, id: Id, peer: Peer, nick: Option<&str>) {
        self.room.ask_to_enter(&mut self.connections, id, peer, nick);
        if self.upstream.as_ref().is_some_and(|upstream| matches!(upstream.waiting, Waiting::Told)) {
            self.room.tell(&mut self.connections, id, &Notice::RoomWaits);
        }
    }

    /// A client without a number has sent a line. It enters, and the line waits for the number. If it asks for a name, it enters with
    /// that.
    pub(super) fn hear_newcomer(&mut self, id: Id, line: &Line<'_>) -> Handled {
        let text = match line {
            Line::Text(b":q") => {
                self.leave(id, Reason::Quit);
                return Handled::Left;
            }
            Line::Text(text) => *text,
            Line::TooLong(_) | Line::Endless => b"",
        };
        let clean = sanitize(text);
        let wish = match command::parse(&clean) {
            Input::Nick(nick) => Some(nick).filter(|nick| nick::check(nick, 0).is_ok()),
            _ => None,
        };
        if let Some(Newcomer { arrival: Some(Arrival { peer, .. }), .. }) = self.newcomers.remove(id) {
            self.enter_with(id, peer, wish);
            if wish.is_some() {
                return Handled::HeldBack;
            }
        }
        self.connections.hold_back(id, &[text, b"\n"].concat());
        Handled::HeldBack
    }

    // Orders.

    /// An order that concerns other servers goes to the log. Returns the answer if there is nothing to do here.
    pub(super) fn forward(&mut self, by: Option<Id>, line: &str, order: &Order<'_>) -> Option<String> {
        match order {
            Order::Unban(addr) => self.room.forward(&format!(":unban {addr}")),
            Order::Announce(_) => {
                self.room.note_order(by, line);
                self.room.forward(line);
                return Some(String::new());
            }
            _ => {}
        }
        let whom = order.whom()?;
        let found = self.room.find(whom);
        let is_elsewhere = found.is_some_and(|id| self.room.peer(id) == Some(Peer::Elsewhere));
        match *order {
            Order::Ban { whom, minutes } if !is_elsewhere => {
                let addr = whom.parse().ok().or_else(|| Some(self.room.peer(found?)?.origin()))?;
                let addr = Origin::network(addr);
                let minutes = minutes.map(|minutes| minutes.to_string()).unwrap_or_default();
                self.room.forward(format!(":ban {addr} {minutes}").trim_end());
                None
            }
            _ if is_elsewhere => {
                let number = found?.number();
                self.room.note_order(by, line);
                self.room.forward(&line.replacen(whom, &format!("#{number}"), 1));
                Some(String::new())
            }
            _ => None,
        }
    }

    /// Carries out the order of another server, on those that are here.
    fn obey(&mut self, line: &str) {
        let Some(order) = charge::parse(line) else { return };
        if order.whom().is_none() && !matches!(order, Order::Unban(_)) {
            return;
        }
        if let Some(member) = order.whom().filter(|whom| whom.starts_with('#')) {
            let peer = self.room.find(member).and_then(|id| self.room.peer(id));
            if peer.is_none_or(|peer| peer == Peer::Elsewhere) {
                return;
            }
            if matches!(order, Order::Ban { .. }) {
                // The others have to know the address.
                self.forward(None, line, &order);
            }
        }
        self.carry_out_here(None, line, order);
    }
}
