//! The journal in Redis: what makes several replicas one Baton. Every commit is one script, so that
//! nothing comes between the checks and the writes. `redis/keys.rs` lists every key.
//!
//! Stand-alone servers only so far; the keys are laid out for Cluster. The answers' errors are sorted
//! in `link`: an unanswered commit is `Unknown`, and nothing is ever sent twice here.

mod commit;
mod keys;
mod leases;
mod link;
mod load;
mod reply;
mod server;
mod wake;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, IntoConnectionInfo};

use self::keys::Keys;
use self::link::Link;
use self::wake::Listener;
use super::{
    Batch, Committed, Epoch, History, Journal, Lapsed, Loaded, Pending, ServerId, Verdict,
};
use crate::domain::entry::{Head, Revision};
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::{Span, Timestamp};

/// How to reach Redis, and how much to keep there.
#[derive(Debug, Clone)]
pub struct RedisOptions {
    /// `redis://[user:password@]host[:port][/database]`.
    pub url: String,
    /// How long an answer is waited for. After it, a commit is [`super::JournalError::Unknown`].
    pub response_timeout: Duration,
    /// How long making a connection may take.
    pub connect_timeout: Duration,
    /// About how many entries of each org are kept; at least this many.
    pub entries_kept: usize,
}

impl RedisOptions {
    /// The defaults, for the server at `url`.
    pub fn at(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            response_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(1),
            entries_kept: 200_000,
        }
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
}

/// How many commits of an org go by before its journal is trimmed.
const TRIM_EVERY: usize = 1_000;

/// The journal in Redis.
pub struct RedisJournal {
    link: Arc<Link>,
    listener: Listener,
    durability: String,
    entries_kept: usize,
    /// Per org, how many were committed here since its journal was last trimmed.
    untrimmed: Mutex<HashMap<OrgId, usize>>,
}

impl RedisJournal {
    /// Connects, and makes sure that this Redis keeps what it is given.
    ///
    /// # Errors
    /// A [`ConnectError`] that says what to change.
    pub async fn connect(options: RedisOptions) -> Result<Self, ConnectError> {
        let bad_url = |error: ::redis::RedisError| ConnectError::Url(error.to_string());
        let info = options.url.as_str().into_connection_info().map_err(bad_url)?;
        // Without it a batch's last packet waits for the answer to the one before.
        let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
        let client = Client::open(info).map_err(bad_url)?;
        let link = Link::new(client.clone(), options.connect_timeout, options.response_timeout);
        let durability = server::inspect(&link).await?;
        Ok(Self {
            link: Arc::new(link),
            listener: Listener::start(client, options.connect_timeout),
            durability,
            entries_kept: options.entries_kept,
            untrimmed: Mutex::default(),
        })
    }

    /// How durable this Redis is, in words for the log.
    #[must_use]
    pub fn durability(&self) -> &str {
        &self.durability
    }

    /// Counts what was committed, and now and then trims the journal, beside the commits.
    fn count(&self, org: &OrgId, verdicts: &[Verdict]) {
        let committed = verdicts.iter().filter(|v| matches!(v, Verdict::Committed(_))).count();
        if committed == 0 {
            return;
        }
        {
            let mut untrimmed = self.untrimmed.lock().unwrap_or_else(PoisonError::into_inner);
            let count = untrimmed.entry(org.clone()).or_default();
            *count += committed;
            if *count < TRIM_EVERY {
                return;
            }
            *count = 0;
        }
        let mut trim = ::redis::cmd("XTRIM");
        trim.arg(Keys(org).journal()).arg("MAXLEN").arg("~").arg(self.entries_kept);
        let link = Arc::clone(&self.link);
        tokio::spawn(async move {
            // If it fails, the journal stays longer until the next time.
            if let Err(trouble) = link.send(&trim).await {
                tracing::debug!(?trouble, "the journal wasn't trimmed");
            }
        });
    }
}

impl Journal for RedisJournal {
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Committed> {
        Box::pin(async move {
            let committed = commit::commit(&self.link, org, batch).await?;
            self.count(org, &committed.verdicts);
            Ok(committed)
        })
    }

    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        Box::pin(load::load(&self.link, org, known))
    }

    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        Box::pin(load::read(&self.link, org, after, limit))
    }

    fn wake<'a>(&'a self, org: &'a OrgId, after: Revision) -> Pending<'a, ()> {
        Box::pin(async move {
            self.listener.wait(org, after).await;
            Ok(())
        })
    }

    fn renew<'a>(
        &'a self,
        org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(leases::renew(&self.link, org, leases, leases::Which::All))
    }

    fn start<'a>(&'a self, org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()> {
        Box::pin(async {
            leases::renew(&self.link, org, leases, leases::Which::OnlyNew).await.map(drop)
        })
    }

    fn lapsed<'a>(&'a self, org: &'a OrgId, by: ServerId, limit: usize) -> Pending<'a, Lapsed> {
        Box::pin(leases::lapsed(&self.link, org, by, limit))
    }

    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
        until: Timestamp,
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(leases::forget(&self.link, org, presences, until))
    }

    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()> {
        Box::pin(leases::leave(&self.link, org, by))
    }

    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        Box::pin(leases::release(&self.link, org, presences))
    }
}
