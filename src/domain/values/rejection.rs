//! How the domain says no: deterministic, with a stable reason, what it concerns and what helps.

use std::borrow::Cow;
use std::fmt;

use minicbor::{Decode, Encode};

use super::time::Span;

/// Why something is refused, or would be (D1). The names are the public API's `ErrorReason`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// A field is missing, malformed or out of range.
    InvalidField,
    /// It doesn't exist, or not for this caller (S2).
    NotFound,
    /// The role may not do this.
    PermissionDenied,
    /// T4.
    TransferNotDeclinable,
    /// T10.
    DirectToRepRoutingDisabled,
    /// T11, T14.
    MissingPermission,
    /// T14, L1.
    MissingLicence,
    /// T13.
    ChannelNotTransferable,
    /// T15.
    RecipientNotAllowed,
    /// T16.
    SelfTransfer,
    /// T16.
    TransferInProgress,
    /// T16.
    TransferLimitReached,
    /// T20.
    NotOwner,
    /// L1: the rep isn't signed in.
    RecipientOffline,
    /// L1: the rep's status is BUSY.
    RecipientBusy,
    /// P4: the rep's client is gone.
    RecipientDisconnected,
    /// P10: the rep takes nothing new before they stop.
    RecipientFinishing,
    /// A change of the directory hasn't reached the rep yet (C8).
    DirectoryChangePending,
    /// P1: the rep's status doesn't cover the channel's type.
    RecipientNotOnlineForChannel,
    /// T8: the rep has no room; never an error, only a wait.
    RecipientFull,
    /// T1: the session isn't active.
    SessionNotActive,
    /// The session is over.
    SessionEnded,
    /// T3: the transfer is in a final state.
    TransferFinal,
    /// The work isn't being offered.
    WorkNotOffered,
    /// The work is over.
    WorkEnded,
    /// P1: the profile doesn't allow the status.
    StatusNotAllowed,
    /// P5: a later sign-in took over.
    PresenceSuperseded,
    /// The presence was closed.
    PresenceClosed,
    /// R6: the presence configuration doesn't let reps decline.
    DeclineNotAllowed,
    /// The resource is in a state in which this can't be done.
    WrongState,
    /// D3: something uses it.
    InUse,
    /// R10: the queue doesn't serve the channel's type.
    QueueNotForChannel,
    /// The rep isn't a member of the queue; never an error by itself.
    NotQueueMember,
    /// R4: the rep lacks a skill that the session asks for; never an error by itself.
    MissingSkill,
    /// D1: a limit is reached.
    LimitExceeded,
    /// This part of the API isn't there yet.
    NotImplemented,
    /// T12.
    ExternalContactNotAvailable,
    /// T23, N6: the deadline or the lease has passed.
    HandoffExpired,
    /// N9: another worker has it.
    ClaimedByAnother,
    /// N7: the partner isn't asked now.
    PartnerAway,
    /// N1: the partner bars the rep from it.
    NotAllowedByPartner,
    /// N10: a full sync would delete more than the guard allows.
    SyncDeletesTooMany,
}

impl Reason {
    /// The name in the public API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidField => "INVALID_FIELD",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::TransferNotDeclinable => "TRANSFER_NOT_DECLINABLE",
            Self::DirectToRepRoutingDisabled => "DIRECT_TO_REP_ROUTING_DISABLED",
            Self::MissingPermission => "MISSING_PERMISSION",
            Self::MissingLicence => "MISSING_LICENCE",
            Self::ChannelNotTransferable => "CHANNEL_NOT_TRANSFERABLE",
            Self::RecipientNotAllowed => "RECIPIENT_NOT_ALLOWED",
            Self::SelfTransfer => "SELF_TRANSFER",
            Self::TransferInProgress => "TRANSFER_IN_PROGRESS",
            Self::TransferLimitReached => "TRANSFER_LIMIT_REACHED",
            Self::NotOwner => "NOT_OWNER",
            Self::RecipientOffline => "RECIPIENT_OFFLINE",
            Self::RecipientBusy => "RECIPIENT_BUSY",
            Self::RecipientDisconnected => "RECIPIENT_DISCONNECTED",
            Self::RecipientFinishing => "RECIPIENT_FINISHING",
            Self::DirectoryChangePending => "DIRECTORY_CHANGE_PENDING",
            Self::RecipientNotOnlineForChannel => "RECIPIENT_NOT_ONLINE_FOR_CHANNEL",
            Self::RecipientFull => "RECIPIENT_FULL",
            Self::SessionNotActive => "SESSION_NOT_ACTIVE",
            Self::SessionEnded => "SESSION_ENDED",
            Self::TransferFinal => "TRANSFER_FINAL",
            Self::WorkNotOffered => "WORK_NOT_OFFERED",
            Self::WorkEnded => "WORK_ENDED",
            Self::StatusNotAllowed => "STATUS_NOT_ALLOWED",
            Self::PresenceSuperseded => "PRESENCE_SUPERSEDED",
            Self::PresenceClosed => "PRESENCE_CLOSED",
            Self::DeclineNotAllowed => "DECLINE_NOT_ALLOWED",
            Self::WrongState => "WRONG_STATE",
            Self::InUse => "IN_USE",
            Self::QueueNotForChannel => "QUEUE_NOT_FOR_CHANNEL",
            Self::NotQueueMember => "NOT_QUEUE_MEMBER",
            Self::MissingSkill => "MISSING_SKILL",
            Self::LimitExceeded => "LIMIT_EXCEEDED",
            Self::NotImplemented => "NOT_IMPLEMENTED",
            Self::ExternalContactNotAvailable => "EXTERNAL_CONTACT_NOT_AVAILABLE",
            Self::HandoffExpired => "HANDOFF_EXPIRED",
            Self::ClaimedByAnother => "CLAIMED_BY_ANOTHER",
            Self::PartnerAway => "PARTNER_AWAY",
            Self::NotAllowedByPartner => "NOT_ALLOWED_BY_PARTNER",
            Self::SyncDeletesTooMany => "SYNC_DELETES_TOO_MANY",
        }
    }
}

/// A field that is wrong, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct BadField {
    /// Its path in the request, such as `reps[3].profile`.
    #[n(0)]
    pub field: String,
    /// What is wrong and what would do.
    #[n(1)]
    pub why: String,
}

/// A refusal. Nothing was changed (D2).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Rejection {
    /// The stable reason.
    #[n(0)]
    pub reason: Reason,
    /// One sentence for people.
    #[n(1)]
    pub message: String,
    /// What kind of thing it concerns: `session`, `rep`, …
    #[n(2)]
    pub kind: Cow<'static, str>,
    /// Which one.
    #[n(3)]
    pub id: String,
    // 4 was a list of bad fields.
    /// When asking again may help by itself, if that is known.
    #[n(5)]
    pub retry_after: Option<Span>,
    /// What a program can use.
    #[cbor(n(6), default)]
    pub details: Box<RejectionDetails>,
}

/// What a program can use of a refusal. Apart, since every result carries the room for a refusal.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct RejectionDetails {
    /// Every bad field, for [`Reason::InvalidField`].
    #[n(0)]
    pub fields: Vec<BadField>,
    /// The keys that the reason promises (`error_reason.proto`), each with its value.
    #[n(1)]
    pub about: Vec<(Cow<'static, str>, String)>,
}

impl Rejection {
    /// A refusal about the thing `kind` `id`.
    pub fn new(
        reason: Reason,
        kind: &'static str,
        id: impl fmt::Display,
        message: impl Into<String>,
    ) -> Self {
        Self {
            reason,
            message: message.into(),
            kind: Cow::Borrowed(kind),
            id: id.to_string(),
            retry_after: None,
            details: Box::default(),
        }
    }

    /// The same refusal, with one thing more that a program can use.
    #[must_use]
    pub fn with(mut self, key: &'static str, value: impl fmt::Display) -> Self {
        self.details.about.push((Cow::Borrowed(key), value.to_string()));
        self
    }

    /// The same refusal, which won't hold any more after this span.
    #[must_use]
    pub const fn for_now(mut self, span: Span) -> Self {
        self.retry_after = Some(span);
        self
    }

    /// There is no such `kind`.
    pub fn not_found(kind: &'static str, id: impl fmt::Display) -> Self {
        let message = format!("there is no {kind} {id}");
        Self::new(Reason::NotFound, kind, id, message)
    }

    /// These fields are wrong.
    #[must_use]
    pub fn invalid(fields: Vec<BadField>) -> Self {
        let list: Vec<String> = fields.iter().map(|f| format!("{} {}", f.field, f.why)).collect();
        Self {
            reason: Reason::InvalidField,
            message: list.join("; "),
            kind: Cow::Borrowed("request"),
            id: String::new(),
            retry_after: None,
            details: Box::new(RejectionDetails { fields, about: Vec::new() }),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.name(), self.message)
    }
}
