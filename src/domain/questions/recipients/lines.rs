//! Queues and flows as recipients: what they say, and their lists (L3–L5).

use std::cmp::Reverse;
use std::sync::Arc;

use crate::domain::admission::admitting;
use crate::domain::decide::acting_rep;
use crate::domain::directory::Queue;
use crate::domain::eligibility::{Check, handing_on_to_line, queue_takes};
use crate::domain::id::{FlowId, QueueId, RepId};
use crate::domain::live::{Actor, Recipient};
use crate::domain::reasons::describe_line;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::RuleVerdict;
use crate::domain::wait::{Estimate, QueueSize, estimate, size};

use super::contacts::partner_is_asked;
use super::{RecipientCase, RecipientQuestion, against, case, forbidden};

/// A queue in the list of recipients (L3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Which.
    pub queue: QueueId,
    /// What people read.
    pub name: String,
    /// How long it is, and who is there.
    pub size: QueueSize,
    /// Its reps with room for the channel in question.
    pub available: u32,
    /// What is known of the wait (E1).
    pub estimate: Estimate,
    /// May the session be transferred to it?
    pub transferable: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

/// A flow in the list of recipients (L4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlowEntry {
    /// Which.
    pub flow: FlowId,
    /// What people read.
    pub name: String,
    /// May the session be transferred to it?
    pub transferable: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

impl RecipientCase {
    /// What the rules say of a queue or a flow.
    pub(super) fn line_verdicts(
        &self,
        state: &State,
        actor: &Actor,
        to: &Recipient,
    ) -> Vec<RuleVerdict> {
        let caller = acting_rep(actor);
        handing_on_to_line(state, self.owner.as_ref(), caller.as_ref(), to, &self.channel)
            .into_iter()
            .filter(|check| self.concerns(check))
            .map(|check| {
                let text = describe_line(check.reason, check.passed, to, &self.channel);
                RuleVerdict::new(check, text)
            })
            .chain(self.of_session.iter().cloned())
            .collect()
    }

    /// The same of a queue, and whether it, or one that it overflows to, takes more work (R9).
    pub(super) fn queue_verdicts(
        &self,
        state: &State,
        actor: &Actor,
        queue: &Arc<Queue>,
        now: Timestamp,
    ) -> Vec<RuleVerdict> {
        let to = Recipient::Queue(queue.id.clone());
        let mut verdicts = self.line_verdicts(state, actor, &to);
        let taken = admitting(state, now, Arc::clone(queue));
        let passed = taken.is_some();
        let (rule, reason) = ("R9", Reason::LimitExceeded);
        let check = Check { rule, reason, passed, hides: false, forbids: true };
        let text = describe_line(reason, passed, &to, &self.channel);
        verdicts.push(RuleVerdict::new(check, text));
        // A partner that isn't asked now is none to wait for, unless there is a queue to fall back to (N7).
        let partner = taken.as_ref().and_then(|taken| taken.partner.as_ref());
        if let Some(of) = partner.filter(|_| !self.any && self.channel.fallback_queue.is_none()) {
            verdicts.push(partner_is_asked(state, &of.partner, now));
        }
        // The queue that it would overflow to has to serve it, too.
        if let Some(taken) = taken.filter(|taken| taken.id != queue.id) {
            let (rule, reason) = ("R10", Reason::QueueNotForChannel);
            let passed = queue_takes(&taken, &self.channel) || self.any;
            let check = Check { rule, reason, passed, hides: false, forbids: true };
            let to = Recipient::Queue(taken.id.clone());
            let text = describe_line(reason, passed, &to, &self.channel);
            verdicts.push(RuleVerdict::new(check, text));
        }
        verdicts
    }
}

fn matches(query: &str, id: &str, name: &str) -> bool {
    id.to_lowercase().contains(query) || name.to_lowercase().contains(query)
}

/// The queues that may be chosen, the most available first (L3, L5): transferable before not, with
/// available reps before without, then by estimated wait, length and id.
///
/// # Errors
/// NOT_FOUND for the session or channel.
pub fn list_queues(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
    query: &str,
    now: Timestamp,
) -> Result<Vec<QueueEntry>, Rejection> {
    let case = case(state, actor, about)?;
    let query = query.to_lowercase();
    let all = state.range(RecordKey::Queue(QueueId::least())..RecordKey::Flow(FlowId::least()));
    let mut entries: Vec<QueueEntry> = all
        .filter_map(|record| match record {
            Record::Queue(queue) => Some(queue),
            _ => None,
        })
        .filter(|queue| matches(&query, queue.id.as_str(), &queue.name))
        .map(|queue| queue_entry(state, actor, &case, queue, now))
        .collect();
    entries.sort_by_cached_key(|e| {
        let wait = e.estimate.wait;
        let known = (wait.is_none(), wait, e.size.length, e.queue.clone());
        (Reverse(e.transferable), e.available == 0, known)
    });
    Ok(entries)
}

fn queue_entry(
    state: &State,
    actor: &Actor,
    case: &RecipientCase,
    queue: &Arc<Queue>,
    now: Timestamp,
) -> QueueEntry {
    let verdicts = case.queue_verdicts(state, actor, queue, now);
    let available = state
        .members(&queue.id)
        .take_while(|standing| !standing.full)
        .filter(|standing| case.any || standing.reach.takes.contains(&case.channel.channel_type))
        .count();
    QueueEntry {
        queue: queue.id.clone(),
        name: queue.name.clone(),
        size: size(state, &queue.id),
        available: u32::try_from(available).unwrap_or(u32::MAX),
        estimate: estimate(state, &queue.id, now),
        transferable: !forbidden(&verdicts),
        against: against(verdicts),
    }
}

/// The flows that the caller may run, by name and id (L4, T11).
///
/// # Errors
/// NOT_FOUND for the session or channel; MISSING_PERMISSION without RUN_FLOWS.
pub fn list_flows(
    state: &State,
    actor: &Actor,
    about: &RecipientQuestion,
    query: &str,
) -> Result<Vec<FlowEntry>, Rejection> {
    let case = case(state, actor, about)?;
    crate::domain::eligibility::runs_flows(state, acting_rep(actor).as_ref())?;
    let query = query.to_lowercase();
    let all = state.range(RecordKey::Flow(FlowId::least())..RecordKey::Rep(RepId::least()));
    let mut entries: Vec<FlowEntry> = all
        .filter_map(|record| match record {
            Record::Flow(flow) => Some(flow),
            _ => None,
        })
        .filter(|flow| matches(&query, flow.id.as_str(), &flow.name))
        .map(|flow| {
            let to = Recipient::Flow(flow.id.clone());
            let verdicts = case.line_verdicts(state, actor, &to);
            FlowEntry {
                flow: flow.id.clone(),
                name: flow.name.clone(),
                transferable: !forbidden(&verdicts),
                against: against(verdicts),
            }
        })
        .collect();
    entries.sort_by_cached_key(|e| (Reverse(e.transferable), e.name.clone(), e.flow.clone()));
    Ok(entries)
}
