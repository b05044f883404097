//! Reading: the history page by page, and an org as a whole.
//!
//! An org is loaded without stopping the world: its records are scanned while others go on
//! committing, then the entries since the scan's start are applied. An entry carries complete
//! images, so whichever moment a scanned record is of, the result is the state at the last entry.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use ::redis::{Script, Value};

use super::super::codec::{decode_key, decode_record, id_from_bytes};
use super::super::{Epoch, History, JournalError, Loaded};
use super::keys::Keys;
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::entry::{Entry, Head, Revision};
use crate::domain::id::{OrgId, TxnId};
use crate::domain::record::RecordKey;
use crate::domain::state::{Held, State};

static HEAD: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("head.lua")));
static BUMP: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("bump.lua")));

/// How many records, or entries, come at a time.
const PAGE: usize = 1_000;

/// How often loading starts again because the history changed under it.
const ATTEMPTS: usize = 5;

/// The head as it is stored.
struct StoredHead {
    /// 0 for an org that was never written to.
    epoch: Epoch,
    head: Head,
    /// The transaction at the revision that was asked about, if that is still known.
    known: Option<TxnId>,
}

impl StoredHead {
    /// Does it contradict that `known` was once committed?
    fn contradicts(&self, epoch: Epoch, known: Head) -> bool {
        self.epoch < epoch
            || (self.epoch == epoch
                && (self.head.revision < known.revision
                    || self.known.is_some_and(|txn| txn != known.txn)))
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
    let keys = Keys(org);
    // The head first: an entry that it counts and the journal doesn't have is gone for good.
    let mut get = ::redis::cmd("HGET");
    get.arg(keys.meta()).arg("revision");
    let head = match link.send(&get).await.map_err(Trouble::of_read)? {
        Value::Nil => Revision::ZERO,
        value => reply::revision(&value)?,
    };
    let mut range = ::redis::cmd("XRANGE");
    range.arg(keys.journal()).arg(format!("0-{}", after.next())).arg("+").arg("COUNT").arg(limit);
    let values = reply::list(link.send(&range).await.map_err(Trouble::of_read)?)?;
    let entries: Result<Vec<_>, _> =
        values.into_iter().map(|value| reply::entry(value).map(Arc::new)).collect();
    let entries = entries?;
    let gone = match entries.first() {
        Some(first) => first.revision != after.next(),
        None => head > after,
    };
    if gone {
        return Ok(History::Trimmed);
    }
    Ok(History::Entries(entries))
}

/// Where `entries` lead from `since`.
///
/// # Errors
/// [`JournalError::Diverged`] where one doesn't follow the one before it.
pub(super) fn check_chain(since: Head, entries: &[Arc<Entry>]) -> Result<Head, JournalError> {
    entries.iter().try_fold(since, |head, entry| {
        if entry.revision == head.revision.next() && entry.previous == head.txn {
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
        if let Some((epoch, head)) = known
            && stored.contradicts(epoch, head)
        {
            // Whether it was this call that bumped it or another: look again.
            bump(link, org, stored.epoch, Epoch(epoch.max(stored.epoch).0 + 1)).await?;
            continue;
        }
        if stored.epoch == Epoch(0) {
            return Ok(Loaded { epoch: Epoch(1), state: State::default() });
        }
        if let Some(state) = snapshot(link, org, &stored).await? {
            return Ok(Loaded { epoch: stored.epoch, state });
        }
    }
    Err(JournalError::Unavailable(format!(
        "the history changed {ATTEMPTS} times while it was read"
    )))
}

/// The state at some revision from `from` on; `None` if the history didn't stay the same.
async fn snapshot(
    link: &Link,
    org: &OrgId,
    from: &StoredHead,
) -> Result<Option<State>, JournalError> {
    let mut records = scan(link, org).await?;
    let mut at = from.head;
    loop {
        let History::Entries(page) = read(link, org, at.revision, PAGE).await? else {
            return Ok(None);
        };
        let Ok(next) = check_chain(at, &page) else {
            return Ok(None);
        };
        if next == at {
            break;
        }
        at = next;
        for entry in page {
            for (key, record) in &entry.changes {
                match record {
                    Some(record) => {
                        let held = Held { version: entry.txn, record: record.clone() };
                        records.insert(key.clone(), held);
                    }
                    None => {
                        records.remove(key);
                    }
                }
            }
        }
    }
    let end = head(link, org, at.revision).await?;
    let same = end.epoch == from.epoch
        && end.head.revision >= at.revision
        && end.known.is_none_or(|txn| txn == at.txn);
    Ok(same.then(|| State::restore(at, records)))
}

/// Every record, each as it was at some moment of the scan.
async fn scan(link: &Link, org: &OrgId) -> Result<HashMap<RecordKey, Held>, JournalError> {
    let key = Keys(org).records();
    let mut records = HashMap::new();
    let mut cursor = String::from("0");
    loop {
        let mut scan = ::redis::cmd("HSCAN");
        scan.arg(&key).arg(&cursor).arg("COUNT").arg(PAGE);
        let answer = reply::list(link.send(&scan).await.map_err(Trouble::of_read)?)?;
        let [next, fields] = <[Value; 2]>::try_from(answer).map_err(|_| reply::odd("a scan"))?;
        let fields = reply::list(fields)?;
        for pair in fields.chunks_exact(2) {
            let key = decode_key(reply::bytes(&pair[0])?)?;
            let (version, image) = reply::bytes(&pair[1])?
                .split_at_checked(16)
                .ok_or_else(|| reply::odd("a record without a version"))?;
            let held =
                Held { version: id_from_bytes(version)?, record: decode_record(&key, image)? };
            records.insert(key, held);
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
    call.key(keys.records()).key(keys.journal()).arg(known.get());
    let parts = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    match parts.as_slice() {
        [tag, why] if reply::text(tag)? == "CORRUPT" => {
            Err(JournalError::Corrupt(reply::text(why)?.to_owned()))
        }
        [_, epoch, revision, txn, time, known] => Ok(StoredHead {
            epoch: Epoch(reply::number(epoch)?),
            head: Head {
                revision: reply::revision(revision)?,
                txn: id_from_bytes(reply::bytes(txn)?)?,
                time: reply::time(time)?,
            },
            known: match known {
                Value::Nil => None,
                txn => Some(id_from_bytes(reply::bytes(txn)?)?),
            },
        }),
        _ => Err(reply::odd("a head")),
    }
}

async fn bump(link: &Link, org: &OrgId, from: Epoch, to: Epoch) -> Result<(), JournalError> {
    let mut call = BUMP.key(Keys(org).meta());
    call.arg(from.0).arg(to.0);
    link.run(&call).await.map_err(Trouble::of_read)?;
    Ok(())
}
