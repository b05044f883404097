//! What was revoked, as the access file's `[revoked]` says. It wins over everything else that is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

use super::document::{Fields, Placed};
use super::jwks::SigningKey;

/// What was revoked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked {
    /// Tokens, by issuer and `jti`.
    tokens: BTreeSet<(Arc<str>, String)>,
    /// Every token of an issuer from before a moment.
    issued_before: BTreeMap<Arc<str>, SystemTime>,
    /// Keys that an issuer signed with, by issuer and `kid`.
    signing_keys: BTreeSet<(Arc<str>, String)>,
    /// Certificates, by their SPIFFE URI.
    certificates: BTreeSet<String>,
}

impl Revoked {
    /// Reads the table. Of an issuer that `known` doesn't know nothing can be revoked: a name written wrong would leave in
    /// force what was meant.
    pub fn read(fields: Fields<'_>, known: &dyn Fn(&str) -> bool) -> Self {
        let mut revoked = Self::default();
        for (issuer, entry) in of_issuers(&fields, "tokens", known) {
            if let Some(id) = entry.text("id", own).or_else(|| super::grant::absent(&entry, "id")) {
                revoked.tokens.insert((issuer, id.value));
            }
            entry.end();
        }
        for (issuer, entry) in of_issuers(&fields, "issued_before", known) {
            let before = entry.time("before").or_else(|| super::grant::absent(&entry, "before"));
            if let Some(before) = before {
                let latest = revoked.issued_before.entry(issuer).or_insert(before);
                *latest = before.max(*latest);
            }
            entry.end();
        }
        for (issuer, entry) in of_issuers(&fields, "signing_keys", known) {
            let kid = entry.text("kid", own).or_else(|| super::grant::absent(&entry, "kid"));
            if let Some(kid) = kid {
                revoked.signing_keys.insert((issuer, kid.value));
            }
            entry.end();
        }
        let uris = fields.texts("certificates", super::certificate::spiffe).unwrap_or_default();
        revoked.certificates = uris.into_iter().map(|uri| uri.value).collect();
        fields.end();
        revoked
    }

    /// Was this token revoked? One that doesn't say when it was issued counts as old where old ones were.
    #[must_use]
    pub fn has_token(
        &self,
        issuer: &Arc<str>,
        id: Option<&str>,
        issued: Option<SystemTime>,
    ) -> bool {
        let by_id = id.is_some_and(|id| {
            !self.tokens.is_empty() && self.tokens.contains(&(Arc::clone(issuer), id.to_owned()))
        });
        let before = self.issued_before.get(issuer);
        by_id || before.is_some_and(|before| issued.is_none_or(|issued| issued < *before))
    }

    /// Was this key revoked, and with it all that it has signed?
    #[must_use]
    pub fn has_key(&self, issuer: &Arc<str>, key: &SigningKey) -> bool {
        key.kid.as_deref().is_some_and(|kid| {
            !self.signing_keys.is_empty()
                && self.signing_keys.contains(&(Arc::clone(issuer), kid.to_owned()))
        })
    }

    /// Was the certificate with this URI revoked?
    #[must_use]
    pub fn has_certificate(&self, uri: &str) -> bool {
        self.certificates.contains(uri)
    }
}

fn own(text: &str) -> Result<String, String> {
    if text.is_empty() { Err("is empty".to_owned()) } else { Ok(text.to_owned()) }
}

fn of_issuers<'d>(
    fields: &Fields<'d>,
    key: &'static str,
    known: &dyn Fn(&str) -> bool,
) -> Vec<(Arc<str>, Fields<'d>)> {
    let mut found = Vec::new();
    for entry in fields.tables(key) {
        let issuer = entry.text("issuer", own).or_else(|| super::grant::absent(&entry, "issuer"));
        let Some(Placed { value, span }) = issuer else { continue };
        if !known(&value) {
            entry.note(&span, format!("there is no [[issuer]] {value:?}"));
        }
        found.push((value.into(), entry));
    }
    found
}
