//! Ends that a channel gives a reason for, and returns from external contacts (O6). Values only.

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::stored::{shared_option, strict};
use crate::domain::time::Timestamp;

use super::actor::Actor;
use super::provenance::Provenance;
use super::recipient::{ContactRef, Recipient};

/// Why a channel ended a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEndReason {
    /// The customer left.
    CustomerLeft,
    /// Nobody wrote for too long.
    Idle,
    /// The customer withdrew their consent.
    ConsentWithdrawn,
    /// Something of the channel's own.
    System,
}

/// Why a session comes back from an external contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReturnReason {
    /// The contact has done its part.
    Done,
    /// It isn't the contact's to do.
    WrongContact,
    /// The contact closes, or nobody is there.
    Closed,
    /// The customer asked for it.
    CustomerAsked,
    /// Something broke at the partner's.
    Error,
}

/// A session's return from an external contact (O6).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SessionReturn {
    /// When.
    #[n(0)]
    pub at: Timestamp,
    /// Who brought it back.
    #[n(1)]
    pub by: Actor,
    /// The contact that it was with.
    #[n(2)]
    pub from: ContactRef,
    /// Where it was to go; `None`: where the channel's sessions go without a target.
    #[cbor(n(3), decode_with = "strict")]
    pub to: Option<Recipient>,
    /// What the next rep should know, at most 2 KiB.
    #[n(4)]
    pub note: String,
    /// Why.
    #[n(5)]
    pub reason: Option<ReturnReason>,
    /// Where it comes from (S3).
    #[cbor(n(6), with = "shared_option")]
    pub step: Option<Arc<Provenance>>,
}
