//! What an org configures: settings, reps, profiles, channels, presence statuses and presence
//! configurations. Values only; what a change of them may do is decided in `decide::directory`.

use std::collections::BTreeSet;

use super::id::{
    ChannelId, ConfigurationId, FlowId, PartnerId, ProfileId, QueueId, RepId, StatusId,
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
    /// P4: how long a disconnected rep is waited for. Default 60 s.
    pub disconnect_grace: Span,
    /// P7: how long sessions of a rep who has gone are kept. Default 5 min.
    pub orphan_after: Span,
    /// O5: how long ended sessions can be read. Default 24 h.
    pub history_retention: Span,
    /// T23: how long a partner has for a hand-off. Default 60 s.
    pub handoff_deadline: Span,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            direct_to_rep_routing: false,
            max_transfers_per_session: 20,
            direct_wait_limit: Span::from_secs(300),
            disconnect_grace: Span::from_secs(60),
            orphan_after: Span::from_secs(300),
            history_retention: Span::from_secs(86_400),
            handoff_deadline: Span::from_secs(60),
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
    /// See [`Settings::disconnect_grace`].
    pub disconnect_grace: Option<Span>,
    /// See [`Settings::orphan_after`].
    pub orphan_after: Option<Span>,
    /// See [`Settings::history_retention`].
    pub history_retention: Option<Span>,
    /// See [`Settings::handoff_deadline`].
    pub handoff_deadline: Option<Span>,
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
            disconnect_grace: self.disconnect_grace.unwrap_or(settings.disconnect_grace),
            orphan_after: self.orphan_after.unwrap_or(settings.orphan_after),
            history_retention: self.history_retention.unwrap_or(settings.history_retention),
            handoff_deadline: self.handoff_deadline.unwrap_or(settings.handoff_deadline),
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
    /// R6: may ordinary offers be declined? Never true together with `auto_accept` (R7).
    pub allow_decline: bool,
    /// R7: offers are accepted as they are made.
    pub auto_accept: bool,
    /// T15.
    pub recipients: Recipients,
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
}
