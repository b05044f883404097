//! `serve`: a server that runs until it is told to stop.

use anyhow::Context as _;

use super::args::Serve;
use crate::launch::{CallersTrusted, ServerPlan, StartServer, interrupted};
use crate::output;

/// `baton serve`: until Ctrl-C or SIGTERM; a second one doesn't wait for the drain.
pub async fn run(args: &Serve, start: StartServer) -> anyhow::Result<()> {
    let trust = match (args.insecure_trust_anybody, args.trust_callers_claims) {
        (true, _) => CallersTrusted::Anywhere,
        (false, true) => CallersTrusted::OnLoopback,
        (false, false) => CallersTrusted::Unsaid,
    };
    let plan = ServerPlan {
        admin: args.admin,
        redis: args.redis.clone(),
        token_key: args.token_key.clone(),
        advertise: args.advertise.clone(),
        access: args.access.clone(),
        trust,
        plaintext_anywhere: args.insecure_plaintext,
        tls: args.tls.files(),
        ..ServerPlan::on_loopback(args.listen)
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
