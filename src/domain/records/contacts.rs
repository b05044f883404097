//! What partners supply of their contacts and queues (N2, N10, E6). Values only. Contacts are kept in blocks, in the order of
//! their ids, so that a hundred thousand of them are some thousand records.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use crate::domain::id::{ChannelId, ContactId, PartnerId, QueueId};
use crate::domain::time::{Span, Timestamp};

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

/// What was observed of a contact, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct ContactObservation {
    /// Whether it takes sessions, if that is known.
    #[n(0)]
    pub availability: Option<ContactAvailability>,
    /// The partner's own estimated wait, if it is known.
    #[n(1)]
    pub wait: Option<Span>,
    /// When it was observed; older observations don't count.
    #[n(2)]
    pub at: Option<Timestamp>,
    /// Until when it holds; `None`: until the next one.
    #[n(3)]
    pub until: Option<Timestamp>,
}

/// An external contact.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Contact {
    /// The partner's own id.
    #[n(0)]
    pub id: ContactId,
    /// What people read, 1–256 bytes.
    #[n(1)]
    pub name: String,
    /// Further text, at most 512 bytes.
    #[n(2)]
    pub description: String,
    /// What kind of contact it is, in the partner's words, at most 64 bytes.
    #[n(3)]
    pub kind: String,
    /// The channels that it serves, at most 32; empty: all that the partner routes.
    #[n(4)]
    pub channels: BTreeSet<ChannelId>,
    /// Text to show beside it, at most 16 and 1 KiB.
    #[n(5)]
    pub fields: BTreeMap<String, String>,
    /// What was observed of it.
    #[n(6)]
    pub observed: ContactObservation,
}

impl Contact {
    /// Does it take sessions of this channel?
    #[must_use]
    pub fn serves(&self, channel: &ChannelId) -> bool {
        self.channels.is_empty() || self.channels.contains(channel)
    }
}

/// Some contacts of a partner, of one generation, in the order of their ids.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContactBlock {
    /// Whose.
    #[n(0)]
    pub partner: PartnerId,
    /// Of which full sync.
    #[n(1)]
    pub generation: u64,
    /// No contact of it comes before this one, and none of the block before it after.
    #[n(2)]
    pub first: ContactId,
    /// They.
    #[n(3)]
    pub contacts: Vec<Contact>,
}

/// The contacts of a partner as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContactBook {
    /// Whose.
    #[n(0)]
    pub partner: PartnerId,
    /// Of the last complete full sync; 0: there was none.
    #[n(1)]
    pub generation: u64,
    /// How many contacts there are.
    #[n(2)]
    pub contacts: u32,
    /// When that sync was complete.
    #[n(3)]
    pub synced_at: Option<Timestamp>,
}

/// What a partner said of one of its queues (E6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct QueueReport {
    /// Which.
    #[n(0)]
    pub queue: QueueId,
    /// The estimated wait, if it is known.
    #[n(1)]
    pub wait: Option<Span>,
    /// How many samples it rests on, if the partner says.
    #[n(2)]
    pub samples: Option<u32>,
    /// When it was observed; older reports don't count.
    #[n(3)]
    pub observed_at: Timestamp,
    /// Until when it holds; `None`: until the next one.
    #[n(4)]
    pub until: Option<Timestamp>,
}
