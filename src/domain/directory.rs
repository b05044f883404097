//! What an org configures: settings, skills, reps, profiles, channels, queues, presence statuses and
//! presence configurations. Values only; what a change of them may do is decided in
//! `decide::directory`. Flows have a module of their own.

use std::collections::{BTreeMap, BTreeSet};

use super::id::{
    ChannelId, ConfigurationId, FlowId, PartnerId, ProfileId, QueueId, RepId, SkillId, StatusId,
};
use super::time::Span;
use super::units::{Units, Weight};

/// The settings of an org, each with its default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// T10: may sessions be transferred to a rep directly? Default: no.
    pub direct_to_rep_routing: bool,
    /// T16: most transfers of one session, 1–1000. Default 20.
    pub max_transfers_per_session: u32,
    /// T17: how long a transfer waits for a rep who has gone. Default 5 min.
    pub direct_wait_limit: Span,
    /// P2: how long one renewal of a presence lasts, 5–300 s. Default 30 s.
    pub presence_lease: Span,
    /// P4: how long a disconnected rep is waited for. Default 60 s.
    pub disconnect_grace: Span,
    /// P7: how long sessions of a rep who has gone are kept. Default 5 min.
    pub orphan_after: Span,
    /// O5: how long ended sessions can be read. Default 24 h.
    pub history_retention: Span,
    /// T23: how long a partner has for a hand-off. Default 60 s.
    pub handoff_deadline: Span,
    /// E1: samples without which no estimated wait is shown, 1–10. Default 10.
    pub estimate_samples: u32,
    /// E1: how far back samples count, 1–60 min. Default 10 min.
    pub estimate_window: Span,
    /// The zone that flows tell the time in, by its IANA name. Default `UTC`.
    pub time_zone: String,
    /// When the org is open, as flows see it. Default: never closed.
    pub business_hours: Vec<OpeningHours>,
}

/// One spell of a week's opening hours, in the org's time zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpeningHours {
    /// The day: 1 is Monday, 7 is Sunday.
    pub weekday: u8,
    /// Minutes after midnight at which it opens, 0–1439.
    pub from_minute: u16,
    /// Minutes after midnight at which it closes, up to 1440; after `from_minute`.
    pub to_minute: u16,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direct_to_rep_routing: false,
            max_transfers_per_session: 20,
            direct_wait_limit: Span::from_secs(300),
            presence_lease: Span::from_secs(30),
            disconnect_grace: Span::from_secs(60),
            orphan_after: Span::from_secs(300),
            history_retention: Span::from_secs(86_400),
            handoff_deadline: Span::from_secs(60),
            estimate_samples: 10,
            estimate_window: Span::from_secs(600),
            time_zone: "UTC".to_owned(),
            business_hours: Vec::new(),
        }
    }
}

/// Settings that are to change; what is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettingsPatch {
    /// See [`Settings::direct_to_rep_routing`].
    pub direct_to_rep_routing: Option<bool>,
    /// See [`Settings::max_transfers_per_session`].
    pub max_transfers_per_session: Option<u32>,
    /// See [`Settings::direct_wait_limit`].
    pub direct_wait_limit: Option<Span>,
    /// See [`Settings::presence_lease`].
    pub presence_lease: Option<Span>,
    /// See [`Settings::disconnect_grace`].
    pub disconnect_grace: Option<Span>,
    /// See [`Settings::orphan_after`].
    pub orphan_after: Option<Span>,
    /// See [`Settings::history_retention`].
    pub history_retention: Option<Span>,
    /// See [`Settings::handoff_deadline`].
    pub handoff_deadline: Option<Span>,
    /// See [`Settings::estimate_samples`].
    pub estimate_samples: Option<u32>,
    /// See [`Settings::estimate_window`].
    pub estimate_window: Option<Span>,
    /// See [`Settings::time_zone`].
    pub time_zone: Option<String>,
    /// See [`Settings::business_hours`].
    pub business_hours: Option<Vec<OpeningHours>>,
}

impl SettingsPatch {
    /// `settings` with these changes.
    #[must_use]
    pub fn over(&self, settings: &Settings) -> Settings {
        let most = self.max_transfers_per_session;
        Settings {
            direct_to_rep_routing: self
                .direct_to_rep_routing
                .unwrap_or(settings.direct_to_rep_routing),
            max_transfers_per_session: most.unwrap_or(settings.max_transfers_per_session),
            direct_wait_limit: self.direct_wait_limit.unwrap_or(settings.direct_wait_limit),
            presence_lease: self.presence_lease.unwrap_or(settings.presence_lease),
            disconnect_grace: self.disconnect_grace.unwrap_or(settings.disconnect_grace),
            orphan_after: self.orphan_after.unwrap_or(settings.orphan_after),
            history_retention: self.history_retention.unwrap_or(settings.history_retention),
            handoff_deadline: self.handoff_deadline.unwrap_or(settings.handoff_deadline),
            estimate_samples: self.estimate_samples.unwrap_or(settings.estimate_samples),
            estimate_window: self.estimate_window.unwrap_or(settings.estimate_window),
            time_zone: self.time_zone.as_ref().unwrap_or(&settings.time_zone).clone(),
            business_hours: self
                .business_hours
                .as_ref()
                .unwrap_or(&settings.business_hours)
                .clone(),
        }
    }
}

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rep {
    /// The caller's own id.
    pub id: RepId,
    /// What people read.
    pub name: String,
    /// Decides the statuses and, unless overridden, the presence configuration.
    pub profile: ProfileId,
    /// Overrides the profile's presence configuration.
    pub configuration: Option<ConfigurationId>,
    /// Licences held.
    pub licences: BTreeSet<Licence>,
    /// Permissions held.
    pub permissions: BTreeSet<Permission>,
    /// Skills with their levels, 0–100, at most 64 (R4).
    pub skills: BTreeMap<SkillId, u32>,
}

/// A skill of the org (R4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skill {
    /// The caller's own id.
    pub id: SkillId,
    /// What people read.
    pub name: String,
}

/// What reps of one kind share (P1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Profile {
    /// The caller's own id.
    pub id: ProfileId,
    /// What people read.
    pub name: String,
    /// The presence statuses that its reps may choose.
    pub statuses: BTreeSet<StatusId>,
    /// The presence configuration of its reps.
    pub configuration: ConfigurationId,
}

/// Whom a rep may transfer to (T15).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Recipients {
    /// Anyone.
    #[default]
    Any,
    /// Only these.
    Listed {
        /// Queues that may be chosen.
        queues: BTreeSet<QueueId>,
        /// Flows that may be chosen.
        flows: BTreeSet<FlowId>,
        /// Profiles whose reps may be chosen.
        profiles: BTreeSet<ProfileId>,
    },
}

/// How much its reps carry and what they may do with offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceConfiguration {
    /// The caller's own id.
    pub id: ConfigurationId,
    /// What people read.
    pub name: String,
    /// Configured capacity (C1).
    pub capacity: Units,
    /// C5: size of the pool of interruptible work; nothing: none is offered.
    pub interruptible_capacity: Units,
    /// R6: may ordinary offers be declined? Never true together with `auto_accept` (R7).
    pub allow_decline: bool,
    /// R7: offers are accepted as they are made.
    pub auto_accept: bool,
    /// T15.
    pub recipients: Recipients,
    /// R6: the status a rep is set to after declining; `None`: it stays.
    pub status_after_decline: Option<StatusId>,
    /// R5: the status a rep is set to after an offer ran out; `None`: it stays.
    pub status_after_push_timeout: Option<StatusId>,
    /// R5: how long an offer from a queue without a time-out of its own waits; `None`: for ever.
    pub push_timeout: Option<Span>,
}

/// A presence status of the org (P1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresenceStatus {
    /// The caller's own id.
    pub id: StatusId,
    /// What people read.
    pub name: String,
    /// ONLINE for these channel types; none of them means BUSY.
    pub online_for: BTreeSet<ChannelType>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overflow {
    /// The number of sessions waiting at which it overflows, at least 1.
    pub max_length: Option<u32>,
    /// The age of the oldest waiting session at which it overflows, at least 1 s.
    pub max_wait: Option<Span>,
    /// Where new work goes then.
    pub queue: QueueId,
}

/// A waiting line that reps are members of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queue {
    /// The caller's own id.
    pub id: QueueId,
    /// What people read.
    pub name: String,
    /// Its members.
    pub reps: BTreeSet<RepId>,
    /// The channel types that it serves; empty: all.
    pub channel_types: BTreeSet<ChannelType>,
    /// How it picks a rep (R3).
    pub model: RoutingModel,
    /// What its work weighs; `None`: what the channel says (C1).
    pub weight: Option<Weight>,
    /// How long an offer waits (R5), 1–3600 s; `None`: what the presence configuration says.
    pub push_timeout: Option<Span>,
    /// Where new work goes when it is long (R9).
    pub overflow: Option<Overflow>,
    /// The number of sessions waiting at which it takes no more, at least 1; `None`: no limit.
    pub max_length: Option<u32>,
    /// Priority of sessions that come without one; lower goes first (R2).
    pub default_priority: u32,
}

impl Queue {
    /// Does it serve channels of this type?
    #[must_use]
    pub fn serves(&self, channel_type: ChannelType) -> bool {
        self.channel_types.is_empty() || self.channel_types.contains(&channel_type)
    }
}

/// Who decides which rep gets a channel's sessions (N1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoutingOwner {
    /// Baton.
    Baton,
    /// This partner.
    Partner(PartnerId),
}

/// A channel: a type plus its settings in the org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Channel {
    /// The caller's own id.
    pub id: ChannelId,
    /// What people read.
    pub name: String,
    /// Its type.
    pub channel_type: ChannelType,
    /// Who routes it.
    pub routing_owner: RoutingOwner,
    /// When its work gives capacity back.
    pub capacity_model: CapacityModel,
    /// What one session weighs.
    pub weight: Weight,
    /// What a paused session weighs, under STATUS_BASED; `None`: as much as an open one.
    pub paused_weight: Option<Weight>,
    /// T17, P7: where sessions go that nobody is left to take.
    pub fallback_queue: Option<QueueId>,
    /// C6: after-conversation work, if there is any.
    pub wrap_up: Option<WrapUp>,
    /// C5: does its work use the pool of interruptible work?
    pub interruptible: bool,
}

/// After-conversation work: what a session held stays held for a while after its end (C6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrapUp {
    /// How long, 10–3600 s.
    pub duration: Span,
    /// How often the rep may extend it, 0–10.
    pub max_extensions: u32,
    /// By how much each time, 10–3600 s.
    pub extension: Span,
}
