//! What always holds of what partners are asked: exactly one open ask a session, which both sides know of, and a session that
//! a contact has, or that waits for its partner, is nobody else's (O1, T23, N6, N7).

use super::violation::{Violation, ensure};
use crate::domain::live::{
    Handoff, PartnerAsk, RoutingRequest, RoutingState, Session, SessionState, Transfer,
    TransferState,
};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;

fn is_open(state: &State, ask: PartnerAsk) -> bool {
    match ask {
        PartnerAsk::Handoff(id) => state.handoff(&id).is_some_and(|h| h.is_open()),
        PartnerAsk::Routing(id) => state.routing_request(&id).is_some_and(|r| r.is_open()),
    }
}

/// What a session says of its partner.
pub(super) fn check_session(state: &State, session: &Session) -> Result<(), Violation> {
    let id = session.id;
    let open: Vec<PartnerAsk> =
        state.asks_of_session(id).filter(|ask| is_open(state, *ask)).collect();
    let said: Vec<PartnerAsk> = session.open_ask().into_iter().collect();
    ensure(open == said, "N6", || {
        format!("session {id} says that {said:?} is asked, and {open:?} is")
    })?;
    if let SessionState::External { contact, .. } = &session.state {
        let alone = session.transfer.is_none() && session.stay.is_none();
        ensure(alone, "O1", || format!("session {id} is with {contact:?}, and in transfer"))?;
    }
    let Some(stay) = &session.stay else { return Ok(()) };
    ensure(!session.is_ended(), "T18", || format!("session {id} has ended in a partner's line"))?;
    let transfer = session.transfer.and_then(|id| state.transfer(&id));
    let lines = [Some(&session.line), transfer.as_ref().map(|transfer| &transfer.line)];
    let there =
        lines.into_iter().flatten().any(|l| state.partner_of(l).as_ref() == Some(&stay.partner));
    ensure(there || session.owner().is_some(), "N1", || {
        format!("session {id} stands in no line of {}", stay.partner)
    })?;
    let waits = session.waits_for_an_offer() && state.partner_of(&session.line).is_some();
    let idle = stay.open.is_none() && stay.again_at.is_none() && waits;
    let away = state.partner_health(&stay.partner);
    let awaited = away.probe_at.is_some() || state.has_marks();
    ensure(!idle || awaited, "N7", || format!("session {id} waits, and nobody will ask about it"))
}

/// What a transfer says of its partner.
pub(super) fn check_transfer(state: &State, transfer: &Transfer) -> Result<(), Violation> {
    let TransferState::Asked(ask) = transfer.state else { return Ok(()) };
    let said = state.session(&transfer.session).and_then(|session| session.open_ask());
    ensure(said == Some(ask), "T23", || {
        format!("transfer {} waits for {ask:?}, its session for {said:?}", transfer.id)
    })
}

/// A hand-off is forgotten with its session.
pub(super) fn check_handoff(state: &State, handoff: &Handoff) -> Result<(), Violation> {
    let there = state.session(&handoff.session).is_some();
    ensure(there, "O5", || format!("hand-off {} is of no session", handoff.id))
}

/// A routing request is forgotten with its session; nobody has one that waits in the partner's line.
pub(super) fn check_request(state: &State, request: &RoutingRequest) -> Result<(), Violation> {
    let session = state.session(&request.session);
    ensure(session.is_some(), "O5", || format!("request {} is of no session", request.id))?;
    let waits = request.state == RoutingState::Acknowledged;
    let owned = session.is_some_and(|session| session.owner().is_some());
    ensure(!waits || !owned, "N6", || {
        format!("request {} waits in the partner's line, and a rep has its session", request.id)
    })
}
