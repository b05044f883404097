//! The engine as handlers see it: submit, read, subscribe, keep leases. It decides nothing and
//! keeps nothing: it finds the org's actor and waits for what it says.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Request;
use crate::domain::entry::Revision;
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::Span;
use crate::journal::{History, Journal, JournalError};

use super::actor::{ClockRef, Cue, JournalRef, Phase, Shared, unavailable};
use super::clock::Clock;
use super::health::Health;
use super::options::EngineOptions;
use super::registry::{Handle, Registry};
use super::stats::Stats;
use super::{Done, Refusal, View};

/// A replica's engine. A clone is the same engine.
#[derive(Debug, Clone)]
pub struct Engine {
    registry: Arc<Registry>,
    closing: watch::Sender<bool>,
}

impl Engine {
    /// An engine over `journal`. Orgs are loaded when they are first used.
    #[must_use]
    pub fn start(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>, options: EngineOptions) -> Self {
        let (closing, closed) = watch::channel(false);
        let shared = Shared {
            journal: JournalRef(journal),
            clock: ClockRef(clock),
            options,
            stats: Arc::default(),
            health: Arc::new(Health::new()),
            closing: closed,
        };
        Self { registry: Arc::new(Registry::new(shared)), closing }
    }

    /// Has a request decided and committed. If the answer is lost with the connection, the same
    /// request may be submitted again, here or at another replica: it happens once (T21).
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn submit(&self, org: &OrgId, request: Request) -> Result<Done, Refusal> {
        let handle = self.loaded(org).await?;
        let (answer, answered) = oneshot::channel();
        self.post(&handle, Cue::Submit(Box::new(request), answer))?;
        answered.await.unwrap_or(Err(Refusal::Closing))
    }

    /// The org as this replica knows it, at `at_least` or later if that is asked for.
    ///
    /// # Errors
    /// [`Refusal::Behind`] if that revision doesn't come in time, or another [`Refusal`].
    pub async fn view(
        &self,
        org: &OrgId,
        at_least: Option<Revision>,
    ) -> Result<Arc<View>, Refusal> {
        let handle = self.loaded(org).await?;
        let view = Arc::clone(&handle.views.borrow());
        let Some(wanted) = at_least.filter(|wanted| *wanted > view.state.head().revision) else {
            return Ok(view);
        };
        let shared = &self.registry.shared;
        let mut views = handle.views.clone();
        let reached = async {
            // The revision may be there already, unseen by this replica.
            let caught_up = self.barrier(org).await?;
            if caught_up.state.head().revision >= wanted {
                return Ok(caught_up);
            }
            match views.wait_for(|view| view.state.head().revision >= wanted).await {
                Ok(view) => Ok(Arc::clone(&view)),
                Err(_) => Err(Refusal::Closing),
            }
        };
        tokio::select! {
            biased;
            view = reached => view,
            () = shared.clock().sleep(shared.options.read_wait) => {
                let reached = handle.views.borrow().state.head().revision;
                Err(Refusal::Behind { wanted, reached })
            }
        }
    }

    /// The org with everything that was committed, anywhere, before this call.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn barrier(&self, org: &OrgId) -> Result<Arc<View>, Refusal> {
        let handle = self.loaded(org).await?;
        let (answer, answered) = oneshot::channel();
        self.post(&handle, Cue::Barrier(answer))?;
        answered.await.unwrap_or(Err(Refusal::Closing))
    }

    /// The org now and from now on: once per batch, the latest view. Entries in between are in
    /// each view's `recent`.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn subscribe(&self, org: &OrgId) -> Result<watch::Receiver<Arc<View>>, Refusal> {
        Ok(self.loaded(org).await?.views)
    }

    /// Entries after `after`, for whoever has fallen behind a view's `recent`.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`].
    pub async fn history(
        &self,
        org: &OrgId,
        after: Revision,
        limit: usize,
    ) -> Result<History, Refusal> {
        let journal = self.registry.shared.journal();
        journal.read(org, after, limit).await.map_err(|error| refuse(&error))
    }

    /// Starts or renews leases: each runs for its span from now (P4). Gives those that had none: if
    /// the caller's view says that they are connected, it is out of date.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] or [`Refusal::Unknown`]; renewing again is safe.
    pub async fn keep_alive(
        &self,
        org: &OrgId,
        leases: &[(PresenceId, Span)],
    ) -> Result<Vec<PresenceId>, Refusal> {
        // Somebody has to watch over them, too.
        self.registry.org(org)?;
        let journal = self.registry.shared.journal();
        journal.renew(org, leases).await.map_err(|error| refuse(&error))
    }

    /// Forgets the leases of presences that were closed.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] or [`Refusal::Unknown`]; a lease that stays lapses by itself.
    pub async fn release(&self, org: &OrgId, presences: &[PresenceId]) -> Result<(), Refusal> {
        let journal = self.registry.shared.journal();
        journal.release(org, presences).await.map_err(|error| refuse(&error))
    }

    /// Whether the journal of every org in use can be reached and is followed.
    #[must_use]
    pub fn healthy(&self) -> bool {
        *self.readiness().borrow()
    }

    /// [`Self::healthy`], as it changes.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.registry.shared.health.readiness()
    }

    /// What the engine has counted.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.registry.shared.stats
    }

    /// Finishes what is in flight and stops. Whatever still waits is answered
    /// [`Refusal::Closing`]: nothing of it was done.
    pub async fn shutdown(&self) {
        self.closing.send_replace(true);
        self.registry.join().await;
    }

    async fn loaded(&self, org: &OrgId) -> Result<Handle, Refusal> {
        if *self.closing.borrow() {
            return Err(Refusal::Closing);
        }
        let handle = self.registry.org(org)?;
        let phase = *handle.phase.borrow();
        let phase = match phase {
            Phase::Loading => {
                let mut phase = handle.phase.clone();
                let ended = phase.wait_for(|phase| *phase != Phase::Loading).await;
                ended.map(|phase| *phase).map_err(|_| Refusal::Closing)?
            }
            settled => settled,
        };
        if phase == Phase::Failed { Err(unavailable()) } else { Ok(handle) }
    }

    fn post(&self, handle: &Handle, cue: Cue) -> Result<(), Refusal> {
        handle.mailbox.try_send(cue).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => {
                let shared = &self.registry.shared;
                shared.stats.overloads.add(1);
                Refusal::Overloaded { limit: shared.options.mailbox }
            }
            mpsc::error::TrySendError::Closed(_) => Refusal::Closing,
        })
    }
}

fn refuse(error: &JournalError) -> Refusal {
    tracing::warn!(%error, "the journal can't be read");
    match (error, unavailable()) {
        (JournalError::Unknown(_), Refusal::Unavailable { retry_after }) => {
            Refusal::Unknown { retry_after }
        }
        (_, refusal) => refusal,
    }
}
