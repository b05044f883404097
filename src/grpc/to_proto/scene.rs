//! What an object is shown against: the records of one revision, and at which revision each changed
//! last. A watcher that is behind shows each entry with the records as they were then, not as they
//! are by now.

use std::collections::HashMap;

use crate::domain::entry::Revision;
use crate::domain::id::TxnId;
use crate::domain::look::Look;
use crate::domain::record::RecordKey;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::{Clock as _, SystemClock, View};

/// The records of one revision, and the indexes of the state they belong to.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The records.
    pub look: &'a (dyn Look + Sync),
    /// Places in lines, work of a rep, …: of the newest state known.
    pub state: &'a State,
    /// When it is looked at, for estimated waits.
    pub now: Timestamp,
}

impl<'a> Scene<'a> {
    /// The scene of a view: all of one revision.
    #[must_use]
    pub fn of(view: &'a View) -> Self {
        Self::at(view, SystemClock.now())
    }

    /// The scene of a view, looked at then; never before it was.
    #[must_use]
    pub fn at(view: &'a View, now: Timestamp) -> Self {
        let now = now.max(view.state.head().time);
        Self { look: &view.state, state: &view.state, now }
    }
}

/// At which revision records changed last, as far as the view's recent entries tell. Of one that
/// hasn't changed since, the revision before them: it was then as it is now.
pub struct Revisions<'a> {
    state: &'a State,
    known: HashMap<TxnId, Revision>,
    before: Revision,
}

impl<'a> Revisions<'a> {
    /// Those of a view.
    #[must_use]
    pub fn of(view: &'a View) -> Self {
        let known = view.recent.iter().map(|a| (a.entry.txn, a.entry.revision)).collect();
        let before = match view.recent.front() {
            Some(oldest) => Revision::new(oldest.entry.revision.get().saturating_sub(1)),
            None => view.state.head().revision,
        };
        Self { state: &view.state, known, before }
    }

    /// When the record under `key` changed last.
    #[must_use]
    pub fn changed(&self, key: &RecordKey) -> Revision {
        self.known.get(&self.state.version(key)).copied().unwrap_or(self.before)
    }
}

/// The same for one record, without looking at more entries than it must.
#[must_use]
pub fn changed(view: &View, key: &RecordKey) -> Revision {
    let version = view.state.version(key);
    let entry = view.recent.iter().rev().find(|applied| applied.entry.txn == version);
    match (entry, view.recent.front()) {
        (Some(applied), _) => applied.entry.revision,
        (None, Some(oldest)) => Revision::new(oldest.entry.revision.get().saturating_sub(1)),
        (None, None) => view.state.head().revision,
    }
}
