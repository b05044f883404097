//! `apply`: brings the org's directory to what a file says.

use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;

use super::args::Apply;
use super::{Context, json, names, org_file};
use crate::client::{Client, Failure};
use crate::output::Table;
use crate::pb;

/// How long to wait for what the server finds wrong with a file that is faulty already.
const LOOK: Duration = Duration::from_secs(2);

/// The directory that `dev` starts with.
const DEMO: &str = include_str!("../../examples/org.yaml");
/// What `dev --partner` adds to it.
const PARTNER: &str = include_str!("../../examples/partner.yaml");

/// `baton apply`.
pub async fn apply(context: &Context, args: &Apply) -> anyhow::Result<()> {
    let (name, text) = read_file(&args.file)?;
    let file = org_file::read(&text, args.prune);
    let settings = file.said.as_ref().is_some_and(|directory| directory.settings.is_some());
    let stay = settings && !args.replace;
    let ask = async |client: &Client, directory: &pb::Directory, only_look: bool| {
        let request = pb::ApplyDirectoryRequest {
            directory: Some(directory.clone()),
            prune: args.prune,
            dry_run: args.dry_run || only_look,
            replace_settings: args.replace,
            move_to: args.move_to.clone().unwrap_or_default(),
            ..Default::default()
        };
        client.apply_directory(request).await
    };
    let answer = asked(&name, file, "directory.", context.client(), ask).await?;
    context.out.one(
        || json::of("ApplyDirectoryResponse", &answer),
        || {
            let what = if args.dry_run { "would change" } else { "changed" };
            let count = plural(answer.changes.len(), "resource");
            let mut table = Table::new(["ACTION", "KIND", "ID", "FIELDS"]);
            for change in &answer.changes {
                table.row([
                    names::of::<pb::DirectoryAction>(change.action),
                    names::of::<pb::DirectoryKind>(change.kind),
                    change.id.clone(),
                    change.changed_fields.join(","),
                ]);
            }
            let rows = if answer.changes.is_empty() { String::new() } else { table.text() };
            let stay = match stay && args.dry_run {
                true => {
                    "; settings that the file leaves out stay (--replace gives them their defaults)"
                }
                false => "",
            };
            format!("{rows}{count} {what}, revision {}{stay}", answer.revision)
        },
    );
    Ok(())
}

/// Asks the server for what a file says: only to look at it, if the file is faulty already. What the server finds wrong
/// with it is said with its place in the file, together with what was found here, and each mistake once (D1).
pub async fn asked<T, A>(
    name: &str,
    mut file: org_file::Reading<T>,
    at: &str,
    client: anyhow::Result<Client>,
    ask: impl AsyncFn(&Client, &T, bool) -> Result<A, Failure>,
) -> anyhow::Result<A> {
    let good = file.faults.is_empty();
    let Some(said) = file.to_be_looked_at() else { return Err(faulty(name, &file.faults, &[])) };
    let looked = match client {
        Err(error) if good => return Err(error),
        Err(error) => Err(error.to_string()),
        Ok(client) if good => match ask(&client, said, false).await {
            Ok(answer) => return Ok(answer),
            Err(failure) => Ok(failure),
        },
        // What is known to be wrong doesn't wait for a server that doesn't answer.
        Ok(client) => match tokio::time::timeout(LOOK, ask(&client, said, true)).await {
            Ok(Err(failure)) if !failure.bad_fields().is_empty() => Ok(failure),
            Ok(Err(failure)) => Err(failure.to_string()),
            Ok(Ok(_)) => return Err(faulty(name, &file.faults, &[])),
            Err(_) => Err(format!("it didn't answer within {} s", LOOK.as_secs())),
        },
    };
    let mut notes = Vec::new();
    match looked {
        Err(why) => notes.push(format!("what only the server knows wasn't looked at: {why}")),
        Ok(failure) => {
            // What is wrong with the rest of the request is no fault of the file.
            let others = file.add(at, failure.bad_fields()).into_iter();
            notes.extend(others.map(|(field, why)| format!("beside the file, {field}: {why}")));
            if file.faults.is_empty() {
                return Err(failure.into());
            }
            let more = failure.metadata().get("more");
            notes.extend(more.map(|more| format!("and {more} more, which the server counts")));
        }
    }
    Err(faulty(name, &file.faults, &notes))
}

/// Applies the example org.
pub async fn apply_demo(client: &Client) -> Result<(), Failure> {
    apply_example(client, DEMO).await
}

/// Adds the example's partner, and what is its.
pub async fn apply_partner(client: &Client) -> Result<(), Failure> {
    apply_example(client, PARTNER).await
}

async fn apply_example(client: &Client, text: &str) -> Result<(), Failure> {
    let directory = org_file::read(text, true).good().expect("the examples are checked by a test");
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    client.apply_directory(request).await.map(drop)
}

/// A file with faults, as an error that shows all of them.
pub fn faulty(name: &str, faults: &[org_file::Fault], notes: &[String]) -> anyhow::Error {
    let mut lines: Vec<String> = faults.iter().map(|fault| format!("{name}:{fault}")).collect();
    lines.extend_from_slice(notes);
    let count = plural(faults.len(), "fault");
    anyhow::anyhow!("{name} has {count} (nothing was changed)\n{}", lines.join("\n"))
}

/// The name and the text of a file; `-` is standard input.
pub fn read_file(path: &Path) -> anyhow::Result<(String, String)> {
    if path == Path::new("-") {
        let text =
            std::io::read_to_string(std::io::stdin()).context("can't read standard input")?;
        return Ok(("-".to_owned(), text));
    }
    let name = path.display().to_string();
    let bytes = std::fs::read(path).with_context(|| format!("can't read {name}"))?;
    let text = String::from_utf8(bytes).map_err(|_| anyhow::anyhow!("{name} isn't UTF-8 text"))?;
    Ok((name, text))
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
