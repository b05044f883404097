//! What a bench says in the end: a table for people, JSON for programs.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

use super::tally::{STEPS, TRANSFER, Tally};
use crate::output::Table;

/// One subject's figures.
#[derive(Debug)]
pub struct Side {
    /// What was counted at full load.
    pub peak: Tally,
    /// Seconds of full load.
    pub peak_seconds: f64,
    /// What was counted at half of that load; only with a baseline.
    pub half: Option<Tally>,
}

impl Side {
    /// Calls a second at full load.
    pub fn calls_per_second(&self) -> f64 {
        self.peak.calls as f64 / self.peak_seconds
    }

    /// Its figures as JSON, with the names of the steps. Latencies are in microseconds.
    pub fn json(&self, steps: &[&str]) -> Value {
        let methods: serde_json::Map<String, Value> = steps
            .iter()
            .zip(&self.peak.steps)
            .map(|(name, histogram)| ((*name).to_owned(), quantiles(histogram)))
            .collect();
        json!({
            "callsPerSecond": self.calls_per_second(),
            "seconds": self.peak_seconds,
            "calls": self.peak.calls,
            "errors": self.peak.errors,
            "methods": methods,
            "all": quantiles(&self.peak.all()),
        })
    }

    fn transfers_per_second(&self) -> f64 {
        self.peak.steps[TRANSFER + 1].len() as f64 / self.peak_seconds
    }
}

/// All figures of a bench.
#[derive(Debug)]
pub struct Report {
    /// What ran, as a sentence.
    pub what: String,
    /// Baton's figures.
    pub baton: Side,
    /// The echo's.
    pub echo: Option<Side>,
    /// From click to completion seen.
    pub seen: Histogram<u64>,
    /// Calls that the clients tried again.
    pub retries: u64,
    /// Mean bytes of requests and responses.
    pub sizes: (usize, usize),
}

/// Baton against the echo.
struct Ratios {
    calls: f64,
    transfer_p99_at_half: f64,
}

impl Report {
    fn ratios(&self) -> Option<Ratios> {
        let echo = self.echo.as_ref()?;
        let p99 = |histogram: &Histogram<u64>| histogram.value_at_quantile(0.99) as f64;
        Some(Ratios {
            calls: self.baton.calls_per_second() / echo.calls_per_second(),
            transfer_p99_at_half: p99(&self.baton.half.as_ref()?.steps[TRANSFER])
                / p99(&echo.half.as_ref()?.all()),
        })
    }

    /// For people.
    pub fn text(&self) -> String {
        let mut table = Table::new(["", "COUNT", "P50", "P90", "P99", "MAX"]);
        rows(&mut table, &STEPS, &self.baton.peak);
        row(&mut table, "click → completion seen", &self.seen);
        if let Some(half) = &self.baton.half {
            row(&mut table, "TransferSession at half load", &half.steps[TRANSFER]);
        }
        if let Some(echo) = &self.echo {
            row(&mut table, "echo", &echo.peak.all());
            if let Some(half) = &echo.half {
                row(&mut table, "echo at half load", &half.all());
            }
        }
        let mut text = format!(
            "{}\n\n{}\n{:.0} calls/s, {:.0} transfers/s, {} retries, errors: {}\n",
            self.what,
            table.text(),
            self.baton.calls_per_second(),
            self.baton.transfers_per_second(),
            self.retries,
            errors(&self.baton.peak)
        );
        if let (Some(echo), Some(ratios)) = (&self.echo, self.ratios()) {
            text += &format!(
                "echo with messages of {} and {} bytes: {:.0} calls/s, errors: {}\n\
                 calls/s against the echo: {:.2}; p99 of TransferSession at half load against the echo's: {:.2}\n",
                self.sizes.0,
                self.sizes.1,
                echo.calls_per_second(),
                errors(&echo.peak),
                ratios.calls,
                ratios.transfer_p99_at_half
            );
        }
        text
    }

    /// For programs. Latencies are in microseconds.
    pub fn json(&self) -> Value {
        let side = |side: &Side| {
            let mut value = side.json(&STEPS);
            value["halfLoad"] = side.half.as_ref().map_or(Value::Null, |half| {
                json!({
                    "transferSession": quantiles(&half.steps[TRANSFER]),
                    "all": quantiles(&half.all()),
                    "errors": half.errors,
                })
            });
            value
        };
        json!({
            "what": self.what,
            "baton": side(&self.baton),
            "transfersPerSecond": self.baton.transfers_per_second(),
            "clickToCompletionSeen": quantiles(&self.seen),
            "retries": self.retries,
            "meanRequestBytes": self.sizes.0,
            "meanResponseBytes": self.sizes.1,
            "echo": self.echo.as_ref().map(side),
            "ratios": self.ratios().map(|ratios| json!({
                "callsPerSecond": ratios.calls,
                "transferSessionP99AtHalfLoad": ratios.transfer_p99_at_half,
            })),
        })
    }
}

/// A row for each step.
pub fn rows(table: &mut Table, steps: &[&str], tally: &Tally) {
    for (name, histogram) in steps.iter().zip(&tally.steps) {
        row(table, name, histogram);
    }
}

/// A row: how many, and the quantiles.
pub fn row(table: &mut Table, name: &str, histogram: &Histogram<u64>) {
    let at = |quantile| milliseconds(histogram.value_at_quantile(quantile));
    let figures = if histogram.is_empty() {
        [(); 4].map(|()| String::new())
    } else {
        [at(0.5), at(0.9), at(0.99), milliseconds(histogram.max())]
    };
    table.row([name.to_owned(), histogram.len().to_string()].into_iter().chain(figures));
}

fn milliseconds(micros: u64) -> String {
    format!("{:.2}ms", micros as f64 / 1000.0)
}

/// Quantiles as JSON, in microseconds.
pub fn quantiles(histogram: &Histogram<u64>) -> Value {
    let at = |quantile| histogram.value_at_quantile(quantile);
    json!({
        "count": histogram.len(),
        "p50Micros": at(0.5),
        "p90Micros": at(0.9),
        "p99Micros": at(0.99),
        "maxMicros": histogram.max(),
    })
}

/// Errors by reason, as text.
pub fn errors(tally: &Tally) -> String {
    if tally.errors.is_empty() {
        return "none".to_owned();
    }
    tally
        .errors
        .iter()
        .map(|(reason, count)| format!("{reason} {count}"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(calls: u64, micros: u64) -> Side {
        let mut peak = Tally::of(STEPS.len());
        peak.calls = calls;
        for step in &mut peak.steps {
            step.record_n(micros, calls / 5).unwrap();
        }
        Side { half: Some(peak.clone()), peak, peak_seconds: 2.0 }
    }

    #[test]
    fn ratios_compare_calls_a_second_and_the_tail_of_a_transfer() {
        let report = Report {
            what: "test".into(),
            baton: side(7_000, 300),
            echo: Some(side(10_000, 100)),
            seen: super::super::tally::histogram(),
            retries: 0,
            sizes: (100, 200),
        };
        let value = report.json();
        assert_eq!(value["ratios"]["callsPerSecond"], 0.7);
        let tail = value["ratios"]["transferSessionP99AtHalfLoad"].as_f64().unwrap();
        assert!((2.9..3.1).contains(&tail), "{tail}");
        let text = report.text();
        assert!(
            text.contains("3500 calls/s, 700 transfers/s") && text.contains("errors: none"),
            "{text}"
        );
    }
}
