//! Where credentials are shown: an access file with three issuers, keys and certificates, a clock that stands, and callers.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use baton::access::gate::Clock;
use baton::access::{Access, BadAccess, Credential, Fault, Peer, PeerCertificate, Presented};
use baton::domain::id::OrgId;

use crate::mint::{
    EC, ED, ED_2, IDP, NAMELESS, NOW, PARTNER, PARTNER_EC, PARTNERS_IDP, PLAIN, RSA, jwks,
};

pub fn access_file() -> String {
    format!(
        r#"
trusted_proxies = ["10.0.0.0/8", "192.0.2.7", "spiffe://corp.example/edge"]

[[issuer]]
issuer = "{IDP}"
audiences = ["baton", "baton-eu"]
jwks_file = "idp.json"
orgs = ["acme", "globex"]
roles = ["supervisor", "rep", "dashboard", "adapter"]
adapters = ["web"]
scopes = ["sessions", "work", "content"]

[[issuer]]
issuer = "{PARTNERS_IDP}"
audiences = ["baton"]
jwks_file = "partner.json"
algorithms = ["EdDSA", "ES256"]
types = ["JWT", "application/at+jwt", "baton+jwt"]
orgs = ["acme"]
roles = ["partner"]
partners = ["acme-bot"]
max_lifetime = 3600

[[issuer]]
issuer = "{PLAIN}"
audiences = ["baton"]
jwks_file = "plain.json"
orgs = ["*"]
org = "initech"
roles = ["rep", "admin"]
role = "rep"
claims = {{ org = "tenant", scopes = "permissions" }}

[[certificate]]
uri = "spiffe://corp.example/baton/web"
orgs = ["acme"]
role = "adapter"
actor = "web"
scopes = ["sessions"]

[[certificate]]
uri = "spiffe://corp.example/baton/ops"
orgs = ["*"]
role = "admin"
actor = "ops"

[[certificate]]
uri = "spiffe://corp.example/baton/old"
orgs = ["acme"]
role = "admin"
actor = "ops"

[revoked]
tokens = [{{ issuer = "{IDP}", id = "stolen" }}]
issued_before = [{{ issuer = "{PARTNERS_IDP}", before = 2026-12-01T00:00:00Z }}]
certificates = ["spiffe://corp.example/baton/old"]
"#
    )
}

/// A clock that stands until it is set.
#[derive(Clone)]
pub struct Hands(Arc<AtomicU64>);

impl Default for Hands {
    fn default() -> Self {
        Self(Arc::new(AtomicU64::new(NOW)))
    }
}

impl Hands {
    pub fn set(&self, seconds: u64) {
        self.0.store(seconds, Ordering::SeqCst);
    }

    pub fn clock(&self) -> Clock {
        let hands = Arc::clone(&self.0);
        Arc::new(move || at(hands.load(Ordering::SeqCst)))
    }
}

pub fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

/// An access of these files.
pub fn of_files(files: &[(&str, String)], clock: Clock) -> Result<Arc<Access>, BadAccess> {
    let files: HashMap<&Path, &String> =
        files.iter().map(|(name, text)| (Path::new(*name), text)).collect();
    let read = |path: &Path| {
        files.get(path).map(|text| text.as_bytes().to_vec()).ok_or(ErrorKind::NotFound.into())
    };
    Access::fixed(Path::new("access.toml"), &read, clock)
}

/// The access of the file above.
pub fn access(hands: &Hands) -> Arc<Access> {
    access_of(access_file(), hands)
}

pub fn access_of(access_file: String, hands: &Hands) -> Arc<Access> {
    let files = [
        ("access.toml", access_file),
        ("idp.json", jwks(&[&RSA, &EC, &ED, &ED_2])),
        ("partner.json", jwks(&[&PARTNER, &PARTNER_EC])),
        ("plain.json", jwks(&[&NAMELESS])),
    ];
    of_files(&files, hands.clock()).unwrap_or_else(|bad| panic!("{bad}"))
}

pub type Believed = Result<(OrgId, Arc<Credential>), Fault>;

/// Shows a bearer credential.
pub fn bearer(access: &Access, text: &str) -> Believed {
    authorization(access, &[&format!("Bearer {text}")], None)
}

pub fn authorization(access: &Access, authorization: &[&str], org: Option<&str>) -> Believed {
    let peer = Peer::default();
    access.authenticate(&Presented { authorization, org, forwarded: None, peer: &peer })
}

/// Somebody who connects from this address with a certificate of these URIs, or without one.
pub fn peer(address: &str, uris: Option<&[&str]>) -> Peer {
    let certificate = uris.map(|uris| {
        let uris = uris.iter().map(|uri| (*uri).to_owned()).collect();
        Arc::new(PeerCertificate { uris, expires: at(NOW + 3_600) })
    });
    Peer { address: address.parse().ok(), certificate, tls: true }
}

pub fn figure(access: &Access, name: &str) -> i64 {
    let figures = access.figures();
    let found = figures.iter().find(|(known, _)| known == name);
    found.unwrap_or_else(|| panic!("there is no figure {name}")).1
}
