//! What is about all orgs together: which are awake, whether the store takes writes; and the stored time
//! of one.

use std::sync::LazyLock;

use ::redis::{Script, Value};

use super::super::codec::{id_from_bytes, id_to_bytes};
use super::super::{Awake, Epoch, JournalError, StoredPlace, Unattended};
use super::keys::{AWAKE, Keys, PROBE};
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::entry::Head;
use crate::domain::id::OrgId;
use crate::domain::time::{Span, Timestamp};

static LUA_PROBE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("probe.lua")));
static REBASE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rebase.lua")));
static STAY_AWAKE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("stay_awake.lua")));
static UNATTENDED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("unattended.lua")));
static TAKE_ON: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("take_on.lua")));
static REST: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("rest.lua")));

/// How many orgs go in one command, so that none runs for long.
const SLICE: usize = 1_000;

pub(super) async fn probe(link: &Link) -> Result<Timestamp, JournalError> {
    let answer = link.run(&LUA_PROBE.key(PROBE)).await.map_err(Trouble::of_read)?;
    reply::time(&answer)
}

pub(super) async fn rebase(
    link: &Link,
    org: &OrgId,
    (epoch, head): (Epoch, Head),
    now: Timestamp,
) -> Result<bool, JournalError> {
    let mut call = REBASE.key(Keys(org).meta());
    call.arg(epoch.0).arg(head.revision.get()).arg(&id_to_bytes(head.entry)[..]).arg(now.as_ms());
    Ok(!reply::is_zero(&link.run(&call).await.map_err(Trouble::of_read)?))
}

/// Where each of these histories ends.
pub(super) async fn heads(link: &Link, orgs: &[OrgId]) -> Result<Vec<StoredPlace>, JournalError> {
    let mut places = Vec::with_capacity(orgs.len());
    for org in orgs {
        let mut get = ::redis::cmd("HMGET");
        get.arg(Keys(org).meta()).arg("epoch").arg("revision").arg("entry");
        let answer = reply::list(link.send(&get).await.map_err(Trouble::of_read)?)?;
        places.push(match answer.as_slice() {
            [Value::Nil, ..] => StoredPlace::default(),
            [epoch, revision, entry] => StoredPlace {
                epoch: Epoch(reply::number(epoch)?),
                revision: reply::revision(revision)?,
                entry: id_from_bytes(reply::bytes(entry)?)?,
            },
            _ => return Err(reply::odd("a head")),
        });
    }
    Ok(places)
}

pub(super) async fn stay_awake(
    link: &Link,
    orgs: &[OrgId],
    away: Span,
) -> Result<(), JournalError> {
    for slice in orgs.chunks(SLICE) {
        let mut call = STAY_AWAKE.key(AWAKE);
        call.arg(away.as_ms());
        for org in slice {
            call.arg(org.as_str());
        }
        link.run(&call).await.map_err(Trouble::of_read)?;
    }
    Ok(())
}

pub(super) async fn unattended(link: &Link, limit: usize) -> Result<Unattended, JournalError> {
    let mut call = UNATTENDED.key(AWAKE);
    call.arg(limit);
    let answer = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    let [store_time, rest @ ..] = answer.as_slice() else {
        return Err(reply::odd("too few parts"));
    };
    let mut orgs = Vec::new();
    for pair in rest.chunks_exact(2) {
        // Whatever else is there isn't Baton's.
        if let Ok(org) = OrgId::new(reply::text(&pair[0])?) {
            orgs.push(Awake { org, look_at: reply::time(&pair[1])? });
        }
    }
    Ok(Unattended { orgs, store_time: reply::time(store_time)? })
}

pub(super) async fn take_on(
    link: &Link,
    orgs: &[Awake],
    away: Span,
) -> Result<Vec<Awake>, JournalError> {
    let mut call = TAKE_ON.key(AWAKE);
    call.arg(away.as_ms());
    for Awake { org, look_at } in orgs {
        call.arg(org.as_str()).arg(look_at.as_ms());
    }
    let answer = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    let [look_at, taken @ ..] = answer.as_slice() else {
        return Err(reply::odd("too few parts"));
    };
    let look_at = reply::time(look_at)?;
    let mut orgs = Vec::new();
    for org in taken {
        let org = OrgId::new(reply::text(org)?).map_err(|_| reply::odd("an org"))?;
        orgs.push(Awake { org, look_at });
    }
    Ok(orgs)
}

pub(super) async fn rest(link: &Link, org: &Awake, next: Option<Span>) -> Result<(), JournalError> {
    let mut call = REST.key(AWAKE);
    call.arg(org.org.as_str()).arg(org.look_at.as_ms());
    call.arg(next.map(|next| next.as_ms().to_string()).unwrap_or_default());
    link.run(&call).await.map_err(Trouble::of_read)?;
    Ok(())
}
