//! Watch streams of partners that are open at this server (N7): those of the role PARTNER, and those filtered by a partner.
//! Counted here by whoever serves them, shown with the partner's state.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::id::{OrgId, PartnerId};

/// How many there are, by org and partner; partners without one aren't there.
type Counts = HashMap<(OrgId, PartnerId), u32>;

/// Counts the streams of every partner.
#[derive(Clone, Default)]
pub struct PartnerStreams(Arc<Mutex<Counts>>);

impl PartnerStreams {
    /// Counts a stream, for as long as what is returned lives.
    #[must_use]
    pub fn open(&self, org: &OrgId, partner: &PartnerId) -> OpenStream {
        let of = (org.clone(), partner.clone());
        *self.counts().entry(of.clone()).or_default() += 1;
        OpenStream { all: self.clone(), of }
    }

    /// How many streams a partner has.
    #[must_use]
    pub fn count(&self, org: &OrgId, partner: &PartnerId) -> u32 {
        self.counts().get(&(org.clone(), partner.clone())).copied().unwrap_or(0)
    }

    // Nothing can panic while it is held, so that a poisoned one is whole all the same.
    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many streams each partner of an org has.
#[derive(Clone, Default)]
pub struct StreamCount(Option<(PartnerStreams, OrgId)>);

impl StreamCount {
    /// Those of this org.
    #[must_use]
    pub fn in_org(all: &PartnerStreams, org: &OrgId) -> Self {
        Self(Some((all.clone(), org.clone())))
    }

    /// How many a partner has.
    #[must_use]
    pub fn of(&self, partner: &PartnerId) -> u32 {
        self.0.as_ref().map_or(0, |(all, org)| all.count(org, partner))
    }
}

/// A stream that is counted.
pub struct OpenStream {
    all: PartnerStreams,
    of: (OrgId, PartnerId),
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let mut counts = self.all.counts();
        match counts.get_mut(&self.of) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(counts.remove(&self.of)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n7_streams_count_while_they_are_open_and_for_their_partner_alone() {
        let (org, acme, zeta) = (
            OrgId::new("org").unwrap(),
            PartnerId::new("acme").unwrap(),
            PartnerId::new("zeta").unwrap(),
        );
        let streams = PartnerStreams::default();
        let (one, two) = (streams.open(&org, &acme), streams.open(&org, &acme));
        assert_eq!((streams.count(&org, &acme), streams.count(&org, &zeta)), (2, 0));
        drop(one);
        assert_eq!(streams.count(&org, &acme), 1);
        drop(two);
        assert_eq!(streams.count(&org, &acme), 0);
        assert!(streams.counts().is_empty(), "nothing is kept of those that are gone");
    }
}
