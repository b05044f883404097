//! How long to hold back before trying again: a value, pure arithmetic, the random bits an
//! argument. It knows nothing of what is tried. The commit loop and the probes use it.

use crate::domain::time::Span;

/// Pauses that double up to a cap, each shortened at random by up to half, so that those who
/// collided don't collide again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    first: Span,
    cap: Span,
}

/// Why two spans make no backoff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadBackoff {
    /// Without a pause it would be a hot loop.
    #[error("the first pause must be at least 1 ms")]
    NoPause,
    /// It can't shrink.
    #[error("the longest pause must be at least the first one")]
    CapBelowFirst,
}

impl Backoff {
    /// For commits that others got ahead of: 2 ms up to 50 ms.
    pub const CONFLICT: Self = Self { first: Span::from_ms(2), cap: Span::from_ms(50) };
    /// For a batch whose answer was lost: 50 ms up to 1 s.
    pub const RESEND: Self = Self { first: Span::from_ms(50), cap: Span::from_ms(1_000) };
    /// For a store that can't be reached: 100 ms up to 3 s.
    pub const PROBE: Self = Self { first: Span::from_ms(100), cap: Span::from_ms(3_000) };
    /// For an org whose actor broke down, or that can't be read: 100 ms up to 30 s.
    pub const RESTART: Self = Self { first: Span::from_ms(100), cap: Span::from_ms(30_000) };
    /// For a deadline whose command came to nothing: 1 s up to 1 min.
    pub const TIMER: Self = Self { first: Span::from_ms(1_000), cap: Span::from_ms(60_000) };

    /// Pauses from `first`, doubling, up to `cap`.
    ///
    /// # Errors
    /// [`BadBackoff`] if that would be a hot loop or shrink.
    pub const fn new(first: Span, cap: Span) -> Result<Self, BadBackoff> {
        if first.as_ms() < 1 {
            return Err(BadBackoff::NoPause);
        }
        if cap.as_ms() < first.as_ms() {
            return Err(BadBackoff::CapBelowFirst);
        }
        Ok(Self { first, cap })
    }

    /// The longest pause there is.
    #[must_use]
    pub const fn cap(self) -> Span {
        self.cap
    }

    /// The pause before the try after `failures` failed ones, the first failure being 1.
    #[must_use]
    pub fn pause(self, failures: u32, random: u64) -> Span {
        let doublings = failures.saturating_sub(1).min(30);
        let full = self.first.as_ms().saturating_mul(1 << doublings).min(self.cap.as_ms());
        Span::from_ms(full - jitter(Span::from_ms(full / 2), random).as_ms())
    }
}

/// A span between nothing and `most`, by these random bits.
#[must_use]
pub fn jitter(most: Span, random: u64) -> Span {
    let choices = most.as_ms().unsigned_abs() + 1;
    Span::from_ms(i64::try_from(random % choices).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nonsense_is_refused() {
        assert_eq!(Backoff::new(Span::from_ms(0), Span::from_ms(9)), Err(BadBackoff::NoPause));
        assert_eq!(
            Backoff::new(Span::from_ms(9), Span::from_ms(8)),
            Err(BadBackoff::CapBelowFirst)
        );
    }

    proptest! {
        #[test]
        fn pauses_grow_stay_under_the_cap_and_never_vanish(
            first in 1i64..1_000, more in 0i64..100_000, failures in 0u32..100, random: u64,
        ) {
            let policy = Backoff::new(Span::from_ms(first), Span::from_ms(first + more)).unwrap();
            let pause = policy.pause(failures, random);
            prop_assert!(pause <= policy.cap());
            prop_assert!(pause.as_ms() >= (first + 1) / 2);
            prop_assert!(policy.pause(failures + 1, 0) >= policy.pause(failures, 0));
        }
    }
}
