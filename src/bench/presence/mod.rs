//! `bench presence`: very many reps who stay, and many who vanish at once.
//!
//! Measured are CPU time and memory of a server in a process of its own and of its Redis, while all are renewed in
//! batches; then how soon a storm of lost connections is over, and what others notice of it. What is measured is shown
//! by `report`.

mod org;
mod renewal;
mod report;
mod storm;
mod usage;

use std::collections::HashSet;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, bail};
use hdrhistogram::Histogram;
use tokio::time::{Instant, sleep_until};

use super::Context;
use super::ground::{cores, plural};
use super::tally::histogram;
use crate::cli::args::BenchPresence;
use crate::client::{Client, Identity, RetryPolicy};
use crate::output;
use org::LEASE;
use renewal::{Renewing, renew};
use report::{Cost, Memory, Report, StormReport};
use storm::{Others, Phase, Sight};
use usage::{Redis, ServerProcess, Usage};

/// How often each presence is renewed.
const EVERY: Duration = Duration::from_secs(20);
/// How long everything is left alone, to see what a server without calls costs.
const IDLE: Duration = Duration::from_secs(10);

/// What is measured.
struct Subject {
    server: ServerProcess,
    redis: Option<Redis>,
    org: String,
    clients: Vec<Client>,
}

impl Subject {
    async fn start(args: &BenchPresence) -> anyhow::Result<Self> {
        if args.vanish > args.presences / 2 {
            bail!("--vanish can't be more than half of --presences");
        }
        let server = ServerProcess::start(args.redis.as_deref())?;
        let redis = match &args.redis {
            Some(url) => Some(Redis::at(url).await?),
            None => None,
        };
        let org = format!("bench-{:016x}", rand::random::<u64>());
        let mut subject = Self { server, redis, org, clients: Vec::new() };
        let (url, identity) = (subject.server.url.clone(), subject.identity());
        let client = |_| Client::new(&url, &identity, RetryPolicy::default());
        subject.clients = (0..args.connections).map(client).collect::<Result<_, _>>()?;
        Ok(subject)
    }

    fn identity(&self) -> Identity {
        let (org, role, actor) = (self.org.clone(), "admin".to_owned(), "bench".to_owned());
        Identity { org, role, actor, ..Identity::default() }
    }

    async fn usage(&mut self) -> anyhow::Result<(Usage, Usage)> {
        let server = self.server.usage().unwrap_or_default();
        let redis = match &mut self.redis {
            Some(redis) => redis.usage().await?,
            None => Usage::default(),
        };
        Ok((server, redis))
    }

    /// Memory of a server that has just loaded the org: what it takes to hold it, without what it took to get there.
    async fn loaded(&self, redis: Option<&str>) -> anyhow::Result<Option<u64>> {
        let Some(url) = redis else { return Ok(self.server.usage().map(|usage| usage.memory)) };
        let fresh = ServerProcess::start(Some(url))?;
        let client = Client::new(&fresh.url, &self.identity(), RetryPolicy::default())?;
        revision(&client).await.context("a fresh server can't load the org")?;
        Ok(fresh.usage().map(|usage| usage.memory))
    }

    /// What the org's records and leases take in Redis, without its history.
    async fn stored(&mut self) -> anyhow::Result<u64> {
        let Some(redis) = &mut self.redis else { return Ok(0) };
        let mut sum = 0;
        for part in ["records", "leases"] {
            sum += redis.size_of(&format!("baton:{{{}}}:{part}", self.org)).await?;
        }
        Ok(sum)
    }

    /// CPU time of server and Redis from now until then, as shares of a core.
    async fn cost_until(&mut self, until: Instant) -> anyhow::Result<Cost> {
        let (began, before) = (Instant::now(), self.usage().await?);
        sleep_until(until).await;
        let (took, after) = (began.elapsed(), self.usage().await?);
        let share = |after: Usage, before: Usage| {
            after.cpu.saturating_sub(before.cpu).as_secs_f64() / took.as_secs_f64()
        };
        Ok(Cost { server: share(after.0, before.0), redis: share(after.1, before.1) })
    }
}

/// `baton bench presence`.
pub async fn run(context: &Context, args: &BenchPresence) -> anyhow::Result<()> {
    let mut subject = Subject::start(args).await?;
    let report = measure(args, &mut subject).await?;
    context.out.one(|| report.json(), || report.text());
    Ok(())
}

async fn measure(args: &BenchPresence, subject: &mut Subject) -> anyhow::Result<Report> {
    let count = usize::try_from(args.presences)?;
    let clients = subject.clients.clone();
    let redis = args.redis.as_deref();
    let empty = subject.loaded(None).await?;
    output::note(&format!("applying a directory of {}", plural(count, "rep")));
    org::apply(&clients[0], count).await?;
    let before = subject.loaded(redis).await?;
    let (_, redis_before) = subject.usage().await?;
    let stored_before = subject.stored().await?;
    output::note("signing them in");
    let began = Instant::now();
    let presences = org::sign_in(&clients, count).await?;
    let sign_ins_per_second = count as f64 / began.elapsed().as_secs_f64();
    let working = org::sign_in_working(&clients[0]).await?;
    let everybody: Vec<String> = presences.iter().chain(&working).cloned().collect();
    let batch = usize::from(args.batch);
    output::note("leaving them alone, then renewing them");
    let idle = subject.cost_until(Instant::now() + IDLE).await?;
    let signed_in = subject.loaded(redis).await?;
    let (_, redis_signed_in) = subject.usage().await?;
    let stored = subject.stored().await?;
    let renewing = Renewing::start(&clients, &everybody, batch, EVERY);
    // One round to begin with, so that the calls are in step.
    sleep_until(Instant::now() + EVERY).await;
    renewing.take();
    let cost = subject.cost_until(Instant::now() + Duration::from_secs(args.seconds)).await?;
    let renewals = renewing.take();
    drop(renewing);
    output::note("letting some of them vanish");
    let vanish = usize::try_from(args.vanish)?;
    let storm = storm(subject, &presences, &working, (vanish, batch)).await?;
    let per = |after: u64, before: u64| after.saturating_sub(before) / count as u64;
    Ok(Report {
        what: format!(
            "{}, {}; {}, {batch} in a call, {} connections, {}",
            plural(count, "presence"),
            args.redis.as_ref().map_or("in memory", |_| "on Redis"),
            format_args!("renewed every {} s", EVERY.as_secs()),
            args.connections,
            cores()
        ),
        sign_ins_per_second,
        seconds: args.seconds as f64,
        idle,
        cost,
        renewals,
        memory: Memory {
            measured: signed_in.is_some(),
            directory: per(before.unwrap_or_default(), empty.unwrap_or_default()),
            presence: per(signed_in.unwrap_or_default(), before.unwrap_or_default()),
            redis: args.redis.as_ref().map(|_| per(stored, stored_before)),
            redis_with_history: args
                .redis
                .as_ref()
                .map(|_| per(redis_signed_in.memory, redis_before.memory)),
        },
        storm,
    })
}

/// Lets some vanish while all others go on, and others work.
async fn storm(
    subject: &mut Subject,
    presences: &[String],
    working: &[String],
    (vanish, batch): (usize, usize),
) -> anyhow::Result<StormReport> {
    let (clients, admin) = (&subject.clients, &subject.clients[0]);
    let (gone, stay) = presences.split_at(vanish);
    let stay: Vec<String> = stay.iter().chain(working).cloned().collect();
    let _renewing = Renewing::start(clients, &stay, batch, EVERY);
    let mut sight = Sight::open(admin).await.context("can't open a stream of reps")?;
    let others = Others::start(admin);
    sleep_until(Instant::now() + Duration::from_secs(2)).await;
    others.take();
    for some in gone.chunks(10_000) {
        let (_, renewed, _) =
            renew(admin, some.to_vec()).await.context("the last renewal failed")?;
        if renewed < some.len() as u64 {
            bail!("some were gone before they vanished");
        }
    }
    let leases_end = SystemTime::now() + LEASE;
    let first = revision(admin).await?;
    let vanished: HashSet<String> = gone.iter().cloned().collect();
    let (mut before, mut during) = (histogram(), histogram());
    let mut failed = 0;
    let add = |to: &mut Histogram<u64>, some: &Histogram<u64>| to.add(some).expect("same bounds");
    let storm = sight.until_offline(&vanished, |ended| {
        let (seen, errors) = others.take();
        failed += errors;
        match ended {
            Phase::Before => add(&mut before, &seen),
            Phase::Disconnecting | Phase::SigningOut => add(&mut during, &seen),
            Phase::Grace | Phase::Over => {}
        }
    });
    let storm = storm.await?;
    let entries = revision(admin).await? - first;
    let leases_end = leases_end.duration_since(SystemTime::UNIX_EPOCH)?.as_millis();
    Ok(StormReport {
        vanished: vanish,
        disconnected_within: storm.disconnected_within(i64::try_from(leases_end)?),
        offline_within: storm.offline_within(),
        once_each: storm.is_once_each(),
        bystanders: storm.bystanders,
        entries,
        before,
        during,
        failed,
    })
}

async fn revision(client: &Client) -> anyhow::Result<i64> {
    let request = crate::pb::GetRepPresenceRequest { rep: org::working(0), ..Default::default() };
    Ok(client.get_rep_presence(request).await?.revision)
}
