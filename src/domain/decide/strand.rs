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
/// Sessions relieved by one decision.
const AT_ONCE: usize = 64;

/// Is `session`, which comes to `queue` or asks for something else there, one that nobody could ever take? Another one
/// that asks for the same has told; only the first of its kind is looked at among all members.
pub(super) fn is_for_nobody(draft: &Draft<'_>, session: &Session, queue: &QueueId) -> bool {
    let demand = Arc::new(Demand::of(session));
    if draft.stranded(queue, &demand).any(|id| id != session.id) {
        return true;
    }
    let mut alike = draft.demanding(queue, &demand).take(ALIKE);
    let settled = alike.any(|id| id != session.id && !draft.arrives(id));
    !settled && !anybody_could(draft, queue, &demand)
}

/// Lets sessions of `queue` just wait that are stranded, and that somebody could take now: some at a time.
pub(super) fn relieve(draft: &mut Draft<'_>, queue: &QueueId) {
    let mut some: Vec<SessionId> = Vec::new();
    for demand in draft.demands(queue) {
        let mut stranded = draft.stranded(queue, demand).peekable();
        if stranded.peek().is_some() && anybody_could(draft, queue, demand) {
            some.extend(stranded.take(AT_ONCE + 1 - some.len()));
        }
        if some.len() > AT_ONCE {
            break;
        }
    }
    let more = some.len() > AT_ONCE;
    for id in some.into_iter().take(AT_ONCE) {
        let session = draft.session(&id).map(Arc::unwrap_or_clone);
        if let Some(session) = session {
            draft.put_session(Session { state: Session::WAITING, ..session });
        }
    }
    let key = MarkKey::Queue(queue.clone());
    if more {
        draft.put(Record::Mark(Mark { key, after: None }));
    } else if draft.held(&RecordKey::Mark(key.clone())).is_some() {
        draft.remove(RecordKey::Mark(key));
    }
}
