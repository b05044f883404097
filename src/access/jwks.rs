//! The keys that an issuer signs with: reading a JWKS, and which key a token's header means. One key is good for one
//! algorithm, which its type and curve say; the header only has to agree. Where a JWKS comes from is others' business.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::fault::Fault;

/// The largest JWKS, in bytes.
pub const JWKS_MAX: usize = 256 * 1024;
/// The most keys in one.
const KEYS_MAX: usize = 100;
/// The longest `kid`, in bytes.
const KID_MAX: usize = 256;
/// The shortest and the longest RSA modulus, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// How many bytes a coordinate on P-256 or Ed25519 has.
const COORDINATE: usize = 32;
/// What stands before the two coordinates of a point.
const UNCOMPRESSED: u8 = 4;

/// The algorithms that tokens may be signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SigningAlgorithm {
    /// RSA with PKCS #1 v1.5 and SHA-256.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// Ed25519.
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// Its name in tokens, in a JWKS and in the access file.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// The algorithm of this name, exactly.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// The same, as the library calls it.
    #[must_use]
    pub const fn in_library(self) -> Algorithm {
        match self {
            Self::Rs256 => Algorithm::RS256,
            Self::Es256 => Algorithm::ES256,
            Self::EdDsa => Algorithm::EdDSA,
        }
    }
}

/// A public key of an issuer.
#[derive(Debug)]
pub struct SigningKey {
    /// Its name in the issuer's set, if it has one.
    pub kid: Option<Arc<str>>,
    /// The only algorithm that it is good for.
    pub algorithm: SigningAlgorithm,
    /// The key itself.
    pub decoding: DecodingKey,
    /// What tells it from every other key: a digest of all of the above.
    pub print: [u8; 32],
}

/// A JWKS that was read.
#[derive(Debug, Default)]
pub struct KeySet {
    /// The keys that can be used.
    pub keys: Vec<Arc<SigningKey>>,
    /// Keys that are for something else (encryption, another algorithm), each with the reason. No fault.
    pub skipped: Vec<String>,
    /// Keys that are wrong, each with the reason: secret, too short, not readable. In a file that is a fault; of a set
    /// from elsewhere the others are used, as it is another's and changes by itself.
    pub refused: Vec<String>,
}

#[derive(Deserialize)]
struct RawSet {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    crv: Option<String>,
    alg: Option<String>,
    #[serde(rename = "use")]
    purpose: Option<String>,
    key_ops: Option<Vec<String>>,
    kid: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde_json::Value>,
    k: Option<serde_json::Value>,
}

/// What became of one key.
enum Read {
    Usable(SigningKey),
    ForSomethingElse(String),
}

/// Reads a JWKS.
///
/// # Errors
/// Why it is none.
pub fn read(bytes: &[u8]) -> Result<KeySet, String> {
    if bytes.len() > JWKS_MAX {
        return Err(format!("is larger than {JWKS_MAX} bytes"));
    }
    let raw: RawSet = serde_json::from_slice(bytes)
        .map_err(|why| format!("isn't a JWKS (line {}, column {})", why.line(), why.column()))?;
    if raw.keys.len() > KEYS_MAX {
        return Err(format!("has {} keys; at most {KEYS_MAX} are taken", raw.keys.len()));
    }
    let (mut set, mut kids) = (KeySet::default(), BTreeSet::new());
    for (number, value) in (1..).zip(raw.keys) {
        let read = serde_json::from_value(value)
            .map_err(|_| "isn't a JWK: `kty` is missing, or something isn't a text".to_owned())
            .and_then(key);
        match read {
            Ok(Read::Usable(key)) if key.kid.clone().is_some_and(|kid| !kids.insert(kid)) => {
                set.refused.push(format!("key {number} has the `kid` of another one"));
            }
            Ok(Read::Usable(key)) => set.keys.push(Arc::new(key)),
            Ok(Read::ForSomethingElse(why)) => set.skipped.push(format!("key {number} {why}")),
            Err(why) => set.refused.push(format!("key {number} {why}")),
        }
    }
    Ok(set)
}

fn key(raw: RawKey) -> Result<Read, String> {
    if raw.k.is_some() || raw.kty == "oct" {
        return Err("is a shared secret; only public keys are taken".to_owned());
    }
    if raw.d.is_some() {
        return Err("is a private key; only public keys are taken".to_owned());
    }
    let algorithm = match (raw.kty.as_str(), raw.crv.as_deref()) {
        ("RSA", None) => SigningAlgorithm::Rs256,
        ("EC", Some("P-256")) => SigningAlgorithm::Es256,
        ("OKP", Some("Ed25519")) => SigningAlgorithm::EdDsa,
        _ => {
            let why = "is of a type or on a curve that isn't used";
            return Ok(Read::ForSomethingElse(why.to_owned()));
        }
    };
    if raw.alg.as_ref().is_some_and(|alg| alg != algorithm.name()) {
        return Ok(Read::ForSomethingElse(format!("isn't for {}", algorithm.name())));
    }
    let signs = raw.purpose.as_ref().is_none_or(|purpose| purpose == "sig");
    let verifies = raw.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
    if !signs || !verifies {
        return Ok(Read::ForSomethingElse("isn't for signatures".to_owned()));
    }
    let (decoding, bytes) = match algorithm {
        SigningAlgorithm::Rs256 => rsa(&part(raw.n)?, &part(raw.e)?)?,
        SigningAlgorithm::Es256 => {
            let point = [vec![UNCOMPRESSED], sized(raw.x)?, sized(raw.y)?].concat();
            (DecodingKey::from_ec_der(&point), point)
        }
        SigningAlgorithm::EdDsa => {
            let point = sized(raw.x)?;
            (DecodingKey::from_ed_der(&point), point)
        }
    };
    if raw.kid.as_ref().is_some_and(|kid| kid.is_empty() || kid.len() > KID_MAX) {
        return Err(format!("has a `kid` that isn't 1 to {KID_MAX} bytes"));
    }
    let kid: Option<Arc<str>> = raw.kid.map(Into::into);
    let named = kid.as_deref().unwrap_or("");
    let print = Sha256::new()
        .chain_update(algorithm.name())
        .chain_update((named.len() as u64).to_be_bytes())
        .chain_update(named)
        .chain_update(bytes)
        .finalize();
    Ok(Read::Usable(SigningKey { kid, algorithm, decoding, print: print.into() }))
}

/// A part of a key.
fn part(encoded: Option<String>) -> Result<Vec<u8>, String> {
    let bytes = encoded.and_then(|encoded| URL_SAFE_NO_PAD.decode(encoded).ok());
    bytes.ok_or_else(|| "lacks a part, or one isn't base64url".to_owned())
}

/// A coordinate: as long as every one on the two curves.
fn sized(encoded: Option<String>) -> Result<Vec<u8>, String> {
    let bytes = part(encoded)?;
    if bytes.len() == COORDINATE {
        Ok(bytes)
    } else {
        Err("isn't as long as a key on its curve".to_owned())
    }
}

/// An RSA key, if it is long enough.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<(DecodingKey, Vec<u8>), String> {
    let digits = modulus.iter().skip_while(|byte| **byte == 0);
    let leading = digits.clone().next().map_or(0, |byte| byte.leading_zeros() as usize);
    let bits = (digits.count() * 8).saturating_sub(leading);
    if !RSA_BITS.contains(&bits) {
        let (least, most) = (RSA_BITS.start(), RSA_BITS.end());
        return Err(format!("has {bits} bits; RSA keys have {least} to {most}"));
    }
    let key = DecodingKey::from_rsa_raw_components(modulus, exponent);
    Ok((key, [modulus, exponent].concat()))
}

/// The keys of an issuer: those in its set, and those that were in it until lately.
#[derive(Debug, Clone, Default)]
pub struct KeyRing {
    current: Vec<Arc<SigningKey>>,
    /// Each with the moment from which it isn't good any more.
    previous: Vec<(Arc<SigningKey>, SystemTime)>,
}

impl KeyRing {
    /// The key that a token means. With a `kid` it is the one of that name. Without, it is the only key of the algorithm
    /// in the set as it is now; if there are several, a token has to say which.
    ///
    /// # Errors
    /// UnknownSigningKey, or WrongAlgorithm if the key of that name is for another one.
    pub fn find(
        &self,
        kid: Option<&str>,
        algorithm: SigningAlgorithm,
        now: SystemTime,
    ) -> Result<&Arc<SigningKey>, Fault> {
        let Some(kid) = kid else {
            let mut fitting = self.current.iter().filter(|key| key.algorithm == algorithm);
            return match (fitting.next(), fitting.next()) {
                (Some(key), None) => Ok(key),
                _ => Err(Fault::UnknownSigningKey),
            };
        };
        let named = |key: &&Arc<SigningKey>| key.kid.as_deref() == Some(kid);
        let key = self.good(now).find(named).ok_or(Fault::UnknownSigningKey)?;
        if key.algorithm == algorithm { Ok(key) } else { Err(Fault::WrongAlgorithm) }
    }

    /// The key that this tells from all others, if it is still good.
    #[must_use]
    pub fn by_print(&self, print: &[u8; 32], now: SystemTime) -> Option<&Arc<SigningKey>> {
        self.good(now).find(|key| key.print == *print)
    }

    fn good(&self, now: SystemTime) -> impl Iterator<Item = &Arc<SigningKey>> {
        let previous = self.previous.iter().filter(move |(_, until)| now < *until);
        self.current.iter().chain(previous.map(|(key, _)| key))
    }

    /// The same ring with a new set: keys that aren't in it stay good for `grace`, unless one of the same name takes
    /// their place. `None` if that changes nothing.
    #[must_use]
    pub fn replaced(
        &self,
        keys: &[Arc<SigningKey>],
        now: SystemTime,
        grace: Duration,
    ) -> Option<Self> {
        let prints =
            |keys: &[Arc<SigningKey>]| keys.iter().map(|key| key.print).collect::<BTreeSet<_>>();
        if prints(keys) == prints(&self.current) {
            return None;
        }
        let until = now + grace;
        let vanished = self.current.iter().map(|key| (Arc::clone(key), until));
        let mut previous: Vec<_> = self.previous.iter().cloned().chain(vanished).collect();
        previous.retain(|(old, until)| {
            now < *until && keys.iter().all(|key| key.print != old.print && key.kid != old.kid)
        });
        Some(Self { current: keys.to_vec(), previous })
    }

    /// Makes previous keys good for no longer than `grace` from now: what was configured counts at once.
    pub fn shorten(&mut self, now: SystemTime, grace: Duration) {
        for (_, until) in &mut self.previous {
            *until = (*until).min(now + grace);
        }
    }

    /// Is the time of a previous key over?
    #[must_use]
    pub fn has_lapsed(&self, now: SystemTime) -> bool {
        self.previous.iter().any(|(_, until)| now >= *until)
    }

    /// Drops previous keys whose time is over.
    pub fn drop_lapsed(&mut self, now: SystemTime) {
        self.previous.retain(|(_, until)| now < *until);
    }

    /// Is there no key in the set?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.current.is_empty()
    }
}
