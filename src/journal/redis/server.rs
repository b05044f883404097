//! What kind of Redis this is: refused at the start if it can't keep what it is given.

use ::redis::{Cmd, Value};

use super::link::{Link, Trouble};
use super::options::ConnectError;
use super::reply;

/// The oldest server that has what is used.
const OLDEST: (u32, u32) = (7, 0);

/// Looks at the server and says in words how durable it is; `None` if its user may not look.
pub(super) async fn inspect(link: &Link) -> Result<Option<String>, ConnectError> {
    let answer = link.send_if_allowed(&::redis::cmd("INFO")).await.map_err(unreachable)?;
    let Some(answer) = answer else {
        return Ok(None);
    };
    let info = match answer {
        Value::VerbatimString { text, .. } => text,
        value => reply::text(&value).map_err(|_| ConnectError::NotRedis)?.to_owned(),
    };
    let field = |name: &str| {
        info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim)
    };
    let version = field("redis_version").ok_or(ConnectError::NotRedis)?;
    if parse_version(version).is_none_or(|found| found < OLDEST) {
        return Err(ConnectError::TooOld { found: version.to_owned() });
    }
    if field("role").is_some_and(|role| role != "master") {
        return Err(ConnectError::Replica);
    }
    let bounded = field("maxmemory").is_some_and(|limit| limit != "0");
    let policy = field("maxmemory_policy").unwrap_or("noeviction");
    if bounded && policy != "noeviction" {
        return Err(ConnectError::Evicts { policy: policy.to_owned() });
    }
    let fsync = setting(link, "appendfsync").await;
    Ok(Some(durability(field("aof_enabled") == Some("1"), fsync.as_deref())))
}

fn durability(appends: bool, fsync: Option<&str>) -> String {
    match (appends, fsync) {
        (false, _) => String::from(
            "memory only: Redis keeps no append-only file, so its restart loses everything since \
             its last snapshot, or everything",
        ),
        (true, Some("always")) => String::from(
            "node, appendfsync always: what was acknowledged survives a power failure of the node",
        ),
        (true, Some("everysec")) => String::from(
            "node, appendfsync everysec: a power failure can lose the last second or two",
        ),
        (true, Some("no")) => String::from(
            "node, appendfsync no: a power failure loses what the operating system hadn't written",
        ),
        (true, _) => String::from(
            "node: Redis keeps an append-only file; how often it syncs it can't be read here",
        ),
    }
}

/// A setting, if the server lets it be read: hosted ones often don't.
async fn setting(link: &Link, name: &str) -> Option<String> {
    let mut command: Cmd = ::redis::cmd("CONFIG");
    command.arg("GET").arg(name);
    match link.send(&command).await.ok()? {
        Value::Array(pair) => reply::text(pair.get(1)?).ok().map(str::to_owned),
        Value::Map(pairs) => reply::text(&pairs.first()?.1).ok().map(str::to_owned),
        _ => None,
    }
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

pub(super) fn unreachable(trouble: Trouble) -> ConnectError {
    match trouble {
        Trouble::NotDone(text) | Trouble::Lost(text) | Trouble::Broken(text) => {
            ConnectError::Unreachable(text)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_compare_by_number() {
        assert!(parse_version("6.2.14").is_some_and(|v| v < OLDEST));
        assert!(parse_version("7.0.15").is_some_and(|v| v >= OLDEST));
        assert!(parse_version("10.0").is_some_and(|v| v >= OLDEST));
        assert_eq!(parse_version("unstable"), None);
    }
}
