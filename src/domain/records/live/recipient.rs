//! Whom sessions are handed to (T2). Values only.

use minicbor::{Decode, Encode};

use crate::domain::id::{ContactId, FlowId, PartnerId, QueueId, RepId};

/// An external contact: its partner and itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
pub struct ContactRef {
    /// The partner.
    #[n(0)]
    pub partner: PartnerId,
    /// The contact, as the partner names it.
    #[n(1)]
    pub contact: ContactId,
}

/// Whom a session is handed to (T2).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Recipient {
    /// A rep.
    #[n(0)]
    Rep(#[n(0)] RepId),
    /// Any rep of a queue.
    #[n(1)]
    Queue(#[n(0)] QueueId),
    /// Whoever a flow decides on.
    #[n(2)]
    Flow(#[n(0)] FlowId),
    /// An external contact.
    #[n(3)]
    Contact(#[n(0)] ContactRef),
}
