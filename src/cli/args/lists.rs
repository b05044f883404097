//! The command line of `reps`, `queues`, `skills`, `flows`, `sessions`, `transfers` and `work`: which
//! of what is there.

use clap::{Args, Subcommand};

use crate::cli::names::Named as _;
use crate::cli::target;
use crate::pb;

/// `baton reps`.
#[derive(Debug, Subcommand)]
pub enum Reps {
    /// List reps
    List {
        /// Only those with this text in id or name
        #[arg(long, default_value = "")]
        query: String,
        /// Only those whose status means ONLINE, BUSY or OFFLINE
        #[arg(long, value_parser = pb::PresenceStatusType::parse)]
        status: Vec<pb::PresenceStatusType>,
        /// Only members of this queue
        #[arg(long, default_value = "")]
        queue: String,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one rep
    Get {
        /// Id of the rep
        id: String,
    },
}

/// `baton queues`.
#[derive(Debug, Subcommand)]
pub enum Queues {
    /// List queues and their live state
    List {
        /// What the list is narrowed to.
        #[command(flatten)]
        query: Query,
        /// Show how they are configured instead
        #[arg(long)]
        configured: bool,
    },
    /// Show one queue: who waits and who is there, and how it is configured
    Get {
        /// Id of the queue
        id: String,
    },
}

/// `baton skills`.
#[derive(Debug, Subcommand)]
pub enum Skills {
    /// List skills
    List(Query),
}

/// `baton flows`.
#[derive(Debug, Subcommand)]
pub enum Flows {
    /// List flows
    List(Query),
    /// Show one flow
    Get {
        /// Id of the flow
        id: String,
    },
    /// Run a flow over made-up facts and say which rule matched and why; changes nothing
    Test(TestFlow),
}

/// What a list is narrowed to.
#[derive(Debug, Args)]
pub struct Query {
    /// Only those with this text in id or name
    #[arg(long, default_value = "")]
    pub query: String,
    /// How many at most
    #[arg(long, default_value_t = 200)]
    pub limit: usize,
}

/// `baton flows test`.
#[derive(Debug, Args)]
pub struct TestFlow {
    /// Id of a saved flow, or a YAML file: a flow, or an org file that has one
    #[arg(value_name = "FILE|ID")]
    pub flow: String,
    /// Of an org file with several flows: which
    #[arg(long = "flow", value_name = "ID")]
    pub which: Option<String>,
    /// Id of the channel that the session comes from
    #[arg(long)]
    pub channel: String,
    /// An attribute of the session
    #[arg(long = "attribute", visible_alias = "attr", value_parser = target::attribute, value_name = "KEY=VALUE")]
    pub attributes: Vec<(String, String)>,
    /// Priority of the session
    #[arg(long, default_value_t = 0)]
    pub priority: u32,
    /// The time, such as 2026-03-02T09:30:00Z [default: now]
    #[arg(long, value_parser = target::time, value_name = "TIME")]
    pub at: Option<prost_types::Timestamp>,
}

/// `baton sessions`.
#[derive(Debug, Subcommand)]
pub enum Sessions {
    /// List sessions that haven't ended, or those in some states
    List {
        /// Only those in these states
        #[arg(long, value_parser = pb::SessionState::parse)]
        state: Vec<pb::SessionState>,
        /// Only those of these channels
        #[arg(long)]
        channel: Vec<String>,
        /// Only those of this rep
        #[arg(long, default_value = "")]
        rep: String,
        /// Only those that wait in this queue
        #[arg(long, default_value = "")]
        queue: String,
        /// Only stranded ones
        #[arg(long)]
        stranded: bool,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one session
    Get {
        /// Id of the session
        id: String,
    },
}

/// `baton transfers`.
#[derive(Debug, Subcommand)]
pub enum Transfers {
    /// List transfers under way, or those in some states
    List {
        /// Only those in these states
        #[arg(long, value_parser = pb::TransferState::parse)]
        state: Vec<pb::TransferState>,
        /// Only those of this session, finished ones included
        #[arg(long, default_value = "")]
        session: String,
        /// Only those from, to or waiting for this rep
        #[arg(long, default_value = "")]
        rep: String,
        /// Only those in this queue
        #[arg(long, default_value = "")]
        queue: String,
        /// Only stranded ones
        #[arg(long)]
        stranded: bool,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one transfer
    Get {
        /// Id of the transfer
        id: String,
    },
}

/// `baton work`.
#[derive(Debug, Subcommand)]
pub enum WorkQuery {
    /// List work that hasn't ended, or that in some states
    List {
        /// Only that in these states
        #[arg(long, value_parser = pb::WorkState::parse)]
        state: Vec<pb::WorkState>,
        /// Only that of this rep
        #[arg(long, default_value = "")]
        rep: String,
        /// Only that of this session
        #[arg(long, default_value = "")]
        session: String,
        /// How much at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one piece of work
    Get {
        /// Id of the work
        id: String,
    },
}
