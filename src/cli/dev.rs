//! `dev`: a server to try things with, an org to try them on, and the commands to type.
//!
//! What it plays (two reps who stay signed in, two sessions, traffic) goes through the public API like everyone else's
//! doing, so that a watch shows exactly what it would show in earnest.

mod partner;

use anyhow::{Context as _, bail};

use super::args::Dev;
use super::contexts::{self, Contexts, SavedContext, USUAL_SERVER};
use super::{Context, directory, traffic};
use crate::client::{Client, Failure, Identity, RetryPolicy, SignedIn, keep_signed_in, sign_in};
use crate::launch::{ServerPlan, StartServer, interrupted};
use crate::pb::open_session_request::Target;
use crate::{output, pb};

/// The org of the example.
const ORG: &str = "demo";

/// `baton dev`: until Ctrl-C.
pub async fn run(context: &Context, args: &Dev, start: StartServer) -> anyhow::Result<()> {
    if !args.listen.ip().is_loopback() {
        bail!(
            "`dev` believes its callers, so it listens on loopback only: use 127.0.0.1, or `serve`"
        );
    }
    let plan =
        ServerPlan { default_org: Some(ORG.to_owned()), ..ServerPlan::on_loopback(args.listen) };
    let mut server = start(plan).await?;
    let url = server.url();
    let stage = Stage::at(&url)?;
    let mut scene = stage.set().await.context("can't set up the example")?;
    if args.partner {
        let session = partner::play(&stage).await.context("can't set up the partner")?;
        scene.at_partner = Some(session);
    }
    if args.traffic > 0 {
        stage.sign_in(&traffic::REPS).await.context("can't sign the simulated reps in")?;
        tokio::spawn(traffic::run(stage.clone(), args.traffic));
    }
    let pasted = kept_context(&url).unwrap_or_else(|error| {
        output::note(&format!("no context is kept: {error:#}"));
        Pasted::WithServer
    });
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if let Some(note) = in_the_way(set) {
        output::note(&note);
    }
    context.out.event(
        || {
            let Scene { session, waiting, at_partner } = &scene;
            serde_json::json!({
                "server": url, "org": ORG, "session": session, "waiting": waiting, "atPartner": at_partner,
            })
        },
        || welcome(&url, &scene, args.traffic, pasted),
    );
    tokio::select! {
        ended = &mut server.done => return ended.context("the server broke down")?,
        stopped = interrupted() => stopped?,
    }
    server.stop().await
}

/// How commands name this server when they are pasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pasted {
    /// They needn't: the current context is the one that was kept for it, or there is none, and it is the usual server.
    AsTheyAre,
    /// By the context.
    InContext,
    /// By the address.
    WithServer,
}

/// Keeps a context for the usual server, so that commands find it whatever the current one is. It becomes the current one
/// only where there was none. A server elsewhere is named by its address: there may be several.
fn kept_context(url: &str) -> anyhow::Result<Pasted> {
    if url != USUAL_SERVER
        || std::env::var_os("BATON_SERVER").is_some_and(|server| !server.is_empty())
    {
        return Ok(Pasted::WithServer);
    }
    let folder = contexts::folder()?;
    let mut contexts = Contexts::read(&folder)?;
    let pasted = with_dev(&mut contexts);
    if pasted != Pasted::WithServer {
        contexts.write(&folder)?;
    }
    Ok(pasted)
}

/// Puts the context of the usual server among the others, unless somebody calls one of their own so.
fn with_dev(contexts: &mut Contexts) -> Pasted {
    let saved = SavedContext {
        server: USUAL_SERVER.to_owned(),
        org: Some(ORG.to_owned()),
        ..SavedContext::default()
    };
    if *contexts.all.entry(CONTEXT.to_owned()).or_insert_with(|| saved.clone()) != saved {
        return Pasted::WithServer;
    }
    let current = contexts.current.get_or_insert_with(|| CONTEXT.to_owned());
    if current == CONTEXT { Pasted::AsTheyAre } else { Pasted::InContext }
}

/// Which variables of the environment would send the commands elsewhere, or as somebody else.
fn in_the_way(is_set: impl Fn(&str) -> bool) -> Option<String> {
    const VARIABLES: [&str; 5] =
        ["BATON_ORG", "BATON_ROLE", "BATON_CREDENTIAL", "BATON_CREDENTIAL_FILE", "BATON_CONTEXT"];
    let set: Vec<&str> = VARIABLES.into_iter().filter(|name| is_set(name)).collect();
    let names = set.join(" ");
    (!set.is_empty()).then(|| {
        format!("the commands below would go by what is set here: first say `unset {names}` where you paste them")
    })
}

/// The context of `baton dev`.
const CONTEXT: &str = "dev";

/// What there is to try things with.
struct Scene {
    /// Id of the session that ana has.
    session: String,
    /// Id of the session that waits in a queue for somebody who speaks Spanish.
    waiting: String,
    /// Id of the session that a rep of the partner's has, if one is played.
    at_partner: Option<String>,
}

/// The clients that play on a server.
#[derive(Clone, Debug)]
pub struct Stage {
    admin: Client,
}

impl Stage {
    fn at(url: &str) -> anyhow::Result<Self> {
        let (org, role) = (ORG.to_owned(), "admin".to_owned());
        let identity = Identity { org, role, ..Identity::default() };
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
            credential: None,
        })
    }

    /// The example org, ana and ben signed in, a session that ana has, and one that waits for cleo's Spanish.
    async fn set(&self) -> Result<Scene, Failure> {
        directory::apply_demo(&self.admin).await?;
        self.sign_in(&["ana", "ben"]).await?;
        let session =
            self.open(opening("demo", "web", Some(Target::Rep("ana".to_owned())))).await?;
        if let Some(offer) = &session.offer {
            let request = pb::AcceptWorkRequest { work: offer.work.clone(), ..Default::default() };
            self.rep("ana")?.accept_work(request).await?;
        }
        let spanish = pb::SkillLevel { skill: "spanish".to_owned(), level: 50 };
        let waiting = pb::OpenSessionRequest {
            required_skills: vec![spanish],
            ..opening("hola", "whatsapp", Some(Target::Queue("billing".to_owned())))
        };
        let waiting = self.open(waiting).await?;
        Ok(Scene { session: session.id, waiting: waiting.id, at_partner: None })
    }

    /// Opens a session, as a channel would.
    pub async fn open(&self, request: pb::OpenSessionRequest) -> Result<pb::Session, Failure> {
        Ok(self.admin.open_session(request).await?.session.unwrap_or_default())
    }

    /// Signs reps in and keeps them so, until someone takes over.
    async fn sign_in(&self, reps: &[&'static str]) -> Result<(), Failure> {
        for &rep in reps {
            let client = self.rep(rep)?;
            let signed_in: SignedIn = sign_in(&client, rep, "available", "baton dev").await?;
            tokio::spawn(async move {
                keep_signed_in(&client, signed_in, |news| output::note(&format!("{rep}: {news}")))
                    .await;
            });
        }
        Ok(())
    }
}

/// A session to be opened, with a reference of its own; without a target it goes where its channel's sessions go.
pub fn opening(what: &str, channel: &str, target: Option<Target>) -> pb::OpenSessionRequest {
    pb::OpenSessionRequest {
        channel: channel.to_owned(),
        external_reference: format!("{what}-{:08x}", rand::random::<u32>()),
        target,
        ..Default::default()
    }
}

fn welcome(url: &str, scene: &Scene, traffic: u32, pasted: Pasted) -> String {
    let Scene { session, waiting, at_partner } = scene;
    let baton = Words::of_this_process().baton();
    let baton = match pasted {
        Pasted::AsTheyAre => baton,
        Pasted::InContext => format!("{baton} --context {CONTEXT}"),
        Pasted::WithServer => format!("{baton} --server {url}"),
    };
    let traffic = match traffic {
        0 => "no simulated traffic; `--traffic 30` moves some reps and customers".to_owned(),
        rate => {
            let reps = traffic::REPS.join(", ");
            format!(
                "{rate} simulated sessions a minute move between {reps}, their queues and a flow"
            )
        }
    };
    let partner = at_partner.as_ref().map(|session| partner::welcome(&baton, session));
    let partner = partner.unwrap_or_default();
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

Then queues: a customer waits in billing for somebody who speaks Spanish. Be cleo, who does, in a terminal of her own:

  {baton} queues list
  {baton} explain queue:billing --session {waiting}
  {baton} online cleo --status available
  {baton} accept --next --as cleo
  {baton} history {waiting}

Customers come through a flow, and reps transfer to queues as well:

  {baton} flows test triage --channel web --attribute topic=billing
  {baton} session open --channel web --reference c-1 --flow triage --attribute topic=billing
  {baton} quote {session} --to queue:general
  {baton} transfer {session} --to queue:general
  {baton} explain rep:dan --channel web
{partner}"
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

    fn scene() -> Scene {
        Scene { session: "s1".into(), waiting: "s2".into(), at_partner: Some("s3".into()) }
    }

    #[test]
    fn without_a_partner_nothing_is_said_of_one() {
        let alone = Scene { at_partner: None, ..scene() };
        let said = |scene: &Scene| welcome(USUAL_SERVER, scene, 0, Pasted::AsTheyAre);
        assert!(!said(&alone).contains("partner"));
        assert!(said(&scene()).contains("contact:acme/42"));
    }

    #[test]
    fn the_welcome_names_the_server_or_the_context_only_where_it_has_to() {
        let scene = scene();
        assert!(!welcome(USUAL_SERVER, &scene, 0, Pasted::AsTheyAre).contains("--server"));
        let in_context = welcome(USUAL_SERVER, &scene, 0, Pasted::InContext);
        assert!(in_context.contains("--context dev transfer s1 --to rep:ben"), "{in_context}");
        let other = welcome("http://127.0.0.1:6000", &scene, 30, Pasted::WithServer);
        assert!(
            other.contains("--server http://127.0.0.1:6000 transfer s1 --to rep:ben"),
            "{other}"
        );
        assert!(other.contains("30 simulated sessions a minute"));
    }

    #[test]
    fn a_context_of_somebody_s_own_stays_as_it_is() {
        let mut contexts = Contexts::default();
        assert_eq!(with_dev(&mut contexts), Pasted::AsTheyAre);
        assert_eq!(with_dev(&mut contexts), Pasted::AsTheyAre, "it is dev's own");
        contexts.current = Some("prod".into());
        assert_eq!(with_dev(&mut contexts), Pasted::InContext);
        let own = SavedContext { server: "https://dev.example".into(), ..SavedContext::default() };
        contexts.all.insert(CONTEXT.into(), own);
        let before = contexts.clone();
        assert_eq!(with_dev(&mut contexts), Pasted::WithServer);
        assert_eq!(contexts, before);
    }

    #[test]
    fn what_is_set_that_commands_would_go_by_is_named() {
        assert_eq!(in_the_way(|_| false), None);
        let note = in_the_way(|name| name.ends_with("CREDENTIAL") || name == "BATON_ORG");
        assert!(note.is_some_and(|note| note.contains("`unset BATON_ORG BATON_CREDENTIAL`")));
    }

    #[test]
    fn every_command_to_paste_is_one_that_the_program_knows() {
        use clap::Parser as _;
        let scene = scene();
        let text = welcome("http://127.0.0.1:6000", &scene, 0, Pasted::WithServer);
        let commands: Vec<&str> = text.lines().filter(|line| line.starts_with("  ")).collect();
        assert!(commands.len() > 18, "{text}");
        for command in commands {
            let arguments = command.split_once("--server").expect("each names the server").1;
            let mut quoted = arguments.split('"');
            // What stands in quotes is one word.
            let mut words = quoted.next().unwrap_or_default().to_owned();
            while let (Some(_), Some(after)) = (quoted.next(), quoted.next()) {
                words += &format!("note{after}");
            }
            let words = ["baton", "--server"].into_iter().chain(words.split_whitespace());
            let parsed = crate::cli::args::Cli::try_parse_from(words);
            assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        }
    }
}
