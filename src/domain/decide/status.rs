//! Presence statuses (P1, R5, R6): which may be chosen, and setting one. What follows from it is the
//! caller's part.

use std::sync::Arc;

use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, StatusId};
use crate::domain::live::{Actor, Presence, PresenceCause, RepPresence, WorkEnd};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};

use super::reach;

/// P1: the status must exist, and the rep's profile must allow it.
pub(super) fn check_status(
    draft: &Draft<'_>,
    rep: &RepId,
    status: &StatusId,
) -> Result<(), Rejection> {
    let rep = draft.expect_rep(rep)?;
    if draft.status(status).is_none() {
        return Err(Rejection::not_found("presence_status", status));
    }
    let allowed = draft.profile(&rep.profile).map(|p| p.statuses.clone()).unwrap_or_default();
    if allowed.contains(status) {
        return Ok(());
    }
    let choices: Vec<&str> = allowed.iter().map(StatusId::as_str).collect();
    let message = format!(
        "profile {} doesn't allow the status {status}; it allows {}",
        rep.profile,
        choices.join(", ")
    );
    Err(Rejection::new(Reason::StatusNotAllowed, "presence_status", status, message))
}

/// A status that a rep is to have, why, and who wants it.
pub(super) struct StatusChoice {
    pub status: StatusId,
    pub cause: PresenceCause,
    pub by: Actor,
}

/// Sets a status; nothing is to happen any more when the current work is done. What follows from it
/// is the caller's part.
pub(super) fn choose(
    draft: &mut Draft<'_>,
    live: RepPresence,
    presence: Presence,
    StatusChoice { status, cause, by }: StatusChoice,
) {
    let rep = live.rep.clone();
    let status_since = if presence.status == status { presence.status_since } else { draft.now() };
    let reach = reach::of(draft, &rep, &status, false);
    let by = Some(by);
    let presence = Presence { status, status_since, cause, by, next: None, reach, ..presence };
    draft.put_presence(RepPresence { presence: Some(presence), ..live });
    draft.fact(Fact::of(FactKind::StatusChanged).rep(&rep));
}

/// Sets the status that the presence configuration wants after an offer was declined or ran out
/// (R5, R6), if the rep is signed in and the profile allows it. What follows from it is the
/// caller's part.
pub(crate) fn set_by_offer(draft: &mut Draft<'_>, rep: &RepId, why: WorkEnd) {
    let configuration = draft.rep(rep).and_then(|rep| draft.configuration_of(&rep));
    let (status, cause) = match (why, configuration) {
        (WorkEnd::Declined, Some(c)) => (c.status_after_decline.clone(), PresenceCause::Declined),
        (WorkEnd::PushTimeout, Some(c)) => {
            (c.status_after_push_timeout.clone(), PresenceCause::PushTimeout)
        }
        _ => return,
    };
    let live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    let (Some(status), Some(presence)) = (status, live.presence.clone()) else {
        return;
    };
    if presence.status == status || check_status(draft, rep, &status).is_err() {
        return;
    }
    let next = presence.next.clone();
    choose(draft, live, presence, StatusChoice { status, cause, by: Actor::baton() });
    if next.is_some() {
        let mut live = Arc::unwrap_or_clone(draft.rep_presence(rep));
        if let Some(presence) = &mut live.presence {
            presence.reach = reach::of(draft, rep, &presence.status, true);
            presence.next = next;
        }
        draft.put_presence(live);
    }
}
