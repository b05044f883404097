//! What a stream shows that no single record holds: the state of queues, how partners do (`partners`), where waiting sessions stand in their lines (E4),
//! and what other records say of an object (`dependents`). All of it follows from many records, so it is looked up in the
//! newest state, for what the entries since have touched, and told when it differs from what the reader was last told: the
//! latest counts (W3).

use std::collections::{BTreeMap, BTreeSet};

use super::dependents::Dependents;
use super::filter::StreamFilter;
use super::frames::upserted;
use super::partners::ToldPartners;
use crate::domain::entry::Entry;
use crate::domain::id::{QueueId, SessionId};
use crate::domain::line::LinePlace;
use crate::domain::live::{Line, RepPresence};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::time::Span;
use crate::domain::wait::{Standpoint, front, standpoint, value};
use crate::engine::{Applied, View};
use crate::grpc::api::number;
use crate::grpc::from_proto::Kind;
use crate::grpc::streams::StreamCount;
use crate::grpc::to_proto::{self, ObjectContext};
use crate::grpc::token::Owed;
use crate::pb;

/// Of one line, places are told anew to so many sessions from its front; to those that the filter
/// names, wherever they stand.
const PLACES: usize = 100;
/// Above this many, the places of sessions that don't wait any more are forgotten.
const PLACES_KEPT: usize = 10_000;

/// What a reader was told, and what may be otherwise by now.
#[derive(Default)]
pub struct ToldQueues {
    queues: BTreeMap<QueueId, pb::QueueState>,
    places: BTreeMap<SessionId, Standpoint>,
    /// What was estimated of the queues in which they wait.
    estimates: BTreeMap<QueueId, Option<Span>>,
    touched: BTreeSet<Line>,
    everything: bool,
    /// Sessions that the entries since tell by themselves, as they are by now.
    written: BTreeSet<SessionId>,
    /// Objects that look different because of what others say.
    dependents: Dependents,
    partners: ToldPartners,
}

impl ToldQueues {
    /// Nothing is told yet; so many streams are open.
    pub fn new(streams: StreamCount) -> Self {
        Self { partners: ToldPartners::new(streams), ..Self::default() }
    }

    /// The reader is told everything as it is in `view`.
    pub fn start(&mut self, view: &View, filter: &StreamFilter) {
        self.begin();
        self.learn(view, filter);
    }

    fn begin(&mut self) {
        let mut partners = std::mem::take(&mut self.partners);
        partners.start();
        *self = Self { partners, ..Self::default() };
    }

    /// The reader knows everything as it is in `view`.
    pub fn learn(&mut self, view: &View, filter: &StreamFilter) {
        self.everything = true;
        self.partners.owe();
        self.dependents = Dependents::default();
        self.news(view, filter);
    }

    /// What the reader is still to be told.
    pub fn owed(&self) -> Owed {
        let lines = self.everything || !self.touched.is_empty() || self.partners.owes();
        Owed { lines, objects: self.dependents.owes() }
    }

    /// It isn't known what of this the reader was told: it is told all of it.
    pub fn owe(&mut self, owed: Owed) {
        self.begin();
        self.everything = owed.lines;
        if owed.lines {
            self.partners.owe();
        }
        if owed.objects {
            self.dependents.owe();
        }
    }

    /// What is otherwise because time has passed: estimates of queues in which nothing happens, and of who waits
    /// in them (E1, E4).
    pub fn by_the_clock(
        &mut self,
        context: ObjectContext<'_>,
        filter: &StreamFilter,
    ) -> Option<pb::RevisionChanges> {
        let queues: Vec<QueueId> = self.queues.keys().cloned().collect();
        let mut changes: Vec<pb::Change> =
            queues.iter().filter_map(|queue| self.queue_news(context, queue)).collect();
        let estimated = |queue| value(context.state, queue, context.now);
        let aged = self.estimates.iter().filter(|(queue, told)| estimated(queue) != **told);
        let aged: Vec<Line> = aged.map(|(queue, _)| Line::Queue(queue.clone())).collect();
        for line in &aged {
            self.place_news(context, filter, line, &mut changes);
        }
        changes.extend(self.partners.by_the_clock(context));
        let head = context.state.head();
        (!changes.is_empty()).then(|| pb::RevisionChanges {
            revision: number(head.revision),
            time: Some(to_proto::time(head.time)),
            cause: None,
            changes,
        })
    }

    /// An entry of which only the outcome is known may have changed any line.
    pub fn touch_any(&mut self, filter: &StreamFilter, entry: &Entry) {
        let kinds = &filter.0.kinds;
        self.everything |= kinds.contains(&Kind::Queue) || kinds.contains(&Kind::Session);
        self.dependents.touch(filter, entry, None);
        self.partners.touch(filter, entry);
        self.note(entry);
    }

    fn note(&mut self, entry: &Entry) {
        for (key, record) in &entry.changes {
            match (key, record) {
                (RecordKey::Session(id), _) => drop(self.written.insert(*id)),
                // That it is gone is told as its own step.
                (RecordKey::Queue(id), None) => drop(self.queues.remove(id)),
                _ => {}
            }
        }
    }

    /// The lines that an entry may have changed.
    pub fn touch(&mut self, filter: &StreamFilter, applied: &Applied) {
        self.dependents.touch(filter, &applied.entry, Some(&applied.before));
        self.partners.touch(filter, &applied.entry);
        let kinds = &filter.0.kinds;
        if !kinds.contains(&Kind::Queue) && !kinds.contains(&Kind::Session) {
            return;
        }
        self.note(&applied.entry);
        let before = applied.before.iter().flatten();
        let after = applied.entry.changes.iter().filter_map(|(_, record)| record.as_ref());
        for record in before.chain(after) {
            match record {
                Record::Session(s) => {
                    self.touched.insert(s.line.clone());
                    // What became of it is told as its own step; one that left a line is done with.
                    self.places.remove(&s.id);
                }
                Record::RepPresence(live) => self.touched.extend(queues_of(live)),
                Record::Work(w) => self.touched.extend(w.queue.clone().map(Line::Queue)),
                Record::Queue(q) => {
                    self.touched.insert(Line::Queue(q.id.clone()));
                }
                Record::QueueReport(r) => {
                    self.touched.insert(Line::Queue(r.queue.clone()));
                }
                _ => {}
            }
        }
    }

    /// What the reader doesn't know yet.
    pub fn news(&mut self, view: &View, filter: &StreamFilter) -> Vec<pb::Change> {
        let touched = if std::mem::take(&mut self.everything) {
            let queues = view.state.range(RecordKey::Queue(QueueId::least())..);
            let queues = queues.map_while(|record| match record {
                Record::Queue(queue) => Some(Line::Queue(queue.id.clone())),
                _ => None,
            });
            queues.chain(view.state.lines().cloned()).collect()
        } else {
            std::mem::take(&mut self.touched)
        };
        let mut news = Vec::new();
        for line in &touched {
            if let Some(queue) = line.queue().filter(|queue| filter.queue(&view.state, queue)) {
                news.extend(self.queue_news(ObjectContext::of(view, filter.0.content), queue));
            }
            if filter.0.kinds.contains(&Kind::Session) {
                self.place_news(ObjectContext::of(view, filter.0.content), filter, line, &mut news);
            }
        }
        self.written.clear();
        news.extend(self.dependents.news(view, filter));
        news.extend(self.partners.news(ObjectContext::of(view, filter.0.content), filter));
        news
    }

    fn queue_news(&mut self, context: ObjectContext<'_>, id: &QueueId) -> Option<pb::Change> {
        let queue = context.state.queue(id)?;
        let now = to_proto::queue_state(context, &queue, context.state.head().revision);
        let known = self.queues.get(id);
        let same = |known: &pb::QueueState| {
            pb::QueueState { revision: now.revision, ..known.clone() } == aged(known, &now)
        };
        if known.is_some_and(same) {
            return None;
        }
        self.queues.insert(id.clone(), now.clone());
        let told = pb::watch_object::Object::Queue(to_proto::scored(context, now, &queue));
        Some(change(upserted(told), "queue_changed"))
    }

    fn place_news(
        &mut self,
        context: ObjectContext<'_>,
        filter: &StreamFilter,
        line: &Line,
        news: &mut Vec<pb::Change>,
    ) {
        let state = context.state;
        let named = filter.0.sessions.iter().filter_map(|id| {
            let session = state.session(id)?;
            let waits = session.line == *line && LinePlace::of(&session).is_some();
            waits.then(|| (*id, standpoint(state, &session, context.now)))
        });
        let named: BTreeMap<_, _> = named.collect();
        if let Some(queue) = line.queue() {
            let wait = value(state, queue, context.now);
            self.estimates.insert(queue.clone(), wait);
        }
        let front = front(state, line, context.now).take(PLACES);
        for (id, stands) in front.chain(named) {
            let told = self.places.insert(id, stands);
            if told == Some(stands) || self.written.contains(&id) {
                continue;
            }
            let session = state.session(&id);
            let Some(session) = session.filter(|s| filter.session(state, s)) else {
                continue;
            };
            let changed = state.revision_of(&RecordKey::Session(id));
            let shown = to_proto::session(context, &session, changed);
            news.push(change(upserted(pb::watch_object::Object::Session(shown)), "line_moved"));
        }
        if self.places.len() > PLACES_KEPT {
            self.places
                .retain(|id, _| state.session(id).is_some_and(|s| LinePlace::of(&s).is_some()));
            self.estimates.retain(|queue, _| state.queue(queue).is_some());
        }
    }
}

/// `now`, but with the age of its newest sample as it was: that alone is no news.
fn aged(known: &pb::QueueState, now: &pb::QueueState) -> pb::QueueState {
    let mut now = now.clone();
    if let (Some(now), Some(known)) = (&mut now.estimated_wait, &known.estimated_wait) {
        now.newest_sample_age = known.newest_sample_age;
    }
    now
}

fn queues_of(live: &RepPresence) -> Vec<Line> {
    let reach = live.presence.as_ref().map(|presence| &presence.reach);
    reach.map(|r| r.queues.keys().cloned().map(Line::Queue).collect()).unwrap_or_default()
}

fn change(change: pb::change::Change, fact: &str) -> pb::Change {
    pb::Change { change: Some(change), facts: vec![fact.to_owned()], before: 0, derived: true }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::domain::directory::{Queue, RoutingModel, Settings};
    use crate::domain::entry::{Head, Revision};
    use crate::domain::id::{EntryId, SessionId, WorkId};
    use crate::domain::live::{HowFound, Session, SessionSteps, Work, WorkState, WorkSteps};
    use crate::domain::state::{HeldRecord, State};
    use crate::domain::time::Timestamp;
    use crate::domain::units::Units;
    use crate::grpc::from_proto::WatchQuery;
    use crate::grpc::to_proto::Content;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_ms(1_700_000_000_000 + seconds * 1_000)
    }

    /// A queue from which one session was accepted at 20 s, after 20 s of waiting.
    fn state() -> State {
        let queue = Queue {
            partner: None,
            id: "billing".parse().unwrap(),
            name: "Billing".into(),
            reps: [].into(),
            channel_types: [].into(),
            model: RoutingModel::LeastActive,
            weight: None,
            push_timeout: None,
            overflow: None,
            max_length: None,
            default_priority: 0,
        };
        let work = Work {
            restrictions: Default::default(),
            routed_by: None,
            id: WorkId::from_u128(1),
            session: SessionId::from_u128(1),
            rep: "ana".parse().unwrap(),
            state: WorkState::Open,
            weight: Units::ZERO,
            holds: Units::ZERO,
            interruptible: false,
            check_skipped: false,
            transfer: None,
            tab_open: true,
            queue: Some(queue.id.clone()),
            queued_at: at(0),
            estimated: None,
            found: HowFound::NextInLine,
            candidates: Vec::new(),
            offered_at: at(20),
            offer_until: None,
            accepted_at: Some(at(20)),
            holds_since: at(20),
            steps: WorkSteps::default(),
        };
        let settings = Settings { estimate_samples: 1, ..Settings::default() };
        let records = [
            Record::Settings(Arc::new(settings)),
            Record::Queue(Arc::new(queue)),
            Record::Work(Arc::new(work)),
        ];
        let revision = Revision::new(7);
        let head = Head { revision, entry: EntryId::from_u128(1), time: at(20) };
        State::restore(head, records.map(|record| (record.key(), HeldRecord { revision, record })))
    }

    #[test]
    fn e1_an_estimate_that_ages_out_is_told_though_nothing_happens() {
        let state = state();
        let context = |seconds| context(&state, seconds);
        let mut told = ToldQueues::default();
        let shown = |change: Option<pb::Change>| match change.and_then(|c| c.change) {
            Some(pb::change::Change::Upserted(pb::WatchObject {
                object: Some(pb::watch_object::Object::Queue(queue)),
            })) => queue.estimated_wait.and_then(|e| e.wait).map(|wait| wait.seconds),
            other => panic!("no queue: {other:?}"),
        };
        let queue: QueueId = "billing".parse().unwrap();
        assert_eq!(shown(told.queue_news(context(21), &queue)), Some(20));
        let filter = filter(&[]);
        assert_eq!(told.by_the_clock(context(22), &filter), None, "nothing but its age is new");
        let aged = told.by_the_clock(context(20 + 600), &filter).expect("it is out of the window");
        assert_eq!(aged.revision, 7);
        assert_eq!(shown(aged.changes.into_iter().next()), None);
        assert_eq!(told.by_the_clock(context(20 + 601), &filter), None);
        assert_eq!(Span::from_secs(600), state.settings().estimate_window);
    }

    #[test]
    fn e4_so_is_that_of_a_session_that_waits_and_it_is_no_step_of_it() {
        let mut records: Vec<_> = state().records().map(|(_, held)| held.record.clone()).collect();
        records.push(Record::Session(Arc::new(waiting())));
        let revision = Revision::new(8);
        let head = Head { revision, entry: EntryId::from_u128(2), time: at(25) };
        let held = |record: Record| (record.key(), HeldRecord { revision, record });
        let state = State::restore(head, records.into_iter().map(held));
        let context = |seconds| context(&state, seconds);
        let filter = filter(&[Kind::Session]);
        let line = Line::Queue("billing".parse().unwrap());
        let shown = |change: &pb::Change| match &change.change {
            Some(pb::change::Change::Upserted(pb::WatchObject {
                object: Some(pb::watch_object::Object::Session(session)),
            })) => session.estimate.as_ref().and_then(|e| e.estimated_wait).map(|w| w.seconds),
            other => panic!("no session: {other:?}"),
        };
        let (mut told, mut news) = (ToldQueues::default(), Vec::new());
        told.place_news(context(26), &filter, &line, &mut news);
        assert_eq!(news.iter().map(shown).collect::<Vec<_>>(), [Some(20)]);
        assert_eq!(told.by_the_clock(context(27), &filter), None);
        let aged = told.by_the_clock(context(20 + 600), &filter).expect("it is out of the window");
        assert_eq!(aged.changes.iter().map(shown).collect::<Vec<_>>(), [None]);
        assert!(aged.changes.iter().all(|change| change.derived), "{aged:?}");
        assert_eq!(told.by_the_clock(context(20 + 601), &filter), None);
    }

    fn filter(kinds: &[Kind]) -> StreamFilter {
        StreamFilter(WatchQuery {
            kinds: kinds.iter().copied().collect(),
            reps: [].into(),
            queues: [].into(),
            channels: [].into(),
            sessions: [].into(),
            transfers: [].into(),
            partner: None,
            seen_by: None,
            own_work: None,
            content: Content::Shown,
            after: None,
            live_only: false,
            strict: false,
            heartbeat: Duration::from_secs(10),
        })
    }

    fn context(state: &State, seconds: i64) -> ObjectContext<'_> {
        let (now, content) = (at(seconds), Content::Shown);
        ObjectContext { records: state, state, now, content }
    }

    /// A session that waits in billing.
    fn waiting() -> Session {
        Session {
            end_reason: None,
            returns: Vec::new(),
            stay: None,
            id: SessionId::from_u128(2),
            channel: "web".parse().unwrap(),
            external_reference: "c-2".parse().unwrap(),
            priority: 0,
            priority_given: false,
            opened_at: at(24),
            state: Session::WAITING,
            line: Line::Queue("billing".parse().unwrap()),
            line_since: at(24),
            estimated: None,
            required: [].into(),
            wished: [].into(),
            passed_by: [].into(),
            trace: None,
            transfer: None,
            transfers: 0,
            attributes: Arc::default(),
            previous: None,
            opened_in: None,
            opened_by: None,
            steps: SessionSteps::default(),
        }
    }
}
