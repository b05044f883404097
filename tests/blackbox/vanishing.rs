//! Clients, servers and Redis that vanish, hang and come back (P4, P9): who is signed out, when, by
//! whom, and how often. Clients are processes of their own, so that they can be killed and stopped.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use baton::pb;
use pb::watch_object::Object;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::site::seconds;
use super::stream::{Stream, request};
use super::support::redis::RedisServer;
use super::two_servers::{Process, signal};
use super::world::{Caller, connect, org, rep};

/// The shortest lease there is.
const LEASE: Duration = Duration::from_secs(5);
/// How long anything here may take: leases and graces have to run out.
const PATIENCE: Duration = Duration::from_secs(60);

/// A rep's client: `baton online`, which renews until it is stopped.
struct Client(Child);

impl Client {
    fn online(rep: &str, url: &str) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_baton"))
            .args(["online", rep, "--status", "available", "--server", url, "--org", "acme"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Self(child.expect("the program was built"))
    }

    /// Ends it without a word to the server.
    fn kill(&mut self) {
        self.0.kill().expect("it runs");
        self.0.wait().expect("it ends");
    }

    /// Stops it in its tracks.
    fn pause(&self) {
        signal(&self.0, "-STOP");
    }

    /// Wakes it up.
    fn resume(&self) {
        signal(&self.0, "-CONT");
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A cable between a client and a server, which can be cut.
struct Cable {
    url: String,
    carries: JoinHandle<()>,
}

impl Cable {
    async fn to(url: &str) -> Self {
        let server = url.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let carries = tokio::spawn(async move {
            let mut lines = tokio::task::JoinSet::new();
            while let Ok((mut near, _)) = listener.accept().await {
                let server = server.clone();
                lines.spawn(async move {
                    let mut far = TcpStream::connect(server).await?;
                    copy_bidirectional(&mut near, &mut far).await
                });
            }
        });
        Self { url, carries }
    }

    fn cut(&self) {
        self.carries.abort();
    }
}

/// What became of a rep, step by step, as a stream tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Here,
    Disconnected,
    Offline(pb::PresenceCause),
}

/// Reps, as a stream shows them.
struct Watch {
    stream: Stream,
    steps: BTreeMap<String, Vec<Step>>,
    last: BTreeMap<String, pb::RepPresence>,
    /// How often what happened to whom.
    facts: BTreeMap<(String, String), u32>,
}

impl Watch {
    async fn over(caller: &mut Caller) -> Self {
        let quiet =
            pb::WatchRequest { heartbeat_interval: seconds(2), ..request(&[pb::WatchKind::Rep]) };
        let (stream, objects, _) = Stream::synced(caller, quiet).await;
        let (steps, last, facts) = Default::default();
        let mut watch = Self { stream, steps, last, facts };
        for object in objects.into_iter().filter_map(|object| object.object) {
            watch.note(&object);
        }
        watch
    }

    fn note(&mut self, object: &Object) {
        let Object::RepPresence(shown) = object else { return };
        let step = match (&shown.presence, shown.connected) {
            (Some(_), true) => Step::Here,
            (Some(_), false) => Step::Disconnected,
            (None, _) => {
                Step::Offline(shown.last_closed.as_ref().map(|l| l.cause()).unwrap_or_default())
            }
        };
        let steps = self.steps.entry(shown.rep.clone()).or_default();
        if steps.last() != Some(&step) {
            steps.push(step);
        }
        self.last.insert(shown.rep.clone(), shown.clone());
    }

    /// Reads on until something is so.
    async fn until(&mut self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let so = tokio::time::timeout(PATIENCE, async {
            while !is_so(self) {
                for changes in self.stream.until(|_| true).await {
                    for change in changes.changes {
                        self.take(change);
                    }
                }
            }
        });
        assert!(so.await.is_ok(), "{what}: {:?}", self.steps);
    }

    fn take(&mut self, change: pb::Change) {
        let Some(pb::change::Change::Upserted(object)) = change.change else { return };
        let object = object.object.expect("an object");
        if let Object::RepPresence(shown) = &object {
            for fact in change.facts {
                *self.facts.entry((shown.rep.clone(), fact)).or_default() += 1;
            }
        }
        self.note(&object);
    }

    fn times(&self, rep: &str, fact: &str) -> u32 {
        self.facts.get(&(rep.to_owned(), fact.to_owned())).copied().unwrap_or(0)
    }

    fn steps(&self, rep: &str) -> &[Step] {
        self.steps.get(rep).map_or(&[], Vec::as_slice)
    }

    /// The steps since a rep signed in.
    fn since_here(&self, rep: &str) -> Vec<Step> {
        self.steps(rep).iter().copied().skip_while(|step| *step != Step::Here).collect()
    }

    fn is(&self, rep: &str, step: Step) -> bool {
        self.steps(rep).last() == Some(&step)
    }
}

const LOST: Step = Step::Offline(pb::PresenceCause::ConnectionLost);

/// The org, with dora and these times.
async fn configure(admin: &mut Caller, grace: i64) {
    let mut directory = org();
    directory.reps.push(rep("dora"));
    let settings = directory.settings.get_or_insert_default();
    settings.presence_lease = seconds(5);
    settings.disconnect_grace = seconds(grace);
    admin.configure(directory).await;
}

fn admin_at(url: &str) -> Caller {
    Caller::new(connect(url), "acme", "admin", "root")
}

/// Renews a presence from here, until it is dropped.
struct Renewing(JoinHandle<()>);

impl Renewing {
    fn of(mut caller: Caller, presence: String) -> Self {
        Self(tokio::spawn(async move {
            let mut every = tokio::time::interval(LEASE / 5);
            loop {
                every.tick().await;
                let presences = vec![presence.clone()];
                drop(caller.presence.keep_alive(pb::KeepAliveRequest { presences }).await);
            }
        }))
    }
}

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn ms(time: Option<&prost_types::Timestamp>) -> i64 {
    let time = time.expect("a time");
    time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_clients_that_vanish_are_signed_out_once_by_the_server_that_is_left() {
    let redis = RedisServer::start();
    let (mut a, b) = (Process::serve(&redis), Process::serve(&redis));
    let mut admin = admin_at(&b.url);
    configure(&mut admin, 2).await;
    let mut watch = Watch::over(&mut admin).await;
    let cable = Cable::to(&a.url).await;
    let mut killed = Client::online("ana", &a.url);
    let stopped = Client::online("ben", &a.url);
    let _cut = Client::online("cleo", &cable.url);
    let stays = admin.sign_in("dora").await;
    let _renewing = Renewing::of(admin.clone(), stays);
    let reps = ["ana", "ben", "cleo", "dora"];
    watch.until("all are here", |w| reps.iter().all(|rep| w.is(rep, Step::Here))).await;

    killed.kill();
    stopped.pause();
    cable.cut();
    a.kill();
    watch.until("they are offline", |w| reps[..3].iter().all(|rep| w.is(rep, LOST))).await;
    for rep in &reps[..3] {
        let once = [Step::Here, Step::Disconnected, LOST];
        let steps = watch.since_here(rep);
        assert_eq!(steps, once, "{rep}: each step once, in order");
        let (gone, closed) =
            (watch.times(rep, "presence_disconnected"), watch.times(rep, "presence_closed"));
        assert_eq!((gone, closed), (1, 1), "{rep}: once, whoever did it");
    }
    assert_eq!(watch.since_here("dora"), [Step::Here], "whoever renews stays");

    // Back too late: another presence, and nobody is told of the old one.
    stopped.resume();
    let ana = admin.sign_in("ana").await;
    watch.until("ana is back", |w| w.is("ana", Step::Here)).await;
    let shown = watch.last["ana"].clone();
    assert_eq!(shown.presence.as_ref().map(|p| p.id.clone()), Some(ana));
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_disconnected_when_the_lease_is_over_offline_when_the_grace_is() {
    let redis = RedisServer::start();
    let (a, b) = (Process::serve(&redis), Process::serve(&redis));
    let mut admin = admin_at(&a.url);
    configure(&mut admin, 2).await;
    let mut watch = Watch::over(&mut admin_at(&b.url)).await;
    let presence = admin.sign_in("ana").await;
    watch.until("ana is disconnected", |w| w.is("ana", Step::Disconnected)).await;
    let gone = watch.last["ana"].presence.clone().expect("she has a presence");
    let (opened, since) = (ms(gone.opened_at.as_ref()), ms(gone.disconnected_since.as_ref()));
    assert!(since - opened >= 5_000, "not before her lease was over: {} ms", since - opened);
    assert_eq!((gone.cause(), gone.id), (pb::PresenceCause::LeaseExpired, presence.clone()));
    watch.until("ana is offline", |w| w.is("ana", LOST)).await;
    let closed = watch.last["ana"].last_closed.clone().expect("a closed presence");
    let grace = ms(closed.closed_at.as_ref()) - since;
    assert!(grace >= 2_000, "not before her grace was over: {grace} ms");
    assert_eq!(closed.id, presence);
    let request = pb::KeepAliveRequest { presences: vec![presence] };
    let told = admin.presence.keep_alive(request).await.expect("well-formed").into_inner();
    assert_eq!(told.results[0].verdict(), pb::KeepAliveVerdict::Closed);
    assert_eq!(told.results[0].cause(), pb::PresenceCause::ConnectionLost);
}

#[tokio::test(flavor = "multi_thread")]
async fn p4_back_within_the_grace_the_same_presence_goes_on() {
    let redis = RedisServer::start();
    let a = Process::serve(&redis);
    let mut admin = admin_at(&a.url);
    configure(&mut admin, 600).await;
    let mut watch = Watch::over(&mut admin).await;
    let presence = admin.sign_in("ana").await;
    let session = admin.open("c-1", "ana").await;
    Caller::new(connect(&a.url), "acme", "rep", "ana").accept(&session).await;
    watch.until("ana is disconnected", |w| w.is("ana", Step::Disconnected)).await;
    let request = pb::KeepAliveRequest { presences: vec![presence.clone()] };
    let told = admin.presence.keep_alive(request).await.expect("well-formed").into_inner();
    assert_eq!(told.results[0].verdict(), pb::KeepAliveVerdict::Reconnected);
    watch.until("ana is back", |w| w.is("ana", Step::Here)).await;
    let shown = &watch.last["ana"];
    assert_eq!(shown.presence.as_ref().map(|p| p.id.clone()), Some(presence));
    assert_eq!(shown.open_work, 1, "as if nothing had happened");
}

/// Lets so much time pass. What is waited for is that nothing happens, of which there is no event.
async fn pass(span: Duration) {
    let nothing = std::future::pending::<()>();
    assert!(tokio::time::timeout(span, nothing).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_a_server_that_is_stopped_for_twice_the_lease_signs_nobody_out() {
    let redis = RedisServer::start();
    let a = Process::serve(&redis);
    let mut admin = admin_at(&a.url);
    configure(&mut admin, 2).await;
    let mut watch = Watch::over(&mut admin).await;
    let ana = Client::online("ana", &a.url);
    let ben = admin.sign_in("ben").await;
    let renewing = Renewing::of(admin.clone(), ben);
    watch.until("both are here", |w| w.is("ana", Step::Here) && w.is("ben", Step::Here)).await;
    // Ana's client isn't the first to notice that the server is back.
    ana.pause();
    a.pause();
    pass(2 * LEASE).await;
    a.resume();
    pass(LEASE / 5).await;
    ana.resume();
    // Ben's client goes now; when he is missed, everybody's fresh lease has run out.
    drop(renewing);
    watch.until("ben is offline", |w| w.is("ben", LOST)).await;
    assert_eq!(watch.since_here("ana"), [Step::Here], "whoever renews stays, without a gap");
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_when_one_of_two_servers_is_stopped_its_clients_get_a_fresh_lease() {
    let redis = RedisServer::start();
    let (a, b) = (Process::serve(&redis), Process::serve(&redis));
    let mut admin = admin_at(&b.url);
    configure(&mut admin, 3).await;
    let mut watch = Watch::over(&mut admin).await;
    // Her client has a renewal under way when her server stops, which goes on when it does.
    let mut at_a = admin_at(&a.url);
    let ana = at_a.sign_in("ana").await;
    let _ana = Renewing::of(at_a, ana);
    let ben = admin.sign_in("ben").await;
    let _ben = Renewing::of(admin.clone(), ben);
    watch.until("both are here", |w| w.is("ana", Step::Here) && w.is("ben", Step::Here)).await;
    a.pause();
    pass(2 * LEASE).await;
    a.resume();
    // Dora is there for one lease and one grace: so long everybody else has to stay.
    admin.sign_in("dora").await;
    watch.until("dora is offline", |w| w.is("dora", LOST)).await;
    assert!(watch.is("ana", Step::Here), "back at her server: {:?}", watch.steps);
    for rep in ["ana", "ben"] {
        let signed_out =
            |s: &Step| matches!(s, Step::Offline(c) if *c != pb::PresenceCause::Unspecified);
        assert!(!watch.steps(rep).iter().any(signed_out), "{rep}: {:?}", watch.steps);
    }
    assert_eq!(watch.since_here("ben"), [Step::Here], "whoever can renew isn't even disconnected");
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_redis_stopped_for_twice_the_lease_signs_nobody_out() {
    let redis = RedisServer::start();
    let (a, b) = (Process::serve(&redis), Process::serve(&redis));
    let mut admin = admin_at(&b.url);
    configure(&mut admin, 2).await;
    let mut watch = Watch::over(&mut admin).await;
    let ana = Client::online("ana", &a.url);
    let ben = Client::online("ben", &b.url);
    let cleo = admin.sign_in("cleo").await;
    let renewing = Renewing::of(admin.clone(), cleo);
    let reps = ["ana", "ben", "cleo"];
    watch.until("all are here", |w| reps.iter().all(|rep| w.is(rep, Step::Here))).await;
    for client in [&ana, &ben] {
        client.pause();
    }
    redis.pause();
    pass(2 * LEASE).await;
    redis.resume();
    pass(LEASE / 3).await;
    for client in [&ana, &ben] {
        client.resume();
    }
    drop(renewing);
    watch.until("cleo is offline", |w| w.is("cleo", LOST)).await;
    for rep in ["ana", "ben"] {
        let steps = watch.since_here(rep);
        assert_eq!(steps, [Step::Here], "{rep} stays, without a gap");
    }
}

/// Sets the clock of Redis under so many servers.
async fn set_the_clock_of_redis(servers: usize) {
    let redis = RedisServer::with_a_clock();
    let servers: Vec<Process> = (0..servers).map(|_| Process::serve(&redis)).collect();
    let [a, b] = [&servers[0], &servers[servers.len() - 1]];
    let mut admin = admin_at(&b.url);
    configure(&mut admin, 4).await;
    let mut watch = Watch::over(&mut admin).await;
    let clients = [Client::online("ana", &a.url), Client::online("ben", &b.url)];
    let here = |w: &Watch| ["ana", "ben"].iter().all(|rep| w.is(rep, Step::Here));
    watch.until("both are here", here).await;
    for ahead in [3_600, -7_200, 0] {
        // Dora's grace runs when the clock is set, and lasts as long as it is.
        admin.sign_in("dora").await;
        watch.until("dora is here", |w| w.is("dora", Step::Here)).await;
        watch.until("dora is disconnected", |w| w.is("dora", Step::Disconnected)).await;
        let gone = watch.last["dora"].presence.clone().expect("she has a presence");
        // Nobody is lucky to renew at once: what is left of their leases is longer than this.
        clients.iter().for_each(Client::pause);
        redis.set_clock(ahead);
        pass(LEASE / 3).await;
        clients.iter().for_each(Client::resume);
        watch.until("dora is offline", |w| w.is("dora", LOST)).await;
        let closed = watch.last["dora"].last_closed.clone().expect("a closed presence");
        let grace = ms(closed.closed_at.as_ref()) - ms(gone.disconnected_since.as_ref());
        assert!((4_000..9_000).contains(&grace), "set to {ahead:+} s: a grace of {grace} ms");
    }
    for rep in ["ana", "ben"] {
        assert_eq!(watch.since_here(rep), [Step::Here], "{rep} stays, without a gap");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn p9_r12_when_the_clock_of_redis_is_set_nobody_lapses_and_no_deadline_moves() {
    set_the_clock_of_redis(2).await;
}

/// With two, each misses the other when the clock is set ahead, and that alone gives everybody a fresh lease.
#[tokio::test(flavor = "multi_thread")]
async fn p9_r12_the_only_server_notices_that_the_clock_of_redis_was_set() {
    set_the_clock_of_redis(1).await;
}
