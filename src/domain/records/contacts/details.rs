//! What is known of an external contact.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

use super::observed::ContactObservation;
use crate::domain::id::{ChannelId, ContactId};

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
