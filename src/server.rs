//! The composition root: a journal, an engine over it, the services over that, and one way for all
//! of it to end. The binary and the tests start servers with the same few lines, on any port.
//!
//! Ending: not ready, not serving → (with an admin listener) a while in which all goes on, so that balancers notice →
//! `Closing` on each stream → calls in flight → the engine → a hard deadline.

mod front;
mod guard;
mod membership;
pub mod open_files;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tower::layer::util::{Identity, Stack};

use self::front::certificates::Certificates;
use self::front::{Front, FrontFigures, http2};
use self::membership::Membership;
use crate::access::Limits;
use crate::admin::{self, Readiness};
use crate::config::{Checked, DEFAULT_DRAIN, DEFAULT_NOTICE, ServerConfig, TlsFiles, TokenKey};
use crate::domain::id::OrgId;
use crate::engine::clock::steady_wall;
use crate::engine::{Engine, EngineOptions, SystemClock};
use crate::grpc::admission::{Admission, AdmissionLayer, Gate};
use crate::grpc::api::Api;
use crate::grpc::call_id::CallIds;
use crate::grpc::deadline::Deadlines;
use crate::grpc::passing::links::Links;
use crate::grpc::passing::{PASSED, Passer, PassingLayer};
use crate::grpc::quotas::Quotas;
use crate::grpc::streams::PartnerStreams;
use crate::grpc::token::Seal;
use crate::grpc::uploads::Uploads;
use crate::grpc::{
    Audits, Directory, Identities, Partners, Presences, Servers, Sessions, Transfers, Watches,
    Works,
};
use crate::journal::Journal;
use crate::journal::memory::MemoryJournal;
use crate::journal::redis::{RedisJournal, RedisOptions};
use crate::pb::audit_service_server::AuditServiceServer;
use crate::pb::directory_service_server::DirectoryServiceServer;
use crate::pb::identity_service_server::IdentityServiceServer;
use crate::pb::partner_service_server::PartnerServiceServer;
use crate::pb::presence_service_server::PresenceServiceServer;
use crate::pb::server_service_server::ServerServiceServer;
use crate::pb::session_service_server::SessionServiceServer;
use crate::pb::transfer_service_server::TransferServiceServer;
use crate::pb::watch_service_server::WatchServiceServer;
use crate::pb::work_service_server::WorkServiceServer;

/// How many badly stated requests are looked at together.
const LOOKS: usize = 2;

/// The services whose health is told one by one.
const SERVICES: [&str; 10] = [
    "baton.v1.AuditService",
    "baton.v1.DirectoryService",
    "baton.v1.IdentityService",
    "baton.v1.PartnerService",
    "baton.v1.PresenceService",
    "baton.v1.ServerService",
    "baton.v1.SessionService",
    "baton.v1.TransferService",
    "baton.v1.WatchService",
    "baton.v1.WorkService",
];

/// How a server is put together.
#[derive(Debug, Clone)]
pub struct ServerOptions {
    /// How it finds out who calls.
    pub gate: Gate,
    /// What seals tokens.
    pub token_key: TokenKey,
    /// How long everything goes on after `/readyz` has begun to say `draining`; without an admin
    /// listener, not at all.
    pub notice: Duration,
    /// How long streams and calls in flight have to end after that.
    pub drain: Duration,
    /// Where other servers reach this one: host and port. `None`: where it listens.
    pub advertise: Option<String>,
    /// What it speaks TLS with, to its clients and to other servers. `None`: neither.
    pub tls: Option<TlsFiles>,
    /// How much is taken from whom. What changes holds for new connections.
    pub limits: watch::Receiver<Limits>,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            gate: Gate::trusting(),
            token_key: TokenKey::Development,
            notice: DEFAULT_NOTICE,
            drain: DEFAULT_DRAIN,
            advertise: None,
            tls: None,
            limits: fixed(Limits::for_tries()),
        }
    }
}

/// Limits that never change.
fn fixed(limits: Limits) -> watch::Receiver<Limits> {
    watch::Sender::new(limits).subscribe()
}

/// What a server listens on, bound already.
#[derive(Debug)]
pub struct Listeners {
    /// For its clients.
    pub api: TcpListener,
    /// For whoever runs it.
    pub admin: Option<TcpListener>,
}

impl From<TcpListener> for Listeners {
    /// Without an admin listener.
    fn from(api: TcpListener) -> Self {
        Self { api, admin: None }
    }
}

/// A server that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// Where its admin listener is, if it has one.
    pub admin: Option<SocketAddr>,
    /// What happens to what it keeps when it ends, in words.
    pub durability: String,
    /// Ends when the server has; with what went wrong, if something did.
    pub done: JoinHandle<anyhow::Result<()>>,
    /// Asks it to drain and stop.
    pub stop: oneshot::Sender<()>,
    /// What it has counted so far.
    pub counters: Counters,
}

/// Tells what a server has counted so far, each count with its name.
#[derive(Clone)]
pub struct Counters(Engine, FrontFigures);

impl Counters {
    /// All that the engine counts.
    #[must_use]
    pub fn all(&self) -> Vec<(&'static str, u64)> {
        self.0.stats().all()
    }

    /// All of them, and how things are now.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, i64)> {
        let mut figures = self.0.figures();
        figures.extend(self.1.figures());
        figures
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
    let api = bind(checked.listen)?;
    let admin = match checked.admin {
        Some(address) => Some(bind(address).context("the admin listener")?),
        None => None,
    };
    let default_org = checked
        .default_org
        .as_deref()
        .map(|org| OrgId::new(org).map_err(|why| anyhow::anyhow!("default_org {why}")))
        .transpose()?;
    let gate = guard::gate(&checked, default_org).await?;
    let limits = guard::limits_in_force(&gate, checked.limits);
    let max_orgs = limits.borrow().orgs;
    let (engine, durability) = engine(&checked, max_orgs).await?;
    if checked.token_key == TokenKey::Development && checked.redis.is_some() {
        tracing::warn!("no token key is set: resume tokens can be forged; give one to all servers");
    }
    if checked.listen.ip().is_unspecified()
        && checked.advertise.is_none()
        && checked.redis.is_some()
    {
        tracing::warn!(
            "this server listens on every address of its machine, and the others can't tell which to use: \
             give --advertise with the host and port at which they reach it"
        );
    }
    let Checked { mut token_key, notice, drain, advertise, tls, .. } = checked;
    if gate.access.is_some() && token_key == TokenKey::Development {
        // Alone it has to be believed by nobody else, so nobody else has to know its key.
        token_key = TokenKey::Secret(rand::random());
    }
    let options = ServerOptions { gate, limits, token_key, notice, drain, advertise, tls };
    run(Listeners { api, admin }, engine, options, durability)
}

/// Starts a server over this engine, on listeners that are bound already.
///
/// # Errors
/// If a listener has no address or the TLS files can't be used.
pub fn run(
    listeners: impl Into<Listeners>,
    engine: Engine,
    options: ServerOptions,
    durability: String,
) -> anyhow::Result<Running> {
    let listeners = listeners.into();
    let address = listeners.api.local_addr().context("the listener has no address")?;
    let admin = listeners.admin.as_ref().map(TcpListener::local_addr).transpose();
    let admin = admin.context("the admin listener has no address")?;
    let (stop, stopped) = oneshot::channel::<()>();
    let shutdown = async move { drop(stopped.await) };
    let certificates = options.tls.as_ref().map(Certificates::load).transpose()?;
    let front = Front::new(listeners.api, options.limits.clone(), certificates.clone());
    let counters = Counters(engine.clone(), front.figures());
    let served = Serving { front, address, certificates, admin: listeners.admin, options };
    let done = tokio::spawn(serve(served, engine, counters.clone(), shutdown));
    Ok(Running { address, admin, durability, done, stop, counters })
}

fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    front::listen(address).with_context(|| format!("can't listen on {address}"))
}

async fn engine(config: &Checked, max_orgs: u32) -> anyhow::Result<(Engine, String)> {
    let max_orgs = usize::try_from(max_orgs).unwrap_or(usize::MAX);
    match &config.redis {
        Some(url) => {
            let journal = RedisJournal::connect(RedisOptions::at(url)).await?;
            let durability = journal.durability().to_owned();
            let options = EngineOptions { max_orgs, ..EngineOptions::default() };
            Ok((engine_over(Arc::new(journal), options), durability))
        }
        None => {
            let options = EngineOptions { max_orgs, ..EngineOptions::embedded() };
            Ok((in_memory(options), "everything is in memory and is lost at the end".to_owned()))
        }
    }
}

/// Gives an org up that is stored in this Redis: everything of it goes, and it begins anew.
///
/// # Errors
/// One line that says what to change, or that it is to be tried again.
pub async fn forget_org(redis: &str, org: &str) -> anyhow::Result<()> {
    let org = OrgId::new(org).map_err(|why| anyhow::anyhow!("the org's name {why}"))?;
    let journal = RedisJournal::connect(RedisOptions::at(redis)).await?;
    journal.forget_org(&org).await.context("it isn't sure that the org is gone: try again")?;
    Ok(())
}

/// An engine over a journal, by the machine's clock.
#[must_use]
pub fn engine_over(journal: Arc<dyn Journal>, options: EngineOptions) -> Engine {
    Engine::start(journal, Arc::new(SystemClock), options)
}

/// An engine that keeps everything in memory.
#[must_use]
pub fn embedded() -> Engine {
    in_memory(EngineOptions::embedded())
}

fn in_memory(options: EngineOptions) -> Engine {
    engine_over(Arc::new(MemoryJournal::new(Arc::new(steady_wall))), options)
}

/// What a server is made of besides its engine.
struct Serving {
    front: Front,
    /// Where it listens.
    address: SocketAddr,
    certificates: Option<Certificates>,
    admin: Option<TcpListener>,
    options: ServerOptions,
}

/// Serves until `shutdown`, drains, and stops the engine. `/readyz` says so first, `/livez` to the end.
///
/// # Errors
/// If reflection can't be set up or the listener breaks down.
async fn serve(
    serving: Serving,
    engine: Engine,
    counters: Counters,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> anyhow::Result<()> {
    let Serving { front, address, certificates, admin, options } = serving;
    let (leaving, left) = watch::channel(false);
    let (closing, closed) = watch::channel(false);
    let (membership, home) = Membership::begin(&engine, options.advertise.as_deref(), address)?;
    let quotas = Quotas::new(options.limits.clone());
    let api = Arc::new(Api {
        engine: engine.clone(),
        home: home.clone(),
        access: options.gate.access.clone(),
        quotas: Arc::clone(&quotas),
        seal: Seal::new(options.token_key.bytes()),
        closing: closed,
        looks: Arc::new(tokio::sync::Semaphore::new(LOOKS)),
        streams: PartnerStreams::default(),
    });
    let health = HealthReporter::new();
    let key = options.token_key.bytes();
    let links = Links::new(certificates.as_ref().map(Certificates::calling));
    let passer = Arc::new(Passer::new(home, engine.clone(), key, links));
    let router = router(&api, &health, &passer, options.gate.clone(), &options.limits)?;
    // Ends with this function, also if that is dropped.
    let mut beside = JoinSet::new();
    let notice = if admin.is_some() { options.notice } else { Duration::ZERO };
    if let Some(listener) = admin {
        let (journal, draining) = (engine.readiness(), left.clone());
        let figures = guard::figures(counters, Arc::clone(&quotas), options.gate.access.clone());
        beside.spawn(admin::serve(listener, Readiness { journal, draining }, figures));
    }
    beside.spawn(tell_health(health, engine.readiness(), left));
    beside.spawn(membership.clone().take_part(passer));
    guard::keep_current(&mut beside, options.gate.access, quotas, certificates);
    let (begun, draining) = oneshot::channel();
    let leave = membership.clone();
    let goodbye = async move {
        shutdown.await;
        leaving.send_replace(true);
        // The others know it before a door is closed, and are asked instead of this server.
        let handover = leave.leave().await;
        tokio::time::sleep(notice.max(handover)).await;
        closing.send_replace(true);
        drop(begun);
    };
    let incoming = front.open(&mut beside);
    let served = router.serve_with_incoming_shutdown(incoming, goodbye);
    let result = in_time(served, draining, options.drain).await;
    engine.shutdown().await;
    membership.end().await;
    result
}

/// Serves until it has ended, or for `drain` after that began.
async fn in_time(
    served: impl Future<Output = Result<(), tonic::transport::Error>>,
    draining: oneshot::Receiver<()>,
    drain: Duration,
) -> anyhow::Result<()> {
    let deadline = async {
        // It is dropped, never sent: either way the drain has begun.
        drop::<Result<(), _>>(draining.await);
        tokio::time::sleep(drain).await;
    };
    tokio::select! {
        served = served => served.context("the server broke down"),
        () = deadline => {
            tracing::warn!("some connections didn't end in time and are cut");
            Ok(())
        }
    }
}

/// The services, each call bounded in time, let in, and all of them bounded in memory, behind what passes calls on to other
/// servers.
type Services = Router<
    Stack<
        PassingLayer,
        Stack<Uploads, Stack<AdmissionLayer, Stack<Deadlines, Stack<CallIds, Identity>>>>,
    >,
>;

fn router(
    api: &Arc<Api>,
    health: &HealthReporter,
    passer: &Arc<Passer>,
    gate: Gate,
    limits: &watch::Receiver<Limits>,
) -> anyhow::Result<Services> {
    let (passing, quotas) = (Arc::clone(passer), Arc::clone(&api.quotas));
    let admission = Admission { gate, passer: passing, quotas };
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
        ($server:ident, $service:expr) => {
            // `Uploads` has seen to it that no message is larger than it may be.
            $server::new($service).max_decoding_message_size(usize::MAX)
        };
    }
    Ok(http2::bounded(Server::builder(), limits.borrow().headers_kib)
        .layer(CallIds { kept: PASSED })
        .layer(Deadlines { limits: limits.clone() })
        .layer(AdmissionLayer(Arc::new(admission)))
        .layer(Uploads::new(limits.clone()))
        .layer(PassingLayer(Arc::clone(passer)))
        .add_service(health)
        .add_service(v1)
        .add_service(v1alpha)
        .add_service(service!(AuditServiceServer, Audits(Arc::clone(api))))
        .add_service(service!(DirectoryServiceServer, Directory(Arc::clone(api))))
        .add_service(service!(IdentityServiceServer, Identities(Arc::clone(api))))
        .add_service(service!(PresenceServiceServer, Presences(Arc::clone(api))))
        .add_service(service!(ServerServiceServer, Servers(Arc::clone(api))))
        .add_service(service!(SessionServiceServer, Sessions(Arc::clone(api))))
        .add_service(service!(WorkServiceServer, Works(Arc::clone(api))))
        .add_service(service!(TransferServiceServer, Transfers(Arc::clone(api))))
        .add_service(service!(WatchServiceServer, Watches(Arc::clone(api))))
        .add_service(service!(PartnerServiceServer, Partners(Arc::clone(api)))))
}

/// Each service serves while the store takes writes, whatever ails a single org; the process as a whole (the
/// empty name) lives until it goes away, so that an outage of Redis restarts nobody.
async fn tell_health(
    health: HealthReporter,
    mut ready: watch::Receiver<bool>,
    mut left: watch::Receiver<bool>,
) {
    loop {
        let leaving = *left.borrow_and_update();
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
            changed = left.changed() => changed.is_err(),
        };
        if gone {
            return;
        }
    }
}
