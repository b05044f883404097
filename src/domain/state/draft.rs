//! A decision in the making. It changes the state itself and remembers what was there before, so
//! that a rejection takes everything back and what is kept needn't be applied once more. Rules read
//! through it what they have written so far; it marks what they touched, for `decide::settle`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use crate::domain::directory::Settings;
use crate::domain::entry::{Cause, Entry, Fact};
use crate::domain::id::{EntryId, HandoffId, RepId, RoutingRequestId, SessionId, WorkId};
use crate::domain::limits::OrgLimits;
use crate::domain::line::LinePlace;
use crate::domain::live::{Actor, Provenance, RepPresence, Role, Session, Transfer, Work};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::{HeldRecord, State};
use crate::domain::time::Timestamp;

/// Where a decision gets random bits from; an argument, so that a decision can be repeated.
pub trait Entropy {
    /// The next 128 random bits.
    fn bits(&mut self) -> u128;
}

/// A session that has come to a line and hasn't been offered or left to wait yet, in the order in
/// which their turn comes (R2): those for one rep first, then by priority, age and arrival.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    in_queue: bool,
    priority: u32,
    opened_at: Timestamp,
    /// Which.
    pub session: SessionId,
}

/// What a decision touched and what may match now because of it (R1).
#[derive(Debug, Default)]
pub struct Touched {
    /// Sessions that are to be offered or left to wait.
    pub arrivals: BTreeSet<Arrival>,
    /// Reps whose presence or load changed: they may have room.
    pub reps: BTreeSet<RepId>,
    /// The same reps, as those who kept others from a session (R6, T9).
    pub rivals: BTreeSet<RepId>,
    /// Sessions that wait and ask for something else than before.
    pub waiting: BTreeSet<SessionId>,
}

impl Touched {
    /// Is a session's turn still to come? From now on it isn't.
    pub fn take_arrival(&mut self, session: SessionId) -> bool {
        let before = self.arrivals.len();
        self.arrivals.retain(|arrival| arrival.session != session);
        self.arrivals.len() < before
    }
}

/// A decision in the making, over the state that it changes.
pub struct Draft<'a> {
    state: &'a mut State,
    cause: &'a Cause,
    now: Timestamp,
    entropy: &'a mut dyn Entropy,
    /// The rep for whom somebody else acts, once that is known.
    on_behalf_of: Option<RepId>,
    limits: OrgLimits,
    /// Where what it does comes from, once something says so.
    provenance: Option<Arc<Provenance>>,
    /// What was under each key that it wrote.
    before: BTreeMap<RecordKey, Option<HeldRecord>>,
    facts: Vec<Fact>,
    touched: Touched,
}

impl Deref for Draft<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state
    }
}

impl RecordLookup for Draft<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        self.state.record(key)
    }
}

impl<'a> Draft<'a> {
    /// An empty draft over `state`. Its time is `now`, but never before the state's.
    pub fn new(
        state: &'a mut State,
        cause: &'a Cause,
        now: Timestamp,
        entropy: &'a mut dyn Entropy,
    ) -> Self {
        let now = now.max(state.head().time);
        let (before, facts, touched) = (BTreeMap::new(), Vec::new(), Touched::default());
        Self {
            state,
            cause,
            now,
            entropy,
            limits: OrgLimits::UNBOUNDED,
            on_behalf_of: None,
            provenance: None,
            before,
            facts,
            touched,
        }
    }

    /// The same, with limits to how much the org may have.
    #[must_use]
    pub const fn within(mut self, limits: OrgLimits) -> Self {
        self.limits = limits;
        self
    }

    /// How much the org may have.
    #[must_use]
    pub const fn limits(&self) -> OrgLimits {
        self.limits
    }

    /// The time of the decision.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Where what this decision does comes from (S3).
    pub fn provenance(&mut self) -> Option<Arc<Provenance>> {
        if self.provenance.is_none() {
            let cause = self.whole_cause();
            self.provenance = Some(Arc::new(Provenance {
                revision: self.state.head().revision.next().get(),
                authority: cause.authority().map(Arc::new),
                by: cause.actor,
                rpc: cause.rpc,
            }));
        }
        self.provenance.clone()
    }

    /// Notes that this is done for `rep`, which only a decision knows that has found whose it is. Whoever acts as itself,
    /// and Baton, act for nobody.
    pub fn acts_for(&mut self, rep: &RepId) {
        let others = match self.cause.actor.role {
            Role::Server => false,
            Role::Rep => self.cause.actor.id.as_str() != rep.as_str(),
            Role::Admin | Role::Supervisor | Role::Adapter | Role::Partner | Role::Dashboard => {
                true
            }
        };
        if others {
            self.on_behalf_of = Some(rep.clone());
            // What was asked before it was known for whom wasn't complete.
            self.provenance = None;
        }
    }

    /// Who caused it, and for whom.
    fn whole_cause(&self) -> Cause {
        Cause { on_behalf_of: self.on_behalf_of.clone(), ..self.cause.clone() }
    }

    /// The state as the decision leaves it so far.
    #[must_use]
    pub const fn state(&self) -> &State {
        self.state
    }

    /// Random bits for a new id.
    pub fn random(&mut self) -> u128 {
        self.entropy.bits()
    }

    /// An id for a new session. Ids sort by arrival (R2), also within a millisecond.
    pub fn session_id(&mut self) -> SessionId {
        let first = RecordKey::Session(SessionId::at(self.now, 0));
        let ordinal = match self.last_key(first..=RecordKey::Session(SessionId::MAX)) {
            Some(RecordKey::Session(last)) => last.ordinal() + 1,
            _ => 0,
        };
        SessionId::nth_at(self.now, ordinal, self.random())
    }

    /// An id for new work. Ids sort in the order of the offers, also within a millisecond.
    pub fn work_id(&mut self) -> WorkId {
        let first = RecordKey::Work(WorkId::at(self.now, 0));
        let ordinal = match self.last_key(first..=RecordKey::Work(WorkId::MAX)) {
            Some(RecordKey::Work(last)) => last.ordinal() + 1,
            _ => 0,
        };
        WorkId::nth_at(self.now, ordinal, self.random())
    }

    /// An id for a new hand-off; as [`Self::work_id`].
    pub fn handoff_id(&mut self) -> HandoffId {
        let first = RecordKey::Handoff(HandoffId::at(self.now, 0));
        let ordinal = match self.last_key(first..=RecordKey::Handoff(HandoffId::MAX)) {
            Some(RecordKey::Handoff(last)) => last.ordinal() + 1,
            _ => 0,
        };
        HandoffId::nth_at(self.now, ordinal, self.random())
    }

    /// An id for a new routing request; as [`Self::work_id`].
    pub fn routing_request_id(&mut self) -> RoutingRequestId {
        let first = RecordKey::RoutingRequest(RoutingRequestId::at(self.now, 0));
        let last = RecordKey::RoutingRequest(RoutingRequestId::MAX);
        let ordinal = match self.last_key(first..=last) {
            Some(RecordKey::RoutingRequest(last)) => last.ordinal() + 1,
            _ => 0,
        };
        RoutingRequestId::nth_at(self.now, ordinal, self.random())
    }

    /// Who caused it.
    #[must_use]
    pub const fn actor(&self) -> &Actor {
        &self.cause.actor
    }

    /// The work that `rep` has.
    #[must_use]
    pub fn work_of(&self, rep: &RepId) -> Vec<Arc<Work>> {
        self.work_of_rep(rep).cloned().collect()
    }

    /// Notes something that happened.
    pub fn fact(&mut self, fact: Fact) {
        self.facts.push(fact);
    }

    /// Has anything been written?
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.before.is_empty()
    }

    /// How many records have been written.
    #[must_use]
    pub fn written(&self) -> usize {
        self.before.len()
    }

    /// The keys that have been written.
    pub fn written_keys(&self) -> impl Iterator<Item = &RecordKey> {
        self.before.keys()
    }

    /// What was under `key` before the decision.
    #[must_use]
    pub fn before(&self, key: &RecordKey) -> Option<Record> {
        match self.before.get(key) {
            Some(held) => held.as_ref().map(|held| held.record.clone()),
            None => self.state.record(key),
        }
    }

    /// Writes a record, and marks what may match because of it.
    pub fn put(&mut self, record: Record) {
        match &record {
            Record::RepPresence(live) => {
                self.touched.reps.insert(live.rep.clone());
                self.touched.rivals.insert(live.rep.clone());
            }
            Record::Session(session) if session.waits_for_an_offer() => {
                self.touched.waiting.insert(session.id);
            }
            _ => {}
        }
        self.write(record.key(), Some(record));
    }

    /// Writes a rep's presence.
    pub fn put_presence(&mut self, image: RepPresence) {
        self.put(Record::RepPresence(Arc::new(image)));
    }

    /// Writes a session.
    pub fn put_session(&mut self, image: Session) {
        self.put(Record::Session(Arc::new(image)));
    }

    /// Writes a session for which nobody was found, or which was just offered: there is nothing to
    /// look for.
    pub fn put_settled(&mut self, image: Session) {
        self.touched.waiting.remove(&image.id);
        let record = Record::Session(Arc::new(image));
        self.write(record.key(), Some(record));
    }

    /// Writes a session whose turn in its line, or in its transfer's, is to come: it is offered to
    /// whoever can take it, or left to wait, when the decision is settled.
    pub fn put_arrival(&mut self, image: Session) {
        self.touched.arrivals.insert(self.arrival(&image));
        self.put_settled(image);
    }

    fn arrival(&self, image: &Session) -> Arrival {
        let transfer = image.transfer.and_then(|id| self.state.transfer(&id));
        let line = transfer.as_ref().map_or(&image.line, |transfer| &transfer.line);
        let in_queue = line.queue().is_some();
        let LinePlace { priority, opened_at, session, .. } = LinePlace::would_be(image);
        Arrival { in_queue, priority, opened_at, session }
    }

    /// Is a session's turn still to come?
    #[must_use]
    pub fn arrives(&self, session: SessionId) -> bool {
        let session = self.session(&session);
        session.is_some_and(|session| self.touched.arrivals.contains(&self.arrival(&session)))
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
        self.write(key, None);
    }

    /// What is still to be looked at.
    pub const fn touched(&mut self) -> &mut Touched {
        &mut self.touched
    }

    /// The keys of the records that it removes.
    #[must_use]
    pub fn removed(&self) -> BTreeSet<RecordKey> {
        let gone = self.before.keys().filter(|key| self.state.held(key).is_none());
        gone.cloned().collect()
    }

    fn write(&mut self, key: RecordKey, record: Option<Record>) {
        let revision = self.state.head().revision.next();
        let held = record.map(|record| HeldRecord { revision, record });
        let old = self.state.put(&key, held);
        self.before.entry(key).or_insert(old);
    }

    /// Takes everything back.
    pub fn undo(self) {
        for (key, held) in self.before {
            self.state.put(&key, held);
        }
    }

    /// Makes it the state's next entry, and gives that with what its records were before. A draft
    /// that wrote nothing gives none.
    #[must_use]
    pub fn finish(self) -> Option<(Entry, Vec<Option<Record>>)> {
        let head = self.state.head();
        if self.before.is_empty() {
            return None;
        }
        let image = |key: &RecordKey| self.state.record(key);
        let changes: Vec<_> = self.before.keys().map(|key| (key.clone(), image(key))).collect();
        let is_new = |((place, (_, now)), before): ((u32, &(_, Option<Record>)), &Option<_>)| {
            (before.is_none() && now.is_some()).then_some(place)
        };
        let created = (0..).zip(&changes).zip(self.before.values()).filter_map(is_new).collect();
        let entry = Entry {
            revision: head.revision.next(),
            // Nil comes before the first entry.
            id: EntryId::from_u128(self.entropy.bits() | 1),
            previous: head.entry,
            time: self.now,
            cause: self.whole_cause(),
            changes,
            facts: self.facts,
            created,
        };
        self.state.advance(entry.head());
        Some((entry, self.before.into_values().map(|held| held.map(|h| h.record)).collect()))
    }
}
