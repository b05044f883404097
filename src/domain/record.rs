//! Records: everything that is kept, each under a key of its own. A record's version is the id of
//! the transaction that wrote it last, so a version can't mean two contents.

use std::cmp::Reverse;
use std::sync::Arc;

use super::directory::{
    Channel, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Settings, Skill,
};
use super::flow::Flow;
use super::id::{
    ChannelId, ConfigurationId, ExternalReference, FlowId, PresenceId, ProfileId, QueueId, RepId,
    SessionId, SkillId, StatusId, TransferId, WorkId,
};
use super::line::{Place, Standing, Waited};
use super::live::{
    Absence, Connection, Line, RepPresence, Session, SessionState, Transfer, TransferState, Work,
    WorkState,
};
use super::time::Timestamp;

/// The key of a record. What must be unique is a key, so that the version check guards it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// The org's settings.
    Settings,
    /// A presence configuration.
    Configuration(ConfigurationId),
    /// A presence status.
    Status(StatusId),
    /// A profile.
    Profile(ProfileId),
    /// A channel.
    Channel(ChannelId),
    /// A skill.
    Skill(SkillId),
    /// A queue.
    Queue(QueueId),
    /// A flow.
    Flow(FlowId),
    /// A rep, as configured.
    Rep(RepId),
    /// A rep's presence and capacity: one per rep (P5).
    RepPresence(RepId),
    /// A session.
    Session(SessionId),
    /// Which session a channel's external reference names (O2).
    Reference(ChannelId, ExternalReference),
    /// A piece of work.
    Work(WorkId),
    /// A transfer.
    Transfer(TransferId),
}

/// The image of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Record {
    /// See [`RecordKey::Settings`].
    Settings(Arc<Settings>),
    /// See [`RecordKey::Configuration`].
    Configuration(Arc<PresenceConfiguration>),
    /// See [`RecordKey::Status`].
    Status(Arc<PresenceStatus>),
    /// See [`RecordKey::Profile`].
    Profile(Arc<Profile>),
    /// See [`RecordKey::Channel`].
    Channel(Arc<Channel>),
    /// See [`RecordKey::Skill`].
    Skill(Arc<Skill>),
    /// See [`RecordKey::Queue`].
    Queue(Arc<Queue>),
    /// See [`RecordKey::Flow`].
    Flow(Arc<Flow>),
    /// See [`RecordKey::Rep`].
    Rep(Arc<Rep>),
    /// See [`RecordKey::RepPresence`].
    RepPresence(Arc<RepPresence>),
    /// See [`RecordKey::Session`].
    Session(Arc<Session>),
    /// See [`RecordKey::Reference`].
    Reference(ChannelId, ExternalReference, SessionId),
    /// See [`RecordKey::Work`].
    Work(Arc<Work>),
    /// See [`RecordKey::Transfer`].
    Transfer(Arc<Transfer>),
}

impl Record {
    /// The key that this record is kept under.
    #[must_use]
    pub fn key(&self) -> RecordKey {
        match self {
            Self::Settings(_) => RecordKey::Settings,
            Self::Configuration(r) => RecordKey::Configuration(r.id.clone()),
            Self::Status(r) => RecordKey::Status(r.id.clone()),
            Self::Profile(r) => RecordKey::Profile(r.id.clone()),
            Self::Channel(r) => RecordKey::Channel(r.id.clone()),
            Self::Skill(r) => RecordKey::Skill(r.id.clone()),
            Self::Queue(r) => RecordKey::Queue(r.id.clone()),
            Self::Flow(r) => RecordKey::Flow(r.id.clone()),
            Self::Rep(r) => RecordKey::Rep(r.id.clone()),
            Self::RepPresence(r) => RecordKey::RepPresence(r.rep.clone()),
            Self::Session(r) => RecordKey::Session(r.id),
            Self::Reference(channel, reference, _) => {
                RecordKey::Reference(channel.clone(), reference.clone())
            }
            Self::Work(r) => RecordKey::Work(r.id),
            Self::Transfer(r) => RecordKey::Transfer(r.id),
        }
    }

    /// The places where this record is found other than by its key.
    pub fn index(&self, mut put: impl FnMut(IndexKey)) {
        match self {
            Self::Queue(q) => {
                for rep in &q.reps {
                    put(IndexKey::QueueOf(rep.clone(), q.id.clone()));
                }
            }
            Self::RepPresence(r) => index_presence(r, put),
            Self::Session(s) => index_session(s, put),
            Self::Work(w) => index_work(w, put),
            Self::Transfer(t) => {
                put(IndexKey::TransferOfSession(t.session, t.id));
                if let TransferState::Waiting { absent_until: Some(until), .. } = t.state {
                    put(IndexKey::Due(until, Due::DirectWait(t.id)));
                }
            }
            Self::Settings(_)
            | Self::Configuration(_)
            | Self::Status(_)
            | Self::Profile(_)
            | Self::Channel(_)
            | Self::Skill(_)
            | Self::Flow(_)
            | Self::Rep(_)
            | Self::Reference(..) => {}
        }
    }
}

fn index_presence(r: &RepPresence, mut put: impl FnMut(IndexKey)) {
    if let Some(presence) = &r.presence {
        put(IndexKey::PresenceOf(presence.id, r.rep.clone()));
        if let Connection::Disconnected { grace_until, .. } = presence.connection {
            put(IndexKey::Due(grace_until, Due::Grace(r.rep.clone())));
        }
        Standing::each(r, presence, |queue, standing| put(IndexKey::Member(queue, standing)));
    }
    if let Some(last) = &r.last {
        put(IndexKey::PresenceOf(last.id, r.rep.clone()));
    }
    if let Some(until) = r.kept_until {
        put(IndexKey::Due(until, Due::Orphans(r.rep.clone())));
    }
}

fn index_session(s: &Session, mut put: impl FnMut(IndexKey)) {
    if let Some(place) = Place::of(s) {
        if let (Line::Queue(queue), true) = (&s.line, place.ask.choosy) {
            put(IndexKey::Choosy(queue.clone(), s.id));
        }
        put(IndexKey::InLine(s.line.clone(), place));
    }
    if let SessionState::Waiting { absence: Some(Absence::Until(until)), .. } = s.state {
        put(IndexKey::Due(until, Due::Absence(s.id)));
    }
    match &s.state {
        SessionState::Ended { forget_at, .. } => {
            put(IndexKey::Due(*forget_at, Due::Forget(s.id)));
        }
        _ => {
            if let Some(until) = s.wished.values().map(|wish| wish.until).min() {
                put(IndexKey::Due(until, Due::Wish(s.id)));
            }
        }
    }
}

fn index_work(w: &Work, mut put: impl FnMut(IndexKey)) {
    put(IndexKey::WorkOfSession(w.session, w.id));
    if w.is_live() {
        put(IndexKey::WorkOfRep(w.rep.clone(), w.id));
    }
    match (w.state, w.offer_until) {
        (WorkState::Offered, Some(until)) => put(IndexKey::Due(until, Due::Push(w.id))),
        (WorkState::WrappingUp { until, .. }, _) => put(IndexKey::Due(until, Due::WrapUp(w.id))),
        _ => {}
    }
    if let (Some(queue), Some(at), false) = (&w.queue, w.accepted_at, w.interruptible) {
        let waited = Waited { wait: at.since(w.queued_at), estimated: w.estimated };
        put(IndexKey::Accepted(queue.clone(), Reverse(at), w.id, waited));
    }
}

/// A deadline: what is to be looked at when it passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A disconnected rep's grace is over (P4).
    Grace(RepId),
    /// A transfer has waited long enough for a rep who has gone (T17).
    DirectWait(TransferId),
    /// An ended session has been kept long enough (O5).
    Forget(SessionId),
    /// An offer has waited long enough (R5).
    Push(WorkId),
    /// A skill has been wished for long enough (R4).
    Wish(SessionId),
    /// Sessions have been kept long enough for a rep whose connection was lost (P7).
    Orphans(RepId),
    /// After-conversation work is over (C6).
    WrapUp(WorkId),
    /// A session has waited long enough for a rep who has gone (T17).
    Absence(SessionId),
}

/// Where records are found other than by their key. One ordered set holds them all; each kind is a
/// range of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A deadline.
    Due(Timestamp, Due),
    /// A session that waits and isn't being offered, in the order of R2.
    InLine(Line, Place),
    /// Of these, one that not every rep of the queue may take (T9, R5, R6).
    Choosy(QueueId, SessionId),
    /// A rep who is there for a queue, those with room first, in the order of R3.
    Member(QueueId, Standing),
    /// A queue that a rep is a member of.
    QueueOf(RepId, QueueId),
    /// Work that was accepted from a queue, the newest first, with how long its session had waited
    /// (E1) and what was estimated (E5). Interruptible work isn't there (E2).
    Accepted(QueueId, Reverse<Timestamp>, WorkId, Waited),
    /// The rep of a presence, the current and the last one.
    PresenceOf(PresenceId, RepId),
    /// Live work of a rep.
    WorkOfRep(RepId, WorkId),
    /// All work of a session.
    WorkOfSession(SessionId, WorkId),
    /// All transfers of a session.
    TransferOfSession(SessionId, TransferId),
}
