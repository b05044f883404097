//! `bench routing`: sessions opened into queues, and how fast reps see their offers.
//!
//! Channels open sessions in a closed loop; each rep has a stream of their own, accepts what it shows at once, and ends
//! it. Measured are the calls, the way from opening to the offer on the rep's screen, and from freeing a rep to the
//! next. With `--baseline` in turns with a bare echo. What is measured is shown by `report`.

mod report;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;

use super::desks::{Cause, Desks, Seat};
use super::ground::{Ground, cores, plural};
use super::load::{Pace, Subject};
use super::setup::{self, CHANNEL};
use super::tally::Tally;
use super::{Context, Turns, half, sizes, start_echo};
use crate::cli::args::BenchRouting;
use crate::client::{Client, request_id};
use crate::launch::StartServer;
use crate::pb;
use report::Report;

/// The steps of a session's life, in order.
const STEPS: [&str; 3] = ["OpenSession", "AcceptWork", "EndSession"];
/// How long a session waits for its offer before it counts as forgotten.
const PATIENCE: Duration = Duration::from_secs(10);
/// Streams on one connection: servers allow about a hundred.
const STREAMS: usize = 64;
/// The skill that some sessions require.
const SKILL: &str = "french";

/// Servers under test, whose sessions wait in queues.
#[derive(Debug)]
pub struct Lines {
    /// Clients, by server and connection.
    clients: Vec<Vec<Client>>,
    queues: Vec<String>,
    desks: Desks,
    /// The server that each seat is at.
    seat_servers: Vec<usize>,
    /// Percentage of sessions that require a skill.
    skilled: u8,
    /// Sessions still to be opened; one that finds none ends the run.
    left: AtomicU64,
}

impl Lines {
    /// Whether all sessions were opened that were wanted.
    pub fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    fn client(&self, worker: usize, server: usize) -> &Client {
        let connections = &self.clients[server % self.clients.len()];
        &connections[worker / self.clients.len() % connections.len()]
    }

    /// Lives one session: open, see the offer on the rep's stream, accept, end.
    pub async fn life(&self, worker: usize, until: Instant, tally: &mut Tally) -> Option<()> {
        let take = |left: u64| left.checked_sub(1);
        self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).ok()?;
        let channel = self.client(worker, worker);
        let open = self.opening();
        self.desks.expect(&open.request_id, Cause::Opened);
        let session =
            tally.step(0, until, open, async |m| channel.open_session(m).await).await?.session?;
        let rep = self.accept(worker, &session.id, until, tally).await;
        let end = pb::EndSessionRequest {
            session: session.id,
            request_id: request_id(),
            ..Default::default()
        };
        self.desks.expect(&end.request_id, Cause::Freed);
        let Some(rep) = rep else {
            // Not to be counted: only so that nothing is left behind. If it fails too, the error is counted already.
            let _ = channel.end_session(end).await;
            return None;
        };
        tally.step(2, until, end, async |m| rep.end_session(m).await).await.map(drop)
    }

    fn opening(&self) -> pb::OpenSessionRequest {
        let queue = self.queues[rand::random_range(0..self.queues.len())].clone();
        let skilled = rand::random_range(0..100) < self.skilled;
        pb::OpenSessionRequest {
            channel: CHANNEL.to_owned(),
            external_reference: format!("{:032x}", rand::random::<u128>()),
            target: Some(pb::open_session_request::Target::Queue(queue)),
            required_skills: if skilled { vec![skill()] } else { Vec::new() },
            request_id: request_id(),
            ..Default::default()
        }
    }

    /// Waits until a rep sees the offer, and accepts it as they would; the rep's client.
    async fn accept(
        &self,
        worker: usize,
        session: &str,
        until: Instant,
        tally: &mut Tally,
    ) -> Option<&Client> {
        let Some(offered) = self.desks.offer(session, PATIENCE).await else {
            *tally.errors.entry("NOT_OFFERED_IN_TIME".to_owned()).or_default() += 1;
            return None;
        };
        let rep = self.client(worker, self.seat_servers[offered.seat]);
        let accept = pb::AcceptWorkRequest { work: offered.work, ..Default::default() };
        tally.step(1, until, accept, async |m| rep.accept_work(m).await).await?;
        Some(rep)
    }
}

/// `baton bench routing`.
pub async fn run(
    context: &Context,
    args: &BenchRouting,
    start: &StartServer,
) -> anyhow::Result<()> {
    if args.queues > args.reps || args.queues_per_rep > args.queues {
        bail!("--queues can't be more than --reps, nor --queues-per-rep more than --queues");
    }
    let ground = Ground::prepare(context, &args.measured, start).await?;
    let report = measure(args, &ground).await?;
    context.out.one(|| report.json(), || report.text());
    ground.leave().await
}

async fn measure(args: &BenchRouting, ground: &Ground) -> anyhow::Result<Report> {
    let admin = ground.connect(&ground.urls[0], 1)?.remove(0);
    let directory = directory(args);
    let queues = directory.queues.iter().map(|queue| queue.id.clone()).collect();
    let reps: Vec<String> = directory.reps.iter().map(|rep| rep.id.clone()).collect();
    let signed_reps = setup::prepare(&admin, directory).await?;
    let (seats, seat_servers) = seats(ground, &reps)?;
    let desks = Desks::open(&seats).await.context("can't open the reps' streams")?;
    let clients = ground.clients()?;
    let all = clients.concat();
    let lines = Lines {
        clients,
        queues,
        desks,
        seat_servers,
        skilled: args.skilled,
        left: AtomicU64::new(u64::MAX),
    };
    let baton = Arc::new(Subject::Lines(lines));
    let report = load(args, ground, &baton).await?;
    signed_reps.sign_out(&admin).await?;
    Ok(Report {
        retries: all.iter().map(Client::retries).sum(),
        contentions: all.iter().map(Client::contentions).sum(),
        ..report
    })
}

/// Warms up, then measures at full load and, beside an echo, at half load.
async fn load(
    args: &BenchRouting,
    ground: &Ground,
    baton: &Arc<Subject>,
) -> anyhow::Result<Report> {
    let Subject::Lines(lines) = baton.as_ref() else {
        bail!("only queues are under test");
    };
    let carried = u32::from(args.reps) * u32::from(args.capacity);
    let workers = args.concurrency.map_or((carried * 5 / 4).min(4096), u32::from);
    let turns = Turns { workers: usize::try_from(workers)?, steps: STEPS.len() };
    let sizes = sizes(baton, STEPS.len()).await?;
    turns.warm_up(baton).await;
    let (_process, echo) = if args.baseline {
        start_echo(args.measured.connections, ground.embedded(), sizes).await?
    } else {
        (None, None)
    };
    if let Some(echo) = &echo {
        turns.warm_up(echo).await;
    }
    lines.desks.take_seen();
    if let Some(sessions) = args.sessions {
        lines.left.store(sessions, Ordering::Relaxed);
    }
    let (side, echo_side) =
        turns.take(baton, echo.as_ref(), args.seconds, (Pace::Closed, Pace::Closed)).await;
    let seen = lines.desks.take_seen();
    lines.left.store(u64::MAX, Ordering::Relaxed);
    let at_half = if args.baseline && side.peak.calls > 0 {
        let paces = (half(&side, STEPS.len()), half(&side, STEPS.len()));
        turns.take(baton, None, args.seconds.div_ceil(2), paces).await;
        Some(lines.desks.take_seen())
    } else {
        None
    };
    let what = format!(
        "{}; {} at once on {} to each; {} × {} in {}, each in {}; {} s, {}",
        ground.what(),
        plural(turns.workers, "session"),
        plural(usize::from(args.measured.connections), "connection"),
        plural(usize::from(args.reps), "rep"),
        args.capacity,
        plural(usize::from(args.queues), "queue"),
        args.queues_per_rep,
        args.seconds,
        cores()
    );
    Ok(Report {
        what,
        baton: side,
        echo: echo_side,
        seen,
        at_half,
        retries: 0,
        contentions: 0,
        counted: ground.counted(),
        sizes,
    })
}

/// A stream for each rep, spread over servers and connections; and which server each is at.
fn seats(ground: &Ground, reps: &[String]) -> anyhow::Result<(Vec<Seat>, Vec<usize>)> {
    let servers = ground.urls.len();
    let connections = reps.len().div_ceil(servers).div_ceil(STREAMS);
    let clients: Vec<Vec<Client>> =
        ground.urls.iter().map(|url| ground.connect(url, connections)).collect::<Result<_, _>>()?;
    let seat_servers: Vec<usize> = (0..reps.len()).map(|number| number % servers).collect();
    let seats = reps
        .iter()
        .zip(&seat_servers)
        .enumerate()
        .map(|(number, (rep, server))| Seat {
            client: clients[*server][number / servers % connections].clone(),
            reps: vec![rep.clone()],
        })
        .collect();
    Ok((seats, seat_servers))
}

fn skill() -> pb::SkillLevel {
    pb::SkillLevel { skill: SKILL.to_owned(), level: 50 }
}

/// Every queue gets members with the skill, if each queue has two members or more.
fn directory(args: &BenchRouting) -> pb::Directory {
    let count = usize::from(args.queues);
    let mut queues: Vec<pb::Queue> = (0..count)
        .map(|number| pb::Queue {
            id: format!("queue-{number:03}"),
            routing_model: pb::RoutingModel::LeastActive as i32,
            ..Default::default()
        })
        .collect();
    let mut reps = Vec::new();
    for number in 0..usize::from(args.reps) {
        let mut rep = setup::rep(number);
        // The first round fills every queue once, with the skill; later rounds alternate.
        if args.skilled > 0 && number / count % 2 == 0 {
            rep.skills = vec![skill()];
        }
        for step in 0..usize::from(args.queues_per_rep) {
            queues[(number + step) % count].reps.push(rep.id.clone());
        }
        reps.push(rep);
    }
    let skills = if args.skilled > 0 {
        vec![pb::Skill { id: SKILL.to_owned(), ..Default::default() }]
    } else {
        Vec::new()
    };
    pb::Directory { queues, skills, ..setup::directory(reps, args.capacity.into()) }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{BenchWhat, Cli, Command};

    fn args(words: &str) -> BenchRouting {
        let words = format!("baton bench routing {words}");
        match Cli::try_parse_from(words.split_whitespace()).unwrap().command {
            Command::Bench(bench) => match bench.what {
                Some(BenchWhat::Routing(routing)) => routing,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_queue_has_members_and_one_with_the_skill() {
        for words in ["", "--reps 5 --queues 5 --queues-per-rep 1", "--reps 9 --queues 4"] {
            let args = args(words);
            let directory = directory(&args);
            for queue in &directory.queues {
                let skilled = directory
                    .reps
                    .iter()
                    .any(|rep| queue.reps.contains(&rep.id) && !rep.skills.is_empty());
                assert!(skilled, "{words}: {}", queue.id);
            }
            for rep in &directory.reps {
                let member = directory.queues.iter().filter(|q| q.reps.contains(&rep.id)).count();
                assert_eq!(member, usize::from(args.queues_per_rep), "{words}: {}", rep.id);
            }
        }
    }
}
