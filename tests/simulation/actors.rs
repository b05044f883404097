//! The real actors, followers and lease watchers, on tokio, over the simulated store: what the
//! simulation leaves out because it drives the core itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use baton::domain::command::{Command, Opening, Request, Skills, Target};
use baton::domain::directory::SettingsPatch;
use baton::domain::entry::{Answer, Entry, FactKind, Head, Revision};
use baton::domain::id::{ExternalReference, OrgId, PresenceId, SessionId, StatusId, TxnId, WorkId};
use baton::domain::live::{Recipient, Role, SessionState};
use baton::domain::look::Look;
use baton::domain::record::Record;
use baton::domain::time::{Span, Timestamp};
use baton::engine::entropy::Randomness;
use baton::engine::{Clock, Done, Engine, EngineOptions, Refusal, SystemClock, View};
use baton::journal::{
    Batch, CLAIM, Committed, Epoch, History, Journal, JournalError, Lapsed, Loaded, Pending,
    ServerId,
};
use tokio::sync::Notify;

use super::asks::{self, actor, rep};
use super::store::Store;

/// The store as a journal that many may use, with leases and faults by hand.
struct Shelf {
    store: Mutex<Store>,
    leases: Mutex<BTreeMap<PresenceId, Timestamp>>,
    appended: Notify,
    down: AtomicBool,
    /// So many of the next commits are done, but nobody hears of it.
    swallow: AtomicU32,
    /// A renewal that comes right before claimed leases are forgotten.
    renews_late: Mutex<Option<(PresenceId, Span)>>,
}

impl Shelf {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(Store::new(None)),
            leases: Mutex::default(),
            appended: Notify::new(),
            down: AtomicBool::new(false),
            swallow: AtomicU32::new(0),
            renews_late: Mutex::default(),
        })
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leases(&self) -> MutexGuard<'_, BTreeMap<PresenceId, Timestamp>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(JournalError::Unavailable("stopped by the test".to_owned()));
        }
        Ok(())
    }

    fn head(&self) -> Revision {
        self.store().revision()
    }

    fn try_commit(&self, batch: &Batch) -> Result<Committed, JournalError> {
        self.check()?;
        let committed = self.store().commit(batch)?;
        self.appended.notify_waiters();
        let swallowed =
            self.swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match swallowed {
            Ok(_) => Err(JournalError::Unknown("swallowed by the test".to_owned())),
            Err(_) => Ok(committed),
        }
    }
}

impl Journal for Shelf {
    fn commit<'a>(&'a self, _org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Committed> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            self.try_commit(batch)
        })
    }

    fn load<'a>(&'a self, _org: &'a OrgId, _known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        Box::pin(async move {
            self.check()?;
            Ok(self.store().load())
        })
    }

    fn read<'a>(&'a self, _org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        let entries: Vec<Arc<Entry>> = self.store().after(after, limit);
        Box::pin(async move { Ok(History::Entries(entries)) })
    }

    fn wake<'a>(&'a self, _org: &'a OrgId, after: Revision) -> Pending<'a, ()> {
        Box::pin(async move {
            let appended = self.appended.notified();
            tokio::pin!(appended);
            appended.as_mut().enable();
            self.check()?;
            if self.head() <= after {
                let _ = tokio::time::timeout(Duration::from_millis(200), appended).await;
            }
            Ok(())
        })
    }

    fn renew<'a>(
        &'a self,
        _org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(async move {
            self.check()?;
            let now = SystemClock.now();
            let mut known = self.leases();
            let mut renew = |(id, span): &(PresenceId, Span)| {
                known.insert(*id, now + *span).is_none().then_some(*id)
            };
            Ok(leases.iter().filter_map(&mut renew).collect())
        })
    }

    fn start<'a>(&'a self, _org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()> {
        Box::pin(async move {
            self.check()?;
            let now = SystemClock.now();
            for (id, span) in leases {
                self.leases().entry(*id).or_insert(now + *span);
            }
            Ok(())
        })
    }

    fn lapsed<'a>(&'a self, _org: &'a OrgId, _by: ServerId, limit: usize) -> Pending<'a, Lapsed> {
        Box::pin(async move {
            self.check()?;
            let now = SystemClock.now();
            let until = now + CLAIM;
            let mut leases = self.leases();
            let over = leases.iter_mut().filter(|(_, end)| **end <= now).take(limit);
            let presences = over.map(|(id, end)| {
                *end = until;
                *id
            });
            Ok(Lapsed::Claimed { presences: presences.collect(), until })
        })
    }

    fn forget<'a>(
        &'a self,
        _org: &'a OrgId,
        presences: &'a [PresenceId],
        until: Timestamp,
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(async move {
            self.check()?;
            let mut leases = self.leases();
            if let Some((id, span)) = self.renews_late.lock().expect("no panic").take() {
                leases.insert(id, SystemClock.now() + span);
            }
            leases.retain(|id, end| !(presences.contains(id) && *end == until));
            Ok(presences.iter().filter(|id| leases.contains_key(id)).copied().collect())
        })
    }

    fn leave<'a>(&'a self, _org: &'a OrgId, _by: ServerId) -> Pending<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn release<'a>(&'a self, _org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        Box::pin(async move {
            self.check()?;
            self.leases().retain(|id, _| !presences.contains(id));
            Ok(())
        })
    }
}

fn demo() -> OrgId {
    OrgId::new("demo").expect("a valid id")
}

fn engine(shelf: &Arc<Shelf>) -> Engine {
    let options = EngineOptions {
        lease_poll: Span::from_ms(20),
        timer_jitter: Span::from_ms(0),
        commit_deadline: Span::from_ms(600),
        read_wait: Span::from_ms(500),
        ..EngineOptions::default()
    };
    Engine::start(Arc::clone(shelf) as Arc<dyn Journal>, Arc::new(SystemClock), options)
}

fn by_admin(command: Command) -> Request {
    let mut bits = Randomness::from_system();
    asks::request(&mut bits, actor(Role::Admin, "admin"), command)
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
        target: Target::Rep(rep(number)),
        priority: None,
        attributes: Arc::default(),
        skills: Skills::default(),
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
async fn t21_the_same_request_gives_the_same_answer_anywhere_and_another_content_does_not() {
    let shelf = Shelf::new();
    let (a, b) = (engine(&shelf), engine(&shelf));
    set_up(&a).await;
    let mut request = by_admin(open_session("c1", 0));
    request.txn = TxnId::from_u128(7);
    let first = within(a.submit(&demo(), request.clone())).await.unwrap();
    let again = within(b.submit(&demo(), request.clone())).await.unwrap();
    assert_eq!((first.revision, first.answer), (again.revision, again.answer));
    request.fingerprint.0 ^= 1;
    let reused = within(b.submit(&demo(), request)).await.map(|_| ());
    assert_eq!(reused, Err(Refusal::RequestIdReused));
}
