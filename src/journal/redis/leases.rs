//! Leases: a sorted set by Redis' own clock, outside the history; beside it the claims on those that
//! have run out, and the servers that watch over them.

use std::sync::LazyLock;

use ::redis::Script;

use super::super::codec::{id_from_bytes, id_to_bytes};
use super::super::{CLAIM, JournalError, Lapsed, LeaseReport, SERVER_AWAY, ServerId};
use super::keys::Keys;
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::Span;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static LAPSED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lapsed.lua")));
static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget_leases.lua")));

/// How many go in one command, so that none runs for long.
const SLICE: usize = 1_000;

/// Which leases are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    All,
    OnlyNew,
}

pub(super) async fn renew(
    link: &Link,
    org: &OrgId,
    leases: &[(PresenceId, Span)],
    which: Which,
) -> Result<Vec<PresenceId>, JournalError> {
    let mut started = Vec::new();
    for slice in leases.chunks(SLICE) {
        let mut call = RENEW.key(Keys(org).leases());
        call.arg(if which == Which::OnlyNew { "NX" } else { "ALL" });
        for (presence, span) in slice {
            call.arg(span.as_ms()).arg(&id_to_bytes(*presence)[..]);
        }
        for presence in reply::list(link.run(&call).await.map_err(Trouble::of_read)?)? {
            started.push(id_from_bytes(reply::bytes(&presence)?)?);
        }
    }
    Ok(started)
}

pub(super) async fn lapsed(
    link: &Link,
    org: &OrgId,
    by: ServerId,
    limit: usize,
    since: Span,
) -> Result<LeaseReport, JournalError> {
    let keys = Keys(org);
    let mut call = LAPSED.key(keys.leases());
    call.key(keys.servers()).key(keys.claims());
    call.arg(limit.min(SLICE)).arg(&by.0.to_be_bytes()[..]);
    call.arg(SERVER_AWAY.as_ms()).arg(CLAIM.as_ms()).arg(since.as_ms());
    let reply = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    let [word, store_time, presences @ ..] = reply.as_slice() else {
        return Err(reply::odd("too few parts"));
    };
    let lapsed = match reply::text(word)? {
        "LOST" => Lapsed::ServerLost,
        "OK" => {
            let ids = presences.iter().map(|presence| id_from_bytes(reply::bytes(presence)?));
            Lapsed::Claimed(ids.collect::<Result<_, _>>()?)
        }
        _ => return Err(reply::odd("an unknown kind")),
    };
    Ok(LeaseReport { lapsed, store_time: reply::time(store_time)? })
}

pub(super) async fn forget(
    link: &Link,
    org: &OrgId,
    presences: &[PresenceId],
) -> Result<Vec<PresenceId>, JournalError> {
    let mut renewed = Vec::new();
    for slice in presences.chunks(SLICE) {
        let mut call = FORGET.key(Keys(org).leases());
        call.key(Keys(org).claims());
        for presence in slice {
            call.arg(&id_to_bytes(*presence)[..]);
        }
        for presence in reply::list(link.run(&call).await.map_err(Trouble::of_read)?)? {
            renewed.push(id_from_bytes(reply::bytes(&presence)?)?);
        }
    }
    Ok(renewed)
}

/// Forgets leases, and the claims on them: who signs in again under the same id has neither.
pub(super) async fn release(
    link: &Link,
    org: &OrgId,
    presences: &[PresenceId],
) -> Result<(), JournalError> {
    let keys = Keys(org);
    for (slice, key) in
        presences.chunks(SLICE).flat_map(|slice| [(slice, keys.leases()), (slice, keys.claims())])
    {
        let mut command = ::redis::cmd("ZREM");
        command.arg(key);
        for presence in slice {
            command.arg(&id_to_bytes(*presence)[..]);
        }
        link.send(&command).await.map_err(Trouble::of_read)?;
    }
    Ok(())
}

pub(super) async fn leave(link: &Link, org: &OrgId, by: ServerId) -> Result<(), JournalError> {
    let mut command = ::redis::cmd("ZREM");
    command.arg(Keys(org).servers()).arg(&by.0.to_be_bytes()[..]);
    link.send(&command).await.map_err(Trouble::of_read)?;
    Ok(())
}
