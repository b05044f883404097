//! Partners as the directory has them, and what belongs to whom (N1, N2, N8). Values only.

use minicbor::{Decode, Encode};

use crate::domain::id::{FlowId, PartnerId, PartnersId, QueueId};
use crate::domain::time::Span;

/// A partner contact-centre vendor (CCaaS) that routes channels and takes hand-offs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Partner {
    /// The caller's own id.
    #[n(0)]
    pub id: PartnerId,
    /// What people read.
    #[n(1)]
    pub name: String,
    /// Deadline of its hand-offs, 1–600 s; `None`: the org's (T23).
    #[n(2)]
    pub handoff_deadline: Option<Span>,
    /// Deadline of its routing requests, 1–600 s; `None`: the org's (N1).
    #[n(3)]
    pub routing_deadline: Option<Span>,
    /// How long acknowledged routing requests hold without being renewed, 5–300 s (N6).
    #[n(4)]
    pub routing_lease: Span,
    /// Requests that expire in a row until it counts as away, 1–100 (N7).
    #[n(5)]
    pub away_after: u32,
    /// Percent of its contacts that a full sync may delete without saying so, 0–100 (N10).
    #[n(6)]
    pub deletion_guard_percent: u32,
}

impl Partner {
    /// The lease of routing requests where nobody says otherwise (N6).
    pub const ROUTING_LEASE: Span = Span::from_secs(60);
    /// Expiries in a row where nobody says otherwise (N7).
    pub const AWAY_AFTER: u32 = 5;
    /// The guard of full syncs where nobody says otherwise (N10).
    pub const DELETION_GUARD_PERCENT: u32 = 20;
}

/// Whose queue it is that a partner routes (N8).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PartnerQueue {
    /// The partner.
    #[n(0)]
    pub partner: PartnerId,
    /// The partner's own id for it, if it has another.
    #[n(1)]
    pub own_id: Option<PartnersId>,
}

/// Where sessions without a target go (O7).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum DefaultTarget {
    /// To a queue.
    #[n(0)]
    Queue(#[n(0)] QueueId),
    /// Wherever a flow decides.
    #[n(1)]
    Flow(#[n(0)] FlowId),
}

/// The types of recipients (T2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecipientType {
    /// A rep.
    Rep,
    /// A queue.
    Queue,
    /// A flow.
    Flow,
    /// An external contact.
    ExternalContact,
}

impl RecipientType {
    /// Its name in the API.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rep => "REP",
            Self::Queue => "QUEUE",
            Self::Flow => "FLOW",
            Self::ExternalContact => "EXTERNAL_CONTACT",
        }
    }
}
