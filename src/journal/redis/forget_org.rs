//! Giving an org up, when what is stored of it can't be used any more: an operator's decision.

use std::sync::LazyLock;

use ::redis::{Script, Value};

use super::super::{Epoch, JournalError};
use super::keys::{Keys, STORED_LEVEL};
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::id::OrgId;

static FORGET_ORG: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget_org.lua")));

/// How many keys are looked at in one call.
const PAGE: usize = 1_000;

/// Drops what is kept of an org and gives the epoch in which it begins anew.
pub(super) async fn forget_org(link: &Link, org: &OrgId) -> Result<Epoch, JournalError> {
    let keys = Keys(org);
    let mut call = FORGET_ORG.key(keys.meta());
    call.key(keys.records()).key(keys.journal());
    call.key(keys.leases()).key(keys.claims()).key(keys.servers());
    call.arg(STORED_LEVEL).arg(crate::RELEASE);
    let epoch = Epoch(reply::number(&link.run(&call).await.map_err(Trouble::of_commit)?)?);
    drop_buckets(link, &keys, epoch.0).await?;
    Ok(epoch)
}

/// Drops the request buckets before the one of this number, with which the new history began. The head
/// that counted them may be gone, so they are looked for.
async fn drop_buckets(link: &Link, keys: &Keys<'_>, before: u64) -> Result<(), JournalError> {
    let mut cursor = String::from("0");
    loop {
        let mut scan = ::redis::cmd("SCAN");
        scan.arg(&cursor).arg("MATCH").arg(keys.all()).arg("COUNT").arg(PAGE);
        let answer = reply::list(link.send(&scan).await.map_err(Trouble::of_read)?)?;
        let [next, found] = <[Value; 2]>::try_from(answer).map_err(|_| reply::odd("a scan"))?;
        let mut unlink = ::redis::cmd("UNLINK");
        let mut old = 0;
        for key in reply::list(found)? {
            let key = reply::text(&key)?;
            let bucket = key.strip_prefix(&keys.requests()).and_then(|n| n.parse::<u64>().ok());
            if bucket.is_some_and(|bucket| bucket < before) {
                unlink.arg(key);
                old += 1;
            }
        }
        if old > 0 {
            link.send(&unlink).await.map_err(Trouble::of_read)?;
        }
        reply::text(&next)?.clone_into(&mut cursor);
        if cursor == "0" {
            return Ok(());
        }
    }
}
