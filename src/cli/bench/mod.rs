//! `bench`: how fast servers live sessions, and how that compares with a bare echo.
//!
//! Closed-loop clients run whole lives of sessions in an org of their own. With `--baseline` Baton and the echo take
//! turns second by second, then both again at half of their own peak, paced. The echo runs the way the servers do: in
//! this process if they do, in one of its own if they do.

mod echo;
mod load;
mod report;
mod setup;
mod sight;
mod tally;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use super::args::Bench;
use super::{Context, RunningServer, ServerPlan, StartServer, output};
use crate::client::{Client, Identity, RetryPolicy};
use echo::{EchoClient, EchoProcess};
use load::{Pace, Servers, Subject, slice};
use report::{Report, Side};
use sight::Sight;
use tally::{STEPS, Tally};

/// How long a turn is.
const TURN: Duration = Duration::from_secs(1);

/// `baton bench`.
pub async fn run(context: &Context, args: Bench, start: StartServer) -> anyhow::Result<()> {
    if args.serve_echo {
        return echo::serve_for_another().await;
    }
    let started = if args.embedded { start_servers(&args, &start).await? } else { Vec::new() };
    let urls: Vec<String> = if args.embedded {
        started.iter().map(RunningServer::url).collect()
    } else {
        context.global.server.clone()
    };
    let report = measure(&args, &urls, started.first()).await?;
    context.out.one(|| report.json(), || report.text());
    for server in started {
        server.stop().await?;
    }
    Ok(())
}

async fn start_servers(args: &Bench, start: &StartServer) -> anyhow::Result<Vec<RunningServer>> {
    if args.servers > 1 && args.redis.is_none() {
        bail!("several servers need something to share: give --redis");
    }
    let key = format!("{:032x}{:032x}", rand::random::<u128>(), rand::random::<u128>());
    let mut servers = Vec::new();
    for _ in 0..args.servers {
        let plan = ServerPlan {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            redis: args.redis.clone(),
            default_org: None,
            token_key: Some(key.clone()),
        };
        servers.push(start(plan).await?);
    }
    Ok(servers)
}

async fn measure(
    args: &Bench,
    urls: &[String],
    started: Option<&RunningServer>,
) -> anyhow::Result<Report> {
    let (servers, clients) = under_test(args, urls).await?;
    let baton = Arc::new(Subject::Baton(servers));
    let workers = usize::from(args.concurrency);
    let fresh = || vec![Tally::new(); workers];

    // One life to learn the sizes of messages, a second of all workers to warm up.
    let mut sized = Tally { sizes: Some([0; 3]), ..Tally::new() };
    baton.life(0, Instant::now() + Duration::from_secs(60), &mut sized).await;
    let [requests, responses, calls] = sized.sizes.unwrap_or_default();
    if calls < STEPS.len() as u64 {
        bail!("the first session already failed: {:?}", sized.errors);
    }
    let mean = |bytes: u64| usize::try_from(bytes / calls).unwrap_or(0);
    let sizes = (mean(requests), mean(responses));
    slice(&baton, fresh(), TURN, Pace::Closed).await;

    let (_process, echo) = if args.baseline {
        start_echo(args, started.is_some(), sizes).await?
    } else {
        (None, None)
    };
    if let Some(echo) = &echo {
        slice(echo, fresh(), TURN, Pace::Closed).await;
    }
    if let Subject::Baton(servers) = baton.as_ref() {
        servers.sight.reset();
    }
    let turns = args.seconds;
    let (peak, echo_peak) =
        take_turns(&baton, echo.as_ref(), workers, turns, (Pace::Closed, Pace::Closed)).await;
    let mut baton_side = Side { peak, peak_seconds: turns as f64, half: None };
    let mut echo_side = echo_peak.map(|peak| Side { peak, peak_seconds: turns as f64, half: None });
    let seen = match baton.as_ref() {
        Subject::Baton(servers) => servers.sight.seen(),
        Subject::Echo(_) => bail!("the echo isn't under test"),
    };
    if let Some(echo_side) = &mut echo_side {
        let half = |side: &Side| Pace::Open(side.calls_per_second() / 2.0 / STEPS.len() as f64);
        let paces = (half(&baton_side), half(echo_side));
        let (half, echo_half) =
            take_turns(&baton, echo.as_ref(), workers, turns.div_ceil(2), paces).await;
        baton_side.half = Some(half);
        echo_side.half = echo_half;
    }
    Ok(Report {
        what: what(args, urls, started),
        baton: baton_side,
        echo: echo_side,
        seen,
        retries: clients.iter().map(Client::retries).sum(),
        sizes,
    })
}

/// The servers with an org ready, and a client of each connection.
async fn under_test(args: &Bench, urls: &[String]) -> anyhow::Result<(Servers, Vec<Client>)> {
    let org = format!("bench-{:016x}", rand::random::<u64>());
    let identity = Identity { org, role: "admin".to_owned(), actor: "bench".to_owned() };
    let mut clients: Vec<Vec<Client>> = Vec::new();
    for url in urls {
        let connections =
            (0..args.connections).map(|_| Client::new(url, &identity, RetryPolicy::default()));
        clients.push(connections.collect::<Result<_, _>>()?);
    }
    // Signing in and looking on have connections of their own, so that they don't stand in the way.
    let apart: Vec<Client> = urls
        .iter()
        .map(|url| Client::new(url, &identity, RetryPolicy::default()))
        .collect::<Result<_, _>>()?;
    let reps = args.reps.unwrap_or_else(|| args.concurrency.saturating_mul(2).min(10_000));
    let reps =
        setup::prepare(apart.first().context("no server to measure: give --server")?, reps).await?;
    let sight = Sight::start(&apart, &reps).await?;
    let all = clients.iter().flatten().cloned().collect();
    Ok((Servers { clients, reps, sight }, all))
}

async fn start_echo(
    args: &Bench,
    embedded: bool,
    (request, response): (usize, usize),
) -> anyhow::Result<(Option<EchoProcess>, Option<Arc<Subject>>)> {
    let (process, address) = if embedded {
        (None, echo::serve().await?)
    } else {
        let (process, address) = EchoProcess::start()?;
        (Some(process), address)
    };
    let clients: anyhow::Result<Vec<EchoClient>> =
        (0..args.connections).map(|_| EchoClient::new(address, request, response)).collect();
    Ok((process, Some(Arc::new(Subject::Echo(clients?)))))
}

/// Baton and the echo, second by second.
async fn take_turns(
    baton: &Arc<Subject>,
    echo: Option<&Arc<Subject>>,
    workers: usize,
    turns: u64,
    paces: (Pace, Pace),
) -> (Tally, Option<Tally>) {
    let mut tallies = vec![Tally::new(); workers];
    let mut echo_tallies = vec![Tally::new(); workers];
    for turn in 1..=turns {
        tallies = slice(baton, tallies, TURN, paces.0).await;
        if let Some(echo) = echo {
            echo_tallies = slice(echo, echo_tallies, TURN, paces.1).await;
        }
        if turn % 10 == 0 && turn < turns {
            output::note(&format!("{turn} of {turns} s"));
        }
    }
    (total(&tallies), echo.map(|_| total(&echo_tallies)))
}

fn total(tallies: &[Tally]) -> Tally {
    let mut total = Tally::new();
    tallies.iter().for_each(|tally| total.add(tally));
    total
}

fn what(args: &Bench, urls: &[String], started: Option<&RunningServer>) -> String {
    let servers = match started {
        Some(first) => {
            format!("{} in this process ({})", plural(urls.len(), "server"), first.durability)
        }
        None => urls.join(", "),
    };
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "{servers}; {} at once on {} to each, {} s, {}",
        plural(usize::from(args.concurrency), "session"),
        plural(usize::from(args.connections), "connection"),
        args.seconds,
        plural(cores, "core")
    )
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
