//! What partners answer: to hand-offs (T23) and to routing requests (N6). Reading them is in the files beside this one.

use prost_types::Timestamp;
use tonic::Request;

use crate::domain::entry::Answer;
use crate::domain::record::Record;
use crate::grpc::api::{Api, AskedCall, Mutation};
use crate::grpc::status::Problem;
use crate::grpc::{from_proto, to_proto};
use crate::pb;

const OTHER: Problem = Problem::Internal("the answer is of another kind");

fn handoff(done: &Mutation) -> Result<Option<pb::Handoff>, Problem> {
    match done.record()? {
        Record::Handoff(h) => Ok(Some(to_proto::handoff(done.context(), h, done.revision))),
        _ => Err(OTHER),
    }
}

fn routing_request(done: &Mutation) -> Result<Option<pb::RoutingRequest>, Problem> {
    match done.record()? {
        Record::RoutingRequest(r) => {
            Ok(Some(to_proto::routing_request(done.context(), r, done.revision)))
        }
        _ => Err(OTHER),
    }
}

/// Claims a hand-off.
///
/// # Errors
/// Whatever it is refused for.
pub async fn acknowledge_handoff(
    api: &Api,
    request: Request<pb::AcknowledgeHandoffRequest>,
) -> Result<pb::AcknowledgeHandoffResponse, Problem> {
    const RPC: &str = "PartnerService/AcknowledgeHandoff";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::acknowledge_handoff(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (handoff, revision) = (handoff(&done)?, done.number());
    Ok(pb::AcknowledgeHandoffResponse { handoff, revision })
}

/// Completes a hand-off.
///
/// # Errors
/// Whatever it is refused for.
pub async fn complete_handoff(
    api: &Api,
    request: Request<pb::CompleteHandoffRequest>,
) -> Result<pb::CompleteHandoffResponse, Problem> {
    const RPC: &str = "PartnerService/CompleteHandoff";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::complete_handoff(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (handoff, revision) = (handoff(&done)?, done.number());
    Ok(pb::CompleteHandoffResponse { handoff, revision })
}

/// Fails a hand-off.
///
/// # Errors
/// Whatever it is refused for.
pub async fn fail_handoff(
    api: &Api,
    request: Request<pb::FailHandoffRequest>,
) -> Result<pb::FailHandoffResponse, Problem> {
    const RPC: &str = "PartnerService/FailHandoff";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::fail_handoff(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (handoff, revision) = (handoff(&done)?, done.number());
    Ok(pb::FailHandoffResponse { handoff, revision })
}

/// Claims a routing request.
///
/// # Errors
/// Whatever it is refused for.
pub async fn acknowledge_routing(
    api: &Api,
    request: Request<pb::AcknowledgeRoutingRequest>,
) -> Result<pb::AcknowledgeRoutingResponse, Problem> {
    const RPC: &str = "PartnerService/AcknowledgeRouting";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::acknowledge_routing(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (routing_request, revision) = (routing_request(&done)?, done.number());
    Ok(pb::AcknowledgeRoutingResponse { routing_request, revision })
}

/// Renews leases.
///
/// # Errors
/// Whatever the call as a whole is refused for.
pub async fn renew_routings(
    api: &Api,
    request: Request<pb::RenewRoutingsRequest>,
) -> Result<pb::RenewRoutingsResponse, Problem> {
    const RPC: &str = "PartnerService/RenewRoutings";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::renew_routings(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let Answer::Renewed(renewals) = &done.answer else { return Err(OTHER) };
    let failures = renewals.failures.iter().map(|failure| pb::ItemFailure {
        list: "routing_requests".to_owned(),
        index: failure.index,
        id: failure.id.to_string(),
        reason: failure.reason.name().to_owned(),
        text: failure.text.clone(),
    });
    let lease_until: Option<Timestamp> = renewals.until.map(to_proto::time);
    Ok(pb::RenewRoutingsResponse {
        renewed: renewals.renewed,
        lease_until,
        failures: failures.collect(),
        revision: done.number(),
    })
}

/// Says where a session goes.
///
/// # Errors
/// Whatever it is refused for.
pub async fn route_session(
    api: &Api,
    request: Request<pb::RouteSessionRequest>,
) -> Result<pb::RouteSessionResponse, Problem> {
    const RPC: &str = "PartnerService/RouteSession";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::route_session(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (routing_request, revision) = (routing_request(&done)?, done.number());
    Ok(pb::RouteSessionResponse { routing_request, revision })
}

/// Says that the partner can't route.
///
/// # Errors
/// Whatever it is refused for.
pub async fn fail_routing(
    api: &Api,
    request: Request<pb::FailRoutingRequest>,
) -> Result<pb::FailRoutingResponse, Problem> {
    const RPC: &str = "PartnerService/FailRouting";
    let (caller, message) = api.admit(RPC, request)?;
    let command = from_proto::fail_routing(&message)?;
    let done = api.mutate(&caller, AskedCall::of(RPC, message), command).await?;
    let (routing_request, revision) = (routing_request(&done)?, done.number());
    Ok(pb::FailRoutingResponse { routing_request, revision })
}
