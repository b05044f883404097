//! What is answered to whoever supplied contacts or reports: what was taken, and of each item that wasn't, why.

use std::borrow::Cow;

use minicbor::{Decode, Encode};

use crate::domain::id::PartnerId;
use crate::domain::rejection::Reason;

/// The most failures that are told; the others are counted.
pub const FAILURES_TOLD: usize = 500;

/// An item of a call with many that wasn't taken.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ItemFailure {
    /// The list that it stands in.
    #[n(0)]
    pub list: Cow<'static, str>,
    /// Its place in the list, from 0.
    #[n(1)]
    pub index: u32,
    /// Its id as it was given.
    #[n(2)]
    pub id: String,
    /// The reason.
    #[n(3)]
    pub reason: Reason,
    /// What is wrong with it, and how to mend it.
    #[n(4)]
    pub text: String,
}

/// The items of a call that weren't taken: the first of them, and how many.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct ItemFailures {
    /// At most [`FAILURES_TOLD`].
    #[n(0)]
    pub told: Vec<ItemFailure>,
    /// How many there are.
    #[n(1)]
    pub count: u32,
}

impl ItemFailures {
    /// One more.
    pub fn push(&mut self, failure: ItemFailure) {
        self.count = self.count.saturating_add(1);
        if self.told.len() < FAILURES_TOLD {
            self.told.push(failure);
        }
    }
}

/// What a call of SyncContacts did (N2).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ContactSync {
    /// Whose contacts.
    #[n(0)]
    pub partner: PartnerId,
    /// How many it has now.
    #[n(1)]
    pub contacts: u32,
    /// How many were created.
    #[n(2)]
    pub created: u32,
    /// How many were changed.
    #[n(3)]
    pub updated: u32,
    /// How many were deleted.
    #[n(4)]
    pub deleted: u32,
    /// Those that weren't taken.
    #[n(5)]
    pub failures: ItemFailures,
    /// Of a full sync: contacts that have arrived.
    #[n(6)]
    pub arrived: u32,
    /// Of a full sync: whether it is complete.
    #[n(7)]
    pub complete: bool,
}

/// What a call of ReportAvailability did (N2, E6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AvailabilityReport {
    /// Whose.
    #[n(0)]
    pub partner: PartnerId,
    /// Reports taken.
    #[n(1)]
    pub accepted: u32,
    /// Of these, those too old to change anything.
    #[n(2)]
    pub outdated: u32,
    /// Those that weren't taken.
    #[n(3)]
    pub failures: ItemFailures,
}
