//! The actor of an org: one loop that waits for a cue, lets the core decide, sends its batches and
//! passes the answers on. All I/O of the commit loop is here and no decision is. What comes while
//! batches are in flight waits in the mailbox. When it breaks down it starts again from the journal, and
//! no other org notices. Started by `registry`.

mod hearing;
mod loading;
mod sending;

use std::future::poll_fn;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};

use crate::domain::command::Request;
use crate::domain::entry::{Head, Revision};
use crate::domain::id::OrgId;
use crate::domain::time::{Span, Timestamp};
use crate::journal::{Epoch, History, JournalError, Reply};

use super::caught::caught;
use super::clock::duration;
use super::core::{Core, Next, Step};
use super::desk::{Desk, Phase};
use super::health::Concern;
use super::hearing::Hearing;
use super::policy::Backoff;
use super::refusal::Refusal;
use super::rest::{Rest, rest};
use super::round::Remember;
use super::sent::{Sent, poll_first};
use super::shared::{Shared, unavailable};
use super::store::StoreState;
use super::ticket::{Fate, Ticket};
use super::view::{Done, View};

/// The longest sleep: a clock that was set forward is noticed after it.
const LONGEST_SLEEP: Span = Span::from_secs(60);

/// Everything that others can ask an actor for.
#[derive(Debug)]
pub(super) enum Cue {
    /// Somebody asks for a mutation.
    Submit(Box<Request>, Remember, oneshot::Sender<Result<Done, Refusal>>, Arc<Fate>),
    /// Somebody wants to see everything committed before now.
    Barrier(oneshot::Sender<Result<Arc<View>, Refusal>>),
}

impl Cue {
    fn refuse(self, refusal: Refusal) {
        // Whoever doesn't wait any more has gone; that is their business.
        match self {
            Self::Submit(_, _, answer, _) => drop(answer.send(Err(refusal))),
            Self::Barrier(answer) => drop(answer.send(Err(refusal))),
        }
    }
}

/// The actor beside its core.
pub(super) struct Actor {
    org: OrgId,
    shared: Shared,
    mailbox: mpsc::Receiver<Cue>,
    desk: Arc<Desk>,
    heard: watch::Receiver<Revision>,
    store: watch::Receiver<StoreState>,
    /// The last state of the store that the core was told.
    told: StoreState,
    /// Where the history ended when it was last known.
    known: Option<(Epoch, Head)>,
    hearing: Hearing,
    /// What is in flight, in the order in which it was sent.
    sent: Vec<Sent>,
}

/// What wakes an actor.
enum Event {
    Cue(Cue),
    /// The journal answered a batch.
    Replied(u64, Result<Reply, JournalError>),
    /// Something was committed elsewhere, perhaps.
    Heard,
    /// This is what was found when it was looked.
    Found(Result<History, JournalError>),
    /// The store went, came back, or its clock was set.
    Store,
    /// Something is due.
    Tick,
    /// The server is going away, or nobody uses the org any more.
    Close,
}

impl Actor {
    pub(super) fn new(
        org: OrgId,
        shared: Shared,
        mailbox: mpsc::Receiver<Cue>,
        desk: Arc<Desk>,
        known: Option<(Epoch, Head)>,
    ) -> Self {
        let (heard, store) = (desk.heard.subscribe(), shared.store.watch());
        let told = StoreState::default();
        let (hearing, sent) = (Hearing::default(), Vec::new());
        Self { org, shared, mailbox, desk, heard, store, told, known, hearing, sent }
    }

    /// Serves the org until it is unloaded or the server goes away, whatever happens meanwhile.
    pub(super) async fn run(mut self) {
        let mut failures = 0;
        while let Err(panic) = caught(self.serve(&mut failures)).await {
            // Those whose requests it had are told by their channels, which have gone with it.
            self.sent.clear();
            let view = self.desk.view();
            if view.state.head().revision > Revision::ZERO {
                // What was known isn't forgotten: a rollback is still noticed.
                self.known = Some((view.epoch, view.state.head()));
            }
            failures += 1;
            self.shared.stats.panics.add(1);
            if self.shared.health.report(&self.org, Concern::Actor, false) {
                tracing::error!(org = %self.org, panic, "an org's actor broke down and starts again");
            }
            let refusal = unavailable();
            self.desk.phase.send_replace(Phase::Failed(refusal.clone()));
            let random = self.shared.randomness(&self.org).word();
            if !self.wait(Backoff::RESTART.pause(failures, random), &refusal).await {
                break;
            }
        }
        self.desk.phase.send_replace(Phase::Gone);
    }

    async fn serve(&mut self, failures: &mut u32) {
        let Some(loaded) = self.load(self.known).await else {
            return;
        };
        let randomness = self.shared.randomness(&self.org);
        let stats = Arc::clone(&self.shared.stats);
        let now = self.shared.clock().now();
        let mut core = Core::new(loaded, self.shared.options.clone(), now, randomness, stats);
        self.known = None;
        self.told = StoreState { lost_since: None, ..*self.store.borrow_and_update() };
        self.tell_store(&mut core);
        if rest(&core.view().state, core.view().clock.at(now)) == Rest::Awake {
            self.desk.keep_awake();
        }
        self.publish(&core);
        self.desk.phase.send_replace(Phase::Ready);
        loop {
            core.set_place(self.shared.place(&self.org));
            self.send_what_waits(&mut core);
            match self.event(core.next_wake()).await {
                Event::Close => return self.finish(core).await,
                Event::Tick => {}
                Event::Cue(cue) => {
                    take(cue, &mut core);
                    // Whoever is about to ask, too, does: what comes together is committed together.
                    tokio::task::yield_now().await;
                }
                Event::Heard => self.hear(&mut core),
                Event::Found(found) => {
                    if !self.on_found(found, &mut core).await {
                        return;
                    }
                }
                Event::Store => self.tell_store(&mut core),
                Event::Replied(round, reply) => {
                    let well = reply.is_ok();
                    if !self.on_reply(round, reply, &mut core).await {
                        return;
                    }
                    if well && *failures > 0 {
                        *failures = 0;
                        self.shared.health.report(&self.org, Concern::Actor, true);
                        tracing::info!(org = %self.org, "the org is served again");
                    }
                }
            }
        }
    }

    /// What happens next: an answer before a new request, so that batches grow while they wait.
    async fn event(&mut self, wake: Option<Timestamp>) -> Event {
        let now = self.shared.clock().now();
        let sleep = wake.map_or(LONGEST_SLEEP, |at| at.since(now).min(LONGEST_SLEEP));
        let rests = self.hearing.rests(now);
        let (sent, heard, clock) = (&mut self.sent, &mut self.heard, &self.shared.clock.0);
        let hearing = &mut self.hearing;
        let hear = async {
            if rests > Span::from_ms(0) {
                clock.sleep(rests).await;
            }
            heard.changed().await
        };
        tokio::select! {
            biased;
            _ = self.shared.closing.wait_for(|closing| *closing) => Event::Close,
            (round, reply) = poll_fn(|context| poll_first(sent, context)) => {
                Event::Replied(round, reply)
            }
            Ok(()) = self.store.changed() => Event::Store,
            found = poll_fn(|context| hearing.poll(context)) => Event::Found(found),
            Ok(()) = hear => Event::Heard,
            cue = self.mailbox.recv() => cue.map_or(Event::Close, Event::Cue),
            () = clock.sleep(sleep) => Event::Tick,
        }
    }

    /// Tells the core how the store is.
    fn tell_store(&mut self, core: &mut Core<Ticket>) {
        let (now, state) = (self.shared.clock().now(), *self.store.borrow_and_update());
        match (self.told.lost_since, state.lost_since) {
            (None, Some(since)) => core.store_lost(since),
            (Some(_), None) => {
                core.store_back(now);
            }
            _ => {}
        }
        if state.said_anew != self.told.said_anew && state.lost_since.is_none() {
            // Once everything is known that others did.
            core.barrier(Ticket::Rebase);
        }
        self.told = match state.lost_since {
            // It is still to be said anew.
            Some(_) => StoreState { said_anew: self.told.said_anew, ..state },
            None => state,
        };
        self.publish(core);
    }

    /// What the journal said of a batch. `false`: the server is going away.
    async fn on_reply(
        &mut self,
        round: u64,
        reply: Result<Reply, JournalError>,
        core: &mut Core<Ticket>,
    ) -> bool {
        let now = self.shared.clock().now();
        let Step { answers, next } = match reply {
            Ok(reply) => core.on_reply(now, round, reply),
            Err(error) => {
                if matches!(error, JournalError::Unavailable(_) | JournalError::Unknown(_)) {
                    let began = core.began(round).unwrap_or(now);
                    self.shared.store.suspect(began);
                }
                core.on_failed(now, round, error)
            }
        };
        self.publish(core);
        if let Next::Down(error) = &next {
            // Before anybody is answered: whoever asks again after that is to be tried.
            let refusal = refusal_of(error);
            while let Ok(cue) = self.mailbox.try_recv() {
                cue.refuse(refusal.clone());
            }
        }
        self.answer(answers);
        match next {
            Next::Go => self.report(None),
            Next::Resend { round, after } => {
                if let Some(batch) = core.in_flight(round) {
                    self.send(round, batch, after);
                }
            }
            Next::Down(error) => self.report(Some(&error)),
            Next::Reload => return self.reload(core).await,
        }
        true
    }

    /// Waits for what is in flight; whatever else waits was never begun.
    async fn finish(&mut self, mut core: Core<Ticket>) {
        while !self.sent.is_empty() {
            let sent = &mut self.sent;
            let (round, reply) = poll_fn(|context| poll_first(sent, context)).await;
            let now = self.shared.clock().now();
            if let Ok(reply) = reply {
                let step = core.on_reply(now, round, reply);
                self.publish(&core);
                self.answer(step.answers);
            }
        }
    }

    fn publish(&self, core: &Core<Ticket>) {
        let place = |view: &View| (view.epoch, view.state.head(), view.clock);
        let news = place(&self.desk.views.borrow()) != place(core.view());
        if news {
            self.desk.views.send_replace(Arc::new(core.view().clone()));
        }
    }

    fn answer(&self, answers: Vec<(Ticket, Result<Done, Refusal>)>) {
        // Whoever doesn't wait any more has gone; that is their business.
        for (ticket, result) in answers {
            match ticket {
                Ticket::Submit(answer, _) => drop(answer.send(result)),
                Ticket::Barrier(answer) => {
                    drop(answer.send(result.map(|_| self.desk.view())));
                }
                Ticket::Heard => {}
                Ticket::Rebase => {
                    if result.is_ok() {
                        self.rebase();
                    }
                }
            }
        }
    }

    /// Has the store's clock go on from what time it is here, beside everything else. Where that fails, a
    /// commit does it.
    fn rebase(&self) {
        let view = self.desk.view();
        let head = view.state.head();
        if head.revision == Revision::ZERO {
            return;
        }
        let (shared, org) = (self.shared.clone(), self.org.clone());
        tokio::spawn(async move {
            let now = view.clock.at(shared.clock().now());
            if let Err(error) = shared.journal().rebase(&org, (view.epoch, head), now).await {
                tracing::debug!(%org, %error, "the stored time wasn't said anew");
            }
        });
    }

    /// Says how the org is. Whether the store as a whole is away is said once for all, elsewhere.
    fn report(&self, error: Option<&JournalError>) {
        if let Some(JournalError::Unavailable(why) | JournalError::Unknown(why)) = error {
            tracing::debug!(org = %self.org, why, "the org can't be committed to");
            return;
        }
        if !self.shared.health.report(&self.org, Concern::History, error.is_none()) {
            return;
        }
        match error {
            Some(error) => {
                self.shared.stats.orgs_failed.add(1);
                tracing::error!(org = %self.org, %error, "the org can't be used; the others can");
            }
            None => tracing::info!(org = %self.org, "the org can be used again"),
        }
    }
}

fn take(cue: Cue, core: &mut Core<Ticket>) {
    match cue {
        Cue::Submit(request, remember, answer, fate) => {
            core.submit_remembering(request, remember, Ticket::Submit(answer, fate));
        }
        Cue::Barrier(answer) => core.barrier(Ticket::Barrier(answer)),
    }
}

/// What callers are told of a failure where nothing was to be done.
fn refusal_of(error: &JournalError) -> Refusal {
    match error {
        JournalError::Corrupt(_) => Refusal::Unreadable { retry_after: duration(UNREADABLE) },
        JournalError::Unavailable(_) | JournalError::Unknown(_) | JournalError::Diverged(_) => {
            unavailable()
        }
    }
}

/// When callers may try again with an org that can't be read.
const UNREADABLE: Span = Span::from_secs(30);
