//! What became of requests, for as long as that is kept (T21).

use std::collections::{BTreeMap, VecDeque};

use super::super::{OUTCOME_BUCKET, OUTCOME_BUCKETS};
use crate::domain::entry::Outcome;
use crate::domain::id::TxnId;
use crate::domain::time::Timestamp;

/// Outcomes by request, in buckets of at least [`OUTCOME_BUCKET`] of the org's time each:
/// forgetting is dropping the oldest bucket. In trees, since a table of millions stands still while it grows.
#[derive(Default)]
pub(super) struct Outcomes {
    /// The newest last; never empty once something was put in.
    buckets: VecDeque<BTreeMap<TxnId, Outcome>>,
    newest_since: Timestamp,
}

impl Outcomes {
    pub(super) fn is_empty(&self) -> bool {
        self.buckets.is_empty()
    }

    pub(super) fn find(&self, txn: TxnId) -> Option<&Outcome> {
        self.buckets.iter().rev().find_map(|bucket| bucket.get(&txn))
    }

    pub(super) fn put(&mut self, time: Timestamp, txn: TxnId, outcome: Outcome) {
        if self.buckets.is_empty() || time.since(self.newest_since) >= OUTCOME_BUCKET {
            self.buckets.push_back(BTreeMap::new());
            self.newest_since = time;
            if self.buckets.len() > OUTCOME_BUCKETS {
                self.buckets.pop_front();
            }
        }
        if let Some(newest) = self.buckets.back_mut() {
            newest.insert(txn, outcome);
        }
    }
}
