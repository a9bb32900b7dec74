//! Calls at the wrong time, with a wrong number, or for a client that is gone: all of them are harmless.

use crate::chat::Peer;
use crate::chat::limits::{KEYS_MAX, PATIENCE_BELOW};
use crate::chat::messages::Said;
use crate::chat::{Effect, Hub, Id, Lang, Limits, Reason, Transcript};
use std::time::Instant;

const HOLA: &[u8] = b"<guest1> hola\n";

fn peer() -> Peer {
    ([127, 0, 0, 1], 4000).into()
}

fn hub(seats: usize) -> Hub {
    let limits = Limits { clients_max: seats, ..Limits::default() };
    Hub::new(limits, Lang::En, Instant::now()).record()
}

/// A room of two clients that have read everything.
fn room_of_two() -> (Hub, Id, Id) {
    let mut hub = hub(6);
    let [ana, beto] = [0, 1].map(|key| hub.connect(key, peer()).expect("a free seat and key"));
    hub.welcome_newcomers();
    turn(&mut hub);
    (hub, ana, beto)
}

fn say_hola(hub: &mut Hub, id: Id) {
    hub.permit(id).expect("nobody has to wait").receive(b"hola\n");
}

fn gathered(hub: &Hub, id: Id) -> Vec<u8> {
    hub.gather(id).iter().flat_map(|slice| slice.iter().copied()).collect()
}

/// Steps 3 and 4 of a turn, in the direct way, with sockets that take everything. Returns what was written, in order.
fn turn(hub: &mut Hub) -> Vec<(Id, Vec<u8>)> {
    let mut written = Vec::new();
    while let Some(effect) = hub.poll_effect() {
        if let Effect::Flush(id) = effect {
            let bytes = gathered(hub, id);
            assert!(!hub.wrote(id, bytes.len()));
            written.push((id, bytes));
        }
    }
    hub.end_turn();
    hub.assert_consistent();
    assert_eq!((hub.connections.queued, hub.next_deadline()), (0, None), "everything is written");
    written
}

#[test]
fn connect_without_a_seat_or_with_an_unusable_key_changes_nothing() {
    let mut hub = hub(2);
    let ana = hub.connect(7, peer()).expect("a free seat and key");
    assert_eq!(hub.connect(7, peer()), None, "the key is taken");
    assert_eq!(hub.connect(KEYS_MAX, peer()), None, "the key is too large");
    assert_eq!(hub.connect(usize::MAX, peer()), None, "the key is too large");
    assert_eq!(hub.next_serial(), 2);
    let beto = hub.connect(8, peer()).expect("a free seat and key");
    assert_eq!(hub.connect(9, peer()), None, "there is no seat");
    hub.welcome_newcomers();
    hub.assert_consistent();
    assert_eq!(turn(&mut hub).iter().map(|(id, _)| *id).collect::<Vec<_>>(), [ana, beto]);

    // The seat and the key are free again.
    hub.disconnect(ana, Reason::Lost);
    assert!(hub.connect(7, peer()).is_some());
}

#[test]
fn a_key_is_taken_until_its_client_is_closed() {
    let mut hub = hub(2);
    let ana = hub.connect(0, peer()).expect("a free seat and key");
    hub.receive_end(ana);
    assert_eq!(hub.connect(0, peer()), None, "its goodbye is not written yet");
    turn(&mut hub);
    assert!(hub.connect(0, peer()).is_some());
}

#[test]
fn a_refusal_with_free_seats_changes_nothing() {
    let (mut hub, ..) = room_of_two();
    assert!(hub.refuse(peer()).starts_with(b"-- the room is full"));
    assert!(turn(&mut hub).is_empty() && hub.has_seat());
}

#[test]
fn a_gone_client_is_ignored_everywhere() {
    let (mut hub, ana, beto) = room_of_two();
    hub.disconnect(ana, Reason::Lost);
    turn(&mut hub);
    say_hola(&mut hub, ana);
    hub.receive_end(ana);
    hub.disconnect(ana, Reason::Lost);
    hub.writable(ana);
    hub.carried(ana, 1);
    assert!(!hub.wrote(ana, 1));
    assert!(gathered(&hub, ana).is_empty() && hub.carry_off(ana).is_none() && !hub.is_seated(ana));
    assert!(turn(&mut hub).is_empty() && hub.is_seated(beto));
}

#[test]
fn a_client_that_is_leaving_is_heard_no_more() {
    let (mut hub, ana, beto) = room_of_two();
    hub.receive_end(ana);
    say_hola(&mut hub, ana);
    hub.receive_end(ana);
    let written = turn(&mut hub);
    assert_eq!(written, [(ana, b"-- goodbye\n".to_vec()), (beto, b"-- guest1 (#1) is gone: hung up\n".to_vec())]);
}

#[test]
fn effects_that_are_polled_again_are_none() {
    let (mut hub, ana, _) = room_of_two();
    assert_eq!((hub.poll_effect(), hub.poll_effect()), (None, None));
    say_hola(&mut hub, ana);
    turn(&mut hub);
    assert_eq!((hub.poll_effect(), hub.poll_effect()), (None, None));
}

#[test]
fn a_turn_that_ends_before_its_effects_are_polled_loses_nothing() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    hub.end_turn();
    hub.end_turn();
    hub.assert_consistent();
    assert!(hub.next_deadline().is_some(), "the driver may not sleep now");
    assert_eq!(turn(&mut hub), [(beto, HOLA.to_vec())]);
}

#[test]
fn a_flush_that_is_not_carried_out_loses_nothing() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    assert_eq!(hub.poll_effect(), Some(Effect::Flush(beto)));
    assert_eq!(hub.poll_effect(), None);
    hub.end_turn();
    hub.assert_consistent();
    assert_eq!(turn(&mut hub), [(beto, HOLA.to_vec())]);
}

#[test]
fn more_bytes_than_were_gathered_count_as_those() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    assert!(!hub.wrote(beto, usize::MAX));
    assert!(gathered(&hub, beto).is_empty());
    assert!(turn(&mut hub).is_empty());

    // The same with bytes in an outbox.
    say_hola(&mut hub, ana);
    assert!(hub.wrote(beto, 1));
    say_hola(&mut hub, ana);
    assert!(!hub.wrote(beto, usize::MAX));
    assert!(turn(&mut hub).is_empty());
}

#[test]
fn more_bytes_than_were_carried_off_count_as_those() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    assert_eq!(hub.carry_off(beto).map(|flight| flight.to_vec()).as_deref(), Some(HOLA));
    hub.carried(beto, usize::MAX);
    hub.carried(beto, usize::MAX);
    hub.assert_consistent();
    assert!(hub.carry_off(beto).is_none() && turn(&mut hub).is_empty());
}

#[test]
fn an_account_of_nothing_carried_off_is_ignored() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    hub.carried(beto, 5);
    hub.assert_consistent();
    assert_eq!(turn(&mut hub), [(beto, HOLA.to_vec())]);
}

#[test]
fn what_is_carried_off_is_not_overtaken_by_a_direct_write() {
    let (mut hub, ana, beto) = room_of_two();
    say_hola(&mut hub, ana);
    assert_eq!(hub.carry_off(beto).map(|flight| flight.to_vec()).as_deref(), Some(HOLA));
    assert!(hub.carry_off(beto).is_none(), "one writer at a time");
    say_hola(&mut hub, ana);
    assert!(gathered(&hub, beto).is_empty());
    assert!(!hub.wrote(beto, 3), "nothing was gathered");
    assert_eq!(hub.poll_effect(), None, "there is a writer already");
    hub.end_turn();
    hub.assert_consistent();
    hub.carried(beto, HOLA.len());
    assert_eq!(hub.carry_off(beto).map(|flight| flight.to_vec()).as_deref(), Some(HOLA));
    hub.carried(beto, HOLA.len());
    assert!(turn(&mut hub).is_empty());
}

#[test]
fn a_client_that_was_not_full_may_be_called_writable() {
    let (mut hub, ana, beto) = room_of_two();
    hub.writable(beto);
    assert!(turn(&mut hub).is_empty());
    say_hola(&mut hub, ana);
    hub.writable(beto);
    assert_eq!(turn(&mut hub), [(beto, HOLA.to_vec())]);
}

#[test]
fn a_clock_that_goes_back_stands_still() {
    let (mut hub, ana, beto) = room_of_two();
    let start = hub.connections.now();
    say_hola(&mut hub, ana);
    assert!(hub.wrote(beto, 0));
    assert_eq!(hub.poll_effect(), None);
    hub.end_turn();
    hub.tick(start - PATIENCE_BELOW);
    assert_eq!(hub.next_deadline(), Some(start + PATIENCE_BELOW));
    assert!(hub.is_seated(beto));
}

#[test]
fn a_transcript_that_was_not_read_is_added_to() {
    let (mut hub, ana, _) = room_of_two();
    let mut transcript = Transcript::default();
    hub.take_transcript(&mut transcript);
    say_hola(&mut hub, ana);
    hub.take_transcript(&mut transcript);
    hub.take_transcript(&mut transcript);
    let said: Vec<_> = transcript.iter().map(|event| Said(Lang::En, &event).to_string()).collect();
    assert_eq!(said.len(), 3);
    assert_eq!(said[2], "#1 <guest1> hola");
}

#[test]
fn a_hub_that_does_not_record_has_no_transcript() {
    let mut hub = Hub::new(Limits::default(), Lang::En, Instant::now());
    let ana = hub.connect(0, peer()).expect("a free seat and key");
    say_hola(&mut hub, ana);
    let mut transcript = Transcript::default();
    hub.take_transcript(&mut transcript);
    assert!(transcript.is_empty());
}
