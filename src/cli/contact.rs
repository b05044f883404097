//! `contacts`: those that a partner has, and supplying them from a file (N2, N10).

use anyhow::{Context as _, bail};
use prost::Message as _;

use super::args::{Contacts, Narrowed, SyncContacts};
use super::org_file::{self, Placed};
use super::pages::pages;
use super::target::span;
use super::{Context, directory, json, words};
use crate::client::Client;
use crate::output::{self, Table};
use crate::pb;

/// What a call holds at most, a little below the server's limit of 4 MiB.
const PAGE_BYTES: usize = 3_500_000;

/// `baton contacts`.
pub async fn run(context: &Context, what: Contacts) -> anyhow::Result<()> {
    match what {
        Contacts::List(narrowed) => list(context, String::new(), narrowed).await,
        Contacts::Search { words, narrowed } => list(context, words.join(" "), narrowed).await,
        Contacts::Get { id, partner } => get(context, &id, partner).await,
        Contacts::Sync(args) => sync(context, args).await,
    }
}

async fn list(context: &Context, query: String, args: Narrowed) -> anyhow::Result<()> {
    let client = context.client()?;
    let availabilities = availabilities(&args.availability);
    let contacts = pages!(args.limit, token, size => client.list_contacts(pb::ListContactsRequest {
        partner: args.partner.clone(),
        page_size: size,
        page_token: token.clone(),
        query: query.clone(),
        types: args.types.clone(),
        availabilities: availabilities.clone(),
        channel: args.channel.clone(),
        ..Default::default()
    }).await?, contacts);
    context.out.list(&contacts, |contact| json::of("Contact", contact), rows);
    Ok(())
}

/// As filters want them: UNKNOWN is what isn't specified.
pub fn availabilities(wanted: &[pb::ContactAvailability]) -> Vec<i32> {
    let number = |wanted: &pb::ContactAvailability| match wanted {
        pb::ContactAvailability::Unknown => 0,
        known => *known as i32,
    };
    wanted.iter().map(number).collect()
}

/// `42 --partner acme` or `acme/42`: an id has no slash.
async fn get(context: &Context, id: &str, partner: String) -> anyhow::Result<()> {
    let (partner, contact) = match id.split_once('/') {
        Some((of, _)) if !partner.is_empty() && of != partner => {
            bail!("`{id}` is of another partner than --partner {partner}")
        }
        Some((of, contact)) => (of.to_owned(), contact.to_owned()),
        None => (partner, id.to_owned()),
    };
    let request = pb::GetContactRequest { partner, contact, ..Default::default() };
    let found = context.client()?.get_contact(request).await?.contact.unwrap_or_default();
    context.out.one(|| json::of("Contact", &found), || text(&found));
    Ok(())
}

fn rows(contacts: &[pb::Contact]) -> Table {
    let mut rows = Table::new([
        "CONTACT",
        "NAME",
        "TYPE",
        "AVAILABILITY",
        "WAIT",
        "CHANNELS",
        "DESCRIPTION",
        "FIELDS",
    ]);
    for contact in contacts {
        rows.row([
            contact.id.clone(),
            contact.name.clone(),
            contact.r#type.clone(),
            words::set_name::<pb::ContactAvailability>(contact.availability),
            contact.estimated_wait.as_ref().map(span).unwrap_or_default(),
            contact.channels.join(","),
            contact.description.clone(),
            words::attributes(&contact.fields),
        ]);
    }
    rows
}

fn text(contact: &pb::Contact) -> String {
    words::labelled(&[
        ("contact", contact.id.clone()),
        ("name", contact.name.clone()),
        ("type", contact.r#type.clone()),
        ("description", contact.description.clone()),
        ("channels", contact.channels.join(", ")),
        ("fields", words::attributes(&contact.fields)),
        ("availability", words::set_name::<pb::ContactAvailability>(contact.availability)),
        ("estimated wait", contact.estimated_wait.as_ref().map(span).unwrap_or_default()),
        ("observed", words::clock(contact.observed_at.as_ref())),
        ("holds until", words::clock(contact.valid_until.as_ref())),
    ])
}

/// `baton contacts sync`.
async fn sync(context: &Context, args: SyncContacts) -> anyhow::Result<()> {
    let (name, text) = directory::read_file(&args.file)?;
    let contacts =
        org_file::read_contacts(&text).map_err(|faults| directory::faulty(&name, &faults, &[]))?;
    let generation = match (args.incremental, args.generation) {
        (true, _) => 0,
        (false, Some(given)) => given,
        (false, None) => now_ms()?,
    };
    let told = Told { pages: cut(&contacts, args.page_size), lines: &contacts };
    let client = context.client()?;
    let sync = supply(&client, &args, &told, generation).await?;
    context.out.one(|| json::of("ContactSync", &sync), || verdicts(&name, &sync, &contacts));
    if sync.failed > 0 {
        let of = contacts.len() + args.deleted.len();
        bail!("{} of {of} weren't taken; what was known of them stays", sync.failed);
    }
    Ok(())
}

/// What is to be supplied.
struct Told<'a> {
    /// Places in the file, cut into calls; one at least.
    pages: Vec<std::ops::Range<usize>>,
    lines: &'a [Placed],
}

/// The places of the contacts that go into each call; one call at least.
fn cut(contacts: &[Placed], most: usize) -> Vec<std::ops::Range<usize>> {
    let (mut pages, mut begin, mut bytes) = (Vec::new(), 0, 0);
    for (index, placed) in contacts.iter().enumerate() {
        // With the tag and the length that stand before it on the wire.
        let size = placed.contact.encoded_len() + 8;
        if index > begin && (index - begin == most || bytes + size > PAGE_BYTES) {
            pages.push(begin..index);
            (begin, bytes) = (index, 0);
        }
        bytes += size;
    }
    pages.push(begin..contacts.len());
    pages
}

/// Sends all pages; what it gives counts for all of them, with places in the file.
async fn supply(
    client: &Client,
    args: &SyncContacts,
    told: &Told<'_>,
    generation: i64,
) -> anyhow::Result<pb::ContactSync> {
    let full = !args.incremental;
    let mode = if full { pb::SyncMode::Full } else { pb::SyncMode::Incremental };
    let mut all = pb::ContactSync::default();
    for (index, range) in told.pages.iter().enumerate() {
        let last = index + 1 == told.pages.len();
        let request = pb::SyncContactsRequest {
            partner: args.partner.clone(),
            mode: mode as i32,
            generation,
            page: if full { u32::try_from(index + 1)? } else { 0 },
            last: full && last,
            total: if full && last { u32::try_from(told.lines.len())? } else { 0 },
            contacts: told.lines[range.clone()].iter().map(|p| p.contact.clone()).collect(),
            deleted: if !full && last { args.deleted.clone() } else { Vec::new() },
            allow_mass_deletion: full && last && args.allow_mass_deletion,
            request_id: String::new(),
        };
        let pages = told.pages.len();
        let sent = client.sync_contacts(request).await;
        let sync = sent.with_context(|| format!("page {} of {pages}", index + 1))?.sync;
        all = together(all, sync.unwrap_or_default(), range.start);
        if full && !last {
            let arrived = all.arrived;
            output::note(&format!("page {} of {pages}: {arrived} contacts arrived", index + 1));
        }
    }
    Ok(all)
}

/// What several calls did. Of a full sync the last says what was created, changed and deleted by all.
fn together(before: pb::ContactSync, now: pb::ContactSync, offset: usize) -> pb::ContactSync {
    let mut failures = before.failures;
    failures.extend(now.failures.into_iter().map(|failure| {
        let of_contacts = failure.list == "contacts";
        let index = if of_contacts {
            failure.index.saturating_add(u32::try_from(offset).unwrap_or(u32::MAX))
        } else {
            failure.index
        };
        pb::ItemFailure { index, ..failure }
    }));
    pb::ContactSync {
        created: before.created + now.created,
        updated: before.updated + now.updated,
        deleted: before.deleted + now.deleted,
        failed: before.failed + now.failed,
        failures,
        ..now
    }
}

fn verdicts(name: &str, sync: &pb::ContactSync, contacts: &[Placed]) -> String {
    let mut text = String::new();
    if !sync.failures.is_empty() {
        let mut rows = Table::new(["WHERE", "ID", "REASON", "WHY"]);
        for failure in &sync.failures {
            let index = usize::try_from(failure.index).unwrap_or(usize::MAX);
            let place = match contacts.get(index) {
                Some(placed) if failure.list == "contacts" => format!("{name}:{}", placed.line),
                _ => format!("{}[{index}]", failure.list),
            };
            rows.row([place, failure.id.clone(), failure.reason.clone(), failure.text.clone()]);
        }
        text = rows.text();
        let left = usize::try_from(sync.failed).unwrap_or(usize::MAX) - sync.failures.len();
        if left > 0 {
            text += &format!("and {left} more\n");
        }
    }
    let pb::ContactSync { partner, contacts, created, updated, deleted, .. } = sync;
    text + &format!(
        "{partner} has {contacts} contacts: {created} created, {updated} changed, {deleted} deleted"
    )
}

/// The time as a generation: every full sync's is higher than those before.
fn now_ms() -> anyhow::Result<i64> {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    Ok(i64::try_from(since.as_millis())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(count: usize, bytes: usize) -> Vec<Placed> {
        let contact = |line| pb::Contact {
            id: format!("c{line}"),
            name: "x".repeat(bytes),
            ..Default::default()
        };
        (1..=count).map(|line| Placed { line, contact: contact(line) }).collect()
    }

    #[test]
    fn n10_pages_are_cut_by_number_and_by_size() {
        assert_eq!(
            cut(&[], 10),
            std::slice::from_ref(&(0..0)),
            "an empty file is a page of its own"
        );
        assert_eq!(cut(&placed(25, 1), 10), [0..10, 10..20, 20..25]);
        assert_eq!(cut(&placed(20, 1), 10), [0..10, 10..20]);
        let large = placed(9, 1_000_000);
        assert_eq!(cut(&large, 10_000), [0..3, 3..6, 6..9]);
    }

    #[test]
    fn n10_what_wasnt_taken_is_found_in_the_file() {
        let failure = |list: &str, index| pb::ItemFailure {
            list: list.into(),
            index,
            id: "c".into(),
            reason: "INVALID_FIELD".into(),
            text: "twice".into(),
        };
        let page = |failures: Vec<pb::ItemFailure>| pb::ContactSync {
            partner: "acme".into(),
            contacts: 23,
            created: 2,
            failed: u32::try_from(failures.len()).unwrap(),
            failures,
            ..Default::default()
        };
        let first = together(pb::ContactSync::default(), page(vec![failure("contacts", 3)]), 0);
        let both = together(first, page(vec![failure("contacts", 3), failure("deleted", 0)]), 10);
        assert_eq!((both.created, both.failed, both.contacts), (4, 3, 23));
        let text = verdicts("f.jsonl", &both, &placed(20, 1));
        let places: Vec<&str> = text.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(places, ["WHERE", "f.jsonl:4", "f.jsonl:14", "deleted[0]", "acme"], "{text}");
    }

    #[test]
    fn unknown_is_asked_for_as_not_specified() {
        use pb::ContactAvailability::{Busy, Unknown};
        assert_eq!(availabilities(&[Busy, Unknown]), [Busy as i32, 0]);
    }
}
