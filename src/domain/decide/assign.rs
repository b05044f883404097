//! Work that a partner assigns under its own routing (N1, C3): the rep is named, not searched for, and
//! room isn't looked at where the partner says so.

use std::sync::Arc;

use crate::domain::capacity::OfferOrigin;
use crate::domain::directory::{Channel, RoutingOwner};
use crate::domain::draft::Draft;
use crate::domain::eligibility::{receiving, refusal};
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, SessionId};
use crate::domain::live::{Actor, Role};
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};

use super::route;
use super::subject::{AnswerSubject, about};

/// Offers a waiting session to the rep whom the partner that routes its channel names.
pub(crate) fn assign(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    rep: &RepId,
    skip_capacity_check: bool,
) -> Result<AnswerSubject, Rejection> {
    let session = draft.expect_session(id)?;
    let channel = draft.expect_channel(&session.channel)?;
    if !routes(actor, &channel) {
        return Err(Rejection::not_found("session", id));
    }
    if !session.waits_for_an_offer() || session.transfer.is_some() {
        let message = format!("session {id} doesn't wait to be routed");
        let refused = Rejection::new(Reason::WrongState, "session", id, message);
        return Err(refused.with("state", session.state.name()));
    }
    let who = draft.expect_rep(rep)?;
    let checks = receiving(draft, &who, &channel, None);
    let full = checks.iter().any(|check| !check.passed && !check.forbids);
    if let Some(check) = checks.iter().find(|check| !check.passed && check.forbids) {
        return Err(refusal(check.reason, &who, &channel));
    }
    if full && !skip_capacity_check {
        let message = format!("{rep} has no room for session {id}; name another rep or wait");
        return Err(Rejection::new(Reason::RecipientFull, "rep", rep, message));
    }
    draft.fact(Fact::of(FactKind::SessionAssigned).session(id).rep(rep));
    let origin = OfferOrigin { check_skipped: full, ..OfferOrigin::default() };
    route::offer(draft, Arc::unwrap_or_clone(session), &channel, rep, origin);
    Ok(about(RecordKey::Session(id)))
}

/// Does `actor` decide which rep gets sessions of `channel` (N1, N3)?
fn routes(actor: &Actor, channel: &Channel) -> bool {
    match (&channel.routing_owner, actor.role) {
        (RoutingOwner::Partner(partner), Role::Partner) => actor.id.as_str() == partner.as_str(),
        (RoutingOwner::Partner(_), Role::Admin | Role::Server) => true,
        _ => false,
    }
}
