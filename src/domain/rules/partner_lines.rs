//! Sessions that stand in partners' lines (N1, N6): which these are, and what a stay there is when it begins anew or ends. What
//! the partner is asked is decided elsewhere.

use crate::domain::id::{PartnerId, RepId};
use crate::domain::live::{PartnerStay, RoutingCause, Session};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::time::Timestamp;

/// The partner in whose line a session stands, or to whose line it is handed on.
#[must_use]
pub fn partner_in_question(records: &impl RecordLookup, session: &Session) -> Option<PartnerId> {
    let transfer = session.transfer.and_then(|id| records.transfer(&id));
    records.partner_of(transfer.as_ref().map_or(&session.line, |transfer| &transfer.line))
}

/// Is a session to be asked about that isn't?
#[must_use]
pub fn is_to_be_asked(records: &impl RecordLookup, session: &Session) -> bool {
    let asked = |stay: &PartnerStay| stay.open.is_some() || stay.again_at.is_some();
    session.waits_for_an_offer()
        && !session.stay.as_deref().is_some_and(asked)
        && records.partner_of(&session.line).is_some()
}

/// A session that comes back to the partner's line that it is of, at `now`, so that the partner is asked anew (N6).
#[must_use]
pub fn partner_line(
    records: &impl RecordLookup,
    session: &Session,
    rep: &RepId,
    cause: RoutingCause,
    now: Timestamp,
) -> Session {
    let mut session = session.clone();
    if let Some(partner) = records.partner_of(&session.line) {
        let mut stay = match session.stay.take() {
            Some(stay) if stay.partner == partner => *stay,
            _ => PartnerStay::at(partner, cause),
        };
        match cause {
            RoutingCause::Reopened => stay.cause = cause,
            _ => stay.passed_by(rep, cause),
        }
        stay.contact = None;
        session.stay = Some(Box::new(stay));
    }
    session.line_since = now;
    session.estimated = None;
    session.state = Session::WAITING;
    session
}

/// Leaves a session without a stay that doesn't stand in a partner's line any more.
pub fn leave_line(records: &impl RecordLookup, session: &mut Session) {
    if records.partner_of(&session.line).is_none() {
        session.stay = None;
    }
}
