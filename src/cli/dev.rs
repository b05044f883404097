//! `dev`: a server to try things with, an org to try them on, and the commands to type.
//!
//! What it plays (two reps who stay signed in, a session, traffic) goes through the public API like everyone else's
//! doing, so that a watch shows exactly what it would show in earnest.

use anyhow::{Context as _, bail};

use super::args::Dev;
use super::presence::{self, SignedIn};
use super::{Context, ServerPlan, StartServer, directory, output, serve, traffic};
use crate::client::{Client, Failure, Identity, RetryPolicy};
use crate::pb;

/// The org of the example.
const ORG: &str = "demo";

/// `baton dev`: until Ctrl-C.
pub async fn run(context: &Context, args: &Dev, start: StartServer) -> anyhow::Result<()> {
    if !args.listen.ip().is_loopback() {
        bail!(
            "`dev` has no credentials, so it listens on loopback only: use 127.0.0.1, or `serve`"
        );
    }
    let plan = ServerPlan {
        listen: args.listen,
        redis: None,
        default_org: Some(ORG.to_owned()),
        token_key: None,
    };
    let mut server = start(plan).await?;
    let url = server.url();
    let stage = Stage::at(&url)?;
    let session = stage.set().await.context("can't set up the example")?;
    if args.traffic > 0 {
        stage.sign_in(&traffic::REPS).await.context("can't sign the simulated reps in")?;
        tokio::spawn(traffic::run(stage.clone(), args.traffic));
    }
    context.out.event(
        || serde_json::json!({"server": url, "org": ORG, "session": session}),
        || welcome(&url, &session, args.traffic),
    );
    tokio::select! {
        ended = &mut server.done => return ended.context("the server broke down")?,
        stopped = serve::interrupted() => stopped?,
    }
    server.stop().await
}

/// The clients that play on a server.
#[derive(Clone, Debug)]
pub struct Stage {
    admin: Client,
}

impl Stage {
    fn at(url: &str) -> anyhow::Result<Self> {
        let identity =
            Identity { org: ORG.to_owned(), role: "admin".to_owned(), actor: String::new() };
        Ok(Self { admin: Client::new(url, &identity, RetryPolicy::default())? })
    }

    /// The client of whoever plays channels.
    pub fn admin(&self) -> &Client {
        &self.admin
    }

    /// The client of a rep.
    pub fn rep(&self, rep: &str) -> Result<Client, Failure> {
        self.admin.acting_as(&Identity {
            org: ORG.to_owned(),
            role: "rep".to_owned(),
            actor: rep.to_owned(),
        })
    }

    /// The example org, ana and ben signed in, and a session that ana has: its id.
    async fn set(&self) -> Result<String, Failure> {
        directory::apply_demo(&self.admin).await?;
        self.sign_in(&["ana", "ben"]).await?;
        let reference = format!("demo-{:04x}", rand::random::<u16>());
        let session = self.open(&reference, "web", "ana").await?;
        if let Some(offer) = &session.offer {
            let request = pb::AcceptWorkRequest { work: offer.work.clone(), ..Default::default() };
            self.rep("ana")?.accept_work(request).await?;
        }
        Ok(session.id)
    }

    /// Opens a session for a rep, as a channel would.
    pub async fn open(
        &self,
        reference: &str,
        channel: &str,
        rep: &str,
    ) -> Result<pb::Session, Failure> {
        let request = pb::OpenSessionRequest {
            channel: channel.to_owned(),
            external_reference: reference.to_owned(),
            target: Some(pb::open_session_request::Target::Rep(rep.to_owned())),
            ..Default::default()
        };
        Ok(self.admin.open_session(request).await?.session.unwrap_or_default())
    }

    /// Signs reps in and keeps them so, until someone takes over.
    async fn sign_in(&self, reps: &[&'static str]) -> Result<(), Failure> {
        for &rep in reps {
            let client = self.rep(rep)?;
            let signed_in: SignedIn =
                presence::sign_in(&client, rep, "available", "baton dev").await?;
            tokio::spawn(async move {
                presence::keep_alive(&client, signed_in, |news| {
                    output::note(&format!("{rep}: {news}"))
                })
                .await;
            });
        }
        Ok(())
    }
}

fn welcome(url: &str, session: &str, traffic: u32) -> String {
    let baton = Words::of_this_process().baton();
    let default = url == "http://127.0.0.1:50051";
    let baton = if default { baton } else { format!("{baton} --server {url}") };
    let traffic = match traffic {
        0 => "no simulated traffic; `--traffic 30` moves some reps and customers".to_owned(),
        rate => {
            format!("{rate} simulated sessions a minute move between {}", traffic::REPS.join(", "))
        }
    };
    format!(
        "\
Baton listens on {url} · org {ORG} · {traffic}
Everything is in memory and is lost when this ends (Ctrl-C).

The reps ana and ben are signed in here, and ana has a live session with a customer.
Paste these into other terminals, one after another:

  {baton} watch
  {baton} transfer {session} --to rep:ben --note \"prefers e-mail\"
  {baton} accept --next --as ben
  {baton} history {session}

Then be a rep yourself: cleo in one terminal, the customer and her desktop in another:

  {baton} online cleo --status available
  {baton} session open --channel web --reference c-1 --rep cleo
  {baton} accept --next --as cleo
  {baton} reps list
  {baton} explain rep:dan --channel web
"
    )
}

/// How this process was called, to tell people how to call it again.
struct Words {
    cargo: bool,
    program: String,
}

impl Words {
    fn of_this_process() -> Self {
        Self {
            cargo: std::env::var_os("CARGO").is_some(),
            program: std::env::args().next().unwrap_or_else(|| "baton".to_owned()),
        }
    }

    /// The words that call the program the same way.
    fn baton(&self) -> String {
        match (self.cargo, self.program.contains("release")) {
            (true, true) => "cargo run -q --release --".to_owned(),
            (true, false) => "cargo run -q --".to_owned(),
            (false, _) if self.program.contains(' ') => format!("'{}'", self.program),
            (false, _) => self.program.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_to_paste_begin_as_this_program_was_called() {
        let words = |cargo, program: &str| Words { cargo, program: program.to_owned() }.baton();
        assert_eq!(words(true, "target/release/baton"), "cargo run -q --release --");
        assert_eq!(words(true, "target/debug/baton"), "cargo run -q --");
        assert_eq!(words(false, "./target/release/baton"), "./target/release/baton");
        assert_eq!(words(false, "/opt/my tools/baton"), "'/opt/my tools/baton'");
    }

    #[test]
    fn the_welcome_names_the_server_only_if_it_isnt_the_default() {
        assert!(!welcome("http://127.0.0.1:50051", "s1", 0).contains("--server"));
        let other = welcome("http://127.0.0.1:6000", "s1", 30);
        assert!(
            other.contains("--server http://127.0.0.1:6000 transfer s1 --to rep:ben"),
            "{other}"
        );
        assert!(other.contains("30 simulated sessions a minute"));
    }
}
