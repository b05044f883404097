//! What a server writes about itself (S3): whatever the level, no secret and no customer's text. Two servers as processes,
//! at the level that says most, through a day in which much goes wrong.

use std::io::Read as _;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::thread::JoinHandle;

use baton::pb;
use tonic::Request;
use tonic::transport::Channel;

use super::site::{routed_org, to_queue};
use super::support::redis::RedisServer;
use super::two_servers::signal;
use super::world::{Caller, DEADLINE, connect, to_rep};

/// In all that nobody but its owner may read.
const CANARY: &str = "canary";

/// `baton serve`, and all that it says.
struct Talkative {
    child: Child,
    said: Option<JoinHandle<String>>,
    url: String,
}

impl Talkative {
    /// Starts it at the level `trace`, and waits until it answers.
    async fn serve(redis: &str) -> Self {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address: SocketAddr = listener.local_addr().expect("an address");
        drop(listener);
        let mut child = Command::new(env!("CARGO_BIN_EXE_baton"))
            .args(["serve", "--listen", &address.to_string(), "--redis", redis])
            .env("BATON_TOKEN_KEY", format!("{:064x}", 0xca_4a_57_u32))
            .env("BATON_LOG", "trace")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program was built");
        let mut stderr = child.stderr.take().expect("it is piped");
        let said = std::thread::spawn(move || {
            let mut bytes = Vec::new();
            stderr.read_to_end(&mut bytes).expect("it can be read");
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let server = Self { child, said: Some(said), url: format!("http://{address}") };
        let up = async {
            let mut caller = Caller::new(connect(&server.url), "acme", "admin", "root");
            while caller.servers.list_servers(pb::ListServersRequest::default()).await.is_err() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(DEADLINE, up).await.expect("it comes up");
        server
    }

    /// Ends it; everything that it has said.
    fn end(mut self) -> String {
        signal(&self.child, "-TERM");
        self.child.wait().expect("it ends");
        self.said.take().expect("once").join().expect("it was read")
    }
}

impl Drop for Talkative {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A Redis whose user has a password; the URL with it.
async fn with_password(redis: &RedisServer) -> String {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut line = client.get_multiplexed_async_connection().await.expect("it is up");
    let mut command = redis::cmd("ACL");
    command.arg("SETUSER").arg("baton").arg("on").arg(format!(">{CANARY}-password"));
    command.arg("~*").arg("&*").arg("+@all");
    command.query_async::<()>(&mut line).await.expect("it may");
    format!("redis://baton:{CANARY}-password@127.0.0.1:{}/", redis.port())
}

/// A request with what callers show.
fn shown<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    for (key, value) in
        [("baton-key", "canary-key"), ("x-customer", "canary-meta"), ("cookie", "canary-cookie")]
    {
        request.metadata_mut().insert(key, value.parse().expect("printable ASCII"));
    }
    request
}

fn typed(what: &str) -> String {
    format!("{CANARY} {what}")
}

/// What people and customers type, where it is taken.
async fn a_day(caller: &dyn Fn(&str, &str) -> Caller) {
    let (mut admin, mut ana) = (caller("admin", "root"), caller("rep", "ana"));
    let mut directory = routed_org();
    directory.reps[0].name = typed("name");
    admin.configure(directory).await;
    for rep in ["ana", "ben"] {
        let open = pb::OpenPresenceRequest {
            rep: rep.into(),
            status: "available".into(),
            device: typed("device"),
            ..Default::default()
        };
        admin.presence.open_presence(shown(open)).await.expect("they may sign in");
    }
    let open = pb::OpenSessionRequest {
        channel: "wa".into(),
        external_reference: format!("+49-{CANARY}"),
        target: Some(pb::open_session_request::Target::Rep("ana".into())),
        attributes: [(format!("{CANARY}_key"), typed("attribute"))].into(),
        request_id: typed("request"),
        ..Default::default()
    };
    let opened = admin.sessions.open_session(shown(open)).await.expect("it may").into_inner();
    let session = opened.session.expect("a session");
    ana.accept(&session).await;
    let transfer = pb::TransferSessionRequest {
        session: session.id.clone(),
        recipient: Some(to_rep("ben")),
        note: typed("note"),
        ..Default::default()
    };
    ana.transfers.transfer_session(shown(transfer)).await.expect("she owns it");
    admin.enqueue(&format!("{CANARY}-2"), "billing").await;
}

/// The same where it is refused, and at a path that isn't ours.
async fn what_goes_wrong(channel: &Channel, caller: &dyn Fn(&str, &str) -> Caller) {
    let mut admin = caller("admin", "root");
    let open = pb::OpenSessionRequest {
        channel: typed("channel"),
        external_reference: format!("{CANARY}\u{7}"),
        attributes: [(typed("\u{1}"), typed("\u{7}"))].into(),
        ..Default::default()
    };
    admin.sessions.open_session(shown(open)).await.expect_err("full of mistakes");
    let which = pb::get_session_request::Which::Reference(pb::SessionReference {
        channel: "wa".into(),
        external_reference: format!("{CANARY}-nobody"),
    });
    let get = pb::GetSessionRequest { which: Some(which), ..Default::default() };
    let mut with_credential = shown(get.clone());
    let credential = "Bearer canary-token".parse().expect("printable ASCII");
    with_credential.metadata_mut().insert("authorization", credential);
    admin.sessions.get_session(with_credential).await.expect_err("it knows no credentials");
    admin.sessions.get_session(shown(get)).await.expect_err("there is none");
    let transfer = pb::TransferSessionRequest {
        session: format!("{CANARY}-session"),
        recipient: Some(to_queue(&typed("queue"))),
        note: typed(&"note ".repeat(1_000)),
        ..Default::default()
    };
    admin.transfers.transfer_session(shown(transfer)).await.expect_err("full of mistakes");
    let watch = pb::WatchRequest { resume_token: typed("token"), ..Default::default() };
    admin.watches.watch(shown(watch)).await.expect_err("no token");
    let mut nobody = Caller::new(channel.clone(), "acme", "canary-role", "canary-actor");
    let get = pb::GetDirectoryRequest::default();
    nobody.directory.get_directory(shown(get)).await.expect_err("there is no such role");
    let mut raw = tonic::client::Grpc::new(channel.clone());
    raw.ready().await.expect("it is up");
    let codec =
        tonic_prost::ProstCodec::<pb::GetDirectoryRequest, pb::GetDirectoryResponse>::default();
    let path = format!("/baton.v1.Canary/{CANARY}").parse().expect("a path");
    raw.unary(shown(pb::GetDirectoryRequest::default()), path, codec).await.expect_err("no path");
}

#[tokio::test(flavor = "multi_thread")]
async fn s3_no_secret_and_no_customers_text_is_in_the_log_whatever_its_level() {
    let mut redis = RedisServer::start();
    let url = with_password(&redis).await;
    // Two, so that calls are passed on, too.
    let servers = [Talkative::serve(&url).await, Talkative::serve(&url).await];
    for (server, number) in servers.iter().zip(0..) {
        let channel = connect(&server.url);
        let org = format!("acme-{number}");
        let caller = |role: &str, actor: &str| Caller::new(channel.clone(), &org, role, actor);
        a_day(&caller).await;
        what_goes_wrong(&channel, &caller).await;
    }
    // Without its store a server says much of why.
    redis.kill();
    for server in &servers {
        let mut admin = Caller::new(connect(&server.url), "acme-0", "admin", "root");
        let open = pb::UpsertSkillRequest {
            skill: Some(pb::Skill { id: "es".into(), name: typed("skill") }),
            ..Default::default()
        };
        admin.directory.upsert_skill(shown(open)).await.expect_err("the store is away");
    }
    for server in servers {
        let said = server.end();
        assert!(said.contains("a call was refused"), "it says what it does: {said}");
        assert!(said.contains("TRACE") && said.contains("baton"), "at the level that says most");
        let leaked = said.lines().find(|line| line.to_lowercase().contains(CANARY));
        assert_eq!(leaked, None);
    }
}

/// Before it serves: an address that is wrong, a password that is, and the help.
#[test]
fn s3_no_password_is_shown_when_a_server_does_not_start() {
    let redis = RedisServer::start();
    for url in [
        format!("redis://baton:{CANARY}@127.0.0.1:{}/", redis.port()),
        format!("redis://baton:{CANARY}@127.0.0.1:not-a-port/"),
        format!("redis://baton:{CANARY}@127.0.0.1:1/"),
        format!("redis://baton:{CANARY}@[::1/x"),
        format!("http://baton:{CANARY}@127.0.0.1/"),
    ] {
        for arguments in [&["serve"][..], &["serve", "--help"], &["org", "forget", "acme", "--yes"]]
        {
            let ran = Command::new(env!("CARGO_BIN_EXE_baton"))
                .args(arguments)
                .env("BATON_LISTEN", "127.0.0.1:0")
                .env("BATON_REDIS", &url)
                .env("BATON_LOG", "trace")
                .env("RUST_BACKTRACE", "0")
                .stdin(Stdio::null())
                .output()
                .expect("the program was built");
            let told = [ran.stdout, ran.stderr].concat();
            let told = String::from_utf8_lossy(&told).into_owned();
            assert!(!told.is_empty(), "{arguments:?} {url}: it says something");
            assert!(!told.contains(CANARY), "{arguments:?}: {told}");
        }
    }
}
