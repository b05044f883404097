//! Reading how a partner does (N7).

use tonic::Request;

use crate::domain::record_lookup::RecordLookup as _;
use crate::grpc::api::{Api, number};
use crate::grpc::status::Problem;
use crate::grpc::to_proto::ObjectContext;
use crate::grpc::{from_proto, scope, to_proto};
use crate::pb;

/// Says how a partner does.
///
/// # Errors
/// INVALID_FIELD, NOT_FOUND, or what the engine refuses with.
pub async fn get(
    api: &Api,
    request: Request<pb::GetPartnerStateRequest>,
) -> Result<pb::GetPartnerStateResponse, Problem> {
    let (caller, message) = api.admit("PartnerService/GetPartnerState", request)?;
    let (named, at_least) = from_proto::get_partner_state(&message)?;
    let id = scope::one_partner(&caller, named)?;
    let read = api.read(&caller, at_least, |view| {
        let partner = view.state.expect_partner(&id)?;
        let streams = api.streams.count(&caller.org, &id);
        Ok(pb::GetPartnerStateResponse {
            partner_state: Some(to_proto::partner_state(
                ObjectContext::of(view, caller.content()),
                &partner,
                streams,
            )),
            revision: number(view.state.head().revision),
        })
    });
    read.await
}
