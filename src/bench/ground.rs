//! Where a bench runs: servers of its own or those of `--server`, in an org of its own.
//!
//! Every bench begins by preparing it and ends by leaving it. It measures nothing.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::{sleep, timeout};

use super::Context;
use crate::cli::args::Measured;
use crate::client::{Client, ClientTls, Failure, Identity, RetryPolicy};
use crate::launch::{RunningServer, ServerPlan, StartServer};
use crate::pb;

/// So soon servers have found each other.
const KNOWN_WITHIN: Duration = Duration::from_secs(10);
/// How often they are asked whether they have.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Servers to be measured, and the org.
#[derive(Debug)]
pub struct Ground {
    /// Addresses of the servers.
    pub urls: Vec<String>,
    connections: u16,
    started: Vec<RunningServer>,
    identity: Identity,
    tls: ClientTls,
}

impl Ground {
    /// Starts the servers, if they are to be started here.
    pub async fn prepare(
        context: &Context,
        measured: &Measured,
        start: &StartServer,
    ) -> anyhow::Result<Self> {
        let started =
            if measured.embedded { start_servers(measured, start).await? } else { Vec::new() };
        let urls: Vec<String> = if measured.embedded {
            started.iter().map(RunningServer::url).collect()
        } else {
            context.servers.clone()
        };
        if urls.is_empty() {
            bail!("no server to measure: give --server");
        }
        let org = format!("bench-{:016x}", rand::random::<u64>());
        let (role, actor) = ("admin".to_owned(), "bench".to_owned());
        let identity = Identity { org, role, actor, credential: None };
        let (connections, tls) = (measured.connections, context.tls.clone());
        let ground = Self { urls, connections, started, identity, tls };
        if ground.embedded() && ground.urls.len() > 1 {
            timeout(KNOWN_WITHIN, ground.servers_know_each_other())
                .await
                .context("the servers of this process don't find each other")??;
        }
        Ok(ground)
    }

    /// Waits until every server knows that all serve: before that more than one may take itself for the home.
    async fn servers_know_each_other(&self) -> anyhow::Result<()> {
        for url in &self.urls {
            let client = self.client(url)?;
            loop {
                let listed = client.list_servers(pb::ListServersRequest::default()).await?.servers;
                let serves = |server: &&pb::Server| server.state() == pb::ServerState::Serving;
                let known = self.urls.iter().filter(|url| {
                    listed.iter().filter(serves).any(|server| url.ends_with(&server.address))
                });
                if known.count() == self.urls.len() {
                    break;
                }
                sleep(LOOK_AGAIN).await;
            }
        }
        Ok(())
    }

    /// Clients by server and connection.
    pub fn clients(&self) -> Result<Vec<Vec<Client>>, Failure> {
        self.urls.iter().map(|url| self.connect(url, self.connections.into())).collect()
    }

    /// Clients of one server, each with a connection of its own.
    pub fn connect(&self, url: &str, connections: usize) -> Result<Vec<Client>, Failure> {
        (0..connections).map(|_| self.client(url)).collect()
    }

    fn client(&self, url: &str) -> Result<Client, Failure> {
        Client::over(url, &self.identity, RetryPolicy::default(), &self.tls)
    }

    /// Whether the servers run in this process.
    pub fn embedded(&self) -> bool {
        !self.started.is_empty()
    }

    /// The servers, as words.
    pub fn what(&self) -> String {
        match self.started.first() {
            Some(first) => {
                let servers = plural(self.urls.len(), "server");
                format!("{servers} in this process ({})", first.durability)
            }
            None => self.urls.join(", "),
        }
    }

    /// What the servers of this process have counted together; `None` if they run elsewhere.
    pub fn counted(&self) -> Option<Counted> {
        let sum = |name: &str| self.started.iter().map(|server| server.counters.get(name)).sum();
        self.embedded().then(|| Counted {
            batches: sum("batches"),
            transactions: sum("transactions"),
            conflicts: sum("conflicts"),
            retries: sum("retries"),
            passed_on: sum("passed_on"),
            passed_in_vain: sum("passed_in_vain"),
        })
    }

    /// Stops what was started.
    pub async fn leave(self) -> anyhow::Result<()> {
        for server in self.started {
            server.stop().await.context("a server of the bench")?;
        }
        Ok(())
    }
}

/// What servers count of their commits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// Batches sent.
    pub batches: u64,
    /// Transactions in them.
    pub transactions: u64,
    /// Those that others got ahead of.
    pub conflicts: u64,
    /// Requests decided again.
    pub retries: u64,
    /// Calls that another server than the one that was called has answered.
    pub passed_on: u64,
    /// Tries to pass one on that came to nothing.
    pub passed_in_vain: u64,
}

impl Counted {
    /// As words, with rates per hundred transactions.
    pub fn text(&self) -> String {
        let rate = |count: u64| count as f64 * 100.0 / self.transactions.max(1) as f64;
        let passed = match (self.passed_on, self.passed_in_vain) {
            (0, 0) => String::new(),
            (on, in_vain) => format!("; calls passed on: {on}, in vain: {in_vain}"),
        };
        format!(
            "servers: {} transactions in {} batches ({:.1} each); conflicts: {} ({:.2} per 100 \
             transactions), decided again: {} ({:.2}){passed}",
            self.transactions,
            self.batches,
            self.transactions as f64 / self.batches.max(1) as f64,
            self.conflicts,
            rate(self.conflicts),
            self.retries,
            rate(self.retries),
        )
    }
}

async fn start_servers(
    measured: &Measured,
    start: &StartServer,
) -> anyhow::Result<Vec<RunningServer>> {
    if measured.servers > 1 && measured.redis.is_none() {
        bail!("several servers need something to share: give --redis");
    }
    let key = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    let mut servers = Vec::new();
    for _ in 0..measured.servers {
        let plan = ServerPlan {
            redis: measured.redis.clone(),
            token_key: Some(key.clone()),
            ..ServerPlan::on_loopback(SocketAddr::from(([127, 0, 0, 1], 0)))
        };
        servers.push(start(plan).await?);
    }
    Ok(servers)
}

/// A count with its noun.
pub fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// How many cores there are, as words.
pub fn cores() -> String {
    plural(std::thread::available_parallelism().map_or(0, usize::from), "core")
}
