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
/// Reps looked at in one go by a sweep: few enough that nobody notices.
const SWEPT_AT_ONCE: usize = 256;
/// The most transactions remembered whose fate isn't known.
const LOST_KEPT: usize = 1_024;

/// How far a sweep is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Swept {
    /// There are more reps to look at.
    Some,
    /// All were looked at; somebody is to be looked at again.
    AllButSuspects,
    /// All were looked at, and nothing was left.
    All,
}

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
    /// Those of the sweep that is under way.
    newly_suspect: BTreeSet<RepId>,
    /// Where the sweep that is under way goes on.
    sweeping: Option<RepId>,
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
            newly_suspect: BTreeSet::new(),
            sweeping: None,
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

    /// Looks at some more reps and gives how many were missed. Only what two passes in a row find
    /// counts: what one finds may be another replica's commit whose settling is on its way.
    pub(super) fn sweep(&mut self, state: &State) -> (usize, Swept) {
        let from = self.sweeping.take().unwrap_or_else(RepId::least);
        let mut slice: Vec<RecordKey> =
            presences_from(state, &from).take(SWEPT_AT_ONCE + 1).collect();
        if slice.len() > SWEPT_AT_ONCE
            && let Some(RecordKey::RepPresence(next)) = slice.pop()
        {
            self.sweeping = Some(next);
        }
        let mut found = unsettled(state, &slice);
        found.retain(|rep| !self.reps.contains(rep));
        let missed: BTreeSet<RepId> = found.intersection(&self.suspects).cloned().collect();
        self.newly_suspect.extend(found.into_iter().filter(|rep| !missed.contains(rep)));
        let count = missed.len();
        if count > 0 {
            self.tries = 0;
            self.reps.extend(missed);
        }
        if self.sweeping.is_some() {
            return (count, Swept::Some);
        }
        self.suspects = std::mem::take(&mut self.newly_suspect);
        (count, if self.suspects.is_empty() { Swept::All } else { Swept::AllButSuspects })
    }

    /// A history that nobody's commit led to: whatever it leaves is to be settled here.
    pub(super) fn restart(&mut self, state: &State) {
        self.suspects.clear();
        self.newly_suspect.clear();
        self.sweeping = None;
        let everybody: Vec<RecordKey> = presences_from(state, &RepId::least()).collect();
        self.reps = unsettled(state, &everybody);
    }
}

/// The keys of reps' presences, from a rep on.
fn presences_from(state: &State, from: &RepId) -> impl Iterator<Item = RecordKey> {
    state.range(key_of(from)..).map_while(|record| match record {
        Record::RepPresence(presence) => Some(key_of(&presence.rep)),
        _ => None,
    })
}

fn key_of(rep: &RepId) -> RecordKey {
    RecordKey::RepPresence(rep.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::entry::Head;
    use crate::domain::id::TxnId;
    use crate::domain::live::RepPresence;
    use crate::domain::state::Held;

    #[test]
    fn a_sweep_of_many_reps_goes_some_at_a_time_and_comes_to_an_end() {
        let records = (0..SWEPT_AT_ONCE * 2 + 1).map(|n| {
            let rep = RepId::new(&format!("r{n:04}")).expect("an id");
            let record = Record::RepPresence(Arc::new(RepPresence::absent(rep.clone())));
            (key_of(&rep), Held { version: TxnId::MAX, record })
        });
        let state = State::restore(Head::default(), records);
        let mut settling = Settling::new(1);
        let passes: Vec<Swept> = (0..6).map(|_| settling.sweep(&state).1).collect();
        let pass = [Swept::Some, Swept::Some, Swept::All];
        assert_eq!(passes, [pass, pass].concat());
    }
}
