//! From the click on *transfer* to its completion seen on a stream: what a desktop elsewhere would feel.
//!
//! Transfers of a few of the reps are watched, on each server; a transfer accepted at one server is looked for on the
//! stream of another. Watching all would measure the watching.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::tally::{histogram, micros};
use crate::client::{Client, WatchEvent};
use crate::output;
use crate::pb;
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;

/// Clicks that wait to be seen on one server's stream, and how long it took for those that were.
#[derive(Debug)]
struct Stream {
    /// Written by workers after the click, taken by the watcher; held only for a map operation.
    clicks: Mutex<HashMap<String, Instant>>,
    seen: Mutex<Histogram<u64>>,
}

/// All streams of a bench.
#[derive(Debug)]
pub struct Sight {
    streams: Vec<Arc<Stream>>,
    watched: usize,
    /// The watchers, which end with this.
    _watchers: JoinSet<()>,
}

impl Sight {
    /// Watches the transfers of one rep in sixteen on each server, and returns when all streams have begun.
    pub async fn start(
        servers: &[Client],
        reps: &[String],
    ) -> Result<Self, crate::client::Failure> {
        let watched = (reps.len() / 16).max(1);
        let mut streams = Vec::new();
        let mut watchers = JoinSet::new();
        for client in servers {
            let stream =
                Arc::new(Stream { clicks: Mutex::default(), seen: Mutex::new(histogram()) });
            let mut watch = client.watch(pb::WatchRequest {
                kinds: vec![pb::WatchKind::Transfer as i32],
                filter: Some(pb::WatchFilter {
                    reps: reps[..watched].to_vec(),
                    ..Default::default()
                }),
                live_only: true,
                ..Default::default()
            });
            while !matches!(watch.next().await?, WatchEvent::Frame(_)) {}
            let shared = Arc::clone(&stream);
            watchers.spawn(async move {
                loop {
                    match watch.next().await {
                        Ok(WatchEvent::Frame(response)) => shared.look(&response),
                        Ok(WatchEvent::Lost { why, .. }) => {
                            output::note(&format!("the bench's stream: {why}"))
                        }
                        Err(failure) => {
                            return output::note(&format!("the bench's stream: {failure}"));
                        }
                    }
                }
            });
            streams.push(stream);
        }
        Ok(Self { streams, watched, _watchers: watchers })
    }

    /// Whether transfers of this rep, by its number, are watched.
    pub fn watches(&self, rep: usize) -> bool {
        rep < self.watched
    }

    /// Notes a click, before its transfer can be completed, to be seen on the stream of this server.
    pub fn clicked(&self, server: usize, transfer: String, at: Instant) {
        let mut clicks = self.streams[server].clicks.lock().unwrap_or_else(PoisonError::into_inner);
        clicks.insert(transfer, at);
    }

    /// How long it took, over all streams.
    pub fn seen(&self) -> Histogram<u64> {
        let mut all = histogram();
        for stream in &self.streams {
            let seen = stream.seen.lock().unwrap_or_else(PoisonError::into_inner);
            all.add(&*seen).expect("the same bounds");
        }
        all
    }

    /// Forgets what was seen, after the warm-up.
    pub fn reset(&self) {
        for stream in &self.streams {
            stream.seen.lock().unwrap_or_else(PoisonError::into_inner).reset();
        }
    }
}

impl Stream {
    fn look(&self, response: &pb::WatchResponse) {
        let Some(Frame::Changes(changes)) = &response.frame else {
            return;
        };
        let now = Instant::now();
        for change in changes.revisions.iter().flat_map(|revision| &revision.changes) {
            if let Some(pb::change::Change::Upserted(object)) = &change.change
                && let Some(Object::Transfer(transfer)) = &object.object
                && transfer.state() == pb::TransferState::Completed
            {
                let click =
                    self.clicks.lock().unwrap_or_else(PoisonError::into_inner).remove(&transfer.id);
                if let Some(click) = click {
                    let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
                    seen.saturating_record(micros(now - click));
                }
            }
        }
    }
}
