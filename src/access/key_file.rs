//! API keys, and the file that keeps them: what a key's text looks like, what of it is kept (never the text itself, a digest
//! alone), and reading the file. Making and revoking keys is in `keys`.

use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::credential::{Credential, Origin};
use super::document::{Document, Fields, FileFault};
use super::grant::{Grant, absent, id};
use crate::domain::id::ActorId;

/// How every key begins, so that scanners for leaked secrets find it.
pub const PREFIX: &str = "baton_";
/// The length of a key's public id.
pub const ID_LENGTH: usize = 16;
/// How long a secret is: a server takes keys that were made elsewhere, too.
const SECRET_LENGTHS: std::ops::RangeInclusive<usize> = 43..=256;

/// An API key, as the file keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its public id, which is a part of its text.
    pub id: Arc<str>,
    /// What it is called. Several may have one name, while one takes the other's place.
    pub name: String,
    /// SHA-256 of its whole text.
    pub digest: [u8; 32],
    /// What it is good for.
    pub grant: Grant,
    /// When it was made.
    pub created: SystemTime,
    /// Until when it is good; `None`: until it is revoked.
    pub expires: Option<SystemTime>,
    /// When it was revoked.
    pub revoked: Option<SystemTime>,
}

impl ApiKey {
    /// The credential that whoever shows it has.
    #[must_use]
    pub fn credential(&self) -> Credential {
        let origin = Origin::ApiKey(Arc::clone(&self.id));
        self.grant.credential(&format!("key:{}", self.name), self.expires, origin)
    }

    /// Is this its text? Takes as long for every text.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.digest.ct_eq(&digest_of(text)).into()
    }

    fn read(fields: Fields<'_>) -> Option<Self> {
        let key_id = fields.text("id", key_id).or_else(|| absent(&fields, "id"));
        let name = fields.text("name", id(ActorId::new)).or_else(|| absent(&fields, "name"));
        let digest = fields.text("sha256", hex_digest).or_else(|| absent(&fields, "sha256"));
        let grant = Grant::read(&fields);
        let created = fields.time("created").or_else(|| absent(&fields, "created"));
        let expires = fields.time("expires");
        let revoked = fields.time("revoked");
        // A key whose end can't be read isn't one without an end.
        let ends = (expires.is_some() || fields.take("expires").is_none())
            && (revoked.is_some() || fields.take("revoked").is_none());
        fields.end();
        Some(Self {
            id: key_id?.value.into(),
            name: name?.value.to_string(),
            digest: digest?.value,
            grant: grant?,
            created: created?,
            expires,
            revoked,
        })
        .filter(|_| ends)
    }
}

/// Reads a key file.
///
/// # Errors
/// Everything that is wrong with it.
pub fn read(document: Document<'_>) -> Result<Vec<ApiKey>, Vec<FileFault>> {
    let Some(root) = document.parse() else { return Err(document.into_faults()) };
    let fields = Fields::new(&document, root.get_ref(), root.span());
    let mut keys: Vec<ApiKey> = Vec::new();
    for entry in fields.tables("key") {
        let span = entry.span.clone();
        let Some(key) = ApiKey::read(entry) else { continue };
        if keys.iter().any(|other| other.id == key.id) {
            document.note(span, format!("there is a key with the id {} already", key.id));
        }
        keys.push(key);
    }
    fields.end();
    drop(root);
    let faults = document.into_faults();
    if faults.is_empty() { Ok(keys) } else { Err(faults) }
}

/// The digest that is kept of a key.
#[must_use]
pub fn digest_of(text: &str) -> [u8; 32] {
    Sha256::digest(text).into()
}

/// The id in a key's text; `None` if it isn't one.
#[must_use]
pub fn id_in(text: &str) -> Option<&str> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let whole = SECRET_LENGTHS.contains(&secret.len()) && secret.bytes().all(base64url);
    (whole && key_id(id).is_ok()).then_some(id)
}

fn key_id(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if text.len() == ID_LENGTH && text.bytes().all(plain) {
        Ok(text.to_owned())
    } else {
        Err(format!("isn't {ID_LENGTH} characters of a-z and 0-9"))
    }
}

fn hex_digest(text: &str) -> Result<[u8; 32], String> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let bytes = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?));
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes
        .filter(|_| text.len() == 64)
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| "isn't 64 hexadecimal digits".to_owned())
}
