//! What partners are asked as it is read and watched (N6, N7, T23), through gRPC: in memory, and changed at one server and
//! watched at the other. Whose is whose is another file's.

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_object::Object;

use super::partner_scope::{partner, routed_to_ana, sites};
use super::site::{Log, seconds, to_queue};
use super::stream::{Stream, request};
use super::vendor::{partner_org, to_desk};
use super::watching::forgetful;
use super::world::House;

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

#[tokio::test(flavor = "multi_thread")]
async fn o6_a_return_stands_in_the_chain_of_the_next_hand_off_and_in_the_story() {
    for site in sites().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        admin.supply_desk().await;
        let session = routed_to_ana(&site, "c-1").await;
        let ana = &mut site.a.rep("ana");
        let transfer = ana.hand_on(&session, to_desk()).await.expect("hers").transfer.expect("one");
        let mut acme = partner(&site.a, "acme");
        acme.complete(&transfer.handoff).await.expect("its own");
        let back = pb::ReturnSessionRequest {
            session: session.clone(),
            note: "wants a refund".into(),
            reason: pb::SessionReturnReason::Done.into(),
            ..Default::default()
        };
        let back = acme.sessions.return_session(back).await.expect("its own").into_inner();
        let back = back.session.expect("a session");
        assert_eq!((back.external_contact, back.returns.len()), (None, 1));
        assert_eq!(back.returns[0].reason(), pb::SessionReturnReason::Done);
        assert_eq!(back.returns[0].from.as_ref().map(|of| of.contact.as_str()), Some("desk"));
        let again = Target::Contact("desk".into());
        acme.route(&back.routing_request, again).await.expect("nobody has it");
        let open = acme.handoffs().await;
        let chain: Vec<_> = open[0].chain.iter().map(|l| (l.completed, l.returned)).collect();
        assert_eq!(chain, [(true, false), (true, true)], "{}", site.name());
        assert_eq!((open[0].transfer.as_str(), open[0].from_rep.as_str()), ("", ""));
        let story = pb::GetSessionHistoryRequest { session, ..Default::default() };
        let story = admin.sessions.get_session_history(story).await.expect("it is there");
        let events = story.into_inner().events;
        let from = events.iter().position(|e| e.kind == "session_returned").expect("returned");
        let told: Vec<_> = events[from..].iter().map(|e| e.kind.as_str()).collect();
        let expected = ["session_returned", "routing_asked", "routing_routed", "handoff_asked"];
        assert_eq!(told, expected, "{}", site.name());
        let by = events[from].actor.as_ref().map(|actor| (actor.role(), actor.id.as_str()));
        assert_eq!(by, Some((pb::Role::Partner, "acme")));
    }
}
