//! What became of requests lately, so that one that is repeated at once is answered at once, without the
//! journal. Bounded; the journal knows them all. Used by `core`.

use std::collections::{BTreeMap, VecDeque};

use crate::domain::entry::Outcome;
use crate::domain::id::TxnId;

/// Outcomes remembered.
const REMEMBERED: usize = 4_096;

/// The most recent outcomes.
#[derive(Debug, Default)]
pub(super) struct RecentOutcomes {
    by_request: BTreeMap<TxnId, Outcome>,
    /// In the order in which they came.
    order: VecDeque<TxnId>,
}

impl RecentOutcomes {
    pub(super) fn get(&self, txn: TxnId) -> Option<&Outcome> {
        self.by_request.get(&txn)
    }

    pub(super) fn remember(&mut self, txn: TxnId, outcome: Outcome) {
        if self.by_request.insert(txn, outcome).is_none() {
            self.order.push_back(txn);
        }
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.by_request.remove(&oldest);
        }
    }
}
