//! A look at a state, or at a draft over one, that leaves no trace: searches run over it without
//! making the decision depend on everything that they passed. What they choose is read through the
//! draft afterwards, so that the version check guards it.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::Arc;

use super::id::{QueueId, RepId, SessionId};
use super::line::{Place, Standing, Tally};
use super::live::{Line, RepPresence, Session};
use super::look::Look;
use super::record::{Record, RecordKey};
use super::state::State;

/// What a draft writes.
pub type Writes = BTreeMap<RecordKey, Option<Record>>;

static NOTHING: Writes = Writes::new();

/// A state, with what a draft would change in it.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    state: &'a State,
    writes: &'a Writes,
}

impl Look for Sight<'_> {
    fn record(&self, key: &RecordKey) -> Option<Record> {
        match self.writes.get(key) {
            Some(written) => written.clone(),
            None => self.state.record(key),
        }
    }
}

impl<'a> Sight<'a> {
    /// A state as it is.
    #[must_use]
    pub fn of(state: &'a State) -> Self {
        Self { state, writes: &NOTHING }
    }

    /// A state as `writes` would make it.
    #[must_use]
    pub const fn through(state: &'a State, writes: &'a Writes) -> Self {
        Self { state, writes }
    }

    /// The state underneath.
    #[must_use]
    pub const fn base(&self) -> &'a State {
        self.state
    }

    /// What the draft writes.
    pub fn written(&self) -> impl Iterator<Item = (&'a RecordKey, &'a Option<Record>)> + use<'a> {
        self.writes.iter()
    }

    /// Is it certain, without a search, that nobody waits in `line`?
    #[must_use]
    pub fn nobody_waits(&self, line: &Line) -> bool {
        self.state.count(&Tally::Waiting(line.clone())) == 0
            && !self.writes.keys().any(|key| matches!(key, RecordKey::Session(_)))
    }

    /// Is it certain, without a search, that nobody of `queue` has room for interruptible work?
    #[must_use]
    pub fn nobody_is_idle(&self, queue: &QueueId) -> bool {
        self.state.count(&Tally::Idle(queue.clone())) == 0
            && !self.writes.keys().any(|key| matches!(key, RecordKey::RepPresence(_)))
    }

    /// Who waits in `line`, in the order of R2.
    pub fn waiting(&self, line: &Line) -> impl Iterator<Item = Place> + use<'a> {
        let written: BTreeMap<SessionId, Option<&Arc<Session>>> = self
            .writes
            .iter()
            .filter_map(|(key, record)| match (key, record) {
                (RecordKey::Session(id), Some(Record::Session(session))) => {
                    Some((*id, Some(session)))
                }
                (RecordKey::Session(id), _) => Some((*id, None)),
                _ => None,
            })
            .collect();
        let mut new: Vec<Place> = written
            .values()
            .flatten()
            .filter(|session| session.line == *line)
            .filter_map(|session| Place::of(session))
            .collect();
        new.sort();
        let old = self.state.places_in(line).filter(move |p| !written.contains_key(&p.session));
        merged(old.cloned().peekable(), new.into_iter().peekable())
    }

    /// The reps who are there for `queue`, those with room first, in the order of R3.
    pub fn members(&self, queue: &QueueId) -> impl Iterator<Item = Standing> + use<'a> {
        let written: BTreeMap<RepId, Option<&Arc<RepPresence>>> = self
            .writes
            .iter()
            .filter_map(|(key, record)| match (key, record) {
                (RecordKey::RepPresence(rep), Some(Record::RepPresence(live))) => {
                    Some((rep.clone(), Some(live)))
                }
                (RecordKey::RepPresence(rep), _) => Some((rep.clone(), None)),
                _ => None,
            })
            .collect();
        let mut new: Vec<Standing> =
            written.values().flatten().filter_map(|live| Standing::of(live, queue)).collect();
        new.sort();
        let old = self.state.members(queue).filter(move |s| !written.contains_key(&s.rep));
        merged(old.cloned().peekable(), new.into_iter().peekable())
    }

    /// The sessions of `queue` that not every rep may take.
    pub fn choosy(&self, queue: &QueueId) -> Vec<SessionId> {
        let written = self.writes.iter().filter_map(|(key, record)| match (key, record) {
            (RecordKey::Session(id), Some(Record::Session(_))) => Some(*id),
            _ => None,
        });
        let mut all: Vec<SessionId> = self.state.choosy(queue).chain(written).collect();
        all.sort();
        all.dedup();
        all.retain(|id| {
            let waits = |s: &Arc<Session>| s.line.queue() == Some(queue);
            let place = self.session(id).filter(waits).and_then(|s| Place::of(&s));
            place.is_some_and(|place| place.ask.choosy)
        });
        all
    }
}

fn merged<T: Ord>(
    mut old: Peekable<impl Iterator<Item = T>>,
    mut new: Peekable<impl Iterator<Item = T>>,
) -> impl Iterator<Item = T> {
    std::iter::from_fn(move || match (old.peek(), new.peek()) {
        (Some(a), Some(b)) if a <= b => old.next(),
        (_, Some(_)) => new.next(),
        (_, None) => old.next(),
    })
}
