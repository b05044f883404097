//! The engine as handlers see it: submit, read, subscribe, keep leases. It decides nothing and
//! keeps nothing: it finds the org's actor and waits for what it says.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Request;
use crate::domain::entry::Revision;
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::Span;
use crate::home::Home;
use crate::journal::{History, Journal, JournalError};

use super::actor::Cue;
use super::clock::Clock;
use super::desk::Phase;
use super::options::EngineOptions;
use super::own_request::remembered_of;
use super::refusal::Refusal;
use super::registry::{Handle, Registry};
use super::round::Remember;
use super::shared::{ClockRef, JournalRef, Shared, unavailable};
use super::stats::Stats;
use super::ticket::Fate;
use super::view::{Done, View};
use super::{follower, pulse};

/// How long a call waits for an org that is about to be loaded again.
const RETURNS_WITHIN: Span = Span::from_ms(500);

/// A replica's engine. A clone is the same engine.
#[derive(Debug, Clone)]
pub struct Engine {
    registry: Arc<Registry>,
    closing: watch::Sender<bool>,
}

impl Engine {
    /// An engine over `journal`. Orgs are loaded when they are first used, or when nobody else looks
    /// after what is due in them.
    #[must_use]
    pub fn start(journal: Arc<dyn Journal>, clock: Arc<dyn Clock>, options: EngineOptions) -> Self {
        let (closing, closed) = watch::channel(false);
        let follow = options.follow;
        let shared = Shared {
            journal: JournalRef(journal),
            clock: ClockRef(clock),
            options,
            stats: Arc::default(),
            health: Arc::default(),
            store: Arc::default(),
            home: Arc::default(),
            closing: closed,
        };
        let registry = Arc::new(Registry::new(shared));
        registry.spawn(pulse::pulse(Arc::clone(&registry)));
        if follow {
            registry.spawn(follower::follow(Arc::clone(&registry)));
        }
        Self { registry, closing }
    }

    /// Has a request decided and committed, within the patience that is set. If the answer is lost with
    /// the connection, the same request may be submitted again, here or at another replica: it happens
    /// once (T21).
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn submit(&self, org: &OrgId, request: Request) -> Result<Done, Refusal> {
        let remember = remembered_of(&request);
        self.submit_within(org, request, remember, self.patience()).await
    }

    /// As [`Self::submit`], with as much patience as whoever asks has left; says what is to be kept of it.
    ///
    /// # Errors
    /// [`Refusal::TimedOut`] if it wasn't begun by then: nothing was done, and nothing will be. If it was,
    /// [`Refusal::Unknown`]. Or another [`Refusal`].
    pub async fn submit_within(
        &self,
        org: &OrgId,
        request: Request,
        remember: Remember,
        patience: Span,
    ) -> Result<Done, Refusal> {
        let fate = Arc::<Fate>::default();
        let asked = async {
            let handle = self.loaded(org).await?;
            let (answer, answered) = oneshot::channel();
            let fate_of_it = Arc::clone(&fate);
            self.post(&handle, Cue::Submit(Box::new(request), remember, answer, fate_of_it))?;
            answered.await.unwrap_or_else(|_| Err(self.unanswered(&fate)))
        };
        let shared = &self.registry.shared;
        tokio::select! {
            biased;
            answer = asked => answer,
            () = shared.clock().sleep(patience) => Err(if fate.withdraw() {
                shared.stats.timed_out.add(1);
                Refusal::TimedOut { retry_after: unavailable().retry_after() }
            } else {
                Refusal::Unknown { retry_after: unavailable().retry_after() }
            }),
        }
    }

    /// How long an answer is waited for, unless whoever asks says less.
    #[must_use]
    pub fn patience(&self) -> Span {
        self.registry.shared.options.patience
    }

    /// Why the actor was gone before it answered.
    fn unanswered(&self, fate: &Fate) -> Refusal {
        match (fate.withdraw(), *self.closing.borrow()) {
            (false, _) => Refusal::Unknown { retry_after: unavailable().retry_after() },
            (true, true) => Refusal::Closing,
            (true, false) => unavailable(),
        }
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
        let mut view = handle.desk.view();
        let answered = handle.desk.answered.load(Ordering::Relaxed);
        if answered > view.state.head().revision.get() {
            // Whoever was answered with that by another server isn't shown less here.
            view = self.barrier(org).await?;
            let reached = view.state.head().revision.get();
            // It isn't there any more if the history was rolled back: then that is what there is.
            let _ = handle.desk.answered.compare_exchange(
                answered,
                answered.min(reached),
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
        }
        let Some(wanted) = at_least.filter(|wanted| *wanted > view.state.head().revision) else {
            return Ok(view);
        };
        let shared = &self.registry.shared;
        let mut views = handle.desk.views.subscribe();
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
                let reached = handle.desk.views.borrow().state.head().revision;
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
        answered.await.unwrap_or_else(|_| Err(self.unanswered(&Fate::default())))
    }

    /// The org now and from now on: once per batch, the latest view. Entries in between are in
    /// each view's `recent`.
    ///
    /// # Errors
    /// A [`Refusal`].
    pub async fn subscribe(&self, org: &OrgId) -> Result<watch::Receiver<Arc<View>>, Refusal> {
        Ok(self.loaded(org).await?.desk.views.subscribe())
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

    /// Lets this engine know who is home of what. Said once.
    pub fn settle_in(&self, home: Home) {
        // A second home isn't believed: there is one list of servers.
        let _ = self.registry.shared.home.set(home);
    }

    /// The journal, for whoever keeps something beside the orgs there.
    #[must_use]
    pub fn journal(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.registry.shared.journal.0)
    }

    /// Whether the org is loaded here, so that reads needn't be passed on.
    #[must_use]
    pub fn is_loaded(&self, org: &OrgId) -> bool {
        self.registry.if_loaded(org).is_some_and(|handle| handle.desk.is_ready())
    }

    /// Loads the org and follows it from then on, if it isn't in use already.
    ///
    /// # Errors
    /// A [`Refusal`]: it can't be loaded now.
    pub async fn warm(&self, org: &OrgId) -> Result<(), Refusal> {
        self.loaded(org).await.map(drop)
    }

    /// Another server has answered a caller of this one with that revision: nothing older is shown here.
    pub fn answered_elsewhere(&self, org: &OrgId, revision: Revision) {
        if let Some(handle) = self.registry.if_loaded(org) {
            handle.desk.answered.fetch_max(revision.get(), Ordering::Relaxed);
        }
    }

    /// Whether the store takes writes.
    #[must_use]
    pub fn healthy(&self) -> bool {
        *self.readiness().borrow()
    }

    /// [`Self::healthy`], as it changes.
    #[must_use]
    pub fn readiness(&self) -> watch::Receiver<bool> {
        self.registry.shared.store.readiness()
    }

    /// What the engine has counted.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.registry.shared.stats
    }

    /// What the engine has counted, and how things are now, each with its name.
    #[must_use]
    pub fn figures(&self) -> Vec<(&'static str, i64)> {
        let shared = &self.registry.shared;
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        let counted = shared.stats.all().into_iter();
        let mut figures: Vec<_> =
            counted.map(|(name, n)| (name, i64::try_from(n).unwrap_or(i64::MAX))).collect();
        figures.extend([
            ("orgs_loaded", count(self.registry.len())),
            ("orgs_awake", count(self.registry.awake(shared.clock().now()).len())),
            ("orgs_ailing", count(shared.health.ailing())),
            ("wall_clock_ahead_ms", shared.store.wall_ahead()),
        ]);
        figures
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
        let mut phase = handle.desk.phase.subscribe();
        let settled = phase.wait_for(|phase| *phase != Phase::Loading).await;
        let mut settled = settled.map_err(|_| Refusal::Closing)?.clone();
        let shared = &self.registry.shared;
        if matches!(settled, Phase::Failed(Refusal::Unavailable { .. })) && !shared.store.is_lost()
        {
            // The store is back, and the org will be in a moment.
            tokio::select! {
                ready = phase.wait_for(|phase| *phase == Phase::Ready) => {
                    settled = ready.map_err(|_| Refusal::Closing)?.clone();
                }
                () = shared.clock().sleep(RETURNS_WITHIN) => {}
            }
        }
        match settled {
            Phase::Failed(refusal) => Err(refusal),
            Phase::Gone if *self.closing.borrow() => Err(Refusal::Closing),
            // It is unloaded at this moment: it is there again when it is asked for again.
            Phase::Gone => Err(unavailable()),
            Phase::Loading | Phase::Ready => Ok(handle),
        }
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
