//! What happens: reps' presence and capacity, sessions, work, transfers. Values only. States are
//! enums that carry what belongs to them, so that a session with two owners can't be written down.

mod presence;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use presence::{
    ClosedPresence, Connection, Next, Presence, PresenceCause, Reach, RepPresence, Then,
};
pub use work::{Candidate, Found, WhyNot, Work, WorkEnd, WorkState};

use super::flow::Trace;
use super::id::{
    ActorId, ChannelId, ExternalReference, FlowId, QueueId, RepId, SessionId, SkillId, TransferId,
    WorkId,
};
use super::time::{Span, Timestamp};

/// In which role somebody calls (S1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// May do everything in the org.
    Admin,
    /// May act for reps and sees everything.
    Supervisor,
    /// Acts as the rep that it is.
    Rep,
    /// A channel's adapter.
    Adapter,
    /// A partner vendor.
    Partner,
    /// Reads.
    Dashboard,
    /// Baton itself: timers and settling.
    Server,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Actor {
    /// The role of the credential.
    pub role: Role,
    /// The name in the credential; a rep's id for [`Role::Rep`].
    pub id: ActorId,
}

impl Actor {
    /// Baton itself.
    ///
    /// # Panics
    /// Never: the name keeps the rules for ids.
    #[must_use]
    pub fn baton() -> Self {
        let id = ActorId::new("baton").expect("the name keeps the rules for ids");
        Self { role: Role::Server, id }
    }
}

/// A waiting line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Line {
    /// For one rep in particular.
    Rep(RepId),
    /// For any rep of a queue.
    Queue(QueueId),
}

impl Line {
    /// The queue, if it is one's.
    #[must_use]
    pub const fn queue(&self) -> Option<&QueueId> {
        match self {
            Self::Queue(queue) => Some(queue),
            Self::Rep(_) => None,
        }
    }
}

/// A skill that is wished for until then (R4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wish {
    /// The minimum level.
    pub level: u32,
    /// When it is dropped.
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

/// Waiting for a rep who has gone (T17).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// For a while, in case they come back.
    Until(Timestamp),
    /// That is over, and there is nowhere to fall back to: supervisors look at it.
    Stranded,
}

/// Where a session is (O1): one owner, or one waiting place, or one being asked first, or an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// In its line. It keeps its place while somebody is asked to take a transfer of it (`offer`).
    Waiting {
        /// The work that is being offered meanwhile.
        offer: Option<WorkId>,
        /// T17: it isn't in transfer, and the rep in whose line it waits has gone.
        absence: Option<Absence>,
    },
    /// Its first owner is being asked.
    Offered {
        /// Who.
        rep: RepId,
        /// The work offered.
        work: WorkId,
    },
    /// A rep has it, also while a transfer of it is offered.
    Active {
        /// Who.
        rep: RepId,
        /// Their work.
        work: WorkId,
    },
    /// Its rep has put it aside.
    Paused {
        /// Who.
        rep: RepId,
        /// Their work.
        work: WorkId,
    },
    /// The customer has been silent.
    Inactive {
        /// Who had it.
        rep: RepId,
        /// Their work.
        work: WorkId,
    },
    /// Over.
    Ended {
        /// When.
        at: Timestamp,
        /// By whom.
        by: EndedBy,
        /// When it is forgotten (O5).
        forget_at: Timestamp,
    },
}

/// A messaging session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Made by the server.
    pub id: SessionId,
    /// Where it comes from.
    pub channel: ChannelId,
    /// The channel's own name for it (O2).
    pub external_reference: ExternalReference,
    /// Lower goes first (R2).
    pub priority: u32,
    /// Whether somebody gave it that priority; otherwise its queue's default did.
    pub priority_given: bool,
    /// Its age counts from here, wherever it waits (T22).
    pub opened_at: Timestamp,
    /// Where it is.
    pub state: SessionState,
    /// The line that it waits in; for one that doesn't, the line that it came from, and would fall
    /// back to.
    pub line: Line,
    /// Since when it has been in that line. Its age is counted from `opened_at` (T22).
    pub line_since: Timestamp,
    /// The wait that was estimated for it when it joined that line (E5).
    pub estimated: Option<Span>,
    /// Skills that a rep of a queue must have (R4).
    pub required: BTreeMap<SkillId, u32>,
    /// Skills wished for, and not yet dropped.
    pub wished: BTreeMap<SkillId, Wish>,
    /// Reps who declined it or let the offer run out (R5, R6).
    pub passed_by: BTreeSet<RepId>,
    /// The way that the flow took into which it was opened, if it was (R8).
    pub trace: Option<Arc<Trace>>,
    /// The transfer that is under way.
    pub transfer: Option<TransferId>,
    /// How many transfers were ever asked for (T16).
    pub transfers: u32,
    /// Facts from the channel, at most 64 and 4 KiB (O3).
    pub attributes: Arc<BTreeMap<String, String>>,
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
}

/// Whom a session is handed to (T2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A rep.
    Rep(RepId),
    /// Any rep of a queue.
    Queue(QueueId),
    /// Whoever a flow decides on.
    Flow(FlowId),
}

/// Where a transfer is. The last two are final (T3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    /// A rep is being asked.
    Offered {
        /// Who.
        rep: RepId,
        /// The work offered.
        work: WorkId,
    },
    /// Nobody can take it yet.
    Waiting {
        /// Since when.
        since: Timestamp,
        /// T17: when waiting for a rep who has gone ends; `None` while they are there.
        absent_until: Option<Timestamp>,
        /// T17: the limit has passed and there is nowhere to fall back to.
        stranded: bool,
    },
    /// The recipient has the session.
    Completed {
        /// Who took it.
        rep: RepId,
        /// When.
        at: Timestamp,
    },
    /// The session ended first (T18).
    SessionEnded {
        /// When.
        at: Timestamp,
    },
}

/// One attempt to hand a session on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transfer {
    /// Made by the server.
    pub id: TransferId,
    /// Which session.
    pub session: SessionId,
    /// Who asked (T1).
    pub asked_by: Actor,
    /// Whose session it was (T1).
    pub from_rep: RepId,
    /// To whom.
    pub recipient: Recipient,
    /// The line that it goes to: the recipient's, the one a flow decided on, or the fallback (T17).
    pub line: Line,
    /// How the flow decided (R8).
    pub trace: Option<Arc<Trace>>,
    /// What the asker wants the recipient to know, at most 2 KiB (O3).
    pub note: String,
    /// Where it is.
    pub state: TransferState,
    /// When it was asked for.
    pub requested_at: Timestamp,
    /// When it was last offered.
    pub offered_at: Option<Timestamp>,
    /// When the original rep was removed (T6, T7).
    pub original_removed_at: Option<Timestamp>,
}

impl Transfer {
    /// Is it in a final state?
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(self.state, TransferState::Completed { .. } | TransferState::SessionEnded { .. })
    }
}
