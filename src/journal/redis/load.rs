//! Reading: the history page by page, and an org as a whole.
//!
//! An org is loaded without stopping the world: its records are scanned while others go on
//! committing, then the entries since the scan's start are applied. An entry carries complete
//! images, so whichever moment a scanned record is of, the result is the state at the last entry.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use ::redis::{Script, ScriptInvocation, Value};

use super::super::codec::{
    decode_key, decode_record, encode_key, encode_outcome, encode_record, id_from_bytes,
    id_to_bytes,
};
use super::super::{Epoch, History, JournalError, Loaded};
use super::keys::{Keys, STORED_LEVEL};
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::entry::{Answer, Entry, Fingerprint, Head, Revision};
use crate::domain::id::{EntryId, OrgId};
use crate::domain::record::RecordKey;
use crate::domain::state::{HeldRecord, State};
use crate::domain::time::Timestamp;

static HEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("head.lua")));
static BUMP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bump.lua")));
static COMPLETE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("complete.lua")));

/// How many records, or entries, come at a time.
const PAGE: usize = 1_000;

/// How often it is said how far loading has come.
const PROGRESS: Duration = Duration::from_secs(5);

/// How often loading starts again because the history changed under it.
const ATTEMPTS: usize = 5;

/// The head as it is stored.
struct StoredHead {
    /// 0 for an org that was never written to.
    epoch: Epoch,
    head: Head,
    /// The entry at the revision that was asked about, if that is still known.
    known: Option<EntryId>,
    /// What time it is in the org by now.
    now: Timestamp,
    records: usize,
    release: String,
    /// Where the journal ends: at the head, unless something broke off between two writes.
    last: Revision,
}

impl StoredHead {
    /// Does it contradict that `known` was once committed?
    fn contradicts(&self, epoch: Epoch, known: Head) -> bool {
        // What was never written to begins in the first one.
        let stored = self.epoch.max(Epoch(1));
        stored < epoch
            || (stored == epoch
                && (self.head.revision < known.revision
                    || self.known.is_some_and(|entry| entry != known.entry)))
    }
}

/// At most `limit` entries after `after`; see [`super::super::Journal::read`].
pub(super) async fn read(
    link: &Link,
    org: &OrgId,
    after: Revision,
    limit: usize,
) -> Result<History, JournalError> {
    if limit == 0 {
        return Ok(History::Entries(Vec::new()));
    }
    let page = page(link, org, after, limit).await?;
    if follows(&page, after) {
        return Ok(History::Entries(page));
    }
    // The head before the journal: an entry that it counts and the journal doesn't have is gone for good.
    let mut get = ::redis::cmd("HGET");
    get.arg(Keys(org).meta()).arg("revision");
    let head = match link.send(&get).await.map_err(Trouble::of_read)? {
        Value::Nil => Revision::ZERO,
        value => reply::revision(&value)?,
    };
    let page = self::page(link, org, after, limit).await?;
    if follows(&page, after) || (page.is_empty() && head <= after) {
        return Ok(History::Entries(page));
    }
    Ok(History::Trimmed)
}

async fn page(
    link: &Link,
    org: &OrgId,
    after: Revision,
    limit: usize,
) -> Result<Vec<Arc<Entry>>, JournalError> {
    let mut range = ::redis::cmd("XRANGE");
    let from = format!("0-{}", after.next());
    range.arg(Keys(org).journal()).arg(from).arg("+").arg("COUNT").arg(limit);
    let values = reply::list(link.send(&range).await.map_err(Trouble::of_read)?)?;
    values.into_iter().map(|value| reply::entry(value).map(Arc::new)).collect()
}

fn follows(page: &[Arc<Entry>], after: Revision) -> bool {
    page.first().is_some_and(|first| first.revision == after.next())
}

/// Where `entries` lead from `since`.
///
/// # Errors
/// [`JournalError::Diverged`] where one doesn't follow the one before it.
pub(super) fn check_chain(since: Head, entries: &[Arc<Entry>]) -> Result<Head, JournalError> {
    entries.iter().try_fold(since, |head, entry| {
        if entry.follows(head) {
            Ok(entry.head())
        } else {
            Err(JournalError::Diverged(format!("{} doesn't follow {head:?}", entry.revision)))
        }
    })
}

/// The org as it is now; see [`super::super::Journal::load`].
pub(super) async fn load(
    link: &Link,
    org: &OrgId,
    known: Option<(Epoch, Head)>,
) -> Result<Loaded, JournalError> {
    for _ in 0..ATTEMPTS {
        let stored =
            head(link, org, known.map_or(Revision::ZERO, |(_, head)| head.revision)).await?;
        let nothing = stored.epoch == Epoch(0);
        if nothing && known.is_some_and(|(_, head)| head.revision > Revision::ZERO) {
            return Err(reply::gone(org));
        }
        if stored.last > stored.head.revision {
            complete(link, org, stored.head).await?;
            continue;
        }
        if stored.last < stored.head.revision {
            let text = format!("the journal ends at {}, before its head", stored.last);
            return Err(reply::broken(org, &text));
        }
        if let Some((epoch, head)) = known
            && stored.contradicts(epoch, head)
        {
            // Whether it was this call that bumped it or another: look again.
            bump(link, org, stored.epoch, Epoch(epoch.max(stored.epoch).0 + 1)).await?;
            continue;
        }
        let StoredHead { epoch, now, release, .. } = &stored;
        let (epoch, now, release) = (*epoch, *now, release.clone());
        if nothing {
            return Ok(Loaded { epoch: Epoch(1), state: State::default(), now, release });
        }
        if let Some(state) = snapshot(link, org, &stored).await? {
            return Ok(Loaded { epoch, state, now, release });
        }
    }
    Err(JournalError::Unavailable(format!(
        "the history changed {ATTEMPTS} times while it was read"
    )))
}

/// The state at the head that was current when the scan ended; `None` if the history didn't stay the
/// same. However fast others commit, there is only so much to read after the scan.
async fn snapshot(
    link: &Link,
    org: &OrgId,
    from: &StoredHead,
) -> Result<Option<State>, JournalError> {
    let mut records = scan(link, org).await?;
    // What the scan saw of later entries is complete once all is applied that was there at its end.
    let end = head(link, org, from.head.revision).await?;
    if end.epoch != from.epoch || end.known.is_some_and(|entry| entry != from.head.entry) {
        return Ok(None);
    }
    let mut at = from.head;
    while at.revision < end.head.revision {
        let missing = end.head.revision.get() - at.revision.get();
        let page = PAGE.min(usize::try_from(missing).unwrap_or(PAGE));
        let History::Entries(page) = read(link, org, at.revision, page).await? else {
            return Ok(None);
        };
        let Ok(next) = check_chain(at, &page) else {
            return Ok(None);
        };
        if next == at {
            return Ok(None);
        }
        at = next;
        for entry in page {
            for (key, record) in &entry.changes {
                match record {
                    Some(record) => {
                        let held = HeldRecord { revision: entry.revision, record: record.clone() };
                        records.insert(key.clone(), held);
                    }
                    None => {
                        records.remove(key);
                    }
                }
            }
        }
    }
    if at.entry != end.head.entry {
        return Ok(None);
    }
    if records.len() != end.records {
        return Err(reply::miscounted(org, records.len(), end.records));
    }
    Ok(Some(State::restore(at, records)))
}

/// Writes what a journal that goes on past its head says of records and requests (see `complete.lua`).
async fn complete(link: &Link, org: &OrgId, head: Head) -> Result<(), JournalError> {
    let keys = Keys(org);
    let mut range = ::redis::cmd("XRANGE");
    let from = format!("0-{}", head.revision.next());
    range.arg(keys.journal()).arg(from).arg("+").arg("COUNT").arg(PAGE);
    let elements = reply::list(link.send(&range).await.map_err(Trouble::of_read)?)?;
    let mut at = head;
    for element in elements {
        let (entry, request) = reply::element(element)?;
        if !entry.follows(at) {
            let text = format!("{} doesn't follow {}", entry.revision, at.revision);
            return Err(reply::broken(org, &text));
        }
        tracing::warn!(%org, revision = %entry.revision, "an entry is completed that broke off");
        let call = completion(&keys, at, &entry, &request)?;
        if reply::is_zero(&link.run(&call).await.map_err(Trouble::of_commit)?) {
            break; // Another server completes it.
        }
        at = entry.head();
    }
    Ok(())
}

fn completion(
    keys: &Keys<'_>,
    at: Head,
    entry: &Entry,
    request: &[u8],
) -> Result<ScriptInvocation<'static>, JournalError> {
    let mut call = COMPLETE.prepare_invoke();
    call.key(keys.meta()).key(keys.records());
    call.arg(at.revision.get()).arg(&id_to_bytes(at.entry)[..]);
    call.arg(entry.revision.get()).arg(&id_to_bytes(entry.id)[..]).arg(entry.time.as_ms());
    let (removed, written): (Vec<_>, Vec<_>) =
        entry.changes.iter().partition(|(_, record)| record.is_none());
    call.arg(keys.requests()).arg(written.len()).arg(removed.len());
    call.arg(usize::from(!request.is_empty()));
    for (key, record) in written {
        let mut image = format!("{} ", entry.revision).into_bytes();
        if let Some(record) = record {
            encode_record(record, &mut image);
        }
        call.arg(encode_key(key)).arg(image);
    }
    for (key, _) in removed {
        call.arg(encode_key(key));
    }
    if let Some((txn, rest)) = request.split_at_checked(16) {
        let (print, key) = rest.split_at_checked(16).ok_or_else(|| reply::odd("a request"))?;
        let record = if key.is_empty() { None } else { Some(decode_key(key)?) };
        let written = record.and_then(|key| entry.changes.iter().find(|(k, _)| *k == key));
        let answer = written.and_then(|(_, record)| record.clone());
        let fingerprint = Fingerprint(id_from_bytes(print)?);
        let mut outcome = format!("{} ", entry.revision).into_bytes();
        outcome
            .extend(encode_outcome(fingerprint, &answer.map_or(Answer::Nothing, Answer::Record)));
        call.arg(txn).arg(outcome);
    }
    Ok(call)
}

/// Every record, each as it was at some moment of the scan.
async fn scan(link: &Link, org: &OrgId) -> Result<HashMap<RecordKey, HeldRecord>, JournalError> {
    let key = Keys(org).records();
    let mut records = HashMap::new();
    let mut cursor = String::from("0");
    let mut said = Instant::now();
    loop {
        if said.elapsed() >= PROGRESS {
            said = Instant::now();
            tracing::info!(%org, records = records.len(), "a large org is being loaded");
        }
        let mut scan = ::redis::cmd("HSCAN");
        scan.arg(&key).arg(&cursor).arg("COUNT").arg(PAGE);
        let answer = reply::list(link.send(&scan).await.map_err(Trouble::of_read)?)?;
        let [next, fields] = <[Value; 2]>::try_from(answer).map_err(|_| reply::odd("a scan"))?;
        let fields = reply::list(fields)?;
        for pair in fields.chunks_exact(2) {
            let key = decode_key(reply::bytes(&pair[0])?)?;
            let (revision, image) = reply::with_revision(&pair[1])?;
            let record = decode_record(&key, image)?;
            records.insert(key, HeldRecord { revision, record });
        }
        reply::text(&next)?.clone_into(&mut cursor);
        if cursor == "0" {
            return Ok(records);
        }
    }
}

async fn head(link: &Link, org: &OrgId, known: Revision) -> Result<StoredHead, JournalError> {
    let keys = Keys(org);
    let mut call = HEAD.key(keys.meta());
    call.key(keys.records()).key(keys.journal()).arg(known.get()).arg(STORED_LEVEL);
    let parts = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    match parts.as_slice() {
        [tag, rest @ ..] if reply::text(tag)? != "OK" => Err(reply::corrupt(org, tag, rest)),
        [_, epoch, revision, entry, time, known, now, records, release, last] => Ok(StoredHead {
            epoch: Epoch(reply::number(epoch)?),
            head: Head {
                revision: reply::revision(revision)?,
                entry: id_from_bytes(reply::bytes(entry)?)?,
                time: reply::time(time)?,
            },
            known: match known {
                Value::Nil => None,
                entry => Some(id_from_bytes(reply::bytes(entry)?)?),
            },
            now: reply::time(now)?,
            records: reply::number(records)?,
            release: reply::text(release)?.to_owned(),
            last: reply::revision(last)?,
        }),
        _ => Err(reply::odd("a head")),
    }
}

async fn bump(link: &Link, org: &OrgId, from: Epoch, to: Epoch) -> Result<(), JournalError> {
    let mut call = BUMP.key(Keys(org).meta());
    call.arg(from.0).arg(to.0).arg(STORED_LEVEL).arg(crate::RELEASE);
    link.run(&call).await.map_err(Trouble::of_read)?;
    Ok(())
}
