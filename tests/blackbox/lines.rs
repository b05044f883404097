//! What is told of queues: lists and quotes (L3, L6, T24), the estimated wait (E1, E2), why a rep was
//! asked (R3, S3), and streams of their states (W2, W3, W8).

use std::sync::Arc;

use baton::engine::{Clock as _, EngineOptions, SystemClock};
use baton::journal::memory::MemoryJournal;
use baton::pb;
use baton::server;
use pb::WatchKind as Kind;
use pb::watch_object::Object;

use super::site::{Log, Site, into_queue, level, opening, queue, routed_org, to_queue};
use super::stream::request;
use super::world::{Caller, House, to_rep};

async fn list(caller: &mut Caller, session: &str) -> Vec<(bool, pb::QueueEntry)> {
    let request = pb::ListRecipientsRequest {
        r#type: pb::RecipientType::Queue.into(),
        about: Some(pb::list_recipients_request::About::Session(session.to_owned())),
        ..Default::default()
    };
    let list = caller.transfers.list_recipients(request).await.expect("L3").into_inner();
    let queue = |e: pb::RecipientEntry| match e.entry {
        Some(pb::recipient_entry::Entry::Queue(queue)) => Some((e.transferable, queue)),
        _ => None,
    };
    list.entries.into_iter().filter_map(queue).collect()
}

async fn quote(caller: &mut Caller, session: &str, to: pb::Recipient) -> pb::QuoteTransferResponse {
    let (session, recipient) = (session.to_owned(), Some(to));
    let request = pb::QuoteTransferRequest { session, recipient, ..Default::default() };
    caller.transfers.quote_transfer(request).await.expect("T24").into_inner()
}

async fn explain(caller: &mut Caller, session: &str, id: &str) -> pb::ExplainRecipientResponse {
    let request = pb::ExplainRecipientRequest {
        recipient: Some(to_queue(id)),
        about: Some(pb::explain_recipient_request::About::Session(session.to_owned())),
        ..Default::default()
    };
    caller.transfers.explain_recipient(request).await.expect("L6").into_inner()
}

#[tokio::test]
async fn l3_l6_t24_queues_are_listed_explained_and_quoted_alike() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        let mut directory = routed_org();
        let chat = vec![pb::ChannelType::WebChatV2.into()];
        directory.queues.push(pb::Queue { channel_types: chat, ..queue("chat", &["cleo"]) });
        admin.configure(directory).await;
        for rep in ["ana", "ben"] {
            admin.arrive(rep).await;
        }
        let session = admin.live_session(&site.a, "c-1", "ana").await;
        // Else R3 would decide for ben.
        admin.live_session(&site.a, "c-0", "ben").await;
        admin.enqueue("c-2", "care").await;
        let (_, last) = admin.enqueue("c-3", "care").await;
        site.b().admin().session_since(&session, last).await;
        let mut ana = site.b().rep("ana");
        let listed = list(&mut ana, &session).await;
        let shown: Vec<_> =
            listed.iter().map(|(ok, q)| (&*q.queue, *ok, q.length, q.available_reps)).collect();
        let expected = [("billing", true, 0, 2), ("care", true, 2, 0), ("chat", false, 0, 0)];
        assert_eq!(shown, expected, "L5: most available first; {}", site.name());
        let wait = listed[1].1.estimated_wait.expect("what it rests on");
        assert_eq!((wait.wait, wait.samples), (None, 0), "E1");

        let now = quote(&mut ana, &session, to_queue("billing")).await;
        assert!(now.allowed && now.offered_now && !now.would_wait, "{now:?}");
        assert_eq!((&*now.rep, &*now.queue, now.position), ("ben", "billing", 0), "T9: not back");
        let later = quote(&mut ana, &session, to_queue("care")).await;
        assert!(later.allowed && !later.offered_now && later.would_wait, "{later:?}");
        // It is older than both that wait there (T22).
        assert_eq!((&*later.queue, later.position), ("care", 1));
        let never = quote(&mut ana, &session, to_queue("chat")).await;
        let reasons: Vec<_> = never.reasons.iter().map(pb::Reason::reason).collect();
        assert!(!never.allowed, "{never:?}");
        assert_eq!(reasons, [pb::ErrorReason::QueueNotForChannel]);

        let told = explain(&mut ana, &session, "billing").await;
        assert!(told.listed && told.transferable && !told.would_wait, "{told:?}");
        let reps: Vec<_> = told.reps.iter().map(|r| (&*r.rep, r.could_take)).collect();
        assert_eq!(reps, [("ana", false), ("ben", true)], "L6: she stands back (T9)");
        let told = explain(&mut ana, &session, "care").await;
        assert!(told.transferable && told.would_wait);
        let cleo = told.reps.first().expect("cleo");
        let reasons: Vec<_> = cleo.verdicts.iter().map(|v| (v.reason(), v.passed)).collect();
        assert_eq!(reasons, [(pb::ErrorReason::RecipientOffline, false)]);
        let asked = ana.hand_on(&session, to_queue("care")).await.expect("as it was quoted");
        let transferred = site.a.admin().session_since(&session, asked.revision).await;
        assert_eq!(transferred.estimate.map(|e| e.position), Some(later.position));
    }
}

#[tokio::test]
async fn l6_of_each_rep_of_a_queue_every_rule_that_stops_them_is_told() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    let mut directory = routed_org();
    directory.queues[0].reps.push("cleo".into());
    directory.reps[1].skills = vec![level("es", 90)];
    admin.configure(directory).await;
    for rep in ["ana", "ben", "cleo"] {
        admin.arrive(rep).await;
    }
    let spanish = pb::OpenSessionRequest {
        required_skills: vec![level("es", 50)],
        ..opening("c-1", into_queue("billing"))
    };
    let session = admin.open_with(spanish).await.expect("R4").session.expect("a session");
    site.a.rep("ana").accept(&session).await;
    for reference in ["b-1", "b-2"] {
        admin.live_session(&site.a, reference, "ben").await;
    }
    let told = explain(&mut site.a.rep("ana"), &session.id, "billing").await;
    let mut stopped: Vec<(&str, Vec<pb::ErrorReason>)> = told
        .reps
        .iter()
        .map(|r| (&*r.rep, r.verdicts.iter().map(pb::RuleVerdict::reason).collect()))
        .collect();
    stopped.sort_unstable_by_key(|(rep, _)| *rep);
    use pb::ErrorReason as R;
    let expected = [
        ("ana", vec![R::SelfTransfer]),
        ("ben", vec![R::RecipientFull]),
        ("cleo", vec![R::MissingSkill]),
    ];
    assert_eq!(stopped, expected);
    assert!(told.would_wait);
}

/// Opens a session into `billing`, lets its rep accept it, and ends it.
async fn serve(admin: &mut Caller, house: &House, reference: &str) {
    let (session, _) = admin.enqueue(reference, "billing").await;
    let offer = session.offer.clone().expect("ana is there");
    house.rep(&offer.rep).take(&offer.work).await.expect("it is offered");
    admin.end(&session.id).await;
}

#[tokio::test]
async fn e1_the_estimate_is_there_with_ten_samples_and_absent_with_nine() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        let mut board = Log::of(&mut site.b().admin(), &[Kind::Queue]).await;
        for n in 0..9 {
            serve(&mut admin, &site.a, &format!("c-{n}")).await;
        }
        let session = admin.live_session(&site.a, "mine", "ana").await;
        let estimate = |listed: &[(bool, pb::QueueEntry)]| {
            let billing = listed.iter().find(|(_, q)| q.queue == "billing").expect("listed");
            billing.1.estimated_wait.expect("what it rests on")
        };
        let nine = estimate(&list(&mut admin, &session).await);
        assert_eq!((nine.wait, nine.samples), (None, 9), "E1: absent, with how many there are");
        assert!(nine.newest_sample_age.is_some() && nine.shortest.is_none());
        serve(&mut admin, &site.a, "c-9").await;
        let ten = estimate(&list(&mut admin, &session).await);
        assert_eq!(ten.samples, 10);
        let (wait, least, most) = (ten.wait, ten.shortest, ten.longest);
        let ms = |span: Option<prost_types::Duration>| {
            let span = span.expect("E1: shown");
            span.seconds * 1_000 + i64::from(span.nanos) / 1_000_000
        };
        assert!((ms(least)..=ms(most)).contains(&ms(wait)), "{ten:?}");
        let (_, told) = board
            .queue("billing", |q| q.estimated_wait.as_ref().is_some_and(|e| e.samples == 10))
            .await;
        assert!(told.estimated_wait.is_some_and(|e| e.wait.is_some()), "{}", site.name());

        // Who waits is given one too (E4), and a quote shows it when it would wait.
        admin.enqueue("f-1", "billing").await;
        let (waits, _) = admin.enqueue("f-2", "billing").await;
        assert_eq!(waits.state(), pb::SessionState::Waiting, "ana is full");
        assert!(waits.estimate.expect("it waits").estimated_wait.is_some());
    }
}

#[tokio::test]
async fn r3_s3_the_history_says_why_this_rep() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        admin.arrive("ben").await;
        let (first, _) = admin.enqueue("c-1", "billing").await;
        let (second, _) = admin.enqueue("c-2", "billing").await;
        for rep in ["ana", "ben"] {
            admin.live_session(&site.a, &format!("{rep}-1"), rep).await;
        }
        let (third, _) = admin.enqueue("c-3", "billing").await;
        let ended = admin.end(&first.id).await;
        let mut why = Vec::new();
        for id in [&first.id, &second.id, &third.id] {
            let (session, at_least_revision) = (id.clone(), ended);
            let request = pb::GetSessionHistoryRequest { session, at_least_revision };
            let history = site.b().admin().sessions.get_session_history(request).await;
            let events = history.expect("S3").into_inner().events;
            let offered = events.iter().find(|e| e.kind == "work_offered").expect("it was");
            let assignment = offered.assignment.clone().expect("out of a queue");
            let others = assignment.candidates.iter();
            let others: Vec<_> = others.map(|c| format!("{} {}", c.rep, c.rule)).collect();
            why.push((offered.rep.clone(), assignment.cause(), others.join(", ")));
        }
        use pb::AssignmentCause as Cause;
        let told = |rep: &str, cause, others: &str| (rep.to_owned(), cause, others.to_owned());
        let expected = [
            told("ana", Cause::FirstInOrder, "ben R3"),
            told("ben", Cause::FirstInOrder, "ana R3"),
            told("ana", Cause::NextInLine, ""),
        ];
        assert_eq!(why, expected, "{}", site.name());
    }
}

#[tokio::test]
async fn s3_each_step_says_who_through_which_call_and_as_part_of_which_revision() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        admin.arrive("cleo").await;
        let (opened, at_open) = admin.enqueue("c-1", "billing").await;
        let work = opened.offer.expect("ana is asked").work;
        let taken = site.b().rep("ana").take(&work).await.expect("she is asked");
        let asked = site.a.rep("ana").hand_on(&opened.id, to_rep("cleo")).await.expect("hers");
        let transfer = asked.transfer.expect("a transfer");
        let accepted = site.b().rep("cleo").accept_transfer(&transfer.id, "").await.expect("asked");
        let ended = admin.end(&opened.id).await;
        let mut stories = Vec::new();
        for house in [&site.a, site.b()] {
            let (session, at_least_revision) = (opened.id.clone(), ended);
            let request = pb::GetSessionHistoryRequest { session, at_least_revision };
            let history = house.admin().sessions.get_session_history(request).await.expect("S3");
            let events = history.into_inner().events.into_iter().map(|event| {
                let by = event.actor.unwrap_or_default().id;
                let call = event.rpc.strip_prefix("baton.v1.").unwrap_or_default().to_owned();
                (event.revision, event.kind, by, call)
            });
            stories.push(events.collect::<Vec<_>>());
        }
        let told = |revision: i64, kind: &str, by: &str, call: &str| {
            (revision, kind.to_owned(), by.to_owned(), call.to_owned())
        };
        let (open, take) = ("SessionService/OpenSession", "WorkService/AcceptWork");
        let (hand, accept) = ("TransferService/TransferSession", "TransferService/AcceptTransfer");
        let end = "SessionService/EndSession";
        let expected = [
            told(at_open, "session_opened", "root", open),
            told(at_open, "work_offered", "root", open),
            told(taken.revision, "work_accepted", "ana", take),
            told(asked.revision, "transfer_requested", "ana", hand),
            told(asked.revision, "work_offered", "ana", hand),
            told(accepted.revision, "rep_removed", "cleo", accept),
            told(accepted.revision, "transfer_completed", "cleo", accept),
            told(accepted.revision, "work_accepted", "cleo", accept),
            told(accepted.revision, "work_ended", "cleo", accept),
            told(ended, "work_ended", "root", end),
            told(ended, "session_ended", "root", end),
        ];
        for story in stories {
            assert_eq!(story, expected, "{}", site.name());
        }
    }
}

fn lengths(snapshot: &[Object]) -> Vec<(&str, u32)> {
    snapshot
        .iter()
        .filter_map(|o| if let Object::Queue(q) = o { Some((&*q.queue, q.length)) } else { None })
        .collect()
}

#[tokio::test]
async fn w2_w8_queues_are_watched_from_a_snapshot_and_resumed_elsewhere() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        let (first, opened) = admin.enqueue("c-1", "billing").await;
        site.b().admin().session_since(&first.id, opened).await;
        let mut board = Log::of(&mut site.b().admin(), &[Kind::Queue]).await;
        assert_eq!(lengths(&board.snapshot), [("billing", 1), ("care", 0)], "{}", site.name());
        admin.enqueue("c-2", "billing").await;
        let (_, two) = board.queue("billing", |q| q.length == 2).await;
        assert_eq!(two.oldest_waiting_since, first.opened_at);
        assert!(board.seen.iter().all(|c| super::site::queues(c).all(|q| q.queue == "billing")));
        let token = board.token();
        admin.enqueue("c-3", "billing").await;
        let (_, last) = admin.enqueue("c-4", "care").await;
        let mut resumed = Log::resumed(&mut site.a.admin(), &[Kind::Queue], &token).await;
        resumed.queue("billing", |q| q.length == 3).await;
        resumed.queue("care", |q| q.length == 1).await;
        assert!(resumed.seen.iter().all(|c| c.revision <= last));

        let only = pb::WatchRequest {
            filter: Some(pb::WatchFilter { queues: vec!["care".into()], ..Default::default() }),
            ..request(&[Kind::Queue, Kind::Session, Kind::Rep])
        };
        let filtered = Log::over(&mut site.a.admin(), only).await;
        assert_eq!(lengths(&filtered.snapshot), [("care", 1)]);
        let kinds = |of: fn(&Object) -> bool| filtered.snapshot.iter().filter(|o| of(o)).count();
        assert_eq!(kinds(|o| matches!(o, Object::Session(_))), 1, "what waits in it");
        assert_eq!(kinds(|o| matches!(o, Object::RepPresence(_))), 1, "its members");
    }
}

/// A server that keeps few entries at hand, so that streams read them from the journal.
async fn forgetful() -> House {
    let journal = MemoryJournal::keeping(Arc::new(|| SystemClock.now()), 10_000);
    let options = EngineOptions { recent_entries: 4, ..EngineOptions::embedded() };
    let house = House::over(server::engine_over(Arc::new(journal), options)).await;
    house.admin().configure(routed_org()).await;
    house
}

#[tokio::test]
async fn w2_w3_e4_a_stream_that_was_away_is_told_the_queues_and_the_places_of_now() {
    let memory = Site::in_memory().await;
    memory.a.admin().configure(routed_org()).await;
    for house in [memory.a, forgetful().await] {
        let mut admin = house.admin();
        let (first, _) = admin.enqueue("c-1", "billing").await;
        let (second, _) = admin.enqueue("c-2", "billing").await;
        let kinds = [Kind::Queue, Kind::Session];
        let token = Log::of(&mut admin, &kinds).await.token();
        admin.end(&first.id).await;
        // More than the server has at hand, and none of it of a queue.
        for _ in 0..8 {
            admin.arrive("cleo").await;
        }
        let mut later = Log::resumed(&mut admin, &kinds, &token).await;
        later.queue("billing", |q| q.length == 1).await;
        let place = |c: &pb::RevisionChanges| {
            let told = super::site::sessions(c).find(|s| s.id == second.id)?;
            told.estimate.map(|e| e.position)
        };
        assert_eq!(later.find("the second's place", place).await.1, 1, "E4");
        let revisions: Vec<_> = later.seen.iter().map(|c| c.revision).collect();
        assert!(revisions.is_sorted_by(|a, b| a < b), "W4: none in two parts: {revisions:?}");
    }
}

#[tokio::test]
async fn e4_a_live_stream_is_told_the_first_move_of_a_line() {
    let site = Site::in_memory().await;
    let mut admin = site.a.admin();
    admin.configure(routed_org()).await;
    let (first, _) = admin.enqueue("c-1", "billing").await;
    let (second, _) = admin.enqueue("c-2", "billing").await;
    let live = pb::WatchRequest { live_only: true, ..request(&[Kind::Session]) };
    let mut stream = super::stream::Stream::open(&mut admin, live).await.expect("it may");
    assert!(stream.news().await != pb::watch_response::Frame::Heartbeat(Default::default()));
    let ended = admin.end(&first.id).await;
    let seen = stream.up_to(ended).await;
    let places: Vec<_> = seen
        .iter()
        .flat_map(super::site::sessions)
        .filter(|s| s.id == second.id)
        .filter_map(|s| s.estimate.map(|e| e.position))
        .collect();
    assert_eq!(places, [1]);
}

#[tokio::test]
async fn w1_l5_the_live_state_of_a_queue_is_read_as_a_stream_shows_it() {
    for site in Site::each().await {
        let mut admin = site.a.admin();
        let (_, revision) = admin.enqueue("c-1", "care").await;
        let mut other = site.b().admin();
        let request =
            pb::GetQueueStateRequest { queue: "care".into(), at_least_revision: revision };
        let read = other.watches.get_queue_state(request).await.expect("it is there").into_inner();
        let state = read.queue_state.expect("a state");
        assert_eq!((state.length, state.signed_in_reps), (1, 0), "{}", site.name());
        let watch = super::stream::request(&[pb::WatchKind::Queue]);
        let (_, objects, at) = super::stream::Stream::synced(&mut other, watch).await;
        assert_eq!(read.revision, at);
        let shown = objects.into_iter().find_map(|object| match object.object {
            Some(pb::watch_object::Object::Queue(shown)) if shown.queue == "care" => Some(shown),
            _ => None,
        });
        let shown = shown.expect("it is watched");
        assert_eq!((shown.length, shown.oldest_waiting_since), (1, state.oldest_waiting_since));
        let mut ids = Vec::new();
        let mut list = pb::ListQueueStatesRequest { page_size: 1, ..Default::default() };
        loop {
            let page = other.watches.list_queue_states(list.clone()).await.expect("it is right");
            let page = page.into_inner();
            ids.extend(page.queue_states.into_iter().map(|state| (state.queue, state.length)));
            if page.next_page_token.is_empty() {
                break;
            }
            list.page_token = page.next_page_token;
        }
        assert_eq!(ids, [("billing".to_owned(), 0), ("care".to_owned(), 1)]);
        let unknown = pb::GetQueueStateRequest { queue: "none".into(), ..Default::default() };
        let status = other.watches.get_queue_state(unknown).await.expect_err("there is none");
        assert_eq!(status.code(), tonic::Code::NotFound);
    }
}
