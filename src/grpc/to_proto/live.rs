//! Sessions, work and transfers.

use super::partner::{ask_ids, failed_end, failure_reason, session_end_reason, session_return};
use super::{ObjectContext, actor, centi, channel_type, flow_trace, level, role, span, time};
use crate::domain::entry::{FactKind, Revision};
use crate::domain::id::{SkillId, WorkId};
use crate::domain::live::{
    Absence, Actor, ContactRef, EndedBy, Line, Recipient, Role, Session, SessionState, SkillWish,
    Transfer, TransferState, Work, WorkEnd, WorkState,
};
use crate::domain::wait::standpoint;
use crate::grpc::api::number;
use crate::pb;

/// A session, last changed at `revision`.
#[must_use]
pub fn session(context: ObjectContext<'_>, s: &Session, revision: Revision) -> pb::Session {
    let transfer = s.transfer.and_then(|id| context.records.transfer(&id));
    let channel = context.records.channel(&s.channel).map(|c| channel_type(c.channel_type));
    let (handoff, routing_request) = ask_ids(s.open_ask());
    let (ended_at, ended_by) = end_of(&s.state).unzip();
    let mut shown = pb::Session {
        id: s.id.to_string(),
        channel: s.channel.to_string(),
        channel_type: channel.unwrap_or_default().into(),
        external_reference: s.external_reference.to_string(),
        state: session_state(&s.state).into(),
        owner: s.owner().map(|(rep, _)| rep.to_string()).unwrap_or_default(),
        work: s.owner().map(|(_, work)| work.to_string()).unwrap_or_default(),
        offer: offered_work(s, transfer.as_deref()).and_then(|work| offer(context, work)),
        priority: s.priority,
        attributes: context.attributes(&s.attributes),
        transfer: s.transfer.map(|id| id.to_string()).unwrap_or_default(),
        transfers: s.transfers,
        required_skills: s.required.iter().map(level).collect(),
        additional_skills: s.wished.iter().map(|wish| wished(s, wish)).collect(),
        opened_at: Some(time(s.opened_at)),
        age_since: Some(time(s.opened_at)),
        ended_at,
        ended_by,
        stranded: s.state.is_stranded(),
        flow_trace: s.trace.as_deref().map(|trace| flow_trace(trace, context.content)),
        revision: number(revision),
        previous_session: s.previous.map(|id| id.to_string()).unwrap_or_default(),
        handoff,
        routing_request,
        end_reason: session_end_reason(s.end_reason).into(),
        returns: s.returns.iter().map(|back| session_return(context, back)).collect(),
        content_hidden: context.hides_content(),
        ..Default::default()
    };
    if let SessionState::External { contact, .. } = &s.state {
        shown.external_contact = Some(contact_ref(contact));
    }
    let offered = matches!(s.state, SessionState::Offered { .. });
    if matches!(s.state, SessionState::Waiting { .. }) || offered {
        shown.waiting_line = Some(waiting_line(&s.line));
    } else if let Some(transfer) = &transfer {
        shown.waiting_line = Some(waiting_line(&transfer.line));
    }
    if matches!(s.state, SessionState::Waiting { .. }) || offered && s.line.queue().is_some() {
        shown.waiting_since = Some(time(s.line_since));
    }
    if matches!(s.state, SessionState::Waiting { .. }) {
        let stands = standpoint(context.state, s, context.now);
        shown.estimate = Some(pb::WaitingEstimate {
            position: stands.position,
            estimated_wait: stands.wait.map(span),
        });
    }
    shown
}

/// When a session ended, and by whom.
fn end_of(state: &SessionState) -> Option<(prost_types::Timestamp, pb::Actor)> {
    match state {
        SessionState::Ended { at, by, actor, .. } => {
            Some((time(*at), ended_by(*by, actor.as_ref())))
        }
        _ => None,
    }
}

fn waiting_line(line: &Line) -> pb::WaitingLine {
    let line = match line {
        Line::Rep(rep) => pb::waiting_line::Line::Rep(rep.to_string()),
        Line::Queue(queue) => pb::waiting_line::Line::Queue(queue.to_string()),
        Line::Partner(partner) => pb::waiting_line::Line::Partner(partner.to_string()),
    };
    pb::WaitingLine { line: Some(line) }
}

fn wished(s: &Session, (skill, wish): (&SkillId, &SkillWish)) -> pb::AdditionalSkill {
    pb::AdditionalSkill {
        skill: Some(level((skill, &wish.level))),
        timeout: Some(span(wish.until.since(s.line_since))),
    }
}

/// A recipient.
#[must_use]
pub fn recipient(to: &Recipient) -> pb::Recipient {
    use pb::recipient::Recipient as Wire;
    pb::Recipient {
        recipient: Some(match to {
            Recipient::Rep(id) => Wire::Rep(id.to_string()),
            Recipient::Queue(id) => Wire::Queue(id.to_string()),
            Recipient::Flow(id) => Wire::Flow(id.to_string()),
            Recipient::Contact(of) => Wire::ExternalContact(contact_ref(of)),
        }),
    }
}

/// An external contact's name.
#[must_use]
pub fn contact_ref(of: &ContactRef) -> pb::ExternalContactRef {
    pb::ExternalContactRef { partner: of.partner.to_string(), contact: of.contact.to_string() }
}

/// The state of a session.
#[must_use]
pub const fn session_state(state: &SessionState) -> pb::SessionState {
    match state {
        SessionState::Waiting { .. } => pb::SessionState::Waiting,
        SessionState::Offered { .. } => pb::SessionState::Offered,
        SessionState::Active { .. } => pb::SessionState::Active,
        SessionState::Paused { .. } => pb::SessionState::Paused,
        SessionState::Inactive { .. } => pb::SessionState::Inactive,
        SessionState::Ended { .. } => pb::SessionState::Ended,
        SessionState::External { .. } => pb::SessionState::External,
    }
}

/// The work through which somebody is being asked to take a session.
#[must_use]
pub fn offered_work(s: &Session, transfer: Option<&Transfer>) -> Option<WorkId> {
    match (&s.state, transfer.map(|t| &t.state)) {
        (_, Some(TransferState::Offered { work, .. }))
        | (SessionState::Offered { work, .. }, _)
        | (SessionState::Waiting { offer: Some(work), .. }, _) => Some(*work),
        _ => None,
    }
}

fn offer(context: ObjectContext<'_>, work: WorkId) -> Option<pb::Offer> {
    let work = context.records.work(&work)?;
    Some(pb::Offer {
        work: work.id.to_string(),
        rep: work.rep.to_string(),
        transfer: work.transfer.map(|id| id.to_string()).unwrap_or_default(),
        expires_at: work.offer_until.map(time),
    })
}

pub(super) fn ended_by(by: EndedBy, actor: Option<&Actor>) -> pb::Actor {
    if let Some(actor) = actor {
        return super::actor(actor);
    }
    let who = match by {
        EndedBy::Channel => Role::Adapter,
        EndedBy::Owner => Role::Rep,
        EndedBy::Supervisor => Role::Supervisor,
    };
    pb::Actor { role: role(who).into(), id: String::new() }
}

/// A piece of work, last changed at `revision`.
#[must_use]
pub fn work(context: ObjectContext<'_>, w: &Work, revision: Revision) -> pb::Work {
    let channel = context.records.session(&w.session).map(|s| s.channel.clone());
    let after = channel.as_ref().and_then(|id| context.records.channel(id)?.wrap_up);
    let wrapping_up = match w.state {
        WorkState::WrappingUp { until, extended } => Some((until, extended)),
        _ => None,
    };
    let (ended_at, why) = match w.state {
        WorkState::Ended { at, why } => (Some(time(at)), work_end(why)),
        _ => (None, pb::WorkEndReason::Unspecified),
    };
    pb::Work {
        id: w.id.to_string(),
        session: w.session.to_string(),
        rep: w.rep.to_string(),
        channel: channel.map(|id| id.to_string()).unwrap_or_default(),
        state: work_state(w.state).into(),
        weight_centi_units: centi(w.weight),
        holds_centi_units: centi(w.holds),
        holds_since: Some(time(w.holds_since)),
        tab_open: w.tab_open,
        transfer: w.transfer.map(|id| id.to_string()).unwrap_or_default(),
        queue: w.queue.as_ref().map(ToString::to_string).unwrap_or_default(),
        declinable: is_declinable(context, w),
        offered_at: Some(time(w.offered_at)),
        offer_expires_at: w.offer_until.filter(|_| w.state == WorkState::Offered).map(time),
        accepted_at: w.accepted_at.map(time),
        wrap_up_until: wrapping_up.map(|(until, _)| time(until)),
        wrap_up_extensions_left: match (wrapping_up, after) {
            (Some((_, extended)), Some(after)) => after.max_extensions.saturating_sub(extended),
            _ => 0,
        },
        interruptible: w.interruptible,
        capacity_check_skipped: w.check_skipped,
        ended_at,
        end_reason: why.into(),
        revision: number(revision),
        routing_request: w.routed_by.map(|id| id.to_string()).unwrap_or_default(),
        transfer_barred: w.restrictions.transfer,
        end_barred: w.restrictions.end,
    }
}

fn is_declinable(context: ObjectContext<'_>, w: &Work) -> bool {
    w.state == WorkState::Offered
        && w.transfer.is_none()
        && !w.restrictions.decline
        && context
            .records
            .rep(&w.rep)
            .and_then(|rep| context.records.configuration_of(&rep))
            .is_some_and(|configuration| configuration.allow_decline)
}

/// The state of a piece of work.
#[must_use]
pub const fn work_state(state: WorkState) -> pb::WorkState {
    match state {
        WorkState::Offered => pb::WorkState::Offered,
        WorkState::Open => pb::WorkState::Open,
        WorkState::Paused => pb::WorkState::Paused,
        WorkState::WrappingUp { .. } => pb::WorkState::WrappingUp,
        WorkState::Ended { .. } => pb::WorkState::Ended,
    }
}

const fn work_end(why: WorkEnd) -> pb::WorkEndReason {
    match why {
        WorkEnd::Transferred => pb::WorkEndReason::Transferred,
        WorkEnd::SessionEnded => pb::WorkEndReason::SessionEnded,
        WorkEnd::Withdrawn => pb::WorkEndReason::Withdrawn,
        WorkEnd::Declined => pb::WorkEndReason::Declined,
        WorkEnd::PushTimeout => pb::WorkEndReason::PushTimeout,
        WorkEnd::Completed => pb::WorkEndReason::Completed,
        WorkEnd::Rerouted => pb::WorkEndReason::Rerouted,
        WorkEnd::SignedOut => pb::WorkEndReason::SignedOut,
        WorkEnd::Orphaned => pb::WorkEndReason::Orphaned,
    }
}

/// A transfer, last changed at `revision`.
#[must_use]
pub fn transfer(context: ObjectContext<'_>, t: &Transfer, revision: Revision) -> pb::Transfer {
    let session = context.records.session(&t.session);
    let waits = matches!(t.state, TransferState::Waiting { .. });
    let (handoff, routing_request) = ask_ids(t.asked);
    let mut shown = pb::Transfer {
        id: t.id.to_string(),
        session: t.session.to_string(),
        channel: session.as_ref().map(|s| s.channel.to_string()).unwrap_or_default(),
        asked_by: Some(actor(&t.asked_by)),
        from_rep: t.from_rep.to_string(),
        recipient: Some(recipient(&t.recipient)),
        queue: t.line.queue().map(ToString::to_string).unwrap_or_default(),
        note: context.text(&t.note),
        state: transfer_state(&t.state).into(),
        requested_at: Some(time(t.requested_at)),
        offered_at: t.offered_at.map(time),
        original_rep_removed_at: t.original_removed_at.map(time),
        stranded: waits && session.as_ref().is_some_and(|s| s.state.is_stranded()),
        flow_trace: t.trace.as_deref().map(|trace| flow_trace(trace, context.content)),
        session_opened_at: session.as_ref().map(|s| time(s.opened_at)),
        waiting_line: (!t.is_final()).then(|| waiting_line(&t.line)),
        handoff,
        routing_request,
        revision: number(revision),
        content_hidden: context.hides_content(),
        ..Default::default()
    };
    show_state(context, t, session.as_deref(), &mut shown);
    shown
}

/// What a transfer shows of the state that it is in.
fn show_state(
    context: ObjectContext<'_>,
    t: &Transfer,
    session: Option<&Session>,
    shown: &mut pb::Transfer,
) {
    match &t.state {
        TransferState::Offered { rep, work } => {
            shown.rep = rep.to_string();
            shown.work = work.to_string();
        }
        TransferState::Waiting { since } => {
            shown.waiting_since = Some(time(*since));
            if let Some(SessionState::Waiting {
                absence: Some(Absence::Until(until, since)), ..
            }) = session.map(|session| &session.state)
            {
                let limit = context.records.settings().direct_wait_limit;
                let since = since.unwrap_or(*until - limit);
                shown.rep_absent_since = Some(time(since));
            }
        }
        TransferState::Completed { rep, at } => {
            let mut work = context.state.work_of_session(t.session);
            let brought =
                work.find(|w| w.transfer == Some(t.id) && w.rep == *rep && w.accepted_at.is_some());
            shown.rep = rep.to_string();
            shown.work = brought.map(|w| w.id.to_string()).unwrap_or_default();
            shown.accepted_at = Some(time(*at));
            shown.ended_at = Some(time(*at));
            shown.end_reason = pb::TransferEndReason::Accepted.into();
        }
        TransferState::SessionEnded { at } => {
            shown.ended_at = Some(time(*at));
            shown.end_reason = pb::TransferEndReason::SessionEnded.into();
        }
        TransferState::HandedOver { at, .. } => {
            shown.accepted_at = Some(time(*at));
            shown.ended_at = Some(time(*at));
            shown.end_reason = pb::TransferEndReason::HandoffCompleted.into();
        }
        TransferState::Failed { at, failure } => {
            shown.ended_at = Some(time(*at));
            shown.end_reason = failed_end(t.asked, failure).into();
            shown.end_detail.clone_from(&failure.text);
            shown.failure_reason = failure_reason(failure.reason).into();
            shown.retryable = failure.retryable;
            shown.retry_after = failure.retry_after.map(span);
        }
        TransferState::Asked(_) => {}
    }
}

/// The state of a transfer.
#[must_use]
pub const fn transfer_state(state: &TransferState) -> pb::TransferState {
    match state {
        TransferState::Offered { .. } | TransferState::Asked(_) => pb::TransferState::Offered,
        TransferState::Waiting { .. } => pb::TransferState::Waiting,
        TransferState::Completed { .. } | TransferState::HandedOver { .. } => {
            pb::TransferState::Completed
        }
        TransferState::Failed { .. } => pb::TransferState::Failed,
        TransferState::SessionEnded { .. } => pb::TransferState::SessionEnded,
    }
}

/// The name of a fact.
#[must_use]
pub const fn fact(kind: FactKind) -> &'static str {
    match kind {
        FactKind::DirectoryChanged => "directory_changed",
        FactKind::SessionOpened => "session_opened",
        FactKind::SessionWaiting => "session_waiting",
        FactKind::SessionOffered => "session_offered",
        FactKind::SessionAccepted => "session_accepted",
        FactKind::SessionUpdated => "session_updated",
        FactKind::SessionPaused => "session_paused",
        FactKind::SessionResumed => "session_resumed",
        FactKind::SessionInactivated => "session_inactivated",
        FactKind::SessionEnded => "session_ended",
        FactKind::SessionForgotten => "session_forgotten",
        FactKind::TransferRequested => "transfer_requested",
        FactKind::TransferOffered => "transfer_offered",
        FactKind::TransferWaiting => "transfer_waiting",
        FactKind::TransferCompleted => "transfer_completed",
        FactKind::TransferSessionEnded => "transfer_session_ended",
        FactKind::TransferStranded => "transfer_stranded",
        FactKind::RepRemoved => "rep_removed",
        FactKind::OfferWithdrawn => "offer_withdrawn",
        FactKind::WorkDeclined => "work_declined",
        FactKind::TabClosed => "tab_closed",
        FactKind::PresenceOpened => "presence_opened",
        FactKind::StatusChanged => "status_changed",
        FactKind::PresenceDisconnected => "presence_disconnected",
        FactKind::PresenceReconnected => "presence_reconnected",
        FactKind::PresenceClosed => "presence_closed",
        FactKind::SkillsDropped => "skills_dropped",
        FactKind::TransferRerouted => "transfer_rerouted",
        FactKind::OfferTimedOut => "offer_timed_out",
        FactKind::StopPlanned => "stop_planned",
        FactKind::SessionOrphaned => "session_orphaned",
        FactKind::SessionRerouted => "session_rerouted",
        FactKind::SessionStranded => "session_stranded",
        FactKind::SessionAssigned => "session_assigned",
        FactKind::WrapUpStarted => "wrap_up_started",
        FactKind::WrapUpExtended => "wrap_up_extended",
        FactKind::WrapUpEnded => "wrap_up_ended",
        FactKind::Other(_) => "unknown",
        other => partner_fact(other),
    }
}

const fn partner_fact(kind: FactKind) -> &'static str {
    match kind {
        FactKind::HandoffAsked => "handoff_asked",
        FactKind::HandoffAcknowledged => "handoff_acknowledged",
        FactKind::HandoffCompleted => "handoff_completed",
        FactKind::HandoffFailed => "handoff_failed",
        FactKind::HandoffExpired => "handoff_expired",
        FactKind::HandoffSessionEnded => "handoff_session_ended",
        FactKind::RoutingAsked => "routing_asked",
        FactKind::RoutingAcknowledged => "routing_acknowledged",
        FactKind::RoutingRenewed => "routing_renewed",
        FactKind::RoutingRouted => "routing_routed",
        FactKind::RoutingFailed => "routing_failed",
        FactKind::RoutingExpired => "routing_expired",
        FactKind::RoutingWithdrawn => "routing_withdrawn",
        FactKind::TransferFailed => "transfer_failed",
        FactKind::SessionReturned => "session_returned",
        FactKind::PartnerAway => "partner_away",
        FactKind::PartnerBack => "partner_back",
        FactKind::ContactsSynced => "contacts_synced",
        FactKind::AvailabilityReported => "availability_reported",
        _ => "unknown",
    }
}
