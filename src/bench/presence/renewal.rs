//! Renewing presences in batches, spread evenly over the time in which each is due once; and how long the calls take.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval_at};

use super::super::tally::{histogram, micros};
use crate::client::Client;
use crate::pb;

/// What was seen of renewals.
#[derive(Debug, Clone)]
pub struct Renewals {
    /// Latency of the calls.
    pub calls: Histogram<u64>,
    /// Presences renewed.
    pub renewed: u64,
    /// Presences that weren't, or came back from being disconnected.
    pub otherwise: u64,
    /// Calls that failed.
    pub failed: u64,
}

impl Renewals {
    fn none() -> Self {
        Self { calls: histogram(), renewed: 0, otherwise: 0, failed: 0 }
    }
}

/// Presences that are renewed until this is dropped.
#[derive(Debug)]
pub struct Renewing {
    seen: Arc<Mutex<Renewals>>,
    _renewing: JoinSet<()>,
}

impl Renewing {
    /// Renews each of these once in `every`, so many in a call, the calls evenly spread.
    pub fn start(clients: &[Client], presences: &[String], batch: usize, every: Duration) -> Self {
        let seen = Arc::new(Mutex::new(Renewals::none()));
        let batches: Vec<Vec<String>> = presences.chunks(batch).map(<[String]>::to_vec).collect();
        let step = every / u32::try_from(batches.len().max(1)).unwrap_or(u32::MAX);
        let began = Instant::now();
        let mut renewing = JoinSet::new();
        for (number, presences) in batches.into_iter().enumerate() {
            let client = clients[number % clients.len()].clone();
            let seen = Arc::clone(&seen);
            let first = began + step * u32::try_from(number).unwrap_or(u32::MAX);
            renewing.spawn(async move {
                let mut due = interval_at(first, every);
                loop {
                    due.tick().await;
                    let found = renew(&client, presences.clone()).await;
                    note(&seen, found);
                }
            });
        }
        Self { seen, _renewing: renewing }
    }

    /// What was seen since the last time.
    pub fn take(&self) -> Renewals {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, Renewals::none())
    }
}

/// Renews once: how long it took, how many were renewed and how many weren't; `None` if the call failed.
pub async fn renew(client: &Client, presences: Vec<String>) -> Option<(Duration, u64, u64)> {
    let began = Instant::now();
    let response = client.keep_alive(pb::KeepAliveRequest { presences }).await.ok()?;
    let took = began.elapsed();
    let is_renewed = |r: &&pb::KeepAliveResult| r.verdict() == pb::KeepAliveVerdict::Renewed;
    let renewed = response.results.iter().filter(is_renewed).count();
    Some((took, renewed as u64, (response.results.len() - renewed) as u64))
}

fn note(seen: &Mutex<Renewals>, found: Option<(Duration, u64, u64)>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    match found {
        Some((took, renewed, otherwise)) => {
            seen.calls.saturating_record(micros(took));
            seen.renewed += renewed;
            seen.otherwise += otherwise;
        }
        None => seen.failed += 1,
    }
}
