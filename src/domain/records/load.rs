//! What a rep carries, and how much more they could (C1, C5): plain arithmetic on their presence. Only
//! `rules::capacity` changes what they carry.

use super::directory::{Channel, Queue};
use super::live::{RepPresence, RepReach, Work};
use crate::domain::units::{Units, Weight};

/// What a rep carries, and how much they could (C1, C5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepLoad {
    used: Units,
    interruptible_used: Units,
    capacity: Units,
    interruptible_capacity: Units,
}

impl RepLoad {
    /// With these limits: capacity, and size of the pool of interruptible work.
    #[must_use]
    pub const fn with_limits(
        live: &RepPresence,
        capacity: Units,
        interruptible_capacity: Units,
    ) -> Self {
        let (used, interruptible_used) = (live.used, live.interruptible_used);
        Self { used, interruptible_used, capacity, interruptible_capacity }
    }

    /// Of a rep with this reach.
    #[must_use]
    pub fn of(live: &RepPresence, reach: &RepReach) -> Self {
        Self {
            used: live.used,
            interruptible_used: live.interruptible_used,
            capacity: reach.capacity,
            interruptible_capacity: reach.interruptible_capacity,
        }
    }

    /// Is the rep at 100 %? Then nothing more is offered, not even what weighs nothing (T7).
    #[must_use]
    pub fn is_full(self) -> bool {
        self.used >= self.capacity
    }

    /// Capacity left for primary work, whatever interruptible work there is (C5).
    #[must_use]
    pub fn free(self) -> Units {
        self.capacity - self.used
    }

    /// Capacity left for interruptible work (C5): it has a pool of its own, and fills of it what
    /// primary work leaves free.
    #[must_use]
    pub fn idle(self) -> Units {
        if self.is_full() {
            return Units::ZERO;
        }
        let all = self.capacity.max(self.interruptible_capacity);
        let taken = self.used + self.interruptible_used;
        (all - taken).min(self.interruptible_capacity - self.interruptible_used)
    }

    /// Does this much more fit (T7)?
    #[must_use]
    pub fn fits(self, weight: Weight, interruptible: bool) -> bool {
        let weight = weight.for_capacity(self.capacity);
        if interruptible {
            weight <= self.idle() && self.idle() > Units::ZERO
        } else {
            !self.is_full() && weight <= self.free()
        }
    }

    /// Is neither pool over its limit (C3, C5)?
    #[must_use]
    pub fn is_within(self) -> bool {
        self.used <= self.capacity && self.interruptible_used <= self.interruptible_capacity
    }

    /// Is there nothing in this pool?
    #[must_use]
    pub fn carries_nothing(self, interruptible: bool) -> bool {
        let used = if interruptible { self.interruptible_used } else { self.used };
        used == Units::ZERO
    }

    /// As it would be without what `work` holds.
    #[must_use]
    pub fn without(mut self, work: &Work) -> Self {
        let held = if work.interruptible { &mut self.interruptible_used } else { &mut self.used };
        *held = *held - work.holds;
        self
    }
}

/// What a piece of work would weigh that comes from this channel through this queue, if it comes
/// through one (C1).
#[must_use]
pub fn weight_of(channel: &Channel, queue: Option<&Queue>) -> Weight {
    queue.and_then(|queue| queue.weight).unwrap_or(channel.weight)
}
