//! What partners and adapters find and what doesn't exist for them (N3, N5, S2), through gRPC: reads, lists and streams.

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_response::Frame;
use tonic::Code;

use super::site::{Site, into_queue};
use super::stream::{Stream, request, touched};
use super::vendor::partner_org;
use super::world::{Caller, House, refusal};

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

/// Both sites, with the partners' org.
pub async fn sites() -> [Site; 2] {
    let sites = [Site::in_memory().await, Site::on_redis().await];
    for site in &sites {
        site.a.admin().configure(partner_org()).await;
    }
    sites
}

/// A partner.
pub fn partner(house: &House, id: &str) -> Caller {
    house.caller("partner", id)
}

/// What a snapshot holds, kind and id.
fn names(objects: Vec<pb::WatchObject>) -> Vec<(&'static str, String)> {
    let upserted = |object| pb::Change {
        change: Some(pb::change::Change::Upserted(object)),
        ..Default::default()
    };
    let changes = objects.into_iter().map(upserted).collect();
    let mut names = touched(&pb::RevisionChanges { changes, ..Default::default() });
    names.sort();
    names
}

fn of_kind(names: &[(&'static str, String)], kind: &str) -> Vec<String> {
    names.iter().filter(|(of, _)| *of == kind).map(|(_, id)| id.clone()).collect()
}

async fn listed(caller: &mut Caller) -> Vec<String> {
    let request = pb::ListSessionsRequest { page_size: 500, ..Default::default() };
    let sessions = caller.sessions.list_sessions(request).await.expect("a list").into_inner();
    sessions.sessions.into_iter().map(|session| session.id).collect()
}

fn get(session: &str) -> pb::GetSessionRequest {
    let which = Some(pb::get_session_request::Which::Session(session.to_owned()));
    pb::GetSessionRequest { which, ..Default::default() }
}

/// A session of acme's that ana has, which both servers know: asked about, routed to her, accepted.
pub async fn routed_to_ana(site: &Site, reference: &str) -> String {
    let mut admin = site.a.admin();
    let (session, _) = admin.bring("ccaas", reference).await;
    let asked = session.routing_request.clone();
    let routed = admin.route(&asked, Target::Rep("ana".into())).await.expect("she is there");
    let work = routed.routing_request.expect("a request").work;
    let taken = site.a.rep("ana").take(&work).await.expect("it is hers");
    site.b().admin().session_since(&session.id, taken.revision).await;
    session.id
}

#[tokio::test(flavor = "multi_thread")]
async fn n3_a_partner_finds_its_own_and_nothing_of_anybody_elses() {
    for site in sites().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        admin.arrive("ben").await;
        let (own, _) = admin.bring("ccaas", "c-1").await;
        let (others, _) = admin.bring("other", "c-2").await;
        let (batons, revision) = admin.enqueue("c-3", "care").await;
        let (mut acme, mut zeta) = (partner(site.b(), "acme"), partner(site.b(), "zeta"));
        acme.session_since(&own.id, revision).await;
        assert_eq!(listed(&mut acme).await, std::slice::from_ref(&own.id));
        assert_eq!(listed(&mut zeta).await, std::slice::from_ref(&others.id));
        for hidden in [&others.id, &batons.id] {
            let found = acme.sessions.get_session(get(hidden)).await;
            assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
            let story =
                pb::GetSessionHistoryRequest { session: hidden.clone(), ..Default::default() };
            let found = acme.sessions.get_session_history(story).await;
            assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
        }
        let of_acme: Vec<_> =
            acme.routings().await.into_iter().map(|asked| asked.session).collect();
        assert_eq!(of_acme, std::slice::from_ref(&own.id));
        let ask = pb::GetRoutingRequestRequest {
            routing_request: own.routing_request.clone(),
            ..Default::default()
        };
        let found = acme.partners.get_routing_request(ask.clone()).await.expect("its own");
        let found = found.into_inner().routing_request.expect("a request");
        assert_eq!((found.session.as_str(), found.attempt), (own.id.as_str(), 1));
        let found = zeta.partners.get_routing_request(ask).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
        let other = pb::GetPartnerStateRequest { partner: "acme".into(), ..Default::default() };
        let found = zeta.partners.get_partner_state(other).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
        let named = pb::ListRoutingRequestsRequest { partner: "acme".into(), ..Default::default() };
        let found = zeta.partners.list_routing_requests(named).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
        let presence =
            |rep: &str| pb::GetRepPresenceRequest { rep: rep.into(), ..Default::default() };
        acme.presence.get_rep_presence(presence("ana")).await.expect("acme drives her");
        let found = acme.presence.get_rep_presence(presence("ben")).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
        let list = pb::ListRepPresencesRequest::default();
        let reps = acme.presence.list_rep_presences(list).await.expect("a list").into_inner();
        assert_eq!(reps.rep_presences.len(), 1, "{reps:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n3_a_partners_stream_carries_its_own_alone() {
    for site in sites().await {
        let mut admin = site.a.admin();
        let (own, _) = admin.bring("ccaas", "c-1").await;
        admin.bring("other", "c-2").await;
        let (_, revision) = admin.enqueue("c-3", "care").await;
        let mut acme = partner(site.b(), "acme");
        acme.session_since(&own.id, revision).await;
        let (mut stream, objects, _) = Stream::synced(&mut acme, request(&KINDS)).await;
        let snapshot = names(objects);
        assert_eq!(of_kind(&snapshot, "session"), std::slice::from_ref(&own.id));
        assert_eq!(
            of_kind(&snapshot, "routing_request"),
            std::slice::from_ref(&own.routing_request)
        );
        assert_eq!(of_kind(&snapshot, "partner"), ["acme"]);
        assert_eq!(of_kind(&snapshot, "rep"), ["ana"]);
        assert_eq!(of_kind(&snapshot, "queue"), ["billing", "care", "vips"]);
        // Nothing of what goes on elsewhere, up to something of its own.
        let (_, _) = admin.bring("other", "c-4").await;
        admin.arrive("ben").await;
        let (more, revision) = admin.bring("ccaas", "c-5").await;
        let seen = stream.up_to(revision).await;
        let mut told: Vec<_> = seen.iter().flat_map(touched).collect();
        told.retain(|(kind, _)| *kind != "queue");
        told.sort();
        told.dedup();
        assert_eq!(
            told,
            [
                ("partner", "acme".to_owned()),
                ("routing_request", more.routing_request.clone()),
                ("session", more.id.clone()),
            ]
        );
        let narrowed = pb::WatchRequest {
            filter: Some(pb::WatchFilter { partner: "zeta".into(), ..Default::default() }),
            ..request(&KINDS)
        };
        let refused = Stream::open(&mut acme, narrowed.clone()).await.map(|_| ());
        assert_eq!(refusal(refused), (Code::NotFound, "NOT_FOUND".into()));
        let (_, objects, _) = Stream::synced(&mut site.a.admin(), narrowed).await;
        let of_zeta = names(objects);
        assert_eq!(of_kind(&of_zeta, "session").len(), 2);
        assert_eq!(of_kind(&of_zeta, "routing_request").len(), 2);
        assert_eq!(of_kind(&of_zeta, "partner"), ["zeta"]);
        assert_eq!(of_kind(&of_zeta, "queue"), Vec::<String>::new());
    }
}

#[tokio::test]
async fn n5_an_adapter_sees_the_channels_that_name_it_or_nobody() {
    let [site, _] = sites().await;
    let mut admin = site.a.admin();
    let (of_acme, _) = admin.bring("ccaas", "c-1").await;
    let (of_zeta, _) = admin.bring("other", "c-2").await;
    let (batons, _) = admin.enqueue("c-3", "care").await;
    let mut bridge = site.a.caller("adapter", "bridge");
    assert_eq!(listed(&mut bridge).await, [of_acme.id.clone(), batons.id.clone()]);
    let found = bridge.sessions.get_session(get(&of_zeta.id)).await;
    assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
    let (_, objects, _) = Stream::synced(&mut bridge, request(&[pb::WatchKind::Session])).await;
    assert_eq!(of_kind(&names(objects), "session"), [of_acme.id, batons.id.clone()]);
    let mut stranger = site.a.caller("adapter", "stranger");
    assert_eq!(listed(&mut stranger).await, [batons.id]);
    for role in ["adapter", "rep"] {
        for kind in [pb::WatchKind::Handoff, pb::WatchKind::RoutingRequest, pb::WatchKind::Partner]
        {
            let watched = Stream::open(&mut site.a.caller(role, "ana"), request(&[kind])).await;
            let refused = refusal(watched.map(|_| ()));
            assert_eq!(
                refused,
                (Code::PermissionDenied, "PERMISSION_DENIED".into()),
                "{role} {kind:?}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n3_a_channel_that_goes_to_another_partner_leaves_the_stream_of_the_first() {
    for site in sites().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        let session = routed_to_ana(&site, "c-1").await;
        let kinds = [pb::WatchKind::Session, pb::WatchKind::Work];
        let (mut of_acme, objects, _) =
            Stream::synced(&mut partner(site.b(), "acme"), request(&kinds)).await;
        assert_eq!(of_kind(&names(objects), "session"), std::slice::from_ref(&session));
        let (mut of_zeta, objects, _) =
            Stream::synced(&mut partner(site.b(), "zeta"), request(&kinds)).await;
        assert_eq!(names(objects), []);
        let mut channel =
            partner_org().channels.into_iter().find(|c| c.id == "ccaas").expect("one");
        channel.routing_partner = "zeta".into();
        let change = pb::UpsertChannelRequest { channel: Some(channel), ..Default::default() };
        admin.directory.upsert_channel(change).await.expect("nothing waits for acme");
        for (stream, sees) in [(&mut of_acme, 0), (&mut of_zeta, 1)] {
            let Frame::Reset(reset) = stream.news().await else { panic!("no reset") };
            assert_eq!(reset.reason(), pb::ResetReason::ScopeChanged);
            let (objects, _) = stream.snapshot().await;
            assert_eq!(of_kind(&names(objects), "session").len(), sees);
        }
        let found = partner(&site.a, "acme").sessions.get_session(get(&session)).await;
        assert_eq!(refusal(found), (Code::NotFound, "NOT_FOUND".into()));
    }
}

#[tokio::test]
async fn n6_lists_of_what_partners_are_asked_come_in_pages_and_by_state_and_session() {
    let [site, _] = sites().await;
    let mut admin = site.a.admin();
    let mut asked = Vec::new();
    for number in 0..5 {
        let (session, _) = admin.bring("ccaas", &format!("c-{number}")).await;
        asked.push((session.routing_request.clone(), session.id));
    }
    admin.bring("other", "c-9").await;
    // One waits in the line, one is given up and asked about again.
    admin.claim(&asked[1].0).await.expect("open");
    admin.give_up(&asked[3].0).await.expect("open");
    let mut acme = partner(&site.a, "acme");
    let mut request = pb::ListRoutingRequestsRequest { page_size: 2, ..Default::default() };
    let mut found = Vec::new();
    loop {
        let page = acme.partners.list_routing_requests(request.clone()).await.expect("a page");
        let page = page.into_inner();
        found.extend(page.routing_requests.into_iter().map(|asked| asked.id));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    let open = |i: &usize| asked[*i].0.clone();
    assert_eq!(found[..4], [0, 1, 2, 4].each_ref().map(open), "in the order asked");
    let failed = pb::ListRoutingRequestsRequest {
        states: vec![pb::RoutingRequestState::Failed.into()],
        ..Default::default()
    };
    let found = acme.partners.list_routing_requests(failed).await.expect("a list").into_inner();
    let found: Vec<_> = found.routing_requests.into_iter().map(|asked| asked.id).collect();
    assert_eq!(found, [open(&3)]);
    let of_session = pb::ListRoutingRequestsRequest {
        session: asked[1].1.clone(),
        states: vec![pb::RoutingRequestState::Acknowledged.into()],
        ..Default::default()
    };
    let found = acme.partners.list_routing_requests(of_session).await.expect("a list").into_inner();
    assert_eq!(found.routing_requests.len(), 1);
    let wrong = pb::ListRoutingRequestsRequest {
        partner: "no such id".into(),
        states: vec![77],
        session: "x".into(),
        page_size: -1,
        ..Default::default()
    };
    let refused = admin.partners.list_routing_requests(wrong).await;
    assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_FIELD".into()));
    let nobody = pb::GetPartnerStateRequest::default();
    let refused = admin.partners.get_partner_state(nobody).await;
    assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_FIELD".into()));
    // Whoever has a session is shown to the partner with a line of weight alone where it isn't the partner's (C7).
    admin.arrive("ana").await;
    let opened = admin.open_to("c-10", into_queue("billing")).await.expect("it may be opened");
    let work = opened.session.expect("one").offer.expect("ana is free").work;
    site.a.rep("ana").take(&work).await.expect("hers");
    let explain = pb::ExplainCapacityRequest { rep: "ana".into(), ..Default::default() };
    let explained = acme.presence.explain_capacity(explain).await.expect("acme drives her");
    let lines = explained.into_inner().explanation.expect("one").lines;
    assert_eq!(lines.len(), 1);
    assert_eq!((lines[0].holds_centi_units, lines[0].session.as_str()), (100, ""));
    assert_eq!((lines[0].work.as_str(), lines[0].channel.as_str()), ("", ""));
}

/// The sessions of a list, by the rep and the queue as the caller names them.
async fn found(
    caller: &mut Caller,
    (rep, queue): (&str, &str),
    at_least_revision: i64,
) -> Vec<String> {
    let (rep, queue) = (rep.to_owned(), queue.to_owned());
    let request = pb::ListSessionsRequest { rep, queue, at_least_revision, ..Default::default() };
    let sessions = caller.sessions.list_sessions(request).await.expect("a list").into_inner();
    sessions.sessions.into_iter().map(|session| session.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn n8_a_partner_names_its_reps_and_queues_by_its_own_ids() {
    use pb::open_session_request::Target as At;
    for site in sites().await {
        site.a.admin().arrive("ana").await;
        let mut acme = partner(&site.a, "acme");
        let open = |reference: &str, target| pb::OpenSessionRequest {
            channel: "ccaas".into(),
            external_reference: reference.into(),
            target: Some(target),
            ..Default::default()
        };
        let hers = acme.sessions.open_session(open("c-1", At::Rep("a-1".into()))).await;
        let hers = hers.expect("acme drives her").into_inner().session.expect("a session");
        assert_eq!(hers.offer.expect("she is asked").rep, "ana", "{}", site.name());
        let waits = acme.sessions.open_session(open("c-2", At::Queue("q-7".into()))).await;
        let waits = waits.expect("its own queue").into_inner();
        let (waits, at) = (waits.session.expect("a session"), waits.revision);
        assert_eq!(found(&mut acme, ("a-1", ""), at).await, [hers.id]);
        assert_eq!(found(&mut acme, ("", "q-7"), at).await, [waits.id]);
        let rep = || "a-1".to_owned();
        let shown = pb::GetRepPresenceRequest { rep: rep(), ..Default::default() };
        let shown = acme.presence.get_rep_presence(shown).await.expect("hers").into_inner();
        let shown = shown.rep_presence.expect("a state");
        assert_eq!((shown.rep.as_str(), shown.open_work), ("ana", 1));
        let full = pb::ExplainCapacityRequest { rep: rep(), ..Default::default() };
        let full = acme.presence.explain_capacity(full).await.expect("hers").into_inner();
        assert_eq!(full.explanation.expect("the work").lines.len(), 1);
        let work = pb::ListWorkRequest { rep: rep(), ..Default::default() };
        let work = acme.work.list_work(work).await.expect("a list").into_inner().work;
        assert_eq!(work.iter().map(|work| work.rep.as_str()).collect::<Vec<_>>(), ["ana"]);
        let line = pb::GetQueueStateRequest { queue: "q-7".into(), ..Default::default() };
        let line = acme.watches.get_queue_state(line).await.expect("its own").into_inner();
        let line = line.queue_state.expect("a state");
        assert_eq!((line.queue.as_str(), line.length), ("vips", 1));
        // Others don't know these ids: an admin means Baton's, and zeta has none of them.
        for mut other in [partner(&site.a, "zeta"), site.a.admin()] {
            let shown = pb::GetRepPresenceRequest { rep: rep(), ..Default::default() };
            let refused = other.presence.get_rep_presence(shown).await;
            assert_eq!(refusal(refused), (Code::NotFound, "NOT_FOUND".into()));
        }
    }
}
