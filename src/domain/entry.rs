//! What is committed: a transaction before, a journal entry after. An entry carries the records it
//! changed as complete images, so applying it replaces records and never decides anything again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::id::{QueueId, RepId, SessionId, TransferId, TxnId, WorkId};
use super::live::Actor;
use super::record::{Record, RecordKey};
use super::time::Timestamp;

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

/// The end of the history: the last entry's revision, transaction and time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Head {
    /// Of the last entry.
    pub revision: Revision,
    /// Its transaction; nil before the first entry.
    pub txn: TxnId,
    /// Its time; times never run backwards.
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
}

/// Something that happened, and what it happened to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// What.
    pub kind: FactKind,
    /// To which session.
    pub session: Option<SessionId>,
    /// To which transfer.
    pub transfer: Option<TransferId>,
    /// To which work.
    pub work: Option<WorkId>,
    /// To which rep.
    pub rep: Option<RepId>,
    /// In which queue.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// Who.
    pub actor: Actor,
    /// Through which method; `timer` and `settle` are Baton's own.
    pub rpc: Arc<str>,
    /// The caller's request id, if it gave one.
    pub request_id: Option<Arc<str>>,
}

/// What a request was, in 128 bits: the same for the same content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint(pub u128);

/// What a mutation answers with: the resource it is about, as the transaction left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Nothing to show: Baton's own transactions.
    Nothing,
    /// A record.
    Record(Record),
    /// A changed directory: how many of what.
    Directory(Arc<Vec<DirectoryChange>>),
}

/// One line of a directory's diff.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryChange {
    /// `rep`, `channel`, …
    pub kind: Arc<str>,
    /// Which.
    pub id: Arc<str>,
    /// What becomes of it.
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

/// What became of a transaction, kept for at least 24 h under its id (T21).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The revision it was committed at; of one that changed nothing, the head's at that moment.
    pub revision: Revision,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What was answered.
    pub answer: Answer,
}

/// A decision, ready to be committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transaction {
    /// Its id: derived from the request id where there is one, so that a repeated request is the
    /// same transaction.
    pub id: TxnId,
    /// When it was decided.
    pub time: Timestamp,
    /// Who caused it.
    pub cause: Cause,
    /// What was asked.
    pub fingerprint: Fingerprint,
    /// What is answered.
    pub answer: Answer,
    /// Every record read or written, with the version seen (nil: not there).
    pub checks: BTreeMap<RecordKey, TxnId>,
    /// Every record written; `None` removes it.
    pub writes: BTreeMap<RecordKey, Option<Record>>,
    /// What happened.
    pub facts: Vec<Fact>,
}

impl Transaction {
    /// Does it only say what is answered? Then it has an outcome and becomes no entry.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        self.writes.is_empty()
    }
}

/// A committed transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place in the history.
    pub revision: Revision,
    /// Its transaction: the new version of each record it wrote.
    pub txn: TxnId,
    /// The transaction of the entry before it.
    pub previous: TxnId,
    /// When. Never before the entry before it.
    pub time: Timestamp,
    /// Who caused it.
    pub cause: Cause,
    /// The records it wrote, in key order; `None` removed it.
    pub changes: Vec<(RecordKey, Option<Record>)>,
    /// What happened.
    pub facts: Vec<Fact>,
}

impl Entry {
    /// The entry that `transaction` becomes right after `head`.
    #[must_use]
    pub fn after(head: Head, transaction: &Transaction) -> Self {
        Self {
            revision: head.revision.next(),
            txn: transaction.id,
            previous: head.txn,
            time: transaction.time.max(head.time),
            cause: transaction.cause.clone(),
            changes: transaction.writes.iter().map(|(k, r)| (k.clone(), r.clone())).collect(),
            facts: transaction.facts.clone(),
        }
    }

    /// The head once this entry is the last.
    #[must_use]
    pub const fn head(&self) -> Head {
        Head { revision: self.revision, txn: self.txn, time: self.time }
    }
}
