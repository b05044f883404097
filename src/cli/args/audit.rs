//! The command line of `audit`: which records, from where, and where an export goes on.

use std::path::PathBuf;

use clap::Args;

use crate::cli::names::Named as _;
use crate::cli::target;
use crate::pb;

/// `baton audit`.
#[derive(Debug, Args)]
pub struct Audit {
    /// Go on with what is changed from then on, until Ctrl-C
    #[arg(short, long)]
    pub follow: bool,
    /// Begin with what was changed so long ago (30m, 7d) or at this time (2026-03-02T09:30:00Z) [default: the oldest kept]
    #[arg(long, value_parser = target::since, value_name = "TIME")]
    pub since: Option<prost_types::Timestamp>,
    /// Only what this rep, partner or other holder of a credential did
    #[arg(long = "actor", default_value = "", hide_default_value = true, value_name = "ID")]
    pub who: String,
    /// Only what was done in this role; `server` is Baton's own doing
    #[arg(long, value_parser = pb::Role::parse, value_name = "ROLE")]
    pub actor_role: Option<pb::Role>,
    /// Only what was done with this credential, such as key:web-adapter
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub credential: String,
    /// Only what was done through this call, such as WorkService/AcceptWork
    #[arg(long, default_value = "", hide_default_value = true, value_name = "CALL")]
    pub rpc: String,
    /// Only what somebody else did for this rep
    #[arg(long = "for", default_value = "", hide_default_value = true, value_name = "REP")]
    pub on_behalf_of: String,
    /// Only what changed something of this kind, or this one: SESSION, SESSION:ID, QUEUE:billing
    #[arg(long = "of", value_parser = target::audited, value_name = "KIND[:ID]")]
    pub what: Option<(pb::AuditKind, String)>,
    /// Go on after this token, that of the last line one has
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TOKEN")]
    #[arg(conflicts_with_all = ["since", "resume_file"])]
    pub resume_after: String,
    /// Print lines of JSON, keep in this file how far they go, and go on there the next time
    #[arg(long, value_name = "PATH")]
    pub resume_file: Option<PathBuf>,
}
