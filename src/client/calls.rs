//! The unary calls, one method each, all through `Client::call`.
//!
//! A change gets a request id unless the caller gave one, so that its retries happen once (T21); a read needs none.

use super::{Client, Failure, request_id};
use crate::pb;

/// Writes one method per call: `change` gives it a request id, `read` doesn't.
macro_rules! calls {
    ($($client:ident in $module:ident { $($kind:ident $name:ident($request:ident) -> $response:ident;)* })*) => {
        impl Client {
            $($(
                #[doc = concat!("Calls `", stringify!($name), "`, with retries.")]
                pub async fn $name(&self, message: pb::$request) -> Result<pb::$response, Failure> {
                    let message = calls!(@$kind message);
                    self.call(message, |channel, request| async move {
                        pb::$module::$client::new(channel).$name(request).await
                    })
                    .await
                }
            )*)*
        }
    };
    (@read $message:ident) => { $message };
    (@change $message:ident) => {{
        let mut message = $message;
        if message.request_id.is_empty() {
            message.request_id = request_id();
        }
        message
    }};
}

calls! {
    AuditServiceClient in audit_service_client {
        read list_audit_records(ListAuditRecordsRequest) -> ListAuditRecordsResponse;
    }
    DirectoryServiceClient in directory_service_client {
        change apply_directory(ApplyDirectoryRequest) -> ApplyDirectoryResponse;
        read get_directory(GetDirectoryRequest) -> GetDirectoryResponse;
        read get_rep(GetRepRequest) -> GetRepResponse;
        read list_reps(ListRepsRequest) -> ListRepsResponse;
        read list_skills(ListSkillsRequest) -> ListSkillsResponse;
        read get_queue(GetQueueRequest) -> GetQueueResponse;
        read list_queues(ListQueuesRequest) -> ListQueuesResponse;
        read get_flow(GetFlowRequest) -> GetFlowResponse;
        read list_flows(ListFlowsRequest) -> ListFlowsResponse;
        read get_partner(GetPartnerRequest) -> GetPartnerResponse;
        read list_partners(ListPartnersRequest) -> ListPartnersResponse;
        read test_flow(TestFlowRequest) -> TestFlowResponse;
    }
    IdentityServiceClient in identity_service_client {
        read who_am_i(WhoAmIRequest) -> WhoAmIResponse;
    }
    PartnerServiceClient in partner_service_client {
        change sync_contacts(SyncContactsRequest) -> SyncContactsResponse;
        change report_availability(ReportAvailabilityRequest) -> ReportAvailabilityResponse;
        read get_contact(GetContactRequest) -> GetContactResponse;
        read list_contacts(ListContactsRequest) -> ListContactsResponse;
        change acknowledge_handoff(AcknowledgeHandoffRequest) -> AcknowledgeHandoffResponse;
        change complete_handoff(CompleteHandoffRequest) -> CompleteHandoffResponse;
        change fail_handoff(FailHandoffRequest) -> FailHandoffResponse;
        read get_handoff(GetHandoffRequest) -> GetHandoffResponse;
        read list_handoffs(ListHandoffsRequest) -> ListHandoffsResponse;
        change acknowledge_routing(AcknowledgeRoutingRequest) -> AcknowledgeRoutingResponse;
        change renew_routings(RenewRoutingsRequest) -> RenewRoutingsResponse;
        change route_session(RouteSessionRequest) -> RouteSessionResponse;
        change fail_routing(FailRoutingRequest) -> FailRoutingResponse;
        read get_routing_request(GetRoutingRequestRequest) -> GetRoutingRequestResponse;
        read list_routing_requests(ListRoutingRequestsRequest) -> ListRoutingRequestsResponse;
        read get_partner_state(GetPartnerStateRequest) -> GetPartnerStateResponse;
    }
    PresenceServiceClient in presence_service_client {
        change open_presence(OpenPresenceRequest) -> OpenPresenceResponse;
        change open_presences(OpenPresencesRequest) -> OpenPresencesResponse;
        read keep_alive(KeepAliveRequest) -> KeepAliveResponse;
        change set_status(SetStatusRequest) -> SetStatusResponse;
        change set_statuses(SetStatusesRequest) -> SetStatusesResponse;
        change close_presence(ClosePresenceRequest) -> ClosePresenceResponse;
        read get_rep_presence(GetRepPresenceRequest) -> GetRepPresenceResponse;
        read list_rep_presences(ListRepPresencesRequest) -> ListRepPresencesResponse;
        read explain_capacity(ExplainCapacityRequest) -> ExplainCapacityResponse;
    }
    ServerServiceClient in server_service_client {
        read list_servers(ListServersRequest) -> ListServersResponse;
    }
    SessionServiceClient in session_service_client {
        change open_session(OpenSessionRequest) -> OpenSessionResponse;
        read get_session(GetSessionRequest) -> GetSessionResponse;
        read list_sessions(ListSessionsRequest) -> ListSessionsResponse;
        change update_session(UpdateSessionRequest) -> UpdateSessionResponse;
        change pause_session(PauseSessionRequest) -> PauseSessionResponse;
        change resume_session(ResumeSessionRequest) -> ResumeSessionResponse;
        change inactivate_session(InactivateSessionRequest) -> InactivateSessionResponse;
        change end_session(EndSessionRequest) -> EndSessionResponse;
        change return_session(ReturnSessionRequest) -> ReturnSessionResponse;
        read get_session_history(GetSessionHistoryRequest) -> GetSessionHistoryResponse;
    }
    TransferServiceClient in transfer_service_client {
        read list_recipients(ListRecipientsRequest) -> ListRecipientsResponse;
        read explain_recipient(ExplainRecipientRequest) -> ExplainRecipientResponse;
        read quote_transfer(QuoteTransferRequest) -> QuoteTransferResponse;
        change transfer_session(TransferSessionRequest) -> TransferSessionResponse;
        change accept_transfer(AcceptTransferRequest) -> AcceptTransferResponse;
        read get_transfer(GetTransferRequest) -> GetTransferResponse;
        read list_transfers(ListTransfersRequest) -> ListTransfersResponse;
    }
    WatchServiceClient in watch_service_client {
        read get_queue_state(GetQueueStateRequest) -> GetQueueStateResponse;
        read list_queue_states(ListQueueStatesRequest) -> ListQueueStatesResponse;
    }
    WorkServiceClient in work_service_client {
        change accept_work(AcceptWorkRequest) -> AcceptWorkResponse;
        change decline_work(DeclineWorkRequest) -> DeclineWorkResponse;
        change close_work(CloseWorkRequest) -> CloseWorkResponse;
        change extend_wrap_up(ExtendWrapUpRequest) -> ExtendWrapUpResponse;
        change end_wrap_up(EndWrapUpRequest) -> EndWrapUpResponse;
        read list_work(ListWorkRequest) -> ListWorkResponse;
    }
}
