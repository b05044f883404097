//! What an org's actor, its watcher and whoever asks for something know of each other.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use super::refusal::Refusal;
use super::rest::{Rest, rest};
use super::view::View;
use crate::domain::entry::{Head, Revision};
use crate::domain::time::{Span, Timestamp};

/// An org is looked at again so often, though nothing has changed: its deadlines come nearer.
const LOOK_AGAIN: Span = Span::from_secs(5);

/// Nothing that was used so long ago is lively.
const LIVELY: Span = Span::from_secs(10);

/// Heard of a history that ends elsewhere than known, wherever that is.
pub(super) const ANYWHERE: Revision = Revision::new(u64::MAX);

/// Whether an org can be served.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// It is being loaded for the first time.
    Loading,
    /// That failed, and this is what callers are told; it is tried again.
    Failed(Refusal),
    /// It is loaded.
    Ready,
    /// Its actor has ended.
    Gone,
}

/// What an org's actor, its watcher and whoever asks for something know of each other.
#[derive(Debug)]
pub(super) struct Desk {
    /// What the actor shows. Written by it alone.
    pub(super) views: watch::Sender<Arc<View>>,
    /// Whether it can be served. Written by the actor alone.
    pub(super) phase: watch::Sender<Phase>,
    /// How far somebody says that the history goes. Written by the follower.
    pub(super) heard: watch::Sender<Revision>,
    /// The newest revision that another server has answered callers of this one with; written by who passes
    /// calls on, read before a view is shown.
    pub(super) answered: AtomicU64,
    /// When somebody last asked for it, by the monotonic clock.
    pub(super) used: AtomicI64,
    /// Whether this replica says that it looks after the org.
    pub(super) awake: AtomicBool,
    /// When it last said so, by the monotonic clock.
    said_awake: AtomicI64,
    /// What was last looked at, and when, to see whether the org rests.
    looked: Mutex<(Head, Timestamp)>,
}

impl Desk {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            views: watch::Sender::new(Arc::new(View::default())),
            phase: watch::Sender::new(Phase::Loading),
            heard: watch::Sender::new(Revision::ZERO),
            answered: AtomicU64::new(0),
            used: AtomicI64::new(now.as_ms()),
            awake: AtomicBool::new(false),
            said_awake: AtomicI64::new(i64::MIN),
            looked: Mutex::new((Head::default(), Timestamp::MIN)),
        }
    }

    pub(super) fn view(&self) -> Arc<View> {
        Arc::clone(&self.views.borrow())
    }

    /// This replica looks after the org from now on, until it rests.
    pub(super) fn keep_awake(&self) {
        self.awake.store(true, Ordering::Release);
    }

    /// The others were told that it is looked after: asked at that time.
    pub(super) fn said_awake(&self, asked: Timestamp) {
        self.said_awake.fetch_max(asked.as_ms(), Ordering::AcqRel);
    }

    /// Whether the others were told so within `span`.
    pub(super) fn said_within(&self, span: Span, now: Timestamp) -> bool {
        self.said_awake.load(Ordering::Acquire) >= (now - span).as_ms()
    }

    /// The actor is to look where the history ends.
    pub(super) fn look(&self) {
        self.heard.send_replace(ANYWHERE);
    }

    /// Does something go on here: is it looked after, or was it used lately?
    pub(super) fn is_lively(&self, now: Timestamp) -> bool {
        let lately = (now - LIVELY).as_ms();
        self.awake.load(Ordering::Acquire) || self.used.load(Ordering::Acquire) >= lately
    }

    pub(super) fn is_ready(&self) -> bool {
        *self.phase.borrow() == Phase::Ready
    }

    /// Does this replica look after the org? Where it rests that ends.
    pub(super) fn stays_awake(&self, now: Timestamp) -> bool {
        if !self.awake.load(Ordering::Acquire) || !self.is_ready() {
            return false;
        }
        let view = self.view();
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let head = view.state.head();
        if looked.0 == head && now.since(looked.1) < LOOK_AGAIN {
            return true;
        }
        *looked = (head, now);
        let awake = rest(&view.state, view.clock.at(now)) == Rest::Awake;
        self.awake.store(awake, Ordering::Release);
        awake
    }

    /// May it be unloaded, if nobody has used it since then?
    pub(super) fn is_idle(&self, since: Timestamp) -> bool {
        let unused = self.used.load(Ordering::Acquire) <= since.as_ms();
        // Whoever watches over the leases has one.
        let watched = self.views.receiver_count() > 1;
        unused && !watched && !self.awake.load(Ordering::Acquire)
    }
}
