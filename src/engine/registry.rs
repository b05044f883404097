//! Which orgs this replica serves: each gets its actor on first use, with a follower and somebody
//! who watches its leases. It knows nothing of what they do. Used by `facade`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::domain::id::OrgId;

use super::actor::{Actor, Cue, Phase, Shared};
use super::follower::follow;
use super::leases::Leases;
use super::{Refusal, View};

/// How to reach an org's actor and what it shows.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pub(super) mailbox: mpsc::Sender<Cue>,
    pub(super) views: watch::Receiver<Arc<View>>,
    pub(super) phase: watch::Receiver<Phase>,
}

/// All orgs of this replica.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) shared: Shared,
    /// Read on every call, written when an org is used for the first time.
    orgs: RwLock<HashMap<OrgId, Handle>>,
    /// Everything that was started, to wait for at the end.
    tasks: Mutex<JoinSet<()>>,
}

impl Registry {
    pub(super) fn new(shared: Shared) -> Self {
        Self { shared, orgs: RwLock::default(), tasks: Mutex::default() }
    }

    /// The org's handle, whether it is loaded yet or not.
    ///
    /// # Errors
    /// [`Refusal::Closing`], or [`Refusal::Overloaded`] if there are too many orgs already.
    pub(super) fn org(&self, org: &OrgId) -> Result<Handle, Refusal> {
        if let Some(handle) = self.orgs.read().unwrap_or_else(PoisonError::into_inner).get(org) {
            return Ok(handle.clone());
        }
        let mut orgs = self.orgs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = orgs.get(org) {
            return Ok(handle.clone());
        }
        if *self.shared.closing.borrow() {
            return Err(Refusal::Closing);
        }
        let limit = self.shared.options.max_orgs;
        if orgs.len() >= limit {
            self.shared.stats.overloads.add(1);
            return Err(Refusal::Overloaded { limit });
        }
        let handle = self.start(org);
        orgs.insert(org.clone(), handle.clone());
        Ok(handle)
    }

    fn start(&self, org: &OrgId) -> Handle {
        let (mailbox, received) = mpsc::channel(self.shared.options.mailbox.max(1));
        let (view, views) = watch::channel(Arc::new(View::default()));
        let (loaded, phase) = watch::channel(Phase::Loading);
        let handle = Handle { mailbox, views, phase };
        let actor = Actor {
            org: org.clone(),
            shared: self.shared.clone(),
            mailbox: received,
            views: view,
            phase: loaded,
        };
        let leases = Leases {
            org: org.clone(),
            shared: self.shared.clone(),
            mailbox: handle.mailbox.clone(),
            views: handle.views.clone(),
            phase: handle.phase.clone(),
        };
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(actor.run());
        tasks.spawn(leases.watch());
        if self.shared.options.follow {
            let (mailbox, views) = (handle.mailbox.clone(), handle.views.clone());
            tasks.spawn(follow(org.clone(), self.shared.clone(), mailbox, views));
        }
        handle
    }

    /// Waits until everything that was started has ended.
    pub(super) async fn join(&self) {
        let mut tasks = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        while let Some(ended) = tasks.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a task of the engine ended badly");
            }
        }
    }
}
