//! The heart of an org's actor: a synchronous machine without I/O. Requests go in, batches come
//! out; what the journal says goes in, answers and a new view come out. At most one batch is in
//! flight. `actor` drives it with a real journal, the simulation with a simulated one.

mod failure;
#[cfg(test)]
mod tests;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use imbl::Vector;

use crate::domain::command::{Command, Request};
use crate::domain::decide::decide;
use crate::domain::entry::{Answer, Cause, Fingerprint, Outcome};
use crate::domain::id::{RepId, TxnId};
use crate::domain::live::Actor;
use crate::domain::state::BrokenChain;
use crate::domain::time::{Span, Timestamp};
use crate::journal::{Batch, Committed, Epoch, JournalError, Loaded, Verdict};

use super::entropy::Randomness;
use super::options::EngineOptions;
use super::policy::Backoff;
use super::round::{Draft, Origin, Round, Slot, Waiting};
use super::settling::{Settling, Swept};
use super::stats::Stats;
use super::timers::Timers;
use super::{Applied, Done, Refusal, View};

/// Conflicts after which retries are spread out; the first ones are free, since a batch that lost
/// comes back with the entries that it lost to.
const FREE_ATTEMPTS: u32 = 2;

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Begin the next round when there is one.
    Go,
    /// Send the batch in flight again, unchanged, after a pause.
    Resend {
        /// How long.
        after: Span,
    },
    /// The history is another one: load the org and give it to [`Core::on_loaded`].
    Reload,
    /// The journal can't be reached or read; everybody has been told.
    Down(JournalError),
}

/// What a reply of the journal led to.
#[derive(Debug)]
pub struct Step<T> {
    /// Who is answered what. Publish the view before answering: they may read what they wrote.
    pub answers: Vec<(T, Result<Done, Refusal>)>,
    /// What is to be done next.
    pub next: Next,
}

/// The state of an org's commit loop. `T` is whatever finds the caller again.
#[derive(Debug)]
pub struct Core<T> {
    options: EngineOptions,
    view: View,
    queue: VecDeque<Waiting<T>>,
    barriers: Vec<T>,
    round: Option<Round<T>>,
    timers: Timers,
    settling: Settling,
    randomness: Randomness,
    stats: Arc<Stats>,
}

impl<T> Core<T> {
    /// The loop of an org as it was loaded.
    #[must_use]
    pub fn new(
        loaded: Loaded,
        options: EngineOptions,
        mut randomness: Randomness,
        stats: Arc<Stats>,
    ) -> Self {
        let timers = Timers::new(super::policy::jitter(options.timer_jitter, randomness.word()));
        let mut settling = Settling::new(options.settle_attempts);
        settling.restart(&loaded.state);
        Self {
            options,
            view: View { epoch: loaded.epoch, state: loaded.state, recent: Vector::new() },
            queue: VecDeque::new(),
            barriers: Vec::new(),
            round: None,
            timers,
            settling,
            randomness,
            stats,
        }
    }

    /// The org as this replica knows it.
    #[must_use]
    pub const fn view(&self) -> &View {
        &self.view
    }

    /// The history that this replica knows.
    #[must_use]
    pub const fn epoch(&self) -> Epoch {
        self.view.epoch
    }

    /// How many requests wait to be decided.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether nothing is under way and nothing is left to settle.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.barriers.is_empty()
            && self.round.is_none()
            && self.settling.is_empty()
    }

    /// The batch in flight.
    #[must_use]
    pub fn in_flight(&self) -> Option<Arc<Batch>> {
        self.round.as_ref().map(|round| Arc::clone(&round.batch))
    }

    /// Takes a request; `ticket` comes back with its answer.
    pub fn submit(&mut self, request: Box<Request>, ticket: T) {
        let origin = Origin::Client(ticket);
        self.queue.push_back(Waiting { request, origin, attempts: 0, not_before: Timestamp::MIN });
    }

    /// `ticket` comes back once everything committed before now is in the view.
    pub fn barrier(&mut self, ticket: T) {
        self.barriers.push(ticket);
    }

    /// When something will be due, other than what waits already.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        let retry = self.queue.iter().map(|item| item.not_before).min();
        [self.timers.next(&self.view.state), retry, self.settling.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Looks for matches that settling has missed, some reps at a time.
    pub fn sweep(&mut self) -> Swept {
        let (found, swept) = self.settling.sweep(&self.view.state);
        self.stats.found_by_sweep.add(found);
        swept
    }

    /// Decides what waits and gives the batch to send; `None` if there is nothing to send or one is
    /// in flight. The reply belongs to [`Self::on_committed`] or [`Self::on_failed`].
    pub fn begin(&mut self, now: Timestamp) -> Option<Arc<Batch>> {
        if self.round.is_some() {
            return None;
        }
        let mut draft = Draft::over(&self.view.state, self.view.epoch);
        // Matches first: who waits already goes before who comes now (R1).
        if let Some(reps) = self.settling.take(now) {
            let request = self.own_request("settle", Command::Settle(reps.clone()));
            draft.decide(fresh(request, Origin::Settle(reps)), now, &mut self.randomness);
        }
        let random = self.randomness.word();
        for due in self.timers.take(&self.view.state, now, random) {
            let request = self.own_request("timer", Command::Timer(due.clone()));
            let item = fresh(request, Origin::Timer(due));
            draft.decide(item, now, &mut self.randomness);
        }
        let mut held = VecDeque::new();
        while draft.has_room() {
            let Some(item) = self.queue.pop_front() else {
                break;
            };
            // A clock that was set back must not hold anybody longer than the longest pause.
            let ready = item.not_before <= now || item.not_before > now + Backoff::CONFLICT.cap();
            if ready && !draft.has(item.request.txn) {
                draft.decide(item, now, &mut self.randomness);
            } else {
                held.push_back(item);
            }
        }
        held.append(&mut self.queue);
        self.queue = held;
        let round = draft.seal(std::mem::take(&mut self.barriers), now)?;
        self.stats.batches.add(1);
        self.stats.transactions.add(round.batch.transactions.len());
        let batch = Arc::clone(&round.batch);
        self.round = Some(round);
        Some(batch)
    }

    /// The batch in flight was answered.
    ///
    /// # Panics
    /// If none is in flight: the driver gave one reply twice.
    pub fn on_committed(&mut self, now: Timestamp, committed: &Committed) -> Step<T> {
        let mut round = self.round.take().expect("a reply belongs to the batch in flight");
        let chain = self.catch_up(&mut round, committed);
        let mut answers = Vec::new();
        let mut again = Vec::new();
        let mut unsure = std::mem::take(&mut round.unsure);
        for (item, slot) in round.items {
            let verdict = match slot {
                Slot::Commit(at) => self.on_verdict(&round.batch, at, committed),
                Slot::Ask(at) if chain.is_ok() => {
                    self.on_lookup(&item.request, now, committed.found.get(at))
                }
                Slot::Ask(_) => None,
            };
            self.conclude(item, verdict, &mut again, &mut unsure, &mut answers, now);
        }
        let head = self.view.state.head().revision;
        let reached = Done { revision: head, answer: Answer::Nothing };
        if chain.is_ok() {
            answers.extend(round.barriers.into_iter().map(|ticket| (ticket, Ok(reached.clone()))));
            let state = &self.view.state;
            let entries = &committed.entries;
            if let Some(tries) = self.settling.after_commit(state, &round.batch, entries, &unsure) {
                let at = self.spread(tries, now);
                self.settling.hold(at);
            }
        } else {
            self.barriers.extend(round.barriers);
        }
        self.requeue(again);
        Step { answers, next: if chain.is_ok() { Next::Go } else { Next::Reload } }
    }

    /// The org was loaded again after [`Next::Reload`].
    pub fn on_loaded(&mut self, loaded: Loaded) {
        self.stats.reloads.add(1);
        self.view = View { epoch: loaded.epoch, state: loaded.state, recent: Vector::new() };
        self.timers.clear();
        self.settling.restart(&self.view.state);
    }

    /// Applies what was committed: by taking the working state as it is, where everything came as
    /// foreseen.
    fn catch_up(&mut self, round: &mut Round<T>, committed: &Committed) -> Result<(), BrokenChain> {
        if round.foresaw(committed) {
            self.view.state = std::mem::take(&mut round.working);
            self.view.recent.extend(round.provisional.drain(..));
        } else {
            for entry in &committed.entries {
                let before = self.view.state.apply(entry)?;
                let applied = Applied { entry: Arc::clone(entry), before };
                self.view.recent.push_back(Arc::new(applied));
            }
        }
        while self.view.recent.len() > self.options.recent_entries {
            self.view.recent.pop_front();
        }
        Ok(())
    }

    /// What became of a transaction; `None`: it is to be decided again.
    fn on_verdict(
        &self,
        batch: &Batch,
        at: usize,
        committed: &Committed,
    ) -> Option<Result<Done, Refusal>> {
        let transaction = &batch.transactions[at];
        match committed.verdicts.get(at) {
            Some(Verdict::Committed(revision)) => {
                Some(Ok(Done { revision: *revision, answer: transaction.answer.clone() }))
            }
            Some(Verdict::Duplicate(outcome)) => Some(recall(outcome, transaction.fingerprint)),
            Some(Verdict::Conflict) | None => {
                self.stats.conflicts.add(1);
                None
            }
        }
    }

    /// What becomes of a request that was refused or had nothing to do, now that the state has
    /// caught up; `None`: it can be done after all, or that nothing is to do is to be remembered.
    fn on_lookup(
        &mut self,
        request: &Request,
        now: Timestamp,
        found: Option<&Option<Outcome>>,
    ) -> Option<Result<Done, Refusal>> {
        if let Some(outcome) = found.and_then(Option::as_ref) {
            return Some(recall(outcome, request.fingerprint));
        }
        let state = &self.view.state;
        match decide(state, request, now, &mut self.randomness) {
            Err(rejection) => Some(Err(Refusal::Rejected(rejection))),
            Ok(decision) if decision.transaction.is_none() => {
                Some(Ok(Done { revision: state.head().revision, answer: decision.answer }))
            }
            Ok(_) => None,
        }
    }

    /// Answers a request, or puts it aside to be decided again.
    fn conclude(
        &mut self,
        mut item: Waiting<T>,
        verdict: Option<Result<Done, Refusal>>,
        again: &mut Vec<Waiting<T>>,
        unsure: &mut BTreeSet<RepId>,
        answers: &mut Vec<(T, Result<Done, Refusal>)>,
        now: Timestamp,
    ) {
        match (item.origin, verdict) {
            (Origin::Client(ticket), Some(result)) => answers.push((ticket, result)),
            (Origin::Client(ticket), None) if item.attempts >= self.options.attempts => {
                answers.push((ticket, Err(Refusal::Contended { attempts: item.attempts })));
            }
            (Origin::Client(ticket), None) => {
                self.stats.retries.add(1);
                item.not_before = self.spread(item.attempts, now);
                again.push(Waiting { origin: Origin::Client(ticket), ..item });
            }
            (Origin::Timer(due), Some(_)) => due.iter().for_each(|due| self.timers.done(due)),
            // Whoever came first has probably acted on it; else it comes up again.
            (Origin::Timer(_), None) => {}
            (Origin::Settle(_), Some(_)) => self.stats.settled_by_follow_up.add(1),
            (Origin::Settle(reps), None) => unsure.extend(reps),
        }
    }

    fn spread(&mut self, attempts: u32, now: Timestamp) -> Timestamp {
        match attempts.checked_sub(FREE_ATTEMPTS) {
            None | Some(0) => Timestamp::MIN,
            Some(failures) => now + Backoff::CONFLICT.pause(failures, self.randomness.word()),
        }
    }

    fn own_request(&mut self, rpc: &str, command: Command) -> Box<Request> {
        server_request(rpc, command, self.randomness.transaction())
    }

    /// Puts requests back in front, in their order.
    fn requeue(&mut self, items: Vec<Waiting<T>>) {
        for item in items.into_iter().rev() {
            match item.origin {
                Origin::Settle(reps) => self.settling.keep(reps),
                Origin::Timer(_) => {}
                Origin::Client(_) => self.queue.push_front(item),
            }
        }
    }
}

/// A request of Baton's own.
#[must_use]
pub fn server_request(rpc: &str, command: Command, txn: TxnId) -> Box<Request> {
    let cause = Cause { actor: Actor::baton(), rpc: Arc::from(rpc), request_id: None };
    Box::new(Request { txn, fingerprint: Fingerprint::default(), cause, presence: None, command })
}

fn fresh<T>(request: Box<Request>, origin: Origin<T>) -> Waiting<T> {
    Waiting { request, origin, attempts: 0, not_before: Timestamp::MIN }
}

/// The answer to a request whose transaction was committed before (T21).
fn recall(outcome: &Outcome, fingerprint: Fingerprint) -> Result<Done, Refusal> {
    if outcome.fingerprint == fingerprint {
        Ok(Done { revision: outcome.revision, answer: outcome.answer.clone() })
    } else {
        Err(Refusal::RequestIdReused)
    }
}
