//! When to try again, as a value: full jitter under a ceiling that doubles, until a deadline.
//!
//! Pure arithmetic: the random number is an argument, and the caller sleeps. Used by calls and by streams.

use std::time::Duration;

/// How calls are retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryPolicy {
    base: Duration,
    ceiling: Duration,
    attempt_timeout: Duration,
    deadline: Duration,
}

/// Why a policy was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a deadline must be between 1 ms and 1 hour")]
pub struct BadRetryPolicy;

impl Default for RetryPolicy {
    /// Pauses of up to 50 ms, doubling to 2 s; 5 s for one attempt; 10 s in all.
    fn default() -> Self {
        Self {
            base: Duration::from_millis(50),
            ceiling: Duration::from_secs(2),
            attempt_timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(10),
        }
    }
}

impl RetryPolicy {
    /// The same with another deadline over all attempts, 1 ms to 1 h.
    pub fn within(self, deadline: Duration) -> Result<Self, BadRetryPolicy> {
        if deadline < Duration::from_millis(1) || deadline > Duration::from_secs(3600) {
            return Err(BadRetryPolicy);
        }
        Ok(Self { deadline, ..self })
    }

    /// How long all attempts may take together.
    #[must_use]
    pub fn deadline(self) -> Duration {
        self.deadline
    }

    /// How long one attempt may take.
    #[must_use]
    pub fn attempt_timeout(self) -> Duration {
        self.attempt_timeout
    }

    /// The pause after attempt number `attempt`, from 0: anything from nothing to the ceiling of that attempt, which
    /// `random` chooses.
    #[must_use]
    pub fn pause(self, attempt: u32, random: u32) -> Duration {
        let ceiling = self.base.saturating_mul(1u32 << attempt.min(16)).min(self.ceiling);
        ceiling.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_ceiling_and_start_at_nothing() {
        let policy = RetryPolicy::default();
        assert_eq!(policy.pause(0, 0), Duration::ZERO);
        assert_eq!(policy.pause(0, u32::MAX), Duration::from_millis(50));
        assert_eq!(policy.pause(2, u32::MAX), Duration::from_millis(200));
        assert_eq!(policy.pause(1000, u32::MAX), Duration::from_secs(2));
    }

    #[test]
    fn a_senseless_deadline_is_refused() {
        assert_eq!(RetryPolicy::default().within(Duration::ZERO), Err(BadRetryPolicy));
        assert!(RetryPolicy::default().within(Duration::from_secs(3)).is_ok());
    }
}
