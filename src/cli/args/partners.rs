//! The command line of `partners`, `contacts`, `handoffs` and `routing`: what a partner supplies, and what it is asked.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::cli::names::Named as _;
use crate::cli::target;
use crate::pb;

/// `baton partners`.
#[derive(Debug, Subcommand)]
pub enum Partners {
    /// List partners, and how they do
    List {
        /// Only those with this text in id or name
        #[arg(long, default_value = "", hide_default_value = true)]
        query: String,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one partner: its settings, whether it is away, what is open
    Get {
        /// Id of the partner
        id: String,
    },
}

/// `baton contacts`.
#[derive(Debug, Subcommand)]
pub enum Contacts {
    /// List the contacts of a partner, in order of id
    List(Narrowed),
    /// List those with all of these words, or a part of each, in id, name, type or description
    Search {
        /// The words
        #[arg(required = true)]
        words: Vec<String>,
        /// What the search is narrowed to.
        #[command(flatten)]
        narrowed: Narrowed,
    },
    /// Show one contact
    Get {
        /// Its id, or PARTNER/ID
        id: String,
        /// Id of the partner [default with --role partner: itself]
        #[arg(long, default_value = "", hide_default_value = true)]
        partner: String,
    },
    /// Supply contacts from a file: all of them, or with --incremental what changed
    Sync(SyncContacts),
}

/// What a list of contacts is narrowed to.
#[derive(Debug, Args)]
pub struct Narrowed {
    /// Id of the partner [default with --role partner: itself]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub partner: String,
    /// Only of this type, in the partner's own words
    #[arg(long = "type", value_name = "TYPE")]
    pub types: Vec<String>,
    /// Only these: AVAILABLE, BUSY, UNAVAILABLE or UNKNOWN
    #[arg(long, value_parser = pb::ContactAvailability::parse)]
    pub availability: Vec<pb::ContactAvailability>,
    /// Only those that serve this channel
    #[arg(long, default_value = "", hide_default_value = true)]
    pub channel: String,
    /// How many at most
    #[arg(long, default_value_t = 200)]
    pub limit: usize,
}

/// `baton contacts sync`.
#[derive(Debug, Args)]
pub struct SyncContacts {
    /// The file: a line of JSON for each contact, or YAML with a list of them; `-` reads standard input
    pub file: PathBuf,
    /// Id of the partner [default with --role partner: itself]
    #[arg(long, default_value = "", hide_default_value = true)]
    pub partner: String,
    /// The file is what changed; contacts that it doesn't have stay
    #[arg(long)]
    pub incremental: bool,
    /// With --incremental: id of a contact to delete
    #[arg(long = "delete", value_name = "ID", requires = "incremental")]
    pub deleted: Vec<String>,
    /// Also delete more contacts than the partner's guard allows
    #[arg(long, conflicts_with = "incremental")]
    pub allow_mass_deletion: bool,
    /// Number of the full sync, higher than all before [default: the time, in milliseconds]
    #[arg(long, conflicts_with = "incremental", value_parser = clap::value_parser!(i64).range(1..))]
    pub generation: Option<i64>,
    /// Contacts in a call at most
    #[arg(long, default_value_t = 10_000, value_parser = target::page_size, value_name = "N")]
    pub page_size: usize,
}

/// `baton handoffs`.
#[derive(Debug, Subcommand)]
pub enum Handoffs {
    /// List hand-offs that are open, or those in some states
    List {
        /// Only of this partner
        #[arg(long, default_value = "", hide_default_value = true)]
        partner: String,
        /// Only those in these states
        #[arg(long, value_parser = pb::HandoffState::parse)]
        state: Vec<pb::HandoffState>,
        /// Only of this session, finished ones included
        #[arg(long, default_value = "", hide_default_value = true)]
        session: String,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one hand-off
    Get {
        /// Id of the hand-off
        id: String,
    },
    /// Claim it, as a worker of the partner's
    Ack(AnswerHandoff),
    /// Say that the partner has the conversation
    Complete(AnswerHandoff),
    /// Say that it came to nothing: the original rep keeps the session
    Fail(FailHandoff),
}

/// `baton handoffs ack` and `complete`.
#[derive(Debug, Args)]
pub struct AnswerHandoff {
    /// Id of the hand-off
    pub id: String,
    /// The reference of the worker that answers: what one has claimed, no other may answer
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reference: String,
}

/// `baton handoffs fail`.
#[derive(Debug, Args)]
pub struct FailHandoff {
    /// Id of the hand-off
    pub id: String,
    /// Why: BUSY, NO_ANSWER, CLOSED, UNKNOWN_CONTACT, REFUSED, OVERLOADED or ERROR
    #[arg(long, value_parser = target::answerable_failure)]
    pub reason: pb::HandoffFailure,
    /// The same in words, shown to the original rep
    #[arg(long, default_value = "", hide_default_value = true)]
    pub text: String,
    /// Trying the same contact again makes sense
    #[arg(long)]
    pub retryable: bool,
    /// When that makes sense at the earliest, such as 30s
    #[arg(long, value_parser = target::duration, value_name = "TIME", requires = "retryable")]
    pub retry_after: Option<std::time::Duration>,
    /// The reference of the worker that answers
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reference: String,
}

/// `baton routing`.
#[derive(Debug, Subcommand)]
pub enum Routing {
    /// List routing requests that are open, or those in some states
    List {
        /// Only of this partner
        #[arg(long, default_value = "", hide_default_value = true)]
        partner: String,
        /// Only those in these states
        #[arg(long, value_parser = pb::RoutingRequestState::parse)]
        state: Vec<pb::RoutingRequestState>,
        /// Only of this session, finished ones included
        #[arg(long, default_value = "", hide_default_value = true)]
        session: String,
        /// How many at most
        #[arg(long, default_value_t = 200)]
        limit: usize,
    },
    /// Show one routing request
    Get {
        /// Id of the routing request
        id: String,
    },
    /// Claim it, or renew its lease: the session waits in the partner's line
    Ack {
        /// Id of the routing request
        id: String,
        /// How long the lease holds, 5s to 5m [default: as the partner is configured]
        #[arg(long, value_parser = target::duration, value_name = "TIME")]
        lease: Option<std::time::Duration>,
        /// The reference of the worker that answers: what one has claimed, no other may answer
        #[arg(long, default_value = "", hide_default_value = true)]
        reference: String,
    },
    /// Say where the session goes
    Route(Route),
    /// Say that the partner can't route it
    Fail(FailRouting),
}

/// `baton routing route`.
#[derive(Debug, Args)]
pub struct Route {
    /// Id of the routing request
    pub id: String,
    /// Where: rep:ID, queue:ID, flow:ID, or contact:ID of the partner's own
    #[arg(long, value_parser = target::route, value_name = "TARGET")]
    pub to: pb::route_session_request::Target,
    /// The rep gets it without room for it
    #[arg(long)]
    pub skip_capacity_check: bool,
    /// What the work weighs: units such as 2, or a percentage such as 50% [default: what the queue or the channel says]
    #[arg(long, value_parser = target::weight, value_name = "WEIGHT")]
    pub weight: Option<pb::weight::Weight>,
    /// The rep may not decline it
    #[arg(long)]
    pub no_decline: bool,
    /// The rep may not transfer it
    #[arg(long)]
    pub no_transfer: bool,
    /// The rep may not end it
    #[arg(long)]
    pub no_end: bool,
    /// The reference of the worker that answers
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reference: String,
}

/// `baton routing fail`.
#[derive(Debug, Args)]
pub struct FailRouting {
    /// Id of the routing request
    pub id: String,
    /// Why: BUSY, NO_ANSWER, CLOSED, UNKNOWN_CONTACT, REFUSED, OVERLOADED or ERROR
    #[arg(long, value_parser = target::answerable_failure, default_value = "error")]
    pub reason: pb::HandoffFailure,
    /// The same in words, kept in the session's history
    #[arg(long, default_value = "", hide_default_value = true)]
    pub text: String,
    /// The reference of the worker that answers
    #[arg(long, default_value = "", hide_default_value = true)]
    pub reference: String,
}
