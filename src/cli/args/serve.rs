//! The command line of `dev` and `serve`, and which of the options that every command has mean something else there.

use std::fmt;
use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Args};

use super::tls::ServeTls;

/// `baton dev`.
#[derive(Debug, Args)]
pub struct Dev {
    /// Where to listen; loopback only
    #[arg(long, default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Simulated sessions per minute, so that there is something to watch
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u32).range(0..=6000))]
    pub traffic: u32,
    /// Also play a partner: a small vendor with a channel, reps and contacts of its own (examples/partner.yaml)
    #[arg(long)]
    pub partner: bool,
}

/// `baton serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen
    #[arg(long, env = "BATON_LISTEN", default_value = "127.0.0.1:50051", value_name = "ADDRESS")]
    pub listen: SocketAddr,
    /// Where to tell, by plain HTTP, whether it lives (/livez) and is ready for calls (/readyz), such as 127.0.0.1:9464
    /// [default: nowhere]
    #[arg(long, env = "BATON_ADMIN", value_name = "ADDRESS")]
    pub admin: Option<SocketAddr>,
    /// The Redis that makes several servers one, such as redis://127.0.0.1:6379 [default: in memory]
    #[arg(long, env = "BATON_REDIS", hide_env_values = true, value_name = "URL")]
    pub redis: Option<Hidden>,
    /// Where the other servers of this Redis reach this one, such as 10.0.0.7:50051 [default: where it listens]
    #[arg(long, env = "BATON_ADVERTISE", value_name = "HOST:PORT")]
    pub advertise: Option<String>,
    /// Key of the resume tokens, and of what servers pass on to each other, the same on all servers of one Redis: 64
    /// hexadecimal digits
    #[arg(long, env = "BATON_TOKEN_KEY", hide_env_values = true, value_name = "HEX")]
    pub token_key: Option<Hidden>,
    /// The file with that key in its first line: what is given on the command line can be seen by others on this machine
    #[arg(long, env = "BATON_TOKEN_KEY_FILE", value_name = "PATH", conflicts_with = "token_key")]
    pub token_key_file: Option<PathBuf>,
    /// The access file: who may call (API keys, tokens, certificates), and how much (docs/access.md)
    #[arg(long, env = "BATON_ACCESS", value_name = "PATH")]
    pub access: Option<PathBuf>,
    /// Believe callers who show no credential and say in the request's metadata who they are; on loopback only, for tests
    /// and tries [default: on loopback, without --access]
    #[arg(long)]
    pub trust_callers_claims: bool,
    /// The same wherever they call from: whoever reaches the port is whoever they want to be
    #[arg(long)]
    pub insecure_trust_anybody: bool,
    /// Serve without TLS on an address that others than this machine reach: for a network that is safe, or a proxy that
    /// ends TLS
    #[arg(long)]
    pub insecure_plaintext: bool,
    /// What to speak TLS with.
    #[command(flatten)]
    pub tls: ServeTls,
}

/// A text that is a secret, or has one in it: it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(String);

impl From<String> for Hidden {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl Deref for Hidden {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Options of whoever calls a server, with what `serve` has instead.
const CALLERS: [(&str, &str, &str); 5] = [
    ("cert", "--cert", "a client shows it: did you mean --tls-cert and --tls-key?"),
    ("key", "--key", "a client shows it: did you mean --tls-cert and --tls-key?"),
    ("ca", "--ca", "a client goes by it: did you mean --tls-client-ca or --tls-peer-ca?"),
    ("credential_file", "--credential-file", "whoever calls a server shows one, not the server"),
    ("in_context", "--context", "contexts are for those who call a server"),
];

/// What is wrong with the command line of a server: options that mean nothing there would be passed over, and a server
/// that was to speak TLS wouldn't. What is in the environment may be there for other commands.
///
/// # Errors
/// The first of them.
pub fn misplaced(matches: &ArgMatches) -> Result<(), String> {
    let Some((command @ ("serve" | "dev"), _)) = matches.subcommand() else { return Ok(()) };
    let given = |id: &str| matches.value_source(id) == Some(ValueSource::CommandLine);
    match CALLERS.into_iter().find(|(id, ..)| given(id)) {
        Some((_, option, why)) => {
            Err(format!("{option} means nothing to `baton {command}`: {why}"))
        }
        None => Ok(()),
    }
}
