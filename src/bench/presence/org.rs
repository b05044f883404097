//! The org of a bench of presence: very many reps in queues, and a few who work meanwhile.

use std::time::Duration;

use anyhow::Context as _;
use tokio::task::JoinSet;

use super::super::setup;
use crate::client::{Client, Failure};
use crate::pb;

/// Reps who work while the others come and go.
pub const WORKING: usize = 50;
/// Reps in one request, so that it stays small.
const AT_ONCE: usize = 4_000;
/// Members of a queue.
const PER_QUEUE: usize = 1_000;
/// Sign-ins under way at once on each connection.
const SIGNING_IN: usize = 16;

/// The lease that presences have: renewed after a third of it.
pub const LEASE: Duration = Duration::from_secs(60);
/// How long a disconnected rep is waited for.
pub const GRACE: Duration = Duration::from_secs(10);

fn name(number: usize) -> String {
    format!("rep-{number:06}")
}

/// A rep who works meanwhile.
pub fn working(number: usize) -> String {
    format!("working-{number:03}")
}

fn rep(id: String) -> pb::Rep {
    pb::Rep { id, ..setup::rep(0) }
}

fn seconds(span: Duration) -> Option<prost_types::Duration> {
    prost_types::Duration::try_from(span).ok()
}

/// Applies the directory: settings and those who work first, then the many, part by part.
pub async fn apply(client: &Client, presences: usize) -> anyhow::Result<()> {
    let mut directory = setup::directory((0..WORKING).map(|n| rep(working(n))).collect(), 1_000);
    if let Some(settings) = &mut directory.settings {
        settings.presence_lease = seconds(LEASE);
        settings.disconnect_grace = seconds(GRACE);
    }
    send(client, directory).await?;
    let names: Vec<String> = (0..presences).map(name).collect();
    for some in names.chunks(AT_ONCE) {
        let reps = some.iter().cloned().map(rep).collect();
        send(client, pb::Directory { reps, ..Default::default() }).await?;
    }
    for (number, some) in names.chunks(PER_QUEUE).enumerate() {
        let queue = pb::Queue {
            id: format!("queue-{number:03}"),
            reps: some.to_vec(),
            ..Default::default()
        };
        send(client, pb::Directory { queues: vec![queue], ..Default::default() }).await?;
    }
    Ok(())
}

async fn send(client: &Client, directory: pb::Directory) -> anyhow::Result<()> {
    let request = pb::ApplyDirectoryRequest { directory: Some(directory), ..Default::default() };
    client.apply_directory(request).await.context("can't apply the bench's directory").map(drop)
}

/// Signs so many reps in, and gives their presences, in order.
pub async fn sign_in(clients: &[Client], presences: usize) -> anyhow::Result<Vec<String>> {
    let workers = clients.len() * SIGNING_IN;
    let mut signing_in: JoinSet<Result<Vec<(usize, String)>, Failure>> = JoinSet::new();
    for worker in 0..workers {
        let client = clients[worker % clients.len()].clone();
        signing_in.spawn(async move {
            let mut opened = Vec::new();
            for number in (worker..presences).step_by(workers) {
                opened.push((number, open(&client, name(number)).await?));
            }
            Ok(opened)
        });
    }
    let mut all = Vec::with_capacity(presences);
    while let Some(opened) = signing_in.join_next().await {
        all.extend(opened?.context("can't sign the bench's reps in")?);
    }
    all.sort();
    Ok(all.into_iter().map(|(_, presence)| presence).collect())
}

/// Signs in those who work.
pub async fn sign_in_working(client: &Client) -> anyhow::Result<Vec<String>> {
    let mut presences = Vec::new();
    for number in 0..WORKING {
        presences.push(open(client, working(number)).await?);
    }
    Ok(presences)
}

async fn open(client: &Client, rep: String) -> Result<String, Failure> {
    let request = pb::OpenPresenceRequest {
        rep,
        status: "available".to_owned(),
        device: "baton bench".to_owned(),
        ..Default::default()
    };
    Ok(client.open_presence(request).await?.presence)
}
