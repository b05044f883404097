//! Entries for journals to commit, and replicas that decide them. What an entry means doesn't matter
//! here, only which records it writes and on which head it was decided.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use baton::domain::directory::Rep;
use baton::domain::entry::{Answer, Cause, Entry, Fact, FactKind, Fingerprint, Head, Outcome};
use baton::domain::id::{ActorId, EntryId, OrgId, ProfileId, RepId, TxnId};
use baton::domain::live::{Actor, RepPresence, Role};
use baton::domain::record::{Record, RecordKey};
use baton::domain::time::Timestamp;
use baton::domain::units::Units;
use baton::journal::{Batch, Epoch, Loaded};

/// An org.
pub fn org(name: &str) -> OrgId {
    OrgId::new(name).expect("a good id")
}

/// A rep's id.
pub fn rep(name: &str) -> RepId {
    RepId::new(name).expect("a good id")
}

/// An entry's id.
pub fn entry_id(number: u128) -> EntryId {
    EntryId::from_u128(number)
}

/// A request's id.
pub fn txn(number: u128) -> TxnId {
    TxnId::from_u128(number)
}

/// A record to write: the rep `name`, who is called `text`.
pub fn rep_record(name: &str, text: &str) -> Record {
    Record::Rep(Arc::new(Rep {
        partners: [].into(),
        id: rep(name),
        name: text.to_owned(),
        profile: ProfileId::new("support").expect("a good id"),
        configuration: None,
        licences: std::iter::empty().collect(),
        permissions: std::iter::empty().collect(),
        skills: BTreeMap::new(),
    }))
}

/// The key of the rep `name`.
pub fn rep_key(name: &str) -> RecordKey {
    RecordKey::Rep(rep(name))
}

/// What became of the request `number`, which was answered with nothing at this revision.
pub fn outcome(number: u128, head: Head) -> (TxnId, Outcome) {
    let fingerprint = Fingerprint(number ^ 0xffff);
    let answer = Answer::Nothing;
    (txn(number), Outcome { revision: head.revision, fingerprint, answer })
}

/// An entry under construction.
#[derive(Clone)]
pub struct EntryDraft {
    id: EntryId,
    time: Timestamp,
    changes: BTreeMap<RecordKey, Option<Record>>,
    answer: Answer,
    request: Option<u128>,
}

/// An entry that changes nothing yet, decided at 1 000 ms.
pub fn change(id: u128) -> EntryDraft {
    EntryDraft {
        id: entry_id(id),
        time: Timestamp::from_ms(1_000),
        changes: BTreeMap::new(),
        answer: Answer::Nothing,
        request: None,
    }
}

impl EntryDraft {
    /// Decided at this time.
    pub fn at(mut self, ms: i64) -> Self {
        self.time = Timestamp::from_ms(ms);
        self
    }

    /// Decided for the request of this number.
    pub fn asked_by(mut self, request: u128) -> Self {
        self.request = Some(request);
        self
    }

    /// Writes the rep `name`, which is also the answer.
    pub fn writes(mut self, name: &str) -> Self {
        let record = rep_record(name, &format!("{name} by {}", self.id));
        self.answer = Answer::Record(record.clone());
        self.changes.insert(rep_key(name), Some(record));
        self
    }

    /// Writes an image without any field set.
    pub fn writes_empty_presence(mut self, name: &str) -> Self {
        let record = Record::RepPresence(Arc::new(RepPresence::absent(rep(name))));
        self.changes.insert(record.key(), Some(record));
        self
    }

    /// Writes what the rep `name` carries.
    pub fn writes_load(mut self, name: &str, used: Units) -> Self {
        let live = RepPresence { used, work_count: 2, ..RepPresence::absent(rep(name)) };
        let record = Record::RepPresence(Arc::new(live));
        self.changes.insert(record.key(), Some(record));
        self
    }

    /// Removes the rep `name`.
    pub fn removes(mut self, name: &str) -> Self {
        self.changes.insert(rep_key(name), None);
        self
    }

    fn entry_on(&self, head: Head) -> Entry {
        Entry {
            revision: head.revision.next(),
            id: self.id,
            previous: head.entry,
            time: self.time.max(head.time),
            cause: self.cause(),
            changes: self.changes.clone().into_iter().collect(),
            facts: vec![Fact::of(FactKind::DirectoryChanged).rep(&rep("ana"))],
            created: self
                .changes
                .values()
                .take(1)
                .flat_map(|new| new.as_ref().map(|_| 0))
                .collect(),
        }
    }

    /// Everything that can be said of who did it, so that whatever is kept or lost of it is seen.
    fn cause(&self) -> Cause {
        let text = |text: &str| Some(Arc::from(text));
        let actor = Actor { role: Role::Rep, id: ActorId::new("ana").expect("a good id") };
        Cause {
            request_id: self.request.map(|number| Arc::from(format!("req-{number}"))),
            credential: text("key:desk"),
            delegate: text("service-desk"),
            on_behalf_of: Some(rep("ben")),
            call: text("00112233445566778899aabbccddeeff"),
            ..Cause::new(actor, "baton.v1.SessionService/TransferSession")
        }
    }
}

/// Somebody who decides: what they know of the history for certain, and where it goes if all that they
/// have decided is accepted.
#[derive(Debug, Clone)]
pub struct Decider {
    pub epoch: Epoch,
    pub confirmed: Head,
    pub predicted: Head,
    pub records: BTreeSet<RecordKey>,
}

impl Default for Decider {
    fn default() -> Self {
        let (confirmed, predicted) = (Head::default(), Head::default());
        Self { epoch: Epoch(1), confirmed, predicted, records: BTreeSet::new() }
    }
}

impl Decider {
    /// Who has just loaded the org.
    pub fn of(loaded: &Loaded) -> Self {
        let head = loaded.state.head();
        let records = loaded.state.records().map(|(key, _)| key.clone()).collect();
        Self { epoch: loaded.epoch, confirmed: head, predicted: head, records }
    }

    /// Decides these on what is predicted, which they become.
    pub fn decide(&mut self, drafts: impl IntoIterator<Item = EntryDraft>) -> Batch {
        let mut batch = Batch::barrier(self.epoch, self.predicted);
        batch.confirmed = self.confirmed;
        for draft in drafts {
            let entry = draft.entry_on(self.predicted);
            if let Some(number) = draft.request {
                let (id, outcome) = outcome(number, entry.head());
                batch.outcomes.push((id, Outcome { answer: draft.answer, ..outcome }));
            }
            self.take(&entry);
            batch.entries.push(Arc::new(entry));
        }
        batch.records = self.records.len();
        batch
    }

    /// Everything that was decided is accepted.
    pub fn confirm(&mut self) {
        self.confirmed = self.predicted;
    }

    /// Follows what others have committed, from the end of what is known for certain. What was
    /// predicted beyond that is dropped.
    pub fn follow(&mut self, missed: &[Arc<Entry>]) {
        assert_eq!(self.predicted, self.confirmed, "drop the prediction by cloning before it");
        for entry in missed {
            assert!(entry.follows(self.predicted), "{entry:?} after {:?}", self.predicted);
            self.take(entry);
        }
        self.confirm();
    }

    fn take(&mut self, entry: &Entry) {
        for (key, record) in &entry.changes {
            match record {
                Some(_) => self.records.insert(key.clone()),
                None => self.records.remove(key),
            };
        }
        self.predicted = entry.head();
    }
}
