//! `context`: keeps, chooses and shows the contexts that commands work in. `whoami`: whom the server takes the caller for.

use std::io::Read as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use serde_json::json;

use super::args::{ContextArgs, Global, SetContext};
use super::contexts::{self, Contexts, SavedContext};
use super::{Context, json, names};
use crate::client::Credential;
use crate::output::{self, Table};
use crate::pb;

/// `baton context`.
pub fn run(context: &Context, what: Option<ContextArgs>) -> anyhow::Result<()> {
    let folder = contexts::folder()?;
    let mut contexts = Contexts::read(&folder)?;
    match what {
        None | Some(ContextArgs::List) => {
            list(context, &contexts);
            return Ok(());
        }
        Some(ContextArgs::Use { name }) => {
            contexts.named(&name)?;
            contexts.current = Some(name);
        }
        Some(ContextArgs::Set(asked)) => set(&mut contexts, &asked, &context.global)?,
        Some(ContextArgs::Delete { name }) => {
            contexts.named(&name)?;
            contexts.all.remove(&name);
            if contexts.current.as_ref() == Some(&name) {
                contexts.current = None;
            }
        }
    }
    contexts.write(&folder)?;
    match &contexts.current {
        Some(name) => output::note(&format!("the current context is {name}")),
        None => output::note("there is no current context: commands ask http://127.0.0.1:50051"),
    }
    Ok(())
}

fn list(context: &Context, contexts: &Contexts) {
    let all: Vec<(&String, &SavedContext)> = contexts.all.iter().collect();
    let is_current = |name: &String| contexts.current.as_ref() == Some(name);
    context.out.list(
        &all,
        |(name, saved)| {
            json!({
                "name": name, "current": is_current(name), "server": saved.server, "org": saved.org,
                "credentialFile": saved.credential_file,
            })
        },
        |all| {
            let mut table = Table::new(["", "NAME", "SERVER", "ORG", "CREDENTIAL"]);
            for (name, saved) in all {
                let path = |path: &Option<PathBuf>| {
                    path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
                };
                let credential = match (&saved.credential_file, &saved.cert) {
                    (Some(_), _) => path(&saved.credential_file),
                    (None, cert) => path(cert),
                };
                let mark = if is_current(name) { "*" } else { " " };
                let org = saved.org.clone().unwrap_or_default();
                table.row([
                    mark.to_owned(),
                    name.to_string(),
                    saved.server.clone(),
                    org,
                    credential,
                ]);
            }
            table
        },
    );
}

fn set(contexts: &mut Contexts, asked: &SetContext, given: &Global) -> anyhow::Result<()> {
    let name = &asked.name;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if name.is_empty() || name.starts_with('.') || !name.chars().all(plain) {
        bail!("{name:?} is no name for a context: use letters, digits, - _ and .");
    }
    let mut before = contexts.all.get(name).cloned().unwrap_or_default();
    let server = given.server.first().cloned().unwrap_or_else(|| before.server.clone());
    if server != before.server {
        let former = before.server.clone();
        if before.drop_secrets() {
            output::note(&format!(
                "{name} asks another server now: what was kept to show {former} and to believe it is dropped, but for what is given anew"
            ));
        }
    }
    let path = |path: &Option<PathBuf>, before: Option<PathBuf>| {
        // From wherever commands are called later.
        path.as_ref()
            .map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone()))
            .or(before)
    };
    let mut saved = SavedContext {
        server,
        org: given.org.clone().or(before.org),
        credential_file: path(&given.credential_file, before.credential_file),
        ca: path(&given.tls.ca, before.ca),
        cert: path(&given.tls.cert, before.cert),
        key: path(&given.tls.key, before.key),
    };
    if saved.server.is_empty() {
        bail!("a new context needs the server to ask: give --server https://…");
    }
    if asked.credential_stdin {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("can't read standard input")?;
        let path = contexts::folder()?.join("credentials").join(name);
        contexts::write_private(&path, text.trim().as_bytes())?;
        Credential::File(path.clone()).text()?;
        saved.credential_file = Some(path);
    }
    contexts.all.insert(name.clone(), saved);
    if asked.and_use || contexts.current.is_none() {
        contexts.current = Some(name.clone());
    }
    Ok(())
}

/// `baton whoami`.
pub async fn whoami(context: &Context) -> anyhow::Result<()> {
    let said = context.client()?.who_am_i(pb::WhoAmIRequest {}).await?;
    context.out.one(|| json::of("WhoAmIResponse", &said), || words(&said));
    Ok(())
}

fn words(said: &pb::WhoAmIResponse) -> String {
    let actor = said.actor.clone().unwrap_or_default();
    let mut lines = vec![
        format!("role        {}", names::of::<pb::Role>(actor.role)),
        format!("id          {}", actor.id),
        format!("org         {}", said.org),
    ];
    if said.any_org {
        lines.push("orgs        any".to_owned());
    } else if said.orgs.len() > 1 {
        lines.push(format!("orgs        {}", said.orgs.join(", ")));
    }
    let kind = names::of::<pb::CredentialKind>(said.kind).to_lowercase().replace('_', " ");
    lines.push(format!("credential  {} ({kind})", said.credential));
    if !said.delegate.is_empty() {
        lines.push(format!("held by     {}", said.delegate));
    }
    lines.push(format!("scopes      {}", said.scopes.join(", ")));
    for (what, ids) in [("queues", &said.queues), ("channels", &said.channels)] {
        if !ids.is_empty() {
            lines.push(format!("{what:<11} {} only", ids.join(", ")));
        }
    }
    if let Some(at) = said.expire_time {
        lines.push(format!("until       {}", super::words::moment(&at)));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s1_another_server_isnt_shown_the_credential_of_the_one_before() {
        use clap::Parser as _;
        let mut contexts = Contexts::default();
        let mut set = |line: &str| {
            let words = ["baton", "context", "set", "prod"].into_iter();
            let words = words.chain(line.split_whitespace());
            let cli = super::super::args::Cli::try_parse_from(words).unwrap();
            let super::super::args::Command::Context { what: Some(ContextArgs::Set(asked)) } =
                cli.command
            else {
                panic!("it is `set`")
            };
            super::set(&mut contexts, &asked, &cli.global).unwrap();
            contexts.all["prod"].clone()
        };
        let files = "--credential-file /k --ca /ca --cert /c --key /p";
        let one = set(&format!("--server https://one --org acme {files}"));
        assert_eq!(set("--org zeta"), SavedContext { org: Some("zeta".into()), ..one.clone() });
        assert_eq!(set("--server https://one").credential_file, one.credential_file);
        let other = set("--server https://two --ca /other");
        let expected = SavedContext {
            server: "https://two".into(),
            org: Some("zeta".into()),
            ca: Some("/other".into()),
            ..SavedContext::default()
        };
        assert_eq!(other, expected);
    }

    #[test]
    fn s4_whoami_reads_like_a_card() {
        let said = pb::WhoAmIResponse {
            org: "acme".into(),
            orgs: vec!["acme".into(), "zeta".into()],
            actor: Some(pb::Actor { role: pb::Role::Supervisor.into(), id: "sue".into() }),
            kind: pb::CredentialKind::ApiKey.into(),
            credential: "key:sue".into(),
            scopes: vec!["presence".into(), "read-only".into()],
            queues: vec!["billing".into()],
            ..Default::default()
        };
        let text = words(&said);
        assert!(text.contains("role        SUPERVISOR"), "{text}");
        assert!(text.contains("orgs        acme, zeta"), "{text}");
        assert!(text.contains("credential  key:sue (api key)"), "{text}");
        assert!(text.contains("queues      billing only"), "{text}");
    }
}
