//! Streams (W1–W8), through gRPC: nothing missed, nothing twice, and honest when that can't be.

use std::sync::Arc;

use baton::engine::{Clock as _, Engine, EngineOptions, SystemClock};
use baton::journal::memory::MemoryJournal;
use baton::pb;
use baton::server;
use pb::watch_response::Frame;
use tonic::Code;

use super::site::{queue, routed_org, to_queue, transfers};
use super::stream::{ALL, Stream, request, touched};
use super::world::{Caller, House, refusal};

/// An engine that remembers little: `recent` entries at hand, `kept` in the journal.
pub fn forgetful(recent: usize, kept: usize) -> Engine {
    let journal = MemoryJournal::keeping(Arc::new(|| SystemClock.now()), kept);
    let options = EngineOptions { recent_entries: recent, ..EngineOptions::embedded() };
    server::engine_over(Arc::new(journal), options)
}

/// Makes `count` changes, one revision each.
pub async fn changes(admin: &mut Caller, count: u32) -> i64 {
    let mut revision = 0;
    for i in 0..count {
        let status = if i % 2 == 0 { "lunch" } else { "available" };
        let request = pb::SetStatusRequest {
            whose: Some(pb::set_status_request::Whose::Rep("ana".into())),
            status: status.into(),
            ..Default::default()
        };
        let set = admin.presence.set_status(request).await.expect("ana is signed in");
        revision = set.into_inner().revision;
    }
    revision
}

fn resuming(token: &str) -> pb::WatchRequest {
    pb::WatchRequest { resume_token: token.to_owned(), ..request(&ALL) }
}

#[tokio::test]
async fn w2_a_snapshot_holds_what_is_there_and_changes_follow_it() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let session = admin.live_session(&house, "c-1", "ana").await;
    let (mut stream, objects, revision) = Stream::synced(&mut admin, request(&ALL)).await;
    assert_eq!(objects.len(), 5, "three reps, a session and its work");
    assert!(!stream.token.is_empty(), "a complete snapshot can be gone on from");
    let end = pb::EndSessionRequest { session, ..Default::default() };
    let ended = admin.sessions.end_session(end).await.expect("it is live").into_inner().revision;
    let seen = stream.up_to(ended).await;
    assert_eq!(seen.first().map(|c| c.revision), Some(revision + 1), "no gap");
}

#[tokio::test]
async fn w2_a_stream_resumes_with_no_gap_and_no_repetition() {
    for recent in [4_096, 4] {
        let house = House::over(forgetful(recent, 10_000)).await;
        let mut admin = house.admin();
        admin.apply().await;
        admin.sign_in("ana").await;
        let (mut whole, _, start) = Stream::synced(&mut admin, request(&ALL)).await;
        let (first, _, _) = Stream::synced(&mut admin, request(&ALL)).await;
        let token = first.token.clone();
        drop(first);
        let last = changes(&mut admin, 30).await;
        let seen = whole.up_to(last).await;
        let revisions = |seen: &[pb::RevisionChanges]| -> Vec<i64> {
            seen.iter().map(|c| c.revision).collect()
        };
        assert_eq!(revisions(&seen), (start + 1..=last).collect::<Vec<_>>());

        let mut resumed = Stream::open(&mut admin, resuming(&token)).await.expect("a good token");
        let Frame::Started(started) = resumed.news().await else { panic!("no start") };
        assert_eq!(started.mode(), pb::StartMode::Resumed);
        let again = resumed.up_to(last).await;
        assert_eq!(revisions(&again), revisions(&seen), "with {recent} recent entries");
        assert!(resumed.token != token, "the token moves on");
    }
}

#[tokio::test]
async fn w2_a_token_that_is_too_old_resets_or_is_refused() {
    let house = House::over(forgetful(4, 8)).await;
    let mut admin = house.admin();
    admin.apply().await;
    admin.sign_in("ana").await;
    let (first, _, _) = Stream::synced(&mut admin, request(&ALL)).await;
    let token = first.token.clone();
    let last = changes(&mut admin, 400).await;
    let strict =
        pb::WatchRequest { resume_policy: pb::ResumePolicy::Strict.into(), ..resuming(&token) };
    let refused = Stream::open(&mut admin, strict).await.map(|_| ());
    assert_eq!(refusal(refused), (Code::OutOfRange, "RESUME_NOT_POSSIBLE".into()));

    let mut stream = Stream::open(&mut admin, resuming(&token)).await.expect("not strict");
    let Frame::Started(started) = stream.news().await else { panic!("no start") };
    assert_eq!(started.mode(), pb::StartMode::Resnapshot);
    let Frame::Reset(reset) = stream.news().await else { panic!("no reset") };
    assert_eq!(reset.reason(), pb::ResetReason::TokenTooOld);
    let (objects, revision) = stream.snapshot().await;
    assert_eq!((objects.len(), revision), (3, last));
}

#[tokio::test]
async fn w2_a_token_of_another_history_resets() {
    let (one, other) = (House::new().await, House::new().await);
    let mut admin = one.admin();
    admin.apply().await;
    let (stream, _, _) = Stream::synced(&mut admin, request(&ALL)).await;
    let token = stream.token.clone();
    let mut elsewhere = other.admin();
    elsewhere.apply().await;
    elsewhere.sign_in("ana").await;
    let mut stream = Stream::open(&mut elsewhere, resuming(&token)).await.expect("the same key");
    assert!(matches!(stream.news().await, Frame::Started(_)));
    let Frame::Reset(reset) = stream.news().await else { panic!("no reset") };
    assert_eq!(reset.reason(), pb::ResetReason::HistoryChanged);
    assert_eq!(stream.snapshot().await.0.len(), 3);
}

#[tokio::test]
async fn d4_foreign_and_altered_tokens_are_refused() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let (stream, _, _) = Stream::synced(&mut admin, request(&ALL)).await;
    let token = stream.token.clone();
    let altered = format!("{}0", &token[..token.len() - 1]);
    let altered =
        if altered == token { format!("{}1", &token[..token.len() - 1]) } else { altered };
    let invalid = (Code::InvalidArgument, "INVALID_TOKEN".to_owned());
    for wrong in [altered.as_str(), "x", "00ff", &"f".repeat(100_000)] {
        let refused = Stream::open(&mut admin, resuming(wrong)).await.map(|_| ());
        assert_eq!(refusal(refused), invalid);
    }
    let mut foreign = house.caller_in("other", "admin", "root");
    let refused = Stream::open(&mut foreign, resuming(&token)).await.map(|_| ());
    assert_eq!(refusal(refused), invalid, "of another org");
    let narrower = pb::WatchRequest { kinds: vec![pb::WatchKind::Rep.into()], ..resuming(&token) };
    let refused = Stream::open(&mut admin, narrower).await.map(|_| ());
    assert_eq!(refusal(refused), invalid, "of another filter");
}

#[tokio::test]
async fn w5_a_quiet_stream_says_that_it_is_up_to_date() {
    let house = House::new().await;
    let mut admin = house.admin();
    let head = admin.apply().await;
    let quiet = pb::WatchRequest {
        kinds: vec![pb::WatchKind::Transfer.into()],
        heartbeat_interval: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        live_only: true,
        ..Default::default()
    };
    let mut stream = Stream::open(&mut admin, quiet).await.expect("it may be watched");
    assert!(matches!(stream.frame().await, Ok(Some(Frame::Started(_)))));
    let before = stream.token.clone();
    admin.sign_in("ana").await;
    // Nothing of this is a transfer: however much of it there is, the stream stays quiet, and says
    // so in time.
    let beat = async {
        loop {
            let frame = stream.frame().await.expect("it goes on").expect("it goes on");
            let Frame::Heartbeat(beat) = frame else { panic!("not a heartbeat: {frame:?}") };
            if beat.revision > head + 1 {
                return beat.revision;
            }
        }
    };
    let noise = async {
        loop {
            changes(&mut admin, 2).await;
        }
    };
    let revision = tokio::select! {
        revision = beat => revision,
        never = noise => never,
    };
    assert!(revision > head);
    assert_ne!(stream.token, before);
}

#[tokio::test]
async fn w1_what_leaves_the_filter_is_said_to_be_gone() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    let hers = pb::WatchRequest {
        filter: Some(pb::WatchFilter { reps: vec!["ana".into()], ..Default::default() }),
        ..request(&[pb::WatchKind::Session, pb::WatchKind::Work])
    };
    let (mut stream, objects, _) = Stream::synced(&mut admin, hers).await;
    assert_eq!(objects.len(), 2);
    let asked = house.rep("ana").transfer(&session, "ben", "").await.expect("she owns it");
    let id = asked.transfer.expect("a transfer").id;
    let done = house.rep("ben").accept_transfer(&id, "").await.expect("ben is asked");
    let seen = stream.up_to(done.revision).await;
    let last = seen.last().expect("the completion");
    let objects = touched(last);
    assert!(objects.contains(&("removed", session)), "{objects:?}");
    let reasons: Vec<_> = last
        .changes
        .iter()
        .filter_map(|c| match &c.change {
            Some(pb::change::Change::Removed(gone)) => Some(gone.reason()),
            _ => None,
        })
        .collect();
    assert_eq!(reasons, [pb::RemovalReason::LeftFilter]);
    assert_eq!(objects.iter().filter(|(kind, _)| *kind == "work").count(), 1, "hers alone");
}

#[tokio::test]
async fn w7_a_server_that_goes_away_says_so() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let (mut stream, _, _) = Stream::synced(&mut admin, request(&ALL)).await;
    let stopping = tokio::spawn(house.server.stop());
    let Frame::Closing(closing) = stream.news().await else { panic!("no goodbye") };
    assert_eq!(closing.action(), pb::ClosingAction::Resume);
    assert!(matches!(stream.frame().await, Ok(None)), "and then it ends");
    stopping.await.expect("it doesn't panic").expect("it ends well");
}

#[tokio::test]
async fn e4_a_session_that_joins_another_line_is_told_once() {
    let house = House::new().await;
    let mut admin = house.admin();
    admin.apply().await;
    let mut live = Vec::new();
    for rep in ["ben", "cleo", "ana"] {
        admin.sign_in(rep).await;
        for number in 1..=2 {
            live.push(admin.live_session(&house, &format!("{rep}-{number}"), rep).await);
        }
    }
    let (mut stream, ..) = Stream::synced(&mut admin, request(&[pb::WatchKind::Session])).await;
    for session in &live[4..] {
        admin.transfer(session, "ben", "").await.expect("it waits");
    }
    // Makes room for the first of them, and is ahead of the second when that waits for cleo too.
    admin.transfer(&live[0], "cleo", "").await.expect("it waits");
    let offered = admin.session(&live[4]).await;
    house.rep("ben").accept(&offered).await;
    let request = pb::EndSessionRequest { session: live[1].clone(), ..Default::default() };
    admin.sessions.end_session(request).await.expect("it is live");
    let offered = admin.session(&live[5]).await;
    house.rep("ben").accept(&offered).await;
    let moved = &live[5];
    let waits = admin.transfer(moved, "cleo", "").await.expect("it waits").revision;
    let seen = stream.up_to(waits).await;
    let told = touched(seen.last().expect("its revision"));
    let of_it = told.iter().filter(|(_, id)| id == moved).count();
    assert_eq!(of_it, 1, "{told:?}");
}

#[tokio::test]
async fn l5_a_watch_starts_at_the_revision_of_a_list_with_no_gap() {
    for site in super::site::Site::each().await {
        let mut admin = site.a.admin();
        admin.arrive("ana").await;
        let list = pb::ListRepPresencesRequest { page_size: 1, ..Default::default() };
        let first = admin.presence.list_rep_presences(list).await.expect("it may be read");
        let listed = first.into_inner().revision;
        // What happens between the list and the watch isn't missed, also at the other server.
        let changed = admin.arrive("ben").await;
        let mut other = site.b().admin();
        let after = |revision| pb::WatchRequest {
            start_after_revision: revision,
            ..request(&[pb::WatchKind::Rep])
        };
        let mut stream = Stream::open(&mut other, after(listed)).await.expect("it may be watched");
        let seen = stream.up_to(changed).await;
        let revisions: Vec<i64> = seen.iter().map(|changes| changes.revision).collect();
        assert_eq!(revisions, [changed], "{}", site.name());
        // At the newest revision it waits for the next.
        let mut stream = Stream::open(&mut other, after(changed)).await.expect("it may be watched");
        let next = admin.arrive("cleo").await;
        assert_eq!(stream.up_to(next).await.first().map(|changes| changes.revision), Some(next));
        // What isn't there yet is as a token that can't be gone on from.
        let strict = pb::WatchRequest {
            resume_policy: pb::ResumePolicy::Strict.into(),
            ..after(next + 1_000)
        };
        let refused = Stream::open(&mut other, strict).await.map(drop);
        assert_eq!(refusal(refused), (Code::OutOfRange, "RESUME_NOT_POSSIBLE".to_owned()));
        let (_, objects, at) = Stream::synced(&mut other, after(next + 1_000)).await;
        assert_eq!((objects.len(), at), (3, next), "begun anew");
        let both = pb::WatchRequest { live_only: true, ..after(next) };
        let refused = Stream::open(&mut other, both).await.map(drop);
        assert_eq!(refusal(refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
    }
}

#[tokio::test]
async fn w2_what_follows_from_changes_is_told_also_to_who_resumes_in_the_middle_of_them() {
    for recent in [4_096, 4] {
        let house = House::over(forgetful(recent, 10_000)).await;
        let mut admin = house.admin();
        let mut directory = routed_org();
        directory.queues.extend([queue("nobodys", &[]), queue("spare", &[])]);
        admin.configure(directory).await;
        admin.sign_in("ana").await;
        let session = admin.live_session(&house, "c-1", "ana").await;
        let handed = house.rep("ana").hand_on(&session, to_queue("nobodys")).await.expect("hers");
        let stranded = handed.transfer.expect("a transfer");
        assert!(stranded.stranded);
        let kinds = [pb::WatchKind::Transfer, pb::WatchKind::Rep, pb::WatchKind::Queue];
        let (first, ..) = Stream::synced(&mut admin, request(&kinds)).await;
        let token = first.token.clone();
        drop(first);
        // Only the session is written, and very much comes after it.
        let queue = Some(queue("nobodys", &["cleo"]));
        let manned = pb::UpsertQueueRequest { queue, ..Default::default() };
        admin.directory.upsert_queue(manned).await.expect("a member more");
        let gone = pb::DeleteQueueRequest { id: "spare".into(), ..Default::default() };
        admin.directory.delete_queue(gone).await.expect("nothing waits in it");
        let last = changes(&mut admin, 600).await;
        let resuming =
            |token: &str| pb::WatchRequest { resume_token: token.to_owned(), ..request(&kinds) };
        let mut begun = Stream::open(&mut admin, resuming(&token)).await.expect("a good token");
        let mut seen = Vec::new();
        while seen.is_empty() {
            if let Frame::Changes(changes) = begun.news().await {
                seen = changes.revisions;
            }
        }
        assert!(seen.last().is_some_and(|seen| seen.revision < last), "in the middle of them");
        let token = begun.token.clone();
        drop(begun);
        let mut resumed = Stream::open(&mut admin, resuming(&token)).await.expect("a good token");
        seen.extend(resumed.up_to(last).await);
        let told = seen.iter().flat_map(transfers).filter(|told| told.id == stranded.id);
        let told: Vec<bool> = told.map(|told| told.stranded).collect();
        assert_eq!(told.last(), Some(&false), "with {recent} recent entries: {told:?}");
        let mut all = seen.iter().flat_map(|seen| &seen.changes);
        let removed = |change: &pb::Change| match &change.change {
            Some(pb::change::Change::Removed(gone)) => {
                gone.object.as_ref().is_some_and(|object| object.id == "spare")
            }
            _ => false,
        };
        assert!(all.any(removed), "with {recent} recent entries: the queue is gone");
    }
}
