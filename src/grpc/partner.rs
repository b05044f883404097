//! PartnerService: what partners supply, are asked, and answer.

mod handoffs;
mod routings;
mod state;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::Api;
use super::later;
use crate::pb;
use crate::pb::partner_service_server::PartnerService;

/// The service.
pub struct Partners(pub Arc<Api>);

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
        request: Request<pb::GetHandoffRequest>,
    ) -> Result<Response<pb::GetHandoffResponse>, Status> {
        Ok(Response::new(handoffs::get(&self.0, request).await?))
    }

    async fn list_handoffs(
        &self,
        request: Request<pb::ListHandoffsRequest>,
    ) -> Result<Response<pb::ListHandoffsResponse>, Status> {
        Ok(Response::new(handoffs::list(&self.0, request).await?))
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
        request: Request<pb::GetRoutingRequestRequest>,
    ) -> Result<Response<pb::GetRoutingRequestResponse>, Status> {
        Ok(Response::new(routings::get(&self.0, request).await?))
    }

    async fn list_routing_requests(
        &self,
        request: Request<pb::ListRoutingRequestsRequest>,
    ) -> Result<Response<pb::ListRoutingRequestsResponse>, Status> {
        Ok(Response::new(routings::list(&self.0, request).await?))
    }

    async fn get_partner_state(
        &self,
        request: Request<pb::GetPartnerStateRequest>,
    ) -> Result<Response<pb::GetPartnerStateResponse>, Status> {
        Ok(Response::new(state::get(&self.0, request).await?))
    }
}
