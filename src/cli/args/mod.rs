//! The command line as a value: what can be asked, and nothing of how it is done.

mod audit;
mod bench;
mod context;
mod keys;
mod lists;
mod org;
mod partners;
mod serve;
mod session;
mod tls;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::Resettable;
use clap::{ArgGroup, Args, Parser, Subcommand};
use clap_complete::Shell;

use super::names::Named as _;
use super::target;
use crate::output::Format;
use crate::pb;
pub use audit::Audit;
pub use bench::{
    Bench, BenchCall, BenchDay, BenchPresence, BenchRouting, BenchWhat, DayProfile, HandlingLaw,
    Measured,
};
pub use context::{ContextArgs, SetContext};
pub use keys::{CreateKey, Keys, KeysWhat};
pub use lists::{Flows, Queues, Reps, Sessions, Skills, TestFlow, Transfers, WorkQuery};
pub use org::Org;
pub use partners::{
    AnswerHandoff, Contacts, FailHandoff, FailRouting, Handoffs, Narrowed, Partners, Route,
    Routing, SyncContacts,
};
pub use serve::{Dev, Serve, misplaced};
pub use session::{Open, Return, Session};
pub use tls::CallTls;

/// Hands live messaging sessions from one service rep to the next.
#[derive(Debug, Parser)]
#[command(
    name = "baton",
    version,
    max_term_width = 100,
    subcommand_required = true,
    arg_required_else_help = true
)]
pub struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub global: Global,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The command line with only those variables of the environment that have something in them: an empty one is one that
/// isn't set.
pub fn without_empty(command: clap::Command, is_empty: &dyn Fn(&OsStr) -> bool) -> clap::Command {
    let names: Vec<String> =
        command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let command = command.mut_args(|arg| match arg.get_env() {
        Some(name) if is_empty(name) => arg.env(Resettable::Reset),
        _ => arg,
    });
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |inner| without_empty(inner, is_empty))
    })
}

/// What every command understands.
#[derive(Clone, Debug, Args)]
pub struct Global {
    /// The server to ask; `bench` takes several [default: the context's, else http://127.0.0.1:50051]
    #[arg(long, global = true, env = "BATON_SERVER", value_name = "URL", value_delimiter = ',')]
    pub server: Vec<String>,
    /// The org [default: the context's, else the credential's, else demo]
    #[arg(long, global = true, env = "BATON_ORG", hide_env = false)]
    pub org: Option<String>,
    /// The context to work in (`baton context`) [default: the current one]
    #[arg(
        long = "context",
        global = true,
        env = "BATON_CONTEXT",
        value_name = "NAME",
        id = "in_context"
    )]
    pub context: Option<String>,
    /// The file with the credential in its first line, an API key or a token; BATON_CREDENTIAL holds one itself [default:
    /// the context's]
    #[arg(long, global = true, env = "BATON_CREDENTIAL_FILE", value_name = "PATH")]
    pub credential_file: Option<PathBuf>,
    /// Without a credential: the role to act in, as which admin, supervisor, rep, adapter, partner or dashboard
    /// [default: rep with --as, else admin]
    #[arg(long, global = true, env = "BATON_ROLE")]
    pub role: Option<String>,
    /// Who acts: the id of a rep, for example
    #[arg(long = "as", global = true, value_name = "ID")]
    pub actor: Option<String>,
    /// How results are printed
    #[arg(short, long, global = true, value_enum, default_value_t = Format::Table)]
    pub output: Format,
    /// How long a call may take, retries included
    #[arg(long, global = true, default_value = "5s", value_parser = target::duration, value_name = "TIME")]
    pub timeout: Duration,
    /// What to speak TLS with.
    #[command(flatten)]
    pub tls: CallTls,
}

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Start a server to try things with: in memory, with an example org, reps and a live session
    Dev(Dev),
    /// Start a server
    Serve(Serve),
    /// The servers of a Baton: who is there, who is home of the org, and why
    Servers,
    /// Bring the org's directory to what a file says
    Apply(Apply),
    /// Reps and their live state
    Reps {
        /// Which of them.
        #[command(subcommand)]
        what: Reps,
    },
    /// Queues: who waits, who is there, the estimated wait, and how they are configured
    Queues {
        /// Which of them.
        #[command(subcommand)]
        what: Queues,
    },
    /// Skills
    Skills {
        /// Which of them.
        #[command(subcommand)]
        what: Skills,
    },
    /// Flows, and what they would decide
    Flows {
        /// Which of them.
        #[command(subcommand)]
        what: Flows,
    },
    /// Messaging sessions
    Sessions {
        /// Which of them.
        #[command(subcommand)]
        what: Sessions,
    },
    /// Transfers
    Transfers {
        /// Which of them.
        #[command(subcommand)]
        what: Transfers,
    },
    /// Work: sessions as they occupy reps
    Work {
        /// Which of it.
        #[command(subcommand)]
        what: WorkQuery,
    },
    /// Partners (contact-centre vendors), and how they do
    Partners {
        /// Which of them.
        #[command(subcommand)]
        what: Partners,
    },
    /// External contacts of partners: list, search, or supply them
    Contacts {
        /// What to do with them.
        #[command(subcommand)]
        what: Contacts,
    },
    /// Hand-offs that partners are asked for, and their answers
    Handoffs {
        /// What to do with them.
        #[command(subcommand)]
        what: Handoffs,
    },
    /// Routing requests that partners are asked, and their answers
    Routing {
        /// What to do with them.
        #[command(subcommand)]
        what: Routing,
    },
    /// Open, pause, resume, inactivate, return or end a session
    Session {
        /// What to do with it.
        #[command(subcommand)]
        what: Session,
    },
    /// Sign a rep in and keep them signed in until Ctrl-C
    Online(Online),
    /// Change a rep's presence status
    Status(Status),
    /// Sign a rep out
    Offline(Offline),
    /// Accept a transfer or an offer, by id or the next one
    Accept(Accept),
    /// Decline offered work (never a transfer)
    Decline {
        /// Id of the work
        work: String,
    },
    /// Close the tab of some work
    Close {
        /// Id of the work
        work: String,
        /// Also mark the session complete, and end it
        #[arg(long)]
        end: bool,
    },
    /// Lengthen the after-conversation work of an ended session
    Extend {
        /// Id of the work
        work: String,
    },
    /// End after-conversation work
    Finish {
        /// Id of the work
        work: String,
    },
    /// Transfer a session
    Transfer(Transfer),
    /// Say what a transfer would do, without doing it
    Quote {
        /// Id of the session
        session: String,
        /// The recipient: rep:ID, queue:ID, flow:ID or contact:PARTNER/ID
        #[arg(long, value_parser = target::recipient, value_name = "RECIPIENT")]
        to: pb::Recipient,
    },
    /// List whom a session can be transferred to: reps, queues (--type queue), flows or external contacts (--type contact)
    Recipients(Recipients),
    /// Say why a rep, queue or flow can or can't be chosen, or what fills a rep (`explain capacity ID`)
    Explain(Explain),
    /// Print what changes, as it changes
    Watch(WatchArgs),
    /// Who changed what, when and through which call: print it, follow it, or export it
    Audit(Box<Audit>),
    /// Tell the story of a session, and why each rep was asked
    History {
        /// Id of the session
        session: String,
    },
    /// What only whoever runs Baton does with an org
    Org {
        /// What to do with it.
        #[command(subcommand)]
        what: Org,
    },
    /// Measure servers under load: transfers, or with a subcommand routing or a whole day
    Bench(Bench),
    /// Keep, choose and show the contexts to work in: each a server, an org and a credential
    #[command(after_help = context::HELP)]
    Context {
        /// What to do; without it they are listed.
        #[command(subcommand)]
        what: Option<ContextArgs>,
    },
    /// Make, list and revoke API keys in the key file of a server
    #[command(after_help = keys::HELP)]
    Keys(Keys),
    /// Say whom the server takes the caller for
    Whoami,
    /// Print a completion script for a shell
    Completion {
        /// The shell
        shell: Shell,
    },
}

/// `baton apply`.
#[derive(Debug, Args)]
pub struct Apply {
    /// The file, in YAML; `-` reads standard input
    #[arg(short, long, value_name = "PATH")]
    pub file: PathBuf,
    /// Also delete what the file doesn't have
    #[arg(long)]
    pub prune: bool,
    /// Give settings that the file leaves out their defaults; otherwise they stay
    #[arg(long)]
    pub replace: bool,
    /// Queue that takes over sessions which nobody could ever take after the change, and those that wait in queues that
    /// are deleted; otherwise there may be none
    #[arg(long, value_name = "QUEUE")]
    pub move_to: Option<String>,
    /// Only say what would change
    #[arg(long)]
    pub dry_run: bool,
}

/// `baton online`.
#[derive(Debug, Args)]
pub struct Online {
    /// Id of the rep
    pub rep: String,
    /// Id of the presence status
    #[arg(long, default_value = "available")]
    pub status: String,
    /// Where the rep signs in
    #[arg(long, default_value = "baton online")]
    pub device: String,
}

/// `baton status`.
#[derive(Debug, Args)]
pub struct Status {
    /// Id of the rep
    pub rep: String,
    /// Id of the presence status
    pub status: String,
    /// Not before the current work is done
    #[arg(long)]
    pub when_done: bool,
}

/// `baton offline`.
#[derive(Debug, Args)]
pub struct Offline {
    /// Id of the rep
    pub rep: String,
    /// Not before the current work is done
    #[arg(long)]
    pub when_done: bool,
}

/// `baton accept`.
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true)))]
pub struct Accept {
    /// Id of a transfer or of work
    #[arg(group = "which")]
    pub id: Option<String>,
    /// The next thing offered to the rep given by --as
    #[arg(long, group = "which")]
    pub next: bool,
    /// With --next: how long to wait for an offer
    #[arg(long, value_parser = target::duration, value_name = "TIME", requires = "next")]
    pub wait: Option<Duration>,
}

/// `baton transfer`.
#[derive(Debug, Args)]
pub struct Transfer {
    /// Id of the session
    pub session: String,
    /// The recipient: rep:ID, queue:ID, flow:ID or contact:PARTNER/ID
    #[arg(long, value_parser = target::recipient, value_name = "RECIPIENT")]
    pub to: pb::Recipient,
    /// What the next rep should know
    #[arg(long, default_value = "")]
    pub note: String,
}

/// `baton recipients`.
#[derive(Debug, Args)]
pub struct Recipients {
    /// Id of the session to be transferred
    #[arg(conflicts_with = "channel")]
    pub session: Option<String>,
    /// The same
    #[arg(long = "session", value_name = "SESSION", hide = true, conflicts_with_all = ["channel", "session"])]
    pub named: Option<String>,
    /// Id of a channel, for any session of it
    #[arg(long)]
    pub channel: Option<String>,
    /// REP, QUEUE, FLOW or CONTACT
    #[arg(long = "type", value_parser = target::recipient_type, default_value = "rep")]
    pub kind: pb::RecipientType,
    /// Only those with this text in id or name; of contacts those with each of its words, or a part of one
    #[arg(long, default_value = "")]
    pub query: String,
    /// Of contacts: only of this type, in the partner's own words
    #[arg(long, value_name = "TYPE")]
    pub contact_type: Vec<String>,
    /// Of contacts: only these: AVAILABLE, BUSY, UNAVAILABLE or UNKNOWN
    #[arg(long, value_parser = pb::ContactAvailability::parse)]
    pub availability: Vec<pb::ContactAvailability>,
    /// How many at most
    #[arg(long, default_value_t = 200)]
    pub limit: usize,
}

/// `baton explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// A recipient such as rep:ana or queue:billing, or the word `capacity`
    pub what: String,
    /// After `capacity`: id of the rep
    pub rep: Option<String>,
    /// Id of the session that the recipient would get
    #[arg(long, conflicts_with = "channel")]
    pub session: Option<String>,
    /// Id of a channel, for any session of it
    #[arg(long)]
    pub channel: Option<String>,
}

/// `baton watch`.
#[derive(Debug, Args)]
pub struct WatchArgs {
    /// What: REP, QUEUE, SESSION, TRANSFER, WORK, HANDOFF, ROUTING_REQUEST, PARTNER [default: all; with --as REP
    /// the first five]
    #[arg(value_parser = pb::WatchKind::parse)]
    pub kinds: Vec<pb::WatchKind>,
    /// The same as an option
    #[arg(long = "kind", value_parser = pb::WatchKind::parse, value_name = "KIND", value_delimiter = ',')]
    pub more_kinds: Vec<pb::WatchKind>,
    /// Only what concerns these reps
    #[arg(long = "rep")]
    pub reps: Vec<String>,
    /// Only what concerns these queues
    #[arg(long = "queue")]
    pub queues: Vec<String>,
    /// Only what concerns these sessions
    #[arg(long = "session")]
    pub sessions: Vec<String>,
    /// Only what concerns these channels
    #[arg(long = "channel")]
    pub channels: Vec<String>,
    /// Only these transfers
    #[arg(long = "transfer")]
    pub transfers: Vec<String>,
    /// Only what this partner is asked, and what happens in its channels
    #[arg(long, default_value = "", hide_default_value = true)]
    pub partner: String,
    /// Leave out what is there already
    #[arg(long)]
    pub live: bool,
    /// Go on after this token of an earlier watch
    #[arg(long, default_value = "", hide_default_value = true, conflicts_with = "live")]
    pub resume: String,
}

#[cfg(test)]
mod tests;
