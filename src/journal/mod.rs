//! Where the history of each org is kept. This file is the contract; `memory` and `redis` keep it,
//! and one suite (`tests/journal`) holds both to it. The engine knows only what is here.

mod codec;
pub mod hostile;
mod members;
pub mod memory;
pub mod redis;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::broadcast;

use crate::domain::entry::{Entry, Head, Outcome, Revision};
use crate::domain::id::{EntryId, OrgId, PresenceId, TxnId};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};

pub use members::{
    HEARTBEAT_AWAY, Heartbeat, Member, MemberCounts, MemberList, MemberState, SWEPT_AFTER, ServerId,
};

/// What a journal's methods return: boxed, so that the engine needn't know which journal it has.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Counts the histories of an org. A rollback (a restart on older data, a failover that lost
/// writes) starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// Entries to be committed together, in order, and what is to be remembered and looked up with them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The history that the caller knows.
    pub epoch: Epoch,
    /// Up to where the caller knows for certain that it goes. A history that contradicts it was rolled
    /// back.
    pub confirmed: Head,
    /// What all of it was decided on: `confirmed`, or the last entry of a batch that is in flight. A
    /// history that ends elsewhere is a lost race.
    pub decided_on: Head,
    /// At most [`BATCH_MAX`]; the first follows `decided_on`, each other the one before it.
    pub entries: Vec<Arc<Entry>>,
    /// How many records the org has once they are committed, which the store checks.
    pub records: usize,
    /// What is to be known of requests that carried an id: of each entry's, and of those that had
    /// nothing to change (T21).
    pub outcomes: Vec<(TxnId, Outcome)>,
    /// Requests with an id that were refused: whether they were done before.
    pub asked: Vec<TxnId>,
}

impl Batch {
    /// A batch that only asks whether this is all.
    #[must_use]
    pub const fn barrier(epoch: Epoch, head: Head) -> Self {
        Self {
            epoch,
            confirmed: head,
            decided_on: head,
            entries: Vec::new(),
            records: 0,
            outcomes: Vec::new(),
            asked: Vec::new(),
        }
    }

    /// The head once it is committed.
    #[must_use]
    pub fn head(&self) -> Head {
        self.entries.last().map_or(self.decided_on, |entry| entry.head())
    }
}

/// The most entries in one batch.
pub const BATCH_MAX: usize = 64;

/// Outcomes are kept in buckets, each for at least this long, by the org's time.
const OUTCOME_BUCKET: Span = Span::from_secs(12 * 3_600);

/// This many buckets are kept: an outcome is there for 24 h at least.
const OUTCOME_BUCKETS: usize = 3;

/// A server that hasn't asked for lapsed leases for so long is lost. Well below what is left of the
/// shortest lease when it should have been renewed, so that a server is missed before its clients are.
pub const SERVER_AWAY: Span = Span::from_ms(3_000);

/// So many of what is heard are kept for each who follows.
const HEARD: usize = 8_192;

/// How long whoever is given a lapsed lease has it to itself.
pub const CLAIM: Span = Span::from_ms(2_000);

/// The answer to who asks about leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseReport {
    /// What there is to do.
    pub lapsed: Lapsed,
    /// What the store's clock says, by which leases run. Whoever sees it jump gives everybody a fresh
    /// lease first (P9).
    pub store_time: Timestamp,
}

/// What there is to do about leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lapsed {
    /// A server is lost, and with it the way of its clients to renew: they get a fresh lease first
    /// (P9). Told once, to one of the others.
    ServerLost,
    /// These have run out, and are claimed for [`CLAIM`].
    Claimed(Vec<PresenceId>),
}

/// The answer to a batch.
#[derive(Debug, Clone, PartialEq)]
pub struct Reply {
    /// What became of it.
    pub verdict: Verdict,
    /// What the store's clock says. Only compared, never counted by (R12).
    pub store_time: Timestamp,
}

/// What became of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Verdict {
    /// All of it is in the history, now or already. So it was decided on the newest state.
    Accepted,
    /// Nothing of it was done.
    Behind {
        /// Every entry after `confirmed`, without a gap: a failed commit is a catch-up.
        missed: Vec<Arc<Entry>>,
        /// What became of those of its requests that were done before, here or anywhere.
        known: Vec<(TxnId, Outcome)>,
    },
}

/// An org as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its history's number.
    pub epoch: Epoch,
    /// Its records and head, all of one revision.
    pub state: State,
    /// What time it is in the org: the head's, and what the store's clock says has passed since (R12).
    pub now: Timestamp,
    /// The release that wrote last; empty for a new org.
    pub release: String,
}

/// What is heard of commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// The org's history may go as far as that.
    Commit(OrgId, Revision),
    /// Nothing was heard for a while, of any org.
    Missed,
}

/// Where a stored history ends: its epoch, its last revision and that one's entry. Epoch 0: nothing is
/// stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StoredPlace {
    /// Which history.
    pub epoch: Epoch,
    /// Its last revision.
    pub revision: Revision,
    /// That one's entry.
    pub entry: EntryId,
}

/// An org that is awake: somebody is signed in, or something is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Awake {
    /// Which.
    pub org: OrgId,
    /// When somebody is to look after it, by the store's clock, if nobody does.
    pub look_at: Timestamp,
}

/// Orgs that nobody looks after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unattended {
    /// The longest waiting first.
    pub orgs: Vec<Awake>,
    /// What the store's clock says.
    pub store_time: Timestamp,
}

/// Part of the history.
#[derive(Debug, Clone)]
pub enum History {
    /// Entries in order, without a gap, starting right after what was asked for. Empty: at the end.
    Entries(Vec<Arc<Entry>>),
    /// What was asked for has been trimmed away.
    Trimmed,
}

/// What can go wrong. A variant is here only because the engine acts differently on it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    /// The store can't be reached, and nothing was done. Safe to try again.
    #[error("the store can't be reached: {0}")]
    Unavailable(String),
    /// It isn't known whether it was done. The identical batch is to be sent again; nothing is to
    /// be decided anew before that has been answered.
    #[error("it isn't known whether the store did it: {0}")]
    Unknown(String),
    /// The stored history isn't the one that the caller knows: another epoch, or another entry at
    /// `confirmed`. The org is to be loaded again and its streams reset.
    #[error("the stored history is another one: {0}")]
    Diverged(String),
    /// What is stored can't be read. Nobody should write to it.
    #[error("what is stored can't be read: {0}")]
    Corrupt(String),
}

/// A place where the history of every org is kept.
///
/// All methods may be called from any number of replicas and tasks at once. Revisions of an org are
/// dense from 1; every entry names the one before it; the time never runs backwards.
pub trait Journal: Send + Sync + 'static {
    /// Commits a batch if the history ends where it was decided, all of it or nothing.
    ///
    /// Looked at in this order: nothing is left of an org that was there → [`JournalError::Corrupt`].
    /// Another epoch, or another entry at `confirmed` → [`JournalError::Diverged`]. Its entries are in the history already, because it was sent before →
    /// [`Verdict::Accepted`]. A request of `outcomes` or `asked` is known, or the history doesn't end at
    /// `decided_on` → [`Verdict::Behind`]. Otherwise its entries are appended, their records replaced,
    /// and its outcomes kept for at least 24 h.
    ///
    /// So whatever was decided together with an accepted batch, refusals and answers without effect
    /// included, was decided on the newest state. An empty batch is a read barrier.
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Reply>;

    /// The org as it is now; an org that was never written to is empty, at revision 0.
    ///
    /// This is also where a rollback is noticed: when the stored head contradicts what `known` says
    /// was once committed, the epoch is bumped by compare-and-set before it is returned. An org that
    /// was there according to `known`, and of which nothing is left, is [`JournalError::Corrupt`]: it
    /// isn't begun anew before somebody says so.
    ///
    /// It takes as long as it takes, and ends with an error when nothing is heard of the store for long:
    /// whoever calls sets no time-out.
    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded>;

    /// At most `limit` entries after `after`.
    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History>;

    /// What is heard of commits anywhere, of all orgs, from now on: hints, for whoever looks then. One
    /// that lags, and [`Heard::Missed`], mean that there may have been more.
    fn follow(&self) -> broadcast::Receiver<Heard>;

    /// Where the histories of these orgs end, in their order: for whoever doesn't rely on what is heard.
    fn heads<'a>(&'a self, orgs: &'a [OrgId]) -> Pending<'a, Vec<StoredPlace>>;

    /// Says by the store's clock how late it is in an org whose history ends at `head`: its stored time
    /// goes on from there. For when that clock was set, or when nothing could be committed for a while,
    /// since neither is time that has passed in the org (R12). Gives whether the history still ended there.
    fn rebase<'a>(
        &'a self,
        org: &'a OrgId,
        place: (Epoch, Head),
        now: Timestamp,
    ) -> Pending<'a, bool>;

    /// Writes something that means nothing, and gives what the store's clock says: whether the store
    /// takes writes.
    fn probe(&self) -> Pending<'_, Timestamp>;

    /// Somebody looks after these orgs. Unless that is said again within `away`, others are to.
    fn stay_awake<'a>(&'a self, orgs: &'a [OrgId], away: Span) -> Pending<'a, ()>;

    /// Orgs that somebody is to look after, the longest waiting first, at most `limit`.
    fn unattended(&self, limit: usize) -> Pending<'_, Unattended>;

    /// Takes on those of these orgs that are still as [`Self::unattended`] gave them: for `away` nobody
    /// else is given them.
    fn take_on<'a>(&'a self, orgs: &'a [Awake], away: Span) -> Pending<'a, Vec<Awake>>;

    /// An org that was taken on has nothing to do for now: it is given again after `next`, or, with
    /// `None`, when somebody says that it is awake. Does nothing if somebody has said so meanwhile.
    fn rest<'a>(&'a self, org: &'a Awake, next: Option<Span>) -> Pending<'a, ()>;

    /// Renews leases: each runs from now, by the store's clock, for its span (P4). Unknown ones are
    /// started, and named: whoever thought that they held has missed something.
    fn renew<'a>(
        &'a self,
        org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>>;

    /// Starts leases of presences that have none.
    fn start<'a>(&'a self, org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()>;

    /// Claims at most `limit` presences, and 1000, whose lease has run out by the store's clock: for
    /// [`CLAIM`] nobody else is given them. A claim leaves the lease as it is. By asking, `by` says that
    /// it is there.
    fn lapsed<'a>(
        &'a self,
        org: &'a OrgId,
        by: ServerId,
        limit: usize,
    ) -> Pending<'a, LeaseReport> {
        self.overdue(org, by, limit, Span::from_ms(0))
    }

    /// As [`Self::lapsed`], of those leases only that ran out so long ago: whoever isn't an org's home
    /// leaves them to it for a while.
    fn overdue<'a>(
        &'a self,
        org: &'a OrgId,
        by: ServerId,
        limit: usize,
        since: Span,
    ) -> Pending<'a, LeaseReport>;

    /// Forgets those of these leases that have run out, whoever has claimed them, and gives those that
    /// run: they were renewed since they were claimed.
    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
    ) -> Pending<'a, Vec<PresenceId>>;

    /// The server goes away, and nobody is to wonder where it is.
    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()>;

    /// Shows a server to the others, and lists all of them. Those not heard of for [`SWEPT_AFTER`] are
    /// dropped from the list.
    fn show<'a>(&'a self, heartbeat: &'a Heartbeat) -> Pending<'a, MemberList>;

    /// Takes a server off the list.
    fn hide(&self, member: ServerId) -> Pending<'_, ()>;

    /// Forgets leases, run out or not.
    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()>;
}
