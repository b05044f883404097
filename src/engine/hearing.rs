//! A look at what others have committed, on its way, and when the next may follow.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::domain::time::{Span, Timestamp};
use crate::journal::{History, JournalError};

/// How often is looked.
const LOOK_EVERY: Span = Span::from_ms(5);

/// What a look finds.
type Reading = Pin<Box<dyn Future<Output = Result<History, JournalError>> + Send>>;

/// A look on its way, and when the next may follow.
#[derive(Default)]
pub(super) struct Hearing {
    reading: Option<Reading>,
    again: Option<Timestamp>,
}

impl Hearing {
    /// Nothing is listened to for a moment.
    pub(super) fn rest_from(&mut self, now: Timestamp) {
        self.again = Some(now + LOOK_EVERY);
    }

    /// How long nothing is listened to.
    pub(super) fn rests(&self, now: Timestamp) -> Span {
        self.again.map_or(Span::from_ms(0), |again| again.since(now))
    }

    /// Begins a look.
    pub(super) fn look(&mut self, reading: Reading) {
        self.reading = Some(reading);
    }

    /// Is a look on its way?
    pub(super) const fn is_looking(&self) -> bool {
        self.reading.is_some()
    }

    /// What the look has found.
    pub(super) fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<History, JournalError>> {
        let Some(reading) = &mut self.reading else { return Poll::Pending };
        let found = reading.as_mut().poll(context);
        if found.is_ready() {
            self.reading = None;
        }
        found
    }
}
