//! One round of the commit loop: requests decided one after another on the predicted state, to be
//! committed as one batch. It knows what each of them is answered if the batch is accepted, and
//! nothing of what becomes of it; that is `core`'s part.

use std::collections::HashSet;
use std::sync::Arc;

use crate::domain::command::Request;
use crate::domain::decide::decide;
use crate::domain::draft::Entropy;
use crate::domain::entry::{Answer, Head, Outcome};
use crate::domain::id::TxnId;
use crate::domain::record::Due;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::journal::{BATCH_MAX, Batch, Epoch, Reply};

use super::refusal::Refusal;
use super::view::{Applied, Done};

/// Whose a request is.
#[derive(Debug)]
pub(super) enum Origin<T> {
    /// Somebody waits for the answer.
    Client(T),
    /// The engine's own: deadlines.
    Timer(Vec<Due>),
    /// The engine's own: what earlier decisions left.
    WorkOff,
}

/// What is kept of a request under its id (T21).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remember {
    /// Nothing: it has no id by which it could be recognised.
    Nothing,
    /// What it came to, if it was done.
    Done,
    /// What it came to, a refusal too. Another server may have tried it before, and nobody knows what
    /// became of that: once it is refused here it must not be done there.
    AlsoRefused,
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) request: Box<Request>,
    pub(super) remember: Remember,
    pub(super) origin: Origin<T>,
    /// Its place among all requests of this replica.
    pub(super) number: u64,
    /// How often it was decided in vain.
    pub(super) attempts: u32,
}

/// A request that was decided, and what is answered once its batch is accepted.
#[derive(Debug)]
pub(super) struct Decided<T> {
    pub(super) item: Waiting<T>,
    pub(super) answer: Result<Done, Refusal>,
}

/// A round in flight.
#[derive(Debug)]
pub(super) struct Round<T> {
    /// By which its reply is known.
    pub(super) id: u64,
    pub(super) batch: Arc<Batch>,
    pub(super) decided: Vec<Decided<T>>,
    /// Answered once the batch is.
    pub(super) barriers: Vec<T>,
    /// The entries of the batch, with what their records were before.
    pub(super) applied: Vec<Arc<Applied>>,
    /// The state once it is committed.
    pub(super) after: State,
    pub(super) began: Timestamp,
    /// What the journal said, while an earlier round is still in flight.
    pub(super) reply: Option<Reply>,
    /// Whether an answer to it was lost, so that "nothing was done" can't be said any more.
    pub(super) doubtful: bool,
    /// How often it was sent again.
    pub(super) resends: u32,
}

/// A round being put together, on the state that it changes.
pub(super) struct RoundInProgress<'s, T> {
    state: &'s mut State,
    batch: Batch,
    decided: Vec<Decided<T>>,
    applied: Vec<Arc<Applied>>,
    ids: HashSet<TxnId>,
    /// Records written so far.
    written: usize,
}

/// Records after which a batch takes no more decisions.
const RECORDS_MAX: usize = 512;

impl<'s, T> RoundInProgress<'s, T> {
    /// Nothing decided yet on `state`, but so many requests expected; up to `confirmed` the history is
    /// certain.
    pub(super) fn on(state: &'s mut State, confirmed: Head, epoch: Epoch, expected: usize) -> Self {
        let batch = Batch { confirmed, ..Batch::barrier(epoch, state.head()) };
        let (decided, applied, ids) =
            (Vec::with_capacity(expected), Vec::with_capacity(expected), HashSet::new());
        Self { state, batch, decided, applied, ids, written: 0 }
    }

    pub(super) const fn state(&self) -> &State {
        self.state
    }

    /// A batch is bounded, since nobody else gets a word in while the store takes it.
    pub(super) fn has_room(&self) -> bool {
        self.decided.len() < BATCH_MAX && self.written < RECORDS_MAX
    }

    /// Is a request of this id part of the round already? A repeated one has to wait for its answer.
    pub(super) fn has(&self, id: TxnId) -> bool {
        self.ids.contains(&id)
    }

    /// Decides a request on what the ones before it left.
    pub(super) fn decide(&mut self, item: Waiting<T>, now: Timestamp, bits: &mut dyn Entropy) {
        let (txn, fingerprint) = (item.request.txn, item.request.fingerprint);
        let answer = match decide(self.state, &item.request, now, bits) {
            Ok(decision) => {
                if let Some(entry) = decision.entry {
                    let entry = Arc::new(entry);
                    self.written += entry.changes.len();
                    self.batch.entries.push(Arc::clone(&entry));
                    self.applied.push(Arc::new(Applied::of(&entry, decision.before)));
                } else if !matches!(item.origin, Origin::Client(_)) {
                    // Whatever it was about has been done, or comes up again.
                    return;
                }
                let (revision, answer) = (self.state.head().revision, decision.answer);
                if item.remember != Remember::Nothing {
                    let outcome = Outcome { revision, fingerprint, answer: answer.clone() };
                    self.batch.outcomes.push((txn, outcome));
                }
                Ok(Done { revision, answer })
            }
            Err(rejection) => {
                match item.remember {
                    Remember::Nothing => {}
                    Remember::Done => self.batch.asked.push(txn),
                    Remember::AlsoRefused => {
                        let answer = Answer::Refused(Arc::new(rejection.clone()));
                        let revision = self.state.head().revision;
                        self.batch.outcomes.push((txn, Outcome { revision, fingerprint, answer }));
                    }
                }
                Err(Refusal::Rejected(rejection))
            }
        };
        self.ids.insert(txn);
        self.decided.push(Decided { item, answer });
    }

    /// The round, ready to be sent; `None` if there is nothing to send, and nobody who wants to `look`.
    pub(super) fn seal(
        self,
        id: u64,
        barriers: Vec<T>,
        look: bool,
        began: Timestamp,
    ) -> Option<Round<T>> {
        if self.decided.is_empty() && barriers.is_empty() && !look {
            return None;
        }
        let batch = Batch { records: self.state.len(), ..self.batch };
        Some(Round {
            id,
            batch: Arc::new(batch),
            decided: self.decided,
            barriers,
            applied: self.applied,
            after: self.state.clone(),
            began,
            reply: None,
            doubtful: false,
            resends: 0,
        })
    }
}

impl<T> Round<T> {
    /// Does a request of this id wait for the round's answer?
    pub(super) fn has(&self, id: TxnId) -> bool {
        self.decided.iter().any(|decided| decided.item.request.txn == id)
    }
}
