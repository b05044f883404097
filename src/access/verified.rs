//! Tokens that were verified lately, so that a signature is checked once and not at every call. Kept by the digest of the
//! token's text, in two generations: what is used stays, what isn't goes when the young one is full. It belongs to one state
//! of keys and bindings and goes with it; whether a credential is still good is looked at by whoever takes it out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::credential::Credential;

/// The digest of a token's text.
pub type TextDigest = [u8; 32];

/// The most tokens in one generation.
const GENERATION: usize = 10_000;

/// Tokens that were verified.
#[derive(Debug, Default)]
pub struct Verified {
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<TextDigest, Arc<Credential>>,
    old: HashMap<TextDigest, Arc<Credential>>,
}

impl Verified {
    /// What this token was good for when it was verified.
    #[must_use]
    pub fn get(&self, digest: &TextDigest) -> Option<Arc<Credential>> {
        let mut generations = self.lock();
        if let Some(credential) = generations.young.get(digest) {
            return Some(Arc::clone(credential));
        }
        let credential = generations.old.remove(digest)?;
        generations.put(*digest, &credential);
        Some(credential)
    }

    /// Keeps what a token is good for.
    pub fn put(&self, digest: TextDigest, credential: &Arc<Credential>) {
        self.lock().put(digest, credential);
    }

    fn lock(&self) -> MutexGuard<'_, Generations> {
        // Nothing in here can be half done: each step is one change of a map.
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn put(&mut self, digest: TextDigest, credential: &Arc<Credential>) {
        if self.young.len() >= GENERATION {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(digest, Arc::clone(credential));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::credential::{Orgs, Origin};
    use crate::access::scopes::Scopes;
    use crate::domain::live::Actor;

    fn digest(number: usize) -> TextDigest {
        let mut digest = [0; 32];
        digest[..8].copy_from_slice(&number.to_be_bytes());
        digest
    }

    #[test]
    fn what_is_used_stays_and_there_are_never_too_many() {
        let credential = Arc::new(Credential {
            name: "a".into(),
            orgs: Orgs::Any,
            actor: Actor::baton(),
            delegate: None,
            scopes: Scopes::NONE,
            narrowing: None,
            expires: None,
            origin: Origin::Claims,
        });
        let verified = Verified::default();
        for number in 0..GENERATION * 5 {
            verified.put(digest(number), &credential);
            assert!(verified.get(&digest(0)).is_some(), "the first is always used, after {number}");
            let generations = verified.lock();
            assert!(generations.young.len() <= GENERATION && generations.old.len() <= GENERATION);
        }
        assert!(verified.get(&digest(1)).is_none());
        assert!(verified.get(&digest(GENERATION * 5 - 1)).is_some());
    }
}
