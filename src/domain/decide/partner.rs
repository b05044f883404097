//! What partners are asked (N1, N6, T23): where a session goes that stands in one of their lines, or whether they take it to
//! a contact. A session comes here when its turn comes in such a line, whatever brought it there, so nobody has to remember
//! to ask. What partners answer is in `handoff` and `routing`, what becomes of a session when that is nothing in `failure`,
//! and how a partner does in `health`.

mod ask;
mod claim;
mod failure;
mod handoff;
pub(super) mod health;
mod routing;

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::id::{PartnerId, SessionId};
use crate::domain::live::{PartnerStay, RoutingCause, Session};
use crate::domain::record_lookup::RecordLookup;

use ask::{ask_to_route, ask_to_take, stand};

pub(super) use ask::withdraw;
pub(super) use failure::{expire, fall_back};
pub(super) use handoff::{acknowledge as acknowledge_handoff, complete, fail as fail_handoff};
pub(super) use routing::{acknowledge, fail as fail_routing, renew, route};

/// Asks the partner about a session that has come to its line, or isn't asked about there yet; while the partner is away, sends
/// it on (N7).
pub(super) fn place(draft: &mut Draft<'_>, mut session: Session, partner: &PartnerId) {
    let stay = match session.stay.take() {
        Some(stay) if stay.partner == *partner => *stay,
        _ => PartnerStay::at(partner.clone(), RoutingCause::New),
    };
    if stay.open.is_some() {
        return;
    }
    if draft.partner_health(partner).not_asked_for(draft.now()).is_some() {
        session.stay = Some(Box::new(stay));
        return failure::not_asked(draft, session);
    }
    stand(draft, &mut session);
    match stay.contact.clone() {
        Some(contact) => ask_to_take(draft, session, stay, contact),
        None => ask_to_route(draft, session, stay),
    }
}

/// A session that is asked again because its time has come (N6).
pub(super) fn ask_again(draft: &mut Draft<'_>, id: SessionId) {
    let Some(session) = draft.session(&id).filter(|session| session.waits_for_an_offer()) else {
        return;
    };
    let mut session = Arc::unwrap_or_clone(session);
    let Some(stay) = &mut session.stay else { return };
    if stay.open.is_none() && stay.again_at.is_some_and(|at| at <= draft.now()) {
        stay.again_at = None;
        draft.put_arrival(session);
    }
}
