//! What the commands that start servers know of a server: what to ask for, what they get, and when to end it. `main`
//! alone knows how one is made, and gives `cli` and `bench` a `StartServer`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use crate::config::TlsFiles;

/// A server to be started. Its address of Redis and its key are secrets, and not shown.
#[derive(Clone)]
pub struct ServerPlan {
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// Where its admin listener is to be; port 0 takes any. None: it has none.
    pub admin: Option<SocketAddr>,
    /// The Redis behind it. None: in memory.
    pub redis: Option<String>,
    /// The org of callers who don't name one. None: they are refused.
    pub default_org: Option<String>,
    /// Key of the resume tokens. None: one of its own.
    pub token_key: Option<String>,
    /// Where other servers reach it: host and port. None: where it listens.
    pub advertise: Option<String>,
    /// The access file. None: it knows no credentials.
    pub access: Option<PathBuf>,
    /// Whether callers are believed who show none.
    pub trust: CallersTrusted,
    /// Serve without TLS where others than this machine can listen.
    pub plaintext_anywhere: bool,
    /// What it speaks TLS with. None: it doesn't.
    pub tls: Option<TlsFiles>,
}

/// Whether a server believes callers who show no credential and say themselves who they are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallersTrusted {
    /// On loopback, if there is no access file.
    #[default]
    Unsaid,
    /// On loopback.
    OnLoopback,
    /// Wherever they call from.
    Anywhere,
}

impl ServerPlan {
    /// A server on loopback, for tries: in memory, and believing its callers.
    #[must_use]
    pub fn on_loopback(listen: SocketAddr) -> Self {
        Self {
            listen,
            admin: None,
            redis: None,
            default_org: None,
            token_key: None,
            advertise: None,
            access: None,
            trust: CallersTrusted::OnLoopback,
            plaintext_anywhere: false,
            tls: None,
        }
    }
}

impl std::fmt::Debug for ServerPlan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ServerPlan");
        shown.field("listen", &self.listen).field("admin", &self.admin).finish_non_exhaustive()
    }
}

/// A server that is listening.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its admin listener is, if it has one.
    pub admin: Option<SocketAddr>,
    /// Whether it speaks TLS.
    pub tls: bool,
    /// How durable it is, as a sentence.
    pub durability: String,
    /// Asks it to drain and stop.
    pub stop: oneshot::Sender<()>,
    /// Ends when it has stopped.
    pub done: JoinHandle<anyhow::Result<()>>,
    /// What it has counted so far.
    pub counters: Counters,
}

/// Tells what a server has counted so far, each count with its name.
pub struct Counters(Box<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>);

impl Counters {
    /// Told by `all`.
    pub fn new(all: impl Fn() -> Vec<(&'static str, u64)> + Send + Sync + 'static) -> Self {
        Self(Box::new(all))
    }

    /// The count of this name; 0 if there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> u64 {
        (self.0)().into_iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| count)
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries((self.0)()).finish()
    }
}

impl RunningServer {
    /// The address as clients write it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }

    /// Stops it and waits until it has.
    ///
    /// # Errors
    /// If it broke down before.
    pub async fn stop(self) -> anyhow::Result<()> {
        // It may have stopped by itself; then `done` says why.
        let _ = self.stop.send(());
        self.done.await.context("the server broke down")?
    }
}

/// What comes of starting a server.
pub type Starting = Pin<Box<dyn Future<Output = anyhow::Result<RunningServer>> + Send>>;
/// Starts a server: given by `main`, which alone knows how.
pub type StartServer = Arc<dyn Fn(ServerPlan) -> Starting + Send + Sync>;

/// What comes of giving an org up.
pub type Forgetting = Pin<Box<dyn Future<Output = anyhow::Result<()>> + Send>>;
/// Gives an org up: what is stored at the Redis URL of the org of this name goes, for good. Given by `main`.
pub type ForgetOrg = Arc<dyn Fn(String, String) -> Forgetting + Send + Sync>;

/// Waits for Ctrl-C, or for SIGTERM where there is such a thing.
///
/// # Errors
/// If the system doesn't let this program listen for them.
pub async fn interrupted() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt.context("can't listen for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("can't listen for Ctrl-C")
}
