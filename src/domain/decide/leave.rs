//! What becomes of a rep's work when they go (P7, T19, C4, C6). Sessions that a customer waits in go
//! back to their line at their original age; what STATUS_BASED keeps through sign-out stays.

use std::sync::Arc;

use crate::domain::capacity;
use crate::domain::directory::{CapacityModel, Channel};
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{PresenceId, QueueId, RepId};
use crate::domain::line::Demand;
use crate::domain::live::{
    Actor, ClosedPresence, Line, PresenceCause, RepPresence, RoutingCause, Session, SessionState,
    Transfer, TransferState, Work, WorkEnd, WorkState,
};
use crate::domain::partner_lines::partner_line;
use crate::domain::prospects::anybody_could;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::time::{Span, Timestamp};
use crate::domain::units::Units;

use super::{acceptance, route};

/// The rep is OFFLINE. Their sessions go back to their lines; after a lost connection they are kept
/// for a while first (P7).
pub(super) fn sign_out(
    draft: &mut Draft<'_>,
    live: RepPresence,
    id: PresenceId,
    cause: PresenceCause,
    by: Actor,
) {
    let (rep, now) = (live.rep.clone(), draft.now());
    let orphan_after = draft.settings().orphan_after;
    let lost = cause == PresenceCause::ConnectionLost;
    let kept = lost && orphan_after > Span::from_ms(0) && has_to_keep(draft, &rep);
    let kept_until = kept.then(|| now + orphan_after);
    let mut live = RepPresence { kept_until, ..live };
    live.close(ClosedPresence { id, at: now, cause, by: Some(by) });
    draft.put_presence(live);
    draft.fact(Fact::of(FactKind::PresenceClosed).rep(&rep));
    if !kept {
        let why = if lost { WorkEnd::Orphaned } else { WorkEnd::SignedOut };
        hand_back(draft, &rep, why);
    }
    route::follow_presence(draft, &rep);
}

/// Takes everything off a rep who has gone that isn't theirs to keep. Offers are `follow_presence`'s
/// part. `why` is what their work says.
pub(super) fn hand_back(draft: &mut Draft<'_>, rep: &RepId, why: WorkEnd) {
    for work in draft.work_of(rep) {
        let session = draft.session(&work.session);
        let channel = session.as_ref().and_then(|session| draft.channel(&session.channel));
        let (Some(session), Some(channel)) = (session, channel) else {
            continue;
        };
        match what(&work, &session, &channel) {
            Keep::All => {}
            Keep::Session => {
                capacity::hold(draft, Arc::unwrap_or_clone(work), Units::ZERO);
            }
            Keep::Nothing if session.is_ended() => capacity::end(draft, work.id, why),
            Keep::Nothing => give_back(draft, Arc::unwrap_or_clone(session), &channel, why),
        }
    }
}

/// What a rep who has gone keeps of a piece of work.
enum Keep {
    /// It stays as it is, with what it holds.
    All,
    /// The session stays theirs and holds nothing.
    Session,
    /// Neither.
    Nothing,
}

fn what(work: &Work, session: &Session, channel: &Channel) -> Keep {
    match (work.state, &session.state, channel.capacity_model) {
        (WorkState::Offered | WorkState::Ended { .. }, ..) => Keep::All,
        (
            _,
            SessionState::Paused { .. } | SessionState::Inactive { .. },
            CapacityModel::StatusBased,
        ) => Keep::All,
        (_, SessionState::Inactive { .. }, CapacityModel::TabBased) => Keep::Session,
        _ => Keep::Nothing,
    }
}

/// Takes a session from its owner and sends it back to its line, at its original age (P7, T22). One
/// that is being offered to somebody else stays so, without an owner (T19).
pub(super) fn give_back(draft: &mut Draft<'_>, session: Session, channel: &Channel, why: WorkEnd) {
    let Some((rep, work)) = session.owner() else {
        return;
    };
    let (rep, id, now) = (rep.clone(), session.id, draft.now());
    if let Some(transfer) = session.transfer.and_then(|id| draft.transfer(&id)) {
        return leave_in_transfer(draft, session, Arc::unwrap_or_clone(transfer), why);
    }
    capacity::end(draft, work, why);
    draft.fact(Fact::of(FactKind::SessionOrphaned).session(id).work(work).rep(&rep));
    if draft.partner_left(&session.line, channel).is_some() {
        let stayed = partner_line(draft, &session, &rep, RoutingCause::RepGone, now);
        return draft.put_arrival(stayed);
    }
    let line = line_back(draft, &session, channel, &rep);
    let state = Session::WAITING;
    let (line_since, estimated, stay) = (now, None, None);
    draft.put_arrival(Session { line, line_since, estimated, stay, state, ..session });
}

/// The line that a session goes back to: the queue that it came from, or the channel's fallback queue, whichever is the
/// first where somebody could ever take it (R11); without either it waits for the rep who had it.
pub(super) fn line_back(
    draft: &Draft<'_>,
    session: &Session,
    channel: &Channel,
    rep: &RepId,
) -> Line {
    if draft.partner_left(&session.line, channel).is_some() {
        return session.line.clone();
    }
    let own = session.line.queue().cloned();
    let queues = own.into_iter().chain(channel.fallback_queue.clone());
    let ours = |queue: &QueueId| draft.queue(queue).is_some_and(|queue| queue.partner.is_none());
    let known: Vec<QueueId> = queues.filter(ours).collect();
    let demand = Demand::of(session);
    let served = known.iter().find(|queue| anybody_could(draft, queue, &demand)).cloned();
    let line = served.or_else(|| known.into_iter().next());
    line.map_or_else(|| Line::Rep(rep.clone()), Line::Queue)
}

/// The original rep goes; whoever is being asked goes on being asked (T19).
fn leave_in_transfer(
    draft: &mut Draft<'_>,
    mut session: Session,
    mut transfer: Transfer,
    why: WorkEnd,
) {
    let offer = match &transfer.state {
        TransferState::Offered { work, .. } => Some(*work),
        _ => None,
    };
    acceptance::remove_owner(draft, &session, &mut transfer, why);
    transfer.owner_left = match &transfer.state {
        TransferState::Asked(_) => true,
        // Whom the partner named may not take it, and then the partner is asked again.
        TransferState::Offered { .. } => draft.partner_of(&transfer.line).is_some(),
        _ => false,
    };
    session.line = transfer.line.clone();
    session.line_since = transfer.requested_at;
    session.estimated = None;
    session.state = SessionState::Waiting { offer, absence: None };
    draft.put_session(session);
    draft.put_transfer(transfer);
}

/// Is there something to keep for a while for a rep whose connection was lost (P7)?
pub(super) fn has_to_keep(draft: &Draft<'_>, rep: &RepId) -> bool {
    draft.work_of(rep).iter().any(|work| work.state != WorkState::Offered)
}

/// Somebody doesn't want to wait any longer for a rep whose connection was lost (P6, P7).
pub(super) fn give_up(draft: &mut Draft<'_>, rep: &RepId) {
    let mut live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    if live.kept_until.take().is_some() {
        draft.put_presence(live);
        hand_back(draft, rep, WorkEnd::SignedOut);
    }
}

/// Sessions have been kept long enough for a rep whose connection was lost (P7).
pub(super) fn end_keeping(draft: &mut Draft<'_>, rep: &RepId) {
    let mut live = Arc::unwrap_or_clone(draft.rep_presence(rep));
    let over = |until: Timestamp| until <= draft.now();
    if live.kept_until.is_some_and(over) {
        live.kept_until = None;
        draft.put_presence(live);
        hand_back(draft, rep, WorkEnd::Orphaned);
    }
}
