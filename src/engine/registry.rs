//! Which orgs this replica serves: each gets its actor on first use, and somebody who watches its leases.
//! Orgs that nobody uses are unloaded; where their history ended is kept, so that a rollback is noticed
//! when they are used again. It knows nothing of what actors do. Used by `facade` and `pulse`.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::domain::entry::{Head, Revision};
use crate::domain::id::OrgId;
use crate::domain::time::Timestamp;
use crate::journal::Epoch;

use super::actor::{Actor, Cue};
use super::desk::Desk;
use super::leases::Leases;
use super::refusal::Refusal;
use super::shared::Shared;

/// How to reach an org's actor and what it shows. Whoever holds one keeps the org loaded.
#[derive(Debug, Clone)]
pub(super) struct Handle {
    pub(super) mailbox: mpsc::Sender<Cue>,
    pub(super) desk: Arc<Desk>,
}

/// All orgs of this replica.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) shared: Shared,
    /// Read on every call, written when an org is loaded or unloaded.
    orgs: RwLock<HashMap<OrgId, Handle>>,
    /// Where the histories of those that were unloaded ended.
    ended: Mutex<HashMap<OrgId, (Epoch, Head)>>,
    /// Everything that was started, to wait for at the end.
    tasks: Mutex<JoinSet<()>>,
}

impl Registry {
    pub(super) fn new(shared: Shared) -> Self {
        let (orgs, ended, tasks) = Default::default();
        Self { shared, orgs, ended, tasks }
    }

    /// The org's handle, whether it is loaded yet or not.
    ///
    /// # Errors
    /// [`Refusal::Closing`], or [`Refusal::Overloaded`] if there are too many orgs in use already.
    pub(super) fn org(&self, org: &OrgId) -> Result<Handle, Refusal> {
        let now = self.shared.clock().now();
        let used = |handle: &Handle| {
            handle.desk.used.fetch_max(now.as_ms(), Ordering::AcqRel);
            handle.clone()
        };
        if let Some(handle) = self.orgs.read().unwrap_or_else(PoisonError::into_inner).get(org) {
            return Ok(used(handle));
        }
        let mut orgs = self.orgs.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = orgs.get(org) {
            return Ok(used(handle));
        }
        if *self.shared.closing.borrow() {
            return Err(Refusal::Closing);
        }
        let limit = self.shared.options.max_orgs;
        if orgs.len() >= limit && !self.make_room(&mut orgs, now) {
            self.shared.stats.overloads.add(1);
            return Err(Refusal::Overloaded { limit });
        }
        let handle = self.start(org, now);
        orgs.insert(org.clone(), handle.clone());
        Ok(handle)
    }

    /// The org's handle, if it is in use here; that is no use.
    pub(super) fn if_loaded(&self, org: &OrgId) -> Option<Handle> {
        self.orgs.read().unwrap_or_else(PoisonError::into_inner).get(org).cloned()
    }

    /// Everything that is in use here.
    pub(super) fn loaded(&self) -> Vec<(OrgId, Arc<Desk>)> {
        let orgs = self.orgs.read().unwrap_or_else(PoisonError::into_inner);
        orgs.iter().map(|(org, handle)| (org.clone(), Arc::clone(&handle.desk))).collect()
    }

    /// How many orgs are in use here.
    pub(super) fn len(&self) -> usize {
        self.orgs.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The orgs that this replica looks after.
    pub(super) fn awake(&self, now: Timestamp) -> Vec<(OrgId, Arc<Desk>)> {
        let mut orgs = self.loaded();
        orgs.retain(|(_, desk)| desk.stays_awake(now));
        orgs
    }

    /// Unloads what nobody has used or watched for long, and doesn't have to be looked after here.
    pub(super) fn unload_idle(&self, now: Timestamp) {
        let since = now - self.shared.options.idle;
        let idle = |handle: &Handle| handle.desk.is_idle(since);
        {
            let orgs = self.orgs.read().unwrap_or_else(PoisonError::into_inner);
            if !orgs.values().any(idle) {
                return;
            }
        }
        let mut orgs = self.orgs.write().unwrap_or_else(PoisonError::into_inner);
        let gone: Vec<OrgId> =
            orgs.iter().filter(|(_, handle)| idle(handle)).map(|(org, _)| org.clone()).collect();
        for org in gone {
            self.unload(&mut orgs, &org);
        }
    }

    /// Unloads the org that was longest without use, if there is one that may be.
    fn make_room(&self, orgs: &mut HashMap<OrgId, Handle>, now: Timestamp) -> bool {
        let idle = orgs.iter().filter(|(_, handle)| handle.desk.is_idle(now));
        let oldest = idle.min_by_key(|(_, handle)| handle.desk.used.load(Ordering::Acquire));
        let Some(org) = oldest.map(|(org, _)| org.clone()) else {
            return false;
        };
        self.unload(orgs, &org);
        true
    }

    /// The actor ends when whoever still asks it for something has been answered.
    fn unload(&self, orgs: &mut HashMap<OrgId, Handle>, org: &OrgId) {
        let Some(handle) = orgs.remove(org) else { return };
        self.shared.stats.unloads.add(1);
        self.shared.health.forget(org);
        let view = handle.desk.view();
        let ended = (view.epoch, view.state.head());
        // Where nothing was ever written nothing can be rolled back.
        if handle.desk.is_ready() && ended.1.revision > Revision::ZERO {
            self.ended().insert(org.clone(), ended);
        }
    }

    fn ended(&self) -> MutexGuard<'_, HashMap<OrgId, (Epoch, Head)>> {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self, org: &OrgId, now: Timestamp) -> Handle {
        let (mailbox, received) = mpsc::channel(self.shared.options.mailbox.max(1));
        let desk = Arc::new(Desk::new(now));
        let known = self.ended().get(org).copied();
        let (shared, org) = (self.shared.clone(), org.clone());
        let actor = Actor::new(org.clone(), shared.clone(), received, Arc::clone(&desk), known);
        let mailbox_of_leases = mailbox.downgrade();
        let leases = Leases { org, shared, mailbox: mailbox_of_leases, desk: Arc::clone(&desk) };
        self.spawn(actor.run());
        self.spawn(leases.watch());
        Handle { mailbox, desk }
    }

    /// Starts something that ends by itself when the server goes away.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(ended) = tasks.try_join_next() {
            told(ended);
        }
        tasks.spawn(task);
    }

    /// Waits until everything that was started has ended.
    pub(super) async fn join(&self) {
        let mut tasks = {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        while let Some(ended) = tasks.join_next().await {
            told(ended);
        }
    }
}

fn told(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a task of the engine ended badly");
    }
}
