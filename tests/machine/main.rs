//! Tests of what the machine does to a chat server: limits, signals, outputs that fail, full disks.

#[path = "../common/mod.rs"]
mod common;

#[cfg(target_os = "linux")]
mod clock;
#[cfg(target_os = "linux")]
mod crowd;
mod history;
#[cfg(target_os = "linux")]
mod limits;
mod listeners;
#[cfg(all(feature = "metrics", target_os = "linux"))]
mod metrics;
#[cfg(target_os = "linux")]
mod outputs;
mod ports;
mod signals;
#[cfg(target_os = "linux")]
mod soak;
#[cfg(all(feature = "service", target_os = "linux"))]
mod supervisor;
#[cfg(target_os = "linux")]
mod terminal;
#[cfg(all(feature = "service", target_os = "linux"))]
mod unit;
