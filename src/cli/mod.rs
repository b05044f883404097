//! The command line: parses, calls the public API through `client`, prints.
//!
//! It sees a server only as everyone else does. The commands that start servers (`dev`, `serve`) get them from the
//! caller as a `StartServer`, so that nothing in here knows how a server is made. `baton bench` is parsed here and
//! done by `bench`: `main` hands it over.

pub(crate) mod args;
mod asked;
mod audit;
mod contact;
mod context;
mod contexts;
mod dev;
mod directory;
mod explain;
mod flow;
pub mod hostile;
mod json;
mod key;
mod list;
mod names;
mod org;
mod org_file;
mod pages;
mod partner;
mod presence;
mod queue;
mod rep;
mod serve;
mod servers;
mod session;
mod table;
mod target;
mod traffic;
mod watch;
mod words;
mod work;

use std::ffi::OsStr;

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, FromArgMatches as _};

use crate::client::{Client, Identity, RetryPolicy};
use crate::launch::{ForgetOrg, StartServer};
use crate::output::{self, Output};
use contexts::Target;

use args::{BenchCall, Cli, Command, Global};

/// What a command works with.
struct Context {
    /// What was given.
    global: Global,
    /// What follows from it and from the context that is kept.
    target: Target,
    out: Output,
}

impl Context {
    /// A client for the first server, as whom the command line says.
    fn client(&self) -> anyhow::Result<Client> {
        if self.target.servers.len() > 1 {
            bail!("only `bench` takes several servers: give one --server");
        }
        self.client_as(&self.identity())
    }

    fn client_as(&self, identity: &Identity) -> anyhow::Result<Client> {
        let policy = RetryPolicy::default().within(self.global.timeout).context("--timeout")?;
        let server = self.target.servers.first().context("--server is empty")?;
        Ok(Client::over(server, identity, policy, &self.target.tls)?)
    }

    /// Who acts. With a credential that says it. Without: `--as` alone means a rep; neither, an admin.
    fn identity(&self) -> Identity {
        let Target { org, credential, .. } = &self.target;
        if credential.is_some() {
            let org = org.clone().unwrap_or_default();
            return Identity { org, credential: credential.clone(), ..Identity::default() };
        }
        let role = self.global.role.clone().unwrap_or_else(|| match self.global.actor {
            Some(_) => "rep".to_owned(),
            None => "admin".to_owned(),
        });
        Identity {
            org: org.clone().unwrap_or_else(|| DEMO.to_owned()),
            role,
            actor: self.global.actor.clone().unwrap_or_default(),
            credential: None,
        }
    }

    /// Who acts where the command itself names the rep: they do, unless the command line or the credential says otherwise.
    fn identity_of_rep(&self, rep: &str) -> Identity {
        let identity = self.identity();
        if self.global.role.is_some()
            || self.global.actor.is_some()
            || identity.credential.is_some()
        {
            return identity;
        }
        Identity { role: "rep".to_owned(), actor: rep.to_owned(), ..identity }
    }
}

/// The org of callers who name none, and show no credential.
const DEMO: &str = "demo";

/// The command line of this process.
fn parsed() -> anyhow::Result<Cli> {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    let matches = args::without_empty(Cli::command(), &is_empty).get_matches();
    args::misplaced(&matches).map_err(anyhow::Error::msg)?;
    Ok(Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
}

/// Whether a command asks a server.
const fn asks(command: &Command) -> bool {
    !matches!(
        command,
        Command::Context { .. }
            | Command::Keys(_)
            | Command::Dev(_)
            | Command::Serve(_)
            | Command::Org { .. }
            | Command::Completion { .. }
    )
}

/// Parses the process' arguments and runs what they ask for; `forget` gives an org up, `bench` runs `baton bench`. Bad arguments and `--help` end
/// the process here, as clap does it.
///
/// # Errors
/// What the command failed at, to be told in one line.
pub async fn run(
    start: StartServer,
    forget: ForgetOrg,
    bench: impl AsyncFnOnce(BenchCall, StartServer) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let Cli { global, command } = parsed()?;
    // Contexts can be mended also when the one that is named isn't there.
    let target = if asks(&command) { Target::of(&global)? } else { Target::default() };
    for server in target.shown_unencrypted() {
        output::note(&format!("the credential goes unencrypted to {server}"));
    }
    let context = Context { out: Output::new(global.output), global, target };
    match command {
        Command::Dev(args) => dev::run(&context, &args, start).await,
        Command::Serve(args) => serve::run(&args, start).await,
        Command::Servers => servers::run(&context).await,
        Command::Apply(args) => directory::apply(&context, &args).await,
        Command::Reps { what } => list::reps(&context, what).await,
        Command::Queues { what } => queue::run(&context, what).await,
        Command::Skills { what } => list::skills(&context, what).await,
        Command::Flows { what } => list::flows(&context, what).await,
        Command::Sessions { what } => list::sessions(&context, what).await,
        Command::Transfers { what } => list::transfers(&context, what).await,
        Command::Work { what } => list::work(&context, what).await,
        Command::Partners { what } => partner::partners(&context, what).await,
        Command::Contacts { what } => contact::run(&context, what).await,
        Command::Handoffs { what } => partner::handoffs(&context, what).await,
        Command::Routing { what } => partner::routing(&context, what).await,
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
        Command::Audit(args) => audit::run(&context, *args).await,
        Command::History { session } => session::history(&context, session).await,
        Command::Org { what } => org::run(what, forget).await,
        Command::Bench(args) => {
            let Target { servers, tls, .. } = context.target;
            bench(BenchCall { args, servers, tls, out: context.out }, start).await
        }
        Command::Context { what } => context::run(&context, what),
        Command::Keys(args) => key::run(&context, &args),
        Command::Whoami => context::whoami(&context).await,
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "baton", &mut script);
            output::raw(&String::from_utf8_lossy(&script));
            Ok(())
        }
    }
}
