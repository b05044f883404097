//! Stored enums ↔ domain enums, by equal names. A number that this release doesn't know is an
//! error, never a default. Used by the codec alone.

use super::super::JournalError;
use super::{corrupt, stored};
use crate::domain::directory::{CapacityModel, ChannelType, Licence, Permission, RoutingModel};
use crate::domain::entry::{DirectoryAction, FactKind};
use crate::domain::live::{EndedBy, PresenceCause, Role, WorkEnd};

/// A domain enum that is stored as a number.
pub(super) trait Stored: Copy {
    fn to_stored(self) -> i32;
    fn from_stored(number: i32) -> Result<Self, JournalError>;
}

/// Every number of a list.
pub(super) fn all<T: Stored, C: FromIterator<T>>(numbers: &[i32]) -> Result<C, JournalError> {
    numbers.iter().map(|number| T::from_stored(*number)).collect()
}

macro_rules! same_names {
    ($($kind:ident { $($value:ident),* $(,)? })*) => {$(
        impl Stored for $kind {
            fn to_stored(self) -> i32 {
                match self {
                    $($kind::$value => stored::$kind::$value as i32,)*
                }
            }
            fn from_stored(number: i32) -> Result<Self, JournalError> {
                match stored::$kind::try_from(number) {
                    $(Ok(stored::$kind::$value) => Ok($kind::$value),)*
                    Ok(stored::$kind::Unspecified) | Err(_) => Err(corrupt(format!(
                        "{number} is no {} that this release knows", stringify!($kind)
                    ))),
                }
            }
        }
    )*};
}

same_names! {
    ChannelType {
        InAppChat, WebChatV1, WebChatV2, Whatsapp, FacebookMessenger, Sms, AppleMessagesForBusiness,
        Line, Byoc, ByocForCcaas, StandardFacebookMessenger, StandardSms,
    }
    CapacityModel { TabBased, StatusBased }
    RoutingModel { LeastActive, MostAvailable }
    Licence { MessagingUser, EnhancedChatUser }
    Permission { MessagingAgent, EnhancedChatRep, RunFlows }
    Role { Admin, Supervisor, Rep, Adapter, Partner, Dashboard, Server }
    PresenceCause {
        Rep, Supervisor, LeaseExpired, DuplicateLogin, PushTimeout, Declined, Server,
        ConnectionLost,
    }
    EndedBy { Channel, Owner, Supervisor }
    WorkEnd {
        Transferred, SessionEnded, Withdrawn, Declined, Completed, Rerouted, PushTimeout,
        SignedOut, Orphaned,
    }
    FactKind {
        DirectoryChanged, SessionOpened, SessionWaiting, SessionOffered, SessionAccepted,
        SessionUpdated, SessionPaused, SessionResumed, SessionInactivated, SessionEnded,
        SessionForgotten, TransferRequested, TransferOffered, TransferWaiting, TransferCompleted,
        TransferSessionEnded, TransferStranded, RepRemoved, OfferWithdrawn, WorkDeclined, TabClosed,
        PresenceOpened, StatusChanged, PresenceDisconnected, PresenceReconnected, PresenceClosed,
        SkillsDropped, TransferRerouted, OfferTimedOut, StopPlanned, SessionOrphaned,
        SessionRerouted, SessionStranded, SessionAssigned, WrapUpStarted, WrapUpExtended,
        WrapUpEnded,
    }
    DirectoryAction { Created, Updated, Deleted }
}
