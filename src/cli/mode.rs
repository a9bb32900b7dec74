//! The parser for the value of `--mode`, the name of a driver.

use super::usage;
use crate::server::drivers::{DRIVERS, Driver, LEFT_OUT};
use crate::text::{Lang, say};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use std::ffi::OsStr;

/// Parses a driver's name. For a driver that this build leaves out, the error says how to build it.
#[derive(Clone)]
pub(crate) struct ModeParser;

fn values() -> impl Iterator<Item = PossibleValue> {
    DRIVERS.iter().map(|driver| PossibleValue::new(driver.name).help(&*driver.title.en))
}

impl TypedValueParser for ModeParser {
    type Value = &'static Driver;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<Self::Value, Error> {
        if let Some(feature) = LEFT_OUT.iter().find(|feature| value == **feature) {
            let text = say!(Lang::session(),
                "this build has no {feature} mode; add it with cargo build --features {feature}";
                "esta compilación no tiene el modo {feature}; añádelo con cargo build --features {feature}");
            return Err(usage::error(ErrorKind::InvalidValue, text));
        }
        let name = PossibleValuesParser::new(values()).parse_ref(command, arg, value)?;
        Ok(Driver::named(&name).unwrap_or(&DRIVERS[0]))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(values()))
    }
}
