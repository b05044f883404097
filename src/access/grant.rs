//! What an API key or a certificate gives, as its table in a file says: orgs, role, actor, scopes, and the part of the org.
//! Also how orgs, roles, scopes and ids are read, which issuers' bindings share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::SystemTime;

use super::credential::{Credential, Orgs, Origin};
use super::document::Fields;
use super::scopes::{Scope, Scopes};
use crate::domain::id::{ActorId, OrgId};
use crate::domain::live::{Actor, Role};
use crate::domain::scope::Narrowing;

/// The roles that a credential can have, with their names. Nobody is given the server's.
pub const ROLES: [(&str, Role); 6] = [
    ("admin", Role::Admin),
    ("supervisor", Role::Supervisor),
    ("rep", Role::Rep),
    ("adapter", Role::Adapter),
    ("partner", Role::Partner),
    ("dashboard", Role::Dashboard),
];

/// Any org, or any id, in a list of the access file.
const ANY: &str = "*";

/// The longest name of a credential, in bytes.
const NAME_MAX: usize = 160;

/// The most queues, and the most channels, that a credential can be narrowed to: each is looked at whenever something is
/// shown to whoever holds it.
pub const NARROWING_MAX: usize = 64;

/// What a credential from a file is good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// In which orgs.
    pub orgs: Orgs,
    /// In which role, and as whom.
    pub actor: Actor,
    /// The scopes that are named.
    pub scopes: BTreeSet<Scope>,
    /// The queues and channels that are named.
    pub narrowing: Narrowing,
}

impl Grant {
    /// Reads it; `None` if anything of it is wrong, which is noted.
    pub fn read(fields: &Fields<'_>) -> Option<Self> {
        let orgs = fields.texts("orgs", org_or_any).map(|orgs| {
            let given: Vec<_> = orgs.into_iter().map(|org| org.value).collect();
            any_or_these(given)
        });
        let orgs = match orgs {
            None => fields.missing("orgs"),
            Some(AnyOr::These(orgs)) if orgs.is_empty() => {
                fields.note(&fields.span, "`orgs` names none");
                None
            }
            Some(AnyOr::These(orgs)) => Some(Orgs::These(orgs)),
            Some(AnyOr::Any) => Some(Orgs::Any),
        };
        let role = fields.text("role", role).or_else(|| absent(fields, "role"));
        let actor = fields.text("actor", id(ActorId::new)).or_else(|| absent(fields, "actor"));
        let scopes = set(fields, "scopes", scope);
        let queues = part(fields, "queues");
        let channels = part(fields, "channels");
        Some(Self {
            orgs: orgs?,
            actor: Actor { role: role?.value, id: actor?.value },
            scopes: scopes?,
            narrowing: Narrowing { queues: queues?, channels: channels? },
        })
    }

    /// The credential that it is.
    #[must_use]
    pub fn credential(
        &self,
        name: &str,
        expires: Option<SystemTime>,
        origin: Origin,
    ) -> Credential {
        Credential {
            name: printable(name),
            orgs: self.orgs.clone(),
            actor: self.actor.clone(),
            delegate: None,
            scopes: Scopes::of(self.scopes.iter().copied()),
            narrowing: narrowing(self.narrowing.clone()),
            expires,
            origin,
        }
    }
}

/// Notes that a key is missing unless it is there and merely wrong, which was noted when it was read.
pub fn absent<T>(fields: &Fields<'_>, key: &'static str) -> Option<T> {
    if fields.take(key).is_none() { fields.missing(key) } else { None }
}

/// A list as a set; an absent one is empty, and `None` is one that is wrong.
pub fn set<T: Ord + Clone>(
    fields: &Fields<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<BTreeSet<T>> {
    if fields.take(key).is_none() {
        return Some(BTreeSet::new());
    }
    fields.texts(key, read).map(|found| found.into_iter().map(|item| item.value).collect())
}

/// The queues or channels that a table names.
fn part<T: Ord + Clone + std::str::FromStr<Err: std::fmt::Display>>(
    fields: &Fields<'_>,
    key: &'static str,
) -> Option<BTreeSet<T>> {
    let found = set(fields, key, id(str::parse))?;
    if found.len() > NARROWING_MAX {
        fields.note(&fields.span, too_many(key, found.len()));
        return None;
    }
    Some(found)
}

/// What is said of a list of more queues or channels than a credential can be narrowed to.
pub fn too_many(key: &str, number: usize) -> String {
    format!("`{key}` names {number}; a credential can be narrowed to {NARROWING_MAX} at most")
}

/// Ids that are named, or any.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum AnyOr<T: Ord> {
    /// These alone.
    These(BTreeSet<T>),
    /// Any.
    Any,
}

impl<T: Ord> AnyOr<T> {
    /// Is this one among them?
    #[must_use]
    pub fn has(&self, item: &T) -> bool {
        match self {
            Self::These(items) => items.contains(item),
            Self::Any => true,
        }
    }

    /// Is there none at all?
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Self::These(items) if items.is_empty())
    }
}

/// What a list with `*` in it means, which [`org_or_any`] and [`id_or_any`] read as nothing.
pub fn any_or_these<T: Ord>(given: Vec<Option<T>>) -> AnyOr<T> {
    let named: Option<BTreeSet<T>> = given.into_iter().collect();
    named.map_or(AnyOr::Any, AnyOr::These)
}

/// An org's id, or nothing for `*`.
///
/// # Errors
/// What is wrong with the id.
pub fn org_or_any(text: &str) -> Result<Option<OrgId>, String> {
    if text == ANY { Ok(None) } else { id(OrgId::new)(text).map(Some) }
}

/// An actor's id, or nothing for `*`.
///
/// # Errors
/// What is wrong with the id.
pub fn id_or_any(text: &str) -> Result<Option<ActorId>, String> {
    if text == ANY { Ok(None) } else { id(ActorId::new)(text).map(Some) }
}

/// Reads an id, and says what is wrong with it.
pub fn id<T, E: std::fmt::Display>(
    read: impl Fn(&str) -> Result<T, E>,
) -> impl Fn(&str) -> Result<T, String> {
    move |text| read(text).map_err(|why| format!("has {text:?}, which {why}"))
}

/// The role of this name.
#[must_use]
pub fn role_named(name: &str) -> Option<Role> {
    ROLES.into_iter().find(|(known, _)| *known == name).map(|(_, role)| role)
}

/// The role of this name.
///
/// # Errors
/// That there is none, and which there are.
pub fn role(text: &str) -> Result<Role, String> {
    role_named(text).ok_or_else(|| {
        let names = ROLES.map(|(name, _)| name).join(", ");
        format!("has {text:?}; the roles are {names}")
    })
}

/// The name of a role.
#[must_use]
pub fn role_name(role: Role) -> &'static str {
    ROLES.into_iter().find(|(_, known)| *known == role).map_or("server", |(name, _)| name)
}

/// The scope of this name.
///
/// # Errors
/// That there is none.
pub fn scope(text: &str) -> Result<Scope, String> {
    Scope::named(text).ok_or_else(|| {
        let names = Scope::ALL.map(Scope::name).join(", ");
        format!("has {text:?}; the scopes are {names}")
    })
}

/// The part of the org, if it isn't all of it.
#[must_use]
pub fn narrowing(narrowing: Narrowing) -> Option<Arc<Narrowing>> {
    (narrowing != Narrowing::default()).then(|| Arc::new(narrowing))
}

/// A name as it may stand in logs and in the audit: printable ASCII, anything else a `?`, and not too long.
#[must_use]
pub fn printable(name: &str) -> Arc<str> {
    let safe = |c: char| if c.is_ascii_graphic() || c == ' ' { c } else { '?' };
    name.chars().take(NAME_MAX).map(safe).collect::<String>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_logs_are_printable_and_short() {
        assert_eq!(
            &*printable("token:https://idp/#a\nb\u{1b}[31m\u{e4}"),
            "token:https://idp/#a?b?[31m?"
        );
        assert_eq!(printable(&"\u{e4}".repeat(500)).len(), NAME_MAX);
    }

    #[test]
    fn nobody_is_given_the_role_of_the_server() {
        assert!(role("server").is_err());
        assert!(role("Admin").is_err());
        for (name, expected) in ROLES {
            assert_eq!(role(name), Ok(expected));
            assert_eq!(role_name(expected), name);
        }
    }
}
