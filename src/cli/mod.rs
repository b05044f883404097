//! The command line: parses, calls the public API through `client`, prints.
//!
//! It sees a server only as everyone else does. The commands that start servers (`dev`, `serve`, `bench --embedded`)
//! get them from the caller as a `StartServer`, so that nothing in here knows how a server is made.

mod args;
mod bench;
mod dev;
mod directory;
mod explain;
mod flow;
mod json;
mod list;
mod names;
mod org_file;
mod output;
mod presence;
mod queue;
mod rep;
mod serve;
mod session;
mod table;
mod target;
mod traffic;
mod watch;
mod work;

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, Parser as _};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::client::{Client, Identity, RetryPolicy};
use args::{Cli, Command, Global};
use output::Output;

/// A server to be started.
#[derive(Clone, Debug)]
pub struct ServerPlan {
    /// Where to listen; port 0 takes any.
    pub listen: SocketAddr,
    /// The Redis behind it. None: in memory.
    pub redis: Option<String>,
    /// The org of callers who don't name one. None: they are refused.
    pub default_org: Option<String>,
    /// Key of the resume tokens. None: one of its own.
    pub token_key: Option<String>,
}

/// A server that is listening.
#[derive(Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub address: SocketAddr,
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
        format!("http://{}", self.address)
    }

    /// Stops it and waits until it has.
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

/// What a command works with.
struct Context {
    global: Global,
    out: Output,
}

impl Context {
    /// A client for the first server, as whom the command line says.
    fn client(&self) -> anyhow::Result<Client> {
        if self.global.server.len() > 1 {
            bail!("only `bench` takes several servers: give one --server");
        }
        self.client_as(&self.identity())
    }

    fn client_as(&self, identity: &Identity) -> anyhow::Result<Client> {
        let policy = RetryPolicy::default().within(self.global.timeout).context("--timeout")?;
        let server = self.global.server.first().context("--server is empty")?;
        Ok(Client::new(server, identity, policy)?)
    }

    /// Who acts. `--as` alone means a rep; neither, an admin.
    fn identity(&self) -> Identity {
        let role = self.global.role.clone().unwrap_or_else(|| match self.global.actor {
            Some(_) => "rep".to_owned(),
            None => "admin".to_owned(),
        });
        Identity {
            org: self.global.org.clone(),
            role,
            actor: self.global.actor.clone().unwrap_or_default(),
        }
    }

    /// Who acts where the command itself names the rep: they do, unless the command line says otherwise.
    fn identity_of_rep(&self, rep: &str) -> Identity {
        if self.global.role.is_some() || self.global.actor.is_some() {
            return self.identity();
        }
        Identity { org: self.global.org.clone(), role: "rep".to_owned(), actor: rep.to_owned() }
    }
}

/// Parses the process' arguments and runs what they ask for. Bad arguments and `--help` end the process here, as clap
/// does it.
pub async fn run(start: StartServer) -> anyhow::Result<()> {
    let Cli { global, command } = Cli::parse();
    let context = Context { out: Output::new(global.output), global };
    match command {
        Command::Dev(args) => dev::run(&context, &args, start).await,
        Command::Serve(args) => serve::run(&args, start).await,
        Command::Apply(args) => directory::apply(&context, &args).await,
        Command::Reps { what } => list::reps(&context, what).await,
        Command::Queues { what } => queue::run(&context, what).await,
        Command::Skills { what } => list::skills(&context, what).await,
        Command::Flows { what } => list::flows(&context, what).await,
        Command::Sessions { what } => list::sessions(&context, what).await,
        Command::Transfers { what } => list::transfers(&context, what).await,
        Command::Work { what } => list::work(&context, what).await,
        Command::Session { what } => session::run(&context, what).await,
        Command::Online(args) => presence::online(&context, &args).await,
        Command::Status(args) => presence::status(&context, &args).await,
        Command::Offline(args) => presence::offline(&context, &args).await,
        Command::Accept(args) => work::accept(&context, &args).await,
        Command::Decline { work } => work::decline(&context, work).await,
        Command::Close { work, end } => work::close(&context, work, end).await,
        Command::Extend { work } => work::extend(&context, work).await,
        Command::Finish { work } => work::finish(&context, work).await,
        Command::Transfer(args) => session::transfer(&context, args).await,
        Command::Quote { session, to } => explain::quote(&context, session, to).await,
        Command::Recipients(args) => explain::recipients(&context, args).await,
        Command::Explain(args) => explain::explain(&context, args).await,
        Command::Watch(args) => watch::run(&context, args).await,
        Command::History { session } => session::history(&context, session).await,
        Command::Bench(args) => bench::run(&context, args, start).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "baton", &mut script);
            output::raw(&String::from_utf8_lossy(&script));
            Ok(())
        }
    }
}
