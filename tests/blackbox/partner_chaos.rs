//! A partner at its worst (N3, N7): it reads nothing of what it watches, floods Baton with answers that are wrong, another's or
//! too late, and lets what it is asked expire. Nothing is lost, doubled or stuck by that, and the other partner doesn't notice.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_object::Object;
use tokio::task::JoinSet;

use super::partner_scope::{partner, sites};
use super::site::{Log, Site, seconds};
use super::stream::{Stream, request};
use super::vendor::partner_org;
use super::world::{House, refusal};

/// Sessions of the one that misbehaves.
const SESSIONS: usize = 12;
/// Wrong answers to each of its requests, and to one of the other partner's.
const WRONG: usize = 12;
/// How long the other one may wait for an answer at most.
const PATIENCE: Duration = Duration::from_secs(2);
/// A partner that is away is asked about one session every thirty seconds (N7).
const PROBED: Duration = Duration::from_secs(45);

async fn org(site: &Site) {
    let mut directory = partner_org();
    for partner in &mut directory.partners {
        partner.routing_deadline = seconds(2);
        partner.away_after = 5;
    }
    directory.reps[1].partners =
        vec![pb::PartnerAlias { partner: "zeta".into(), id: String::new() }];
    for channel in &mut directory.channels {
        channel.weight = Some(pb::Weight { weight: Some(pb::weight::Weight::CentiUnits(0)) });
    }
    let mut admin = site.a.admin();
    admin.configure(directory).await;
    admin.arrive("ana").await;
    admin.arrive("ben").await;
}

/// Answers that can't be right, all at once, of everything that is asked.
fn flood(house: &House, asked: &[String], others: &str) -> JoinSet<String> {
    let mut flood = JoinSet::new();
    for number in 0..WRONG {
        for id in asked.iter().map(String::as_str).chain([others]) {
            let mut acme = partner(house, "acme");
            let target = match number % 3 {
                0 => Target::Rep("ben".into()),
                1 => Target::Rep("nobody".into()),
                _ => Target::Queue("vips".into()),
            };
            let id = id.to_owned();
            flood.spawn(async move { refusal(acme.route(&id, target).await).1 });
        }
    }
    flood
}

fn state_of_acme(changes: &pb::RevisionChanges) -> Option<pb::PartnerState> {
    changes.changes.iter().find_map(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject {
            object: Some(Object::Partner(state)),
        })) if state.partner == "acme" => Some(state.clone()),
        _ => None,
    })
}

fn stranded(changes: &pb::RevisionChanges, id: &str) -> bool {
    changes.changes.iter().any(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject {
            object: Some(Object::Session(session)),
        })) => session.id == id && session.stranded && session.owner.is_empty(),
        _ => false,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn n7_n3_a_partner_at_its_worst_is_nobody_elses_trouble() {
    let [memory, redis] = sites().await;
    tokio::join!(at_its_worst(&memory), at_its_worst(&redis));
}

async fn at_its_worst(site: &Site) {
    org(site).await;
    let mut admin = site.a.admin();
    let mut acme = partner(site.b(), "acme");
    let kinds = [pb::WatchKind::RoutingRequest, pb::WatchKind::Session];
    let mut unread = Vec::new();
    for _ in 0..4 {
        unread.push(Stream::open(&mut acme, request(&kinds)).await.expect("it may watch"));
    }
    let mut log = Log::of(&mut admin, &[pb::WatchKind::Partner, pb::WatchKind::Session]).await;
    let (mut sessions, mut asked) = (Vec::new(), Vec::new());
    for number in 0..SESSIONS {
        let (session, _) = admin.bring("ccaas", &format!("c-{number}")).await;
        asked.push(session.routing_request);
        sessions.push(session.id);
    }
    let (theirs, _) = admin.bring("other", "z-1").await;
    let flood = flood(site.b(), &asked, &theirs.routing_request);
    served_as_ever(site, &theirs).await;
    let reasons: BTreeSet<String> = flood.join_all().await.into_iter().collect();
    let known = ["HANDOFF_EXPIRED", "INVALID_FIELD", "NOT_FOUND", "WRONG_STATE"];
    assert!(reasons.iter().all(|r| known.contains(&r.as_str())), "{reasons:?}");
    // What it lets expire makes it away, and an answer brings it back.
    log.find("that acme is away", |c| state_of_acme(c).filter(|s| s.away)).await;
    for id in &sessions {
        log.find("each is stranded", |c| stranded(c, id).then_some(())).await;
    }
    comes_back(site, &mut log, &sessions).await;
    drop(unread);
}

/// The other partner is answered in time while the first floods.
async fn served_as_ever(site: &Site, theirs: &pb::Session) {
    let begun = Instant::now();
    let mut zeta = partner(site.b(), "zeta");
    let routed = zeta.route(&theirs.routing_request, Target::Rep("ben".into())).await;
    let routed = routed.expect("ben is zeta's").routing_request.expect("a request");
    site.a.rep("ben").take(&routed.work).await.expect("it is his");
    assert!(begun.elapsed() < PATIENCE, "zeta waited {:?}", begun.elapsed());
    assert_eq!(site.a.admin().session(&theirs.id).await.owner, "ben");
}

/// The partner answers again: it is asked about everything that waits for it, and has each of them once.
async fn comes_back(site: &Site, log: &mut Log, sessions: &[String]) {
    let mut admin = site.a.admin();
    let mut acme = partner(&site.a, "acme");
    let heard = seconds(1);
    let watched = request(&[pb::WatchKind::RoutingRequest]);
    let watched = pb::WatchRequest { heartbeat_interval: heard, ..watched };
    let mut watch = Log::over(&mut acme, watched).await;
    let open = acme.routings().await;
    let first = match open.into_iter().find(|r| r.state() == pb::RoutingRequestState::Asked) {
        Some(request) => request,
        None => watch.find_within(PROBED, "the probe", asked_anew).await.1,
    };
    acme.claim(&first.id).await.expect("it is asked in time");
    log.find("that acme is back", |c| state_of_acme(c).filter(|s| !s.away)).await;
    // Nobody renewed her lease in the meantime.
    admin.arrive("ana").await;
    for id in sessions {
        let now = admin.session(id).await;
        let request = match now.routing_request.is_empty() {
            false => now.routing_request,
            true => watch.find("each is asked about", |c| asked_about(c, id)).await.1,
        };
        let routed = acme.route(&request, Target::Rep("a-1".into())).await.expect("it is open");
        let work = routed.routing_request.expect("a request").work;
        site.a.rep("ana").take(&work).await.expect("it is hers");
        assert_eq!(admin.session(id).await.owner, "ana");
        let work = admin.work_of(id, routed.revision).await;
        let live = work.iter().filter(|w| w.state() == pb::WorkState::Open).count();
        assert_eq!(live, 1, "{work:?}");
    }
}

fn requests(changes: &pb::RevisionChanges) -> impl Iterator<Item = &pb::RoutingRequest> {
    changes.changes.iter().filter_map(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject {
            object: Some(Object::RoutingRequest(request)),
        })) if request.state() == pb::RoutingRequestState::Asked => Some(request),
        _ => None,
    })
}

fn asked_anew(changes: &pb::RevisionChanges) -> Option<pb::RoutingRequest> {
    requests(changes).next().cloned()
}

fn asked_about(changes: &pb::RevisionChanges, session: &str) -> Option<String> {
    requests(changes).find(|r| r.session == session).map(|r| r.id.clone())
}
