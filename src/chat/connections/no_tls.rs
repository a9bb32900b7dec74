//! What stands in the place of [`tls`](super::tls) in a build without TLS: types without values, so that nothing is done with them.

use super::broadcast::Place;
use super::heard::Heard;
use std::io::Write;

/// No server has one in this build.
#[derive(Clone, Debug)]
pub enum Tls {}

pub(crate) const ACCESS_DENIED: &[u8] = &[];

/// No connection has one in this build.
pub(crate) struct Session {
    pub place: Place,
    pub has_ended: bool,
    never: Tls,
}

impl Session {
    pub(crate) fn new(tls: &Tls) -> Session {
        match *tls {}
    }

    pub(crate) fn is_silent(&self) -> bool {
        match self.never {}
    }

    pub(crate) fn read(&mut self, _: &[u8], _: &mut impl Write) -> Heard {
        match self.never {}
    }

    pub(crate) fn answer(&mut self, _: &mut impl Write) -> Heard {
        match self.never {}
    }

    pub(crate) fn encrypt(&mut self, _: [&[u8]; 2], _: &mut impl Write) {
        match self.never {}
    }

    pub(crate) fn end(&mut self, _: &mut impl Write) {
        match self.never {}
    }
}
