//! A transfer as if it were asked for: the very decision, thrown away. So nobody is told anything else than what would
//! be done (L6, T24).

use std::sync::Arc;

use crate::domain::command::{Command, Request};
use crate::domain::decide::decide;
use crate::domain::decide::stated::Stated;
use crate::domain::draft::Entropy;
use crate::domain::entry::{Cause, Fingerprint};
use crate::domain::id::{SessionId, TxnId};
use crate::domain::limits::OrgLimits;
use crate::domain::live::{Actor, Recipient, Session, Transfer, TransferState};
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::domain::verdict::RuleVerdict;

use super::{RecipientQuestion, forbidden};

/// Ids of a decision that is thrown away need not be unguessable.
struct Counting(u128);

impl Entropy for Counting {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

/// The transfer and its session as they would be.
fn attempt(
    state: &State,
    actor: &Actor,
    session: SessionId,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<(Transfer, Session), Rejection> {
    let cause = Cause::new(actor.clone(), "quote");
    let (recipient, note) = (recipient.clone(), String::new());
    let command = Command::TransferSession { session, recipient, note };
    let (txn, fingerprint) = (TxnId::MIN, Fingerprint::default());
    let (presence, stated) = (None, Stated::default());
    let (narrowing, limits) = (None, OrgLimits::UNBOUNDED);
    let request = Request { txn, fingerprint, cause, command, presence, stated, narrowing, limits };
    let mut tried = state.clone();
    let decision = decide(&mut tried, &request, now, &mut Counting(0))?;
    let session = Arc::unwrap_or_clone(tried.expect_session(session)?);
    match decision.answer.record() {
        Some(Record::Transfer(transfer)) => Ok(((**transfer).clone(), session)),
        _ => Err(Rejection::not_found("session", session.id)),
    }
}

/// What would become of the transfer, if it is about a session and its rules don't forbid it. If the decision refuses it
/// all the same, that is one rule more that isn't passed.
pub(super) fn foretell(
    state: &State,
    actor: &Actor,
    (about, to): (&RecipientQuestion, &Recipient),
    verdicts: &mut Vec<RuleVerdict>,
    now: Timestamp,
) -> Option<(Transfer, Session)> {
    let RecipientQuestion::Session(session) = about else { return None };
    if forbidden(verdicts) {
        return None;
    }
    match attempt(state, actor, *session, to, now) {
        Ok(attempted) => Some(attempted),
        Err(rejection) => {
            verdicts.push(RuleVerdict::of(&rejection));
            None
        }
    }
}

/// Would the transfer wait? Otherwise somebody is asked at once.
pub(super) fn waits(transfer: &Transfer) -> bool {
    matches!(transfer.state, TransferState::Waiting { .. })
}

impl RuleVerdict {
    /// A refusal as a rule that isn't passed.
    fn of(rejection: &Rejection) -> Self {
        let rule = match rejection.reason {
            Reason::PartnerAway => "N7",
            Reason::LimitExceeded => "R9",
            Reason::QueueNotForChannel => "R10",
            Reason::DirectToRepRoutingDisabled => "T10",
            Reason::MissingPermission | Reason::MissingLicence => "T14",
            _ => "T24",
        };
        Self {
            rule,
            reason: rejection.reason,
            passed: false,
            hides: false,
            forbids: true,
            text: rejection.message.clone(),
        }
    }
}
