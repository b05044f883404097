//! The journal of one process, in memory: the embedded default, and the model that the contract
//! suite compares others with. Everything is lost with the process.
//!
//! One mutex per org, held for one batch and never across an await.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

use super::{
    BATCH_MAX, Batch, CLAIM, Committed, Epoch, History, Journal, JournalError, Lapsed, Loaded,
    OUTCOME_BUCKET, OUTCOME_BUCKETS, Pending, SERVER_AWAY, ServerId, Verdict,
};
use crate::domain::entry::{Entry, Head, Outcome, Revision, Transaction};
use crate::domain::id::{OrgId, PresenceId, TxnId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::{Held, State};
use crate::domain::time::{Span, Timestamp};

/// How many entries of each org are kept, unless said otherwise.
pub const ENTRIES_KEPT: usize = 100_000;

/// How long [`Journal::wake`] waits at most.
const WAKE_AFTER: Duration = Duration::from_secs(1);

/// What time it is; an argument, so that a test can tell it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The journal of one process.
pub struct MemoryJournal {
    clock: Clock,
    entries_kept: usize,
    /// Orgs are only ever added. Locked to find one, not while it is used.
    orgs: Mutex<HashMap<OrgId, Arc<Org>>>,
}

#[derive(Default)]
struct Org {
    stored: Mutex<Stored>,
    /// The head's revision, for those who wait; written after `stored` is.
    head: watch::Sender<Revision>,
}

/// All that is kept of one org.
struct Stored {
    epoch: Epoch,
    head: Head,
    records: HashMap<RecordKey, Held>,
    /// The newest entries, without a gap up to `head`.
    entries: VecDeque<Arc<Entry>>,
    outcomes: Outcomes,
    /// When each lease runs out.
    leases: BTreeMap<PresenceId, Timestamp>,
    /// When each server last looked after them.
    servers: BTreeMap<ServerId, Timestamp>,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            epoch: Epoch(1),
            head: Head::default(),
            records: HashMap::new(),
            entries: VecDeque::new(),
            outcomes: Outcomes::default(),
            leases: BTreeMap::new(),
            servers: BTreeMap::new(),
        }
    }
}

/// Outcomes by transaction, in buckets of at least [`OUTCOME_BUCKET`] of the decisions' time each:
/// forgetting is dropping the oldest bucket.
#[derive(Default)]
struct Outcomes {
    /// The newest last; never empty once something was put in.
    buckets: VecDeque<HashMap<TxnId, Outcome>>,
    newest_since: Timestamp,
}

impl Outcomes {
    fn find(&self, txn: TxnId) -> Option<&Outcome> {
        self.buckets.iter().rev().find_map(|bucket| bucket.get(&txn))
    }

    fn put(&mut self, time: Timestamp, txn: TxnId, outcome: Outcome) {
        if self.buckets.is_empty() || time.since(self.newest_since) >= OUTCOME_BUCKET {
            self.buckets.push_back(HashMap::new());
            self.newest_since = time;
            if self.buckets.len() > OUTCOME_BUCKETS {
                self.buckets.pop_front();
            }
        }
        if let Some(newest) = self.buckets.back_mut() {
            newest.insert(txn, outcome);
        }
    }
}

impl Stored {
    /// The transaction at `revision`: `None` if it isn't known any more, or not yet.
    fn txn_at(&self, revision: Revision) -> Option<TxnId> {
        if revision == self.head.revision {
            return Some(self.head.txn);
        }
        if revision == Revision::ZERO {
            return Some(TxnId::MIN);
        }
        let place = self.place(revision)?;
        self.entries.get(place).map(|entry| entry.txn)
    }

    /// Where in `entries` the one at `revision` is.
    fn place(&self, revision: Revision) -> Option<usize> {
        let first = self.entries.front()?.revision.get();
        revision.get().checked_sub(first).and_then(|place| usize::try_from(place).ok())
    }

    /// Every entry after `after`; `None` if some are gone.
    fn after(&self, after: Revision) -> Option<impl Iterator<Item = &Arc<Entry>>> {
        let start = if after >= self.head.revision {
            self.entries.len()
        } else {
            self.place(after.next())?
        };
        Some(self.entries.range(start.min(self.entries.len())..))
    }

    fn commit(&mut self, batch: &Batch, entries_kept: usize) -> Result<Committed, JournalError> {
        if batch.epoch != self.epoch {
            let text = format!("epoch {}, not {}", self.epoch.0, batch.epoch.0);
            return Err(JournalError::Diverged(text));
        }
        let since = batch.since.revision;
        if since > self.head.revision
            || self.txn_at(since).is_some_and(|txn| txn != batch.since.txn)
        {
            let text = format!("another transaction at revision {since}");
            return Err(JournalError::Diverged(text));
        }
        let missed = self
            .after(since)
            .ok_or_else(|| JournalError::Diverged(format!("revision {since} is trimmed away")))?;
        let mut entries: Vec<_> = missed.cloned().collect();
        let found = batch.lookups.iter().map(|txn| self.outcomes.find(*txn).cloned()).collect();
        let mut verdicts = Vec::with_capacity(batch.transactions.len());
        let mut repeated = HashSet::new();
        for transaction in &batch.transactions {
            let verdict = self.commit_one(transaction, &repeated, &mut entries);
            if matches!(verdict, Verdict::Duplicate(_)) {
                repeated.insert(transaction.id);
            }
            verdicts.push(verdict);
        }
        while self.entries.len() > entries_kept {
            self.entries.pop_front();
        }
        Ok(Committed { verdicts, found, entries })
    }

    /// `repeated`: the batch's duplicates so far. What is stored under their ids may have another
    /// content than the one that the batch builds on.
    fn commit_one(
        &mut self,
        transaction: &Transaction,
        repeated: &HashSet<TxnId>,
        entries: &mut Vec<Arc<Entry>>,
    ) -> Verdict {
        if let Some(outcome) = self.outcomes.find(transaction.id) {
            return Verdict::Duplicate(outcome.clone());
        }
        let version = |key| self.records.get(key).map_or(TxnId::MIN, |held| held.version);
        let holds = |key, seen: &TxnId| version(key) == *seen && !repeated.contains(seen);
        if !transaction.checks.iter().all(|(key, seen)| holds(key, seen)) {
            return Verdict::Conflict;
        }
        if transaction.changes_nothing() {
            self.remember(transaction);
            return Verdict::Committed(self.head.revision);
        }
        for (key, record) in &transaction.writes {
            match record {
                Some(record) => {
                    let held = Held { version: transaction.id, record: Record::clone(record) };
                    self.records.insert(key.clone(), held);
                }
                None => {
                    self.records.remove(key);
                }
            }
        }
        let entry = Arc::new(Entry::after(self.head, transaction));
        self.head = entry.head();
        self.remember(transaction);
        self.entries.push_back(Arc::clone(&entry));
        entries.push(entry);
        Verdict::Committed(self.head.revision)
    }

    /// Keeps the outcome of a transaction that was done at the head.
    fn remember(&mut self, transaction: &Transaction) {
        let outcome = Outcome {
            revision: self.head.revision,
            fingerprint: transaction.fingerprint,
            answer: transaction.answer.clone(),
        };
        self.outcomes.put(transaction.time.max(self.head.time), transaction.id, outcome);
    }

    /// Does what is stored contradict that `known` was once committed?
    fn contradicts(&self, epoch: Epoch, known: Head) -> bool {
        self.epoch < epoch
            || (self.epoch == epoch
                && (self.head.revision < known.revision
                    || self.txn_at(known.revision).is_some_and(|txn| txn != known.txn)))
    }
}

impl MemoryJournal {
    /// An empty journal. `clock` is what leases run by.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::keeping(clock, ENTRIES_KEPT)
    }

    /// An empty journal that keeps this many entries of each org.
    #[must_use]
    pub fn keeping(clock: Clock, entries_kept: usize) -> Self {
        Self { clock, entries_kept, orgs: Mutex::default() }
    }

    fn org(&self, id: &OrgId) -> Arc<Org> {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(org) = orgs.get(id) {
            return Arc::clone(org);
        }
        Arc::clone(orgs.entry(id.clone()).or_default())
    }

    /// A result that is there already, for a method that needn't wait.
    fn ready<'a, T: Send + 'a>(result: Result<T, JournalError>) -> Pending<'a, T> {
        Box::pin(std::future::ready(result))
    }
}

impl Org {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Committed> {
        debug_assert!(batch.transactions.len() <= BATCH_MAX, "a batch has at most {BATCH_MAX}");
        let org = self.org(org);
        let mut stored = org.stored();
        let before = stored.head.revision;
        let result = stored.commit(batch, self.entries_kept);
        let head = stored.head.revision;
        drop(stored);
        if head > before {
            org.head.send_replace(head);
        }
        Self::ready(result)
    }

    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        let org = self.org(org);
        let mut stored = org.stored();
        if let Some((epoch, head)) = known
            && stored.contradicts(epoch, head)
        {
            stored.epoch = Epoch(epoch.max(stored.epoch).0 + 1);
        }
        let records = stored.records.iter().map(|(key, held)| (key.clone(), held.clone()));
        let state = State::restore(stored.head, records);
        Self::ready(Ok(Loaded { epoch: stored.epoch, state }))
    }

    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        let org = self.org(org);
        let stored = org.stored();
        Self::ready(Ok(match stored.after(after) {
            Some(entries) => History::Entries(entries.take(limit).cloned().collect()),
            None => History::Trimmed,
        }))
    }

    fn wake<'a>(&'a self, org: &'a OrgId, after: Revision) -> Pending<'a, ()> {
        let mut head = self.org(org).head.subscribe();
        Box::pin(async move {
            // Either way the caller looks for itself; the sender lives in the org, which stays.
            let _ = tokio::time::timeout(WAKE_AFTER, head.wait_for(|head| *head > after)).await;
            Ok(())
        })
    }

    fn renew<'a>(
        &'a self,
        org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        let mut renew = |(presence, span): &(PresenceId, Span)| {
            let known = stored.leases.insert(*presence, now + *span);
            known.is_none().then_some(*presence)
        };
        Self::ready(Ok(leases.iter().filter_map(&mut renew).collect()))
    }

    fn start<'a>(&'a self, org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        for (presence, span) in leases {
            stored.leases.entry(*presence).or_insert(now + *span);
        }
        Self::ready(Ok(()))
    }

    fn lapsed<'a>(&'a self, org: &'a OrgId, by: ServerId, limit: usize) -> Pending<'a, Lapsed> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        stored.servers.insert(by, now);
        let before = stored.servers.len();
        stored.servers.retain(|_, seen| now.since(*seen) < SERVER_AWAY);
        if stored.servers.len() < before {
            return Self::ready(Ok(Lapsed::ServerLost));
        }
        let until = now + CLAIM;
        let mut presences = Vec::new();
        for (presence, end) in &mut stored.leases {
            if *end <= now && presences.len() < limit {
                presences.push(*presence);
                *end = until;
            }
        }
        Self::ready(Ok(Lapsed::Claimed { presences, until }))
    }

    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
        until: Timestamp,
    ) -> Pending<'a, Vec<PresenceId>> {
        let org = self.org(org);
        let mut stored = org.stored();
        let mut renewed = Vec::new();
        for presence in presences {
            match stored.leases.get(presence) {
                Some(end) if *end == until => drop(stored.leases.remove(presence)),
                Some(_) => renewed.push(*presence),
                None => {}
            }
        }
        Self::ready(Ok(renewed))
    }

    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()> {
        self.org(org).stored().servers.remove(&by);
        Self::ready(Ok(()))
    }

    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        let org = self.org(org);
        let mut stored = org.stored();
        for presence in presences {
            stored.leases.remove(presence);
        }
        Self::ready(Ok(()))
    }
}
