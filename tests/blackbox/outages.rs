//! What is told and done while Redis is away or takes no writes: calls, health, and the time of the org
//! (D1, D2, R12).

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use baton::pb;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::serving::until_admin_says;
use super::site::{house, into_queue, level, routed_org, seconds};
use super::support::redis::RedisServer;
use super::world::{Caller, DEADLINE, connect};

/// How long Redis hangs: longer than any call may take.
const AWAY: Duration = Duration::from_secs(14);
/// How many call meanwhile.
const CALLS: usize = 1_000;
/// Connections that they share.
const CONNECTIONS: usize = 20;

/// Lets so much time pass. What is waited for is that nothing happens, of which there is no event.
async fn pass(span: Duration) {
    let nothing = std::future::pending::<()>();
    assert!(tokio::time::timeout(span, nothing).await.is_err());
}

fn reason(status: &Status) -> String {
    status.get_details_error_info().map(|info| info.reason).unwrap_or_default()
}

/// Opens a session, with a request id or without.
async fn open(mut caller: Caller, number: usize) -> Result<(), Status> {
    let request = pb::OpenSessionRequest {
        channel: "wa".to_owned(),
        external_reference: format!("c-{number}"),
        target: Some(into_queue("billing")),
        request_id: if number.is_multiple_of(2) { format!("r-{number}") } else { String::new() },
        ..Default::default()
    };
    caller.sessions.open_session(request).await.map(drop)
}

async fn is_there(caller: &mut Caller, number: usize) -> bool {
    let (channel, external_reference) = ("wa".to_owned(), format!("c-{number}"));
    let reference = pb::SessionReference { channel, external_reference };
    let which = Some(pb::get_session_request::Which::Reference(reference));
    let request = pb::GetSessionRequest { which, ..Default::default() };
    match caller.sessions.get_session(request).await {
        Ok(_) => true,
        Err(status) => {
            assert_eq!(status.code(), Code::NotFound, "{status}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_d2_of_a_thousand_calls_without_redis_each_is_told_what_became_of_it() {
    let redis = RedisServer::start();
    let house = house(&redis).await;
    house.admin().configure(routed_org()).await;
    redis.pause();
    let began = Instant::now();
    let url = format!("http://{}", house.server.address);
    let channels: Vec<_> = (0..CONNECTIONS).map(|_| connect(&url)).collect();
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..CALLS {
        let caller = Caller::new(channels[number % CONNECTIONS].clone(), "acme", "admin", "root");
        calls.spawn(async move { (number, open(caller, number).await, began.elapsed()) });
    }
    let mut told = BTreeMap::new();
    let waiting = async {
        while let Some(call) = calls.join_next().await {
            let (number, result, after) = call.expect("no panic");
            assert!(after < Duration::from_secs(11), "a call takes 10 s at most, not {after:?}");
            told.insert(number, result.err());
        }
    };
    let away = async {
        pass(AWAY).await;
        redis.resume();
    };
    tokio::join!(waiting, away);
    let mut admin = house.admin();
    let back = async { while open(house.admin(), CALLS).await.is_err() {} };
    tokio::time::timeout(DEADLINE, back).await.expect("it is back");
    let mut pauses = std::collections::BTreeSet::new();
    let mut counts: BTreeMap<(String, bool), usize> = BTreeMap::new();
    for (number, refused) in told {
        let done = is_there(&mut admin, number).await;
        let Some(status) = refused else {
            assert!(done, "call {number} was answered");
            continue;
        };
        let why = reason(&status);
        *counts.entry((why.clone(), done)).or_default() += 1;
        match (status.code(), why.as_str()) {
            (Code::Unavailable, "STORE_UNAVAILABLE" | "TIMED_OUT") => {
                assert!(!done, "call {number} was told that nothing was done: {status}");
            }
            (Code::Unavailable, "OUTCOME_UNKNOWN") => assert!(number.is_multiple_of(2), "{status}"),
            (Code::Unknown, "OUTCOME_UNKNOWN") => assert!(!number.is_multiple_of(2), "{status}"),
            _ => panic!("call {number} was told {status:?}"),
        }
        let pause = status.get_details_retry_info().and_then(|info| info.retry_delay);
        pauses.insert(pause.expect("when to try again"));
    }
    let refused: usize = counts.values().sum();
    assert!(refused > CALLS * 9 / 10, "{counts:?}");
    assert!(pauses.len() > refused / 2, "they don't all come back at once: {}", pauses.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r12_an_offer_has_what_was_left_of_its_time_when_redis_is_back() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let house = house(&redis).await;
    let mut admin = house.admin();
    let mut directory = routed_org();
    directory.queues[0].push_timeout = seconds(6);
    admin.configure(directory).await;
    for rep in ["ana", "ben"] {
        admin.arrive(rep).await;
    }
    let (session, revision) = admin.enqueue("c-1", "billing").await;
    assert_eq!(session.offer.as_ref().map(|offer| &*offer.rep), Some("ana"));
    let began = Instant::now();
    redis.stop();
    pass(Duration::from_secs(9)).await;
    redis.restart();
    let back = Instant::now();
    let offered_to = |session: &pb::Session| session.offer.clone().map(|offer| offer.rep);
    let until_ben = async {
        loop {
            let now = admin.session_since(&session.id, revision).await;
            if offered_to(&now).as_deref() == Some("ben") {
                return;
            }
            pass(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), until_ben).await.expect("it goes on");
    let left = back.elapsed();
    // Between the offer and the first failure there passed a second or two at most.
    assert!(left > Duration::from_millis(3_500), "only {left:?} were left to ana of 6 s");
    assert!(began.elapsed() < Duration::from_secs(20), "and no more than that");
    let work = admin.work_of(&session.id, revision).await;
    let ends: Vec<_> = work.iter().map(|work| (work.rep.as_str(), work.end_reason())).collect();
    assert_eq!(ends[0], ("ana", pb::WorkEndReason::PushTimeout));
}

/// Has Redis do something.
fn set(redis: &RedisServer, command: &[&str]) {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_connection().expect("it is up");
    let mut asked = redis::cmd(command[0]);
    asked.arg(&command[1..]);
    asked.query::<redis::Value>(&mut connection).expect("it does so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_health_follows_writes_also_of_a_server_that_nobody_has_called() {
    let redis = RedisServer::start();
    let config = baton::config::ServerConfig {
        listen: "127.0.0.1:0".into(),
        admin: Some("127.0.0.1:0".into()),
        redis: Some(redis.url()),
        ..Default::default()
    };
    let idle = baton::server::start(&config).await.expect("it starts");
    let used = baton::server::start(&config).await.expect("it starts");
    let admins = [idle.admin, used.admin].map(|admin| admin.expect("it was to have one"));
    let channel = connect(&format!("http://{}", used.address));
    let mut caller = Caller::new(channel, "acme", "admin", "root");
    caller.configure(routed_org()).await;
    for (fault, cure) in [
        (
            ["CONFIG", "SET", "min-replicas-to-write", "1"],
            ["CONFIG", "SET", "min-replicas-to-write", "0"],
        ),
        (["CONFIG", "SET", "maxmemory", "1"], ["CONFIG", "SET", "maxmemory", "0"]),
    ] {
        set(&redis, &fault);
        for admin in admins {
            until_admin_says(admin, "/readyz", (503, "journal\n")).await;
        }
        // Reads go on, and make nobody well.
        let request = pb::GetRepPresenceRequest { rep: "ana".to_owned(), ..Default::default() };
        caller.presence.get_rep_presence(request).await.expect("reads go on");
        let refused = open(caller.clone(), 1).await.expect_err("it takes no writes");
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::Unavailable, "STORE_UNAVAILABLE".into())
        );
        until_admin_says(admins[1], "/readyz", (503, "journal\n")).await;
        set(&redis, &cure);
        let cured = Instant::now();
        for admin in admins {
            until_admin_says(admin, "/readyz", (200, "ready\n")).await;
        }
        assert!(cured.elapsed() < Duration::from_secs(2), "{:?}", cured.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn d1_a_badly_stated_request_is_told_so_while_redis_is_away_and_is_not_remembered() {
    let redis = RedisServer::start();
    let house = house(&redis).await;
    let mut admin = house.admin();
    admin.configure(routed_org()).await;
    let bad = pb::OpenSessionRequest {
        channel: "wa".to_owned(),
        external_reference: "c-1".to_owned(),
        required_skills: vec![level("klingon", 101)],
        request_id: "r-1".to_owned(),
        ..Default::default()
    };
    redis.pause();
    let refused = admin.sessions.open_session(bad.clone()).await.expect_err("no target, no skill");
    redis.resume();
    assert_eq!((refused.code(), reason(&refused)), (Code::InvalidArgument, "INVALID_FIELD".into()));
    let again = admin.sessions.open_session(bad.clone()).await.expect_err("as before");
    let fields = |status: &Status| -> Vec<String> {
        let bad = status.get_details_bad_request().expect("bad fields are named");
        bad.field_violations.into_iter().map(|violation| violation.field).collect()
    };
    let all = ["required_skills[0].level", "required_skills[0].skill"];
    assert_eq!(fields(&again), all);
    // The request can be mended under its id.
    let good = pb::OpenSessionRequest {
        required_skills: Vec::new(),
        target: Some(into_queue("billing")),
        ..bad
    };
    admin.sessions.open_session(good).await.expect("nothing was done under it");
}
