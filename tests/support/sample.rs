//! Transactions for journals to commit. What they mean doesn't matter here, only what they write
//! and check.

#![allow(dead_code, reason = "each test binary uses a part")]

use std::collections::BTreeMap;
use std::sync::Arc;

use baton::domain::directory::Rep;
use baton::domain::entry::{Answer, Cause, Fact, FactKind, Fingerprint, Head, Transaction};
use baton::domain::id::{ActorId, OrgId, ProfileId, RepId, TxnId};
use baton::domain::live::{Actor, RepPresence, Role};
use baton::domain::record::{Record, RecordKey};
use baton::domain::time::Timestamp;
use baton::journal::{Batch, Epoch};

/// An org.
pub fn org(name: &str) -> OrgId {
    OrgId::new(name).expect("a good id")
}

/// A rep's id.
pub fn rep(name: &str) -> RepId {
    RepId::new(name).expect("a good id")
}

/// A transaction's id.
pub fn txn(number: u128) -> TxnId {
    TxnId::from_u128(number)
}

/// A record to write: the rep `name`, who is called `text`.
pub fn rep_record(name: &str, text: &str) -> Record {
    Record::Rep(Arc::new(Rep {
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

/// A transaction under construction.
#[derive(Clone)]
pub struct Draft(Transaction);

/// A transaction that changes nothing yet, decided at 1 000 ms.
pub fn change(id: u128) -> Draft {
    Draft(Transaction {
        id: txn(id),
        time: Timestamp::from_ms(1_000),
        cause: Cause {
            actor: Actor { role: Role::Rep, id: ActorId::new("ana").expect("a good id") },
            rpc: Arc::from("baton.v1.SessionService/TransferSession"),
            request_id: Some(Arc::from("req-1")),
        },
        fingerprint: Fingerprint(id ^ 0xffff),
        answer: Answer::Nothing,
        checks: BTreeMap::new(),
        writes: BTreeMap::new(),
        facts: vec![Fact::of(FactKind::DirectoryChanged).rep(&rep("ana"))],
    })
}

impl Draft {
    /// Decided at this time.
    pub fn at(mut self, ms: i64) -> Self {
        self.0.time = Timestamp::from_ms(ms);
        self
    }

    /// Reads the rep `name`, last written by transaction `version` (0: not there).
    pub fn reads(mut self, name: &str, version: u128) -> Self {
        self.0.checks.insert(rep_key(name), txn(version));
        self
    }

    /// Writes the rep `name`, last written by transaction `version` (0: not there).
    pub fn writes(mut self, name: &str, version: u128) -> Self {
        let record = rep_record(name, &format!("{name} by {}", self.0.id));
        self.0.answer = Answer::Record(record.clone());
        self.0.writes.insert(rep_key(name), Some(record));
        self.reads(name, version)
    }

    /// Answers with the rep `name`.
    pub fn answers(mut self, name: &str) -> Self {
        self.0.answer = Answer::Record(rep_record(name, "as it is"));
        self
    }

    /// Writes an image without any field set.
    pub fn writes_empty_presence(mut self, name: &str) -> Self {
        let key = RecordKey::RepPresence(rep(name));
        self.0.checks.insert(key.clone(), txn(0));
        self.0
            .writes
            .insert(key, Some(Record::RepPresence(Arc::new(RepPresence::absent(rep(name))))));
        self
    }

    /// Removes the rep `name`, last written by transaction `version`.
    pub fn removes(mut self, name: &str, version: u128) -> Self {
        self.0.writes.insert(rep_key(name), None);
        self.reads(name, version)
    }

    /// It is ready.
    pub fn done(self) -> Arc<Transaction> {
        Arc::new(self.0)
    }
}

/// A batch of these transactions, by somebody who knows the history up to `since`.
pub fn batch(since: Head, transactions: impl IntoIterator<Item = Draft>) -> Batch {
    Batch {
        epoch: Epoch(1),
        since,
        transactions: transactions.into_iter().map(Draft::done).collect(),
        lookups: Vec::new(),
    }
}
