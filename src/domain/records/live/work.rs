//! Work: a session as it occupies a rep, and how that rep was found. Values only.

use minicbor::{Decode, Encode};

use crate::domain::id::{QueueId, RepId, RoutingRequestId, SessionId, TransferId, WorkId};
use crate::domain::rejection::Reason;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;

use super::provenance::WorkSteps;

/// Why a piece of work ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkEnd {
    /// The session went to another rep, or waits for one (T6, T7).
    Transferred,
    /// The session ended.
    SessionEnded,
    /// The offer was taken back because the rep went away (T17).
    Withdrawn,
    /// The rep declined.
    Declined,
    /// The rep didn't accept in time (R5).
    PushTimeout,
    /// The rep marked it complete, or was done with the after-conversation work (C6).
    Completed,
    /// The rep signed out (P7).
    SignedOut,
    /// The rep's connection was lost for too long (P7).
    Orphaned,
    /// The customer came back and the session was routed anew (N5).
    Rerouted,
}

impl WorkEnd {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Transferred => "TRANSFERRED",
            Self::SessionEnded => "SESSION_ENDED",
            Self::Withdrawn => "WITHDRAWN",
            Self::Declined => "DECLINED",
            Self::PushTimeout => "PUSH_TIMEOUT",
            Self::Completed => "COMPLETED",
            Self::SignedOut => "SIGNED_OUT",
            Self::Orphaned => "ORPHANED",
            Self::Rerouted => "REROUTED",
        }
    }
}

/// How a session occupies a rep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum WorkState {
    /// The rep is being asked.
    #[n(0)]
    Offered,
    /// The rep works on it.
    #[n(1)]
    Open,
    /// The rep has put it aside, or the customer is silent.
    #[n(2)]
    Paused,
    /// The session has ended, and what it held stays held for a while (C6).
    #[n(3)]
    WrappingUp {
        /// Until when.
        #[n(0)]
        until: Timestamp,
        /// How often it was extended.
        #[n(1)]
        extended: u32,
    },
    /// Over.
    #[n(4)]
    Ended {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Why.
        #[n(1)]
        why: WorkEnd,
    },
}

impl WorkState {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Offered => "OFFERED",
            Self::Open => "OPEN",
            Self::Paused => "PAUSED",
            Self::WrappingUp { .. } => "WRAPPING_UP",
            Self::Ended { .. } => "ENDED",
        }
    }
}

/// Why a rep of a queue wasn't the one to be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum WhyNot {
    /// Out: this rule isn't passed.
    #[n(0)]
    Out(#[n(0)] Reason),
    /// They declined it or let it run out before (R5, R6).
    #[n(1)]
    PassedBy,
    /// It is their own transfer (T9).
    #[n(2)]
    Original,
    /// Behind, because they have more work, or less capacity free, than the one who was asked (R3).
    #[n(3)]
    Load,
    /// Behind by a tie-break of R3: the one who was asked had no work at all.
    #[n(4)]
    HasWork,
    /// Behind by a tie-break of R3: the one who was asked signed in earlier.
    #[n(5)]
    SignedInLater,
    /// Behind by a tie-break of R3: the one who was asked was assigned work longer ago.
    #[n(6)]
    AssignedLater,
}

/// A rep who was considered for work and not asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Candidate {
    /// Who.
    #[n(0)]
    pub rep: RepId,
    /// Why not.
    #[n(1)]
    pub why: WhyNot,
}

/// How the rep of a piece of work was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum HowFound {
    /// The work was for them in particular.
    #[default]
    Direct,
    /// They were the first in the queue's order (R3) when the session came.
    FirstInOrder,
    /// They had room when this session was the first they could take (R2).
    NextInLine,
}

/// A session as it occupies a rep.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Work {
    /// Made by the server.
    #[n(0)]
    pub id: WorkId,
    /// Of which session.
    #[n(1)]
    pub session: SessionId,
    /// Whom it occupies.
    #[n(2)]
    pub rep: RepId,
    /// Its state.
    #[n(3)]
    pub state: WorkState,
    /// What it weighs for this rep, fixed when it was offered (C1).
    #[n(4)]
    pub weight: Units,
    /// What it holds now (C2); zero once ended.
    #[n(5)]
    pub holds: Units,
    /// Whether it holds it in the pool of interruptible work (C5), fixed when it was offered.
    #[n(6)]
    pub interruptible: bool,
    /// Whether a partner assigned it past the capacity check (C3).
    #[n(7)]
    pub check_skipped: bool,
    /// The transfer that brings it, if one does.
    #[n(8)]
    pub transfer: Option<TransferId>,
    /// Whether its tab is open.
    #[n(9)]
    pub tab_open: bool,
    /// The queue that it was offered from.
    #[n(10)]
    pub queue: Option<QueueId>,
    /// When its session joined the line that it was offered from (E1).
    #[n(11)]
    pub queued_at: Timestamp,
    /// The wait that was estimated for it then (E5).
    #[n(12)]
    pub estimated: Option<Span>,
    /// How its rep was found.
    #[n(13)]
    pub found: HowFound,
    /// Who else was considered, at most eight.
    #[n(14)]
    pub candidates: Vec<Candidate>,
    /// When the rep was asked.
    #[n(15)]
    pub offered_at: Timestamp,
    /// When the offer runs out (R5).
    #[n(16)]
    pub offer_until: Option<Timestamp>,
    /// When they accepted.
    #[n(17)]
    pub accepted_at: Option<Timestamp>,
    /// Since when it holds what it holds (C7).
    #[n(18)]
    pub holds_since: Timestamp,
    /// Where its steps come from (S3).
    #[cbor(n(19), default)]
    pub steps: WorkSteps,
    /// The routing request by which a partner named the rep (N6).
    #[n(20)]
    pub routed_by: Option<RoutingRequestId>,
    /// What the partner bars the rep from (N1).
    #[cbor(n(21), default)]
    pub restrictions: WorkRestrictions,
}

/// What a partner bars the rep from whom it names (N1). Nobody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct WorkRestrictions {
    /// Declining it.
    #[n(0)]
    pub decline: bool,
    /// Transferring it.
    #[n(1)]
    pub transfer: bool,
    /// Ending its session.
    #[n(2)]
    pub end: bool,
}

impl Work {
    /// Does it still occupy its rep?
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, WorkState::Ended { .. })
    }
}
