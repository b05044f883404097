//! The simulated journal: the contract of `baton::journal` on plain values, with the oracle that
//! looks at every entry, and with bugs that can be planted in it. It answers at once; delays, losses
//! and crashes are the world's part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::oracle;
use baton::domain::entry::{Entry, FactKind, Outcome, Revision, Transaction};
use baton::domain::id::TxnId;
use baton::domain::invariants;
use baton::domain::live::RepPresence;
use baton::domain::look::Look;
use baton::domain::record::{Record, RecordKey};
use baton::domain::state::State;
use baton::journal::{Batch, Committed, Epoch, JournalError, Loaded, Verdict};

/// A bug to plant. What each stands for is in the table in `simulation.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    SkipVersionCheck,
    IgnoreTxnId,
    IgnoreFingerprint,
    FreeTwice,
    DropSettle,
    ApplyOutOfOrder,
    TwoAcceptsWin,
    StaleRefusal,
    AckWithoutWrite,
    BuildOnDuplicate,
    ForgetUnchanged,
}

impl Mutation {
    pub const ALL: [Self; 11] = [
        Self::SkipVersionCheck,
        Self::IgnoreTxnId,
        Self::IgnoreFingerprint,
        Self::FreeTwice,
        Self::DropSettle,
        Self::ApplyOutOfOrder,
        Self::TwoAcceptsWin,
        Self::StaleRefusal,
        Self::AckWithoutWrite,
        Self::BuildOnDuplicate,
        Self::ForgetUnchanged,
    ];
}

/// The history, and everything that was ever true.
pub struct Store {
    pub mutation: Option<Mutation>,
    /// The state at each revision.
    states: Vec<State>,
    history: Vec<Arc<Entry>>,
    outcomes: BTreeMap<TxnId, Outcome>,
    /// A capacity was lowered, by a late repetition: reps may have more than they could get (C1).
    lowered: bool,
    /// What is being committed was decided on the whole history.
    informed: bool,
    /// What the oracle objects to.
    pub violation: Option<String>,
}

impl Store {
    pub fn new(mutation: Option<Mutation>) -> Self {
        Self {
            mutation,
            states: vec![State::default()],
            history: Vec::new(),
            outcomes: BTreeMap::new(),
            lowered: false,
            informed: true,
            violation: None,
        }
    }

    pub fn state(&self) -> &State {
        self.states.last().expect("there is always the empty state")
    }

    pub fn revision(&self) -> Revision {
        self.state().head().revision
    }

    /// The states from one revision to another, both included.
    pub fn between(&self, from: Revision, to: Revision) -> impl Iterator<Item = &State> {
        let index = |revision: Revision| usize::try_from(revision.get()).expect("it fits");
        self.states[index(from)..=index(to)].iter()
    }

    pub fn outcome(&self, id: TxnId) -> Option<&Outcome> {
        self.outcomes.get(&id)
    }

    pub fn after(&self, revision: Revision, limit: usize) -> Vec<Arc<Entry>> {
        let from = usize::try_from(revision.get()).expect("it fits");
        self.history.iter().skip(from).take(limit).cloned().collect()
    }

    pub fn load(&self) -> Loaded {
        Loaded { epoch: Epoch(1), state: self.state().clone() }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    pub fn commit(&mut self, batch: &Batch) -> Result<Committed, JournalError> {
        let since = batch.since.revision;
        if since > self.revision() {
            return Err(JournalError::Diverged("that is in the future".to_owned()));
        }
        let known = self.between(since, since).next().map(State::head);
        if batch.epoch != Epoch(1) || known != Some(batch.since) {
            return Err(JournalError::Diverged("another transaction is there".to_owned()));
        }
        // Whoever knew everything can be held to the rules that look at everything.
        self.informed = since == self.revision();
        let mut duplicates = BTreeSet::new();
        let mut verdicts = Vec::new();
        for transaction in &batch.transactions {
            let verdict = self.consider(transaction, &duplicates);
            self.informed &= matches!(verdict, Verdict::Committed(_));
            if matches!(verdict, Verdict::Duplicate(_)) && !self.is(Mutation::BuildOnDuplicate) {
                duplicates.insert(transaction.id);
            }
            verdicts.push(verdict);
        }
        let found = batch.lookups.iter().map(|id| self.look_up(*id)).collect();
        let from = usize::try_from(since.get()).expect("it fits");
        let mut entries = self.history[from..].to_vec();
        if self.is(Mutation::ApplyOutOfOrder) {
            swap_changes(&mut entries);
        }
        if self.is(Mutation::StaleRefusal) && batch.transactions.is_empty() {
            return Ok(Committed {
                found: vec![None; batch.lookups.len()],
                ..Committed::default()
            });
        }
        Ok(Committed { verdicts, found, entries })
    }

    fn look_up(&self, id: TxnId) -> Option<Outcome> {
        if self.is(Mutation::IgnoreTxnId) { None } else { self.outcomes.get(&id).cloned() }
    }

    /// `duplicates`: ids of the batch that were committed before, perhaps with other content than
    /// the batch has under them. What was decided on that content doesn't hold.
    fn consider(&mut self, transaction: &Transaction, duplicates: &BTreeSet<TxnId>) -> Verdict {
        if let Some(mut outcome) = self.look_up(transaction.id) {
            if self.is(Mutation::IgnoreFingerprint) {
                outcome.fingerprint = transaction.fingerprint;
            }
            return Verdict::Duplicate(outcome);
        }
        let state = self.state();
        let holds = transaction
            .checks
            .iter()
            .all(|(key, seen)| state.version(key) == *seen && !duplicates.contains(seen));
        let accepts = transaction.facts.iter().any(|f| f.kind == FactKind::SessionAccepted);
        let waved_through =
            self.is(Mutation::SkipVersionCheck) || (self.is(Mutation::TwoAcceptsWin) && accepts);
        if !holds && !waved_through {
            return Verdict::Conflict;
        }
        if transaction.changes_nothing() {
            if !self.is(Mutation::ForgetUnchanged) {
                self.remember(transaction);
            }
            return Verdict::Committed(self.revision());
        }
        let revision = state.head().revision.next();
        if self.is(Mutation::AckWithoutWrite) && transaction.id.to_u128() % 64 == 1 {
            return Verdict::Committed(revision);
        }
        let mut transaction = transaction.clone();
        if self.is(Mutation::FreeTwice) {
            free_twice(state, &mut transaction);
        }
        self.append(&transaction);
        Verdict::Committed(revision)
    }

    fn append(&mut self, transaction: &Transaction) {
        let mut next = self.state().clone();
        let entry = Entry::after(next.head(), transaction);
        let seen = self.look(&mut next, &entry);
        if let (Err(what), None) = (seen, &self.violation) {
            self.violation = Some(format!("revision {}: {what}", entry.revision));
        }
        self.history.push(Arc::new(entry));
        self.states.push(next);
        self.remember(transaction);
    }

    /// Keeps the outcome of a transaction that was done at the head.
    fn remember(&mut self, transaction: &Transaction) {
        let Transaction { id, fingerprint, answer, .. } = transaction;
        let (fingerprint, answer) = (*fingerprint, answer.clone());
        self.outcomes.insert(*id, Outcome { revision: self.revision(), fingerprint, answer });
    }

    /// Did this transaction change something?
    pub fn changed(&self, id: TxnId) -> bool {
        self.history.iter().any(|entry| entry.txn == id)
    }

    /// The oracle: applies an entry and checks all that is to be true after every one.
    fn look(&mut self, next: &mut State, entry: &Entry) -> Result<(), String> {
        if self.outcomes.contains_key(&entry.txn) {
            next.apply(entry).map_err(|e| e.to_string())?;
            return Err(format!("T21: transaction {} happened twice", entry.txn));
        }
        if entry.time < next.head().time {
            return Err("the time ran backwards".to_owned());
        }
        let earlier = next.clone();
        let before = next.apply(entry).map_err(|e| e.to_string())?;
        for (before, (_, after)) in before.iter().zip(&entry.changes) {
            if let Some(before) = before {
                invariants::check_step(before, after.as_ref()).map_err(|v| v.to_string())?;
                self.lowered |= lowers(before, after.as_ref());
            }
        }
        invariants::check(next).map_err(|v| v.to_string())?;
        if self.informed {
            oracle::routed_well(&earlier, next, entry)?;
        }
        if self.lowered {
            return Ok(());
        }
        invariants::check_capacity(next).map_err(|v| v.to_string())
    }
}

fn lowers(before: &Record, after: Option<&Record>) -> bool {
    match (before, after) {
        (Record::Configuration(old), Some(Record::Configuration(new))) => {
            new.capacity < old.capacity
        }
        _ => false,
    }
}

/// A reader that applies two entries in the wrong order.
fn swap_changes(entries: &mut [Arc<Entry>]) {
    if let [first, second, ..] = entries {
        let (mut a, mut b) = (Entry::clone(first), Entry::clone(second));
        std::mem::swap(&mut a.changes, &mut b.changes);
        (*first, *second) = (Arc::new(a), Arc::new(b));
    }
}

/// A path on which ended work gives its capacity back a second time.
fn free_twice(state: &State, transaction: &mut Transaction) {
    let ended: Vec<_> = transaction
        .writes
        .values()
        .filter_map(|record| match record {
            Some(Record::Work(work)) if !work.is_live() => {
                state.work(&work.id).filter(|before| before.is_live())
            }
            _ => None,
        })
        .collect();
    for work in ended {
        let key = RecordKey::RepPresence(work.rep.clone());
        if let Some(Some(Record::RepPresence(rep))) = transaction.writes.get_mut(&key) {
            let used = rep.used.minus(work.holds);
            *rep = Arc::new(RepPresence { used, ..RepPresence::clone(rep) });
        }
    }
}
