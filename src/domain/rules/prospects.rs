//! Who could ever take what waits in a queue, whether they are signed in or not (R11): by what the directory says of
//! them alone. Decisions ask when something comes to a line, and when the directory changes. Whom a partner finds for
//! its own queues is the partner's to know (N1): there somebody always could.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::directory::{ChannelType, Queue};
use crate::domain::eligibility::{is_entitled, queue_takes};
use crate::domain::id::{QueueId, RepId, SkillId};
use crate::domain::line::{Demand, skilled};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;

/// Members who are there that are looked at before all others.
const LOOKED_AT_FIRST: usize = 16;

/// What has to be known of a queue and of what is asked for there.
pub struct Prospects<'r, R> {
    records: &'r R,
    queue: Arc<Queue>,
    channel_type: ChannelType,
    required: &'r BTreeMap<SkillId, u32>,
}

impl<'r, R: RecordLookup> Prospects<'r, R> {
    /// Of such sessions in `queue`. `None`: nobody can ever take them, since the queue isn't there or doesn't serve the
    /// type of their channel.
    pub fn new(records: &'r R, queue: &QueueId, demand: &'r Demand) -> Option<Self> {
        let queue = records.queue(queue)?;
        let channel = records.channel(&demand.channel)?;
        let channel_type = channel.channel_type;
        let takes = queue_takes(&queue, &channel);
        takes.then_some(Self { records, queue, channel_type, required: &demand.required })
    }

    /// Could `rep` ever take one: a member with licence, permission and skills, whose profile has a status for it?
    #[must_use]
    pub fn could_take(&self, rep: &RepId) -> bool {
        let Some(known) = self.records.rep(rep).filter(|_| self.queue.reps.contains(rep)) else {
            return false;
        };
        is_entitled(&known, self.channel_type)
            && skilled(&known.skills, self.required)
            && self.records.profile(&known.profile).is_some_and(|profile| {
                profile.statuses.iter().any(|id| {
                    let status = self.records.status(id);
                    status.is_some_and(|status| status.online_for.contains(&self.channel_type))
                })
            })
    }

    fn anybody(&self) -> bool {
        self.queue.partner.is_some() || self.queue.reps.iter().any(|rep| self.could_take(rep))
    }
}

/// Could anybody ever take such sessions in `queue`, as the state has it? Looked for among those who are there, and then
/// among those with the rarest of the skills, or all members.
#[must_use]
pub fn anybody_could(state: &State, queue: &QueueId, demand: &Demand) -> bool {
    let Some(prospects) = Prospects::new(state, queue, demand) else { return false };
    if prospects.queue.partner.is_some() {
        return true;
    }
    let there = state.members(queue).take(LOOKED_AT_FIRST);
    if there.into_iter().any(|standing| prospects.could_take(&standing.rep)) {
        return true;
    }
    let rarest = demand.required.keys().min_by_key(|skill| state.skilled(skill));
    match rarest.filter(|skill| state.skilled(skill) < prospects.queue.reps.len()) {
        Some(skill) => state.reps_with(skill).any(|rep| prospects.could_take(rep)),
        None => prospects.anybody(),
    }
}

/// The same by any records.
#[must_use]
pub fn anybody_could_by(records: &impl RecordLookup, queue: &QueueId, demand: &Demand) -> bool {
    Prospects::new(records, queue, demand).is_some_and(|prospects| prospects.anybody())
}

/// Could `rep`?
#[must_use]
pub fn could(records: &impl RecordLookup, queue: &QueueId, demand: &Demand, rep: &RepId) -> bool {
    Prospects::new(records, queue, demand).is_some_and(|prospects| prospects.could_take(rep))
}
