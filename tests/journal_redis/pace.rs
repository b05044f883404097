//! Loading beside a busy writer, over a slow way, and waking up in time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use baton::journal::redis::{RedisJournal, RedisOptions};
use baton::journal::{Heard, Journal, Verdict};

use crate::support::proxy::SlowProxy;
use crate::support::redis::RedisServer;
use crate::support::sample::{Decider, change, org};
use crate::{PATIENCE, Raw, commit, connect, load, send};

/// How many records the org has: the newest entries wrote one each.
const RECORDS: u128 = 5_000;

fn name(id: u128) -> String {
    format!("rep-{}", id % (2 * RECORDS))
}

/// Loads while another server commits as fast as it can; gives how much was committed meanwhile.
async fn load_beside_a_writer(server: &RedisServer, loader: &RedisJournal) -> u64 {
    let writer = connect(server).await;
    let mut me = Decider::default();
    for first in (1..=RECORDS).step_by(50) {
        commit(&writer, &mut me, (first..first + 50).map(|id| change(id).writes(&name(id)))).await;
    }
    let done = Arc::new(AtomicBool::new(false));
    let (started, is_started) = tokio::sync::oneshot::channel();
    let writing = {
        let done = Arc::clone(&done);
        tokio::spawn(async move {
            let mut started = Some(started);
            let mut id = RECORDS;
            while !done.load(Ordering::SeqCst) {
                // One comes and one goes with each entry.
                let drafts = (0..20).map(|_| {
                    id += 1;
                    change(id).writes(&name(id)).removes(&name(id - RECORDS))
                });
                commit(&writer, &mut me, drafts).await;
                started.take().map(|started| started.send(()));
                tokio::task::yield_now().await;
            }
            me.confirmed.revision.get()
        })
    };
    is_started.await.expect("it has begun");
    let mut raw = Raw::of(server);
    let mut head = || -> u64 { raw.run(&["HGET", "baton:{acme}:meta", "revision"]) };
    let before = head();
    let loaded = tokio::time::timeout(PATIENCE, load(loader, None)).await;
    let state = loaded.expect("loading ends").expect("loaded").state;
    let after = head();
    done.store(true, Ordering::SeqCst);
    writing.await.expect("no panic");
    let loaded = state.head().revision.get();
    assert!(before <= loaded && loaded <= after, "{before} {loaded} {after}");
    let mut written: Vec<_> = state.records().map(|(_, held)| held.revision.get()).collect();
    written.sort_unstable();
    let oldest = loaded + 1 - u64::try_from(RECORDS).expect("it fits");
    assert!(written.into_iter().eq(oldest..=loaded), "it isn't the state at {loaded}");
    after - before
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_beside_a_busy_writer_ends() {
    let server = RedisServer::start();
    let loader = connect(&server).await;
    let committed = load_beside_a_writer(&server, &loader).await;
    assert!(committed > 0, "nothing was committed meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loading_beside_a_busy_writer_ends_over_a_slow_way_too() {
    let server = RedisServer::start();
    let proxy = SlowProxy::before(server.port(), Duration::from_millis(20)).await;
    let loader = RedisJournal::connect(RedisOptions::at(proxy.url())).await.expect("it is there");
    let begun = Instant::now();
    let committed = load_beside_a_writer(&server, &loader).await;
    // More than a page of entries, at 1,000 a second and more.
    assert!(committed > 1_000, "only {committed} in {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_commit_is_heard_of_in_another_process_at_once() {
    let server = RedisServer::start();
    let [here, there] = [connect(&server).await, connect(&server).await];
    let org = org("acme");
    let mut me = Decider::default();
    let mut heard = here.follow();
    let deadline = Instant::now() + PATIENCE;
    for id in 1.. {
        assert!(Instant::now() < deadline, "nothing was heard in time");
        let next = me.decide([change(id).writes("ana")]);
        assert_eq!(send(&there, &next).await, Ok(Verdict::Accepted));
        me.confirm();
        let of_it = async {
            let this = Heard::Commit(org.clone(), me.confirmed.revision);
            while heard.recv().await.expect("kept") != this {}
        };
        if tokio::time::timeout(Duration::from_millis(250), of_it).await.is_ok() {
            break;
        }
    }
}
