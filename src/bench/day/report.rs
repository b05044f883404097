//! What a bench of a day says in the end: tables for people, JSON for programs.

use serde_json::{Value, json};

use super::super::draws::Handling;
use super::super::report::{quantiles, row};
use super::Plan;
use super::figures::{Figures, Row, Stationary, Theory};
use crate::output::Table;

/// Where log-normal handling times are taken from.
const LOG_NORMAL: &str = "Brown, Gans, Mandelbaum, Sakov, Shen, Zeltyn, Zhao (2005), Statistical Analysis of a Telephone \
                          Call Center: A Queueing-Science Perspective, JASA 100(469)";

/// The share of held time beyond which what is added drowns what is measured.
const TOO_MUCH: f64 = 0.05;

/// All that is to be said of a day.
#[derive(Debug)]
pub struct Report {
    /// What ran, as a sentence.
    pub what: String,
    /// What was played.
    pub plan: Plan,
    /// What came of it.
    pub figures: Figures,
}

impl Report {
    fn sources(&self) -> Vec<String> {
        let handling = match self.plan.handling {
            Handling::Exponential { .. } => "exponential, as Erlang C supposes".to_owned(),
            Handling::LogNormal { variation, .. } => {
                format!("log-normal, standard deviation {variation} of the mean; {LOG_NORMAL}")
            }
        };
        vec![
            format!("arrivals: Poisson, {}", self.plan.profile.source),
            format!("handling: {:.0} s in the mean, {handling}", self.plan.mean_handling()),
        ]
    }

    /// For people.
    pub fn text(&self) -> String {
        let (plan, figures) = (&self.plan, &self.figures);
        let mut text = format!(
            "{}\n{} sessions, {} reps × {}, {} times as fast, seed {}; all waits in the day's time\n{}\n\n",
            self.what,
            plan.arrivals.len(),
            plan.reps,
            plan.capacity,
            plan.speed,
            plan.seed,
            self.sources().join("\n")
        );
        text += &self.hours().text();
        text += &format!(
            "\nC: Erlang C for the same load, each hour as if it lasted; IN TIME: within {:.0} s\n",
            plan.within
        );
        text += &self.added();
        text += &self.estimates();
        if let Some(stationary) = &figures.stationary {
            text += &self.agreement(stationary);
        }
        let mut real = Table::new(["REAL LATENCY", "COUNT", "P50", "P90", "P99", "MAX"]);
        for (name, histogram) in &figures.latencies {
            row(&mut real, name, histogram);
        }
        let failed: Vec<String> =
            figures.failed.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
        let failed = if failed.is_empty() { "none".to_owned() } else { failed.join(", ") };
        text + &format!("\n{}\nnot served: {failed}\n", real.text())
    }

    fn hours(&self) -> Table {
        let mut table = Table::new([
            "HOUR",
            "SESSIONS",
            "ERLANGS",
            "USED",
            "WAITED",
            "MEAN",
            "MEDIAN",
            "P90",
            "MAX",
            "IN TIME",
            "C: WAITED",
            "C: MEAN",
            "C: IN TIME",
        ]);
        let hours = self.figures.hours.iter().enumerate();
        let named = hours.map(|(number, hour)| (self.plan.profile.hour(number), hour));
        for (name, row) in named.chain([("all".to_owned(), &self.figures.all)]) {
            let theory = |say: fn(&Theory) -> String| row.theory.as_ref().map(say);
            table.row([
                name,
                row.sessions.to_string(),
                format!("{:.1}", row.load),
                per_cent(row.used),
                per_cent(row.waited),
                seconds(row.mean),
                seconds(row.median),
                seconds(row.p90),
                seconds(row.max),
                per_cent(row.in_time),
                theory(|theory| per_cent(theory.waited)).unwrap_or_default(),
                theory(|theory| seconds(theory.mean)).unwrap_or_default(),
                theory(|theory| per_cent(theory.in_time)).unwrap_or_default(),
            ]);
        }
        table
    }

    fn added(&self) -> String {
        let added = &self.figures.added;
        let mut text = format!(
            "Baton and this program add {:.2} ms to each handling, {} of the day: {} of the time that capacity is held\n",
            added.real * 1000.0,
            seconds(added.day),
            per_cent(added.share)
        );
        text += &match &self.figures.all.theory_held {
            Some(theory) => format!(
                "Erlang C with that in the load: {} wait, {} in the mean, {} in time\n",
                per_cent(theory.waited),
                seconds(theory.mean),
                per_cent(theory.in_time)
            ),
            None => "Erlang C with that in the load: no balance\n".to_owned(),
        };
        if added.share > TOO_MUCH {
            text +=
                "That is too much for waits to say anything of the routing: give a lower --speed\n";
        }
        text + &format!(
            "the server's clock has whole milliseconds: {} of the day\n",
            seconds(self.plan.speed / 1000.0)
        )
    }

    fn estimates(&self) -> String {
        let estimates = &self.figures.estimates;
        if estimates.given == 0 {
            return format!("estimated waits: none given to {} who waited\n", estimates.absent);
        }
        format!(
            "estimated waits: given to {}, absent for {}; off by {} in the mean, {} with its sign, \
             where the mean wait was {}\n",
            estimates.given,
            estimates.absent,
            seconds(estimates.error),
            seconds(estimates.bias),
            seconds(estimates.wait)
        )
    }

    /// Whether a run in balance agrees with theory.
    fn agreement(&self, stationary: &Stationary) -> String {
        let all = &self.figures.all;
        let mut text = format!(
            "\nmeasured, 95 % confidence: mean wait {} ± {}, waited {} ± {}\n",
            seconds(stationary.wait.mean),
            seconds(stationary.wait.half_width),
            per_cent(stationary.waited.mean),
            per_cent(stationary.waited.half_width)
        );
        for (name, theory) in
            [("Erlang C", all.theory), ("Erlang C with what is added", all.theory_held)]
        {
            let Some(theory) = theory else {
                text += &format!("{name}: no balance at this load\n");
                continue;
            };
            let verdict = |holds: bool| if holds { "inside" } else { "outside" };
            text += &format!(
                "{name}: mean wait {} ({}), waited {} ({})\n",
                seconds(theory.mean),
                verdict(stationary.wait.holds(theory.mean)),
                per_cent(theory.waited),
                verdict(stationary.waited.holds(theory.waited))
            );
        }
        text
    }

    /// For programs. Waits are in seconds of the day, latencies in real microseconds.
    pub fn json(&self) -> Value {
        let (plan, figures) = (&self.plan, &self.figures);
        let hours: Vec<Value> = figures
            .hours
            .iter()
            .enumerate()
            .map(|(number, hour)| {
                let mut value = row_json(hour);
                value["hour"] = json!(plan.profile.hour(number));
                value
            })
            .collect();
        let latencies: serde_json::Map<String, Value> = figures
            .latencies
            .iter()
            .map(|(name, histogram)| ((*name).to_owned(), quantiles(histogram)))
            .collect();
        let (estimates, added) = (&figures.estimates, &figures.added);
        json!({
            "what": self.what,
            "sources": self.sources(),
            "reps": plan.reps,
            "capacity": plan.capacity,
            "speed": plan.speed,
            "seed": plan.seed,
            "withinSeconds": plan.within,
            "meanHandlingSeconds": plan.mean_handling(),
            "sessions": plan.arrivals.len(),
            "hours": hours,
            "all": row_json(&figures.all),
            "estimates": {
                "given": estimates.given,
                "absent": estimates.absent,
                "meanWait": estimates.wait,
                "meanError": estimates.bias,
                "meanAbsoluteError": estimates.error,
            },
            "added": {
                "realSeconds": added.real,
                "daySeconds": added.day,
                "shareOfHeld": added.share,
                "tooMuch": added.share > TOO_MUCH,
            },
            "stationary": figures.stationary.as_ref().map(|stationary| json!({
                "meanWait": stationary.wait.mean,
                "meanWaitHalfWidth95": stationary.wait.half_width,
                "waited": stationary.waited.mean,
                "waitedHalfWidth95": stationary.waited.half_width,
            })),
            "latencies": latencies,
            "notServed": figures.failed,
        })
    }
}

fn row_json(row: &Row) -> Value {
    let theory = |theory: &Theory| json!({ "waited": theory.waited, "meanWait": theory.mean, "inTime": theory.in_time });
    json!({
        "sessions": row.sessions,
        "erlangs": row.load,
        "used": row.used,
        "waited": row.waited,
        "meanWait": row.mean,
        "medianWait": row.median,
        "p90Wait": row.p90,
        "maxWait": row.max,
        "inTime": row.in_time,
        "erlangC": row.theory.as_ref().map(theory),
        "erlangCWithAdded": row.theory_held.as_ref().map(theory),
    })
}

fn per_cent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

fn seconds(seconds: f64) -> String {
    if seconds.abs() < 10.0 { format!("{seconds:.2}s") } else { format!("{seconds:.1}s") }
}

#[cfg(test)]
mod tests {
    use super::super::super::profile::Profile;
    use super::super::play::{Passage, Served};
    use super::super::{Arrival, HOUR};
    use super::*;

    fn report(waits: usize) -> Report {
        let arrivals: Vec<Arrival> = (0..400)
            .map(|number| Arrival { at: f64::from(number) * HOUR / 400.0, handling: 30.0 })
            .collect();
        let plan = Plan {
            profile: Profile::flat(1),
            loads: vec![10.0 / 3.0],
            handling: Handling::Exponential { mean: 30.0 },
            reps: 5,
            capacity: 1,
            speed: 10.0,
            within: 20.0,
            seed: 9,
            arrivals: arrivals.clone(),
        };
        let passages: Vec<Passage> = arrivals
            .into_iter()
            .enumerate()
            .map(|(number, arrival)| {
                let waited = number % 10 < waits;
                let wait = if waited { 1.0 } else { 0.0 };
                let served = Served { waited, wait, held: 3.0, ..Served::default() };
                Passage { arrival, served: Ok(served) }
            })
            .collect();
        let figures = Figures::of(&plan, &passages);
        Report { what: "test".into(), plan, figures }
    }

    #[test]
    fn a_day_is_set_beside_theory_with_its_sources() {
        let report = report(4);
        let (text, value) = (report.text(), report.json());
        assert!(text.contains("00–01") && text.contains("exponential, as Erlang C"), "{text}");
        assert!(text.contains("mean wait 4.00s ± 0.26s, waited 40.0% ± 2.6%"), "{text}");
        assert_eq!(value["all"]["sessions"], 400);
        assert_eq!(value["hours"][0]["waited"], 0.4);
        assert!(value["all"]["erlangC"]["meanWait"].as_f64().unwrap() > 0.0);
        assert_eq!(value["notServed"], json!({}));
    }

    #[test]
    fn disagreement_is_said() {
        let text = report(0).text();
        assert!(text.contains("(outside)"), "{text}");
    }

    #[test]
    fn a_speed_that_drowns_the_waits_is_said() {
        let mut report = report(4);
        assert!(!report.text().contains("lower --speed"));
        report.figures.added.share = 0.3;
        assert!(report.text().contains("lower --speed"));
        assert_eq!(report.json()["added"]["tooMuch"], true);
    }
}
