//! Pages for people that say what the server goes by: `docs/permissions.md`, from the table of calls, and `docs/limits.md`,
//! from the limits. A test fails when a page isn't what it is made from.

use std::fmt::Write as _;

use super::{Handling, ROWS, Rpc, Whose, role_name};
use crate::access::Limits;
use crate::domain::live::Role;

/// The roles, in the order of the page's columns.
const ROLES: [Role; 6] =
    [Role::Admin, Role::Supervisor, Role::Rep, Role::Adapter, Role::Partner, Role::Dashboard];

const HEAD: &str = "\
# Who may call what

Made from the table that the server itself uses (`src/grpc/table.rs`); a test fails when this page differs from it. What
isn't in it is denied (S1).

- **org**: all of the org; less, if the credential is narrowed to queues or channels (S4).
- **channels**: of an adapter, what is on the channels that name it, or nobody; of a partner, what is on the channels that it
  routes, its contacts and what it is asked, and the reps whom it drives (N3, N5, N8).
- **own**: what belongs to the rep that the caller is.
- **—**: refused with PERMISSION_DENIED. What somebody may call for and doesn't see is NOT_FOUND (S2).

The scope is what a credential needs that names scopes (S4); calls marked *changes* also need one that isn't `read-only`.
A watch needs the scope of each kind that it asks for: REP `presence`, QUEUE `queues`, SESSION `sessions`, TRANSFER
`transfers`, WORK `work`, HANDOFF `handoffs`, ROUTING_REQUEST and PARTNER `routing`. Notes and attributes are shown to
supervisors and dashboards with the scope `content` alone.
";

/// All of `docs/permissions.md`.
#[must_use]
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    let mut service = "";
    for rpc in ROWS {
        let (of, method) = rpc.name.split_once('/').unwrap_or((rpc.name, ""));
        if of != service {
            service = of;
            let roles = ROLES.map(role_name).join(" | ");
            let _ = write!(page, "\n## {service}\n\n| call | scope | {roles} |\n|---|---|");
            page.push_str(&"---|".repeat(ROLES.len()));
            page.push('\n');
        }
        let cells = ROLES.map(|role| cell(rpc, role)).join(" | ");
        let changes = if rpc.changes { ", changes" } else { "" };
        let scope = rpc.scope.map_or("none", |scope| scope.name());
        let local = if rpc.handling == Handling::Local { " ·" } else { "" };
        let _ = writeln!(page, "| `{method}`{local} | {scope}{changes} | {cells} |");
    }
    page.push_str("\n· is served by the server that is called, never passed on.\n");
    page
}

fn cell(rpc: &Rpc, role: Role) -> &'static str {
    match rpc.grants.iter().find(|(granted, _)| *granted == role) {
        None => "—",
        Some((_, Whose::Org)) => "org",
        Some((_, Whose::OwnChannels)) => "channels",
        Some((_, Whose::Own)) => "own",
    }
}

const LIMITS: &str = "\
# Limits

How much is taken from whom. A refusal is RESOURCE_EXHAUSTED with the reason LIMIT_EXCEEDED, the limit's name and number in
`ErrorInfo.metadata` (`limit`, `allowed`) and in `QuotaFailure`, and, where coming back can help, in `RetryInfo` when, spread at
random. `/stats` counts each as `limit_NAME_refused`. A connection too many is closed (`refused_NAME` in `/stats`), and an org
too many is OVERLOADED. Made from the limits that the server itself uses (`src/access/limits.rs`); a test holds the page to
them.

## What can be set

In the access file, under `[limits]` ([access](access.md)); what changes there is in force within about a second, but where a
restart is said to be needed. They are counted by each server for itself; give all servers of one Redis the same. Without an
access file callers are believed, come from one machine, and many may go by one name: there the two rates don't hold, and
what is said of one credential, org or address holds as of all of them.

| limit | default | from – to | what |
|---|---|---|---|
";

/// All of `docs/limits.md`.
#[must_use]
pub fn limits_page() -> String {
    let mut page = LIMITS.to_owned();
    for limit in Limits::ALL {
        let (least, most) = limit.range;
        let what = limit.what.trim();
        let _ = writeln!(
            page,
            "| `{}` | {} | {} – {} | {what} |",
            limit.name,
            grouped(limit.default),
            grouped(least),
            grouped(most)
        );
    }
    page.push_str(
        "\n\
Renewals of presences (KeepAlive) have room for as many calls again as `concurrent_calls`, and are no part of
`concurrent_calls_per_credential`: nobody is signed out because others ask too much. Health and reflection aren't counted.
Work whose caller has gone is dropped before it is decided.

## What is fixed

| what | how much |
|---|---|
| large messages (more than `message_kib`) that are held at the same time | 16, and 64 of PresenceService; of one org 4 and 16 |
| calls and streams that one connection may have open | 128 |
| a quiet connection | is probed after 30 s, and closed when that isn't answered within 10 s |
| a token | 8 KiB; an API key 300 bytes |
| a key set of an issuer | 256 KiB, 100 keys |
| the details of a refusal | 4 KiB; what doesn't fit is counted |
| a note; attributes of a session | 2 KiB; 64 of them, 4 KiB in all |
| sign-ins of one rep | 20 at once, then one every 2 s |
",
    );
    page
}

/// A number with its digits in groups of three.
fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_what_they_are_made_from() {
        is_kept("permissions.md", &page());
        is_kept("limits.md", &limits_page());
    }

    fn is_kept(name: &str, page: &str) {
        let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
        if std::env::var_os("BATON_WRITE_DOCS").is_some() {
            std::fs::write(&path, page).expect("docs can be written");
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            kept == page,
            "docs/{name} is old: BATON_WRITE_DOCS=1 cargo test --lib the_pages_are"
        );
    }
}
