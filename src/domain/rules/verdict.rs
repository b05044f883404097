//! A rule as it is told: which, whether it is passed, what not passing does, and in words (L6).

use super::eligibility::Check;
use crate::domain::rejection::Reason;

/// One rule, looked at for one rep, in words too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Its number in `docs/rules.md`, such as `T14`.
    pub rule: &'static str,
    /// The reason code when it isn't passed.
    pub reason: Reason,
    /// Whether it is.
    pub passed: bool,
    /// Not passing keeps the rep out of the list (L1).
    pub hides: bool,
    /// Not passing forbids the transfer; otherwise it only makes it wait (T8).
    pub forbids: bool,
    /// In words.
    pub text: String,
}

impl RuleVerdict {
    /// A check with the words for it.
    #[must_use]
    pub fn new(check: Check, text: String) -> Self {
        let Check { rule, reason, passed, hides, forbids } = check;
        Self { rule, reason, passed, hides, forbids, text }
    }
}
