//! The org of `site` with two partners, acme and zeta, and what they do: each routes a channel, acme has a queue and a contact,
//! and drives ana. Expects nothing.

use baton::pb;
use pb::route_session_request::Target;
use tonic::Status;

use super::site::{queue, routed_org};
use super::world::Caller;

/// The org: channels `ccaas` of acme's, brought in by the adapter `bridge`, and `other` of zeta's, brought in by `gate`;
/// acme's queue `vips`, and ana and ben, who take BYOC_FOR_CCAAS.
pub fn partner_org() -> pb::Directory {
    let mut directory = routed_org();
    let channel = |id: &str, partner: &str, adapter: &str| pb::Channel {
        id: id.into(),
        r#type: pb::ChannelType::ByocForCcaas.into(),
        routing_partner: partner.into(),
        adapters: vec![adapter.into()],
        ..Default::default()
    };
    directory.channels.push(channel("ccaas", "acme", "bridge"));
    directory.channels.push(channel("other", "zeta", "gate"));
    directory.partners = ["acme", "zeta"]
        .map(|id| pb::Partner { id: id.into(), name: id.to_uppercase(), ..Default::default() })
        .to_vec();
    directory.queues.push(pb::Queue {
        partner: "acme".into(),
        partner_queue: "q-7".into(),
        ..queue("vips", &[])
    });
    directory.presence_statuses[0].channel_types.push(pb::ChannelType::ByocForCcaas.into());
    directory.reps[0].partners =
        vec![pb::PartnerAlias { partner: "acme".into(), id: "a-1".into() }];
    directory
}

impl Caller {
    /// Supplies acme's contact `desk`, as acme or for it.
    pub async fn supply_desk(&mut self) -> i64 {
        let contact =
            pb::Contact { id: "desk".into(), name: "Front desk".into(), ..Default::default() };
        let request = pb::SyncContactsRequest {
            partner: "acme".into(),
            mode: pb::SyncMode::Incremental.into(),
            contacts: vec![contact],
            ..Default::default()
        };
        let synced = self.partners.sync_contacts(request).await.expect("it is right");
        synced.into_inner().revision
    }

    /// Opens a session of a channel without a target.
    pub async fn bring(&mut self, channel: &str, reference: &str) -> (pb::Session, i64) {
        let request = pb::OpenSessionRequest {
            channel: channel.into(),
            external_reference: reference.into(),
            ..Default::default()
        };
        let opened = self.sessions.open_session(request).await.expect("it may be opened");
        let opened = opened.into_inner();
        (opened.session.expect("a session"), opened.revision)
    }

    /// Claims a routing request.
    pub async fn claim(&mut self, request: &str) -> Result<pb::AcknowledgeRoutingResponse, Status> {
        let request = pb::AcknowledgeRoutingRequest {
            routing_request: request.into(),
            partner_reference: "w".into(),
            ..Default::default()
        };
        self.partners.acknowledge_routing(request).await.map(tonic::Response::into_inner)
    }

    /// Routes a session to a target.
    pub async fn route(
        &mut self,
        request: &str,
        target: Target,
    ) -> Result<pb::RouteSessionResponse, Status> {
        let request = pb::RouteSessionRequest {
            routing_request: request.into(),
            target: Some(target),
            partner_reference: "w".into(),
            ..Default::default()
        };
        self.partners.route_session(request).await.map(tonic::Response::into_inner)
    }

    /// Says that it can't be routed.
    pub async fn give_up(&mut self, request: &str) -> Result<pb::FailRoutingResponse, Status> {
        let request = pb::FailRoutingRequest {
            routing_request: request.into(),
            partner_reference: "w".into(),
            ..Default::default()
        };
        self.partners.fail_routing(request).await.map(tonic::Response::into_inner)
    }

    /// Completes a hand-off.
    pub async fn complete(&mut self, handoff: &str) -> Result<pb::CompleteHandoffResponse, Status> {
        let request = pb::CompleteHandoffRequest {
            handoff: handoff.into(),
            partner_reference: "w".into(),
            ..Default::default()
        };
        self.partners.complete_handoff(request).await.map(tonic::Response::into_inner)
    }

    /// Fails a hand-off: the contact is busy, and may be tried again after half a minute.
    pub async fn refuse(&mut self, handoff: &str) -> Result<pb::FailHandoffResponse, Status> {
        let request = pb::FailHandoffRequest {
            handoff: handoff.into(),
            reason: pb::HandoffFailure::Busy.into(),
            failure: "all lines are taken".into(),
            retryable: true,
            retry_after: super::site::seconds(30),
            partner_reference: "w".into(),
            ..Default::default()
        };
        self.partners.fail_handoff(request).await.map(tonic::Response::into_inner)
    }

    /// The routing requests that are open, as the caller sees them.
    pub async fn routings(&mut self) -> Vec<pb::RoutingRequest> {
        let request = pb::ListRoutingRequestsRequest { page_size: 500, ..Default::default() };
        let listed = self.partners.list_routing_requests(request).await.expect("a list");
        listed.into_inner().routing_requests
    }

    /// The hand-offs that are open, as the caller sees them.
    pub async fn handoffs(&mut self) -> Vec<pb::Handoff> {
        let request = pb::ListHandoffsRequest { page_size: 500, ..Default::default() };
        self.partners.list_handoffs(request).await.expect("a list").into_inner().handoffs
    }

    /// How acme does.
    pub async fn state_of_acme(&mut self) -> pb::PartnerState {
        let request = pb::GetPartnerStateRequest { partner: "acme".into(), ..Default::default() };
        let found = self.partners.get_partner_state(request).await.expect("it is there");
        found.into_inner().partner_state.expect("a state")
    }
}

/// Acme's contact as a recipient.
pub fn to_desk() -> pb::Recipient {
    let of = pb::ExternalContactRef { partner: "acme".into(), contact: "desk".into() };
    pb::Recipient { recipient: Some(pb::recipient::Recipient::ExternalContact(of)) }
}
