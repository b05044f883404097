//! What reps' desktops see: streams of work, and who waits for an offer to appear on one.
//!
//! Whoever opened a session and the stream on which its offer appears meet here, whichever comes first. The offer's
//! revision names the request that caused it, so the time from that request to the offer on the screen is exact. It
//! accepts nothing: the caller does.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::tally::{histogram, micros};
use crate::client::{Client, Failure, Watch, WatchEvent};
use crate::output;
use crate::pb;
use crate::pb::watch_object::Object;
use crate::pb::watch_response::Frame;

/// Requests that are kept to be recognised as a cause, in each of two generations: more than can be in flight.
const GENERATION: usize = 8192;

/// One stream: through which client, and of which reps' work.
#[derive(Debug)]
pub struct Seat {
    /// The client that reads it.
    pub client: Client,
    /// Ids of the reps.
    pub reps: Vec<String>,
}

/// Work seen offered.
#[derive(Clone, Debug)]
pub struct Offered {
    /// Id of the work.
    pub work: String,
    /// Number of the seat that saw it.
    pub seat: usize,
    /// When it was seen.
    pub at: Instant,
    /// When it was offered, by the server's clock.
    pub offered_at: Option<prost_types::Timestamp>,
}

/// Why an offer was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The session was opened, and a rep had room.
    Opened,
    /// Another session ended and freed a rep.
    Freed,
}

/// How long offers took to be seen, and how many.
#[derive(Clone, Debug)]
pub struct SeenOffers {
    /// From the call that opened the session.
    pub opened: Histogram<u64>,
    /// From the call that freed the rep.
    pub freed: Histogram<u64>,
    /// Offers of which neither is known to be the cause.
    pub others: u64,
}

#[derive(Debug)]
enum Slot {
    Awaited(oneshot::Sender<Offered>),
    Seen(Offered),
}

#[derive(Debug, Default)]
struct Causes {
    young: HashMap<String, (Cause, Instant)>,
    old: HashMap<String, (Cause, Instant)>,
}

#[derive(Debug)]
struct Board {
    /// By session: who waits for its offer, or the offer that nobody has asked for yet. Held for map operations only.
    slots: Mutex<HashMap<String, Slot>>,
    /// By request id: calls that may lead to an offer. Written before the call, taken when the offer is seen.
    causes: Mutex<Causes>,
    seen: Mutex<SeenOffers>,
}

/// The reps' desktops.
#[derive(Debug)]
pub struct Desks {
    board: Arc<Board>,
    /// The readers, which end with this.
    _readers: JoinSet<()>,
}

impl Desks {
    /// Opens the streams, and returns when all have begun.
    pub async fn open(seats: &[Seat]) -> Result<Self, Failure> {
        let board = Arc::new(Board {
            slots: Mutex::default(),
            causes: Mutex::default(),
            seen: Mutex::new(SeenOffers::none()),
        });
        let mut readers = JoinSet::new();
        for (number, seat) in seats.iter().enumerate() {
            let mut watch = seat.client.watch(pb::WatchRequest {
                kinds: vec![pb::WatchKind::Work as i32],
                filter: Some(pb::WatchFilter { reps: seat.reps.clone(), ..Default::default() }),
                live_only: true,
                ..Default::default()
            });
            while !matches!(watch.next().await?, WatchEvent::Frame(_)) {}
            readers.spawn(read(watch, number, Arc::clone(&board)));
        }
        Ok(Self { board, _readers: readers })
    }

    /// Notes a call that may lead to an offer, before it is made.
    pub fn expect(&self, request_id: &str, cause: Cause) {
        let mut causes = lock(&self.board.causes);
        if causes.young.len() >= GENERATION {
            causes.old = std::mem::take(&mut causes.young);
        }
        causes.young.insert(request_id.to_owned(), (cause, Instant::now()));
    }

    /// The offer of a session, waited for at most until then.
    pub async fn offer(&self, session: &str, within: Duration) -> Option<Offered> {
        let waiting = {
            let mut slots = lock(&self.board.slots);
            if let Some(Slot::Seen(offered)) = slots.remove(session) {
                return Some(offered);
            }
            let (tell, waiting) = oneshot::channel();
            slots.insert(session.to_owned(), Slot::Awaited(tell));
            waiting
        };
        let offered = timeout(within, waiting).await;
        if offered.is_err() {
            lock(&self.board.slots).remove(session);
        }
        offered.ok()?.ok()
    }

    /// What was seen so far; begins anew.
    pub fn take_seen(&self) -> SeenOffers {
        std::mem::replace(&mut *lock(&self.board.seen), SeenOffers::none())
    }
}

impl SeenOffers {
    fn none() -> Self {
        Self { opened: histogram(), freed: histogram(), others: 0 }
    }
}

async fn read(mut watch: Watch, seat: usize, board: Arc<Board>) {
    loop {
        match watch.next().await {
            Ok(WatchEvent::Frame(response)) => board.look(seat, *response),
            Ok(WatchEvent::Lost { why, .. }) => output::note(&format!("a rep's stream: {why}")),
            Err(failure) => return output::note(&format!("a rep's stream: {failure}")),
        }
    }
}

impl Board {
    fn look(&self, seat: usize, response: pb::WatchResponse) {
        let at = Instant::now();
        match response.frame {
            Some(Frame::Changes(changes)) => {
                for revision in changes.revisions {
                    let cause = revision.cause.unwrap_or_default().request_id;
                    for change in revision.changes {
                        if let Some(pb::change::Change::Upserted(object)) = change.change {
                            self.upserted(seat, at, object, Some(&cause));
                        }
                    }
                }
            }
            // After a reset: offers made meanwhile are there, their causes aren't.
            Some(Frame::Snapshot(snapshot)) => {
                for object in snapshot.objects {
                    self.upserted(seat, at, object, None);
                }
            }
            _ => {}
        }
    }

    fn upserted(&self, seat: usize, at: Instant, object: pb::WatchObject, cause: Option<&String>) {
        let Some(Object::Work(work)) = object.object else {
            return;
        };
        match work.state() {
            pb::WorkState::Offered => {
                if let Some(cause) = cause {
                    self.count(cause, at);
                }
                let pb::Work { id, session, offered_at, .. } = work;
                self.offered(session, Offered { work: id, seat, at, offered_at });
            }
            pb::WorkState::Ended => {
                let mut slots = lock(&self.slots);
                if matches!(slots.get(&work.session), Some(Slot::Seen(seen)) if seen.work == work.id)
                {
                    slots.remove(&work.session);
                }
            }
            _ => {}
        }
    }

    fn count(&self, request_id: &str, at: Instant) {
        let cause = {
            let mut causes = lock(&self.causes);
            causes.young.remove(request_id).or_else(|| causes.old.remove(request_id))
        };
        let mut seen = lock(&self.seen);
        match cause {
            Some((Cause::Opened, since)) => seen.opened.saturating_record(micros(at - since)),
            Some((Cause::Freed, since)) => seen.freed.saturating_record(micros(at - since)),
            None => seen.others += 1,
        }
    }

    fn offered(&self, session: String, offered: Offered) {
        let mut slots = lock(&self.slots);
        match slots.remove(&session) {
            // Who gave up waiting isn't there any more.
            Some(Slot::Awaited(tell)) => drop(tell.send(offered)),
            Some(Slot::Seen(_)) | None => drop(slots.insert(session, Slot::Seen(offered))),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn board() -> Desks {
        let board = Board {
            slots: Mutex::default(),
            causes: Mutex::default(),
            seen: Mutex::new(SeenOffers::none()),
        };
        Desks { board: Arc::new(board), _readers: JoinSet::new() }
    }

    fn frame(session: &str, state: pb::WorkState, request_id: &str) -> pb::WatchResponse {
        let work = pb::Work {
            id: format!("work of {session}"),
            session: session.to_owned(),
            state: state as i32,
            ..Default::default()
        };
        let change = pb::Change {
            change: Some(pb::change::Change::Upserted(pb::WatchObject {
                object: Some(Object::Work(work)),
            })),
            ..Default::default()
        };
        let cause = pb::ChangeCause { request_id: request_id.to_owned(), ..Default::default() };
        let revision =
            pb::RevisionChanges { cause: Some(cause), changes: vec![change], ..Default::default() };
        pb::WatchResponse {
            frame: Some(Frame::Changes(pb::Changes { revisions: vec![revision] })),
            ..Default::default()
        }
    }

    #[tokio::test]
    async fn an_offer_is_met_whichever_side_comes_first() {
        let desks = board();
        desks.board.look(3, frame("early", pb::WorkState::Offered, ""));
        let early = desks.offer("early", Duration::ZERO).await.unwrap();
        assert_eq!((early.work.as_str(), early.seat), ("work of early", 3));

        let board = Arc::clone(&desks.board);
        let (late, ()) = tokio::join!(desks.offer("late", Duration::from_secs(5)), async move {
            board.look(0, frame("late", pb::WorkState::Offered, ""));
        });
        assert_eq!(late.unwrap().work, "work of late");
        assert!(lock(&desks.board.slots).is_empty());
    }

    #[tokio::test]
    async fn nothing_is_kept_of_offers_that_nobody_came_for() {
        let desks = board();
        desks.board.look(0, frame("gone", pb::WorkState::Offered, ""));
        desks.board.look(0, frame("gone", pb::WorkState::Ended, ""));
        assert!(desks.offer("gone", Duration::ZERO).await.is_none());
        assert!(lock(&desks.board.slots).is_empty());
    }

    #[tokio::test]
    async fn offers_are_counted_under_the_call_that_caused_them() {
        let desks = board();
        desks.expect("open-1", Cause::Opened);
        desks.expect("end-1", Cause::Freed);
        for (session, request) in [("a", "open-1"), ("b", "end-1"), ("c", "end-1"), ("d", "")] {
            desks.board.look(0, frame(session, pb::WorkState::Offered, request));
        }
        let seen = desks.take_seen();
        assert_eq!((seen.opened.len(), seen.freed.len(), seen.others), (1, 1, 2));
        assert_eq!(desks.take_seen().others, 0);
    }
}
