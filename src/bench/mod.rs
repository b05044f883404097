//! `baton bench`: how fast servers live sessions, and how that compares with a bare echo; `routing`, `day` and `presence`
//! are its subcommands. `cli` parses the call, and `main` hands it over. It sees servers through `client` alone, also
//! those that it is given to run in this process.
//!
//! Closed-loop clients run whole lives of sessions in an org of their own. With `--baseline` Baton and the echo take
//! turns second by second, then both again at half of their own peak, paced. The echo runs the way the servers do: in
//! this process if they do, in one of its own if they do.

mod batches;
mod day;
mod desks;
mod draws;
mod echo;
mod erlang;
mod ground;
mod load;
mod presence;
mod profile;
mod report;
mod routing;
mod setup;
mod sight;
mod tally;

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use crate::cli::args::{Bench, BenchCall, BenchWhat};
use crate::client::{Client, ClientTls};
use crate::launch::StartServer;
use crate::output::Output;
use crate::{output, pb};
use echo::{EchoClient, EchoProcess};
use ground::{Ground, cores, plural};
use load::{Pace, Servers, Subject, slice};
use report::{Report, Side};
use setup::SignedReps;
use sight::Sight;
use tally::{STEPS, Tally};

/// How long a turn is.
const TURN: Duration = Duration::from_secs(1);
/// Room for all sessions that a bench of transfers can have alive.
const ROOMY: u32 = 1_000_000;

/// What every bench works with.
struct Context {
    /// Addresses of the servers to be measured, unless the bench starts its own.
    servers: Vec<String>,
    /// What to speak TLS with to those.
    tls: ClientTls,
    out: Output,
}

/// `baton bench`. Servers that it is to start itself come from `start`.
///
/// # Errors
/// If a server can't be started or reached, or what is measured fails from the start.
pub async fn run(call: BenchCall, start: StartServer) -> anyhow::Result<()> {
    let BenchCall { args, servers, tls, out } = call;
    if args.serve_echo {
        return echo::serve_for_another().await;
    }
    let context = &Context { servers, tls, out };
    match &args.what {
        Some(BenchWhat::Routing(routing)) => routing::run(context, routing, &start).await,
        Some(BenchWhat::Day(day)) => day::run(context, day, &start).await,
        Some(BenchWhat::Presence(args)) => presence::run(context, args).await,
        None => {
            let ground = Ground::prepare(context, &args.measured, &start).await?;
            let report = measure(&args, &ground).await?;
            context.out.one(|| report.json(), || report.text());
            ground.leave().await
        }
    }
}

async fn measure(args: &Bench, ground: &Ground) -> anyhow::Result<Report> {
    let (servers, clients, signed_reps, admin) = under_test(args, ground).await?;
    let baton = Arc::new(Subject::Baton(servers));
    let workers = usize::from(args.concurrency);
    let turns = Turns { workers, steps: STEPS.len() };
    let sizes = sizes(&baton, STEPS.len()).await?;
    turns.warm_up(&baton).await;
    let (_process, echo) = if args.baseline {
        start_echo(args.measured.connections, ground.embedded(), sizes).await?
    } else {
        (None, None)
    };
    if let Some(echo) = &echo {
        turns.warm_up(echo).await;
    }
    if let Subject::Baton(servers) = baton.as_ref() {
        servers.sight.reset();
    }
    let (mut baton_side, mut echo_side) =
        turns.take(&baton, echo.as_ref(), args.seconds, (Pace::Closed, Pace::Closed)).await;
    let seen = match baton.as_ref() {
        Subject::Baton(servers) => servers.sight.seen(),
        Subject::Lines(_) | Subject::Echo(_) => bail!("the echo isn't under test"),
    };
    if let Some(echo_side) = &mut echo_side {
        let paces = (half(&baton_side, STEPS.len()), half(echo_side, STEPS.len()));
        let (at_half, echo_at_half) =
            turns.take(&baton, echo.as_ref(), args.seconds.div_ceil(2), paces).await;
        baton_side.half = Some(at_half.peak);
        echo_side.half = echo_at_half.map(|side| side.peak);
    }
    signed_reps.sign_out(&admin).await?;
    Ok(Report {
        what: what(args, ground),
        baton: baton_side,
        echo: echo_side,
        seen,
        retries: clients.iter().map(Client::retries).sum(),
        sizes,
    })
}

/// One life, to learn the mean sizes of messages.
async fn sizes(baton: &Arc<Subject>, steps: usize) -> anyhow::Result<(usize, usize)> {
    let mut sized = Tally { sizes: Some([0; 3]), ..Tally::of(steps) };
    baton.life(0, Instant::now() + Duration::from_secs(60), &mut sized).await;
    let [requests, responses, calls] = sized.sizes.unwrap_or_default();
    if calls < steps as u64 {
        bail!("the first session already failed: {:?}", sized.errors);
    }
    let mean = |bytes: u64| usize::try_from(bytes / calls).unwrap_or(0);
    Ok((mean(requests), mean(responses)))
}

/// Half of the pace that a side reached.
fn half(side: &Side, steps: usize) -> Pace {
    Pace::Open(side.calls_per_second() / 2.0 / steps as f64)
}

/// The servers with an org ready, a client of each connection, and who signs the reps out.
async fn under_test(
    args: &Bench,
    ground: &Ground,
) -> anyhow::Result<(Servers, Vec<Client>, SignedReps, Client)> {
    let clients = ground.clients()?;
    // Signing in and looking on have connections of their own, so that they don't stand in the way.
    let apart: Vec<Client> = ground
        .urls
        .iter()
        .map(|url| ground.connect(url, 1))
        .collect::<Result<Vec<_>, _>>()?
        .concat();
    let admin = apart.first().context("no server to measure: give --server")?.clone();
    let count = args.reps.unwrap_or_else(|| args.concurrency.saturating_mul(2).min(10_000));
    let reps: Vec<pb::Rep> = (0..count.into()).map(setup::rep).collect();
    let names: Vec<String> = reps.iter().map(|rep| rep.id.clone()).collect();
    let signed_reps = setup::prepare(&admin, setup::directory(reps, ROOMY)).await?;
    let sight = Sight::start(&apart, &names).await?;
    let all = clients.concat();
    Ok((Servers { clients, reps: names, sight }, all, signed_reps, admin))
}

async fn start_echo(
    connections: u16,
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
        (0..connections).map(|_| EchoClient::new(address, request, response)).collect();
    Ok((process, Some(Arc::new(Subject::Echo(clients?)))))
}

/// So many workers, whose lives have so many steps.
#[derive(Clone, Copy, Debug)]
struct Turns {
    workers: usize,
    steps: usize,
}

impl Turns {
    fn fresh(self) -> Vec<Tally> {
        vec![Tally::of(self.steps); self.workers]
    }

    /// A second of all workers that nobody counts.
    async fn warm_up(self, subject: &Arc<Subject>) {
        slice(subject, self.fresh(), TURN, Pace::Closed).await;
    }

    /// Baton and the echo, second by second.
    async fn take(
        self,
        baton: &Arc<Subject>,
        echo: Option<&Arc<Subject>>,
        turns: u64,
        paces: (Pace, Pace),
    ) -> (Side, Option<Side>) {
        let (mut tallies, mut echo_tallies) = (self.fresh(), self.fresh());
        let (mut took, mut echo_took) = (Duration::ZERO, Duration::ZERO);
        for turn in 1..=turns {
            let began = Instant::now();
            tallies = slice(baton, tallies, TURN, paces.0).await;
            took += began.elapsed().min(TURN);
            if let Some(echo) = echo {
                echo_tallies = slice(echo, echo_tallies, TURN, paces.1).await;
                echo_took += TURN;
            }
            if baton.is_spent() {
                break;
            }
            if turn % 10 == 0 && turn < turns {
                output::note(&format!("{turn} of {turns} s"));
            }
        }
        let side = |tallies: &[Tally], took: Duration| Side {
            peak: total(tallies),
            peak_seconds: took.as_secs_f64(),
            half: None,
        };
        (side(&tallies, took), echo.map(|_| side(&echo_tallies, echo_took)))
    }
}

fn total(tallies: &[Tally]) -> Tally {
    let mut total = Tally::of(tallies.first().map_or(0, |tally| tally.steps.len()));
    tallies.iter().for_each(|tally| total.add(tally));
    total
}

fn what(args: &Bench, ground: &Ground) -> String {
    format!(
        "{}; {} at once on {} to each, {} s, {}",
        ground.what(),
        plural(usize::from(args.concurrency), "session"),
        plural(usize::from(args.measured.connections), "connection"),
        args.seconds,
        cores()
    )
}
