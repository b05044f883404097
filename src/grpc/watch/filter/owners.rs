//! The part of a filter that goes by whose something is: by the partner that the filter names, by the partner or adapter that
//! watches (N3, N5, N8), and by what its credential is narrowed to (S4). Whose a channel, a queue or a rep is stands in the
//! directory; when that changes, a stream shows other objects, none of which the change has written, and starts again from a
//! snapshot. What a narrowed reader sees with a session that moves is told by `crossings`.

use super::StreamFilter;
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId, SessionId};
use crate::domain::live::{Line, Session};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::scope::{self, Narrowing, Viewer};
use crate::grpc::from_proto::Kind;
use crate::grpc::watch::inferred::is_new;
use crate::grpc::watch::records::RevisionContext;

impl StreamFilter {
    /// Does what the stream carries depend on whose it is?
    pub(super) const fn goes_by_owner(&self) -> bool {
        self.0.partner.is_some() || self.0.seen_by.is_some()
    }

    /// Does it by what stands in the directory?
    fn goes_by_directory(&self) -> bool {
        let scoped = self.0.seen_by.as_ref().is_some_and(|by| scope::is_scoped(&by.actor));
        self.0.partner.is_some() || scoped
    }

    fn seen(&self, sees: impl Fn(Viewer<'_>) -> bool) -> bool {
        self.0.seen_by.as_ref().is_none_or(|by| sees(by.viewer()))
    }

    fn narrowing(&self) -> Option<&Narrowing> {
        self.0.seen_by.as_ref()?.narrowing.as_deref()
    }

    /// Is what the stream carries narrowed to the lines of some queues?
    pub fn goes_by_line(&self) -> bool {
        self.narrowing().is_some_and(|narrowing| !narrowing.queues.is_empty())
    }

    /// Is the reader narrowed to this queue, among others?
    pub(super) fn is_narrowed_to(&self, queue: &QueueId) -> bool {
        self.narrowing().is_some_and(|narrowing| narrowing.queues.contains(queue))
    }

    /// Is this queue left by what the reader is narrowed to?
    pub(super) fn keeps_queue(&self, queue: &QueueId) -> bool {
        self.seen(|viewer| viewer.keeps_queue(queue))
    }

    /// Is this session left?
    pub fn keeps_session(&self, records: &dyn RecordLookup, session: SessionId) -> bool {
        self.seen(|viewer| viewer.keeps_session(records, session))
    }

    /// Does what is this partner's pass?
    pub(super) fn of_partner(&self, partner: &PartnerId) -> bool {
        self.0.partner.as_ref().is_none_or(|own| own == partner)
            && self.seen(|viewer| scope::may_see_partner(viewer.actor, partner))
    }

    /// Does what is on this channel pass?
    pub(super) fn owns_channel(&self, records: &dyn RecordLookup, id: &ChannelId) -> bool {
        let routed = |partner: &PartnerId| {
            records.channel(id).is_some_and(|channel| channel.partner() == Some(partner))
        };
        self.0.partner.as_ref().is_none_or(routed)
            && self.seen(|viewer| scope::may_see_channel(records, viewer, id))
    }

    /// Does what is of this session pass?
    pub(super) fn owns_session(&self, records: &dyn RecordLookup, session: &Session) -> bool {
        self.owns_channel(records, &session.channel)
            && self.narrowing().is_none_or(|narrowing| narrowing.has_session(session))
    }

    /// Does this queue pass?
    pub(super) fn owns_queue(&self, records: &dyn RecordLookup, id: &QueueId) -> bool {
        let owned = |partner: &PartnerId| {
            let queue = records.queue(id);
            queue.and_then(|q| q.partner.clone()).is_some_and(|own| own.partner == *partner)
        };
        self.0.partner.as_ref().is_none_or(owned)
            && self.seen(|viewer| scope::may_see_queue(records, viewer, id))
    }

    /// Does this rep pass?
    pub(super) fn owns_rep(&self, records: &dyn RecordLookup, id: &RepId) -> bool {
        self.drives_rep(records, id) && self.seen(|viewer| viewer.keeps_rep(records, id))
    }

    /// Does this rep pass by whose they are?
    fn drives_rep(&self, records: &dyn RecordLookup, id: &RepId) -> bool {
        let driven = |partner: &PartnerId| {
            records.rep(id).is_some_and(|rep| rep.partners.contains_key(partner))
        };
        self.0.partner.as_ref().is_none_or(driven)
            && self.seen(|viewer| scope::may_see_rep(records, viewer.actor, id))
    }

    /// Can an object, as it is now, never have passed, since it is on another's channel or another partner's, or left out by
    /// what the reader is narrowed to?
    pub fn is_of_another(&self, records: &dyn RecordLookup, record: &Record) -> bool {
        let own = |session: &SessionId| {
            records.session(session).is_some_and(|s| self.owns_session(records, &s))
        };
        let left = |session| self.keeps_session(records, session);
        self.goes_by_owner()
            && match record {
                Record::Session(s) => !self.owns_session(records, s),
                Record::Transfer(t) => !own(&t.session),
                Record::Work(w) => !own(&w.session),
                Record::Handoff(h) => !self.of_partner(&h.contact.partner) || !left(h.session),
                Record::RoutingRequest(r) => !self.of_partner(&r.partner) || !left(r.session),
                _ => false,
            }
    }

    /// Does the stream show other objects from this revision on, because something is another's? Where that can't be told,
    /// it may.
    pub fn sees_otherwise(&self, m: &RevisionContext<'_>) -> bool {
        self.owners_changed(m) || self.may_have_lost(m)
    }

    fn owners_changed(&self, m: &RevisionContext<'_>) -> bool {
        self.goes_by_directory()
            && m.entry.changes.iter().any(|(key, now)| match key {
                RecordKey::Channel(id) => {
                    self.carries_steps() && changes_hands(m, key, |r| self.owns_channel(r, id))
                }
                // One that is gone is told by itself.
                RecordKey::Queue(id) if now.is_some() && self.queue_named(id) => {
                    changes_hands(m, key, |records| self.owns_queue(records, id))
                }
                // So is a rep of whom it is known whose they were.
                RecordKey::Rep(id) if self.0.kinds.contains(&Kind::Rep) && !(m.knows)(key) => {
                    !self.drives_rep(m.after, id)
                }
                _ => false,
            })
    }

    /// May a narrowed reader have been shown what it doesn't see from this revision on, while what was before isn't known?
    /// Then it can't be told what goes without naming what was never shown.
    fn may_have_lost(&self, m: &RevisionContext<'_>) -> bool {
        self.goes_by_line()
            && m.entry.changes.iter().any(|(key, now)| match (key, now) {
                (RecordKey::Queue(queue), _) => {
                    self.0.kinds.contains(&Kind::Rep)
                        && self.is_narrowed_to(queue)
                        && !(m.knows)(key)
                }
                (RecordKey::Session(_), Some(Record::Session(session))) => {
                    !(m.knows)(key)
                        && !is_new(m, key)
                        && self.owns_channel(m.after, &session.channel)
                        && !self.owns_session(m.after, session)
                        && self.may_have_left(m, session)
                }
                _ => false,
            })
    }

    /// May this session, whose line isn't one of the reader's, have left one of those in this revision?
    fn may_have_left(&self, m: &RevisionContext<'_>, session: &Session) -> bool {
        let own = |line: &Line| line.queue().is_some_and(|queue| self.is_narrowed_to(queue));
        moves(session, m)
            || m.entry.changes.iter().any(|(_, record)| match record {
                Some(Record::Transfer(t)) if t.session == session.id => {
                    own(&t.line) || t.from_line.as_ref().is_some_and(own)
                }
                _ => false,
            })
    }

    fn carries_steps(&self) -> bool {
        [Kind::Session, Kind::Transfer, Kind::Work].iter().any(|kind| self.0.kinds.contains(kind))
    }
}

/// May a session have come to its line in this revision, leaving aside those that its transfer takes there?
fn moves(session: &Session, m: &RevisionContext<'_>) -> bool {
    session.line_since >= m.entry.time
}

/// Does something pass by its owner other than before? What is new has nothing to be shown yet.
fn changes_hands(
    m: &RevisionContext<'_>,
    key: &RecordKey,
    passes: impl Fn(&dyn RecordLookup) -> bool,
) -> bool {
    if !(m.knows)(key) {
        return true;
    }
    m.before.record(key).is_some() && passes(m.before) != passes(m.after)
}
