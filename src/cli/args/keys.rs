//! `baton keys`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use crate::cli::target;

/// What the options that every command has mean here.
pub const HELP: &str = "\
Here --org, --role and --as don't say who calls: `create` takes from them what the new key is good for, so that --org (or \
--also-org) and --role have to be given. --org may be '*', any org. A rep's, adapter's or partner's key says with --as \
which one it is; any other key is its own name. No server is asked: --server, --context and --credential-file mean \
nothing here.";

/// `baton keys`.
#[derive(Debug, Args)]
pub struct Keys {
    /// The key file, as the access file names it
    #[arg(long, env = "BATON_KEYS", default_value = "keys.toml", value_name = "PATH")]
    pub file: PathBuf,
    /// What to do.
    #[command(subcommand)]
    pub what: KeysWhat,
}

/// What `baton keys` does.
#[derive(Debug, Subcommand)]
pub enum KeysWhat {
    /// Make a key and print it, once: --org, --role and --as say what it is good for
    #[command(after_help = HELP)]
    Create(CreateKey),
    /// List the keys, also those that were revoked; never their text
    List,
    /// Revoke a key, by its id, or by its name if one alone has it
    Revoke {
        /// Id or name
        #[arg(id = "which", value_name = "KEY")]
        key: String,
    },
}

/// `baton keys create`.
#[derive(Debug, Args)]
pub struct CreateKey {
    /// What it is called in logs and in the audit
    pub name: String,
    /// One more org in which it is good
    #[arg(long = "also-org", value_name = "ORG")]
    pub orgs: Vec<String>,
    /// A scope: directory, presence, sessions, work, transfers, queues, contacts, handoffs, routing, audit, content
    /// (notes and attributes), read-only; several by repeating it [default: all but content and read-only]
    #[arg(long = "scope", value_name = "SCOPE", value_delimiter = ',')]
    pub scopes: Vec<String>,
    /// Narrow it to this queue; several by repeating it
    #[arg(long = "queue", value_name = "QUEUE")]
    pub queues: Vec<String>,
    /// Narrow it to this channel; several by repeating it
    #[arg(long = "channel", value_name = "CHANNEL")]
    pub channels: Vec<String>,
    /// How long it is good, such as 90d [default: until it is revoked]
    #[arg(long, value_parser = target::duration, value_name = "TIME")]
    pub expires: Option<Duration>,
}
