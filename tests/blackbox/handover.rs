//! What becomes of callers when the home of their org is killed, freezes, is stopped, gets company, or isn't the only
//! one: nothing acknowledged is lost, nothing is done twice, and nobody waits for long.

#![allow(clippy::print_stdout, reason = "how long callers waited belongs in the test's output")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use baton::engine::EngineOptions;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::pb;
use baton::pb::ServerState as State;
use baton::server::{self, ServerOptions};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

use super::home::{counted, home_among, home_of, list, make, skills, skills_since};
use super::support::proxy::SlowProxy;
use super::support::redis::RedisServer;
use super::two_servers::Process;
use super::world::{Caller, DEADLINE, House, connect};

/// The same, again and again while others get ahead: then nothing was done.
async fn made(caller: &mut Caller, id: &str, request_id: &str) -> (i64, String) {
    loop {
        match make(caller, id, request_id).await {
            Err(status) if status.code() == Code::Aborted => {}
            settled => return settled.expect("no call fails"),
        }
    }
}

/// What became of one call.
struct Called {
    id: String,
    revision: i64,
    by: String,
    began: Instant,
    took: Duration,
}

/// Callers who change an org without a pause, until they are told to stop.
struct Load {
    workers: JoinSet<Vec<Called>>,
    stop: Arc<AtomicBool>,
}

impl Load {
    fn start(channels: &[Channel], workers: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = JoinSet::new();
        for worker in 0..workers {
            let channel = channels[worker % channels.len()].clone();
            let (mut caller, stop) =
                (Caller::new(channel, "acme", "admin", "root"), Arc::clone(&stop));
            running.spawn(async move {
                let mut done = Vec::new();
                while !stop.load(Ordering::Relaxed) {
                    let id = format!("w{worker}-{}", done.len());
                    let began = Instant::now();
                    // Every other one leaves it to the servers to recognise it.
                    let request_id = if done.len() % 2 == 0 { id.as_str() } else { "" };
                    let (revision, by) = made(&mut caller, &id, request_id).await;
                    done.push(Called { id, revision, by, began, took: began.elapsed() });
                }
                done
            });
        }
        Self { workers: running, stop }
    }

    async fn end(mut self) -> Vec<Called> {
        self.stop.store(true, Ordering::Relaxed);
        let mut all = Vec::new();
        while let Some(done) = self.workers.join_next().await {
            all.extend(done.expect("no call fails"));
        }
        all
    }
}

/// Nothing acknowledged is lost, and nothing was done twice: a repeated request is answered as before.
async fn check(calls: &[Called], anywhere: &mut [Caller]) {
    let newest = calls.iter().map(|call| call.revision).max().unwrap_or_default();
    for caller in anywhere.iter_mut() {
        let there = skills_since(caller, newest).await;
        for call in calls {
            assert!(there.contains(&call.id), "{} was answered, and is lost", call.id);
        }
    }
    let revisions: BTreeSet<i64> = calls.iter().map(|call| call.revision).collect();
    assert_eq!(revisions.len(), calls.len(), "each change has a revision of its own");
    assert_eq!(newest, i64::try_from(calls.len()).expect("few"), "nothing was done twice");
    let repeated = calls.iter().filter(|call| call.id.rsplit('-').next().is_some_and(is_even));
    for (number, call) in repeated.enumerate().filter(|(number, _)| number % 7 == 0) {
        let caller = &mut anywhere[number % 2];
        let again = make(caller, &call.id, &call.id).await.expect("it was done").0;
        assert_eq!(again, call.revision, "{} happened once", call.id);
    }
}

fn is_even(number: &str) -> bool {
    number.parse::<u64>().is_ok_and(|number| number % 2 == 0)
}

/// The longest time between two answers, and the longest that a call took, after a moment.
fn longest(calls: &[Called], since: Instant) -> (Duration, Duration) {
    let mut answered: Vec<Instant> = calls.iter().map(|call| call.began + call.took).collect();
    answered.sort_unstable();
    let answered = answered.iter().skip_while(|at| **at < since);
    let after: Vec<Instant> = [since].into_iter().chain(answered.copied()).collect();
    let gap = after.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default();
    let took = calls.iter().filter(|call| call.began + call.took >= since).map(|call| call.took);
    (gap, took.max().unwrap_or_default())
}

/// Three processes, the number of the one that is home of `acme`, and callers of the two others.
async fn three_processes(redis: &RedisServer) -> (Vec<Process>, usize, [Channel; 2]) {
    let processes: Vec<Process> = (0..3).map(|_| Process::serve(redis)).collect();
    let channels: Vec<Channel> = processes.iter().map(|p| connect(&p.url)).collect();
    let mut callers: Vec<Caller> =
        channels.iter().map(|c| Caller::new(c.clone(), "acme", "admin", "root")).collect();
    let address = home_among(&mut callers).await;
    let home = processes.iter().position(|p| p.address().to_string() == address);
    let home = home.expect("it is one of them");
    let others = [1, 2].map(|step| channels[(home + step) % 3].clone());
    (processes, home, others)
}

/// Waits until so many calls more are answered than now, by anybody's count.
async fn until_answered(channel: &Channel, skills_there: usize) {
    let mut caller = Caller::new(channel.clone(), "acme", "admin", "root");
    let reached = async {
        while skills(&mut caller).await.len() < skills_there {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, reached).await.expect("calls are answered");
}

/// Has the home gone in some way under load; gives the calls, and when it went.
async fn under_load(
    channels: &[Channel; 2],
    go: impl FnOnce(),
) -> (Vec<Called>, Instant, [Caller; 2]) {
    let load = Load::start(channels, 8);
    until_answered(&channels[0], 100).await;
    let went = Instant::now();
    go();
    let there = async {
        // As long as it takes everybody to know, and some time of ordinary work after.
        let mut caller = Caller::new(channels[0].clone(), "acme", "admin", "root");
        loop {
            let serving = |s: &&pb::Server| s.state() == State::Serving;
            let count = list(&mut caller).await.iter().filter(serving).count();
            if count == 2 {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, there).await.expect("the others know that it went");
    let mut caller = Caller::new(channels[1].clone(), "acme", "admin", "root");
    let now = skills(&mut caller).await.len();
    until_answered(&channels[1], now + 100).await;
    let calls = load.end().await;
    let callers = channels.each_ref().map(|c| Caller::new(c.clone(), "acme", "admin", "root"));
    (calls, went, callers)
}

fn report(what: &str, calls: &[Called], went: Instant) -> (Duration, Duration) {
    let before = calls.iter().filter(|call| call.began + call.took < went);
    let ordinary = before.map(|call| call.took).max().unwrap_or_default();
    let (gap, took) = longest(calls, went);
    let by: BTreeMap<&str, usize> = calls.iter().fold(BTreeMap::new(), |mut by, call| {
        *by.entry(&call.by[..4]).or_default() += 1;
        by
    });
    println!(
        "{what}: {} calls; longest without an answer {gap:?}, longest call {took:?}, before {ordinary:?}; {by:?}",
        calls.len()
    );
    (gap, took.saturating_sub(ordinary))
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_a_home_that_is_killed_loses_nothing_and_writes_go_on() {
    let redis = RedisServer::start();
    let (mut processes, home, others) = three_processes(&redis).await;
    let (calls, went, mut callers) = under_load(&others, || processes[home].kill()).await;
    let (gap, _) = report("killed", &calls, went);
    check(&calls, &mut callers).await;
    assert!(gap < Duration::from_secs(1), "writes go on within a second: {gap:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_a_home_that_freezes_loses_nothing_and_writes_go_on() {
    let redis = RedisServer::start();
    let (processes, home, others) = three_processes(&redis).await;
    let (mut calls, went, mut callers) = under_load(&others, || processes[home].pause()).await;
    let (gap, _) = report("frozen", &calls, went);
    check(&calls, &mut callers).await;
    assert!(gap < Duration::from_secs(1), "writes go on within a second: {gap:?}");
    // It wakes up, takes itself for the home for a moment, and is right all the same.
    processes[home].resume();
    let mut awake = Caller::new(connect(&processes[home].url), "acme", "admin", "root");
    let began = Instant::now();
    let (revision, by) = make(&mut awake, "w9-0", "w9-0").await.expect("it goes on");
    calls.push(Called { id: "w9-0".to_owned(), revision, by, began, took: began.elapsed() });
    check(&calls, &mut callers).await;
    check(&calls, &mut [awake.clone(), awake]).await;
}

/// A server that can be cut off from the others and from Redis.
struct CutOff {
    house: House,
    ways: [SlowProxy; 2],
}

impl CutOff {
    async fn start(redis: &RedisServer) -> Self {
        let to_redis = SlowProxy::before(redis.port(), Duration::ZERO).await;
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let to_it = SlowProxy::before(port, Duration::ZERO).await;
        let journal = RedisJournal::connect(RedisOptions::at(to_redis.url())).await;
        let journal = Arc::new(journal.expect("it is up"));
        let engine = server::engine_over(journal, EngineOptions::default());
        let options = ServerOptions { advertise: Some(to_it.address()), ..Default::default() };
        Self { house: House::on(listener, engine, options), ways: [to_redis, to_it] }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_a_home_that_is_cut_off_loses_nothing_and_writes_go_on() {
    let redis = RedisServer::start();
    let mut servers = Vec::new();
    for _ in 0..3 {
        servers.push(CutOff::start(&redis).await);
    }
    let mut callers: Vec<Caller> = servers.iter().map(|server| server.house.admin()).collect();
    let address = home_among(&mut callers).await;
    let home = servers.iter().position(|server| server.ways[1].address() == address);
    let home = home.expect("it is one of them");
    let others = [1, 2].map(|step| {
        connect(&format!("http://{}", servers[(home + step) % 3].house.server.address))
    });
    let (mut calls, went, mut callers) =
        under_load(&others, || servers[home].ways.iter().for_each(SlowProxy::cut)).await;
    let (gap, _) = report("cut off", &calls, went);
    check(&calls, &mut callers).await;
    assert!(gap < Duration::from_secs(1), "writes go on within a second: {gap:?}");
    // Who is still at it is told that it can't, or, since it still reaches the others, answered by one of them. When it
    // is back it knows what it has missed.
    let mut alone = servers[home].house.admin();
    let first = make(&mut alone, "w9-0", "w9-0").await;
    if let Err(status) = &first {
        assert_eq!(status.code(), Code::Unavailable, "{status}");
    }
    servers[home].ways.iter().for_each(SlowProxy::mend);
    let began = Instant::now();
    let again = async {
        // It may be passed on before it has found Redis again: then there is nothing to be read here yet.
        let mut done = None;
        loop {
            if let Ok(made) = make(&mut alone, "w9-0", "w9-0").await {
                done = Some(made);
            }
            if let Some(done) = &done {
                let at_least_revision = done.0;
                let list = pb::ListSkillsRequest { at_least_revision, ..Default::default() };
                if alone.directory.list_skills(list).await.is_ok() {
                    return done.clone();
                }
            }
            tokio::task::yield_now().await;
        }
    };
    let done = tokio::time::timeout(DEADLINE, again).await;
    let (revision, by) = done.expect("it goes on");
    assert!(first.is_err() || first.is_ok_and(|first| first.0 == revision), "it happened once");
    calls.push(Called { id: "w9-0".to_owned(), revision, by, began, took: began.elapsed() });
    check(&calls, &mut callers).await;
    check(&calls, &mut [alone.clone(), alone]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_planned_stop_is_a_handover_that_nobody_waits_for() {
    let redis = RedisServer::start();
    let (processes, home, others) = three_processes(&redis).await;
    let (calls, went, mut callers) = under_load(&others, || processes[home].ask_to_stop()).await;
    let (gap, longer) = report("stopped", &calls, went);
    check(&calls, &mut callers).await;
    assert!(gap < Duration::from_millis(500), "{gap:?}");
    assert!(longer < Duration::from_millis(500), "a call waited {longer:?} longer than before");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_joins_takes_over_and_nobody_waits() {
    let redis = RedisServer::start();
    let mut processes: Vec<Process> = (0..2).map(|_| Process::serve(&redis)).collect();
    let channels: Vec<Channel> = processes.iter().map(|p| connect(&p.url)).collect();
    let caller = |channel: &Channel| Caller::new(channel.clone(), "acme", "admin", "root");
    let mut callers: Vec<Caller> = channels.iter().map(caller).collect();
    home_among(&mut callers).await;
    let load = Load::start(&channels, 8);
    until_answered(&channels[0], 100).await;
    let came = Instant::now();
    // Until one of them has taken the org over, or there are more than it takes to be sure.
    while processes.len() < 5 {
        let before = home_of(&mut callers[..1], processes.len()).await;
        processes.push(Process::serve(&redis));
        if home_of(&mut callers[..1], processes.len()).await != before {
            break;
        }
    }
    home_of(&mut callers, processes.len()).await;
    let now = skills(&mut callers[0]).await.len();
    until_answered(&channels[0], now + 100).await;
    let calls = load.end().await;
    let (gap, longer) = report("joined", &calls, came);
    check(&calls, &mut callers).await;
    assert!(gap < Duration::from_secs(1) && longer < Duration::from_secs(1), "{gap:?}, {longer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_that_both_take_themselves_for_the_home_are_right_and_say_so() {
    let redis = RedisServer::start();
    // They don't see each other.
    let mut houses = Vec::new();
    for members_key in ["baton:members", "baton:members-of-others"] {
        let members_key = members_key.to_owned();
        let options = RedisOptions { members_key, ..RedisOptions::at(redis.url()) };
        let journal = Arc::new(RedisJournal::connect(options).await.expect("it is up"));
        houses.push(House::over(server::engine_over(journal, EngineOptions::default())).await);
    }
    let mut callers: Vec<Caller> = houses.iter().map(House::admin).collect();
    for caller in &mut callers {
        home_of(std::slice::from_mut(caller), 1).await;
    }
    let channels: Vec<Channel> =
        houses.iter().map(|h| connect(&format!("http://{}", h.server.address))).collect();
    // One each: who never pauses leaves the other no chance.
    let load = Load::start(&channels, 2);
    let said = async {
        while houses.iter().any(|house| counted(house, "two_homes") == 0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, said).await.expect("both notice");
    let calls = load.end().await;
    check(&calls, &mut callers).await;
    let servers = list(&mut callers[0]).await;
    assert_eq!(servers.len(), 1);
}
