//! Whose is whose (N8): what a partner's own ids name, and which reps it drives. A partner's calls may use its own ids in
//! place of Baton's; where the two could be mistaken, its own go first. Asked by whoever decides or answers a call that a
//! partner may make; whether what is named is there, and may be named, is theirs to see.

use std::sync::Arc;

use crate::domain::directory::Rep;
use crate::domain::id::{PartnerId, PartnersId, QueueId, RepId, StatusId};
use crate::domain::live::{Actor, Role};
use crate::domain::record::AliasOf;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;
use crate::domain::scope::{may_see_queue, may_see_rep};
use crate::domain::state::State;

/// The partner that `actor` acts as, if it is one.
#[must_use]
pub fn acting_partner(actor: &Actor) -> Option<PartnerId> {
    match actor.role {
        Role::Partner => PartnerId::new(actor.id.as_str()).ok(),
        _ => None,
    }
}

/// Does the partner drive this rep (N4, N8)?
#[must_use]
pub fn drives(records: &impl RecordLookup, partner: &PartnerId, rep: &RepId) -> bool {
    records.rep(rep).is_some_and(|rep| rep.partners.contains_key(partner))
}

/// The rep that `actor` means: of a partner its own id goes first, of others it is Baton's.
#[must_use]
pub fn rep_named(state: &State, actor: &Actor, named: &RepId) -> RepId {
    let own = aliased(state, actor, named.as_str(), |of| match of {
        AliasOf::Rep(rep) => Some(rep),
        _ => None,
    });
    own.unwrap_or_else(|| named.clone())
}

/// The queue that `actor` means.
#[must_use]
pub fn queue_named(state: &State, actor: &Actor, named: &QueueId) -> QueueId {
    let own = aliased(state, actor, named.as_str(), |of| match of {
        AliasOf::Queue(queue) => Some(queue),
        _ => None,
    });
    own.unwrap_or_else(|| named.clone())
}

/// The rep to whom `actor` sends something: a partner names those whom it drives, and others don't exist for it (N3).
///
/// # Errors
/// NOT_FOUND.
pub fn rep_meant(state: &State, actor: &Actor, named: &RepId) -> Result<Arc<Rep>, Rejection> {
    let id = rep_named(state, actor, named);
    let rep = state.expect_rep(&id)?;
    if may_see_rep(state, actor, &id) { Ok(rep) } else { Err(Rejection::not_found("rep", named)) }
}

/// The queue to which `actor` sends something: a partner names its own and Baton's.
///
/// # Errors
/// NOT_FOUND.
pub fn queue_meant(state: &State, actor: &Actor, named: &QueueId) -> Result<QueueId, Rejection> {
    let id = queue_named(state, actor, named);
    state.expect_queue(&id)?;
    if may_see_queue(state, actor, &id) {
        Ok(id)
    } else {
        Err(Rejection::not_found("queue", named))
    }
}

/// The presence status that `actor` means.
#[must_use]
pub fn status_named(state: &State, actor: &Actor, named: &StatusId) -> StatusId {
    let own = aliased(state, actor, named.as_str(), |of| match of {
        AliasOf::Status(status) => Some(status),
        _ => None,
    });
    own.unwrap_or_else(|| named.clone())
}

/// What of one kind a partner names by an id of its own; nothing if `actor` is none, or has no such id.
fn aliased<T: Clone>(
    state: &State,
    actor: &Actor,
    named: &str,
    of_kind: impl Fn(&AliasOf) -> Option<&T>,
) -> Option<T> {
    let partner = acting_partner(actor)?;
    let own = PartnersId::new(named).ok()?;
    state.aliases(&partner, &own).find_map(of_kind).cloned()
}
