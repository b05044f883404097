//! What happens: reps' presence and capacity, sessions, work, transfers. Values only. States are
//! enums that carry what belongs to them, so that a session with two owners can't be written down.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::id::{
    ActorId, ChannelId, ExternalReference, PresenceId, RepId, SessionId, StatusId, TransferId,
    WorkId,
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
    /// In a line. It keeps its place while somebody is being asked (`offer`).
    Waiting {
        /// Which line.
        line: Line,
        /// Since when.
        since: Timestamp,
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
    /// Its age counts from here, wherever it waits (T22).
    pub opened_at: Timestamp,
    /// Where it is.
    pub state: SessionState,
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
    /// The rep marked it complete.
    Completed,
    /// The customer came back and the session was routed anew (N5).
    Rerouted,
}

/// How a session occupies a rep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WorkState {
    /// The rep is being asked.
    Offered,
    /// The rep works on it.
    Open,
    /// The rep has put it aside, or the customer is silent.
    Paused,
    /// Over.
    Ended {
        /// When.
        at: Timestamp,
        /// Why.
        why: WorkEnd,
    },
}

/// A session as it occupies a rep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Work {
    /// Made by the server.
    pub id: WorkId,
    /// Of which session.
    pub session: SessionId,
    /// Whom it occupies.
    pub rep: RepId,
    /// Its state.
    pub state: WorkState,
    /// What it weighs for this rep, fixed when it was offered (C1).
    pub weight: Units,
    /// What it holds now (C2); zero once ended.
    pub holds: Units,
    /// The transfer that brings it, if one does.
    pub transfer: Option<TransferId>,
    /// Whether its tab is open.
    pub tab_open: bool,
    /// When the rep was asked.
    pub offered_at: Timestamp,
    /// When they accepted.
    pub accepted_at: Option<Timestamp>,
    /// Since when it holds what it holds (C7).
    pub holds_since: Timestamp,
}

impl Work {
    /// Does it still occupy its rep?
    #[must_use]
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, WorkState::Ended { .. })
    }
}

/// Whom a session is handed to (T2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Recipient {
    /// A rep.
    Rep(RepId),
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
