//! What a transfer would meet (T24): decided as if it were asked for, and thrown away.

use std::sync::Arc;

use crate::domain::command::{Command, Request};
use crate::domain::decide::decide;
use crate::domain::draft::Entropy;
use crate::domain::entry::{Cause, Fingerprint};
use crate::domain::id::{QueueId, RepId, SessionId, TxnId};
use crate::domain::live::{Actor, Line, Recipient, Session, Transfer, TransferState};
use crate::domain::record::Record;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::domain::verdict::RuleVerdict;
use crate::domain::wait::standpoint;

use super::lines::explain_line;
use super::{RecipientQuestion, against, explain};

/// What a transfer would meet (T24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Would it be allowed?
    pub allowed: bool,
    /// Would a recipient be asked at once? Otherwise it waits.
    pub offered_now: bool,
    /// Its place in the line, from 1, if it would wait.
    pub position: Option<u32>,
    /// The wait estimated for that place (E4).
    pub wait: Option<Span>,
    /// The rep who would be asked.
    pub rep: Option<RepId>,
    /// The queue it would wait in, or be offered from.
    pub queue: Option<QueueId>,
    /// Every reason against, not just the first, and what would make it wait.
    pub against: Vec<RuleVerdict>,
}

/// Ids of a decision that is thrown away need not be unguessable.
struct Counting(u128);

impl Entropy for Counting {
    fn bits(&mut self) -> u128 {
        self.0 += 1;
        self.0
    }
}

/// What would become of a transfer (T24): the very decision that the transfer would be, and every
/// rule against it. Changes nothing.
///
/// # Errors
/// NOT_FOUND for the session or the recipient.
pub fn quote(
    state: &State,
    actor: &Actor,
    id: SessionId,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<Quote, Rejection> {
    let about = RecipientQuestion::Session(id);
    let told = match recipient {
        Recipient::Rep(rep) => explain(state, actor, &about, rep)?,
        to => explain_line(state, actor, &about, to, now)?,
    };
    let mut quote = Quote {
        allowed: told.transferable,
        offered_now: false,
        position: None,
        wait: None,
        rep: None,
        queue: None,
        against: against(told.verdicts),
    };
    if !quote.allowed {
        return Ok(quote);
    }
    match attempt(state, actor, id, recipient, now) {
        Ok((transfer, session)) => fill(&mut quote, state, &transfer, &session, now),
        Err(rejection) => {
            quote.allowed = false;
            quote.against.push(RuleVerdict::of(&rejection));
        }
    }
    Ok(quote)
}

/// The transfer and its session as they would be.
fn attempt(
    state: &State,
    actor: &Actor,
    session: SessionId,
    recipient: &Recipient,
    now: Timestamp,
) -> Result<(Transfer, Session), Rejection> {
    let cause = Cause { actor: actor.clone(), rpc: "quote".into(), request_id: None };
    let (recipient, note) = (recipient.clone(), String::new());
    let command = Command::TransferSession { session, recipient, note };
    let (txn, fingerprint) = (TxnId::MIN, Fingerprint::default());
    let request = Request { txn, fingerprint, cause, command, presence: None };
    let mut tried = state.clone();
    let decision = decide(&mut tried, &request, now, &mut Counting(0))?;
    let session = Arc::unwrap_or_clone(tried.expect_session(session)?);
    match decision.answer.record() {
        Some(Record::Transfer(transfer)) => Ok(((**transfer).clone(), session)),
        _ => Err(Rejection::not_found("session", session.id)),
    }
}

fn fill(quote: &mut Quote, state: &State, transfer: &Transfer, session: &Session, now: Timestamp) {
    quote.queue = transfer.line.queue().cloned();
    match &transfer.state {
        TransferState::Offered { rep, .. } | TransferState::Completed { rep, .. } => {
            quote.offered_now = true;
            quote.rep = Some(rep.clone());
        }
        TransferState::Waiting { .. } | TransferState::SessionEnded { .. } => {
            let waits = Session { line: transfer.line.clone(), ..session.clone() };
            let stands = standpoint(state, &waits, now);
            quote.position = Some(stands.position);
            quote.wait = stands.wait;
            if let Line::Rep(rep) = &transfer.line {
                quote.rep = Some(rep.clone());
            }
        }
    }
}

impl RuleVerdict {
    /// A refusal as a rule that isn't passed.
    fn of(rejection: &Rejection) -> Self {
        let rule = match rejection.reason {
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
