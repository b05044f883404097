//! The actor of an org: one loop that waits for a cue, lets the core decide, sends its batch and
//! passes the answers on. All I/O of the commit loop is here and no decision is. One batch is in
//! flight at most; what comes meanwhile waits in the mailbox and is the next batch. Started by
//! `registry`.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Request;
use crate::domain::entry::{Head, Revision};
use crate::domain::id::OrgId;
use crate::domain::time::{Span, Timestamp};
use crate::journal::{BATCH_MAX, Batch, Epoch, Journal, JournalError, Loaded};

use super::clock::{Clock, duration};
use super::core::{Core, Next};
use super::entropy::Randomness;
use super::health::Health;
use super::options::EngineOptions;
use super::policy::Backoff;
use super::settling::Swept;
use super::stats::Stats;
use super::{Done, Refusal, View};

/// The longest sleep: a clock that was set forward is noticed after it.
const LONGEST_SLEEP: Span = Span::from_secs(5);
/// How soon a sweep goes on that has looked at some of the reps.
const SWEEP_ON: Span = Span::from_ms(50);
/// How soon a sweep that found something is repeated.
const SWEEP_AGAIN: Span = Span::from_secs(2);

/// Everything that can move an actor.
#[derive(Debug)]
pub(super) enum Cue {
    /// Somebody asks for a mutation.
    Submit(Box<Request>, oneshot::Sender<Result<Done, Refusal>>),
    /// Somebody wants to see everything committed before now.
    Barrier(oneshot::Sender<Result<Arc<View>, Refusal>>),
    /// There may be entries after this revision; `done` says whether the actor caught up.
    Follow {
        /// What whoever says so has seen.
        after: Revision,
        /// Answered in the end.
        done: oneshot::Sender<bool>,
    },
    /// Something is due.
    Tick,
    /// The server is going away.
    Close,
}

/// Who waits for an answer of the core.
#[derive(Debug)]
enum Ticket {
    Submit(oneshot::Sender<Result<Done, Refusal>>),
    Barrier(oneshot::Sender<Result<Arc<View>, Refusal>>),
    Follow(oneshot::Sender<bool>),
}

/// Whether an org can be served yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is being loaded for the first time.
    Loading,
    /// That failed; it is tried again.
    Failed,
    /// It is loaded.
    Ready,
}

/// What the actors of all orgs share.
#[derive(Debug, Clone)]
pub(super) struct Shared {
    pub(super) journal: JournalRef,
    pub(super) clock: ClockRef,
    pub(super) options: EngineOptions,
    pub(super) stats: Arc<Stats>,
    pub(super) health: Arc<Health>,
    /// Turns true when the server goes away.
    pub(super) closing: watch::Receiver<bool>,
}

/// The journal, whichever it is.
#[derive(Clone)]
pub(super) struct JournalRef(pub(super) Arc<dyn Journal>);

/// The clock, whichever it is.
#[derive(Clone)]
pub(super) struct ClockRef(pub(super) Arc<dyn Clock>);

impl std::fmt::Debug for JournalRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Journal")
    }
}

impl std::fmt::Debug for ClockRef {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Shared {
    pub(super) fn journal(&self) -> &dyn Journal {
        &*self.journal.0
    }

    pub(super) fn clock(&self) -> &dyn Clock {
        &*self.clock.0
    }

    /// Random bits, all different per org, the same for the same seed.
    pub(super) fn randomness(&self, org: &OrgId) -> Randomness {
        self.options.seed.map_or_else(Randomness::from_system, |seed| {
            let of_org = org.as_str().bytes().fold(seed, |sum, byte| {
                sum.wrapping_mul(0x0100_0000_01b3).wrapping_add(u64::from(byte))
            });
            Randomness::from_seed(of_org)
        })
    }
}

/// What becomes of a failure of the journal where nothing was to be done.
pub(super) fn unavailable() -> Refusal {
    Refusal::Unavailable { retry_after: duration(Backoff::PROBE.cap()) }
}

/// The actor before its org is loaded.
pub(super) struct Actor {
    pub(super) org: OrgId,
    pub(super) shared: Shared,
    pub(super) mailbox: mpsc::Receiver<Cue>,
    pub(super) views: watch::Sender<Arc<View>>,
    pub(super) phase: watch::Sender<Phase>,
}

impl Actor {
    /// Serves the org until the server goes away.
    pub(super) async fn run(mut self) {
        let Some(loaded) = self.load(None).await else {
            return;
        };
        let randomness = self.shared.randomness(&self.org);
        let stats = Arc::clone(&self.shared.stats);
        let mut core = Core::new(loaded, self.shared.options.clone(), randomness, stats);
        self.publish(&core);
        self.phase.send_replace(Phase::Ready);
        // Only now: whoever is told that the org is well may ask at once.
        self.report(None);
        let mut sweep_at = self.shared.clock().now() + self.shared.options.sweep_every;
        loop {
            let wake = core.next_wake().map_or(sweep_at, |at| at.min(sweep_at));
            match self.cue(wake).await {
                Cue::Close => return,
                cue => self.take(cue, &mut core),
            }
            let now = self.shared.clock().now();
            if now >= sweep_at {
                sweep_at = now
                    + match core.sweep() {
                        Swept::Some => SWEEP_ON,
                        Swept::AllButSuspects => SWEEP_AGAIN,
                        Swept::All => self.shared.options.sweep_every,
                    };
            }
            if !self.rounds(&mut core).await {
                return;
            }
        }
    }

    async fn cue(&mut self, wake: Timestamp) -> Cue {
        if let Ok(cue) = self.mailbox.try_recv() {
            return cue;
        }
        let sleep = wake.since(self.shared.clock().now()).min(LONGEST_SLEEP);
        tokio::select! {
            biased;
            _ = self.shared.closing.wait_for(|closing| *closing) => Cue::Close,
            cue = self.mailbox.recv() => cue.unwrap_or(Cue::Close),
            () = self.shared.clock.0.sleep(sleep) => Cue::Tick,
        }
    }

    fn take(&self, cue: Cue, core: &mut Core<Ticket>) {
        match cue {
            Cue::Submit(request, answer) => core.submit(request, Ticket::Submit(answer)),
            Cue::Barrier(answer) => core.barrier(Ticket::Barrier(answer)),
            Cue::Follow { after, done } => {
                // Our own commit may have come first: then there is nothing to read.
                if core.view().state.head().revision > after {
                    let _ = done.send(true);
                } else {
                    core.barrier(Ticket::Follow(done));
                }
            }
            Cue::Tick | Cue::Close => {}
        }
    }

    /// Round after round until nothing waits. `false`: the server is going away.
    async fn rounds(&mut self, core: &mut Core<Ticket>) -> bool {
        loop {
            while core.waiting() < BATCH_MAX {
                let Ok(cue) = self.mailbox.try_recv() else {
                    break;
                };
                self.take(cue, core);
            }
            let Some(batch) = core.begin(self.shared.clock().now()) else {
                return true;
            };
            if !self.commit(&batch, core).await || *self.shared.closing.borrow() {
                return false;
            }
        }
    }

    /// Sends one batch until it has been answered or given up. `false`: the server is going away.
    async fn commit(&mut self, batch: &Batch, core: &mut Core<Ticket>) -> bool {
        loop {
            let reply = self.send(batch).await;
            let now = self.shared.clock().now();
            let step = match reply {
                Ok(committed) => core.on_committed(now, &committed),
                Err(error) => core.on_failed(now, error),
            };
            self.publish(core);
            self.answer(step.answers);
            match step.next {
                Next::Go => {
                    self.report(None);
                    return true;
                }
                Next::Resend { after } => self.shared.clock().sleep(after).await,
                Next::Down(error) => {
                    self.report(Some(&error));
                    return true;
                }
                Next::Reload => return self.reload(core).await,
            }
        }
    }

    /// One try. A journal that never answers is one whose answer is lost.
    async fn send(&self, batch: &Batch) -> Result<crate::journal::Committed, JournalError> {
        let mut commit = pin!(self.shared.journal().commit(&self.org, batch));
        // An in-process journal is ready at once: don't start a timer for it.
        let first = poll_fn(|cx| Poll::Ready(commit.as_mut().poll(cx))).await;
        if let Poll::Ready(reply) = first {
            return reply;
        }
        tokio::select! {
            biased;
            reply = commit => reply,
            () = self.shared.clock.0.sleep(self.shared.options.commit_deadline) => {
                Err(JournalError::Unknown("no answer within the commit deadline".to_owned()))
            }
        }
    }

    /// The stored history isn't ours: starts again from what is stored.
    async fn reload(&mut self, core: &mut Core<Ticket>) -> bool {
        let view = core.view();
        let known = (view.epoch, view.state.head());
        tracing::warn!(org = %self.org, revision = %known.1.revision, "the history is another one");
        match self.load_once(Some(known)).await {
            Ok(loaded) => core.on_loaded(loaded),
            Err(error) => {
                self.report(Some(&error));
                let refused = core.refuse_waiting(Backoff::PROBE.cap());
                self.answer(refused);
                let Some(loaded) = self.load(Some(known)).await else {
                    return false;
                };
                core.on_loaded(loaded);
            }
        }
        self.publish(core);
        self.report(None);
        true
    }

    /// Loads the org, however long that takes. Meanwhile everybody is told that it can't be
    /// reached. `None`: the server is going away.
    async fn load(&mut self, known: Option<(Epoch, Head)>) -> Option<Loaded> {
        let mut failures = 0;
        let mut randomness = Randomness::from_system();
        loop {
            match self.load_once(known).await {
                Ok(loaded) => return Some(loaded),
                Err(error) => self.report(Some(&error)),
            }
            self.phase.send_if_modified(|phase| {
                let news = *phase == Phase::Loading;
                *phase = if news { Phase::Failed } else { *phase };
                news
            });
            failures += 1;
            let until =
                self.shared.clock().now() + Backoff::PROBE.pause(failures, randomness.word());
            while self.shared.clock().now() < until {
                match self.cue(until).await {
                    Cue::Close => return None,
                    Cue::Submit(_, answer) => drop(answer.send(Err(unavailable()))),
                    Cue::Barrier(answer) => drop(answer.send(Err(unavailable()))),
                    Cue::Follow { done, .. } => drop(done.send(false)),
                    Cue::Tick => {}
                }
            }
        }
    }

    async fn load_once(&self, known: Option<(Epoch, Head)>) -> Result<Loaded, JournalError> {
        tokio::select! {
            biased;
            loaded = self.shared.journal().load(&self.org, known) => loaded,
            // Loading reads a whole org: give it more time than a commit.
            () = self.shared.clock.0.sleep(LOAD_DEADLINE) => {
                Err(JournalError::Unavailable("the org wasn't loaded in time".to_owned()))
            }
        }
    }

    fn publish(&self, core: &Core<Ticket>) {
        let place = |view: &View| (view.epoch, view.state.head());
        if place(&self.views.borrow()) != place(core.view()) {
            self.views.send_replace(Arc::new(core.view().clone()));
        }
    }

    fn answer(&self, answers: Vec<(Ticket, Result<Done, Refusal>)>) {
        // Whoever doesn't wait any more has gone; that is their business.
        for (ticket, result) in answers {
            match ticket {
                Ticket::Submit(answer) => drop(answer.send(result)),
                Ticket::Barrier(answer) => {
                    drop(answer.send(result.map(|_| Arc::clone(&self.views.borrow()))));
                }
                Ticket::Follow(done) => drop(done.send(result.is_ok())),
            }
        }
    }

    fn report(&self, error: Option<&JournalError>) {
        if !self.shared.health.report(&self.org, error.is_none()) {
            return;
        }
        match error {
            Some(error) => tracing::error!(org = %self.org, %error, "the journal is out of reach"),
            None => tracing::info!(org = %self.org, "the journal is back"),
        }
    }
}

/// How long loading an org may take.
const LOAD_DEADLINE: Span = Span::from_secs(30);
