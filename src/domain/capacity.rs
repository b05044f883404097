//! Capacity (C1–C3): the only place where a rep's used units change. Work is given here, changed
//! here and ended here, so what it holds is taken once and freed once, on whichever path.

use std::sync::Arc;

use super::directory::{CapacityModel, Channel};
use super::draft::Draft;
use super::id::{RepId, TransferId, WorkId};
use super::live::{Session, Work, WorkEnd, WorkState};
use super::look::Look;
use super::units::Units;

/// The units that a rep's configuration gives them; none if it is missing.
#[must_use]
pub fn capacity_of(look: &impl Look, rep: &RepId) -> Units {
    look.rep(rep).and_then(|rep| look.configuration_of(&rep)).map_or(Units::ZERO, |c| c.capacity)
}

/// Would this much more fit (T7)? A full rep has no room even for what weighs nothing.
#[must_use]
pub fn has_room(look: &impl Look, rep: &RepId, channel: &Channel) -> bool {
    let capacity = capacity_of(look, rep);
    let used = look.rep_presence(rep).used;
    used < capacity && used + channel.weight.for_capacity(capacity) <= capacity
}

/// Gives `session` to `rep` as offered work: its weight is fixed and its capacity taken (C1, C2).
pub fn give(
    draft: &mut Draft<'_>,
    session: &Session,
    channel: &Channel,
    rep: &RepId,
    transfer: Option<TransferId>,
) -> WorkId {
    let now = draft.now();
    let id = WorkId::at(now, draft.random());
    let weight = channel.weight.for_capacity(capacity_of(draft, rep));
    draft.put_work(Work {
        id,
        session: session.id,
        rep: rep.clone(),
        state: WorkState::Offered,
        weight,
        holds: weight,
        transfer,
        tab_open: false,
        offered_at: now,
        accepted_at: None,
        holds_since: now,
    });
    let mut presence = Arc::unwrap_or_clone(draft.rep_presence(rep));
    presence.used = presence.used + weight;
    presence.work_count += 1;
    presence.assigned_at = Some(now);
    draft.put_presence(presence);
    id
}

/// Ends live work and frees what it holds. Work that has ended already stays as it is, so nothing
/// is freed twice.
pub fn end(draft: &mut Draft<'_>, id: WorkId, why: WorkEnd) {
    let Some(work) = draft.work(&id).filter(|w| w.is_live()) else {
        return;
    };
    let mut presence = Arc::unwrap_or_clone(draft.rep_presence(&work.rep));
    presence.used = presence.used - work.holds;
    presence.work_count = presence.work_count.saturating_sub(1);
    draft.put_presence(presence);
    let at = draft.now();
    let mut work = Arc::unwrap_or_clone(work);
    work.state = WorkState::Ended { at, why };
    work.holds = Units::ZERO;
    work.holds_since = at;
    work.tab_open = false;
    draft.put_work(work);
}

/// Writes `work`, which from now on holds `units`.
pub fn hold(draft: &mut Draft<'_>, mut work: Work, units: Units) {
    if work.holds != units {
        let mut presence = Arc::unwrap_or_clone(draft.rep_presence(&work.rep));
        presence.used = presence.used - work.holds + units;
        draft.put_presence(presence);
        work.holds = units;
        work.holds_since = draft.now();
    }
    draft.put_work(work);
}

/// What `work` holds while it is paused: less under STATUS_BASED where the channel says so (C4).
#[must_use]
pub fn paused_holds(look: &impl Look, channel: &Channel, work: &Work) -> Units {
    match (channel.capacity_model, channel.paused_weight) {
        (CapacityModel::StatusBased, Some(weight)) => {
            weight.for_capacity(capacity_of(look, &work.rep)).min(work.holds)
        }
        _ => work.holds,
    }
}

/// Can `work` hold its full weight again without going over (C3)?
#[must_use]
pub fn can_hold_fully(look: &impl Look, work: &Work) -> bool {
    let others = look.rep_presence(&work.rep).used - work.holds;
    work.holds == work.weight || others + work.weight <= capacity_of(look, &work.rep)
}
