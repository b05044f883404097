//! Reasons and verdicts, as lists, quotes and explanations show them.

use crate::domain::rejection::Reason;
use crate::domain::verdict::RuleVerdict;
use crate::pb;

/// A reason.
#[must_use]
pub fn reason(reason: Reason) -> pb::ErrorReason {
    let name = format!("ERROR_REASON_{}", reason.name());
    pb::ErrorReason::from_str_name(&name).unwrap_or_default()
}

/// A rule that isn't passed, as a reason against something.
#[must_use]
pub fn against(verdict: &RuleVerdict) -> pb::Reason {
    pb::Reason {
        reason: reason(verdict.reason).into(),
        text: verdict.text.clone(),
        metadata: [("rule".to_owned(), verdict.rule.to_owned())].into(),
    }
}

/// What one rule says.
#[must_use]
pub fn verdict(verdict: &RuleVerdict) -> pb::RuleVerdict {
    pb::RuleVerdict {
        rule: verdict.rule.to_owned(),
        reason: reason(verdict.reason).into(),
        passed: verdict.passed,
        text: verdict.text.clone(),
        hides: verdict.hides,
        forbids: verdict.forbids,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d1_every_reason_is_in_the_public_enum() {
        for known in [Reason::InvalidField, Reason::NotOwner, Reason::InUse, Reason::WrongState] {
            assert_ne!(reason(known), pb::ErrorReason::Unspecified, "{}", known.name());
        }
    }
}
