//! A line's way through the core, in memory: no sockets, no clocks.
//!
//! `cargo bench --bench codec`

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use std::time::Instant;
use tertulia::chat::line::LineDecoder;
use tertulia::chat::sanitize::sanitize;
use tertulia::chat::{Effect, Hub, Id, Lang, Limits};

const LINE: &[u8] = b"a line as people write them, with some sixty bytes in all ....\n";
const LINES: u64 = 100;

fn decoder(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("decoder");
    let bytes = LINE.repeat(LINES as usize);
    group.throughput(Throughput::Elements(LINES));
    for (name, piece) in [("whole", bytes.len()), ("7 bytes at a time", 7)] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut decoder = LineDecoder::default();
                for mut read in bytes.chunks(piece) {
                    while let Some(line) = decoder.next(&mut read, 1024, 16 * 1024) {
                        black_box(line);
                    }
                }
            });
        });
    }
}

fn sanitizer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("sanitizer");
    for (name, text) in [
        ("plain", "a line as people write them, with some sixty bytes in all ...."),
        ("accents", "una línea como las escribe la gente, con unos sesenta bytes ...."),
        ("escapes", "\x1b[2J\x1b[31ma line that would like to be red, and to move the cursor\x07"),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(sanitize(black_box(text.as_bytes())))));
    }
}

/// A room, and a driver whose sockets take everything.
struct Room {
    hub: Hub,
    ids: Vec<Id>,
}

impl Room {
    fn new(members: usize) -> Room {
        let limits = Limits { clients_max: members, ..Limits::default() };
        let mut hub = Hub::new(limits, Lang::En, Instant::now());
        let peer = ([127, 0, 0, 1], 4000).into();
        let ids = (0..members).map(|key| hub.connect(key, peer, b"")).collect();
        let mut room = Room { hub, ids };
        room.flush();
        room
    }

    fn flush(&mut self) -> usize {
        let mut bytes = 0;
        while let Some(effect) = self.hub.poll_effect() {
            if let Effect::Flush(id) = effect {
                let taken = self.hub.gather(id).iter().map(|slice| slice.len()).sum();
                self.hub.wrote(id, taken);
                bytes += taken;
            }
        }
        self.hub.end_turn();
        bytes
    }
}

fn hub(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub");
    for members in [6, 64] {
        let mut room = Room::new(members);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one line, {members} members"), |bencher| {
            bencher.iter(|| {
                room.hub.receive(room.ids[0], black_box(LINE));
                black_box(room.flush())
            });
        });
        group.throughput(Throughput::Elements(members as u64));
        group.bench_function(format!("everybody a line, {members} members"), |bencher| {
            bencher.iter(|| {
                for i in 0..members {
                    room.hub.receive(room.ids[i], black_box(LINE));
                }
                black_box(room.flush())
            });
        });
        // As in a flood: each read brings many.
        let many = LINE.repeat(LINES as usize);
        group.throughput(Throughput::Elements(members as u64 * LINES));
        group.bench_function(format!("everybody {LINES} lines, {members} members"), |bencher| {
            bencher.iter(|| {
                for i in 0..members {
                    room.hub.receive(room.ids[i], black_box(&many));
                }
                black_box(room.flush())
            });
        });
    }
}

criterion_group!(benches, decoder, sanitizer, hub);
criterion_main!(benches);
