//! The life of a session outside transfers (O1–O5, N5): opened, paused, resumed, silent, ended.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::attributes::{self, Attributes, AttributesChange};
use crate::domain::capacity;
use crate::domain::directory::{CapacityModel, Channel};
use crate::domain::draft::Draft;
use crate::domain::eligibility::entitled;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{ChannelId, ExternalReference, RepId, SessionId};
use crate::domain::live::{
    Actor, EndedBy, Line, Role, Session, SessionState, Transfer, TransferState, WorkEnd, WorkState,
};
use crate::domain::look::Look;
use crate::domain::record::{Record, RecordKey};
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::units::Units;

use super::{Subject, about, acts_for, not_owner, route};

/// Opens a session for `rep`, or finds the one that the channel opened before (O2).
pub(crate) fn open(
    draft: &mut Draft<'_>,
    channel: &ChannelId,
    reference: &ExternalReference,
    rep: &RepId,
    priority: u32,
    attributes: &Arc<Attributes>,
) -> Result<Subject, Rejection> {
    let channel = draft.expect_channel(channel)?;
    if let Some(known) = draft.reference(&channel.id, reference) {
        return Ok(about(RecordKey::Session(known)));
    }
    let rep = draft.expect_rep(rep)?;
    entitled(&rep, &channel)?;
    let now = draft.now();
    let id = SessionId::at(now, draft.random());
    let session = Session {
        id,
        channel: channel.id.clone(),
        external_reference: reference.clone(),
        priority,
        opened_at: now,
        state: SessionState::Waiting { line: Line::Rep(rep.id.clone()), since: now, offer: None },
        transfer: None,
        transfers: 0,
        attributes: attributes.clone(),
    };
    draft.put(Record::Reference(channel.id.clone(), reference.clone(), id));
    draft.fact(Fact::of(FactKind::SessionOpened).session(id));
    route::offer_or_wait(draft, &session, &channel, &rep.id);
    Ok(about(RecordKey::Session(id)))
}

/// The session, if `actor` may act on it: its owner, someone who acts for them, or its channel.
fn own_session(draft: &Draft<'_>, actor: &Actor, id: SessionId) -> Result<Arc<Session>, Rejection> {
    let session = draft.expect_session(id)?;
    let may = match (actor.role, session.owner()) {
        (Role::Adapter, _) => true,
        (_, Some((owner, _))) => acts_for(actor, owner),
        (role, None) => role != Role::Rep,
    };
    if may { Ok(session) } else { Err(not_owner(actor, "session", id)) }
}

fn not_active(id: SessionId, wanted: &str) -> Rejection {
    let message = format!("session {id} isn't {wanted}");
    Rejection::new(Reason::SessionNotActive, "session", id, message)
}

fn alive(session: &Session) -> Result<(), Rejection> {
    if session.is_ended() {
        let message = format!("session {} has ended", session.id);
        return Err(Rejection::new(Reason::SessionEnded, "session", session.id, message));
    }
    Ok(())
}

/// Changes facts about a session.
pub(crate) fn update(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    attributes: Option<&AttributesChange>,
    priority: Option<u32>,
) -> Result<Subject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let mut changed = (*session).clone();
    if let Some(change) = attributes {
        changed.attributes = change.over(&session.attributes);
        let faults = attributes::faults("attributes", &changed.attributes);
        if !faults.is_empty() {
            return Err(Rejection::invalid(faults));
        }
    }
    if let Some(priority) = priority {
        changed.priority = priority;
    }
    if changed != *session {
        draft.fact(Fact::of(FactKind::SessionUpdated).session(id));
        draft.put_session(changed);
    }
    Ok(about(RecordKey::Session(id)))
}

/// Puts an active session aside (C4).
pub(crate) fn pause(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<Subject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let (rep, work) = match &session.state {
        SessionState::Paused { .. } => return Ok(about(RecordKey::Session(id))),
        SessionState::Active { rep, work } => (rep.clone(), *work),
        _ => return Err(not_active(id, "active")),
    };
    let channel = draft.expect_channel(&session.channel)?;
    let mut paused = Arc::unwrap_or_clone(draft.expect_work(work)?);
    paused.state = WorkState::Paused;
    let holds = capacity::paused_holds(draft, &channel, &paused);
    capacity::hold(draft, paused, holds);
    let mut session = Arc::unwrap_or_clone(session);
    session.state = SessionState::Paused { rep: rep.clone(), work };
    draft.put_session(session);
    draft.fact(Fact::of(FactKind::SessionPaused).session(id).work(work).rep(&rep));
    route::settle(draft, &rep);
    Ok(about(RecordKey::Session(id)))
}

/// The customer has been silent (O1). Under TAB_BASED the capacity is free (C4).
pub(crate) fn inactivate(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<Subject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let (rep, work) = match &session.state {
        SessionState::Inactive { .. } => return Ok(about(RecordKey::Session(id))),
        SessionState::Active { rep, work } | SessionState::Paused { rep, work } => {
            (rep.clone(), *work)
        }
        _ => return Err(not_active(id, "with a rep")),
    };
    let channel = draft.expect_channel(&session.channel)?;
    let mut silent = Arc::unwrap_or_clone(draft.expect_work(work)?);
    silent.state = WorkState::Paused;
    let holds = match channel.capacity_model {
        CapacityModel::TabBased => Units::ZERO,
        CapacityModel::StatusBased => silent.holds,
    };
    capacity::hold(draft, silent, holds);
    let mut session = Arc::unwrap_or_clone(session);
    session.state = SessionState::Inactive { rep: rep.clone(), work };
    draft.put_session(session);
    draft.fact(Fact::of(FactKind::SessionInactivated).session(id).work(work).rep(&rep));
    route::settle(draft, &rep);
    Ok(about(RecordKey::Session(id)))
}

/// Takes a paused session up again; for an inactive one this is the customer's reply (N5).
pub(crate) fn resume(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<Subject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    match &session.state {
        SessionState::Active { .. } => {}
        SessionState::Paused { .. } => reopen(draft, &session, true)?,
        SessionState::Inactive { .. } => reply(draft, &session)?,
        _ => return Err(not_active(id, "paused or inactive")),
    }
    Ok(about(RecordKey::Session(id)))
}

fn reply(draft: &mut Draft<'_>, session: &Session) -> Result<(), Rejection> {
    let channel = draft.expect_channel(&session.channel)?;
    let stays = channel.capacity_model == CapacityModel::StatusBased || session.transfer.is_some();
    if stays { reopen(draft, session, false) } else { reroute(draft, session, &channel) }
}

/// Makes a paused or inactive session active where it is. Where there is no room for its full
/// weight, a rep's own wish is refused; a customer's reply isn't, and leaves it paused.
fn reopen(draft: &mut Draft<'_>, session: &Session, by_rep: bool) -> Result<(), Rejection> {
    let Some((rep, id)) = session.owner() else {
        return Err(not_active(session.id, "with a rep"));
    };
    let mut work = Arc::unwrap_or_clone(draft.expect_work(id)?);
    let fits = capacity::can_hold_fully(draft, &work);
    if !fits && by_rep {
        let message = format!("{rep} has no room for the full weight of session {}", session.id);
        return Err(Rejection::new(Reason::WrongState, "session", session.id, message));
    }
    let (rep, mut session) = (rep.clone(), session.clone());
    if fits {
        work.state = WorkState::Open;
        session.state = SessionState::Active { rep: rep.clone(), work: id };
        let weight = work.weight;
        capacity::hold(draft, work, weight);
    } else {
        session.state = SessionState::Paused { rep: rep.clone(), work: id };
    }
    draft.fact(Fact::of(FactKind::SessionResumed).session(session.id).work(id).rep(&rep));
    draft.put_session(session);
    Ok(())
}

/// Routes a session anew that had gone inactive under TAB_BASED: to the rep who had it (N5).
fn reroute(draft: &mut Draft<'_>, session: &Session, channel: &Channel) -> Result<(), Rejection> {
    let Some((rep, work)) = session.owner() else {
        return Err(not_active(session.id, "inactive"));
    };
    let rep = rep.clone();
    capacity::end(draft, work, WorkEnd::Rerouted);
    draft.fact(Fact::of(FactKind::SessionResumed).session(session.id).work(work).rep(&rep));
    route::offer_or_wait(draft, session, channel, &rep);
    Ok(())
}

/// Ends a session (O4, T18). Ending one that has ended changes nothing.
pub(crate) fn end(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<Subject, Rejection> {
    end_with(draft, actor, id, WorkEnd::SessionEnded)
}

/// Ends a session; `why` is what its owner's work says.
pub(crate) fn end_with(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    why: WorkEnd,
) -> Result<Subject, Rejection> {
    let session = own_session(draft, actor, id)?;
    if session.is_ended() {
        return Ok(about(RecordKey::Session(id)));
    }
    if let Some(rep) = super::acting_rep(actor).and_then(|rep| draft.rep(&rep)) {
        entitled(&rep, &*draft.expect_channel(&session.channel)?)?;
    }
    let by = match actor.role {
        Role::Adapter | Role::Partner => EndedBy::Channel,
        Role::Rep => EndedBy::Owner,
        Role::Admin | Role::Supervisor | Role::Dashboard | Role::Server => EndedBy::Supervisor,
    };
    let freed = free_everything(draft, &session, why);
    let at = draft.now();
    let mut session = Arc::unwrap_or_clone(session);
    session.transfer = None;
    session.state =
        SessionState::Ended { at, by, forget_at: at + draft.settings().history_retention };
    draft.put_session(session);
    draft.fact(Fact::of(FactKind::SessionEnded).session(id));
    for rep in &freed {
        route::settle(draft, rep);
    }
    Ok(about(RecordKey::Session(id)))
}

/// Ends the work and the transfer of a session, and says whose capacity that freed.
fn free_everything(draft: &mut Draft<'_>, session: &Session, why: WorkEnd) -> BTreeSet<RepId> {
    let mut freed = BTreeSet::new();
    let mut end = |draft: &mut Draft<'_>, rep: &RepId, work, why| {
        capacity::end(draft, work, why);
        freed.insert(rep.clone());
    };
    if let Some((rep, work)) = session.owner() {
        end(draft, rep, work, why);
    }
    if let SessionState::Offered { rep, work } = &session.state {
        end(draft, rep, *work, WorkEnd::SessionEnded);
    }
    if let Some(transfer) = session.transfer.and_then(|id| draft.transfer(&id)) {
        if let TransferState::Offered { rep, work } = &transfer.state {
            end(draft, rep, *work, WorkEnd::SessionEnded);
        }
        let state = TransferState::SessionEnded { at: draft.now() };
        let fact = Fact::of(FactKind::TransferSessionEnded).session(session.id);
        draft.fact(fact.transfer(transfer.id));
        draft.put_transfer(Transfer { state, ..Arc::unwrap_or_clone(transfer) });
    }
    freed
}
