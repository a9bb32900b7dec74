//! Encrypted connections: the same conversations, with a real TLS client at the other end of each pipe.

use super::conversations::{MS, TestRoom};
use super::sim::ROOMY;
use crate::certificates::Pinned;
use crate::chat::limits::*;
use crate::chat::{Id, Limits, Reason, Refusal, Secret, Tls};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ClientConfig, ClientConnection, Error, SupportedProtocolVersion};
use std::cell::{Cell, RefCell};
use std::io::{BufRead, Write};
use std::sync::Arc;

/// A certificate and its key.
fn made() -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["tertulia".to_owned()]).expect("a certificate");
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    (vec![made.cert.der().clone()], key.into())
}

fn encrypted() -> Limits {
    let (certificates, key) = made();
    Limits { tls: Some(Tls::new(certificates, key).expect("the key is the certificate's")), ..Limits::default() }
}

fn client(version: &'static SupportedProtocolVersion) -> ClientConnection {
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_protocol_versions(&[version])
        .expect("a known version")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Pinned::new(None)))
        .with_no_client_auth();
    ClientConnection::new(Arc::new(config), "tertulia".try_into().expect("a name")).expect("a client")
}

/// A client with a TLS connection.
struct Member<'a> {
    room: &'a TestRoom,
    id: Id,
    tls: RefCell<ClientConnection>,
    /// Bytes of its socket that it has read.
    read: Cell<usize>,
    heard: RefCell<Vec<u8>>,
    /// What became of the last record.
    end: RefCell<Option<Error>>,
    /// The size of the pieces in which its records are sent.
    piece: usize,
}

impl<'a> Member<'a> {
    fn comes(room: &'a TestRoom, version: &'static SupportedProtocolVersion, piece: usize) -> Member<'a> {
        let id = room.sim().come(ROOMY, b"").expect("there is a place");
        Member::with_id(room, id, version, piece)
    }

    fn with_id(room: &'a TestRoom, id: Id, version: &'static SupportedProtocolVersion, piece: usize) -> Member<'a> {
        let tls = RefCell::new(client(version));
        let heard = RefCell::default();
        Member { room, id, tls, read: Cell::new(0), heard, end: RefCell::default(), piece }
    }

    /// Connects, whether or not a seat is free.
    fn connects(room: &'a TestRoom) -> Member<'a> {
        Member::with_id(room, room.sim().connect(ROOMY, b""), &TLS13, usize::MAX)
    }

    /// Comes, and ends the handshake.
    fn enters_as(room: &'a TestRoom, version: &'static SupportedProtocolVersion) -> Member<'a> {
        let member = Member::comes(room, version, usize::MAX);
        member.enters();
        member
    }

    /// Ends the handshake.
    fn enters(&self) {
        for _ in 0..10 {
            self.exchange();
        }
        assert!(!self.tls.borrow().is_handshaking(), "{:?}", self.end);
    }

    fn says(&self, text: &str) {
        self.tls.borrow_mut().writer().write_all(text.as_bytes()).expect("a buffer");
        self.exchange();
    }

    /// Says this, and no time passes.
    fn says_at_once(&self, text: &str) {
        self.tls.borrow_mut().writer().write_all(text.as_bytes()).expect("a buffer");
        self.sends();
    }

    fn sends(&self) {
        for piece in self.to_send().chunks(self.piece) {
            self.room.sim().send(self.id, piece);
            self.room.sim().turn();
        }
    }

    /// Sends what there is to send, lets the server work, and reads.
    fn exchange(&self) {
        self.sends();
        self.room.waits(OPENING_PATIENCE);
        self.reads();
    }

    fn to_send(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut tls = self.tls.borrow_mut();
        while tls.wants_write() {
            tls.write_tls(&mut bytes).expect("a vector");
        }
        bytes
    }

    fn reads(&self) {
        let all = self.room.sim().client(self.id).got.clone();
        let mut rest = &all[self.read.replace(all.len())..];
        let mut tls = self.tls.borrow_mut();
        while !rest.is_empty() && self.end.borrow().is_none() {
            if tls.read_tls(&mut rest).expect("there is room") == 0 {
                break;
            }
            if let Err(e) = tls.process_new_packets() {
                *self.end.borrow_mut() = Some(e);
            }
            let mut reader = tls.reader();
            while let Ok(text @ [_, ..]) = reader.fill_buf() {
                self.heard.borrow_mut().extend(text);
                let len = text.len();
                reader.consume(len);
            }
        }
    }

    fn heard(&self) -> String {
        self.reads();
        String::from_utf8(self.heard.borrow().clone()).expect("text")
    }

    /// The server has said that it sends nothing more.
    fn is_told_the_end(&self) -> bool {
        self.reads();
        let state = self.tls.borrow_mut().process_new_packets();
        state.is_ok_and(|state| state.peer_has_closed())
    }

    fn why(&self) -> Option<Reason> {
        self.room.sim().client(self.id).left.map(|(_, reason)| reason)
    }
}

use rustls::version::{TLS12, TLS13};

#[test]
fn a_conversation_is_the_same_however_records_are_cut_and_whoever_speaks_plain_text_reads_none_of_it() {
    for (version, piece) in [(&TLS13, 1), (&TLS13, 7), (&TLS13, usize::MAX), (&TLS12, 1), (&TLS12, usize::MAX)] {
        for room in TestRoom::each(encrypted()) {
            let ana = Member::comes(&room, version, piece);
            assert!(room.sim().hub.is_newcomer(ana.id), "nobody knows who it is");
            ana.enters();
            assert!(ana.heard().starts_with("-- welcome to tertulia: you are guest1 (#1)\n"), "{}", ana.heard());
            let beto = Member::comes(&room, &TLS13, usize::MAX);
            beto.enters();
            ana.says(":nick ana\nhola\nqué tal\n");
            beto.says("bien\n");
            let heard = beto.heard();
            assert!(heard.ends_with("-- guest1 is now ana (#1)\n<ana> hola\n<ana> qué tal\n"), "{heard}");
            let heard = ana.heard();
            assert!(heard.ends_with("-- you are now ana\n<guest2> bien\n"), "{heard}");

            // A record may hold many lines, and many records one line.
            ana.says(&format!("{}\n", "x".repeat(1000)).repeat(40));
            assert_eq!(beto.heard().matches("<ana> xxx").count(), 40);
            ana.says("adiós\n:q\nnot said\n");
            assert!(ana.heard().ends_with("-- goodbye\n") && ana.is_told_the_end());
            let heard = beto.heard();
            assert!(heard.ends_with("<ana> adiós\n-- ana (#1) is gone: left\n"), "{heard}");
            assert_eq!(ana.why(), Some(Reason::Quit));
            for id in [ana.id, beto.id] {
                let wire = room.sim().client(id).got.clone();
                assert!(
                    !wire.windows(4).any(|four| four == b"hola" || four == b"-- w"),
                    "something went out in plain text"
                );
            }
        }
    }
}

#[test]
fn an_end_is_one_only_if_it_was_encrypted() {
    for room in TestRoom::each(encrypted()) {
        let [ana, beto, carla] = [(); 3].map(|()| Member::enters_as(&room, &TLS13));
        // It ends inside, and its last line needs no LF.
        beto.tls.borrow_mut().writer().write_all(b"one\ntwo").expect("a buffer");
        beto.tls.borrow_mut().send_close_notify();
        beto.exchange();
        assert_eq!(beto.why(), Some(Reason::EndOfInput));
        assert!(beto.heard().ends_with("-- goodbye\n") && beto.is_told_the_end());
        assert!(ana.heard().contains("<guest2> one\n<guest2> two\n-- guest2 (#2) is gone"), "{}", ana.heard());
        // The socket ends, and perhaps somebody else has ended it.
        carla.says("three\nhalf a li");
        room.sim().end(carla.id);
        room.sim().turn();
        assert_eq!(carla.why(), Some(Reason::Lost));
        assert!(ana.heard().contains("<guest3> three\n-- guest3 (#3) is gone: connection lost"), "{}", ana.heard());
    }
}

#[test]
fn a_byte_that_is_changed_on_the_way_ends_the_connection() {
    for version in [&TLS13, &TLS12] {
        for room in TestRoom::each(encrypted()) {
            let (ana, beto) = (Member::enters_as(&room, &TLS13), Member::enters_as(&room, version));
            beto.tls.borrow_mut().writer().write_all(b"true\n").expect("a buffer");
            let mut bytes = beto.to_send();
            beto.tls.borrow_mut().writer().write_all(b"false\n").expect("a buffer");
            bytes.extend(beto.to_send());
            *bytes.last_mut().expect("a record") ^= 1;
            room.sim().send(beto.id, &bytes);
            room.sim().turn();
            assert_eq!(beto.why(), Some(Reason::Lost));
            beto.reads();
            assert_eq!(*beto.end.borrow(), Some(Error::AlertReceived(rustls::AlertDescription::BadRecordMac)));
            let heard = ana.heard();
            assert!(heard.contains("<guest2> true\n-- guest2 (#2) is gone") && !heard.contains("false"), "{heard}");
        }
    }
}

#[test]
fn who_speaks_no_tls_is_told_so_and_nobody_learns_of_it() {
    for room in TestRoom::each(encrypted()) {
        let ana = Member::enters_as(&room, &TLS13);
        let before = ana.heard();
        let told =
            "-- this server speaks TLS only; join with tertulia join --tls, ncat --ssl or openssl s_client -quiet\n";
        let (beto, silent) = (room.comes(b""), room.comes(b""));
        room.sends(beto, "hola\n");
        assert_eq!(room.got(beto), told);
        room.waits(HANDSHAKE_PATIENCE - MS);
        assert_eq!(room.got(silent), "");
        room.waits(MS);
        assert_eq!(room.got(silent), told, "it may be somebody who waits for a greeting");
        assert_eq!(ana.heard(), before);
        let carla = Member::enters_as(&room, &TLS13);
        assert!(carla.heard().contains("you are guest2 (#2)"), "strangers take no number");
    }
}

#[test]
fn a_handshake_has_its_time_and_takes_no_seat() {
    let limits = Limits { clients_max: 2, ..encrypted() };
    for room in TestRoom::each(limits) {
        let ana = Member::enters_as(&room, &TLS13);
        let half = Member::comes(&room, &TLS13, usize::MAX);
        let hello = half.to_send();
        room.sim().send(half.id, &hello[..hello.len() / 2]);
        room.sim().turn();
        // Two in the room, and a third that knows it only after its handshake.
        let (beto, carla) = (Member::connects(&room), Member::connects(&room));
        beto.enters();
        carla.enters();
        assert!(beto.heard().contains("you are guest2 (#2)"), "{}", beto.heard());
        assert_eq!(carla.heard(), "-- the room is full (2 of 2 seats taken); try again later\n");
        assert!(carla.is_told_the_end());
        room.waits(HANDSHAKE_PATIENCE);
        assert_eq!(half.why(), Some(Reason::Refused(Refusal::Handshake)));
        assert!(!ana.heard().contains("#3"), "{}", ana.heard());
    }
}

#[test]
fn garbage_is_refused() {
    for room in TestRoom::each(encrypted()) {
        let mut long = vec![22, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff];
        long.resize(5 + 0x4000, 0);
        for bytes in [&b"\x16\x03\x01\x00\x05hello"[..], &long, &long.repeat(20), b"\x16\xff\xff\xff\xff\xff"] {
            let id = room.comes(b"");
            room.sim().send(id, bytes);
            room.sim().turn();
            let left = room.sim().client(id).left.map(|(_, reason)| reason);
            assert_eq!(left, Some(Reason::Refused(Refusal::Handshake)), "{:?}", &bytes[..12]);
        }
    }
}

#[test]
fn a_storm_of_handshakes_is_answered_one_by_one() {
    for room in TestRoom::each(Limits { clients_max: 100, ..encrypted() }) {
        let all = [(); 20].map(|()| Member::comes(&room, &TLS13, usize::MAX));
        for it in &all {
            let hello = it.to_send();
            room.sim().send(it.id, &hello);
        }
        room.sim().turn();
        let answered = || all.iter().filter(|it| !room.sim().client(it.id).got.is_empty()).count();
        assert_eq!(answered(), HANDSHAKES_AT_ONCE as usize);
        for more in 1..=16 {
            room.waits(HANDSHAKE_EVERY);
            assert_eq!(answered(), HANDSHAKES_AT_ONCE as usize + more);
        }
        all.iter().for_each(|it| it.enters());
    }
}

#[test]
fn a_slow_reader_gets_all_that_it_was_sent_and_the_reason() {
    for room in TestRoom::each(encrypted()) {
        let (ana, slow) = (Member::enters_as(&room, &TLS13), Member::enters_as(&room, &TLS13));
        room.sim().client(slow.id).room = 0;
        for _ in 0..80 {
            ana.says_at_once(&format!("{}\n", "x".repeat(1000)).repeat(30));
        }
        room.waits(PATIENCE_ABOVE + STALL_AFTER);
        assert!(matches!(slow.why(), Some(Reason::TooSlow(_))), "{:?}", slow.why());
        room.sim().take(slow.id, ROOMY);
        room.sim().turn();
        let heard = slow.heard();
        assert_eq!(*slow.end.borrow(), None, "its stream is whole");
        assert!(heard.matches("<guest1> xxx").count() > 1000);
        assert!(heard.contains("-- disconnected: did not read"), "{}", &heard[heard.len() - 100..]);
        assert!(slow.is_told_the_end());
    }
}

#[test]
fn what_is_held_back_is_said_before_its_author_leaves() {
    for room in TestRoom::each(encrypted()) {
        let (ana, slow) = (Member::enters_as(&room, &TLS13), Member::enters_as(&room, &TLS13));
        room.sim().client(slow.id).room = 0;
        while !room.sim().hub.connections.some_block() {
            ana.says_at_once(&format!("{}\n", "x".repeat(1000)).repeat(30));
        }
        while !room.sim().hub.holds_back(ana.id) {
            ana.says_at_once("xxx\n");
        }
        ana.tls.borrow_mut().writer().write_all(b"last").expect("a buffer");
        ana.tls.borrow_mut().send_close_notify();
        let bytes = ana.to_send();
        // As a driver does whose kernel has received it already.
        room.sim().hub.receive_ahead(ana.id, &bytes);
        room.sim().turn();
        assert_eq!(ana.why(), None, "it may not say it yet");
        room.sim().take(slow.id, ROOMY);
        room.waits(STALL_AFTER);
        assert_eq!(ana.why(), Some(Reason::EndOfInput));
        assert!(slow.heard().contains("xxx\n<guest1> last\n-- guest1 (#1) is gone"));
    }
}

#[test]
fn a_password_is_said_inside() {
    for room in TestRoom::each(Limits { password: Secret::new("sésamo 7"), ..encrypted() }) {
        let ana = Member::enters_as(&room, &TLS13);
        assert_eq!(ana.heard(), "-- this room has a password; type it and press Enter\n");
        room.waits(HANDSHAKE_PATIENCE);
        ana.says("sésamo 7\n");
        assert!(ana.heard().contains("you are guest1 (#1)"), "{}", ana.heard());
        let late = Member::enters_as(&room, &TLS13);
        room.waits(PASSWORD_PATIENCE);
        assert!(late.heard().ends_with("-- disconnected: no password in time\n"));
    }
}

#[test]
fn a_certificate_can_be_exchanged_while_the_server_runs() {
    let limits = encrypted();
    let room = &TestRoom::each(limits.clone())[0];
    let seen = |member: &Member<'_>| member.tls.borrow().peer_certificates().expect("one").to_vec();
    let (ana, beto) = (Member::enters_as(room, &TLS13), Member::enters_as(room, &TLS13));
    assert_eq!(seen(&ana), seen(&beto));
    let (certificates, key) = made();
    limits.tls.expect("it is on").renew(certificates.clone(), key).expect("the key is the certificate's");
    let carla = Member::enters_as(room, &TLS13);
    assert_eq!(seen(&carla), certificates);
    ana.says("hola\n");
    assert!(beto.heard().ends_with("<guest1> hola\n") && carla.heard().ends_with("<guest1> hola\n"));
}
