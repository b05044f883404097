//! Whether the orgs of this replica follow their journal. Each actor reports for its org; readiness
//! is the sum. Being unhealthy stops nothing: every request still tries.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use tokio::sync::watch;

use crate::domain::id::OrgId;

/// The health of all orgs.
#[derive(Debug)]
pub(super) struct Health {
    /// Orgs whose journal can't be reached or read. Written by the actors.
    ailing: Mutex<BTreeSet<OrgId>>,
    /// Whether there are none.
    ready: watch::Sender<bool>,
}

impl Health {
    pub(super) fn new() -> Self {
        Self { ailing: Mutex::default(), ready: watch::Sender::new(true) }
    }

    /// Notes how an org is; `true` if that is news.
    pub(super) fn report(&self, org: &OrgId, well: bool) -> bool {
        let mut ailing = self.ailing.lock().unwrap_or_else(PoisonError::into_inner);
        let news = if well { ailing.remove(org) } else { ailing.insert(org.clone()) };
        if news {
            self.ready.send_replace(ailing.is_empty());
        }
        news
    }

    pub(super) fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }
}
