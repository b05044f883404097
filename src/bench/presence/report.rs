//! What a bench of presence says in the end: figures beside their goals for people, JSON for programs.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::super::report::{quantiles, row};
use super::renewal::Renewals;
use crate::output::Table;

/// The most that renewals are to cost, as a share of a core.
const CPU_GOAL: f64 = 0.1;
/// The most that a presence is to take, in bytes.
const MEMORY_GOAL: u64 = 2_048;
/// How soon after the grace a storm is to be over.
const STORM_GOAL: Duration = Duration::from_secs(5);
/// How much longer others' calls are to take in a storm, at the 99th percentile.
const TAIL_GOAL: f64 = 3.0;

/// CPU time, as shares of a core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cost {
    /// The server's.
    pub server: f64,
    /// Redis'.
    pub redis: f64,
}

/// Bytes per presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// Whether the server's could be measured.
    pub measured: bool,
    /// The rep in the directory, in the server.
    pub directory: u64,
    /// The presence, in the server.
    pub presence: u64,
    /// The presence's record and lease, in Redis.
    pub redis: Option<u64>,
    /// The same with the history and the remembered requests that led to it.
    pub redis_with_history: Option<u64>,
}

/// A storm's figures.
#[derive(Debug)]
pub struct StormReport {
    /// How many vanished.
    pub vanished: usize,
    /// From their leases' end to the last one disconnected.
    pub disconnected_within: Option<Duration>,
    /// The most that anybody was signed out after the end of their grace.
    pub offline_within: Option<Duration>,
    /// Whether each was disconnected and signed out once.
    pub once_each: bool,
    /// Others who were disconnected or signed out.
    pub bystanders: u64,
    /// Entries of the history, those of the others' work included.
    pub entries: i64,
    /// Latency of the others' calls before it.
    pub before: Histogram<u64>,
    /// The same while some were being disconnected or signed out.
    pub during: Histogram<u64>,
    /// The others' calls that failed.
    pub failed: u64,
}

impl StormReport {
    /// The tail of the others' calls in the storm, against before.
    fn tail(&self) -> Option<f64> {
        let p99 = |seen: &Histogram<u64>| seen.value_at_quantile(0.99) as f64;
        let some = !self.before.is_empty() && !self.during.is_empty();
        some.then(|| p99(&self.during) / p99(&self.before))
    }
}

/// All figures of a bench of presence.
#[derive(Debug)]
pub struct Report {
    /// What ran, as a sentence.
    pub what: String,
    /// How fast they signed in.
    pub sign_ins_per_second: f64,
    /// How long renewals were measured.
    pub seconds: f64,
    /// What it costs to do nothing.
    pub idle: Cost,
    /// What it costs to renew.
    pub cost: Cost,
    /// The renewals.
    pub renewals: Renewals,
    /// Bytes per presence.
    pub memory: Memory,
    /// The storm.
    pub storm: StormReport,
}

fn verdict(meets: bool) -> &'static str {
    if meets { "meets it" } else { "misses it" }
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn seconds(span: Option<Duration>) -> String {
    span.map_or_else(|| "not measured".to_owned(), |span| format!("{:.2} s", span.as_secs_f64()))
}

impl Report {
    /// Each figure with its goal and whether it meets it.
    fn goals(&self) -> Vec<(&'static str, String, String, Option<bool>)> {
        let Memory { measured, directory, presence, redis, redis_with_history } = self.memory;
        let cpu = |share: f64, idle: f64| format!("{} (idle {})", percent(share), percent(idle));
        let cpu_goal = format!("below {}", percent(CPU_GOAL));
        let memory_goal = format!("below {MEMORY_GOAL} B");
        let mut rows = Vec::new();
        if measured {
            let server = cpu(self.cost.server, self.idle.server);
            rows.push((
                "CPU of the server, of a core",
                server,
                cpu_goal.clone(),
                Some(self.cost.server < CPU_GOAL),
            ));
        }
        if redis.is_some() {
            let share = cpu(self.cost.redis, self.idle.redis);
            rows.push((
                "CPU of Redis, of a core",
                share,
                cpu_goal,
                Some(self.cost.redis < CPU_GOAL),
            ));
        }
        if measured {
            let all = format!("{presence} B (the rep in the directory {directory} B)");
            let meets = Some(presence < MEMORY_GOAL);
            rows.push(("memory of a presence in the server", all, memory_goal.clone(), meets));
        }
        if let (Some(stored), Some(all)) = (redis, redis_with_history) {
            let text = format!("{stored} B (with the history of signing in {all} B)");
            let meets = Some(stored < MEMORY_GOAL);
            rows.push(("memory of a presence in Redis", text, memory_goal, meets));
        }
        let storm = &self.storm;
        rows.push((
            "disconnected after the leases' end",
            seconds(storm.disconnected_within),
            String::new(),
            None,
        ));
        rows.push((
            "signed out after the grace's end",
            seconds(storm.offline_within),
            format!("within {} s", STORM_GOAL.as_secs()),
            Some(storm.offline_within.is_some_and(|within| within <= STORM_GOAL)),
        ));
        if let Some(tail) = storm.tail() {
            rows.push((
                "p99 of others' calls, against before",
                format!("{tail:.1}"),
                format!("at most {TAIL_GOAL:.0}"),
                Some(tail <= TAIL_GOAL),
            ));
        }
        rows
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut calls = Table::new(["", "COUNT", "P50", "P90", "P99", "MAX"]);
        row(&mut calls, "KeepAlive", &self.renewals.calls);
        row(&mut calls, "others before the storm", &self.storm.before);
        row(&mut calls, "others in the storm", &self.storm.during);
        let mut goals = Table::new(["", "SEEN", "GOAL", ""]);
        for (name, seen, goal, meets) in self.goals() {
            goals.row([name.to_owned(), seen, goal, meets.map_or("", verdict).to_owned()]);
        }
        let storm = &self.storm;
        let once = if storm.once_each { "once each" } else { "NOT ONCE EACH" };
        format!(
            "{}\n\n{}\n{}\n{:.0} sign-ins/s; renewals: {:.0}/s, {} otherwise, {} calls failed\n\
             storm: {} vanished, disconnected and signed out {once}; others touched: {}; entries, those of \
             others' work included: {}; others' calls that failed: {}\n",
            self.what,
            calls.text(),
            goals.text(),
            self.sign_ins_per_second,
            self.renewals.renewed as f64 / self.seconds,
            self.renewals.otherwise,
            self.renewals.failed,
            storm.vanished,
            storm.bystanders,
            storm.entries,
            storm.failed
        )
    }

    /// For programs. Latencies are in microseconds, CPU in shares of a core, memory in bytes per presence.
    pub fn json(&self) -> Value {
        let cost = |cost: &Cost| json!({ "server": cost.server, "redis": cost.redis });
        let storm = &self.storm;
        json!({
            "what": self.what,
            "signInsPerSecond": self.sign_ins_per_second,
            "renewalsPerSecond": self.renewals.renewed as f64 / self.seconds,
            "notRenewed": self.renewals.otherwise,
            "failedRenewals": self.renewals.failed,
            "keepAlive": quantiles(&self.renewals.calls),
            "cpuIdle": cost(&self.idle),
            "cpu": cost(&self.cost),
            "memory": {
                "directory": self.memory.directory,
                "presence": self.memory.presence,
                "redis": self.memory.redis,
                "redisWithHistory": self.memory.redis_with_history,
            },
            "storm": {
                "vanished": storm.vanished,
                "disconnectedWithinSeconds": storm.disconnected_within.map(|s| s.as_secs_f64()),
                "offlineWithinSeconds": storm.offline_within.map(|s| s.as_secs_f64()),
                "onceEach": storm.once_each,
                "bystanders": storm.bystanders,
                "entries": storm.entries,
                "before": quantiles(&storm.before),
                "during": quantiles(&storm.during),
                "failed": storm.failed,
                "p99AgainstBefore": storm.tail(),
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tally::histogram;
    use super::*;

    fn report() -> Report {
        let seen = |micros| {
            let mut seen = histogram();
            seen.record_n(micros, 100).unwrap();
            seen
        };
        Report {
            what: "test".into(),
            sign_ins_per_second: 5_000.0,
            seconds: 40.0,
            idle: Cost { server: 0.01, redis: 0.005 },
            cost: Cost { server: 0.05, redis: 0.2 },
            renewals: Renewals { calls: seen(900), renewed: 200_000, otherwise: 0, failed: 0 },
            memory: Memory {
                measured: true,
                directory: 700,
                presence: 1_500,
                redis: Some(400),
                redis_with_history: Some(2_500),
            },
            storm: StormReport {
                vanished: 10,
                disconnected_within: Some(Duration::from_millis(900)),
                offline_within: Some(Duration::from_millis(1_200)),
                once_each: true,
                bystanders: 0,
                entries: 40,
                before: seen(1_000),
                during: seen(2_000),
                failed: 0,
            },
        }
    }

    #[test]
    fn every_figure_stands_beside_its_goal() {
        let told = report();
        let text = told.text();
        let line = |name: &str| text.lines().find(|line| line.contains(name)).unwrap_or_default();
        assert!(line("CPU of the server").ends_with("meets it"), "{text}");
        assert!(line("CPU of Redis").ends_with("misses it"), "{text}");
        assert!(line("p99 of others").contains("2.0"), "{text}");
        assert!(text.contains("once each"), "{text}");
        assert_eq!(told.json()["renewalsPerSecond"], 5_000.0);
        let tail = told.json()["storm"]["p99AgainstBefore"].as_f64().unwrap();
        assert!((1.9..2.1).contains(&tail), "{tail}");
    }

    #[test]
    fn what_could_not_be_measured_has_no_goal() {
        let mut told = report();
        told.memory =
            Memory { measured: false, redis: None, redis_with_history: None, ..told.memory };
        let text = told.text();
        assert!(!text.contains("CPU of") && !text.contains("memory of"), "{text}");
    }
}
