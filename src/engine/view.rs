//! What readers see of an org, and what a mutation came to.

use std::sync::Arc;

use imbl::Vector;

use super::clock;
use super::steady::SteadyClock;
use crate::domain::entry::{Answer, Entry, Revision};
use crate::domain::record::Record;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::journal::Epoch;

/// An entry and what its records were before it.
#[derive(Debug)]
pub struct Applied {
    /// The entry.
    pub entry: Arc<Entry>,
    /// One per change of the entry.
    pub before: Vec<Option<Record>>,
}

/// An org as a replica knows it: its state and the entries that led there, of one moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Which history this is of. Another number: streams start again (RESET).
    pub epoch: Epoch,
    /// The state.
    pub state: State,
    /// What time it is.
    pub clock: SteadyClock,
    /// The most recent entries up to the state's head, oldest first, without a gap; bounded.
    pub recent: Vector<Arc<Applied>>,
}

impl View {
    /// What time it is in the org (R12).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.at(clock::monotonic())
    }
}

/// What a mutation came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The revision at which it was committed; for one that changed nothing, the head's.
    pub revision: Revision,
    /// What is answered.
    pub answer: Answer,
}
