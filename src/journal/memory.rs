//! The journal of one process, in memory: the embedded default, and the model that the contract
//! suite compares others with. Everything is lost with the process.
//!
//! One mutex per org, held for one batch and never across an await.

mod outcomes;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::{
    Awake, BATCH_MAX, Batch, CLAIM, Epoch, HEARD, Heard, Heartbeat, History, Journal, JournalError,
    Lapsed, LeaseReport, Loaded, Member, MemberList, Pending, Reply, SERVER_AWAY, SWEPT_AFTER,
    ServerId, StoredPlace, Unattended, Verdict,
};
use crate::domain::entry::{Entry, Head, Revision};
use crate::domain::id::{EntryId, OrgId, PresenceId};
use crate::domain::record::RecordKey;
use crate::domain::state::{HeldRecord, State};
use crate::domain::time::{Span, Timestamp};

use self::outcomes::Outcomes;

/// How many entries of each org are kept, unless said otherwise.
pub const ENTRIES_KEPT: usize = 100_000;

/// What time it is; an argument, so that a test can tell it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The journal of one process.
pub struct MemoryJournal {
    clock: Clock,
    entries_kept: usize,
    /// Orgs are only ever added. Locked to find one, not while it is used.
    orgs: Mutex<HashMap<OrgId, Arc<Org>>>,
    /// The servers over this journal.
    members: Mutex<BTreeMap<ServerId, Member>>,
    /// When somebody is to look after which org, if nobody does.
    awake: Mutex<BTreeMap<OrgId, Timestamp>>,
    /// Told after each commit.
    heard: broadcast::Sender<Heard>,
}

#[derive(Default)]
struct Org {
    stored: Mutex<Stored>,
}

/// All that is kept of one org.
struct Stored {
    epoch: Epoch,
    head: Head,
    /// What the clock said when the head was last written.
    written_at: Timestamp,
    /// A tree, since a table of millions stands still while it grows.
    records: BTreeMap<RecordKey, HeldRecord>,
    /// The newest entries, without a gap up to `head`.
    entries: VecDeque<Arc<Entry>>,
    outcomes: Outcomes,
    /// When each lease runs out.
    leases: BTreeMap<PresenceId, Timestamp>,
    /// Until when those that ran out are somebody's to look after.
    claims: BTreeMap<PresenceId, Timestamp>,
    /// When each server last looked after them.
    servers: BTreeMap<ServerId, Timestamp>,
}

impl Default for Stored {
    fn default() -> Self {
        Self {
            epoch: Epoch(1),
            head: Head::default(),
            written_at: Timestamp::MIN,
            records: BTreeMap::new(),
            entries: VecDeque::new(),
            outcomes: Outcomes::default(),
            leases: BTreeMap::new(),
            claims: BTreeMap::new(),
            servers: BTreeMap::new(),
        }
    }
}

impl Stored {
    /// The entry at `revision`: `None` if it isn't known any more, or not yet.
    fn entry_at(&self, revision: Revision) -> Option<EntryId> {
        if revision == self.head.revision {
            return Some(self.head.entry);
        }
        if revision == Revision::ZERO {
            return Some(EntryId::MIN);
        }
        let place = self.place(revision)?;
        self.entries.get(place).map(|entry| entry.id)
    }

    /// Where in `entries` the one at `revision` is.
    fn place(&self, revision: Revision) -> Option<usize> {
        let first = self.entries.front()?.revision.get();
        revision.get().checked_sub(first).and_then(|place| usize::try_from(place).ok())
    }

    /// Every entry after `after`; `None` if some are gone.
    fn after(&self, after: Revision) -> Option<impl Iterator<Item = &Arc<Entry>>> {
        let start = if after >= self.head.revision {
            self.entries.len()
        } else {
            self.place(after.next())?
        };
        Some(self.entries.range(start.min(self.entries.len())..))
    }

    fn commit(&mut self, batch: &Batch, entries_kept: usize) -> Result<Verdict, JournalError> {
        self.still_there(batch.confirmed)?;
        if batch.epoch != self.epoch {
            let text = format!("epoch {}, not {}", self.epoch.0, batch.epoch.0);
            return Err(JournalError::Diverged(text));
        }
        let confirmed = batch.confirmed.revision;
        if confirmed > self.head.revision
            || self.entry_at(confirmed).is_some_and(|entry| entry != batch.confirmed.entry)
        {
            let text = format!("another entry at revision {confirmed}");
            return Err(JournalError::Diverged(text));
        }
        if let Some(last) = batch.entries.last()
            && self.entry_at(last.revision) == Some(last.id)
        {
            return Ok(Verdict::Accepted);
        }
        let ids = batch.outcomes.iter().map(|(txn, _)| txn).chain(&batch.asked);
        let known: Vec<_> =
            ids.filter_map(|txn| Some((*txn, self.outcomes.find(*txn)?.clone()))).collect();
        if !known.is_empty() || batch.decided_on != self.head {
            let missed = self.after(confirmed).ok_or_else(|| {
                JournalError::Diverged(format!("revision {confirmed} is trimmed away"))
            })?;
            return Ok(Verdict::Behind { missed: missed.cloned().collect(), known });
        }
        for entry in &batch.entries {
            self.append(entry);
        }
        for (txn, outcome) in &batch.outcomes {
            self.outcomes.put(self.head.time, *txn, outcome.clone());
        }
        while self.entries.len() > entries_kept {
            self.entries.pop_front();
        }
        Ok(Verdict::Accepted)
    }

    fn append(&mut self, entry: &Arc<Entry>) {
        for (key, record) in &entry.changes {
            match record {
                Some(record) => {
                    let held = HeldRecord { revision: entry.revision, record: record.clone() };
                    self.records.insert(key.clone(), held);
                }
                None => {
                    self.records.remove(key);
                }
            }
        }
        self.head = entry.head();
        self.entries.push_back(Arc::clone(entry));
    }

    /// Who is there, and whose lease has run out that nobody else looks after.
    fn lapsed(&mut self, now: Timestamp, by: ServerId, limit: usize, since: Span) -> Lapsed {
        self.servers.insert(by, now);
        let before = self.servers.len();
        self.servers.retain(|_, seen| now.since(*seen) < SERVER_AWAY);
        if self.servers.len() < before {
            return Lapsed::ServerLost;
        }
        self.claims.retain(|_, until| *until > now);
        let over = self
            .leases
            .iter()
            .filter(|(_, end)| **end + since <= now)
            .map(|(presence, _)| *presence);
        let free = over.filter(|presence| !self.claims.contains_key(presence));
        let claimed: Vec<_> = free.take(limit).collect();
        self.claims.extend(claimed.iter().map(|presence| (*presence, now + CLAIM)));
        Lapsed::Claimed(claimed)
    }

    /// Was nothing ever written to it?
    fn is_untouched(&self) -> bool {
        self.head == Head::default() && self.epoch == Epoch(1) && self.outcomes.is_empty()
    }

    /// An org that was there can't be gone from this journal, unless it was another one that had it.
    fn still_there(&self, known: Head) -> Result<(), JournalError> {
        if known.revision > Revision::ZERO && self.is_untouched() {
            let text = "the org was there, and nothing is left of it: this is another journal";
            return Err(JournalError::Corrupt(text.to_owned()));
        }
        Ok(())
    }

    /// Does what is stored contradict that `known` was once committed?
    fn contradicts(&self, epoch: Epoch, known: Head) -> bool {
        self.epoch < epoch
            || (self.epoch == epoch
                && (self.head.revision < known.revision
                    || self.entry_at(known.revision).is_some_and(|entry| entry != known.entry)))
    }
}

impl MemoryJournal {
    /// An empty journal. `clock` is what leases run by.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::keeping(clock, ENTRIES_KEPT)
    }

    /// An empty journal that keeps this many entries of each org.
    #[must_use]
    pub fn keeping(clock: Clock, entries_kept: usize) -> Self {
        Self {
            clock,
            entries_kept,
            orgs: Mutex::default(),
            members: Mutex::default(),
            awake: Mutex::default(),
            heard: broadcast::Sender::new(HEARD),
        }
    }

    fn org(&self, id: &OrgId) -> Arc<Org> {
        let mut orgs = self.orgs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(org) = orgs.get(id) {
            return Arc::clone(org);
        }
        Arc::clone(orgs.entry(id.clone()).or_default())
    }

    fn awake(&self) -> MutexGuard<'_, BTreeMap<OrgId, Timestamp>> {
        self.awake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A result that is there already, for a method that needn't wait.
    fn ready<'a, T: Send + 'a>(result: Result<T, JournalError>) -> Pending<'a, T> {
        Box::pin(std::future::ready(result))
    }
}

impl Org {
    fn stored(&self) -> MutexGuard<'_, Stored> {
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Journal for MemoryJournal {
    fn commit<'a>(&'a self, org: &'a OrgId, batch: &'a Batch) -> Pending<'a, Reply> {
        debug_assert!(batch.entries.len() <= BATCH_MAX, "a batch has at most {BATCH_MAX}");
        let store_time = (self.clock)();
        let stored = self.org(org);
        let mut stored = stored.stored();
        let before = stored.head.revision;
        let verdict = stored.commit(batch, self.entries_kept);
        if stored.head.revision > before {
            stored.written_at = store_time;
        }
        let result = verdict.map(|verdict| Reply { verdict, store_time });
        let head = stored.head.revision;
        drop(stored);
        if head > before {
            // Whoever doesn't follow doesn't have to hear of it.
            let _ = self.heard.send(Heard::Commit(org.clone(), head));
        }
        Self::ready(result)
    }

    fn load<'a>(&'a self, org: &'a OrgId, known: Option<(Epoch, Head)>) -> Pending<'a, Loaded> {
        let org = self.org(org);
        let mut stored = org.stored();
        if let Some((_, head)) = known
            && let Err(error) = stored.still_there(head)
        {
            return Self::ready(Err(error));
        }
        if let Some((epoch, head)) = known
            && stored.contradicts(epoch, head)
        {
            stored.epoch = Epoch(epoch.max(stored.epoch).0 + 1);
        }
        let records = stored.records.iter().map(|(key, held)| (key.clone(), held.clone()));
        let state = State::restore(stored.head, records);
        let store_time = (self.clock)();
        let now = match stored.head.revision {
            Revision::ZERO => store_time,
            _ => stored.head.time + store_time.since(stored.written_at),
        };
        let release = if stored.is_untouched() { "" } else { crate::RELEASE }.to_owned();
        Self::ready(Ok(Loaded { epoch: stored.epoch, state, now, release }))
    }

    fn read<'a>(&'a self, org: &'a OrgId, after: Revision, limit: usize) -> Pending<'a, History> {
        let org = self.org(org);
        let stored = org.stored();
        Self::ready(Ok(match stored.after(after) {
            Some(entries) => History::Entries(entries.take(limit).cloned().collect()),
            None => History::Trimmed,
        }))
    }

    fn follow(&self) -> broadcast::Receiver<Heard> {
        self.heard.subscribe()
    }

    fn heads<'a>(&'a self, orgs: &'a [OrgId]) -> Pending<'a, Vec<StoredPlace>> {
        let place = |org| {
            let org = self.org(org);
            let stored = org.stored();
            let Head { revision, entry, .. } = stored.head;
            match stored.is_untouched() {
                true => StoredPlace::default(),
                false => StoredPlace { epoch: stored.epoch, revision, entry },
            }
        };
        Self::ready(Ok(orgs.iter().map(place).collect()))
    }

    fn rebase<'a>(
        &'a self,
        org: &'a OrgId,
        (epoch, head): (Epoch, Head),
        now: Timestamp,
    ) -> Pending<'a, bool> {
        let store_time = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        let same = stored.epoch == epoch && stored.head == head;
        if same {
            stored.written_at = store_time - now.since(head.time);
        }
        Self::ready(Ok(same))
    }

    fn probe(&self) -> Pending<'_, Timestamp> {
        Self::ready(Ok((self.clock)()))
    }

    fn stay_awake<'a>(&'a self, orgs: &'a [OrgId], away: Span) -> Pending<'a, ()> {
        let look_at = (self.clock)() + away;
        self.awake().extend(orgs.iter().map(|org| (org.clone(), look_at)));
        Self::ready(Ok(()))
    }

    fn unattended(&self, limit: usize) -> Pending<'_, Unattended> {
        let store_time = (self.clock)();
        let awake = self.awake();
        let over = awake.iter().filter(|(_, look_at)| **look_at <= store_time);
        let mut orgs: Vec<Awake> =
            over.map(|(org, look_at)| Awake { org: org.clone(), look_at: *look_at }).collect();
        orgs.sort_by_key(|awake| awake.look_at);
        orgs.truncate(limit);
        Self::ready(Ok(Unattended { orgs, store_time }))
    }

    fn take_on<'a>(&'a self, orgs: &'a [Awake], away: Span) -> Pending<'a, Vec<Awake>> {
        let look_at = (self.clock)() + away;
        let mut awake = self.awake();
        let mut taken = Vec::new();
        for Awake { org, look_at: seen } in orgs {
            if awake.get(org) == Some(seen) {
                awake.insert(org.clone(), look_at);
                taken.push(Awake { org: org.clone(), look_at });
            }
        }
        Self::ready(Ok(taken))
    }

    fn rest<'a>(&'a self, org: &'a Awake, next: Option<Span>) -> Pending<'a, ()> {
        let now = (self.clock)();
        let mut awake = self.awake();
        if awake.get(&org.org) == Some(&org.look_at) {
            match next {
                Some(next) => drop(awake.insert(org.org.clone(), now + next)),
                None => drop(awake.remove(&org.org)),
            }
        }
        Self::ready(Ok(()))
    }

    fn renew<'a>(
        &'a self,
        org: &'a OrgId,
        leases: &'a [(PresenceId, Span)],
    ) -> Pending<'a, Vec<PresenceId>> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        let mut renew = |(presence, span): &(PresenceId, Span)| {
            let known = stored.leases.insert(*presence, now + *span);
            known.is_none().then_some(*presence)
        };
        Self::ready(Ok(leases.iter().filter_map(&mut renew).collect()))
    }

    fn start<'a>(&'a self, org: &'a OrgId, leases: &'a [(PresenceId, Span)]) -> Pending<'a, ()> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        for (presence, span) in leases {
            stored.leases.entry(*presence).or_insert(now + *span);
        }
        Self::ready(Ok(()))
    }

    fn overdue<'a>(
        &'a self,
        org: &'a OrgId,
        by: ServerId,
        limit: usize,
        since: Span,
    ) -> Pending<'a, LeaseReport> {
        let store_time = (self.clock)();
        let lapsed = self.org(org).stored().lapsed(store_time, by, limit, since);
        Self::ready(Ok(LeaseReport { lapsed, store_time }))
    }

    fn forget<'a>(
        &'a self,
        org: &'a OrgId,
        presences: &'a [PresenceId],
    ) -> Pending<'a, Vec<PresenceId>> {
        let now = (self.clock)();
        let org = self.org(org);
        let mut stored = org.stored();
        let mut renewed = Vec::new();
        for presence in presences {
            stored.claims.remove(presence);
            match stored.leases.get(presence) {
                Some(end) if *end <= now => drop(stored.leases.remove(presence)),
                Some(_) => renewed.push(*presence),
                None => {}
            }
        }
        Self::ready(Ok(renewed))
    }

    fn leave<'a>(&'a self, org: &'a OrgId, by: ServerId) -> Pending<'a, ()> {
        self.org(org).stored().servers.remove(&by);
        Self::ready(Ok(()))
    }

    fn show<'a>(&'a self, heartbeat: &'a Heartbeat) -> Pending<'a, MemberList> {
        let store_time = (self.clock)();
        let mut members = self.members.lock().unwrap_or_else(PoisonError::into_inner);
        let member = Member {
            id: heartbeat.member,
            address: heartbeat.address.clone(),
            state: heartbeat.state,
            started_at: heartbeat.started_at.unwrap_or(store_time),
            heartbeat_at: store_time,
            counts: heartbeat.counts,
        };
        members.insert(member.id, member);
        members.retain(|_, member| store_time.since(member.heartbeat_at) < SWEPT_AFTER);
        Self::ready(Ok(MemberList { members: members.values().cloned().collect(), store_time }))
    }

    fn hide(&self, member: ServerId) -> Pending<'_, ()> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner).remove(&member);
        Self::ready(Ok(()))
    }

    fn release<'a>(&'a self, org: &'a OrgId, presences: &'a [PresenceId]) -> Pending<'a, ()> {
        let org = self.org(org);
        let mut stored = org.stored();
        for presence in presences {
            stored.leases.remove(presence);
            stored.claims.remove(presence);
        }
        Self::ready(Ok(()))
    }
}
