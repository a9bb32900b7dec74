//! Text for people: its languages, and the format of numbers. It depends on nothing else in this crate.
//!
//! * [`lang`]: the languages, and how a text is given in both;
//! * [`errors`]: the texts of the system's errors;
//! * [`numbers`]: counts, sizes and times with a unit that fits.

pub(crate) mod errors;
mod lang;
pub(crate) mod numbers;

pub(crate) use lang::say;
pub use lang::{Bilingual, Lang};
