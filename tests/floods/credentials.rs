//! Floods with a credential that is good: one holder takes as much as the limits give it, and the others don't notice.

use std::net::SocketAddr;
use std::time::Duration;

use baton::pb;
use baton::pb::directory_service_client::DirectoryServiceClient;
use baton::pb::watch_service_client::WatchServiceClient;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tonic::{Code, Request, Status};
use tonic_types::StatusExt as _;

use super::access::AccessFiles;
use super::bystander::{turn, withstands};
use super::process::Process;
use super::support::redis::RedisServer;
use super::world::connect;

/// Streams that are asked for, and connections that ask for them.
const STREAMS: usize = 10_000;
const CONNECTIONS: usize = 100;
/// What one credential is given of them, by `Limits::default`.
const GIVEN: usize = 2_000;
/// Calls a second, and for how long.
const CALLS: u64 = 1_000;
const SECONDS: u64 = 4;
/// How long anything that is waited for may take.
const AT_LAST: Duration = Duration::from_secs(30);

fn bearer<T>(message: T, key: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {key}").parse().expect("printable");
    request.metadata_mut().insert("authorization", value);
    request
}

/// The limit that a refusal names.
fn limit_of(status: &Status) -> String {
    assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
    let info = status.get_details_error_info().expect("a reason");
    assert!(status.get_details_retry_info().is_some(), "when to come back: {status}");
    info.metadata["limit"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_s1_ten_thousand_streams_of_one_credential_are_as_many_as_it_may_have() {
    // It is the streams that are counted here, and not how soon they are asked for.
    let limits = "[limits]\ncalls_per_credential = 100000\ncalls_per_org = 100000\n";
    let (_turn, files) = (turn().await, AccessFiles::new(limits));
    let key = files.key_of("dashboard", "wall", "acme");
    let server = Process::serve_with(&["--access", &files.path(), "--trust-callers-claims"]);
    let to = server.address;
    let flood = async move {
        let mut opening = JoinSet::new();
        for _ in 0..CONNECTIONS {
            opening.spawn(open_streams(to, key.clone()));
        }
        let (mut open, mut refused) = (Vec::new(), 0);
        while let Some(opened) = timeout(AT_LAST, opening.join_next()).await.expect("in time") {
            let (streams, without) = opened.expect("no panic");
            open.extend(streams);
            refused += without;
        }
        assert_eq!((open.len(), refused), (GIVEN, STREAMS - GIVEN));
    };
    withstands("streams of one credential", to, &|| server.memory_kib(), 192, flood).await;
}

type Watched = tonic::Streaming<pb::WatchResponse>;

/// Opens a connection's share of the streams, which are never read; those it gets, and how many it doesn't.
async fn open_streams(to: SocketAddr, key: String) -> (Vec<Watched>, usize) {
    let mut watches = WatchServiceClient::new(connect(&format!("http://{to}")));
    let (mut open, mut refused) = (Vec::new(), 0);
    for _ in 0..STREAMS / CONNECTIONS {
        let request =
            pb::WatchRequest { kinds: vec![pb::WatchKind::Queue.into()], ..Default::default() };
        match watches.watch(bearer(request, &key)).await {
            Ok(stream) => open.push(stream.into_inner()),
            Err(status) => {
                assert_eq!(limit_of(&status), "streams_per_credential");
                refused += 1;
            }
        }
    }
    (open, refused)
}

#[tokio::test(flavor = "multi_thread")]
async fn d1_s1_a_key_that_calls_on_while_redis_hangs_keeps_nobody_else_waiting() {
    let limits = format!("[limits]\ncalls_per_credential = {}\n", CALLS * 3 / 10);
    let (_turn, files) = (turn().await, AccessFiles::new(&limits));
    let key = files.key_of("admin", "busy", "zeta");
    let redis = RedisServer::start();
    let token_key = "07".repeat(32);
    let server = Process::serve_with(&[
        "--access",
        &files.path(),
        "--trust-callers-claims",
        "--redis",
        &redis.url(),
        "--token-key",
        &token_key,
    ]);
    let to = server.address;
    let channel = connect(&format!("http://{to}"));
    let directory = DirectoryServiceClient::new(channel);
    // The org is there before Redis hangs.
    upsert(directory.clone(), &key, 0).await.expect("it is taken");
    let flood = async move {
        redis.pause();
        let mut calls = JoinSet::new();
        let mut pace = tokio::time::interval(Duration::from_micros(1_000_000 / CALLS));
        let until = Instant::now() + Duration::from_secs(SECONDS);
        let mut number = 0;
        while Instant::now() < until {
            pace.tick().await;
            number += 1;
            let (directory, key) = (directory.clone(), key.clone());
            calls.spawn(async move { upsert(directory, &key, number).await });
        }
        redis.resume();
        let (mut shed, mut told) = (0, 0);
        while let Some(called) = timeout(AT_LAST, calls.join_next()).await.expect("in time") {
            match called.expect("no panic") {
                Ok(()) => told += 1,
                Err(status) if status.code() == Code::ResourceExhausted => {
                    assert_eq!(limit_of(&status), "calls_per_credential");
                    shed += 1;
                }
                // It is told that Redis is away, or, if it has waited for it, what became of it.
                Err(status) => {
                    let info = status.get_details_error_info();
                    let reason = info.unwrap_or_else(|| panic!("no reason: {status:?}")).reason;
                    let known = ["STORE_UNAVAILABLE", "TIMED_OUT", "OUTCOME_UNKNOWN"];
                    assert!(known.contains(&reason.as_str()), "{status}");
                    told += 1;
                }
            }
        }
        println!("calls while Redis hangs: {told} were told of it, {shed} were shed before");
        assert!(told > 0 && shed > CALLS, "{told} were told of it, {shed} were shed");
    };
    withstands("calls while Redis hangs", to, &|| server.memory_kib(), 96, flood).await;
}

async fn upsert(
    mut directory: DirectoryServiceClient<tonic::transport::Channel>,
    key: &str,
    number: u64,
) -> Result<(), Status> {
    let skill = pb::Skill { id: format!("s-{}", number % 50), name: format!("{number}") };
    let request = pb::UpsertSkillRequest { skill: Some(skill), ..Default::default() };
    directory.upsert_skill(bearer(request, key)).await.map(drop)
}
