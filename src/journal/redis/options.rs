//! How to reach a Redis, and why one isn't used.

use std::fmt;
use std::time::Duration;

use super::keys::{MEMBERS_KEY, WAKE_PATTERN};

/// How to reach Redis, and how much to keep there.
#[derive(Clone)]
pub struct RedisOptions {
    /// `redis://[user:password@]host[:port][/database]`. Nothing shows it, for the password's sake.
    pub url: String,
    /// How long an answer is waited for before the connection is doubted. When it is of no use, within
    /// half as long again, a commit is [`Unknown`](crate::journal::JournalError::Unknown).
    pub response_timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// About how many entries of each org are kept; at least this many.
    pub entries_kept: usize,
    /// The key under which servers show themselves to each other; [`MEMBERS_KEY`]. Another one is for
    /// tests, of servers that don't see each other.
    pub members_key: String,
}

impl RedisOptions {
    /// The defaults, for the server at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            response_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            entries_kept: 200_000,
            members_key: MEMBERS_KEY.to_owned(),
        }
    }
}

impl fmt::Debug for RedisOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("RedisOptions");
        shown.field("response_timeout", &self.response_timeout);
        shown.field("connect_timeout", &self.connect_timeout);
        shown.field("entries_kept", &self.entries_kept);
        shown.field("members_key", &self.members_key).finish_non_exhaustive()
    }
}

/// Why a Redis isn't used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL can't be read.
    #[error("the Redis URL can't be used: {0}")]
    Url(String),
    /// No answer, or not a useful one. Trying again may help.
    #[error("Redis can't be reached: {0}")]
    Unreachable(String),
    /// Something else listens there.
    #[error("what answers there isn't Redis")]
    NotRedis,
    /// An older release.
    #[error("Redis {found} is too old; 7.0 or later is needed")]
    TooOld {
        /// Its version.
        found: String,
    },
    /// A replica, which can't be written to.
    #[error("this Redis is a replica; give the address of its primary")]
    Replica,
    /// It would drop records under memory pressure.
    #[error(
        "this Redis has a maxmemory and maxmemory-policy {policy}, so it would drop what it was \
         given to keep; set maxmemory-policy noeviction"
    )]
    Evicts {
        /// The policy.
        policy: String,
    },
    /// It doesn't have, or doesn't let its user run, what Baton needs.
    #[error(
        "this Redis doesn't let its user run what Baton needs: {commands}; allow that on the keys and \
         channels baton:*, and PSUBSCRIBE on the pattern {WAKE_PATTERN} itself"
    )]
    Forbidden {
        /// The commands' names.
        commands: String,
    },
}
