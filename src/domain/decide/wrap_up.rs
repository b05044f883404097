//! After-conversation work (C6): extended, ended early, and over when its time is.

use std::sync::Arc;

use crate::domain::capacity;
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::WorkId;
use crate::domain::live::{Actor, Work, WorkEnd, WorkState};
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::units::times;

use super::actors::{ended, own_work};
use super::subject::{AnswerSubject, about};

/// Lengthens it, as often as its channel allows.
pub(crate) fn extend(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
) -> Result<AnswerSubject, Rejection> {
    let work = own_work(draft, actor, id)?;
    let (until, extended) = match work.state {
        WorkState::WrappingUp { until, extended } => (until, extended),
        WorkState::Ended { why, .. } => return Err(ended(id, why)),
        WorkState::Offered | WorkState::Open | WorkState::Paused => return Err(not_yet(&work)),
    };
    let session = draft.expect_session(work.session)?;
    let after = draft.expect_channel(&session.channel)?.wrap_up;
    let most = after.map_or(0, |after| after.max_extensions);
    let Some(after) = after.filter(|_| extended < most) else {
        let message = format!(
            "the after-conversation work {id} was extended {}; channel {} allows {most}",
            times(extended),
            session.channel
        );
        return Err(Rejection::new(Reason::LimitExceeded, "work", id, message));
    };
    let fact = Fact::of(FactKind::WrapUpExtended).session(session.id);
    draft.fact(fact.work(id).rep(&work.rep));
    let state = WorkState::WrappingUp { until: until + after.extension, extended: extended + 1 };
    draft.put_work(Work { state, ..Arc::unwrap_or_clone(work) });
    Ok(about(RecordKey::Work(id)))
}

/// Ends it early. Ended already: nothing changes.
pub(crate) fn end(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
) -> Result<AnswerSubject, Rejection> {
    let work = own_work(draft, actor, id)?;
    match work.state {
        WorkState::WrappingUp { .. } => finish(draft, &work),
        WorkState::Ended { .. } => {}
        WorkState::Offered | WorkState::Open | WorkState::Paused => return Err(not_yet(&work)),
    }
    Ok(about(RecordKey::Work(id)))
}

/// Its time may be over.
pub(crate) fn time_out(draft: &mut Draft<'_>, id: WorkId) {
    if let Some(work) = draft.work(&id)
        && let WorkState::WrappingUp { until, .. } = work.state
        && until <= draft.now()
    {
        finish(draft, &work);
    }
}

/// Frees what it held, for whatever waits.
pub(super) fn finish(draft: &mut Draft<'_>, work: &Work) {
    capacity::end(draft, work.id, WorkEnd::Completed);
    let fact = Fact::of(FactKind::WrapUpEnded).session(work.session);
    draft.fact(fact.work(work.id).rep(&work.rep));
}

fn not_yet(work: &Work) -> Rejection {
    let id = work.id;
    let message = format!("work {id} isn't after-conversation work: its session hasn't ended");
    Rejection::new(Reason::WrongState, "work", id, message).with("state", work.state.name())
}
