//! A status, or a sign-out, that takes effect when the rep's current work is done (P10). Until then
//! nothing new is offered. Looked at after every decision, whichever way the work ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::RepId;
use crate::domain::live::{
    PlannedChange, PlannedStop, Presence, RepPresence, Session, SessionState, WorkState,
};
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;

use super::{leave, reach, route, status};

/// Notes what is to happen when the current work of a rep is done.
pub(super) fn plan(draft: &mut Draft<'_>, live: RepPresence, current: Presence, next: PlannedStop) {
    if current.next.as_ref() == Some(&next) {
        return;
    }
    let rep = live.rep.clone();
    let reach = reach::of(draft, &rep, &current.status, true);
    let presence = Presence { next: Some(next), reach, ..current };
    draft.put_presence(RepPresence { presence: Some(presence), ..live });
    draft.fact(Fact::of(FactKind::StopPlanned).rep(&rep));
    route::follow_presence(draft, &rep);
}

/// Lets a rep stop who wanted to and has, by this decision, nothing left to do. Gives whether there
/// was one.
pub(super) fn stop_one(draft: &mut Draft<'_>) -> bool {
    if let Some((live, presence, next)) = next_done(draft) {
        let rep = live.rep.clone();
        match next.then {
            PlannedChange::SignOut => {
                leave::sign_out(draft, live, presence.id, next.cause, next.by)
            }
            PlannedChange::Status(status) => {
                let change = status::StatusChoice { status, cause: next.cause, by: next.by };
                status::choose(draft, live, presence, change);
                route::follow_presence(draft, &rep);
            }
        }
        return true;
    }
    false
}

fn next_done(draft: &Draft<'_>) -> Option<(RepPresence, Presence, PlannedStop)> {
    let touched = draft.written_keys().filter_map(|key| match key {
        RecordKey::RepPresence(rep) => Some(rep.clone()),
        RecordKey::Work(id) => draft.work(id).map(|work| work.rep.clone()),
        _ => None,
    });
    let reps: BTreeSet<RepId> = touched.collect();
    reps.into_iter().find_map(|rep| {
        let live = draft.rep_presence(&rep);
        let presence = live.presence.clone()?;
        let next = presence.next.clone().filter(|_| is_done(draft, &rep))?;
        Some((Arc::unwrap_or_clone(live), presence, next))
    })
}

/// Has a rep no work left but sessions whose customer is silent?
fn is_done(draft: &Draft<'_>, rep: &RepId) -> bool {
    let silent = |session: Arc<Session>| matches!(session.state, SessionState::Inactive { .. });
    draft.work_of(rep).iter().all(|work| {
        work.state == WorkState::Paused && draft.session(&work.session).is_some_and(silent)
    })
}
