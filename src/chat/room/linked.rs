//! A room on several servers. What a member wants goes to the log, and happens when it comes back: in the same order on all servers.
//!
//! Members of other servers are members as all others are. Their ids have keys that no connection has. So are those that have left
//! here, until the log says it: their clients are gone, and what they said before is still to come.

use super::conversation::Room;
use super::messages::{self, Notice};
use crate::chat::connections::Connections;
use crate::chat::id::Id;
use crate::chat::link::entry::Event;
use crate::chat::link::replica::Applied;
use crate::chat::link::{Link, is_gone};
use crate::chat::nick;
use crate::chat::peer::Peer;
use crate::chat::reason::Reason;
use std::collections::{BTreeMap, HashMap};

/// The log, and who is who in it.
pub(in crate::chat) struct Linked {
    pub link: Link,
    /// All members, by number.
    ids: HashMap<u64, Id>,
    /// Clients of this server that have no number yet, by ticket. A ticket is a client's serial number.
    expected: BTreeMap<u64, Expected>,
    /// Where clients came from that have left before they got a number, by ticket.
    missed: BTreeMap<u64, Peer>,
    /// Places of members whose clients are not here, to be taken again.
    free: Vec<usize>,
    /// The number of all these places.
    places: usize,
}

struct Expected {
    id: Id,
    peer: Peer,
}

/// What the hub has to do after something was applied.
pub(in crate::chat) enum Outcome {
    Nothing,
    /// What this client has said, or done, may have filled outboxes.
    Spoke(Id),
    /// An order of another server has to be carried out.
    Ordered(String),
}

impl Linked {
    pub(in crate::chat) fn new(link: Link) -> Linked {
        Linked {
            link,
            ids: HashMap::new(),
            expected: BTreeMap::new(),
            missed: BTreeMap::new(),
            free: Vec::new(),
            places: 0,
        }
    }

    /// An id for a member whose client is not here.
    fn elsewhere(&mut self, number: u64) -> Id {
        let at = self.free.pop().unwrap_or(self.places);
        self.places = self.places.max(at + 1);
        Id::elsewhere(number, at)
    }
}

/// What is asked of the log.
impl Room {
    pub(in crate::chat) fn link_mut(&mut self) -> Option<&mut Link> {
        self.link.as_deref_mut().map(|linked| &mut linked.link)
    }

    fn append(&mut self, event: &Event<'_>) {
        if let Some(link) = self.link_mut() {
            link.append(event);
        }
    }

    /// A client asks to enter, perhaps with the name that it wants.
    pub(in crate::chat) fn ask_to_enter(
        &mut self,
        connections: &mut Connections,
        id: Id,
        peer: Peer,
        nick: Option<&str>,
    ) {
        let ticket = id.serial();
        self.append(&Event::Arrived { ticket });
        if let Some(nick) = nick {
            self.append(&Event::Named { ticket, nick });
        }
        self.expect(connections, id, peer);
    }

    fn expect(&mut self, connections: &mut Connections, id: Id, peer: Peer) {
        if let Some(linked) = &mut self.link {
            linked.expected.insert(id.serial(), Expected { id, peer });
            connections.wait_for_log(id, true);
        }
    }

    /// A client that has left is no longer here. Its member leaves when the log says so.
    pub(super) fn ask_to_leave(&mut self, id: Id, reason: Reason, words: &str) {
        let Some(linked) = &mut self.link else { return };
        let expected = linked.expected.remove(&id.serial());
        linked.missed.extend(expected.as_ref().map(|it| (id.serial(), it.peer)));
        if expected.is_some() || self.members.get(id).is_some() {
            self.append(&Event::Left { ticket: id.serial(), why: &reason.write(words) });
            self.detach(id);
        }
    }

    /// A member's client is gone.
    fn detach(&mut self, id: Id) {
        let (Some(linked), Some(member)) = (&mut self.link, self.members.remove(id)) else { return };
        let elsewhere = linked.elsewhere(id.number());
        linked.ids.insert(id.number(), elsewhere);
        self.wearers.insert(nick::skeletons(member.nick()), elsewhere);
        self.members.insert(elsewhere, member);
    }

    pub(super) fn ask_to_say(&mut self, id: Id, text: &str) {
        self.ask_with_nick(id, |ticket, nick, link| link.append(&Event::Said { ticket, nick, text }));
    }

    pub(super) fn ask_to_act(&mut self, id: Id, text: &str) {
        self.ask_with_nick(id, |ticket, nick, link| link.append(&Event::Acted { ticket, nick, text }));
    }

    fn ask_with_nick(&mut self, id: Id, append: impl FnOnce(u64, &str, &mut Link)) {
        if let (Some(member), Some(linked)) = (self.members.get(id), &mut self.link) {
            append(id.serial(), member.nick(), &mut linked.link);
        }
    }

    pub(super) fn ask_to_whisper(&mut self, id: Id, to: Id, text: &str) {
        self.append(&Event::Whispered { ticket: id.serial(), to: to.number(), text });
    }

    /// What the member says next waits for the answer: it is said under the name that it has then.
    pub(super) fn ask_for_name(&mut self, connections: &mut Connections, id: Id, nick: &str) {
        self.append(&Event::Named { ticket: id.serial(), nick });
        connections.wait_for_log(id, true);
    }

    /// It may give orders at once.
    pub(super) fn ask_for_charge(&mut self, id: Id) {
        if let Some(member) = self.members.get_mut(id) {
            member.be_in_charge();
            self.append(&Event::TookCharge { ticket: id.serial() });
        }
    }

    /// Other servers have to carry out this order, too.
    pub(in crate::chat) fn forward(&mut self, order: &str) {
        self.append(&Event::Ordered { line: order });
    }

    /// Tells all whose clients are here, also those that have no number yet.
    pub(in crate::chat) fn tell_everybody(&mut self, connections: &mut Connections, notice: &Notice<'_>) {
        connections.send_all(&messages::notice(self.lang(), notice));
        for id in self.expected() {
            self.tell(connections, id, notice);
        }
    }

    /// The clients that have no number yet.
    pub(super) fn expected(&self) -> Vec<Id> {
        self.link.iter().flat_map(|linked| linked.expected.values()).map(|it| it.id).collect()
    }

    /// The number of members whose clients are here.
    pub(super) fn count_here(&self) -> usize {
        self.members.here().count()
    }
}

/// What comes back from the log.
impl Room {
    /// Applies what the log says. `replay` gives the earlier messages for somebody who enters here.
    pub(in crate::chat) fn apply(
        &mut self,
        connections: &mut Connections,
        applied: Applied,
        replay: impl FnOnce(&Room) -> Vec<u8>,
    ) -> Outcome {
        let Some(linked) = &mut self.link else { return Outcome::Nothing };
        let with_number = |number: u64| linked.ids.get(&number).copied();
        let own = linked.link.server();
        match applied {
            Applied::Arrived { number, ticket, server } => {
                self.arrives(connections, number, (server == own).then_some(ticket), replay);
            }
            Applied::Renamed { number, nick, .. } => {
                let Some(id) = with_number(number) else { return Outcome::Nothing };
                self.renamed(connections, id, &nick);
                connections.wait_for_log(id, false);
            }
            Applied::Refused { number, nick } => {
                let Some(id) = with_number(number) else { return Outcome::Nothing };
                self.announce(connections, id);
                self.tell(connections, id, &Notice::NickTaken(&nick));
                connections.wait_for_log(id, false);
            }
            Applied::Said { number, text } => {
                let Some(id) = with_number(number) else { return Outcome::Nothing };
                self.said(connections, id, &text);
                return Outcome::Spoke(id);
            }
            Applied::Acted { number, text } => {
                let Some(id) = with_number(number) else { return Outcome::Nothing };
                self.acted(connections, id, &text);
                return Outcome::Spoke(id);
            }
            Applied::Whispered { number, to, text } => {
                let (Some(id), receiver) = (with_number(number), with_number(to)) else { return Outcome::Nothing };
                match receiver {
                    Some(receiver) => self.whispered(connections, id, receiver, &text),
                    None => self.tell(connections, id, &Notice::NobodyCalled(&format!("#{to}"))),
                }
                return Outcome::Spoke(id);
            }
            Applied::Left { number, why, .. } => {
                let Some(id) = linked.ids.remove(&number) else { return Outcome::Nothing };
                linked.free.extend(id.place_elsewhere());
                let peer = self.peer(id);
                let (reason, words) = Reason::read(&why);
                self.left(connections, id, reason, words);
                // The others have taken this server for gone. Its clients are here, and enter again.
                if let Some(peer) = peer.filter(|_| is_gone(&why) && connections.is_open(id)) {
                    self.expect(connections, id, peer);
                }
            }
            Applied::TookCharge { number } => {
                let Some(id) = with_number(number) else { return Outcome::Nothing };
                self.took_charge(connections, id);
            }
            Applied::Ordered { server, line } => {
                if let Some(text) = line.strip_prefix(":say ") {
                    connections.send_all(&messages::notice(self.lang(), &Notice::Announcement(text)));
                } else if server != own {
                    return Outcome::Ordered(line);
                }
            }
            Applied::Missed { entries, .. } => {
                connections.send_all(&messages::notice(self.lang(), &Notice::EntriesLost(entries)));
            }
            Applied::Gone { .. } | Applied::Asked { .. } | Applied::Answered { .. } | Applied::Checked { .. } => {}
        }
        Outcome::Nothing
    }

    /// A member has arrived: on this server if there is a ticket.
    fn arrives(
        &mut self,
        connections: &mut Connections,
        number: u64,
        ticket: Option<u64>,
        replay: impl FnOnce(&Room) -> Vec<u8>,
    ) {
        let Some(linked) = &mut self.link else { return };
        let id = match ticket.and_then(|ticket| linked.expected.remove(&ticket)) {
            Some(Expected { id, peer }) => {
                let id = id.numbered(number);
                linked.ids.insert(number, id);
                connections.rename(id);
                let replay = replay(self);
                self.enter(connections, id, peer, &replay);
                connections.wait_for_log(id, false);
                id
            }
            None => {
                let id = linked.elsewhere(number);
                linked.ids.insert(number, id);
                let peer = ticket.and_then(|ticket| linked.missed.remove(&ticket));
                self.entered(id, peer.unwrap_or(Peer::Elsewhere));
                id
            }
        };
        // Whoever gets a name at the same time is announced under that.
        let gets_name = self.link_mut().is_some_and(|link| link.names_next(number));
        if !gets_name {
            self.announce(connections, id);
        }
    }
}
