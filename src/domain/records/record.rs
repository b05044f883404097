//! Records: everything that is kept, each under a key of its own; and the places where records are
//! found other than by their keys.

use std::cmp::Reverse;
use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::contacts::{ContactBlock, ContactBook, QueueReport};
use crate::domain::directory::{
    Channel, Partner, PartnerQueue, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep,
    Settings, Skill,
};
use crate::domain::flow::Flow;
use crate::domain::id::{
    ChannelId, ConfigurationId, ContactId, ExternalReference, FlowId, HandoffId, PartnerId,
    PartnersId, PresenceId, ProfileId, QueueId, RepId, RoutingRequestId, SessionId, SkillId,
    StatusId, TransferId, WorkId,
};
use crate::domain::line::{Demand, LinePlace, MemberStanding, QueueWait};
use crate::domain::live::{
    Absence, Connection, Handoff, Line, OpenAskKind, PartnerAsk, PartnerHealth, PartnerStay,
    RepPresence, RoutingRequest, RoutingState, Session, SessionState, Transfer, TransferState,
    Work, WorkState,
};
use crate::domain::stored::shared;
use crate::domain::time::Timestamp;

/// The key of a record. What must be unique is a key.
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
    /// A partner.
    Partner(PartnerId),
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
    /// A hand-off.
    Handoff(HandoffId),
    /// A routing request.
    RoutingRequest(RoutingRequestId),
    /// How a partner does.
    PartnerHealth(PartnerId),
    /// The contacts of a partner as a whole.
    ContactBook(PartnerId),
    /// Some contacts of a partner: of which full sync, and from which id on.
    ContactBlock(PartnerId, u64, ContactId),
    /// What a partner said of one of its queues.
    QueueReport(QueueId),
    /// What a decision had no room for, to be worked off by others (C8).
    Mark(MarkKey),
}

macro_rules! keys_of_ids {
    ($($id:ty => $kind:ident;)*) => {$(
        impl From<$id> for RecordKey {
            fn from(id: $id) -> Self {
                Self::$kind(id)
            }
        }
    )*};
}

keys_of_ids! {
    ConfigurationId => Configuration;
    PartnerId => Partner;
    StatusId => Status;
    ProfileId => Profile;
    ChannelId => Channel;
    SkillId => Skill;
    QueueId => Queue;
    FlowId => Flow;
    RepId => Rep;
}

/// What is still to be looked at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub enum MarkKey {
    /// Presences, after a change of the directory that concerns all of them.
    #[n(0)]
    Directory,
    /// A rep, for whom something may wait.
    #[n(1)]
    Rep(#[n(0)] RepId),
    /// A session that waits, and whom somebody may take.
    #[n(2)]
    Session(#[n(0)] SessionId),
    /// A queue, in which sessions count as stranded that somebody could take now (R11).
    #[n(3)]
    Queue(#[n(0)] QueueId),
    /// Contacts of a partner that were superseded by those of another full sync, and are to go.
    #[n(4)]
    Contacts(#[n(0)] PartnerId, #[n(1)] u64),
    /// A partner that is back, in whose lines sessions stand that it isn't asked about (N7).
    #[n(5)]
    Partner(#[n(0)] PartnerId),
}

/// A mark: the reps whom it names are offered nothing until they have been looked at.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Mark {
    /// What is to be looked at.
    #[n(0)]
    pub key: MarkKey,
    /// Of the presences, those of reps after this one; up to it all is done.
    #[n(1)]
    pub after: Option<RepId>,
}

/// The image of a record.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Record {
    /// See [`RecordKey::Settings`].
    #[n(0)]
    Settings(#[cbor(n(0), with = "shared")] Arc<Settings>),
    /// See [`RecordKey::Configuration`].
    #[n(1)]
    Configuration(#[cbor(n(0), with = "shared")] Arc<PresenceConfiguration>),
    /// See [`RecordKey::Status`].
    #[n(2)]
    Status(#[cbor(n(0), with = "shared")] Arc<PresenceStatus>),
    /// See [`RecordKey::Profile`].
    #[n(3)]
    Profile(#[cbor(n(0), with = "shared")] Arc<Profile>),
    /// See [`RecordKey::Channel`].
    #[n(4)]
    Channel(#[cbor(n(0), with = "shared")] Arc<Channel>),
    /// See [`RecordKey::Skill`].
    #[n(5)]
    Skill(#[cbor(n(0), with = "shared")] Arc<Skill>),
    /// See [`RecordKey::Queue`].
    #[n(6)]
    Queue(#[cbor(n(0), with = "shared")] Arc<Queue>),
    /// See [`RecordKey::Flow`].
    #[n(7)]
    Flow(#[cbor(n(0), with = "shared")] Arc<Flow>),
    /// See [`RecordKey::Rep`].
    #[n(8)]
    Rep(#[cbor(n(0), with = "shared")] Arc<Rep>),
    /// See [`RecordKey::RepPresence`].
    #[n(9)]
    RepPresence(#[cbor(n(0), with = "shared")] Arc<RepPresence>),
    /// See [`RecordKey::Session`].
    #[n(10)]
    Session(#[cbor(n(0), with = "shared")] Arc<Session>),
    /// See [`RecordKey::Reference`].
    #[n(11)]
    Reference(#[n(0)] ChannelId, #[n(1)] ExternalReference, #[n(2)] SessionId),
    /// See [`RecordKey::Work`].
    #[n(12)]
    Work(#[cbor(n(0), with = "shared")] Arc<Work>),
    /// See [`RecordKey::Transfer`].
    #[n(13)]
    Transfer(#[cbor(n(0), with = "shared")] Arc<Transfer>),
    /// See [`RecordKey::Mark`].
    #[n(14)]
    Mark(#[n(0)] Mark),
    /// See [`RecordKey::Partner`].
    #[n(15)]
    Partner(#[cbor(n(0), with = "shared")] Arc<Partner>),
    /// See [`RecordKey::Handoff`].
    #[n(16)]
    Handoff(#[cbor(n(0), with = "shared")] Arc<Handoff>),
    /// See [`RecordKey::RoutingRequest`].
    #[n(17)]
    RoutingRequest(#[cbor(n(0), with = "shared")] Arc<RoutingRequest>),
    /// See [`RecordKey::PartnerHealth`].
    #[n(18)]
    PartnerHealth(#[cbor(n(0), with = "shared")] Arc<PartnerHealth>),
    /// See [`RecordKey::ContactBook`].
    #[n(19)]
    ContactBook(#[cbor(n(0), with = "shared")] Arc<ContactBook>),
    /// See [`RecordKey::ContactBlock`].
    #[n(20)]
    ContactBlock(#[cbor(n(0), with = "shared")] Arc<ContactBlock>),
    /// See [`RecordKey::QueueReport`].
    #[n(21)]
    QueueReport(#[cbor(n(0), with = "shared")] Arc<QueueReport>),
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
            Self::Mark(r) => RecordKey::Mark(r.key.clone()),
            Self::Partner(r) => RecordKey::Partner(r.id.clone()),
            Self::Handoff(r) => RecordKey::Handoff(r.id),
            Self::RoutingRequest(r) => RecordKey::RoutingRequest(r.id),
            Self::PartnerHealth(r) => RecordKey::PartnerHealth(r.partner.clone()),
            Self::ContactBook(r) => RecordKey::ContactBook(r.partner.clone()),
            Self::ContactBlock(r) => {
                RecordKey::ContactBlock(r.partner.clone(), r.generation, r.first.clone())
            }
            Self::QueueReport(r) => RecordKey::QueueReport(r.queue.clone()),
        }
    }

    /// The places where this record is found other than by its key.
    pub fn index(&self, mut put: impl FnMut(IndexKey)) {
        match self {
            Self::Queue(q) => {
                for rep in &q.reps {
                    put(IndexKey::QueueOf(rep.clone(), q.id.clone()));
                }
                if let Some(PartnerQueue { partner, own_id: Some(own) }) = &q.partner {
                    put(IndexKey::Alias(
                        partner.clone(),
                        own.clone(),
                        AliasOf::Queue(q.id.clone()),
                    ));
                }
            }
            Self::RepPresence(r) => index_presence(r, put),
            Self::Session(s) => index_session(s, put),
            Self::Work(w) => index_work(w, put),
            Self::Transfer(t) => {
                put(IndexKey::TransferOfSession(t.session, t.id));
                if matches!(t.state, TransferState::Offered { .. } | TransferState::Asked(_)) {
                    put(IndexKey::HandedTo(t.line.clone(), t.id, t.session));
                }
            }
            Self::PartnerHealth(h) => {
                if let Some(at) = h.probe_at {
                    put(IndexKey::Due(at, Due::Probe(h.partner.clone())));
                }
            }
            Self::Handoff(h) => index_handoff(h, put),
            Self::RoutingRequest(r) => index_routing_request(r, put),
            Self::Status(s) => {
                let own = s.partner_ids.iter().map(|(partner, own)| (partner, Some(own)));
                index_aliases(own, &AliasOf::Status(s.id.clone()), put);
            }
            Self::Settings(_)
            | Self::Configuration(_)
            | Self::Profile(_)
            | Self::Partner(_)
            | Self::Channel(_)
            | Self::Skill(_)
            | Self::Flow(_)
            | Self::Reference(..)
            | Self::ContactBook(_)
            | Self::ContactBlock(_)
            | Self::QueueReport(_)
            | Self::Mark(_) => {}
            Self::Rep(r) => {
                for skill in r.skills.keys() {
                    put(IndexKey::Skilled(skill.clone(), r.id.clone()));
                }
                let own = r.partners.iter().map(|(partner, own)| (partner, own.as_ref()));
                index_aliases(own, &AliasOf::Rep(r.id.clone()), put);
            }
        }
    }
}

/// What partners call it, where they have ids of their own for it (N8).
fn index_aliases<'a>(
    own: impl Iterator<Item = (&'a PartnerId, Option<&'a PartnersId>)>,
    of: &AliasOf,
    mut put: impl FnMut(IndexKey),
) {
    for (partner, own) in own {
        if let Some(own) = own {
            put(IndexKey::Alias(partner.clone(), own.clone(), of.clone()));
        }
    }
}

fn index_presence(r: &RepPresence, mut put: impl FnMut(IndexKey)) {
    if let Some(presence) = &r.presence {
        put(IndexKey::PresenceOf(presence.id, r.rep.clone()));
        if let Connection::Disconnected { grace_until, .. } = presence.connection {
            put(IndexKey::Due(grace_until, Due::Grace(r.rep.clone())));
        }
        MemberStanding::each(r, presence, |queue, standing| put(IndexKey::Member(queue, standing)));
    }
    let last = r.last.iter().map(|last| last.id);
    for ended in last.chain(r.earlier.iter().map(|earlier| earlier.id)) {
        put(IndexKey::PresenceOf(ended, r.rep.clone()));
    }
    if let Some(until) = r.kept_until {
        put(IndexKey::Due(until, Due::Orphans(r.rep.clone())));
    }
}

fn index_session(s: &Session, mut put: impl FnMut(IndexKey)) {
    if let Some(place) = LinePlace::of(s) {
        if let Line::Queue(queue) = &s.line {
            index_waiting(s, queue, place.ask.restricted, &mut put);
        }
        put(IndexKey::InLine(s.line.clone(), place));
    } else if matches!(s.state, SessionState::Waiting { .. } | SessionState::Offered { .. }) {
        put(IndexKey::OfferedFrom(s.line.clone(), s.id));
    }
    if let SessionState::Waiting { absence: Some(Absence::Until(until, _)), .. } = s.state {
        put(IndexKey::Due(until, Due::Absence(s.id)));
    }
    if let Some(stay) = &s.stay {
        index_stay(s, stay, &mut put);
    }
    match &s.state {
        SessionState::Ended { forget_at, .. } => {
            put(IndexKey::Due(*forget_at, Due::Forget(s.id)));
        }
        _ => {
            if let Some(until) = s.wished.values().map(|wish| wish.until).min() {
                put(IndexKey::Due(until, Due::SkillWish(s.id)));
            }
        }
    }
}

/// A session that stands in a partner's line and isn't asked about.
fn index_stay(s: &Session, stay: &PartnerStay, mut put: impl FnMut(IndexKey)) {
    if stay.open.is_some() || !s.waits_for_an_offer() {
        return;
    }
    match stay.again_at {
        Some(at) => put(IndexKey::Due(at, Due::AskAgain(s.id))),
        None => put(IndexKey::Unasked(stay.partner.clone(), s.id)),
    }
}

fn index_waiting(s: &Session, queue: &QueueId, restricted: bool, mut put: impl FnMut(IndexKey)) {
    if restricted {
        put(IndexKey::Restricted(queue.clone(), s.id));
    }
    let demand = Arc::new(Demand::of(s));
    put(match s.state.is_stranded() {
        true => IndexKey::Stranded(queue.clone(), demand, s.id),
        false => IndexKey::Demand(queue.clone(), demand, s.id),
    });
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
    let counts = !w.interruptible && w.routed_by.is_none();
    if let (Some(queue), Some(at), true) = (&w.queue, w.accepted_at, counts) {
        let waited = QueueWait { wait: at.since(w.queued_at), estimated: w.estimated };
        put(IndexKey::Accepted(queue.clone(), Reverse(at), w.id, waited));
    }
}

fn index_handoff(h: &Handoff, mut put: impl FnMut(IndexKey)) {
    let ask = PartnerAsk::Handoff(h.id);
    put(IndexKey::AskOfSession(h.session, ask));
    if h.is_open() {
        put(IndexKey::Due(h.deadline, Due::Ask(ask)));
        put(IndexKey::OpenAsk(h.contact.partner.clone(), OpenAskKind::Handoff, h.asked_at, ask));
    }
}

fn index_routing_request(r: &RoutingRequest, mut put: impl FnMut(IndexKey)) {
    let ask = PartnerAsk::Routing(r.id);
    put(IndexKey::AskOfSession(r.session, ask));
    if r.is_open() {
        let kind = match r.state {
            RoutingState::Acknowledged => OpenAskKind::Acknowledged,
            _ => OpenAskKind::Asked,
        };
        put(IndexKey::Due(r.deadline, Due::Ask(ask)));
        put(IndexKey::OpenAsk(r.partner.clone(), kind, r.asked_at, ask));
    }
}

/// What a partner's own id is of (N8).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AliasOf {
    /// A rep.
    Rep(RepId),
    /// A queue.
    Queue(QueueId),
    /// A presence status.
    Status(StatusId),
}

/// A deadline: what is to be looked at when it passes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Due {
    /// A disconnected rep's grace is over (P4).
    Grace(RepId),
    /// An ended session has been kept long enough (O5).
    Forget(SessionId),
    /// An offer has waited long enough (R5).
    Push(WorkId),
    /// A skill has been wished for long enough (R4).
    SkillWish(SessionId),
    /// Sessions have been kept long enough for a rep whose connection was lost (P7).
    Orphans(RepId),
    /// After-conversation work is over (C6).
    WrapUp(WorkId),
    /// A session has waited long enough for a rep who has gone (T17).
    Absence(SessionId),
    /// A partner has had long enough to answer, or to renew (T23, N6).
    Ask(PartnerAsk),
    /// A partner is asked again about a session (N6).
    AskAgain(SessionId),
    /// A partner that is away is asked about one session (N7).
    Probe(PartnerId),
}

/// Where records are found other than by their key. One ordered set holds them all; each kind is a
/// range of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IndexKey {
    /// A deadline.
    Due(Timestamp, Due),
    /// A session that waits and isn't being offered, in the order of R2.
    InLine(Line, LinePlace),
    /// Of these, one that not every rep of the queue may take (T9, R5, R6).
    Restricted(QueueId, SessionId),
    /// A session that waits in a queue and isn't being offered, by what it asks for (R11).
    Demand(QueueId, Arc<Demand>, SessionId),
    /// The same of one that nobody could ever take.
    Stranded(QueueId, Arc<Demand>, SessionId),
    /// A session that is being offered out of a line, to which it comes back if nobody takes it (D3).
    OfferedFrom(Line, SessionId),
    /// A transfer that is being offered out of a line, and its session.
    HandedTo(Line, TransferId, SessionId),
    /// A rep who is there for a queue, those with room first, in the order of R3.
    Member(QueueId, MemberStanding),
    /// A rep who has a skill, at whatever level.
    Skilled(SkillId, RepId),
    /// A queue that a rep is a member of.
    QueueOf(RepId, QueueId),
    /// Work that was accepted from a queue, the newest first, with how long its session had waited
    /// (E1) and what was estimated (E5). Interruptible work isn't there (E2).
    Accepted(QueueId, Reverse<Timestamp>, WorkId, QueueWait),
    /// The rep of a presence, the current one and those before it that are known.
    PresenceOf(PresenceId, RepId),
    /// Live work of a rep.
    WorkOfRep(RepId, WorkId),
    /// All work of a session.
    WorkOfSession(SessionId, WorkId),
    /// All transfers of a session.
    TransferOfSession(SessionId, TransferId),
    /// All that partners were asked about a session.
    AskOfSession(SessionId, PartnerAsk),
    /// What a partner is being asked, the oldest of each kind first.
    OpenAsk(PartnerId, OpenAskKind, Timestamp, PartnerAsk),
    /// A session that stands in a partner's line, and isn't asked about until the partner is back (N7).
    Unasked(PartnerId, SessionId),
    /// What a partner's own id names (N8).
    Alias(PartnerId, PartnersId, AliasOf),
}
