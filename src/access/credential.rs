//! What a credential that was believed says: who, in which orgs, and what they may do there (S1, S4). How it came to be
//! believed is `gate`'s business.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::scopes::Scopes;
use crate::domain::id::OrgId;
use crate::domain::live::Actor;
use crate::domain::scope::Narrowing;

/// The orgs that a credential is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Orgs {
    /// These, at least one.
    These(BTreeSet<OrgId>),
    /// Any: an operator's.
    Any,
}

impl Orgs {
    /// Is it good for this one?
    #[must_use]
    pub fn has(&self, org: &OrgId) -> bool {
        match self {
            Self::These(orgs) => orgs.contains(org),
            Self::Any => true,
        }
    }

    /// The one that it means when none is named: its only one.
    #[must_use]
    pub fn only(&self) -> Option<&OrgId> {
        match self {
            Self::These(orgs) if orgs.len() == 1 => orgs.first(),
            Self::These(_) | Self::Any => None,
        }
    }
}

/// Where a credential comes from: what is looked at to see whether it still stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// An API key, by its public id.
    ApiKey(Arc<str>),
    /// A signed token.
    Token {
        /// Who signed it (`iss`).
        issuer: Arc<str>,
        /// Its own id (`jti`), if it has one.
        id: Option<Arc<str>>,
        /// When it was issued (`iat`), or from when it was good (`nbf`), if it says.
        issued: Option<SystemTime>,
        /// What tells the key that it was signed with from all others.
        key: [u8; 32],
        /// What tells the binding of its issuer from others of the same issuer.
        binding: u64,
    },
    /// A client certificate, by the SPIFFE URI in it.
    Certificate(Arc<str>),
    /// What the caller says of itself, on a server that trusts that.
    Claims,
    /// Another server has looked at it.
    Server,
}

/// A credential that was believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// What it is called in logs and in the audit, printable ASCII of at most 160 characters: `key:web-adapter`,
    /// `token:https://idp.example/#ana`, `certificate:spiffe://…`, `claims`.
    pub name: Arc<str>,
    /// For which orgs it is good.
    pub orgs: Orgs,
    /// In which role, and as whom.
    pub actor: Actor,
    /// Who really holds it, where somebody acts with another's token (the `act` claim).
    pub delegate: Option<Arc<str>>,
    /// What it may do within its role.
    pub scopes: Scopes,
    /// The part of the org that it sees, if not all of it.
    pub narrowing: Option<Arc<Narrowing>>,
    /// Until when it is good; `None`: until it is revoked. Of a token it is `exp` and the leeway (30 s), so that whatever
    /// looks at it later says the same as whoever let it in.
    pub expires: Option<SystemTime>,
    /// Where it comes from.
    pub origin: Origin,
}

impl Credential {
    /// Its name in the audit (S3); what callers say of themselves has none.
    #[must_use]
    pub fn audited_name(&self) -> Option<Arc<str>> {
        match self.origin {
            Origin::Claims => None,
            Origin::ApiKey(_) | Origin::Token { .. } | Origin::Certificate(_) | Origin::Server => {
                Some(Arc::clone(&self.name))
            }
        }
    }

    /// Is it still good by then, as far as its own words go?
    #[must_use]
    pub fn is_current(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|until| now < until)
    }
}
