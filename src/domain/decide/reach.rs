//! Keeps what presences say of the directory true: a presence's [`Reach`] is copied from it when
//! the presence opens or changes, and refreshed when the directory does.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::eligibility::reach_of;
use crate::domain::id::{QueueId, RepId, StatusId};
use crate::domain::live::{Presence, Reach, RepPresence};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::sight::Sight;

/// What the directory lets `rep` do with this status; nothing new while they are finishing what
/// they have (P10).
#[must_use]
pub fn of(draft: &Draft<'_>, rep: &RepId, status: &StatusId, finishing: bool) -> Arc<Reach> {
    let queues = draft.sight().queues_of(rep);
    Arc::new(derive(draft, rep, (status, finishing), queues).unwrap_or_default())
}

fn derive(
    look: &impl Look,
    rep: &RepId,
    (status, finishing): (&StatusId, bool),
    queues: BTreeSet<QueueId>,
) -> Option<Reach> {
    let (rep, status) = (look.rep(rep)?, look.status(status)?);
    let mut reach = reach_of(look, &rep, &status, queues);
    if finishing {
        reach.takes.clear();
    }
    Some(reach)
}

/// Does the presence of `rep` say something else than the directory?
#[must_use]
pub fn is_stale(sight: &Sight<'_>, rep: &RepId) -> bool {
    let live = sight.rep_presence(rep);
    live.presence.as_ref().is_some_and(|presence| {
        let queues = sight.queues_of(rep);
        let chosen = (&presence.status, presence.next.is_some());
        derive(sight, rep, chosen, queues).unwrap_or_default() != *presence.reach
    })
}

/// Makes the presence of `rep` say what the directory does.
pub fn refresh(draft: &mut Draft<'_>, rep: &RepId) {
    if !is_stale(&draft.sight(), rep) {
        return;
    }
    let live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    if let Some(presence) = live.presence.clone() {
        let reach = of(draft, rep, &presence.status, presence.next.is_some());
        draft.put_presence(RepPresence { presence: Some(Presence { reach, ..presence }), ..live });
    }
}

impl Sight<'_> {
    /// The queues that may have `rep` as a member: those that did, and those that were written.
    #[must_use]
    pub fn queues_of(&self, rep: &RepId) -> BTreeSet<QueueId> {
        let written = self.written().filter_map(|(key, record)| match (key, record) {
            (RecordKey::Queue(id), Some(Record::Queue(queue))) => {
                queue.reps.contains(rep).then(|| id.clone())
            }
            _ => None,
        });
        self.base().queues_of(rep).cloned().chain(written).collect()
    }
}
