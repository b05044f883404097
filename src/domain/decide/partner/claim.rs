//! Who may answer what a partner is asked (N3, N9): the partner that was asked, by the one of its workers that answered
//! first. Everybody else is told what has become of it.

use std::fmt::Display;

use crate::domain::draft::Draft;
use crate::domain::id::{HandoffId, PartnerId, RoutingRequestId};
use crate::domain::live::{Actor, Handoff, HandoffState, Role, RoutingRequest, RoutingState};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};

use std::sync::Arc;

/// May `actor` answer for `partner`? Of others' requests a partner knows nothing (S2).
pub(super) fn answers_for(actor: &Actor, partner: &PartnerId) -> bool {
    match actor.role {
        Role::Partner => actor.id.as_str() == partner.as_str(),
        Role::Admin | Role::Server => true,
        Role::Supervisor | Role::Rep | Role::Adapter | Role::Dashboard => false,
    }
}

/// A hand-off that `actor` may answer for.
pub(super) fn handoff(
    draft: &Draft<'_>,
    actor: &Actor,
    id: HandoffId,
) -> Result<Handoff, Rejection> {
    let known = draft.handoff(&id).filter(|handoff| answers_for(actor, &handoff.contact.partner));
    known.map(Arc::unwrap_or_clone).ok_or_else(|| Rejection::not_found("handoff", id))
}

/// A routing request that `actor` may answer for.
pub(super) fn request(
    draft: &Draft<'_>,
    actor: &Actor,
    id: RoutingRequestId,
) -> Result<RoutingRequest, Rejection> {
    let known = draft.routing_request(&id).filter(|request| answers_for(actor, &request.partner));
    known.map(Arc::unwrap_or_clone).ok_or_else(|| Rejection::not_found("routing_request", id))
}

/// Is a hand-off still to be answered, and by whoever gives this reference?
///
/// # Errors
/// HANDOFF_EXPIRED, SESSION_ENDED, CLAIMED_BY_ANOTHER, WRONG_STATE.
pub(super) fn of_handoff(
    draft: &Draft<'_>,
    handoff: &Handoff,
    reference: &str,
) -> Result<(), Rejection> {
    let (kind, id) = ("handoff", handoff.id);
    match &handoff.state {
        HandoffState::Expired => Err(expired(kind, id)),
        HandoffState::Asked | HandoffState::Acknowledged if handoff.deadline <= draft.now() => {
            Err(expired(kind, id))
        }
        HandoffState::SessionEnded => Err(session_ended(kind, id)),
        HandoffState::Asked | HandoffState::Acknowledged => {
            unclaimed(kind, id, handoff.claimed_by.as_deref(), reference)
        }
        HandoffState::Completed | HandoffState::Failed(_) => {
            unclaimed(kind, id, handoff.claimed_by.as_deref(), reference)?;
            Err(wrong_state(kind, id, handoff.state.name()))
        }
    }
}

/// The same of a routing request.
///
/// # Errors
/// HANDOFF_EXPIRED, SESSION_ENDED, CLAIMED_BY_ANOTHER, WRONG_STATE.
pub(super) fn of_request(
    draft: &Draft<'_>,
    request: &RoutingRequest,
    reference: &str,
) -> Result<(), Rejection> {
    let (kind, id) = ("routing_request", request.id);
    match &request.state {
        RoutingState::Expired => Err(expired(kind, id)),
        RoutingState::Asked | RoutingState::Acknowledged if request.deadline <= draft.now() => {
            Err(expired(kind, id))
        }
        RoutingState::Withdrawn if has_ended(draft, request) => Err(session_ended(kind, id)),
        RoutingState::Withdrawn => Err(wrong_state(kind, id, request.state.name())),
        RoutingState::Asked | RoutingState::Acknowledged => {
            unclaimed(kind, id, request.claimed_by.as_deref(), reference)
        }
        RoutingState::Routed { .. } | RoutingState::Failed(_) => {
            unclaimed(kind, id, request.claimed_by.as_deref(), reference)?;
            Err(wrong_state(kind, id, request.state.name()))
        }
    }
}

fn has_ended(draft: &Draft<'_>, request: &RoutingRequest) -> bool {
    draft.session(&request.session).is_none_or(|session| session.is_ended())
}

/// Nobody has claimed it but whoever gives this reference.
fn unclaimed(
    kind: &'static str,
    id: impl Display,
    claimed_by: Option<&str>,
    reference: &str,
) -> Result<(), Rejection> {
    match claimed_by {
        Some(other) if other != reference => {
            let message = format!("another worker of the partner's has claimed {kind} {id}");
            Err(Rejection::new(Reason::ClaimedByAnother, kind, id, message))
        }
        _ => Ok(()),
    }
}

fn expired(kind: &'static str, id: impl Display) -> Rejection {
    let message = format!("the time to answer {kind} {id} is over; the answer changed nothing");
    Rejection::new(Reason::HandoffExpired, kind, id, message)
}

fn session_ended(kind: &'static str, id: impl Display) -> Rejection {
    let message = format!("the session of {kind} {id} has ended");
    Rejection::new(Reason::SessionEnded, kind, id, message)
}

fn wrong_state(kind: &'static str, id: impl Display, state: &'static str) -> Rejection {
    let message = format!("{kind} {id} is {state}");
    Rejection::new(Reason::WrongState, kind, id, message).with("state", state)
}
