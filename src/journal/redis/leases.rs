//! Leases: a sorted set by Redis' own clock, outside the history; and beside it the servers that watch
//! over them.

use std::sync::LazyLock;

use ::redis::Script;

use super::super::codec::{id_from_bytes, id_to_bytes};
use super::super::{CLAIM, JournalError, Lapsed, SERVER_AWAY, ServerId};
use super::keys::Keys;
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::{Span, Timestamp};

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static LAPSED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lapsed.lua")));
static FORGET: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("forget.lua")));

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
) -> Result<Lapsed, JournalError> {
    let mut call = LAPSED.key(Keys(org).leases());
    call.key(Keys(org).servers()).arg(limit.min(SLICE)).arg(&by.0.to_be_bytes()[..]);
    call.arg(SERVER_AWAY.as_ms()).arg(CLAIM.as_ms());
    let reply = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    let mut parts = reply.iter();
    let word = parts.next().map(reply::bytes).transpose()?;
    match word {
        Some(b"LOST") => Ok(Lapsed::ServerLost),
        Some(b"OK") => {
            let until = parts.next().map(reply::number).transpose()?.unwrap_or_default();
            let presences = parts
                .map(|presence| id_from_bytes(reply::bytes(presence)?))
                .collect::<Result<_, _>>()?;
            Ok(Lapsed::Claimed { presences, until: Timestamp::from_ms(until) })
        }
        _ => Err(JournalError::Corrupt("the leases answered something else".to_owned())),
    }
}

pub(super) async fn forget(
    link: &Link,
    org: &OrgId,
    presences: &[PresenceId],
    until: Timestamp,
) -> Result<Vec<PresenceId>, JournalError> {
    let mut renewed = Vec::new();
    for slice in presences.chunks(SLICE) {
        let mut call = FORGET.key(Keys(org).leases());
        call.arg(until.as_ms());
        for presence in slice {
            call.arg(&id_to_bytes(*presence)[..]);
        }
        for presence in reply::list(link.run(&call).await.map_err(Trouble::of_read)?)? {
            renewed.push(id_from_bytes(reply::bytes(&presence)?)?);
        }
    }
    Ok(renewed)
}

pub(super) async fn release(
    link: &Link,
    org: &OrgId,
    presences: &[PresenceId],
) -> Result<(), JournalError> {
    for slice in presences.chunks(SLICE) {
        let mut command = ::redis::cmd("ZREM");
        command.arg(Keys(org).leases());
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
