//! What partners and adapters see (N3, N5), and what partners are asked as it is read and watched (N6, N7, T23), through gRPC:
//! in memory, and changed at one server and watched at the other.

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_object::Object;
use pb::watch_response::Frame;
use tonic::Code;

use super::site::{Log, Site, into_queue, seconds, to_queue};
use super::stream::{Stream, request, touched};
use super::vendor::{partner_org, to_desk};
use super::watching::forgetful;
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

async fn sites() -> [Site; 2] {
    let sites = [Site::in_memory().await, Site::on_redis().await];
    for site in &sites {
        site.a.admin().configure(partner_org()).await;
    }
    sites
}

fn partner(house: &House, id: &str) -> Caller {
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
async fn routed_to_ana(site: &Site, reference: &str) -> String {
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

fn asked_in(changes: &pb::RevisionChanges, id: &str) -> Option<(pb::RoutingRequest, Vec<String>)> {
    changes.changes.iter().find_map(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject {
            object: Some(Object::RoutingRequest(asked)),
        })) if asked.id == id => Some((asked.clone(), change.facts.clone())),
        _ => None,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn n6_every_step_of_a_routing_request_is_told_in_order_and_resumed() {
    for site in sites().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        let kinds = [pb::WatchKind::RoutingRequest, pb::WatchKind::Session];
        let mut acme = partner(site.b(), "acme");
        let (first, _, _) = Stream::synced(&mut acme, request(&kinds)).await;
        let token = first.token.clone();
        let mut log = Log::of(&mut acme, &kinds).await;
        let (session, _) = admin.bring("ccaas", "c-1").await;
        let id = session.routing_request.clone();
        assert!(!id.is_empty(), "{session:?}");
        assert_eq!(
            session.waiting_line.and_then(|line| line.line),
            Some(pb::waiting_line::Line::Partner("acme".into()))
        );
        let at_acme = &mut partner(&site.a, "acme");
        at_acme.claim(&id).await.expect("nobody has it");
        let done = at_acme.route(&id, Target::Rep("a-1".into())).await.expect("ana has room");
        log.up_to(done.revision).await;
        let steps = |seen: &[pb::RevisionChanges]| -> Vec<(i32, Vec<String>)> {
            let of = seen.iter().filter_map(|changes| asked_in(changes, &id));
            of.map(|(asked, facts)| (asked.state, facts)).collect()
        };
        use pb::RoutingRequestState::{Acknowledged, Asked, Routed};
        let expected = [
            (Asked.into(), vec!["routing_asked".to_owned()]),
            (Acknowledged.into(), vec!["routing_acknowledged".to_owned()]),
            (Routed.into(), vec!["routing_routed".to_owned()]),
        ];
        assert_eq!(steps(&log.seen), expected, "{}", site.name());
        let resume = pb::WatchRequest { resume_token: token, ..request(&kinds) };
        let mut resumed =
            Stream::open(&mut partner(&site.a, "acme"), resume).await.expect("any server");
        assert_eq!(steps(&resumed.up_to(done.revision).await), expected, "{}", site.name());
        let asked = done.routing_request.expect("a request");
        assert_eq!(
            asked.routed_to.clone().and_then(|to| to.recipient),
            Some(pb::recipient::Recipient::Rep("ana".into()))
        );
        assert!(asked.weight.is_some() && asked.channel_type() == pb::ChannelType::ByocForCcaas);
        let story = pb::GetSessionHistoryRequest { session: session.id, ..Default::default() };
        let story = admin.sessions.get_session_history(story).await.expect("it is there");
        let told: Vec<_> = story.into_inner().events.into_iter().map(|e| e.kind).collect();
        let expected = [
            "session_opened",
            "routing_asked",
            "routing_acknowledged",
            "routing_routed",
            "work_offered",
        ];
        assert_eq!(told, expected, "{}", site.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_a_hand_off_is_told_step_by_step_with_what_the_partner_needs() {
    for site in sites().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        admin.supply_desk().await;
        let session = routed_to_ana(&site, "c-1").await;
        let kinds = [pb::WatchKind::Handoff, pb::WatchKind::Transfer, pb::WatchKind::Session];
        let mut log = Log::of(&mut partner(site.b(), "acme"), &kinds).await;
        let ana = &mut site.a.rep("ana");
        let first = ana.hand_on(&session, to_desk()).await.expect("hers").transfer.expect("one");
        assert_eq!((first.state(), first.rep.as_str()), (pb::TransferState::Offered, ""));
        let failed = partner(&site.a, "acme").refuse(&first.handoff).await.expect("its own");
        let failed = failed.handoff.expect("a hand-off");
        assert_eq!(failed.failure_reason(), pb::HandoffFailure::Busy);
        assert_eq!((failed.from_rep.as_str(), failed.contact_name.as_str()), ("ana", "Front desk"));
        let first = ana.the_transfer(&first.id).await;
        assert_eq!(first.state(), pb::TransferState::Failed);
        assert_eq!(first.end_reason(), pb::TransferEndReason::HandoffFailed);
        assert_eq!(first.end_detail, "all lines are taken");
        assert_eq!((first.retryable, first.retry_after), (true, seconds(30)));
        let second = ana.hand_on(&session, to_desk()).await.expect("hers").transfer.expect("one");
        assert_eq!(admin.session(&session).await.handoff, second.handoff);
        let open = partner(&site.a, "acme").handoffs().await;
        assert_eq!(open.iter().map(|h| h.id.as_str()).collect::<Vec<_>>(), [&second.handoff]);
        let chain: Vec<_> =
            open[0].chain.iter().map(|l| (l.from_rep.as_str(), l.completed)).collect();
        assert_eq!(chain, [("ana", false)]);
        let done = partner(&site.a, "acme").complete(&second.handoff).await.expect("its own");
        log.up_to(done.revision).await;
        let second = admin.the_transfer(&second.id).await;
        assert_eq!(second.state(), pb::TransferState::Completed);
        assert_eq!(second.end_reason(), pb::TransferEndReason::HandoffCompleted);
        assert!(second.accepted_at.is_some() && second.accepted_at == second.ended_at);
        let now = admin.session(&session).await;
        assert_eq!(now.state(), pb::SessionState::External);
        assert_eq!(now.external_contact.expect("one").contact, "desk");
        let handoffs = log.seen.iter().flat_map(|c| &c.changes).filter_map(|change| {
            match change.change.as_ref().expect("a change") {
                pb::change::Change::Upserted(pb::WatchObject {
                    object: Some(Object::Handoff(h)),
                }) => Some((h.state(), change.facts.join(" "))),
                _ => None,
            }
        });
        use pb::HandoffState::{Asked, Completed, Failed};
        let expected = [
            (Asked, "handoff_asked".to_owned()),
            (Failed, "handoff_failed".to_owned()),
            (Asked, "handoff_asked".to_owned()),
            (Completed, "handoff_completed".to_owned()),
        ];
        assert_eq!(handoffs.collect::<Vec<_>>(), expected, "{}", site.name());
        let story = pb::GetSessionHistoryRequest { session, ..Default::default() };
        let story = admin.sessions.get_session_history(story).await.expect("it is there");
        let told: Vec<_> = story.into_inner().events.into_iter().map(|e| e.kind).collect();
        let from = told.iter().position(|kind| kind == "transfer_requested").expect("asked");
        let expected = [
            "transfer_requested",
            "handoff_asked",
            "handoff_failed",
            "transfer_failed",
            "transfer_requested",
            "handoff_asked",
            "handoff_completed",
            "rep_removed",
            "transfer_completed",
            "work_ended",
        ];
        assert_eq!(told[from..], expected, "{}", site.name());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n7_how_a_partner_does_is_read_and_watched() {
    for site in sites().await {
        let mut admin = site.a.admin();
        let mut watcher = site.b().admin();
        let quick = pb::WatchRequest {
            heartbeat_interval: seconds(1),
            filter: Some(pb::WatchFilter { partner: "acme".into(), ..Default::default() }),
            ..request(&[pb::WatchKind::Partner])
        };
        let mut log = Log::over(&mut watcher, quick).await;
        let [Object::Partner(before)] = &log.snapshot[..] else { panic!("{:?}", log.snapshot) };
        assert_eq!((before.name.as_str(), before.contacts, before.streams), ("ACME", 0, 1));
        let (one, _) = admin.bring("ccaas", "c-1").await;
        let (_, _) = admin.bring("ccaas", "c-2").await;
        partner(&site.a, "acme").claim(&one.routing_request).await.expect("nobody has it");
        let counts =
            |p: &pb::PartnerState| (p.asked_routing_requests, p.acknowledged_routing_requests);
        let now = admin.state_of_acme().await;
        assert_eq!((counts(&now), now.open_handoffs, now.away), ((1, 1), 0, false));
        assert!(now.oldest_open_since.is_some() && now.last_progress_at.is_some());
        let told = |changes: &pb::RevisionChanges| {
            changes.changes.iter().find_map(|change| match change.change.as_ref() {
                Some(pb::change::Change::Upserted(pb::WatchObject {
                    object: Some(Object::Partner(p)),
                })) => Some((p.clone(), change.derived)),
                _ => None,
            })
        };
        let find = |c: &pb::RevisionChanges| told(c).filter(|(p, _)| counts(p) == (1, 1));
        let (_, (shown, derived)) = log.find("both requests", find).await;
        assert!(derived && shown.revision == now.revision, "{shown:?}");
        // A stream that is opened at the same server is told by the clock, and so is its end.
        let mut acme = partner(site.b(), "acme");
        let second = Stream::open(&mut acme, request(&[pb::WatchKind::Partner])).await;
        let second = second.expect("its own");
        log.find("two streams", |c| told(c).filter(|(p, _)| p.streams == 2)).await;
        drop(second);
        let last = |c: &pb::RevisionChanges| {
            told(c).filter(|(p, _)| p.streams == 1 && counts(p) == (1, 1))
        };
        let from = log.seen.len();
        log.seen.drain(..from);
        log.find("one stream", last).await;
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

/// What acme is told of its sessions' way, without ids: what became of which kind of object, and which facts say so.
fn way(seen: &[pb::RevisionChanges]) -> Vec<String> {
    let tell = |change: &pb::Change| {
        let what = match change.change.as_ref().expect("a change") {
            pb::change::Change::Removed(gone) => format!("removed {:?}", gone.reason()),
            pb::change::Change::Upserted(object) => {
                match object.object.as_ref().expect("an object") {
                    Object::Session(session) => format!("session {:?}", session.state()),
                    Object::Transfer(transfer) => {
                        format!("transfer {:?} after {:?}", transfer.state(), change.before())
                    }
                    Object::Handoff(handoff) => format!("hand-off {:?}", handoff.state()),
                    Object::RoutingRequest(asked) => {
                        format!("request {:?} for {:?}", asked.state(), asked.cause())
                    }
                    other => format!("{other:?}"),
                }
            }
        };
        format!("{what}: {}", change.facts.join(" "))
    };
    let steps = seen.iter().flat_map(|changes| &changes.changes).filter(|change| !change.derived);
    steps.map(tell).collect()
}

/// Five sessions that acme routed to ana: she is asked to take the first; she hands on the others, of which acme acknowledges
/// the third and the fourth. And one of zeta's. Their routing requests, zeta's last.
async fn begin(house: &House) -> Vec<pb::Session> {
    let (mut admin, mut ana) = (house.admin(), house.rep("ana"));
    for rep in ["ana", "ben"] {
        admin.arrive(rep).await;
    }
    let mut begun = Vec::new();
    for number in 0..5 {
        let (session, _) = admin.bring("ccaas", &format!("c-{number}")).await;
        let to_ana = Target::Rep("ana".into());
        let routed = admin.route(&session.routing_request, to_ana).await.expect("she is there");
        if number > 0 {
            ana.take(&routed.routing_request.expect("a request").work).await.expect("hers");
            ana.hand_on(&session.id, to_queue("vips")).await.expect("hers");
        }
        begun.push(admin.session(&session.id).await);
    }
    for asked in &begun[2..4] {
        admin.claim(&asked.routing_request).await.expect("open");
    }
    begun.push(admin.bring("other", "z-1").await.0);
    begun
}

/// What becomes of them: declined and given up; given up; ended; routed out of the line; routed at once. Zeta's waits in its
/// line.
async fn go_on(house: &House, begun: &[pb::Session]) -> i64 {
    let mut admin = house.admin();
    let work = begun[0].offer.clone().expect("ana is asked").work;
    let decline = pb::DeclineWorkRequest { work, ..Default::default() };
    house.rep("ana").work.decline_work(decline).await.expect("she may");
    let anew = admin.session(&begun[0].id).await.routing_request;
    admin.give_up(&anew).await.expect("open");
    admin.give_up(&begun[1].routing_request).await.expect("open");
    admin.end(&begun[2].id).await;
    admin.claim(&begun[5].routing_request).await.expect("open");
    let billing = || Target::Queue("billing".into());
    admin.route(&begun[3].routing_request, billing()).await.expect("open");
    admin.route(&begun[4].routing_request, billing()).await.expect("open").revision
}

#[tokio::test(flavor = "multi_thread")]
async fn w2_n3_what_partners_are_asked_is_told_alike_from_the_journal() {
    let mut told = Vec::new();
    for recent in [4_096, 2] {
        let house = House::over(forgetful(recent, 10_000)).await;
        let mut directory = partner_org();
        directory.presence_configurations[0].capacity_centi_units = 1_000;
        house.admin().configure(directory).await;
        let begun = begin(&house).await;
        let kinds = [
            pb::WatchKind::Session,
            pb::WatchKind::Transfer,
            pb::WatchKind::Handoff,
            pb::WatchKind::RoutingRequest,
        ];
        let mut acme = partner(&house, "acme");
        let (first, _, _) = Stream::synced(&mut acme, request(&kinds)).await;
        let token = first.token.clone();
        drop(first);
        let last = go_on(&house, &begun).await;
        let resume = pb::WatchRequest { resume_token: token, ..request(&kinds) };
        let mut resumed = Stream::open(&mut acme, resume).await.expect("a good token");
        told.push(way(&resumed.up_to(last).await));
    }
    let of_all = told[0].join("\n");
    for step in ["Failed after Offered", "SessionEnded after Waiting", "for Declined"] {
        assert!(of_all.contains(step), "{of_all}");
    }
    assert_eq!(told[0], told[1]);
}
