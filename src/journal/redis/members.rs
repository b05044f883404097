//! The servers of one Redis, in one hash: each writes its own line, by Redis' clock, and reads those of the
//! others in the same step.

use std::sync::LazyLock;

use ::redis::Script;

use super::super::codec::{id_from_bytes, id_to_bytes};
use super::super::members::{from_line, to_line};
use super::super::{Heartbeat, JournalError, MemberList, SWEPT_AFTER, ServerId};
use super::link::{Link, Trouble};
use super::reply;

static SHOW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("members.lua")));

pub(super) async fn show(
    link: &Link,
    key: &str,
    heartbeat: &Heartbeat,
) -> Result<MemberList, JournalError> {
    let mut call = SHOW.key(key);
    call.arg(&id_to_bytes(heartbeat.member.0)[..]);
    call.arg(heartbeat.started_at.map(|time| time.as_ms().to_string()).unwrap_or_default());
    call.arg(to_line(heartbeat)).arg(SWEPT_AFTER.as_ms());
    let parts = reply::list(link.run(&call).await.map_err(Trouble::of_read)?)?;
    let [now, lines @ ..] = parts.as_slice() else {
        return Err(reply::odd("no time"));
    };
    let mut members = Vec::new();
    for pair in lines.chunks_exact(2) {
        let id: u128 = id_from_bytes(reply::bytes(&pair[0])?)?;
        // One that this release can't read is of a later one, which has its own ways to tell who is home.
        members.extend(from_line(ServerId(id), reply::text(&pair[1])?));
    }
    members.sort_unstable_by_key(|member| member.id);
    Ok(MemberList { members, store_time: reply::time(now)? })
}

pub(super) async fn hide(link: &Link, key: &str, member: ServerId) -> Result<(), JournalError> {
    let mut command = ::redis::cmd("HDEL");
    command.arg(key).arg(&id_to_bytes(member.0)[..]);
    link.send(&command).await.map_err(Trouble::of_read)?;
    Ok(())
}
