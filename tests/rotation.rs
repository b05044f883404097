//! Keys, key sets and certificates are exchanged while calls and a thousand streams run over TLS: no call fails that
//! shouldn't, and each stream, whose token expires under it again and again, tells every step once and in order (W10, S4).

#[allow(dead_code, reason = "each test binary uses a part")]
#[path = "support/access.rs"]
mod access;
#[path = "support/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "each test binary uses a part")]
#[path = "access/mint.rs"]
mod mint;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use baton::config::{ServerConfig, TlsFiles};
use baton::pb;
use baton::pb::directory_service_client::DirectoryServiceClient;
use baton::pb::identity_service_client::IdentityServiceClient;
use baton::pb::session_service_client::SessionServiceClient;
use baton::pb::watch_response::Frame;
use baton::pb::watch_service_client::WatchServiceClient;
use baton::server;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use crate::access::AccessFiles;
use crate::certificates::Authority;
use crate::mint::{Signer, Token, jwks};

/// Streams, and connections that they share.
const STREAMS: usize = 1_000;
const CONNECTIONS: usize = 20;
/// Steps of the session that all watch.
const STEPS: u32 = 100;
/// A token is good for so long after it has expired.
const LEEWAY: u64 = 30;
const DEADLINE: Duration = Duration::from_secs(60);

/// Who signs tokens now; the set has the one before, too.
struct Issuer {
    signers: [Signer; 4],
    current: AtomicU32,
}

impl Issuer {
    fn new() -> Self {
        let signers = ["one", "two", "three", "four"].map(Signer::ed);
        Self { signers, current: AtomicU32::new(0) }
    }

    fn at(&self, current: u32) -> &Signer {
        &self.signers[current as usize]
    }

    /// The key set: the one who signs, and the one who did before.
    fn set(&self, current: u32) -> String {
        let signers: Vec<&Signer> =
            (current.saturating_sub(1)..=current).map(|n| self.at(n)).collect();
        jwks(&signers)
    }

    /// A token that is good for so many more milliseconds, rounded up to a second.
    fn token(&self, for_ms: u64) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
        let until = (now + Duration::from_millis(for_ms)).as_secs() + 1;
        let signer = self.at(self.current.load(Ordering::Acquire));
        Token::of_idp(signer)
            .with("sub", "wall")
            .with("baton_role", "dashboard")
            .with("iat", now.as_secs() - 60)
            .with("exp", until - LEEWAY)
            .sign(signer)
    }
}

fn bearer<T>(message: T, credential: &str) -> Request<T> {
    let mut request = Request::new(message);
    let value = format!("Bearer {credential}").parse().expect("printable");
    request.metadata_mut().insert("authorization", value);
    request
}

/// The scene: a server over TLS with an issuer and keys, and one session whose steps are watched.
struct Scene {
    files: AccessFiles,
    issuer: Issuer,
    authority: Authority,
    tls: TlsFiles,
    key: String,
    server: server::Running,
}

impl Scene {
    async fn new() -> Self {
        let files = AccessFiles::new("");
        let issuer = Issuer::new();
        std::fs::write(files.folder().join("idp.json"), issuer.set(0)).expect("written");
        files.say(&format!(
            "[limits]\ncalls_per_credential = 100000\ncalls_per_org = 100000\nstreams_per_credential = 5000\n\
             [[issuer]]\nissuer = \"{}\"\naudiences = [\"baton\"]\njwks_file = \"idp.json\"\norgs = [\"acme\"]\n\
             roles = [\"dashboard\"]\n",
            mint::IDP
        ));
        let key = files.key_of("admin", "root", "acme");
        let authority = Authority::new("authority");
        let (cert, path): (PathBuf, PathBuf) =
            authority.server(&["127.0.0.1"]).write(files.folder(), "server");
        let tls = TlsFiles { cert, key: path, client_ca: None, peer_ca: None };
        let config = ServerConfig {
            listen: "127.0.0.1:0".to_owned(),
            access: Some(files.access()),
            tls: Some(tls.clone()),
            ..ServerConfig::default()
        };
        let server = server::start(&config).await.expect("it starts");
        Self { files, issuer, authority, tls, key, server }
    }

    fn connect(&self) -> Channel {
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.authority.pem()));
        let endpoint = Endpoint::from_shared(format!("https://{}", self.server.address));
        endpoint.expect("an address").tls_config(tls).expect("a CA").connect_lazy()
    }

    /// Opens the session that is watched.
    async fn open(&self) -> String {
        let channel = self.connect();
        let types = vec![pb::ChannelType::WebChatV2.into()];
        let directory = pb::Directory {
            channels: vec![pb::Channel {
                id: "web".into(),
                r#type: pb::ChannelType::WebChatV2.into(),
                ..Default::default()
            }],
            queues: vec![pb::Queue {
                id: "billing".into(),
                channel_types: types,
                ..Default::default()
            }],
            ..Default::default()
        };
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let mut directory = DirectoryServiceClient::new(channel.clone());
        directory.apply_directory(bearer(request, &self.key)).await.expect("it is right");
        let request = pb::OpenSessionRequest {
            channel: "web".into(),
            external_reference: "c-1".into(),
            target: Some(pb::open_session_request::Target::Queue("billing".into())),
            ..Default::default()
        };
        let mut sessions = SessionServiceClient::new(channel);
        let opened = sessions.open_session(bearer(request, &self.key)).await.expect("it opens");
        opened.into_inner().session.expect("a session").id
    }

    /// Everything is exchanged, three times over, each time when the steps have come so far.
    async fn rotate(&self, mut steps: watch::Receiver<u32>) {
        for round in 1..=3 {
            let reached = |step: &u32| *step >= round * STEPS / 4;
            steps.wait_for(reached).await.expect("there are steps");
            certificates::write(self.files.folder(), "idp.json", &self.issuer.set(round));
            let next = self.authority.server(&["127.0.0.1"]);
            next.write(self.files.folder(), "server");
            // Who calls with an API key has its next one from now on; the one before is revoked.
            let _ = self.files.key_of("dashboard", &format!("other-{round}"), "acme");
            if round > 1 {
                self.files.revoke(&format!("dashboard-other-{}", round - 1));
            }
            // The issuer signs with a key that the server has had time to read: its look is every second.
            let read = async |path: &PathBuf| std::fs::metadata(path).is_ok();
            assert!(read(&self.tls.cert).await);
            self.believed(round).await;
            self.issuer.current.store(round, Ordering::Release);
        }
    }

    /// Waits until the server believes tokens of this signer.
    async fn believed(&self, current: u32) {
        let signer = self.issuer.at(current);
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        let token = Token::of_idp(signer)
            .with("iat", now)
            .with("exp", now + 60)
            .with("baton_role", "dashboard")
            .sign(signer);
        let mut identities = IdentityServiceClient::new(self.connect());
        timeout(DEADLINE, async {
            while identities.who_am_i(bearer(pb::WhoAmIRequest {}, &token)).await.is_err() {
                tokio::task::yield_now().await;
            }
        })
        .await
        .expect("it is believed");
    }
}

/// What a stream has told: the steps, and how often it had to show another token.
struct Told {
    steps: Vec<u32>,
    shown: u32,
}

/// Watches until the last step, with a new token whenever one has expired.
async fn follow(
    scene: Arc<Scene>,
    channel: Channel,
    session: String,
    number: usize,
) -> Result<Told, Status> {
    let mut told = Told { steps: Vec::new(), shown: 0 };
    let mut resume_token = String::new();
    let mut watches = WatchServiceClient::new(channel);
    loop {
        // They don't all expire together.
        let token = scene.issuer.token(1_000 + (number as u64 * 7) % 3_000);
        let request = pb::WatchRequest {
            kinds: vec![pb::WatchKind::Session.into()],
            filter: Some(pb::WatchFilter { sessions: vec![session.clone()], ..Default::default() }),
            resume_token: resume_token.clone(),
            ..Default::default()
        };
        let mut stream = watches.watch(bearer(request, &token)).await?.into_inner();
        told.shown += 1;
        while let Some(response) = stream.message().await? {
            if !response.resume_token.is_empty() {
                resume_token = response.resume_token;
            }
            match response.frame {
                Some(Frame::Changes(changes)) => {
                    told.steps
                        .extend(changes.revisions.iter().flat_map(|r| &r.changes).filter_map(step));
                }
                Some(Frame::Closing(closing)) => {
                    let action = closing.action();
                    assert_eq!(action, pb::ClosingAction::Reauthenticate, "{closing:?}");
                    break;
                }
                Some(Frame::Reset(reset)) => panic!("stream {number} was reset: {reset:?}"),
                _ => {}
            }
            if told.steps.last() == Some(&STEPS) {
                return Ok(told);
            }
        }
    }
}

/// The step that a change of the session is, by its priority.
fn step(change: &pb::Change) -> Option<u32> {
    if change.derived {
        return None;
    }
    match change.change.as_ref()? {
        pb::change::Change::Upserted(object) => match object.object.as_ref()? {
            pb::watch_object::Object::Session(session) => {
                Some(session.priority).filter(|priority| *priority > 0)
            }
            _ => None,
        },
        pb::change::Change::Removed(_) => None,
    }
}

/// Calls with a key, one after another, until it is over; how many.
async fn keep_calling(scene: Arc<Scene>, over: Arc<AtomicBool>) -> Result<u32, Status> {
    let mut calls = 0;
    while !over.load(Ordering::Acquire) {
        // A connection of its own now and then: by whatever certificate is shown.
        let mut identities = IdentityServiceClient::new(scene.connect());
        for _ in 0..5 {
            identities.who_am_i(bearer(pb::WhoAmIRequest {}, &scene.key)).await?;
            let token = scene.issuer.token(2_000);
            identities.who_am_i(bearer(pb::WhoAmIRequest {}, &token)).await?;
            calls += 2;
        }
    }
    Ok(calls)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w10_s4_everything_is_exchanged_under_a_thousand_streams_and_nobody_notices() {
    let scene = Arc::new(Scene::new().await);
    let session = scene.open().await;
    let channels: Vec<Channel> = (0..CONNECTIONS).map(|_| scene.connect()).collect();
    let mut streams = JoinSet::new();
    for number in 0..STREAMS {
        let channel = channels[number % CONNECTIONS].clone();
        streams
            .spawn(timeout(DEADLINE, follow(Arc::clone(&scene), channel, session.clone(), number)));
    }
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> =
        (0..2).map(|_| tokio::spawn(keep_calling(Arc::clone(&scene), Arc::clone(&over)))).collect();
    let (stepped, steps) = watch::channel(0);
    let rotating = {
        let scene = Arc::clone(&scene);
        tokio::spawn(async move { scene.rotate(steps).await })
    };
    let mut sessions = SessionServiceClient::new(scene.connect());
    let mut pace = tokio::time::interval(Duration::from_millis(60));
    for step in 1..=STEPS {
        pace.tick().await;
        let request = pb::UpdateSessionRequest {
            session: session.clone(),
            priority: step,
            update_mask: Some(prost_types::FieldMask { paths: vec!["priority".to_owned()] }),
            ..Default::default()
        };
        sessions.update_session(bearer(request, &scene.key)).await.expect("no call fails");
        stepped.send_replace(step);
    }
    let mut shown: HashMap<u32, u32> = HashMap::new();
    while let Some(followed) = streams.join_next().await {
        let told = followed.expect("no panic").expect("in time").expect("no stream is refused");
        let first = told.steps.first().copied().unwrap_or(STEPS + 1);
        // Whoever began late has the steps before in its snapshot.
        let expected: Vec<u32> = (first..=STEPS).collect();
        assert_eq!(told.steps, expected, "each step once, in order");
        *shown.entry(told.shown).or_default() += 1;
    }
    rotating.await.expect("everything was exchanged");
    over.store(true, Ordering::Release);
    let mut calls = 0;
    for caller in callers {
        calls += caller.await.expect("no panic").expect("no call fails");
    }
    assert!(calls > 100, "{calls} calls");
    let again: u32 = shown.iter().map(|(times, streams)| (times - 1) * streams).sum();
    assert!(again as usize > STREAMS, "tokens expired under the streams: {shown:?}");
}
