//! The real actors, followers and lease watchers, on tokio, over the simulated store: what the
//! simulation leaves out because it drives the core itself.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use baton::domain::command::{Command, Opening, Request, Skills, Target};
use baton::domain::directory::SettingsPatch;
use baton::domain::entry::{Answer, FactKind, Revision};
use baton::domain::id::{ExternalReference, SessionId, StatusId, TxnId, WorkId};
use baton::domain::live::{Recipient, Role, SessionState};
use baton::domain::record::Record;
use baton::domain::record_lookup::RecordLookup;
use baton::domain::time::{Span, Timestamp};
use baton::engine::clock::{Clock, ShiftedClock};
use baton::engine::entropy::Randomness;
use baton::engine::{Done, Engine, EngineOptions, Refusal, Remember, SystemClock, View};
use baton::journal::Journal;

use super::asks::{self, actor, rep};
use super::shelf::{Shelf, demo};

fn engine(shelf: &Arc<Shelf>) -> Engine {
    engine_by(shelf, Arc::new(SystemClock))
}

fn engine_by(shelf: &Arc<Shelf>, clock: Arc<dyn Clock>) -> Engine {
    let options = EngineOptions {
        lease_poll: Span::from_ms(20),
        timer_jitter: Span::from_ms(0),
        commit_deadline: Span::from_ms(600),
        read_wait: Span::from_ms(500),
        pulse: Span::from_ms(200),
        ..EngineOptions::default()
    };
    Engine::start(Arc::clone(shelf) as Arc<dyn Journal>, clock, options)
}

fn by_admin(command: Command) -> Request {
    let mut bits = Randomness::from_system();
    let mut request = asks::request(&mut bits, actor(Role::Admin, "admin"), command);
    // Whether a repeated one is recognised isn't left to chance here.
    request.cause.request_id = Some(Arc::from(request.txn.to_string()));
    request
}

async fn ask(engine: &Engine, command: Command) -> Result<Done, Refusal> {
    within(engine.submit(&demo(), by_admin(command))).await
}

/// Nothing here takes longer.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("it takes too long")
}

fn open_session(reference: &str, number: usize) -> Command {
    Command::OpenSession(Box::new(Opening {
        channel: "tabs".parse().expect("a valid id"),
        external_reference: ExternalReference::new(reference).expect("a valid id"),
        target: Some(Target::Rep(rep(number))),
        priority: None,
        attributes: Arc::default(),
        skills: Skills::default(),
        reopen: false,
    }))
}

fn open_presence(number: usize) -> Command {
    Command::OpenPresence {
        rep: rep(number),
        status: StatusId::new("online").expect("a valid id"),
        device: "desk".to_owned(),
    }
}

/// Leases of reps who sign in from now on.
fn lease(span: Span) -> Command {
    let presence_lease = Some(span);
    Command::ChangeSettings(SettingsPatch { presence_lease, ..SettingsPatch::default() })
}

async fn set_up(engine: &Engine) {
    ask(engine, Command::ApplyDirectory { directory: asks::org(), prune: false })
        .await
        .expect("it is done");
    for number in [0, 1] {
        ask(engine, open_presence(number)).await.expect("it is done");
    }
}

fn session_of(done: &Done) -> (SessionId, WorkId) {
    match &done.answer {
        Answer::Record(Record::Session(session)) => match session.state {
            SessionState::Offered { work, .. } => (session.id, work),
            ref other => panic!("the session is {other:?}"),
        },
        other => panic!("the answer is {other:?}"),
    }
}

fn has(view: &View, kind: FactKind) -> bool {
    view.recent.iter().any(|applied| applied.entry.facts.iter().any(|fact| fact.kind == kind))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_engine_commits_another_accepts_at_once_and_shows() {
    let shelf = Shelf::new();
    let (a, b) = (engine(&shelf), engine(&shelf));
    set_up(&a).await;
    let mut seen_by_b = within(b.subscribe(&demo())).await.unwrap();
    let (session, work) = session_of(&ask(&a, open_session("c1", 0)).await.unwrap());
    // B may not have heard of it: it must not say that there is no such work.
    ask(&b, Command::AcceptWork(work)).await.unwrap();
    let transfer = Command::TransferSession {
        session,
        recipient: Recipient::Rep(rep(1)),
        note: String::new(),
    };
    let done = ask(&a, transfer).await.unwrap();
    let Answer::Record(Record::Transfer(transfer)) = done.answer else { panic!("no transfer") };
    let accepted = ask(&b, Command::AcceptTransfer(transfer.id)).await.unwrap();
    let view = within(a.view(&demo(), Some(accepted.revision))).await.unwrap();
    assert!(view.state.transfer(&transfer.id).is_some_and(|t| t.is_final()));
    let view = within(seen_by_b.wait_for(|v| has(v, FactKind::TransferCompleted))).await.unwrap();
    assert_eq!(view.state.head().revision, accepted.revision);
    drop(view);
    let ahead = Revision::new(accepted.revision.get() + 1);
    let behind = within(a.view(&demo(), Some(ahead))).await.map(|_| ());
    assert_eq!(behind, Err(Refusal::Behind { wanted: ahead, reached: accepted.revision }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_at_once_share_batches_and_all_are_answered() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..500 {
        let engine = engine.clone();
        calls.spawn(async move { ask(&engine, open_session(&format!("c{number}"), 2)).await });
    }
    let before = engine.stats().batches.get();
    while let Some(answer) = calls.join_next().await {
        answer.unwrap().unwrap();
    }
    assert_eq!(shelf.head(), Revision::new(503));
    let batches = engine.stats().batches.get() - before;
    assert!(batches < 500, "{batches} batches");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_found_out_by_sending_the_same_batch_again() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    shelf.swallow.store(2, Ordering::SeqCst);
    let done = ask(&engine, open_session("c1", 0)).await.unwrap();
    assert_eq!(done.revision, shelf.head());
    assert!(engine.stats().resends.get() >= 2);

    shelf.swallow.store(1_000, Ordering::SeqCst);
    let request = by_admin(open_session("c2", 0));
    let unknown = within(engine.submit(&demo(), request.clone())).await;
    assert!(matches!(unknown, Err(Refusal::Unknown { .. })), "{unknown:?}");
    shelf.swallow.store(0, Ordering::SeqCst);
    let done = within(engine.submit(&demo(), request)).await.unwrap();
    assert_eq!(done.revision, shelf.head());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_and_comes_back_is_noticed_both_times() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    let mut ready = engine.readiness();
    shelf.down.store(true, Ordering::SeqCst);
    let refused = ask(&engine, open_presence(0)).await;
    assert!(matches!(refused, Err(Refusal::Unavailable { .. })), "{refused:?}");
    assert!(!engine.healthy());
    shelf.down.store(false, Ordering::SeqCst);
    within(ready.wait_for(|ready| *ready)).await.unwrap();
    // The org is loaded right after.
    within(async {
        while engine.barrier(&demo()).await.is_err() {
            tokio::task::yield_now().await;
        }
    })
    .await;
    set_up(&engine).await;
    shelf.down.store(true, Ordering::SeqCst);
    within(ready.wait_for(|ready| !*ready)).await.unwrap();
    let refused = ask(&engine, open_session("c1", 0)).await;
    assert!(matches!(refused, Err(Refusal::Unavailable { .. })), "{refused:?}");
    shelf.down.store(false, Ordering::SeqCst);
    within(ready.wait_for(|ready| *ready)).await.unwrap();
    ask(&engine, open_session("c1", 0)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_a_lease_that_lapses_disconnects_the_rep_and_one_that_is_renewed_does_not() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    let mut views = within(engine.subscribe(&demo())).await.unwrap();
    ask(&engine, lease(Span::from_ms(100))).await.unwrap();
    let done = ask(&engine, open_presence(0)).await.unwrap();
    let Answer::Record(Record::RepPresence(live)) = done.answer else { panic!("no presence") };
    let id = live.presence.as_ref().unwrap().id;
    within(engine.keep_alive(&demo(), &[(id, Span::from_ms(100))])).await.unwrap();
    let view = within(views.wait_for(|v| has(v, FactKind::PresenceDisconnected))).await.unwrap();
    assert!(!view.state.rep_presence(&rep(0)).is_connected());
    assert!(view.state.rep_presence(&rep(1)).is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_who_signed_in_at_a_server_that_died_at_once_has_a_lease_all_the_same() {
    let shelf = Shelf::new();
    let (a, b) = (engine(&shelf), engine(&shelf));
    set_up(&a).await;
    let mut views = within(b.subscribe(&demo())).await.unwrap();
    ask(&a, lease(Span::from_ms(100))).await.unwrap();
    // Signed in, and no lease given: whoever watches over leases sees to it.
    ask(&a, open_presence(0)).await.unwrap();
    within(a.shutdown()).await;
    let view = within(views.wait_for(|v| has(v, FactKind::PresenceDisconnected))).await.unwrap();
    assert!(!view.state.rep_presence(&rep(0)).is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p4_whoever_renews_at_the_last_moment_is_brought_back() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    let mut views = within(engine.subscribe(&demo())).await.unwrap();
    ask(&engine, lease(Span::from_ms(100))).await.unwrap();
    let done = ask(&engine, open_presence(0)).await.unwrap();
    let Answer::Record(Record::RepPresence(live)) = done.answer else { panic!("no presence") };
    let id = live.presence.as_ref().unwrap().id;
    // Between the disconnection and the lease's end being forgotten, the client renews.
    shelf.renews_late.lock().unwrap().replace((id, Span::from_secs(60)));
    within(engine.keep_alive(&demo(), &[(id, Span::from_ms(1))])).await.unwrap();
    within(views.wait_for(|v| has(v, FactKind::PresenceDisconnected))).await.unwrap();
    let view = within(views.wait_for(|v| has(v, FactKind::PresenceReconnected))).await.unwrap();
    assert!(view.state.rep_presence(&rep(0)).is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_leases_that_nobody_could_renew_get_a_fresh_one() {
    let shelf = Shelf::new();
    let first = engine(&shelf);
    set_up(&first).await;
    let done = ask(&first, open_presence(0)).await.unwrap();
    let Answer::Record(Record::RepPresence(live)) = done.answer else { panic!("no presence") };
    let id = live.presence.as_ref().unwrap().id;
    within(first.shutdown()).await;
    let refused = ask(&first, open_session("c1", 0)).await.map(|_| ());
    assert_eq!(refused, Err(Refusal::Closing));
    shelf.leases().insert(id, Timestamp::from_ms(0));
    let second = engine(&shelf);
    within(second.subscribe(&demo())).await.unwrap();
    let renewed = async {
        while shelf.leases()[&id] == Timestamp::from_ms(0) {
            tokio::task::yield_now().await;
        }
    };
    within(renewed).await;
    let view = within(second.barrier(&demo())).await.unwrap();
    assert!(view.state.rep_presence(&rep(0)).is_connected());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn p9_a_server_stopped_while_it_asks_for_lapsed_leases_disconnects_nobody() {
    let shelf = Shelf::new();
    let monotonic = Arc::clone(&shelf.stopped);
    let engine = engine_by(&shelf, Arc::new(ShiftedClock { monotonic, wall: 0 }));
    set_up(&engine).await;
    let mut views = within(engine.subscribe(&demo())).await.unwrap();
    let lease = asks::org().settings.unwrap_or_default().presence_lease;
    shelf.stops_asking.store(2 * lease.as_ms(), Ordering::SeqCst);
    let renewed = async {
        while shelf.stopped.load(Ordering::SeqCst) == 0 || shelf.any_lapsed() {
            tokio::task::yield_now().await;
        }
    };
    within(renewed).await;
    assert!(!has(&views.borrow_and_update(), FactKind::PresenceDisconnected));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn t21_the_same_request_gives_the_same_answer_anywhere_and_another_content_does_not() {
    let shelf = Shelf::new();
    let (a, b) = (engine(&shelf), engine(&shelf));
    set_up(&a).await;
    let mut request = by_admin(open_session("c1", 0));
    request.txn = TxnId::from_u128(7);
    request.cause.request_id = Some(Arc::from("7"));
    let first = within(a.submit(&demo(), request.clone())).await.unwrap();
    let again = within(b.submit(&demo(), request.clone())).await.unwrap();
    assert_eq!((first.revision, first.answer), (again.revision, again.answer));
    request.fingerprint.0 ^= 1;
    let reused = within(b.submit(&demo(), request)).await.map(|_| ());
    assert_eq!(reused, Err(Refusal::RequestIdReused));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_actor_that_breaks_down_starts_again_and_everybody_is_answered() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    shelf.panics.store(1, Ordering::SeqCst);
    let broken = ask(&engine, open_session("c1", 0)).await;
    assert!(matches!(broken, Err(Refusal::Unknown { .. })), "it was begun: {broken:?}");
    assert!(engine.healthy(), "it is that org's trouble alone");
    let again = async {
        loop {
            match ask(&engine, open_session("c2", 0)).await {
                Ok(done) => return done,
                Err(refusal) => {
                    assert!(matches!(refusal, Refusal::Unavailable { .. }), "{refusal:?}")
                }
            }
            tokio::task::yield_now().await;
        }
    };
    within(again).await;
    assert_eq!(engine.stats().panics.get(), 1);
    let view = within(engine.barrier(&demo())).await.unwrap();
    assert!(view.state.rep_presence(&rep(0)).is_connected(), "nothing else was lost");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_when_the_clock_of_the_store_is_set_the_stored_time_is_said_anew() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    let before = within(engine.view(&demo(), None)).await.unwrap().now();
    // The clock was read once at least.
    let jumped = || engine.stats().store_clock_jumps.get();
    shelf.ahead.store(3_600_000, Ordering::SeqCst);
    let said_anew = async {
        while shelf.rebased.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
    };
    within(said_anew).await;
    assert_eq!(jumped(), 1);
    let after = within(engine.view(&demo(), None)).await.unwrap().now();
    assert!(after.since(before) < Span::from_secs(60), "no time has passed by that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d2_what_was_not_begun_in_time_is_never_done() {
    let shelf = Shelf::new();
    let engine = engine(&shelf);
    set_up(&engine).await;
    let before = shelf.head();
    // Two batches are in flight, and hang; the others wait behind them.
    shelf.hangs.store(true, Ordering::SeqCst);
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..200 {
        let engine = engine.clone();
        calls.spawn(async move {
            let request = by_admin(open_session(&format!("c{number}"), 0));
            engine.submit_within(&demo(), request, Remember::Done, Span::from_ms(200)).await
        });
    }
    let mut unknown = 0;
    while let Some(answer) = within(calls.join_next()).await {
        match answer.unwrap() {
            Err(Refusal::TimedOut { .. }) => {}
            Err(Refusal::Unknown { .. }) => unknown += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(unknown <= 128, "at most two batches are in flight: {unknown}");
    shelf.hangs.store(false, Ordering::SeqCst);
    let done = async {
        loop {
            if let Ok(done) = ask(&engine, open_session("last", 0)).await {
                return done;
            }
        }
    };
    let last = within(done).await.revision.get();
    assert!(last <= before.get() + unknown + 1, "{last}, from {before} with {unknown}");
}
