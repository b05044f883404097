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
        redis: args.redis.as_deref().map(str::to_owned),
        token_key: token_key(args)?,
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

/// The key of resume tokens, if one is given.
fn token_key(args: &Serve) -> anyhow::Result<Option<String>> {
    let Some(path) = &args.token_key_file else {
        return Ok(args.token_key.as_deref().map(str::to_owned));
    };
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("can't read the token key in {}", path.display()))?;
    // What is wrong with a key is said where it is used.
    Ok(Some(text.lines().next().unwrap_or_default().trim().to_owned()))
}
