//! Who calls: an org, and a credential that says in which role and as whom (S1, S4). Made by `admission` before anything
//! else is done with a call, from a credential that was checked, from what another server has sealed, or, on a server that
//! trusts its callers, from the metadata `baton-org`, `baton-role` and `baton-actor`, and, for tries of narrowed credentials,
//! `baton-scopes`, `baton-queues` and `baton-channels`. What each role may call stands in `table`; whether it owns what it
//! acts on is decided in the domain.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use tonic::codegen::http::HeaderMap;

use super::passed::Passed;
use super::status::Problem;
use super::to_proto::Content;
pub use crate::access::grant::role_named as role_of;
use crate::access::{Credential, Orgs, Origin, Scope, Scopes};
use crate::domain::id::{ActorId, BadId, OrgId, RepId};
use crate::domain::live::{Actor, Role};
use crate::domain::rejection::BadField;
use crate::domain::scope::{Narrowing, Viewer};

/// The metadata key of the org.
pub const ORG: &str = "baton-org";
/// The metadata key of the role.
pub const ROLE: &str = "baton-role";
/// The metadata key of the actor's id.
pub const ACTOR: &str = "baton-actor";

/// The metadata key of the scopes that a caller gives itself up to, separated by spaces. Without it: all of them.
pub const SCOPES: &str = "baton-scopes";
/// The metadata key of the queues that it narrows itself to, separated by spaces. Without it: all of them.
pub const QUEUES: &str = "baton-queues";
/// The metadata key of the channels that it narrows itself to, separated by spaces. Without it: all of them.
pub const CHANNELS: &str = "baton-channels";
/// All that a caller says of itself.
pub const CLAIMS: [&str; 6] = [ORG, ROLE, ACTOR, SCOPES, QUEUES, CHANNELS];

/// Who calls.
#[derive(Debug, Clone)]
pub struct Caller {
    /// In which org. Nothing crosses orgs.
    pub org: OrgId,
    /// In which role, and by which name: the credential's.
    pub actor: Actor,
    /// By what it is known, and what that is good for.
    pub credential: Arc<Credential>,
    /// What the call brings along if other servers had to do with it.
    pub passed: Option<Passed>,
}

/// How much of a caller's own words is taken where they are trusted.
#[derive(Debug, Clone, Default)]
pub struct TrustedClaims {
    /// The org of callers who don't name one; `None`: they must.
    pub default_org: Option<OrgId>,
    /// Whether the role may be left out, which means an admin. On loopback alone.
    pub role_may_be_missing: bool,
}

impl Caller {
    /// Whoever this credential says, in this org.
    #[must_use]
    pub fn known(org: OrgId, credential: Arc<Credential>) -> Self {
        Self { org, actor: credential.actor.clone(), credential, passed: None }
    }

    /// Whether the caller is shown what people typed: notes and attributes. A SUPERVISOR or a DASHBOARD is where a scope says
    /// so; whoever has to do with the customer always is.
    #[must_use]
    pub fn content(&self) -> Content {
        match self.actor.role {
            Role::Supervisor | Role::Dashboard if !self.credential.scopes.has(Scope::Content) => {
                Content::Hidden
            }
            Role::Supervisor
            | Role::Dashboard
            | Role::Admin
            | Role::Rep
            | Role::Adapter
            | Role::Partner
            | Role::Server => Content::Shown,
        }
    }

    /// Whoever it says that it is.
    #[must_use]
    pub fn claimed(org: OrgId, actor: Actor) -> Self {
        let credential = Credential {
            name: Arc::from("claims"),
            orgs: Orgs::These(BTreeSet::from([org.clone()])),
            actor,
            delegate: None,
            scopes: Scopes::EVERYTHING,
            narrowing: None,
            expires: None,
            origin: Origin::Claims,
        };
        Self::known(org, Arc::new(credential))
    }

    /// Reads the caller from what a request says.
    ///
    /// # Errors
    /// UNAUTHENTICATED if the org is missing or anything given can't be understood.
    pub fn from_claims(headers: &HeaderMap, trusted: &TrustedClaims) -> Result<Self, Problem> {
        let org = match (text(headers, ORG)?, &trusted.default_org) {
            (Some(given), _) => OrgId::new(given).map_err(|why| bad(ORG, &why.to_string()))?,
            (None, Some(default)) => default.clone(),
            (None, None) => return Err(bad(ORG, "is missing; give the org that you call for")),
        };
        let name = match text(headers, ROLE)? {
            Some(given) => given,
            None if trusted.role_may_be_missing => "admin",
            None => return Err(bad(ROLE, "is missing; give the role that you call in")),
        };
        let role = role_of(name).ok_or_else(|| {
            bad(ROLE, "is none of admin, supervisor, rep, adapter, partner, dashboard")
        })?;
        let id = match text(headers, ACTOR)? {
            Some(given) => given,
            None if role == Role::Rep => {
                return Err(bad(ACTOR, "is missing; a rep's is the rep's id"));
            }
            None => name,
        };
        let id = ActorId::new(id).map_err(|why| bad(ACTOR, &why.to_string()))?;
        let mut caller = Self::claimed(org, Actor { role, id });
        let credential = Arc::make_mut(&mut caller.credential);
        if let Some(named) = text(headers, SCOPES)? {
            credential.scopes = scopes(named)?;
        }
        let (queues, channels) = (listed(headers, QUEUES)?, listed(headers, CHANNELS)?);
        if !queues.is_empty() || !channels.is_empty() {
            credential.narrowing = Some(Arc::new(Narrowing { queues, channels }));
        }
        Ok(caller)
    }

    /// The rep that the caller is, if it is one.
    #[must_use]
    pub fn rep(&self) -> Option<RepId> {
        match self.actor.role {
            Role::Rep => RepId::new(self.actor.id.as_str()).ok(),
            Role::Admin
            | Role::Supervisor
            | Role::Adapter
            | Role::Partner
            | Role::Dashboard
            | Role::Server => None,
        }
    }

    /// The rep that a request is about: the one named, or the caller itself. A rep names nobody
    /// else (S1).
    ///
    /// # Errors
    /// PERMISSION_DENIED for another rep; INVALID_FIELD if none is named by somebody who isn't one.
    pub fn acting_for(&self, field: &str, named: Option<RepId>) -> Result<RepId, Problem> {
        match (named, self.rep()) {
            (Some(named), Some(own)) if named != own => {
                Err(Problem::Denied(format!("rep {own} acts for itself only, not for {named}")))
            }
            (Some(named), _) => Ok(named),
            (None, Some(own)) => Ok(own),
            (None, None) => Err(Problem::Invalid(vec![BadField {
                field: field.to_owned(),
                why: "is required; only a rep may leave it out".to_owned(),
            }])),
        }
    }
}

/// The value of a header, if it is there and can be read.
///
/// # Errors
/// UNAUTHENTICATED if it isn't printable ASCII.
pub fn text<'m>(headers: &'m HeaderMap, key: &str) -> Result<Option<&'m str>, Problem> {
    headers
        .get(key)
        .map(|value| value.to_str().map_err(|_| bad(key, "isn't printable ASCII")))
        .transpose()
}

fn bad(key: &str, why: &str) -> Problem {
    Problem::Unauthenticated(format!("metadata {key} {why}"))
}

/// The scopes of these names.
fn scopes(named: &str) -> Result<Scopes, Problem> {
    let scope = |name: &str| {
        Scope::named(name).ok_or_else(|| bad(SCOPES, &format!("names {name}, which isn't a scope")))
    };
    let named: Vec<Scope> = named.split_whitespace().map(scope).collect::<Result<_, _>>()?;
    Ok(Scopes::of(named))
}

/// The ids that metadata of this key lists.
fn listed<T: FromStr<Err = BadId> + Ord>(
    headers: &HeaderMap,
    key: &str,
) -> Result<BTreeSet<T>, Problem> {
    let ids = text(headers, key)?.unwrap_or_default().split_whitespace();
    ids.map(|id| id.parse().map_err(|why: BadId| bad(key, &why.to_string()))).collect()
}

impl<'c> From<&'c Caller> for Viewer<'c> {
    fn from(caller: &'c Caller) -> Self {
        Self { actor: &caller.actor, narrowing: caller.credential.narrowing.as_deref() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(pairs: &[(&'static str, &str)], role_may_be_missing: bool) -> Result<Caller, Problem> {
        let mut headers = HeaderMap::new();
        for (key, value) in pairs {
            headers.insert(*key, value.parse().expect("a valid value"));
        }
        let trusted = TrustedClaims { default_org: None, role_may_be_missing };
        Caller::from_claims(&headers, &trusted)
    }

    #[test]
    fn s1_who_calls_is_read_or_refused() {
        let ana = [(ORG, "acme"), (ROLE, "rep"), (ACTOR, "ana")];
        let ana = call(&ana, false).expect("complete");
        assert_eq!(ana.rep(), RepId::new("ana").ok());
        assert!(call(&[(ORG, "acme")], true).is_ok_and(|c| c.actor.role == Role::Admin));
        for wrong in [
            &[][..],
            &[(ORG, "a b")],
            &[(ORG, "acme"), (ROLE, "server")],
            &[(ORG, "acme"), (ROLE, "rep")],
            &[(ORG, "acme"), (ACTOR, "x y")],
            &[(ORG, "acme"), (SCOPES, "content everything")],
            &[(ORG, "acme"), (QUEUES, "billing !")],
        ] {
            let refused = call(wrong, true);
            assert!(matches!(refused, Err(Problem::Unauthenticated(_))), "{wrong:?}");
        }
        assert!(matches!(call(&[(ORG, "acme")], false), Err(Problem::Unauthenticated(_))));
    }

    #[test]
    fn s1_a_rep_acts_for_itself() {
        let ana = [(ORG, "acme"), (ROLE, "rep"), (ACTOR, "ana")];
        let ana = call(&ana, false).expect("complete");
        assert!(matches!(ana.acting_for("rep", RepId::new("ben").ok()), Err(Problem::Denied(_))));
        assert_eq!(ana.acting_for("rep", None), Ok(RepId::new("ana").expect("an id")));
    }
}
