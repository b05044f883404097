//! Sessions by the line that they stand in, and by what they ask for there (D3, R11).

use std::ops::Bound;
use std::sync::Arc;

use super::State;
use crate::domain::id::{QueueId, SessionId, TransferId};
use crate::domain::line::Demand;
use crate::domain::live::Line;
use crate::domain::record::{IndexKey, Record, RecordKey};

impl State {
    /// The sessions that stand in a line: those that wait in it, are being offered out of it, or are in transfer to it (D3).
    pub fn standing<'s>(&'s self, line: &Line) -> impl Iterator<Item = SessionId> + use<'s> {
        self.line(line).chain(self.offered_from(line))
    }

    /// The sessions that are being offered out of a line, or are in transfer to it while a rep still has them.
    pub fn offered_from<'s>(&'s self, line: &Line) -> impl Iterator<Item = SessionId> + use<'s> {
        let own = line.clone();
        let from = IndexKey::OfferedFrom(line.clone(), SessionId::MIN);
        let offered = self.index.range(from..).map_while(move |key| match key {
            IndexKey::OfferedFrom(l, session) if *l == own => Some(*session),
            _ => None,
        });
        let own = line.clone();
        let from = IndexKey::HandedTo(line.clone(), TransferId::MIN, SessionId::MIN);
        let handed_to = self.index.range(from..).map_while(move |key| match key {
            IndexKey::HandedTo(l, _, session) if *l == own => Some(*session),
            _ => None,
        });
        // Without an owner it has a place already.
        let owned = |id: &SessionId| {
            let held = self.records.get(&RecordKey::Session(*id)).map(|held| &held.record);
            matches!(held, Some(Record::Session(session)) if session.owner().is_some())
        };
        offered.chain(handed_to.filter(owned))
    }

    /// What the sessions ask for, each once, that wait in a queue, aren't being offered, and aren't stranded (R11).
    pub fn demands<'s>(
        &'s self,
        queue: &QueueId,
    ) -> impl Iterator<Item = &'s Arc<Demand>> + use<'s> {
        self.each_demand(queue, IndexKey::Demand)
    }

    /// What those ask for, each once, that are stranded.
    pub fn stranded_demands<'s>(
        &'s self,
        queue: &QueueId,
    ) -> impl Iterator<Item = &'s Arc<Demand>> + use<'s> {
        self.each_demand(queue, IndexKey::Stranded)
    }

    fn each_demand<'s>(
        &'s self,
        queue: &QueueId,
        key: fn(QueueId, Arc<Demand>, SessionId) -> IndexKey,
    ) -> impl Iterator<Item = &'s Arc<Demand>> + use<'s> {
        let queue = queue.clone();
        let least = Arc::new(Demand::least());
        let mut from = Bound::Included(key(queue.clone(), least, SessionId::MIN));
        std::iter::from_fn(move || {
            let found = self.index.range((from.clone(), Bound::Unbounded)).next()?;
            let (IndexKey::Demand(_, demand, session) | IndexKey::Stranded(_, demand, session)) =
                found
            else {
                return None;
            };
            from = Bound::Excluded(key(queue.clone(), demand.clone(), SessionId::MAX));
            (*found == key(queue.clone(), demand.clone(), *session)).then_some(demand)
        })
    }

    /// The sessions that wait in a queue, aren't being offered, aren't stranded, and ask for that.
    pub fn demanding<'s>(
        &'s self,
        queue: &QueueId,
        demand: &Arc<Demand>,
    ) -> impl Iterator<Item = SessionId> + use<'s> {
        self.asking(queue, demand, IndexKey::Demand)
    }

    /// Those that are stranded and ask for that.
    pub fn stranded<'s>(
        &'s self,
        queue: &QueueId,
        demand: &Arc<Demand>,
    ) -> impl Iterator<Item = SessionId> + use<'s> {
        self.asking(queue, demand, IndexKey::Stranded)
    }

    fn asking<'s>(
        &'s self,
        queue: &QueueId,
        demand: &Arc<Demand>,
        key: fn(QueueId, Arc<Demand>, SessionId) -> IndexKey,
    ) -> impl Iterator<Item = SessionId> + use<'s> {
        let first = key(queue.clone(), demand.clone(), SessionId::MIN);
        let last = key(queue.clone(), demand.clone(), SessionId::MAX);
        self.index.range(first..=last).filter_map(|key| match key {
            IndexKey::Demand(_, _, session) | IndexKey::Stranded(_, _, session) => Some(*session),
            _ => None,
        })
    }
}
