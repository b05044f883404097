//! Requests of Baton's own, and answers to those that were done before (T21).

use super::refusal::Refusal;
use super::round::Remember;
use super::view::Done;
use crate::domain::command::{Command, Request};
use crate::domain::decide::stated::Stated;
use crate::domain::entry::{Answer, Cause, Fingerprint, Outcome};
use crate::domain::id::TxnId;
use crate::domain::limits::OrgLimits;
use crate::domain::live::Actor;
use crate::domain::rejection::Rejection;

/// A request of Baton's own.
#[must_use]
pub fn server_request(rpc: &str, command: Command, txn: TxnId) -> Box<Request> {
    let cause = Cause::new(Actor::baton(), rpc);
    let (fingerprint, stated) = (Fingerprint::default(), Stated::default());
    let (presence, narrowing, limits) = (None, None, OrgLimits::UNBOUNDED);
    Box::new(Request { txn, fingerprint, cause, presence, stated, narrowing, limits, command })
}

/// What is kept of a request unless whoever brings it says otherwise.
pub fn remembered_of(request: &Request) -> Remember {
    if request.cause.request_id.is_some() { Remember::Done } else { Remember::Nothing }
}

/// The answer to a request that was done before (T21).
pub(super) fn recall(outcome: &Outcome, fingerprint: Fingerprint) -> Result<Done, Refusal> {
    if outcome.fingerprint != fingerprint {
        return Err(Refusal::RequestIdReused);
    }
    match &outcome.answer {
        Answer::Refused(rejection) => Err(Refusal::Rejected(Rejection::clone(rejection))),
        answer => Ok(Done { revision: outcome.revision, answer: answer.clone() }),
    }
}
