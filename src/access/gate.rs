//! The gate: whoever calls shows something, and it says who that is or why it isn't believed (S1, S4). It holds what is in
//! force, as one value that is exchanged as a whole; `upkeep` keeps that value current.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};
use tokio::sync::{Notify, watch};
use tracing::debug;

use super::certificate::shown;
use super::claims;
use super::credential::{Credential, Orgs, Origin};
use super::document::BadAccess;
use super::fault::Fault;
use super::figures::Figures;
use super::issuer::Issuer;
use super::jwks::KeyRing;
use super::key_file::{PREFIX, id_in};
use super::limits::Limits;
use super::peer::Peer;
use super::policy::{Policy, ReadFile, Seen, load};
use super::token::{TOKEN_MAX, Token};
use super::verified::Verified;
use crate::domain::id::OrgId;

/// What a caller shows.
pub struct Presented<'a> {
    /// Every `authorization` header's value, in order; more than one is refused (Ambiguous). Only the scheme Bearer
    /// (case-insensitive) is known.
    pub authorization: &'a [&'a str],
    /// `baton-org`: which of its orgs a credential means.
    pub org: Option<&'a str>,
    /// `x-forwarded-client-cert`, if there.
    pub forwarded: Option<&'a str>,
    /// Who is at the other end of the connection.
    pub peer: &'a Peer,
}

impl std::fmt::Debug for Presented<'_> {
    /// Without what is secret.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Presented")
            .field("authorization", &self.authorization.len())
            .field("org", &self.org)
            .field("forwarded", &self.forwarded)
            .field("peer", &self.peer)
            .finish()
    }
}

/// Whether a credential that was believed still stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Good,
    /// Its time is over.
    Expired,
    /// Its key, its rule or its issuer's binding says something else now: who holds it authenticates anew.
    Changed,
    /// It was revoked, or what it was believed by is gone.
    Revoked,
}

/// What time it is. Tokens' times are those of wall clocks, so here a wall clock is right.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// How often and for how long things are tried.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// How often files are looked at.
    pub look: Duration,
    /// How long a change has to have stayed as it is until it is taken.
    pub settle: Duration,
    /// How often key sets are fetched, give or take a tenth.
    pub refresh: Duration,
    /// How far apart fetches of one issuer are at least, when a key isn't known.
    pub apart: Duration,
    /// After how long a fetch is given up.
    pub give_up: Duration,
    /// How soon a fetch that failed is tried again; twice as long each time.
    pub retry: Duration,
    /// But no longer than this.
    pub retry_most: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look: Duration::from_secs(1),
            settle: Duration::from_millis(200),
            refresh: Duration::from_secs(300),
            apart: Duration::from_secs(10),
            give_up: Duration::from_secs(5),
            retry: Duration::from_secs(1),
            retry_most: Duration::from_secs(60),
        }
    }
}

/// What is in force. Exchanged as a whole, and with it goes every token that was verified by it.
#[derive(Debug, Default)]
pub(super) struct InForce {
    /// What the files say.
    pub policy: Arc<Policy>,
    /// The keys of issuers.
    pub rings: HashMap<Arc<str>, KeyRing>,
    /// Tokens verified since it came into force.
    pub verified: Verified,
}

impl InForce {
    /// What follows it when the files say something else.
    pub(super) fn followed_by(&self, policy: Policy, now: SystemTime) -> Self {
        let mut rings = HashMap::new();
        for (name, issuer) in &policy.issuers {
            // Keys from another place are another matter: those from the old one aren't good any more.
            let same = self.policy.issuers.get(name).is_some_and(|old| old.source == issuer.source)
                && self.policy.remotes.get(name) == policy.remotes.get(name);
            let mut ring = self.rings.get(name).filter(|_| same).cloned().unwrap_or_default();
            ring.shorten(now, issuer.previous_keys);
            if let Some(set) = policy.sets.get(name) {
                ring = ring.replaced(set, now, issuer.previous_keys).unwrap_or(ring);
            }
            rings.insert(Arc::clone(name), ring);
        }
        let policy = Arc::new(policy.following(&self.policy));
        Self { policy, rings, verified: Verified::default() }
    }

    /// What follows it with other keys of issuers.
    pub(super) fn with_rings(&self, rings: HashMap<Arc<str>, KeyRing>) -> Self {
        Self { policy: Arc::clone(&self.policy), rings, verified: Verified::default() }
    }
}

/// The files that are looked at.
#[derive(Debug)]
pub(super) struct Files {
    /// The access file.
    pub path: PathBuf,
    /// What was in it, and in those that it names.
    pub sights: Mutex<Sights>,
}

/// What was in files.
#[derive(Debug, Clone)]
pub(super) struct Sights {
    /// When they were last read.
    pub last: Seen,
    /// When they were last right, which is what is in force.
    pub right: Seen,
}

/// Who may come in.
pub struct Access {
    /// Read at every call; written by whoever keeps it current.
    in_force: RwLock<Arc<InForce>>,
    changes: watch::Sender<u64>,
    pub(super) figures: Figures,
    pub(super) clock: Clock,
    pub(super) pace: Pace,
    /// `None`: there are none to look at.
    pub(super) files: Option<Files>,
    /// Issuers by whose tokens an unknown key was named, for `upkeep` to fetch their keys soon.
    pub(super) wanted: Mutex<BTreeSet<Arc<str>>>,
    /// Told when one of them is new.
    pub(super) wanting: Notify,
}

impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Access {
    /// Of files that `read` gives, once: nothing is looked at again, and nothing is fetched.
    ///
    /// # Errors
    /// Every fault of the files.
    pub fn fixed(path: &Path, read: ReadFile<'_>, clock: Clock) -> Result<Arc<Self>, BadAccess> {
        let (policy, _) = load(path, read);
        Ok(Arc::new(Self::of(policy?, None, clock, Pace::default())))
    }

    /// Without any file: nobody is let in. For tests that need limits alone.
    #[must_use]
    pub fn with_limits(limits: Limits) -> Arc<Self> {
        let policy = Policy { limits, ..Policy::default() };
        Arc::new(Self::of(policy, None, Arc::new(SystemTime::now), Pace::default()))
    }

    pub(super) fn of(policy: Policy, files: Option<Files>, clock: Clock, pace: Pace) -> Self {
        let in_force = InForce::default().followed_by(policy, clock());
        Self {
            in_force: RwLock::new(Arc::new(in_force)),
            changes: watch::Sender::new(0),
            figures: Figures::default(),
            clock,
            pace,
            files,
            wanted: Mutex::default(),
            wanting: Notify::new(),
        }
    }

    pub(super) fn in_force(&self) -> Arc<InForce> {
        Arc::clone(&self.in_force.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts something else in force, if `next` says so, and tells everybody.
    pub(super) fn exchange(&self, next: impl FnOnce(&InForce) -> Option<InForce>) -> bool {
        let mut in_force = self.in_force.write().unwrap_or_else(PoisonError::into_inner);
        let Some(next) = next(&in_force) else { return false };
        *in_force = Arc::new(next);
        drop(in_force);
        self.changes.send_modify(|changes| *changes += 1);
        true
    }

    /// Who shows this, and in which org. Quick, and without waiting for anything: a token that was verified is remembered.
    ///
    /// # Errors
    /// Why it isn't believed.
    pub fn authenticate(
        &self,
        presented: &Presented<'_>,
    ) -> Result<(OrgId, Arc<Credential>), Fault> {
        let believed = self.credential(presented).and_then(|credential| {
            let org = meant(&credential.orgs, presented.org)?;
            Ok((org, credential))
        });
        if let Err(fault) = &believed {
            self.figures.refused(*fault);
            // Neither the credential nor anything that it says: who reads the log isn't who it was meant for.
            debug!(fault = fault.name(), peer = ?presented.peer.address, "a credential isn't believed");
        }
        believed
    }

    fn credential(&self, presented: &Presented<'_>) -> Result<Arc<Credential>, Fault> {
        let in_force = self.in_force();
        let now = (self.clock)();
        match presented.authorization {
            [] => self.of_certificate(&in_force, presented, now),
            [shown] => {
                let text = bearer(shown)?;
                if text.starts_with(PREFIX) {
                    of_key(&in_force, text, now)
                } else {
                    self.of_token(&in_force, text, now)
                }
            }
            _ => Err(Fault::Ambiguous),
        }
    }

    fn of_token(
        &self,
        in_force: &InForce,
        text: &str,
        now: SystemTime,
    ) -> Result<Arc<Credential>, Fault> {
        let digest = Sha256::digest(text).into();
        if let Some(credential) = in_force.verified.get(&digest) {
            Figures::count(&self.figures.cache_hits);
            return if credential.is_current(now) { Ok(credential) } else { Err(Fault::Expired) };
        }
        let token = Token::parse(text)?;
        let issuer = in_force.policy.issuers.get(token.issuer()?).ok_or(Fault::UnknownIssuer)?;
        token.fits(issuer)?;
        let ring = in_force.rings.get(&issuer.name).ok_or(Fault::UnknownSigningKey)?;
        let key = ring
            .find(token.kid.as_deref(), token.algorithm, now)
            .inspect_err(|fault| self.want_keys(in_force, issuer, *fault))?;
        token.signed_with(key)?;
        let revoked = &in_force.policy.revoked;
        let credential = claims::credential(&token.claims, issuer, key, revoked, now)?;
        let credential = Arc::new(credential);
        in_force.verified.put(digest, &credential);
        Ok(credential)
    }

    /// A key that isn't known may have come lately: its issuer's set is fetched soon.
    fn want_keys(&self, in_force: &InForce, issuer: &Issuer, fault: Fault) {
        if fault != Fault::UnknownSigningKey || !in_force.policy.remotes.contains_key(&issuer.name)
        {
            return;
        }
        let mut wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if wanted.insert(Arc::clone(&issuer.name)) {
            self.wanting.notify_one();
        }
    }

    fn of_certificate(
        &self,
        in_force: &InForce,
        presented: &Presented<'_>,
        now: SystemTime,
    ) -> Result<Arc<Credential>, Fault> {
        let policy = &in_force.policy;
        if presented.forwarded.is_some() && !policy.proxies.has(presented.peer) {
            Figures::count(&self.figures.forwarded_ignored);
        }
        let shown = shown(presented.peer, presented.forwarded, &policy.proxies)?;
        let shown = shown.ok_or(Fault::Missing)?;
        if policy.revoked.has_certificate(&shown.uri) {
            return Err(Fault::RevokedCertificate);
        }
        let rule = policy.certificates.get(shown.uri.as_str()).ok_or(Fault::UnknownCertificate)?;
        let credential = Credential { expires: shown.expires, ..Credential::clone(rule) };
        if credential.is_current(now) { Ok(Arc::new(credential)) } else { Err(Fault::Expired) }
    }

    /// Does a credential that was believed still stand?
    #[must_use]
    pub fn standing(&self, credential: &Credential) -> Standing {
        let in_force = self.in_force();
        let now = (self.clock)();
        match standing_of_origin(&in_force, credential, now) {
            Standing::Revoked => Standing::Revoked,
            _ if !credential.is_current(now) => Standing::Expired,
            standing => standing,
        }
    }

    /// Counts up whenever keys, issuers, revocations or limits have changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// The limits in force.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.in_force().policy.limits
    }

    /// Counted so far: each fault by name (`access_refused_…`), cache hits, reloads, fetches of key sets.
    #[must_use]
    pub fn figures(&self) -> Vec<(String, i64)> {
        self.figures.all()
    }
}

/// The text behind `Bearer`.
fn bearer(shown: &str) -> Result<&str, Fault> {
    let (scheme, text) = shown.split_once(' ').ok_or(Fault::Malformed)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Fault::Malformed);
    }
    let text = text.trim_start_matches(' ');
    if text.len() > TOKEN_MAX {
        return Err(Fault::TooLarge);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    if text.is_empty() || !text.bytes().all(plain) {
        return Err(Fault::Malformed);
    }
    Ok(text)
}

fn of_key(in_force: &InForce, text: &str, now: SystemTime) -> Result<Arc<Credential>, Fault> {
    let id = id_in(text).ok_or(Fault::Malformed)?;
    let held = in_force.policy.keys.get(id).ok_or(Fault::UnknownKey)?;
    if !held.key.is(text) {
        return Err(Fault::WrongSecret);
    }
    if held.key.revoked.is_some() {
        return Err(Fault::RevokedKey);
    }
    if !held.credential.is_current(now) {
        return Err(Fault::Expired);
    }
    Ok(Arc::clone(&held.credential))
}

/// The org that is meant: the one that is named, or the only one that there is.
fn meant(orgs: &Orgs, named: Option<&str>) -> Result<OrgId, Fault> {
    let Some(named) = named else { return orgs.only().cloned().ok_or(Fault::OrgNotNamed) };
    let named = OrgId::new(named).map_err(|_| Fault::OrgMismatch)?;
    if orgs.has(&named) { Ok(named) } else { Err(Fault::OrgMismatch) }
}

/// Does a certificate's credential say what its rule does, its own expiry apart?
fn is_by(credential: &Credential, rule: &Credential) -> bool {
    // A credential shares its rule's URI, and a rule that stays as it was stays the same one.
    let (Origin::Certificate(uri), Origin::Certificate(of_rule)) =
        (&credential.origin, &rule.origin)
    else {
        return false;
    };
    Arc::ptr_eq(uri, of_rule)
        || *credential == Credential { expires: credential.expires, ..rule.clone() }
}

/// What has become of what a credential was believed by, its own time apart.
fn standing_of_origin(in_force: &InForce, credential: &Credential, now: SystemTime) -> Standing {
    let policy = &in_force.policy;
    let same = |same: bool| if same { Standing::Good } else { Standing::Changed };
    match &credential.origin {
        Origin::ApiKey(id) => match policy.keys.get(id) {
            Some(held) if held.key.revoked.is_none() => {
                let held = &*held.credential;
                same(std::ptr::eq(held, credential) || held == credential)
            }
            Some(_) | None => Standing::Revoked,
        },
        Origin::Token { issuer: name, id, issued, key, binding } => {
            let Some(issuer) = policy.issuers.get(name) else { return Standing::Revoked };
            let key = in_force.rings.get(name).and_then(|ring| ring.by_print(key, now));
            let revoked = policy.revoked.has_token(name, id.as_deref(), *issued)
                || key.is_some_and(|key| policy.revoked.has_key(name, key));
            if revoked {
                Standing::Revoked
            } else {
                same(key.is_some() && issuer.print == *binding)
            }
        }
        Origin::Certificate(uri) => match policy.certificates.get(uri) {
            Some(rule) if !policy.revoked.has_certificate(uri) => same(is_by(credential, rule)),
            Some(_) | None => Standing::Revoked,
        },
        Origin::Claims | Origin::Server => Standing::Good,
    }
}
