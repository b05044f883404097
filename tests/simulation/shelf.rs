//! The simulated store as a journal that real actors can use, with leases and faults by hand.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use baton::domain::entry::{Entry, Head, Revision};
use baton::domain::id::{OrgId, PresenceId};
use baton::domain::time::{Span, Timestamp};
use baton::engine::clock::steady_wall;
use baton::journal::memory::MemoryJournal;
use baton::journal::{
    Awake, Batch, Epoch, Heard, Heartbeat, History, Journal, JournalError, Lapsed, LeaseReport,
    Loaded, MemberList, Pending, Reply, ServerId, StoredPlace, Unattended,
};
use tokio::sync::broadcast;

use super::store::Store;

/// The store as a journal that many may use, with leases and faults by hand.
pub struct Shelf {
    store: Mutex<Store>,
    leases: Mutex<BTreeMap<PresenceId, Timestamp>>,
    pub appended: broadcast::Sender<Heard>,
    /// Which orgs are awake.
    pub awake: MemoryJournal,
    pub rebased: AtomicU32,
    pub down: AtomicBool,
    /// So many of the next commits are done, but nobody hears of it.
    pub swallow: AtomicU32,
    /// Commits aren't answered, nor done, while that is so.
    pub hangs: AtomicBool,
    /// The next so many commits panic.
    pub panics: AtomicU32,
    /// How far the store's clock was set ahead, in ms.
    pub ahead: AtomicI64,
    /// A renewal that comes right before claimed leases are forgotten.
    pub renews_late: Mutex<Option<(PresenceId, Span)>>,
    /// How long whoever asks for lapsed leases next is stopped on the way, in ms.
    pub stops_asking: AtomicI64,
    /// How long it was stopped altogether: so much more time has passed than this test took.
    pub stopped: Arc<AtomicI64>,
}

impl Shelf {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            store: Mutex::new(Store::new(None)),
            leases: Mutex::default(),
            appended: broadcast::Sender::new(64),
            awake: MemoryJournal::new(Arc::new(steady_wall)),
            rebased: AtomicU32::new(0),
            down: AtomicBool::new(false),
            swallow: AtomicU32::new(0),
            hangs: AtomicBool::new(false),
            panics: AtomicU32::new(0),
            ahead: AtomicI64::new(0),
            renews_late: Mutex::default(),
            stops_asking: AtomicI64::new(0),
            stopped: Arc::default(),
        })
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn leases(&self) -> MutexGuard<'_, BTreeMap<PresenceId, Timestamp>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether some lease has run out.
    pub fn any_lapsed(&self) -> bool {
        let now = self.now();
        self.leases().values().any(|end| *end <= now)
    }

    fn check(&self) -> Result<(), JournalError> {
        if self.down.load(Ordering::SeqCst) {
            return Err(JournalError::Unavailable("stopped by the test".to_owned()));
        }
        Ok(())
    }

    /// By how much the time is ahead of the machine's.
    fn stopped(&self) -> Span {
        Span::from_ms(self.stopped.load(Ordering::SeqCst))
    }

    /// What time it is at the store.
    fn now(&self) -> Timestamp {
        steady_wall() + self.stopped()
    }

    pub fn head(&self) -> Revision {
        self.store().revision()
    }

    fn place(&self) -> (Epoch, Head) {
        (Epoch(1), self.store().state().head())
    }

    fn try_commit(&self, batch: &Batch) -> Result<Reply, JournalError> {
        self.check()?;
        let (verdict, store_time) = (self.store().commit(batch)?, self.now());
        let committed = Reply { verdict, store_time };
        drop(self.appended.send(Heard::Commit(demo(), self.head())));
        let swallowed =
            self.swallow.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match swallowed {
            Ok(_) => Err(JournalError::Unknown("swallowed by the test".to_owned())),
            Err(_) => Ok(committed),
        }
    }
}

impl Journal for Shelf {
    fn commit<'a>(&'a self, _org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Reply> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            let left =
                self.panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            assert!(left.is_err(), "broken by the test");
            while self.hangs.load(Ordering::SeqCst) {
                tokio::task::yield_now().await;
            }
            self.try_commit(batch)
        })
    }

    fn load<'a>(&'a self, _org: &'a OrgId, _known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        Box::pin(async move {
            self.check()?;
            self.store().now = self.now();
            Ok(self.store().load())
        })
    }

    fn read<'a>(&'a self, _org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        let entries: Vec<Arc<Entry>> = self.store().after(after, limit);
        Box::pin(async move { Ok(History::Entries(entries)) })
    }

    fn follow(&self) -> broadcast::Receiver<Heard> {
        self.appended.subscribe()
    }

    fn heads<'a>(&'a self, orgs: &'a [OrgId]) -> Pending<'a, Vec<StoredPlace>> {
        Box::pin(async move {
            self.check()?;
            let (epoch, head) = self.place();
            let place = StoredPlace { epoch, revision: head.revision, entry: head.entry };
            Ok(vec![place; orgs.len()])
        })
    }

    fn rebase<'a>(
        &'a self,
        _org: &'a OrgId,
        place: (Epoch, Head),
        _now: Timestamp,
    ) -> Pending<'a, bool> {
        Box::pin(async move {
            self.check()?;
            self.rebased.fetch_add(1, Ordering::SeqCst);
            Ok(self.place() == place)
        })
    }

    fn probe(&self) -> Pending<'_, Timestamp> {
        Box::pin(async {
            self.check()?;
            Ok(self.now() + Span::from_ms(self.ahead.load(Ordering::SeqCst)))
        })
    }

    fn stay_awake<'a>(&'a self, orgs: &'a [OrgId], away: Span) -> Pending<'a, ()> {
        self.awake.stay_awake(orgs, away)
    }

    fn unattended(&self, limit: usize) -> Pending<'_, Unattended> {
        self.awake.unattended(limit)
    }

    fn take_on<'a>(&'a self, orgs: &'a [Awake], away: Span) -> Pending<'a, Vec<Awake>> {
        self.awake.take_on(orgs, away)
    }

    fn rest<'a>(&'a self, org: &'a Awake, next: Option<Span>) -> Pending<'a, ()> {
        self.awake.rest(org, next)
    }

    fn renew<'a>(
        &'a self,
        _org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(async move {
            self.check()?;
            let now = self.now();
            let mut known = self.leases();
            let mut renew = |(id, span): &(PresenceId, Span)| {
                known.insert(*id, now + *span).is_none().then_some(*id)
            };
            Ok(leases.iter().filter_map(&mut renew).collect())
        })
    }

    fn start<'a>(&'a self, _org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()> {
        Box::pin(async move {
            self.check()?;
            let now = self.now();
            for (id, span) in leases {
                self.leases().entry(*id).or_insert(now + *span);
            }
            Ok(())
        })
    }

    fn overdue<'a>(
        &'a self,
        _org: &'a OrgId,
        _by: ServerId,
        limit: usize,
        since: Span,
    ) -> Pending<'a, LeaseReport> {
        Box::pin(async move {
            self.check()?;
            let asleep = self.stops_asking.swap(0, Ordering::SeqCst);
            self.stopped.fetch_add(asleep, Ordering::SeqCst);
            let store_time = self.now();
            let leases = self.leases();
            let over = leases.iter().filter(|(_, end)| **end + since <= store_time).take(limit);
            let lapsed = Lapsed::Claimed(over.map(|(id, _)| *id).collect());
            Ok(LeaseReport { lapsed, store_time })
        })
    }

    fn show<'a>(&'a self, _heartbeat: &'a Heartbeat) -> Pending<'a, MemberList> {
        Box::pin(async { Ok(MemberList::default()) })
    }

    fn hide(&self, _member: ServerId) -> Pending<'_, ()> {
        Box::pin(async { Ok(()) })
    }

    fn forget<'a>(
        &'a self,
        _org: &'a OrgId,
        presences: &'a [PresenceId],
    ) -> Pending<'a, Vec<PresenceId>> {
        Box::pin(async move {
            self.check()?;
            let mut leases = self.leases();
            let now = self.now();
            if let Some((id, span)) = self.renews_late.lock().expect("no panic").take() {
                leases.insert(id, now + span);
            }
            leases.retain(|id, end| !(presences.contains(id) && *end <= now));
            Ok(presences.iter().filter(|id| leases.contains_key(id)).copied().collect())
        })
    }

    fn leave<'a>(&'a self, _org: &'a OrgId, _by: ServerId) -> Pending<'a, ()> {
        Box::pin(async { Ok(()) })
    }

    fn release<'a>(&'a self, _org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        Box::pin(async move {
            self.check()?;
            self.leases().retain(|id, _| !presences.contains(id));
            Ok(())
        })
    }
}

/// The org.
pub fn demo() -> OrgId {
    OrgId::new("demo").expect("a valid id")
}
