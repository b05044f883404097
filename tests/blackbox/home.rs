//! Several servers on one Redis, and the home that each org has among them: calls are decided there wherever they
//! arrive, and deadlines are acted on there. What happens when a home goes is in `handover`.

#![allow(clippy::print_stdout, reason = "how long callers waited belongs in the test's output")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use baton::config::TokenKey;
use baton::engine::EngineOptions;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::pb;
use baton::pb::ServerPlace as Place;
use baton::pb::ServerState as State;
use baton::server::{self, ServerOptions};
use tonic::{Code, Request};

use super::site::{house, routed_org, seconds};
use super::support::redis::RedisServer;
use super::two_servers::Process;
use super::world::{Caller, DEADLINE, House, connect};

/// The servers as one of them lists them.
pub async fn list(caller: &mut Caller) -> Vec<pb::Server> {
    let listed = caller.servers.list_servers(pb::ListServersRequest::default()).await;
    listed.expect("anybody may ask").into_inner().servers
}

/// The address of the org's home, once all of these servers see each other serve.
pub async fn home_among(callers: &mut [Caller]) -> String {
    home_of(callers, callers.len()).await
}

/// The same, when so many servers are to be seen.
pub async fn home_of(callers: &mut [Caller], servers: usize) -> String {
    let wanted = async {
        loop {
            let mut homes = BTreeSet::new();
            for caller in callers.iter_mut() {
                let listed = list(caller).await;
                let serving = listed.iter().filter(|s| s.state() == State::Serving).count();
                let home = listed.into_iter().find(|s| s.place() == Place::Home);
                homes.insert(home.filter(|_| serving == servers).map(|home| home.address));
            }
            if let (1, Some(Some(home))) = (homes.len(), homes.pop_first()) {
                return home;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, wanted).await.expect("they see each other, and agree")
}

fn member(servers: &[pb::Server], address: &str) -> pb::Server {
    servers.iter().find(|s| s.address == address).expect("it is listed").clone()
}

fn skill(id: &str, request_id: &str) -> pb::UpsertSkillRequest {
    let skill = pb::Skill { id: id.to_owned(), name: id.to_owned() };
    pb::UpsertSkillRequest { skill: Some(skill), request_id: request_id.to_owned() }
}

/// Makes a skill; gives the revision, and who decided.
pub async fn make(
    caller: &mut Caller,
    id: &str,
    request_id: &str,
) -> Result<(i64, String), tonic::Status> {
    let made = caller.directory.upsert_skill(skill(id, request_id)).await?;
    let by = made.metadata().get("baton-decided-by").and_then(|by| by.to_str().ok());
    let by = by.expect("every answer says who gave it").to_owned();
    Ok((made.into_inner().revision, by))
}

pub async fn skills(caller: &mut Caller) -> BTreeSet<String> {
    skills_since(caller, 0).await
}

pub async fn skills_since(caller: &mut Caller, at_least_revision: i64) -> BTreeSet<String> {
    let request = pb::GetDirectoryRequest { at_least_revision };
    let directory = caller.directory.get_directory(request).await;
    let directory =
        directory.expect("it may be read").into_inner().directory.expect("there is one");
    directory.skills.into_iter().map(|skill| skill.id).collect()
}

pub fn counted(house: &House, name: &str) -> u64 {
    let all = house.server.counters.all();
    all.into_iter().find(|(known, _)| *known == name).expect("it is counted").1
}

#[tokio::test(flavor = "multi_thread")]
async fn t21_a_change_is_decided_at_the_home_wherever_it_arrives() {
    let redis = RedisServer::start();
    let houses = [house(&redis).await, house(&redis).await, house(&redis).await];
    let mut homes = BTreeSet::new();
    for number in 0..6 {
        let org = format!("org-{number}");
        let mut callers = houses.each_ref().map(|h| h.caller_in(&org, "admin", "root"));
        let address = home_among(&mut callers).await;
        let home = member(&list(&mut callers[0]).await, &address);
        let mut revisions = Vec::new();
        for (at, caller) in callers.iter_mut().enumerate() {
            let (revision, by) = make(caller, &format!("s{at}"), "").await.expect("it may be made");
            assert_eq!(by, home.id, "{org}, asked at server {at}");
            revisions.push(revision);
        }
        assert_eq!(revisions, [1, 2, 3], "one history");
        // The same request gives the same answer, wherever it is repeated.
        let mut answers = BTreeSet::new();
        for caller in &mut callers {
            answers.insert(make(caller, "again", "click").await.expect("it may be made").0);
        }
        assert_eq!(answers, BTreeSet::from([4]));
        homes.insert(home.address);
    }
    assert!(homes.len() > 1, "orgs are spread: {homes:?}");
    let sum = |name| houses.iter().map(|house| counted(house, name)).sum::<u64>();
    assert_eq!(sum("conflicts"), 0, "nobody gets in anybody's way");
    assert!(sum("passed_on") >= 6 * 4, "{}", sum("passed_on"));
    assert_eq!(sum("passed_on"), sum("done_for_others"));
    assert_eq!(sum("passed_in_vain"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn w8_who_was_answered_by_the_home_reads_that_at_the_server_that_they_asked() {
    let redis = RedisServer::start();
    let houses = [house(&redis).await, house(&redis).await];
    let mut callers = houses.each_ref().map(House::admin);
    let home = home_among(&mut callers).await;
    let away = usize::from(houses[0].server.address.to_string() == home);
    // Loaded there, so that it reads for itself.
    skills(&mut callers[away]).await;
    let until = Instant::now() + DEADLINE;
    let mut number = 0;
    while counted(&houses[1 - away], "done_for_others") < 100 && Instant::now() < until {
        let id = format!("s{number}");
        make(&mut callers[away], &id, "").await.expect("it may be made");
        assert!(
            skills(&mut callers[away]).await.contains(&id),
            "{id} was answered, and isn't there"
        );
        number += 1;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s1_a_forged_seal_is_refused_and_a_request_id_without_one_is_ignored() {
    let redis = RedisServer::start();
    let house = house(&redis).await;
    let mut admin = house.admin();
    home_among(std::slice::from_mut(&mut admin)).await;
    let forged = |seal: &str| {
        let mut request = Request::new(skill("s", ""));
        request.metadata_mut().insert("baton-passed", seal.parse().expect("printable"));
        request
    };
    let id = list(&mut admin).await[0].id.clone();
    for seal in ["", "yes", &format!("{id}.1700000000000.00112233445566778899aabbccddeeff")] {
        let refused = admin.directory.upsert_skill(forged(seal)).await.expect_err("forged");
        assert_eq!(refused.code(), Code::Unauthenticated, "{seal:?}: {refused}");
    }
    assert!(skills(&mut admin).await.is_empty(), "nothing was done");
    // Without a seal a server's request id means nothing: both are done.
    let mut revisions = Vec::new();
    for name in ["a", "b"] {
        let mut request = Request::new(skill(name, ""));
        request.metadata_mut().insert("baton-request-id", "one".parse().expect("printable"));
        let made = admin.directory.upsert_skill(request).await.expect("it may be made");
        revisions.push(made.into_inner().revision);
    }
    assert_eq!(revisions, [1, 2]);
    assert_eq!(counted(&house, "done_for_others"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_with_different_keys_do_what_the_other_does_not_believe_themselves() {
    let redis = RedisServer::start();
    let mut houses = Vec::new();
    for token_key in [TokenKey::Secret([1; 32]), TokenKey::Secret([2; 32])] {
        let journal = RedisJournal::connect(RedisOptions::at(redis.url())).await.expect("it is up");
        let engine = server::engine_over(Arc::new(journal), EngineOptions::default());
        let options = ServerOptions { token_key, ..ServerOptions::default() };
        houses.push(House::with(engine, options).await);
    }
    let mut callers: Vec<Caller> = houses.iter().map(House::admin).collect();
    home_among(&mut callers).await;
    for (at, caller) in callers.iter_mut().enumerate() {
        let me = list(caller).await.into_iter().find(|s| s.answering).expect("it answers");
        let (_, by) = make(caller, &format!("s{at}"), "").await.expect("somebody does it");
        assert_eq!(by, me.id);
    }
    let sum = |name| houses.iter().map(|house| counted(house, name)).sum::<u64>();
    assert_eq!((sum("passed_in_vain"), sum("passed_on"), sum("done_for_others")), (1, 0, 0));
    assert_eq!(skills_since(&mut callers[0], 2).await.len(), 2, "each was done once");
}

/// Keeps somebody on the list of servers who isn't one: with this id, and at the address of a real server.
async fn haunt(redis: &RedisServer, id: u128, address: &str) -> tokio::task::JoinHandle<()> {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("it is up");
    let address = address.to_owned();
    tokio::spawn(async move {
        loop {
            let time = redis::cmd("TIME").query_async::<(u64, u64)>(&mut connection).await;
            let Ok((seconds, micros)) = time else { return };
            let now = seconds * 1_000 + micros / 1_000;
            let line = format!("{now} {now} serving {address} 0 0 0 0");
            let mut write = redis::cmd("HSET");
            write.arg("baton:members").arg(&id.to_be_bytes()[..]).arg(line);
            if write.query_async::<i64>(&mut connection).await.is_err() {
                return;
            }
            tokio::task::yield_now().await;
        }
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_passed_on_is_never_passed_on_again() {
    let redis = RedisServer::start();
    let house = house(&redis).await;
    let address = house.server.address.to_string();
    let ghost = haunt(&redis, 1, &address).await;
    // An org of which the server takes the other for the home, and passes its calls on to itself.
    let mut passed = 0;
    for number in 0..8 {
        let mut admin = house.caller_in(&format!("org-{number}"), "admin", "root");
        home_of(std::slice::from_mut(&mut admin), 2).await;
        let me = list(&mut admin).await.into_iter().find(|s| s.answering).expect("it answers");
        let (revision, by) = make(&mut admin, "s", "").await.expect("somebody does it");
        assert_eq!((revision, &by), (1, &me.id));
        passed += u64::from(me.place() != Place::Home);
        assert_eq!(
            (counted(&house, "passed_on"), counted(&house, "done_for_others")),
            (passed, passed)
        );
    }
    assert!(passed > 0, "of eight orgs some are the other's");
    ghost.abort();
}

/// An org whose offers are withdrawn after a second, and one that is out; gives the server that is home, by number.
async fn offered(callers: &mut [Caller], addresses: &[String]) -> (usize, String) {
    let home = home_among(callers).await;
    let mut directory = routed_org();
    directory.queues[0].push_timeout = seconds(1);
    callers[0].configure(directory).await;
    callers[0].sign_in("ana").await;
    let (session, revision) = callers[0].enqueue("c-1", "billing").await;
    // Loaded everywhere, so that any of them could act.
    for caller in callers.iter_mut() {
        caller.session_since(&session.id, revision).await;
    }
    let home = addresses.iter().position(|address| *address == home);
    (home.expect("it is one of them"), session.id)
}

/// Waits until the offer of a session is withdrawn; gives how long that took.
async fn until_withdrawn(caller: &mut Caller, session: &str) -> Duration {
    let began = Instant::now();
    let withdrawn = async {
        let ended = |work: &pb::Work| work.state() == pb::WorkState::Ended;
        while !caller.work_of(session, 0).await.iter().any(ended) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, withdrawn).await.expect("somebody acts on it");
    began.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_the_home_acts_on_deadlines_and_the_others_leave_them_to_it() {
    let redis = RedisServer::start();
    let houses = [house(&redis).await, house(&redis).await, house(&redis).await];
    let mut callers = houses.each_ref().map(House::admin);
    let addresses = houses.each_ref().map(|house| house.server.address.to_string());
    let (home, session) = offered(&mut callers, &addresses).await;
    until_withdrawn(&mut callers[home], &session).await;
    let done: Vec<u64> = houses.iter().map(|house| counted(house, "transactions")).collect();
    for (number, done) in done.iter().enumerate() {
        assert_eq!(*done > 0, number == home, "{done} at server {number}; home is {home}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r5_a_deadline_that_a_home_leaves_undone_is_acted_on_elsewhere() {
    let redis = RedisServer::start();
    let mut processes: Vec<Process> = (0..3).map(|_| Process::serve(&redis)).collect();
    let caller = |process: &Process| Caller::new(connect(&process.url), "acme", "admin", "root");
    let mut callers: Vec<Caller> = processes.iter().map(caller).collect();
    let addresses: Vec<String> = processes.iter().map(|p| p.address().to_string()).collect();
    let (home, session) = offered(&mut callers, &addresses).await;
    processes[home].kill();
    let took = until_withdrawn(&mut callers[(home + 1) % 3], &session).await;
    println!("a deadline of 1 s at a home that was killed: acted on after {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_memory_there_is_one_server_and_it_is_home() {
    let house = House::new().await;
    let mut admin = house.admin();
    let address = home_among(std::slice::from_mut(&mut admin)).await;
    assert_eq!(address, house.server.address.to_string());
    let servers = list(&mut admin).await;
    assert_eq!(servers.len(), 1);
    assert!(servers[0].answering && servers[0].why.starts_with("home of acme"), "{servers:?}");
    let (_, by) = make(&mut admin, "s", "").await.expect("it may be made");
    assert_eq!(by, servers[0].id);
    drop(house.server.stop().await);
}
