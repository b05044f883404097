//! The requests that carry a request id, under which they may be repeated (T21). What is done with
//! it stands in `api`, what a good one is in `from_proto`.

use prost::Message;

use crate::pb;

/// A request with a request id.
pub trait WithRequestId: Message {
    /// Takes the request id out; empty: none is given. What stays is what is asked.
    fn take_request_id(&mut self) -> String;
}

// A macro, since all these requests have the same field. It writes no handler.
macro_rules! with_request_id {
    ($($request:ident),* $(,)?) => {$(
        impl WithRequestId for pb::$request {
            fn take_request_id(&mut self) -> String {
                std::mem::take(&mut self.request_id)
            }
        }
    )*};
}

with_request_id!(
    SyncContactsRequest,
    ReportAvailabilityRequest,
    ApplyDirectoryRequest,
    UpsertRepRequest,
    DeleteRepRequest,
    UpsertChannelRequest,
    DeleteChannelRequest,
    UpsertPresenceStatusRequest,
    DeletePresenceStatusRequest,
    UpsertPresenceConfigurationRequest,
    DeletePresenceConfigurationRequest,
    UpsertProfileRequest,
    DeleteProfileRequest,
    UpsertSkillRequest,
    DeleteSkillRequest,
    UpsertQueueRequest,
    DeleteQueueRequest,
    UpsertFlowRequest,
    DeleteFlowRequest,
    UpsertPartnerRequest,
    DeletePartnerRequest,
    UpdateOrgSettingsRequest,
    OpenPresenceRequest,
    OpenPresencesRequest,
    SetStatusRequest,
    SetStatusesRequest,
    ClosePresenceRequest,
    OpenSessionRequest,
    UpdateSessionRequest,
    PauseSessionRequest,
    ResumeSessionRequest,
    InactivateSessionRequest,
    EndSessionRequest,
    TransferSessionRequest,
    AcceptTransferRequest,
    AcceptWorkRequest,
    DeclineWorkRequest,
    CloseWorkRequest,
    ExtendWrapUpRequest,
    EndWrapUpRequest,
    ReturnSessionRequest,
    AcknowledgeHandoffRequest,
    CompleteHandoffRequest,
    FailHandoffRequest,
    AcknowledgeRoutingRequest,
    RenewRoutingsRequest,
    RouteSessionRequest,
    FailRoutingRequest,
);
