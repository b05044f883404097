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
    /// Entries sent in them.
    transactions,
    /// Entries that others got ahead of.
    conflicts,
    /// Requests that were decided again.
    retries,
    /// Answers of the store that got lost.
    unknowns,
    /// Batches sent again because of that.
    resends,
    /// Requests answered Unknown after all.
    unknowns_given_up,
    /// Decisions that worked off what others had left (C8).
    worked_off,
    /// Requests dropped before they were decided, because whoever asked had gone.
    abandoned,
    /// Requests turned away because the org's mailbox was full.
    overloads,
    /// Calls that were passed on to another server, which answered.
    passed_on,
    /// Tries to pass a call on that came to nothing.
    passed_in_vain,
    /// Calls that other servers passed on to this one.
    done_for_others,
    /// Times that others had committed to an org whose home this server is: they may take themselves for
    /// its home, too.
    two_homes,
    /// Times that an org was loaded anew because its history is another one.
    reloads,
    /// Times that an org couldn't be read or served, for itself alone.
    orgs_failed,
    /// Times that an org's actor broke down and was started again.
    panics,
    /// Orgs unloaded because nobody used them.
    unloads,
    /// Orgs taken on because nobody looked after them.
    taken_on,
    /// Requests that waited too long to be begun, and weren't.
    timed_out,
    /// Times that the store took no writes any more.
    outages,
    /// Commits elsewhere that were found by looking, since nothing was heard of them.
    unheard,
    /// Times that the store's clock was set.
    store_clock_jumps,
    /// Times that this machine's wall clock was found to be off, or right again.
    wall_clock_changes,
}
