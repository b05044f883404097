//! What an entry changes about objects that it doesn't write: a transfer shows whether its session is stranded, work whether
//! its rep may decline it, and how often the channel lets it be extended. A stream ends as a snapshot does (W1), so it is
//! told, as something derived. Called by `frames`.

use std::collections::BTreeSet;

use super::filter::{StreamFilter, using};
use super::records::RevisionContext;
use crate::domain::id::{ChannelId, RepId};
use crate::domain::live::{Work, WorkState};
use crate::domain::record::{Record, RecordKey};
use crate::grpc::from_proto::Kind;

/// The objects that may look different after this entry, though it didn't write them.
pub(super) fn dependents(m: &RevisionContext<'_>, filter: &StreamFilter) -> BTreeSet<RecordKey> {
    let carries = |kind| filter.0.kinds.contains(&kind);
    let mut keys = BTreeSet::new();
    for (key, now) in &m.entry.changes {
        match (key, now) {
            (RecordKey::Session(_), Some(Record::Session(session))) if carries(Kind::Transfer) => {
                keys.extend(session.transfer.map(RecordKey::Transfer));
            }
            (RecordKey::Rep(rep), _) if carries(Kind::Work) => {
                keys.extend(offered_to(m, rep));
            }
            (RecordKey::Configuration(_) | RecordKey::Profile(_), _) if carries(Kind::Work) => {
                keys.extend(using(m.state, key).flat_map(|rep| offered_to(m, &rep)));
            }
            (RecordKey::Channel(channel), _) if carries(Kind::Work) => {
                keys.extend(wrapping_up(m, channel));
            }
            _ => {}
        }
    }
    keys.retain(|key| !m.entry.changes.iter().any(|(written, _)| written == key));
    keys
}

/// Work that a rep is being asked to take.
fn offered_to(m: &RevisionContext<'_>, rep: &RepId) -> Vec<RecordKey> {
    live(m, rep, |work| work.state == WorkState::Offered)
}

/// After-conversation work on a channel.
fn wrapping_up(m: &RevisionContext<'_>, channel: &ChannelId) -> Vec<RecordKey> {
    let of_channel = |work: &Work| {
        matches!(work.state, WorkState::WrappingUp { .. })
            && m.after.session(&work.session).is_some_and(|s| s.channel == *channel)
    };
    let reps = m.state.rep_presences_from(&RepId::least());
    reps.flat_map(|live_rep| live(m, &live_rep.rep, of_channel)).collect()
}

fn live(m: &RevisionContext<'_>, rep: &RepId, wanted: impl Fn(&Work) -> bool) -> Vec<RecordKey> {
    let works = m.state.work_of_rep(rep).filter_map(|work| m.after.work(&work.id));
    works.filter(|work| wanted(work)).map(|work| RecordKey::Work(work.id)).collect()
}
