//! What an org configures: settings, skills, reps, profiles, channels, queues, presence statuses and
//! presence configurations. Values only; what a change of them may do is decided in
//! `decide::directory`. Flows have a module of their own, settings a file.

mod partner;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decode, Encode};

pub use partner::{DefaultTarget, Partner, PartnerQueue, RecipientType};
pub use settings::{OpeningHours, Settings, SettingsPatch};

use crate::domain::id::{
    ActorId, ChannelId, ConfigurationId, FlowId, PartnerId, PartnersId, ProfileId, QueueId, RepId,
    SkillId, StatusId,
};
use crate::domain::stored::strict;
use crate::domain::time::Span;
use crate::domain::units::{Units, Weight};

/// A licence that a rep holds (L1, T14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Licence {
    /// For enhanced messaging channels.
    MessagingUser,
    /// For enhanced chat channels.
    EnhancedChatUser,
}

impl Licence {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagingUser => "MESSAGING_USER",
            Self::EnhancedChatUser => "ENHANCED_CHAT_USER",
        }
    }
}

/// A permission that a rep has (T11, T14).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permission {
    /// Receive and end sessions of enhanced messaging channels.
    MessagingAgent,
    /// Receive and end sessions of enhanced chat channels.
    EnhancedChatRep,
    /// Transfer to flows.
    RunFlows,
}

impl Permission {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MessagingAgent => "MESSAGING_AGENT",
            Self::EnhancedChatRep => "ENHANCED_CHAT_REP",
            Self::RunFlows => "RUN_FLOWS",
        }
    }
}

/// A service rep, as configured.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rep {
    /// The caller's own id.
    #[n(0)]
    pub id: RepId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// Decides the statuses and, unless overridden, the presence configuration.
    #[n(2)]
    pub profile: ProfileId,
    /// Overrides the profile's presence configuration.
    #[n(3)]
    pub configuration: Option<ConfigurationId>,
    /// Licences held.
    #[n(4)]
    pub licences: BTreeSet<Licence>,
    /// Permissions held.
    #[n(5)]
    pub permissions: BTreeSet<Permission>,
    /// Skills with their levels, 0–100, at most 64 (R4).
    #[n(6)]
    pub skills: BTreeMap<SkillId, u32>,
    /// Partners that drive them, at most 16, each with its own id for them, if it has another (N4, N8).
    #[cbor(n(7), default)]
    pub partners: BTreeMap<PartnerId, Option<PartnersId>>,
}

/// A skill of the org (R4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Skill {
    /// The caller's own id.
    #[n(0)]
    pub id: SkillId,
    /// What people read.
    #[n(1)]
    pub name: String,
}

/// What reps of one kind share (P1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Profile {
    /// The caller's own id.
    #[n(0)]
    pub id: ProfileId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// The presence statuses that its reps may choose.
    #[n(2)]
    pub statuses: BTreeSet<StatusId>,
    /// The presence configuration of its reps.
    #[n(3)]
    pub configuration: ConfigurationId,
}

/// Whom a rep may transfer to (T15).
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub enum Recipients {
    /// Anyone.
    #[default]
    #[n(0)]
    Any,
    /// Only these.
    #[n(1)]
    Listed {
        /// Queues that may be chosen.
        #[n(0)]
        queues: BTreeSet<QueueId>,
        /// Flows that may be chosen.
        #[n(1)]
        flows: BTreeSet<FlowId>,
        /// Profiles whose reps may be chosen.
        #[n(2)]
        profiles: BTreeSet<ProfileId>,
        /// Whether external contacts may be.
        #[cbor(n(3), default)]
        contacts: bool,
    },
}

/// How much its reps carry and what they may do with offers.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PresenceConfiguration {
    /// The caller's own id.
    #[n(0)]
    pub id: ConfigurationId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// Configured capacity (C1).
    #[n(2)]
    pub capacity: Units,
    /// C5: size of the pool of interruptible work; nothing: none is offered.
    #[n(3)]
    pub interruptible_capacity: Units,
    /// R6: may ordinary offers be declined? Never true together with `auto_accept` (R7).
    #[n(4)]
    pub allow_decline: bool,
    /// R7: offers are accepted as they are made.
    #[n(5)]
    pub auto_accept: bool,
    /// T15.
    #[n(6)]
    pub recipients: Recipients,
    /// R6: the status a rep is set to after declining; `None`: it stays.
    #[n(7)]
    pub status_after_decline: Option<StatusId>,
    /// R5: the status a rep is set to after an offer ran out; `None`: it stays.
    #[n(8)]
    pub status_after_push_timeout: Option<StatusId>,
    /// R5: how long an offer from a queue without a time-out of its own waits; `None`: for ever.
    #[n(9)]
    pub push_timeout: Option<Span>,
}

/// A presence status of the org (P1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PresenceStatus {
    /// The caller's own id.
    #[n(0)]
    pub id: StatusId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// ONLINE for these channel types; none of them means BUSY.
    #[n(2)]
    pub online_for: BTreeSet<ChannelType>,
    /// Partners' own ids for it (N8), at most 16.
    #[cbor(n(3), default)]
    pub partner_ids: BTreeMap<PartnerId, PartnersId>,
}

/// The kinds of channel (T13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChannelType {
    /// Enhanced chat inside an app.
    InAppChat,
    /// Enhanced web chat, first version.
    WebChatV1,
    /// Enhanced web chat, second version.
    WebChatV2,
    /// Enhanced WhatsApp.
    Whatsapp,
    /// Enhanced Facebook Messenger.
    FacebookMessenger,
    /// Enhanced SMS.
    Sms,
    /// Apple Messages for Business.
    AppleMessagesForBusiness,
    /// LINE.
    Line,
    /// Bring your own channel.
    Byoc,
    /// Bring your own channel for contact-centre vendors.
    ByocForCcaas,
    /// Standard Facebook Messenger: can't be transferred.
    StandardFacebookMessenger,
    /// Standard SMS: can't be transferred.
    StandardSms,
}

/// What a channel's type asks of the reps who work it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelFamily {
    /// Enhanced chat.
    Chat,
    /// Enhanced messaging.
    Messaging,
    /// Standard channels, which can't be transferred.
    Standard,
}

impl ChannelType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::InAppChat,
        Self::WebChatV1,
        Self::WebChatV2,
        Self::Whatsapp,
        Self::FacebookMessenger,
        Self::Sms,
        Self::AppleMessagesForBusiness,
        Self::Line,
        Self::Byoc,
        Self::ByocForCcaas,
        Self::StandardFacebookMessenger,
        Self::StandardSms,
    ];

    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InAppChat => "IN_APP_CHAT",
            Self::WebChatV1 => "WEB_CHAT_V1",
            Self::WebChatV2 => "WEB_CHAT_V2",
            Self::Whatsapp => "WHATSAPP",
            Self::FacebookMessenger => "FACEBOOK_MESSENGER",
            Self::Sms => "SMS",
            Self::AppleMessagesForBusiness => "APPLE_MESSAGES_FOR_BUSINESS",
            Self::Line => "LINE",
            Self::Byoc => "BYOC",
            Self::ByocForCcaas => "BYOC_FOR_CCAAS",
            Self::StandardFacebookMessenger => "STANDARD_FACEBOOK_MESSENGER",
            Self::StandardSms => "STANDARD_SMS",
        }
    }

    /// The family that T13 puts this type in.
    #[must_use]
    pub const fn family(self) -> ChannelFamily {
        match self {
            Self::InAppChat | Self::WebChatV1 | Self::WebChatV2 => ChannelFamily::Chat,
            Self::Whatsapp
            | Self::FacebookMessenger
            | Self::Sms
            | Self::AppleMessagesForBusiness
            | Self::Line
            | Self::Byoc
            | Self::ByocForCcaas => ChannelFamily::Messaging,
            Self::StandardFacebookMessenger | Self::StandardSms => ChannelFamily::Standard,
        }
    }

    /// The licence and permission that T14 asks for. Standard channels ask for those of messaging.
    #[must_use]
    pub const fn requirements(self) -> (Licence, Permission) {
        match self.family() {
            ChannelFamily::Chat => (Licence::EnhancedChatUser, Permission::EnhancedChatRep),
            ChannelFamily::Messaging | ChannelFamily::Standard => {
                (Licence::MessagingUser, Permission::MessagingAgent)
            }
        }
    }
}

/// When a channel's work gives its capacity back (C4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapacityModel {
    /// With the tab, or when the session goes inactive.
    TabBased,
    /// When the session ends or is marked complete.
    StatusBased,
}

/// How a queue picks among the reps who can take a session (R3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum RoutingModel {
    /// The one with the least work.
    #[default]
    LeastActive,
    /// The one with the most capacity free, in units.
    MostAvailable,
}

/// Beyond either limit new work goes to another queue (R9). At least one of the limits is there.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Overflow {
    /// The number of sessions waiting at which it overflows, at least 1.
    #[n(0)]
    pub max_length: Option<u32>,
    /// The age of the oldest waiting session at which it overflows, at least 1 s.
    #[n(1)]
    pub max_wait: Option<Span>,
    /// Where new work goes then.
    #[n(2)]
    pub queue: QueueId,
}

/// A waiting line that reps are members of.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Queue {
    /// The caller's own id.
    #[n(0)]
    pub id: QueueId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// Its members.
    #[n(2)]
    pub reps: BTreeSet<RepId>,
    /// The channel types that it serves; empty: all.
    #[n(3)]
    pub channel_types: BTreeSet<ChannelType>,
    /// How it picks a rep (R3).
    #[n(4)]
    pub model: RoutingModel,
    /// What its work weighs; `None`: what the channel says (C1).
    #[cbor(n(5), decode_with = "strict")]
    pub weight: Option<Weight>,
    /// How long an offer waits (R5), 1–3600 s; `None`: what the presence configuration says.
    #[n(6)]
    pub push_timeout: Option<Span>,
    /// Where new work goes when it is long (R9).
    #[n(7)]
    pub overflow: Option<Overflow>,
    /// The number of sessions waiting at which it takes no more, at least 1; `None`: no limit.
    #[n(8)]
    pub max_length: Option<u32>,
    /// Priority of sessions that come without one; lower goes first (R2).
    #[n(9)]
    pub default_priority: u32,
    /// Whose queue it is, if a partner routes what waits in it (N1, N8). Then it has no members.
    #[n(10)]
    pub partner: Option<PartnerQueue>,
}

impl Queue {
    /// Does it serve channels of this type?
    #[must_use]
    pub fn serves(&self, channel_type: ChannelType) -> bool {
        self.channel_types.is_empty() || self.channel_types.contains(&channel_type)
    }
}

/// Who decides which rep gets a channel's sessions (N1).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum RoutingOwner {
    /// Baton.
    #[n(0)]
    Baton,
    /// This partner.
    #[n(1)]
    Partner(#[n(0)] PartnerId),
}

/// A channel: a type plus its settings in the org.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Channel {
    /// The caller's own id.
    #[n(0)]
    pub id: ChannelId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// Its type.
    #[n(2)]
    pub channel_type: ChannelType,
    /// Who routes it.
    #[n(3)]
    pub routing_owner: RoutingOwner,
    /// When its work gives capacity back.
    #[n(4)]
    pub capacity_model: CapacityModel,
    /// What one session weighs.
    #[n(5)]
    pub weight: Weight,
    /// What a paused session weighs, under STATUS_BASED; `None`: as much as an open one.
    #[cbor(n(6), decode_with = "strict")]
    pub paused_weight: Option<Weight>,
    /// T17, P7: where sessions go that nobody is left to take.
    #[n(7)]
    pub fallback_queue: Option<QueueId>,
    /// C6: after-conversation work, if there is any.
    #[n(8)]
    pub wrap_up: Option<WrapUp>,
    /// C5: does its work use the pool of interruptible work?
    #[n(9)]
    pub interruptible: bool,
    /// Whom its sessions may be transferred to; empty: whomever the other rules allow (N8).
    #[cbor(n(10), default)]
    pub recipient_types: BTreeSet<RecipientType>,
    /// Where sessions without a target go (O7); `None`: to the partner, if one routes it.
    #[cbor(n(11), decode_with = "strict")]
    pub default_target: Option<DefaultTarget>,
    /// Whether the partner also routes what is meant for a rep (N1).
    #[cbor(n(12), default)]
    pub partner_routes_reps: bool,
    /// The adapters that may act on its sessions; empty: any (N8).
    #[cbor(n(13), default)]
    pub adapters: BTreeSet<ActorId>,
}

impl Channel {
    /// The partner that routes it, if one does (N1).
    #[must_use]
    pub const fn partner(&self) -> Option<&PartnerId> {
        match &self.routing_owner {
            RoutingOwner::Baton => None,
            RoutingOwner::Partner(partner) => Some(partner),
        }
    }
}

/// After-conversation work: what a session held stays held for a while after its end (C6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct WrapUp {
    /// How long, 10–3600 s.
    #[n(0)]
    pub duration: Span,
    /// How often the rep may extend it, 0–10.
    #[n(1)]
    pub max_extensions: u32,
    /// By how much each time, 10–3600 s.
    #[n(2)]
    pub extension: Span,
}
