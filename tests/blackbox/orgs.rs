//! Many orgs on a server: one that can't be read concerns nobody else, one that nobody uses is unloaded,
//! one that nobody looks after is taken on by another server; and clocks that are wrong (R12, D1).

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use baton::domain::entry::Revision;
use baton::domain::id::OrgId;
use baton::domain::time::Span;
use baton::engine::clock::ShiftedClock;
use baton::engine::{Engine, EngineOptions, Refusal};
use baton::journal::Journal;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::pb;
use baton::server;
use tonic::Code;

use super::site::{house, routed_org, seconds};
use super::support::redis::RedisServer;
use super::two_servers::Process;
use super::world::{Caller, DEADLINE, House, connect, refusal};

fn org(name: &str) -> OrgId {
    OrgId::new(name).expect("a good id")
}

async fn journal(redis: &RedisServer) -> RedisJournal {
    RedisJournal::connect(RedisOptions::at(redis.url())).await.expect("it is up")
}

async fn engine(redis: &RedisServer, options: EngineOptions) -> Engine {
    server::engine_over(Arc::new(journal(redis).await), options)
}

fn figure(engine: &Engine, name: &str) -> i64 {
    let figures = engine.figures();
    figures.iter().find(|(known, _)| *known == name).expect("there is such a figure").1
}

/// Waits until a figure is so.
async fn until(engine: &Engine, name: &str, wanted: impl Fn(i64) -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(20), async {
        while !wanted(figure(engine, name)) {
            tick().await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("{name} is {}", figure(engine, name)));
}

/// Lets a moment pass between two looks.
async fn tick() {
    pass(Duration::from_millis(20)).await;
}

async fn pass(span: Duration) {
    let nothing = std::future::pending::<()>();
    assert!(tokio::time::timeout(span, nothing).await.is_err());
}

/// Has Redis do something.
fn run(redis: &RedisServer, command: &[&str]) -> redis::Value {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_connection().expect("it is up");
    let mut asked = redis::cmd(command[0]);
    asked.arg(&command[1..]);
    asked.query(&mut connection).expect("it does so")
}

/// How many commands Redis has run, those in scripts included.
fn commands(redis: &RedisServer) -> i64 {
    let redis::Value::BulkString(info) = run(redis, &["INFO", "commandstats"]) else {
        panic!("no text")
    };
    let text = String::from_utf8(info).expect("text");
    let calls = text.lines().filter_map(|line| line.split("calls=").nth(1)?.split(',').next());
    calls.map(|calls| calls.parse::<i64>().expect("a number")).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_an_org_that_cannot_be_read_concerns_nobody_else() {
    let redis = RedisServer::start();
    house(&redis).await.caller_in("bad", "admin", "root").apply().await;
    run(&redis, &["HSET", "baton:{bad}:meta", "records", "7"]);
    let engine = engine(&redis, EngineOptions::default()).await;
    let house = House::over(engine.clone()).await;
    let mut good = house.caller_in("good", "admin", "root");
    good.apply().await;
    let mut bad = house.caller_in("bad", "admin", "root");
    for _ in 0..3 {
        let request = pb::GetSessionRequest {
            which: Some(pb::get_session_request::Which::Session("s".into())),
            ..Default::default()
        };
        drop(good.sessions.get_session(request).await);
        let presence = pb::GetRepPresenceRequest { rep: "ana".into(), ..Default::default() };
        let told = refusal(bad.presence.get_rep_presence(presence).await);
        assert_eq!(told, (Code::Unavailable, "ORG_UNREADABLE".into()));
    }
    good.sign_in("ana").await;
    assert!(engine.healthy(), "the others are served");
    assert_eq!((figure(&engine, "orgs_ailing"), figure(&engine, "orgs_failed")), (1, 1));
    // What is brought back is served again without a restart.
    let counted = run(&redis, &["HLEN", "baton:{bad}:records"]);
    let redis::Value::Int(counted) = counted else { panic!("no number") };
    run(&redis, &["HSET", "baton:{bad}:meta", "records", &counted.to_string()]);
    until(&engine, "orgs_ailing", |ailing| ailing == 0).await;
    bad.sign_in("ana").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_that_is_given_up_begins_anew_on_servers_that_run() {
    let redis = RedisServer::start();
    let engine = engine(&redis, EngineOptions::default()).await;
    let house = House::over(engine.clone()).await;
    let mut admin = house.admin();
    admin.apply().await;
    run(&redis, &["DEL", "baton:{acme}:records"]);
    let presence = || pb::OpenPresenceRequest {
        rep: "ana".into(),
        status: "available".into(),
        ..Default::default()
    };
    let told = refusal(admin.presence.open_presence(presence()).await);
    assert_eq!(told, (Code::Unavailable, "ORG_UNREADABLE".into()));
    let forget = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_baton"));
        command.args(["org", "forget", "acme", "--redis", &redis.url()]).args(more);
        command.output().expect("it runs")
    };
    let asked = forget(&[]);
    assert!(!asked.status.success() && String::from_utf8_lossy(&asked.stderr).contains("--yes"));
    assert!(forget(&["--yes"]).status.success());
    until(&engine, "orgs_ailing", |ailing| ailing == 0).await;
    admin.apply().await;
    admin.sign_in("ana").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_that_nobody_uses_is_unloaded_and_missed_when_it_is_gone() {
    let redis = RedisServer::start();
    let idle = Span::from_ms(300);
    let options = EngineOptions { idle, pulse: Span::from_ms(200), ..EngineOptions::default() };
    let options = EngineOptions { max_orgs: 64, away: Span::from_secs(1), ..options };
    let engine = engine(&redis, options).await;
    let house = House::over(engine.clone()).await;
    house.caller_in("kept", "admin", "root").apply().await;
    // Names that nobody ever wrote to keep nobody out.
    for number in 0..300 {
        let name = org(&format!("name-{number}"));
        let view = engine.view(&name, None).await.expect("there is room");
        assert_eq!(view.state.head().revision, Revision::ZERO);
    }
    assert!(figure(&engine, "orgs_loaded") <= 64);
    until(&engine, "orgs_loaded", |loaded| loaded == 0).await;
    let watched = engine.subscribe(&org("watched")).await.expect("it is loaded");
    until(&engine, "orgs_loaded", |loaded| loaded == 1).await;
    pass(Duration::from_secs(1)).await;
    assert!(figure(&engine, "orgs_loaded") >= 1, "it is watched");
    drop(watched);
    until(&engine, "orgs_loaded", |loaded| loaded == 0).await;
    for key in ["meta", "records", "journal", "requests:0"] {
        run(&redis, &["DEL", &format!("baton:{{kept}}:{key}")]);
    }
    let gone = engine.view(&org("kept"), None).await.map(|_| ());
    assert!(matches!(gone, Err(Refusal::Unreadable { .. })), "it was there: {gone:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_orgs_at_rest_cost_next_to_nothing() {
    const ORGS: usize = 1_000;
    let redis = RedisServer::start();
    let engine = engine(&redis, EngineOptions::default()).await;
    let house = House::over(engine.clone()).await;
    for number in 0..ORGS {
        house.caller_in(&format!("org-{number}"), "admin", "root").apply().await;
    }
    assert_eq!(figure(&engine, "orgs_loaded"), i64::try_from(ORGS).expect("a few"));
    until(&engine, "orgs_awake", |awake| awake == 0).await;
    let index = || match run(&redis, &["ZCARD", "baton:awake"]) {
        redis::Value::Int(awake) => awake,
        other => panic!("{other:?}"),
    };
    let resting = async {
        while index() > 0 {
            pass(Duration::from_millis(200)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(40), resting).await.expect("they come to rest");
    // Until a while after they were used each is looked at more often.
    pass(Duration::from_secs(10)).await;
    let before = commands(&redis);
    const WATCHED: Duration = Duration::from_secs(5);
    pass(WATCHED).await;
    let a_second = (commands(&redis) - before) / 5;
    assert!(a_second <= 100, "{a_second} commands a second for {ORGS} orgs at rest");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_org_whose_server_died_is_taken_on_by_one_that_never_heard_of_it() {
    let redis = RedisServer::start();
    let mut a = Process::serve(&redis);
    let b = engine(&redis, EngineOptions::default()).await;
    let mut admin = Caller::new(connect(&a.url), "acme", "admin", "root");
    let mut directory = routed_org();
    directory.queues[0].push_timeout = seconds(2);
    admin.configure(directory).await;
    for rep in ["ana", "ben"] {
        admin.arrive(rep).await;
    }
    let (_, offered) = admin.enqueue("c-1", "billing").await;
    a.kill();
    let died = Instant::now();
    let journal = journal(&redis).await;
    let acted = async {
        loop {
            let heads = journal.heads(&[org("acme")]).await.expect("read");
            if heads[0].revision.get() > u64::try_from(offered).expect("a revision") {
                return;
            }
            tick().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), acted).await.expect("somebody acts");
    assert!(died.elapsed() < Duration::from_secs(10), "{:?}", died.elapsed());
    assert!(figure(&b, "taken_on") >= 1, "it was this one");
}

impl Caller {
    /// An org in which somebody is signed in.
    async fn arrive_first(&mut self) {
        self.configure(routed_org()).await;
        self.arrive("ana").await;
    }
}

fn ms(time: Option<&prost_types::Timestamp>) -> i64 {
    let time = time.expect("a time");
    time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_a_server_with_a_wrong_wall_clock_says_so_and_harms_nobody() {
    let redis = RedisServer::start();
    let right = engine(&redis, EngineOptions::default()).await;
    let a = House::over(right.clone()).await;
    let mut admin = a.admin();
    let mut directory = routed_org();
    directory.queues[0].push_timeout = seconds(2);
    admin.configure(directory).await;
    for rep in ["ana", "ben"] {
        admin.arrive(rep).await;
    }
    for (number, off) in [30_000_i64, 3_600_000, -86_400_000].into_iter().enumerate() {
        let journal = Arc::new(journal(&redis).await);
        let clock = ShiftedClock { wall: off, ..ShiftedClock::default() };
        let wrong = Engine::start(journal, Arc::new(clock), EngineOptions::default());
        until(&wrong, "wall_clock_ahead_ms", |ahead| (ahead - off).abs() < 3_000).await;
        assert_eq!(wrong.stats().wall_clock_changes.get(), 1, "once");
        let b = House::over(wrong.clone()).await;
        // What it decides, others see with times that are right, and its deadlines last as long as they are.
        let (session, revision) = b.admin().enqueue(&format!("c-{number}"), "billing").await;
        let first = session.offer.expect("somebody is there").rep;
        let done = async {
            loop {
                let work = admin.work_of(&session.id, revision).await;
                let over = |work: &&pb::Work| {
                    work.rep == first && work.end_reason() == pb::WorkEndReason::PushTimeout
                };
                if let Some(ended) = work.iter().find(over) {
                    return ended.clone();
                }
                tick().await;
            }
        };
        let ended = tokio::time::timeout(DEADLINE, done).await.expect("its time runs out");
        let lasted = ms(ended.ended_at.as_ref()) - ms(ended.offered_at.as_ref());
        assert!((2_000..5_000).contains(&lasted), "{lasted} ms by a clock that is off by {off} ms");
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let now = i64::try_from(now.as_millis()).expect("before the year 292 million");
        assert!((now - ms(ended.ended_at.as_ref())).abs() < 10_000, "times are right");
        admin.end(&session.id).await;
        wrong.shutdown().await;
    }
    assert_eq!(
        (figure(&right, "wall_clock_ahead_ms"), figure(&right, "store_clock_jumps")),
        (0, 0)
    );
    for rep in ["ana", "ben"] {
        let there = admin.rep_presence(rep).await;
        assert!(there.presence.is_some(), "{rep} is still signed in");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_an_outage_is_no_time_that_passed_for_who_loads_the_org_afterwards() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let (a, b) = (
        engine(&redis, EngineOptions::default()).await,
        engine(&redis, EngineOptions::default()).await,
    );
    let house = House::over(a.clone()).await;
    house.admin().arrive_first().await;
    let before = a.view(&org("acme"), None).await.expect("it is loaded").now();
    let began = Instant::now();
    redis.stop();
    pass(Duration::from_secs(8)).await;
    redis.restart();
    until(&a, "outages", |outages| outages == 1).await;
    let mut well = a.readiness();
    tokio::time::timeout(DEADLINE, well.wait_for(|well| *well))
        .await
        .expect("in time")
        .expect("it runs");
    let journal = journal(&redis).await;
    // It is said a moment after the store is back.
    let said = async {
        loop {
            let stored = journal.load(&org("acme"), None).await.expect("it is there").now;
            let passed = stored.since(before);
            if passed < Span::from_secs(5) {
                return passed;
            }
            tick().await;
        }
    };
    let passed = tokio::time::timeout(DEADLINE, said).await.expect("the outage isn't counted");
    assert!(began.elapsed() > Duration::from_secs(8), "which lasted longer than {passed:?}");
    pass(Duration::from_secs(2)).await;
    assert_eq!(figure(&b, "taken_on"), 0, "whoever looked after it still does");
    let shown = a.view(&org("acme"), None).await.expect("it is loaded").now();
    assert!(shown.since(before) < Span::from_secs(8), "{:?}", shown.since(before));
}
