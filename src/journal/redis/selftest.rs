//! Tries, when a server starts, every command that Baton sends or that a script runs, once and on keys
//! that nobody has: a user who may not run one is refused then, and not when a script has written half
//! of what it has to write. `keys` lists these keys, too.

use std::collections::BTreeSet;
use std::time::Duration;

use ::redis::{Client, Cmd, cmd};
use tokio::time::timeout;

use super::keys::{AWAKE, Keys, MEMBERS_KEY, PROBE, WAKE_PATTERN};
use super::link::{Link, is_forbidden};
use super::options::ConnectError;
use crate::domain::id::OrgId;

/// Tries everything.
///
/// # Errors
/// [`ConnectError::Forbidden`] names what this user can't do.
pub(super) async fn selftest(
    link: &Link,
    client: &Client,
    patience: Duration,
) -> Result<(), ConnectError> {
    let org = format!("selftest-{:016x}", rand::random::<u64>());
    let org = OrgId::new(&org).map_err(|error| ConnectError::Unreachable(error.to_string()))?;
    let mut forbidden = Vec::new();
    let mut script = None;
    for command in commands(&Keys(&org)) {
        let Some(answer) =
            link.send_if_allowed(&command).await.map_err(super::server::unreachable)?
        else {
            forbidden.push(name(&command));
            continue;
        };
        if name(&command) == "SCRIPT LOAD" {
            script = Some(answer);
        }
    }
    // By its digest, which the server has just said.
    if let Some(digest) = script.as_ref().and_then(|answer| super::reply::text(answer).ok()) {
        let mut run = cmd("EVALSHA");
        run.arg(digest).arg(1).arg(Keys(&org).meta());
        if link.send_if_allowed(&run).await.map_err(super::server::unreachable)?.is_none() {
            forbidden.push(name(&run));
        }
    }
    if !may_subscribe(client, patience).await? {
        forbidden.push("PSUBSCRIBE".to_owned());
    }
    let mut named = BTreeSet::new();
    forbidden.retain(|name| named.insert(name.clone()));
    match forbidden.is_empty() {
        true => Ok(()),
        false => Err(ConnectError::Forbidden { commands: forbidden.join(", ") }),
    }
}

/// Every command but EVALSHA and PSUBSCRIBE; the last ones delete what the others wrote.
fn commands(keys: &Keys<'_>) -> Vec<Cmd> {
    let (hash, stream, set) = (keys.meta(), keys.journal(), keys.leases());
    let on = |command: &str, key: &str, arguments: &[&str]| {
        let mut on = cmd(command);
        on.arg(key).arg(arguments);
        on
    };
    let mut load = cmd("SCRIPT");
    load.arg("LOAD").arg("return 1");
    let mut scan = cmd("SCAN");
    scan.arg("0").arg("COUNT").arg("1");
    vec![
        cmd("INFO"),
        cmd("PING"),
        cmd("TIME"),
        load,
        scan,
        on("HSET", &hash, &["f", "v"]),
        on("HSETNX", &hash, &["f", "v"]),
        on("HGET", &hash, &["f"]),
        on("HMGET", &hash, &["f"]),
        on("HLEN", &hash, &[]),
        on("HGETALL", &hash, &[]),
        on("HLEN", MEMBERS_KEY, &[]),
        on("HSCAN", &hash, &["0"]),
        on("HDEL", &hash, &["g"]),
        on("EXISTS", &hash, &[]),
        on("XADD", &stream, &["0-1", "f", "v"]),
        on("XRANGE", &stream, &["-", "+", "COUNT", "1"]),
        on("XREVRANGE", &stream, &["+", "-", "COUNT", "1"]),
        on("XTRIM", &stream, &["MAXLEN", "~", "1"]),
        on("ZADD", &set, &["1", "m"]),
        on("ZRANGE", &set, &["-inf", "1", "BYSCORE", "LIMIT", "0", "1"]),
        on("ZSCORE", &set, &["m"]),
        on("ZREMRANGEBYSCORE", &set, &["-inf", "0"]),
        on("ZREM", &set, &["n"]),
        on("PUBLISH", &keys.wake(), &["nothing"]),
        on("ZADD", AWAKE, &["XX", "0", "nobody"]),
        on("HDEL", PROBE, &["nothing"]),
        on("UNLINK", &hash, &[&stream, &set]),
    ]
}

/// A command's name, with that of its subcommand.
fn name(command: &Cmd) -> String {
    let mut words = command.args_iter().filter_map(|word| match word {
        ::redis::Arg::Simple(word) => std::str::from_utf8(word).ok(),
        _ => None,
    });
    match (words.next(), words.next()) {
        (Some("SCRIPT"), Some(sub)) => format!("SCRIPT {sub}"),
        (first, _) => first.unwrap_or_default().to_owned(),
    }
}

async fn may_subscribe(client: &Client, patience: Duration) -> Result<bool, ConnectError> {
    let trying = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.psubscribe(WAKE_PATTERN).await
    };
    match timeout(patience, trying).await {
        Ok(Ok(())) => Ok(true),
        Ok(Err(error)) if is_forbidden(&error) => Ok(false),
        Ok(Err(error)) => Err(ConnectError::Unreachable(error.to_string())),
        Err(_) => Err(ConnectError::Unreachable("no answer to a subscription".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    /// The words that follow `before` in quotes.
    fn named<'t>(text: &'t str, before: &str, quote: char) -> Vec<&'t str> {
        let after = text.split(before).skip(1);
        let words = after.filter_map(|rest| rest.strip_prefix(quote)?.split(quote).next());
        words.filter(|word| word.bytes().all(|byte| byte.is_ascii_uppercase())).collect()
    }

    #[test]
    fn every_command_of_the_sources_is_tried() {
        let org = OrgId::new("acme").expect("a good id");
        let mut tried: BTreeSet<String> =
            commands(&Keys(&org)).iter().map(|c| name(c).replace(" LOAD", "")).collect();
        tried.extend(["EVALSHA", "PSUBSCRIBE"].map(str::to_owned));
        let mut used = BTreeSet::new();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/journal/redis");
        for file in fs::read_dir(sources).expect("the sources are there") {
            let path = file.expect("it can be read").path();
            if path.ends_with("selftest.rs") {
                continue;
            }
            let text = fs::read_to_string(&path).expect("sources are UTF-8");
            let (calls, quote): (&[&str], _) = match path.extension().and_then(|e| e.to_str()) {
                Some("lua") => (&["call(", "put("], '\''),
                _ => (&[concat!("cmd", "(")], '"'),
            };
            used.extend(calls.iter().flat_map(|call| named(&text, call, quote)).map(str::to_owned));
        }
        // Baton does without what it would say of itself.
        used.remove("CONFIG");
        assert!(used.len() > 20, "{used:?}");
        let missing: Vec<_> = used.difference(&tried).collect();
        assert!(missing.is_empty(), "not tried at the start: {missing:?}");
    }
}
