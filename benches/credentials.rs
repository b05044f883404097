//! What letting somebody in costs: the same calls with nothing shown, with an API key, with a signed token, and the last two
//! over TLS, by turns, of one server each in this process. `cargo bench --bench credentials` prints calls a second and the
//! ratio to nothing shown; client and server share the machine, so a call's TLS is paid twice here.

#[allow(dead_code, reason = "it makes more than is needed here")]
#[path = "../tests/support/access.rs"]
mod access;
#[path = "../tests/support/certificates.rs"]
mod certificates;
#[allow(dead_code, reason = "it makes more than is needed here")]
#[path = "../tests/access/mint.rs"]
mod mint;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use baton::config::{ServerConfig, TlsFiles, Trust};
use baton::pb;
use baton::pb::directory_service_client::DirectoryServiceClient;
use baton::pb::session_service_client::SessionServiceClient;
use baton::server::{self, Running};
use tokio::task::JoinSet;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};
use tonic::{Request, Status};

use crate::access::AccessFiles;
use crate::certificates::Authority;
use crate::mint::{Signer, Token, jwks};

const ROUNDS: usize = 7;
const SPAN: Duration = Duration::from_secs(2);
const CONNECTIONS: usize = 4;
const AT_ONCE: usize = 64;

/// What a caller shows with each call.
#[derive(Clone)]
struct Shown(Arc<[(&'static str, MetadataValue<Ascii>)]>);

impl Interceptor for Shown {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        for (key, value) in self.0.iter() {
            request.metadata_mut().insert(*key, value.clone());
        }
        Ok(request)
    }
}

/// A way of calling, and what was counted of it.
struct Way {
    name: &'static str,
    shown: Shown,
    channels: Vec<Channel>,
    reads: Vec<f64>,
    changes: Vec<f64>,
}

fn main() {
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(measure());
}

async fn measure() {
    let files = AccessFiles::new("");
    let signer = Signer::ed("one");
    std::fs::write(files.folder().join("idp.json"), jwks(&[&signer])).expect("written");
    files.say(&format!(
        "[limits]\ncalls_per_credential = 1000000\ncalls_per_org = 1000000\n[[issuer]]\nissuer = \"{}\"\n\
         audiences = [\"baton\"]\njwks_file = \"idp.json\"\norgs = [\"acme\"]\nroles = [\"admin\"]\n",
        mint::IDP
    ));
    let key = files.key_of("admin", "root", "acme");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let token = Token::of_idp(&signer)
        .with("baton_role", "admin")
        .with("iat", now)
        .with("exp", now + 3_600)
        .sign(&signer);
    let authority = Authority::new("authority");
    let (cert, path) = authority.server(&["127.0.0.1"]).write(files.folder(), "server");
    let tls = TlsFiles { cert, key: path, client_ca: None, peer_ca: None };
    let usual = ServerConfig { listen: "127.0.0.1:0".to_owned(), ..ServerConfig::default() };
    let believing = ServerConfig { trust: Trust::OnLoopback, ..usual.clone() };
    let asking = ServerConfig { access: Some(files.access()), ..usual };
    let secured = ServerConfig { tls: Some(tls), ..asking.clone() };
    let start = async |config: &ServerConfig| server::start(config).await.expect("it starts");
    let (plain, keyed, over_tls) =
        (start(&believing).await, start(&asking).await, start(&secured).await);
    let ca = Certificate::from_pem(authority.pem());
    let claims = shown(&[("baton-org", "acme"), ("baton-role", "admin"), ("baton-actor", "root")]);
    let (key, token) = (bearer(&key), bearer(&token));
    let mut ways = [
        Way::new("nothing shown", claims, connect(&plain, None)),
        Way::new("API key", key.clone(), connect(&keyed, None)),
        Way::new("token", token.clone(), connect(&keyed, None)),
        Way::new("API key, TLS", key, connect(&over_tls, Some(&ca))),
        Way::new("token, TLS", token, connect(&over_tls, Some(&ca))),
    ];
    for way in &ways {
        way.prepare().await;
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            let reads = way.rate(Kind::Read).await;
            way.reads.push(reads);
            let changes = way.rate(Kind::Change).await;
            way.changes.push(changes);
        }
    }
    print(&ways);
    for server in [plain, keyed, over_tls] {
        server.stop().await.expect("it stops");
    }
}

fn shown(pairs: &[(&'static str, &str)]) -> Shown {
    Shown(pairs.iter().map(|(key, value)| (*key, value.parse().expect("printable"))).collect())
}

fn bearer(credential: &str) -> Shown {
    shown(&[("baton-org", "acme"), ("authorization", &format!("Bearer {credential}"))])
}

fn connect(server: &Running, ca: Option<&Certificate>) -> Vec<Channel> {
    let scheme = if ca.is_some() { "https" } else { "http" };
    let endpoint = Endpoint::from_shared(format!("{scheme}://{}", server.address));
    let endpoint = endpoint.expect("an address").tcp_nodelay(true);
    let endpoint = match ca {
        Some(ca) => {
            let tls = ClientTlsConfig::new().ca_certificate(ca.clone());
            endpoint.tls_config(tls).expect("a CA")
        }
        None => endpoint,
    };
    (0..CONNECTIONS).map(|_| endpoint.connect_lazy()).collect()
}

type Line = InterceptedService<Channel, Shown>;

impl Way {
    fn new(name: &'static str, shown: Shown, channels: Vec<Channel>) -> Self {
        Self { name, shown, channels, reads: Vec::new(), changes: Vec::new() }
    }

    fn line(&self, number: usize) -> Line {
        let channel = self.channels[number % self.channels.len()].clone();
        InterceptedService::new(channel, self.shown.clone())
    }

    /// A channel, a queue, and a session for each who calls.
    async fn prepare(&self) {
        let types = vec![pb::ChannelType::WebChatV2.into()];
        let channel = pb::Channel {
            id: "web".into(),
            r#type: pb::ChannelType::WebChatV2.into(),
            ..Default::default()
        };
        let queue = pb::Queue { id: "q".into(), channel_types: types, ..Default::default() };
        let directory =
            pb::Directory { channels: vec![channel], queues: vec![queue], ..Default::default() };
        let request =
            pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
        let mut client = DirectoryServiceClient::new(self.line(0));
        client.apply_directory(request).await.expect("it is right");
    }

    async fn open(client: &mut SessionServiceClient<Line>, reference: String) -> String {
        let request = pb::OpenSessionRequest {
            channel: "web".into(),
            external_reference: reference,
            target: Some(pb::open_session_request::Target::Queue("q".into())),
            ..Default::default()
        };
        let opened = client.open_session(request).await.expect("it opens").into_inner();
        opened.session.expect("a session").id
    }

    /// Calls of a kind a second.
    async fn rate(&self, kind: Kind) -> f64 {
        let calls = Arc::new(AtomicU64::new(0));
        let mut callers = JoinSet::new();
        for number in 0..AT_ONCE {
            let mut client = SessionServiceClient::new(self.line(number));
            let session = Self::open(&mut client, format!("c-{number}")).await;
            let calls = Arc::clone(&calls);
            callers.spawn(async move {
                let began = Instant::now();
                let mut round = 0;
                while began.elapsed() < SPAN {
                    round += 1;
                    kind.call(&mut client, &session, round).await.expect("no call fails");
                    calls.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let began = Instant::now();
        while let Some(called) = callers.join_next().await {
            called.expect("no panic");
        }
        calls.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
    }
}

/// What is called.
#[derive(Clone, Copy)]
enum Kind {
    Read,
    Change,
}

impl Kind {
    async fn call(
        self,
        client: &mut SessionServiceClient<Line>,
        session: &str,
        number: u32,
    ) -> Result<(), Status> {
        match self {
            Self::Read => {
                let which = pb::get_session_request::Which::Session(session.to_owned());
                let request = pb::GetSessionRequest { which: Some(which), ..Default::default() };
                client.get_session(request).await.map(drop)
            }
            Self::Change => {
                let mask = prost_types::FieldMask { paths: vec!["priority".to_owned()] };
                let request = pb::UpdateSessionRequest {
                    session: session.to_owned(),
                    priority: number % 7,
                    update_mask: Some(mask),
                    ..Default::default()
                };
                client.update_session(request).await.map(drop)
            }
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

fn print(ways: &[Way]) {
    let mut out = std::io::stdout().lock();
    // Of each round the ratio to nothing shown in the same round; the median of these.
    let ratio =
        |of: &[f64], to: &[f64]| median(of.iter().zip(to).map(|(of, to)| of / to).collect());
    let _ = writeln!(out, "{:16} {:>10} {:>7} {:>10} {:>7}", "", "reads/s", "", "changes/s", "");
    for way in ways {
        let reads = (median(way.reads.clone()), ratio(&way.reads, &ways[0].reads));
        let changes = (median(way.changes.clone()), ratio(&way.changes, &ways[0].changes));
        let _ = writeln!(
            out,
            "{:16} {:>10.0} {:>7.2} {:>10.0} {:>7.2}",
            way.name, reads.0, reads.1, changes.0, changes.1
        );
    }
}
