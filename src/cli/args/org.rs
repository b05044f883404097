//! `baton org`.

use clap::Subcommand;

/// `baton org`.
#[derive(Debug, Subcommand)]
pub enum Org {
    /// Give an org up that can't be read any more: drop all that is stored of it, so that it begins anew. It can't be
    /// undone
    Forget {
        /// The org
        org: String,
        /// The Redis in which it is
        #[arg(long, env = "BATON_REDIS", hide_env_values = true, value_name = "URL")]
        redis: String,
        /// Really do it
        #[arg(long)]
        yes: bool,
    },
}
