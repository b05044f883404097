//! Wake-ups: one subscription for all orgs, which tells those who wait in this process. A hint
//! only: whoever waits looks for itself after a while anyway, so a lost message costs that while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ::redis::{Client, Msg, RedisError};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;
use tokio_stream::StreamExt as _;

use super::keys::{WAKE_PATTERN, wake_org};
use crate::domain::entry::Revision;
use crate::domain::id::OrgId;

/// How long one who waits is left without a word.
const LOOK_AFTER: Duration = Duration::from_millis(500);

/// A subscription this quiet is asked whether it still lives.
const PROBE_AFTER: Duration = Duration::from_secs(5);

const RECONNECT_FIRST: Duration = Duration::from_millis(100);
const RECONNECT_MAX: Duration = Duration::from_secs(2);

/// The heads that were heard of, by org. An org is here from when it is first waited for.
type Heads = Mutex<HashMap<OrgId, Arc<watch::Sender<Revision>>>>;

/// Listens until it is dropped.
pub(super) struct Listener {
    heads: Arc<Heads>,
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
        let heads = Arc::<Heads>::default();
        let task = tokio::spawn(listen(client, Arc::clone(&heads), patience)).abort_handle();
        Self { heads, task }
    }

    /// Waits until a head after `after` is heard of, or a while has passed.
    ///
    /// What was heard is used up by the one whom it wakes. Otherwise, after a rollback, a head
    /// that is gone would wake those before it at once, again and again.
    pub(super) async fn wait(&self, org: &OrgId, after: Revision) {
        let sender = {
            let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(heads.entry(org.clone()).or_default())
        };
        let mut head = sender.subscribe();
        let heard = match timeout(LOOK_AFTER, head.wait_for(|head| *head > after)).await {
            Ok(Ok(head)) => *head,
            // Either way the caller looks for itself.
            Ok(Err(_)) | Err(_) => return,
        };
        sender.send_if_modified(|head| {
            if *head == heard {
                *head = after;
            }
            false
        });
    }
}

fn hear(heads: &Heads, message: &Msg) {
    let org = wake_org(message.get_channel_name());
    let revision =
        std::str::from_utf8(message.get_payload_bytes()).ok().and_then(|t| t.parse().ok());
    if let (Some(org), Some(revision)) = (org, revision) {
        let heads = heads.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = heads.get(&org) {
            sender.send_replace(Revision::new(revision));
        }
    }
}

async fn listen(client: Client, heads: Arc<Heads>, patience: Duration) {
    let mut delay = RECONNECT_FIRST;
    loop {
        if let Ok(Ok(())) = subscribe(&client, &heads, patience).await {
            delay = RECONNECT_FIRST;
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(RECONNECT_MAX);
    }
}

/// One connection's life; `Ok(Ok(()))` if it was subscribed at least.
async fn subscribe(
    client: &Client,
    heads: &Heads,
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
    loop {
        match timeout(PROBE_AFTER, messages.next()).await {
            Ok(Some(message)) => hear(heads, &message),
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
