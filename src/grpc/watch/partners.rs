//! How partners do, as a stream tells it (N7). That follows from many records, and a partner that is asked much changes
//! much, so that the latest counts (W3): it is looked up in the newest state for the partners that the entries since have
//! touched, and told when it differs from what the reader was last told.

use std::collections::{BTreeMap, BTreeSet};

use super::filter::StreamFilter;
use super::frames::upserted;
use crate::domain::entry::Entry;
use crate::domain::id::PartnerId;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::state::State;
use crate::grpc::streams::StreamCount;
use crate::grpc::to_proto::{self, ObjectContext};
use crate::pb;

/// What a reader was told of partners, and which may be otherwise by now.
#[derive(Default)]
pub(super) struct ToldPartners {
    streams: StreamCount,
    told: BTreeMap<PartnerId, pb::PartnerState>,
    touched: BTreeSet<PartnerId>,
    everything: bool,
}

impl ToldPartners {
    pub(super) fn new(streams: StreamCount) -> Self {
        Self { streams, ..Self::default() }
    }

    /// Nothing is told yet.
    pub(super) fn start(&mut self) {
        *self = Self::new(std::mem::take(&mut self.streams));
    }

    /// It isn't known which may be otherwise.
    pub(super) const fn owe(&mut self) {
        self.everything = true;
    }

    pub(super) fn owes(&self) -> bool {
        self.everything || !self.touched.is_empty()
    }

    /// The partners that an entry may have changed. With everything that one is asked and answers its health is written.
    pub(super) fn touch(&mut self, filter: &StreamFilter, entry: &Entry) {
        for (key, record) in &entry.changes {
            match (key, record) {
                // That it is gone is told as its own step.
                (RecordKey::Partner(id), None) => drop(self.told.remove(id)),
                (
                    RecordKey::Partner(id)
                    | RecordKey::PartnerHealth(id)
                    | RecordKey::ContactBook(id),
                    _,
                ) if filter.partner(id) => drop(self.touched.insert(id.clone())),
                _ => {}
            }
        }
    }

    /// What the reader doesn't know yet.
    pub(super) fn news(
        &mut self,
        context: ObjectContext<'_>,
        filter: &StreamFilter,
    ) -> Vec<pb::Change> {
        let mut touched = std::mem::take(&mut self.touched);
        if std::mem::take(&mut self.everything) {
            touched.extend(all(context.state).filter(|id| filter.partner(id)).cloned());
        }
        touched.iter().filter_map(|id| self.change(context, id)).collect()
    }

    /// What is otherwise though no entry says so: streams that were opened or have ended.
    pub(super) fn by_the_clock(&mut self, context: ObjectContext<'_>) -> Vec<pb::Change> {
        let known: Vec<PartnerId> = self.told.keys().cloned().collect();
        known.iter().filter_map(|id| self.change(context, id)).collect()
    }

    /// The state of a partner, as it is.
    pub(super) fn state(
        &self,
        context: ObjectContext<'_>,
        id: &PartnerId,
    ) -> Option<pb::PartnerState> {
        let partner = context.state.partner(id)?;
        Some(to_proto::partner_state(context, &partner, self.streams.of(id)))
    }

    fn change(&mut self, context: ObjectContext<'_>, id: &PartnerId) -> Option<pb::Change> {
        let now = self.state(context, id)?;
        let known = self.told.insert(id.clone(), now.clone());
        if known.as_ref() == Some(&now) {
            return None;
        }
        let was_away = known.is_some_and(|known| known.away);
        let mut facts = vec!["partner_changed".to_owned()];
        match (was_away, now.away) {
            (false, true) => facts.push("partner_away".to_owned()),
            (true, false) => facts.push("partner_back".to_owned()),
            _ => {}
        }
        let change = Some(upserted(pb::watch_object::Object::Partner(now)));
        Some(pb::Change { change, facts, before: 0, derived: true })
    }
}

fn all(state: &State) -> impl Iterator<Item = &PartnerId> {
    state.range(RecordKey::Partner(PartnerId::least())..).map_while(|record| match record {
        Record::Partner(partner) => Some(&partner.id),
        _ => None,
    })
}
