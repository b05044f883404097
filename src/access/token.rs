//! A signed token (JWT, RFC 7519 and 8725): taking it apart, finding the one key that can have signed it, and checking the
//! signature. Nothing in its header chooses how it is checked: `jwk`, `jku`, `x5u` and `x5c` aren't even looked at. What
//! its claims say is `claims`' business.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use super::fault::Fault;
use super::issuer::{Issuer, plain_type};
use super::json::{Object, object};
use super::jwks::{SigningAlgorithm, SigningKey};

/// The longest token, in bytes.
pub const TOKEN_MAX: usize = 8 * 1024;

/// A token that was taken apart. Nothing of it is believed yet.
pub struct Token<'t> {
    /// What was signed.
    message: &'t str,
    /// What it was signed to, in base64url.
    signature: &'t str,
    /// How it says that it was signed.
    pub algorithm: SigningAlgorithm,
    /// With which key it says that it was signed.
    pub kid: Option<String>,
    /// What it says that it is.
    token_type: String,
    /// What it says.
    pub claims: Object,
}

impl<'t> Token<'t> {
    /// Takes a token apart.
    ///
    /// # Errors
    /// TooLarge, Malformed, CriticalExtension, WrongAlgorithm; WrongType for a token in a token.
    pub fn parse(text: &'t str) -> Result<Self, Fault> {
        if text.len() > TOKEN_MAX {
            return Err(Fault::TooLarge);
        }
        let (message, signature) = text.rsplit_once('.').ok_or(Fault::Malformed)?;
        let (header, claims) = message.split_once('.').ok_or(Fault::Malformed)?;
        if claims.contains('.') {
            return Err(Fault::Malformed);
        }
        let header = part(header)?;
        if header.contains_key("crit") {
            return Err(Fault::CriticalExtension);
        }
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => SigningAlgorithm::named(name),
            Some(_) | None => None,
        };
        let algorithm = algorithm.ok_or(Fault::WrongAlgorithm)?;
        if said(&header, "cty")?.is_some_and(|content| plain_type(content) == "jwt") {
            return Err(Fault::WrongType);
        }
        let token_type = said(&header, "typ")?.map_or_else(|| "jwt".to_owned(), plain_type);
        let kid = said(&header, "kid")?.map(str::to_owned);
        Ok(Self { message, signature, algorithm, kid, token_type, claims: part(claims)? })
    }

    /// Who says that they have issued it.
    ///
    /// # Errors
    /// MissingClaim, BadClaim.
    pub fn issuer(&self) -> Result<&str, Fault> {
        match self.claims.get("iss") {
            Some(Value::String(issuer)) => Ok(issuer),
            Some(_) => Err(Fault::BadClaim),
            None => Err(Fault::MissingClaim),
        }
    }

    /// Is it of a kind that this issuer may issue?
    ///
    /// # Errors
    /// WrongAlgorithm, WrongType.
    pub fn fits(&self, issuer: &Issuer) -> Result<(), Fault> {
        if !issuer.algorithms.contains(&self.algorithm) {
            return Err(Fault::WrongAlgorithm);
        }
        if !issuer.types.contains(&self.token_type) {
            return Err(Fault::WrongType);
        }
        Ok(())
    }

    /// Has the holder of this key signed it?
    ///
    /// # Errors
    /// WrongAlgorithm, Malformed, WrongSignature.
    pub fn signed_with(&self, key: &SigningKey) -> Result<(), Fault> {
        if key.algorithm != self.algorithm {
            return Err(Fault::WrongAlgorithm);
        }
        let algorithm = key.algorithm.in_library();
        let message = self.message.as_bytes();
        match jsonwebtoken::crypto::verify(self.signature, message, &key.decoding, algorithm) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Fault::WrongSignature),
            Err(_) => Err(Fault::Malformed),
        }
    }
}

/// Header or claims: base64url without padding, and in it an object.
fn part(encoded: &str) -> Result<Object, Fault> {
    let text = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| Fault::Malformed)?;
    object(&text).ok_or(Fault::Malformed)
}

fn said<'h>(header: &'h Object, name: &str) -> Result<Option<&'h str>, Fault> {
    match header.get(name) {
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Fault::Malformed),
        None => Ok(None),
    }
}
