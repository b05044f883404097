//! Acceptance (T6): the one step in which a session changes hands. Called by whoever accepts, and by
//! offers that accept themselves (R7).

use std::sync::Arc;

use crate::domain::capacity;
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::WorkId;
use crate::domain::live::{Session, SessionState, Transfer, TransferState, WorkEnd, WorkState};
use crate::domain::partner_lines::leave_line;
use crate::domain::record_lookup::RecordLookup;

/// The one indivisible step of T6: the work is open, its rep owns the session, and if a transfer
/// brought it, the original rep is off it and the transfer complete.
pub fn take(draft: &mut Draft<'_>, id: WorkId) {
    let now = draft.now();
    let Some(mut work) = draft.work(&id).map(Arc::unwrap_or_clone) else { return };
    let Some(mut session) = draft.session(&work.session).map(Arc::unwrap_or_clone) else { return };
    if let Some(transfer) = work.transfer.and_then(|t| draft.transfer(&t)) {
        let mut transfer: Transfer = Arc::unwrap_or_clone(transfer);
        remove_owner(draft, &session, &mut transfer, WorkEnd::Transferred);
        transfer.state = TransferState::Completed { rep: work.rep.clone(), at: now };
        transfer.steps.ended = draft.provenance();
        let fact = Fact::of(FactKind::TransferCompleted).session(session.id);
        draft.fact(fact.transfer(transfer.id).work(id).rep(&work.rep));
        session.line = transfer.line.clone();
        session.line_since = transfer.requested_at;
        draft.put_transfer(transfer);
        session.transfer = None;
    }
    session.passed_by.clear();
    session.estimated = None;
    draft.fact(Fact::of(FactKind::SessionAccepted).session(session.id).work(id).rep(&work.rep));
    session.state = SessionState::Active { rep: work.rep.clone(), work: id };
    leave_line(draft, &mut session);
    draft.put_session(session);
    work.state = WorkState::Open;
    work.accepted_at = Some(now);
    work.steps.accepted = draft.provenance();
    work.tab_open = true;
    draft.put_work(work);
}

/// Takes the original rep off a session whose transfer waits or completes (T6, T7), or goes on
/// without them (T19).
pub fn remove_owner(
    draft: &mut Draft<'_>,
    session: &Session,
    transfer: &mut Transfer,
    why: WorkEnd,
) {
    let Some((owner, work)) = session.owner() else {
        return;
    };
    capacity::end(draft, work, why);
    transfer.original_removed_at = Some(draft.now());
    transfer.steps.removed = draft.provenance();
    let fact = Fact::of(FactKind::RepRemoved).session(session.id);
    draft.fact(fact.transfer(transfer.id).work(work).rep(owner));
}
