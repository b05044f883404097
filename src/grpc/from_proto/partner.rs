//! What partners answer, from the wire: to hand-offs (T23) and to routing requests (N6).

use std::collections::BTreeSet;

use super::directory::weight;
use super::fields::{Fields, limits};
use crate::domain::command::{Command, RouteAnswer, RouteTarget};
use crate::domain::live::{AskFailure, FailureReason, WorkRestrictions};
use crate::grpc::status::Problem;
use crate::pb;

/// A claim of a hand-off.
///
/// # Errors
/// INVALID_FIELD.
pub fn acknowledge_handoff(request: &pb::AcknowledgeHandoffRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let handoff = f.id("handoff", &request.handoff);
    let reference = reference(&mut f, &request.partner_reference);
    f.finish(|| Some(Command::AcknowledgeHandoff { handoff: handoff?, reference: reference? }))
}

/// Custody of a session.
///
/// # Errors
/// INVALID_FIELD.
pub fn complete_handoff(request: &pb::CompleteHandoffRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let handoff = f.id("handoff", &request.handoff);
    let reference = reference(&mut f, &request.partner_reference);
    f.finish(|| Some(Command::CompleteHandoff { handoff: handoff?, reference: reference? }))
}

/// A hand-off that came to nothing.
///
/// # Errors
/// INVALID_FIELD.
pub fn fail_handoff(request: &pb::FailHandoffRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let handoff = f.id("handoff", &request.handoff);
    let reference = reference(&mut f, &request.partner_reference);
    let reason = f.value("reason", request.reason, failure_reason);
    let text = f.text("failure", &request.failure, limits::FAILURE);
    let after = f.optional_span("retry_after", request.retry_after.as_ref(), limits::RETRY_AFTER);
    if request.retry_after.is_some() && !request.retryable {
        f.bad("retry_after", "can't go without retryable; set it, or leave this out");
    }
    f.finish(|| {
        let (reason, text, retry_after) = (reason?, text?, after?);
        let failure = AskFailure { reason, text, retryable: request.retryable, retry_after };
        Some(Command::FailHandoff { handoff: handoff?, failure, reference: reference? })
    })
}

/// A claim of a routing request.
///
/// # Errors
/// INVALID_FIELD.
pub fn acknowledge_routing(request: &pb::AcknowledgeRoutingRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let id = f.id("routing_request", &request.routing_request);
    let reference = reference(&mut f, &request.partner_reference);
    let lease = f.optional_span("lease", request.lease.as_ref(), limits::ROUTING_LEASE);
    f.finish(|| {
        let (request, reference, lease) = (id?, reference?, lease?);
        Some(Command::AcknowledgeRouting { request, reference, lease })
    })
}

/// Routing requests that still wait in the partner's line.
///
/// # Errors
/// INVALID_FIELD.
pub fn renew_routings(request: &pb::RenewRoutingsRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let partner = f.optional_id("partner", &request.partner);
    f.at_most("routing_requests", request.routing_requests.len(), limits::RENEWALS);
    if request.routing_requests.is_empty() {
        f.bad("routing_requests", "is empty; name at least one");
    }
    let mut seen = BTreeSet::new();
    for (i, id) in request.routing_requests.iter().enumerate() {
        if !seen.insert(id) {
            f.bad(format!("routing_requests[{i}]"), format!("is {id} again; give each once"));
        }
    }
    let requests = f.ids("routing_requests", &request.routing_requests);
    let reference = reference(&mut f, &request.partner_reference);
    let lease = f.optional_span("lease", request.lease.as_ref(), limits::ROUTING_LEASE);
    f.finish(|| {
        let (partner, reference, lease) = (partner?, reference?, lease?);
        Some(Command::RenewRoutings { partner, requests, reference, lease })
    })
}

/// Where a session goes.
///
/// # Errors
/// INVALID_FIELD.
pub fn route_session(request: &pb::RouteSessionRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let id = f.id("routing_request", &request.routing_request);
    let to = route_target(&mut f, request.target.as_ref());
    let reference = reference(&mut f, &request.partner_reference);
    let given = match request.weight {
        None => Some(None),
        Some(given) => weight(&mut f, "weight", given).map(Some),
    };
    let restrictions = request.restrictions.unwrap_or_default();
    let of_a_rep = [
        ("skip_capacity_check", request.skip_capacity_check),
        ("weight", request.weight.is_some()),
        ("restrictions", restrictions != pb::RepRestrictions::default()),
    ];
    if !matches!(to, Some(RouteTarget::Rep(_)) | None) {
        for (field, _) in of_a_rep.into_iter().filter(|(_, set)| *set) {
            f.bad(field, "is about a rep; leave it out, or name one");
        }
    }
    f.finish(|| {
        Some(Command::RouteSession(Box::new(RouteAnswer {
            request: id?,
            to: to?,
            skip_capacity_check: request.skip_capacity_check,
            weight: given?,
            restrictions: WorkRestrictions {
                decline: restrictions.no_decline,
                transfer: restrictions.no_transfer,
                end: restrictions.no_end,
            },
            reference: reference?,
        })))
    })
}

fn route_target(
    f: &mut Fields,
    given: Option<&pb::route_session_request::Target>,
) -> Option<RouteTarget> {
    use pb::route_session_request::Target as Wire;
    match given {
        Some(Wire::Rep(id)) => f.id("rep", id).map(RouteTarget::Rep),
        Some(Wire::Queue(id)) => f.id("queue", id).map(RouteTarget::Queue),
        Some(Wire::Flow(id)) => f.id("flow", id).map(RouteTarget::Flow),
        Some(Wire::Contact(id)) => f.id("contact", id).map(RouteTarget::Contact),
        None => {
            f.bad("target", "isn't given; name a rep, a queue, a flow or a contact");
            None
        }
    }
}

/// A session that the partner can't route.
///
/// # Errors
/// INVALID_FIELD.
pub fn fail_routing(request: &pb::FailRoutingRequest) -> Result<Command, Problem> {
    let mut f = Fields::new();
    f.request_id(&request.request_id);
    let id = f.id("routing_request", &request.routing_request);
    let reference = reference(&mut f, &request.partner_reference);
    let text = f.text("failure", &request.failure, limits::FAILURE);
    let reason = match request.reason {
        0 => Some(FailureReason::Error),
        given => f.value("reason", given, failure_reason),
    };
    f.finish(|| {
        let (request, reason, text) = (id?, reason?, text?);
        let failure = AskFailure { reason, text, retryable: true, retry_after: None };
        Some(Command::FailRouting { request, failure, reference: reference? })
    })
}

/// What a worker of the partner's calls itself (N9).
fn reference(f: &mut Fields, text: &str) -> Option<String> {
    f.text("partner_reference", text, limits::REFERENCE)
}

/// Why a partner fails; that time was up is Baton's to say.
const fn failure_reason(wire: pb::HandoffFailure) -> Option<FailureReason> {
    Some(match wire {
        pb::HandoffFailure::Unspecified | pb::HandoffFailure::Expired => return None,
        pb::HandoffFailure::Busy => FailureReason::Busy,
        pb::HandoffFailure::NoAnswer => FailureReason::NoAnswer,
        pb::HandoffFailure::Closed => FailureReason::Closed,
        pb::HandoffFailure::UnknownContact => FailureReason::UnknownContact,
        pb::HandoffFailure::Refused => FailureReason::Refused,
        pb::HandoffFailure::Overloaded => FailureReason::Overloaded,
        pb::HandoffFailure::Error => FailureReason::Error,
    })
}
