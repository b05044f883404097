//! What a partner supplies, as it is asked: contacts, and what was observed of them and of queues. What is wrong with one
//! of many is kept beside the others, since only that one isn't taken.

use crate::domain::contacts::{
    ContactAvailability, ContactDetails, ContactObservation, Observed, Wait,
};
use crate::domain::entry::Fingerprint;
use crate::domain::id::{ContactId, PartnerId, PartnersId};
use crate::domain::time::{Span, Timestamp};

/// How far ahead of now an observation may be: clocks differ.
pub const AHEAD: Span = Span::from_secs(300);

/// One of many: which, and what is said of it.
#[derive(Debug, Clone)]
pub struct GivenItem<K, T> {
    /// Its id; if it is none, the text that was given.
    pub id: Result<K, String>,
    /// What is said; or what is wrong with that, or with the id.
    pub said: Result<T, String>,
}

/// What is said of availability and wait; what isn't mentioned stays (N10).
#[derive(Debug, Clone, Copy, Default)]
pub struct GivenObservation {
    /// The availability, if it is mentioned; `Some(None)`: it isn't known any more.
    pub availability: Option<Option<ContactAvailability>>,
    /// The wait, if it is mentioned; `Some(None)`: it isn't known any more.
    pub wait: Option<Option<Wait>>,
    /// When it was observed; `None`: now.
    pub at: Option<Timestamp>,
    /// How long it holds from then; `None`: until the next one.
    pub valid_for: Option<Span>,
}

/// What became of an observation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It says what is known from now on, if only in part; or it says nothing.
    Yes,
    /// All of it is older than what is known.
    Outdated,
}

impl GivenObservation {
    /// `known` with this, decided at `now`.
    #[must_use]
    pub fn over(&self, known: ContactObservation, now: Timestamp) -> (ContactObservation, Taken) {
        let mut known = known;
        let at = self.at.unwrap_or(now);
        let availability = self
            .availability
            .map(|value| known.availability.take(Observed::new(value, at, self.valid_for)));
        let wait = self.wait.map(|value| known.wait.take(Observed::new(value, at, self.valid_for)));
        let some = availability.or(wait).is_some();
        let none_taken = availability != Some(true) && wait != Some(true);
        (known, if some && none_taken { Taken::Outdated } else { Taken::Yes })
    }
}

/// Why an observation of then can't be taken at `now`: it is too far ahead.
pub(super) fn too_far_ahead(at: Option<Timestamp>, now: Timestamp) -> Option<String> {
    let ahead = at.map(|at| at.since(now)).filter(|ahead| *ahead > AHEAD)?;
    let (seconds, most) = ((ahead.as_ms() + 999) / 1_000, AHEAD.as_ms() / 1_000);
    Some(format!("observed_at is {seconds} s ahead of now; at most {most} s are allowed"))
}

/// A contact as it is supplied.
#[derive(Debug, Clone)]
pub struct GivenContact {
    /// It.
    pub details: ContactDetails,
    /// What was observed of it, if that is said.
    pub observed: GivenObservation,
}

/// The end of a full sync.
#[derive(Debug, Clone, Copy)]
pub struct LastPage {
    /// How many contacts there are in all pages.
    pub total: u32,
    /// Whether it may delete more than the guard allows (N10).
    pub allow_mass_deletion: bool,
}

/// Whether contacts are all of them, or what changed.
#[derive(Debug, Clone)]
pub enum SyncMode {
    /// A page of all of them.
    Full {
        /// The number of the sync, from 1.
        generation: u64,
        /// The number of the page, from 1.
        page: u32,
        /// If it is the last one, what that says.
        last: Option<LastPage>,
    },
    /// What changed.
    Incremental {
        /// Those to delete.
        deleted: Vec<GivenItem<ContactId, ()>>,
    },
}

/// A call that supplies contacts.
#[derive(Debug, Clone)]
pub struct GivenContacts {
    /// Whose.
    pub partner: PartnerId,
    /// All, or what changed.
    pub mode: SyncMode,
    /// Those to create or replace.
    pub contacts: Vec<GivenItem<ContactId, GivenContact>>,
    /// What the whole call says, to recognise its repetition.
    pub content: Fingerprint,
}

/// What is said of a queue (E6).
#[derive(Debug, Clone, Copy)]
pub struct GivenQueueWait {
    /// The estimated wait; `None`: it isn't known.
    pub wait: Option<Span>,
    /// The samples that it rests on, if that is said.
    pub samples: Option<u32>,
    /// When it was observed; `None`: now.
    pub at: Option<Timestamp>,
    /// How long it holds from then; `None`: until the next one.
    pub valid_for: Option<Span>,
}

/// A call that supplies availability and waits.
#[derive(Debug, Clone)]
pub struct GivenReports {
    /// Whose.
    pub partner: PartnerId,
    /// Of contacts.
    pub contacts: Vec<GivenItem<ContactId, GivenObservation>>,
    /// Of queues, by Baton's id or the partner's own.
    pub queues: Vec<GivenItem<PartnersId, GivenQueueWait>>,
}
