//! What happens: reps' presence and capacity, sessions, work, transfers. Values only. States are
//! enums that carry what belongs to them, so that a session with two owners can't be written down.

mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use work::{Candidate, Found, WhyNot, Work, WorkEnd, WorkState};

use super::directory::{ChannelType, RoutingModel};
use super::flow::Trace;
use super::id::{
    ActorId, ChannelId, ExternalReference, FlowId, PresenceId, QueueId, RepId, SessionId, SkillId,
    StatusId, TransferId, WorkId,
};
use super::time::{Span, Timestamp};
use super::units::Units;

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

/// Why a presence changed (P8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PresenceCause {
    /// The rep's own wish.
    Rep,
    /// A supervisor's.
    Supervisor,
    /// The lease wasn't renewed.
    LeaseExpired,
    /// The grace is over too (P4).
    ConnectionLost,
    /// The rep signed in a second time.
    DuplicateLogin,
    /// An offer wasn't accepted in time.
    PushTimeout,
    /// An offer was declined.
    Declined,
    /// Baton.
    Server,
}

/// Whether a rep's client is there (P3, P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// The lease holds.
    Connected,
    /// The lease ran out; the presence goes on if the client is back before `grace_until`.
    Disconnected {
        /// When it ran out.
        since: Timestamp,
        /// When the rep is signed out.
        grace_until: Timestamp,
    },
}

/// One signed-in spell of a rep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    /// Made by the server.
    pub id: PresenceId,
    /// What the rep chose to be.
    pub status: StatusId,
    /// What the client calls itself.
    pub device: String,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When the status was chosen.
    pub status_since: Timestamp,
    /// Whether the client is there.
    pub connection: Connection,
    /// How long one renewal lasts.
    pub lease: Span,
    /// Why it is as it is.
    pub cause: PresenceCause,
    /// What the directory lets the rep do as this status.
    pub reach: Arc<Reach>,
}

/// What the directory lets a signed-in rep do: copied into the presence when it is opened, when its
/// status changes and when the directory does, so that the ready reps of a queue are found in the
/// index, in the order of R3, without looking anything up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Reach {
    /// Configured capacity (C1).
    pub capacity: Units,
    /// The channel types that the status covers (P1) and the rep is entitled to (T14).
    pub takes: BTreeSet<ChannelType>,
    /// Skills with their levels (R4).
    pub skills: BTreeMap<SkillId, u32>,
    /// The queues that the rep is a member of, and how each picks.
    pub queues: BTreeMap<QueueId, RoutingModel>,
}

/// How a rep's last presence ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClosedPresence {
    /// Which.
    pub id: PresenceId,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: PresenceCause,
}

/// A rep's presence and capacity in one record, so that neither changes behind the other's back:
/// every offer, acceptance and end of work writes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepPresence {
    /// Whose.
    pub rep: RepId,
    /// The signed-in spell, if there is one.
    pub presence: Option<Presence>,
    /// The spell before it.
    pub last: Option<ClosedPresence>,
    /// Capacity held: the sum of `holds` of the rep's work, always (C7).
    pub used: Units,
    /// How many pieces of work the rep has, offered ones included.
    pub work_count: u32,
    /// When work was last assigned (R3).
    pub assigned_at: Option<Timestamp>,
}

impl RepPresence {
    /// A rep who has never signed in.
    #[must_use]
    pub const fn absent(rep: RepId) -> Self {
        Self {
            rep,
            presence: None,
            last: None,
            used: Units::ZERO,
            work_count: 0,
            assigned_at: None,
        }
    }

    /// Is the rep signed in, with a client that is there?
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.presence.as_ref().is_some_and(|p| p.connection == Connection::Connected)
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

/// Where a session is (O1): one owner, or one waiting place, or one being asked first, or an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionState {
    /// In its line. It keeps its place while somebody is asked to take a transfer of it (`offer`).
    Waiting {
        /// The work that is being offered meanwhile.
        offer: Option<WorkId>,
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
