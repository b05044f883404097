//! What an object is shown against: the records of one revision. A watcher that is behind shows each entry with the records as they were then, not as they
//! are by now.

use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::engine::View;

/// The records of one revision, and the indexes of the state they belong to.
#[derive(Clone, Copy)]
pub struct ObjectContext<'a> {
    /// The records.
    pub records: &'a (dyn RecordLookup + Sync),
    /// Places in lines, work of a rep, …: of the newest state known.
    pub state: &'a State,
    /// When it is looked at, for estimated waits.
    pub now: Timestamp,
}

impl<'a> ObjectContext<'a> {
    /// The context of a view: all of one revision.
    #[must_use]
    pub fn of(view: &'a View) -> Self {
        Self::at(view, view.now())
    }

    /// The context of a view, looked at then; never before it was.
    #[must_use]
    pub fn at(view: &'a View, now: Timestamp) -> Self {
        let now = now.max(view.state.head().time);
        Self { records: &view.state, state: &view.state, now }
    }
}
