//! What the records were at a revision that a watcher shows, while the state may be further on. With
//! before-images (recent entries) that is exact; without them (entries read from the journal) it is
//! as far as the entries read so far tell.

use std::collections::HashMap;
use std::sync::Arc;

use crate::domain::entry::Entry;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::Applied;
use crate::grpc::to_proto::{Content, ObjectContext};

/// The records before the first of `later`, which lead up to `state`.
pub struct EarlierRecords<'a> {
    /// The newest state.
    pub state: &'a State,
    /// Every entry from there on, in order.
    pub later: &'a [Arc<Applied>],
}

impl RecordLookup for EarlierRecords<'_> {
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
pub struct ReplayedRecords<'a> {
    /// The newest state.
    pub state: &'a State,
    /// What the entries read so far have written.
    pub written: &'a HashMap<RecordKey, Option<Record>>,
}

impl RecordLookup for ReplayedRecords<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match self.written.get(key) {
            Some(record) => record.clone(),
            None => self.state.record(key),
        }
    }
}

/// The records once `entry` has been applied to `base`.
pub struct RecordsWith<'a> {
    /// The entry.
    pub entry: &'a Entry,
    /// Everything else.
    pub base: &'a (dyn RecordLookup + Sync),
}

impl RecordLookup for RecordsWith<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match self.entry.changes.iter().find(|(changed, _)| changed == key) {
            Some((_, record)) => record.clone(),
            None => self.base.record(key),
        }
    }
}

/// One revision, between what was and what is.
pub struct RevisionContext<'a> {
    /// What happened.
    pub entry: &'a Entry,
    /// The records before it.
    pub before: &'a (dyn RecordLookup + Sync),
    /// The records after it.
    pub after: &'a (dyn RecordLookup + Sync),
    /// The newest state, for its indexes.
    pub state: &'a State,
    /// Whether `before` is sure about a record.
    pub knows: &'a (dyn Fn(&RecordKey) -> bool + Sync),
    /// The entries after it up to the newest state, with what was before them, as far as that is known.
    pub later: &'a [Arc<Applied>],
    /// When it is looked at.
    pub now: Timestamp,
    /// Whether what people typed is shown.
    pub content: Content,
}

impl RevisionContext<'_> {
    /// What objects are shown against.
    #[must_use]
    pub fn context(&self) -> ObjectContext<'_> {
        let Self { after, state, now, content, .. } = *self;
        ObjectContext { records: after, state, now, content }
    }
}
