//! Records: everything that is kept, each under a key of its own. A record's version is the id of
//! the transaction that wrote it last, so a version can't mean two contents.

use std::sync::Arc;

use super::directory::{Channel, PresenceConfiguration, PresenceStatus, Profile, Rep, Settings};
use super::id::{
    ChannelId, ConfigurationId, ExternalReference, PresenceId, ProfileId, RepId, SessionId,
    StatusId, TransferId, WorkId,
};
use super::live::{
    Connection, Line, RepPresence, Session, SessionState, Transfer, TransferState, Work,
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
            Self::RepPresence(r) => {
                if let Some(presence) = &r.presence {
                    put(IndexKey::PresenceOf(presence.id, r.rep.clone()));
                    if let Connection::Disconnected { grace_until, .. } = presence.connection {
                        put(IndexKey::Due(grace_until, Due::Grace(r.rep.clone())));
                    }
                }
                if let Some(last) = &r.last {
                    put(IndexKey::PresenceOf(last.id, r.rep.clone()));
                }
            }
            Self::Session(s) => match &s.state {
                SessionState::Waiting { line, offer: None, .. } => {
                    put(IndexKey::InLine(line.clone(), s.priority, s.opened_at, s.id));
                }
                SessionState::Ended { forget_at, .. } => {
                    put(IndexKey::Due(*forget_at, Due::Forget(s.id)));
                }
                _ => {}
            },
            Self::Work(w) => {
                put(IndexKey::WorkOfSession(w.session, w.id));
                if w.is_live() {
                    put(IndexKey::WorkOfRep(w.rep.clone(), w.id));
                }
            }
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
            | Self::Rep(_)
            | Self::Reference(..) => {}
        }
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
}

/// Where records are found other than by their key. One ordered set holds them all; each kind is a
/// range of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A deadline.
    Due(Timestamp, Due),
    /// A session that waits and isn't being offered, in the order of R2.
    InLine(Line, u32, Timestamp, SessionId),
    /// The rep of a presence, the current and the last one.
    PresenceOf(PresenceId, RepId),
    /// Live work of a rep.
    WorkOfRep(RepId, WorkId),
    /// All work of a session.
    WorkOfSession(SessionId, WorkId),
    /// All transfers of a session.
    TransferOfSession(SessionId, TransferId),
}
