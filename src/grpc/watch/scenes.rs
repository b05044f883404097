//! What the records were at a revision that a watcher shows, while the state may be further on. With
//! before-images (recent entries) that is exact; without them (entries read from the journal) it is
//! as far as the entries read so far tell.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::entry::Entry;
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::Applied;
use crate::grpc::to_proto::Scene;

/// The records before the first of `later`, which lead up to `state`.
pub struct Earlier<'a> {
    /// The newest state.
    pub state: &'a State,
    /// Every entry from there on, in order.
    pub later: &'a [Arc<Applied>],
}

impl Look for Earlier<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        for applied in self.later {
            let place = applied.entry.changes.iter().position(|(changed, _)| changed == key);
            if let Some(before) = place.and_then(|i| applied.before.get(i)) {
                return before.clone();
            }
        }
        self.state.record(key)
    }
}

/// The records as the entries read from the journal have left them; of others, as they are by now.
pub struct Replayed<'a> {
    /// The newest state.
    pub state: &'a State,
    /// What the entries read so far have written.
    pub written: &'a HashMap<RecordKey, Option<Record>>,
}

impl Look for Replayed<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match self.written.get(key) {
            Some(record) => record.clone(),
            None => self.state.record(key),
        }
    }
}

/// The records once `entry` has been applied to `base`.
pub struct Over<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Everything else.
    pub base: &'a (dyn Look + Sync),
}

impl Look for Over<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match self.entry.changes.iter().find(|(changed, _)| changed == key) {
            Some((_, record)) => record.clone(),
            None => self.base.record(key),
        }
    }
}

/// One revision, between what was and what is.
pub struct Moment<'a> {
    /// What happened.
    pub entry: &'a Entry,
    /// The records before it.
    pub before: &'a (dyn Look + Sync),
    /// The records after it.
    pub after: &'a (dyn Look + Sync),
    /// The newest state, for its indexes.
    pub state: &'a State,
    /// Whether `before` is sure about a record.
    pub knows: &'a (dyn Fn(&RecordKey) -> bool + Sync),
    /// When it is looked at.
    pub now: Timestamp,
}

impl Moment<'_> {
    /// What objects are shown against.
    #[must_use]
    pub fn scene(&self) -> Scene<'_> {
        Scene { look: self.after, state: self.state, now: self.now }
    }
}
