//! What the actors of all orgs of a replica share.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;

use super::clock::{Clock, duration};
use super::entropy::Randomness;
use super::health::Health;
use super::options::EngineOptions;
use super::policy::Backoff;
use super::refusal::Refusal;
use super::stats::Stats;
use super::store::Store;
use super::timers::OVERDUE;
use crate::domain::id::OrgId;
use crate::domain::time::Span;
use crate::home::{Home, Place};
use crate::journal::Journal;

/// What the actors of all orgs share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) journal: JournalRef,
    pub(super) clock: ClockRef,
    pub(super) options: EngineOptions,
    pub(super) stats: Arc<Stats>,
    /// Which orgs ail.
    pub(super) health: Arc<Health>,
    /// Whether the store takes writes.
    pub(super) store: Arc<Store>,
    /// Who is home of what; set once, by a server that knows.
    pub(super) home: Arc<OnceLock<Home>>,
    /// Turns true when the server goes away.
    pub(super) closing: watch::Receiver<bool>,
}

/// The journal, whichever it is.
#[derive(Clone)]
pub(super) struct JournalRef(pub(super) Arc<dyn Journal>);

/// The clock, whichever it is.
#[derive(Clone)]
pub(super) struct ClockRef(pub(super) Arc<dyn Clock>);

impl std::fmt::Debug for JournalRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl std::fmt::Debug for ClockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Shared {
    pub(super) fn journal(&self) -> &dyn Journal {
        &*self.journal.0
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock.0
    }

    /// This server's place in the order of an org, if that is known.
    pub(super) fn place(&self, org: &OrgId) -> Option<Place> {
        self.home.get().and_then(|home| home.place(org))
    }

    /// For how long what is due in an org is left to its home.
    pub(super) fn patience(&self, org: &OrgId) -> Span {
        match self.place(org) {
            Some(Place::Second | Place::Other) => OVERDUE,
            Some(Place::Home) | None => Span::from_ms(0),
        }
    }

    /// Random bits, all different per org, the same for the same seed.
    pub(super) fn randomness(&self, org: &OrgId) -> Randomness {
        self.options.seed.map_or_else(Randomness::from_system, |seed| {
            let of_org = org.as_str().bytes().fold(seed, |sum, byte| {
                sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(byte))
            });
            Randomness::from_seed(of_org)
        })
    }
}

/// What becomes of a failure of the journal where nothing was to be done.
pub(super) fn unavailable() -> Refusal {
    Refusal::Unavailable { retry_after: duration(Backoff::PROBE.cap()) }
}
