//! What happens because time has passed (P4, P7, C6, R4, R5, T17, O5). A deadline that was acted on
//! already changes nothing.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::SessionId;
use crate::domain::live::{Absence, Actor, PartnerAsk, SessionState};
use crate::domain::record::{Due, RecordKey};
use crate::domain::record_lookup::RecordLookup;

use super::subject::AnswerSubject;
use super::{leave, partner, presence, route, work, wrap_up};

/// Looks at deadlines; one that hasn't passed, or doesn't hold any more, changes nothing.
pub(crate) fn pass(draft: &mut Draft<'_>, actor: &Actor, due: &[Due]) -> AnswerSubject {
    for due in due {
        match due {
            Due::Grace(rep) => presence::end_grace(draft, actor, rep),
            Due::Orphans(rep) => leave::end_keeping(draft, rep),
            Due::Absence(session) => end_absence(draft, *session),
            Due::Forget(session) => forget(draft, *session),
            Due::Push(work) => work::time_out(draft, *work),
            Due::WrapUp(work) => wrap_up::time_out(draft, *work),
            Due::Ask(ask) => partner::expire(draft, *ask),
            Due::AskAgain(session) => partner::ask_again(draft, *session),
            Due::Probe(of) => partner::health::probe(draft, of),
            Due::SkillWish(session) => drop_wishes(draft, *session),
        }
    }
    AnswerSubject::Nothing
}

/// A session has waited long enough for a rep who isn't there: the channel's fallback queue takes it,
/// at its original age. Without one it stays, and is counted where supervisors look (T17).
fn end_absence(draft: &mut Draft<'_>, id: SessionId) {
    let Some(session) = draft.session(&id) else {
        return;
    };
    match session.state {
        SessionState::Waiting { absence: Some(Absence::Until(until, _)), .. }
            if until <= draft.now() => {}
        _ => return,
    }
    let mut session = Arc::unwrap_or_clone(session);
    let channel = draft.channel(&session.channel);
    match channel.and_then(|c| c.fallback_queue.clone()).filter(|q| draft.queue(q).is_some()) {
        Some(queue) => partner::fall_back(draft, session, queue),
        None => {
            let absence = Some(Absence::Stranded);
            session.state = SessionState::Waiting { offer: None, absence };
            draft.fact(route::stranded(&session));
            draft.put_settled(session);
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
    // Not before the after-conversation work on it is over: it comes up again (C6).
    if draft.work_of_session(id).any(|work| work.is_live()) {
        return;
    }
    let work = draft.work_of_session(id).map(|work| RecordKey::Work(work.id));
    let transfers = draft.transfers_of_session(id).map(|t| RecordKey::Transfer(t.id));
    let asks = draft.asks_of_session(id).map(|ask| match ask {
        PartnerAsk::Handoff(id) => RecordKey::Handoff(id),
        PartnerAsk::Routing(id) => RecordKey::RoutingRequest(id),
    });
    for key in work.chain(transfers).chain(asks).collect::<Vec<_>>() {
        draft.remove(key);
    }
    // It may name another one by now (O2).
    if draft.reference(&session.channel, &session.external_reference) == Some(id) {
        let (channel, reference) = (session.channel.clone(), session.external_reference.clone());
        draft.remove(RecordKey::Reference(channel, reference));
    }
    draft.remove(RecordKey::Session(id));
    draft.fact(Fact::of(FactKind::SessionForgotten).session(id));
}
