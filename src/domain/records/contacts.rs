//! What partners supply of their contacts and queues (N2, N10, E6). Values only. Contacts are kept in blocks (`block`), in
//! the order of their ids, so that a hundred thousand of them are some thousand records.

mod answers;
mod block;
mod details;
mod observed;
mod staged;

use minicbor::{Decode, Encode};

use crate::domain::id::{PartnerId, QueueId};
use crate::domain::time::{Span, Timestamp};

pub use answers::{AvailabilityReport, ContactSync, FAILURES_TOLD, ItemFailure, ItemFailures};
pub use block::{ContactBlock, ContactClass, ContactRow, encoded, folded};
pub use details::{Contact, ContactDetails};
pub use observed::{ContactAvailability, ContactObservation, Observed, Wait};
pub use staged::{CompletedSync, PageRun, StagedSync};

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
