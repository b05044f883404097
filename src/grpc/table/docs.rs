//! The table as a page for people: `docs/permissions.md`. A test fails when the page isn't what the table says.

use std::fmt::Write as _;

use super::{Handling, ROWS, Rpc, Whose, role_name};
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_what_the_table_says() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/permissions.md");
        let page = page();
        if std::env::var_os("BATON_WRITE_DOCS").is_some() {
            std::fs::write(path, &page).expect("docs can be written");
        }
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            kept == page,
            "docs/permissions.md is old: BATON_WRITE_DOCS=1 cargo test --lib the_page_is"
        );
    }
}
