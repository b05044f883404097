//! What a bench counts: latencies per step, calls, lives, errors by reason.
//!
//! Each worker has a tally of its own; they are added up at the end. Nothing here knows what is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use prost::Message;
use tokio::time::Instant;

use crate::client::Failure;

/// The steps of a session's life, in order.
pub const STEPS: [&str; 5] =
    ["OpenSession", "AcceptWork", "TransferSession", "AcceptTransfer", "EndSession"];
/// Which of them is the click on *transfer*.
pub const TRANSFER: usize = 2;

/// Counts of one worker, or of all.
#[derive(Clone, Debug)]
pub struct Tally {
    /// Latency per step, in microseconds.
    pub steps: Vec<Histogram<u64>>,
    /// Calls that succeeded in time.
    pub calls: u64,
    /// Calls that failed, by reason.
    pub errors: BTreeMap<String, u64>,
    /// Bytes of requests and of responses, and of how many calls; only gathered when asked to.
    pub sizes: Option<[u64; 3]>,
}

/// A histogram of microseconds, to a percent, up to a minute.
pub fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 2).expect("bounds that hdrhistogram allows")
}

impl Tally {
    /// Nothing counted, of a life with so many steps.
    pub fn of(steps: usize) -> Self {
        Self {
            steps: (0..steps).map(|_| histogram()).collect(),
            calls: 0,
            errors: BTreeMap::new(),
            sizes: None,
        }
    }

    /// Makes a call and counts it, unless it ends after `until`, when nobody counts any more.
    pub async fn step<M: Message, T: Message>(
        &mut self,
        step: usize,
        until: Instant,
        message: M,
        call: impl AsyncFnOnce(M) -> Result<T, Failure>,
    ) -> Option<T> {
        // The client adds a request id: a UUID, its tag and its length.
        let request_size = if self.sizes.is_some() { message.encoded_len() as u64 + 38 } else { 0 };
        let began = Instant::now();
        let result = call(message).await;
        let ended = Instant::now();
        match result {
            Ok(response) => {
                if ended <= until {
                    self.record(step, ended - began);
                }
                if let Some([requests, responses, calls]) = &mut self.sizes {
                    *requests += request_size;
                    *responses += response.encoded_len() as u64;
                    *calls += 1;
                }
                Some(response)
            }
            Err(failure) => {
                *self.errors.entry(failure.label()).or_default() += 1;
                None
            }
        }
    }

    fn record(&mut self, step: usize, took: Duration) {
        self.steps[step].saturating_record(micros(took));
        self.calls += 1;
    }

    /// Adds another worker's counts.
    pub fn add(&mut self, other: &Self) {
        for (mine, theirs) in self.steps.iter_mut().zip(&other.steps) {
            mine.add(theirs).expect("the same bounds");
        }
        self.calls += other.calls;
        for (reason, count) in &other.errors {
            *self.errors.entry(reason.clone()).or_default() += count;
        }
    }

    /// Latency of all steps together.
    pub fn all(&self) -> Histogram<u64> {
        let mut all = histogram();
        for step in &self.steps {
            all.add(step).expect("the same bounds");
        }
        all
    }
}

/// Whole microseconds, at least one.
pub fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1)
}
