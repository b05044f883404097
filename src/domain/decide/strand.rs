//! Sessions that nobody of their queue could ever take (R11): they count as stranded from the moment they come, until the
//! directory says otherwise. That it may not leave sessions so is `directory::served`'s to see.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::id::{QueueId, SessionId};
use crate::domain::line::Demand;
use crate::domain::live::Session;
use crate::domain::prospects::anybody_could;
use crate::domain::record::{Mark, MarkKey, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;

/// Sessions looked at for one that asks for the same.
const ALIKE: usize = 8;
/// Sessions relieved by one decision, of all queues together.
pub(super) const AT_ONCE: usize = 64;

/// Is `session`, which comes to `queue` or asks for something else there, one that nobody could ever take? Another one
/// that asks for the same has told; only the first of its kind is looked at among all members. Of a partner's queue
/// nothing is said: the partner is asked (N1).
pub(super) fn is_for_nobody(draft: &Draft<'_>, session: &Session, queue: &QueueId) -> bool {
    if draft.queue(queue).is_some_and(|queue| queue.partner.is_some()) {
        return false;
    }
    let demand = Arc::new(Demand::of(session));
    let other = |id: SessionId| id != session.id && !draft.arrives(id);
    // Of a queue that is to be looked at anew the others don't tell.
    if draft.held(&mark(queue)).is_none() {
        if draft.stranded(queue, &demand).take(ALIKE).any(other) {
            return true;
        }
        if draft.demanding(queue, &demand).take(ALIKE).any(other) {
            return false;
        }
    }
    !anybody_could(draft, queue, &demand)
}

/// Lets sessions of `queue` just wait that are stranded, and that somebody could take now: as many as there is room for.
/// The others are left to decisions of their own.
pub(super) fn relieve(draft: &mut Draft<'_>, queue: &QueueId, room: &mut usize) {
    let mut some: Vec<SessionId> = Vec::new();
    for demand in draft.stranded_demands(queue) {
        if some.len() > *room {
            break;
        }
        if anybody_could(draft, queue, demand) {
            some.extend(draft.stranded(queue, demand).take(*room + 1 - some.len()));
        }
    }
    let more = some.len() > *room;
    some.truncate(*room);
    *room -= some.len();
    for id in some {
        let session = draft.session(&id).map(Arc::unwrap_or_clone);
        if let Some(session) = session {
            draft.put_session(Session { state: Session::WAITING, ..session });
        }
    }
    let key = mark(queue);
    match (draft.held(&key).is_some(), more) {
        (false, true) => {
            let key = MarkKey::Queue(queue.clone());
            draft.put(Record::Mark(Mark { key, after: None }));
        }
        (true, false) => draft.remove(key),
        _ => {}
    }
}

fn mark(queue: &QueueId) -> RecordKey {
    RecordKey::Mark(MarkKey::Queue(queue.clone()))
}
