//! One round of the commit loop: requests decided one after another on a working copy of the state,
//! to be committed as one batch. It knows what each of them hopes for and nothing of what became of
//! it; that is `core`'s part.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use crate::domain::command::Request;
use crate::domain::decide::decide;
use crate::domain::draft::Entropy;
use crate::domain::entry::{Entry, Head};
use crate::domain::id::{RepId, TxnId};
use crate::domain::record::Due;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::journal::{BATCH_MAX, Batch, Committed, Epoch, Verdict};

use super::Applied;

/// Whose a request is.
#[derive(Debug)]
pub(super) enum Origin<T> {
    /// Somebody waits for the answer.
    Client(T),
    /// The engine's own: deadlines.
    Timer(Vec<Due>),
    /// The engine's own: a match that a commit left.
    Settle(BTreeSet<RepId>),
}

/// A request under way.
#[derive(Debug)]
pub(super) struct Waiting<T> {
    pub(super) request: Box<Request>,
    pub(super) origin: Origin<T>,
    /// How often it was decided.
    pub(super) attempts: u32,
    /// Not to be decided before.
    pub(super) not_before: Timestamp,
}

/// What a request is in its batch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// The transaction of this index.
    Commit(usize),
    /// Refused, or nothing to do as far as is known; the lookup of this index makes sure.
    Ask(usize),
}

/// A round in the making, then in flight.
#[derive(Debug)]
pub(super) struct Round<T> {
    pub(super) items: Vec<(Waiting<T>, Slot)>,
    /// Answered once the batch is.
    pub(super) barriers: Vec<T>,
    pub(super) batch: Arc<Batch>,
    /// The state as it will be if all is committed and nobody came between.
    pub(super) working: State,
    /// The entries of that.
    pub(super) provisional: Vec<Arc<Applied>>,
    /// Reps whose settling came to nothing in the working state, which may not come true.
    pub(super) unsure: BTreeSet<RepId>,
    pub(super) began: Timestamp,
    /// Whether an answer to it was lost, so that "nothing was done" can't be said any more.
    pub(super) doubtful: bool,
    /// How often it was sent again.
    pub(super) resends: u32,
}

/// A round being put together.
pub(super) struct Draft<T> {
    items: Vec<(Waiting<T>, Slot)>,
    ids: HashSet<TxnId>,
    batch: Batch,
    working: State,
    provisional: Vec<Arc<Applied>>,
    unsure: BTreeSet<RepId>,
}

impl<T> Draft<T> {
    pub(super) fn over(state: &State, epoch: Epoch) -> Self {
        let batch =
            Batch { epoch, since: state.head(), transactions: Vec::new(), lookups: Vec::new() };
        Self {
            items: Vec::new(),
            ids: HashSet::new(),
            batch,
            working: state.clone(),
            provisional: Vec::new(),
            unsure: BTreeSet::new(),
        }
    }

    pub(super) fn has_room(&self) -> bool {
        self.batch.transactions.len() < BATCH_MAX && self.batch.lookups.len() < BATCH_MAX
    }

    /// Is a request of this id part of the round already? A repeated one has to wait for its answer.
    pub(super) fn has(&self, id: TxnId) -> bool {
        self.ids.contains(&id)
    }

    /// Decides a request on what the ones before it would leave.
    pub(super) fn decide(&mut self, mut item: Waiting<T>, now: Timestamp, bits: &mut dyn Entropy) {
        item.attempts += 1;
        let decision = decide(&self.working, &item.request, now, bits);
        // That nothing is to change may rest on what this replica has yet to hear of, which no
        // version guards. So, like a refusal, it is decided once more on newer state.
        let is_news = item.attempts > 1;
        if let Ok(Some(transaction)) = decision.map(|d| d.transaction)
            && (is_news || !transaction.changes_nothing())
        {
            if !transaction.changes_nothing() {
                let entry = Entry::after(self.working.head(), &transaction);
                let before =
                    self.working.apply(&entry).expect("the entry was made to follow this head");
                self.provisional.push(Arc::new(Applied { entry: Arc::new(entry), before }));
            }
            self.ids.insert(transaction.id);
            let slot = Slot::Commit(self.batch.transactions.len());
            self.batch.transactions.push(Arc::new(transaction));
            self.items.push((item, slot));
            return;
        }
        match item.origin {
            Origin::Client(_) => {
                self.ids.insert(item.request.txn);
                let slot = Slot::Ask(self.batch.lookups.len());
                self.batch.lookups.push(item.request.txn);
                self.items.push((item, slot));
            }
            // Somebody else acted on it, or it will be tried again.
            Origin::Timer(_) => {}
            Origin::Settle(reps) => self.unsure.extend(reps),
        }
    }

    /// The round, ready to be sent; `None` if there is nothing to send.
    pub(super) fn seal(self, barriers: Vec<T>, began: Timestamp) -> Option<Round<T>> {
        if self.items.is_empty() && barriers.is_empty() {
            return None;
        }
        Some(Round {
            items: self.items,
            barriers,
            batch: Arc::new(self.batch),
            working: self.working,
            provisional: self.provisional,
            unsure: self.unsure,
            began,
            doubtful: false,
            resends: 0,
        })
    }
}

impl<T> Round<T> {
    /// Did it come true exactly as it was decided? A duplicate didn't, even where its entry is in
    /// the expected place: another content may have been committed under the same id.
    pub(super) fn foresaw(&self, committed: &Committed) -> bool {
        let place = |entry: &Entry| -> (Head, TxnId) { (entry.head(), entry.previous) };
        let Committed { verdicts, entries, .. } = committed;
        verdicts.iter().all(|verdict| matches!(verdict, Verdict::Committed(_)))
            && entries.len() == self.provisional.len()
            && entries.iter().zip(&self.provisional).all(|(e, p)| place(e) == place(&p.entry))
    }
}
