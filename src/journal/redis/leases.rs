//! Leases: a sorted set by Redis' own clock, outside the history.

use std::sync::LazyLock;

use ::redis::Script;

use super::super::JournalError;
use super::super::codec::{id_from_bytes, id_to_bytes};
use super::keys::Keys;
use super::link::{Link, Trouble};
use super::reply;
use crate::domain::id::{OrgId, PresenceId};
use crate::domain::time::Span;

static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("renew.lua")));
static LAPSED: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lapsed.lua")));

/// How many go in one command, so that none runs for long.
const SLICE: usize = 1_000;

pub(super) async fn renew(
    link: &Link,
    org: &OrgId,
    leases: &[(PresenceId, Span)],
) -> Result<(), JournalError> {
    for slice in leases.chunks(SLICE) {
        let mut call = RENEW.key(Keys(org).leases());
        for (presence, span) in slice {
            call.arg(span.as_ms()).arg(&id_to_bytes(*presence)[..]);
        }
        link.run(&call).await.map_err(Trouble::of_read)?;
    }
    Ok(())
}

pub(super) async fn lapsed(
    link: &Link,
    org: &OrgId,
    limit: usize,
) -> Result<Vec<PresenceId>, JournalError> {
    let mut call = LAPSED.key(Keys(org).leases());
    call.arg(limit);
    let presences = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    presences.iter().map(|presence| id_from_bytes(reply::bytes(presence)?)).collect()
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
