//! Text for people: its languages, and the format of numbers. It depends on nothing else in this crate.
//!
//! * [`lang`]: the languages, and how a text is given in both;
//! * [`numbers`]: counts, sizes and times with a unit that fits.

mod lang;
pub(crate) mod numbers;

pub(crate) use lang::say;
pub use lang::{Bilingual, Lang};
