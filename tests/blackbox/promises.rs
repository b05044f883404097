//! What `error_reason.proto` promises of a refusal, held against one that was provoked (D1): every reason whose comment names
//! metadata is provoked here, and brings them.

use std::collections::{BTreeMap, BTreeSet};

use baton::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::home::home_among;
use super::partner_scope::partner;
use super::site::{Log, Site, queue, routed_org, seconds, to_flow, to_queue};
use super::vendor::{partner_org, to_desk};
use super::world::{Caller, House, to_rep};

const REASONS: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/proto/baton/v1/error_reason.proto"));

/// A promise: the code, and the keys.
type Promise = (Code, BTreeSet<String>);

/// What is promised, by reason: of those that name metadata.
fn promises() -> BTreeMap<String, Promise> {
    let mut all = BTreeMap::new();
    let mut comment = String::new();
    for line in REASONS.lines().map(str::trim) {
        if let Some(text) = line.strip_prefix("//") {
            comment += text;
        } else if let Some(name) = line.strip_prefix("ERROR_REASON_") {
            let name = name.split_whitespace().next().expect("a name").to_owned();
            if let Some((_, named)) = comment.split_once("Metadata: ") {
                let named = named.split(['.', ';']).next().expect("a sentence");
                let keys = named.split('`').skip(1).step_by(2).map(str::to_owned).collect();
                let code = match comment.trim().split(['.', ' ']).next() {
                    Some("NOT_FOUND") => Code::NotFound,
                    Some("UNAVAILABLE") => Code::Unavailable,
                    Some("FAILED_PRECONDITION") => Code::FailedPrecondition,
                    other => panic!("{name} has the code {other:?}"),
                };
                all.insert(name, (code, keys));
            }
            comment.clear();
        } else {
            comment.clear();
        }
    }
    all
}

/// What was provoked, against what is promised.
struct Provoked {
    promises: BTreeMap<String, Promise>,
    seen: BTreeSet<String>,
}

impl Provoked {
    /// Holds a refusal to the promise of its reason; gives what it concerns.
    fn hold<T: std::fmt::Debug>(
        &mut self,
        reason: &str,
        answer: Result<T, Status>,
    ) -> BTreeMap<String, String> {
        let status = answer.expect_err(reason);
        let info = status.get_details_error_info().expect("a reason");
        assert_eq!(info.reason, reason, "{status}");
        let (code, keys) = self.promises.get(reason).expect("it promises something");
        assert_eq!(status.code(), *code, "{status}");
        let metadata: BTreeMap<String, String> = info.metadata.into_iter().collect();
        for key in keys {
            let told = metadata.get(key).is_some_and(|value| !value.is_empty());
            assert!(told, "{reason} doesn't say `{key}`: {metadata:?}");
        }
        self.seen.insert(reason.to_owned());
        metadata
    }
}

async fn hand_on(
    caller: &mut Caller,
    session: &str,
    to: pb::Recipient,
) -> Result<pb::TransferSessionResponse, Status> {
    let (session, recipient) = (session.to_owned(), Some(to));
    let request = pb::TransferSessionRequest { session, recipient, ..Default::default() };
    caller.transfers.transfer_session(request).await.map(tonic::Response::into_inner)
}

fn org() -> pb::Directory {
    let mut directory = routed_org();
    let settings = directory.settings.get_or_insert_default();
    settings.max_transfers_per_session = Some(1);
    let types = vec![pb::ChannelType::WebChatV2.into()];
    directory.queues.push(pb::Queue { channel_types: types, ..queue("chat", &["ana"]) });
    directory.channels.push(pb::Channel {
        id: "sms".into(),
        r#type: pb::ChannelType::StandardSms.into(),
        ..Default::default()
    });
    directory.presence_statuses[0].channel_types.push(pb::ChannelType::StandardSms.into());
    directory.reps.push(pb::Rep { licences: Vec::new(), ..super::world::rep("dora") });
    directory.reps.push(pb::Rep { permissions: Vec::new(), ..super::world::rep("eve") });
    directory.flows.push(pb::Flow {
        id: "night".into(),
        fallback: Some(super::site::decide("care")),
        ..Default::default()
    });
    directory
}

/// What a session that is active, in transfer, put aside or over is refused for.
async fn of_sessions(provoked: &mut Provoked, house: &House, admin: &mut Caller) {
    let (mut ana, mut ben) = (house.rep("ana"), house.rep("ben"));
    let session = admin.live_session(house, "c-1", "ana").await;
    let missing = hand_on(&mut ana, &session, to_rep("dora")).await;
    let told = provoked.hold("MISSING_LICENCE", missing);
    assert_eq!((told["rep"].as_str(), told["licence"].as_str()), ("dora", "MESSAGING_USER"));
    let told =
        provoked.hold("MISSING_PERMISSION", hand_on(&mut ana, &session, to_rep("eve")).await);
    assert_eq!((told["rep"].as_str(), told["permission"].as_str()), ("eve", "MESSAGING_AGENT"));
    let told =
        provoked.hold("MISSING_PERMISSION", hand_on(&mut ana, &session, to_flow("night")).await);
    assert_eq!((told["rep"].as_str(), told["permission"].as_str()), ("ana", "RUN_FLOWS"));
    let told =
        provoked.hold("QUEUE_NOT_FOR_CHANNEL", hand_on(&mut ana, &session, to_queue("chat")).await);
    assert_eq!((told["queue"].as_str(), told["channel_type"].as_str()), ("chat", "WHATSAPP"));

    let pause = |session: &str| pb::PauseSessionRequest {
        session: session.to_owned(),
        ..Default::default()
    };
    ana.sessions.pause_session(pause(&session)).await.expect("it is hers");
    let told =
        provoked.hold("SESSION_NOT_ACTIVE", hand_on(&mut ana, &session, to_rep("ben")).await);
    assert_eq!(told["state"], "PAUSED");
    let resume = pb::ResumeSessionRequest { session: session.clone(), ..Default::default() };
    ana.sessions.resume_session(resume).await.expect("it is hers");

    let transfer = hand_on(&mut ana, &session, to_rep("ben")).await.expect("she owns it");
    let transfer = transfer.transfer.expect("a transfer").id;
    let twice = hand_on(&mut ana, &session, to_rep("ben")).await;
    assert_eq!(provoked.hold("TRANSFER_IN_PROGRESS", twice)["transfer"], transfer);
    let paused = ana.sessions.pause_session(pause(&session)).await;
    assert_eq!(provoked.hold("TRANSFER_IN_PROGRESS", paused)["transfer"], transfer);
    ben.accept_transfer(&transfer, "").await.expect("he is asked");
    let late = provoked.hold("TRANSFER_FINAL", ana.accept_transfer(&transfer, "").await);
    assert_eq!(late["state"], "COMPLETED");
    let again = hand_on(&mut ben, &session, to_rep("ana")).await;
    assert_eq!(provoked.hold("TRANSFER_LIMIT_REACHED", again)["limit"], "1");
}

/// What work and presences are refused for.
async fn of_work_and_presence(provoked: &mut Provoked, admin: &mut Caller) {
    let (session, revision) = admin.enqueue("c-2", "billing").await;
    let offer = session.offer.expect("somebody is there");
    let close = pb::CloseWorkRequest { work: offer.work.clone(), ..Default::default() };
    let told = provoked.hold("WRONG_STATE", admin.work.close_work(close).await);
    assert_eq!((told["kind"].as_str(), told["state"].as_str()), ("work", "OFFERED"));
    assert!(revision > 0);
    admin.end(&session.id).await;
    let told = provoked.hold("WORK_ENDED", admin.take(&offer.work).await);
    assert_eq!(told["end_reason"], "SESSION_ENDED");

    let presence = admin.sign_in("cleo").await;
    let whose = Some(pb::close_presence_request::Whose::Rep("cleo".into()));
    let close = pb::ClosePresenceRequest { whose, ..Default::default() };
    admin.presence.close_presence(close).await.expect("she is there");
    let status = pb::SetStatusRequest {
        whose: Some(pb::set_status_request::Whose::Presence(presence)),
        status: "lunch".into(),
        ..Default::default()
    };
    let told = provoked.hold("PRESENCE_CLOSED", admin.presence.set_status(status).await);
    assert!(["SUPERVISOR", "SERVER"].contains(&told["cause"].as_str()), "{told:?}");
}

#[tokio::test]
async fn d1_every_refusal_brings_what_is_promised_of_it() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(org()).await;
    for rep in ["ana", "ben", "dora", "eve"] {
        admin.arrive(rep).await;
    }
    let mut provoked = Provoked { promises: promises(), seen: BTreeSet::new() };
    of_sessions(&mut provoked, &site.a, &mut admin).await;
    of_work_and_presence(&mut provoked, &mut admin).await;
    let unknown = pb::EndSessionRequest { session: uuid_of_nobody(), ..Default::default() };
    provoked.hold("NOT_FOUND", admin.sessions.end_session(unknown).await);
    let ahead = pb::GetRepPresenceRequest { rep: "ana".into(), at_least_revision: 1_000_000 };
    provoked.hold("REVISION_NOT_REACHED", admin.presence.get_rep_presence(ahead).await);
    let target = pb::open_session_request::Target::Rep("ana".into());
    let request = pb::OpenSessionRequest {
        channel: "sms".into(),
        external_reference: "c-9".into(),
        target: Some(target),
        ..Default::default()
    };
    let sms = admin.sessions.open_session(request).await.expect("she takes it").into_inner();
    let session = sms.session.expect("a session");
    if let Some(offer) = &session.offer {
        site.a.rep("ana").take(&offer.work).await.expect("it is hers");
    }
    let told = hand_on(&mut site.a.rep("ana"), &session.id, to_rep("ben")).await;
    assert_eq!(provoked.hold("CHANNEL_NOT_TRANSFERABLE", told)["channel_type"], "STANDARD_SMS");
    of_partners(&mut provoked).await;
    let promised: BTreeSet<String> = provoked.promises.keys().cloned().collect();
    assert_eq!(provoked.seen, promised, "each promise is provoked");
}

/// What partners, and reps to whom they route, are refused for.
async fn of_partners(provoked: &mut Provoked) {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    let mut directory = partner_org();
    directory.partners[0].routing_deadline = seconds(1);
    directory.partners[0].away_after = 1;
    admin.configure(directory).await;
    admin.arrive("ana").await;
    let mut acme = partner(&site.a, "acme");
    let (session, _) = admin.bring("ccaas", "p-1").await;
    let routed = pb::RouteSessionRequest {
        routing_request: session.routing_request,
        target: Some(pb::route_session_request::Target::Rep("a-1".into())),
        restrictions: Some(pb::RepRestrictions { no_end: true, ..Default::default() }),
        ..Default::default()
    };
    let routed = acme.partners.route_session(routed).await.expect("she is there").into_inner();
    let ana = &mut site.a.rep("ana");
    ana.take(&routed.routing_request.expect("a request").work).await.expect("it is hers");
    let end = pb::EndSessionRequest { session: session.id.clone(), ..Default::default() };
    let told = provoked.hold("NOT_ALLOWED_BY_PARTNER", ana.sessions.end_session(end).await);
    assert_eq!(told["partner"], "acme");

    let contact = |n: usize| {
        let id = if n == 0 { "desk".to_owned() } else { format!("c-{n}") };
        pb::Contact { name: id.clone(), id, ..Default::default() }
    };
    let page = |generation: i64, count: usize| pb::SyncContactsRequest {
        mode: pb::SyncMode::Full.into(),
        generation,
        page: 1,
        last: true,
        total: u32::try_from(count).expect("few"),
        contacts: (0..count).map(contact).collect(),
        ..Default::default()
    };
    acme.partners.sync_contacts(page(1, 150)).await.expect("they are right");
    let fewer = acme.partners.sync_contacts(page(2, 1)).await;
    let told = provoked.hold("SYNC_DELETES_TOO_MANY", fewer);
    assert_eq!((told["deletes"].as_str(), told["allowed"].as_str()), ("149", "100"));

    let mut log = Log::of(&mut acme, &[pb::WatchKind::Partner]).await;
    admin.bring("ccaas", "p-2").await;
    log.find("that acme is away", is_away).await;
    let told = provoked.hold("PARTNER_AWAY", hand_on(ana, &session.id, to_desk()).await);
    assert_eq!(told["partner"], "acme");
}

fn is_away(changes: &pb::RevisionChanges) -> Option<()> {
    let away = changes.changes.iter().any(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject { object: Some(object) })) => {
            matches!(object, pb::watch_object::Object::Partner(state) if state.away)
        }
        _ => false,
    });
    away.then_some(())
}

fn uuid_of_nobody() -> String {
    "01890a5d-ac96-774b-bcce-b302099a8057".to_owned()
}

#[tokio::test]
async fn d1_a_call_has_a_name_that_can_be_quoted_wherever_it_is_done() {
    let site = Site::on_redis().await;
    let mut callers = [site.a.admin(), site.b().admin()];
    home_among(&mut callers).await;
    callers[0].configure(org()).await;
    let mut named = BTreeSet::new();
    for caller in &mut callers {
        let request = pb::OpenPresenceRequest {
            rep: "ana".into(),
            status: "available".into(),
            ..Default::default()
        };
        let mut request = tonic::Request::new(request);
        // What a client calls it itself isn't kept.
        let own = "0123456789abcdef0123456789abcdef";
        request.metadata_mut().insert("baton-call-id", own.parse().expect("a value"));
        let done = caller.presence.open_presence(request).await.expect("she may sign in");
        named.insert(call_id(done.metadata()).expect("it has a name"));
        let unknown = pb::EndSessionRequest { session: uuid_of_nobody(), ..Default::default() };
        let status = caller.sessions.end_session(unknown).await.expect_err("there is none");
        let id = call_id(status.metadata()).expect("it has a name");
        let told = status.get_details_request_info().expect("the refusal says it, too");
        assert_eq!(told.request_id, id);
        named.insert(id);
        assert!(!named.contains(own));
    }
    assert_eq!(named.len(), 4, "each has its own");
}

fn call_id(metadata: &tonic::metadata::MetadataMap) -> Option<String> {
    Some(metadata.get("baton-call-id")?.to_str().ok()?.to_owned())
}
