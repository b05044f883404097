//! Bad requests, method by method, with the exact code and reason of each (D1, D4): missing, too
//! long, malformed, unknown, not there yet, wrong state, wrong owner, reused request id.

#[path = "blackbox/world.rs"]
#[expect(dead_code, reason = "shared with the other black-box tests")]
mod world;

use std::collections::BTreeMap;

use baton::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use world::{Caller, House, org, refusal, to_rep};

const INVALID: (Code, &str) = (Code::InvalidArgument, "INVALID_FIELD");
const TOKEN: (Code, &str) = (Code::InvalidArgument, "INVALID_TOKEN");
const REUSED: (Code, &str) = (Code::InvalidArgument, "REQUEST_ID_REUSED");
const MISSING: (Code, &str) = (Code::NotFound, "NOT_FOUND");
const DENIED: (Code, &str) = (Code::PermissionDenied, "PERMISSION_DENIED");
const NOBODY: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

const fn state(reason: &'static str) -> (Code, &'static str) {
    (Code::FailedPrecondition, reason)
}

/// Makes each call of a table and compares its refusal.
macro_rules! refused {
    ($($what:literal: $client:expr, $method:ident($request:expr) => $expected:expr;)*) => {$(
        let (code, reason) = refusal($client.$method($request).await);
        assert_eq!((code, reason.as_str()), $expected, concat!(stringify!($method), ": ", $what));
    )*};
}

#[path = "bad_input/contacts.rs"]
mod contacts;
#[path = "bad_input/names.rs"]
mod names;
#[path = "bad_input/partners.rs"]
mod partners;
#[path = "bad_input/presence.rs"]
mod presence;
#[path = "bad_input/routing.rs"]
mod routing;
#[path = "bad_input/sessions.rs"]
mod sessions;
#[path = "bad_input/spans.rs"]
mod spans;

async fn house() -> (House, Caller) {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    (house, admin)
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

fn text(word: &str) -> String {
    word.to_owned()
}

/// The fields that a refusal names.
fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("bad fields are named");
    bad.field_violations.into_iter().map(|violation| violation.field).collect()
}

#[tokio::test]
async fn who_calls_must_be_clear() {
    let (house, _) = house().await;
    let unauthenticated = (Code::Unauthenticated, "UNAUTHENTICATED");
    for (org, role, actor) in [
        ("", "admin", "root"),
        ("a b", "admin", "root"),
        ("acme", "king", "root"),
        ("acme", "server", "root"),
        ("acme", "rep", ""),
        ("acme", "rep", "a b"),
        ("acme", "admin", &long(129)),
    ] {
        let mut caller = house.caller_in(org, role, actor);
        let refused = caller.directory.get_org_settings(pb::GetOrgSettingsRequest::default()).await;
        let (code, reason) = refusal(refused);
        assert_eq!((code, reason.as_str()), unauthenticated, "{org} {role} {actor}");
    }
}

#[tokio::test]
async fn s1_a_role_does_only_what_it_may() {
    let (house, _) = house().await;
    let (mut ana, mut board) = (house.rep("ana"), house.caller("dashboard", "wall"));
    let (mut adapter, mut partner) = (house.caller("adapter", "wa"), house.caller("partner", "p"));
    let other = pb::OpenPresenceRequest {
        rep: text("ben"),
        status: text("available"),
        ..Default::default()
    };
    refused! {
        "a rep": ana.directory, apply_directory(pb::ApplyDirectoryRequest::default()) => DENIED;
        "a rep": ana.directory, upsert_rep(pb::UpsertRepRequest::default()) => DENIED;
        "a rep": ana.directory, upsert_queue(pb::UpsertQueueRequest::default()) => DENIED;
        "a rep": ana.directory, delete_flow(pb::DeleteFlowRequest::default()) => DENIED;
        "a dashboard": board.directory, upsert_skill(pb::UpsertSkillRequest::default()) => DENIED;
        "a rep": ana.directory, update_org_settings(pb::UpdateOrgSettingsRequest::default()) => DENIED;
        "a rep": ana.sessions, open_session(pb::OpenSessionRequest::default()) => DENIED;
        "another rep": ana.presence, open_presence(other.clone()) => DENIED;
        "another rep": ana.work, list_work(pb::ListWorkRequest { rep: text("ben"), ..Default::default() }) => DENIED;
        "a dashboard": board.transfers, transfer_session(pb::TransferSessionRequest::default()) => DENIED;
        "a dashboard": board.sessions, end_session(pb::EndSessionRequest::default()) => DENIED;
        "a dashboard": board.presence, keep_alive(pb::KeepAliveRequest::default()) => DENIED;
        "an adapter": adapter.work, accept_work(pb::AcceptWorkRequest::default()) => DENIED;
        "an adapter": adapter.transfers, accept_transfer(pb::AcceptTransferRequest::default()) => DENIED;
        "a partner": partner.directory, upsert_rep(pb::UpsertRepRequest::default()) => DENIED;
    }
}

#[tokio::test]
async fn d1_every_bad_field_of_a_directory_is_named_at_once() {
    let (_house, mut admin) = house().await;
    let mut directory = org();
    directory.reps[0].id = text("a b");
    directory.reps[1].licences.push(99);
    directory.reps.push(world::rep("cleo"));
    directory.channels[0].weight = Some(pb::Weight { weight: None });
    directory.channels[0].r#type = 0;
    directory.presence_statuses[0].channel_types.clear();
    directory.presence_configurations[0].capacity_centi_units = 0;
    directory.presence_configurations[0].auto_accept = true;
    directory.profiles[0].name = long(257);
    directory.settings = Some(pb::OrgSettings {
        max_transfers_per_session: Some(1_001),
        disconnect_grace: Some(prost_types::Duration { seconds: 3_601, nanos: 0 }),
        ..Default::default()
    });
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    let status = admin.directory.apply_directory(request).await.expect_err("much is wrong");
    assert_eq!(status.code(), Code::InvalidArgument);
    let named = fields(&status);
    for field in [
        "directory.reps[0].id",
        "directory.reps[1].licences[1]",
        "directory.reps[3].id",
        "directory.channels[0].weight",
        "directory.channels[0].type",
        "directory.presence_statuses[0].channel_types",
        "directory.presence_configurations[0].capacity_centi_units",
        "directory.presence_configurations[0].auto_accept",
        "directory.profiles[0].name",
        "directory.settings.max_transfers_per_session",
        "directory.settings.disconnect_grace",
    ] {
        assert!(named.contains(&field.to_owned()), "{field} in {named:?}");
    }
    let after = admin.directory.get_directory(pb::GetDirectoryRequest::default()).await;
    let after = after.expect("it can be read").into_inner();
    assert_eq!(after.directory.map(|d| d.reps.len()), Some(3), "D2: nothing half-happens");
}

#[tokio::test]
async fn directory_service() {
    let (_house, mut admin) = house().await;
    let d = &mut admin.directory;
    let apply =
        |directory| pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    let upsert = |rep| pb::UpsertRepRequest { rep: Some(rep), ..Default::default() };
    let unknown_profile = pb::Rep { profile: text("none"), ..world::rep("dan") };
    let partners = pb::Directory { partners: vec![pb::Partner::default()], ..Default::default() };
    let routing = pb::OrgSettings {
        routing_deadline: Some(prost_types::Duration { seconds: 0, nanos: 0 }),
        ..Default::default()
    };
    let mask = Some(prost_types::FieldMask { paths: vec![text("colour")] });
    let partner = pb::Channel { routing_partner: text("acme"), ..org().channels[0].clone() };
    let both = pb::Channel {
        paused_weight: Some(pb::Weight { weight: Some(pb::weight::Weight::CentiUnits(1)) }),
        ..org().channels[0].clone()
    };
    refused! {
        "no directory": d, apply_directory(pb::ApplyDirectoryRequest::default()) => INVALID;
        "a partner": d, apply_directory(apply(partners)) => INVALID;
        "a setting": d, apply_directory(apply(pb::Directory { settings: Some(routing), ..Default::default() })) => INVALID;
        "no rep": d, upsert_rep(pb::UpsertRepRequest::default()) => INVALID;
        "unknown profile": d, upsert_rep(upsert(unknown_profile)) => INVALID;
        "partner": d, upsert_channel(pb::UpsertChannelRequest { channel: Some(partner), ..Default::default() }) => INVALID;
        "TAB_BASED": d, upsert_channel(pb::UpsertChannelRequest { channel: Some(both), ..Default::default() }) => INVALID;
        "none": d, upsert_presence_status(pb::UpsertPresenceStatusRequest::default()) => INVALID;
        "none": d, upsert_profile(pb::UpsertProfileRequest::default()) => INVALID;
        "empty": d, get_rep(pb::GetRepRequest::default()) => INVALID;
        "unknown": d, get_rep(pb::GetRepRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "unknown": d, get_channel(pb::GetChannelRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "unknown": d, get_profile(pb::GetProfileRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "unknown": d, get_presence_status(pb::GetPresenceStatusRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "unknown": d, get_presence_configuration(pb::GetPresenceConfigurationRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "too many": d, list_reps(pb::ListRepsRequest { page_size: 501, ..Default::default() }) => INVALID;
        "negative": d, list_channels(pb::ListChannelsRequest { page_size: -1, ..Default::default() }) => INVALID;
        "long query": d, list_profiles(pb::ListProfilesRequest { query: long(257), ..Default::default() }) => INVALID;
        "token": d, list_presence_statuses(pb::ListPresenceStatusesRequest { page_token: text("zz"), ..Default::default() }) => TOKEN;
        "revision": d, list_presence_configurations(pb::ListPresenceConfigurationsRequest { at_least_revision: -1, ..Default::default() }) => INVALID;
        "revision": d, get_directory(pb::GetDirectoryRequest { at_least_revision: -1 }) => INVALID;
        "revision": d, get_org_settings(pb::GetOrgSettingsRequest { at_least_revision: -1 }) => INVALID;
        "nothing": d, update_org_settings(pb::UpdateOrgSettingsRequest::default()) => INVALID;
        "mask": d, update_org_settings(pb::UpdateOrgSettingsRequest { update_mask: mask, ..Default::default() }) => INVALID;
        "unknown": d, delete_rep(pb::DeleteRepRequest { id: text("dan"), ..Default::default() }) => MISSING;
        "in use": d, delete_profile(pb::DeleteProfileRequest { id: text("agents"), ..Default::default() }) => state("IN_USE");
        "in use": d, delete_presence_status(pb::DeletePresenceStatusRequest { id: text("lunch"), ..Default::default() }) => state("IN_USE");
        "in use": d, delete_presence_configuration(pb::DeletePresenceConfigurationRequest { id: text("standard"), ..Default::default() }) => state("IN_USE");
        "request id": d, delete_channel(pb::DeleteChannelRequest { id: text("wa"), request_id: long(129) }) => INVALID;
        "neither": d, test_flow(pb::TestFlowRequest::default()) => INVALID;
        "empty": d, delete_partner(pb::DeletePartnerRequest::default()) => INVALID;
    }
}

#[tokio::test]
async fn presence_service() {
    let (_house, mut admin) = house().await;
    admin.sign_in("ana").await;
    let p = &mut admin.presence;
    let open = |rep: &str, status: &str| pb::OpenPresenceRequest {
        rep: text(rep),
        status: text(status),
        ..Default::default()
    };
    let set = |whose, status: &str| pb::SetStatusRequest {
        whose,
        status: text(status),
        ..Default::default()
    };
    let rep = |id: &str| Some(pb::set_status_request::Whose::Rep(text(id)));
    let unknown = Some(pb::set_status_request::Whose::Presence(text(NOBODY)));
    let malformed = Some(pb::set_status_request::Whose::Presence(text("x")));
    let close = |id: &str| pb::ClosePresenceRequest {
        whose: Some(pb::close_presence_request::Whose::Presence(text(id))),
        ..Default::default()
    };
    refused! {
        "nobody": p, open_presence(open("", "available")) => INVALID;
        "unknown rep": p, open_presence(open("dan", "available")) => MISSING;
        "no status": p, open_presence(open("ana", "")) => INVALID;
        "unknown status": p, open_presence(open("ana", "asleep")) => MISSING;
        "not allowed": p, open_presence(open("ana", "training")) => state("STATUS_NOT_ALLOWED");
        "long device": p, open_presence(pb::OpenPresenceRequest { device: long(257), ..open("ana", "available") }) => INVALID;
        "none": p, keep_alive(pb::KeepAliveRequest::default()) => INVALID;
        "too many": p, keep_alive(pb::KeepAliveRequest { presences: vec![String::new(); 10_001] }) => INVALID;
        "whose": p, set_status(set(None, "lunch")) => INVALID;
        "malformed": p, set_status(set(malformed, "lunch")) => INVALID;
        "unknown": p, set_status(set(unknown, "lunch")) => MISSING;
        "not allowed": p, set_status(set(rep("ana"), "training")) => state("STATUS_NOT_ALLOWED");
        "whose": p, close_presence(pb::ClosePresenceRequest::default()) => INVALID;
        "unknown": p, close_presence(close(NOBODY)) => MISSING;
        "nobody": p, get_rep_presence(pb::GetRepPresenceRequest::default()) => INVALID;
        "unknown": p, get_rep_presence(pb::GetRepPresenceRequest { rep: text("dan"), ..Default::default() }) => MISSING;
        "unknown": p, explain_capacity(pb::ExplainCapacityRequest { rep: text("dan"), ..Default::default() }) => MISSING;
        "enum": p, list_rep_presences(pb::ListRepPresencesRequest { available_for: vec![99], ..Default::default() }) => INVALID;
        "bad queue": p, list_rep_presences(pb::ListRepPresencesRequest { queue: text("a b"), ..Default::default() }) => INVALID;
    }
}

#[tokio::test]
async fn session_service() {
    use pb::open_session_request::Target;
    let (house, mut admin) = house().await;
    admin.sign_in("ana").await;
    let session = admin.live_session(&house, "c-1", "ana").await;
    let ended = admin.live_session(&house, "c-2", "ana").await;
    let end = pb::EndSessionRequest { session: ended.clone(), ..Default::default() };
    admin.sessions.end_session(end).await.expect("it is live");
    let mut ben = house.rep("ben");
    let s = &mut admin.sessions;
    let open = |reference: &str, target| pb::OpenSessionRequest {
        channel: text("wa"),
        external_reference: text(reference),
        target,
        ..Default::default()
    };
    let ana = Some(Target::Rep(text("ana")));
    let many: BTreeMap<String, String> = (0..65).map(|i| (format!("k{i}"), text("v"))).collect();
    let large: BTreeMap<String, String> = [(text("k"), long(4_097))].into();
    let with = |attributes| pb::OpenSessionRequest { attributes, ..open("c-3", ana.clone()) };
    let reference = |channel: &str| pb::GetSessionRequest {
        which: Some(pb::get_session_request::Which::Reference(pb::SessionReference {
            channel: text(channel),
            external_reference: text("+49 170 1234567"),
        })),
        ..Default::default()
    };
    let update = |session: &str, path: &str| pb::UpdateSessionRequest {
        session: text(session),
        update_mask: Some(prost_types::FieldMask { paths: vec![text(path)] }),
        ..Default::default()
    };
    let pause =
        |session: &str| pb::PauseSessionRequest { session: text(session), ..Default::default() };
    let resume =
        |session: &str| pb::ResumeSessionRequest { session: text(session), ..Default::default() };
    refused! {
        "empty": s, open_session(pb::OpenSessionRequest::default()) => INVALID;
        "no target": s, open_session(open("c-3", None)) => INVALID;
        "bad reference": s, open_session(open(" a", ana.clone())) => INVALID;
        "bad reference": s, open_session(open("a\tb", ana.clone())) => INVALID;
        "long reference": s, open_session(open(&long(257), ana.clone())) => INVALID;
        "65 attributes": s, open_session(with(many)) => INVALID;
        "large attributes": s, open_session(with(large)) => INVALID;
        "empty key": s, open_session(with([(String::new(), text("v"))].into())) => INVALID;
        "unknown channel": s, open_session(pb::OpenSessionRequest { channel: text("x"), ..open("c-3", ana.clone()) }) => MISSING;
        "unknown rep": s, open_session(open("c-3", Some(Target::Rep(text("dan"))))) => MISSING;
        "which": s, get_session(pb::GetSessionRequest::default()) => INVALID;
        "unknown reference": s, get_session(reference("wa")) => MISSING;
        "bad reference": s, get_session(reference("a b")) => INVALID;
        "enum": s, list_sessions(pb::ListSessionsRequest { states: vec![0], ..Default::default() }) => INVALID;
        "token": s, list_sessions(pb::ListSessionsRequest { page_token: long(40), ..Default::default() }) => TOKEN;
        "no mask": s, update_session(pb::UpdateSessionRequest { session: session.clone(), ..Default::default() }) => INVALID;
        "unknown path": s, update_session(update(&session, "colour")) => INVALID;
        "wrong owner": ben.sessions, update_session(update(&session, "required_skills")) => state("NOT_OWNER");
        "unknown": s, update_session(update(NOBODY, "priority")) => MISSING;
        "ended": s, update_session(update(&ended, "priority")) => state("SESSION_ENDED");
        "malformed": s, pause_session(pause("x")) => INVALID;
        "ended": s, pause_session(pause(&ended)) => state("SESSION_ENDED");
        "ended": s, resume_session(resume(&ended)) => state("SESSION_ENDED");
        "unknown": s, inactivate_session(pb::InactivateSessionRequest { session: text(NOBODY), ..Default::default() }) => MISSING;
        "malformed": s, end_session(pb::EndSessionRequest::default()) => INVALID;
        "wrong owner": ben.sessions, end_session(pb::EndSessionRequest { session: session.clone(), ..Default::default() }) => state("NOT_OWNER");
        "wrong owner": ben.sessions, pause_session(pause(&session)) => state("NOT_OWNER");
        "unknown presence": s, pause_session(pb::PauseSessionRequest { presence: text(NOBODY), ..pause(&session) }) => MISSING;
        "unknown": s, get_session_history(pb::GetSessionHistoryRequest { session: text(NOBODY), ..Default::default() }) => MISSING;
    }
}

#[tokio::test]
async fn work_service() {
    let (house, mut admin) = house().await;
    admin.sign_in("ana").await;
    let offered = admin.open("c-1", "ana").await;
    let work = offered.offer.expect("ana is there").work;
    let mut ben = house.rep("ben");
    let accept = |work: &str| pb::AcceptWorkRequest { work: text(work), ..Default::default() };
    let decline = |work: &str| pb::DeclineWorkRequest { work: text(work), ..Default::default() };
    let close = |work: &str| pb::CloseWorkRequest { work: text(work), ..Default::default() };
    let w = &mut admin.work;
    refused! {
        "malformed": w, accept_work(accept("x")) => INVALID;
        "unknown": w, accept_work(accept(NOBODY)) => MISSING;
        "wrong rep": ben.work, accept_work(accept(&work)) => state("NOT_OWNER");
        "unknown": w, decline_work(decline(NOBODY)) => MISSING;
        "wrong rep": ben.work, decline_work(decline(&work)) => state("NOT_OWNER");
        "offered": w, close_work(close(&work)) => state("WRONG_STATE");
        "request id": w, close_work(pb::CloseWorkRequest { request_id: text("\u{e9}"), ..close(&work) }) => INVALID;
        "enum": w, list_work(pb::ListWorkRequest { states: vec![42], ..Default::default() }) => INVALID;
        "no work": w, extend_wrap_up(pb::ExtendWrapUpRequest::default()) => INVALID;
        "unknown": w, extend_wrap_up(pb::ExtendWrapUpRequest { work: text(NOBODY), ..Default::default() }) => MISSING;
        "too early": w, extend_wrap_up(pb::ExtendWrapUpRequest { work: work.clone(), ..Default::default() }) => state("WRONG_STATE");
        "no work": w, end_wrap_up(pb::EndWrapUpRequest::default()) => INVALID;
        "too early": w, end_wrap_up(pb::EndWrapUpRequest { work: work.clone(), ..Default::default() }) => state("WRONG_STATE");
        "wrong rep": ben.work, end_wrap_up(pb::EndWrapUpRequest { work: work.clone(), ..Default::default() }) => state("NOT_OWNER");
    }
    w.accept_work(accept(&work)).await.expect("it is offered");
    refused! {
        "accepted": w, decline_work(decline(&work)) => state("WORK_NOT_OFFERED");
    }
}

#[tokio::test]
async fn transfer_service() {
    use pb::recipient::Recipient as To;
    let (house, mut admin) = house().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    let (mut ana, mut ben) = (house.rep("ana"), house.rep("ben"));
    let to = |recipient| Some(pb::Recipient { recipient: Some(recipient) });
    let transfer = |session: &str, recipient| pb::TransferSessionRequest {
        session: text(session),
        recipient,
        ..Default::default()
    };
    let rep = |id: &str| Some(to_rep(id));
    let noted = pb::TransferSessionRequest { note: long(2_049), ..transfer(&session, rep("ben")) };
    let list = |r#type| pb::ListRecipientsRequest {
        r#type,
        about: Some(pb::list_recipients_request::About::Session(session.clone())),
        ..Default::default()
    };
    let explain = pb::ExplainRecipientRequest { recipient: rep("ben"), ..Default::default() };
    let accept = |id: &str| pb::AcceptTransferRequest { transfer: text(id), ..Default::default() };
    let t = &mut ana.transfers;
    refused! {
        "empty": t, transfer_session(pb::TransferSessionRequest::default()) => INVALID;
        "no recipient": t, transfer_session(transfer(&session, None)) => INVALID;
        "bad rep": t, transfer_session(transfer(&session, rep("a b"))) => INVALID;
        "long note": t, transfer_session(noted) => INVALID;
        "contact": t, transfer_session(transfer(&session, to(To::ExternalContact(pb::ExternalContactRef::default())))) => INVALID;
        "unknown session": t, transfer_session(transfer(NOBODY, rep("ben"))) => MISSING;
        "unknown rep": t, transfer_session(transfer(&session, rep("dan"))) => MISSING;
        "to oneself": t, transfer_session(transfer(&session, rep("ana"))) => state("SELF_TRANSFER");
        "offline": t, transfer_session(transfer(&session, rep("cleo"))) => state("RECIPIENT_OFFLINE");
        "wrong owner": ben.transfers, transfer_session(transfer(&session, rep("cleo"))) => state("NOT_OWNER");
        "no type": t, list_recipients(list(0)) => INVALID;
        "unknown type": t, list_recipients(list(9)) => INVALID;
        "contacts": t, list_recipients(list(pb::RecipientType::ExternalContact.into())) => state("EXTERNAL_CONTACT_NOT_AVAILABLE");
        "long query": t, list_recipients(pb::ListRecipientsRequest { query: long(257), ..list(1) }) => INVALID;
        "about": t, explain_recipient(explain) => INVALID;
        "empty": t, quote_transfer(pb::QuoteTransferRequest::default()) => INVALID;
        "unknown": t, accept_transfer(accept(NOBODY)) => MISSING;
        "malformed": t, accept_transfer(accept("x")) => INVALID;
        "unknown": t, get_transfer(pb::GetTransferRequest { transfer: text(NOBODY), ..Default::default() }) => MISSING;
        "revision": t, get_transfer(pb::GetTransferRequest { transfer: text(NOBODY), at_least_revision: -1 }) => INVALID;
        "enum": t, list_transfers(pb::ListTransfersRequest { states: vec![-1], ..Default::default() }) => INVALID;
        "bad queue": t, list_transfers(pb::ListTransfersRequest { queue: text("a b"), ..Default::default() }) => INVALID;
    }
    let once = |to: &str| pb::TransferSessionRequest {
        request_id: text("once"),
        ..transfer(&session, rep(to))
    };
    let asked = t.transfer_session(once("ben")).await.expect("it is right").into_inner();
    let id = asked.transfer.expect("a transfer").id;
    let nobody = pb::AcceptTransferRequest { rep: text("cleo"), ..accept(&id) };
    refused! {
        "reused": t, transfer_session(once("cleo")) => REUSED;
        "in progress": t, transfer_session(transfer(&session, rep("ben"))) => state("TRANSFER_IN_PROGRESS");
        "nobody named": admin.transfers, accept_transfer(accept(&id)) => INVALID;
        "someone else": admin.transfers, accept_transfer(nobody) => state("WORK_NOT_OFFERED");
    }
    ben.accept_transfer(&id, "").await.expect("it is offered to ben");
    let refused = ana.transfer(&session, "ben", "").await;
    assert_eq!(refusal(refused), (Code::FailedPrecondition, text("NOT_OWNER")), "T20");
}

#[tokio::test]
async fn watch_service() {
    let (_house, mut admin) = house().await;
    let w = &mut admin.watches;
    let kinds = |kinds: &[i32]| pb::WatchRequest { kinds: kinds.to_vec(), ..Default::default() };
    let filter = |filter| pb::WatchRequest { filter: Some(filter), ..kinds(&[1]) };
    let many = pb::WatchFilter { reps: vec![text("ana"); 1_001], ..Default::default() };
    let bad = pb::WatchFilter { sessions: vec![text("x")], ..Default::default() };
    let queues = pb::WatchFilter { queues: vec![text("q"), text("a b")], ..Default::default() };
    let empty = pb::WatchFilter { queues: vec![String::new()], ..Default::default() };
    let beat = |seconds| pb::WatchRequest {
        heartbeat_interval: Some(prost_types::Duration { seconds, nanos: 0 }),
        ..kinds(&[1])
    };
    let both = pb::WatchRequest { live_only: true, resume_token: text("00"), ..kinds(&[1]) };
    refused! {
        "no kinds": w, watch(kinds(&[])) => INVALID;
        "unspecified": w, watch(kinds(&[0])) => INVALID;
        "unknown": w, watch(kinds(&[99])) => INVALID;
        "too many ids": w, watch(filter(many)) => INVALID;
        "bad id": w, watch(filter(bad)) => INVALID;
        "bad queue": w, watch(filter(queues)) => INVALID;
        "empty queue": w, watch(filter(empty)) => INVALID;
        "too often": w, watch(beat(0)) => INVALID;
        "too seldom": w, watch(beat(61)) => INVALID;
        "both": w, watch(both) => INVALID;
        "policy": w, watch(pb::WatchRequest { resume_policy: 7, ..kinds(&[1]) }) => INVALID;
        "token": w, watch(pb::WatchRequest { resume_token: text("00"), ..kinds(&[1]) }) => TOKEN;
    }
}
