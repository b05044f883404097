//! What is committed: journal entries, and what is remembered of requests. An entry carries the
//! records it changed as complete images, so applying it replaces records and never decides again.

use std::fmt;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::contacts::{AvailabilityReport, ContactSync};
use crate::domain::id::{
    EntryId, PresenceId, QueueId, RepId, RoutingRequestId, SessionId, TransferId, WorkId,
};
use crate::domain::live::{Actor, Authority};
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::stored::{shared, shared_option};
use crate::domain::time::Timestamp;

/// An org's position in its history: one number that grows by one with each committed change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(u64);

impl Revision {
    /// Before the first change.
    pub const ZERO: Self = Self(0);

    /// The revision of this number.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// Its number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The one after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The end of the history: the last entry's revision, id and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Of the last entry.
    pub revision: Revision,
    /// Its id; nil before the first entry.
    pub entry: EntryId,
    /// Its steady time, which never runs backwards (R12).
    pub time: Timestamp,
}

/// What kind of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FactKind {
    /// Configuration changed.
    DirectoryChanged,
    /// A session was opened.
    SessionOpened,
    /// A session waits in a line.
    SessionWaiting,
    /// A session without an owner is offered to a rep.
    SessionOffered,
    /// A rep accepted a session.
    SessionAccepted,
    /// Facts about a session changed.
    SessionUpdated,
    /// Skills that a session wished for were dropped (R4).
    SkillsDropped,
    /// Its rep put it aside.
    SessionPaused,
    /// Its rep took it up again.
    SessionResumed,
    /// The customer has been silent.
    SessionInactivated,
    /// A session ended.
    SessionEnded,
    /// An ended session was forgotten (O5).
    SessionForgotten,
    /// A transfer was asked for.
    TransferRequested,
    /// A rep is asked to take a transfer.
    TransferOffered,
    /// A transfer waits.
    TransferWaiting,
    /// A transfer was accepted.
    TransferCompleted,
    /// The session of a transfer ended (T18).
    TransferSessionEnded,
    /// A transfer waits for a rep who is gone, with nowhere to fall back to (T17).
    TransferStranded,
    /// The original rep is removed from a session (T6, T7).
    RepRemoved,
    /// A transfer goes to the channel's fallback queue (T17).
    TransferRerouted,
    /// Work was withdrawn from a rep who went away (T17).
    OfferWithdrawn,
    /// A rep didn't accept an offer in time (R5).
    OfferTimedOut,
    /// A rep declined work.
    WorkDeclined,
    /// A tab was closed.
    TabClosed,
    /// A rep signed in.
    PresenceOpened,
    /// A rep chose a status.
    StatusChanged,
    /// A lease ran out (P4).
    PresenceDisconnected,
    /// The client came back within the grace (P4).
    PresenceReconnected,
    /// A rep is signed out.
    PresenceClosed,
    /// A rep wants another status, or to sign out, when their current work is done (P10).
    StopPlanned,
    /// A session of a rep who has gone goes back to its line (P7).
    SessionOrphaned,
    /// A session that waited for a rep who has gone goes to the channel's fallback queue (T17).
    SessionRerouted,
    /// A session waits for a rep who has gone, with nowhere to fall back to (T17).
    SessionStranded,
    /// A partner named the rep for a session (C3).
    SessionAssigned,
    /// After-conversation work began (C6).
    WrapUpStarted,
    /// After-conversation work was extended (C6).
    WrapUpExtended,
    /// After-conversation work is over (C6).
    WrapUpEnded,
    /// A partner is asked to take a session to a contact (T23).
    HandoffAsked,
    /// A worker of the partner's claimed it (N9).
    HandoffAcknowledged,
    /// The contact has the session (T23).
    HandoffCompleted,
    /// The partner refused or failed (T23).
    HandoffFailed,
    /// The partner didn't answer in time (T23).
    HandoffExpired,
    /// The session ended first (T18).
    HandoffSessionEnded,
    /// A partner is asked where a session goes (N6).
    RoutingAsked,
    /// It waits in the partner's line (N6).
    RoutingAcknowledged,
    /// The lease of that was renewed (N6).
    RoutingRenewed,
    /// The partner said where it goes (N6).
    RoutingRouted,
    /// The partner couldn't (N6).
    RoutingFailed,
    /// The partner didn't answer, or renew, in time (N6).
    RoutingExpired,
    /// It isn't needed any more (N6).
    RoutingWithdrawn,
    /// A transfer failed at its partner (T23).
    TransferFailed,
    /// A session came back from an external contact (O6).
    SessionReturned,
    /// A partner counts as away (N7).
    PartnerAway,
    /// A partner that was away answers again (N7).
    PartnerBack,
    /// Contacts changed (N2).
    ContactsSynced,
    /// A partner said how its contacts or queues do (N2, E6).
    AvailabilityReported,
    /// Something that only a later release has a name for: its number.
    Other(u32),
}

/// Something that happened, and what it happened to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Fact {
    /// What.
    #[n(0)]
    pub kind: FactKind,
    /// To which session.
    #[n(1)]
    pub session: Option<SessionId>,
    /// To which transfer.
    #[n(2)]
    pub transfer: Option<TransferId>,
    /// To which work.
    #[n(3)]
    pub work: Option<WorkId>,
    /// To which rep.
    #[n(4)]
    pub rep: Option<RepId>,
    /// In which queue.
    #[n(5)]
    pub queue: Option<QueueId>,
}

impl Fact {
    /// A fact of this kind, about nothing yet.
    #[must_use]
    pub const fn of(kind: FactKind) -> Self {
        Self { kind, session: None, transfer: None, work: None, rep: None, queue: None }
    }

    /// It concerns this session.
    #[must_use]
    pub const fn session(mut self, id: SessionId) -> Self {
        self.session = Some(id);
        self
    }

    /// It concerns this transfer.
    #[must_use]
    pub const fn transfer(mut self, id: TransferId) -> Self {
        self.transfer = Some(id);
        self
    }

    /// It concerns this work.
    #[must_use]
    pub const fn work(mut self, id: WorkId) -> Self {
        self.work = Some(id);
        self
    }

    /// It concerns this queue.
    #[must_use]
    pub fn queue(mut self, id: &QueueId) -> Self {
        self.queue = Some(id.clone());
        self
    }

    /// It concerns this rep.
    #[must_use]
    pub fn rep(mut self, id: &RepId) -> Self {
        self.rep = Some(id.clone());
        self
    }
}

/// Who caused a change, and through which call (S3).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Cause {
    /// Who.
    #[n(0)]
    pub actor: Actor,
    /// Through which method; `timer` and `settle` are Baton's own.
    #[cbor(n(1), with = "shared")]
    pub rpc: Arc<str>,
    /// The caller's request id, if it gave one.
    #[cbor(n(2), with = "shared_option")]
    pub request_id: Option<Arc<str>>,
    /// The name of the credential that it showed; `None`: Baton's own doing, or whoever called said of itself who it is.
    #[cbor(n(3), with = "shared_option")]
    pub credential: Option<Arc<str>>,
    /// Who really holds the credential, where somebody acts with another's.
    #[cbor(n(4), with = "shared_option")]
    pub delegate: Option<Arc<str>>,
    /// The rep for whom somebody else acted (T1, P6, N4); a rep that acts as itself has none.
    #[n(5)]
    pub on_behalf_of: Option<RepId>,
    /// The call's name, which its caller and the log know, too.
    #[cbor(n(6), with = "shared_option")]
    pub call: Option<Arc<str>>,
}

impl Cause {
    /// `actor` did it through `rpc`, and nothing else is known of it.
    #[must_use]
    pub fn new(actor: Actor, rpc: impl Into<Arc<str>>) -> Self {
        Self {
            actor,
            rpc: rpc.into(),
            request_id: None,
            credential: None,
            delegate: None,
            on_behalf_of: None,
            call: None,
        }
    }

    /// By what right it was done, as far as it says more than who did it.
    #[must_use]
    pub fn authority(&self) -> Option<Authority> {
        let Self { credential, delegate, on_behalf_of, .. } = self;
        if credential.is_none() && delegate.is_none() && on_behalf_of.is_none() {
            return None;
        }
        Some(Authority {
            credential: credential.clone(),
            delegate: delegate.clone(),
            on_behalf_of: on_behalf_of.clone(),
        })
    }
}

/// What a request was, in 128 bits: the same for the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(pub u128);

/// What a mutation answers with: the resource it is about, as the transaction left it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Answer {
    /// Nothing to show: Baton's own transactions.
    #[n(0)]
    Nothing,
    /// A record.
    #[n(1)]
    Record(#[n(0)] Record),
    /// A changed directory: how many of what.
    #[n(2)]
    Directory(#[cbor(n(0), with = "shared")] Arc<Vec<DirectoryChange>>),
    /// It was refused, and that is kept: another server may have tried the same request before, and
    /// nobody is to do it after this answer was given.
    #[n(3)]
    Refused(#[cbor(n(0), with = "shared")] Arc<Rejection>),
    /// What a sync of contacts did (N2).
    #[n(5)]
    ContactsSynced(#[cbor(n(0), with = "shared")] Arc<ContactSync>),
    /// What a report of availability did (N2, E6).
    #[n(6)]
    AvailabilityReported(#[cbor(n(0), with = "shared")] Arc<AvailabilityReport>),
    /// Leases of routing requests that were renewed (N6).
    #[n(7)]
    Renewed(#[cbor(n(0), with = "shared")] Arc<Renewals>),
    /// What became of each of many presences, in the order asked (N4).
    #[n(4)]
    Verdicts(#[cbor(n(0), with = "shared")] Arc<Vec<PresenceVerdict>>),
}

/// What became of one of many presences (N4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PresenceVerdict {
    /// Whose it is; `None`: it was refused.
    #[n(0)]
    pub rep: Option<RepId>,
    /// The presence that the rep has then.
    #[n(1)]
    pub presence: Option<PresenceId>,
    /// Why it was refused, if it was.
    #[cbor(n(2), with = "shared_option")]
    pub refused: Option<Arc<Rejection>>,
}

/// What became of renewals (N6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Renewals {
    /// How many were renewed.
    #[n(0)]
    pub renewed: u32,
    /// Until when they hold, if any was.
    #[n(1)]
    pub until: Option<Timestamp>,
    /// The others.
    #[n(2)]
    pub failures: Vec<RenewalFailure>,
}

/// A routing request whose lease wasn't renewed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct RenewalFailure {
    /// Its place in the call.
    #[n(0)]
    pub index: u32,
    /// Which.
    #[n(1)]
    pub id: RoutingRequestId,
    /// Why.
    #[n(2)]
    pub reason: Reason,
    /// In words.
    #[n(3)]
    pub text: String,
}

/// The record that an answer shows, if it shows one.
impl Answer {
    /// The record, if the answer is one.
    #[must_use]
    pub const fn record(&self) -> Option<&Record> {
        match self {
            Self::Record(record) => Some(record),
            Self::Nothing
            | Self::Directory(_)
            | Self::Refused(_)
            | Self::Renewed(_)
            | Self::Verdicts(_)
            | Self::ContactsSynced(_)
            | Self::AvailabilityReported(_) => None,
        }
    }
}

/// One line of a directory's diff.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DirectoryChange {
    /// `rep`, `channel`, …
    #[cbor(n(0), with = "shared")]
    pub kind: Arc<str>,
    /// Which.
    #[cbor(n(1), with = "shared")]
    pub id: Arc<str>,
    /// What becomes of it.
    #[n(2)]
    pub action: DirectoryAction,
}

/// What becomes of a directory resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryAction {
    /// It is new.
    Created,
    /// It changes.
    Updated,
    /// It goes.
    Deleted,
}

/// What became of a request, kept for at least 24 h under its id (T21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The revision it was committed at; of one that changed nothing, the head's at that moment.
    pub revision: Revision,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What was answered.
    pub answer: Answer,
}

/// What an entry did to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecordAction {
    /// It wasn't there before.
    Created,
    /// It was there, or that wasn't kept.
    Changed,
    /// It is gone.
    Deleted,
}

/// A committed change: the records that it wrote, as complete images, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the history.
    pub revision: Revision,
    /// Its id, by which the entry after it names it.
    pub id: EntryId,
    /// The id of the entry before it.
    pub previous: EntryId,
    /// When, in the org's steady time. Never before the entry before it.
    pub time: Timestamp,
    /// Who caused it.
    pub cause: Cause,
    /// The records it wrote, in key order; `None` removed it.
    pub changes: Vec<(RecordKey, Option<Record>)>,
    /// What happened.
    pub facts: Vec<Fact>,
    /// Places in `changes` of the records that weren't there before, ascending. Releases before level 6 didn't say.
    pub created: Vec<u32>,
}

impl Entry {
    /// The head once this entry is the last.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { revision: self.revision, entry: self.id, time: self.time }
    }

    /// What became of each record that it wrote, in key order (S3).
    pub fn actions(&self) -> impl Iterator<Item = (&RecordKey, RecordAction)> {
        self.changes.iter().enumerate().map(|(place, (key, record))| {
            let is_new =
                u32::try_from(place).is_ok_and(|at| self.created.binary_search(&at).is_ok());
            let action = match record {
                None => RecordAction::Deleted,
                Some(_) if is_new => RecordAction::Created,
                Some(_) => RecordAction::Changed,
            };
            (key, action)
        })
    }

    /// Does it come right after `head`?
    #[must_use]
    pub fn follows(&self, head: Head) -> bool {
        self.revision == head.revision.next() && self.previous == head.entry
    }
}
