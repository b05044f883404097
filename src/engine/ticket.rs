//! Who waits for an answer of an org's actor, and whether what they asked for was begun: whoever was told
//! that nothing was done can rely on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::oneshot;

use super::core::Caller;
use super::refusal::Refusal;
use super::view::{Done, View};

/// What became of a request before it is answered. Written once: by the actor that begins it, or by who
/// asked and waits no longer.
#[derive(Debug, Default)]
pub(super) struct Fate(AtomicU8);

const WAITS: u8 = 0;
const BEGUN: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Fate {
    /// It is decided now. `false`: it was withdrawn.
    fn begin(&self) -> bool {
        match self.0.compare_exchange(WAITS, BEGUN, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == BEGUN,
        }
    }

    /// It isn't to be decided any more. `false`: it was begun, and may have been done.
    pub(super) fn withdraw(&self) -> bool {
        match self.0.compare_exchange(WAITS, WITHDRAWN, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(now) => now == WITHDRAWN,
        }
    }

    /// Whether it was ever begun.
    pub(super) fn is_begun(&self) -> bool {
        self.0.load(Ordering::Acquire) == BEGUN
    }
}

/// Who waits.
#[derive(Debug)]
pub(super) enum Ticket {
    /// Somebody who asked for a mutation.
    Submit(oneshot::Sender<Result<Done, Refusal>>, Arc<Fate>),
    /// Somebody who wants to see everything committed before now.
    Barrier(oneshot::Sender<Result<Arc<View>, Refusal>>),
    /// The actor itself, which heard of something.
    Heard,
    /// The actor itself: the time that is stored has to be said anew.
    Rebase,
}

impl Caller for Ticket {
    fn claim(&self) -> bool {
        match self {
            Self::Submit(answer, fate) => (fate.is_begun() || !answer.is_closed()) && fate.begin(),
            Self::Barrier(answer) => !answer.is_closed(),
            Self::Heard | Self::Rebase => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d2_what_was_withdrawn_is_never_begun_and_what_was_begun_never_withdrawn() {
        let (answer, waits) = oneshot::channel();
        let ticket = Ticket::Submit(answer, Arc::default());
        let Ticket::Submit(_, fate) = &ticket else { unreachable!() };
        assert!(fate.withdraw() && fate.withdraw());
        assert!(!ticket.claim());
        drop(waits);
        let (answer, waits) = oneshot::channel();
        let ticket = Ticket::Submit(answer, Arc::default());
        let Ticket::Submit(_, fate) = &ticket else { unreachable!() };
        assert!(ticket.claim());
        assert!(!fate.withdraw());
        drop(waits);
        assert!(ticket.claim(), "decided again, on what others did");
        let (answer, waits) = oneshot::channel();
        drop(waits);
        assert!(!Ticket::Submit(answer, Arc::default()).claim(), "nobody waits");
    }
}
