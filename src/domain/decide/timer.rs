//! What happens because time has passed (P4, P7, C6, R4, R5, T17, O5). Every replica asks; the first to commit
//! wins, and the others find nothing due.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{SessionId, TransferId};
use crate::domain::live::{Absence, Actor, Line, Session, SessionState, TransferState};
use crate::domain::look::Look;
use crate::domain::record::{Due, RecordKey};

use super::{Subject, leave, presence, route, work, wrap_up};

/// Looks at deadlines; one that hasn't passed, or doesn't hold any more, changes nothing.
pub(crate) fn pass(draft: &mut Draft<'_>, actor: &Actor, due: &[Due]) -> Subject {
    for due in due {
        match due {
            Due::Grace(rep) => presence::end_grace(draft, actor, rep),
            Due::Orphans(rep) => leave::end_keeping(draft, rep),
            Due::DirectWait(transfer) => fall_back(draft, *transfer),
            Due::Absence(session) => end_absence(draft, *session),
            Due::Forget(session) => forget(draft, *session),
            Due::Push(work) => work::time_out(draft, *work),
            Due::WrapUp(work) => wrap_up::time_out(draft, *work),
            Due::Wish(session) => drop_wishes(draft, *session),
        }
    }
    Subject::Nothing
}

/// A session that isn't in transfer has waited long enough for a rep who has gone: as with a transfer,
/// the channel's fallback queue takes it, at its original age (T17).
fn end_absence(draft: &mut Draft<'_>, id: SessionId) {
    let Some(session) = draft.session(&id) else {
        return;
    };
    match session.state {
        SessionState::Waiting { absence: Some(Absence::Until(until)), .. }
            if until <= draft.now() => {}
        _ => return,
    }
    let mut session = Arc::unwrap_or_clone(session);
    let channel = draft.channel(&session.channel);
    match channel.and_then(|c| c.fallback_queue.clone()).filter(|q| draft.queue(q).is_some()) {
        Some(queue) => {
            draft.fact(Fact::of(FactKind::SessionRerouted).session(id).queue(&queue));
            session.line = Line::Queue(queue);
            session.line_since = draft.now();
            session.estimated = None;
            session.state = Session::WAITING;
            route::route(draft, session);
        }
        None => {
            let absence = Some(Absence::Stranded);
            session.state = SessionState::Waiting { offer: None, absence };
            draft.fact(Fact::of(FactKind::SessionStranded).session(id));
            draft.put_session(session);
        }
    }
}

/// A transfer has waited long enough for a rep who has gone: the channel's fallback queue takes it,
/// at its original age. Without one it stays, and is counted where supervisors look (T17).
fn fall_back(draft: &mut Draft<'_>, id: TransferId) {
    let Some(transfer) = draft.transfer(&id) else {
        return;
    };
    let TransferState::Waiting { since, absent_until: Some(until), .. } = transfer.state else {
        return;
    };
    if until > draft.now() {
        return;
    }
    let mut transfer = Arc::unwrap_or_clone(transfer);
    let Some(session) = draft.session(&transfer.session) else {
        return;
    };
    let channel = draft.channel(&session.channel);
    match channel.and_then(|c| c.fallback_queue.clone()).filter(|q| draft.queue(q).is_some()) {
        Some(queue) => {
            let fact = Fact::of(FactKind::TransferRerouted).session(session.id).transfer(id);
            draft.fact(fact.queue(&queue));
            transfer.line = Line::Queue(queue);
            transfer.state = TransferState::Waiting { since, absent_until: None, stranded: false };
            let line_since = draft.now();
            let session = Session {
                line: transfer.line.clone(),
                line_since,
                estimated: None,
                ..Arc::unwrap_or_clone(session)
            };
            draft.put_transfer(transfer);
            route::route(draft, session);
        }
        None => {
            transfer.state = TransferState::Waiting { since, absent_until: None, stranded: true };
            draft.fact(Fact::of(FactKind::TransferStranded).session(session.id).transfer(id));
            draft.put_transfer(transfer);
        }
    }
}

/// Skills have been wished for long enough: without them others come into question (R4).
fn drop_wishes(draft: &mut Draft<'_>, id: SessionId) {
    let Some(session) = draft.session(&id) else {
        return;
    };
    let mut session = Arc::unwrap_or_clone(session);
    let now = draft.now();
    let before = session.wished.len();
    session.wished.retain(|_, wish| wish.until > now);
    if session.is_ended() || session.wished.len() == before {
        return;
    }
    draft.fact(Fact::of(FactKind::SkillsDropped).session(id));
    draft.put_session(session);
    route::reconsider(draft, id);
}

/// An ended session has been kept long enough: it goes with its work and its transfers (O5).
fn forget(draft: &mut Draft<'_>, id: SessionId) {
    let Some(session) = draft.session(&id) else {
        return;
    };
    match session.state {
        SessionState::Ended { forget_at, .. } if forget_at <= draft.now() => {}
        _ => return,
    }
    let base = draft.base();
    // Not before the after-conversation work on it is over: it comes up again (C6).
    if base.work_of_session(id).any(|work| work.is_live()) {
        return;
    }
    for work in base.work_of_session(id) {
        draft.remove(RecordKey::Work(work.id));
    }
    for transfer in base.transfers_of_session(id) {
        draft.remove(RecordKey::Transfer(transfer.id));
    }
    draft.remove(RecordKey::Reference(session.channel.clone(), session.external_reference.clone()));
    draft.remove(RecordKey::Session(id));
    draft.fact(Fact::of(FactKind::SessionForgotten).session(id));
}
