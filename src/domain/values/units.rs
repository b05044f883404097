//! Capacity arithmetic (C1): exact, in hundredths of a unit and hundredths of a percent. No floats.

use std::fmt;
use std::ops::{Add, Sub};

use minicbor::{Decode, Encode};

/// An amount of capacity, in hundredths of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Units(u64);

impl Units {
    /// Nothing.
    pub const ZERO: Self = Self(0);
    /// The most that can be configured, and that a piece of work weighs: one million units.
    pub const MAX: Self = Self(100_000_000);
    /// The most that is kept: what a million pieces of work weigh at most. A rep can carry more than [`Units::MAX`], of work
    /// that a partner assigned past the check (C3).
    pub(in crate::domain) const MOST_KEPT: Self = Self(Self::MAX.0 * 1_000_000);

    /// An amount given in hundredths of a unit; `None` above [`Units::MAX`].
    #[must_use]
    pub const fn from_centi(hundredths: u64) -> Option<Self> {
        if hundredths <= Self::MAX.0 { Some(Self(hundredths)) } else { None }
    }

    /// An amount that was stored; `None` above [`Units::MOST_KEPT`].
    pub(in crate::domain) const fn stored(hundredths: u64) -> Option<Self> {
        if hundredths <= Self::MOST_KEPT.0 { Some(Self(hundredths)) } else { None }
    }

    /// So many whole units, at most [`Units::MAX`].
    #[must_use]
    pub const fn whole(units: u32) -> Self {
        let hundredths = units as u64 * 100;
        if hundredths <= Self::MAX.0 { Self(hundredths) } else { Self::MAX }
    }

    /// Hundredths of a unit.
    #[must_use]
    pub const fn as_centi(self) -> u64 {
        self.0
    }

    /// What is left of `self` after `other`, never below nothing.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }

    /// `self` as a share of `capacity`, in hundredths of a percent, rounded down. Of no capacity
    /// at all everything is 100 %.
    #[must_use]
    pub fn percent_of(self, capacity: Self) -> CentiPercent {
        if capacity.0 == 0 {
            return CentiPercent::FULL;
        }
        let share = self.0.saturating_mul(10_000) / capacity.0;
        CentiPercent(u32::try_from(share).unwrap_or(u32::MAX))
    }
}

impl Add for Units {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let sum = Self(self.0.saturating_add(other.0));
        sum.min(Self::MOST_KEPT)
    }
}

impl Sub for Units {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self.minus(other)
    }
}

impl std::iter::Sum for Units {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        parts.fold(Self::ZERO, Add::add)
    }
}

impl fmt::Display for Units {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:02}", self.0 / 100, self.0 % 100)
    }
}

/// A share in hundredths of a percent: 10 000 is 100 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct CentiPercent(u32);

impl CentiPercent {
    /// 100 %.
    pub const FULL: Self = Self(10_000);

    /// A share given in hundredths of a percent.
    #[must_use]
    pub const fn new(hundredths: u32) -> Self {
        Self(hundredths)
    }

    /// Hundredths of a percent.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a piece of work weighs: units, or a share of the capacity of the rep it is offered to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Weight {
    /// So many units, whoever takes it.
    #[n(0)]
    Units(#[n(0)] Units),
    /// A share of the rep's configured capacity, at most 100 %.
    #[n(1)]
    Percent(#[n(0)] CentiPercent),
}

impl Weight {
    /// The units that this weighs for a rep of this capacity: a percentage is rounded up (C1).
    #[must_use]
    pub fn for_capacity(self, capacity: Units) -> Units {
        match self {
            Self::Units(units) => units,
            Self::Percent(share) => {
                Units(capacity.0.saturating_mul(u64::from(share.0)).div_ceil(10_000))
            }
        }
    }
}

/// So often, in words.
#[must_use]
pub fn times(count: u32) -> String {
    if count == 1 { "once".to_owned() } else { format!("{count} times") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c1_a_percentage_becomes_units_rounded_up() {
        let third = Weight::Percent(CentiPercent::new(3_333));
        assert_eq!(third.for_capacity(Units(1_000)), Units(334));
        assert_eq!(Weight::Percent(CentiPercent::FULL).for_capacity(Units(7)), Units(7));
        assert_eq!(Weight::Percent(CentiPercent::new(1)).for_capacity(Units(1)), Units(1));
        assert_eq!(third.for_capacity(Units::ZERO), Units::ZERO);
    }

    #[test]
    fn c1_shares_are_exact_and_bounded() {
        assert_eq!(Units(50).percent_of(Units(300)).get(), 1_666);
        assert_eq!(Units(300).percent_of(Units(300)), CentiPercent::FULL);
        assert_eq!(Units(1).percent_of(Units::ZERO), CentiPercent::FULL);
        assert_eq!(Units(1_050).to_string(), "10.50");
        assert_eq!(Units::MOST_KEPT.percent_of(Units(1)).get(), u32::MAX);
        assert_eq!(Units::MOST_KEPT + Units::MAX, Units::MOST_KEPT);
    }

    #[test]
    fn c3_more_is_kept_than_can_be_configured() {
        let more = Units::MAX + Units(1);
        assert_eq!(Units::from_centi(more.0), None);
        assert_eq!(Units::stored(more.0), Some(more));
        assert_eq!(Units::stored(Units::MOST_KEPT.0 + 1), None);
    }
}
