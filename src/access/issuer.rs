//! An issuer of tokens, as the access file binds it (S4): whose keys, for which audiences, and the most that it may say of
//! anybody. Reading its table; what a token then says is held against it in `claims`.

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::Uri;

use super::document::Fields;
use super::grant::{AnyOr, absent, any_or_these, id, id_or_any, org_or_any, role, scope, set};
use super::jwks::SigningAlgorithm;
use super::scopes::Scope;
use crate::domain::id::{ActorId, OrgId};
use crate::domain::live::Role;

/// How long a token may live unless the access file says otherwise, in seconds.
const LIFETIME: u64 = 86_400;
/// The longest that it can say.
const LIFETIME_MAX: u64 = 366 * 86_400;
/// How long keys that vanished from a URL stay good unless it says otherwise, in seconds. Those that vanished from a file
/// aren't good at all: who writes the file can leave the old key in for as long as it takes.
const PREVIOUS: u64 = 3_600;
/// The longest that it can say.
const PREVIOUS_MAX: u64 = 7 * 86_400;

/// Where an issuer's keys are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// In a file, looked at with the access file.
    File(PathBuf),
    /// At a URL, fetched every few minutes; with the file of the CAs that vouch for it, if not the system's.
    Url {
        /// `https://…`, or `http://…` on loopback.
        url: String,
        /// PEM.
        ca: Option<PathBuf>,
    },
}

/// What the claims are called in an issuer's tokens.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ClaimNames {
    /// The org or orgs.
    pub org: String,
    /// The role.
    pub role: String,
    /// As whom: a rep's, partner's or adapter's id.
    pub actor: String,
    /// The scopes.
    pub scopes: String,
    /// The queues that it is narrowed to.
    pub queues: String,
    /// The channels that it is narrowed to.
    pub channels: String,
}

/// An issuer, and what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// Its name: `iss`, exactly.
    pub name: Arc<str>,
    /// For whom its tokens have to be: `aud` has one of these.
    pub audiences: BTreeSet<String>,
    /// Where its keys are.
    pub source: KeySource,
    /// The algorithms that it may use.
    pub algorithms: BTreeSet<SigningAlgorithm>,
    /// The types of its tokens, as [`plain_type`] writes them.
    pub types: BTreeSet<String>,
    /// The orgs that it may name.
    pub orgs: AnyOr<OrgId>,
    /// The roles that it may give.
    pub roles: BTreeSet<&'static str>,
    /// As which partners its tokens may act.
    pub partners: AnyOr<ActorId>,
    /// As which adapters.
    pub adapters: AnyOr<ActorId>,
    /// The most that it may give; empty: all areas.
    pub scopes: BTreeSet<Scope>,
    /// From issue to expiry, at most.
    pub max_lifetime: Duration,
    /// For how long a key stays good that is in its set no more.
    pub previous_keys: Duration,
    /// What it calls its claims.
    pub claims: ClaimNames,
    /// The role of a token that names none.
    pub role: Option<&'static str>,
    /// The org of a token that names none.
    pub org: Option<OrgId>,
    /// What tells this binding from any other of the same issuer, within this process.
    pub print: u64,
}

impl Issuer {
    /// Reads its table; `None` if anything of it is wrong, which is noted. Files are beside the access file.
    pub fn read(fields: Fields<'_>, folder: &Path) -> Option<Self> {
        let mut issuer = Self::bound(fields, folder)?;
        let mut hasher = DefaultHasher::new();
        issuer.hash(&mut hasher);
        issuer.print = hasher.finish();
        Some(issuer)
    }

    fn bound(fields: Fields<'_>, folder: &Path) -> Option<Self> {
        let name = fields.text("issuer", full).or_else(|| absent(&fields, "issuer"));
        let audiences = some(&fields, "audiences", full);
        let source = source(&fields, folder);
        let algorithms = or_all(&fields, "algorithms", algorithm, SigningAlgorithm::ALL);
        let types = or_all(&fields, "types", media_type, ["jwt", "at+jwt"].map(str::to_owned));
        let orgs = listed(&fields, "orgs", org_or_any);
        if orgs.as_ref().is_some_and(AnyOr::is_none) {
            fields.note(&fields.span, "`orgs` names none: no token of this issuer could be good");
        }
        let roles = some(&fields, "roles", role_named);
        let partners = listed(&fields, "partners", id_or_any);
        let adapters = listed(&fields, "adapters", id_or_any);
        let scopes = set(&fields, "scopes", scope);
        let lifetime = number_or(&fields, "max_lifetime", 1..=LIFETIME_MAX, LIFETIME);
        let grace = match source {
            Some(KeySource::File(_)) => 0,
            _ => PREVIOUS,
        };
        let previous = number_or(&fields, "previous_keys_seconds", 0..=PREVIOUS_MAX, grace);
        let claims = claim_names(&fields);
        let (role, org) = (fields.text("role", role_named), fields.text("org", id(OrgId::new)));
        if let (Some(roles), Some(role)) = (&roles, &role)
            && !roles.contains(role.value)
        {
            fields.note(&role.span, "`role` isn't among `roles`");
        }
        if let (Some(orgs), Some(org)) = (&orgs, &org)
            && !orgs.has(&org.value)
        {
            fields.note(&org.span, "`org` isn't among `orgs`");
        }
        ids_fit_roles(&fields, roles.as_ref(), partners.as_ref(), adapters.as_ref());
        fields.end();
        Some(Self {
            name: name?.value.into(),
            audiences: audiences?,
            source: source?,
            algorithms: algorithms?,
            types: types?,
            orgs: orgs?,
            roles: roles?,
            partners: partners?,
            adapters: adapters?,
            scopes: scopes?,
            max_lifetime: Duration::from_secs(lifetime?),
            previous_keys: Duration::from_secs(previous?),
            claims: claims?,
            role: role.map(|role| role.value),
            org: org.map(|org| org.value),
            print: 0,
        })
    }
}

/// A token's type as types are compared: without case, and without `application/` before it.
#[must_use]
pub fn plain_type(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    lower.strip_prefix("application/").unwrap_or(&lower).to_owned()
}

fn full(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn media_type(text: &str) -> Result<String, String> {
    full(text).map(|text| plain_type(&text))
}

fn role_named(text: &str) -> Result<&'static str, String> {
    role(text).map(super::grant::role_name)
}

fn algorithm(text: &str) -> Result<SigningAlgorithm, String> {
    SigningAlgorithm::named(text)
        .ok_or_else(|| format!("has {text:?}; there are RS256, ES256 and EdDSA"))
}

/// A list that has to be there and to have something in it.
fn some<T: Ord + Clone>(
    fields: &Fields<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Option<BTreeSet<T>> {
    if fields.take(key).is_none() {
        return fields.missing(key);
    }
    let found = set(fields, key, read)?;
    if found.is_empty() {
        fields.note(&fields.span, format!("`{key}` names none"));
    }
    Some(found)
}

/// A list that is `all` if it isn't there.
fn or_all<T: Ord + Clone, const N: usize>(
    fields: &Fields<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<T, String>,
    all: [T; N],
) -> Option<BTreeSet<T>> {
    if fields.take(key).is_none() { Some(all.into()) } else { some(fields, key, read) }
}

fn listed<T: Ord + Clone>(
    fields: &Fields<'_>,
    key: &'static str,
    read: impl Fn(&str) -> Result<Option<T>, String>,
) -> Option<AnyOr<T>> {
    if fields.take(key).is_none() {
        return Some(AnyOr::These(BTreeSet::new()));
    }
    let found = fields.texts(key, read)?;
    Some(any_or_these(found.into_iter().map(|item| item.value).collect()))
}

fn number_or(
    fields: &Fields<'_>,
    key: &'static str,
    range: std::ops::RangeInclusive<u64>,
    default: u64,
) -> Option<u64> {
    if fields.take(key).is_none() { Some(default) } else { fields.number(key, range) }
}

fn claim_names(fields: &Fields<'_>) -> Option<ClaimNames> {
    let own = if fields.take("claims").is_none() { None } else { Some(fields.table("claims")?) };
    let name = |key, default: &str| match &own {
        Some(own) if own.take(key).is_some() => own.text(key, full).map(|name| name.value),
        _ => Some(default.to_owned()),
    };
    let names = (
        name("org", "baton_org"),
        name("role", "baton_role"),
        name("actor", "sub"),
        name("scopes", "scope"),
        name("queues", "baton_queues"),
        name("channels", "baton_channels"),
    );
    if let Some(own) = own {
        own.end();
    }
    let (org, role, actor, scopes, queues, channels) = names;
    Some(ClaimNames {
        org: org?,
        role: role?,
        actor: actor?,
        scopes: scopes?,
        queues: queues?,
        channels: channels?,
    })
}

/// Roles that act as somebody named need somebody named, and the other way round: either alone gives nothing, and whoever
/// wrote it meant something.
fn ids_fit_roles(
    fields: &Fields<'_>,
    roles: Option<&BTreeSet<&'static str>>,
    partners: Option<&AnyOr<ActorId>>,
    adapters: Option<&AnyOr<ActorId>>,
) {
    let Some(roles) = roles else { return };
    for (ids, key, role) in
        [(partners, "partners", Role::Partner), (adapters, "adapters", Role::Adapter)]
    {
        let (Some(ids), role) = (ids, super::grant::role_name(role)) else { continue };
        if roles.contains(role) && ids.is_none() {
            fields.note(&fields.span, format!("`roles` has {role:?}, and `{key}` names none"));
        } else if !roles.contains(role) && !ids.is_none() {
            fields.note(&fields.span, format!("`{key}` names some, and `roles` hasn't {role:?}"));
        }
    }
}

fn source(fields: &Fields<'_>, folder: &Path) -> Option<KeySource> {
    let file = fields.text("jwks_file", full);
    let url = fields.text("jwks_url", key_url);
    let ca = fields.text("jwks_ca", full);
    let beside = |name: &str| folder.join(name);
    match (fields.take("jwks_file").is_some(), fields.take("jwks_url").is_some()) {
        (true, false) => {
            if let Some(ca) = &ca {
                fields.note(&ca.span, "`jwks_ca` is for `jwks_url`");
            }
            file.map(|file| KeySource::File(beside(&file.value)))
        }
        (false, true) => {
            let ca = ca.map(|ca| beside(&ca.value));
            url.map(|url| KeySource::Url { url: url.value, ca })
        }
        _ => {
            fields.note(&fields.span, "either `jwks_file` or `jwks_url` is needed");
            None
        }
    }
}

/// A URL that keys may be fetched from: nobody on the way may change them.
fn key_url(text: &str) -> Result<String, String> {
    let uri: Uri = text.parse().map_err(|_| "isn't a URL".to_owned())?;
    let host = uri.host().unwrap_or("");
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    let local = host == "localhost" || address.is_some_and(|address| address.is_loopback());
    let bare = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    match uri.scheme_str() {
        Some("https") if bare => Ok(text.to_owned()),
        Some("http") if bare && local => Ok(text.to_owned()),
        Some("http") => Err("is http://, which is for loopback alone".to_owned()),
        _ => Err("isn't an https:// URL without a user".to_owned()),
    }
}
