//! How a stream is written: snapshots, and the changes of a revision.

use std::time::Duration;

use rand::Rng as _;

use super::crossings;
use super::facts::{concerns, is_fact_of};
use super::filter::StreamFilter;
use super::inferred::{is_new, state_before};
use super::records::RevisionContext;
use crate::domain::entry::{Cause, Fact, FactKind};
use crate::domain::id::RepId;
use crate::domain::live::Actor;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::engine::View;
use crate::grpc::api::number;
use crate::grpc::from_proto::Kind;
use crate::grpc::streams::StreamCount;
use crate::grpc::to_proto::{self, ObjectContext};
use crate::pb;

/// The server ends a stream because it goes away; streams come back at different times (W7).
pub fn going_away() -> pb::Closing {
    let wait = Duration::from_millis(rand::rng().next_u64() % 2_000);
    pb::Closing {
        action: pb::ClosingAction::Resume.into(),
        reason: "the server is going away; come back with the last resume token".to_owned(),
        retry_after: prost_types::Duration::try_from(wait).ok(),
    }
}

/// Objects in one frame of a snapshot, and the changes after which a frame is closed.
pub const FRAME: usize = 500;

/// The objects of a snapshot that pass the filter.
pub fn snapshot<'v>(
    view: &'v View,
    filter: &'v StreamFilter,
    streams: &'v StreamCount,
) -> impl Iterator<Item = pb::WatchObject> + 'v {
    let context = ObjectContext::of(view, filter.0.content);
    view.state.records().filter_map(move |(key, held)| {
        let object = match &held.record {
            Record::Rep(rep) if filter.rep(&view.state, &rep.id) => {
                let live = view.state.rep_presence(&rep.id);
                let presence = view.state.revision_of(&RecordKey::RepPresence(rep.id.clone()));
                let changed = view.state.revision_of(key).max(presence);
                let live = to_proto::rep_presence(context, &live, changed);
                pb::watch_object::Object::RepPresence(live)
            }
            Record::Queue(queue) if filter.queue(&view.state, &queue.id) => {
                let at = view.state.head().revision;
                let state = to_proto::queue_state(context, queue, at);
                pb::watch_object::Object::Queue(to_proto::scored(context, state, queue))
            }
            Record::Partner(partner) if filter.partner(&partner.id) => {
                let streams = streams.of(&partner.id);
                let state = to_proto::partner_state(context, partner, streams);
                pb::watch_object::Object::Partner(state)
            }
            record if filter.step(&view.state, record) => {
                step_object(context, record, view.state.revision_of(key))?
            }
            _ => return None,
        };
        Some(pb::WatchObject { object: Some(object) })
    })
}

pub(super) fn step_object(
    context: ObjectContext<'_>,
    record: &Record,
    revision: crate::domain::entry::Revision,
) -> Option<pb::watch_object::Object> {
    use pb::watch_object::Object;
    match record {
        Record::Session(s) => Some(Object::Session(to_proto::session(context, s, revision))),
        Record::Transfer(t) => Some(Object::Transfer(to_proto::transfer(context, t, revision))),
        Record::Work(w) => Some(Object::Work(to_proto::work(context, w, revision))),
        Record::Handoff(h) => Some(Object::Handoff(to_proto::handoff(context, h, revision))),
        Record::RoutingRequest(r) => {
            Some(Object::RoutingRequest(to_proto::routing_request(context, r, revision)))
        }
        Record::Settings(_)
        | Record::Configuration(_)
        | Record::Status(_)
        | Record::Profile(_)
        | Record::Channel(_)
        | Record::Skill(_)
        | Record::Queue(_)
        | Record::Flow(_)
        | Record::Rep(_)
        | Record::RepPresence(_)
        | Record::Reference(..)
        | Record::Partner(_)
        | Record::PartnerHealth(_)
        | Record::ContactBook(_)
        | Record::ContactBlock(_)
        | Record::QueueReport(_)
        | Record::Mark(_) => None,
    }
}

/// What one revision changed for a stream (W4); `None`: nothing.
#[must_use]
pub fn changes(
    m: &RevisionContext<'_>,
    filter: &StreamFilter,
    watcher: &Actor,
) -> Option<pb::RevisionChanges> {
    let touched = filter.touched_reps(m);
    let mut all: Vec<pb::Change> =
        touched.iter().filter_map(|rep| rep_change(m, filter, rep)).collect();
    all.extend(m.entry.changes.iter().filter_map(|(key, now)| {
        if filter.kind(key) { step_change(m, filter, key, now.as_ref()) } else { None }
    }));
    all.extend(m.entry.changes.iter().filter_map(|(key, now)| state_gone(m, filter, key, now)));
    all.extend(crossings::changes(m, filter));
    if all.is_empty() {
        return None;
    }
    Some(pb::RevisionChanges {
        revision: number(m.entry.revision),
        time: Some(to_proto::time(m.entry.time)),
        cause: Some(cause(&m.entry.cause, watcher)),
        changes: all,
    })
}

pub(super) fn cause(cause: &Cause, watcher: &Actor) -> pb::ChangeCause {
    let own = cause.actor == *watcher;
    pb::ChangeCause {
        actor: Some(to_proto::actor(&cause.actor)),
        rpc: to_proto::rpc(&cause.rpc),
        request_id: match &cause.request_id {
            Some(id) if own => id.to_string(),
            _ => String::new(),
        },
    }
}

fn rep_change(m: &RevisionContext<'_>, filter: &StreamFilter, rep: &RepId) -> Option<pb::Change> {
    let exists = m.after.rep(rep).is_some();
    let change = if exists && filter.rep(m.after, rep) {
        let live = m.after.rep_presence(rep);
        let context = m.context();
        let shown = to_proto::rep_presence(context, &live, m.entry.revision);
        upserted(pb::watch_object::Object::RepPresence(shown))
    } else if filter.had_rep(m, rep) {
        let reason =
            if exists { pb::RemovalReason::LeftFilter } else { pb::RemovalReason::Deleted };
        removed(pb::WatchKind::Rep, rep.to_string(), reason)
    } else {
        return None;
    };
    let facts =
        facts(m, |fact| fact.rep.as_ref() == Some(rep) || fact.kind == FactKind::DirectoryChanged);
    Some(pb::Change { change: Some(change), facts, before: 0, derived: false })
}

fn step_change(
    m: &RevisionContext<'_>,
    filter: &StreamFilter,
    key: &RecordKey,
    now: Option<&Record>,
) -> Option<pb::Change> {
    let before = m.before.record(key);
    let was_in = if (m.knows)(key) {
        before.as_ref().is_some_and(|record| filter.step(m.before, record))
    } else {
        // What belongs to a session was seen as that was, if that is known.
        let of = now.and_then(crossings::session_of).map(RecordKey::Session);
        let known = of.is_some_and(|session| (m.knows)(&session));
        let records = if known { m.before } else { m.after };
        !is_new(m, key) && !now.is_some_and(|record| filter.is_of_another(records, record))
    };
    let passing = now.filter(|record| filter.step(m.after, record));
    let change = match (passing, now) {
        (Some(record), _) => upserted(step_object(m.context(), record, m.entry.revision)?),
        (None, _) if !was_in => return None,
        (None, Some(_)) => removed_key(key, pb::RemovalReason::LeftFilter)?,
        (None, None) => removed_key(key, pb::RemovalReason::Deleted)?,
    };
    let was = match (key, (m.knows)(key)) {
        (RecordKey::Transfer(_), true) => match before {
            Some(Record::Transfer(t)) => to_proto::transfer_state(&t.state),
            _ => pb::TransferState::Unspecified,
        },
        (RecordKey::Transfer(_), false) => match now {
            Some(Record::Transfer(t)) => state_before(m, t),
            _ => pb::TransferState::Unspecified,
        },
        _ => pb::TransferState::Unspecified,
    };
    Some(pb::Change {
        change: Some(change),
        facts: facts(m, |fact| {
            concerns(fact, key) || now.is_some_and(|now| is_fact_of(fact, now, m.entry.time))
        }),
        before: was.into(),
        derived: false,
    })
}

/// A queue or a partner that was deleted; what becomes of its state otherwise follows from many records, and is `told`'s.
fn state_gone(
    m: &RevisionContext<'_>,
    filter: &StreamFilter,
    key: &RecordKey,
    now: &Option<Record>,
) -> Option<pb::Change> {
    let (kind, id) = match key {
        RecordKey::Queue(id) => {
            let was_in =
                if (m.knows)(key) { filter.queue(m.before, id) } else { filter.queue_named(id) };
            (pb::WatchKind::Queue, was_in.then(|| id.to_string())?)
        }
        RecordKey::Partner(id) => {
            (pb::WatchKind::Partner, filter.partner(id).then(|| id.to_string())?)
        }
        _ => return None,
    };
    if now.is_some() {
        return None;
    }
    let gone = removed(kind, id, pb::RemovalReason::Deleted);
    let facts = facts(m, |fact| concerns(fact, key));
    Some(pb::Change { change: Some(gone), facts, before: 0, derived: false })
}

pub(super) fn upserted(object: pb::watch_object::Object) -> pb::change::Change {
    pb::change::Change::Upserted(pb::WatchObject { object: Some(object) })
}

pub(super) fn removed(
    kind: pb::WatchKind,
    id: String,
    reason: pb::RemovalReason,
) -> pb::change::Change {
    pb::change::Change::Removed(pb::RemovedObject {
        object: Some(pb::ObjectRef { kind: kind.into(), id }),
        reason: reason.into(),
    })
}

pub(super) fn removed_key(
    key: &RecordKey,
    reason: pb::RemovalReason,
) -> Option<pb::change::Change> {
    let (kind, id) = match key {
        RecordKey::Session(id) => (Kind::Session, id.to_string()),
        RecordKey::Transfer(id) => (Kind::Transfer, id.to_string()),
        RecordKey::Work(id) => (Kind::Work, id.to_string()),
        RecordKey::Handoff(id) => (Kind::Handoff, id.to_string()),
        RecordKey::RoutingRequest(id) => (Kind::RoutingRequest, id.to_string()),
        RecordKey::Settings
        | RecordKey::Configuration(_)
        | RecordKey::Status(_)
        | RecordKey::Profile(_)
        | RecordKey::Channel(_)
        | RecordKey::Skill(_)
        | RecordKey::Queue(_)
        | RecordKey::Flow(_)
        | RecordKey::Rep(_)
        | RecordKey::RepPresence(_)
        | RecordKey::Reference(..)
        | RecordKey::Partner(_)
        | RecordKey::PartnerHealth(_)
        | RecordKey::ContactBook(_)
        | RecordKey::ContactBlock(..)
        | RecordKey::QueueReport(_)
        | RecordKey::Mark(_) => return None,
    };
    Some(removed(watch_kind(kind), id, reason))
}

const fn watch_kind(kind: Kind) -> pb::WatchKind {
    match kind {
        Kind::Rep => pb::WatchKind::Rep,
        Kind::Session => pb::WatchKind::Session,
        Kind::Transfer => pb::WatchKind::Transfer,
        Kind::Work => pb::WatchKind::Work,
        Kind::Queue => pb::WatchKind::Queue,
        Kind::Handoff => pb::WatchKind::Handoff,
        Kind::RoutingRequest => pb::WatchKind::RoutingRequest,
        Kind::Partner => pb::WatchKind::Partner,
    }
}

fn facts(m: &RevisionContext<'_>, wanted: impl Fn(&Fact) -> bool) -> Vec<String> {
    let found = m.entry.facts.iter().filter(|fact| wanted(fact));
    found.map(|fact| to_proto::fact(fact.kind).to_owned()).collect()
}
