//! Who did what to a session, through which call, as part of which revision: kept with the session, its work and its
//! transfers, so that its story can be told (S3).

use std::sync::Arc;

use minicbor::{Decode, Encode};

use crate::domain::id::RepId;
use crate::domain::stored::{shared, shared_option};

use super::actor::Actor;

/// Where something that happened comes from.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Provenance {
    /// The revision that it is part of.
    #[n(0)]
    pub revision: u64,
    /// Who did it.
    #[n(1)]
    pub by: Actor,
    /// Through which method; of Baton's own, what it was about.
    #[cbor(n(2), with = "shared")]
    pub rpc: Arc<str>,
    /// By what right, if that says more than who did it.
    #[cbor(n(3), with = "shared_option")]
    pub authority: Option<Arc<Authority>>,
}

/// By what right somebody did something (S3, S4). Together, since most of what happens in an org has none of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Authority {
    /// The name of the credential that was shown.
    #[cbor(n(0), with = "shared_option")]
    pub credential: Option<Arc<str>>,
    /// Who really holds it, where somebody acts with another's.
    #[cbor(n(1), with = "shared_option")]
    pub delegate: Option<Arc<str>>,
    /// The rep for whom somebody else acted.
    #[n(2)]
    pub on_behalf_of: Option<RepId>,
}

/// Where the steps of a session come from; `None`: it isn't there yet, or that wasn't kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct SessionSteps {
    /// It was opened.
    #[cbor(n(0), with = "shared_option")]
    pub opened: Option<Arc<Provenance>>,
    /// It was ended.
    #[cbor(n(1), with = "shared_option")]
    pub ended: Option<Arc<Provenance>>,
}

/// Where the steps of a piece of work come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct WorkSteps {
    /// It was offered.
    #[cbor(n(0), with = "shared_option")]
    pub offered: Option<Arc<Provenance>>,
    /// It was accepted.
    #[cbor(n(1), with = "shared_option")]
    pub accepted: Option<Arc<Provenance>>,
    /// It ended.
    #[cbor(n(2), with = "shared_option")]
    pub ended: Option<Arc<Provenance>>,
}

/// Where the steps of what a partner is asked come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct AskSteps {
    /// The partner was asked.
    #[cbor(n(0), with = "shared_option")]
    pub asked: Option<Arc<Provenance>>,
    /// A worker claimed it.
    #[cbor(n(1), with = "shared_option")]
    pub acknowledged: Option<Arc<Provenance>>,
    /// It became final.
    #[cbor(n(2), with = "shared_option")]
    pub ended: Option<Arc<Provenance>>,
}

/// Where the steps of a transfer come from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
pub struct TransferSteps {
    /// It was asked for.
    #[cbor(n(0), with = "shared_option")]
    pub requested: Option<Arc<Provenance>>,
    /// The original rep was removed.
    #[cbor(n(1), with = "shared_option")]
    pub removed: Option<Arc<Provenance>>,
    /// It was completed, or the session ended first.
    #[cbor(n(2), with = "shared_option")]
    pub ended: Option<Arc<Provenance>>,
}
