//! Where committed transactions are kept. This file is the contract; `memory` and `redis` keep it,
//! and one suite (`tests/journal.rs`) holds both to it. The engine knows only what is here.

mod codec;
pub mod memory;
pub mod redis;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::domain::entry::{Entry, Head, Outcome, Revision, Transaction};
use crate::domain::id::{OrgId, PresenceId, TxnId};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};

/// What a journal's methods return: boxed, so that the engine needn't know which journal it has.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, JournalError>> + Send + 'a>>;

/// Counts the histories of an org. A rollback (a restart on older data, a failover that lost
/// writes) starts a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Epoch(pub u64);

/// Transactions to be committed together, in order, and questions asked along with them.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The history that the caller knows.
    pub epoch: Epoch,
    /// Up to where the caller knows it. Its transaction id is verified.
    pub since: Head,
    /// At most [`BATCH_MAX`]. Each is committed or refused by itself; a later one may build on an
    /// earlier one of the same batch.
    pub transactions: Vec<Arc<Transaction>>,
    /// Transactions of which the caller asks whether they were ever committed.
    pub lookups: Vec<TxnId>,
}

/// The most transactions in one batch.
pub const BATCH_MAX: usize = 64;

/// Outcomes are kept in buckets, each for at least this long, by the time of what was decided.
const OUTCOME_BUCKET: Span = Span::from_secs(12 * 3_600);

/// This many buckets are kept: an outcome is there for 24 h at least.
const OUTCOME_BUCKETS: usize = 3;

/// A server that watches over leases, by a number that it has drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerId(pub u128);

/// A server that hasn't asked for lapsed leases for so long is lost. Well below what is left of the
/// shortest lease when it should have been renewed, so that a server is missed before its clients are.
pub const SERVER_AWAY: Span = Span::from_ms(3_000);

/// How long whoever is given a lapsed lease has it to itself.
pub const CLAIM: Span = Span::from_ms(2_000);

/// What there is to do about leases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lapsed {
    /// A server is lost, and with it the way of its clients to renew: they get a fresh lease first
    /// (P9). Told once, to one of the others.
    ServerLost,
    /// These have run out.
    Claimed {
        /// Whose.
        presences: Vec<PresenceId>,
        /// Until when the claim holds, by the store's clock.
        until: Timestamp,
    },
}

/// What became of one transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It was done for the first time: it is in the history, at this revision; or it changes
    /// nothing, and this is the head's.
    Committed(Revision),
    /// A record that it read or wrote has another version by now. Nothing of it was done.
    Conflict,
    /// A transaction of this id was committed before: this is what became of it (T21). Nothing was
    /// done again.
    Duplicate(Outcome),
}

/// The answer to a batch.
#[derive(Debug, Clone, Default)]
pub struct Committed {
    /// One per transaction, in order.
    pub verdicts: Vec<Verdict>,
    /// One per lookup, in order.
    pub found: Vec<Option<Outcome>>,
    /// Every entry after `since`, the batch's own included, without a gap: a commit is also a
    /// catch-up.
    pub entries: Vec<Arc<Entry>>,
}

/// An org as it is stored.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Its history's number.
    pub epoch: Epoch,
    /// Its records and head, all of one revision.
    pub state: State,
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
    /// The stored history isn't the one that the caller knows: another epoch, or another
    /// transaction at `since`. The org is to be loaded again and its streams reset.
    #[error("the stored history is another one: {0}")]
    Diverged(String),
    /// What is stored can't be read. Nobody should write to it.
    #[error("what is stored can't be read: {0}")]
    Corrupt(String),
}

/// A place where the history of every org is kept.
///
/// All methods may be called from any number of replicas and tasks at once. Revisions of an org are
/// dense from 1; every entry names the transaction before it; the time never runs backwards.
pub trait Journal: Send + Sync + 'static {
    /// Commits a batch atomically: no other commit comes between its transactions.
    ///
    /// For each transaction, in order: a known id → [`Verdict::Duplicate`]; a record in `checks` of
    /// another version, or whose version is the id of a duplicate in this batch (what is stored
    /// under it may have other content than the caller decided on) → [`Verdict::Conflict`]; else
    /// its records are replaced, the entry is appended and the outcome is kept for at least 24 h. An
    /// empty batch is a read barrier.
    ///
    /// A transaction without writes is checked in the same way and its outcome is kept as long,
    /// under the revision of the head that it found. It becomes no entry: revision, time and
    /// versions stay as they are.
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Committed>;

    /// The org as it is now; an org that was never written to is empty, at revision 0.
    ///
    /// This is also where a rollback is noticed: when the stored head contradicts what `known` says
    /// was once committed, the epoch is bumped by compare-and-set before it is returned.
    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded>;

    /// At most `limit` entries after `after`.
    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History>;

    /// Waits until the org may have entries after `after`, or until a while has passed. A wake-up
    /// is a hint: the caller looks for itself.
    fn wake<'a>(&'a self, org: &'a OrgId, after: Revision) -> Pending<'a, ()>;

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
    /// [`CLAIM`] nobody else is given them. By asking, `by` says that it is there.
    fn lapsed<'a>(&'a self, org: &'a OrgId, by: ServerId, limit: usize) -> Pending<'a, Lapsed>;

    /// Forgets leases that were claimed until then, but those that were renewed meanwhile, and gives
    /// those.
    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
        until: Timestamp,
    ) -> Pending<'a, Vec<PresenceId>>;

    /// The server goes away, and nobody is to wonder where it is.
    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()>;

    /// Forgets leases, run out or not.
    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()>;
}
