//! Capacity (C1–C6): the only place where a rep's used units change. Work is given here, changed
//! here and ended here, so what it holds is taken once and freed once, on whichever path.

use std::sync::Arc;

use crate::domain::directory::{CapacityModel, Channel, Queue};
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, RoutingRequestId, SessionId, TransferId, WorkId};
use crate::domain::live::{
    Candidate, HowFound, Session, Work, WorkEnd, WorkRestrictions, WorkState, WorkSteps,
};
use crate::domain::load::weight_of;
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::{Units, Weight};

/// Offers of a session that came to nothing, kept for its history.
const PASSED_KEPT: usize = 32;

/// The units that a rep's configuration gives them; none if it is missing.
#[must_use]
pub fn capacity_of(records: &impl RecordLookup, rep: &RepId) -> Units {
    records
        .rep(rep)
        .and_then(|rep| records.configuration_of(&rep))
        .map_or(Units::ZERO, |c| c.capacity)
}

/// Where offered work comes from, and how its rep was found.
#[derive(Debug, Clone, Default)]
pub struct OfferOrigin {
    /// The transfer that brings it.
    pub transfer: Option<TransferId>,
    /// The queue that it is offered from.
    pub queue: Option<Arc<Queue>>,
    /// Since when its session has been in that line; `None`: since now.
    pub queued_at: Option<Timestamp>,
    /// The wait that was estimated then.
    pub estimated: Option<Span>,
    /// How its rep was found.
    pub found: HowFound,
    /// Who else was considered.
    pub candidates: Vec<Candidate>,
    /// A partner assigned it past the capacity check (C3).
    pub check_skipped: bool,
    /// What it weighs, where the partner says so; `None`: as ever (C1).
    pub weight: Option<Weight>,
    /// What the partner bars the rep from (N1).
    pub restrictions: WorkRestrictions,
    /// The routing request by which a partner named the rep (N6).
    pub routed_by: Option<RoutingRequestId>,
}

/// Gives `session` to `rep` as offered work: its weight is fixed and its capacity taken (C1, C2).
pub fn give(
    draft: &mut Draft<'_>,
    session: &Session,
    channel: &Channel,
    rep: &RepId,
    origin: OfferOrigin,
) -> WorkId {
    forget_passed(draft, session.id);
    let now = draft.now();
    let id = draft.work_id();
    let queue = origin.queue.as_deref();
    let weight = origin.weight.unwrap_or_else(|| weight_of(channel, queue));
    let weight = weight.for_capacity(capacity_of(draft, rep));
    let timeout = match (queue, origin.routed_by) {
        (Some(queue), _) => push_timeout(draft, queue, rep),
        (None, Some(_)) => own_push_timeout(draft, rep),
        (None, None) => None,
    };
    let steps = WorkSteps { offered: draft.provenance(), ..WorkSteps::default() };
    draft.put_work(Work {
        id,
        session: session.id,
        rep: rep.clone(),
        state: WorkState::Offered,
        weight,
        holds: weight,
        interruptible: channel.interruptible,
        check_skipped: origin.check_skipped,
        transfer: origin.transfer,
        tab_open: false,
        queue: queue.map(|queue| queue.id.clone()),
        queued_at: origin.queued_at.unwrap_or(now),
        estimated: origin.estimated,
        found: origin.found,
        candidates: origin.candidates,
        offered_at: now,
        offer_until: timeout.map(|span| now + span),
        accepted_at: None,
        holds_since: now,
        steps,
        routed_by: origin.routed_by,
        restrictions: origin.restrictions,
    });
    let mut presence = Arc::unwrap_or_clone(draft.rep_presence(rep));
    let held = presence.held_in(channel.interruptible);
    *held = *held + weight;
    presence.work_count += 1;
    presence.assigned_at = Some(now);
    draft.put_presence(presence);
    id
}

/// Forgets the oldest offers of a session that came to nothing, beyond a few: one that nobody accepts
/// goes round for as long as it waits.
fn forget_passed(draft: &mut Draft<'_>, session: SessionId) {
    let passed = |work: &&Arc<Work>| !work.is_live() && work.accepted_at.is_none();
    let all: Vec<WorkId> =
        draft.work_of_session(session).filter(passed).map(|work| work.id).collect();
    for id in &all[..all.len().saturating_sub(PASSED_KEPT)] {
        draft.remove(RecordKey::Work(*id));
    }
}

/// How long an offer from `queue` waits for `rep` (R5): what the queue says, else what their
/// presence configuration does.
fn push_timeout(records: &impl RecordLookup, queue: &Queue, rep: &RepId) -> Option<Span> {
    queue.push_timeout.or_else(|| own_push_timeout(records, rep))
}

fn own_push_timeout(records: &impl RecordLookup, rep: &RepId) -> Option<Span> {
    records.configuration_of(&*records.rep(rep)?)?.push_timeout
}

/// Ends live work and frees what it holds. Work that has ended already stays as it is, so nothing
/// is freed twice.
pub fn end(draft: &mut Draft<'_>, id: WorkId, why: WorkEnd) {
    let Some(work) = draft.work(&id).filter(|w| w.is_live()) else {
        return;
    };
    let mut presence = Arc::unwrap_or_clone(draft.rep_presence(&work.rep));
    let held = presence.held_in(work.interruptible);
    *held = *held - work.holds;
    presence.work_count = presence.work_count.saturating_sub(1);
    draft.put_presence(presence);
    let at = draft.now();
    let mut work = Arc::unwrap_or_clone(work);
    work.state = WorkState::Ended { at, why };
    work.steps.ended = draft.provenance();
    work.holds = Units::ZERO;
    work.holds_since = at;
    work.tab_open = false;
    draft.put_work(work);
}

/// Ends the work of a session that has ended. Where its channel wants after-conversation work, what it
/// holds stays held for a while, as long as its rep is there to do it (C6).
pub fn wrap_up(draft: &mut Draft<'_>, id: WorkId, channel: &Channel, why: WorkEnd) {
    let Some(work) = draft.work(&id).filter(|w| w.is_live()) else {
        return;
    };
    let there = draft.rep_presence(&work.rep).presence.is_some();
    let follows = there && work.state != WorkState::Offered && work.holds > Units::ZERO;
    match channel.wrap_up.filter(|_| follows) {
        None => end(draft, id, why),
        Some(after) => {
            let until = draft.now() + after.duration;
            let mut work = Arc::unwrap_or_clone(work);
            let fact = Fact::of(FactKind::WrapUpStarted).session(work.session);
            draft.fact(fact.work(id).rep(&work.rep));
            work.state = WorkState::WrappingUp { until, extended: 0 };
            work.tab_open &= why != WorkEnd::Completed;
            draft.put_work(work);
        }
    }
}

/// Writes `work`, which from now on holds `units`.
pub fn hold(draft: &mut Draft<'_>, mut work: Work, units: Units) {
    if work.holds != units {
        let mut presence = Arc::unwrap_or_clone(draft.rep_presence(&work.rep));
        let held = presence.held_in(work.interruptible);
        *held = *held - work.holds + units;
        draft.put_presence(presence);
        work.holds = units;
        work.holds_since = draft.now();
    }
    draft.put_work(work);
}

/// What `work` holds while it is paused: less under STATUS_BASED where the channel says so (C4).
#[must_use]
pub fn paused_holds(records: &impl RecordLookup, channel: &Channel, work: &Work) -> Units {
    match (channel.capacity_model, channel.paused_weight) {
        (CapacityModel::StatusBased, Some(weight)) => {
            weight.for_capacity(capacity_of(records, &work.rep)).min(work.holds)
        }
        _ => work.holds,
    }
}

/// Can `work` hold its full weight again without going over (C3)? What a partner assigned past the check it can where the
/// rep carries nothing else: it may be heavier than all that they have.
#[must_use]
pub fn can_hold_fully(records: &impl RecordLookup, work: &Work) -> bool {
    let others = records.load_of(&work.rep).without(work);
    work.holds == work.weight
        || others.fits(Weight::Units(work.weight), work.interruptible)
        || (work.check_skipped && others.carries_nothing(work.interruptible))
}
