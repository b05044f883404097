//! `serve`, and what ends a program that runs until it is told to stop.

use anyhow::Context as _;

use super::args::Serve;
use super::{ServerPlan, StartServer, output};

/// `baton serve`: until Ctrl-C or SIGTERM; a second one doesn't wait for the drain.
pub async fn run(args: &Serve, start: StartServer) -> anyhow::Result<()> {
    let plan = ServerPlan {
        listen: args.listen,
        redis: args.redis.clone(),
        default_org: None,
        token_key: args.token_key.clone(),
    };
    let mut server = start(plan).await?;
    output::note(&format!("baton listens on {}; {}", server.url(), server.durability));
    tokio::select! {
        ended = &mut server.done => return ended.context("the server broke down")?,
        stopped = interrupted() => stopped?,
    }
    output::note("baton is draining; again to stop at once");
    tokio::select! {
        stopped = server.stop() => stopped,
        again = interrupted() => again,
    }
}

/// Waits for Ctrl-C, or for SIGTERM where there is such a thing.
pub async fn interrupted() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt.context("can't listen for Ctrl-C"),
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.context("can't listen for Ctrl-C")
}
