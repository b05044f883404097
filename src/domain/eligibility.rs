//! stub
use std::collections::BTreeSet;

use super::directory::ChannelType;
use super::id::{ChannelId, RepId, SessionId};
use super::live::{Actor, Recipient};
use super::rejection::{Reason, Rejection};
use super::state::State;
use super::units::{CentiPercent, Units};

/// One rule, looked at for one rep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleVerdict {
    /// Its number in the behaviour document, such as `T14`.
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

/// What a list, a quote or an explanation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// This session.
    Session(SessionId),
    /// Any session of this channel.
    Channel(ChannelId),
}

/// A rep in the list of recipients (L1, L2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepEntry {
    /// Who.
    pub rep: RepId,
    /// What people read.
    pub name: String,
    /// Capacity used.
    pub used: CentiPercent,
    /// Would a transfer be offered at once?
    pub available_now: bool,
    /// What the rep is online for.
    pub online_for: BTreeSet<ChannelType>,
    /// May the session be transferred to them?
    pub transferable: bool,
    /// Every rule that isn't passed.
    pub against: Vec<RuleVerdict>,
}

/// Everything about one rep and one session (L6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Is the rep in the list?
    pub listed: bool,
    /// May the session be transferred to them?
    pub transferable: bool,
    /// Would it wait?
    pub would_wait: bool,
    /// Every rule, passed or not.
    pub verdicts: Vec<RuleVerdict>,
}

/// What a transfer would meet (T24).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quote {
    /// Would it be allowed?
    pub allowed: bool,
    /// Would the recipient be asked at once? Otherwise it waits.
    pub offered_now: bool,
    /// Its place in the line, from 1, if it would wait.
    pub position: Option<u32>,
    /// Every reason against, not just the first.
    pub against: Vec<RuleVerdict>,
}

/// The recipients that may be chosen, the most available first (L1, L5).
///
/// # Errors
/// NOT_FOUND, or DIRECT_TO_REP_ROUTING_DISABLED (T10).
pub fn list_reps(
    _state: &State,
    _actor: &Actor,
    _about: &About,
    _query: &str,
) -> Result<Vec<RepEntry>, Rejection> {
    unimplemented!()
}

/// Why a rep is, or isn't, in the list and transferable to (L6).
///
/// # Errors
/// NOT_FOUND.
pub fn explain(
    _state: &State,
    _actor: &Actor,
    _about: &About,
    _rep: &RepId,
) -> Result<Explanation, Rejection> {
    unimplemented!()
}

/// What would become of a transfer (T24). Changes nothing.
///
/// # Errors
/// NOT_FOUND.
pub fn quote(
    _state: &State,
    _actor: &Actor,
    _session: SessionId,
    _recipient: &Recipient,
) -> Result<Quote, Rejection> {
    unimplemented!()
}

/// The capacity that a rep's configuration gives them; none if it is missing.
#[must_use]
pub fn capacity_of(_state: &State, _rep: &RepId) -> Units {
    unimplemented!()
}
