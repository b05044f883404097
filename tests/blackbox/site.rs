//! Where scenarios about queues are played: one server in memory, or two on one Redis, over the same
//! org with two queues, a skill and a flow; and what its people do there. Expects nothing.

use std::time::Duration;

use std::sync::Arc;

use baton::engine::EngineOptions;
use baton::journal::redis::{MEMBERS_KEY, RedisJournal, RedisOptions};
use baton::pb;
use baton::server;
use pb::open_session_request::Target;
use pb::watch_object::Object;
use tonic::Status;

use super::stream::{Stream, request};
use super::support::redis::RedisServer;
use super::world::{Caller, DEADLINE, House, org};

/// One server in memory, or two on one Redis.
pub struct Site {
    /// What is asked first.
    pub a: House,
    other: Option<House>,
    redis: Option<RedisServer>,
}

impl Site {
    /// One server in memory.
    pub async fn in_memory() -> Self {
        Self { a: House::new().await, other: None, redis: None }
    }

    /// Two servers on one Redis.
    pub async fn on_redis() -> Self {
        let redis = RedisServer::start();
        let (a, b) = (house(&redis).await, house(&redis).await);
        Self { a, other: Some(b), redis: Some(redis) }
    }

    /// Two servers on one Redis that don't see each other: each takes itself for the home, and decides.
    pub async fn of_two_homes() -> Self {
        let redis = RedisServer::start();
        let (a, b) =
            (house_among(&redis, "baton:one").await, house_among(&redis, "baton:two").await);
        Self { a, other: Some(b), redis: Some(redis) }
    }

    /// Both, each with the org of these tests.
    pub async fn each() -> [Self; 2] {
        let sites = [Self::in_memory().await, Self::on_redis().await];
        for site in &sites {
            site.a.admin().configure(routed_org()).await;
        }
        sites
    }

    /// The other server; in memory the same.
    pub fn b(&self) -> &House {
        self.other.as_ref().unwrap_or(&self.a)
    }

    /// A server that has just started over the same Redis: all that it knows of what was is what is stored.
    pub async fn another(&self) -> Option<House> {
        match &self.redis {
            Some(redis) => Some(house(redis).await),
            None => None,
        }
    }

    /// Which it is, for what a failure says.
    pub fn name(&self) -> &'static str {
        if self.redis.is_some() { "two servers on one Redis" } else { "in memory" }
    }
}

/// A server over this Redis.
pub async fn house(redis: &RedisServer) -> House {
    house_among(redis, MEMBERS_KEY).await
}

/// A server over this Redis, among the servers of that list.
async fn house_among(redis: &RedisServer, members_key: &str) -> House {
    let members_key = members_key.to_owned();
    let options = RedisOptions { members_key, ..RedisOptions::at(redis.url()) };
    let journal = RedisJournal::connect(options).await.expect("it is up");
    House::over(server::engine_over(Arc::new(journal), EngineOptions::default())).await
}

/// A span of whole seconds.
pub const fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

/// A skill at a level.
pub fn level(skill: &str, level: u32) -> pb::SkillLevel {
    pb::SkillLevel { skill: skill.to_owned(), level }
}

/// A queue of these reps.
pub fn queue(id: &str, reps: &[&str]) -> pb::Queue {
    pb::Queue {
        id: id.to_owned(),
        name: id.to_owned(),
        reps: reps.iter().map(ToString::to_string).collect(),
        ..Default::default()
    }
}

/// A queue as a target.
pub fn into_queue(id: &str) -> Target {
    Target::Queue(id.to_owned())
}

/// A queue as a recipient.
pub fn to_queue(id: &str) -> pb::Recipient {
    pb::Recipient { recipient: Some(pb::recipient::Recipient::Queue(id.to_owned())) }
}

/// A flow as a recipient.
pub fn to_flow(id: &str) -> pb::Recipient {
    pb::Recipient { recipient: Some(pb::recipient::Recipient::Flow(id.to_owned())) }
}

/// A decision for a queue.
pub fn decide(queue: &str) -> pb::FlowDecision {
    let target = Some(pb::flow_decision::Target::Queue(queue.to_owned()));
    pb::FlowDecision { target, ..Default::default() }
}

/// A rule of a flow.
pub fn rule(name: &str, condition: &str, decision: pb::FlowDecision) -> pb::FlowRule {
    let (name, condition) = (name.to_owned(), condition.to_owned());
    pb::FlowRule { name, condition, decision: Some(decision) }
}

/// The org of `world` with queues: ana and ben in `billing`, cleo in `care`. Ana has Spanish, ben
/// may run flows.
pub fn routed_org() -> pb::Directory {
    let mut directory = pb::Directory {
        skills: ["es", "vip"].map(|id| pb::Skill { id: id.into(), name: id.into() }).to_vec(),
        queues: vec![queue("billing", &["ana", "ben"]), queue("care", &["cleo"])],
        ..org()
    };
    directory.reps[0].skills = vec![level("es", 80)];
    directory.reps[1].permissions.push(pb::Permission::RunFlows.into());
    directory
}

impl Caller {
    /// Applies a directory.
    pub async fn configure(&mut self, directory: pb::Directory) -> i64 {
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let applied = self.directory.apply_directory(request).await.expect("the org is right");
        applied.into_inner().revision
    }

    /// Opens a session of the channel `wa`.
    pub async fn open_to(
        &mut self,
        reference: &str,
        target: Target,
    ) -> Result<pb::OpenSessionResponse, Status> {
        self.open_with(opening(reference, target)).await
    }

    /// Opens a session.
    pub async fn open_with(
        &mut self,
        request: pb::OpenSessionRequest,
    ) -> Result<pb::OpenSessionResponse, Status> {
        self.sessions.open_session(request).await.map(tonic::Response::into_inner)
    }

    /// Opens a session into a queue.
    pub async fn enqueue(&mut self, reference: &str, queue: &str) -> (pb::Session, i64) {
        let opened = self.open_to(reference, into_queue(queue)).await.expect("it may be opened");
        (opened.session.expect("a session"), opened.revision)
    }

    /// Signs a rep in and answers with the revision.
    pub async fn arrive(&mut self, rep: &str) -> i64 {
        let (rep, status) = (rep.to_owned(), "available".to_owned());
        let request = pb::OpenPresenceRequest { rep, status, ..Default::default() };
        let opened = self.presence.open_presence(request).await.expect("the rep may sign in");
        opened.into_inner().revision
    }

    /// Transfers a session.
    pub async fn hand_on(
        &mut self,
        session: &str,
        recipient: pb::Recipient,
    ) -> Result<pb::TransferSessionResponse, Status> {
        let (session, recipient) = (session.to_owned(), Some(recipient));
        let request = pb::TransferSessionRequest { session, recipient, ..Default::default() };
        self.transfers.transfer_session(request).await.map(tonic::Response::into_inner)
    }

    /// Accepts offered work.
    pub async fn take(&mut self, work: &str) -> Result<pb::AcceptWorkResponse, Status> {
        let request = pb::AcceptWorkRequest { work: work.to_owned(), ..Default::default() };
        self.work.accept_work(request).await.map(tonic::Response::into_inner)
    }

    /// Ends a session.
    pub async fn end(&mut self, session: &str) -> i64 {
        let request = pb::EndSessionRequest { session: session.to_owned(), ..Default::default() };
        self.sessions.end_session(request).await.expect("it is live").into_inner().revision
    }

    /// A session as it is at this revision or later.
    pub async fn session_since(&mut self, id: &str, at_least_revision: i64) -> pb::Session {
        let which = Some(pb::get_session_request::Which::Session(id.to_owned()));
        let request = pb::GetSessionRequest { which, at_least_revision };
        let found = self.sessions.get_session(request).await.expect("the session is there");
        found.into_inner().session.expect("a session")
    }

    /// All work that a session ever was, in the order of the offers.
    pub async fn work_of(&mut self, session: &str, at_least_revision: i64) -> Vec<pb::Work> {
        use pb::WorkState as S;
        let states = [S::Offered, S::Open, S::Paused, S::WrappingUp, S::Ended].map(i32::from);
        let (session, states) = (session.to_owned(), states.to_vec());
        let request =
            pb::ListWorkRequest { session, states, at_least_revision, ..Default::default() };
        self.work.list_work(request).await.expect("a list").into_inner().work
    }
}

/// A request for a session of the channel `wa`.
pub fn opening(reference: &str, target: Target) -> pb::OpenSessionRequest {
    pb::OpenSessionRequest {
        channel: "wa".to_owned(),
        external_reference: reference.to_owned(),
        target: Some(target),
        ..Default::default()
    }
}

/// A stream whose changes are kept, so that what is looked for may have come already.
pub struct Log {
    stream: Stream,
    /// The objects of the snapshot.
    pub snapshot: Vec<Object>,
    /// What has come since, revision by revision.
    pub seen: Vec<pb::RevisionChanges>,
}

impl Log {
    /// Everything of these kinds, from a snapshot on.
    pub async fn of(caller: &mut Caller, kinds: &[pb::WatchKind]) -> Self {
        Self::over(caller, request(kinds)).await
    }

    /// What this request asks for, from a snapshot on.
    pub async fn over(caller: &mut Caller, request: pb::WatchRequest) -> Self {
        let (stream, objects, _) = Stream::synced(caller, request).await;
        let snapshot = objects.into_iter().filter_map(|o| o.object).collect();
        Self { stream, snapshot, seen: Vec::new() }
    }

    /// Goes on after the token, at any server.
    pub async fn resumed(caller: &mut Caller, kinds: &[pb::WatchKind], token: &str) -> Self {
        let resume = pb::WatchRequest { resume_token: token.to_owned(), ..request(kinds) };
        let stream = Stream::open(caller, resume).await.expect("any server resumes any token");
        Self { stream, snapshot: Vec::new(), seen: Vec::new() }
    }

    /// The last resume token.
    pub fn token(&self) -> String {
        self.stream.token.clone()
    }

    /// The first revision, of those seen or to come, of which something is to be had.
    pub async fn find<T>(
        &mut self,
        what: &str,
        pick: impl Fn(&pb::RevisionChanges) -> Option<T>,
    ) -> (i64, T) {
        self.find_within(DEADLINE, what, pick).await
    }

    /// The same, of something that takes long; ask for heartbeats more often than every ten seconds.
    pub async fn find_within<T>(
        &mut self,
        deadline: Duration,
        what: &str,
        pick: impl Fn(&pb::RevisionChanges) -> Option<T>,
    ) -> (i64, T) {
        let mut from = 0;
        let found = tokio::time::timeout(deadline, async {
            loop {
                let found = |c: &pb::RevisionChanges| Some((c.revision, pick(c)?));
                if let Some(found) = self.seen[from..].iter().find_map(found) {
                    return found;
                }
                from = self.seen.len();
                let news = self.stream.until(|_| true).await;
                self.seen.extend(news);
            }
        });
        match found.await {
            Ok(found) => found,
            Err(_) => panic!("not seen: {what}"),
        }
    }

    /// Reads up to a revision.
    pub async fn up_to(&mut self, revision: i64) {
        let past = |c: &pb::RevisionChanges| (c.revision >= revision).then_some(());
        self.find("the last revision", past).await;
    }

    /// Work of this rep in this state, with the revision that says so.
    pub async fn work(&mut self, rep: &str, state: pb::WorkState) -> (i64, pb::Work) {
        let what = format!("work of {rep}, {state:?}");
        self.find(&what, |c| works(c).find(|w| w.rep == rep && w.state() == state).cloned()).await
    }

    /// A queue that looks so, with the revision that says it.
    pub async fn queue(
        &mut self,
        id: &str,
        looks: impl Fn(&pb::QueueState) -> bool,
    ) -> (i64, pb::QueueState) {
        let find = |c: &pb::RevisionChanges| {
            queues(c).find(|queue| queue.queue == id && looks(queue)).cloned()
        };
        self.find(&format!("the queue {id}"), find).await
    }
}

fn objects(changes: &pb::RevisionChanges) -> impl Iterator<Item = &Object> {
    changes.changes.iter().filter_map(|change| match change.change.as_ref() {
        Some(pb::change::Change::Upserted(object)) => object.object.as_ref(),
        _ => None,
    })
}

/// The work that a revision changed.
pub fn works(changes: &pb::RevisionChanges) -> impl Iterator<Item = &pb::Work> {
    objects(changes).filter_map(|o| if let Object::Work(w) = o { Some(w) } else { None })
}

/// The sessions that a revision changed.
pub fn sessions(changes: &pb::RevisionChanges) -> impl Iterator<Item = &pb::Session> {
    objects(changes).filter_map(|o| if let Object::Session(s) = o { Some(s) } else { None })
}

/// The transfers that a revision changed.
pub fn transfers(changes: &pb::RevisionChanges) -> impl Iterator<Item = &pb::Transfer> {
    objects(changes).filter_map(|o| if let Object::Transfer(t) = o { Some(t) } else { None })
}

/// The queues that a revision changed.
pub fn queues(changes: &pb::RevisionChanges) -> impl Iterator<Item = &pb::QueueState> {
    objects(changes).filter_map(|o| if let Object::Queue(q) = o { Some(q) } else { None })
}
