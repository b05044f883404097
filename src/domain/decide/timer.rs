//! What happens because time has passed (P4, T17, O5). Every replica asks; the first to commit
//! wins, and the others find nothing due.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{SessionId, TransferId};
use crate::domain::live::{PresenceCause, SessionState, Transfer, TransferState};
use crate::domain::look::Look;
use crate::domain::record::{Due, RecordKey};

use super::{Subject, presence};

/// Looks at one deadline; changes nothing if it hasn't passed or doesn't hold any more.
pub(crate) fn pass(draft: &mut Draft<'_>, due: &Due) -> Subject {
    match due {
        Due::Grace(rep) => presence::end_grace(draft, rep, PresenceCause::ConnectionLost),
        Due::DirectWait(transfer) => strand(draft, *transfer),
        Due::Forget(session) => forget(draft, *session),
    }
    Subject::Nothing
}

/// A transfer has waited long enough for a rep who has gone, and there is no queue to fall back
/// to: it stays, and is counted where supervisors look (T17).
fn strand(draft: &mut Draft<'_>, id: TransferId) {
    let Some(transfer) = draft.transfer(&id) else {
        return;
    };
    let TransferState::Waiting { since, absent_until: Some(until), .. } = transfer.state else {
        return;
    };
    if until > draft.now() {
        return;
    }
    let state = TransferState::Waiting { since, absent_until: None, stranded: true };
    draft.fact(Fact::of(FactKind::TransferStranded).session(transfer.session).transfer(id));
    draft.put_transfer(Transfer { state, ..Arc::unwrap_or_clone(transfer) });
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
