//! Queues, skills and offers (R1–R6, T5, T7, T9, E4), through gRPC: in memory, and with two servers on
//! one Redis, where one is asked and the other watches and accepts.

use std::collections::BTreeMap;

use baton::pb;
use pb::WatchKind as Kind;
use pb::open_session_request::Target;
use tonic::Code;

use super::site::{
    Log, Site, house, into_queue, level, opening, queue, routed_org, seconds, sessions, to_queue,
    transfers, works,
};
use super::support::redis::RedisServer;
use super::two_servers::Process;
use super::world::{Caller, House, connect, refusal};

/// How long a queue's offers wait in these tests: the least there is.
const PUSH: Option<prost_types::Duration> = seconds(1);

fn pushing() -> pb::Directory {
    let mut directory = routed_org();
    directory.queues[0].push_timeout = PUSH;
    directory
}

#[tokio::test]
async fn r1_e4_what_waits_is_seen_everywhere_and_offered_to_the_first_who_comes() {
    for site in Site::each().await {
        let (mut adapter, mut watcher) = (site.a.caller("adapter", "wa"), site.b().admin());
        let mut boards = Log::of(&mut watcher, &[Kind::Queue, Kind::Session]).await;
        let mut desk = Log::of(&mut site.b().rep("ben"), &[Kind::Work]).await;
        let mut opened = Vec::new();
        for (i, reference) in ["c-1", "c-2", "c-3"].into_iter().enumerate() {
            let (session, _) = adapter.enqueue(reference, "billing").await;
            assert_eq!(session.state(), pb::SessionState::Waiting, "{}", site.name());
            let line = session.waiting_line.clone().and_then(|line| line.line);
            assert_eq!(line, Some(pb::waiting_line::Line::Queue("billing".into())));
            let estimate = session.estimate.expect("E4: it waits");
            assert_eq!(estimate.position, u32::try_from(i).expect("three") + 1);
            assert_eq!(estimate.estimated_wait, None, "E1: absent, never 0");
            opened.push(session.id);
        }
        let (_, board) = boards.queue("billing", |queue| queue.length == 3).await;
        assert!(board.oldest_waiting_since.is_some() && board.signed_in_reps == 0);
        let waits = |c: &pb::RevisionChanges| {
            sessions(c).find(|s| s.id == opened[2])?.estimate.map(|e| e.position)
        };
        assert_eq!(boards.find("the last session", waits).await.1, 3);

        let arrived = site.b().rep("ben").arrive("ben").await;
        let (offered, _) = desk.work("ben", pb::WorkState::Offered).await;
        assert!((arrived..=arrived + 1).contains(&offered), "{offered} after {arrived}");
        let offers: Vec<_> = desk.seen.iter().flat_map(works).map(|w| w.session.clone()).collect();
        assert_eq!(offers, opened[..2], "R1: the oldest, as many as he has room for");
        let (_, board) = boards.queue("billing", |queue| queue.signed_in_reps == 1).await;
        assert_eq!((board.length, board.available_reps), (1, 0), "he is full");
        let moved = |c: &pb::RevisionChanges| {
            let told = c.changes.iter().find(|c| c.facts == ["line_moved"])?;
            let of = pb::RevisionChanges { changes: vec![told.clone()], ..Default::default() };
            let session = sessions(&of).next()?;
            (session.id == opened[2]).then(|| session.estimate.map(|e| e.position))?
        };
        let (at, position) = boards.find("the line has moved", moved).await;
        assert_eq!((at, position), (offered, 1), "E4: told when the line moves");

        let work = desk.seen.iter().flat_map(works).next().expect("an offer").clone();
        assert_eq!(work.queue, "billing");
        let accepted = site.b().rep("ben").take(&work.id).await.expect("it is offered");
        let now = site.a.admin().session_since(&opened[0], accepted.revision).await;
        assert_eq!((now.owner.as_str(), now.state()), ("ben", pb::SessionState::Active));
    }
}

#[tokio::test]
async fn t9_a_queue_transfer_is_offered_and_completes_in_one_revision() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        let session = admin.live_session(&site.a, "c-1", "ana").await;
        site.b().rep("ben").arrive("ben").await;
        // Else R3 would decide for ben.
        admin.live_session(&site.a, "c-2", "ben").await;
        let kinds = [Kind::Rep, Kind::Session, Kind::Transfer, Kind::Work];
        let mut all = Log::of(&mut site.b().admin(), &kinds).await;
        let asked = site.a.rep("ana").hand_on(&session, to_queue("billing")).await.expect("T9");
        let transfer = asked.transfer.expect("a transfer");
        assert_eq!((transfer.state(), &*transfer.rep), (pb::TransferState::Offered, "ben"));
        assert_eq!(transfer.queue, "billing");
        let kept = admin.session(&session).await;
        assert_eq!((&*kept.owner, kept.state()), ("ana", pb::SessionState::Active), "T5");

        let decline = pb::DeclineWorkRequest { work: transfer.work.clone(), ..Default::default() };
        let refused = site.b().rep("ben").work.decline_work(decline).await;
        assert_eq!(refusal(refused).1, "TRANSFER_NOT_DECLINABLE", "T4");
        let mut ben = site.b().rep("ben");
        let done = ben.accept_transfer(&transfer.id, "").await.expect("he is asked");
        let completed = |c: &pb::RevisionChanges| {
            let completed = transfers(c).any(|t| t.state() == pb::TransferState::Completed);
            completed.then(|| c.clone())
        };
        let (revision, at) = all.find("the completion", completed).await;
        assert_eq!(revision, done.revision, "{}", site.name());
        let ended: Vec<_> = works(&at).filter(|w| w.rep == "ana").map(|w| w.end_reason()).collect();
        assert_eq!(ended, [pb::WorkEndReason::Transferred], "T6: hers ends with it");
        let owners: Vec<_> = sessions(&at).map(|s| s.owner.as_str()).collect();
        assert_eq!(owners, ["ben"]);
        assert_eq!(site.b().admin().rep_presence("ana").await.used_centi_units, 0);
        assert_eq!(
            refusal(site.a.rep("ana").hand_on(&session, to_queue("care")).await).1,
            "NOT_OWNER"
        );
    }
}

#[tokio::test]
async fn t7_t9_a_queue_transfer_waits_and_goes_on_when_somebody_comes() {
    for site in Site::each().await {
        let (mut admin, mut watcher) = (site.a.admin(), site.b().admin());
        admin.arrive("ana").await;
        let session = admin.live_session(&site.a, "c-1", "ana").await;
        let mut all =
            Log::of(&mut watcher, &[Kind::Queue, Kind::Session, Kind::Transfer, Kind::Work]).await;
        let asked = site.a.rep("ana").hand_on(&session, to_queue("care")).await.expect("T9");
        let transfer = asked.transfer.expect("a transfer");
        assert_eq!(transfer.state(), pb::TransferState::Waiting);
        assert!(transfer.original_rep_removed_at.is_some(), "T7: she is removed at once");
        assert_eq!(admin.rep_presence("ana").await.used_centi_units, 0, "and has room again");
        let waiting = watcher.session_since(&session, asked.revision).await;
        assert_eq!((&*waiting.owner, waiting.state()), ("", pb::SessionState::Waiting));
        assert_eq!(waiting.age_since, waiting.opened_at, "T22");
        let (_, board) = all.queue("care", |queue| queue.length == 1).await;
        assert_eq!(board.waiting_transfers, 1);

        let arrived = site.b().rep("cleo").arrive("cleo").await;
        let offer = |c: &pb::RevisionChanges| {
            transfers(c).find(|t| t.state() == pb::TransferState::Offered).cloned()
        };
        let (offered, transfer) = all.find("the offer", offer).await;
        assert!((arrived..=arrived + 1).contains(&offered), "{}", site.name());
        assert_eq!(transfer.rep, "cleo");
        let done = site.b().rep("cleo").accept_transfer(&transfer.id, "").await;
        let done = done.expect("she is asked");
        let now = admin.session_since(&session, done.revision).await;
        assert_eq!((&*now.owner, now.state()), ("cleo", pb::SessionState::Active));
        all.queue("care", |queue| queue.length == 0 && queue.waiting_transfers == 0).await;
    }
}

/// What became of a session's offers: who was asked, and how it went.
fn offers(work: &[pb::Work]) -> Vec<(&str, pb::WorkState, pb::WorkEndReason)> {
    work.iter().map(|w| (w.rep.as_str(), w.state(), w.end_reason())).collect()
}

#[tokio::test]
async fn r5_an_offer_that_runs_out_goes_to_the_other_rep_once() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.configure(pushing()).await;
        admin.arrive("ana").await;
        admin.arrive("ben").await;
        let mut all = Log::of(&mut site.b().admin(), &[Kind::Work]).await;
        let (session, _) = admin.enqueue("c-1", "billing").await;
        let offer = session.offer.expect("R1: somebody is there");
        assert_eq!(offer.rep, "ana", "R3: she signed in first");
        assert!(offer.expires_at.is_some());
        let (late, _) = all.work("ana", pb::WorkState::Ended).await;
        let (offered, work) = all.work("ben", pb::WorkState::Offered).await;
        assert_eq!(late, offered, "one step: {}", site.name());
        let taken = site.b().rep("ben").take(&work.id).await.expect("it is his");
        let all_work = admin.work_of(&session.id, taken.revision).await;
        use pb::{WorkEndReason as R, WorkState as S};
        let expected = [("ana", S::Ended, R::PushTimeout), ("ben", S::Open, R::Unspecified)];
        assert_eq!(offers(&all_work), expected, "once, on whichever server");
        let late = refusal(site.a.rep("ana").take(&offer.work).await);
        assert_eq!(late, (Code::FailedPrecondition, "WORK_ENDED".into()));
    }
}

#[tokio::test]
async fn r5_the_server_that_is_left_sends_an_offer_on() {
    let redis = RedisServer::start();
    let mut a = Process::serve(&redis);
    let b = house(&redis).await;
    let channel = connect(&a.url);
    let mut at_a = Caller::new(channel, "acme", "admin", "root");
    at_a.configure(pushing()).await;
    at_a.arrive("ana").await;
    at_a.arrive("ben").await;
    let mut all = Log::of(&mut b.admin(), &[Kind::Work]).await;
    let (session, _) = at_a.enqueue("c-1", "billing").await;
    assert_eq!(session.offer.as_ref().map(|offer| &*offer.rep), Some("ana"));
    a.kill();
    let (_, work) = all.work("ben", pb::WorkState::Offered).await;
    let taken = b.rep("ben").take(&work.id).await.expect("it is his");
    use pb::{WorkEndReason as R, WorkState as S};
    let expected = [("ana", S::Ended, R::PushTimeout), ("ben", S::Open, R::Unspecified)];
    assert_eq!(offers(&b.admin().work_of(&session.id, taken.revision).await), expected);
}

#[tokio::test]
async fn r6_a_declined_offer_goes_to_someone_else() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        site.b().rep("ben").arrive("ben").await;
        let (session, _) = admin.enqueue("c-1", "billing").await;
        let offer = session.offer.expect("somebody is there");
        assert_eq!(offer.rep, "ana");
        let decline = pb::DeclineWorkRequest { work: offer.work, ..Default::default() };
        // Asked for at the other server than the one that made the offer.
        let declined = site.b().rep("ana").work.decline_work(decline).await.expect("R6");
        let declined = declined.into_inner();
        assert_eq!(declined.work.map(|w| w.end_reason()), Some(pb::WorkEndReason::Declined));
        let now = site.a.admin().session_since(&session.id, declined.revision).await;
        assert_eq!(now.offer.map(|offer| offer.rep).as_deref(), Some("ben"), "{}", site.name());
        assert_eq!(admin.rep_presence("ana").await.used_centi_units, 0);

        // Both have declined: everyone is considered anew, and one of them is asked at once.
        let work = admin.work_of(&session.id, 0).await.pop().expect("ben's");
        let decline = pb::DeclineWorkRequest { work: work.id, ..Default::default() };
        site.a.rep("ben").work.decline_work(decline).await.expect("R6");
        let again = admin.session(&session.id).await;
        assert!(again.offer.is_some(), "R6, R1: {again:?}");
    }
}

#[tokio::test]
async fn r4_skills_decide_who_is_asked() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        site.b().rep("ben").arrive("ben").await;
        let spanish = |reference: &str| pb::OpenSessionRequest {
            required_skills: vec![level("es", 50)],
            ..opening(reference, into_queue("billing"))
        };
        let waits = admin.open_with(spanish("c-1")).await.expect("it is right");
        let waits = waits.session.expect("a session");
        assert_eq!(waits.state(), pb::SessionState::Waiting, "ben has no Spanish");
        // Someone without such a need goes past it: the one before couldn't be his.
        let (plain, _) = admin.enqueue("c-2", "billing").await;
        assert_eq!(plain.offer.map(|o| o.rep).as_deref(), Some("ben"));
        let arrived = site.b().rep("ana").arrive("ana").await;
        let now = admin.session_since(&waits.id, arrived).await;
        assert_eq!(now.offer.map(|o| o.rep).as_deref(), Some("ana"), "{}", site.name());

        let required = vec![level("es", 80)];
        let target = pb::SkillsTarget { required, queue: "billing".into(), ..Default::default() };
        let by_skill = admin.open_to("c-3", Target::Skills(target)).await.expect("R10");
        let by_skill = by_skill.session.expect("a session");
        assert_eq!(by_skill.offer.map(|o| o.rep).as_deref(), Some("ana"));
        assert_eq!(by_skill.required_skills, [level("es", 80)]);

        let fluent = pb::OpenSessionRequest {
            required_skills: vec![level("es", 100)],
            ..opening("c-4", into_queue("billing"))
        };
        let fluent = admin.open_with(fluent).await.expect("it is right").session.expect("one");
        assert_eq!(fluent.state(), pb::SessionState::Waiting);
        let update = pb::UpdateSessionRequest {
            session: fluent.id.clone(),
            update_mask: Some(prost_types::FieldMask { paths: vec!["required_skills".into()] }),
            ..Default::default()
        };
        let asked = site.b().admin().sessions.update_session(update).await.expect("R4");
        let asked = asked.into_inner().session.expect("a session");
        assert_eq!(asked.offer.map(|o| o.rep).as_deref(), Some("ben"), "R1: at once");
    }
}

#[tokio::test]
async fn r4_what_is_wished_for_in_vain_is_dropped() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    admin.arrive("ben").await;
    let wish = pb::AdditionalSkill { skill: Some(level("vip", 1)), timeout: seconds(5) };
    let request = pb::OpenSessionRequest {
        additional_skills: vec![wish.clone()],
        ..opening("c-1", into_queue("billing"))
    };
    let mut all = Log::of(&mut admin, &[Kind::Session, Kind::Work]).await;
    let opened = admin.open_with(request).await.expect("R4").session.expect("a session");
    assert_eq!((opened.state(), opened.additional_skills), (pb::SessionState::Waiting, vec![wish]));
    let (revision, work) = all.work("ben", pb::WorkState::Offered).await;
    assert_eq!(work.session, opened.id);
    let now = admin.session_since(&opened.id, revision).await;
    assert_eq!(now.additional_skills, []);
}

#[tokio::test]
async fn r9_work_overflows_and_a_full_queue_takes_no_more() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    let mut directory = routed_org();
    directory.queues[0].overflow =
        Some(pb::Overflow { max_length: 1, queue: "care".into(), ..Default::default() });
    directory.queues[1].max_length = 1;
    admin.configure(directory).await;
    let line = |session: pb::Session| session.waiting_line.and_then(|line| line.line);
    let waits_in = |queue: &str| Some(pb::waiting_line::Line::Queue(queue.into()));
    assert_eq!(line(admin.enqueue("c-1", "billing").await.0), waits_in("billing"));
    assert_eq!(line(admin.enqueue("c-2", "billing").await.0), waits_in("care"));
    let full = admin.open_to("c-3", into_queue("billing")).await;
    assert_eq!(refusal(full), (Code::ResourceExhausted, "LIMIT_EXCEEDED".into()));
}

async fn delete(house: &House, id: &str, to: &str) -> Result<i64, tonic::Status> {
    let (id, move_to) = (id.to_owned(), to.to_owned());
    let request = pb::DeleteQueueRequest { id, move_to, ..Default::default() };
    house.admin().directory.delete_queue(request).await.map(|done| done.into_inner().revision)
}

#[tokio::test]
async fn d3_a_queue_is_deleted_when_what_waits_there_has_somewhere_to_go() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        let kinds = [Kind::Queue, Kind::Session];
        let mut boards = Log::of(&mut site.b().admin(), &kinds).await;
        let (session, waits) = admin.enqueue("c-1", "billing").await;
        admin.arrive("cleo").await;
        let refused = delete(site.b(), "billing", "").await;
        assert_eq!(refusal(refused), (Code::FailedPrecondition, "IN_USE".into()));
        boards.up_to(waits).await;
        let token = boards.token();
        let deleted = delete(site.b(), "billing", "care").await.expect("D3");
        let now = admin.session_since(&session.id, deleted).await;
        assert_eq!(now.offer.map(|o| o.rep).as_deref(), Some("cleo"), "R1: at once");
        assert_eq!(now.age_since, session.opened_at, "T22");
        let gone = |c: &pb::RevisionChanges| {
            let removed = |change: &pb::Change| match change.change.as_ref() {
                Some(pb::change::Change::Removed(gone)) => {
                    gone.object.clone().zip(Some(gone.reason()))
                }
                _ => None,
            };
            c.changes.iter().find_map(removed).filter(|(o, _)| o.kind() == Kind::Queue)
        };
        let (at, (object, reason)) = boards.find("the end of the queue", gone).await;
        assert_eq!((at, object.id.as_str()), (deleted, "billing"), "{}", site.name());
        assert_eq!(reason, pb::RemovalReason::Deleted);
        // Who was away when it went is told as well (W2).
        let mut later = Log::resumed(&mut site.a.admin(), &kinds, &token).await;
        assert_eq!(later.find("the end of the queue", gone).await.1.0.id, "billing");
        assert_eq!(refusal(delete(&site.a, "billing", "").await).0, Code::NotFound);
    }
}

#[tokio::test]
async fn r3_the_queue_says_whom_it_asks_first() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    let mut directory = routed_org();
    directory.queues.push(pb::Queue {
        routing_model: pb::RoutingModel::MostAvailable.into(),
        weight: Some(pb::Weight { weight: Some(pb::weight::Weight::CentiUnits(50)) }),
        ..queue("general", &["ana", "ben"])
    });
    admin.configure(directory).await;
    admin.arrive("ana").await;
    admin.arrive("ben").await;
    admin.live_session(&site.a, "a-1", "ana").await;
    let mut asked = Vec::new();
    for reference in ["c-1", "c-2", "c-3"] {
        let (session, _) = admin.enqueue(reference, "general").await;
        asked.push(session.offer.expect("both have room").rep);
    }
    assert_eq!(asked, ["ben", "ben", "ana"], "by what is free, not by how much work they have");
    // What it weighs is the queue's to say (C1).
    assert_eq!(admin.rep_presence("ben").await.used_centi_units, 100);
}

#[tokio::test]
async fn o3_single_attributes_are_set_and_removed_and_the_others_stay() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(super::site::routed_org()).await;
    let (session, _) = admin.enqueue("c-1", "billing").await;
    let texts = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    };
    let update = |set: &[(&str, &str)], remove: &[&str]| pb::UpdateSessionRequest {
        session: session.id.clone(),
        set_attributes: texts(set),
        remove_attributes: remove.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    for (change, left) in [
        (update(&[("a", "1"), ("b.c", "2")], &[]), texts(&[("a", "1"), ("b.c", "2")])),
        (update(&[("a", "3")], &["b.c", "unknown"]), texts(&[("a", "3")])),
    ] {
        let done = admin.sessions.update_session(change).await.expect("it is right").into_inner();
        let attributes: BTreeMap<_, _> =
            done.session.expect("a session").attributes.into_iter().collect();
        assert_eq!(attributes, left);
    }
    let all = Some(prost_types::FieldMask { paths: vec!["attributes".into()] });
    for bad in [
        update(&[("a", "1")], &["a"]),
        update(&[], &[""]),
        update(&[], &[]),
        pb::UpdateSessionRequest { update_mask: all, ..update(&[("a", "1")], &[]) },
    ] {
        let status = admin.sessions.update_session(bad).await.expect_err("it contradicts itself");
        assert_eq!(status.code(), tonic::Code::InvalidArgument, "{status}");
    }
}
