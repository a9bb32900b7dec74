//! A load generator for any chat that relays a line to the other clients.
//!
//! It plays all clients in one thread, as an event loop of its own, checks every line at every receiver, and knows
//! nothing of what is inside the server. In reading order:
//!
//! * [`scenario`]: who talks, how fast, how long;
//! * [`timetable`]: when lines are to be sent in an open loop;
//! * [`alarm`]: wakes the generator when a line is due;
//! * [`shape`]: compares the next line with an earlier one, instead of parsing it;
//! * [`prefix`]: what a server puts before a line;
//! * [`tally`]: what a receiver got, and what it should have got;
//! * [`under_way`]: how many receivers have not got a line yet;
//! * [`load_client`]: one of the clients;
//! * [`generator`]: the loop that plays them all;
//! * [`outcome`]: the result;
//! * [`messages`]: what is said to the user, in English and Spanish;
//! * [`rounds`]: the rule by which rounds tell two servers apart;
//! * [`usage`]: what the server's process used meanwhile;
//! * [`system_calls`]: counts its system calls.
//!
//! # An example
//!
//! ```console
//! $ tertulia bench --talkers 1 --cores same
//! 6 clients, 1 talks; lines of 64 bytes; closed loop with 1 line in flight per talker
//!                                            epoll                  poll              threaded
//! deliveries / s                            45.7 k                36.5 k                46.7 k
//! delivered                    each once, in order   each once, in order   each once, in order
//! last receiver: p50                       59.9 µs               63.6 µs               45.6 µs
//! last receiver: p90                       77.9 µs               81.8 µs                 62 µs
//! last receiver: p99                       2.32 ms               3.17 ms               2.58 ms
//! last receiver: p99.9                     5.15 ms               5.39 ms               5.29 ms
//! last receiver: p99.99                    5.56 ms               5.59 ms               5.63 ms
//! last receiver: max                        8.2 ms                9.4 ms               20.5 ms
//! median receiver: p50                     51.2 µs                 55 µs               38.9 µs
//! worst receiver: p50                      60.2 µs               63.7 µs               45.8 µs
//! server's CPU                                29 %                  25 %                  24 %
//! CPU per delivery                         6.34 µs               6.79 µs                5.1 µs
//! system calls per delivery                    1.4                   1.4                   1.2
//! switches / s, voluntary                   9.08 k                7.23 k                9.29 k
//! switches / s, involuntary                 3.33 k                3.55 k                   563
//! threads                                        1                     1                     8
//! generator's CPU                             29 %                  24 %                  25 %
//! What is checked: every receiver must get each line once, unchanged, in its sender's order and under its sender's name.
//! ```
//!
//! This was on a busy machine, where one run does not say which mode is better. The system calls do not depend on that:
//! a line to five others takes 5 × 1.4 = 7, and 5 × 1.2 = 6 with threads. Servers that `bench` starts have no console
//! (`--quiet`), else there would be one `write` more. Other questions:
//!
//! ```console
//! $ tertulia bench --clients 64 --window 256          # everybody talks at full speed
//! $ tertulia bench --rate 5000 --duration 10 --json   # 5000 lines per second, whether it keeps up or not
//! $ tertulia bench --clients 2 --idle 2000            # what a crowd that only reads costs
//! $ ncat -l --chat -k 127.0.0.1 9000 &
//! $ tertulia bench --addr :9000 --pid $!              # another server
//! ```
//!
//! # What is measured
//!
//! In a closed loop, latency is from just before a line is written until the last of the clients has read it; then its
//! talker sends the next. In an open loop it is from the time when the line *should have been* written, so that a stall
//! counts in each line that it delays; `from sending` counts from the write. One client that gets its lines late hardly
//! shows in a closed loop with several talkers: the others wait for it, and it sends most of the lines itself. So the
//! median is also given by receiver, for the worst and for the one in the middle. If the worst takes ten times as long,
//! a warning names it.
//!
//! A line has at least 39 bytes, because it carries its sender and its number. Every receiver checks every byte:
//! `lost`, `duplicate`, `out of order` (of one sender; between senders any order is right), `malformed` and
//! `mislabelled` are told apart, and with any of them the exit code is 1. A line is mislabelled if another text is
//! before it than before the sender's earlier lines. Numbers in that text may change, as times and counters do, but not
//! back; the digits of a word that begins with a letter, such as `guest1`, may not. The text may also be missing: ncat
//! puts the name once before all lines that it reads at once. Lines that no client has sent are counted, and the first
//! is shown, unless the server sent such lines before the load, as it does when somebody arrives.
//!
//! CPU, context switches, threads, memory and system calls are the kernel's figures for the server's process. Memory is
//! that of no file, before anybody talks; with fewer than 50 clients it is left out, because most of it is set up once.
//! CPU per delivery is the user and system time of all its threads between the beginning and the end of the measured
//! time, divided by the lines that all receivers got in between. The more lines a write carries, the smaller it is, so
//! another load gives another figure. System calls are counted after the rest, since counting slows them, and need root
//! or `CAP_PERFMON`. What the system does not tell is left out.
//!
//! # What to trust
//!
//! One thread plays all clients. If that thread is saturated, a warning says so, and the figures are its own limit. On
//! a busy machine compare rounds, not runs. One server is called better only if it was better in every round, and by a
//! tenth or more in the median. The 44 ms that ncat takes are its own: it lets small writes wait for acknowledgements.
//!
//! How fast each driver is beside the least that a relay could do: `benches/network/main.rs`.

pub(crate) mod alarm;
pub(crate) mod generator;
pub(crate) mod load_client;
pub(crate) mod messages;
pub(crate) mod outcome;
pub(crate) mod prefix;
pub(crate) mod rounds;
pub(crate) mod scenario;
pub(crate) mod shape;
pub(crate) mod system_calls;
pub(crate) mod tally;
pub(crate) mod timetable;
#[cfg_attr(not(feature = "tls"), path = "no_tls.rs")]
mod tls;
pub(crate) mod under_way;
pub(crate) mod usage;

pub use crate::harness::Eol;
pub use generator::run;
pub use outcome::Outcome;
pub use scenario::{Pace, Scenario};
pub use tally::Faults;
pub use usage::Usage;
