//! What partners are asked about sessions, and what became of it: hand-offs (T23) and routing requests (N6). Values only.
//!
//! | hand-off | by |
//! |---|---|
//! | → Asked | a transfer, a flow, or RouteSession |
//! | Asked → Acknowledged | a worker claims it (N9); its deadline stays |
//! | Asked, Acknowledged → Completed, Failed | the worker's answer |
//! | Asked, Acknowledged → Expired | the deadline |
//! | Asked, Acknowledged → SessionEnded | the session ends (T18) |
//!
//! | routing request | by |
//! |---|---|
//! | → Asked | a session comes to the partner's line |
//! | Asked → Acknowledged | a worker claims it; from then on a lease counts |
//! | Asked, Acknowledged → Routed, Failed | the worker's answer |
//! | Asked → Expired; Acknowledged → Expired | the deadline; the lease |
//! | Asked, Acknowledged → Withdrawn | the session ends, or goes elsewhere |

use std::collections::BTreeMap;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::id::{
    ChannelId, ContactId, ExternalReference, HandoffId, PartnerId, QueueId, RepId,
    RoutingRequestId, SessionId, SkillId, TransferId, WorkId,
};
use crate::domain::stored::{shared, strict};
use crate::domain::time::{Span, Timestamp};

use super::actor::Actor;
use super::provenance::AskSteps;
use super::recipient::{ContactRef, Recipient};

/// What a partner is being asked about a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum PartnerAsk {
    /// To take it to a contact.
    #[n(0)]
    Handoff(#[n(0)] HandoffId),
    /// Where it goes.
    #[n(1)]
    Routing(#[n(0)] RoutingRequestId),
}

/// Why a partner is asked to route.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RoutingCause {
    /// The session is new, came back from a contact, or is asked about again.
    #[default]
    New,
    /// A rep hands it on.
    Transfer,
    /// The customer replied (N5).
    Reopened,
    /// The rep whom the partner named declined.
    Declined,
    /// The rep whom the partner named didn't accept in time.
    TimedOut,
    /// The rep whom the partner named left.
    RepGone,
}

/// Why the partner's part came to nothing (T23).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FailureReason {
    /// The contact is busy.
    Busy,
    /// The contact doesn't answer.
    NoAnswer,
    /// The contact is closed.
    Closed,
    /// The partner doesn't know the contact any more.
    UnknownContact,
    /// The contact refused.
    Refused,
    /// The partner has more to do than it can.
    Overloaded,
    /// Something broke at the partner's.
    Error,
    /// The partner didn't answer in time.
    Expired,
}

impl FailureReason {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Busy => "BUSY",
            Self::NoAnswer => "NO_ANSWER",
            Self::Closed => "CLOSED",
            Self::UnknownContact => "UNKNOWN_CONTACT",
            Self::Refused => "REFUSED",
            Self::Overloaded => "OVERLOADED",
            Self::Error => "ERROR",
            Self::Expired => "EXPIRED",
        }
    }
}

/// How the partner's part came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AskFailure {
    /// Why.
    #[n(0)]
    pub reason: FailureReason,
    /// In the partner's words, at most 1 KiB.
    #[n(1)]
    pub text: String,
    /// Does trying again make sense?
    #[n(2)]
    pub retryable: bool,
    /// When, at the earliest.
    #[n(3)]
    pub retry_after: Option<Span>,
}

impl AskFailure {
    /// The partner didn't answer in time.
    #[must_use]
    pub const fn expired() -> Self {
        Self {
            reason: FailureReason::Expired,
            text: String::new(),
            retryable: true,
            retry_after: None,
        }
    }
}

/// What a session is, or is to be, asked about while it stands in a partner's line, and what was asked before. It is gone
/// with the session's stay there.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartnerStay {
    /// Why the partner is asked the next time.
    #[n(0)]
    pub cause: RoutingCause,
    /// How often it was asked.
    #[n(1)]
    pub attempts: u32,
    /// Reps whom it named before, and who didn't take it or left; the last 16.
    #[n(2)]
    pub tried: Vec<RepId>,
    /// What was asked for in particular.
    #[cbor(n(3), decode_with = "strict")]
    pub asked_for: Option<Recipient>,
    /// The contact to whom it is to be handed; `None`: the partner is to route it.
    #[n(4)]
    pub contact: Option<ContactId>,
    /// What the partner is being asked.
    #[cbor(n(5), decode_with = "strict")]
    pub open: Option<PartnerAsk>,
    /// How often in a row that came to nothing.
    #[n(6)]
    pub failures: u32,
    /// When it is asked again.
    #[n(7)]
    pub again_at: Option<Timestamp>,
    /// What the next one should know, of a return (O6).
    #[n(8)]
    pub note: String,
    /// Whom.
    #[n(9)]
    pub partner: PartnerId,
}

/// Reps remembered who were named before.
const TRIED: usize = 16;

impl PartnerStay {
    /// A stay at this partner's that begins for this reason.
    #[must_use]
    pub const fn at(partner: PartnerId, cause: RoutingCause) -> Self {
        Self {
            cause,
            attempts: 0,
            tried: Vec::new(),
            asked_for: None,
            contact: None,
            open: None,
            failures: 0,
            again_at: None,
            note: String::new(),
            partner,
        }
    }

    /// Comes to nothing what the partner was asked: it is asked again after a second, then after twice as long, up to a minute
    /// (N6), where it goes.
    pub fn fail(&mut self, now: Timestamp) {
        let seconds = 1_i64 << self.failures.min(6);
        self.failures += 1;
        self.again_at = Some(now + Span::from_secs(seconds.min(60)));
        self.contact = None;
    }

    /// `rep`, whom the partner named, didn't take it, or left.
    pub fn passed_by(&mut self, rep: &RepId, cause: RoutingCause) {
        self.cause = cause;
        self.tried.retain(|tried| tried != rep);
        self.tried.push(rep.clone());
        if self.tried.len() > TRIED {
            self.tried.remove(0);
        }
    }
}

/// Where a hand-off is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum HandoffState {
    /// The partner is being asked.
    #[n(0)]
    Asked,
    /// A worker has it.
    #[n(1)]
    Acknowledged,
    /// The contact has the session.
    #[n(2)]
    Completed,
    /// The partner refused or failed.
    #[n(3)]
    Failed(#[n(0)] AskFailure),
    /// The deadline passed first.
    #[n(4)]
    Expired,
    /// The session ended first (T18).
    #[n(5)]
    SessionEnded,
}

impl HandoffState {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked => "ASKED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Completed => "COMPLETED",
            Self::Failed(_) => "FAILED",
            Self::Expired => "EXPIRED",
            Self::SessionEnded => "SESSION_ENDED",
        }
    }
}

/// A partner is asked to take a session to one of its contacts (T23).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Handoff {
    /// Made by the server.
    #[n(0)]
    pub id: HandoffId,
    /// Which session.
    #[n(1)]
    pub session: SessionId,
    /// The transfer; `None`: nobody had the session.
    #[n(2)]
    pub transfer: Option<TransferId>,
    /// To whom.
    #[n(3)]
    pub contact: ContactRef,
    /// The contact's name when it was asked.
    #[n(4)]
    pub contact_name: String,
    /// The session's channel.
    #[n(5)]
    pub channel: ChannelId,
    /// The channel's own name for the session.
    #[n(6)]
    pub external_reference: ExternalReference,
    /// Who asked.
    #[n(7)]
    pub asked_by: Actor,
    /// Who had the session.
    #[n(8)]
    pub from_rep: Option<RepId>,
    /// What the contact should know.
    #[n(9)]
    pub note: String,
    /// The session's facts when it was asked.
    #[cbor(n(10), with = "shared")]
    pub attributes: Arc<BTreeMap<String, String>>,
    /// The session's priority.
    #[n(11)]
    pub priority: u32,
    /// When the session was opened.
    #[n(12)]
    pub opened_at: Timestamp,
    /// Skills that the session requires.
    #[n(13)]
    pub required: BTreeMap<SkillId, u32>,
    /// Skills that it wishes for.
    #[n(14)]
    pub wished: BTreeMap<SkillId, u32>,
    /// Its state.
    #[n(15)]
    pub state: HandoffState,
    /// When the partner was asked.
    #[n(16)]
    pub asked_at: Timestamp,
    /// Until when it must answer.
    #[n(17)]
    pub deadline: Timestamp,
    /// When a worker claimed it.
    #[n(18)]
    pub acknowledged_at: Option<Timestamp>,
    /// When it became final.
    #[n(19)]
    pub ended_at: Option<Timestamp>,
    /// The worker's reference, once it is claimed (N9).
    #[n(20)]
    pub claimed_by: Option<String>,
    /// Where its steps come from (S3).
    #[cbor(n(21), default)]
    pub steps: AskSteps,
}

impl Handoff {
    /// Is the partner still to answer?
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, HandoffState::Asked | HandoffState::Acknowledged)
    }
}

/// Where a routing request is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RoutingState {
    /// The partner is being asked.
    #[n(0)]
    Asked,
    /// The session waits in the partner's line.
    #[n(1)]
    Acknowledged,
    /// The partner said where it goes.
    #[n(2)]
    Routed {
        /// Where.
        #[n(0)]
        to: Recipient,
        /// The work of the rep whom it named.
        #[n(1)]
        work: Option<WorkId>,
    },
    /// The partner couldn't.
    #[n(3)]
    Failed(#[n(0)] AskFailure),
    /// The deadline or the lease passed first.
    #[n(4)]
    Expired,
    /// It isn't needed any more.
    #[n(5)]
    Withdrawn,
}

impl RoutingState {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Asked => "ASKED",
            Self::Acknowledged => "ACKNOWLEDGED",
            Self::Routed { .. } => "ROUTED",
            Self::Failed(_) => "FAILED",
            Self::Expired => "EXPIRED",
            Self::Withdrawn => "WITHDRAWN",
        }
    }
}

/// A partner is asked where a session goes (N1, N6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RoutingRequest {
    /// Made by the server.
    #[n(0)]
    pub id: RoutingRequestId,
    /// Whom.
    #[n(1)]
    pub partner: PartnerId,
    /// Which session.
    #[n(2)]
    pub session: SessionId,
    /// The transfer that brings it.
    #[n(3)]
    pub transfer: Option<TransferId>,
    /// The partner's queue that it waits in.
    #[n(4)]
    pub queue: Option<QueueId>,
    /// The session's channel.
    #[n(5)]
    pub channel: ChannelId,
    /// The channel's own name for the session.
    #[n(6)]
    pub external_reference: ExternalReference,
    /// Why it is asked.
    #[n(7)]
    pub cause: RoutingCause,
    /// Which time, from 1.
    #[n(8)]
    pub attempt: u32,
    /// Reps whom the partner named before.
    #[n(9)]
    pub tried: Vec<RepId>,
    /// What was asked for in particular.
    #[cbor(n(10), decode_with = "strict")]
    pub asked_for: Option<Recipient>,
    /// What the next one should know.
    #[n(11)]
    pub note: String,
    /// The session's facts when it was asked.
    #[cbor(n(12), with = "shared")]
    pub attributes: Arc<BTreeMap<String, String>>,
    /// The session's priority.
    #[n(13)]
    pub priority: u32,
    /// When the session was opened.
    #[n(14)]
    pub opened_at: Timestamp,
    /// Skills that the session requires.
    #[n(15)]
    pub required: BTreeMap<SkillId, u32>,
    /// Skills that it wishes for.
    #[n(16)]
    pub wished: BTreeMap<SkillId, u32>,
    /// Its state.
    #[n(17)]
    pub state: RoutingState,
    /// When the partner was asked.
    #[n(18)]
    pub asked_at: Timestamp,
    /// Until when it must answer, or renew.
    #[n(19)]
    pub deadline: Timestamp,
    /// When a worker claimed it.
    #[n(20)]
    pub acknowledged_at: Option<Timestamp>,
    /// When it became final.
    #[n(21)]
    pub ended_at: Option<Timestamp>,
    /// The worker's reference, once it is claimed (N9).
    #[n(22)]
    pub claimed_by: Option<String>,
    /// Where its steps come from (S3).
    #[cbor(n(23), default)]
    pub steps: AskSteps,
}

impl RoutingRequest {
    /// Is the partner still to answer?
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, RoutingState::Asked | RoutingState::Acknowledged)
    }
}
