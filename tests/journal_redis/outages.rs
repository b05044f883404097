//! A Redis that dies, hangs, is late, is full, isn't the primary any more, or comes back with less.

use std::sync::Arc;
use std::time::{Duration, Instant};

use baton::domain::entry::Revision;
use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::journal::{Epoch, Journal, JournalError, Verdict};

use crate::support::proxy::SlowProxy;
use crate::support::redis::RedisServer;
use crate::support::sample::{Decider, change, org};
use crate::{
    FIRST, PATIENCE, RESPONSE, Raw, commit, connect, insist, is_diverged, load, send, verdict,
};

#[tokio::test]
async fn a_killed_server_is_unavailable_until_it_is_back() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    server.kill();
    let next = me.decide([change(2).writes("ana")]);
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(send(&journal, &next).await.expect_err("there is no server"));
    }
    assert!(
        errors.iter().all(|e| matches!(e, JournalError::Unavailable(_) | JournalError::Unknown(_))),
        "{errors:?}"
    );
    assert!(matches!(errors.last(), Some(JournalError::Unavailable(_))), "{errors:?}");
    let read = journal.read(&org("acme"), Revision::ZERO, 1).await;
    assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
    server.restart();
    assert_eq!(insist(&journal, &next).await, Ok(Verdict::Accepted));
    assert_eq!(load(&journal, None).await.expect("loaded").state.head(), me.predicted);
}

#[tokio::test]
async fn an_unanswered_commit_is_unknown_and_settled_by_sending_it_again() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    let mut raw = Raw::of(&server);
    raw.does(&["CONFIG", "RESETSTAT"]);
    server.pause();
    let next = me.decide([change(2).writes("ana").asked_by(2)]);
    let begun = Instant::now();
    let unanswered = send(&journal, &next).await;
    assert!(matches!(unanswered, Err(JournalError::Unknown(_))), "{unanswered:?}");
    assert!(begun.elapsed() >= RESPONSE, "an answer is waited for");
    // The connection was given up; a new one is refused or hangs, but nothing is sent on it twice.
    let read = journal.read(&org("acme"), Revision::ZERO, 1).await;
    assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
    server.resume();
    // What was sent while it hung is read in the end: once.
    let deadline = Instant::now() + PATIENCE;
    let scripts = loop {
        let calls: String = raw.run(&["INFO", "commandstats"]);
        if let Some(line) = calls.lines().find(|line| line.starts_with("cmdstat_evalsha:")) {
            break line.to_owned();
        }
        assert!(Instant::now() < deadline, "it was never sent");
    };
    assert!(scripts.contains(":calls=1,"), "{scripts}");
    assert_eq!(insist(&journal, &next).await, Ok(Verdict::Accepted));
    assert_eq!(insist(&journal, &next).await, Ok(Verdict::Accepted));
    let loaded = load(&journal, None).await.expect("loaded");
    assert_eq!(loaded.state.head(), me.predicted, "it was done once");
}

#[tokio::test]
async fn one_late_answer_costs_nobody_theirs() {
    let server = RedisServer::start();
    // With room for a slow machine between a late answer and none at all.
    let response = Duration::from_secs(1);
    let options = RedisOptions { response_timeout: response, ..RedisOptions::at(server.url()) };
    let journal = Arc::new(RedisJournal::connect(options).await.expect("Redis is there"));
    let (mut raw, mut sleeper) = (Raw::of(&server), Raw::of(&server));
    // Those that scripts came by last, or what asks whether they live.
    let connections = |raw: &mut Raw| -> Vec<String> {
        let clients: String = raw.run(&["CLIENT", "LIST"]);
        let ours =
            clients.lines().filter(|l| l.contains(" cmd=evalsha") || l.contains(" cmd=ping"));
        ours.filter_map(|line| line.split(' ').next().map(str::to_owned)).collect()
    };
    verdict(&journal, &Decider::default().decide([])).await;
    let before = connections(&mut raw);
    assert_eq!(before.len(), 1, "{before:?}");
    let mut deciders: Vec<_> =
        ["one", "two", "three", "four"].map(|name| (org(name), Decider::default())).into();
    let deadline = Instant::now() + PATIENCE;
    let mut slowest = Duration::ZERO;
    for round in 1.. {
        // For a little longer than an answer may take. Whatever is sent meanwhile waits for it, too.
        let asleep = std::thread::spawn(move || {
            sleeper.does(&["DEBUG", "SLEEP", "1.1"]);
            sleeper
        });
        while !asleep.is_finished() {
            let begun = Instant::now();
            let calls: Vec<_> = deciders
                .into_iter()
                .map(|(org, mut me)| {
                    let journal = Arc::clone(&journal);
                    tokio::spawn(async move {
                        let batch = me.decide([change(round).writes("ana")]);
                        let reply = journal.commit(&org, &batch).await;
                        assert_eq!(reply.map(|r| r.verdict), Ok(Verdict::Accepted));
                        me.confirm();
                        (org, me)
                    })
                })
                .collect();
            deciders = Vec::new();
            for call in calls {
                deciders.push(call.await.expect("it was answered"));
            }
            slowest = slowest.max(begun.elapsed());
        }
        sleeper = asleep.join().expect("it slept");
        if slowest > response {
            break;
        }
        assert!(Instant::now() < deadline, "no answer was ever late");
    }
    assert_eq!(connections(&mut raw), before, "the connection was given up");
}

#[tokio::test]
async fn a_connection_without_answers_is_given_up_in_time() {
    let server = RedisServer::start();
    let proxy = SlowProxy::before(server.port(), Duration::ZERO).await;
    let options = RedisOptions { response_timeout: RESPONSE, ..RedisOptions::at(proxy.url()) };
    let journal = RedisJournal::connect(options).await.expect("it is there");
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    proxy.swallow();
    let begun = Instant::now();
    let next = me.decide([change(2).writes("ana").asked_by(2)]);
    let lost = send(&journal, &next).await;
    assert!(matches!(lost, Err(JournalError::Unknown(_))), "{lost:?}");
    assert!(begun.elapsed() < RESPONSE * 3, "{:?}", begun.elapsed());
    // On a new connection, where the batch never arrived by itself.
    assert_eq!(verdict(&journal, &next).await, Verdict::Accepted);
    assert_eq!(load(&journal, None).await.expect("loaded").state.head(), me.predicted);
}

#[tokio::test]
async fn an_older_history_is_noticed_and_starts_an_epoch() {
    let mut server = RedisServer::with(&["--save", "3600 1"]);
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    let saved = me.confirmed;
    Raw::of(&server).does(&["SAVE"]);
    commit(&journal, &mut me, [change(2).writes("ana").asked_by(2)]).await;
    server.kill();
    server.restart();
    let refused = insist(&journal, &me.clone().decide([change(3).writes("ana")])).await;
    assert!(is_diverged(&refused), "{refused:?}");
    let loaded = load(&journal, Some(&me)).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(2), saved));
    // Another server that knew the lost entry finds the new epoch, and so does one that didn't.
    for known in [Some(&me), None] {
        assert_eq!(load(&journal, known).await.expect("loaded").epoch, Epoch(2));
    }
    let mut anew = Decider::of(&loaded);
    let old = send(&journal, &Decider { epoch: FIRST, ..anew.clone() }.decide([])).await;
    assert!(is_diverged(&old), "{old:?}");
    commit(&journal, &mut anew, [change(4).writes("bo").asked_by(2)]).await;
}

#[tokio::test]
async fn a_server_that_refuses_to_write_does_nothing_until_it_may() {
    let server = RedisServer::start();
    let nobody = RedisServer::start();
    let port = nobody.port().to_string();
    drop(nobody);
    let trouble: [(&[&str], &[&str]); 3] = [
        (&["CONFIG", "SET", "maxmemory", "1"], &["CONFIG", "SET", "maxmemory", "0"]),
        (&["REPLICAOF", "127.0.0.1", &port], &["REPLICAOF", "NO", "ONE"]),
        (
            &["CONFIG", "SET", "min-replicas-to-write", "1"],
            &["CONFIG", "SET", "min-replicas-to-write", "0"],
        ),
    ];
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    for ((breaks, mends), id) in trouble.into_iter().zip(2..) {
        let mut raw = Raw::of(&server);
        let before = raw.everything();
        raw.does(breaks);
        let next = me.decide([change(id).writes("bo").asked_by(id), change(id + 10).removes("bo")]);
        for _ in 0..2 {
            let refused = send(&journal, &next).await;
            assert!(
                matches!(refused, Err(JournalError::Unavailable(_))),
                "{breaks:?}: {refused:?}"
            );
        }
        assert_eq!(raw.everything(), before, "{breaks:?}: something was written");
        raw.does(mends);
        assert_eq!(verdict(&journal, &next).await, Verdict::Accepted, "{mends:?}");
        me.confirm();
    }
}

#[tokio::test]
async fn a_forgotten_script_is_loaded_again() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let mut me = Decider::default();
    commit(&journal, &mut me, [change(1).writes("ana")]).await;
    Raw::of(&server).does(&["SCRIPT", "FLUSH"]);
    commit(&journal, &mut me, [change(2).writes("ana")]).await;
}
