//! The numbers under which values of enums without fields are stored, and a few values that are stored
//! as something simpler. A number, once given, keeps its meaning for ever (`values::stored`).

use std::convert::Infallible;

use minicbor::bytes::ByteArray;

use super::contacts::ContactAvailability;
use super::directory::{
    CapacityModel, ChannelType, Licence, Permission, RecipientType, RoutingModel,
};
use super::entry::{DirectoryAction, FactKind, Fingerprint};
use super::flow::Condition;
use super::live::{
    EndedBy, FailureReason, HowFound, PresenceCause, ReturnReason, Role, RoutingCause,
    SessionEndReason, WorkEnd,
};
use crate::domain::rejection::Reason;
use crate::domain::stored::{numbered, stored_as};

stored_as!(Fingerprint: ByteArray<16>, |print| print.0.to_be_bytes().into(), |bytes| {
    Ok::<_, Infallible>(Self(u128::from_be_bytes(bytes.into())))
});
// What it compiles to is worked out when it is first asked for.
stored_as!(Condition: &str, |it| it.source(), |source| Ok::<_, Infallible>(Self::new(source)));

numbered! {
    Role { 0 Admin, 1 Supervisor, 2 Rep, 3 Adapter, 4 Partner, 5 Dashboard, 6 Server }
    Licence { 0 MessagingUser, 1 EnhancedChatUser }
    Permission { 0 MessagingAgent, 1 EnhancedChatRep, 2 RunFlows }
    ChannelType { 0 InAppChat, 1 WebChatV1, 2 WebChatV2, 3 Whatsapp, 4 FacebookMessenger, 5 Sms,
        6 AppleMessagesForBusiness, 7 Line, 8 Byoc, 9 ByocForCcaas, 10 StandardFacebookMessenger,
        11 StandardSms }
    CapacityModel { 0 TabBased, 1 StatusBased }
    RoutingModel { 0 LeastActive, 1 MostAvailable }
    PresenceCause { 0 Rep, 1 Supervisor, 2 LeaseExpired, 3 ConnectionLost, 4 DuplicateLogin,
        5 PushTimeout, 6 Declined, 7 Server }
    EndedBy { 0 Channel, 1 Owner, 2 Supervisor }
    WorkEnd { 0 Transferred, 1 SessionEnded, 2 Withdrawn, 3 Declined, 4 PushTimeout, 5 Completed,
        6 SignedOut, 7 Orphaned, 8 Rerouted }
    HowFound { 0 Direct, 1 FirstInOrder, 2 NextInLine }
    DirectoryAction { 0 Created, 1 Updated, 2 Deleted }
    Reason { 0 InvalidField, 1 NotFound, 2 PermissionDenied, 3 TransferNotDeclinable,
        4 DirectToRepRoutingDisabled, 5 MissingPermission, 6 MissingLicence,
        7 ChannelNotTransferable, 8 RecipientNotAllowed, 9 SelfTransfer, 10 TransferInProgress,
        11 TransferLimitReached, 12 NotOwner, 13 RecipientOffline, 14 RecipientBusy,
        15 RecipientDisconnected, 16 RecipientFinishing, 17 RecipientNotOnlineForChannel,
        18 RecipientFull, 19 SessionNotActive, 20 SessionEnded, 21 TransferFinal,
        22 WorkNotOffered, 23 WorkEnded, 24 StatusNotAllowed, 25 PresenceSuperseded,
        26 PresenceClosed, 27 DeclineNotAllowed, 28 WrongState, 29 InUse, 30 QueueNotForChannel,
        31 NotQueueMember, 32 MissingSkill, 33 LimitExceeded, 34 NotImplemented,
        35 DirectoryChangePending, 36 ExternalContactNotAvailable, 37 HandoffExpired,
        38 ClaimedByAnother, 39 PartnerAway, 40 NotAllowedByPartner, 41 SyncDeletesTooMany }
    FactKind { 0 DirectoryChanged, 1 SessionOpened, 2 SessionWaiting, 3 SessionOffered,
        4 SessionAccepted, 5 SessionUpdated, 6 SkillsDropped, 7 SessionPaused, 8 SessionResumed,
        9 SessionInactivated, 10 SessionEnded, 11 SessionForgotten, 12 TransferRequested,
        13 TransferOffered, 14 TransferWaiting, 15 TransferCompleted, 16 TransferSessionEnded,
        17 TransferStranded, 18 RepRemoved, 19 TransferRerouted, 20 OfferWithdrawn,
        21 OfferTimedOut, 22 WorkDeclined, 23 TabClosed, 24 PresenceOpened, 25 StatusChanged,
        26 PresenceDisconnected, 27 PresenceReconnected, 28 PresenceClosed, 29 StopPlanned,
        30 SessionOrphaned, 31 SessionRerouted, 32 SessionStranded, 33 SessionAssigned,
        34 WrapUpStarted, 35 WrapUpExtended, 36 WrapUpEnded,
        37 HandoffAsked, 38 HandoffAcknowledged, 39 HandoffCompleted, 40 HandoffFailed,
        41 HandoffExpired, 42 HandoffSessionEnded, 43 RoutingAsked, 44 RoutingAcknowledged,
        45 RoutingRenewed, 46 RoutingRouted, 47 RoutingFailed, 48 RoutingExpired,
        49 RoutingWithdrawn, 50 TransferFailed, 51 SessionReturned, 52 PartnerAway,
        53 PartnerBack, 54 ContactsSynced, 55 AvailabilityReported; else Other }
    RecipientType { 0 Rep, 1 Queue, 2 Flow, 3 ExternalContact }
    RoutingCause { 0 New, 1 Transfer, 2 Reopened, 3 Declined, 4 TimedOut, 5 RepGone }
    FailureReason { 0 Busy, 1 NoAnswer, 2 Closed, 3 UnknownContact, 4 Refused, 5 Overloaded, 6 Error,
        7 Expired }
    SessionEndReason { 0 CustomerLeft, 1 Idle, 2 ConsentWithdrawn, 3 System }
    ReturnReason { 0 Done, 1 WrongContact, 2 Closed, 3 CustomerAsked, 4 Error }
    ContactAvailability { 0 Available, 1 Busy, 2 Unavailable }
}
