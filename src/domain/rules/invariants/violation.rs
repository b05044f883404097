//! A truth that doesn't hold, and how it is told.

/// A truth that doesn't hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule}: {what}")]
pub struct Violation {
    /// The rule that is broken.
    pub rule: &'static str,
    /// By what.
    pub what: String,
}

fn broken(rule: &'static str, what: impl Into<String>) -> Result<(), Violation> {
    Err(Violation { rule, what: what.into() })
}

pub(super) fn ensure(
    holds: bool,
    rule: &'static str,
    what: impl FnOnce() -> String,
) -> Result<(), Violation> {
    if holds { Ok(()) } else { broken(rule, what()) }
}
