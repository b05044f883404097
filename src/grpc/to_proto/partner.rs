//! What partners are asked, and how they do: hand-offs (T23), routing requests (N6), partners' states (N7); and returns from
//! external contacts (O6), which stand in a hand-off's chain beside the transfers (T25).

use super::directory::weight;
use super::{ObjectContext, actor, channel_type, contact_ref, level, recipient, span, time};
use crate::domain::directory::{Channel, Partner};
use crate::domain::entry::Revision;
use crate::domain::live::{
    AskFailure, FailureReason, Handoff, HandoffState, OpenAskKind, PartnerAsk, ReturnReason,
    RoutingCause, RoutingRequest, RoutingState, SessionEndReason, SessionReturn, Transfer,
    TransferState,
};
use crate::domain::load::weight_of;
use crate::domain::record::RecordKey;
use crate::domain::time::Timestamp;
use crate::grpc::api::number;
use crate::pb;

/// Links of a chain that are shown.
const LINKS: usize = 20;

/// A hand-off, last changed at `revision`.
#[must_use]
pub fn handoff(context: ObjectContext<'_>, h: &Handoff, revision: Revision) -> pb::Handoff {
    let failure = match &h.state {
        HandoffState::Failed(failure) => Some(failure.clone()),
        HandoffState::Expired => Some(AskFailure::expired()),
        _ => None,
    };
    let shown = pb::Handoff {
        id: h.id.to_string(),
        transfer: text(h.transfer.as_ref()),
        session: h.session.to_string(),
        channel: h.channel.to_string(),
        channel_type: type_of(context.records.channel(&h.channel).as_deref()).into(),
        external_reference: h.external_reference.to_string(),
        contact: Some(contact_ref(&h.contact)),
        contact_name: h.contact_name.clone(),
        asked_by: Some(actor(&h.asked_by)),
        from_rep: text(h.from_rep.as_ref()),
        note: context.text(&h.note),
        attributes: context.attributes(&h.attributes),
        state: handoff_state(&h.state).into(),
        asked_at: Some(time(h.asked_at)),
        deadline: Some(time(h.deadline)),
        acknowledged_at: h.acknowledged_at.map(time),
        ended_at: h.ended_at.map(time),
        partner_reference: h.claimed_by.clone().unwrap_or_default(),
        priority: h.priority,
        session_opened_at: Some(time(h.opened_at)),
        required_skills: h.required.iter().map(level).collect(),
        wished_skills: h.wished.iter().map(level).collect(),
        chain: chain(context, h),
        revision: number(revision),
        content_hidden: context.hides_content(),
        ..Default::default()
    };
    match failure {
        None => shown,
        Some(failure) => pb::Handoff {
            failure_reason: failure_reason(failure.reason).into(),
            retryable: failure.retryable,
            retry_after: failure.retry_after.map(span),
            failure: failure.text,
            ..shown
        },
    }
}

/// What the session went through before it was handed off, in the order of time.
fn chain(context: ObjectContext<'_>, h: &Handoff) -> Vec<pb::ChainLink> {
    let before = |t: &Transfer| match h.transfer {
        Some(own) => t.id < own,
        None => t.requested_at <= h.asked_at,
    };
    let transfers = context.state.transfers_of_session(h.session).filter(|t| before(t));
    let mut links: Vec<(Timestamp, pb::ChainLink)> =
        transfers.map(|t| (t.requested_at, transfer_link(t))).collect();
    if let Some(session) = context.records.session(&h.session) {
        let returns = session.returns.iter().filter(|back| back.at <= h.asked_at);
        links.extend(returns.map(|back| (back.at, return_link(back))));
    }
    links.sort_by_key(|(at, _)| *at);
    let older = links.len().saturating_sub(LINKS);
    links.into_iter().skip(older).map(|(_, link)| link).collect()
}

fn transfer_link(t: &Transfer) -> pb::ChainLink {
    let taken =
        matches!(t.state, TransferState::Completed { .. } | TransferState::HandedOver { .. });
    pb::ChainLink {
        from_rep: t.from_rep.to_string(),
        recipient: Some(recipient(&t.recipient)),
        requested_at: Some(time(t.requested_at)),
        completed: taken,
        returned: false,
    }
}

fn return_link(back: &SessionReturn) -> pb::ChainLink {
    pb::ChainLink {
        from_rep: String::new(),
        recipient: back.to.as_ref().map(recipient),
        requested_at: Some(time(back.at)),
        completed: true,
        returned: true,
    }
}

/// The state of a hand-off.
#[must_use]
pub const fn handoff_state(state: &HandoffState) -> pb::HandoffState {
    match state {
        HandoffState::Asked => pb::HandoffState::Asked,
        HandoffState::Acknowledged => pb::HandoffState::Acknowledged,
        HandoffState::Completed => pb::HandoffState::Completed,
        HandoffState::Failed(_) => pb::HandoffState::Failed,
        HandoffState::Expired => pb::HandoffState::Expired,
        HandoffState::SessionEnded => pb::HandoffState::SessionEnded,
    }
}

/// Why a partner's part came to nothing.
#[must_use]
pub const fn failure_reason(reason: FailureReason) -> pb::HandoffFailure {
    match reason {
        FailureReason::Busy => pb::HandoffFailure::Busy,
        FailureReason::NoAnswer => pb::HandoffFailure::NoAnswer,
        FailureReason::Closed => pb::HandoffFailure::Closed,
        FailureReason::UnknownContact => pb::HandoffFailure::UnknownContact,
        FailureReason::Refused => pb::HandoffFailure::Refused,
        FailureReason::Overloaded => pb::HandoffFailure::Overloaded,
        FailureReason::Error => pb::HandoffFailure::Error,
        FailureReason::Expired => pb::HandoffFailure::Expired,
    }
}

/// A routing request, last changed at `revision`.
#[must_use]
pub fn routing_request(
    context: ObjectContext<'_>,
    r: &RoutingRequest,
    revision: Revision,
) -> pb::RoutingRequest {
    let channel = context.records.channel(&r.channel);
    let queue = r.queue.as_ref().and_then(|id| context.records.queue(id));
    let weighs = channel.as_deref().map(|channel| weight_of(channel, queue.as_deref()));
    let alias = queue.as_deref().and_then(|queue| queue.partner.as_ref()?.own_id.as_ref());
    let (to, work) = match &r.state {
        RoutingState::Routed { to, work } => (Some(recipient(to)), work.as_ref()),
        _ => (None, None),
    };
    let failure = match &r.state {
        RoutingState::Failed(failure) => Some(failure.clone()),
        RoutingState::Expired => Some(AskFailure::expired()),
        _ => None,
    };
    let reason = failure.as_ref().map(|failure| failure_reason(failure.reason));
    pb::RoutingRequest {
        id: r.id.to_string(),
        partner: r.partner.to_string(),
        session: r.session.to_string(),
        channel: r.channel.to_string(),
        channel_type: type_of(channel.as_deref()).into(),
        external_reference: r.external_reference.to_string(),
        queue: text(r.queue.as_ref()),
        partner_queue: text(alias),
        transfer: text(r.transfer.as_ref()),
        priority: r.priority,
        attributes: context.attributes(&r.attributes),
        required_skills: r.required.iter().map(level).collect(),
        wished_skills: r.wished.iter().map(level).collect(),
        state: routing_state(&r.state).into(),
        asked_at: Some(time(r.asked_at)),
        deadline: Some(time(r.deadline)),
        acknowledged_at: r.acknowledged_at.map(time),
        ended_at: r.ended_at.map(time),
        routed_to: to,
        work: text(work),
        failure_reason: reason.unwrap_or_default().into(),
        failure: failure.map(|failure| failure.text).unwrap_or_default(),
        session_opened_at: Some(time(r.opened_at)),
        cause: routing_cause(r.cause).into(),
        attempt: r.attempt,
        tried_reps: r.tried.iter().map(ToString::to_string).collect(),
        asked_for: r.asked_for.as_ref().map(recipient),
        weight: weighs.map(weight),
        partner_reference: r.claimed_by.clone().unwrap_or_default(),
        note: context.text(&r.note),
        revision: number(revision),
        content_hidden: context.hides_content(),
    }
}

/// The state of a routing request.
#[must_use]
pub const fn routing_state(state: &RoutingState) -> pb::RoutingRequestState {
    match state {
        RoutingState::Asked => pb::RoutingRequestState::Asked,
        RoutingState::Acknowledged => pb::RoutingRequestState::Acknowledged,
        RoutingState::Routed { .. } => pb::RoutingRequestState::Routed,
        RoutingState::Failed(_) => pb::RoutingRequestState::Failed,
        RoutingState::Expired => pb::RoutingRequestState::Expired,
        RoutingState::Withdrawn => pb::RoutingRequestState::Withdrawn,
    }
}

const fn routing_cause(cause: RoutingCause) -> pb::RoutingCause {
    match cause {
        RoutingCause::New => pb::RoutingCause::New,
        RoutingCause::Transfer => pb::RoutingCause::Transfer,
        RoutingCause::Reopened => pb::RoutingCause::Reopened,
        RoutingCause::Declined => pb::RoutingCause::Declined,
        RoutingCause::TimedOut => pb::RoutingCause::TimedOut,
        RoutingCause::RepGone => pb::RoutingCause::RepGone,
    }
}

/// How a partner does, with so many streams of its open here.
#[must_use]
pub fn partner_state(context: ObjectContext<'_>, p: &Partner, streams: u32) -> pb::PartnerState {
    let (records, state) = (context.records, context.state);
    let health = records.partner_health(&p.id);
    let book = records.contact_book(&p.id);
    let changed = [
        RecordKey::Partner(p.id.clone()),
        RecordKey::PartnerHealth(p.id.clone()),
        RecordKey::ContactBook(p.id.clone()),
    ];
    let changed = changed.iter().map(|key| state.revision_of(key)).max();
    let expired = health.recent.iter().filter(|expired| **expired).count();
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    pb::PartnerState {
        partner: p.id.to_string(),
        name: p.name.clone(),
        away: health.away_since.is_some(),
        away_since: health.away_since.map(time),
        next_probe_at: health.next_probe().map(time),
        expired_in_a_row: health.expired_in_a_row,
        last_progress_at: health.last_progress.map(time),
        last_asked_at: health.last_asked.map(time),
        open_handoffs: state.open_asks(&p.id, OpenAskKind::Handoff),
        asked_routing_requests: state.open_asks(&p.id, OpenAskKind::Asked),
        acknowledged_routing_requests: state.open_asks(&p.id, OpenAskKind::Acknowledged),
        oldest_open_since: state.oldest_open_ask(&p.id).map(time),
        expired_of_recent: count(expired),
        recent: count(health.recent.len()),
        streams,
        contacts: book.as_ref().map_or(0, |book| book.contacts),
        contacts_generation: book
            .as_ref()
            .map_or(0, |book| i64::try_from(book.generation).unwrap_or(i64::MAX)),
        contacts_synced_at: book
            .as_ref()
            .and_then(|book| book.completed.as_ref()?.at.into())
            .map(time),
        revision: number(changed.unwrap_or_default()),
    }
}

/// A return from an external contact.
#[must_use]
pub fn session_return(context: ObjectContext<'_>, back: &SessionReturn) -> pb::SessionReturn {
    let reason = match back.reason {
        None => pb::SessionReturnReason::Unspecified,
        Some(ReturnReason::Done) => pb::SessionReturnReason::Done,
        Some(ReturnReason::WrongContact) => pb::SessionReturnReason::WrongContact,
        Some(ReturnReason::Closed) => pb::SessionReturnReason::Closed,
        Some(ReturnReason::CustomerAsked) => pb::SessionReturnReason::CustomerAsked,
        Some(ReturnReason::Error) => pb::SessionReturnReason::Error,
    };
    pb::SessionReturn {
        time: Some(time(back.at)),
        by: Some(actor(&back.by)),
        from: Some(contact_ref(&back.from)),
        target: back.to.as_ref().map(recipient),
        note: context.text(&back.note),
        reason: reason.into(),
        content_hidden: context.hides_content(),
    }
}

/// Why a channel ended a session.
#[must_use]
pub const fn session_end_reason(reason: Option<SessionEndReason>) -> pb::SessionEndReason {
    match reason {
        None => pb::SessionEndReason::Unspecified,
        Some(SessionEndReason::CustomerLeft) => pb::SessionEndReason::CustomerLeft,
        Some(SessionEndReason::Idle) => pb::SessionEndReason::Idle,
        Some(SessionEndReason::ConsentWithdrawn) => pb::SessionEndReason::ConsentWithdrawn,
        Some(SessionEndReason::System) => pb::SessionEndReason::System,
    }
}

/// The ids of a hand-off and of a routing request: of the one that it is.
pub(super) fn ask_ids(ask: Option<PartnerAsk>) -> (String, String) {
    match ask {
        None => (String::new(), String::new()),
        Some(PartnerAsk::Handoff(id)) => (id.to_string(), String::new()),
        Some(PartnerAsk::Routing(id)) => (String::new(), id.to_string()),
    }
}

/// Why a transfer failed at its partner, by what that was asked.
pub(super) const fn failed_end(
    asked: Option<PartnerAsk>,
    why: &AskFailure,
) -> pb::TransferEndReason {
    let expired = matches!(why.reason, FailureReason::Expired);
    match (asked, expired) {
        (Some(PartnerAsk::Routing(_)), true) => pb::TransferEndReason::RoutingExpired,
        (Some(PartnerAsk::Routing(_)), false) => pb::TransferEndReason::RoutingFailed,
        (_, true) => pb::TransferEndReason::HandoffExpired,
        (_, false) => pb::TransferEndReason::HandoffFailed,
    }
}

fn type_of(channel: Option<&Channel>) -> pb::ChannelType {
    channel.map(|channel| channel_type(channel.channel_type)).unwrap_or_default()
}

fn text(id: Option<&impl ToString>) -> String {
    id.map(ToString::to_string).unwrap_or_default()
}
