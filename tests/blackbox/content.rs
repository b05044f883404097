//! Notes and attributes are shown to a supervisor or a dashboard only where a scope says so (S4): words that people typed are
//! looked for in everything that such a caller is ever sent.

use std::collections::BTreeSet;

use baton::pb;
use pb::route_session_request::Target;
use prost::Message;
use prost_types::FileDescriptorSet;

use super::site::{Site, decide, into_queue, opening, rule, seconds, to_flow, to_queue};
use super::stream::{Stream, request};
use super::vendor::{partner_org, to_desk};
use super::world::{Caller, House};

/// Part of every text that is typed here.
const TYPED: &str = "canary";
const KINDS: [pb::WatchKind; 8] = [
    pb::WatchKind::Rep,
    pb::WatchKind::Queue,
    pb::WatchKind::Session,
    pb::WatchKind::Transfer,
    pb::WatchKind::Work,
    pb::WatchKind::Handoff,
    pb::WatchKind::RoutingRequest,
    pb::WatchKind::Partner,
];

/// A caller whose scopes don't have content.
fn blind(house: &House, role: &str) -> Caller {
    house.limited(
        role,
        "sue",
        &[("baton-scopes", "directory presence sessions work transfers queues handoffs routing")],
    )
}

/// What was sent: which call, and its bytes.
#[derive(Default)]
struct Sent(Vec<(String, Vec<u8>)>);

impl Sent {
    fn note(&mut self, what: impl Into<String>, message: &impl Message) {
        self.0.push((what.into(), message.encode_to_vec()));
    }

    /// The calls whose answers have something in them that was typed.
    fn with_typed(&self) -> Vec<&str> {
        let typed = |bytes: &[u8]| bytes.windows(TYPED.len()).any(|some| some == TYPED.as_bytes());
        self.0.iter().filter(|(_, bytes)| typed(bytes)).map(|(what, _)| what.as_str()).collect()
    }
}

fn typed(what: &str) -> std::collections::BTreeMap<String, String> {
    [("tier".to_owned(), format!("{TYPED}-{what}"))].into()
}

/// The org: a flow that looks at attributes, beside what partners have.
fn org() -> pb::Directory {
    let mut directory = partner_org();
    directory.flows = vec![pb::Flow {
        id: "lane".into(),
        name: "Lane".into(),
        rules: vec![rule("gold", "session.attributes.tier == \"gold\"", decide("care"))],
        fallback: Some(decide("billing")),
    }];
    directory
}

/// Plays everything in which something is typed; gives the ids of the sessions.
async fn play(house: &House) -> Vec<String> {
    let mut admin = house.admin();
    admin.configure(org()).await;
    admin.supply_desk().await;
    admin.arrive("ana").await;
    let lane = pb::open_session_request::Target::Flow("lane".into());
    let opening_one = pb::OpenSessionRequest { attributes: typed("lane"), ..opening("c-1", lane) };
    let one = admin.open_with(opening_one).await.expect("it opens").session.expect("a session");
    let work = one.offer.clone().expect("it is offered").work;
    let mut ana = house.rep("ana");
    ana.take(&work).await.expect("hers");
    let handed = pb::TransferSessionRequest {
        session: one.id.clone(),
        recipient: Some(to_queue("care")),
        note: format!("{TYPED}-transfer"),
        ..Default::default()
    };
    ana.transfers.transfer_session(handed).await.expect("hers");
    let two = pb::OpenSessionRequest {
        channel: "ccaas".into(),
        external_reference: "c-2".into(),
        attributes: typed("routing"),
        ..Default::default()
    };
    let two = admin.open_with(two).await.expect("it opens").session.expect("a session");
    let routed = admin.route(&two.routing_request, Target::Rep("ana".into())).await;
    let work = routed.expect("she is there").routing_request.expect("one").work;
    ana.take(&work).await.expect("hers");
    let handed = pb::TransferSessionRequest {
        session: two.id.clone(),
        recipient: Some(to_desk()),
        note: format!("{TYPED}-handoff"),
        ..Default::default()
    };
    ana.transfers.transfer_session(handed).await.expect("hers");
    let handoff = admin.handoffs().await.pop().expect("it is asked");
    admin.complete(&handoff.id).await.expect("it is open");
    let back = pb::ReturnSessionRequest {
        session: two.id.clone(),
        target: Some(pb::return_session_request::Target::Queue("vips".into())),
        note: format!("{TYPED}-return"),
        ..Default::default()
    };
    admin.sessions.return_session(back).await.expect("it is there");
    vec![one.id, two.id]
}

/// Reads everything that can be read about them.
async fn read_all(caller: &mut Caller, sessions: &[String]) -> Sent {
    use pb::{HandoffState as H, RoutingRequestState as R, SessionState as S, TransferState as T};
    let mut sent = Sent::default();
    for id in sessions {
        sent.note("GetSession", &caller.session(id).await);
        let story = pb::GetSessionHistoryRequest { session: id.clone(), ..Default::default() };
        let story = caller.sessions.get_session_history(story).await.expect("a story");
        let story = story.into_inner();
        sent.note("GetSessionHistory", &story);
        for transfer in story.transfers {
            sent.note("GetTransfer", &caller.the_transfer(&transfer.id).await);
        }
    }
    let states = [S::Waiting, S::Offered, S::Active, S::External, S::Ended].map(i32::from);
    let list = pb::ListSessionsRequest { states: states.to_vec(), ..Default::default() };
    sent.note(
        "ListSessions",
        &caller.sessions.list_sessions(list).await.expect("a list").into_inner(),
    );
    let states = [T::Offered, T::Waiting, T::Completed, T::Failed].map(i32::from).to_vec();
    let list = pb::ListTransfersRequest { states, ..Default::default() };
    let list = caller.transfers.list_transfers(list).await.expect("a list").into_inner();
    sent.note("ListTransfers", &list);
    let states = [H::Asked, H::Completed, H::Failed].map(i32::from).to_vec();
    let list = pb::ListHandoffsRequest { states, ..Default::default() };
    let list = caller.partners.list_handoffs(list).await.expect("a list").into_inner();
    for handoff in &list.handoffs {
        let get = pb::GetHandoffRequest { handoff: handoff.id.clone(), ..Default::default() };
        sent.note("GetHandoff", &caller.partners.get_handoff(get).await.expect("one").into_inner());
    }
    sent.note("ListHandoffs", &list);
    let states = [R::Asked, R::Acknowledged, R::Routed, R::Withdrawn].map(i32::from).to_vec();
    let list = pb::ListRoutingRequestsRequest { states, ..Default::default() };
    let list = caller.partners.list_routing_requests(list).await.expect("a list").into_inner();
    for asked in &list.routing_requests {
        let routing_request = asked.id.clone();
        let get = pb::GetRoutingRequestRequest { routing_request, ..Default::default() };
        let found = caller.partners.get_routing_request(get).await.expect("one").into_inner();
        sent.note("GetRoutingRequest", &found);
    }
    sent.note("ListRoutingRequests", &list);
    let work = caller.work.list_work(pb::ListWorkRequest::default()).await.expect("a list");
    sent.note("ListWork", &work.into_inner());
    let explain = pb::ExplainCapacityRequest { rep: "ana".into(), ..Default::default() };
    let told = caller.presence.explain_capacity(explain).await.expect("a rep").into_inner();
    sent.note("ExplainCapacity", &told);
    let quote = pb::QuoteTransferRequest {
        session: sessions[0].clone(),
        recipient: Some(to_flow("lane")),
        ..Default::default()
    };
    let quote = caller.transfers.quote_transfer(quote).await.expect("a quote").into_inner();
    sent.note("QuoteTransfer", &quote);
    sent
}

/// What is sent of a change in a stream: of every kind, from a snapshot on.
async fn watch(caller: &mut Caller, admin: &mut Caller, (session, mood): (&str, &str)) -> Sent {
    let mut sent = Sent::default();
    let (mut stream, objects, _) = Stream::synced(caller, request(&KINDS)).await;
    for object in &objects {
        sent.note(format!("snapshot of {}", kind(object)), object);
    }
    let update = pb::UpdateSessionRequest {
        session: session.to_owned(),
        set_attributes: [("mood".to_owned(), format!("{TYPED}-{mood}"))].into(),
        ..Default::default()
    };
    let updated = admin.sessions.update_session(update).await.expect("it may change").into_inner();
    for changes in stream.up_to(updated.revision).await {
        sent.note("change", &changes);
    }
    sent
}

fn kind(object: &pb::WatchObject) -> String {
    let text = format!("{:?}", object.object.as_ref().expect("an object"));
    text.split('(').next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn s4_what_people_typed_reaches_no_supervisor_and_no_dashboard_without_the_scope() {
    let site = Site::in_memory().await;
    let sessions = play(&site.a).await;
    let mut admin = site.a.admin();
    for role in ["supervisor", "dashboard"] {
        let mut blind = blind(&site.a, role);
        let sent = read_all(&mut blind, &sessions).await;
        assert_eq!(sent.with_typed(), Vec::<&str>::new(), "{role}");
        let sent = watch(&mut blind, &mut admin, (&sessions[0], role)).await;
        assert_eq!(sent.with_typed(), Vec::<&str>::new(), "{role}");
        assert!(blind.session(&sessions[0]).await.content_hidden);
        let mut seeing = site.a.limited(role, "sue", &[("baton-scopes", "content")]);
        let found: BTreeSet<_> = read_all(&mut seeing, &sessions)
            .await
            .with_typed()
            .into_iter()
            .map(str::to_owned)
            .collect();
        let all = [
            "GetHandoff",
            "GetRoutingRequest",
            "GetSession",
            "GetSessionHistory",
            "GetTransfer",
            "ListHandoffs",
            "ListRoutingRequests",
            "ListSessions",
            "ListTransfers",
        ];
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), all, "{role}");
        let sent = watch(&mut seeing, &mut admin, (&sessions[0], &format!("merry-{role}"))).await;
        let found: BTreeSet<_> = sent.with_typed().into_iter().collect();
        let kinds = ["Handoff", "RoutingRequest", "Session", "Transfer"];
        let all = kinds.map(|kind| format!("snapshot of {kind}"));
        let all: Vec<&str> = ["change"].into_iter().chain(all.iter().map(String::as_str)).collect();
        assert_eq!(found.into_iter().collect::<Vec<_>>(), all);
        assert!(!seeing.session(&sessions[0]).await.content_hidden);
    }
}

/// Whoever has to do with the customer sees it, whatever the scopes.
#[tokio::test(flavor = "multi_thread")]
async fn s4_reps_adapters_and_partners_see_what_was_typed_for_them() {
    let site = Site::in_memory().await;
    let sessions = play(&site.a).await;
    let scopes = [("baton-scopes", "sessions")];
    for (role, name, session) in [
        ("rep", "ana", &sessions[0]),
        ("adapter", "bridge", &sessions[1]),
        ("partner", "acme", &sessions[1]),
        ("admin", "root", &sessions[0]),
    ] {
        let session = site.a.limited(role, name, &scopes).session(session).await;
        assert!(session.attributes["tier"].starts_with(TYPED), "{role}");
        assert!(!session.content_hidden, "{role}");
    }
}

/// What such a caller types itself is taken, and hidden from it as anything else.
#[tokio::test(flavor = "multi_thread")]
async fn s4_its_own_note_is_taken_and_shown_hidden() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(org()).await;
    admin.arrive("ana").await;
    let (session, _) = admin.enqueue("c-1", "billing").await;
    site.a.rep("ana").take(&session.offer.expect("it is offered").work).await.expect("hers");
    let mut sue = blind(&site.a, "supervisor");
    let hand_on = pb::TransferSessionRequest {
        session: session.id.clone(),
        recipient: Some(to_queue("care")),
        note: format!("{TYPED}-own"),
        ..Default::default()
    };
    let handed = sue.transfers.transfer_session(hand_on).await.expect("she may").into_inner();
    let shown = handed.transfer.expect("a transfer");
    assert_eq!((shown.note.as_str(), shown.content_hidden), ("", true));
    let kept = admin.the_transfer(&shown.id).await;
    assert_eq!((kept.note, kept.content_hidden), (format!("{TYPED}-own"), false));
    let update = pb::UpdateSessionRequest {
        session: session.id,
        set_attributes: typed("own"),
        ..Default::default()
    };
    let shown = sue.sessions.update_session(update).await.expect("she may").into_inner();
    let shown = shown.session.expect("a session");
    assert!(shown.attributes.is_empty() && shown.content_hidden);
    let facts =
        pb::FlowFacts { channel: "wa".into(), attributes: typed("test"), ..Default::default() };
    let test = pb::TestFlowRequest {
        flow: Some(pb::test_flow_request::Flow::Id("lane".into())),
        facts: Some(facts),
        ..Default::default()
    };
    let tried = sue.directory.test_flow(test).await.expect("she may").into_inner();
    let trace = tried.trace.expect("a trace");
    assert!(trace.steps[0].why.contains(TYPED), "what she tries it with is her own: {trace:?}");
}

/// A resumed stream hides what the entries before it say, too.
#[tokio::test(flavor = "multi_thread")]
async fn s4_w2_a_stream_that_is_resumed_hides_it_as_well() {
    let site = Site::on_redis().await;
    let mut admin = site.a.admin();
    admin.configure(org()).await;
    let mut sue = blind(site.b(), "supervisor");
    let watch = pb::WatchRequest { heartbeat_interval: seconds(1), ..request(&KINDS) };
    let (stream, _, _) = Stream::synced(&mut sue, watch.clone()).await;
    let opened = pb::OpenSessionRequest {
        attributes: typed("later"),
        ..opening("c-1", into_queue("billing"))
    };
    let revision = admin.open_with(opened).await.expect("it opens").revision;
    let resumed = pb::WatchRequest { resume_token: stream.token.clone(), ..watch };
    let mut sent = Sent::default();
    let mut stream = Stream::open(&mut sue, resumed).await.expect("it goes on");
    for changes in stream.up_to(revision).await {
        sent.note("change", &changes);
    }
    assert!(!sent.0.is_empty());
    assert_eq!(sent.with_typed(), Vec::<&str>::new());
}

/// Every message of an answer that has a note or attributes says whether they are hidden; a new one is noticed here.
#[test]
fn s4_whatever_shows_what_was_typed_says_whether_it_is_hidden() {
    let all = FileDescriptorSet::decode(pb::DESCRIPTORS).expect("the build made it");
    let messages =
        all.file.iter().filter(|f| f.package() == "baton.v1").flat_map(|f| &f.message_type);
    let mut showing = BTreeSet::new();
    for message in
        messages.filter(|m| !m.name().ends_with("Request") || m.name() == "RoutingRequest")
    {
        let has = |name: &str| message.field.iter().any(|field| field.name() == name);
        if has("note") || has("attributes") {
            showing.insert(message.name());
        }
    }
    // Facts for a test of a flow are what the caller brings.
    assert!(showing.remove("FlowFacts"));
    let known = ["FlowTrace", "Handoff", "RoutingRequest", "Session", "SessionReturn", "Transfer"];
    assert_eq!(showing.into_iter().collect::<Vec<_>>(), known, "hide it, and add it to `play`");
    for name in known {
        let message = all.file.iter().flat_map(|f| &f.message_type).find(|m| m.name() == name);
        let fields = &message.expect("it is there").field;
        assert!(fields.iter().any(|field| field.name() == "content_hidden"), "{name}");
    }
}
