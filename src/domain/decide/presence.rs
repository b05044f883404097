//! Presence (P1–P6): signing in and out, statuses, lost and regained connections. What becomes of the
//! work is in `leave`, what waits for the work to be done in `stop`.

use std::sync::Arc;

use crate::domain::aliases::{rep_named, status_named};
use crate::domain::command::PresenceRef;
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{PresenceId, RepId, StatusId};
use crate::domain::live::{
    Actor, ClosedPresence, Connection, PlannedChange, PlannedStop, Presence, PresenceCause,
    RepPresence, Role,
};
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::time::{Span, Timestamp};

use super::actors::{acts_for, not_owner};
use super::subject::{AnswerSubject, about};
use super::{leave, reach, route, status, stop};

/// A rep can sign in this often at once …
const SIGN_INS: i64 = 20;
/// … and then once in so long. Whoever comes and goes faster would cost all the others.
const SIGN_IN_EVERY: Span = Span::from_secs(2);

/// Signs a rep in. A presence that is there already is taken over (P5).
pub(crate) fn open(
    draft: &mut Draft<'_>,
    actor: &Actor,
    rep: &RepId,
    status: &StatusId,
    device: &str,
) -> Result<AnswerSubject, Rejection> {
    let rep = rep_named(draft, actor, rep);
    draft.acts_for(&rep);
    open_of(draft, actor, &rep, status, device)?;
    Ok(about(RecordKey::RepPresence(rep)))
}

/// The same of a rep by Baton's own id. Whatever refuses it is seen before anything is written.
pub(super) fn open_of(
    draft: &mut Draft<'_>,
    actor: &Actor,
    rep: &RepId,
    status: &StatusId,
    device: &str,
) -> Result<(), Rejection> {
    let status = &status_named(draft, actor, status);
    if !acts_for(draft, actor, rep) {
        return Err(not_owner(actor, "rep", rep));
    }
    status::check_status(draft, rep, status)?;
    let now = draft.now();
    let mut live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    live.signed_in_until = Some(pay_for_sign_in(&live, now)?);
    live.kept_until = None;
    if let Some(first) = live.presence.take() {
        let (cause, by) = (PresenceCause::DuplicateLogin, Some(actor.clone()));
        live.close(ClosedPresence { id: first.id, at: now, cause, by });
        draft.fact(Fact::of(FactKind::PresenceClosed).rep(rep));
    }
    live.presence = Some(Presence {
        id: PresenceId::at(now, draft.random()),
        status: status.clone(),
        device: device.to_owned(),
        opened_at: now,
        status_since: now,
        connection: Connection::Connected,
        lease: draft.settings().presence_lease,
        cause: PresenceCause::of(actor.role),
        by: Some(actor.clone()),
        next: None,
        reach: reach::of(draft, rep, status, false),
    });
    draft.put_presence(live);
    draft.fact(Fact::of(FactKind::PresenceOpened).rep(rep));
    route::follow_presence(draft, rep);
    Ok(())
}

/// When all sign-ins of the rep are paid for, this one included.
fn pay_for_sign_in(live: &RepPresence, now: Timestamp) -> Result<Timestamp, Rejection> {
    let paid = live.signed_in_until.map_or(now, |until| until.max(now)) + SIGN_IN_EVERY;
    let most = SIGN_IN_EVERY.as_ms() * SIGN_INS;
    let ahead = paid.since(now).as_ms() - most;
    if ahead <= 0 {
        return Ok(paid);
    }
    let message = format!(
        "{} has signed in {SIGN_INS} times in a short while; more is possible every {} s, the next \
         time in {ahead} ms",
        live.rep,
        SIGN_IN_EVERY.as_ms() / 1_000
    );
    let refused = Rejection::new(Reason::LimitExceeded, "rep", &live.rep, message);
    Err(refused.for_now(Span::from_ms(ahead)))
}

/// P5: a presence that is over can change nothing any more. Of others' presences a rep knows
/// nothing (S2).
pub(crate) fn check_current(
    draft: &Draft<'_>,
    actor: &Actor,
    id: PresenceId,
) -> Result<(), Rejection> {
    let rep = draft.rep_of_presence(id).filter(|rep| may_know(draft, actor, rep));
    let live = rep.map(|rep| draft.rep_presence(rep));
    let live = live.ok_or_else(|| Rejection::not_found("presence", id))?;
    match &live.presence {
        Some(current) if current.id == id => Ok(()),
        _ => Err(gone(&live, id)),
    }
}

/// Does `actor` know of this rep's presences: a rep of its own, a partner of those whom it drives (N3, S2)?
pub(super) fn may_know(draft: &Draft<'_>, actor: &Actor, rep: &RepId) -> bool {
    !matches!(actor.role, Role::Rep | Role::Partner) || acts_for(draft, actor, rep)
}

/// A presence that is current, and who has it.
fn current(
    draft: &Draft<'_>,
    actor: &Actor,
    named: &PresenceRef,
) -> Result<(RepPresence, Presence), Rejection> {
    let (rep, id) = match named {
        PresenceRef::Rep(rep) => {
            (draft.expect_rep(&rep_named(draft, actor, rep))?.id.clone(), None)
        }
        PresenceRef::Presence(id) => match draft.rep_of_presence(*id) {
            Some(rep) if may_know(draft, actor, rep) => (rep.clone(), Some(*id)),
            _ => return Err(Rejection::not_found("presence", id)),
        },
    };
    if !acts_for(draft, actor, &rep) {
        return Err(not_owner(actor, "rep", rep));
    }
    let live = Arc::unwrap_or_clone(draft.rep_presence(&rep));
    match (&live.presence, id) {
        (Some(presence), Some(id)) if presence.id == id => Ok((live.clone(), presence.clone())),
        (Some(presence), None) => Ok((live.clone(), presence.clone())),
        (_, Some(id)) => Err(gone(&live, id)),
        (None, None) => {
            let message = format!("{rep} is not signed in");
            let refused = Rejection::new(Reason::PresenceClosed, "rep", rep, message);
            Err(match &live.last {
                Some(last) => refused.with("cause", last.cause.name()),
                None => refused,
            })
        }
    }
}

fn gone(live: &RepPresence, id: PresenceId) -> Rejection {
    let superseded = live.why_ended(id) == Some(PresenceCause::DuplicateLogin);
    let (reason, how) = if superseded {
        (Reason::PresenceSuperseded, "was taken over by a later sign-in")
    } else {
        (Reason::PresenceClosed, "is closed; open a new one")
    };
    let message = format!("presence {id} of {} {how}", live.rep);
    let refused = Rejection::new(reason, "presence", id, message);
    match live.why_ended(id) {
        Some(cause) => refused.with("cause", cause.name()),
        None => refused,
    }
}

/// Chooses a status (P1, P6), at once or when the current work is done (P10). What was to happen then is
/// forgotten.
pub(crate) fn set_status(
    draft: &mut Draft<'_>,
    actor: &Actor,
    named: &PresenceRef,
    status: &StatusId,
    when_done: bool,
) -> Result<AnswerSubject, Rejection> {
    let (live, _) = current(draft, actor, named)?;
    draft.acts_for(&live.rep);
    let rep = choose(draft, actor, named, status, when_done)?;
    Ok(about(RecordKey::RepPresence(rep)))
}

/// The same; gives whose presence it is. Whatever refuses it is seen before anything is written.
pub(super) fn choose(
    draft: &mut Draft<'_>,
    actor: &Actor,
    named: &PresenceRef,
    status: &StatusId,
    when_done: bool,
) -> Result<RepId, Rejection> {
    let (live, presence) = current(draft, actor, named)?;
    let (rep, status) = (live.rep.clone(), &status_named(draft, actor, status));
    status::check_status(draft, &rep, status)?;
    let (cause, by) = (PresenceCause::of(actor.role), actor.clone());
    let status = status.clone();
    if when_done && presence.status != status {
        stop::plan(
            draft,
            live,
            presence,
            PlannedStop { then: PlannedChange::Status(status), cause, by },
        );
    } else if presence.status != status || presence.next.is_some() {
        status::choose(draft, live, presence, status::StatusChoice { status, cause, by });
        route::follow_presence(draft, &rep);
    }
    Ok(rep)
}

/// Signs out (P6), at once or when the current work is done (P10). Closing a presence that is closed
/// only gives up what was still kept for the rep (P7); a superseded one is refused.
pub(crate) fn close(
    draft: &mut Draft<'_>,
    actor: &Actor,
    named: &PresenceRef,
    when_done: bool,
) -> Result<AnswerSubject, Rejection> {
    let (live, presence) = match current(draft, actor, named) {
        Ok(found) => found,
        Err(rejection) if rejection.reason == Reason::PresenceClosed => {
            let rep = match named {
                PresenceRef::Rep(rep) => Some(rep_named(draft, actor, rep)),
                PresenceRef::Presence(id) => draft.rep_of_presence(*id).cloned(),
            };
            let rep = rep.ok_or(rejection)?;
            draft.acts_for(&rep);
            leave::give_up(draft, &rep);
            return Ok(about(RecordKey::RepPresence(rep)));
        }
        Err(rejection) => return Err(rejection),
    };
    let rep = live.rep.clone();
    draft.acts_for(&rep);
    let (cause, by) = (PresenceCause::of(actor.role), actor.clone());
    if when_done {
        stop::plan(draft, live, presence, PlannedStop { then: PlannedChange::SignOut, cause, by });
    } else {
        leave::sign_out(draft, live, presence.id, cause, by);
    }
    Ok(about(RecordKey::RepPresence(rep)))
}

/// Leases ran out: the reps are disconnected, and are waited for (P4).
pub(crate) fn lapse(
    draft: &mut Draft<'_>,
    actor: &Actor,
    presences: &[PresenceId],
) -> AnswerSubject {
    let grace = draft.settings().disconnect_grace;
    for id in presences {
        let found = with_connection(draft, *id, |c| *c == Connection::Connected);
        let Some((live, presence)) = found else { continue };
        let (rep, since) = (live.rep.clone(), draft.now());
        let connection = Connection::Disconnected { since, grace_until: since + grace };
        let (cause, by) = (PresenceCause::LeaseExpired, Some(actor.clone()));
        let presence = Presence { connection, cause, by, ..presence };
        draft.put_presence(RepPresence { presence: Some(presence), ..live });
        draft.fact(Fact::of(FactKind::PresenceDisconnected).rep(&rep));
        route::follow_presence(draft, &rep);
    }
    AnswerSubject::Nothing
}

/// The client is back within the grace: the same presence goes on (P4).
pub(crate) fn reconnect(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: PresenceId,
) -> Result<AnswerSubject, Rejection> {
    let Some(rep) = draft.rep_of_presence(id).cloned() else {
        return Err(Rejection::not_found("presence", id));
    };
    let live = draft.rep_presence(&rep);
    if live.presence.as_ref().is_none_or(|p| p.id != id) {
        return Err(gone(&live, id));
    }
    let lost = |c: &Connection| matches!(c, Connection::Disconnected { .. });
    if let Some((live, presence)) = with_connection(draft, id, lost) {
        let (connection, cause) = (Connection::Connected, PresenceCause::of(actor.role));
        let presence = Presence { connection, cause, by: Some(actor.clone()), ..presence };
        draft.put_presence(RepPresence { presence: Some(presence), ..live });
        draft.fact(Fact::of(FactKind::PresenceReconnected).rep(&rep));
        route::follow_presence(draft, &rep);
    }
    Ok(about(RecordKey::RepPresence(rep)))
}

fn with_connection(
    draft: &Draft<'_>,
    id: PresenceId,
    wanted: impl Fn(&Connection) -> bool,
) -> Option<(RepPresence, Presence)> {
    let rep = draft.rep_of_presence(id)?;
    let live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    let presence = live.presence.clone().filter(|p| p.id == id && wanted(&p.connection))?;
    Some((live, presence))
}

/// The grace of a disconnected rep is over: they are signed out (P4).
pub(crate) fn end_grace(draft: &mut Draft<'_>, actor: &Actor, rep: &RepId) {
    let live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    let over = live.presence.as_ref().and_then(|presence| match presence.connection {
        Connection::Disconnected { grace_until, .. } if grace_until <= draft.now() => {
            Some(presence.id)
        }
        _ => None,
    });
    if let Some(id) = over {
        leave::sign_out(draft, live, id, PresenceCause::ConnectionLost, actor.clone());
    }
}
