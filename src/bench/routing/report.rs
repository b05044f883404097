//! What a bench of routing says in the end: a table for people, JSON for programs.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::super::desks::SeenOffers;
use super::super::ground::Counted;
use super::super::report::{Side, errors, quantiles, row, rows};
use super::STEPS;
use crate::output::Table;

/// All figures of a bench of routing.
#[derive(Debug)]
pub struct Report {
    /// What ran, as a sentence.
    pub what: String,
    /// Baton's figures.
    pub baton: Side,
    /// The echo's.
    pub echo: Option<Side>,
    /// Offers seen at full load.
    pub seen: SeenOffers,
    /// Offers seen at half load; only with a baseline.
    pub at_half: Option<SeenOffers>,
    /// Calls that the clients tried again.
    pub retries: u64,
    /// Those of them that lost a race on the server.
    pub contentions: u64,
    /// What the servers have counted, if they run in this process.
    pub counted: Option<Counted>,
    /// Mean bytes of requests and responses.
    pub sizes: (usize, usize),
}

impl Report {
    fn sessions_per_second(&self) -> f64 {
        self.baton.peak.steps[STEPS.len() - 1].len() as f64 / self.baton.peak_seconds
    }

    fn ratio(&self) -> Option<f64> {
        Some(self.baton.calls_per_second() / self.echo.as_ref()?.calls_per_second())
    }

    /// Per hundred calls that were answered.
    fn per_cent(&self, count: u64) -> f64 {
        count as f64 * 100.0 / (self.baton.peak.calls.max(1)) as f64
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut table = Table::new(["", "COUNT", "P50", "P90", "P99", "MAX"]);
        rows(&mut table, &STEPS, &self.baton.peak);
        row(&mut table, "opened → offer seen", &self.seen.opened);
        row(&mut table, "freed → next offer seen", &self.seen.freed);
        if let Some(half) = &self.at_half {
            row(&mut table, "opened → offer seen at half load", &half.opened);
            row(&mut table, "freed → next offer seen at half load", &half.freed);
        }
        if let Some(echo) = &self.echo {
            row(&mut table, "echo", &echo.peak.all());
        }
        let mut text = format!(
            "{}\n\n{}\n{:.0} calls/s, {:.0} sessions/s; offers made later than by those calls: {}\n\
             tried again: {} ({:.2} per 100 calls), of these CONTENDED: {} ({:.2}); errors: {}\n",
            self.what,
            table.text(),
            self.baton.calls_per_second(),
            self.sessions_per_second(),
            self.seen.others,
            self.retries,
            self.per_cent(self.retries),
            self.contentions,
            self.per_cent(self.contentions),
            errors(&self.baton.peak)
        );
        if let Some(counted) = &self.counted {
            text += &format!("{}\n", counted.text());
        }
        if let (Some(echo), Some(ratio)) = (&self.echo, self.ratio()) {
            text += &format!(
                "echo with messages of {} and {} bytes: {:.0} calls/s, errors: {}\n\
                 calls/s against the echo: {ratio:.2}\n",
                self.sizes.0,
                self.sizes.1,
                echo.calls_per_second(),
                errors(&echo.peak)
            );
        }
        text
    }

    /// For programs. Latencies are in microseconds.
    pub fn json(&self) -> Value {
        let seen = |seen: &SeenOffers| {
            let of = |histogram: &Histogram<u64>| quantiles(histogram);
            json!({
                "openedToOfferSeen": of(&seen.opened),
                "freedToNextOfferSeen": of(&seen.freed),
                "otherOffers": seen.others,
            })
        };
        let echo_steps: Vec<String> = (1..=STEPS.len()).map(|n| format!("call{n}")).collect();
        let echo_steps: Vec<&str> = echo_steps.iter().map(String::as_str).collect();
        json!({
            "what": self.what,
            "baton": self.baton.json(&STEPS),
            "sessionsPerSecond": self.sessions_per_second(),
            "offers": seen(&self.seen),
            "offersAtHalfLoad": self.at_half.as_ref().map(seen),
            "retries": self.retries,
            "contentions": self.contentions,
            "servers": self.counted.map(|c| json!({
                "batches": c.batches,
                "transactions": c.transactions,
                "conflicts": c.conflicts,
                "retries": c.retries,
            })),
            "meanRequestBytes": self.sizes.0,
            "meanResponseBytes": self.sizes.1,
            "echo": self.echo.as_ref().map(|echo| echo.json(&echo_steps)),
            "ratios": self.ratio().map(|ratio| json!({ "callsPerSecond": ratio })),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tally::{Tally, histogram};
    use super::*;

    fn side(calls: u64) -> Side {
        let mut peak = Tally::of(STEPS.len());
        peak.calls = calls;
        for step in &mut peak.steps {
            step.record_n(200, calls / 3).unwrap();
        }
        Side { peak, peak_seconds: 2.0, half: None }
    }

    #[test]
    fn the_report_counts_sessions_and_compares_calls() {
        let mut seen = SeenOffers { opened: histogram(), freed: histogram(), others: 4 };
        seen.freed.record(1_500).unwrap();
        let report = Report {
            what: "test".into(),
            baton: side(6_000),
            echo: Some(side(12_000)),
            seen,
            at_half: None,
            retries: 60,
            contentions: 30,
            counted: None,
            sizes: (100, 200),
        };
        let value = report.json();
        assert_eq!(value["sessionsPerSecond"], 1_000.0);
        assert_eq!(value["ratios"]["callsPerSecond"], 0.5);
        assert_eq!(value["offers"]["freedToNextOfferSeen"]["count"], 1);
        let text = report.text();
        assert!(text.contains("3000 calls/s, 1000 sessions/s"), "{text}");
        assert!(text.contains("60 (1.00 per 100 calls), of these CONTENDED: 30 (0.50)"), "{text}");
    }
}
