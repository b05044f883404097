//! How a partner does (N7), and what of its is counted. Values only.

use minicbor::{Decode, Encode};

use crate::domain::id::PartnerId;
use crate::domain::time::{Span, Timestamp};

/// The open things that partners are asked, as they are counted (N7).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpenAskKind {
    /// Hand-offs.
    Handoff,
    /// Routing requests that nobody has acknowledged.
    Asked,
    /// Routing requests that wait in the partner's line.
    Acknowledged,
}

/// How a partner does (N7): written with everything that it is asked and answers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartnerHealth {
    /// Which.
    #[n(0)]
    pub partner: PartnerId,
    /// Requests that expired since it last showed progress.
    #[n(1)]
    pub expired_in_a_row: u32,
    /// Since when it is away; `None`: it isn't.
    #[n(2)]
    pub away_since: Option<Timestamp>,
    /// When it last answered or renewed.
    #[n(3)]
    pub last_progress: Option<Timestamp>,
    /// When it was last asked.
    #[n(4)]
    pub last_asked: Option<Timestamp>,
    /// Of the last requests that ended, at most 100, the newest last: did each expire?
    #[n(5)]
    pub recent: Vec<bool>,
    /// While it is away and something waits for it: when it is asked all the same, to see whether it is back.
    #[n(6)]
    pub probe_at: Option<Timestamp>,
}

/// Requests that the share of expired ones is told of.
const RECENT: usize = 100;

impl PartnerHealth {
    /// How often a partner that is away is asked all the same (N7).
    pub const PROBE_EVERY: Span = Span::from_secs(30);

    /// A partner that was never asked.
    #[must_use]
    pub const fn new(partner: PartnerId) -> Self {
        Self {
            partner,
            expired_in_a_row: 0,
            away_since: None,
            last_progress: None,
            last_asked: None,
            recent: Vec::new(),
            probe_at: None,
        }
    }

    /// While it is away: when it is asked again, at the earliest.
    #[must_use]
    pub fn next_probe(&self) -> Option<Timestamp> {
        let away = self.away_since?;
        Some(self.last_asked.unwrap_or(away).max(away) + Self::PROBE_EVERY)
    }

    /// How long it isn't asked yet, if it is away (N7).
    #[must_use]
    pub fn not_asked_for(&self, now: Timestamp) -> Option<Span> {
        self.next_probe().filter(|at| *at > now).map(|at| at.since(now))
    }

    /// A request has ended.
    pub fn note_end(&mut self, expired: bool) {
        self.recent.push(expired);
        if self.recent.len() > RECENT {
            self.recent.remove(0);
        }
    }
}
