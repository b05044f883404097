//! Very many reps who vanish in the same moment: when they are disconnected and signed out, how often, and what
//! others who work meanwhile notice of it.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::bail;
use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

use super::super::setup::CHANNEL;
use super::super::tally::{histogram, micros};
use super::org::{GRACE, LEASE, WORKING, working};
use crate::client::{Client, Failure, WatchEvent, request_id};
use crate::pb;
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;

/// Lives of sessions begun in a second by those who work: three calls each.
const LIVES: u32 = 60;
/// How much longer than lease and grace the storm may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Sessions that are opened, accepted and ended at a steady pace until this is dropped.
#[derive(Debug)]
pub struct Others {
    seen: Arc<Mutex<(Histogram<u64>, u64)>>,
    _working: JoinSet<()>,
}

impl Others {
    /// Begins.
    pub fn start(client: &Client) -> Self {
        let seen = Arc::new(Mutex::new((histogram(), 0)));
        let (client, shared) = (client.clone(), Arc::clone(&seen));
        let mut working = JoinSet::new();
        working.spawn(async move {
            let mut lives = JoinSet::new();
            let mut next = interval(Duration::from_secs(1) / LIVES);
            for number in 0_usize.. {
                next.tick().await;
                let (client, shared) = (client.clone(), Arc::clone(&shared));
                lives.spawn(async move {
                    if live(&client, number, &shared).await.is_err() {
                        shared.lock().unwrap_or_else(PoisonError::into_inner).1 += 1;
                    }
                });
                while lives.try_join_next().is_some() {}
            }
        });
        Self { seen, _working: working }
    }

    /// Latency of the calls since the last time, and how many failed.
    pub fn take(&self) -> (Histogram<u64>, u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::replace(&mut *seen, (histogram(), 0))
    }
}

async fn live(
    client: &Client,
    number: usize,
    seen: &Mutex<(Histogram<u64>, u64)>,
) -> Result<(), Failure> {
    let record = |began: Instant| {
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.0.saturating_record(micros(began.elapsed()));
    };
    let open = pb::OpenSessionRequest {
        channel: CHANNEL.to_owned(),
        external_reference: format!("{:032x}", rand::random::<u128>()),
        target: Some(pb::open_session_request::Target::Rep(working(number % WORKING))),
        request_id: request_id(),
        ..Default::default()
    };
    let began = Instant::now();
    let session = client.open_session(open).await?.session.unwrap_or_default();
    record(began);
    let work = session.offer.unwrap_or_default().work;
    let began = Instant::now();
    client.accept_work(pb::AcceptWorkRequest { work, ..Default::default() }).await?;
    record(began);
    let began = Instant::now();
    let session = session.id;
    client.end_session(pb::EndSessionRequest { session, ..Default::default() }).await?;
    record(began);
    Ok(())
}

/// What became of one who vanished. Times are the server's, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Gone {
    disconnected: Option<i64>,
    offline: Option<i64>,
    /// How often it was said that they were disconnected, and that they were signed out.
    times: (u32, u32),
}

/// How far a storm is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Leases still hold.
    Before,
    /// Some are disconnected.
    Disconnecting,
    /// All are, and are waited for.
    Grace,
    /// Some are signed out.
    SigningOut,
    /// All are.
    Over,
}

/// What became of all who vanished.
#[derive(Debug, Default)]
pub struct Storm {
    reps: HashMap<String, Gone>,
    /// Others who were disconnected or signed out, too.
    pub bystanders: u64,
}

impl Storm {
    fn take(&mut self, change: &pb::Change, is_gone: impl Fn(&str) -> bool) {
        let Some(pb::change::Change::Upserted(object)) = &change.change else { return };
        let Some(Object::RepPresence(shown)) = &object.object else { return };
        let said = |fact: &str| u32::from(change.facts.iter().any(|known| known == fact));
        let (lost, closed) = (said("presence_disconnected"), said("presence_closed"));
        if !is_gone(&shown.presence_or_last()) {
            self.bystanders += u64::from(lost + closed);
            return;
        }
        let gone = self.reps.entry(shown.rep.clone()).or_default();
        gone.times = (gone.times.0 + lost, gone.times.1 + closed);
        if let Some(since) = shown.presence.as_ref().and_then(|p| p.disconnected_since.as_ref()) {
            gone.disconnected = Some(ms(since));
        }
        if let (None, Some(last)) = (&shown.presence, &shown.last_closed) {
            gone.offline = last.closed_at.as_ref().map(ms);
        }
    }

    fn offline(&self) -> usize {
        self.reps.values().filter(|gone| gone.offline.is_some()).count()
    }

    /// How far it is, of so many who vanished.
    fn phase(&self, of: usize) -> Phase {
        let offline = self.offline();
        if offline == of {
            Phase::Over
        } else if offline > 0 {
            Phase::SigningOut
        } else if self.reps.len() == of {
            Phase::Grace
        } else if self.reps.is_empty() {
            Phase::Before
        } else {
            Phase::Disconnecting
        }
    }

    /// How long after its lease's end the last was disconnected, if leases ended then.
    pub fn disconnected_within(&self, leases_end_ms: i64) -> Option<Duration> {
        let last = self.reps.values().filter_map(|gone| gone.disconnected).max()?;
        Some(millis(last - leases_end_ms))
    }

    /// How long after the end of its own grace the last was signed out.
    pub fn offline_within(&self) -> Option<Duration> {
        let grace = i64::try_from(GRACE.as_millis()).unwrap_or(i64::MAX);
        let late = |gone: &Gone| Some(gone.offline? - gone.disconnected? - grace);
        self.reps.values().filter_map(late).max().map(millis)
    }

    /// Whether each was disconnected once and signed out once.
    pub fn is_once_each(&self) -> bool {
        self.reps.values().all(|gone| gone.times == (1, 1))
    }
}

fn millis(ms: i64) -> Duration {
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Milliseconds of a server's time.
pub fn ms(time: &prost_types::Timestamp) -> i64 {
    time.seconds * 1_000 + i64::from(time.nanos) / 1_000_000
}

impl pb::RepPresence {
    /// The presence that it shows, or the one that was closed.
    fn presence_or_last(&self) -> String {
        match (&self.presence, &self.last_closed) {
            (Some(presence), _) => presence.id.clone(),
            (None, Some(last)) => last.id.clone(),
            (None, None) => String::new(),
        }
    }
}

/// A stream of reps that has begun.
pub struct Sight(crate::client::Watch);

impl Sight {
    /// Opens it.
    pub async fn open(client: &Client) -> Result<Self, Failure> {
        let mut watch = client.watch(pb::WatchRequest {
            kinds: vec![pb::WatchKind::Rep as i32],
            live_only: true,
            ..Default::default()
        });
        while !matches!(watch.next().await?, WatchEvent::Frame(_)) {}
        Ok(Self(watch))
    }

    /// Reads until all of these presences are signed out, and tells when a phase has ended.
    pub async fn until_offline(
        &mut self,
        presences: &HashSet<String>,
        mut ended: impl FnMut(Phase),
    ) -> anyhow::Result<Storm> {
        let mut storm = Storm::default();
        let mut phase = Phase::Before;
        let read = async {
            while phase != Phase::Over {
                let WatchEvent::Frame(response) = self.0.next().await? else { continue };
                let Some(Frame::Changes(changes)) = &response.frame else { continue };
                for change in changes.revisions.iter().flat_map(|revision| &revision.changes) {
                    storm.take(change, |presence| presences.contains(presence));
                }
                let now = storm.phase(presences.len());
                if now != phase {
                    ended(phase);
                    phase = now;
                }
            }
            anyhow::Ok(())
        };
        if timeout(LEASE + GRACE + PATIENCE, read).await.is_err() {
            let (offline, all) = (storm.offline(), presences.len());
            bail!("only {offline} of {all} who vanished were signed out in time");
        }
        Ok(storm)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(rep: &str, shown: pb::RepPresence, facts: &[&str]) -> pb::Change {
        let object = Object::RepPresence(pb::RepPresence { rep: rep.into(), ..shown });
        let object = pb::WatchObject { object: Some(object) };
        pb::Change {
            change: Some(pb::change::Change::Upserted(object)),
            facts: facts.iter().map(ToString::to_string).collect(),
            ..Default::default()
        }
    }

    fn at(seconds: i64) -> Option<prost_types::Timestamp> {
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    }

    #[test]
    fn the_last_one_counts_and_everybody_once() {
        let lost = |id: &str, since| pb::RepPresence {
            presence: Some(pb::Presence {
                id: id.into(),
                disconnected_since: at(since),
                ..Default::default()
            }),
            ..Default::default()
        };
        let closed = |id: &str, closed_at| pb::RepPresence {
            last_closed: Some(pb::ClosedPresence {
                id: id.into(),
                closed_at: at(closed_at),
                ..Default::default()
            }),
            ..Default::default()
        };
        let mut storm = Storm::default();
        let mine = |id: &str| id != "c";
        storm.take(&change("a", lost("a", 100), &["presence_disconnected"]), mine);
        storm.take(&change("b", lost("b", 101), &["presence_disconnected"]), mine);
        storm.take(&change("c", lost("c", 101), &["presence_disconnected"]), mine);
        assert_eq!((storm.phase(2), storm.bystanders), (Phase::Grace, 1));
        assert_eq!(storm.disconnected_within(99_000), Some(Duration::from_secs(2)));
        storm.take(&change("a", closed("a", 111), &["presence_closed"]), mine);
        assert_eq!(storm.phase(2), Phase::SigningOut);
        storm.take(&change("b", closed("b", 114), &["presence_closed"]), mine);
        assert_eq!(storm.offline_within(), Some(Duration::from_secs(3)), "b: 101 + 10 + 3");
        assert!(storm.is_once_each() && storm.phase(2) == Phase::Over);
        storm.take(&change("b", closed("b", 114), &["presence_closed"]), mine);
        assert!(!storm.is_once_each());
    }
}
