//! Asking for a transfer (T1–T11, T13–T16). What happens to it afterwards is decided where it
//! happens: accepting in `work`, leaving in `route`, ending in `session`, waiting too long in
//! `timer`.

use std::sync::Arc;

use crate::domain::aliases::{acting_partner, queue_meant, rep_meant};
use crate::domain::directory::Channel;
use crate::domain::draft::Draft;
use crate::domain::eligibility::{Check, handing_on_to_line, runs_flows};
use crate::domain::entry::{Fact, FactKind};
use crate::domain::external::{describe_away, external_checks, external_contact, external_refusal};
use crate::domain::id::{RepId, SessionId, TransferId};
use crate::domain::live::{
    Actor, Line, Recipient, Role, RoutingCause, Session, SessionState, Transfer, TransferState,
    TransferSteps,
};
use crate::domain::reasons::line_refusal;
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::may_hand_on;
use crate::domain::units::times;
use crate::domain::verdict::RuleVerdict;

use super::actors::{acting_rep, acts_for, not_owner};
use super::destination::{Admission, Destination, may_receive};
use super::subject::{AnswerSubject, about};

/// Hands `session` on to `recipient`.
pub(crate) fn request(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    recipient: &Recipient,
    note: &str,
) -> Result<AnswerSubject, Rejection> {
    let session = draft.expect_session(id)?;
    if !may_hand_on(draft, actor, &session) {
        return Err(Rejection::not_found("session", id));
    }
    let recipient = &meant(draft, actor, recipient)?;
    if let Some(v) = session_checks(draft, actor, &session).into_iter().find(|v| !v.passed) {
        return Err(unready(draft, &session, v));
    }
    let Some((owner, _)) = session.owner() else {
        return Err(not_owner(actor, "session", id));
    };
    let owner = owner.clone();
    draft.acts_for(&owner);
    let channel = draft.expect_channel(&session.channel)?;
    let mut session = Arc::unwrap_or_clone(session);
    let destination = destination(draft, actor, &owner, recipient, &mut session, &channel)?;

    let now = draft.now();
    let transfer = Transfer {
        id: TransferId::nth_at(now, session.transfers, draft.random()),
        session: id,
        asked_by: actor.clone(),
        from_rep: owner.clone(),
        recipient: recipient.clone(),
        line: destination.line.clone(),
        trace: destination.trace.clone(),
        note: note.to_owned(),
        state: TransferState::Waiting { since: now },
        requested_at: now,
        offered_at: None,
        original_removed_at: None,
        steps: TransferSteps { requested: draft.provenance(), ..TransferSteps::default() },
        from_line: Some(session.line.clone()),
        owner_left: false,
        asked: None,
    };
    let subject = about(RecordKey::Transfer(transfer.id));
    draft.fact(Fact::of(FactKind::TransferRequested).session(id).transfer(transfer.id).rep(&owner));
    destination.prepare(draft, &mut session);
    session.stay = None;
    destination.enter(draft, &mut session, RoutingCause::Transfer);
    session.transfer = Some(transfer.id);
    session.transfers += 1;
    session.passed_by.clear();
    draft.put_transfer(transfer);
    draft.put_arrival(session);
    Ok(subject)
}

/// The recipient by Baton's names (N8).
fn meant(draft: &Draft<'_>, actor: &Actor, named: &Recipient) -> Result<Recipient, Rejection> {
    Ok(match named {
        Recipient::Rep(rep) if acting_partner(actor).is_some() => {
            Recipient::Rep(rep_meant(draft, actor, rep)?.id.clone())
        }
        Recipient::Queue(queue) if acting_partner(actor).is_some() => {
            Recipient::Queue(queue_meant(draft, actor, queue)?)
        }
        Recipient::Rep(_) | Recipient::Queue(_) | Recipient::Flow(_) | Recipient::Contact(_) => {
            named.clone()
        }
    })
}

/// Why a session can't be transferred now.
fn unready(draft: &Draft<'_>, session: &Session, failed: RuleVerdict) -> Rejection {
    let refused = Rejection::new(failed.reason, "session", session.id, failed.text);
    match (failed.reason, session.transfer) {
        (Reason::TransferInProgress, Some(transfer)) => refused.with("transfer", transfer),
        (Reason::SessionNotActive | Reason::WrongState, _) => {
            refused.with("state", session.state.name())
        }
        (Reason::NotAllowedByPartner, _) => {
            let work = session.owner().and_then(|(_, work)| draft.work(&work));
            let request = work.and_then(|work| draft.routing_request(&work.routed_by?));
            refused.with("partner", request.map(|r| r.partner.to_string()).unwrap_or_default())
        }
        (Reason::TransferLimitReached, _) => {
            refused.with("limit", draft.settings().max_transfers_per_session)
        }
        _ => refused,
    }
}

/// Where the session goes, if it may go there.
fn destination(
    draft: &mut Draft<'_>,
    actor: &Actor,
    owner: &RepId,
    recipient: &Recipient,
    session: &mut Session,
    channel: &Channel,
) -> Result<Destination, Rejection> {
    let caller = acting_rep(actor);
    match recipient {
        Recipient::Rep(rep) => {
            may_receive(draft, owner, rep, channel)?;
            routed_now(draft, Destination::rep(rep, channel), channel)
        }
        Recipient::Queue(queue) => {
            draft.expect_queue(queue)?;
            allowed(draft, owner, caller.as_ref(), recipient, channel)?;
            routed_now(draft, Destination::queue(draft, queue, channel, Admission::New)?, channel)
        }
        Recipient::Flow(flow) => {
            draft.expect_flow(flow)?;
            allowed(draft, owner, caller.as_ref(), recipient, channel)?;
            let found = Destination::flow(draft, flow, session, channel, (true, Admission::New))?;
            if let Line::Rep(rep) = &found.line {
                may_receive(draft, owner, rep, channel)?;
            }
            routed_now(draft, found, channel)
        }
        Recipient::Contact(of) => {
            let known = external_contact(draft, channel, of);
            let checks = external_checks(draft, Some(owner), channel, known.as_ref());
            if let Some(check) = checks.into_iter().find(|check| check.forbids && !check.passed) {
                return Err(external_refusal(check, of, channel));
            }
            routed_now(draft, Destination::contact(draft, of, channel)?, channel)
        }
    }
}

/// Where a session goes if its partner is asked, and that isn't asked now (N7): what it is to route goes to the channel's
/// fallback queue.
///
/// # Errors
/// PARTNER_AWAY without one, and for a contact.
fn routed_now(
    draft: &Draft<'_>,
    found: Destination,
    channel: &Channel,
) -> Result<Destination, Rejection> {
    let Some(partner) = draft.partner_of(&found.line) else { return Ok(found) };
    let Some(span) = draft.partner_health(&partner).not_asked_for(draft.now()) else {
        return Ok(found);
    };
    match &channel.fallback_queue {
        Some(queue) if found.contact.is_none() => {
            let trace = found.trace;
            Ok(Destination { trace, ..Destination::queue(draft, queue, channel, Admission::Back)? })
        }
        _ => {
            let message = describe_away(false, &partner);
            let refused = Rejection::new(Reason::PartnerAway, "partner", &partner, message);
            Err(refused.with("partner", &partner).for_now(span))
        }
    }
}

/// # Errors
/// The first rule that forbids handing the session to this queue or flow.
fn allowed(
    draft: &Draft<'_>,
    owner: &RepId,
    caller: Option<&RepId>,
    to: &Recipient,
    channel: &Channel,
) -> Result<(), Rejection> {
    let checks = handing_on_to_line(draft, Some(owner), caller, to, channel);
    match checks.into_iter().find(|check| check.forbids && !check.passed) {
        None => Ok(()),
        // T11: it is the caller's permission that a flow needs.
        Some(Check { reason: Reason::MissingPermission, .. }) => runs_flows(draft, caller),
        Some(check) => Err(line_refusal(check.reason, to, channel)),
    }
}

const INACTIVE: &str = "isn't active: only a session that a rep works on can be transferred";

fn used_up(limit: u32) -> String {
    format!("has been transferred {}, which is the limit", times(limit))
}

/// N1: does the partner that routed it bar its rep from handing it on?
fn is_barred(records: &impl RecordLookup, actor: &Actor, session: &Session) -> bool {
    let work = session.owner().and_then(|(_, work)| records.work(&work));
    actor.role == Role::Rep && work.is_some_and(|work| work.restrictions.transfer)
}

/// What the session itself has to say to being transferred by `actor`, in the order in which a
/// refusal is chosen.
pub(crate) fn session_checks(
    records: &impl RecordLookup,
    actor: &Actor,
    session: &Session,
) -> Vec<RuleVerdict> {
    let owner = session.owner().map(|(rep, _)| rep);
    let owned = match owner {
        Some(owner) => acts_for(records, actor, owner),
        None => acting_rep(actor).is_none(),
    };
    let active = matches!(session.state, SessionState::Active { .. });
    let inactive = match session.state {
        SessionState::External { .. } => Reason::WrongState,
        _ => Reason::SessionNotActive,
    };
    let barred = is_barred(records, actor, session);
    let limit = records.settings().max_transfers_per_session;
    let say = |yes: bool, good: &str, bad: &str| {
        let id = session.id;
        if yes { format!("session {id} {good}") } else { format!("session {id} {bad}") }
    };
    let verdict = |rule, reason, passed, text| {
        let check = Check { rule, reason, passed, hides: false, forbids: true };
        RuleVerdict::new(check, text)
    };
    let free = session.transfer.is_none();
    let below = session.transfers < limit;
    let alive = !session.is_ended();
    vec![
        verdict("O1", Reason::SessionEnded, alive, say(alive, "goes on", "has ended")),
        verdict(
            "T20",
            Reason::NotOwner,
            owned,
            say(owned, "may be transferred by the caller", "isn't the caller's"),
        ),
        verdict(
            "T16",
            Reason::TransferInProgress,
            free,
            say(free, "isn't in transfer", "is in transfer already, and that can't be cancelled"),
        ),
        verdict("T1", inactive, active, say(active, "is active", INACTIVE)),
        verdict(
            "N1",
            Reason::NotAllowedByPartner,
            !barred,
            say(!barred, "isn't kept by its partner", "is to stay with the rep, says its partner"),
        ),
        verdict(
            "T16",
            Reason::TransferLimitReached,
            below,
            say(below, "has transfers left", &used_up(limit)),
        ),
    ]
}
