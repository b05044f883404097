//! What a partner answers to a routing request (N1, N6): that the session waits in its line, that it still does, where it goes,
//! or that it doesn't know. A refused answer changes nothing, and the request stays open.

use std::sync::Arc;

use crate::domain::aliases::{drives, queue_named, rep_named};
use crate::domain::capacity::OfferOrigin;
use crate::domain::command::{RouteAnswer, RouteTarget};
use crate::domain::decide::acceptance;
use crate::domain::decide::destination::{Admission, Destination, may_receive};
use crate::domain::decide::narrowed::{self, Subject};
use crate::domain::decide::route as routing;
use crate::domain::decide::subject::{AnswerSubject, about};
use crate::domain::directory::{Channel, Partner, Queue};
use crate::domain::draft::Draft;
use crate::domain::eligibility::receiving;
use crate::domain::entry::{Answer, Fact, FactKind, RenewalFailure, Renewals};
use crate::domain::id::{ContactId, PartnerId, QueueId, RepId, RoutingRequestId, WorkId};
use crate::domain::live::{
    Actor, AskFailure, ContactRef, HowFound, Line, PartnerAsk, Recipient, RoutingRequest,
    RoutingState, Session, SessionState, TransferState, WorkEnd,
};
use crate::domain::load::weight_of;
use crate::domain::reasons::refusal;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{BadField, Reason, Rejection};
use crate::domain::scope::{Viewer, may_see_queue};
use crate::domain::time::{Span, Timestamp};

use super::ask::{stand, transfer_of};
use super::failure::come_to_nothing;
use super::{claim, health};

/// A worker claims it: the session waits in the partner's line. From now on a lease counts, and the original rep of a transfer
/// is removed. Acknowledged already by this worker: the lease is renewed.
pub(crate) fn acknowledge(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: RoutingRequestId,
    reference: &str,
    lease: Option<Span>,
) -> Result<AnswerSubject, Rejection> {
    let mut request = claim::request(draft, actor, id)?;
    claim::of_request(draft, &request, reference)?;
    let first = request.state == RoutingState::Asked;
    request.deadline = draft.now() + lease_of(draft, &request.partner, lease);
    if first {
        request.state = RoutingState::Acknowledged;
        request.acknowledged_at = Some(draft.now());
        request.steps.acknowledged = draft.provenance();
        request.claimed_by = Some(reference.to_owned());
        wait_in_line(draft, &request);
    }
    let kind = if first { FactKind::RoutingAcknowledged } else { FactKind::RoutingRenewed };
    draft.fact(Fact::of(kind).session(request.session));
    health::note_progress(draft, &request.partner, false);
    draft.put(Record::RoutingRequest(Arc::new(request)));
    Ok(about(RecordKey::RoutingRequest(id)))
}

fn lease_of(draft: &Draft<'_>, partner: &PartnerId, given: Option<Span>) -> Span {
    let own = || draft.partner(partner).map_or(Partner::ROUTING_LEASE, |p| p.routing_lease);
    given.unwrap_or_else(own)
}

/// The session waits in the partner's line; whoever handed it on is removed (T7, N6).
fn wait_in_line(draft: &mut Draft<'_>, request: &RoutingRequest) {
    let Some(session) = draft.session(&request.session) else { return };
    let mut session = Arc::unwrap_or_clone(session);
    if let Some(stay) = &mut session.stay {
        stay.failures = 0;
    }
    if let Some(transfer) = transfer_of(draft, &session) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        let handed_on = session.owner().is_some();
        acceptance::remove_owner(draft, &session, &mut transfer, WorkEnd::Transferred);
        if handed_on {
            session.line = transfer.line.clone();
            session.line_since = transfer.requested_at;
            session.estimated = None;
        }
        transfer.owner_left = false;
        transfer.state = TransferState::Waiting { since: draft.now() };
        let fact = Fact::of(FactKind::TransferWaiting).session(session.id);
        draft.fact(fact.transfer(transfer.id));
        draft.put_transfer(transfer);
    } else {
        draft.fact(Fact::of(FactKind::SessionWaiting).session(session.id));
    }
    session.state = Session::WAITING;
    draft.put_settled(session);
}

/// Renews the leases of many; of each that can't be renewed it says why.
pub(crate) fn renew(
    draft: &mut Draft<'_>,
    viewer: Viewer<'_>,
    (of, ids): (Option<&PartnerId>, &[RoutingRequestId]),
    reference: &str,
    lease: Option<Span>,
) -> Result<AnswerSubject, Rejection> {
    if let Some(of) = of {
        draft
            .partner(of)
            .filter(|_| claim::answers_for(viewer.actor, of))
            .ok_or_else(|| Rejection::not_found("partner", of))?;
    }
    let mut failures = Vec::new();
    let mut until: Option<Timestamp> = None;
    let mut partners: Vec<PartnerId> = Vec::new();
    let mut renewed = 0;
    for (index, id) in ids.iter().enumerate() {
        match renewable(draft, viewer, *id, reference) {
            Ok(mut request) => {
                request.deadline = draft.now() + lease_of(draft, &request.partner, lease);
                until = until.max(Some(request.deadline));
                if !partners.contains(&request.partner) {
                    partners.push(request.partner.clone());
                }
                draft.fact(Fact::of(FactKind::RoutingRenewed).session(request.session));
                draft.put(Record::RoutingRequest(Arc::new(request)));
                renewed += 1;
            }
            Err(Rejection { reason, message, .. }) => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                failures.push(RenewalFailure { index, id: *id, reason, text: message });
            }
        }
    }
    for partner in partners {
        health::note_progress(draft, &partner, false);
    }
    Ok(AnswerSubject::Answer(Answer::Renewed(Arc::new(Renewals { renewed, until, failures }))))
}

fn renewable(
    draft: &Draft<'_>,
    viewer: Viewer<'_>,
    id: RoutingRequestId,
    reference: &str,
) -> Result<RoutingRequest, Rejection> {
    narrowed::check(draft, viewer, &Subject::Routing(id))?;
    let request = claim::request(draft, viewer.actor, id)?;
    claim::of_request(draft, &request, reference)?;
    if request.state == RoutingState::Asked {
        let message = format!("routing_request {id} isn't acknowledged; acknowledge it first");
        let refused = Rejection::new(Reason::WrongState, "routing_request", id, message);
        return Err(refused.with("state", request.state.name()));
    }
    Ok(request)
}

/// The partner can't route it. Failed already: nothing changes.
pub(crate) fn fail(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: RoutingRequestId,
    failure: &AskFailure,
    reference: &str,
) -> Result<AnswerSubject, Rejection> {
    let request = claim::request(draft, actor, id)?;
    let same = request.claimed_by.as_deref() == Some(reference);
    if matches!(request.state, RoutingState::Failed(_)) && same {
        return Ok(about(RecordKey::RoutingRequest(id)));
    }
    claim::of_request(draft, &request, reference)?;
    draft.fact(Fact::of(FactKind::RoutingFailed).session(request.session));
    let session = request.session;
    finish(draft, request, reference, RoutingState::Failed(failure.clone()));
    let asked = |s: &Arc<Session>| s.open_ask() == Some(PartnerAsk::Routing(id));
    if let Some(session) = draft.session(&session).filter(asked) {
        come_to_nothing(draft, Arc::unwrap_or_clone(session), failure.clone());
    }
    Ok(about(RecordKey::RoutingRequest(id)))
}

fn finish(
    draft: &mut Draft<'_>,
    mut request: RoutingRequest,
    reference: &str,
    state: RoutingState,
) {
    health::note_progress(draft, &request.partner, true);
    request.claimed_by = Some(reference.to_owned());
    request.ended_at = Some(draft.now());
    request.steps.ended = draft.provenance();
    request.state = state;
    draft.put(Record::RoutingRequest(Arc::new(request)));
}

/// The partner says where a session goes. Routed already to the same: nothing changes.
pub(crate) fn route(
    draft: &mut Draft<'_>,
    actor: &Actor,
    answer: &RouteAnswer,
) -> Result<AnswerSubject, Rejection> {
    let request = claim::request(draft, actor, answer.request)?;
    let subject = about(RecordKey::RoutingRequest(request.id));
    let to = recipient(draft, actor, &request, &answer.to);
    if let RoutingState::Routed { to: before, .. } = &request.state
        && *before == to
        && request.claimed_by.as_deref() == Some(answer.reference.as_str())
    {
        return Ok(subject);
    }
    claim::of_request(draft, &request, &answer.reference)?;
    let mut session = Arc::unwrap_or_clone(draft.expect_session(request.session)?);
    let channel = draft.expect_channel(&session.channel)?;
    if let Some(stay) = &mut session.stay {
        stay.open = None;
        stay.failures = 0;
    }
    draft.fact(Fact::of(FactKind::RoutingRouted).session(session.id));
    let work = match &to {
        Recipient::Rep(rep) => Some(to_rep(draft, &request, session, &channel, rep, answer)?),
        Recipient::Queue(queue) => {
            to_queue(draft, actor, session, &channel, queue)?;
            None
        }
        Recipient::Flow(flow) => {
            let transferred = session.transfer.is_some();
            let admission = (transferred, Admission::New);
            let found = Destination::flow(draft, flow, &mut session, &channel, admission)?;
            let owner = session.owner().map(|(owner, _)| owner.clone());
            if let (Line::Rep(rep), Some(owner)) = (&found.line, owner) {
                may_receive(draft, &owner, rep, &channel)?;
            }
            routing::send_on(draft, session, found);
            None
        }
        Recipient::Contact(of) => {
            to_contact(draft, session, &channel, of)?;
            None
        }
    };
    finish(draft, request, &answer.reference, RoutingState::Routed { to, work });
    Ok(subject)
}

/// Where the partner wants it to go, by Baton's names (N8).
fn recipient(
    draft: &Draft<'_>,
    actor: &Actor,
    request: &RoutingRequest,
    to: &RouteTarget,
) -> Recipient {
    match to {
        RouteTarget::Rep(rep) => Recipient::Rep(rep_named(draft, actor, rep)),
        RouteTarget::Queue(queue) => Recipient::Queue(queue_named(draft, actor, queue)),
        RouteTarget::Flow(flow) => Recipient::Flow(flow.clone()),
        RouteTarget::Contact(contact) => Recipient::Contact(contact_of(request, contact)),
    }
}

fn contact_of(request: &RoutingRequest, contact: &ContactId) -> ContactRef {
    ContactRef { partner: request.partner.clone(), contact: contact.clone() }
}

/// Offers it to a rep whom the partner names: one of its own, who is there and entitled, and, unless the partner says
/// otherwise, has room (C3).
fn to_rep(
    draft: &mut Draft<'_>,
    request: &RoutingRequest,
    session: Session,
    channel: &Channel,
    rep: &RepId,
    answer: &RouteAnswer,
) -> Result<WorkId, Rejection> {
    let who = draft.rep(rep).filter(|_| drives(draft, &request.partner, rep));
    let who = who.ok_or_else(|| Rejection::not_found("rep", rep))?;
    if session.owner().is_some_and(|(owner, _)| owner == rep) {
        return Err(refusal(Reason::SelfTransfer, &who, channel));
    }
    let queue = request.queue.as_ref().and_then(|queue| draft.queue(queue));
    let room = |check: &&_| is_room(check);
    let checks = receiving(draft, &who, channel, queue.as_deref());
    if let Some(check) = checks.iter().find(|check| !check.passed && !room(check)) {
        return Err(refusal(check.reason, &who, channel));
    }
    let full = !fits(draft, rep, channel, queue.as_deref(), answer);
    if full && !answer.skip_capacity_check {
        let message = format!("{rep} has no room for session {}; name another rep", session.id);
        return Err(Rejection::new(Reason::RecipientFull, "rep", rep, message));
    }
    let origin = OfferOrigin {
        transfer: session.transfer,
        queued_at: Some(session.line_since),
        found: HowFound::Direct,
        check_skipped: full,
        weight: answer.weight,
        restrictions: answer.restrictions,
        routed_by: Some(request.id),
        queue,
        ..OfferOrigin::default()
    };
    draft.fact(Fact::of(FactKind::SessionAssigned).session(session.id).rep(rep));
    Ok(offer_to(draft, session, channel, rep, origin))
}

fn is_room(check: &crate::domain::eligibility::Check) -> bool {
    check.reason == Reason::RecipientFull
}

fn fits(
    draft: &Draft<'_>,
    rep: &RepId,
    channel: &Channel,
    queue: Option<&Queue>,
    answer: &RouteAnswer,
) -> bool {
    let weight = answer.weight.unwrap_or_else(|| weight_of(channel, queue));
    draft.load_of(rep).fits(weight, channel.interruptible)
}

fn offer_to(
    draft: &mut Draft<'_>,
    mut session: Session,
    channel: &Channel,
    rep: &RepId,
    origin: OfferOrigin,
) -> WorkId {
    if session.owner().is_none() {
        stand(draft, &mut session);
        session.state = SessionState::Waiting { offer: None, absence: None };
    }
    routing::offer(draft, session, channel, rep, origin)
}

/// It goes to a queue of Baton's, whose rules hold from there.
fn to_queue(
    draft: &mut Draft<'_>,
    actor: &Actor,
    session: Session,
    channel: &Channel,
    queue: &QueueId,
) -> Result<(), Rejection> {
    if !may_see_queue(draft, actor, queue) {
        return Err(Rejection::not_found("queue", queue));
    }
    if draft.expect_queue(queue)?.partner.is_some() {
        let why = format!("names {queue}, a partner's queue; name a queue of Baton's");
        return Err(Rejection::invalid(vec![BadField { field: "queue".to_owned(), why }]));
    }
    let found = Destination::queue(draft, queue, channel, Admission::New)?;
    routing::send_on(draft, session, found);
    Ok(())
}

/// It is handed to a contact of the partner's.
fn to_contact(
    draft: &mut Draft<'_>,
    session: Session,
    channel: &Channel,
    of: &ContactRef,
) -> Result<(), Rejection> {
    let found = Destination::contact(draft, of, channel)?;
    routing::send_on(draft, session, found);
    Ok(())
}
