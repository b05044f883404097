//! Committing a batch: what goes to the script, and what its answer means.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use ::redis::{Script, ScriptInvocation, Value};

use super::super::codec::{
    EncodedEntry, encode_entry, encode_key, encode_outcome, id_from_bytes, id_to_bytes,
};
use super::super::{
    BATCH_MAX, Batch, Committed, History, JournalError, OUTCOME_BUCKET, OUTCOME_BUCKETS, Verdict,
};
use super::keys::Keys;
use super::link::Link;
use super::{load, reply};
use crate::domain::entry::{Entry, Head, Transaction};
use crate::domain::id::OrgId;
use crate::domain::record::RecordKey;

static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));

/// The most entries that a commit brings along. Who has missed more reads page by page first, so
/// that no script runs for long.
const CATCH_UP_MAX: usize = 1_000;

/// What the script answers.
enum Answer {
    Done(Committed),
    /// Nothing was done: the caller has missed too much.
    Behind,
}

/// Commits a batch; see [`super::super::Journal::commit`].
pub(super) async fn commit(
    link: &Link,
    org: &OrgId,
    batch: &Batch,
) -> Result<Committed, JournalError> {
    let mut since = batch.since;
    let mut missed = Vec::new();
    loop {
        match send(link, org, batch, since).await? {
            Answer::Done(mut committed) => {
                if !missed.is_empty() {
                    missed.append(&mut committed.entries);
                    committed.entries = missed;
                }
                return Ok(committed);
            }
            Answer::Behind => {
                since = read_up(link, org, since, &mut missed).await?;
            }
        }
    }
}

/// Reads one page after `since` and returns where it ends.
async fn read_up(
    link: &Link,
    org: &OrgId,
    since: Head,
    missed: &mut Vec<Arc<Entry>>,
) -> Result<Head, JournalError> {
    let History::Entries(page) = load::read(link, org, since.revision, CATCH_UP_MAX).await? else {
        return Err(trimmed(since));
    };
    let head = load::check_chain(since, &page)?;
    if head == since {
        return Err(JournalError::Diverged(format!("nothing follows {}", since.revision)));
    }
    missed.extend(page);
    Ok(head)
}

fn trimmed(since: Head) -> JournalError {
    JournalError::Diverged(format!("what follows {} has been trimmed away", since.revision))
}

async fn send(
    link: &Link,
    org: &OrgId,
    batch: &Batch,
    since: Head,
) -> Result<Answer, JournalError> {
    let keys = Keys(org);
    let mut call = COMMIT.key(keys.meta());
    call.key(keys.records()).key(keys.journal());
    let encoded: Vec<_> = batch.transactions.iter().map(|t| encode_entry(t)).collect();
    let numbers = number_keys(&batch.transactions);
    call.arg(batch.epoch.0)
        .arg(since.revision.get())
        .arg(&id_to_bytes(since.txn)[..])
        .arg(CATCH_UP_MAX)
        .arg(OUTCOME_BUCKET.as_ms())
        .arg(keys.requests())
        .arg(keys.wake())
        .arg(OUTCOME_BUCKETS)
        .arg(batch.lookups.len())
        .arg(numbers.len())
        .arg(batch.transactions.len());
    for txn in &batch.lookups {
        call.arg(&id_to_bytes(*txn)[..]);
    }
    let mut in_order: Vec<_> = numbers.iter().collect();
    in_order.sort_unstable_by_key(|(_, number)| **number);
    for (key, _) in in_order {
        call.arg(encode_key(key));
    }
    for (transaction, entry) in batch.transactions.iter().zip(encoded) {
        add(&mut call, transaction, entry, &numbers);
    }
    debug_assert!(batch.transactions.len() <= BATCH_MAX, "a batch has at most {BATCH_MAX}");
    let answer = link.run(&call).await.map_err(super::link::Trouble::of_commit)?;
    understand(batch, since, answer)
}

/// Every key that the transactions check or write, with a number from 1 on.
fn number_keys(transactions: &[Arc<Transaction>]) -> HashMap<&RecordKey, usize> {
    let mut numbers = HashMap::new();
    for key in transactions.iter().flat_map(|t| t.checks.keys().chain(t.writes.keys())) {
        let next = numbers.len() + 1;
        numbers.entry(key).or_insert(next);
    }
    numbers
}

fn add(
    call: &mut ScriptInvocation<'_>,
    transaction: &Transaction,
    entry: EncodedEntry,
    numbers: &HashMap<&RecordKey, usize>,
) {
    call.arg(&id_to_bytes(transaction.id)[..])
        .arg(transaction.time.as_ms())
        .arg(entry.bytes)
        .arg(encode_outcome(transaction))
        .arg(transaction.checks.len())
        .arg(entry.images.len());
    for (key, version) in &transaction.checks {
        call.arg(numbers[key]).arg(&id_to_bytes(*version)[..]);
    }
    for (key, image) in transaction.writes.keys().zip(entry.images) {
        call.arg(numbers[key]);
        match image {
            // Lua counts from 1 and includes the end.
            Some(range) => call.arg(range.start + 1).arg(range.end),
            None => call.arg("").arg(""),
        };
    }
}

fn understand(batch: &Batch, since: Head, answer: Value) -> Result<Answer, JournalError> {
    let parts = reply::list(answer)?;
    let (tag, rest) = parts.split_first().ok_or_else(|| reply::odd("nothing"))?;
    let why = || rest.first().and_then(|why| reply::text(why).ok()).unwrap_or_default().to_owned();
    match reply::text(tag)? {
        "OK" => {}
        "BEHIND" => return Ok(Answer::Behind),
        "TRIMMED" => return Err(trimmed(since)),
        "DIVERGED" => return Err(JournalError::Diverged(why())),
        "CORRUPT" => return Err(JournalError::Corrupt(why())),
        _ => return Err(reply::odd("an unknown kind")),
    }
    let [_, revision, txn, time, verdicts, found, missed] =
        <[Value; 7]>::try_from(parts).map_err(|_| reply::odd("too few parts"))?;
    let head = Head {
        revision: reply::revision(&revision)?,
        txn: id_from_bytes(reply::bytes(&txn)?)?,
        time: reply::time(&time)?,
    };
    let missed: Result<Vec<_>, _> =
        reply::list(missed)?.into_iter().map(|e| reply::entry(e).map(Arc::new)).collect();
    let mut entries = missed?;
    if load::check_chain(since, &entries)?.revision != head.revision {
        return Err(reply::odd("entries that don't lead to the head"));
    }
    let verdicts = verdicts_of(batch, head, reply::list(verdicts)?, &mut entries)?;
    let found = reply::list(found)?.into_iter().map(|value| match value {
        Value::Nil => Ok(None),
        outcome => reply::outcome(&outcome).map(Some),
    });
    Ok(Answer::Done(Committed { verdicts, found: found.collect::<Result<_, _>>()?, entries }))
}

/// The verdicts; the entries that they stand for, which are known here already, go to `entries`.
fn verdicts_of(
    batch: &Batch,
    mut head: Head,
    values: Vec<Value>,
    entries: &mut Vec<Arc<Entry>>,
) -> Result<Vec<Verdict>, JournalError> {
    if values.len() != batch.transactions.len() {
        return Err(reply::odd("as many verdicts as transactions were expected"));
    }
    let verdict = |(value, transaction): (Value, &Arc<Transaction>)| match value {
        Value::Int(1) if transaction.changes_nothing() => Ok(Verdict::Committed(head.revision)),
        Value::Int(1) => {
            let entry = Entry::after(head, transaction);
            head = entry.head();
            entries.push(Arc::new(entry));
            Ok(Verdict::Committed(head.revision))
        }
        Value::Int(0) => Ok(Verdict::Conflict),
        outcome => reply::outcome(&outcome).map(Verdict::Duplicate),
    };
    values.into_iter().zip(&batch.transactions).map(verdict).collect()
}
