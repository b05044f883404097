//! Why the engine didn't do something.

use std::time::Duration;

use crate::domain::entry::Revision;
use crate::domain::rejection::Rejection;

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
    /// What is stored of the org can't be read, and somebody has to look; nothing was done. It concerns
    /// this org alone.
    #[error(
        "what is stored of this org can't be used, and nothing was done; an operator has to look: the \
         server's log says what is wrong and what to do"
    )]
    Unreadable {
        /// When to try again.
        retry_after: Duration,
    },
    /// It had to wait too long and wasn't begun: nothing was done, and nothing will be.
    #[error("it couldn't be begun in time; nothing was done")]
    TimedOut {
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

impl Refusal {
    /// When to try again, where that is known.
    #[must_use]
    pub const fn retry_after(&self) -> Duration {
        match self {
            Self::Unavailable { retry_after }
            | Self::Unreadable { retry_after }
            | Self::TimedOut { retry_after }
            | Self::Unknown { retry_after } => *retry_after,
            Self::Overloaded { .. } | Self::Behind { .. } => Duration::from_millis(100),
            Self::Closing => Duration::from_millis(500),
            Self::Rejected(_) | Self::RequestIdReused | Self::Contended { .. } => Duration::ZERO,
        }
    }
}
