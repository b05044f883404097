//! A server in this process that speaks TLS, with its files in a folder of its own, and ways to call it.

use std::path::Path;
use std::time::Duration;

use baton::client::{Client, ClientTls, Identity, RetryPolicy};
use baton::config::{ServerConfig, TlsFiles};
use baton::pb;
use baton::server::{self, Running};
use tempfile::TempDir;

use super::support::certificates::{Authority, Pair, write};

/// How long anything that is waited for may take.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// A server, its folder, and who has signed what is in there.
pub struct Certified {
    pub server: Running,
    pub folder: TempDir,
    pub authority: Authority,
    pub clients: Authority,
}

impl Certified {
    /// With a certificate for 127.0.0.1 and a client CA.
    pub async fn start() -> Self {
        Self::with(&ServerConfig::default()).await
    }

    /// The same, configured so.
    pub async fn with(config: &ServerConfig) -> Self {
        let (authority, clients) = (Authority::new("servers"), Authority::new("clients"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        authority.server(&["127.0.0.1"]).write(folder.path(), "server");
        write(folder.path(), "ca.pem", &authority.pem());
        write(folder.path(), "clients.pem", &clients.pem());
        let config = ServerConfig {
            listen: "127.0.0.1:0".into(),
            tls: Some(files(folder.path())),
            ..config.clone()
        };
        let server = server::start(&config).await.expect("it starts");
        Self { server, folder, authority, clients }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.server.address)
    }

    /// Whoever believes the authority in `ca.pem` as it is now, and shows nothing.
    pub fn client(&self) -> Client {
        client(&self.url(), &self.trusting())
    }

    /// The files of such a client.
    pub fn trusting(&self) -> ClientTls {
        ClientTls { ca: Some(self.folder.path().join("ca.pem")), ..ClientTls::default() }
    }

    /// The files of one who shows this as well.
    pub fn showing(&self, pair: &Pair) -> ClientTls {
        let (cert, key) = pair.write(self.folder.path(), "client");
        ClientTls { cert: Some(cert), key: Some(key), ..self.trusting() }
    }

    /// A figure of `/stats`.
    pub fn figure(&self, name: &str) -> i64 {
        let figures = self.server.counters.figures();
        figures.iter().find(|(known, _)| *known == name).expect("it is counted").1
    }
}

/// The files of a server in a folder.
pub fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        cert: folder.join("server.pem"),
        key: folder.join("server.key"),
        client_ca: Some(folder.join("clients.pem")),
        peer_ca: Some(folder.join("ca.pem")),
    }
}

/// An admin of the org `acme` who tries for a short while.
pub fn client(url: &str, tls: &ClientTls) -> Client {
    let policy = RetryPolicy::default().within(Duration::from_millis(800)).expect("in its range");
    Client::over(url, &identity("admin", "root"), policy, tls).expect("the files are right")
}

pub fn identity(role: &str, actor: &str) -> Identity {
    let [org, role, actor] = ["acme", role, actor].map(str::to_owned);
    Identity { org, role, actor, ..Identity::default() }
}

/// Makes a call; what went wrong is one line.
pub async fn call(client: &Client) -> Result<(), String> {
    let answer = client.list_servers(pb::ListServersRequest::default()).await;
    answer.map(drop).map_err(|failure| {
        let line = failure.to_string();
        assert!(!line.contains('\n'), "{line}");
        line
    })
}
