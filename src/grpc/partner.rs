//! PartnerService: not there yet, as a whole.

use tonic::{Request, Response, Status};

use super::later;
use crate::pb;
use crate::pb::partner_service_server::PartnerService;

/// The service.
pub struct Partners;

#[tonic::async_trait]
impl PartnerService for Partners {
    async fn sync_contacts(
        &self,
        _request: Request<pb::SyncContactsRequest>,
    ) -> Result<Response<pb::SyncContactsResponse>, Status> {
        Err(later("PartnerService.sync_contacts"))
    }

    async fn report_availability(
        &self,
        _request: Request<pb::ReportAvailabilityRequest>,
    ) -> Result<Response<pb::ReportAvailabilityResponse>, Status> {
        Err(later("PartnerService.report_availability"))
    }

    async fn acknowledge_handoff(
        &self,
        _request: Request<pb::AcknowledgeHandoffRequest>,
    ) -> Result<Response<pb::AcknowledgeHandoffResponse>, Status> {
        Err(later("PartnerService.acknowledge_handoff"))
    }

    async fn complete_handoff(
        &self,
        _request: Request<pb::CompleteHandoffRequest>,
    ) -> Result<Response<pb::CompleteHandoffResponse>, Status> {
        Err(later("PartnerService.complete_handoff"))
    }

    async fn fail_handoff(
        &self,
        _request: Request<pb::FailHandoffRequest>,
    ) -> Result<Response<pb::FailHandoffResponse>, Status> {
        Err(later("PartnerService.fail_handoff"))
    }

    async fn route_session(
        &self,
        _request: Request<pb::RouteSessionRequest>,
    ) -> Result<Response<pb::RouteSessionResponse>, Status> {
        Err(later("PartnerService.route_session"))
    }

    async fn fail_routing(
        &self,
        _request: Request<pb::FailRoutingRequest>,
    ) -> Result<Response<pb::FailRoutingResponse>, Status> {
        Err(later("PartnerService.fail_routing"))
    }
}
