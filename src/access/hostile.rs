//! Whatever somebody without a credential can send, given to everything here that reads it: the body of property tests and
//! fuzz targets. Nothing may panic, and nobody may be let in.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use super::document::Document;
use super::gate::{Access, Presented};
use super::peer::{Peer, PeerCertificate};
use super::{jwks, key_file};

/// Two issuers whose private keys nobody has any more, an API key of whose secret nobody knows, and a certificate.
const ACCESS: &str = r#"
api_keys = "keys.toml"
trusted_proxies = ["10.0.0.0/8"]

[[issuer]]
issuer = "https://idp.example/"
audiences = ["baton"]
jwks_file = "jwks.json"
orgs = ["acme"]
roles = ["admin", "rep"]

[[issuer]]
issuer = "https://partner.example/"
audiences = ["baton"]
jwks_file = "jwks.json"
orgs = ["*"]
roles = ["partner"]
partners = ["*"]

[[certificate]]
uri = "spiffe://corp.example/web-3f9d27a1c55e"
orgs = ["acme"]
role = "adapter"
actor = "web"
"#;

const KEYS: &str = r#"
[[key]]
id = "aaaaaaaaaaaaaaaa"
name = "web"
sha256 = "a4122d9763bd1e5cebf532587e8482fa90e96b5921b76a4ced750d26d7a25be8"
orgs = ["acme"]
role = "admin"
actor = "web"
created = 2026-01-01T00:00:00Z
"#;

/// Whom the certificate names. It is no secret: whoever has a certificate that says so is let in, and rightly.
const CERTIFIED: &str = "spiffe://corp.example/web-3f9d27a1c55e";

/// Public keys whose private ones were never kept. Those of the RFCs' examples stand in print.
const JWKS: &str = r#"{"keys":[
{"kty":"OKP","crv":"Ed25519","kid":"ed","x":"Hn_7cU3HSEZ7QF-js7ySLpcqaOyEhpnfKw2kP1quMZY"},
{"kty":"EC","crv":"P-256","kid":"ec","x":"_xuWKupNlxWPfZt-BOTLIuHaxIO0MXW2ZXeZnwALrvs","y":"B2eqfBev5ozB-TfOir90EWrOt1iPnZMisfpIsZbr2Hk"}]}"#;

fn access() -> &'static Arc<Access> {
    static ACCESS_OF_NOBODY: OnceLock<Arc<Access>> = OnceLock::new();
    ACCESS_OF_NOBODY.get_or_init(|| {
        let read = |path: &Path| match path.to_str() {
            Some("access.toml") => Ok(ACCESS.into()),
            Some("keys.toml") => Ok(KEYS.into()),
            Some("jwks.json") => Ok(JWKS.into()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        let clock = || SystemTime::UNIX_EPOCH + Duration::from_secs(1_790_000_000);
        Access::fixed(Path::new("access.toml"), &read, Arc::new(clock))
            .unwrap_or_else(|bad| panic!("the files above are right: {bad}"))
    })
}

/// Gives these bytes to whatever reads what callers send or files say. Is somebody let in, who then shouldn't be?
///
/// # Panics
/// If anything that reads them does.
#[must_use]
pub fn lets_in(bytes: &[u8]) -> bool {
    let text = &*String::from_utf8_lossy(bytes);
    // A proxy may quote what it forwards.
    let certified = text.replace('\\', "").contains(CERTIFIED);
    // What is read by itself must not panic; what it comes to is tested elsewhere.
    _ = jwks::read(bytes);
    _ = key_file::read(Document::new(Path::new("keys.toml"), text));
    let file = |path: &Path| match path.to_str() {
        Some("jwks.json") => Ok(JWKS.into()),
        _ => Ok(bytes.to_vec()),
    };
    _ = Access::fixed(Path::new("access.toml"), &file, Arc::new(SystemTime::now));

    let proxy = Peer { address: "10.0.0.1".parse().ok(), ..Peer::default() };
    let uris = text.lines().map(str::to_owned).collect();
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(4_000_000_000);
    let certificate = Some(Arc::new(PeerCertificate { uris, expires }));
    let direct = Peer { certificate, ..Peer::default() };
    let bearer = format!("Bearer {text}");
    let key = format!("Bearer baton_aaaaaaaaaaaaaaaa_{text}");
    [
        (&[bearer.as_str()][..], None, &direct),
        (&[key.as_str()], None, &direct),
        (&[text], Some(text), &proxy),
        (&[], Some(text), &proxy),
        (&[], None, &direct),
    ]
    .into_iter()
    .filter(|(authorization, ..)| !(certified && authorization.is_empty()))
    .any(|(authorization, forwarded, peer)| {
        let presented = Presented { authorization, org: Some("acme"), forwarded, peer };
        access().authenticate(&presented).is_ok()
    })
}
