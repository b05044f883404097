//! What flows see of an org: its queues and other flows as the state has them, and the facts of a
//! session. Used when a flow decides, when one is saved, and when one is tried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::directory::{Channel, ChannelType, Settings};
use crate::domain::flow::{Facts, Flow, Lookups, OrgClock, QueueFacts, World};
use crate::domain::id::{FlowId, PartnerId, QueueId};
use crate::domain::live::Session;
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::domain::wait;

/// An org, looked at by a flow.
pub struct Org<'a> {
    /// As it is.
    pub state: &'a State,
    /// When.
    pub now: Timestamp,
    /// The type of the session's channel, for which reps are available or not.
    pub channel_type: ChannelType,
    /// Queues as they are to be taken to be, whatever they are.
    pub instead: BTreeMap<QueueId, QueueFacts>,
}

impl Lookups for Org<'_> {
    fn queue(&self, id: &QueueId) -> Option<QueueFacts> {
        if let Some(instead) = self.instead.get(id) {
            return Some(*instead);
        }
        self.state.queue(id)?;
        let size = wait::size(self.state, id);
        let ready = self.state.members(id).take_while(|standing| !standing.full);
        let available = ready.filter(|s| s.reach.takes.contains(&self.channel_type)).count();
        let oldest = wait::oldest(self.state, id).map(|since| self.now.since(since));
        Some(QueueFacts {
            length: size.length,
            available_reps: u32::try_from(available).unwrap_or(u32::MAX),
            signed_in_reps: size.there,
            estimated_wait_seconds: wait::value(self.state, id, self.now).map(seconds),
            oldest_wait_seconds: oldest.map(seconds).unwrap_or_default(),
        })
    }

    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>> {
        self.state.flow(id)
    }
}

/// What a directory has, as flows that are to be saved may name it.
pub struct Named<'a, L: RecordLookup> {
    /// What is there.
    pub records: &'a L,
    /// What comes with the flow, be it well stated or not.
    pub brought: &'a BTreeMap<RecordKey, String>,
}

impl<L: RecordLookup> World for Named<'_, L> {
    fn has_queue(&self, id: &QueueId) -> bool {
        let brought = self.brought.contains_key(&RecordKey::Queue(id.clone()));
        brought || self.records.queue(id).is_some()
    }

    fn has_partner(&self, id: &PartnerId) -> bool {
        let brought = self.brought.contains_key(&RecordKey::Partner(id.clone()));
        brought || self.records.partner(id).is_some()
    }

    fn flow(&self, id: &FlowId) -> Option<Arc<Flow>> {
        self.records.flow(id)
    }
}

/// The facts of a session, at `now`.
#[must_use]
pub fn facts(
    settings: &Settings,
    channel: &Channel,
    session: &Session,
    transferred: bool,
    now: Timestamp,
) -> Facts {
    let clock =
        OrgClock { zone: settings.time_zone.clone(), hours: settings.business_hours.clone() };
    Facts {
        channel: channel.id.to_string(),
        channel_type: channel.channel_type,
        attributes: Arc::clone(&session.attributes),
        priority: session.priority,
        age_seconds: seconds(now.since(session.opened_at)),
        transfers: session.transfers + u32::from(transferred),
        transferred,
        time: clock.at(now),
    }
}

fn seconds(span: Span) -> u64 {
    span.as_ms().unsigned_abs() / 1_000
}
