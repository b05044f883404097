//! A decision in the making: the state as it would be, what was read to get there, and what
//! happened. Dropping a draft undoes it; finishing it gives a transaction.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::command::Request;
use super::directory::Settings;
use super::entry::{Answer, Fact, Transaction};
use super::id::TxnId;
use super::live::{Line, RepPresence, Session, SessionState, Transfer, Work};
use super::look::Look;
use super::record::{Record, RecordKey};
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
    writes: BTreeMap<RecordKey, Option<Record>>,
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
            writes: BTreeMap::new(),
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

    /// The sessions that wait in `line` as the draft has it, in the order of R2.
    #[must_use]
    pub fn line(&self, line: &Line) -> Vec<Arc<Session>> {
        let mut waiting: BTreeSet<_> = self.state.line(line).collect();
        waiting.extend(self.writes.keys().filter_map(|key| match key {
            RecordKey::Session(id) => Some(*id),
            _ => None,
        }));
        let mut sessions: Vec<_> = waiting
            .iter()
            .filter_map(|id| self.session(id))
            .filter(|s| matches!(&s.state, SessionState::Waiting { line: l, offer: None, .. } if l == line))
            .collect();
        sessions.sort_by_key(|s| (s.priority, s.opened_at, s.id));
        sessions
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
