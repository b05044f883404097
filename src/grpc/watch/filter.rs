//! What a stream carries: which kinds, and which objects of them. Every list of a filter that isn't
//! empty must hold for the objects that have such a thing.

mod owners;

use std::collections::BTreeSet;

use super::records::RevisionContext;
use crate::domain::directory::Rep;
use crate::domain::id::{PartnerId, QueueId, RepId, SessionId};
use crate::domain::live::{Handoff, Line, RoutingRequest, Session, SessionState, Transfer, Work};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::grpc::from_proto::{Kind, WatchQuery};
use crate::grpc::{session, transfer};

/// What a stream carries.
pub struct StreamFilter(pub WatchQuery);

impl StreamFilter {
    /// Does a rep's live state pass?
    #[must_use]
    pub fn rep(&self, records: &dyn RecordLookup, rep: &RepId) -> bool {
        let has = |id: &QueueId| {
            self.keeps_queue(id) && records.queue(id).is_some_and(|queue| queue.reps.contains(rep))
        };
        self.0.kinds.contains(&Kind::Rep)
            && (self.0.reps.is_empty() || self.0.reps.contains(rep))
            && (self.0.queues.is_empty() || self.0.queues.iter().any(has))
            && self.owns_rep(records, rep)
    }

    /// Does the state of a queue pass?
    #[must_use]
    pub fn queue(&self, records: &dyn RecordLookup, queue: &QueueId) -> bool {
        self.queue_named(queue) && self.owns_queue(records, queue)
    }

    /// Would it pass, whosever it is?
    #[must_use]
    pub fn queue_named(&self, queue: &QueueId) -> bool {
        self.0.kinds.contains(&Kind::Queue)
            && (self.0.queues.is_empty() || self.0.queues.contains(queue))
            && self.keeps_queue(queue)
    }

    /// Does the state of a partner pass?
    #[must_use]
    pub fn partner(&self, partner: &PartnerId) -> bool {
        self.0.kinds.contains(&Kind::Partner) && self.of_partner(partner)
    }

    fn of_queue(&self, queue: Option<&QueueId>) -> bool {
        self.0.queues.is_empty() || queue.is_some_and(|queue| self.0.queues.contains(queue))
    }

    /// Does a session pass?
    #[must_use]
    pub fn session(&self, records: &dyn RecordLookup, s: &Session) -> bool {
        let mut reps = self.0.reps.iter();
        self.0.kinds.contains(&Kind::Session)
            && self.of_session(s.id)
            && (self.0.channels.is_empty() || self.0.channels.contains(&s.channel))
            && self.owns_session(records, s)
            && (self.0.reps.is_empty() || reps.any(|rep| session::concerns(records, s, rep)))
            && self.of_queue(line_of(records, s).as_ref().and_then(Line::queue))
    }

    /// Does a transfer pass?
    #[must_use]
    pub fn transfer(&self, records: &dyn RecordLookup, t: &Transfer) -> bool {
        let mut reps = self.0.reps.iter();
        self.0.kinds.contains(&Kind::Transfer)
            && self.of_session(t.session)
            && (self.0.transfers.is_empty() || self.0.transfers.contains(&t.id))
            && self.of_channel(records, t.session)
            && (self.0.reps.is_empty() || reps.any(|rep| transfer::concerns(t, rep)))
            && self.of_queue(t.line.queue())
    }

    /// Does a piece of work pass?
    #[must_use]
    pub fn work(&self, records: &dyn RecordLookup, w: &Work) -> bool {
        self.0.kinds.contains(&Kind::Work)
            && self.0.own_work.as_ref().is_none_or(|own| w.rep == *own)
            && self.of_session(w.session)
            && (self.0.reps.is_empty() || self.0.reps.contains(&w.rep))
            && self.of_channel(records, w.session)
            && self.of_queue(w.queue.as_ref())
    }

    /// Does a hand-off pass?
    #[must_use]
    pub fn handoff(&self, records: &dyn RecordLookup, h: &Handoff) -> bool {
        self.0.kinds.contains(&Kind::Handoff)
            && self.of_session(h.session)
            && (self.0.channels.is_empty() || self.0.channels.contains(&h.channel))
            && self.of_partner(&h.contact.partner)
            && self.keeps_session(records, h.session)
    }

    /// Does a routing request pass?
    #[must_use]
    pub fn routing_request(&self, records: &dyn RecordLookup, r: &RoutingRequest) -> bool {
        self.0.kinds.contains(&Kind::RoutingRequest)
            && self.of_session(r.session)
            && (self.0.channels.is_empty() || self.0.channels.contains(&r.channel))
            && self.of_partner(&r.partner)
            && self.keeps_session(records, r.session)
    }

    /// Does a record pass, as an object of which every step is told? Reps are asked for by [`Self::rep`].
    #[must_use]
    pub fn step(&self, records: &dyn RecordLookup, record: &Record) -> bool {
        match record {
            Record::Session(s) => self.session(records, s),
            Record::Transfer(t) => self.transfer(records, t),
            Record::Work(w) => self.work(records, w),
            Record::Handoff(h) => self.handoff(records, h),
            Record::RoutingRequest(r) => self.routing_request(records, r),
            Record::Settings(_)
            | Record::Configuration(_)
            | Record::Status(_)
            | Record::Profile(_)
            | Record::Channel(_)
            | Record::Skill(_)
            | Record::Queue(_)
            | Record::Flow(_)
            | Record::Rep(_)
            | Record::RepPresence(_)
            | Record::Reference(..)
            | Record::Partner(_)
            | Record::PartnerHealth(_)
            | Record::ContactBook(_)
            | Record::ContactBlock(_)
            | Record::QueueReport(_)
            | Record::Mark(_) => false,
        }
    }

    /// Is an object of this key of a kind that is carried?
    #[must_use]
    pub fn kind(&self, key: &RecordKey) -> bool {
        let kind = match key {
            RecordKey::Session(_) => Kind::Session,
            RecordKey::Transfer(_) => Kind::Transfer,
            RecordKey::Work(_) => Kind::Work,
            RecordKey::Handoff(_) => Kind::Handoff,
            RecordKey::RoutingRequest(_) => Kind::RoutingRequest,
            RecordKey::Settings
            | RecordKey::Configuration(_)
            | RecordKey::Status(_)
            | RecordKey::Profile(_)
            | RecordKey::Channel(_)
            | RecordKey::Skill(_)
            | RecordKey::Queue(_)
            | RecordKey::Flow(_)
            | RecordKey::Rep(_)
            | RecordKey::RepPresence(_)
            | RecordKey::Reference(..)
            | RecordKey::Partner(_)
            | RecordKey::PartnerHealth(_)
            | RecordKey::ContactBook(_)
            | RecordKey::ContactBlock(..)
            | RecordKey::QueueReport(_)
            | RecordKey::Mark(_) => return false,
        };
        self.0.kinds.contains(&kind)
    }

    fn of_session(&self, id: SessionId) -> bool {
        self.0.sessions.is_empty() || self.0.sessions.contains(&id)
    }

    fn of_channel(&self, records: &dyn RecordLookup, session: SessionId) -> bool {
        let passes = |s: &Session| {
            (self.0.channels.is_empty() || self.0.channels.contains(&s.channel))
                && self.owns_session(records, s)
        };
        let any = self.0.channels.is_empty() && !self.goes_by_owner();
        any || records.session(&session).is_some_and(|s| passes(&s))
    }

    /// The reps whose live state an entry may have changed. Whose work it changed is told too, even
    /// if their figures stay: a completion comes with both its reps (W4).
    #[must_use]
    pub fn touched_reps(&self, m: &RevisionContext<'_>) -> BTreeSet<RepId> {
        let mut touched = BTreeSet::new();
        if !self.0.kinds.contains(&Kind::Rep) {
            return touched;
        }
        for (key, record) in &m.entry.changes {
            match key {
                RecordKey::RepPresence(rep) | RecordKey::Rep(rep) => {
                    touched.insert(rep.clone());
                }
                RecordKey::Configuration(_) | RecordKey::Status(_) | RecordKey::Profile(_) => {
                    touched.extend(using(m.state, key));
                }
                RecordKey::Work(_) => {
                    if let Some(Record::Work(work)) = record {
                        touched.insert(work.rep.clone());
                    }
                }
                RecordKey::Queue(queue)
                    if self.0.queues.contains(queue) || self.is_narrowed_to(queue) =>
                {
                    touched.extend(came_and_went(m, key, record.as_ref()));
                }
                RecordKey::Queue(_)
                | RecordKey::Settings
                | RecordKey::Channel(_)
                | RecordKey::Skill(_)
                | RecordKey::Flow(_)
                | RecordKey::Session(_)
                | RecordKey::Reference(..)
                | RecordKey::Transfer(_)
                | RecordKey::Partner(_)
                | RecordKey::Handoff(_)
                | RecordKey::RoutingRequest(_)
                | RecordKey::PartnerHealth(_)
                | RecordKey::ContactBook(_)
                | RecordKey::ContactBlock(..)
                | RecordKey::QueueReport(_)
                | RecordKey::Mark(_) => {}
            }
        }
        touched
    }

    /// Did a rep's live state pass before this revision? Where that can't be told, it may have.
    #[must_use]
    pub fn had_rep(&self, m: &RevisionContext<'_>, rep: &RepId) -> bool {
        let unsure = |key: &RecordKey| match key {
            RecordKey::Queue(queue) => {
                self.0.queues.contains(queue) && self.keeps_queue(queue) && !(m.knows)(key)
            }
            _ => false,
        };
        m.entry.changes.iter().any(|(key, _)| unsure(key))
            || (m.before.rep(rep).is_some() && self.rep(m.before, rep))
    }
}

/// Who came to a queue or left it. Where it isn't known who was there, anybody may have left.
fn came_and_went(
    m: &RevisionContext<'_>,
    key: &RecordKey,
    now: Option<&Record>,
) -> BTreeSet<RepId> {
    let members = |record: Option<&Record>| match record {
        Some(Record::Queue(queue)) => queue.reps.clone(),
        _ => BTreeSet::new(),
    };
    let now = members(now);
    if (m.knows)(key) {
        let before = members(m.before.record(key).as_ref());
        return before.symmetric_difference(&now).cloned().collect();
    }
    let all = m.state.range(RecordKey::Rep(RepId::least())..);
    all.map_while(|record| match record {
        Record::Rep(rep) => Some(rep.id.clone()),
        _ => None,
    })
    .collect()
}

/// The line that a session waits in or is offered out of: its transfer's, while one is under way.
fn line_of(records: &dyn RecordLookup, s: &Session) -> Option<Line> {
    if let Some(transfer) = s.transfer.and_then(|id| records.transfer(&id)) {
        return Some(transfer.line.clone());
    }
    let stands = matches!(s.state, SessionState::Waiting { .. } | SessionState::Offered { .. });
    stands.then(|| s.line.clone())
}

/// The reps whose capacity or status is decided by a directory record.
pub(super) fn using<'s>(state: &'s State, key: &'s RecordKey) -> impl Iterator<Item = RepId> + 's {
    state
        .range(RecordKey::Rep(RepId::least())..)
        .map_while(|record| match record {
            Record::Rep(rep) => Some(rep),
            _ => None,
        })
        .filter(move |rep| is_under(state, rep, key))
        .map(|rep| rep.id.clone())
}

/// Is a rep's capacity or status decided by that directory record?
pub(super) fn is_under(state: &State, rep: &Rep, key: &RecordKey) -> bool {
    match key {
        RecordKey::Profile(id) => rep.profile == *id,
        RecordKey::Configuration(id) => {
            state.configuration_of(rep).is_some_and(|used| used.id == *id)
        }
        RecordKey::Status(id) => {
            state.rep_presence(&rep.id).presence.as_ref().is_some_and(|p| p.status == *id)
        }
        _ => false,
    }
}
