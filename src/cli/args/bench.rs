//! `baton bench` and its subcommands as values. What they do is `bench`'s.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use super::serve::Hidden;
use super::target;
use crate::client::ClientTls;
use crate::output::Output;

/// A call of `baton bench`: what to measure, and what of the options of every command concerns it.
#[derive(Debug)]
pub struct BenchCall {
    /// What to measure.
    pub args: Bench,
    /// Addresses of the servers of `--server`.
    pub servers: Vec<String>,
    /// What to speak TLS with.
    pub tls: ClientTls,
    /// Where the figures go.
    pub out: Output,
}

/// `baton bench`: lives of sessions that are transferred; its subcommands measure something else.
#[derive(Clone, Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bench {
    /// Something else to measure.
    #[command(subcommand)]
    pub what: Option<BenchWhat>,
    /// How long to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Sessions alive at once
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: u16,
    /// Reps in the org [default: twice the concurrency]
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=10000))]
    pub reps: Option<u16>,
    /// Also measure a bare echo with messages of the same size, in turns, and print the ratios
    #[arg(long)]
    pub baseline: bool,
    /// What is measured.
    #[command(flatten)]
    pub measured: Measured,
    /// Only serve the echo, for another bench that measures a server in a process of its own
    #[arg(long, hide = true)]
    pub serve_echo: bool,
}

/// Which servers are measured, and over how many connections.
#[derive(Clone, Debug, Args)]
pub struct Measured {
    /// Connections to each server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// Start the servers in this process, rather than asking --server
    #[arg(long)]
    pub embedded: bool,
    /// With --embedded: the Redis behind the servers [default: in memory]
    #[arg(long, requires = "embedded", value_name = "URL")]
    pub redis: Option<String>,
    /// With --embedded: how many servers; more than one needs --redis
    #[arg(long, requires = "embedded", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=16))]
    pub servers: u16,
}

/// What else `baton bench` measures.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchWhat {
    /// Sessions opened into queues: how fast reps see their offers, and the next when they are free again
    Routing(BenchRouting),
    /// One day of a service team, speeded up, beside what queueing theory says of it
    #[command(after_help = DAY_HELP)]
    Day(BenchDay),
    /// Very many reps who stay, and many who vanish at once: what it costs, and whom it bothers
    #[command(after_help = PRESENCE_HELP)]
    Presence(BenchPresence),
}

const PRESENCE_HELP: &str = "\
A server is started in a process of its own, so that its CPU time and memory can be told from those of this program; \
both are read from /proc, which only Linux has. Leases of 60 s are renewed every 20 s. Those who vanish are renewed \
once more, all at the same moment, and never again: a lease later they are disconnected, and 10 s after that signed out. \
Meanwhile others are renewed as before, and 50 reps live sessions at a steady pace.";

/// `baton bench presence`.
#[derive(Clone, Debug, Args)]
pub struct BenchPresence {
    /// Reps who are signed in
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(100..=1_000_000))]
    pub presences: u32,
    /// How many of them vanish at once
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub vanish: u32,
    /// Presences renewed in one call
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub batch: u16,
    /// How long to measure renewals
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u64).range(20..=3600))]
    pub seconds: u64,
    /// Connections to the server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// The Redis behind the server [default: in memory]
    #[arg(long, value_name = "URL")]
    pub redis: Option<Hidden>,
}

const DAY_HELP: &str = "\
Arrivals are a Poisson process whose rate changes by the hour, as in a published example; handling times are \
log-normal, as Brown et al. (2005) found them, or exponential. Nobody gives up waiting. All waits are shown in the \
day's time: measured times speed.

Erlang C is exact for `--profile flat --handling exponential --capacity 1`. There the run also says how far \
measurement and theory differ, with the 95 % confidence interval of the run. What Baton and this program add to each \
handling is measured, and theory is shown without and with it. Choose a speed at which it is small: at 1000 times, a \
millisecond is a second of the day.";

/// `baton bench routing`.
#[derive(Clone, Debug, Args)]
pub struct BenchRouting {
    /// How long to measure
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Stop after so many sessions, if that comes earlier
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub sessions: Option<u64>,
    /// Sessions alive at once [default: a quarter more than the reps can carry, so that some wait]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub concurrency: Option<u16>,
    /// Reps, each with a stream of their own
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub reps: u16,
    /// Sessions that a rep carries at once
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub capacity: u16,
    /// Queues; no more than reps
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=500))]
    pub queues: u16,
    /// Queues that each rep is a member of
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=50))]
    pub queues_per_rep: u16,
    /// Percentage of sessions that require a skill which half of the reps have
    #[arg(long, default_value_t = 10, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    pub skilled: u8,
    /// Also measure a bare echo with messages of the same size, in turns, and print the ratio
    #[arg(long)]
    pub baseline: bool,
    /// What is measured.
    #[command(flatten)]
    pub measured: Measured,
}

/// `baton bench day`.
#[derive(Clone, Debug, Args)]
pub struct BenchDay {
    /// How arrivals are spread over the day
    #[arg(long, value_enum, default_value_t = DayProfile::Lunch)]
    pub profile: DayProfile,
    /// With --profile flat: how many hours
    #[arg(long, default_value_t = 13, value_parser = clap::value_parser!(u8).range(1..=96))]
    pub hours: u8,
    /// How many times faster than the day [default: 1000; 400 with --profile flat]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10000))]
    pub speed: Option<u32>,
    /// Reps [default: 500; 50 with --profile flat]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=5000))]
    pub reps: Option<u16>,
    /// Sessions that a rep carries at once; 1 for the comparison with theory
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub capacity: u16,
    /// Offered load in the busiest hour, as a share of what all reps can carry
    #[arg(long, default_value_t = 0.9, value_name = "SHARE", value_parser = share)]
    pub load: f64,
    /// How handling times are distributed [default: lognormal; exponential with --profile flat]
    #[arg(long, value_enum)]
    pub handling: Option<HandlingLaw>,
    /// Mean handling time of the day
    #[arg(long, default_value = "3m", value_parser = target::duration, value_name = "TIME")]
    pub handling_time: Duration,
    /// With log-normal handling: its standard deviation over its mean
    #[arg(long, default_value_t = 1.0, value_name = "RATIO", value_parser = ratio)]
    pub variation: f64,
    /// The wait of the day within which a session counts as taken in time
    #[arg(long, default_value = "20s", value_parser = target::duration, value_name = "TIME")]
    pub within: Duration,
    /// The same seed draws the same day
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// What is measured.
    #[command(flatten)]
    pub measured: Measured,
}

/// How arrivals are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DayProfile {
    /// A day from 8 to 21 h with its peak at noon.
    Lunch,
    /// The same rate all the time.
    Flat,
}

/// How handling times are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HandlingLaw {
    /// As measured in call centres.
    Lognormal,
    /// As Erlang C supposes.
    Exponential,
}

fn share(text: &str) -> Result<f64, String> {
    number(text, 0.01, 2.0)
}

fn ratio(text: &str) -> Result<f64, String> {
    number(text, 0.01, 10.0)
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| format!("`{text}` isn't a number from {least} to {most}"))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::super::{Cli, Command};
    use super::*;

    fn bench(words: &str) -> Result<Bench, clap::Error> {
        match Cli::try_parse_from(words.split_whitespace())?.command {
            Command::Bench(bench) => Ok(bench),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bench_alone_is_what_it_was() {
        let plain = bench("baton bench --seconds 3 --embedded --baseline").unwrap();
        assert!(plain.what.is_none() && plain.baseline && plain.measured.embedded);
        assert!(bench("baton bench --servers 2").is_err(), "--servers needs --embedded");
    }

    #[test]
    fn subcommands_have_flags_of_their_own() {
        let routing = bench("baton bench routing --reps 30 --embedded").unwrap();
        assert!(matches!(routing.what, Some(BenchWhat::Routing(r)) if r.reps == 30));
        let day = bench("baton bench day --profile flat --load 0.9 --handling exponential");
        assert!(matches!(day.unwrap().what, Some(BenchWhat::Day(d)) if d.load == 0.9));
        assert!(bench("baton bench day --load 3").is_err());
        assert!(bench("baton bench --seconds 3 routing").is_err());
    }
}
