//! Measures a line's way through the core, in memory, without sockets and clocks.
//!
//! `cargo bench --bench codec`

mod room;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use room::{BenchRoom, LINE};
use std::hint::black_box;
use tertulia::chat::line::LineDecoder;
use tertulia::chat::sanitize::sanitize;

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

fn hub(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("hub");
    for members in [6, 64] {
        let mut room = BenchRoom::new(members);
        group.throughput(Throughput::Elements(1));
        group.bench_function(format!("one line, {members} members"), |bencher| {
            bencher.iter(|| {
                room.receive(room.ids[0], black_box(LINE));
                black_box(room.flush())
            });
        });
        group.throughput(Throughput::Elements(members as u64));
        group.bench_function(format!("one line per member, {members} members"), |bencher| {
            bencher.iter(|| {
                for i in 0..members {
                    room.receive(room.ids[i], black_box(LINE));
                }
                black_box(room.flush())
            });
        });
        // As in a flood: each read returns many lines.
        let many = LINE.repeat(LINES as usize);
        group.throughput(Throughput::Elements(members as u64 * LINES));
        group.bench_function(format!("{LINES} lines per member, {members} members"), |bencher| {
            bencher.iter(|| {
                for i in 0..members {
                    room.receive(room.ids[i], black_box(&many));
                }
                black_box(room.flush())
            });
        });
    }
}

criterion_group!(benches, decoder, sanitizer, hub);
criterion_main!(benches);
