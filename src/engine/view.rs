//! What readers see of an org, and what a mutation came to.

use std::sync::Arc;

use imbl::Vector;

use super::clock;
use super::steady::SteadyClock;
use crate::domain::entry::{Answer, Entry, RecordAction, Revision};
use crate::domain::record::{Record, RecordKey};
use crate::domain::state::State;
use crate::domain::time::Timestamp;
use crate::journal::Epoch;

/// An entry, as readers are shown it, and what its records were before it.
#[derive(Debug)]
pub struct Applied {
    /// The entry.
    pub entry: Arc<Entry>,
    /// One per change of the entry.
    pub before: Vec<Option<Record>>,
}

impl Applied {
    /// An entry as readers are shown it: without contacts, which nobody watches. Kept for as long as entries are, the many
    /// blocks of each sync and report would take any amount of memory.
    #[must_use]
    pub fn of(entry: &Arc<Entry>, before: Vec<Option<Record>>) -> Self {
        let is_contacts = |key: &RecordKey| matches!(key, RecordKey::ContactBlock(..));
        if !entry.changes.iter().any(|(key, _)| is_contacts(key)) {
            return Self { entry: Arc::clone(entry), before };
        }
        let (mut changes, mut befores, mut created) = (Vec::new(), Vec::new(), Vec::new());
        for ((change, (_, action)), before) in entry.changes.iter().zip(entry.actions()).zip(before)
        {
            if is_contacts(&change.0) {
                continue;
            }
            if action == RecordAction::Created {
                created.extend(u32::try_from(changes.len()));
            }
            changes.push(change.clone());
            befores.push(before);
        }
        let before = befores;
        let (cause, facts) = (entry.cause.clone(), entry.facts.clone());
        let Entry { revision, id, previous, time, .. } = **entry;
        let entry = Entry { revision, id, previous, time, cause, changes, facts, created };
        Self { entry: Arc::new(entry), before }
    }
}

/// An org as a replica knows it: its state and the entries that led there, of one moment.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Which history this is of. Another number: streams start again (RESET).
    pub epoch: Epoch,
    /// The state.
    pub state: State,
    /// What time it is.
    pub clock: SteadyClock,
    /// The most recent entries up to the state's head, oldest first, without a gap; bounded.
    pub recent: Vector<Arc<Applied>>,
}

impl View {
    /// What time it is in the org (R12).
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.at(clock::monotonic())
    }
}

/// What a mutation came to.
#[derive(Debug, Clone)]
pub struct Done {
    /// The revision at which it was committed; for one that changed nothing, the head's.
    pub revision: Revision,
    /// What is answered.
    pub answer: Answer,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::contacts::{ContactBlock, ContactBook};
    use crate::domain::entry::Cause;
    use crate::domain::id::{ContactId, EntryId, PartnerId};
    use crate::domain::live::Actor;

    #[test]
    fn readers_of_entries_keep_no_contacts() {
        let acme = PartnerId::new("acme").expect("an id");
        let block = ContactBlock::new((acme.clone(), 1, ContactId::least()), &[]).expect("none");
        let block = Record::ContactBlock(Arc::new(block));
        let book = Record::ContactBook(Arc::new(ContactBook::new(acme)));
        let change = |record: &Record| (record.key(), Some(record.clone()));
        let entry = Arc::new(Entry {
            revision: Revision::new(7),
            id: EntryId::from_u128(2),
            previous: EntryId::from_u128(1),
            time: Timestamp::from_ms(5),
            cause: Cause::new(Actor::baton(), "test"),
            changes: vec![change(&block), change(&book)],
            facts: Vec::new(),
            created: vec![1],
        });
        let shown = Applied::of(&entry, vec![Some(block), None]);
        assert_eq!(shown.entry.changes, [change(&book)]);
        assert_eq!(shown.before, [None], "beside the change that it was before");
        assert_eq!(shown.entry.created, [0], "at its new place");
        assert_eq!(shown.entry.head(), entry.head());
        let created = vec![0];
        let without = Arc::new(Entry { changes: vec![change(&book)], created, ..(*entry).clone() });
        assert!(Arc::ptr_eq(&Applied::of(&without, vec![None]).entry, &without));
    }
}
