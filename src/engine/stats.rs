//! What the engine counts: one set of numbers for all orgs of a replica, written by the actors and
//! read by whoever shows metrics. Counting decides nothing.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters that only grow.
        #[derive(Debug, Default)]
        pub struct Stats {
            $($(#[$doc])* pub $name: Counter,)*
        }

        impl Stats {
            /// Every counter with its name.
            #[must_use]
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name.get()),)*]
            }
        }
    };
}

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, more: usize) {
        self.0.fetch_add(more as u64, Ordering::Relaxed);
    }

    /// What it has come to.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

counters! {
    /// Batches begun, read barriers included.
    batches,
    /// Transactions sent in them.
    transactions,
    /// Transactions that others got ahead of.
    conflicts,
    /// Requests that were decided again.
    retries,
    /// Answers of the store that got lost.
    unknowns,
    /// Batches sent again because of that.
    resends,
    /// Requests answered Unknown after all.
    unknowns_given_up,
    /// Matches committed right after a commit that had left them (R1).
    settled_by_follow_up,
    /// Reps whom only the sweep found work for; anything but 0 is a bug.
    found_by_sweep,
    /// Requests turned away because the org's mailbox was full.
    overloads,
    /// Times that an org was loaded anew because its history is another one.
    reloads,
}
