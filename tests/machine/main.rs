//! What the machine does to a chat server: limits, signals, outputs that fail, disks that are full.

#[path = "../common/mod.rs"]
mod common;

mod history;
#[cfg(target_os = "linux")]
mod limits;
#[cfg(target_os = "linux")]
mod outputs;
mod ports;
mod signals;
