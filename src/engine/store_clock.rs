//! The store's clock as it is read here, and whether it was set between two readings. Its time is never
//! counted by (R12); leases run by it, and stored times go on by it. Used by `leases` and `store`.

use crate::domain::time::{Span, Timestamp};

/// How far it may be off from one reading to the next before it must have been set.
const JUMP: Span = Span::from_secs(1);

/// A reading of the store's clock, and when it was taken by this machine's monotonic one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoreClock {
    /// When it was asked for.
    pub(super) asked: Timestamp,
    /// When the answer had come.
    pub(super) answered: Timestamp,
    /// What it said.
    pub(super) store_time: Timestamp,
}

impl StoreClock {
    /// Was the store's clock set between `earlier` and this? That is: did more time pass by it, or less,
    /// than can have passed here, by more than [`JUMP`].
    pub(super) fn jumped_since(self, earlier: Self) -> bool {
        let passed = self.store_time.as_ms() - earlier.store_time.as_ms();
        let least = self.asked.as_ms() - earlier.answered.as_ms();
        let most = self.answered.as_ms() - earlier.asked.as_ms();
        passed < least - JUMP.as_ms() || passed > most + JUMP.as_ms()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The store's clock, read twice: at first, and `monotonic` later by this machine's clock, when it
    /// says `store` more; each answer takes `trip`.
    fn jumped(monotonic: i64, store: i64, trip: i64) -> bool {
        let read = |asked: i64, store_time: i64| StoreClock {
            asked: Timestamp::from_ms(asked),
            answered: Timestamp::from_ms(asked + trip),
            store_time: Timestamp::from_ms(store_time),
        };
        read(5_000 + monotonic, 1_700_000_000_000 + store)
            .jumped_since(read(5_000, 1_700_000_000_000))
    }

    #[test]
    fn p9_a_store_clock_that_is_set_has_jumped_and_one_that_is_late_has_not() {
        assert!(!jumped(1_000, 1_000, 0));
        assert!(!jumped(60_000, 60_900, 0), "what a clock may be off");
        assert!(jumped(1_000, 2_001, 0), "a second ahead");
        assert!(jumped(1_000, 31_000, 0), "a lease ahead");
        assert!(jumped(1_000, -1, 0), "more than a second back");
        assert!(jumped(1_000, -3_600_000, 0), "an hour back");
        // When in the course of a slow answer the clock was read can't be known.
        assert!(!jumped(1_000, 1_900, 900) && !jumped(1_000, 100, 900));
        assert!(jumped(1_000, 2_901, 900) && jumped(1_000, -901, 900));
    }
}
