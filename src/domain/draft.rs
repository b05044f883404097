//! A decision in the making: the state as it would be, what was read to get there, and what
//! happened. Dropping a draft undoes it; finishing it gives a transaction.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::command::Request;
use super::directory::Settings;
use super::entry::{Answer, Fact, Transaction};
use super::id::{RepId, SessionId, TxnId, WorkId};
use super::live::{RepPresence, Session, Transfer, Work};
use super::look::Look;
use super::record::{Record, RecordKey};
use super::sight::{Sight, Writes};
use super::state::State;
use super::time::Timestamp;

/// Where a decision gets random bits from; an argument, so that a decision can be repeated.
pub trait Entropy {
    /// The next 128 random bits.
    fn bits(&mut self) -> u128;
}

/// What a decision has read and written so far, over the state that it started from.
pub struct Draft<'a> {
    state: &'a State,
    now: Timestamp,
    entropy: &'a mut dyn Entropy,
    /// What was read, with its version: what is committed depends on it, and reading it again
    /// costs little.
    reads: RefCell<BTreeMap<RecordKey, (TxnId, Option<Record>)>>,
    writes: Writes,
    facts: Vec<Fact>,
}

impl Look for Draft<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        if let Some(written) = self.writes.get(key) {
            return written.clone();
        }
        self.read(key)
    }
}

impl<'a> Draft<'a> {
    /// An empty draft over `state`. Its time is `now`, but never before the state's.
    pub fn new(state: &'a State, now: Timestamp, entropy: &'a mut dyn Entropy) -> Self {
        Self {
            state,
            now: now.max(state.head().time),
            entropy,
            reads: RefCell::default(),
            writes: Writes::new(),
            facts: Vec::new(),
        }
    }

    /// The time of the decision.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The state that the decision starts from, for its indexes.
    #[must_use]
    pub const fn base(&self) -> &'a State {
        self.state
    }

    /// Random bits for a new id.
    pub fn random(&mut self) -> u128 {
        self.entropy.bits()
    }

    /// An id for a new session. Ids sort by arrival (R2), also within a millisecond.
    pub fn session_id(&mut self) -> SessionId {
        let first = RecordKey::Session(SessionId::at(self.now, 0));
        let ordinal = match self.last(first, RecordKey::Session(SessionId::MAX)) {
            Some(RecordKey::Session(last)) => last.ordinal() + 1,
            _ => 0,
        };
        SessionId::nth_at(self.now, ordinal, self.random())
    }

    /// The work that `rep` has, as the decision leaves it so far.
    #[must_use]
    pub fn work_of(&self, rep: &RepId) -> Vec<Arc<Work>> {
        let mut ids: BTreeSet<WorkId> = self.state.work_of_rep(rep).map(|work| work.id).collect();
        ids.extend(self.writes.values().filter_map(|record| match record {
            Some(Record::Work(work)) if work.rep == *rep => Some(work.id),
            _ => None,
        }));
        let live = |id| self.work(&id).filter(|work| work.is_live());
        ids.into_iter().filter_map(live).collect()
    }

    /// An id for new work. Ids sort in the order of the offers, also within a millisecond.
    pub fn work_id(&mut self) -> WorkId {
        let first = RecordKey::Work(WorkId::at(self.now, 0));
        let ordinal = match self.last(first, RecordKey::Work(WorkId::MAX)) {
            Some(RecordKey::Work(last)) => last.ordinal() + 1,
            _ => 0,
        };
        WorkId::nth_at(self.now, ordinal, self.random())
    }

    fn last(&self, from: RecordKey, to: RecordKey) -> Option<&RecordKey> {
        let range = from..=to;
        let written = self.writes.range(range.clone()).next_back().map(|(key, _)| key);
        self.state.last_key(range).max(written)
    }

    /// Notes something that happened.
    pub fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// The facts so far.
    #[must_use]
    pub fn facts(&self) -> &[Fact] {
        &self.facts
    }

    /// Has anything been written?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Writes a record.
    pub fn put(&mut self, record: Record) {
        let key = record.key();
        self.read(&key);
        self.writes.insert(key, Some(record));
    }

    /// Writes a rep's presence.
    pub fn put_presence(&mut self, image: RepPresence) {
        self.put(Record::RepPresence(Arc::new(image)));
    }

    /// Writes a session.
    pub fn put_session(&mut self, image: Session) {
        self.put(Record::Session(Arc::new(image)));
    }

    /// Writes a piece of work.
    pub fn put_work(&mut self, image: Work) {
        self.put(Record::Work(Arc::new(image)));
    }

    /// Writes a transfer.
    pub fn put_transfer(&mut self, image: Transfer) {
        self.put(Record::Transfer(Arc::new(image)));
    }

    /// Writes the settings.
    pub fn put_settings(&mut self, image: Settings) {
        self.put(Record::Settings(Arc::new(image)));
    }

    /// Removes a record.
    pub fn remove(&mut self, key: RecordKey) {
        self.read(&key);
        self.writes.insert(key, None);
    }

    /// The keys of the records that it removes.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<RecordKey> {
        let gone = self.writes.iter().filter(|(_, record)| record.is_none());
        gone.map(|(key, _)| key.clone()).collect()
    }

    /// A look at all of it for a search, on which the decision won't depend.
    #[must_use]
    pub const fn sight(&self) -> Sight<'_> {
        Sight::through(self.state, &self.writes)
    }

    fn read(&self, key: &RecordKey) -> Option<Record> {
        let mut reads = self.reads.borrow_mut();
        if let Some((_, known)) = reads.get(key) {
            return known.clone();
        }
        let (version, record) = match self.state.held(key) {
            Some(held) => (held.version, Some(held.record.clone())),
            None => (TxnId::MIN, None),
        };
        reads.insert(key.clone(), (version, record.clone()));
        record
    }

    /// The transaction that makes the draft true. A draft that changes nothing gives one too if the
    /// request has an id, so that its answer is the same when it is repeated (T21); else `None`.
    #[must_use]
    pub fn finish(self, request: &Request, answer: &Answer) -> Option<Transaction> {
        let kept = !self.writes.is_empty() || request.cause.request_id.is_some();
        kept.then(|| Transaction {
            id: request.txn,
            time: self.now,
            cause: request.cause.clone(),
            fingerprint: request.fingerprint,
            answer: answer.clone(),
            checks: self.reads.into_inner().into_iter().map(|(k, (v, _))| (k, v)).collect(),
            writes: self.writes,
            facts: self.facts,
        })
    }
}
