//! What came of a day, in figures, beside what Erlang C says of the same load.
//!
//! Pure: from the plan and what came of each session. Waits are in seconds of the day, that is, measured times speed;
//! real latencies are kept apart, in microseconds.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use super::super::batches::Interval;
use super::super::erlang::ErlangC;
use super::super::tally::{histogram, micros};
use super::play::{Passage, Served};
use super::{HOUR, Plan};

/// The share of a stationary run that is left out at its beginning, while the line finds its balance.
const WARM_UP: f64 = 0.1;

/// All figures of a day.
#[derive(Debug)]
pub struct Figures {
    /// Of each hour, by arrival.
    pub hours: Vec<Row>,
    /// Of the whole day.
    pub all: Row,
    /// How good the estimates of the wait were.
    pub estimates: Estimates,
    /// What Baton and this program added.
    pub added: Added,
    /// Real latencies in microseconds, by name.
    pub latencies: Vec<(&'static str, Histogram<u64>)>,
    /// With the same rate all the time: how sure the means are.
    pub stationary: Option<Stationary>,
    /// Sessions that weren't served, by reason.
    pub failed: BTreeMap<String, u64>,
}

/// Figures of an hour, or of the day.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// Sessions that were served.
    pub sessions: usize,
    /// Offered load in Erlangs; of the day, its mean.
    pub load: f64,
    /// Share of sessions that waited.
    pub waited: f64,
    /// Mean wait.
    pub mean: f64,
    /// Half waited no longer.
    pub median: f64,
    /// Nine of ten waited no longer.
    pub p90: f64,
    /// The longest wait.
    pub max: f64,
    /// Share of sessions whose wait was within the limit.
    pub in_time: f64,
    /// Share of the reps' capacity in use.
    pub used: f64,
    /// What Erlang C says of this load. None in overload.
    pub theory: Option<Theory>,
    /// The same, with what Baton and this program added to each handling.
    pub theory_held: Option<Theory>,
}

/// What Erlang C says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Theory {
    /// Share of sessions that wait.
    pub waited: f64,
    /// Mean wait.
    pub mean: f64,
    /// Share of sessions whose wait is within the limit.
    pub in_time: f64,
}

/// Estimates given to sessions that had to wait, against the wait that came (E5).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Estimates {
    /// Sessions that had to wait and got one.
    pub given: usize,
    /// Sessions that had to wait and got none (E1).
    pub absent: usize,
    /// Mean wait of those who got one.
    pub wait: f64,
    /// Mean of estimate less wait.
    pub bias: f64,
    /// Mean distance of the two.
    pub error: f64,
}

/// What Baton and this program added to each handling.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Added {
    /// Real seconds, mean.
    pub real: f64,
    /// Seconds of the day, mean.
    pub day: f64,
    /// Its share of the time that capacity was held.
    pub share: f64,
}

/// Means of a run whose rate never changes, after a warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stationary {
    /// Mean wait.
    pub wait: Interval,
    /// Share of sessions that waited.
    pub waited: Interval,
}

impl Figures {
    /// Works them out.
    pub fn of(plan: &Plan, passages: &[Passage]) -> Self {
        let mut failed = BTreeMap::new();
        let mut by_hour: Vec<Vec<&Served>> = vec![Vec::new(); plan.loads.len()];
        let mut served: Vec<(f64, &Served)> = Vec::new();
        for passage in passages {
            match &passage.served {
                Ok(one) => {
                    by_hour[plan.hour(passage.arrival.at)].push(one);
                    served.push((passage.arrival.handling, one));
                }
                Err(reason) => *failed.entry(reason.clone()).or_default() += 1,
            }
        }
        let added = Added::of(plan, &served);
        let everyone: Vec<&Served> = served.iter().map(|(_, one)| *one).collect();
        let used = used_by_hour(plan, &everyone);
        let hours: Vec<Row> = by_hour
            .iter()
            .enumerate()
            .map(|(number, served)| Row {
                load: plan.loads[number],
                used: used[number],
                theory: Theory::of(plan, plan.loads[number], 0.0),
                theory_held: Theory::of(plan, plan.loads[number], added.day),
                ..Row::measured(plan, served)
            })
            .collect();
        let count = plan.loads.len().max(1) as f64;
        let all = Row {
            load: plan.loads.iter().sum::<f64>() / count,
            used: used.iter().sum::<f64>() / count,
            theory: Theory::mean(&hours, |hour| hour.theory),
            theory_held: Theory::mean(&hours, |hour| hour.theory_held),
            ..Row::measured(plan, &everyone)
        };
        Self {
            hours,
            all,
            estimates: Estimates::of(plan, &everyone),
            added,
            latencies: latencies(&everyone),
            stationary: if plan.is_stationary() { Stationary::of(plan, &everyone) } else { None },
            failed,
        }
    }
}

impl Row {
    /// What was measured, without load and theory.
    fn measured(plan: &Plan, served: &[&Served]) -> Self {
        let mut waits: Vec<f64> = served.iter().map(|one| one.wait * plan.speed).collect();
        waits.sort_by(f64::total_cmp);
        let at = |share: f64| {
            let place = (share * waits.len() as f64).ceil() as usize;
            waits.get(place.saturating_sub(1)).copied().unwrap_or_default()
        };
        let share = |count: usize| count as f64 / waits.len().max(1) as f64;
        Self {
            sessions: waits.len(),
            waited: share(served.iter().filter(|one| one.waited).count()),
            mean: mean(&waits),
            median: at(0.5),
            p90: at(0.9),
            max: at(1.0),
            in_time: share(waits.iter().filter(|wait| **wait <= plan.within).count()),
            ..Self::default()
        }
    }
}

impl Theory {
    /// For a load, if each handling takes so much longer.
    fn of(plan: &Plan, load: f64, added: f64) -> Option<Self> {
        let handling = plan.mean_handling() + added;
        let line = ErlangC::of(load * handling / plan.mean_handling(), plan.servers())?;
        Some(Self {
            waited: line.waiting(),
            mean: line.mean_wait(handling),
            in_time: line.service_level(handling, plan.within),
        })
    }

    /// The mean over sessions of the hours' own. None if there is an hour without.
    fn mean(hours: &[Row], of: impl Fn(&Row) -> Option<Self>) -> Option<Self> {
        let whole: f64 = hours.iter().map(|hour| hour.load).sum();
        let start = Self { waited: 0.0, mean: 0.0, in_time: 0.0 };
        hours.iter().try_fold(start, |sum, hour| {
            let (theory, share) = (of(hour)?, hour.load / whole);
            Some(Self {
                waited: sum.waited + theory.waited * share,
                mean: sum.mean + theory.mean * share,
                in_time: sum.in_time + theory.in_time * share,
            })
        })
    }
}

impl Estimates {
    fn of(plan: &Plan, served: &[&Served]) -> Self {
        let waited: Vec<&&Served> = served.iter().filter(|one| one.waited).collect();
        let pairs: Vec<(f64, f64)> = waited
            .iter()
            .filter_map(|one| Some((one.estimate? * plan.speed, one.wait * plan.speed)))
            .collect();
        let of = |each: fn(&(f64, f64)) -> f64| mean(&pairs.iter().map(each).collect::<Vec<_>>());
        Self {
            given: pairs.len(),
            absent: waited.len() - pairs.len(),
            wait: of(|(_, wait)| *wait),
            bias: of(|(estimate, wait)| estimate - wait),
            error: of(|(estimate, wait)| (estimate - wait).abs()),
        }
    }
}

impl Added {
    fn of(plan: &Plan, served: &[(f64, &Served)]) -> Self {
        let held = mean(&served.iter().map(|(_, one)| one.held).collect::<Vec<_>>());
        let wanted =
            mean(&served.iter().map(|(wanted, _)| wanted / plan.speed).collect::<Vec<_>>());
        if held <= 0.0 {
            return Self::default();
        }
        let real = held - wanted;
        Self { real, day: real * plan.speed, share: real / held }
    }
}

impl Stationary {
    fn of(plan: &Plan, served: &[&Served]) -> Option<Self> {
        let settled = &served[(served.len() as f64 * WARM_UP) as usize..];
        let waits: Vec<f64> = settled.iter().map(|one| one.wait * plan.speed).collect();
        let waited: Vec<f64> = settled.iter().map(|one| f64::from(u8::from(one.waited))).collect();
        Some(Self { wait: Interval::of(&waits)?, waited: Interval::of(&waited)? })
    }
}

/// The share of capacity in use in each hour: each session counts in the hours in which it is handled.
fn used_by_hour(plan: &Plan, served: &[&Served]) -> Vec<f64> {
    let mut used = vec![0.0; plan.loads.len()];
    for one in served {
        let (from, to) = (one.seen * plan.speed, (one.seen + one.held) * plan.speed);
        let mut hour = (from / HOUR) as usize;
        while hour < used.len() && (hour as f64) * HOUR < to {
            let begins = hour as f64 * HOUR;
            used[hour] += to.min(begins + HOUR) - from.max(begins);
            hour += 1;
        }
    }
    used.iter().map(|busy| busy / HOUR / f64::from(plan.servers())).collect()
}

fn latencies(served: &[&Served]) -> Vec<(&'static str, Histogram<u64>)> {
    let of = |name, values: Vec<f64>| {
        let mut all = histogram();
        for seconds in values {
            all.saturating_record(micros(Duration::from_secs_f64(seconds.max(0.0))));
        }
        (name, all)
    };
    let call = |step: usize| served.iter().map(|one| one.calls[step]).collect();
    let at_once = served.iter().filter(|one| !one.waited).map(|one| one.opened_to_seen);
    vec![
        of("opened later than due", served.iter().map(|one| one.late).collect()),
        of("OpenSession", call(0)),
        of("AcceptWork", call(1)),
        of("EndSession", call(2)),
        of("opened → offer seen, without waiting", at_once.collect()),
    ]
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::draws::Handling;
    use super::super::super::profile::Profile;
    use super::super::Arrival;
    use super::*;

    /// Two hours of two reps, 100 times as fast.
    fn plan() -> Plan {
        Plan {
            profile: Profile::flat(2),
            loads: vec![1.0, 1.5],
            handling: Handling::Exponential { mean: 180.0 },
            reps: 2,
            capacity: 1,
            speed: 100.0,
            within: 20.0,
            seed: 1,
            arrivals: Vec::new(),
        }
    }

    fn passage(at: f64, wait: f64, estimate: Option<f64>) -> Passage {
        let seen = (at + wait) / 100.0;
        let served = Served {
            waited: wait > 0.0,
            wait: wait / 100.0,
            seen,
            held: 1.9,
            estimate: estimate.map(|seconds| seconds / 100.0),
            ..Served::default()
        };
        Passage { arrival: Arrival { at, handling: 180.0 }, served: Ok(served) }
    }

    fn near(left: f64, right: f64) {
        assert!((left - right).abs() < 1e-9, "{left} isn't {right}");
    }

    #[test]
    fn waits_are_counted_in_the_hour_of_arrival_and_in_the_days_time() {
        let passages = [
            passage(0.0, 0.0, None),
            passage(10.0, 10.0, Some(4.0)),
            passage(20.0, 30.0, Some(40.0)),
            passage(3_600.0, 50.0, None),
            Passage {
                arrival: Arrival { at: 3_700.0, handling: 1.0 },
                served: Err("NOT_OFFERED".to_owned()),
            },
        ];
        let figures = Figures::of(&plan(), &passages);
        let first = &figures.hours[0];
        assert_eq!((first.sessions, figures.hours[1].sessions, figures.all.sessions), (3, 1, 4));
        near(first.mean, 40.0 / 3.0);
        near(first.median, 10.0);
        near(first.max, 30.0);
        near(first.waited, 2.0 / 3.0);
        near(first.in_time, 2.0 / 3.0);
        near(first.used, 3.0 * 190.0 / 3_600.0 / 2.0);
        assert_eq!(figures.failed["NOT_OFFERED"], 1);

        let estimates = figures.estimates;
        assert_eq!((estimates.given, estimates.absent), (2, 1));
        near(estimates.bias, (-6.0 + 10.0) / 2.0);
        near(estimates.error, 8.0);
        near(estimates.wait, 20.0);
    }

    #[test]
    fn what_baton_adds_is_set_apart_and_shown_in_theory() {
        let figures = Figures::of(&plan(), &[passage(0.0, 0.0, None)]);
        near(figures.added.real, 0.1);
        near(figures.added.day, 10.0);
        near(figures.added.share, 0.1 / 1.9);
        // Two servers at one Erlang: one of three waits, as the closed form has it.
        let first = &figures.hours[0];
        near(first.theory.unwrap().waited, 1.0 / 3.0);
        near(first.theory.unwrap().mean, 60.0);
        assert!(first.theory_held.unwrap().mean > 60.0);
        assert!(figures.stationary.is_none(), "one session says nothing");
    }

    #[test]
    fn handling_counts_in_each_hour_that_it_reaches_into() {
        let used = Figures::of(&plan(), &[passage(3_510.0, 0.0, None)]);
        near(used.hours[0].used, 90.0 / 3_600.0 / 2.0);
        near(used.hours[1].used, 100.0 / 3_600.0 / 2.0);
    }

    #[test]
    fn overload_has_no_theory_and_a_day_with_it_neither() {
        let plan = Plan { loads: vec![1.0, 2.0], ..plan() };
        let figures = Figures::of(&plan, &[]);
        assert!(figures.hours[0].theory.is_some() && figures.hours[1].theory.is_none());
        assert!(figures.all.theory.is_none());
    }
}
