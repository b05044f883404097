//! The command line of `reps`, `sessions`, `transfers` and `work`: which of what is there.

use clap::Subcommand;

use crate::cli::names::Named as _;
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
