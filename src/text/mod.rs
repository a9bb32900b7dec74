//! Text for people: the language it is in, and how numbers are written. It depends on nothing else in this crate.
//!
//! * [`lang`]: the languages, and how a text is written in both;
//! * [`numbers`]: counts, sizes and times with a unit that fits.

mod lang;
pub(crate) mod numbers;

pub(crate) use lang::say;
pub use lang::{Bilingual, Lang};
