//! The heart of an org's actor: a synchronous machine without I/O. Requests go in, batches come out;
//! what the journal says goes in, answers and a new view come out. `actor` drives it with a real
//! journal, the simulation with a simulated one.
//!
//! Two batches may be in flight: the second is decided on the state that the first is expected to
//! lead to. Should the first fail, the second fails by itself, since the history doesn't end where it
//! was decided; then everything is decided again on what the journal handed back.

mod catching_up;
mod failure;
mod requests;
mod standstill;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;

use crate::domain::command::Request;
use crate::domain::entry::{Answer, Entry, Outcome, Revision};
use crate::domain::id::TxnId;
use crate::domain::state::{BrokenChain, State};
use crate::domain::time::{Span, Timestamp};
use crate::home::Place;
use crate::journal::{BATCH_MAX, Batch, Epoch, JournalError, Loaded, Reply, Verdict};

use super::entropy::Randomness;
use super::options::EngineOptions;
use super::own_request::{recall, remembered_of};
use super::policy::Backoff;
use super::recent_outcomes::RecentOutcomes;
use super::refusal::Refusal;
use super::round::{Decided, Origin, Remember, Round, RoundInProgress, Waiting};
use super::standstill::Standstill;
use super::stats::Stats;
use super::timers::Timers;
use super::view::{Done, View};

/// Batches in flight at once.
const IN_FLIGHT: usize = 2;
/// Lost races after which the next one is spread out; the first ones are free, since a batch that lost
/// comes back with the entries that it lost to.
const FREE_ATTEMPTS: u32 = 2;
/// Decisions of a round that work off what earlier ones left: some, so that others come in between.
const WORKED_OFF: usize = 8;

/// Whoever waits for an answer.
pub trait Caller {
    /// What they asked for is to be decided. `false`: they have gone, or were told that nothing was
    /// done; then it isn't. Whoever was claimed once stays so.
    fn claim(&self) -> bool {
        true
    }
}

/// What the driver is to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Begin the next round when there is one.
    Go,
    /// Send a batch in flight again, unchanged, after a pause.
    Resend {
        /// Which.
        round: u64,
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
    /// What is certain.
    view: View,
    /// What will be, if everything in flight is accepted.
    predicted: State,
    /// In the order in which they came.
    queue: VecDeque<Waiting<T>>,
    barriers: Vec<T>,
    /// In flight, the oldest first.
    rounds: VecDeque<Round<T>>,
    /// What is in flight was decided on what won't be: nothing is decided before all of it has failed.
    doomed: bool,
    /// Lost races in a row, and until when the next one is put off.
    lost: u32,
    not_before: Timestamp,
    timers: Timers,
    standstill: Standstill,
    /// This server's place in the order of the org, as it was last said.
    place: Option<Place>,
    /// What became of requests lately.
    outcomes: RecentOutcomes,
    /// Requests that were answered from that.
    answered: Vec<(T, Result<Done, Refusal>)>,
    numbers: u64,
    randomness: Randomness,
    stats: Arc<Stats>,
}

impl<T: Caller> Core<T> {
    /// The loop of an org as it was loaded when the monotonic clock said `now`.
    #[must_use]
    pub fn new(
        loaded: Loaded,
        options: EngineOptions,
        now: Timestamp,
        mut randomness: Randomness,
        stats: Arc<Stats>,
    ) -> Self {
        let jitter = super::policy::jitter(options.timer_jitter, randomness.word());
        let mut core = Self {
            options,
            view: View::default(),
            predicted: State::default(),
            queue: VecDeque::new(),
            barriers: Vec::new(),
            rounds: VecDeque::new(),
            doomed: false,
            lost: 0,
            not_before: Timestamp::MIN,
            timers: Timers::new(jitter),
            standstill: Standstill::default(),
            place: None,
            outcomes: RecentOutcomes::default(),
            answered: Vec::new(),
            numbers: 0,
            randomness,
            stats,
        };
        core.take_over(loaded, now);
        core
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

    /// Whether nothing is under way and nothing is left to do.
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        self.queue.is_empty()
            && self.barriers.is_empty()
            && self.rounds.is_empty()
            && !self.view.state.has_marks()
    }

    /// Whether something is in flight.
    #[must_use]
    pub fn is_committing(&self) -> bool {
        !self.rounds.is_empty()
    }

    /// Whether another batch can be sent.
    #[must_use]
    pub fn can_begin(&self) -> bool {
        !self.doomed && self.rounds.len() < IN_FLIGHT
    }

    /// How far the history goes if everything in flight is accepted.
    #[must_use]
    pub fn reaches(&self) -> Revision {
        self.predicted.head().revision
    }

    /// The batch of a round that is in flight.
    #[must_use]
    pub fn in_flight(&self, round: u64) -> Option<Arc<Batch>> {
        let mut rounds = self.rounds.iter();
        rounds.find(|r| r.id == round).map(|round| Arc::clone(&round.batch))
    }

    /// When a round that is in flight was begun.
    #[must_use]
    pub fn began(&self, round: u64) -> Option<Timestamp> {
        self.rounds.iter().find(|r| r.id == round).map(|round| round.began)
    }

    fn is_in_flight(&self, txn: TxnId) -> bool {
        in_flight(&self.rounds, txn)
    }

    /// Takes a request; `ticket` comes back with its answer.
    pub fn submit(&mut self, request: Box<Request>, ticket: T) {
        let remember = remembered_of(&request);
        self.submit_remembering(request, remember, ticket);
    }

    /// As [`Self::submit`], and says what is to be kept of it.
    pub fn submit_remembering(&mut self, request: Box<Request>, remember: Remember, ticket: T) {
        let item = self.waiting_item(request, Origin::Client(ticket));
        self.queue.push_back(Waiting { remember, ..item });
    }

    /// Which place this server has in the order of the org: the home acts on deadlines when they are due,
    /// the others only on those that it has left undone.
    pub fn set_place(&mut self, place: Option<Place>) {
        self.place = place;
        self.timers.act_as(place);
    }

    /// `ticket` comes back once everything committed before now is in the view.
    pub fn barrier(&mut self, ticket: T) {
        self.barriers.push(ticket);
    }

    /// When, by the monotonic clock, something will be due, other than what waits already.
    #[must_use]
    pub fn next_wake(&self) -> Option<Timestamp> {
        if !self.can_begin() {
            return None;
        }
        let timer = self.timers.next(&self.predicted).map(|at| self.view.clock.monotonic_at(at));
        // A repeated request waits for the answer of the first, which comes by itself.
        let waits = self.queue.iter().any(|item| !self.is_in_flight(item.request.txn))
            || (!self.view.clock.stands() && self.predicted.has_marks());
        let next = [timer, self.look_at(), waits.then_some(Timestamp::MIN)];
        next.into_iter().flatten().min().map(|at| at.max(self.not_before))
    }

    /// Decides what waits and gives the batch to send, with the number of its round; `None` if there is
    /// nothing to send or enough is in flight. The reply belongs to [`Self::on_reply`] or
    /// [`Self::on_failed`].
    pub fn begin(&mut self, now: Timestamp) -> Option<(u64, Arc<Batch>)> {
        if !self.can_begin() || (self.not_before > now && self.barriers.is_empty()) {
            return None;
        }
        let org_now = self.view.clock.at(now);
        let confirmed = self.view.state.head();
        let looks = self.takes_a_look(now);
        let own = self.own_requests(org_now);
        let mut round = RoundInProgress::on(
            &mut self.predicted,
            confirmed,
            self.view.epoch,
            self.queue.len().min(BATCH_MAX),
        );
        for item in own {
            let over = matches!(item.origin, Origin::WorkOff) && !round.state().has_marks();
            if !over {
                round.decide(item, org_now, &mut self.randomness);
            }
        }
        let mut held = VecDeque::new();
        while round.has_room() {
            let Some(item) = self.queue.pop_front() else {
                break;
            };
            if !item.claim() {
                self.stats.abandoned.add(1);
                continue;
            }
            let txn = item.request.txn;
            if round.has(txn) || in_flight(&self.rounds, txn) {
                held.push_back(item);
                continue;
            }
            match (self.outcomes.get(txn), item.origin) {
                (Some(outcome), Origin::Client(ticket)) => {
                    self.answered.push((ticket, recall(outcome, item.request.fingerprint)));
                }
                (_, origin) => {
                    round.decide(Waiting { origin, ..item }, org_now, &mut self.randomness);
                }
            }
        }
        held.append(&mut self.queue);
        self.queue = held;
        self.numbers += 1;
        let round = round.seal(self.numbers, std::mem::take(&mut self.barriers), looks, now)?;
        self.stats.batches.add(1);
        self.stats.transactions.add(round.batch.entries.len());
        let sent = (round.id, Arc::clone(&round.batch));
        self.rounds.push_back(round);
        Some(sent)
    }

    /// Who can be answered from what is remembered; asked for after each [`Self::begin`].
    pub fn take_answered(&mut self) -> Vec<(T, Result<Done, Refusal>)> {
        std::mem::take(&mut self.answered)
    }

    /// A batch in flight was answered. Replies of rounds that are no longer in flight are ignored.
    pub fn on_reply(&mut self, now: Timestamp, round: u64, reply: Reply) -> Step<T> {
        if let Some(round) = self.rounds.iter_mut().find(|r| r.id == round) {
            round.reply = Some(reply);
            self.answered(now);
        }
        let mut answers = Vec::new();
        while let Some(reply) = self.rounds.front_mut().and_then(|round| round.reply.take()) {
            let Some(round) = self.rounds.pop_front() else { break };
            let ended = match reply.verdict {
                Verdict::Accepted => {
                    self.on_accepted(now, round, &mut answers);
                    Ok(())
                }
                Verdict::Behind { missed, known } => {
                    self.on_behind(now, round, &missed, known, &mut answers)
                }
            };
            if ended.is_err() {
                return Step { answers, next: Next::Reload };
            }
        }
        self.restart_prediction();
        Step { answers, next: Next::Go }
    }

    fn on_accepted(
        &mut self,
        now: Timestamp,
        round: Round<T>,
        answers: &mut Vec<(T, Result<Done, Refusal>)>,
    ) {
        self.lost = 0;
        // Where an earlier round arrived after this one, it has brought this one's entries along.
        if round.batch.head().revision > self.view.state.head().revision {
            self.view.state = round.after;
            self.view.recent.extend(round.applied);
            self.trim_recent();
            // Time may have been stopped meanwhile, from before this was decided.
            self.view.clock.advance(self.view.state.head().time, now);
        }
        for (txn, outcome) in &round.batch.outcomes {
            self.outcomes.remember(*txn, outcome.clone());
        }
        for Decided { item, answer } in round.decided {
            match item.origin {
                Origin::Client(ticket) => answers.push((ticket, answer)),
                Origin::Timer(due) => due.iter().for_each(|due| self.timers.done(due)),
                Origin::WorkOff => self.stats.worked_off.add(1),
            }
        }
        answers.extend(self.reached(round.barriers));
    }

    /// Barriers that are passed.
    fn reached(
        &self,
        barriers: Vec<T>,
    ) -> impl Iterator<Item = (T, Result<Done, Refusal>)> + use<T> {
        let revision = self.view.state.head().revision;
        let reached = move |ticket| (ticket, Ok(Done { revision, answer: Answer::Nothing }));
        barriers.into_iter().map(reached)
    }

    /// Nothing of a round was done: whatever it missed is caught up with, and it is decided again.
    fn on_behind(
        &mut self,
        now: Timestamp,
        round: Round<T>,
        missed: &[Arc<Entry>],
        known: Vec<(TxnId, Outcome)>,
        answers: &mut Vec<(T, Result<Done, Refusal>)>,
    ) -> Result<(), BrokenChain> {
        let raced = self.catch_up(now, missed);
        if !round.batch.entries.is_empty() || !matches!(raced, Ok(false)) {
            self.doomed = true;
        }
        for (txn, outcome) in known {
            self.outcomes.remember(txn, outcome);
        }
        let mut again = Vec::new();
        for Decided { mut item, .. } in round.decided {
            item.attempts += u32::from(matches!(raced, Ok(true)));
            match (item.origin, self.outcomes.get(item.request.txn)) {
                (Origin::Client(ticket), Some(outcome)) => {
                    answers.push((ticket, recall(outcome, item.request.fingerprint)));
                }
                (Origin::Client(ticket), None) if item.attempts >= self.options.attempts => {
                    answers.push((ticket, Err(Refusal::Contended { attempts: item.attempts })));
                }
                (Origin::Client(ticket), None) => {
                    self.stats.retries.add(1);
                    again.push(Waiting { origin: Origin::Client(ticket), ..item });
                }
                // They come up again, if they aren't done.
                (Origin::Timer(due), _) => due.iter().for_each(|due| self.timers.done(due)),
                (Origin::WorkOff, _) => {}
            }
        }
        if raced.is_ok() {
            answers.extend(self.reached(round.barriers));
            if matches!(raced, Ok(true)) && !round.batch.entries.is_empty() {
                self.stats.conflicts.add(round.batch.entries.len());
                self.lost += 1;
                self.not_before = self.spread(now);
            }
        } else {
            self.barriers.extend(round.barriers);
        }
        self.requeue(again);
        raced.map(|_| ())
    }

    /// When nothing that was decided on another future is in flight any more, the future is the
    /// present.
    fn restart_prediction(&mut self) {
        if self.rounds.is_empty() {
            if self.doomed {
                self.predicted = self.view.state.clone();
            }
            self.doomed = false;
        }
    }

    fn spread(&mut self, now: Timestamp) -> Timestamp {
        match self.lost.checked_sub(FREE_ATTEMPTS) {
            None | Some(0) => Timestamp::MIN,
            Some(failures) => now + Backoff::CONFLICT.pause(failures, self.randomness.word()),
        }
    }

    /// Puts requests back, in the order in which they came.
    fn requeue(&mut self, items: Vec<Waiting<T>>) {
        if !items.is_empty() {
            self.queue.extend(items);
            self.queue.make_contiguous().sort_by_key(|item| item.number);
        }
    }
}

impl<T: Caller> Waiting<T> {
    fn claim(&self) -> bool {
        match &self.origin {
            Origin::Client(ticket) => ticket.claim(),
            Origin::Timer(_) | Origin::WorkOff => true,
        }
    }
}

fn in_flight<T>(rounds: &VecDeque<Round<T>>, txn: TxnId) -> bool {
    rounds.iter().any(|round| round.has(txn))
}
