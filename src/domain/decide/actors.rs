//! Who may act for whom (T1, S1), and on which work.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::id::{RepId, WorkId};
use crate::domain::live::{Actor, Role, Work, WorkEnd};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::is_driven_by;

/// The rep that `actor` acts as, if it is one.
#[must_use]
pub fn acting_rep(actor: &Actor) -> Option<RepId> {
    match actor.role {
        Role::Rep => RepId::new(actor.id.as_str()).ok(),
        _ => None,
    }
}

/// May `actor` do what `rep` may do? A rep only as itself; a partner for those whom it drives (N4); supervisors for
/// everyone (T1, S1).
#[must_use]
pub fn acts_for(records: &impl RecordLookup, actor: &Actor, rep: &RepId) -> bool {
    match actor.role {
        Role::Rep => actor.id.as_str() == rep.as_str(),
        Role::Partner => is_driven_by(records, actor, rep),
        Role::Admin | Role::Supervisor | Role::Server => true,
        Role::Adapter | Role::Dashboard => false,
    }
}

/// The refusal to act on what is somebody else's. To a partner others' reps, and their work, don't exist (N3, S2).
pub(crate) fn not_owner(
    actor: &Actor,
    kind: &'static str,
    id: impl std::fmt::Display,
) -> Rejection {
    if actor.role == Role::Partner && matches!(kind, "rep" | "work") {
        return Rejection::not_found(kind, id);
    }
    let message = format!("{} {id} isn't {}'s", kind, actor.id);
    Rejection::new(Reason::NotOwner, kind, id, message)
}

/// The work, if `actor` may act on it; what is done to it is done for its rep (S3).
pub(super) fn own_work(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
) -> Result<Arc<Work>, Rejection> {
    let work = draft.expect_work(id)?;
    if !acts_for(draft, actor, &work.rep) {
        return Err(not_owner(actor, "work", id));
    }
    draft.acts_for(&work.rep);
    Ok(work)
}

/// The refusal to do something with work that is over.
pub(super) fn ended(id: WorkId, why: WorkEnd) -> Rejection {
    let how = match why {
        WorkEnd::Transferred => "the session was handed on",
        WorkEnd::SessionEnded => "the session ended",
        WorkEnd::Withdrawn => "the offer was taken back",
        WorkEnd::Declined => "it was declined",
        WorkEnd::PushTimeout => "the offer ran out",
        WorkEnd::Completed => "it was marked complete",
        WorkEnd::Rerouted => "the session was routed anew",
        WorkEnd::SignedOut => "the rep signed out",
        WorkEnd::Orphaned => "the rep was gone for too long",
    };
    let message = format!("work {id} is over: {how}");
    Rejection::new(Reason::WorkEnded, "work", id, message).with("end_reason", why.name())
}
