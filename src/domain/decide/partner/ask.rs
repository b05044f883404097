//! Asking a partner: where a session goes (N6), or whether it is taken to a contact (T23); and asking no more. Whether it is asked
//! at all is decided above.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{ContactId, SessionId, TransferId};
use crate::domain::live::{
    AskSteps, ContactRef, Handoff, HandoffState, PartnerAsk, PartnerStay, RoutingRequest,
    RoutingState, Session, SessionState, Transfer, TransferState,
};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;

use super::health;

/// Asks about one session that are over, and are still known.
const OVER_KEPT: usize = 32;

/// A session without an owner stands in its transfer's line, if a transfer brings it.
pub(super) fn stand(draft: &Draft<'_>, session: &mut Session) {
    if session.owner().is_some() {
        return;
    }
    if let Some(transfer) = transfer_of(draft, session)
        && session.line != transfer.line
    {
        session.line = transfer.line.clone();
        session.line_since = transfer.requested_at.max(session.line_since);
        session.estimated = None;
    }
    if !matches!(session.state, SessionState::Waiting { .. }) {
        session.state = Session::WAITING;
    }
}

pub(super) fn transfer_of(draft: &Draft<'_>, session: &Session) -> Option<Arc<Transfer>> {
    session.transfer.and_then(|id| draft.transfer(&id))
}

/// Asks where a session goes.
pub(super) fn ask_to_route(draft: &mut Draft<'_>, session: Session, mut stay: PartnerStay) {
    let (now, id) = (draft.now(), draft.routing_request_id());
    let own = draft.partner(&stay.partner).and_then(|partner| partner.routing_deadline);
    let deadline = now + own.unwrap_or_else(|| draft.settings().routing_deadline());
    let transfer = transfer_of(draft, &session);
    let line = transfer.as_ref().map_or(&session.line, |transfer| &transfer.line);
    stay.attempts += 1;
    let request = RoutingRequest {
        id,
        partner: stay.partner.clone(),
        session: session.id,
        transfer: session.transfer,
        queue: line.queue().cloned(),
        channel: session.channel.clone(),
        external_reference: session.external_reference.clone(),
        cause: stay.cause,
        attempt: stay.attempts,
        tried: stay.tried.clone(),
        asked_for: stay.asked_for.clone(),
        note: transfer.as_ref().map_or(&stay.note, |transfer| &transfer.note).clone(),
        attributes: Arc::clone(&session.attributes),
        priority: session.priority,
        opened_at: session.opened_at,
        required: session.required.clone(),
        wished: session.wished.iter().map(|(skill, wish)| (skill.clone(), wish.level)).collect(),
        state: RoutingState::Asked,
        asked_at: now,
        deadline,
        acknowledged_at: None,
        ended_at: None,
        claimed_by: None,
        steps: AskSteps { asked: draft.provenance(), ..AskSteps::default() },
    };
    draft.fact(Fact::of(FactKind::RoutingAsked).session(session.id));
    draft.put(Record::RoutingRequest(Arc::new(request)));
    asked(draft, session, stay, PartnerAsk::Routing(id));
}

/// Asks for a session to be taken to a contact.
pub(super) fn ask_to_take(
    draft: &mut Draft<'_>,
    session: Session,
    mut stay: PartnerStay,
    contact: ContactId,
) {
    let (now, id) = (draft.now(), draft.handoff_id());
    let own = draft.partner(&stay.partner).and_then(|partner| partner.handoff_deadline);
    let deadline = now + own.unwrap_or_else(|| draft.settings().handoff_deadline);
    let transfer = transfer_of(draft, &session);
    let contact = ContactRef { partner: stay.partner.clone(), contact };
    stay.attempts += 1;
    let handoff = Handoff {
        id,
        session: session.id,
        transfer: session.transfer,
        contact_name: draft.contact(&contact).map(|known| known.name).unwrap_or_default(),
        contact,
        channel: session.channel.clone(),
        external_reference: session.external_reference.clone(),
        asked_by: transfer.as_ref().map_or_else(|| draft.actor(), |t| &t.asked_by).clone(),
        from_rep: transfer.as_ref().map(|transfer| transfer.from_rep.clone()),
        note: transfer.as_ref().map_or(&stay.note, |transfer| &transfer.note).clone(),
        attributes: Arc::clone(&session.attributes),
        priority: session.priority,
        opened_at: session.opened_at,
        required: session.required.clone(),
        wished: session.wished.iter().map(|(skill, wish)| (skill.clone(), wish.level)).collect(),
        state: HandoffState::Asked,
        asked_at: now,
        deadline,
        acknowledged_at: None,
        ended_at: None,
        claimed_by: None,
        steps: AskSteps { asked: draft.provenance(), ..AskSteps::default() },
    };
    draft.fact(Fact::of(FactKind::HandoffAsked).session(session.id));
    draft.put(Record::Handoff(Arc::new(handoff)));
    asked(draft, session, stay, PartnerAsk::Handoff(id));
}

/// Forgets the oldest asks about a session that are over, beyond a few: a partner that never says where it goes is asked for
/// as long as it waits. What a transfer or live work came by stays.
fn forget_asks(draft: &mut Draft<'_>, session: SessionId) {
    if draft.asks_of_session(session).nth(OVER_KEPT).is_none() {
        return;
    }
    let works: Vec<_> = draft.work_of_session(session).filter(|work| work.is_live()).collect();
    let kept = |ask: PartnerAsk, transfer: Option<TransferId>| {
        transfer.and_then(|id| draft.transfer(&id)).is_some_and(|t| t.asked == Some(ask))
    };
    let over = |ask: &PartnerAsk| match *ask {
        PartnerAsk::Handoff(id) => {
            draft.handoff(&id).is_some_and(|h| h.ended_at.is_some() && !kept(*ask, h.transfer))
        }
        PartnerAsk::Routing(id) => draft.routing_request(&id).is_some_and(|request| {
            let brought = works.iter().any(|work| work.routed_by == Some(id));
            request.ended_at.is_some() && !brought && !kept(*ask, request.transfer)
        }),
    };
    let all: Vec<PartnerAsk> = draft.asks_of_session(session).filter(over).collect();
    for ask in &all[..all.len().saturating_sub(OVER_KEPT)] {
        draft.remove(match *ask {
            PartnerAsk::Handoff(id) => RecordKey::Handoff(id),
            PartnerAsk::Routing(id) => RecordKey::RoutingRequest(id),
        });
    }
}

/// Notes on a session, on its transfer and on the partner that it is asked.
fn asked(draft: &mut Draft<'_>, mut session: Session, mut stay: PartnerStay, ask: PartnerAsk) {
    forget_asks(draft, session.id);
    health::note_asked(draft, &stay.partner);
    stay.open = Some(ask);
    stay.again_at = None;
    if let Some(transfer) = transfer_of(draft, &session) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        transfer.state = TransferState::Asked(ask);
        transfer.asked = Some(ask);
        transfer.offered_at = Some(draft.now());
        let fact = Fact::of(FactKind::TransferOffered).session(session.id);
        draft.fact(fact.transfer(transfer.id));
        draft.put_transfer(transfer);
    }
    session.stay = Some(Box::new(stay));
    draft.put_settled(session);
}

/// What a partner is being asked about a session isn't needed any more: it ends, or goes elsewhere (T18, N6).
pub(crate) fn withdraw(draft: &mut Draft<'_>, session: &mut Session, ended: bool) {
    let Some(stay) = session.stay.take() else { return };
    let Some(ask) = stay.open else { return };
    let now = Some(draft.now());
    match ask {
        PartnerAsk::Handoff(id) => {
            let Some(handoff) = draft.handoff(&id) else { return };
            let mut handoff = Arc::unwrap_or_clone(handoff);
            handoff.state = HandoffState::SessionEnded;
            handoff.ended_at = now;
            handoff.steps.ended = draft.provenance();
            draft.fact(Fact::of(FactKind::HandoffSessionEnded).session(session.id));
            draft.put(Record::Handoff(Arc::new(handoff)));
        }
        PartnerAsk::Routing(id) => {
            let Some(request) = draft.routing_request(&id) else { return };
            let mut request = Arc::unwrap_or_clone(request);
            request.state = RoutingState::Withdrawn;
            request.ended_at = now;
            request.steps.ended = draft.provenance();
            draft.fact(Fact::of(FactKind::RoutingWithdrawn).session(session.id));
            draft.put(Record::RoutingRequest(Arc::new(request)));
        }
    }
    health::note_closed(draft, &stay.partner);
    if !ended {
        session.stay = Some(Box::new(PartnerStay { open: None, ..*stay }));
    }
}
