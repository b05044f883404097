//! What entries change about objects that they don't write: a transfer shows whether its session waits for somebody who is
//! there, work whether its rep may decline it, and how often the channel lets it be extended, a routing request what the
//! work weighs. A stream ends as a snapshot does (W1), so that is told from the newest state, as something derived. Used by
//! `told`.

use std::collections::BTreeSet;

use super::filter::{StreamFilter, is_under, using};
use super::frames::{step_object, upserted};
use crate::domain::entry::Entry;
use crate::domain::id::{ChannelId, RepId, RoutingRequestId};
use crate::domain::live::{RoutingRequest, Session, SessionState, Work, WorkState};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::domain::state::State;
use crate::engine::View;
use crate::grpc::from_proto::Kind;
use crate::grpc::to_proto::{self, ObjectContext};
use crate::pb;

/// What may look different.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Touched {
    /// This object.
    Object(RecordKey),
    /// What is being offered to a rep.
    OffersTo(RepId),
    /// What is being offered to the reps whom a configuration or a profile concerns.
    OffersUnder(RecordKey),
    /// After-conversation work of a channel.
    WrapUpsOf(ChannelId),
    /// What partners were asked about sessions of a channel, or of a queue of theirs.
    RoutingsOf(RecordKey),
}

/// Objects that the reader may see differently by now, though no entry wrote them.
#[derive(Default)]
pub(super) struct Dependents {
    touched: BTreeSet<Touched>,
    /// It isn't known which.
    any: bool,
}

impl Dependents {
    pub(super) fn owes(&self) -> bool {
        self.any || !self.touched.is_empty()
    }

    pub(super) const fn owe(&mut self) {
        self.any = true;
    }

    /// An entry, and what its records were before, where that is known.
    pub(super) fn touch(
        &mut self,
        filter: &StreamFilter,
        entry: &Entry,
        before: Option<&[Option<Record>]>,
    ) {
        let carries = |kind| filter.0.kinds.contains(&kind);
        let (transfers, work) = (carries(Kind::Transfer), carries(Kind::Work));
        let routings = carries(Kind::RoutingRequest);
        if !transfers && !work && !routings {
            return;
        }
        for (at, (key, now)) in entry.changes.iter().enumerate() {
            let before = before.map(|all| all.get(at).and_then(Option::as_ref));
            match now {
                Some(Record::Session(session)) if transfers && waits_otherwise(session, before) => {
                    let transfer = session.transfer.map(RecordKey::Transfer);
                    self.touched.extend(transfer.map(Touched::Object));
                }
                Some(record) if work => self.touched.extend(of_directory(record, before)),
                _ => {}
            }
            if let Some(now) = now.as_ref().filter(|now| routings && weighs_otherwise(now, before))
            {
                self.touched.insert(Touched::RoutingsOf(now.key()));
            }
            // Whatever is written is told as it is.
            self.touched.remove(&Touched::Object(key.clone()));
        }
    }

    /// What the reader doesn't know yet.
    pub(super) fn news(&mut self, view: &View, filter: &StreamFilter) -> Vec<pb::Change> {
        let state = &view.state;
        let mut keys = BTreeSet::new();
        if std::mem::take(&mut self.any) {
            keys.extend(all(state, filter));
        }
        for touched in std::mem::take(&mut self.touched) {
            match touched {
                Touched::Object(key) => drop(keys.insert(key)),
                Touched::OffersTo(rep) => keys.extend(offers(state, filter, [rep])),
                Touched::OffersUnder(key) => match named(filter) {
                    Some(reps) => {
                        let under = |id: &RepId| {
                            state.rep(id).is_some_and(|rep| is_under(state, &rep, &key))
                        };
                        keys.extend(offers(state, filter, reps.into_iter().filter(under)));
                    }
                    None => keys.extend(offers(state, filter, using(state, &key))),
                },
                Touched::RoutingsOf(key) => keys.extend(routings(state, |asked| match &key {
                    RecordKey::Channel(id) => asked.channel == *id,
                    RecordKey::Queue(id) => asked.queue.as_ref() == Some(id),
                    _ => false,
                })),
                Touched::WrapUpsOf(channel) => {
                    let after = |work: &Work| {
                        let session = state.session(&work.session);
                        matches!(work.state, WorkState::WrappingUp { .. })
                            && session.is_some_and(|session| session.channel == channel)
                    };
                    let all = || state.rep_presences_from(&RepId::least());
                    let all = || all().map(|live| live.rep.clone()).collect();
                    let reps: BTreeSet<RepId> = named(filter).unwrap_or_else(all);
                    keys.extend(live(state, filter, reps, after));
                }
            }
        }
        keys.iter().filter_map(|key| change(view, filter, key)).collect()
    }
}

/// Does a session wait for somebody who is there, or isn't, other than before?
fn waits_otherwise(now: &Session, before: Option<Option<&Record>>) -> bool {
    let absence = |session: &Session| match session.state {
        SessionState::Waiting { absence, .. } => absence,
        _ => None,
    };
    match before {
        Some(Some(Record::Session(before))) => absence(before) != absence(now),
        _ => true,
    }
}

/// Does a channel or a queue of a partner's say otherwise than before what its work weighs, or what the partner calls it?
fn weighs_otherwise(now: &Record, before: Option<Option<&Record>>) -> bool {
    match (now, before) {
        // What is new has nothing to be asked about yet.
        (Record::Channel(_) | Record::Queue(_), Some(None)) => false,
        (Record::Channel(now), Some(Some(Record::Channel(before)))) => now.weight != before.weight,
        (Record::Queue(now), Some(Some(Record::Queue(before)))) => {
            (now.weight, &now.partner) != (before.weight, &before.partner)
        }
        (Record::Channel(_) | Record::Queue(_), _) => true,
        _ => false,
    }
}

/// The routing requests that are wanted. They aren't found by their channel or queue: that these change is rare.
fn routings(
    state: &State,
    wanted: impl Fn(&RoutingRequest) -> bool,
) -> impl Iterator<Item = RecordKey> {
    state
        .range(RecordKey::RoutingRequest(RoutingRequestId::MIN)..)
        .map_while(|record| match record {
            Record::RoutingRequest(asked) => Some(asked),
            _ => None,
        })
        .filter(move |asked| wanted(asked))
        .map(|asked| RecordKey::RoutingRequest(asked.id))
}

/// What follows from a change of the directory.
fn of_directory(now: &Record, before: Option<Option<&Record>>) -> Option<Touched> {
    match (now, before) {
        (Record::Rep(now), Some(Some(Record::Rep(before))))
            if (&now.profile, &now.configuration) == (&before.profile, &before.configuration) =>
        {
            None
        }
        (Record::Rep(now), _) => Some(Touched::OffersTo(now.id.clone())),
        (Record::Configuration(now), Some(Some(Record::Configuration(before))))
            if now.allow_decline == before.allow_decline =>
        {
            None
        }
        (Record::Profile(now), Some(Some(Record::Profile(before))))
            if now.configuration == before.configuration =>
        {
            None
        }
        (Record::Configuration(_) | Record::Profile(_), _) => Some(Touched::OffersUnder(now.key())),
        (Record::Channel(now), Some(Some(Record::Channel(before))))
            if now.wrap_up == before.wrap_up =>
        {
            None
        }
        (Record::Channel(now), _) => Some(Touched::WrapUpsOf(now.id.clone())),
        _ => None,
    }
}

/// Every object of a stream that shows what other records say.
fn all(state: &State, filter: &StreamFilter) -> Vec<RecordKey> {
    let carries = |kind| filter.0.kinds.contains(&kind);
    let mut keys = Vec::new();
    if carries(Kind::Transfer) {
        let waiting = state.lines().flat_map(|line| state.line(line));
        let transfers = waiting.filter_map(|id| state.session(&id)?.transfer);
        keys.extend(transfers.map(RecordKey::Transfer));
    }
    if carries(Kind::Work) {
        let shows =
            |work: &Work| matches!(work.state, WorkState::Offered | WorkState::WrappingUp { .. });
        let reps = state.rep_presences_from(&RepId::least()).map(|live| live.rep.clone());
        keys.extend(live(state, filter, reps, shows));
    }
    if carries(Kind::RoutingRequest) {
        keys.extend(routings(state, |_| true));
    }
    keys
}

/// The reps whom a stream is about, if it is about some.
fn named(filter: &StreamFilter) -> Option<BTreeSet<RepId>> {
    match (&filter.0.own_work, filter.0.reps.is_empty()) {
        (Some(own), _) => Some([own.clone()].into()),
        (None, false) => Some(filter.0.reps.iter().cloned().collect()),
        (None, true) => None,
    }
}

/// Work that these reps are being asked to take.
fn offers(
    state: &State,
    filter: &StreamFilter,
    reps: impl IntoIterator<Item = RepId>,
) -> Vec<RecordKey> {
    live(state, filter, reps, |work| work.state == WorkState::Offered)
}

/// Live work of those of these reps whom the stream is about.
fn live(
    state: &State,
    filter: &StreamFilter,
    reps: impl IntoIterator<Item = RepId>,
    wanted: impl Fn(&Work) -> bool,
) -> Vec<RecordKey> {
    let named = named(filter);
    let about = |rep: &RepId| named.as_ref().is_none_or(|named| named.contains(rep));
    let mut keys = Vec::new();
    for rep in reps.into_iter().filter(about) {
        let works = state.work_of_rep(&rep).filter(|work| wanted(work));
        keys.extend(works.map(|work| RecordKey::Work(work.id)));
    }
    keys
}

fn change(view: &View, filter: &StreamFilter, key: &RecordKey) -> Option<pb::Change> {
    let record = view.state.record(key).filter(|record| filter.step(&view.state, record))?;
    let now = step_object(
        ObjectContext::of(view, filter.0.content),
        &record,
        view.state.revision_of(key),
    )?;
    let (before, fact) = match &record {
        Record::Transfer(transfer) => (to_proto::transfer_state(&transfer.state), "wait_changed"),
        _ => (pb::TransferState::Unspecified, "directory_changed"),
    };
    let facts = vec![fact.to_owned()];
    Some(pb::Change { change: Some(upserted(now)), facts, before: before.into(), derived: true })
}
