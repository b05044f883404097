//! Calls that are good where `place` stands as it begins, and two of each method, one that asks for nothing and one that isn't
//! a message, as the bytes that are read in `request`.

use baton::pb;
use prost_reflect::prost::Message;

use super::{CALLS, METHODS, raw};

const ADMIN: u8 = 0;
const ANA: u8 = 1;
const BEN: u8 = 2;
const CLEO: u8 = 3;
const PARTNER: u8 = 6;

// What `place` gets to know after its words, in this order.
const PRESENCE: &str = "$30";
const HAD: &str = "$32";
const HANDED_ON: &str = "$33";
const WORK: &str = "$35";
const TRANSFER: &str = "$36";
const ROUTING: &str = "$39";

/// A call: which method, by whom, with what.
fn call(name: &str, caller: u8, message: &impl Message) -> Vec<u8> {
    let method = METHODS.iter().position(|method| raw::name_of(method) == name);
    let method = u8::try_from(method.expect("there is such a method")).expect("so few");
    let message = message.encode_to_vec();
    let length = u16::try_from(message.len()).expect("it is short").to_be_bytes();
    [&[method, caller, 0], &length[..], &message].concat()
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn to_rep(rep: &str) -> Option<pb::Recipient> {
    Some(super::world::to_rep(rep))
}

/// Pieces of bytes, each for some calls.
pub fn samples() -> Vec<Vec<u8>> {
    let mut samples =
        vec![about_transfers(), about_presence(), of_a_partner(), of_an_admin(), watching()];
    let each = |message: &[u8]| {
        let call = |method| [&[method, ADMIN, 0, 0, message.len() as u8], message].concat();
        let methods: Vec<u8> = (0..=u8::MAX).take(METHODS.len()).collect();
        let some = |methods: &[u8]| methods.iter().flat_map(|method| call(*method)).collect();
        methods.chunks(CALLS).map(some).collect::<Vec<Vec<u8>>>()
    };
    samples.extend(each(&[]));
    samples.extend(each(b"\xff no message"));
    samples
}

fn about_transfers() -> Vec<u8> {
    let (session, request_id) = (text(HAD), text("q-1"));
    let listed = pb::ListRecipientsRequest {
        r#type: pb::RecipientType::Rep.into(),
        about: Some(pb::list_recipients_request::About::Session(session.clone())),
        page_size: 1,
        ..Default::default()
    };
    let recipient = to_rep("ben");
    let quoted = pb::QuoteTransferRequest {
        session: session.clone(),
        recipient: recipient.clone(),
        ..Default::default()
    };
    let asked = pb::TransferSessionRequest {
        session,
        recipient,
        note: text("a note"),
        presence: text(PRESENCE),
        request_id,
    };
    let accepted = pb::AcceptTransferRequest { transfer: text(TRANSFER), ..Default::default() };
    let found = pb::GetTransferRequest { transfer: text(TRANSFER), ..Default::default() };
    [
        call("TransferService/ListRecipients", ANA, &listed),
        call("TransferService/QuoteTransfer", ANA, &quoted),
        call("TransferService/TransferSession", ANA, &asked),
        call("TransferService/AcceptTransfer", BEN, &accepted),
        call("TransferService/GetTransfer", ADMIN, &found),
        call("TransferService/ListTransfers", ADMIN, &pb::ListTransfersRequest::default()),
    ]
    .concat()
}

fn about_presence() -> Vec<u8> {
    let opened = pb::OpenPresenceRequest {
        rep: text("cleo"),
        status: text("available"),
        device: text("desk"),
        request_id: text("q-2"),
    };
    let kept = pb::KeepAliveRequest { presences: vec![text(PRESENCE)] };
    let accepted = pb::AcceptWorkRequest { work: text(WORK), ..Default::default() };
    let whose = Some(pb::close_presence_request::Whose::Presence(text(PRESENCE)));
    let closed =
        pb::ClosePresenceRequest { whose, when_current_work_is_done: true, ..Default::default() };
    let paused = pb::PauseSessionRequest { session: text(HANDED_ON), ..Default::default() };
    [
        call("PresenceService/OpenPresence", CLEO, &opened),
        call("PresenceService/KeepAlive", ANA, &kept),
        call("WorkService/AcceptWork", BEN, &accepted),
        call("SessionService/PauseSession", ANA, &paused),
        call("PresenceService/ClosePresence", ANA, &closed),
        call("WorkService/ListWork", BEN, &pb::ListWorkRequest::default()),
    ]
    .concat()
}

fn of_a_partner() -> Vec<u8> {
    let claimed =
        pb::AcknowledgeRoutingRequest { routing_request: text(ROUTING), ..Default::default() };
    let routed = pb::RouteSessionRequest {
        routing_request: text(ROUTING),
        target: Some(pb::route_session_request::Target::Rep(text("ana"))),
        skip_capacity_check: true,
        ..Default::default()
    };
    let contact = pb::Contact { id: text("night"), name: text("Night desk"), ..Default::default() };
    let synced = pb::SyncContactsRequest {
        partner: text("acme"),
        mode: pb::SyncMode::Full.into(),
        generation: 1,
        page: 1,
        last: true,
        total: 1,
        contacts: vec![contact],
        ..Default::default()
    };
    [
        call("PartnerService/AcknowledgeRouting", PARTNER, &claimed),
        call("PartnerService/RouteSession", PARTNER, &routed),
        call("PartnerService/SyncContacts", PARTNER, &synced),
        call(
            "PartnerService/ListRoutingRequests",
            PARTNER,
            &pb::ListRoutingRequestsRequest::default(),
        ),
    ]
    .concat()
}

fn of_an_admin() -> Vec<u8> {
    let seconds = Some(prost_types::Duration { seconds: 30, nanos: 0 });
    let settings = pb::UpdateOrgSettingsRequest {
        org_settings: Some(pb::OrgSettings { disconnect_grace: seconds, ..Default::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec![text("disconnect_grace")] }),
        ..Default::default()
    };
    let decision = pb::FlowDecision {
        target: Some(pb::flow_decision::Target::Queue(text("care"))),
        ..Default::default()
    };
    let draft = pb::Flow {
        id: text("other"),
        rules: vec![pb::FlowRule {
            name: text("a"),
            condition: text("queues.billing.length > 0 || session.attributes.tier == 'gold'"),
            decision: Some(decision.clone()),
        }],
        fallback: Some(decision),
        ..Default::default()
    };
    let tested = pb::TestFlowRequest {
        flow: Some(pb::test_flow_request::Flow::Draft(draft.clone())),
        ..Default::default()
    };
    let saved = pb::UpsertFlowRequest { flow: Some(draft), ..Default::default() };
    let deleted =
        pb::DeleteQueueRequest { id: text("care"), move_to: text("billing"), ..Default::default() };
    let opened = pb::OpenSessionRequest {
        channel: text("wa"),
        external_reference: text("ref-9"),
        target: Some(pb::open_session_request::Target::Flow(text("triage"))),
        attributes: [(text("tier"), text("gold"))].into(),
        ..Default::default()
    };
    [
        call("DirectoryService/UpdateOrgSettings", ADMIN, &settings),
        call("DirectoryService/TestFlow", ADMIN, &tested),
        call("DirectoryService/UpsertFlow", ADMIN, &saved),
        call("SessionService/OpenSession", ADMIN, &opened),
        call("DirectoryService/DeleteQueue", ADMIN, &deleted),
        call("DirectoryService/GetDirectory", ADMIN, &pb::GetDirectoryRequest::default()),
    ]
    .concat()
}

fn watching() -> Vec<u8> {
    let watched = pb::WatchRequest {
        kinds: vec![pb::WatchKind::Session.into(), pb::WatchKind::Transfer.into()],
        ..Default::default()
    };
    let audited = pb::WatchAuditRequest::default();
    [call("WatchService/Watch", ADMIN, &watched), call("AuditService/WatchAudit", ADMIN, &audited)]
        .concat()
}
