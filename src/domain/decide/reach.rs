//! Keeps what presences say of the directory true: a presence's [`RepReach`] is copied from it when
//! the presence opens or changes, and refreshed when the directory does.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::eligibility::reach_of;
use crate::domain::id::{RepId, StatusId};
use crate::domain::live::RepReach;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;

/// What the directory lets `rep` do with this status; nothing new while they are finishing what
/// they have (P10).
#[must_use]
pub fn of(draft: &Draft<'_>, rep: &RepId, status: &StatusId, finishing: bool) -> Arc<RepReach> {
    Arc::new(derive(draft, rep, (status, finishing)).unwrap_or_default())
}

fn derive(state: &State, rep: &RepId, (status, finishing): (&StatusId, bool)) -> Option<RepReach> {
    let (rep, status) = (state.rep(rep)?, state.status(status)?);
    let mut reach = reach_of(state, &rep, &status, state.queues_of(&rep.id).cloned());
    if finishing {
        reach.takes.clear();
    }
    Some(reach)
}

/// Does the presence of `rep` say something else than the directory?
#[must_use]
pub fn is_stale(state: &State, rep: &RepId) -> bool {
    let live = state.rep_presence(rep);
    live.presence.as_ref().is_some_and(|presence| {
        let chosen = (&presence.status, presence.next.is_some());
        derive(state, rep, chosen).unwrap_or_default() != *presence.reach
    })
}
