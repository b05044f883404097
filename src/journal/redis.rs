//! The journal in Redis: what makes several replicas one Baton. Every commit is one script, so that
//! nothing comes between the checks and the writes. `redis/keys.rs` lists every key.
//!
//! Stand-alone servers only so far; the keys are laid out for Cluster. The answers' errors are sorted
//! in `link`: an unanswered commit is `Unknown`, and nothing is ever sent twice here.

mod awake;
mod commit;
mod forget_org;
mod keys;
mod leases;
mod link;
mod load;
mod members;
mod options;
mod reply;
mod selftest;
mod server;
mod wake;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::io::tcp::TcpSettings;
use ::redis::{Client, IntoConnectionInfo};
use tokio::sync::broadcast;

use self::keys::Keys;
pub use self::keys::MEMBERS_KEY;
use self::link::Link;
pub use self::options::{ConnectError, RedisOptions};
use self::wake::Listener;
use super::{
    Awake, Batch, Epoch, Heard, Heartbeat, History, Journal, JournalError, LeaseReport, Loaded,
    MemberList, Pending, Reply, ServerId, StoredPlace, Unattended, Verdict,
};
use crate::domain::entry::{Head, Revision};
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::{Span, Timestamp};

/// How long the answer to a heartbeat is waited for: it says little that the next one doesn't say.
const BEAT_TIMEOUT: Duration = Duration::from_millis(500);

/// How many commits of an org go by before its journal is trimmed.
const TRIM_EVERY: usize = 1_000;

/// The journal in Redis.
pub struct RedisJournal {
    link: Arc<Link>,
    /// For heartbeats, which have a thread of their own: a connection lives where it is first used.
    beats: Link,
    members_key: String,
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
        selftest::selftest(&link, &client, options.connect_timeout).await?;
        Ok(Self {
            link: Arc::new(link),
            beats: Link::new(client.clone(), BEAT_TIMEOUT, BEAT_TIMEOUT),
            members_key: options.members_key,
            listener: Listener::start(client, options.connect_timeout),
            durability: durability.unwrap_or_default(),
            entries_kept: options.entries_kept,
            untrimmed: Mutex::default(),
        })
    }

    /// How durable this Redis is, in words for the log.
    #[must_use]
    pub fn durability(&self) -> &str {
        &self.durability
    }

    /// Gives an org up: everything that is kept of it goes, and it begins anew, in an epoch after any
    /// that it had. Running servers take that for another history. For an operator; it can't be undone.
    ///
    /// # Errors
    /// [`JournalError::Unavailable`] or [`JournalError::Unknown`]: to be tried again.
    pub async fn forget_org(&self, org: &OrgId) -> Result<Epoch, JournalError> {
        forget_org::forget_org(&self.link, org).await
    }

    /// Counts what was committed, and now and then trims the journal, beside the commits.
    fn count(&self, org: &OrgId, committed: usize) {
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
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Reply> {
        Box::pin(async move {
            let reply = commit::commit(&self.link, org, batch).await?;
            if reply.verdict == Verdict::Accepted {
                self.count(org, batch.entries.len());
            }
            Ok(reply)
        })
    }

    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        Box::pin(load::load(&self.link, org, known))
    }

    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        Box::pin(load::read(&self.link, org, after, limit))
    }

    fn follow(&self) -> broadcast::Receiver<Heard> {
        self.listener.follow()
    }

    fn heads<'a>(&'a self, orgs: &'a [OrgId]) -> Pending<'a, Vec<StoredPlace>> {
        Box::pin(awake::heads(&self.link, orgs))
    }

    fn rebase<'a>(
        &'a self,
        org: &'a OrgId,
        place: (Epoch, Head),
        now: Timestamp,
    ) -> Pending<'a, bool> {
        Box::pin(awake::rebase(&self.link, org, place, now))
    }

    fn probe(&self) -> Pending<'_, Timestamp> {
        Box::pin(awake::probe(&self.link))
    }

    fn stay_awake<'a>(&'a self, orgs: &'a [OrgId], away: Span) -> Pending<'a, ()> {
        Box::pin(awake::stay_awake(&self.link, orgs, away))
    }

    fn unattended(&self, limit: usize) -> Pending<'_, Unattended> {
        Box::pin(awake::unattended(&self.link, limit))
    }

    fn take_on<'a>(&'a self, orgs: &'a [Awake], away: Span) -> Pending<'a, Vec<Awake>> {
        Box::pin(awake::take_on(&self.link, orgs, away))
    }

    fn rest<'a>(&'a self, org: &'a Awake, next: Option<Span>) -> Pending<'a, ()> {
        Box::pin(awake::rest(&self.link, org, next))
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

    fn overdue<'a>(
        &'a self,
        org: &'a OrgId,
        by: ServerId,
        limit: usize,
        since: Span,
    ) -> Pending<'a, LeaseReport> {
        Box::pin(leases::lapsed(&self.link, org, by, limit, since))
    }

    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(leases::forget(&self.link, org, presences))
    }

    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()> {
        Box::pin(leases::leave(&self.link, org, by))
    }

    fn show<'a>(&'a self, heartbeat: &'a Heartbeat) -> Pending<'a, MemberList> {
        Box::pin(members::show(&self.beats, &self.members_key, heartbeat))
    }

    fn hide(&self, member: ServerId) -> Pending<'_, ()> {
        Box::pin(members::hide(&self.beats, &self.members_key, member))
    }

    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        Box::pin(leases::release(&self.link, org, presences))
    }
}
