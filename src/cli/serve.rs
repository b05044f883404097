//! `serve`: a server that runs until it is told to stop.

use anyhow::Context as _;

use super::args::Serve;
use crate::launch::{ServerPlan, StartServer, interrupted};
use crate::output;

/// `baton serve`: until Ctrl-C or SIGTERM; a second one doesn't wait for the drain.
pub async fn run(args: &Serve, start: StartServer) -> anyhow::Result<()> {
    let plan = ServerPlan {
        listen: args.listen,
        admin: args.admin,
        redis: args.redis.clone(),
        default_org: None,
        token_key: args.token_key.clone(),
        advertise: args.advertise.clone(),
        tls: args.tls.files(),
    };
    let mut server = start(plan).await?;
    if let Some(admin) = server.admin {
        output::note(&format!("baton tells at http://{admin}/readyz whether it is ready"));
    }
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
