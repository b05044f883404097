//! PartnerService: not there yet, as a whole.

use tonic::{Request, Response, Status};

use super::later;
use crate::pb;
use crate::pb::partner_service_server::PartnerService;

/// The service.
pub struct Partners;

macro_rules! partner_service {
    ($($method:ident $request:ident $response:ident)*) => {
        #[tonic::async_trait]
        impl PartnerService for Partners {
            $(
                async fn $method(
                    &self,
                    _request: Request<pb::$request>,
                ) -> Result<Response<pb::$response>, Status> {
                    Err(later(concat!("PartnerService.", stringify!($method))))
                }
            )*
        }
    };
}

partner_service! {
    sync_contacts SyncContactsRequest SyncContactsResponse
    report_availability ReportAvailabilityRequest ReportAvailabilityResponse
    acknowledge_handoff AcknowledgeHandoffRequest AcknowledgeHandoffResponse
    complete_handoff CompleteHandoffRequest CompleteHandoffResponse
    fail_handoff FailHandoffRequest FailHandoffResponse
    route_session RouteSessionRequest RouteSessionResponse
    fail_routing FailRoutingRequest FailRoutingResponse
}
