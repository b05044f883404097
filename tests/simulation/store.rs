//! The simulated journal: the contract of `baton::journal` on plain values, with the oracle that
//! looks at every entry, and with bugs that can be planted in it. It answers at once; delays, losses
//! and crashes are the world's part.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::oracle;
use baton::domain::entry::{Answer, Cause, Entry, FactKind, Outcome, Revision};
use baton::domain::id::TxnId;
use baton::domain::invariants;
use baton::domain::live::{RepPresence, Session};
use baton::domain::record::{Record, RecordKey};
use baton::domain::record_lookup::RecordLookup;
use baton::domain::state::State;
use baton::domain::time::Timestamp;
use baton::journal::{Batch, Epoch, JournalError, Loaded, Verdict};

/// A bug to plant. What each stands for is in the table in `simulation.rs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutation {
    SkipHeadCheck,
    ChainByRequest,
    RaceIsRollback,
    IgnoreTxnId,
    IgnoreFingerprint,
    FreeTwice,
    ForgetMark,
    ForgetUndo,
    ApplyOutOfOrder,
    StaleRefusal,
    AckWithoutWrite,
    HalfABatch,
    ForgetUnchanged,
    RefusedHereDoneThere,
}

impl Mutation {
    pub const ALL: [Self; 14] = [
        Self::SkipHeadCheck,
        Self::ChainByRequest,
        Self::RaceIsRollback,
        Self::IgnoreTxnId,
        Self::IgnoreFingerprint,
        Self::FreeTwice,
        Self::ForgetMark,
        Self::ForgetUndo,
        Self::ApplyOutOfOrder,
        Self::StaleRefusal,
        Self::AckWithoutWrite,
        Self::HalfABatch,
        Self::ForgetUnchanged,
        Self::RefusedHereDoneThere,
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
    /// Requests that led to an entry.
    changed: BTreeSet<TxnId>,
    /// What time it is, for loading.
    pub now: Timestamp,
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
            changed: BTreeSet::new(),
            now: Timestamp::MIN,
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
        let (state, release) = (self.state().clone(), String::new());
        Loaded { epoch: Epoch(1), state, now: self.now, release }
    }

    fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    /// The contract of `Journal::commit`.
    pub fn commit(&mut self, batch: &Batch) -> Result<Verdict, JournalError> {
        let confirmed = batch.confirmed.revision;
        if confirmed > self.revision() {
            return Err(JournalError::Diverged("that is in the future".to_owned()));
        }
        let there = self.between(confirmed, confirmed).next().map(State::head);
        if batch.epoch != Epoch(1) || there != Some(batch.confirmed) {
            return Err(JournalError::Diverged("another entry is there".to_owned()));
        }
        if self.has(batch) {
            return Ok(Verdict::Accepted);
        }
        let ids = batch.outcomes.iter().map(|(txn, _)| txn).chain(&batch.asked);
        let known: Vec<_> = ids.filter_map(|txn| Some((*txn, self.look_up(*txn)?))).collect();
        if !known.is_empty() || !self.is_the_head_of(batch) {
            return self.behind(batch, known);
        }
        for entry in &batch.entries {
            let skipped = self.is(Mutation::AckWithoutWrite) && entry.id.to_u128() % 64 == 1;
            let half = self.is(Mutation::HalfABatch) && entry.id.to_u128() % 16 == 1;
            if skipped || half {
                break;
            }
            self.append(entry);
        }
        for (txn, outcome) in &batch.outcomes {
            let unchanged = matches!(outcome.answer, Answer::Refused(_))
                || !batch.entries.iter().any(|e| e.revision == outcome.revision);
            if self.is(Mutation::ForgetUnchanged) && unchanged {
                continue;
            }
            if !unchanged {
                self.changed.insert(*txn);
            }
            self.outcomes.insert(*txn, outcome.clone());
        }
        Ok(Verdict::Accepted)
    }

    /// Was it sent before?
    fn has(&self, batch: &Batch) -> bool {
        let place = |entry: &Entry| usize::try_from(entry.revision.get() - 1).expect("it fits");
        let last = batch.entries.last();
        let there = last.and_then(|last| Some((last, self.history.get(place(last))?)));
        there.is_some_and(|(ours, theirs)| {
            if self.is(Mutation::ChainByRequest) {
                return ours.cause.request_id == theirs.cause.request_id;
            }
            ours.id == theirs.id
        })
    }

    fn is_the_head_of(&self, batch: &Batch) -> bool {
        let head = self.state().head();
        if self.is(Mutation::SkipHeadCheck) {
            return head.revision == batch.decided_on.revision || batch.entries.is_empty();
        }
        if self.is(Mutation::StaleRefusal) && batch.entries.is_empty() {
            return true;
        }
        head == batch.decided_on
    }

    fn behind(
        &self,
        batch: &Batch,
        mut known: Vec<(TxnId, Outcome)>,
    ) -> Result<Verdict, JournalError> {
        if self.is(Mutation::RaceIsRollback) && batch.decided_on.revision == self.revision() {
            return Err(JournalError::Corrupt("a race was lost".to_owned()));
        }
        if self.is(Mutation::IgnoreFingerprint) {
            for (txn, outcome) in &mut known {
                let asked = batch.outcomes.iter().find(|(id, _)| id == txn);
                outcome.fingerprint = asked.map_or(outcome.fingerprint, |(_, o)| o.fingerprint);
            }
        }
        let from = usize::try_from(batch.confirmed.revision.get()).expect("it fits");
        let mut missed = self.history[from..].to_vec();
        if self.is(Mutation::ApplyOutOfOrder) {
            swap_changes(&mut missed);
        }
        Ok(Verdict::Behind { missed, known })
    }

    fn look_up(&self, id: TxnId) -> Option<Outcome> {
        if self.is(Mutation::IgnoreTxnId) { None } else { self.outcomes.get(&id).cloned() }
    }

    fn append(&mut self, entry: &Arc<Entry>) {
        let mut entry = Arc::clone(entry);
        let mut next = self.state().clone();
        if self.is(Mutation::SkipHeadCheck) {
            // Whoever came second comes second.
            let (head, changed) = (next.head(), Arc::make_mut(&mut entry));
            (changed.revision, changed.previous) = (head.revision.next(), head.entry);
        }
        self.mutate(&next, &mut entry);
        let seen = self.inspect(&mut next, &entry);
        if let (Err(what), None) = (seen, &self.violation) {
            self.violation = Some(format!("revision {}: {what}", entry.revision));
        }
        self.history.push(entry);
        self.states.push(next);
    }

    /// Changes an entry as a bug in a decision would have.
    fn mutate(&self, state: &State, entry: &mut Arc<Entry>) {
        match self.mutation {
            Some(Mutation::FreeTwice) => free_twice(state, Arc::make_mut(entry)),
            Some(Mutation::ForgetMark) => forget_offer(state, Arc::make_mut(entry)),
            Some(Mutation::ForgetUndo) if entry.id.to_u128() % 32 == 1 => {
                // As if a piece of a refused decision had been left in the state.
                let left = state.records().find_map(|(key, held)| match &held.record {
                    Record::Session(session) if session.owner().is_some() => {
                        let session = Session { state: Session::WAITING, ..(**session).clone() };
                        Some((key.clone(), Some(Record::Session(Arc::new(session)))))
                    }
                    _ => None,
                });
                let entry = Arc::make_mut(entry);
                if let Some(left) =
                    left.filter(|(key, _)| entry.changes.iter().all(|(k, _)| k != key))
                {
                    entry.changes.push(left);
                }
            }
            _ => {}
        }
    }

    /// Did this cause lead to the entry at `revision`?
    pub fn caused(&self, revision: Revision, cause: &Cause) -> bool {
        // For whom somebody acts is found out when it is decided.
        let as_asked = |entry: &Entry| Cause { on_behalf_of: None, ..entry.cause.clone() };
        self.history.iter().any(|entry| entry.revision == revision && as_asked(entry) == *cause)
    }

    /// Did this request change something?
    pub fn changed(&self, id: TxnId) -> bool {
        self.changed.contains(&id)
    }

    /// The oracle: applies an entry and checks all that is to be true after every one.
    fn inspect(&mut self, next: &mut State, entry: &Entry) -> Result<(), String> {
        let request = entry.cause.request_id.as_ref();
        let twice = |e: &Arc<Entry>| request.is_some() && e.cause.request_id.as_ref() == request;
        if self.history.iter().any(twice) {
            next.apply(entry).map_err(|e| e.to_string())?;
            return Err(format!("T21: request {request:?} happened twice"));
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
        oracle::routed_well(&earlier, next, entry)?;
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
fn free_twice(state: &State, entry: &mut Entry) {
    let ended = entry.changes.iter().filter_map(|(_, record)| match record {
        Some(Record::Work(work)) if !work.is_live() => {
            state.work(&work.id).filter(|before| before.is_live())
        }
        _ => None,
    });
    for work in ended.collect::<Vec<_>>() {
        let key = RecordKey::RepPresence(work.rep.clone());
        for (_, record) in entry.changes.iter_mut().filter(|(k, _)| *k == key) {
            if let Some(Record::RepPresence(rep)) = record {
                let used = rep.used.minus(work.holds);
                *rep = Arc::new(RepPresence { used, ..RepPresence::clone(rep) });
            }
        }
    }
}

/// A decision that ends work and offers nothing to the rep who has room by that: as if nobody had
/// marked them.
fn forget_offer(state: &State, entry: &mut Entry) {
    let ends = entry.facts.iter().any(|fact| fact.kind == FactKind::SessionEnded);
    let offers = entry.facts.iter().any(|fact| fact.kind == FactKind::SessionOffered);
    if !ends || !offers {
        return;
    }
    let new = |record: &Option<Record>| match record {
        Some(Record::Work(work)) => state.work(&work.id).is_none().then(|| (**work).clone()),
        _ => None,
    };
    let offered: Vec<_> = entry.changes.iter().filter_map(|(_, record)| new(record)).collect();
    for work in offered {
        let undone = |key: &RecordKey| match key {
            RecordKey::Work(id) => *id == work.id,
            RecordKey::Session(id) => *id == work.session,
            _ => false,
        };
        entry.changes.retain(|(key, _)| !undone(key));
        for (_, record) in &mut entry.changes {
            if let Some(Record::RepPresence(rep)) = record
                && rep.rep == work.rep
            {
                let mut changed = RepPresence::clone(rep);
                let held = changed.held_in(work.interruptible);
                *held = *held - work.holds;
                changed.work_count -= 1;
                *rep = Arc::new(changed);
            }
        }
    }
}
