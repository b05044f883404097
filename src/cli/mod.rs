//! The command line: parses, calls the public API through `client`, prints.
//!
//! It sees a server only as everyone else does. The commands that start servers (`dev`, `serve`) get them from the
//! caller as a `StartServer`, so that nothing in here knows how a server is made. `baton bench` is parsed here and
//! done by `bench`: `main` hands it over.

pub(crate) mod args;
mod asked;
mod audit;
mod contact;
mod dev;
mod directory;
mod explain;
mod flow;
mod json;
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

use anyhow::{Context as _, bail};
use clap::{CommandFactory as _, Parser as _};

use crate::client::{Client, Identity, RetryPolicy};
use crate::launch::{ForgetOrg, StartServer};
use crate::output::{self, Output};
use args::{BenchCall, Cli, Command, Global};

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
    let Cli { global, command } = Cli::parse();
    let context = Context { out: Output::new(global.output), global };
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
            bench(BenchCall { args, servers: context.global.server, out: context.out }, start).await
        }
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "baton", &mut script);
            output::raw(&String::from_utf8_lossy(&script));
            Ok(())
        }
    }
}
