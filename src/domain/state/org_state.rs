//! The state of an org. A clone costs nothing, so a snapshot is a clone. It is changed by a decision
//! in the making (`draft`), which can take back what it did, and by journal entries.

mod asks;
mod contacts;
mod partners;
mod standing;

use std::cmp::Reverse;
use std::ops::RangeBounds;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};

use crate::domain::entry::{Entry, Head, Revision};
use crate::domain::id::{
    EntryId, PresenceId, QueueId, RepId, SessionId, SkillId, TransferId, WorkId,
};
use crate::domain::line::{IndexCount, LinePlace, MemberStanding, QueueWait};
use crate::domain::live::{Line, RepPresence, Transfer, Work};
use crate::domain::record::{Due, IndexKey, Mark, MarkKey, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;

/// A record and when it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldRecord {
    /// The revision of the entry that wrote it last.
    pub revision: Revision,
    /// Its image.
    pub record: Record,
}

/// Everything known of an org at one revision.
#[derive(Debug, Clone, Default)]
pub struct State {
    head: Head,
    records: OrdMap<RecordKey, HeldRecord>,
    index: OrdSet<IndexKey>,
    /// How many there are of some kinds of index keys and of records, since neither can be counted by looking.
    tallies: OrdMap<IndexCount, u32>,
}

/// Why an entry can't be the next one. Applying can't fail otherwise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {revision} follows {previous}, but the head is {head:?}")]
pub struct BrokenChain {
    /// The entry's revision.
    pub revision: Revision,
    /// The entry that it says comes before it.
    pub previous: EntryId,
    /// Where the state is.
    pub head: Head,
}

impl State {
    /// A state from what a journal has stored.
    #[must_use]
    pub fn restore(head: Head, records: impl IntoIterator<Item = (RecordKey, HeldRecord)>) -> Self {
        let mut state = Self { head, ..Self::default() };
        for (key, held) in records {
            held.record.index(|place| state.note(place));
            state.count_up(tally_of(&held.record));
            state.records.insert(key, held);
        }
        state
    }

    /// The last entry that is in it.
    #[must_use]
    pub const fn head(&self) -> Head {
        self.head
    }

    /// Replaces the records that `entry` changed and returns what they were.
    ///
    /// # Errors
    /// [`BrokenChain`] if `entry` isn't the one that follows the head; nothing is changed then.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<Option<Record>>, BrokenChain> {
        if !entry.follows(self.head) {
            let Entry { revision, previous, .. } = *entry;
            return Err(BrokenChain { revision, previous, head: self.head });
        }
        let revision = entry.revision;
        let put = |(key, record): &(RecordKey, Option<Record>)| {
            let held = record.clone().map(|record| HeldRecord { revision, record });
            self.put(key, held).map(|held| held.record)
        };
        let before = entry.changes.iter().map(put).collect();
        self.head = entry.head();
        Ok(before)
    }

    /// Everything put since the last head belongs to the entry that is the head from now on.
    pub(super) const fn advance(&mut self, head: Head) {
        self.head = head;
    }

    /// Puts a record under `key`, or removes it, and returns what was there.
    pub(super) fn put(&mut self, key: &RecordKey, new: Option<HeldRecord>) -> Option<HeldRecord> {
        let mut places = Vec::new();
        if let Some(held) = &new {
            held.record.index(|place| places.push(place));
        }
        self.count_up(new.as_ref().and_then(|held| tally_of(&held.record)));
        let old = match new {
            Some(held) => self.records.insert(key.clone(), held),
            None => self.records.remove(key),
        };
        if let Some(held) = &old {
            self.count_down(tally_of(&held.record));
            held.record.index(|place| match places.iter().position(|p| *p == place) {
                Some(kept) => {
                    places.swap_remove(kept);
                }
                None => self.forget(&place),
            });
        }
        for place in places {
            self.note(place);
        }
        old
    }

    fn note(&mut self, place: IndexKey) {
        self.count_up(tallies_of(&place));
        self.index.insert(place);
    }

    fn count_up(&mut self, tallies: impl IntoIterator<Item = IndexCount>) {
        for tally in tallies {
            *self.tallies.entry(tally).or_default() += 1;
        }
    }

    fn forget(&mut self, place: &IndexKey) {
        self.index.remove(place);
        self.count_down(tallies_of(place));
    }

    fn count_down(&mut self, tallies: impl IntoIterator<Item = IndexCount>) {
        for tally in tallies {
            match self.tallies.get_mut(&tally) {
                Some(count) if *count > 1 => *count -= 1,
                _ => {
                    self.tallies.remove(&tally);
                }
            }
        }
    }

    /// How many there are of something that is counted.
    #[must_use]
    pub fn count(&self, tally: &IndexCount) -> u32 {
        self.tallies.get(tally).copied().unwrap_or(0)
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Is there nothing at all?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The revision of the entry that wrote a record last; 0 if it isn't there.
    #[must_use]
    pub fn revision_of(&self, key: &RecordKey) -> Revision {
        self.records.get(key).map_or(Revision::ZERO, |held| held.revision)
    }

    /// A record with its revision, if it is there.
    #[must_use]
    pub fn held(&self, key: &RecordKey) -> Option<&HeldRecord> {
        self.records.get(key)
    }

    /// A range of the records, in key order.
    pub fn range(&self, range: impl RangeBounds<RecordKey>) -> impl Iterator<Item = &Record> {
        self.records.range(range).map(|(_, held)| &held.record)
    }

    /// The last key of a range that has a record.
    pub fn last_key(&self, range: impl RangeBounds<RecordKey>) -> Option<&RecordKey> {
        self.records.range(range).next_back().map(|(key, _)| key)
    }

    /// Every record, in key order.
    pub fn records(&self) -> impl Iterator<Item = (&RecordKey, &HeldRecord)> {
        self.records.iter()
    }

    /// Every place in the index, in order.
    pub fn places(&self) -> impl Iterator<Item = &IndexKey> {
        self.index.iter()
    }

    /// The next deadline.
    #[must_use]
    pub fn next_due(&self) -> Option<Timestamp> {
        match self.index.get_min() {
            Some(IndexKey::Due(at, _)) => Some(*at),
            _ => None,
        }
    }

    /// Every deadline that has passed at `now`, the earliest first.
    pub fn due(&self, now: Timestamp) -> impl Iterator<Item = &Due> {
        self.index.iter().map_while(move |place| match place {
            IndexKey::Due(at, due) if *at <= now => Some(due),
            _ => None,
        })
    }

    /// The places of `line`, in the order of R2.
    pub fn places_in<'s>(&'s self, line: &Line) -> impl Iterator<Item = &'s LinePlace> + use<'s> {
        self.places_from(line, LinePlace::first_of(0))
    }

    /// The places of `line` that aren't before `from`.
    pub fn places_from<'s>(
        &'s self,
        line: &Line,
        from: LinePlace,
    ) -> impl Iterator<Item = &'s LinePlace> + use<'s> {
        let line = line.clone();
        self.index.range(IndexKey::InLine(line.clone(), from)..).map_while(move |key| match key {
            IndexKey::InLine(l, place) if *l == line => Some(place),
            _ => None,
        })
    }

    /// The sessions that wait in `line` and aren't being offered, in the order of R2.
    pub fn line<'s>(&'s self, line: &Line) -> impl Iterator<Item = SessionId> + use<'s> {
        self.places_in(line).map(|place| place.session)
    }

    /// Every line in which somebody waits.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let first = IndexCount::Waiting(Line::Rep(RepId::least()));
        self.tallies.range(first..).map_while(|(tally, _)| match tally {
            IndexCount::Waiting(line) => Some(line),
            _ => None,
        })
    }

    /// Who of `queue` is there, those with room first, in the order of R3.
    pub fn members<'s>(
        &'s self,
        queue: &QueueId,
    ) -> impl Iterator<Item = &'s MemberStanding> + use<'s> {
        let queue = queue.clone();
        let from = IndexKey::Member(queue.clone(), MemberStanding::first(false));
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Member(q, standing) if *q == queue => Some(standing),
            _ => None,
        })
    }

    /// The sessions of `queue` that not every rep may take.
    pub fn restricted<'s>(&'s self, queue: &QueueId) -> impl Iterator<Item = SessionId> + use<'s> {
        let queue = queue.clone();
        let from = IndexKey::Restricted(queue.clone(), SessionId::MIN);
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Restricted(q, session) if *q == queue => Some(*session),
            _ => None,
        })
    }

    /// How many reps have a skill.
    #[must_use]
    pub fn skilled(&self, skill: &SkillId) -> usize {
        usize::try_from(self.count(&IndexCount::Skilled(skill.clone()))).unwrap_or(usize::MAX)
    }

    /// The reps who have a skill, at whatever level.
    pub fn reps_with<'s>(&'s self, skill: &SkillId) -> impl Iterator<Item = &'s RepId> + use<'s> {
        let skill = skill.clone();
        let from = IndexKey::Skilled(skill.clone(), RepId::least());
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Skilled(s, rep) if *s == skill => Some(rep),
            _ => None,
        })
    }

    /// The queues that a rep is a member of, there or not.
    pub fn queues_of<'s>(&'s self, rep: &RepId) -> impl Iterator<Item = &'s QueueId> + use<'s> {
        let rep = rep.clone();
        let from = IndexKey::QueueOf(rep.clone(), QueueId::least());
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::QueueOf(r, queue) if *r == rep => Some(queue),
            _ => None,
        })
    }

    /// When sessions were accepted from `queue`, and how long each had waited; the newest first
    /// (E1, E5).
    pub fn accepted<'s>(
        &'s self,
        queue: &QueueId,
    ) -> impl Iterator<Item = (Timestamp, QueueWait)> + use<'s> {
        let queue = queue.clone();
        let newest = Reverse(Timestamp::MAX);
        let least = QueueWait { wait: Span::from_ms(0), estimated: None };
        let from = IndexKey::Accepted(queue.clone(), newest, WorkId::MIN, least);
        self.index.range(from..).map_while(move |key| match key {
            IndexKey::Accepted(q, at, _, waited) if *q == queue => Some((at.0, *waited)),
            _ => None,
        })
    }

    /// The live work of a rep, oldest first.
    pub fn work_of_rep<'s>(&'s self, rep: &RepId) -> impl Iterator<Item = &'s Arc<Work>> + use<'s> {
        let range = IndexKey::WorkOfRep(rep.clone(), WorkId::MIN)
            ..=IndexKey::WorkOfRep(rep.clone(), WorkId::MAX);
        self.index.range(range).filter_map(move |place| match place {
            IndexKey::WorkOfRep(_, id) => self.find_work(*id),
            _ => None,
        })
    }

    /// All work of a session, oldest first.
    pub fn work_of_session(&self, session: SessionId) -> impl Iterator<Item = &Arc<Work>> {
        let range = IndexKey::WorkOfSession(session, WorkId::MIN)
            ..=IndexKey::WorkOfSession(session, WorkId::MAX);
        self.index.range(range).filter_map(move |place| match place {
            IndexKey::WorkOfSession(_, id) => self.find_work(*id),
            _ => None,
        })
    }

    /// All transfers of a session, oldest first (T25).
    pub fn transfers_of_session(&self, session: SessionId) -> impl Iterator<Item = &Arc<Transfer>> {
        let range = IndexKey::TransferOfSession(session, TransferId::MIN)
            ..=IndexKey::TransferOfSession(session, TransferId::MAX);
        self.index.range(range).filter_map(move |place| match place {
            IndexKey::TransferOfSession(_, id) => {
                match self.records.get(&RecordKey::Transfer(*id)) {
                    Some(HeldRecord { record: Record::Transfer(transfer), .. }) => Some(transfer),
                    _ => None,
                }
            }
            _ => None,
        })
    }

    /// The rep whose current or last presence this is.
    #[must_use]
    pub fn rep_of_presence(&self, id: PresenceId) -> Option<&RepId> {
        match self.index.range(IndexKey::PresenceOf(id, RepId::least())..).next() {
            Some(IndexKey::PresenceOf(found, rep)) if *found == id => Some(rep),
            _ => None,
        }
    }

    /// The presences of reps from `rep` on, in the order of their ids.
    pub fn rep_presences_from<'s>(
        &'s self,
        rep: &RepId,
    ) -> impl Iterator<Item = &'s Arc<RepPresence>> + use<'s> {
        let from = RecordKey::RepPresence(rep.clone());
        self.records.range(from..).map_while(|(_, held)| match &held.record {
            Record::RepPresence(presence) => Some(presence),
            _ => None,
        })
    }

    /// What is still to be looked at (C8).
    pub fn marks(&self) -> impl Iterator<Item = Mark> + use<'_> {
        let from = RecordKey::Mark(MarkKey::Directory);
        self.records.range(from..).map_while(|(_, held)| match &held.record {
            Record::Mark(mark) => Some(mark.clone()),
            _ => None,
        })
    }

    /// Is anything still to be looked at?
    #[must_use]
    pub fn has_marks(&self) -> bool {
        self.marks().next().is_some()
    }

    fn find_work(&self, id: WorkId) -> Option<&Arc<Work>> {
        match self.records.get(&RecordKey::Work(id)) {
            Some(HeldRecord { record: Record::Work(work), .. }) => Some(work),
            _ => None,
        }
    }
}

/// What a record counts as, if records of its kind are counted.
fn tally_of(record: &Record) -> Option<IndexCount> {
    match record {
        Record::Session(session) if !session.is_ended() => Some(IndexCount::Sessions),
        Record::Queue(_) => Some(IndexCount::Queues),
        Record::Rep(_) => Some(IndexCount::Reps),
        _ => None,
    }
}

fn tallies_of(place: &IndexKey) -> impl Iterator<Item = IndexCount> {
    let (first, second) = match place {
        IndexKey::InLine(line, _) => (Some(IndexCount::Waiting(line.clone())), None),
        IndexKey::Skilled(skill, _) => (Some(IndexCount::Skilled(skill.clone())), None),
        IndexKey::Member(queue, MemberStanding { full: true, .. }) => {
            (Some(IndexCount::Full(queue.clone())), None)
        }
        IndexKey::Member(queue, standing) => {
            let idle = (standing.idle > Units::ZERO).then(|| IndexCount::Idle(queue.clone()));
            (Some(IndexCount::Ready(queue.clone())), idle)
        }
        IndexKey::OpenAsk(partner, kind, ..) => {
            (Some(IndexCount::OpenAsks(partner.clone(), *kind)), None)
        }
        _ => (None, None),
    };
    first.into_iter().chain(second)
}

impl RecordLookup for State {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        self.records.get(key).map(|held| held.record.clone())
    }
}
