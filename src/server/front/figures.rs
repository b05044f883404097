//! What happened to connections before the first call: counted for `/stats`, and logged at most once a second, since who
//! floods a server shouldn't also fill its disk.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::certificates::Certificates;
use super::seats::{Full, Seats};

/// How often the same thing is logged at most.
const SAID_EVERY: Duration = Duration::from_secs(1);

/// Tells how connections come in. A clone is the same.
#[derive(Clone, Default)]
pub(in crate::server) struct FrontFigures(Arc<Counted>);

#[derive(Default)]
struct Counted {
    seats: Seats,
    certificates: Option<Certificates>,
    refused_in_all: AtomicU64,
    refused_from_there: AtomicU64,
    handshakes_failed: AtomicU64,
    prefaces_missed: AtomicU64,
    accepts_failed: AtomicU64,
    refusals_said: Seldom,
    handshakes_said: Seldom,
    accepts_said: Seldom,
}

/// When something was said last.
#[derive(Default)]
struct Seldom(Mutex<Option<Instant>>);

impl Seldom {
    /// Whether it may be said again.
    fn due(&self) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.is_none_or(|last| last.elapsed() >= SAID_EVERY);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}

impl FrontFigures {
    pub(super) fn new(certificates: Option<Certificates>) -> Self {
        Self(Arc::new(Counted { certificates, ..Counted::default() }))
    }

    pub(super) fn seats(&self) -> &Seats {
        &self.0.seats
    }

    /// There was no room for a connection.
    pub(super) fn refused(&self, full: Full) {
        let (limit, count) = match full {
            Full::InAll => ("connections", &self.0.refused_in_all),
            Full::FromThere => ("connections_per_address", &self.0.refused_from_there),
        };
        let refused = count.fetch_add(1, Ordering::Relaxed) + 1;
        if self.0.refusals_said.due() {
            tracing::warn!(limit, refused, "connections are refused: the limit is reached");
        }
    }

    /// A TLS handshake came to nothing.
    pub(super) fn handshake_failed(&self, why: &dyn std::fmt::Display) {
        let failed = self.0.handshakes_failed.fetch_add(1, Ordering::Relaxed) + 1;
        if self.0.handshakes_said.due() {
            tracing::info!(%why, failed, "a TLS handshake failed");
        }
    }

    /// A connection wasn't HTTP/2, or not in time.
    pub(super) fn preface_missed(&self) {
        self.0.prefaces_missed.fetch_add(1, Ordering::Relaxed);
    }

    /// The system gave no connection.
    pub(super) fn accept_failed(&self, why: &std::io::Error) {
        self.0.accepts_failed.fetch_add(1, Ordering::Relaxed);
        if self.0.accepts_said.due() {
            tracing::error!(%why, "connections can't be accepted: is the limit of open files too low?");
        }
    }

    /// All of them, by name.
    pub(in crate::server) fn figures(&self) -> Vec<(&'static str, i64)> {
        let counted = &*self.0;
        let counts = [
            ("refused_connections", &counted.refused_in_all),
            ("refused_connections_per_address", &counted.refused_from_there),
            ("handshakes_failed", &counted.handshakes_failed),
            ("prefaces_missed", &counted.prefaces_missed),
            ("accepts_failed", &counted.accepts_failed),
        ];
        let mut figures = vec![("connections", i64::from(counted.seats.taken()))];
        figures.extend(counts.map(|(name, count)| {
            (name, i64::try_from(count.load(Ordering::Relaxed)).unwrap_or(i64::MAX))
        }));
        figures.extend(counted.certificates.iter().flat_map(Certificates::figures));
        figures
    }
}
