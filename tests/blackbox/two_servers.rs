//! Two servers on one Redis: what one does the other knows, in the same order, also when one of
//! them, or Redis, goes away (W8, T21, D1, D2).

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};

use baton::pb;
use tonic::Code;

use super::site::house;
use super::stream::{ALL, Stream, request};
use super::support::redis::RedisServer;
use super::world::{Caller, DEADLINE, connect, refusal};

#[tokio::test]
async fn w8_what_is_asked_at_one_server_is_accepted_at_the_other_at_once() {
    let redis = RedisServer::start();
    let (a, b) = (house(&redis).await, house(&redis).await);
    let (mut at_a, mut at_b) = (a.admin(), b.admin());
    at_a.apply().await;
    for rep in ["ana", "ben"] {
        at_a.sign_in(rep).await;
    }
    let (mut watch_a, _, from_a) = Stream::synced(&mut at_a, request(&ALL)).await;
    let (mut watch_b, _, from_b) = Stream::synced(&mut at_b, request(&ALL)).await;
    let mut last = 0;
    for i in 0..20 {
        let session = at_a.live_session(&a, &format!("c-{i}"), "ana").await;
        let asked = a.rep("ana").transfer(&session, "ben", "").await.expect("she owns it");
        let id = asked.transfer.expect("a transfer").id;
        // Never NOT_FOUND: a refusal is decided on fresh state.
        b.rep("ben").accept_transfer(&id, "").await.expect("known at the other server at once");
        let end = pb::EndSessionRequest { session, ..Default::default() };
        let ended = b.rep("ben").sessions.end_session(end).await.expect("he owns it");
        last = ended.into_inner().revision;
    }
    let first = from_a.max(from_b);
    let told = |seen: Vec<pb::RevisionChanges>| -> Vec<pb::RevisionChanges> {
        seen.into_iter().filter(|c| c.revision > first && c.revision <= last).collect()
    };
    let (by_a, by_b) = (told(watch_a.up_to(last).await), told(watch_b.up_to(last).await));
    assert_eq!(by_a.len(), usize::try_from(last - first).expect("more than none"), "dense");
    let order = |seen: &[pb::RevisionChanges]| -> Vec<_> {
        seen.iter().map(|c| (c.revision, c.changes.len(), c.time)).collect()
    };
    assert_eq!(order(&by_a), order(&by_b), "the same revisions in the same order");

    let token = watch_a.token.clone();
    let resume = pb::WatchRequest { resume_token: token, ..request(&ALL) };
    let mut resumed = Stream::open(&mut at_b, resume).await.expect("any server resumes any token");
    at_a.sign_in("cleo").await;
    let news = resumed.until(|_| true).await;
    assert_eq!(news.first().map(|c| c.revision), Some(last + 1));
}

/// `baton serve` as a process of its own.
pub struct Process {
    child: Child,
    /// Where it listens.
    pub url: String,
    /// Where its admin listener is.
    pub admin: SocketAddr,
}

impl Process {
    /// Starts it on free ports, and waits until it says where it listens.
    pub fn serve(redis: &RedisServer) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        Self::serve_at(redis, any, any)
    }

    /// The same at these addresses.
    pub fn serve_at(redis: &RedisServer, listen: SocketAddr, admin: SocketAddr) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_baton"))
            .args(["serve", "--listen", &listen.to_string(), "--admin", &admin.to_string()])
            .args(["--redis", &redis.url()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let said = BufReader::new(child.stderr.take().expect("it is piped"));
        let mut lines = said.lines().map_while(Result::ok);
        let admin = lines
            .find_map(|line| Some(line.split_once(" at http://")?.1.split('/').next()?.to_owned()))
            .expect("it says where its admin listener is");
        let admin = admin.parse().expect("an address");
        let url = lines
            .find_map(|line| Some(line.split_once("listens on ")?.1.split(';').next()?.to_owned()))
            .expect("it says where it listens");
        // Reads to the end, so that the server is never held up by a full pipe.
        std::thread::spawn(move || lines.count());
        Self { child, url, admin }
    }

    /// Where it listens, without the scheme.
    pub fn address(&self) -> SocketAddr {
        self.url.trim_start_matches("http://").parse().expect("an address")
    }

    /// Ends it as a power cut does.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Asks it to drain and end.
    pub fn ask_to_stop(&self) {
        signal(&self.child, "-TERM");
    }

    /// Stops it in its tracks, as a machine does that is put to sleep.
    pub fn pause(&self) {
        signal(&self.child, "-STOP");
    }

    /// Wakes it up.
    pub fn resume(&self) {
        signal(&self.child, "-CONT");
    }
}

/// Sends a signal to a process.
pub fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill can be run").success(), "kill {signal}");
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

#[tokio::test]
async fn t21_after_kill_9_the_other_server_gives_the_same_answer_to_a_repeated_request() {
    let redis = RedisServer::start();
    let mut a = Process::serve(&redis);
    let b = house(&redis).await;
    let channel = connect(&a.url);
    let at_a = |role: &str, actor: &str| Caller::new(channel.clone(), "acme", role, actor);
    let mut admin = at_a("admin", "root");
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.open("c-1", "ana").await;
    at_a("rep", "ana").accept(&session).await;
    let asked = at_a("rep", "ana").transfer(&session.id, "ben", "click").await;
    let first = asked.expect("she owns it");
    a.kill();
    let again = b.rep("ana").transfer(&session.id, "ben", "click").await.expect("the same request");
    assert_eq!(again, first);
    let id = first.transfer.expect("a transfer").id;
    let done = b.rep("ben").accept_transfer(&id, "").await.expect("nothing was lost");
    assert_eq!(done.transfer.expect("a transfer").state(), pb::TransferState::Completed);
    assert_eq!(b.admin().session(&session.id).await.transfers, 1, "once");
}

#[tokio::test]
async fn d1_redis_away_is_unavailable_in_time_and_nothing_is_lost() {
    let mut redis = RedisServer::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let house = house(&redis).await;
    let mut admin = house.admin();
    admin.apply().await;
    for rep in ["ana", "ben"] {
        admin.sign_in(rep).await;
    }
    let session = admin.live_session(&house, "c-1", "ana").await;
    redis.stop();
    let mut ana = house.rep("ana");
    let lost = tokio::time::timeout(DEADLINE, ana.transfer(&session, "ben", "click"));
    let refused = refusal(lost.await.expect("within the time-out"));
    assert_eq!(refused.0, Code::Unavailable, "{refused:?}");
    redis.restart();
    // The same click again, until Redis is back: done once, whatever became of the first one.
    let retried = tokio::time::timeout(DEADLINE, async {
        loop {
            match ana.transfer(&session, "ben", "click").await {
                Ok(done) => return done,
                Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
            }
            tokio::task::yield_now().await;
        }
    });
    let done = retried.await.expect("it recovers without a restart");
    let id = done.transfer.expect("a transfer").id;
    let accepted = house.rep("ben").accept_transfer(&id, "").await.expect("ben is asked");
    assert_eq!(accepted.transfer.expect("a transfer").state(), pb::TransferState::Completed);
    assert_eq!(admin.session(&session).await.transfers, 1, "once");
}
