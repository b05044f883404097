//! `baton context`.

use clap::{Args, Subcommand};

/// What the options that every command has mean here.
pub const HELP: &str = "\
`set` keeps what is given of --server, --org, --credential-file, --ca, --cert and --key; what isn't given stays as it was, \
but with another --server the credential and the files of TLS aren't kept, as they are the former one's. Without --org the \
credential's org is meant. --role and --as aren't kept: where callers are believed they are given with each command. No \
server is asked.";

/// `baton context`.
#[derive(Debug, Subcommand)]
pub enum ContextArgs {
    /// List the contexts; the current one is marked
    List,
    /// Make a context the current one
    Use {
        /// Its name
        name: String,
    },
    /// Make a context, or change one: keeps what is given of --server, --org, --credential-file, --ca, --cert and --key
    #[command(after_help = HELP)]
    Set(SetContext),
    /// Forget a context
    Delete {
        /// Its name
        name: String,
    },
}

/// `baton context set`. What it keeps is given with the options that every command has: `--server`, `--org`,
/// `--credential-file`, `--ca`, `--cert` and `--key`.
#[derive(Debug, Args)]
pub struct SetContext {
    /// Its name
    pub name: String,
    /// Read the credential from standard input, and keep it in a file of its own
    #[arg(long)]
    pub credential_stdin: bool,
    /// Also make it the current one
    #[arg(long = "use")]
    pub and_use: bool,
}
