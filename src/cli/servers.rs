//! `servers`: who is there, and who is home of the org.

use super::{Context, json, names, words};
use crate::output::Table;
use crate::pb;

/// `baton servers`.
pub async fn run(context: &Context) -> anyhow::Result<()> {
    let client = context.client()?;
    let listed = client.list_servers(pb::ListServersRequest::default()).await?;
    context.out.list(&listed.servers, |server| json::of("Server", server), servers);
    Ok(())
}

/// Servers, each with its place in the order of the org.
fn servers(servers: &[pb::Server]) -> Table {
    let mut table = Table::new([
        "SERVER",
        "ADDRESS",
        "STATE",
        "STARTED",
        "HEARD OF",
        "PASSED ON",
        "IN VAIN",
        "FOR OTHERS",
        "TWO HOMES",
        "WHY",
    ]);
    for server in servers {
        let counts = server.counts.unwrap_or_default();
        let short = server.id.get(..8).unwrap_or(&server.id);
        table.row([
            format!("{short}{}", if server.answering { " *" } else { "" }),
            server.address.clone(),
            names::of::<pb::ServerState>(server.state),
            words::clock(server.start_time.as_ref()),
            age(server.heartbeat_age.as_ref()),
            counts.passed_on.to_string(),
            counts.passed_in_vain.to_string(),
            counts.done_for_others.to_string(),
            counts.two_homes.to_string(),
            server.why.clone(),
        ]);
    }
    table
}

fn age(span: Option<&prost_types::Duration>) -> String {
    span.map(|span| format!("{}.{} s ago", span.seconds, span.nanos / 100_000_000))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_server_that_answers_is_marked_and_the_home_says_why() {
        let server = pb::Server {
            id: "00112233445566778899aabbccddeeff".to_owned(),
            address: "10.0.0.7:50051".to_owned(),
            state: pb::ServerState::Serving.into(),
            heartbeat_age: Some(prost_types::Duration { seconds: 0, nanos: 250_000_000 }),
            why: "home of demo: first in its order of 3 serving".to_owned(),
            answering: true,
            ..Default::default()
        };
        let text = servers(&[server]).text();
        let line = text.lines().nth(1).expect("a row");
        assert!(line.starts_with("00112233 *  10.0.0.7:50051  SERVING"), "{line}");
        assert!(
            line.contains("0.2 s ago") && line.ends_with("first in its order of 3 serving"),
            "{line}"
        );
    }
}
