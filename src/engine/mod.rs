//! The engine: one actor per org that decides, commits and publishes. Handlers talk to it through
//! [`Engine`] alone; the journal is behind it.

mod actor;
pub mod clock;
pub mod core;
pub mod entropy;
mod facade;
mod follower;
mod health;
mod leases;
pub mod options;
pub mod policy;
mod registry;
mod round;
mod settling;
pub mod stats;
mod timers;

pub use self::clock::{Clock, ManualClock, SystemClock};
pub use self::facade::Engine;
pub use self::options::EngineOptions;

use std::sync::Arc;
use std::time::Duration;

use imbl::Vector;

use crate::domain::entry::{Answer, Entry, Revision};
use crate::domain::record::Record;
use crate::domain::rejection::Rejection;
use crate::domain::state::State;
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
    /// The most recent entries up to the state's head, oldest first, without a gap; bounded.
    pub recent: Vector<Arc<Applied>>,
}

/// What a mutation came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The revision at which it was committed; for one that changed nothing, the head's.
    pub revision: Revision,
    /// What is answered.
    pub answer: Answer,
}

/// Why the engine didn't do something. Each one leads to another answer for the client.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// The domain says no, on fresh state.
    #[error("{0}")]
    Rejected(Rejection),
    /// T21: the id was used with other content.
    #[error("this request id was used before with other content")]
    RequestIdReused,
    /// The same records were changed by others again and again. A retry may win.
    #[error("others changed the same records {attempts} times in a row")]
    Contended {
        /// How often it was tried.
        attempts: u32,
    },
    /// The org's mailbox is full.
    #[error("the org has {limit} requests waiting already")]
    Overloaded {
        /// The bound.
        limit: usize,
    },
    /// The store can't be reached; nothing was done.
    #[error("the store can't be reached; nothing was done")]
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// The store didn't answer in time; it may or may not have been done. Safe to repeat with the
    /// same request id only.
    #[error("the store didn't answer; it isn't known whether this was done")]
    Unknown {
        /// When to try again.
        retry_after: Duration,
    },
    /// A read asked for a revision that didn't come in time.
    #[error("revision {wanted} has not been reached; this replica is at {reached}")]
    Behind {
        /// What was asked for.
        wanted: Revision,
        /// What is there.
        reached: Revision,
    },
    /// The server is shutting down.
    #[error("the server is going away")]
    Closing,
}
