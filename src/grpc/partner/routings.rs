//! Reading routing requests (N6). Answering them is another file's.

use std::sync::Arc;

use tonic::Request;

use super::asks::narrowed;
use crate::domain::id::RoutingRequestId;
use crate::domain::live::{PartnerAsk, RoutingRequest};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::rejection::Rejection;
use crate::domain::scope::may_see_ask;
use crate::engine::View;
use crate::grpc::api::{Api, number};
use crate::grpc::caller::Caller;
use crate::grpc::from_proto::AskFilter;
use crate::grpc::status::Problem;
use crate::grpc::to_proto::ObjectContext;
use crate::grpc::{from_proto, scope, to_proto};
use crate::pb;

fn shown(view: &View, caller: &Caller, r: &RoutingRequest) -> pb::RoutingRequest {
    let changed = view.state.revision_of(&RecordKey::RoutingRequest(r.id));
    to_proto::routing_request(ObjectContext::of(view, caller.content()), r, changed)
}

/// Reads a routing request.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, or what the engine refuses with.
pub async fn get(
    api: &Api,
    request: Request<pb::GetRoutingRequestRequest>,
) -> Result<pb::GetRoutingRequestResponse, Problem> {
    let (caller, message) = api.admit("PartnerService/GetRoutingRequest", request)?;
    let (id, at_least) = from_proto::get::<RoutingRequestId>(
        "routing_request",
        &message.routing_request,
        message.at_least_revision,
    )?;
    let read = api.read(&caller, at_least, |view| {
        let found = view.state.routing_request(&id);
        let own = found.filter(|r| may_see_ask(&view.state, &caller, (&r.partner, r.session)));
        let asked = own.ok_or_else(|| Rejection::not_found("routing_request", id))?;
        Ok(pb::GetRoutingRequestResponse {
            routing_request: Some(shown(view, &caller, &asked)),
            revision: number(view.state.head().revision),
        })
    });
    read.await
}

/// Lists routing requests in the order asked.
///
/// # Errors
/// INVALID_FIELD, INVALID_TOKEN, NOT_FOUND, or what the engine refuses with.
pub async fn list(
    api: &Api,
    request: Request<pb::ListRoutingRequestsRequest>,
) -> Result<pb::ListRoutingRequestsResponse, Problem> {
    const RPC: &str = "PartnerService/ListRoutingRequests";
    let (caller, message) = api.admit(RPC, request)?;
    let mut filter = from_proto::list_routing_requests(&message)?;
    filter.partner = scope::partner(&caller, filter.partner.take())?;
    let window = api.window(&caller, RPC, message)?;
    let read = api.read(&caller, window.at_least, |view| {
        let from =
            window.after().and_then(|after| after.parse().ok()).unwrap_or(RoutingRequestId::MIN);
        let all = candidates(view, &filter, from).filter(|r| is_listed(r, &filter));
        let all = all.filter(|r| may_see_ask(&view.state, &caller, (&r.partner, r.session)));
        let page = api.page(&caller, &window, view, all, |r| r.id.to_string());
        Ok(pb::ListRoutingRequestsResponse {
            routing_requests: page.items.iter().map(|r| shown(view, &caller, r)).collect(),
            next_page_token: page.next,
            revision: number(view.state.head().revision),
        })
    });
    read.await
}

fn is_listed(r: &RoutingRequest, filter: &AskFilter<pb::RoutingRequestState>) -> bool {
    filter.states.contains(&to_proto::routing_state(&r.state))
        && filter.partner.as_ref().is_none_or(|partner| r.partner == *partner)
        && filter.session.is_none_or(|session| r.session == session)
}

/// The routing requests that may match, by the narrowest index there is, in order of their ids, from one on.
fn candidates<'v>(
    view: &'v View,
    filter: &AskFilter<pb::RoutingRequestState>,
    from: RoutingRequestId,
) -> Box<dyn Iterator<Item = Arc<RoutingRequest>> + 'v> {
    use pb::RoutingRequestState::{Acknowledged, Asked};
    let open_only = filter.states.iter().all(|state| matches!(state, Asked | Acknowledged));
    let id_of = |ask| match ask {
        PartnerAsk::Routing(id) => Some(id),
        PartnerAsk::Handoff(_) => None,
    };
    match narrowed(view, filter, open_only, (from, id_of)) {
        Some(ids) => Box::new(ids.into_iter().filter_map(|id| view.state.routing_request(&id))),
        None => {
            let records = view.state.range(RecordKey::RoutingRequest(from)..);
            Box::new(records.map_while(|record| match record {
                Record::RoutingRequest(asked) => Some(Arc::clone(asked)),
                _ => None,
            }))
        }
    }
}
