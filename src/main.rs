//! Parses the command line, runs it, and says in one line what went wrong.
//!
//! It alone knows the command line, the benches and the server: it hands the first the second, and both a way to start
//! the third.

use std::process::ExitCode;
use std::sync::Arc;

use baton::config::{ServerConfig, Trust};
use baton::launch::{CallersTrusted, Counters, ForgetOrg, RunningServer, ServerPlan, StartServer};
use baton::{bench, cli, server, telemetry};

/// A server of small records allocates all the time, which costs less here than with the system's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&anyhow::Error::from(error).context("can't start")),
    };
    let start: StartServer = Arc::new(|plan| Box::pin(start(plan)));
    let forget: ForgetOrg =
        Arc::new(|redis, org| Box::pin(async move { server::forget_org(&redis, &org).await }));
    match runtime.block_on(cli::run(start, forget, bench::run)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

async fn start(plan: ServerPlan) -> anyhow::Result<RunningServer> {
    telemetry::start()?;
    let tls = plan.tls.is_some();
    let config = ServerConfig {
        listen: plan.listen.to_string(),
        admin: plan.admin.map(|address| address.to_string()),
        redis: plan.redis,
        default_org: plan.default_org,
        token_key: plan.token_key,
        advertise: plan.advertise,
        access: plan.access,
        trust: match plan.trust {
            CallersTrusted::Unsaid => Trust::Unsaid,
            CallersTrusted::OnLoopback => Trust::OnLoopback,
            CallersTrusted::Anywhere => Trust::Anywhere,
        },
        plaintext_anywhere: plan.plaintext_anywhere,
        tls: plan.tls,
        ..ServerConfig::default()
    };
    server::open_files::raise(&config.limits);
    let server::Running { address, admin, durability, done, stop, counters } =
        server::start(&config).await?;
    let counters = Counters::new(move || counters.all());
    Ok(RunningServer { address, admin, tls, durability, stop, done, counters })
}

fn failed(error: &anyhow::Error) -> ExitCode {
    use std::io::Write as _;
    // If even standard error is gone there is nobody left to tell.
    let text = baton::output::lines(&format!("{error:#}"));
    let _ = writeln!(std::io::stderr(), "baton: {text}");
    ExitCode::FAILURE
}
