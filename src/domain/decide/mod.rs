//! stub
use super::command::Request;
use super::draft::Entropy;
use super::entry::{Answer, Transaction};
use super::id::RepId;
use super::record::RecordKey;
use super::rejection::Rejection;
use super::state::State;
use super::time::Timestamp;
use std::collections::BTreeSet;

/// What becomes of a request.
#[derive(Debug, Clone)]
pub struct Decision {
    /// What is to be committed; `None` if everything is already as asked.
    pub transaction: Option<Transaction>,
    /// What is answered once it is committed.
    pub answer: Answer,
}

/// Decides what becomes of `request` in `state` at `now`.
///
/// # Errors
/// A [`Rejection`]: nothing is to change.
pub fn decide(
    _state: &State,
    _request: &Request,
    _now: Timestamp,
    _entropy: &mut dyn Entropy,
) -> Result<Decision, Rejection> {
    unimplemented!()
}

/// Of the reps that a transaction touched, those for whom somebody waits whom they could take
/// (R1). Empty in a settled state.
#[must_use]
pub fn unsettled(_state: &State, _touched: &[RecordKey]) -> BTreeSet<RepId> {
    unimplemented!()
}
