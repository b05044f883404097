//! The part of a filter that goes by whose something is: by the partner that the filter names, and by the partner or adapter
//! that watches (N3, N5, N8). Whose a channel, a queue or a rep is stands in the directory; when that changes, a stream
//! shows other objects, none of which the change has written, and starts again from a snapshot.

use super::StreamFilter;
use crate::domain::id::{ChannelId, PartnerId, QueueId, RepId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::scope;
use crate::grpc::from_proto::Kind;
use crate::grpc::watch::records::RevisionContext;

impl StreamFilter {
    /// Does what the stream carries depend on whose it is?
    pub(super) const fn goes_by_owner(&self) -> bool {
        self.0.partner.is_some() || self.0.seen_by.is_some()
    }

    /// Does what is this partner's pass?
    pub(super) fn of_partner(&self, partner: &PartnerId) -> bool {
        self.0.partner.as_ref().is_none_or(|own| own == partner)
            && self.0.seen_by.as_ref().is_none_or(|actor| scope::may_see_partner(actor, partner))
    }

    /// Does what is on this channel pass?
    pub(super) fn owns_channel(&self, records: &dyn RecordLookup, id: &ChannelId) -> bool {
        let routed = |partner: &PartnerId| {
            records.channel(id).is_some_and(|channel| channel.partner() == Some(partner))
        };
        self.0.partner.as_ref().is_none_or(routed)
            && self.0.seen_by.as_ref().is_none_or(|a| scope::may_see_channel(records, a, id))
    }

    /// Does this queue pass?
    pub(super) fn owns_queue(&self, records: &dyn RecordLookup, id: &QueueId) -> bool {
        let owned = |partner: &PartnerId| {
            let queue = records.queue(id);
            queue.and_then(|q| q.partner.clone()).is_some_and(|own| own.partner == *partner)
        };
        self.0.partner.as_ref().is_none_or(owned)
            && self.0.seen_by.as_ref().is_none_or(|a| scope::may_see_queue(records, a, id))
    }

    /// Does this rep pass?
    pub(super) fn owns_rep(&self, records: &dyn RecordLookup, id: &RepId) -> bool {
        let driven = |partner: &PartnerId| {
            records.rep(id).is_some_and(|rep| rep.partners.contains_key(partner))
        };
        self.0.partner.as_ref().is_none_or(driven)
            && self.0.seen_by.as_ref().is_none_or(|a| scope::may_see_rep(records, a, id))
    }

    /// Can an object, as it is now, never have passed, since it is on another's channel or another partner's?
    pub fn is_of_another(&self, records: &dyn RecordLookup, record: &Record) -> bool {
        let on_own = |channel: &ChannelId| self.owns_channel(records, channel);
        self.goes_by_owner()
            && match record {
                Record::Session(s) => !on_own(&s.channel),
                Record::Transfer(t) => {
                    !records.session(&t.session).is_some_and(|s| on_own(&s.channel))
                }
                Record::Work(w) => !records.session(&w.session).is_some_and(|s| on_own(&s.channel)),
                Record::Handoff(h) => !self.of_partner(&h.contact.partner),
                Record::RoutingRequest(r) => !self.of_partner(&r.partner),
                _ => false,
            }
    }

    /// Does the stream show other objects from this revision on, because something is another's? Where that can't be told,
    /// it may.
    pub fn sees_otherwise(&self, m: &RevisionContext<'_>) -> bool {
        self.goes_by_owner()
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
                    !self.owns_rep(m.after, id)
                }
                _ => false,
            })
    }

    fn carries_steps(&self) -> bool {
        [Kind::Session, Kind::Transfer, Kind::Work].iter().any(|kind| self.0.kinds.contains(kind))
    }
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
