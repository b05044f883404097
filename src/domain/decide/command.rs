//! Everything that can be asked of an org's state. A command says what is wanted; `decide` says
//! what becomes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::domain::attributes::{Attributes, AttributesChange};
use crate::domain::directory::{
    Channel, Partner, PresenceConfiguration, PresenceStatus, Profile, Queue, Rep, Settings,
    SettingsPatch, Skill,
};
use crate::domain::entry::{Cause, Fingerprint};
use crate::domain::flow::{Flow, SkillsTarget, WishedSkill};
use crate::domain::id::{
    ChannelId, ConfigurationId, ContactId, ExternalReference, FlowId, HandoffId, PartnerId,
    PresenceId, ProfileId, QueueId, RepId, RoutingRequestId, SessionId, SkillId, StatusId,
    TransferId, TxnId, WorkId,
};
use crate::domain::limits::OrgLimits;
use crate::domain::live::{
    AskFailure, PresenceCause, Recipient, ReturnReason, SessionEndReason, WorkRestrictions,
};
use crate::domain::record::Due;
use crate::domain::rejection::Rejection;
use crate::domain::scope::{Narrowing, Viewer};
use crate::domain::time::Span;
use crate::domain::units::Weight;

use super::contacts::given::{GivenContacts, GivenReports};
use super::stated::Stated;

/// A command, who gives it, and as which transaction it is to be committed.
#[derive(Debug, Clone)]
pub struct Request {
    /// The transaction's id: derived from the request id, or random.
    pub txn: TxnId,
    /// What was asked, to tell a repeated request from another with the same id (T21).
    pub fingerprint: Fingerprint,
    /// Who, and through which call.
    pub cause: Cause,
    /// The presence that a rep acts on, if it is named. One that is over can change nothing any
    /// more (P5).
    pub presence: Option<PresenceId>,
    /// Where it says what, as far as that may be wrong.
    pub stated: Stated,
    /// The part of the org that whoever asks sees, if not all of it (S4).
    pub narrowing: Option<Arc<Narrowing>>,
    /// How much the org may have.
    pub limits: OrgLimits,
    /// What.
    pub command: Command,
}

impl Request {
    /// Who asks, and what they see.
    #[must_use]
    pub fn viewer(&self) -> Viewer<'_> {
        Viewer { actor: &self.cause.actor, narrowing: self.narrowing.as_deref() }
    }
}

/// A presence, named by itself or by the rep whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PresenceRef {
    /// The client that holds it.
    Presence(PresenceId),
    /// A supervisor (P6).
    Rep(RepId),
}

/// A rep who is to be signed in (P2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignIn {
    /// Who.
    pub rep: RepId,
    /// As what.
    pub status: StatusId,
    /// The client's name for itself.
    pub device: String,
}

/// A status that is to be chosen (P1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusChoice {
    /// Whose.
    pub presence: PresenceRef,
    /// Which.
    pub status: StatusId,
    /// Only when the rep's current work is done (P10).
    pub when_done: bool,
}

/// A whole directory, or the part of it that is to be upserted.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// New settings, if they are to be replaced.
    pub settings: Option<Settings>,
    /// Settings that are to change, while the others stay.
    pub some_settings: Option<SettingsPatch>,
    /// Presence configurations.
    pub configurations: Vec<PresenceConfiguration>,
    /// Presence statuses.
    pub statuses: Vec<PresenceStatus>,
    /// Profiles.
    pub profiles: Vec<Profile>,
    /// Partners.
    pub partners: Vec<Partner>,
    /// Channels.
    pub channels: Vec<Channel>,
    /// Skills.
    pub skills: Vec<Skill>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Flows.
    pub flows: Vec<Flow>,
    /// Reps.
    pub reps: Vec<Rep>,
    /// The queue that takes over sessions which nobody could ever take otherwise (R11), and what waits in queues that
    /// are deleted (D3); `None`: then there may be none.
    pub move_to: Option<QueueId>,
}

/// One resource of the directory, by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryKey {
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
    /// A rep.
    Rep(RepId),
}

/// The skills that a session asks for (R4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Skills {
    /// Must all be met: minimum levels, 0–100.
    pub required: BTreeMap<SkillId, u32>,
    /// Wished for, and dropped in time.
    pub additional: BTreeMap<SkillId, WishedSkill>,
}

/// Where a new session is to go (R10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// To a rep (T10).
    Rep(RepId),
    /// To a queue.
    Queue(QueueId),
    /// Wherever a flow decides.
    Flow(FlowId),
    /// To a rep of a queue with these skills, besides those that the session asks for anyway (T10).
    Skills(SkillsTarget),
}

/// A session as a channel opens it.
#[derive(Debug, Clone)]
pub struct Opening {
    /// Where from.
    pub channel: ChannelId,
    /// The channel's name for it.
    pub external_reference: ExternalReference,
    /// Where it goes; `None`: where the channel's sessions go without a target (O7).
    pub target: Option<Target>,
    /// Lower goes first; `None`: the queue's default, or 0.
    pub priority: Option<u32>,
    /// Facts from the channel.
    pub attributes: Arc<Attributes>,
    /// The skills that it asks for, whatever the target.
    pub skills: Skills,
    /// If it is there and inactive: the customer has replied, and it is opened again (N5).
    pub reopen: bool,
}

/// Where a partner wants a session to go (N1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RouteTarget {
    /// To a rep of its own.
    Rep(RepId),
    /// To a queue of Baton's.
    Queue(QueueId),
    /// Wherever a flow decides.
    Flow(FlowId),
    /// To a contact of its own.
    Contact(ContactId),
}

/// What a partner answers that knows where a session goes (N1).
#[derive(Debug, Clone)]
pub struct RouteAnswer {
    /// To which request.
    pub request: RoutingRequestId,
    /// Where it goes.
    pub to: RouteTarget,
    /// Whether a rep gets it without room for it (C3).
    pub skip_capacity_check: bool,
    /// What it weighs; `None`: what the queue or the channel says.
    pub weight: Option<Weight>,
    /// What the rep is barred from.
    pub restrictions: WorkRestrictions,
    /// The worker's.
    pub reference: String,
}

/// A session's way back from an external contact (O6).
#[derive(Debug, Clone)]
pub struct Returning {
    /// Which.
    pub session: SessionId,
    /// Where it goes; `None`: where the channel's sessions go without a target.
    pub to: Option<Target>,
    /// What the next rep should know, at most 2 KiB.
    pub note: String,
    /// Why.
    pub reason: Option<ReturnReason>,
}

/// What is asked.
#[derive(Debug, Clone)]
pub enum Command {
    /// So badly stated that nothing can be made of it: it is only looked at for what else is wrong.
    Misstated,
    /// Upserts these resources, and with `prune` deletes all others. The answer is the diff.
    ApplyDirectory {
        /// What is to be there.
        directory: Directory,
        /// Delete what isn't named.
        prune: bool,
    },
    /// Upserts exactly one resource (or the settings). The answer is the resource.
    Upsert(Directory),
    /// Changes some of the org's settings. The answer is all of them.
    ChangeSettings(SettingsPatch),
    /// Deletes a resource that nothing uses (D3).
    Delete {
        /// Which.
        key: DirectoryKey,
        /// For a queue: the queue that takes over what waits in it; `None`: it must be empty.
        move_to: Option<QueueId>,
    },
    /// Signs a rep in (P2, P5).
    OpenPresence {
        /// Who.
        rep: RepId,
        /// As what.
        status: StatusId,
        /// The client's name for itself.
        device: String,
    },
    /// Chooses a status (P1, P6).
    SetStatus {
        /// Whose.
        presence: PresenceRef,
        /// Which.
        status: StatusId,
        /// Only when the rep's current work is done (P10).
        when_done: bool,
    },
    /// Signs reps in, each with a verdict (N4). One that is badly stated is refused for that.
    OpenPresences(Vec<Result<SignIn, Rejection>>),
    /// Chooses statuses, each with a verdict (N4).
    SetStatuses(Vec<Result<StatusChoice, Rejection>>),
    /// Signs out (P6, P7).
    ClosePresence {
        /// Which.
        presence: PresenceRef,
        /// Only when the rep's current work is done (P10).
        when_done: bool,
    },
    /// Leases ran out (P4).
    LeasesLapsed(Vec<PresenceId>),
    /// A client is back within the grace (P4).
    Reconnect(PresenceId),
    /// Opens a session, or finds it (O2, R10).
    OpenSession(Box<Opening>),
    /// Changes facts about a session.
    UpdateSession {
        /// Which.
        session: SessionId,
        /// What changes of its attributes (O3).
        attributes: Option<AttributesChange>,
        /// The priority as it is to be.
        priority: Option<u32>,
        /// The skills as they are to be.
        skills: Option<Skills>,
    },
    /// Puts a session aside.
    PauseSession(SessionId),
    /// Takes it up again; the customer's reply does the same for an inactive one (N5).
    ResumeSession(SessionId),
    /// The customer has been silent.
    InactivateSession(SessionId),
    /// Ends it (O4).
    EndSession {
        /// Which.
        session: SessionId,
        /// Why, as far as its channel says.
        reason: Option<SessionEndReason>,
    },
    /// Brings one back from the external contact that has it (O6).
    ReturnSession(Box<Returning>),
    /// Accepts offered work (T6).
    AcceptWork(WorkId),
    /// Accepts a transfer: the same decision by another door.
    AcceptTransfer(TransferId),
    /// Declines offered work (T4, R6).
    DeclineWork(WorkId),
    /// Closes a tab (C4), and with `end_session` marks the work complete.
    CloseWork {
        /// Which.
        work: WorkId,
        /// End the session too (T14).
        end_session: bool,
    },
    /// Lengthens after-conversation work (C6).
    ExtendWrapUp(WorkId),
    /// Ends after-conversation work early (C6).
    EndWrapUp(WorkId),
    /// A partner's worker claims a hand-off (N9).
    AcknowledgeHandoff {
        /// Which.
        handoff: HandoffId,
        /// Whose.
        reference: String,
    },
    /// The contact has the session (T23).
    CompleteHandoff {
        /// Which.
        handoff: HandoffId,
        /// The worker's.
        reference: String,
    },
    /// The hand-off came to nothing (T23).
    FailHandoff {
        /// Which.
        handoff: HandoffId,
        /// How.
        failure: AskFailure,
        /// The worker's.
        reference: String,
    },
    /// A partner's worker claims a routing request: the session waits in the partner's line (N6).
    AcknowledgeRouting {
        /// Which.
        request: RoutingRequestId,
        /// The worker's.
        reference: String,
        /// How long that holds; `None`: as the partner's settings say.
        lease: Option<Span>,
    },
    /// Routing requests still wait in the partner's line (N6).
    RenewRoutings {
        /// Whose; `None`: those of whoever calls.
        partner: Option<PartnerId>,
        /// Which.
        requests: Vec<RoutingRequestId>,
        /// The worker's.
        reference: String,
        /// How long that holds; `None`: as the partner's settings say.
        lease: Option<Span>,
    },
    /// A partner says where a session goes (N1, N6).
    RouteSession(Box<RouteAnswer>),
    /// A partner can't route a session (N6).
    FailRouting {
        /// Which.
        request: RoutingRequestId,
        /// How.
        failure: AskFailure,
        /// The worker's.
        reference: String,
    },
    /// Hands a session on.
    TransferSession {
        /// Which.
        session: SessionId,
        /// To whom.
        recipient: Recipient,
        /// What the recipient should know.
        note: String,
    },
    /// A partner supplies contacts (N2).
    SyncContacts(Box<GivenContacts>),
    /// A partner supplies availability and waits (N2, E6).
    ReportAvailability(Box<GivenReports>),
    /// Deadlines may have passed.
    Timer(Vec<Due>),
    /// Works off some of what earlier decisions had no room for (C8).
    WorkOff,
    /// Looks at everybody: another release decided last.
    LookAtEverybody,
}

impl PresenceCause {
    /// The cause of a change that this role makes.
    #[must_use]
    pub const fn of(role: crate::domain::live::Role) -> Self {
        use crate::domain::live::Role;
        match role {
            Role::Rep | Role::Partner => Self::Rep,
            Role::Admin | Role::Supervisor | Role::Adapter | Role::Dashboard => Self::Supervisor,
            Role::Server => Self::Server,
        }
    }
}

impl Command {
    /// Does it bring resources, of which one may name another?
    #[must_use]
    pub const fn is_of_directory(&self) -> bool {
        matches!(self, Self::ApplyDirectory { .. } | Self::Upsert(_) | Self::ChangeSettings(_))
    }
}
