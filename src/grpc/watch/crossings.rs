//! What comes into the sight of a narrowed reader, or leaves it, with a session that moves to another line (S4): its work, its
//! transfers, and what partners were asked about it, as far as the revision that moves it doesn't write them itself. Used by
//! `frames`; the session's own step is told there.

use std::collections::BTreeSet;

use super::filter::StreamFilter;
use super::frames::{removed_key, step_object, upserted};
use super::inferred::is_new;
use super::records::RevisionContext;
use crate::domain::id::SessionId;
use crate::domain::live::PartnerAsk;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::grpc::to_proto;
use crate::pb;

/// What such a reader is told beside what was written.
pub(super) fn changes(m: &RevisionContext<'_>, filter: &StreamFilter) -> Vec<pb::Change> {
    if !filter.goes_by_line() {
        return Vec::new();
    }
    let sessions = m.entry.changes.iter().filter_map(|(key, _)| match key {
        RecordKey::Session(id) if crosses(m, filter, *id) => Some(*id),
        _ => None,
    });
    let of_session = |id| parts(m, id).into_iter().filter_map(|key| change(m, filter, &key));
    sessions.flat_map(of_session).collect()
}

/// Is this session seen from now on, or not any more? Where it isn't known what was, it may be new to the reader: then what
/// belongs to it is told as it is by now, if it is still seen.
fn crosses(m: &RevisionContext<'_>, filter: &StreamFilter, id: SessionId) -> bool {
    let after = filter.keeps_session(m.after, id);
    let key = RecordKey::Session(id);
    match (m.knows)(&key) {
        true => filter.keeps_session(m.before, id) != after,
        false => after && !is_new(m, &key) && filter.keeps_session(m.state, id),
    }
}

/// What belongs to a session and isn't written by this revision.
fn parts(m: &RevisionContext<'_>, session: SessionId) -> BTreeSet<RecordKey> {
    let state = m.state;
    let asks = state.asks_of_session(session).map(|ask| match ask {
        PartnerAsk::Handoff(id) => RecordKey::Handoff(id),
        PartnerAsk::Routing(id) => RecordKey::RoutingRequest(id),
    });
    let work = state.work_of_session(session).map(|work| RecordKey::Work(work.id));
    let transfers = state.transfers_of_session(session).map(|t| RecordKey::Transfer(t.id));
    let mut keys: BTreeSet<RecordKey> = work.chain(transfers).chain(asks).collect();
    if state.session(&session).is_none() {
        // It has been forgotten since, with all of it.
        let before = m.later.iter().flat_map(|applied| applied.before.iter().flatten());
        keys.extend(before.filter(|record| session_of(record) == Some(session)).map(Record::key));
    }
    for (key, _) in &m.entry.changes {
        keys.remove(key);
    }
    keys
}

/// The session that a record belongs to.
pub(super) fn session_of(record: &Record) -> Option<SessionId> {
    match record {
        Record::Work(work) => Some(work.session),
        Record::Transfer(transfer) => Some(transfer.session),
        Record::Handoff(asked) => Some(asked.session),
        Record::RoutingRequest(asked) => Some(asked.session),
        _ => None,
    }
}

fn change(m: &RevisionContext<'_>, filter: &StreamFilter, key: &RecordKey) -> Option<pb::Change> {
    if !filter.kind(key) {
        return None;
    }
    let record = m.after.record(key)?;
    let (was_in, is_in) = (filter.step(m.before, &record), filter.step(m.after, &record));
    let change = match (was_in, is_in) {
        (_, true) => {
            let written = m.state.revision_of(key).min(m.entry.revision);
            upserted(step_object(m.context(), &record, written)?)
        }
        (true, false) => removed_key(key, pb::RemovalReason::LeftFilter)?,
        (false, false) => return None,
    };
    let state = match &record {
        Record::Transfer(transfer) => to_proto::transfer_state(&transfer.state),
        _ => pb::TransferState::Unspecified,
    };
    let facts = vec!["session_moved".to_owned()];
    Some(pb::Change { change: Some(change), facts, before: state.into(), derived: true })
}
