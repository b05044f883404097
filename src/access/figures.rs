//! What was counted of credentials since the server started, for whoever runs it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::fault::Fault;

/// Counters.
#[derive(Debug, Default)]
pub struct Figures {
    refused: [AtomicU64; Fault::ALL.len()],
    /// Tokens that had been verified before.
    pub cache_hits: AtomicU64,
    /// Changes of the files that were taken over.
    pub reloads: AtomicU64,
    /// Changes of the files that weren't, as something in them is wrong.
    pub failed_reloads: AtomicU64,
    /// Key sets that were asked for.
    pub jwks_fetches: AtomicU64,
    /// Key sets that didn't come, or were none.
    pub failed_jwks_fetches: AtomicU64,
    /// Forwarded certificates that were passed over, as who forwarded them isn't trusted to.
    pub forwarded_ignored: AtomicU64,
}

impl Figures {
    /// Counts one.
    pub fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a credential that wasn't believed.
    pub fn refused(&self, fault: Fault) {
        Self::count(&self.refused[fault as usize]);
    }

    /// All of them, by name.
    #[must_use]
    pub fn all(&self) -> Vec<(String, i64)> {
        let value = |counter: &AtomicU64| {
            i64::try_from(counter.load(Ordering::Relaxed)).unwrap_or(i64::MAX)
        };
        let refused = Fault::ALL.into_iter().zip(&self.refused);
        let refused = refused
            .map(|(fault, counter)| (format!("access_refused_{}", fault.name()), value(counter)));
        let others = [
            ("access_cache_hits", &self.cache_hits),
            ("access_reloads", &self.reloads),
            ("access_failed_reloads", &self.failed_reloads),
            ("access_jwks_fetches", &self.jwks_fetches),
            ("access_failed_jwks_fetches", &self.failed_jwks_fetches),
            ("access_forwarded_ignored", &self.forwarded_ignored),
        ];
        refused.chain(others.map(|(name, counter)| (name.to_owned(), value(counter)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_fault_has_its_own_counter() {
        let figures = Figures::default();
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place, "{}", fault.name());
            figures.refused(fault);
        }
        let all = figures.all();
        let ones = all.iter().filter(|(name, n)| name.starts_with("access_refused_") && *n == 1);
        assert_eq!(ones.count(), Fault::ALL.len());
        let names: std::collections::BTreeSet<_> = all.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), all.len());
    }
}
