//! Where the log is, and what may be wrong with it.

/// Where the log is, and how to get at it.
#[derive(Clone, Debug)]
pub(crate) struct Room {
    pub key: String,
    pub database: u32,
    pub user: Option<String>,
    pub password: Option<String>,
    /// The log keeps about this many entries.
    pub kept: u64,
}

impl Room {
    /// What is said on each new connection, before anything else: the password, and the database.
    pub(crate) fn greetings(&self) -> Vec<Vec<String>> {
        let auth = self.password.iter().map(|password| {
            let words = [Some("AUTH".to_owned()), self.user.clone(), Some(password.clone())];
            words.into_iter().flatten().collect()
        });
        let select = (self.database != 0).then(|| vec!["SELECT".to_owned(), self.database.to_string()]);
        auth.chain(select).collect()
    }
}

/// Why the room waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Trouble {
    /// There is no connection, or no answer.
    Unreachable,
    /// It does not answer as Redis does.
    NotRedis,
    /// What Redis answered.
    Refused(String),
    /// The version of a Redis that is too old.
    TooOld(String),
    /// The type of what the key holds.
    WrongType(String),
    /// The stream holds entries of something else.
    Foreign,
}
