//! `bench day`: one day of a service team, speeded up, and what queueing theory says of the same load.
//!
//! The day is drawn from a seed before it begins: arrivals by the hour, a handling time for each. `play` lives it,
//! `figures` works out what came of it, `report` shows that. Nobody gives up waiting, as Erlang C supposes.

mod figures;
mod play;
mod report;

use std::time::Duration;

use anyhow::{Context as _, bail};

use super::desks::{Desks, Seat};
use super::draws::{Draws, Handling};
use super::ground::{Ground, cores, plural};
use super::profile::Profile;
use super::{Context, setup};
use crate::cli::args::{BenchDay, DayProfile, HandlingLaw};
use crate::launch::StartServer;
use crate::{output, pb};
use figures::Figures;
use play::Stage;
use report::Report;

/// Seconds in an hour.
const HOUR: f64 = 3600.0;
/// Reps that one stream shows: a watch filter has room for 1000 ids.
const REPS_PER_STREAM: usize = 250;
/// Most sessions that a day may have: they are drawn, and kept, in memory.
const MOST_SESSIONS: f64 = 2_000_000.0;
/// Id of the one queue.
const QUEUE: &str = "line";

/// What is played. Times are seconds of the day.
#[derive(Clone, Debug)]
pub struct Plan {
    /// How arrivals are spread.
    pub profile: Profile,
    /// Offered load of each hour, in Erlangs.
    pub loads: Vec<f64>,
    /// How long handling takes.
    pub handling: Handling,
    /// How many reps.
    pub reps: u32,
    /// Sessions that each carries.
    pub capacity: u32,
    /// How many times faster than the day.
    pub speed: f64,
    /// The wait within which a session counts as taken in time.
    pub within: f64,
    /// The seed.
    pub seed: u64,
    /// The sessions, in the order in which they come.
    pub arrivals: Vec<Arrival>,
}

/// A session to come. Times are seconds of the day.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Arrival {
    /// When, since the day began.
    pub at: f64,
    /// How long a rep is busy with it.
    pub handling: f64,
}

impl Plan {
    fn of(args: &BenchDay) -> anyhow::Result<Self> {
        let flat = args.profile == DayProfile::Flat;
        let profile = if flat { Profile::flat(args.hours) } else { Profile::lunch() };
        let reps = u32::from(args.reps.unwrap_or(if flat { 50 } else { 500 }));
        let speed = f64::from(args.speed.unwrap_or(if flat { 400 } else { 1000 }));
        let mean = args.handling_time.as_secs_f64();
        if mean < 1.0 {
            bail!("--handling-time is a time of the day: at least 1s");
        }
        let law = if flat { HandlingLaw::Exponential } else { HandlingLaw::Lognormal };
        let handling = match args.handling.unwrap_or(law) {
            HandlingLaw::Exponential => Handling::Exponential { mean },
            HandlingLaw::Lognormal => Handling::LogNormal { mean, variation: args.variation },
        };
        let capacity = u32::from(args.capacity);
        let loads = profile.loads(args.load * f64::from(reps * capacity));
        let expected: Vec<f64> = loads.iter().map(|load| load * HOUR / mean).collect();
        let sessions: f64 = expected.iter().sum();
        if sessions > MOST_SESSIONS {
            bail!(
                "that would be {sessions:.0} sessions, more than {MOST_SESSIONS:.0}: take fewer reps or hours"
            );
        }
        let mut draws = Draws::from_seed(args.seed);
        let times = draws.arrivals(&expected, HOUR);
        let arrivals = times
            .into_iter()
            .map(|at| Arrival { at, handling: draws.handling(handling) })
            .collect();
        let within = args.within.as_secs_f64();
        Ok(Self {
            profile,
            loads,
            handling,
            reps,
            capacity,
            speed,
            within,
            seed: args.seed,
            arrivals,
        })
    }

    /// Sessions that all reps carry at once: the servers of the theory.
    pub fn servers(&self) -> u32 {
        self.reps * self.capacity
    }

    /// The mean handling time, in seconds of the day.
    pub fn mean_handling(&self) -> f64 {
        match self.handling {
            Handling::Exponential { mean } | Handling::LogNormal { mean, .. } => mean,
        }
    }

    /// The hour, from 0, in which something happens at a time of the day.
    pub fn hour(&self, at: f64) -> usize {
        ((at / HOUR) as usize).min(self.loads.len().saturating_sub(1))
    }

    /// Whether Erlang C's suppositions hold all day.
    pub fn is_stationary(&self) -> bool {
        self.profile.shares.iter().all(|share| *share == 1.0)
    }

    /// Calls that the busiest hour takes, in a real second: open, accept, end.
    fn peak_calls_per_second(&self) -> f64 {
        let most = self.loads.iter().copied().fold(0.0, f64::max);
        3.0 * most / self.mean_handling() * self.speed
    }

    /// How long it really takes until the last has come.
    fn length(&self) -> Duration {
        Duration::from_secs_f64(self.loads.len() as f64 * HOUR / self.speed)
    }
}

/// `baton bench day`.
pub async fn run(context: &Context, args: &BenchDay, start: &StartServer) -> anyhow::Result<()> {
    let plan = Plan::of(args)?;
    let ground = Ground::prepare(context, &args.measured, start).await?;
    let admin = ground.connect(&ground.urls[0], 1)?.remove(0);
    let reps: Vec<pb::Rep> = (0..usize::try_from(plan.reps)?).map(setup::rep).collect();
    let names: Vec<String> = reps.iter().map(|rep| rep.id.clone()).collect();
    let queue = pb::Queue { id: QUEUE.to_owned(), reps: names.clone(), ..Default::default() };
    let directory = pb::Directory { queues: vec![queue], ..setup::directory(reps, plan.capacity) };
    let signed_reps = setup::prepare(&admin, directory).await?;

    let mut seats = Vec::new();
    for (number, reps) in names.chunks(REPS_PER_STREAM).enumerate() {
        let url = &ground.urls[number % ground.urls.len()];
        let client = ground.connect(url, 1)?.remove(0);
        seats.push(Seat { client, reps: reps.to_vec() });
    }
    let desks = Desks::open(&seats).await.context("can't open the reps' streams")?;
    output::note(&format!(
        "{} in {:.0} s, at the peak about {:.0} calls/s",
        plural(plan.arrivals.len(), "session"),
        plan.length().as_secs_f64(),
        plan.peak_calls_per_second()
    ));
    let stage = Stage::new(ground.clients()?, desks, plan.speed);
    let passages = play::play(stage, &plan).await?;
    signed_reps.sign_out(&admin).await?;

    let what = format!(
        "{}; {} on {} to each, {}",
        ground.what(),
        plural(names.len(), "rep"),
        plural(usize::from(args.measured.connections), "connection"),
        cores()
    );
    let report = Report { what, figures: Figures::of(&plan, &passages), plan };
    context.out.one(|| report.json(), || report.text());
    ground.leave().await
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{BenchWhat, Cli, Command};

    fn plan(words: &str) -> anyhow::Result<Plan> {
        let words = format!("baton bench day {words}");
        match Cli::try_parse_from(words.split_whitespace())?.command {
            Command::Bench(bench) => match bench.what {
                Some(BenchWhat::Day(day)) => Plan::of(&day),
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_plan_offers_the_load_asked_for() {
        let plan = plan("--reps 40 --capacity 2 --load 0.5").unwrap();
        assert_eq!((plan.servers(), plan.loads.len(), plan.loads[4]), (80, 13, 40.0));
        assert!(!plan.is_stationary());
        let handled: f64 = plan.arrivals.iter().map(|arrival| arrival.handling).sum();
        let offered: f64 = plan.loads.iter().sum::<f64>() * HOUR;
        assert!((handled / offered - 1.0).abs() < 0.05, "{handled} {offered}");
        assert_eq!(plan.hour(plan.arrivals.last().unwrap().at), 12);
    }

    #[test]
    fn a_flat_day_is_what_erlang_c_supposes() {
        let plan = plan("--profile flat --load 0.9").unwrap();
        assert!(plan.is_stationary());
        assert_eq!(plan.handling, Handling::Exponential { mean: 180.0 });
        assert_eq!((plan.servers(), plan.speed), (50, 400.0));
        assert!((plan.peak_calls_per_second() - 300.0).abs() < 1e-9);
    }

    #[test]
    fn a_day_that_is_too_long_to_draw_is_refused() {
        let error = plan("--profile flat --hours 96 --reps 5000 --load 1").unwrap_err();
        assert!(error.to_string().contains("take fewer reps or hours"), "{error}");
    }
}
