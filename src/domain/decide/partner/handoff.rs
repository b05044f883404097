//! What a partner answers to a hand-off (T23): that a worker has it, that the contact has the session, or that it came to
//! nothing.

use std::sync::Arc;

use crate::domain::decide::acceptance;
use crate::domain::decide::subject::{AnswerSubject, about};
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::HandoffId;
use crate::domain::live::{
    Actor, AskFailure, Handoff, HandoffState, Line, PartnerAsk, SessionState, TransferState,
    WorkEnd,
};
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::Rejection;

use super::ask::transfer_of;
use super::failure::come_to_nothing;
use super::{claim, health};

/// A worker of the partner's claims it. The deadline stays.
pub(crate) fn acknowledge(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: HandoffId,
    reference: &str,
) -> Result<AnswerSubject, Rejection> {
    let mut handoff = claim::handoff(draft, actor, id)?;
    claim::of_handoff(draft, &handoff, reference)?;
    if handoff.state == HandoffState::Asked {
        handoff.state = HandoffState::Acknowledged;
        handoff.acknowledged_at = Some(draft.now());
        handoff.steps.acknowledged = draft.provenance();
        handoff.claimed_by = Some(reference.to_owned());
        draft.fact(Fact::of(FactKind::HandoffAcknowledged).session(handoff.session));
        health::note_progress(draft, &handoff.contact.partner, false);
        draft.put(Record::Handoff(Arc::new(handoff)));
    }
    Ok(about(RecordKey::Handoff(id)))
}

/// The partner has the conversation: custody, as T6. Completed already: nothing changes.
pub(crate) fn complete(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: HandoffId,
    reference: &str,
) -> Result<AnswerSubject, Rejection> {
    let handoff = claim::handoff(draft, actor, id)?;
    let same = handoff.claimed_by.as_deref() == Some(reference);
    if handoff.state == HandoffState::Completed && same {
        return Ok(about(RecordKey::Handoff(id)));
    }
    claim::of_handoff(draft, &handoff, reference)?;
    draft.fact(Fact::of(FactKind::HandoffCompleted).session(handoff.session));
    take_over(draft, &handoff);
    finish(draft, handoff, reference, HandoffState::Completed);
    Ok(about(RecordKey::Handoff(id)))
}

/// The contact has the session, and whoever had it doesn't.
fn take_over(draft: &mut Draft<'_>, handoff: &Handoff) {
    let Some(session) = draft.session(&handoff.session) else { return };
    let mut session = Arc::unwrap_or_clone(session);
    let (contact, at) = (handoff.contact.clone(), draft.now());
    if let Some(transfer) = transfer_of(draft, &session) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        acceptance::remove_owner(draft, &session, &mut transfer, WorkEnd::Transferred);
        transfer.state = TransferState::HandedOver { contact: contact.clone(), at };
        transfer.steps.ended = draft.provenance();
        let fact = Fact::of(FactKind::TransferCompleted).session(session.id);
        draft.fact(fact.transfer(transfer.id));
        draft.put_transfer(transfer);
        session.transfer = None;
    }
    session.line = Line::Partner(contact.partner.clone());
    session.line_since = at;
    session.estimated = None;
    session.passed_by.clear();
    session.stay = None;
    session.state = SessionState::External { contact, since: at };
    draft.put_settled(session);
}

/// It is refused, or failed. Failed already: nothing changes.
pub(crate) fn fail(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: HandoffId,
    failure: &AskFailure,
    reference: &str,
) -> Result<AnswerSubject, Rejection> {
    let handoff = claim::handoff(draft, actor, id)?;
    let same = handoff.claimed_by.as_deref() == Some(reference);
    if matches!(handoff.state, HandoffState::Failed(_)) && same {
        return Ok(about(RecordKey::Handoff(id)));
    }
    claim::of_handoff(draft, &handoff, reference)?;
    let session = draft.session(&handoff.session);
    draft.fact(Fact::of(FactKind::HandoffFailed).session(handoff.session));
    finish(draft, handoff, reference, HandoffState::Failed(failure.clone()));
    let asked =
        |s: &Arc<_>| crate::domain::live::Session::open_ask(s) == Some(PartnerAsk::Handoff(id));
    if let Some(session) = session.filter(asked) {
        come_to_nothing(draft, Arc::unwrap_or_clone(session), failure.clone());
    }
    Ok(about(RecordKey::Handoff(id)))
}

fn finish(draft: &mut Draft<'_>, mut handoff: Handoff, reference: &str, state: HandoffState) {
    health::note_progress(draft, &handoff.contact.partner, true);
    handoff.claimed_by = Some(reference.to_owned());
    handoff.ended_at = Some(draft.now());
    handoff.steps.ended = draft.provenance();
    handoff.state = state;
    draft.put(Record::Handoff(Arc::new(handoff)));
}
