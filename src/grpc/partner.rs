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

    async fn get_contact(
        &self,
        _request: Request<pb::GetContactRequest>,
    ) -> Result<Response<pb::GetContactResponse>, Status> {
        Err(later("PartnerService.get_contact"))
    }

    async fn list_contacts(
        &self,
        _request: Request<pb::ListContactsRequest>,
    ) -> Result<Response<pb::ListContactsResponse>, Status> {
        Err(later("PartnerService.list_contacts"))
    }

    async fn get_handoff(
        &self,
        _request: Request<pb::GetHandoffRequest>,
    ) -> Result<Response<pb::GetHandoffResponse>, Status> {
        Err(later("PartnerService.get_handoff"))
    }

    async fn list_handoffs(
        &self,
        _request: Request<pb::ListHandoffsRequest>,
    ) -> Result<Response<pb::ListHandoffsResponse>, Status> {
        Err(later("PartnerService.list_handoffs"))
    }

    async fn acknowledge_routing(
        &self,
        _request: Request<pb::AcknowledgeRoutingRequest>,
    ) -> Result<Response<pb::AcknowledgeRoutingResponse>, Status> {
        Err(later("PartnerService.acknowledge_routing"))
    }

    async fn renew_routings(
        &self,
        _request: Request<pb::RenewRoutingsRequest>,
    ) -> Result<Response<pb::RenewRoutingsResponse>, Status> {
        Err(later("PartnerService.renew_routings"))
    }

    async fn get_routing_request(
        &self,
        _request: Request<pb::GetRoutingRequestRequest>,
    ) -> Result<Response<pb::GetRoutingRequestResponse>, Status> {
        Err(later("PartnerService.get_routing_request"))
    }

    async fn list_routing_requests(
        &self,
        _request: Request<pb::ListRoutingRequestsRequest>,
    ) -> Result<Response<pb::ListRoutingRequestsResponse>, Status> {
        Err(later("PartnerService.list_routing_requests"))
    }

    async fn get_partner_state(
        &self,
        _request: Request<pb::GetPartnerStateRequest>,
    ) -> Result<Response<pb::GetPartnerStateResponse>, Status> {
        Err(later("PartnerService.get_partner_state"))
    }
}
