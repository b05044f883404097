//! What happens: reps' presence and capacity, sessions, work, transfers. Values only. States are
//! enums that carry what belongs to them, so that a session with two owners can't be written down.

mod actor;
mod partner;
mod partner_health;
mod presence;
mod provenance;
mod recipient;
mod returned;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minicbor::{Decode, Encode};

pub use actor::{Actor, Role};
pub use partner::{
    AskFailure, FailureReason, Handoff, HandoffState, PartnerAsk, PartnerStay, RoutingCause,
    RoutingRequest, RoutingState,
};
pub use partner_health::{OpenAskKind, PartnerHealth};
pub use presence::{
    ClosedPresence, Connection, EarlierPresence, PlannedChange, PlannedStop, Presence,
    PresenceCause, RepPresence, RepReach,
};
pub use provenance::{AskSteps, Authority, Provenance, SessionSteps, TransferSteps, WorkSteps};
pub use recipient::{ContactRef, Recipient};
pub use returned::{ReturnReason, SessionEndReason, SessionReturn};
pub use work::{Candidate, HowFound, WhyNot, Work, WorkEnd, WorkRestrictions, WorkState};

use crate::domain::flow::Trace;
use crate::domain::id::{
    ChannelId, ExternalReference, PartnerId, QueueId, RepId, SessionId, SkillId, TransferId, TxnId,
    WorkId,
};
use crate::domain::stored::{shared, shared_option, strict};
use crate::domain::time::{Span, Timestamp};

/// A waiting line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum Line {
    /// For one rep in particular.
    #[n(0)]
    Rep(#[n(0)] RepId),
    /// For any rep of a queue.
    #[n(1)]
    Queue(#[n(0)] QueueId),
    /// For a partner to route it, or to take it to a contact. What waits in a partner's queue has that for its line.
    #[n(2)]
    Partner(#[n(0)] PartnerId),
}

impl Line {
    /// The queue, if it is one's.
    #[must_use]
    pub const fn queue(&self) -> Option<&QueueId> {
        match self {
            Self::Queue(queue) => Some(queue),
            Self::Rep(_) | Self::Partner(_) => None,
        }
    }
}

/// A skill that is wished for until then (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct SkillWish {
    /// The minimum level.
    #[n(0)]
    pub level: u32,
    /// When it is dropped.
    #[n(1)]
    pub until: Timestamp,
}

/// How a session was ended (O4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// The customer or the channel.
    Channel,
    /// Its owner.
    Owner,
    /// A supervisor.
    Supervisor,
}

/// Waiting for nobody who is there: for a rep who has gone (T17), or where no rep could ever come (R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Absence {
    /// For a while, in case they come back: until when, and since when.
    #[n(0)]
    Until(#[n(0)] Timestamp, #[n(1)] Option<Timestamp>),
    /// That is over, and there is nowhere to fall back to; or nobody of the queue could ever take it: supervisors
    /// look at it.
    #[n(1)]
    Stranded,
}

/// Where a session is (O1): one owner, or one waiting place, or one being asked first, or an end.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum SessionState {
    /// In its line. It keeps its place while somebody is asked to take a transfer of it (`offer`).
    #[n(0)]
    Waiting {
        /// The work that is being offered meanwhile.
        #[n(0)]
        offer: Option<WorkId>,
        /// T17: the rep in whose line it waits isn't there. R11: no rep of its queue could ever take it.
        #[cbor(n(1), decode_with = "strict")]
        absence: Option<Absence>,
    },
    /// Its first owner is being asked.
    #[n(1)]
    Offered {
        /// Who.
        #[n(0)]
        rep: RepId,
        /// The work offered.
        #[n(1)]
        work: WorkId,
    },
    /// A rep has it, also while a transfer of it is offered.
    #[n(2)]
    Active {
        /// Who.
        #[n(0)]
        rep: RepId,
        /// Their work.
        #[n(1)]
        work: WorkId,
    },
    /// Its rep has put it aside.
    #[n(3)]
    Paused {
        /// Who.
        #[n(0)]
        rep: RepId,
        /// Their work.
        #[n(1)]
        work: WorkId,
    },
    /// The customer has been silent.
    #[n(4)]
    Inactive {
        /// Who had it.
        #[n(0)]
        rep: RepId,
        /// Their work.
        #[n(1)]
        work: WorkId,
    },
    /// Over.
    #[n(5)]
    Ended {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// By whom.
        #[n(1)]
        by: EndedBy,
        /// When it is forgotten (O5).
        #[n(2)]
        forget_at: Timestamp,
        /// Who it was; `None`: that wasn't kept.
        #[n(3)]
        actor: Option<Actor>,
    },
    /// An external contact has it (T23).
    #[n(6)]
    External {
        /// Which.
        #[n(0)]
        contact: ContactRef,
        /// Since when.
        #[n(1)]
        since: Timestamp,
    },
}

/// A messaging session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Session {
    /// Made by the server.
    #[n(0)]
    pub id: SessionId,
    /// Where it comes from.
    #[n(1)]
    pub channel: ChannelId,
    /// The channel's own name for it (O2).
    #[n(2)]
    pub external_reference: ExternalReference,
    /// Lower goes first (R2).
    #[n(3)]
    pub priority: u32,
    /// Whether somebody gave it that priority; otherwise its queue's default did.
    #[n(4)]
    pub priority_given: bool,
    /// Its age counts from here, wherever it waits (T22).
    #[n(5)]
    pub opened_at: Timestamp,
    /// Where it is.
    #[n(6)]
    pub state: SessionState,
    /// The line that it waits in; for one that doesn't, the line that it came from, and would fall
    /// back to.
    #[n(7)]
    pub line: Line,
    /// Since when it has been in that line. Its age is counted from `opened_at` (T22).
    #[n(8)]
    pub line_since: Timestamp,
    /// The wait that was estimated for it when it joined that line (E5).
    #[n(9)]
    pub estimated: Option<Span>,
    /// Skills that a rep of a queue must have (R4).
    #[n(10)]
    pub required: BTreeMap<SkillId, u32>,
    /// Skills wished for, and not yet dropped.
    #[n(11)]
    pub wished: BTreeMap<SkillId, SkillWish>,
    /// Reps who declined it or let the offer run out (R5, R6).
    #[n(12)]
    pub passed_by: BTreeSet<RepId>,
    /// The way that the flow took into which it was opened, if it was (R8).
    #[cbor(n(13), with = "shared_option")]
    pub trace: Option<Arc<Trace>>,
    /// The transfer that is under way.
    #[n(14)]
    pub transfer: Option<TransferId>,
    /// How many transfers were ever asked for (T16).
    #[n(15)]
    pub transfers: u32,
    /// Facts from the channel, at most 64 and 4 KiB (O3).
    #[cbor(n(16), with = "shared")]
    pub attributes: Arc<BTreeMap<String, String>>,
    /// The session that had the same channel and external reference before, and has ended (O2).
    #[n(17)]
    pub previous: Option<SessionId>,
    /// The request that opened it: whoever else asks finds it (O2).
    #[n(18)]
    pub opened_in: Option<TxnId>,
    /// Whose request that was, of a session whose `steps` don't tell.
    #[n(19)]
    pub opened_by: Option<Actor>,
    /// Where its steps come from (S3).
    #[cbor(n(20), default)]
    pub steps: SessionSteps,
    /// What its partner is, was, and is to be asked, while it stands in a partner's line or is being taken there.
    #[cbor(n(21), decode_with = "strict")]
    pub stay: Option<Box<PartnerStay>>,
    /// Why its channel ended it, if it said.
    #[n(22)]
    pub end_reason: Option<SessionEndReason>,
    /// Its returns from external contacts, the last 20 (O6).
    #[cbor(n(23), default)]
    pub returns: Vec<SessionReturn>,
}

impl SessionState {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "WAITING",
            Self::Offered { .. } => "OFFERED",
            Self::Active { .. } => "ACTIVE",
            Self::Paused { .. } => "PAUSED",
            Self::Inactive { .. } => "INACTIVE",
            Self::Ended { .. } => "ENDED",
            Self::External { .. } => "EXTERNAL",
        }
    }

    /// Does it wait where supervisors have to look (T17, R11)?
    #[must_use]
    pub const fn is_stranded(&self) -> bool {
        matches!(self, Self::Waiting { absence: Some(Absence::Stranded), .. })
    }
}

impl Session {
    /// The rep who owns it and the work with which they do.
    #[must_use]
    pub const fn owner(&self) -> Option<(&RepId, WorkId)> {
        match &self.state {
            SessionState::Active { rep, work }
            | SessionState::Paused { rep, work }
            | SessionState::Inactive { rep, work } => Some((rep, *work)),
            SessionState::Waiting { .. }
            | SessionState::Offered { .. }
            | SessionState::External { .. }
            | SessionState::Ended { .. } => None,
        }
    }

    /// The state of one that waits and isn't being offered, for nobody who has gone.
    pub const WAITING: SessionState = SessionState::Waiting { offer: None, absence: None };

    /// Does it wait, without being offered?
    #[must_use]
    pub const fn waits_for_an_offer(&self) -> bool {
        matches!(self.state, SessionState::Waiting { offer: None, .. })
    }

    /// Is it over?
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, SessionState::Ended { .. })
    }

    /// What its partner is being asked.
    #[must_use]
    pub fn open_ask(&self) -> Option<PartnerAsk> {
        self.stay.as_ref()?.open
    }
}

/// Where a transfer is. SessionEnded, HandedOver, Failed and Completed are final (T3).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum TransferState {
    /// A rep is being asked.
    #[n(0)]
    Offered {
        /// Who.
        #[n(0)]
        rep: RepId,
        /// The work offered.
        #[n(1)]
        work: WorkId,
    },
    /// Nobody can take it yet.
    #[n(1)]
    Waiting {
        /// Since when.
        #[n(0)]
        since: Timestamp,
    },
    /// The recipient has the session.
    #[n(2)]
    Completed {
        /// Who took it.
        #[n(0)]
        rep: RepId,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// The session ended first (T18).
    #[n(3)]
    SessionEnded {
        /// When.
        #[n(0)]
        at: Timestamp,
    },
    /// A partner is being asked (T23, N6).
    #[n(4)]
    Asked(#[n(0)] PartnerAsk),
    /// An external contact has the session (T23).
    #[n(5)]
    HandedOver {
        /// Which.
        #[n(0)]
        contact: ContactRef,
        /// When.
        #[n(1)]
        at: Timestamp,
    },
    /// The partner's part came to nothing (T23, N6).
    #[n(6)]
    Failed {
        /// When.
        #[n(0)]
        at: Timestamp,
        /// Why.
        #[n(1)]
        failure: AskFailure,
    },
}

impl TransferState {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Waiting { .. } => "WAITING",
            Self::Offered { .. } | Self::Asked(_) => "OFFERED",
            Self::Completed { .. } | Self::HandedOver { .. } => "COMPLETED",
            Self::Failed { .. } => "FAILED",
            Self::SessionEnded { .. } => "SESSION_ENDED",
        }
    }
}

/// One attempt to hand a session on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Transfer {
    /// Made by the server.
    #[n(0)]
    pub id: TransferId,
    /// Which session.
    #[n(1)]
    pub session: SessionId,
    /// Who asked (T1).
    #[n(2)]
    pub asked_by: Actor,
    /// Whose session it was (T1).
    #[n(3)]
    pub from_rep: RepId,
    /// To whom.
    #[n(4)]
    pub recipient: Recipient,
    /// The line that it goes to: the recipient's, the one a flow decided on, or the fallback (T17).
    #[n(5)]
    pub line: Line,
    /// How the flow decided (R8).
    #[cbor(n(6), with = "shared_option")]
    pub trace: Option<Arc<Trace>>,
    /// What the asker wants the recipient to know, at most 2 KiB (O3).
    #[n(7)]
    pub note: String,
    /// Where it is.
    #[n(8)]
    pub state: TransferState,
    /// When it was asked for.
    #[n(9)]
    pub requested_at: Timestamp,
    /// When it was last offered.
    #[n(10)]
    pub offered_at: Option<Timestamp>,
    /// When the original rep was removed (T6, T7).
    #[n(11)]
    pub original_removed_at: Option<Timestamp>,
    /// Where its steps come from (S3).
    #[cbor(n(12), default)]
    pub steps: TransferSteps,
    /// The line that the session had before, to which it goes back if the owner has left and the partner fails (T19).
    #[cbor(n(13), decode_with = "strict")]
    pub from_line: Option<Line>,
    /// Whether the owner left while the partner, or a rep whom it named, was being asked (T19).
    #[cbor(n(14), default)]
    pub owner_left: bool,
    /// What its partner was last asked.
    #[cbor(n(15), decode_with = "strict")]
    pub asked: Option<PartnerAsk>,
}

impl Transfer {
    /// Is it in a final state?
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self.state,
            TransferState::Completed { .. }
                | TransferState::HandedOver { .. }
                | TransferState::Failed { .. }
                | TransferState::SessionEnded { .. }
        )
    }
}
