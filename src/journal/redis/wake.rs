//! Wake-ups: one subscription for all orgs, which tells those who follow in this process. A hint only:
//! whoever follows looks for itself after a while anyway, so a lost message costs that while.

use std::time::Duration;

use ::redis::{Client, Msg, RedisError};
use tokio::sync::broadcast;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

use super::super::{HEARD, Heard};
use super::keys::{WAKE_PATTERN, wake_org};
use crate::domain::entry::Revision;

/// A subscription this quiet is asked whether it still lives.
const PROBE_AFTER: Duration = Duration::from_secs(5);

const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// Listens until it is dropped.
pub(super) struct Listener {
    heard: broadcast::Sender<Heard>,
    task: AbortHandle,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Listener {
    /// Starts to listen. `patience` bounds connecting and each answer.
    pub(super) fn start(client: Client, patience: Duration) -> Self {
        let heard = broadcast::Sender::new(HEARD);
        let task = tokio::spawn(listen(client, heard.clone(), patience)).abort_handle();
        Self { heard, task }
    }

    /// What is heard from now on.
    pub(super) fn follow(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }
}

fn hear(heard: &broadcast::Sender<Heard>, message: &Msg) {
    let org = wake_org(message.get_channel_name());
    let revision =
        std::str::from_utf8(message.get_payload_bytes()).ok().and_then(|t| t.parse().ok());
    if let (Some(org), Some(revision)) = (org, revision) {
        // Perhaps nobody follows yet.
        let _ = heard.send(Heard::Commit(org, Revision::new(revision)));
    }
}

async fn listen(client: Client, heard: broadcast::Sender<Heard>, patience: Duration) {
    let mut delay = RECONNECT_FIRST;
    let mut told = false;
    loop {
        match subscribe(&client, &heard, patience).await {
            Ok(Ok(())) => (delay, told) = (RECONNECT_FIRST, false),
            // Without it everybody looks for themselves, later than they could. Once a while is enough.
            failed if !told => {
                let why = match failed {
                    Ok(Err(error)) => error.to_string(),
                    _ => "no answer in time".to_owned(),
                };
                tracing::warn!(%why, "Redis can't be listened to: changes elsewhere are seen late");
                told = true;
            }
            _ => {}
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RECONNECT_MAX);
    }
}

/// One connection's life; `Ok(Ok(()))` if it was subscribed at least.
async fn subscribe(
    client: &Client,
    heard: &broadcast::Sender<Heard>,
    patience: Duration,
) -> Result<Result<(), RedisError>, tokio::time::error::Elapsed> {
    let connecting = async {
        let mut subscription = client.get_async_pubsub().await?;
        subscription.psubscribe(WAKE_PATTERN).await?;
        Ok(subscription)
    };
    let (mut sink, mut messages) = match timeout(patience, connecting).await? {
        Ok(subscription) => subscription.split(),
        Err(error) => return Ok(Err(error)),
    };
    // Whatever was said before this connection was there wasn't heard.
    let _ = heard.send(Heard::Missed);
    loop {
        match timeout(PROBE_AFTER, messages.next()).await {
            Ok(Some(message)) => hear(heard, &message),
            Ok(None) => return Ok(Ok(())),
            Err(_) => {
                let lives = timeout(patience, sink.ping::<::redis::Value>()).await;
                if !matches!(lives, Ok(Ok(_))) {
                    return Ok(Ok(()));
                }
            }
        }
    }
}
