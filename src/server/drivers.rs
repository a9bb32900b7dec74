//! The ways of waiting: one file each, and one line each in the table below.
//!
//! Everything that has to know which ways there are reads [`DRIVERS`]: `--mode`, `--version`, the benchmarks, the comparison, the
//! trace and the tests.

#[cfg(feature = "poll")]
use super::poll;
#[cfg(feature = "threaded")]
use super::threaded;
use super::{Service, epoll};
use crate::chat::Lang;
use crate::trace::{Header, Title};
use std::io;

/// A way of waiting for clients.
pub struct Driver {
    /// As `--mode` takes it.
    pub name: &'static str,
    /// What it does, as a heading says it: "one thread waits for every socket".
    pub title: Text,
    /// As a sentence calls it: "the event loop".
    pub noun: Text,
    /// The system call that its threads sleep in while all clients are silent, by its name on Linux.
    pub sleeps_in: &'static str,
    /// Each connection has a thread of its own, which blocks in its calls. Otherwise one thread serves all connections, and its
    /// calls on sockets never block.
    pub blocks: bool,
    /// Serves until SIGINT or SIGTERM.
    pub(crate) run: fn(Service) -> io::Result<()>,
}

/// A text in both languages.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    pub en: &'static str,
    pub es: &'static str,
}

impl Text {
    pub fn in_lang(self, lang: Lang) -> &'static str {
        match lang {
            Lang::En => self.en,
            Lang::Es => self.es,
        }
    }
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl Driver {
    /// What a trace says of it.
    pub(super) fn header(&self) -> Header {
        Header {
            mode: self.name.into(),
            title: Title { en: self.title.en.into(), es: self.title.es.into() },
            sleeps_in: self.sleeps_in.into(),
            blocks: self.blocks,
        }
    }

    /// The driver of this name, if it is built in.
    pub fn named(name: &str) -> Option<&'static Driver> {
        DRIVERS.iter().find(|driver| driver.name == name)
    }
}

/// The drivers that are built in. The first is the default.
pub static DRIVERS: &[Driver] = &[
    Driver {
        name: "epoll",
        title: Text { en: "one thread waits for every socket", es: "un hilo espera a todos los sockets" },
        noun: Text { en: "the event loop", es: "el bucle de eventos" },
        sleeps_in: "epoll_wait",
        blocks: false,
        run: epoll::run,
    },
    #[cfg(feature = "poll")]
    Driver {
        name: "poll",
        title: Text { en: "one thread asks about every socket", es: "un hilo pregunta por todos los sockets" },
        noun: Text { en: "the poll loop", es: "el bucle de poll" },
        sleeps_in: "ppoll",
        blocks: false,
        run: poll::run,
    },
    #[cfg(feature = "threaded")]
    Driver {
        name: "threaded",
        title: Text { en: "one thread per client", es: "un hilo por cliente" },
        noun: Text { en: "a thread per client", es: "un hilo por cliente" },
        sleeps_in: "read",
        blocks: true,
        run: threaded::run,
    },
];

/// The drivers that this build leaves out, by the cargo features that would add them.
pub static LEFT_OUT: &[&str] = &[
    #[cfg(not(feature = "poll"))]
    "poll",
    #[cfg(not(feature = "threaded"))]
    "threaded",
];
