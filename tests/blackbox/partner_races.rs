//! Two workers of a partner's at two servers, and answers that race the deadline (T23, N6, N9): one wins, and both sides are
//! told the same. The servers don't see each other, so that each decides itself.

use std::time::{Duration, Instant};

use baton::pb;
use pb::route_session_request::Target;
use pb::watch_object::Object;
use tonic::Status;

use super::partner_scope::partner;
use super::site::{Log, Site, seconds};
use super::vendor::{partner_org, to_desk};
use super::world::{Caller, House, refusal};

/// Rounds by turns.
const ROUNDS: usize = 100;
/// Hand-offs that race their deadlines.
const RACES: usize = 40;

/// Two servers, and acme, which has a second for a hand-off.
async fn site() -> Site {
    let site = Site::of_two_homes().await;
    let mut admin = site.a.admin();
    let mut directory = partner_org();
    directory.partners[0].handoff_deadline = seconds(1);
    for channel in &mut directory.channels {
        // Nothing, so that one rep can have them all.
        channel.weight = Some(pb::Weight { weight: Some(pb::weight::Weight::CentiUnits(0)) });
    }
    admin.configure(directory).await;
    admin.supply_desk().await;
    admin.arrive("ana").await;
    site
}

fn each(site: &Site, round: usize) -> (&House, &House) {
    if round.is_multiple_of(2) { (&site.a, site.b()) } else { (site.b(), &site.a) }
}

/// A session of acme's channel that ana has.
async fn anas(house: &House, reference: &str) -> String {
    let mut admin = house.admin();
    let (session, _) = admin.bring("ccaas", reference).await;
    let mut acme = partner(house, "acme");
    let routed = acme.route(&session.routing_request, Target::Rep("a-1".into())).await;
    let work = routed.expect("ana is there").routing_request.expect("a request").work;
    house.rep("ana").take(&work).await.expect("it is hers");
    session.id
}

async fn hand_over(house: &House, session: &str) -> pb::Transfer {
    let handed = house.rep("ana").hand_on(session, to_desk()).await;
    handed.expect("she may").transfer.expect("a transfer")
}

/// What became of a transfer and its session, as one server shows it.
async fn shown(caller: &mut Caller, transfer: &pb::Transfer, revision: i64) -> (i32, i32, String) {
    let session = caller.session_since(&transfer.session, revision).await;
    let transfer = caller.the_transfer(&transfer.id).await;
    (transfer.state, session.state, session.owner)
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_n6_what_was_asked_at_one_server_is_answered_at_the_other() {
    let site = site().await;
    for round in 0..ROUNDS {
        let (here, there) = each(&site, round);
        let session = anas(here, &format!("c-{round}")).await;
        let transfer = hand_over(there, &session).await;
        let mut acme = partner(here, "acme");
        let (revision, expected) = if round % 4 < 2 {
            let done = acme.complete(&transfer.handoff).await.expect("it is open");
            let (state, session) = (pb::TransferState::Completed, pb::SessionState::External);
            (done.revision, (state.into(), session.into(), String::new()))
        } else {
            let done = acme.refuse(&transfer.handoff).await.expect("it is open");
            let (state, session) = (pb::TransferState::Failed, pb::SessionState::Active);
            (done.revision, (state.into(), session.into(), "ana".to_owned()))
        };
        for house in [there, here] {
            let found = shown(&mut house.admin(), &transfer, revision).await;
            assert_eq!(found, expected, "round {round}");
        }
        there.admin().end(&session).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn n9_of_two_workers_at_two_servers_one_has_it() {
    let site = site().await;
    for round in 0..ROUNDS {
        let (here, there) = each(&site, round);
        let (session, _) = here.admin().bring("ccaas", &format!("c-{round}")).await;
        let claim = |house: &House, reference: &'static str| {
            let mut acme = partner(house, "acme");
            let request = pb::AcknowledgeRoutingRequest {
                routing_request: session.routing_request.clone(),
                partner_reference: reference.into(),
                ..Default::default()
            };
            async move { acme.partners.acknowledge_routing(request).await }
        };
        let (one, other) = tokio::join!(claim(here, "w1"), claim(there, "w2"));
        let (won, lost, winner) = if one.is_ok() { (one, other, "w1") } else { (other, one, "w2") };
        let won = won.expect("one of them").into_inner();
        assert_eq!(refusal(lost).1, "CLAIMED_BY_ANOTHER", "round {round}");
        for house in [here, there] {
            let request = pb::GetRoutingRequestRequest {
                routing_request: session.routing_request.clone(),
                at_least_revision: won.revision,
            };
            let found = house.admin().partners.get_routing_request(request).await;
            let found = found.expect("it is there").into_inner().routing_request;
            assert_eq!(found.expect("a request").partner_reference, winner, "round {round}");
        }
        here.admin().end(&session.id).await;
    }
}

/// Answers at about the deadline, while the other server looks at the clock.
async fn answer_late(house: &House, handed: Vec<(Instant, pb::Transfer)>) -> Vec<Race> {
    let mut answers = Vec::new();
    for (number, (at, transfer)) in handed.into_iter().enumerate() {
        // From 20 ms before the deadline to 20 ms after it.
        let aim = Duration::from_millis(980 + u64::try_from(number).expect("few"));
        pass(aim.saturating_sub(at.elapsed())).await;
        let answer = partner(house, "acme").complete(&transfer.handoff).await;
        answers.push(Race { transfer, answer });
    }
    answers
}

struct Race {
    transfer: pb::Transfer,
    answer: Result<pb::CompleteHandoffResponse, Status>,
}

/// Lets a part of a second pass: it is the deadline that is raced.
async fn pass(span: Duration) {
    let never = std::future::pending::<()>();
    tokio::time::timeout(span, never).await.expect_err("nothing ever comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn t23_an_answer_and_the_deadline_race_and_both_sides_are_told_the_same() {
    let site = site().await;
    let mut sessions = Vec::new();
    for race in 0..RACES {
        sessions.push(anas(&site.a, &format!("c-{race}")).await);
    }
    let kinds = [pb::WatchKind::Handoff];
    let mut log = Log::of(&mut partner(&site.a, "acme"), &kinds).await;
    let mut handed = Vec::new();
    for session in &sessions {
        handed.push((Instant::now(), hand_over(&site.a, session).await));
    }
    let races = answer_late(site.b(), handed).await;
    let (mut taken, mut late) = (0, 0);
    for Race { transfer, answer } in &races {
        let over = |changes: &pb::RevisionChanges| is_over(changes, &transfer.handoff);
        let (revision, state) = log.find("the end of a hand-off", over).await;
        let expected = match answer {
            Ok(_) => {
                taken += 1;
                assert_eq!(state, pb::HandoffState::Completed, "{transfer:?}");
                (pb::TransferState::Completed.into(), pb::SessionState::External.into(), "")
            }
            Err(_) => {
                late += 1;
                assert_eq!(refusal(answer.clone()).1, "HANDOFF_EXPIRED");
                assert_eq!(state, pb::HandoffState::Expired, "{transfer:?}");
                (pb::TransferState::Failed.into(), pb::SessionState::Active.into(), "ana")
            }
        };
        for house in [&site.a, site.b()] {
            let (of, session, owner) = shown(&mut house.admin(), transfer, revision).await;
            assert_eq!((of, session, owner.as_str()), expected, "{transfer:?}");
        }
    }
    assert_eq!(taken + late, RACES);
    assert!(taken > 0 && late > 0, "{taken} taken, {late} late: no race at all");
}

/// How a hand-off became final in this revision, if it did.
fn is_over(changes: &pb::RevisionChanges, id: &str) -> Option<pb::HandoffState> {
    changes.changes.iter().find_map(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(pb::WatchObject {
            object: Some(Object::Handoff(h)),
        })) if h.id == id && h.ended_at.is_some() => Some(h.state()),
        _ => None,
    })
}
