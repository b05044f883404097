//! What partners supply of their contacts and queues (N2, N10, E6). Values only. Contacts are kept in blocks (`block`), in
//! the order of their ids, so that a hundred thousand of them are some thousand records.

mod answers;
mod block;
mod observed;
mod staged;

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use crate::domain::id::{ChannelId, ContactId, PartnerId, QueueId};
use crate::domain::time::{Span, Timestamp};

pub use answers::{AvailabilityReport, ContactSync, FAILURES_TOLD, ItemFailure, ItemFailures};
pub use block::{ContactBlock, ContactClass, ContactRow, encoded, folded};
pub use observed::{ContactObservation, Observed, Wait};
pub use staged::{CompletedSync, PageRun, StagedSync};

/// What a partner says of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ContactAvailability {
    /// Can take a session now.
    Available,
    /// Takes sessions, but not now.
    Busy,
    /// Takes none.
    Unavailable,
}

/// An external contact as it is known, without what was observed of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContactDetails {
    /// The partner's own id.
    #[n(0)]
    pub id: ContactId,
    /// What kind of contact it is, in the partner's words, at most 64 bytes.
    #[n(1)]
    pub kind: String,
    /// The channels that it serves, at most 32; empty: all that the partner routes.
    #[n(2)]
    pub channels: BTreeSet<ChannelId>,
    /// What people read, 1–256 bytes.
    #[n(3)]
    pub name: String,
    /// Further text, at most 512 bytes.
    #[n(4)]
    pub description: String,
    /// Text to show beside it, at most 16 and 1 KiB.
    #[n(5)]
    pub fields: BTreeMap<String, String>,
}

/// An external contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contact {
    /// The partner's own id.
    pub id: ContactId,
    /// What people read, 1–256 bytes.
    pub name: String,
    /// Further text, at most 512 bytes.
    pub description: String,
    /// What kind of contact it is, in the partner's words, at most 64 bytes.
    pub kind: String,
    /// The channels that it serves, at most 32; empty: all that the partner routes.
    pub channels: BTreeSet<ChannelId>,
    /// Text to show beside it, at most 16 and 1 KiB.
    pub fields: BTreeMap<String, String>,
    /// What was observed of it.
    pub observed: ContactObservation,
}

impl Contact {
    /// Does it take sessions of this channel?
    #[must_use]
    pub fn serves(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }

    /// The contact of these details, and of which this was observed.
    #[must_use]
    pub fn of(details: ContactDetails, observed: ContactObservation) -> Self {
        let ContactDetails { id, kind, channels, name, description, fields } = details;
        Self { id, name, description, kind, channels, fields, observed }
    }
}

/// The contacts of a partner as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContactBook {
    /// Whose.
    #[n(0)]
    pub partner: PartnerId,
    /// Of the last complete full sync, whose blocks are shown; 0: there was none.
    #[n(1)]
    pub generation: u64,
    /// How many contacts there are.
    #[n(2)]
    pub contacts: u32,
    /// That sync, to answer its last page once more.
    #[n(3)]
    pub completed: Option<CompletedSync>,
    /// The full sync that isn't complete yet.
    #[n(4)]
    pub staged: Option<StagedSync>,
}

impl ContactBook {
    /// No contacts.
    #[must_use]
    pub const fn new(partner: PartnerId) -> Self {
        Self { partner, generation: 0, contacts: 0, completed: None, staged: None }
    }
}

/// What a partner said of one of its queues (E6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueueReport {
    /// Which.
    #[n(0)]
    pub queue: QueueId,
    /// Who said so. It doesn't hold once the queue is another's.
    #[n(1)]
    pub partner: PartnerId,
    /// The estimated wait, if it is known.
    #[n(2)]
    pub wait: Option<Span>,
    /// How many samples it rests on, if the partner says.
    #[n(3)]
    pub samples: Option<u32>,
    /// When it was observed; older reports don't count.
    #[n(4)]
    pub observed_at: Timestamp,
    /// Until when it holds; `None`: until the next one.
    #[n(5)]
    pub until: Option<Timestamp>,
}

impl QueueReport {
    /// The wait as far as it holds at `now`.
    #[must_use]
    pub fn wait_at(&self, now: Timestamp) -> Option<Span> {
        self.wait.filter(|_| self.until.is_none_or(|until| now < until))
    }
}
