//! The diagnostic log: to standard error, at the level that `BATON_LOG` names (such as `debug` or
//! `baton=debug,warn`). Set up once, by whoever runs the process.

use tracing_subscriber::EnvFilter;

/// The variable that sets what is logged.
pub const VARIABLE: &str = "BATON_LOG";

/// Starts logging. A second call changes nothing.
///
/// # Errors
/// If `BATON_LOG` can't be understood.
pub fn start() -> anyhow::Result<()> {
    let wanted = std::env::var(VARIABLE).unwrap_or_else(|_| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted)
        .map_err(|why| anyhow::anyhow!("{VARIABLE}={wanted:?} can't be understood: {why}"))?;
    // Whoever set a subscriber before keeps it: a test, or a program that embeds the server.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
    Ok(())
}
