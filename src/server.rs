//! The composition root: a journal, an engine over it, the services over that, and one way for all
//! of it to end. The binary and the tests start servers with the same few lines, on any port.
//!
//! Ending: not serving → `Closing` on each stream → calls in flight → the engine → a hard deadline.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tonic::transport::Server;
use tonic::transport::server::{Router, TcpIncoming};
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;

use crate::config::{Checked, ServerConfig, TokenKey};
use crate::domain::id::OrgId;
use crate::engine::{Clock as _, Engine, EngineOptions, SystemClock};
use crate::grpc::api::Api;
use crate::grpc::token::Seal;
use crate::grpc::{Directory, Partners, Presences, Sessions, Transfers, Watches, Works};
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::redis::{RedisJournal, RedisOptions};
use crate::pb::directory_service_server::DirectoryServiceServer;
use crate::pb::partner_service_server::PartnerServiceServer;
use crate::pb::presence_service_server::PresenceServiceServer;
use crate::pb::session_service_server::SessionServiceServer;
use crate::pb::transfer_service_server::TransferServiceServer;
use crate::pb::watch_service_server::WatchServiceServer;
use crate::pb::work_service_server::WorkServiceServer;

/// The largest message taken, the largest renewal (ten thousand presences), and the largest directory.
const MESSAGE: usize = 256 * 1024;
const RENEWAL: usize = 1024 * 1024;
const DIRECTORY: usize = 4 * 1024 * 1024;
/// Streams and calls that one connection may have open.
const STREAMS: u32 = 128;
/// How long a call may take.
const CALL: Duration = Duration::from_secs(10);
/// How often a quiet connection is probed, and how long the answer may take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(10));

/// The services whose health is told one by one.
const SERVICES: [&str; 7] = [
    "baton.v1.DirectoryService",
    "baton.v1.PartnerService",
    "baton.v1.PresenceService",
    "baton.v1.SessionService",
    "baton.v1.TransferService",
    "baton.v1.WatchService",
    "baton.v1.WorkService",
];

/// How a server is put together.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// The org of callers who don't name one; `None`: they must.
    pub default_org: Option<OrgId>,
    /// What seals tokens.
    pub token_key: TokenKey,
    /// How long streams and calls in flight have to end.
    pub drain: Duration,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { default_org: None, token_key: TokenKey::Development, drain: Duration::from_secs(5) }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What happens to what it keeps when it ends, in words.
    pub durability: String,
    /// Ends when the server has; with what went wrong, if something did.
    pub done: JoinHandle<anyhow::Result<()>>,
    /// Asks it to drain and stop.
    pub stop: oneshot::Sender<()>,
    /// What its engine has counted so far.
    pub counters: Counters,
}

/// Tells what an engine has counted so far, each count with its name.
#[derive(Clone)]
pub struct Counters(Engine);

impl Counters {
    /// All of them.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        self.0.stats().all()
    }
}

impl std::fmt::Debug for Counters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.all()).finish()
    }
}

impl Running {
    /// Drains the server and waits for its end.
    ///
    /// # Errors
    /// If it broke down before.
    pub async fn stop(self) -> anyhow::Result<()> {
        drop(self.stop);
        self.done.await.context("the server broke down")?
    }

    /// Ends it at once, as a crash would.
    pub fn kill(self) {
        self.done.abort();
    }
}

/// Starts a server as configured.
///
/// # Errors
/// One line that says what to change: every fault of the configuration, a port in use, a Redis that
/// can't be used.
pub async fn start(config: &ServerConfig) -> anyhow::Result<Running> {
    let checked = config.check()?;
    let listener = bind(checked.listen).await?;
    let (engine, durability) = engine(&checked).await?;
    let default_org = checked
        .default_org
        .as_deref()
        .map(|org| OrgId::new(org).map_err(|why| anyhow::anyhow!("default_org {why}")))
        .transpose()?;
    if checked.token_key == TokenKey::Development && checked.redis.is_some() {
        tracing::warn!("no token key is set: resume tokens can be forged; give one to all servers");
    }
    let options = ServerOptions { default_org, token_key: checked.token_key, drain: checked.drain };
    run(listener, engine, options, durability)
}

/// Starts a server over this engine, on a listener that is bound already.
///
/// # Errors
/// If the listener has no address or reflection can't be set up.
pub fn run(
    listener: TcpListener,
    engine: Engine,
    options: ServerOptions,
    durability: String,
) -> anyhow::Result<Running> {
    let address = listener.local_addr().context("the listener has no address")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let counters = Counters(engine.clone());
    let done = tokio::spawn(serve(listener, engine, options, shutdown));
    Ok(Running { address, durability, done, stop, counters })
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("can't listen on {address}"))
}

async fn engine(config: &Checked) -> anyhow::Result<(Engine, String)> {
    match &config.redis {
        Some(url) => {
            let journal = RedisJournal::connect(RedisOptions::at(url)).await?;
            let durability = journal.durability().to_owned();
            Ok((engine_over(Arc::new(journal), EngineOptions::default()), durability))
        }
        None => Ok((embedded(), "everything is in memory and is lost at the end".to_owned())),
    }
}

/// An engine over a journal, by the machine's clock.
#[must_use]
pub fn engine_over(journal: Arc<dyn Journal>, options: EngineOptions) -> Engine {
    Engine::start(journal, Arc::new(SystemClock), options)
}

/// An engine that keeps everything in memory.
#[must_use]
pub fn embedded() -> Engine {
    let journal = MemoryJournal::new(Arc::new(|| SystemClock.now()));
    engine_over(Arc::new(journal), EngineOptions::embedded())
}

/// Serves until `shutdown`, drains, and stops the engine.
///
/// # Errors
/// If reflection can't be set up or the listener breaks down.
pub async fn serve(
    listener: TcpListener,
    engine: Engine,
    options: ServerOptions,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let (closing, closed) = watch::channel(false);
    let api = Arc::new(Api {
        engine: engine.clone(),
        default_org: options.default_org,
        seal: Seal::new(options.token_key.bytes()),
        closing: closed.clone(),
    });
    let health = HealthReporter::new();
    let router = router(&api, &health)?;
    let readiness = tokio::spawn(tell_health(health.clone(), engine.readiness(), closed.clone()));
    let (begun, draining) = oneshot::channel();
    let goodbye = async move {
        shutdown.await;
        closing.send_replace(true);
        drop(begun);
    };
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let served = router.serve_with_incoming_shutdown(incoming, goodbye);
    let deadline = async {
        // It is dropped, never sent: either way the drain has begun.
        drop::<Result<(), _>>(draining.await);
        tokio::time::sleep(options.drain).await;
    };
    let result = tokio::select! {
        served = served => served.context("the server broke down"),
        () = deadline => {
            tracing::warn!("some connections didn't end in time and are cut");
            Ok(())
        }
    };
    readiness.abort();
    engine.shutdown().await;
    result
}

fn router(api: &Arc<Api>, health: &HealthReporter) -> anyhow::Result<Router> {
    let health = tonic_health::server::HealthService::from_health_reporter(health.clone());
    let health = tonic_health::pb::health_server::HealthServer::new(health);
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(crate::pb::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = reflection().build_v1().context("reflection can't be set up")?;
    let v1alpha = reflection().build_v1alpha().context("reflection can't be set up")?;
    macro_rules! service {
        ($server:ident, $service:expr, $most:expr) => {
            $server::new($service).max_decoding_message_size($most)
        };
    }
    Ok(Server::builder()
        .timeout(CALL)
        .max_concurrent_streams(STREAMS)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .http2_max_header_list_size(16 * 1024)
        .add_service(health)
        .add_service(v1)
        .add_service(v1alpha)
        .add_service(service!(DirectoryServiceServer, Directory(Arc::clone(api)), DIRECTORY))
        .add_service(service!(PresenceServiceServer, Presences(Arc::clone(api)), RENEWAL))
        .add_service(service!(SessionServiceServer, Sessions(Arc::clone(api)), MESSAGE))
        .add_service(service!(WorkServiceServer, Works(Arc::clone(api)), MESSAGE))
        .add_service(service!(TransferServiceServer, Transfers(Arc::clone(api)), MESSAGE))
        .add_service(service!(WatchServiceServer, Watches(Arc::clone(api)), MESSAGE))
        .add_service(service!(PartnerServiceServer, Partners, DIRECTORY)))
}

/// Each service serves while the journal can be reached and followed; the process as a whole (the
/// empty name) lives until it goes away, so that an outage of Redis restarts nobody.
async fn tell_health(
    health: HealthReporter,
    mut ready: watch::Receiver<bool>,
    mut closing: watch::Receiver<bool>,
) {
    loop {
        let leaving = *closing.borrow_and_update();
        let serving = *ready.borrow_and_update() && !leaving;
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in SERVICES {
            health.set_service_status(service, status).await;
        }
        if leaving {
            health.set_service_status("", ServingStatus::NotServing).await;
            return;
        }
        let gone = tokio::select! {
            changed = ready.changed() => changed.is_err(),
            changed = closing.changed() => changed.is_err(),
        };
        if gone {
            return;
        }
    }
}
