//! PartnerService: what partners supply, are asked, and answer.

mod answers;
mod asks;
mod contacts;
mod handoffs;
mod routings;
mod state;

use std::sync::Arc;

use tonic::{Request, Response, Status};

use super::api::Api;
use crate::pb;
use crate::pb::partner_service_server::PartnerService;

/// The service.
pub struct Partners(pub Arc<Api>);

#[tonic::async_trait]
impl PartnerService for Partners {
    async fn sync_contacts(
        &self,
        request: Request<pb::SyncContactsRequest>,
    ) -> Result<Response<pb::SyncContactsResponse>, Status> {
        Ok(Response::new(contacts::sync(&self.0, request).await?))
    }

    async fn report_availability(
        &self,
        request: Request<pb::ReportAvailabilityRequest>,
    ) -> Result<Response<pb::ReportAvailabilityResponse>, Status> {
        Ok(Response::new(contacts::report(&self.0, request).await?))
    }

    async fn acknowledge_handoff(
        &self,
        request: Request<pb::AcknowledgeHandoffRequest>,
    ) -> Result<Response<pb::AcknowledgeHandoffResponse>, Status> {
        Ok(Response::new(answers::acknowledge_handoff(&self.0, request).await?))
    }

    async fn complete_handoff(
        &self,
        request: Request<pb::CompleteHandoffRequest>,
    ) -> Result<Response<pb::CompleteHandoffResponse>, Status> {
        Ok(Response::new(answers::complete_handoff(&self.0, request).await?))
    }

    async fn fail_handoff(
        &self,
        request: Request<pb::FailHandoffRequest>,
    ) -> Result<Response<pb::FailHandoffResponse>, Status> {
        Ok(Response::new(answers::fail_handoff(&self.0, request).await?))
    }

    async fn route_session(
        &self,
        request: Request<pb::RouteSessionRequest>,
    ) -> Result<Response<pb::RouteSessionResponse>, Status> {
        Ok(Response::new(answers::route_session(&self.0, request).await?))
    }

    async fn fail_routing(
        &self,
        request: Request<pb::FailRoutingRequest>,
    ) -> Result<Response<pb::FailRoutingResponse>, Status> {
        Ok(Response::new(answers::fail_routing(&self.0, request).await?))
    }

    async fn get_contact(
        &self,
        request: Request<pb::GetContactRequest>,
    ) -> Result<Response<pb::GetContactResponse>, Status> {
        Ok(Response::new(contacts::get(&self.0, request).await?))
    }

    async fn list_contacts(
        &self,
        request: Request<pb::ListContactsRequest>,
    ) -> Result<Response<pb::ListContactsResponse>, Status> {
        Ok(Response::new(contacts::list(&self.0, request).await?))
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
        request: Request<pb::AcknowledgeRoutingRequest>,
    ) -> Result<Response<pb::AcknowledgeRoutingResponse>, Status> {
        Ok(Response::new(answers::acknowledge_routing(&self.0, request).await?))
    }

    async fn renew_routings(
        &self,
        request: Request<pb::RenewRoutingsRequest>,
    ) -> Result<Response<pb::RenewRoutingsResponse>, Status> {
        Ok(Response::new(answers::renew_routings(&self.0, request).await?))
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
