//! Parsers of values. An error says what to type instead.

use crate::text::{Lang, say};
use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// Parses a whole number of a range.
pub(crate) fn whole<T>(range: RangeInclusive<T>) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync,
{
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            let (low, high) = (range.start(), range.end());
            Err(
                say!(Lang::session(), "use a whole number from {low} to {high}"; "usa un número entero de {low} a {high}"),
            )
        }
    }
}

/// Parses a whole number that has no upper limit but its type's.
pub(crate) fn at_least<T>(least: T) -> impl Fn(&str) -> Result<T, String> + Clone + Send + Sync
where
    T: FromStr + PartialOrd + Display + Clone + Send + Sync,
{
    move |text| match text.parse() {
        Ok(number) if number >= least => Ok(number),
        _ => Err(say!(Lang::session(), "use a whole number, {least} or more"; "usa un número entero, {least} o más")),
    }
}

/// Parses a number of a range, which need not be whole.
pub(crate) fn number(range: RangeInclusive<f64>) -> impl Fn(&str) -> Result<f64, String> + Clone + Send + Sync {
    move |text| match text.parse() {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => {
            // With a decimal point in each language: this is what to type.
            let (low, high) = (range.start(), range.end());
            Err(say!(Lang::session(), "use a number from {low} to {high}"; "usa un número de {low} a {high}"))
        }
    }
}
