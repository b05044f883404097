//! How a stream is written: snapshots, and the changes of a revision.

use std::sync::Arc;

use super::filter::StreamFilter;
use super::records::RevisionContext;
use crate::domain::entry::{Cause, Fact, FactKind};
use crate::domain::id::RepId;
use crate::domain::live::{Actor, Transfer, TransferState};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup as _;
use crate::engine::View;
use crate::grpc::api::number;
use crate::grpc::from_proto::Kind;
use crate::grpc::to_proto::{self, ObjectContext};
use crate::pb;

/// Objects in one frame of a snapshot, and the changes after which a frame is closed.
pub const FRAME: usize = 500;

/// The objects of a snapshot that pass the filter.
pub fn snapshot<'v>(
    view: &'v View,
    filter: &'v StreamFilter,
) -> impl Iterator<Item = pb::WatchObject> + 'v {
    let context = ObjectContext::of(view);
    view.state.records().filter_map(move |(key, held)| {
        let object = match &held.record {
            Record::Rep(rep) if filter.rep(&view.state, &rep.id) => {
                let live = view.state.rep_presence(&rep.id);
                let presence = view.state.revision_of(&RecordKey::RepPresence(rep.id.clone()));
                let changed = view.state.revision_of(key).max(presence);
                let live = to_proto::rep_presence(context, &live, changed);
                pb::watch_object::Object::RepPresence(live)
            }
            Record::Queue(queue) if filter.queue(&queue.id) => {
                let at = view.state.head().revision;
                let state = to_proto::queue_state(context, queue, at);
                pb::watch_object::Object::Queue(to_proto::scored(context, state, queue))
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
        | Record::Handoff(_)
        | Record::RoutingRequest(_)
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
    all.extend(m.entry.changes.iter().filter_map(|(key, now)| queue_gone(m, filter, key, now)));
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
        !is_new(m, key)
    };
    let passing = now.filter(|record| filter.step(m.after, record));
    let change = match (passing, now) {
        (Some(record), _) => upserted(step_object(m.context(), record, m.entry.revision)?),
        (None, _) if !was_in => return None,
        (None, Some(_)) => removed_key(key, pb::RemovalReason::LeftFilter)?,
        (None, None) => removed_key(key, pb::RemovalReason::Deleted)?,
    };
    let state_before = match (key, (m.knows)(key)) {
        (RecordKey::Transfer(_), true) => match before {
            Some(Record::Transfer(t)) => to_proto::transfer_state(&t.state),
            _ => pb::TransferState::Unspecified,
        },
        (RecordKey::Transfer(_), false) => match now {
            Some(Record::Transfer(t)) => inferred_before(m, t),
            _ => pb::TransferState::Unspecified,
        },
        _ => pb::TransferState::Unspecified,
    };
    Some(pb::Change {
        change: Some(change),
        facts: facts(m, |fact| concerns(fact, key)),
        before: state_before.into(),
        derived: false,
    })
}

/// A queue that was deleted; what becomes of its state otherwise follows from many records, and is `told`'s.
fn queue_gone(
    m: &RevisionContext<'_>,
    filter: &StreamFilter,
    key: &RecordKey,
    now: &Option<Record>,
) -> Option<pb::Change> {
    let RecordKey::Queue(queue) = key else { return None };
    if now.is_some() || !filter.queue(queue) {
        return None;
    }
    let gone = removed(pb::WatchKind::Queue, queue.to_string(), pb::RemovalReason::Deleted);
    let facts = facts(m, |fact| concerns(fact, key));
    Some(pb::Change { change: Some(gone), facts, before: 0, derived: false })
}

/// Did this entry make the object? Told from what happened, where the image before isn't at hand.
fn is_new(m: &RevisionContext<'_>, key: &RecordKey) -> bool {
    let has = |kind| m.entry.facts.iter().any(|fact| fact.kind == kind && concerns(fact, key));
    match (key, m.after.record(key)) {
        (RecordKey::Session(_), _) => has(FactKind::SessionOpened),
        (RecordKey::Transfer(_), _) => has(FactKind::TransferRequested),
        (RecordKey::Work(_), Some(Record::Work(work))) => work.offered_at == m.entry.time,
        _ => false,
    }
}

/// The state a transfer was in, told from the one that it is in and what happened.
fn inferred_before(m: &RevisionContext<'_>, t: &Arc<Transfer>) -> pb::TransferState {
    if is_new(m, &RecordKey::Transfer(t.id)) {
        return pb::TransferState::Unspecified;
    }
    match &t.state {
        TransferState::Offered { .. } | TransferState::Asked(_) => pb::TransferState::Waiting,
        TransferState::HandedOver { .. } | TransferState::Failed { .. } => {
            pb::TransferState::Offered
        }
        TransferState::Waiting { .. } | TransferState::Completed { .. } => {
            pb::TransferState::Offered
        }
        TransferState::SessionEnded { .. } if t.offered_at.is_none() => pb::TransferState::Waiting,
        TransferState::SessionEnded { .. } => pb::TransferState::Offered,
    }
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

fn removed_key(key: &RecordKey, reason: pb::RemovalReason) -> Option<pb::change::Change> {
    let (kind, id) = match key {
        RecordKey::Session(id) => (Kind::Session, id.to_string()),
        RecordKey::Transfer(id) => (Kind::Transfer, id.to_string()),
        RecordKey::Work(id) => (Kind::Work, id.to_string()),
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
        | RecordKey::Handoff(_)
        | RecordKey::RoutingRequest(_)
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
    }
}

fn concerns(fact: &Fact, key: &RecordKey) -> bool {
    match key {
        RecordKey::Session(id) => fact.session == Some(*id),
        RecordKey::Transfer(id) => fact.transfer == Some(*id),
        RecordKey::Work(id) => fact.work == Some(*id),
        RecordKey::RepPresence(id) | RecordKey::Rep(id) => fact.rep.as_ref() == Some(id),
        RecordKey::Settings
        | RecordKey::Configuration(_)
        | RecordKey::Status(_)
        | RecordKey::Profile(_)
        | RecordKey::Channel(_)
        | RecordKey::Skill(_)
        | RecordKey::Queue(_)
        | RecordKey::Flow(_)
        | RecordKey::Reference(..)
        | RecordKey::Partner(_)
        | RecordKey::Handoff(_)
        | RecordKey::RoutingRequest(_)
        | RecordKey::PartnerHealth(_)
        | RecordKey::ContactBook(_)
        | RecordKey::ContactBlock(..)
        | RecordKey::QueueReport(_)
        | RecordKey::Mark(_) => fact.kind == FactKind::DirectoryChanged,
    }
}

fn facts(m: &RevisionContext<'_>, wanted: impl Fn(&Fact) -> bool) -> Vec<String> {
    let found = m.entry.facts.iter().filter(|fact| wanted(fact));
    found.map(|fact| to_proto::fact(fact.kind).to_owned()).collect()
}
