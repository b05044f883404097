//! Committing a batch: what goes to the script, and what its answer means.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, LazyLock};

use ::redis::{Script, ScriptInvocation, Value};

use super::super::codec::{
    EncodedEntry, encode_entry, encode_key, encode_outcome, encode_outcome_head, id_from_bytes,
    id_to_bytes,
};
use super::super::{
    BATCH_MAX, Batch, History, JournalError, OUTCOME_BUCKET, OUTCOME_BUCKETS, Reply, Verdict,
};
use super::keys::{Keys, STORED_LEVEL};
use super::link::Link;
use super::{load, reply};
use crate::domain::entry::{Answer, Entry, Head, Outcome};
use crate::domain::id::{OrgId, TxnId};
use crate::domain::record::RecordKey;

static COMMIT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("commit.lua")));

/// The most entries that a commit brings along. Who has missed more reads page by page first, so
/// that no script runs for long.
const CATCH_UP_MAX: usize = 1_000;

/// Commits a batch; see [`super::super::Journal::commit`].
pub(super) async fn commit(link: &Link, org: &OrgId, batch: &Batch) -> Result<Reply, JournalError> {
    debug_assert!(batch.entries.len() <= BATCH_MAX, "a batch has at most {BATCH_MAX}");
    let mut confirmed = batch.confirmed;
    let mut read = Vec::new();
    loop {
        let call = invocation(org, batch, confirmed);
        let answer = link.run(&call).await.map_err(super::link::Trouble::of_commit)?;
        match understand(org, confirmed, answer)? {
            Some(Reply { verdict: Verdict::Behind { missed, known }, store_time }) => {
                read.extend(missed);
                let verdict = Verdict::Behind { missed: read, known };
                return Ok(Reply { verdict, store_time });
            }
            Some(reply) => return Ok(reply),
            None => confirmed = read_up(link, org, confirmed, &mut read).await?,
        }
    }
}

/// Reads one page after `since` and returns where it ends.
async fn read_up(
    link: &Link,
    org: &OrgId,
    since: Head,
    read: &mut Vec<Arc<Entry>>,
) -> Result<Head, JournalError> {
    let History::Entries(page) = load::read(link, org, since.revision, CATCH_UP_MAX).await? else {
        return Err(trimmed(since));
    };
    let head = load::check_chain(since, &page)?;
    if head == since {
        return Err(JournalError::Diverged(format!("nothing follows {}", since.revision)));
    }
    read.extend(page);
    Ok(head)
}

fn trimmed(since: Head) -> JournalError {
    JournalError::Diverged(format!("what follows {} has been trimmed away", since.revision))
}

/// The last image of each record that a batch writes: in which entry it is, from 1, and where.
type Writes<'b> = BTreeMap<&'b RecordKey, (usize, Option<Range<usize>>)>;

fn invocation(org: &OrgId, batch: &Batch, confirmed: Head) -> ScriptInvocation<'static> {
    let keys = Keys(org);
    let encoded: Vec<EncodedEntry> = batch
        .entries
        .iter()
        .map(|e| encode_entry(&e.cause, &e.facts, &e.changes, &e.created))
        .collect();
    let mut writes = Writes::new();
    for ((entry, bytes), number) in batch.entries.iter().zip(&encoded).zip(1..) {
        for ((key, _), image) in entry.changes.iter().zip(&bytes.images) {
            writes.insert(key, (number, image.clone()));
        }
    }
    let mut call = COMMIT.prepare_invoke();
    call.key(keys.meta()).key(keys.records()).key(keys.journal());
    call.arg(batch.epoch.0)
        .arg(confirmed.revision.get())
        .arg(&id_to_bytes(confirmed.entry)[..])
        .arg(batch.decided_on.revision.get())
        .arg(&id_to_bytes(batch.decided_on.entry)[..])
        .arg(CATCH_UP_MAX)
        .arg(OUTCOME_BUCKET.as_ms())
        .arg(keys.requests())
        .arg(keys.wake())
        .arg(OUTCOME_BUCKETS)
        .arg(STORED_LEVEL)
        .arg(crate::RELEASE)
        .arg(batch.entries.len())
        .arg(writes.len())
        .arg(batch.outcomes.len())
        .arg(batch.asked.len())
        .arg(batch.records);
    let images: Vec<_> = encoded.iter().map(|entry| entry.images.clone()).collect();
    for (entry, encoded) in batch.entries.iter().zip(encoded) {
        let request = batch.outcomes.iter().find(|(_, outcome)| {
            outcome.revision == entry.revision && !matches!(outcome.answer, Answer::Refused(_))
        });
        call.arg(&id_to_bytes(entry.id)[..])
            .arg(entry.time.as_ms())
            .arg(encoded.bytes)
            .arg(request.map(|(txn, outcome)| encode_request(*txn, outcome)).unwrap_or_default());
    }
    for (key, (number, image)) in writes {
        call.arg(encode_key(key));
        match image {
            // Lua counts from 1 and includes the end.
            Some(range) => call.arg(number).arg(range.start + 1).arg(range.end),
            None => call.arg(0).arg("").arg(""),
        };
    }
    add_outcomes(&mut call, batch, &images);
    for txn in &batch.asked {
        call.arg(&id_to_bytes(*txn)[..]);
    }
    call
}

fn add_outcomes(
    call: &mut ScriptInvocation<'_>,
    batch: &Batch,
    images: &[Vec<Option<Range<usize>>>],
) {
    for (txn, outcome) in &batch.outcomes {
        call.arg(&id_to_bytes(*txn)[..]).arg(outcome.revision.get());
        match image_of(outcome, batch, images) {
            Some((number, range)) => {
                let head = encode_outcome_head(outcome.fingerprint);
                call.arg(head).arg(number).arg(range.start + 1).arg(range.end)
            }
            None => {
                let whole = encode_outcome(outcome.fingerprint, &outcome.answer);
                call.arg(whole).arg(0).arg("").arg("")
            }
        };
    }
}

/// In which entry of the batch the record of an answer is written, and where its image is.
fn image_of(
    outcome: &Outcome,
    batch: &Batch,
    images: &[Vec<Option<Range<usize>>>],
) -> Option<(usize, Range<usize>)> {
    let Answer::Record(record) = &outcome.answer else { return None };
    let at = batch.entries.iter().position(|entry| entry.revision == outcome.revision)?;
    let key = record.key();
    let change = batch.entries[at].changes.iter().position(|(written, _)| *written == key)?;
    Some((at + 1, images[at].get(change)?.clone()?))
}

/// What an entry says of the request that led to it: its id, its fingerprint, and the key of the
/// record that was the answer, from which its outcome can be made again.
fn encode_request(txn: TxnId, outcome: &Outcome) -> Vec<u8> {
    let mut bytes = id_to_bytes(txn).to_vec();
    bytes.extend(outcome.fingerprint.0.to_be_bytes());
    if let Answer::Record(record) = &outcome.answer {
        bytes.extend(encode_key(&record.key()));
    }
    bytes
}

/// `None`: nothing was done, and the caller has missed too much to be told at once.
fn understand(org: &OrgId, confirmed: Head, answer: Value) -> Result<Option<Reply>, JournalError> {
    let mut parts = reply::list(answer)?;
    if let [tag, store_time, known, missed] = parts.as_mut_slice()
        && reply::text(tag)? == "BEHIND"
    {
        let store_time = reply::time(store_time)?;
        let [known, missed] =
            [known, missed].map(|part| reply::list(std::mem::replace(part, Value::Nil)));
        let verdict = behind(confirmed, &known?, missed?)?;
        return Ok(Some(Reply { verdict, store_time }));
    }
    let [tag, rest @ ..] = parts.as_slice() else {
        return Err(reply::odd("nothing"));
    };
    let second = rest.first().ok_or_else(|| reply::odd("too few parts"));
    match reply::text(tag)? {
        "OK" => {
            let store_time = reply::time(second?)?;
            Ok(Some(Reply { verdict: Verdict::Accepted, store_time }))
        }
        "FAR" => Ok(None),
        "TRIMMED" => Err(trimmed(confirmed)),
        // Loading completes it.
        "DIVERGED" | "AHEAD" => Err(JournalError::Diverged(reply::text(second?)?.to_owned())),
        _ => Err(reply::corrupt(org, tag, rest)),
    }
}

/// Nothing was done: what is known of its requests, and what its caller has missed.
fn behind(confirmed: Head, known: &[Value], missed: Vec<Value>) -> Result<Verdict, JournalError> {
    let known: Result<Vec<_>, JournalError> = known
        .chunks_exact(2)
        .map(|pair| Ok((id_from_bytes(reply::bytes(&pair[0])?)?, reply::outcome(&pair[1])?)))
        .collect();
    let missed: Result<Vec<_>, _> =
        missed.into_iter().map(|entry| reply::entry(entry).map(Arc::new)).collect();
    let (known, missed) = (known?, missed?);
    load::check_chain(confirmed, &missed)?;
    Ok(Verdict::Behind { missed, known })
}
