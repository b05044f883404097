//! A status, or a sign-out, that takes effect when the rep's current work is done (P10). Until then
//! nothing new is offered. Looked at after every decision, whichever way the work ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::RepId;
use crate::domain::live::{Next, Presence, RepPresence, Session, SessionState, Then, WorkState};
use crate::domain::look::Look;
use crate::domain::record::Record;

use super::{presence, reach, route};

/// Notes what is to happen when the current work of a rep is done.
pub(super) fn plan(draft: &mut Draft<'_>, live: RepPresence, current: Presence, next: Next) {
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

/// Lets every rep stop who wanted to and has, by this decision, nothing left to do.
pub(super) fn stop_those_who_are_done(draft: &mut Draft<'_>) {
    while let Some((live, presence, next)) = next_done(draft) {
        let rep = live.rep.clone();
        match next.then {
            Then::SignOut => presence::sign_out(draft, live, presence.id, next.cause, next.by),
            Then::Status(status) => {
                let change = presence::Choice { status, cause: next.cause, by: next.by };
                presence::choose(draft, live, presence, change);
                route::follow_presence(draft, &rep);
            }
        }
    }
}

fn next_done(draft: &Draft<'_>) -> Option<(RepPresence, Presence, Next)> {
    let touched = draft.sight().written().filter_map(|(_, record)| match record {
        Some(Record::RepPresence(live)) => Some(&live.rep),
        Some(Record::Work(work)) => Some(&work.rep),
        _ => None,
    });
    let reps: BTreeSet<&RepId> = touched.collect();
    reps.into_iter().find_map(|rep| {
        let live = draft.rep_presence(rep);
        let presence = live.presence.clone()?;
        let next = presence.next.clone().filter(|_| is_done(draft, rep))?;
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
