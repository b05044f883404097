//! Whether the store as a whole takes writes, and what its clock and this machine's wall clock say. One
//! for all orgs of a replica: `pulse` asks the store and writes here; actors say when they suspect
//! something, and are told.

use std::sync::{Mutex, PoisonError};

use tokio::sync::{Notify, watch};

use super::stats::Stats;
use super::store_clock::StoreClock;
use crate::domain::time::{Span, Timestamp};
use crate::journal::JournalError;

/// How far a wall clock may be off before that is said, and how far that has to change to be said again.
const WALL_OFF: Span = Span::from_secs(5);

/// How the store is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct StoreState {
    /// Since when it takes no writes, by the monotonic clock: when the first call began that failed.
    pub(super) lost_since: Option<Timestamp>,
    /// How often the time that orgs go on from, as it is stored, had to be said anew: after an outage, and
    /// when the store's clock was set.
    pub(super) said_anew: u64,
}

/// The store, as this replica knows it.
#[derive(Debug)]
pub(super) struct Store {
    state: watch::Sender<StoreState>,
    /// Whether it takes writes; what readiness is.
    ready: watch::Sender<bool>,
    /// When a call began that failed, until the store was asked after that.
    suspected: Mutex<Option<Timestamp>>,
    suspicion: Notify,
    seen: Mutex<Seen>,
}

/// What `pulse` has seen of clocks.
#[derive(Debug, Default)]
struct Seen {
    store: Option<StoreClock>,
    /// How far the wall clock was ahead of the store's when that was last said; 0: not worth a word.
    wall_ahead: i64,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            state: watch::Sender::default(),
            ready: watch::Sender::new(true),
            suspected: Mutex::default(),
            suspicion: Notify::new(),
            seen: Mutex::default(),
        }
    }
}

impl Store {
    pub(super) fn watch(&self) -> watch::Receiver<StoreState> {
        self.state.subscribe()
    }

    pub(super) fn readiness(&self) -> watch::Receiver<bool> {
        self.ready.subscribe()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.state.borrow().lost_since.is_some()
    }

    /// A call that began then has failed: is it the store?
    pub(super) fn suspect(&self, since: Timestamp) {
        let mut suspected = self.suspected.lock().unwrap_or_else(PoisonError::into_inner);
        suspected.get_or_insert(since);
        self.suspicion.notify_one();
    }

    /// Waits until somebody suspects something.
    pub(super) async fn suspicion(&self) {
        self.suspicion.notified().await;
    }

    /// The store was asked then, and takes no writes.
    pub(super) fn lost(&self, asked: Timestamp, error: &JournalError, stats: &Stats) {
        let suspected = self.suspected.lock().unwrap_or_else(PoisonError::into_inner).take();
        let since = suspected.map_or(asked, |earlier| earlier.min(asked));
        let news = self.state.send_if_modified(|state| {
            let news = state.lost_since.is_none();
            state.lost_since.get_or_insert(since);
            news
        });
        if news {
            stats.outages.add(1);
            tracing::error!(%error, "the store takes no writes: calls are refused, and no time passes");
            self.ready.send_replace(false);
        }
    }

    /// The store was asked, and takes writes. `true`: it didn't before.
    pub(super) fn found(&self, now: Timestamp) -> bool {
        self.suspected.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut lost_since = None;
        self.state.send_if_modified(|state| {
            lost_since = state.lost_since.take();
            state.said_anew += u64::from(lost_since.is_some());
            lost_since.is_some()
        });
        let Some(since) = lost_since else { return false };
        let seconds = now.since(since).as_ms() / 1_000;
        tracing::info!(seconds, "the store takes writes again");
        self.ready.send_replace(true);
        true
    }

    /// Compares clocks: what the store's said, and this machine's wall clock at the same moment. `true`:
    /// the store's was set since it was last read.
    pub(super) fn compare(&self, reading: StoreClock, wall: Timestamp, stats: &Stats) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let earlier = seen.store.replace(reading);
        let ahead = wall.as_ms() - reading.store_time.as_ms();
        let slow = reading.answered.since(reading.asked).as_ms();
        let off = if ahead.abs() > WALL_OFF.as_ms() + slow { ahead } else { 0 };
        let changed = (off == 0) != (seen.wall_ahead == 0)
            || (off - seen.wall_ahead).abs() > WALL_OFF.as_ms() + slow;
        if changed {
            seen.wall_ahead = off;
            stats.wall_clock_changes.add(1);
            let ahead_ms = ahead;
            match off {
                0 => tracing::info!(
                    ahead_ms,
                    "this machine's wall clock agrees with the store's again"
                ),
                _ => tracing::warn!(
                    ahead_ms,
                    "this machine's wall clock and the store's differ: nothing is counted by either, but \
                     one of them is wrong"
                ),
            }
        }
        let jumped = earlier.is_some_and(|earlier| reading.jumped_since(earlier));
        if jumped {
            stats.store_clock_jumps.add(1);
            tracing::warn!("the store's clock was set: no deadline moves, and leases begin anew");
            self.state.send_modify(|state| state.said_anew += 1);
        }
        jumped
    }

    /// How far this machine's wall clock is ahead of the store's, in ms, where that is worth a word.
    pub(super) fn wall_ahead(&self) -> i64 {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).wall_ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    fn lost() -> JournalError {
        JournalError::Unavailable("gone".to_owned())
    }

    #[test]
    fn r12_an_outage_lasts_from_the_first_failure_to_the_first_write() {
        let (store, stats) = (Store::default(), Stats::default());
        let watch = store.watch();
        store.suspect(at(500));
        store.suspect(at(700));
        assert!(*store.readiness().borrow(), "it is only suspected");
        store.lost(at(900), &lost(), &stats);
        store.lost(at(1_900), &lost(), &stats);
        assert_eq!((watch.borrow().lost_since, stats.outages.get()), (Some(at(500)), 1));
        assert!(!*store.readiness().borrow());
        assert!(store.found(at(3_000)));
        assert!(!store.found(at(4_000)), "no news");
        let after = *watch.borrow();
        assert_eq!(after, StoreState { lost_since: None, said_anew: 1 });
        assert!(*store.readiness().borrow());
        store.suspect(at(4_100));
        store.found(at(4_200));
        store.lost(at(5_000), &lost(), &stats);
        assert_eq!(watch.borrow().lost_since, Some(at(5_000)), "the suspicion was unfounded");
    }

    #[test]
    fn r12_a_wall_clock_that_is_off_is_said_once_per_change() {
        let (store, stats) = (Store::default(), Stats::default());
        let look = |ms: i64, store_time: i64, wall: i64| {
            let reading =
                StoreClock { asked: at(ms), answered: at(ms), store_time: at(store_time) };
            let jumped = store.compare(reading, at(wall), &stats);
            (jumped, stats.wall_clock_changes.get(), store.wall_ahead())
        };
        assert_eq!(look(0, 1_000_000, 1_004_000), (false, 0, 0));
        assert_eq!(look(1_000, 1_001_000, 1_031_000), (false, 1, 30_000));
        assert_eq!(look(2_000, 1_002_000, 1_033_000), (false, 1, 30_000), "no change to speak of");
        assert_eq!(look(3_000, 1_003_000, 4_603_000), (false, 2, 3_600_000));
        assert_eq!(look(4_000, 1_004_000, 1_004_000), (false, 3, 0));
        // The store's clock is set by an hour: that is a jump, and then the wall clock is what is off.
        assert_eq!(look(5_000, 4_605_000, 1_005_000), (true, 4, -3_600_000));
        assert_eq!(look(6_000, 4_606_000, 1_006_000), (false, 4, -3_600_000));
        assert_eq!(store.watch().borrow().said_anew, 1);
    }
}
