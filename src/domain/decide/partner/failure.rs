//! What becomes of a session when its partner doesn't take it (T23, N6, N7): whoever still has it keeps it; otherwise the
//! channel's fallback queue takes it, and without one it is stranded, and the partner is asked again.

use std::sync::Arc;

use crate::domain::decide::leave;
use crate::domain::decide::route;
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::QueueId;
use crate::domain::live::{
    Absence, AskFailure, HandoffState, Line, PartnerAsk, PartnerStay, RoutingCause, RoutingState,
    Session, SessionState, Transfer, TransferState,
};
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup;

use super::ask::{stand, transfer_of};
use super::health;

/// A partner has had long enough to answer, or to renew.
pub(crate) fn expire(draft: &mut Draft<'_>, ask: PartnerAsk) {
    let now = draft.now();
    let (session, partner) = match ask {
        PartnerAsk::Handoff(id) => {
            let due = draft.handoff(&id).filter(|h| h.is_open() && h.deadline <= now);
            let Some(mut handoff) = due.map(Arc::unwrap_or_clone) else { return };
            handoff.state = HandoffState::Expired;
            handoff.ended_at = Some(now);
            handoff.steps.ended = draft.provenance();
            let told = (handoff.session, handoff.contact.partner.clone());
            draft.fact(Fact::of(FactKind::HandoffExpired).session(handoff.session));
            draft.put(Record::Handoff(Arc::new(handoff)));
            told
        }
        PartnerAsk::Routing(id) => {
            let due = draft.routing_request(&id).filter(|r| r.is_open() && r.deadline <= now);
            let Some(mut request) = due.map(Arc::unwrap_or_clone) else { return };
            request.state = RoutingState::Expired;
            request.ended_at = Some(now);
            request.steps.ended = draft.provenance();
            let told = (request.session, request.partner.clone());
            draft.fact(Fact::of(FactKind::RoutingExpired).session(request.session));
            draft.put(Record::RoutingRequest(Arc::new(request)));
            told
        }
    };
    health::note_expiry(draft, &partner);
    if let Some(session) = draft.session(&session) {
        come_to_nothing(draft, Arc::unwrap_or_clone(session), AskFailure::expired());
    }
}

/// What the partner was asked about a session came to nothing.
pub(super) fn come_to_nothing(draft: &mut Draft<'_>, mut session: Session, failure: AskFailure) {
    if let Some(stay) = &mut session.stay {
        stay.open = None;
        stay.fail(draft.now());
    }
    match transfer_of(draft, &session).map(Arc::unwrap_or_clone) {
        Some(transfer) if session.owner().is_some() => {
            fail_transfer(draft, &mut session, transfer, failure);
            session.stay = None;
            draft.put_settled(session);
        }
        Some(transfer) if transfer.owner_left => {
            let (from, rep) = (transfer.from_line.clone(), transfer.from_rep.clone());
            fail_transfer(draft, &mut session, transfer, failure);
            give_back(draft, session, from, &rep);
        }
        _ => match fallback(draft, &session) {
            Some(queue) => fall_back(draft, session, queue),
            None => strand(draft, session),
        },
    }
}

/// A session stands in the line of a partner that isn't asked now.
pub(super) fn not_asked(draft: &mut Draft<'_>, mut session: Session) {
    if let Some(queue) = fallback(draft, &session) {
        return fall_back(draft, session, queue);
    }
    if let Some(transfer) = transfer_of(draft, &session).filter(|_| session.owner().is_some()) {
        let text = "the partner doesn't answer, and isn't asked now".to_owned();
        let failure = AskFailure { text, ..AskFailure::expired() };
        fail_transfer(draft, &mut session, Arc::unwrap_or_clone(transfer), failure);
        session.stay = None;
        return draft.put_settled(session);
    }
    let partner = session.stay.as_ref().map(|stay| stay.partner.clone());
    if let Some(stay) = &mut session.stay {
        stay.again_at = None;
    }
    stand(draft, &mut session);
    strand(draft, session);
    if let Some(partner) = partner {
        health::await_return(draft, &partner);
    }
}

/// The transfer has failed, and doesn't count (T16).
fn fail_transfer(
    draft: &mut Draft<'_>,
    session: &mut Session,
    mut transfer: Transfer,
    failure: AskFailure,
) {
    let fact = Fact::of(FactKind::TransferFailed).session(session.id);
    draft.fact(fact.transfer(transfer.id).rep(&transfer.from_rep));
    transfer.state = TransferState::Failed { at: draft.now(), failure };
    transfer.steps.ended = draft.provenance();
    draft.put_transfer(transfer);
    session.transfer = None;
    session.transfers = session.transfers.saturating_sub(1);
}

/// Its owner left while the partner was asked: it goes where it would have gone then (T19, P7).
fn give_back(
    draft: &mut Draft<'_>,
    mut session: Session,
    from: Option<Line>,
    rep: &crate::domain::id::RepId,
) {
    session.stay = None;
    if let Some(from) = from {
        session.line = from;
    }
    let channel = draft.channel(&session.channel);
    if let Some(channel) = &channel {
        session.line = leave::line_back(draft, &session, channel, rep);
    }
    if let Some(partner) = channel.and_then(|c| draft.partner_left(&session.line, &c)) {
        let mut stay = PartnerStay::at(partner, RoutingCause::RepGone);
        stay.passed_by(rep, RoutingCause::RepGone);
        session.stay = Some(Box::new(stay));
    }
    session.line_since = draft.now();
    session.estimated = None;
    session.state = Session::WAITING;
    draft.put_arrival(session);
}

/// The queue that takes what nobody came for, if the channel has one.
fn fallback(draft: &Draft<'_>, session: &Session) -> Option<QueueId> {
    let queue = draft.channel(&session.channel)?.fallback_queue.clone()?;
    draft.queue(&queue).filter(|queue| queue.partner.is_none()).map(|_| queue)
}

/// The channel's fallback queue takes a session, at its original age (T17, N6). Whoever still has it keeps it until somebody
/// of that queue takes it, or it has to wait there (T9).
pub(crate) fn fall_back(draft: &mut Draft<'_>, mut session: Session, queue: QueueId) {
    let fact = match session.transfer {
        Some(transfer) => Fact::of(FactKind::TransferRerouted).transfer(transfer),
        None => Fact::of(FactKind::SessionRerouted),
    };
    draft.fact(fact.session(session.id).queue(&queue));
    let line = Line::Queue(queue);
    if let Some(transfer) = transfer_of(draft, &session) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        transfer.line = line.clone();
        transfer.state = TransferState::Waiting { since: draft.now() };
        draft.put_transfer(transfer);
    }
    session.stay = None;
    if session.owner().is_none() {
        session.line = line;
        session.line_since = draft.now();
        session.estimated = None;
        session.state = Session::WAITING;
    }
    draft.put_arrival(session);
}

/// Nobody takes it, and there is nowhere to fall back to: supervisors look at it, and the partner is asked again (N6).
fn strand(draft: &mut Draft<'_>, mut session: Session) {
    if !session.state.is_stranded() {
        draft.fact(route::stranded(&session));
    }
    session.state = SessionState::Waiting { offer: None, absence: Some(Absence::Stranded) };
    if let Some(transfer) = transfer_of(draft, &session)
        && !matches!(transfer.state, TransferState::Waiting { .. })
    {
        let state = TransferState::Waiting { since: draft.now() };
        draft.put_transfer(Transfer { state, ..Arc::unwrap_or_clone(transfer) });
    }
    draft.put_settled(session);
}
