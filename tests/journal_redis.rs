//! What only Redis can do to its journal: die, hang, come back with an older history, be set up so
//! that it can't keep what it is given.

mod support;

use std::time::{Duration, Instant};

use baton::domain::entry::{Head, Revision};
use baton::journal::redis::{ConnectError, RedisJournal, RedisOptions};
use baton::journal::{Batch, Committed, Epoch, Journal, JournalError, Verdict};

use support::redis::RedisServer;
use support::sample::{batch, change, org};

async fn connect(server: &RedisServer) -> RedisJournal {
    let options = RedisOptions {
        response_timeout: Duration::from_millis(300),
        ..RedisOptions::at(server.url())
    };
    RedisJournal::connect(options).await.expect("Redis is there")
}

/// Sends the identical batch again until there is an answer, as the engine does.
async fn insist(journal: &RedisJournal, batch: &Batch) -> Result<Committed, JournalError> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        match journal.commit(&org("acme"), batch).await {
            Err(JournalError::Unavailable(_) | JournalError::Unknown(_))
                if Instant::now() < deadline =>
            {
                tokio::task::yield_now().await;
            }
            result => return result,
        }
    }
}

fn revision_of(verdict: &Verdict) -> u64 {
    match verdict {
        Verdict::Committed(revision) => revision.get(),
        Verdict::Duplicate(outcome) => outcome.revision.get(),
        Verdict::Conflict => panic!("a conflict"),
    }
}

fn raw(server: &RedisServer) -> redis::Connection {
    let client = redis::Client::open(server.url()).expect("a good URL");
    client.get_connection().expect("Redis is there")
}

#[tokio::test]
async fn a_killed_server_is_unavailable_until_it_is_back() {
    let mut server = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let journal = connect(&server).await;
    let first = batch(Head::default(), [change(1).writes("ana", 0)]);
    let head = journal.commit(&org("acme"), &first).await.expect("committed").entries[0].head();
    server.kill();
    let next = batch(head, [change(2).writes("ana", 1)]);
    let mut errors = Vec::new();
    for _ in 0..3 {
        errors.push(journal.commit(&org("acme"), &next).await.expect_err("there is no server"));
    }
    assert!(
        errors.iter().all(|e| matches!(e, JournalError::Unavailable(_) | JournalError::Unknown(_))),
        "{errors:?}"
    );
    assert!(matches!(errors.last(), Some(JournalError::Unavailable(_))), "{errors:?}");
    let read = journal.read(&org("acme"), Revision::ZERO, 1).await;
    assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
    server.restart();
    let done = insist(&journal, &next).await.expect("it is back");
    assert_eq!(done.verdicts, [Verdict::Committed(Revision::new(2))]);
}

#[tokio::test]
async fn an_unanswered_commit_is_unknown_and_settled_by_sending_it_again() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let first = batch(Head::default(), [change(1).writes("ana", 0)]);
    let head = journal.commit(&org("acme"), &first).await.expect("committed").entries[0].head();
    server.pause();
    let next = batch(head, [change(2).writes("ana", 1)]);
    let unanswered = journal.commit(&org("acme"), &next).await;
    assert!(matches!(unanswered, Err(JournalError::Unknown(_))), "{unanswered:?}");
    // The connection was given up; a new one is refused or hangs, but nothing is sent on it twice.
    let read = journal.read(&org("acme"), Revision::ZERO, 1).await;
    assert!(matches!(read, Err(JournalError::Unavailable(_))), "{read:?}");
    server.resume();
    let done = insist(&journal, &next).await.expect("it is back");
    assert_eq!(revision_of(&done.verdicts[0]), 2);
    let again = insist(&journal, &next).await.expect("answered");
    assert!(matches!(&again.verdicts[0], Verdict::Duplicate(o) if o.revision == Revision::new(2)));
    assert_eq!(again.entries.len(), 1, "it was done once");
}

#[tokio::test]
async fn an_older_history_is_noticed_and_starts_an_epoch() {
    let mut server = RedisServer::with(&["--save", "3600 1"]);
    let journal = connect(&server).await;
    let one = batch(Head::default(), [change(1).writes("ana", 0)]);
    let one = journal.commit(&org("acme"), &one).await.expect("committed").entries[0].head();
    redis::cmd("SAVE").exec(&mut raw(&server)).expect("saved");
    let two = batch(one, [change(2).writes("ana", 1)]);
    let two = journal.commit(&org("acme"), &two).await.expect("committed").entries[0].head();
    server.kill();
    server.restart();
    let next = batch(two, [change(3).writes("ana", 2)]);
    let refused = insist(&journal, &next).await;
    assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
    let known = Some((Epoch(1), two));
    let loaded = journal.load(&org("acme"), known).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(2), one));
    // The same revision again, by another transaction: the chain tells them apart.
    let other = Batch { epoch: Epoch(2), ..batch(one, [change(4).writes("ana", 1)]) };
    journal.commit(&org("acme"), &other).await.expect("committed");
    let late = Batch { epoch: Epoch(2), ..batch(two, []) };
    let refused = journal.commit(&org("acme"), &late).await;
    assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
}

#[tokio::test]
async fn an_emptied_server_is_another_history() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let one = batch(Head::default(), [change(1).writes("ana", 0)]);
    let one = journal.commit(&org("acme"), &one).await.expect("committed").entries[0].head();
    redis::cmd("FLUSHALL").exec(&mut raw(&server)).expect("flushed");
    let refused = journal.commit(&org("acme"), &batch(one, [])).await;
    assert!(matches!(refused, Err(JournalError::Diverged(_))), "{refused:?}");
    let loaded = journal.load(&org("acme"), Some((Epoch(1), one))).await.expect("loaded");
    assert_eq!((loaded.epoch, loaded.state.head()), (Epoch(2), Head::default()));
}

#[tokio::test]
async fn what_cant_be_read_is_corrupt_and_nothing_is_written() {
    let spoil: [(&str, &[&str]); 5] = [
        ("DEL", &["baton:{acme}:meta"]),
        ("HDEL", &["baton:{acme}:meta", "txn"]),
        ("HSET", &["baton:{acme}:meta", "format", "2"]),
        ("SET", &["baton:{acme}:records", "x"]),
        ("SET", &["baton:{acme}:requests:0", "x"]),
    ];
    for (command, arguments) in spoil {
        let server = RedisServer::start();
        let journal = connect(&server).await;
        let one = batch(Head::default(), [change(1).writes("ana", 0)]);
        let one = journal.commit(&org("acme"), &one).await.expect("committed").entries[0].head();
        let mut raw = raw(&server);
        redis::cmd(command).arg(arguments).exec(&mut raw).expect("spoiled");
        let before: u64 =
            redis::cmd("XLEN").arg("baton:{acme}:journal").query(&mut raw).expect("read");
        let refused = journal.commit(&org("acme"), &batch(one, [change(2).writes("bo", 0)])).await;
        assert!(matches!(refused, Err(JournalError::Corrupt(_))), "{command}: {refused:?}");
        let after: u64 =
            redis::cmd("XLEN").arg("baton:{acme}:journal").query(&mut raw).expect("read");
        assert_eq!(before, after, "{command} {arguments:?}");
    }
}

#[tokio::test]
async fn a_full_server_refuses_whole_batches() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let one = batch(Head::default(), [change(1).writes("ana", 0)]);
    let one = journal.commit(&org("acme"), &one).await.expect("committed").entries[0].head();
    let mut raw = raw(&server);
    redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]).exec(&mut raw).expect("set");
    let next = batch(one, [change(2).writes("bo", 0)]);
    let refused = journal.commit(&org("acme"), &next).await;
    assert!(matches!(refused, Err(JournalError::Unavailable(_))), "{refused:?}");
    redis::cmd("CONFIG").arg(&["SET", "maxmemory", "0"]).exec(&mut raw).expect("set");
    let done = journal.commit(&org("acme"), &next).await.expect("committed");
    assert_eq!(done.verdicts, [Verdict::Committed(Revision::new(2))]);
}

#[tokio::test]
async fn a_forgotten_script_is_loaded_again() {
    let server = RedisServer::start();
    let journal = connect(&server).await;
    let one = batch(Head::default(), [change(1).writes("ana", 0)]);
    let one = journal.commit(&org("acme"), &one).await.expect("committed").entries[0].head();
    redis::cmd("SCRIPT").arg("FLUSH").exec(&mut raw(&server)).expect("flushed");
    journal.commit(&org("acme"), &batch(one, [])).await.expect("answered");
}

#[tokio::test]
async fn a_wake_up_comes_from_another_process_before_the_time_is_over() {
    let server = RedisServer::start();
    let [here, there] = [connect(&server).await, connect(&server).await];
    let org = org("acme");
    let mut since = Head::default();
    let deadline = Instant::now() + Duration::from_secs(20);
    // Some wake-up is a real one: it comes well before a waiter looks for itself.
    for id in 1.. {
        assert!(Instant::now() < deadline, "every wait lasted its full time");
        let begun = Instant::now();
        let committing = async {
            tokio::task::yield_now().await;
            there.commit(&org, &batch(since, [change(id).writes("ana", id - 1)])).await
        };
        let (woken, done) = tokio::join!(here.wake(&org, since.revision), committing);
        woken.expect("waited");
        since = done.expect("committed").entries[0].head();
        if begun.elapsed() < Duration::from_millis(250) {
            break;
        }
    }
}

#[tokio::test]
async fn unfit_servers_are_refused_with_what_to_change() {
    let evicting = ["--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru"];
    let server = RedisServer::with(&evicting);
    let refused = RedisJournal::connect(RedisOptions::at(server.url())).await.err();
    assert_eq!(refused, Some(ConnectError::Evicts { policy: "allkeys-lru".to_owned() }));
    let replica = RedisServer::with(&["--replicaof", "127.0.0.1", &server.port().to_string()]);
    let refused = RedisJournal::connect(RedisOptions::at(replica.url())).await.err();
    assert_eq!(refused, Some(ConnectError::Replica));
    let refused = RedisJournal::connect(RedisOptions::at("http://127.0.0.1")).await.err();
    assert!(matches!(refused, Some(ConnectError::Url(_))), "{refused:?}");
    let mut gone = RedisServer::start();
    gone.stop();
    let refused = RedisJournal::connect(RedisOptions::at(gone.url())).await.err();
    assert!(matches!(refused, Some(ConnectError::Unreachable(_))), "{refused:?}");
}

#[tokio::test]
async fn durability_is_said_in_words() {
    let cases: [(&[&str], &str); 3] = [
        (&["--appendonly", "no"], "memory only"),
        (&["--appendonly", "yes", "--appendfsync", "everysec"], "appendfsync everysec"),
        (&["--appendonly", "yes", "--appendfsync", "always"], "appendfsync always"),
    ];
    for (options, words) in cases {
        let server = RedisServer::with(options);
        let journal = connect(&server).await;
        assert!(journal.durability().contains(words), "{}", journal.durability());
    }
}
