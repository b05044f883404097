//! Which orgs of this replica ail, and from what. Each actor, and whoever watches the leases, reports for
//! its org. It concerns that org alone: whether the server as a whole is well is `store`'s to say.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use crate::domain::id::OrgId;

/// What an org can ail from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Concern {
    /// Its history can't be read or written.
    History,
    /// Its leases can't be looked after.
    Leases,
    /// Its actor broke down.
    Actor,
}

/// The orgs that ail.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Each with what isn't done for it.
    ailing: Mutex<BTreeSet<(OrgId, Concern)>>,
}

impl Health {
    /// Notes how an org is; `true` if that is news.
    pub(super) fn report(&self, org: &OrgId, concern: Concern, well: bool) -> bool {
        let mut ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        if well {
            // Nothing is looked up by a name that would have to be made first, while all is well.
            !ailing.is_empty() && ailing.remove(&(org.clone(), concern))
        } else {
            ailing.insert((org.clone(), concern))
        }
    }

    /// The org isn't served here any more.
    pub(super) fn forget(&self, org: &OrgId) {
        let mut ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        ailing.retain(|(ails, _)| ails != org);
    }

    /// How many orgs ail.
    pub(super) fn ailing(&self) -> usize {
        let ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        let orgs: BTreeSet<&OrgId> = ailing.iter().map(|(org, _)| org).collect();
        orgs.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_org_is_well_when_nothing_ails_it() {
        let health = Health::default();
        let org = OrgId::new("acme").expect("a good id");
        assert!(!health.report(&org, Concern::History, true), "no news");
        assert!(health.report(&org, Concern::Leases, false));
        assert!(!health.report(&org, Concern::Leases, false), "told already");
        assert!(!health.report(&org, Concern::History, true), "the other is as it was");
        assert_eq!(health.ailing(), 1);
        assert!(health.report(&org, Concern::History, false));
        assert_eq!(health.ailing(), 1, "one org");
        assert!(health.report(&org, Concern::Leases, true));
        health.forget(&org);
        assert_eq!(health.ailing(), 0);
    }
}
