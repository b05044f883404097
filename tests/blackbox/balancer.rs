//! Three servers on one Redis behind the balancer that `deploy/haproxy.cfg` describes, which is what is tested: an
//! org's calls all reach its home, streams are spread over all, and a server that goes takes nobody's calls with it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use baton::config::ServerConfig;
use baton::pb;
use baton::pb::watch_response::Frame;
use baton::server::{self, Running};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tonic::metadata::MetadataMap;
use tonic::transport::Channel;
use tonic::{Code, Status, Streaming};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use super::home::home_among;
use super::serving::{admin_says, until_admin_says};
use super::stream::{ALL, request};
use super::support::haproxy::{Addresses, Haproxy, NAMES};
use super::support::redis::RedisServer;
use super::two_servers::Process;
use super::world::{Caller, DEADLINE, connect, org};

/// How soon after a server has gone no call may fail any more.
const RECOVERED: Duration = Duration::from_secs(3);

/// The servers, and the balancer before them.
struct Balanced {
    servers: BTreeMap<&'static str, Running>,
    haproxy: Haproxy,
    channel: Channel,
    redis: RedisServer,
}

impl Balanced {
    async fn start() -> Self {
        let redis = RedisServer::start();
        let mut servers = Vec::new();
        for _ in NAMES {
            servers.push(start_server(&redis).await);
        }
        know_each_other(&[0, 1, 2].map(|number| servers[number].address)).await;
        let haproxy = Haproxy::before([0, 1, 2].map(|number| addresses(&servers[number])));
        let channel = connect(&haproxy.url());
        Self { servers: NAMES.into_iter().zip(servers).collect(), haproxy, channel, redis }
    }

    fn admin_of(&self, org: &str) -> Caller {
        Caller::new(self.channel.clone(), org, "admin", "root")
    }
}

async fn start_server(redis: &RedisServer) -> Running {
    let config = ServerConfig {
        listen: "127.0.0.1:0".to_owned(),
        admin: Some("127.0.0.1:0".to_owned()),
        redis: Some(redis.url()),
        drain: Duration::from_secs(3),
        ..ServerConfig::default()
    };
    server::start(&config).await.expect("it starts")
}

/// Waits until each of these servers sees all of them serve: then they agree who is home of what.
async fn know_each_other(servers: &[SocketAddr]) {
    let caller = |address: &SocketAddr| {
        Caller::new(connect(&format!("http://{address}")), "acme", "admin", "root")
    };
    let mut callers: Vec<Caller> = servers.iter().map(caller).collect();
    home_among(&mut callers).await;
}

fn addresses(server: &Running) -> Addresses {
    Addresses { api: server.address, admin: server.admin.expect("it was to have one") }
}

/// Which server answered, by what the balancer adds.
fn answered_by(metadata: &MetadataMap) -> &'static str {
    let name = metadata.get("baton-server").and_then(|name| name.to_str().ok());
    NAMES.into_iter().find(|known| Some(*known) == name).expect("the balancer says who answered")
}

/// Applies the directory, and answers with the server that the balancer asked.
async fn apply(admin: &mut Caller) -> &'static str {
    let request = pb::ApplyDirectoryRequest { directory: Some(org()), ..Default::default() };
    let applied = admin.directory.apply_directory(request).await.expect("the org is right");
    assert!(!applied.metadata().contains_key("baton-passed-to"), "that was for the balancer");
    answered_by(applied.metadata())
}

/// Asks for a rep, and answers with the server that told.
async fn ask(admin: &mut Caller) -> Result<&'static str, Status> {
    let request = pb::GetRepPresenceRequest { rep: "ana".to_owned(), ..Default::default() };
    admin.presence.get_rep_presence(request).await.map(|told| answered_by(told.metadata()))
}

/// Opens a stream, and answers with the server that it is of.
async fn watch(admin: &mut Caller) -> (&'static str, Streaming<pb::WatchResponse>) {
    let opened = admin.watches.watch(request(&ALL)).await.expect("it may be watched");
    (answered_by(opened.metadata()), opened.into_inner())
}

/// Reads a stream up to a frame.
async fn read_until(frames: &mut Streaming<pb::WatchResponse>, wanted: impl Fn(&Frame) -> bool) {
    let read = async {
        loop {
            let next = frames.message().await.expect("the stream goes on");
            let frame = next.and_then(|response| response.frame).expect("the stream goes on");
            if wanted(&frame) {
                return;
            }
        }
    };
    tokio::time::timeout(DEADLINE, read).await.expect("the frame comes in time");
}

fn count<T: Ord>(things: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    things.into_iter().for_each(|thing| *counts.entry(thing).or_default() += 1);
    counts
}

/// How often servers have passed calls on, together.
fn passed_on(site: &Balanced) -> u64 {
    let all = site.servers.values().flat_map(|server| server.counters.all());
    all.filter(|(name, _)| *name == "passed_on").map(|(_, count)| count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_calls_of_an_org_reach_its_home() {
    let site = Balanced::start().await;
    // So many that they don't go round as the servers do, if somebody takes turns.
    let orgs: Vec<String> = (0..13).map(|number| format!("org-{number}")).collect();
    // The first call of an org goes where the hash says, and its answer tells the balancer where the home is.
    let mut homes: BTreeMap<&str, &str> = BTreeMap::new();
    for name in &orgs {
        let mut admin = site.admin_of(name);
        apply(&mut admin).await;
        homes.insert(name, apply(&mut admin).await);
    }
    let before = passed_on(&site);
    assert!((1..=orgs.len() as u64).contains(&before), "{before} of the first calls had to hop");
    // Over several connections, changes and reads.
    let channels = [0, 1, 2, 3].map(|_| connect(&site.haproxy.url()));
    let mut reached: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for round in 0..16 {
        for name in &orgs {
            let channel = channels[round % channels.len()].clone();
            let mut admin = Caller::new(channel, name, "admin", "root");
            let server = match round % 4 {
                0 => apply(&mut admin).await,
                _ => ask(&mut admin).await.expect("nothing is wrong"),
            };
            reached.entry(name).or_default().insert(server);
        }
    }
    for (name, home) in &homes {
        assert_eq!(reached[name], BTreeSet::from([*home]), "{name}: {reached:?}");
    }
    assert_eq!(passed_on(&site), before, "the hop is saved");
    let used: BTreeSet<_> = homes.values().copied().collect();
    assert_eq!(used, NAMES.into(), "orgs are spread over the servers: {homes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_streams_of_an_org_are_spread_over_the_servers_and_see_the_same() {
    let site = Balanced::start().await;
    let mut admin = site.admin_of("acme");
    apply(&mut admin).await;
    let home = apply(&mut admin).await;
    let mut streams = Vec::new();
    for _ in 0..30 {
        streams.push(watch(&mut admin).await);
    }
    let spread = count(streams.iter().map(|(server, _)| *server));
    assert_eq!(spread, NAMES.into_iter().map(|name| (name, 10)).collect());
    for (_, frames) in &mut streams {
        read_until(frames, |frame| matches!(frame, Frame::Synced(_))).await;
    }
    assert_eq!(ask(&mut admin).await.expect("nothing is wrong"), home, "calls still go to one");
    admin.sign_in("ana").await;
    for (_, frames) in &mut streams {
        read_until(frames, |frame| matches!(frame, Frame::Changes(_))).await;
    }

    // Health is watched wherever there is room, too.
    let mut health = HealthClient::new(site.channel.clone());
    let mut watched = Vec::new();
    for _ in NAMES {
        let opened = health.watch(HealthCheckRequest::default()).await.expect("it may be watched");
        watched.push((answered_by(opened.metadata()), opened));
    }
    assert_eq!(count(watched.iter().map(|(server, _)| *server)).len(), NAMES.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_can_be_left_to_the_home_while_it_has_few() {
    let mut site = Balanced::start().await;
    let servers = NAMES.map(|name| addresses(&site.servers[name]));
    site.haproxy = Haproxy::with(servers, &[("BATON_STREAMS_AT_HOME", "4")]);
    site.channel = connect(&site.haproxy.url());
    let mut admin = site.admin_of("acme");
    apply(&mut admin).await;
    let home = apply(&mut admin).await;
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(watch(&mut admin).await);
    }
    let on: Vec<_> = streams.iter().map(|(server, _)| *server).collect();
    assert_eq!(on[..4], [home; 4], "{on:?}");
    assert!(on[4..].iter().all(|server| *server != home), "the rest is spread: {on:?}");
}

/// Calls of many orgs that never stop, and what became of them.
struct Load {
    admins: Vec<Caller>,
    /// When calls failed, and how.
    failed: Vec<(Instant, Status)>,
}

impl Load {
    /// Orgs that are applied already; `on` says which server has which.
    async fn prepare(channel: &Channel) -> (Self, BTreeSet<&'static str>) {
        let (mut admins, mut on) = (Vec::new(), BTreeSet::new());
        for number in 0..12 {
            let org = format!("org-{number}");
            let mut admin = Caller::new(channel.clone(), &org, "admin", "root");
            on.insert(apply(&mut admin).await);
            admins.push(admin);
        }
        (Self { admins, failed: Vec::new() }, on)
    }

    /// A few calls of each org, all orgs at once, and who answered.
    async fn round(&mut self) -> BTreeSet<&'static str> {
        let mut calls = JoinSet::new();
        for admin in &self.admins {
            let mut admin = admin.clone();
            calls.spawn(async move {
                let mut results = Vec::new();
                for _ in 0..5 {
                    let asked = tokio::time::timeout(DEADLINE, ask(&mut admin)).await;
                    results.push((asked.expect("a call is answered in time"), Instant::now()));
                }
                results
            });
        }
        let mut by = BTreeSet::new();
        for (result, at) in calls.join_all().await.into_iter().flatten() {
            match result {
                Ok(server) => drop(by.insert(server)),
                Err(status) => self.failed.push((at, status)),
            }
        }
        by
    }

    /// Rounds until then, in the background, and one more. Calls are in flight when this returns.
    async fn until(mut self, then: Instant) -> JoinHandle<(Self, BTreeSet<&'static str>)> {
        let (begin, begun) = oneshot::channel();
        let rounds = tokio::spawn(async move {
            self.round().await;
            let _ = begin.send(());
            while Instant::now() < then {
                self.round().await;
            }
            let by = self.round().await;
            (self, by)
        });
        begun.await.expect("it begins");
        rounds
    }

    /// What failed may be tried again, and none did later than it may.
    fn expect_recovery(&self, gone: Instant) {
        for (at, status) in &self.failed {
            let after = at.duration_since(gone);
            assert_eq!(status.code(), Code::Unavailable, "{after:?}: {status}");
            assert!(after < RECOVERED, "a call failed {after:?} after the server went: {status}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_drains_gets_no_new_calls_and_ends_its_streams_itself() {
    let mut site = Balanced::start().await;
    let (load, on) = Load::prepare(&site.channel).await;
    assert_eq!(on, NAMES.into());
    let mut streams = Vec::new();
    for _ in NAMES {
        let (server, mut frames) = watch(&mut site.admin_of("org-0")).await;
        read_until(&mut frames, |frame| matches!(frame, Frame::Synced(_))).await;
        streams.push((server, frames));
    }
    let leaving = site.servers.remove("b").expect("it runs");
    let admin = addresses(&leaving).admin;
    assert_eq!(admin_says(admin, "/readyz").await, (200, "ready\n".to_owned()));
    let rounds = load.until(Instant::now() + 2 * RECOVERED).await;
    let gone = Instant::now();
    drop(leaving.stop);
    until_admin_says(admin, "/readyz", (503, "draining\n")).await;
    assert_eq!(admin_says(admin, "/livez").await, (200, "alive\n".to_owned()));
    // Until the balancer has noticed, it serves as ever.
    let direct = connect(&format!("http://{}", leaving.address));
    let still = Caller::new(direct, "org-0", "admin", "root").rep_presence("ana").await;
    assert_eq!(still.rep, "ana");
    site.haproxy.says(&["calls/b is DOWN", "503"]).await;
    assert!(!leaving.done.is_finished(), "it was still there when the balancer turned away");
    let (load, by) = rounds.await.expect("calls are answered in time");
    assert_eq!(by, ["a", "c"].into(), "calls go to those that are left");
    load.expect_recovery(gone);
    for (server, frames) in &mut streams {
        if *server == "b" {
            read_until(frames, |frame| matches!(frame, Frame::Closing(_))).await;
            let end = frames.message().await.expect("it ends as it should");
            assert!(end.is_none(), "{end:?}");
        }
    }
    let ended = tokio::time::timeout(DEADLINE, leaving.done).await.expect("it ends in time");
    ended.expect("it ends").expect("without a fault");
    site.admin_of("org-0").sign_in("ana").await;
    for (_, frames) in streams.iter_mut().filter(|(server, _)| *server != "b") {
        read_until(frames, |frame| matches!(frame, Frame::Changes(_))).await;
    }
    assert!(site.redis.port() > 0, "it is kept to the end");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_costs_calls_for_a_moment_and_comes_back() {
    let redis = RedisServer::start();
    let (a, c) = (start_server(&redis).await, start_server(&redis).await);
    let mut b = Process::serve(&redis);
    let addresses_of_b = Addresses { api: b.address(), admin: b.admin };
    let servers = [a.address, b.address(), c.address];
    know_each_other(&servers).await;
    let mut haproxy = Haproxy::before([addresses(&a), addresses_of_b, addresses(&c)]);
    let (load, on) = Load::prepare(&connect(&haproxy.url())).await;
    assert_eq!(on, NAMES.into());

    let rounds = load.until(Instant::now() + 2 * RECOVERED).await;
    let gone = Instant::now();
    b.kill();
    let (mut load, by) = rounds.await.expect("calls are answered in time");
    assert_eq!(by, ["a", "c"].into(), "calls go to those that are left");
    load.expect_recovery(gone);
    haproxy.says(&["calls/b is DOWN"]).await;

    // Another at the same place becomes the home of some of the orgs, and the balancer learns it.
    let _again = Process::serve_at(&redis, addresses_of_b.api, addresses_of_b.admin);
    haproxy.says(&["calls/b is UP"]).await;
    know_each_other(&servers).await;
    let found = async {
        let mut at = BTreeSet::new();
        while at != NAMES.into() {
            for admin in &mut load.admins {
                at.insert(apply(admin).await);
            }
        }
    };
    tokio::time::timeout(DEADLINE, found).await.expect("calls reach it again");
    load.round().await;
    load.expect_recovery(gone);
}

#[tokio::test]
async fn without_a_server_calls_and_streams_are_unavailable() {
    // Nobody listens where these were.
    let gone: Vec<SocketAddr> = NAMES
        .map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port"))
        .iter()
        .map(|listener| listener.local_addr().expect("its address"))
        .collect();
    let haproxy = Haproxy::before([0, 1, 2].map(|n| Addresses { api: gone[n], admin: gone[n] }));
    let mut admin = Caller::new(connect(&haproxy.url()), "acme", "admin", "root");
    let told = ask(&mut admin).await.expect_err("nobody is there");
    assert_eq!((told.code(), told.message()), (Code::Unavailable, "balancer: no server is ready"));
    let told = admin.watches.watch(request(&ALL)).await.expect_err("nobody is there");
    assert_eq!((told.code(), told.message()), (Code::Unavailable, "balancer: no server is ready"));
}
