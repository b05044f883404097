//! Who is to be settled (R1). Whoever commits last looks whether their commit left somebody waiting
//! beside a rep who could take them, and commits the match; here is what is to be looked at, when,
//! and how often. A slow sweep is the backstop. Used by `core`.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use crate::domain::decide::unsettled;
use crate::domain::entry::Entry;
use crate::domain::id::{RepId, TxnId};
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::journal::Batch;

use super::policy::Backoff;

/// The most reps settled in one transaction.
const AT_ONCE: usize = 16;
/// The most transactions remembered whose fate isn't known.
const LOST_KEPT: usize = 1_024;

/// What this replica has to settle.
#[derive(Debug)]
pub(super) struct Settling {
    /// Reps for whom somebody waits whom they could take.
    reps: BTreeSet<RepId>,
    /// Not before.
    at: Timestamp,
    /// How often in a row something was left.
    tries: u32,
    /// Above this, it is left to the sweep.
    most_tries: u32,
    /// Reps for whom the last sweep found somebody; found again, settling has missed them.
    suspects: BTreeSet<RepId>,
    /// Transactions of batches given up as unknown: should they turn up, they are our own.
    lost: VecDeque<TxnId>,
}

impl Settling {
    pub(super) fn new(most_tries: u32) -> Self {
        Self {
            reps: BTreeSet::new(),
            at: Timestamp::MIN,
            tries: 0,
            most_tries,
            suspects: BTreeSet::new(),
            lost: VecDeque::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.reps.is_empty()
    }

    /// When there is something to settle.
    pub(super) fn next(&self) -> Option<Timestamp> {
        (!self.reps.is_empty()).then_some(self.at)
    }

    /// The reps to settle now.
    pub(super) fn take(&mut self, now: Timestamp) -> Option<BTreeSet<RepId>> {
        // A clock that was set back must not hold anybody longer than the longest pause.
        let early = self.at > now && self.at <= now + Backoff::PROBE.cap();
        if self.reps.is_empty() || early {
            return None;
        }
        let mut reps = std::mem::take(&mut self.reps);
        if let Some(beyond) = reps.iter().nth(AT_ONCE).cloned() {
            self.reps = reps.split_off(&beyond);
        }
        Some(reps)
    }

    /// These are still to be settled.
    pub(super) fn keep(&mut self, reps: BTreeSet<RepId>) {
        self.reps.extend(reps);
    }

    /// Nothing before then.
    pub(super) fn hold(&mut self, until: Timestamp) {
        self.at = until;
    }

    /// Nobody knows whether these will turn up.
    pub(super) fn lose(&mut self, batch: &Batch) {
        self.lost.extend(batch.transactions.iter().map(|t| t.id));
        let surplus = self.lost.len().saturating_sub(LOST_KEPT);
        self.lost.drain(..surplus);
    }

    /// Looks at what this replica's commits touched, and at reps whose settling came to nothing.
    /// Gives how often in a row something was left, if something is.
    pub(super) fn after_commit(
        &mut self,
        state: &State,
        batch: &Batch,
        entries: &[Arc<Entry>],
        unsure: &BTreeSet<RepId>,
    ) -> Option<u32> {
        let mut touched: Vec<RecordKey> = unsure.iter().map(key_of).collect();
        for entry in entries {
            let own = batch.transactions.iter().any(|t| t.id == entry.txn);
            if own || self.lost.contains(&entry.txn) {
                touched.extend(entry.changes.iter().map(|(key, _)| key.clone()));
            }
        }
        if touched.is_empty() {
            return None;
        }
        let left = unsettled(state, &touched);
        if left.is_empty() || self.tries >= self.most_tries {
            self.tries = 0;
            return None;
        }
        self.tries += 1;
        self.reps.extend(left);
        Some(self.tries)
    }

    /// Looks at every rep and gives how many were missed. Only what two sweeps in a row find
    /// counts: what one finds may be another replica's commit whose settling is on its way.
    pub(super) fn sweep(&mut self, state: &State) -> usize {
        let mut found = self.look_everywhere(state);
        let missed: BTreeSet<RepId> = found.intersection(&self.suspects).cloned().collect();
        found.retain(|rep| !missed.contains(rep));
        self.suspects = found;
        let count = missed.len();
        if count > 0 {
            self.tries = 0;
            self.reps.extend(missed);
        }
        count
    }

    /// Whether the last sweep found somebody to look at again.
    pub(super) fn suspects_somebody(&self) -> bool {
        !self.suspects.is_empty()
    }

    /// A history that nobody's commit led to: whatever it leaves is to be settled here.
    pub(super) fn restart(&mut self, state: &State) {
        self.suspects.clear();
        self.reps = self.look_everywhere(state);
    }

    fn look_everywhere(&self, state: &State) -> BTreeSet<RepId> {
        let reps = state.range(key_of(&RepId::least())..).map_while(|record| match record {
            Record::RepPresence(presence) => Some(key_of(&presence.rep)),
            _ => None,
        });
        let mut found = unsettled(state, &reps.collect::<Vec<_>>());
        found.retain(|rep| !self.reps.contains(rep));
        found
    }
}

fn key_of(rep: &RepId) -> RecordKey {
    RecordKey::RepPresence(rep.clone())
}
