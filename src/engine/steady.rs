//! An org's steady time at one replica (R12): it goes on from what the history says by this machine's
//! monotonic clock, never by its wall clock, and never before what was committed. While nothing can be
//! committed it stands still. Used by `core` and by reads.

use crate::domain::time::Timestamp;

/// What time it is in an org, by a moment at which both clocks were read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SteadyClock {
    org: Timestamp,
    monotonic: Timestamp,
    stands: bool,
}

impl Default for SteadyClock {
    fn default() -> Self {
        Self { org: Timestamp::MIN, monotonic: Timestamp::MIN, stands: false }
    }
}

impl SteadyClock {
    /// It was `org` in the org when this machine's monotonic clock said `monotonic`.
    #[must_use]
    pub const fn new(org: Timestamp, monotonic: Timestamp) -> Self {
        Self { org, monotonic, stands: false }
    }

    /// The org's time when the monotonic clock says `monotonic`.
    #[must_use]
    pub fn at(self, monotonic: Timestamp) -> Timestamp {
        if self.stands { self.org } else { self.org + monotonic.since(self.monotonic) }
    }

    /// Somebody committed at `org`: it isn't earlier than that.
    pub fn advance(&mut self, org: Timestamp, monotonic: Timestamp) {
        if org > self.at(monotonic) {
            *self = Self { org, monotonic, ..*self };
        }
    }

    /// Nothing can be committed since the monotonic clock said `since`: from then on no time passes.
    pub fn pause(&mut self, since: Timestamp) {
        if !self.stands {
            *self = Self { org: self.at(since), monotonic: since, stands: true };
        }
    }

    /// Something can be committed again: time goes on from where it stood.
    pub fn resume(&mut self, monotonic: Timestamp) {
        if self.stands {
            *self = Self::new(self.org, monotonic);
        }
    }

    /// Does it stand still?
    #[must_use]
    pub const fn stands(self) -> bool {
        self.stands
    }

    /// The monotonic clock's reading when it will be `org` in the org; never while it stands still.
    #[must_use]
    pub fn monotonic_at(self, org: Timestamp) -> Timestamp {
        if self.stands { Timestamp::MAX } else { self.monotonic + org.since(self.org) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Span;

    #[test]
    fn r12_it_goes_on_by_the_monotonic_clock_and_never_back() {
        let at = Timestamp::from_ms;
        let mut clock = SteadyClock::new(at(1_000_000), at(50));
        assert_eq!(clock.at(at(80)), at(1_000_030));
        clock.advance(at(1_000_020), at(80));
        assert_eq!(clock.at(at(80)), at(1_000_030), "what is past changes nothing");
        clock.advance(at(1_000_100), at(80));
        assert_eq!(clock.at(at(85)), at(1_000_105));
        assert_eq!(clock.monotonic_at(at(1_000_105)), at(85));
        assert_eq!(clock.monotonic_at(at(1_000_000)), at(80) + Span::from_ms(0));
    }

    #[test]
    fn r12_what_passes_while_nothing_can_be_committed_does_not_count() {
        let at = Timestamp::from_ms;
        let mut clock = SteadyClock::new(at(1_000_000), at(50));
        clock.pause(at(60));
        clock.pause(at(70));
        assert_eq!(
            (clock.at(at(90_000)), clock.stands()),
            (at(1_000_010), true),
            "the first counts"
        );
        assert_eq!(clock.monotonic_at(at(1_000_020)), Timestamp::MAX);
        clock.advance(at(1_000_012), at(90_000));
        assert_eq!(clock.at(at(95_000)), at(1_000_012), "others got further before it began here");
        clock.resume(at(95_000));
        clock.resume(at(96_000));
        assert_eq!(clock.at(at(95_001)), at(1_000_013));
        assert_eq!(clock.monotonic_at(at(1_000_020)), at(95_008), "what was left is left");
    }
}
