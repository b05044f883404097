//! What a token says whose signature is right: when it is good, for whom, and what it gives, held against what its issuer is
//! bound to (S4). A token that says more than its issuer may is refused whole.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::credential::{Credential, Orgs, Origin};
use super::fault::Fault;
use super::grant::{self, NARROWING_MAX, narrowing, printable};
use super::issuer::Issuer;
use super::json::Object;
use super::jwks::SigningKey;
use super::revoked::Revoked;
use super::scopes::{Scope, Scopes};
use crate::domain::id::{ActorId, OrgId};
use crate::domain::live::{Actor, Role};
use crate::domain::scope::Narrowing;

/// How far clocks may be apart: a token is good for so long after it has expired, and before it is good.
pub const LEEWAY: Duration = Duration::from_secs(30);
/// The latest moment that a token can name: the end of the year 9999, in seconds.
const LATEST: u64 = 253_402_300_799;
/// The longest `jti`, in bytes.
const JTI_MAX: usize = 256;
/// What stands before a scope of Baton's among those of others.
const PREFIX: &str = "baton:";

/// What a token's claims come to. The fault of being expired comes last: it is told to the caller, so of a token alone that
/// is right otherwise.
///
/// # Errors
/// The first fault that is found.
pub fn credential(
    claims: &Object,
    issuer: &Issuer,
    key: &SigningKey,
    revoked: &Revoked,
    now: SystemTime,
) -> Result<Credential, Fault> {
    let claims = Claims(claims);
    claims.is_for(&issuer.audiences)?;
    let times = Times::of(&claims, issuer.max_lifetime, now)?;
    let id = claims.text("jti")?;
    if id.is_some_and(|id| id.is_empty() || id.len() > JTI_MAX) {
        return Err(Fault::BadClaim);
    }
    if revoked.has_token(&issuer.name, id, times.issued) || revoked.has_key(&issuer.name, key) {
        return Err(Fault::RevokedToken);
    }
    let actor = claims.actor(issuer)?;
    let subject = claims.text("sub")?.unwrap_or(actor.id.as_str());
    let credential = Credential {
        name: printable(&format!("token:{}#{subject}", issuer.name)),
        orgs: Orgs::These(claims.orgs(issuer)?),
        actor,
        delegate: claims.delegate()?,
        scopes: claims.scopes(issuer)?,
        narrowing: narrowing(Narrowing {
            queues: claims.narrowed_to(&issuer.claims.queues)?,
            channels: claims.narrowed_to(&issuer.claims.channels)?,
        }),
        expires: Some(times.expires),
        origin: Origin::Token {
            issuer: Arc::clone(&issuer.name),
            id: id.map(Arc::from),
            issued: times.issued,
            key: key.print,
            binding: issuer.print,
        },
    };
    if credential.is_current(now) { Ok(credential) } else { Err(Fault::Expired) }
}

struct Times {
    issued: Option<SystemTime>,
    expires: SystemTime,
}

impl Times {
    fn of(claims: &Claims<'_>, max_lifetime: Duration, now: SystemTime) -> Result<Self, Fault> {
        let expires = claims.time("exp")?.ok_or(Fault::MissingClaim)?;
        let (not_before, issued) = (claims.time("nbf")?, claims.time("iat")?);
        if [not_before, issued].into_iter().flatten().any(|from| from > now + LEEWAY) {
            return Err(Fault::NotYetValid);
        }
        let issued = issued.or(not_before);
        let lifetime = expires.duration_since(issued.unwrap_or(now)).unwrap_or_default();
        if lifetime > max_lifetime {
            return Err(Fault::LivesTooLong);
        }
        Ok(Self { issued, expires: expires + LEEWAY })
    }
}

struct Claims<'c>(&'c Object);

impl<'c> Claims<'c> {
    fn text(&self, name: &str) -> Result<Option<&'c str>, Fault> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Fault::BadClaim),
            None => Ok(None),
        }
    }

    /// A claim that is a list of texts, or one text.
    fn texts(&self, name: &str) -> Result<Option<Vec<&'c str>>, Fault> {
        match self.0.get(name) {
            Some(Value::String(text)) => Ok(Some(vec![text])),
            Some(Value::Array(items)) => {
                let texts = items.iter().map(|item| item.as_str().ok_or(Fault::BadClaim));
                texts.collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(Fault::BadClaim),
            None => Ok(None),
        }
    }

    /// A moment in whole seconds since 1970.
    fn time(&self, name: &str) -> Result<Option<SystemTime>, Fault> {
        let Some(value) = self.0.get(name) else { return Ok(None) };
        let seconds = value.as_u64().filter(|seconds| (1..=LATEST).contains(seconds));
        let seconds = Duration::from_secs(seconds.ok_or(Fault::BadClaim)?);
        SystemTime::UNIX_EPOCH.checked_add(seconds).map(Some).ok_or(Fault::BadClaim)
    }

    fn is_for(&self, audiences: &BTreeSet<String>) -> Result<(), Fault> {
        let given = self.texts("aud")?.ok_or(Fault::MissingClaim)?;
        let ours = given.into_iter().any(|audience| audiences.contains(audience));
        if ours { Ok(()) } else { Err(Fault::WrongAudience) }
    }

    fn orgs(&self, issuer: &Issuer) -> Result<BTreeSet<OrgId>, Fault> {
        let orgs = match (self.texts(&issuer.claims.org)?, &issuer.org) {
            (Some(named), _) => {
                let orgs =
                    named.into_iter().map(|org| OrgId::new(org).map_err(|_| Fault::BadClaim));
                orgs.collect::<Result<BTreeSet<_>, _>>()?
            }
            (None, Some(org)) => BTreeSet::from([org.clone()]),
            (None, None) => return Err(Fault::MissingClaim),
        };
        if orgs.is_empty() {
            return Err(Fault::BadClaim);
        }
        if orgs.iter().all(|org| issuer.orgs.has(org)) {
            Ok(orgs)
        } else {
            Err(Fault::OrgNotAllowed)
        }
    }

    fn actor(&self, issuer: &Issuer) -> Result<Actor, Fault> {
        let name = self.text(&issuer.claims.role)?.or(issuer.role).ok_or(Fault::MissingClaim)?;
        let role = grant::role(name).map_err(|_| Fault::BadClaim)?;
        if !issuer.roles.contains(name) {
            return Err(Fault::RoleNotAllowed);
        }
        let id = self.text(&issuer.claims.actor)?.ok_or(Fault::MissingClaim)?;
        let id = ActorId::new(id).map_err(|_| Fault::BadClaim)?;
        let allowed = match role {
            Role::Partner => issuer.partners.has(&id),
            Role::Adapter => issuer.adapters.has(&id),
            Role::Admin | Role::Supervisor | Role::Rep | Role::Dashboard => true,
            Role::Server => false,
        };
        if allowed { Ok(Actor { role, id }) } else { Err(Fault::ActorNotAllowed) }
    }

    /// Who holds the token, where it is another's: the outermost `act` (RFC 8693).
    fn delegate(&self) -> Result<Option<Arc<str>>, Fault> {
        match self.0.get("act") {
            None => Ok(None),
            Some(Value::Object(act)) => {
                let delegate = Claims(act).text("sub")?.filter(|sub| !sub.is_empty());
                delegate.map(printable).map(Some).ok_or(Fault::BadClaim)
            }
            Some(_) => Err(Fault::BadClaim),
        }
    }

    /// A list has Baton's scopes alone; a text is OAuth's and may have others', which are passed over.
    fn scopes(&self, issuer: &Issuer) -> Result<Scopes, Fault> {
        let mut named = BTreeSet::new();
        match self.0.get(&issuer.claims.scopes) {
            Some(Value::String(text)) => {
                for word in text.split_ascii_whitespace() {
                    let ours = word.strip_prefix(PREFIX);
                    match Scope::named(ours.unwrap_or(word)) {
                        Some(scope) => _ = named.insert(scope),
                        None if ours.is_some() => return Err(Fault::BadClaim),
                        None => {}
                    }
                }
            }
            Some(Value::Array(_)) => {
                for word in self.texts(&issuer.claims.scopes)?.unwrap_or_default() {
                    let scope = Scope::named(word.strip_prefix(PREFIX).unwrap_or(word));
                    named.insert(scope.ok_or(Fault::BadClaim)?);
                }
            }
            Some(_) => return Err(Fault::BadClaim),
            None => {}
        }
        let most = Scopes::of(issuer.scopes.iter().copied());
        // To be held to reading is less than what it may give, not more.
        let beyond = |scope: &Scope| *scope != Scope::ReadOnly && !most.has(*scope);
        if named.iter().any(beyond) {
            return Err(Fault::ScopeNotAllowed);
        }
        Ok(Scopes::of(named).within(most))
    }

    /// The queues or channels that it is narrowed to. A list without any would mean all of them, which nobody who writes
    /// an empty list has in mind, so it is refused.
    fn narrowed_to<T: std::str::FromStr + Ord>(&self, name: &str) -> Result<BTreeSet<T>, Fault> {
        let Some(given) = self.texts(name)? else { return Ok(BTreeSet::new()) };
        if given.is_empty() || given.len() > NARROWING_MAX {
            return Err(Fault::BadClaim);
        }
        given.into_iter().map(|id| id.parse().map_err(|_| Fault::BadClaim)).collect()
    }
}
