//! A rep's presence, and their capacity, which is kept with it. Values only.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use minicbor::{Decode, Encode};

use super::actor::Actor;
use crate::domain::directory::{ChannelType, RoutingModel};
use crate::domain::id::{PresenceId, QueueId, RepId, SkillId, StatusId};
use crate::domain::stored::{shared, strict};
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;

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

impl PresenceCause {
    /// Its name in the public API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rep => "REP",
            Self::Supervisor => "SUPERVISOR",
            Self::LeaseExpired => "LEASE_EXPIRED",
            Self::ConnectionLost => "CONNECTION_LOST",
            Self::DuplicateLogin => "DUPLICATE_LOGIN",
            Self::PushTimeout => "PUSH_TIMEOUT",
            Self::Declined => "DECLINED",
            Self::Server => "SERVER",
        }
    }
}

/// Whether a rep's client is there (P3, P4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Connection {
    /// The lease holds.
    #[n(0)]
    Connected,
    /// The lease ran out; the presence goes on if the client is back before `grace_until`.
    #[n(1)]
    Disconnected {
        /// When it ran out.
        #[n(0)]
        since: Timestamp,
        /// When the rep is signed out.
        #[n(1)]
        grace_until: Timestamp,
    },
}

/// One signed-in spell of a rep.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Presence {
    /// Made by the server.
    #[n(0)]
    pub id: PresenceId,
    /// What the rep chose to be.
    #[n(1)]
    pub status: StatusId,
    /// What the client calls itself.
    #[n(2)]
    pub device: String,
    /// When it was opened.
    #[n(3)]
    pub opened_at: Timestamp,
    /// When the status was chosen.
    #[n(4)]
    pub status_since: Timestamp,
    /// Whether the client is there.
    #[n(5)]
    pub connection: Connection,
    /// How long one renewal lasts.
    #[n(6)]
    pub lease: Span,
    /// Why it is as it is (P8).
    #[n(7)]
    pub cause: PresenceCause,
    /// Who made it so; `None`: that isn't known.
    #[n(8)]
    pub by: Option<Actor>,
    /// What happens when the rep's current work is done (P10). Until then nothing new is offered.
    #[cbor(n(9), decode_with = "strict")]
    pub next: Option<PlannedStop>,
    /// What the directory lets the rep do as this status.
    #[cbor(n(10), with = "shared")]
    pub reach: Arc<RepReach>,
}

/// What a rep, or a supervisor for them, wants as soon as their current work is done (P10): when
/// they have no work but sessions whose customer is silent.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PlannedStop {
    /// What.
    #[n(0)]
    pub then: PlannedChange,
    /// The cause of the change that it will be.
    #[n(1)]
    pub cause: PresenceCause,
    /// Who wants it.
    #[n(2)]
    pub by: Actor,
}

/// What happens when a rep's current work is done.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum PlannedChange {
    /// They have this status.
    #[n(0)]
    Status(#[n(0)] StatusId),
    /// They are signed out.
    #[n(1)]
    SignOut,
}

/// What the directory lets a signed-in rep do: copied into the presence when it is opened, when its
/// status changes and when the directory does, so that the ready reps of a queue are found in the
/// index, in the order of R3, without looking anything up.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Encode, Decode)]
pub struct RepReach {
    /// Configured capacity (C1).
    #[n(0)]
    pub capacity: Units,
    /// Size of the pool of interruptible work (C5).
    #[n(1)]
    pub interruptible_capacity: Units,
    /// The channel types that the status covers (P1) and the rep is entitled to (T14); none while
    /// they finish their current work (P10).
    #[n(2)]
    pub takes: BTreeSet<ChannelType>,
    /// Skills with their levels (R4).
    #[n(3)]
    pub skills: BTreeMap<SkillId, u32>,
    /// The queues that the rep is a member of, and how each picks.
    #[n(4)]
    pub queues: BTreeMap<QueueId, RoutingModel>,
}

/// How a rep's last presence ended.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ClosedPresence {
    /// Which.
    #[n(0)]
    pub id: PresenceId,
    /// When.
    #[n(1)]
    pub at: Timestamp,
    /// Why.
    #[n(2)]
    pub cause: PresenceCause,
    /// Who closed it; `None`: that isn't known.
    #[n(3)]
    pub by: Option<Actor>,
}

/// A rep's presence and capacity in one record, so that neither changes behind the other's back:
/// every offer, acceptance and end of work writes it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RepPresence {
    /// Whose.
    #[n(0)]
    pub rep: RepId,
    /// The signed-in spell, if there is one.
    #[cbor(n(1), decode_with = "strict")]
    pub presence: Option<Presence>,
    /// The spell before it.
    #[n(2)]
    pub last: Option<ClosedPresence>,
    /// Capacity held: the sum of `holds` of the rep's primary work, always (C7).
    #[n(3)]
    pub used: Units,
    /// The same of their interruptible work (C5).
    #[n(4)]
    pub interruptible_used: Units,
    /// How many pieces of work the rep has, offered ones included.
    #[n(5)]
    pub work_count: u32,
    /// When work was last assigned (R3).
    #[n(6)]
    pub assigned_at: Option<Timestamp>,
    /// Until when sessions are kept for a rep whose connection was lost (P7); `None`: they are
    /// there, or nothing is kept any more.
    #[n(7)]
    pub kept_until: Option<Timestamp>,
    /// When all the sign-ins that they have had are paid for, at one every few seconds: one who
    /// comes and goes all the time gets ahead of it and is stopped.
    #[n(8)]
    pub signed_in_until: Option<Timestamp>,
    /// The spells before [`Self::last`], the newest first; at most eight. Whoever still holds one is told what
    /// became of it (P5).
    #[cbor(n(9), default)]
    pub earlier: Vec<EarlierPresence>,
}

/// So many of [`RepPresence::earlier`] are known.
const EARLIER: usize = 8;

/// A spell that was over before the last one was.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct EarlierPresence {
    /// Which.
    #[n(0)]
    pub id: PresenceId,
    /// Why it ended.
    #[n(1)]
    pub cause: PresenceCause,
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
            interruptible_used: Units::ZERO,
            work_count: 0,
            assigned_at: None,
            kept_until: None,
            signed_in_until: None,
            earlier: Vec::new(),
        }
    }

    /// The current spell is over.
    pub fn close(&mut self, closed: ClosedPresence) {
        self.presence = None;
        if let Some(ClosedPresence { id, cause, .. }) = self.last.replace(closed) {
            self.earlier.insert(0, EarlierPresence { id, cause });
            self.earlier.truncate(EARLIER);
        }
    }

    /// Why a spell of the rep ended, if it has and is still known.
    #[must_use]
    pub fn why_ended(&self, id: PresenceId) -> Option<PresenceCause> {
        let last = self.last.iter().map(|last| (last.id, last.cause));
        let earlier = self.earlier.iter().map(|earlier| (earlier.id, earlier.cause));
        last.chain(earlier).find(|(known, _)| *known == id).map(|(_, cause)| cause)
    }

    /// Is the rep signed in, with a client that is there?
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.presence.as_ref().is_some_and(|p| p.connection == Connection::Connected)
    }

    /// Is the rep gone for good: signed out, and nothing is kept for them (P7)?
    #[must_use]
    pub const fn is_gone(&self) -> bool {
        self.presence.is_none() && self.kept_until.is_none()
    }

    /// Capacity held in one of the two pools (C5).
    #[must_use]
    pub const fn held_in(&mut self, interruptible: bool) -> &mut Units {
        if interruptible { &mut self.interruptible_used } else { &mut self.used }
    }
}
