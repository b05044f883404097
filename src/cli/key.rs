//! `keys`: makes, lists and revokes API keys in the key file of a server, which notices within about a second.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::{CreateKey, Keys, KeysWhat};
use super::{Context, words};
use crate::access::asked_key::AskedKey;
use crate::access::keys::{self, ListedKey};
use crate::output::{self, Table};

/// `baton keys`.
pub fn run(context: &Context, args: &Keys) -> anyhow::Result<()> {
    let file = args.file.as_path();
    match &args.what {
        KeysWhat::Create(asked) => create(context, file, asked),
        KeysWhat::List => list(context, file),
        KeysWhat::Revoke { key } => {
            let revoked = keys::revoke(file, key, SystemTime::now())?;
            let (id, name) = (&revoked.id, &revoked.name);
            output::note(&format!(
                "{name} ({id}) is revoked in {}: a server that reads it takes it within about a second, and ends the key's \
                 calls and streams",
                file.display()
            ));
            Ok(())
        }
    }
}

fn create(context: &Context, file: &Path, asked: &CreateKey) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let expires = asked.expires.map(|after| now.checked_add(after).context("--expires is too far"));
    let asked = AskedKey {
        name: asked.name.clone(),
        orgs: context.global.org.iter().cloned().chain(asked.orgs.iter().cloned()).collect(),
        role: context.global.role.clone().unwrap_or_default(),
        actor: context.global.actor.clone(),
        scopes: asked.scopes.clone(),
        queues: asked.queues.clone(),
        channels: asked.channels.clone(),
        expires: expires.transpose()?,
    };
    let new = match asked.check() {
        Ok(new) => new,
        Err(faults) => bail!("no key was made: {}", faults.join("; ")),
    };
    let made = keys::create(file, &new, now)?;
    context.out.one(
        || {
            let mut key = json_of(&made.key);
            key["key"] = json!(made.text);
            key
        },
        || made.text.clone(),
    );
    output::note(&format!(
        "this is the only time that the key is shown; it is in {}, and a server that reads it takes it within about a second",
        file.display()
    ));
    Ok(())
}

fn list(context: &Context, file: &Path) -> anyhow::Result<()> {
    let keys = keys::list(file)?;
    context.out.list(&keys, json_of, |keys| {
        let headings = ["NAME", "ID", "ROLE", "AS", "ORGS", "SCOPES AND PARTS", "STATE"];
        let mut table = Table::new(headings);
        for key in keys {
            table.row([
                key.name.clone(),
                key.id.to_string(),
                key.role().to_owned(),
                key.grant.actor.id.to_string(),
                key.orgs().join(","),
                key.narrowed_to().join(","),
                state(key),
            ]);
        }
        table
    });
    Ok(())
}

fn state(key: &ListedKey) -> String {
    let now = SystemTime::now();
    match (key.revoked, key.expires) {
        (Some(at), _) => format!("revoked {}", moment(at)),
        (None, Some(at)) if at <= now => format!("expired {}", moment(at)),
        (None, Some(at)) => format!("good until {}", moment(at)),
        (None, None) => "good".to_owned(),
    }
}

fn json_of(key: &ListedKey) -> serde_json::Value {
    json!({
        "id": *key.id,
        "name": key.name,
        "role": key.role(),
        "as": key.grant.actor.id.to_string(),
        "orgs": key.orgs(),
        "narrowedTo": key.narrowed_to(),
        "createTime": moment(key.created),
        "expireTime": key.expires.map(moment),
        "revokeTime": key.revoked.map(moment),
    })
}

fn moment(at: SystemTime) -> String {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let seconds = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    words::moment(&prost_types::Timestamp { seconds, nanos: 0 })
}
