//! The life of a session outside transfers (O1–O5, N5): opened, paused, resumed, silent, ended.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::domain::attributes::{self, AttributesChange};
use crate::domain::capacity;
use crate::domain::command::{Opening, Skills};
use crate::domain::directory::{CapacityModel, Channel};
use crate::domain::draft::Draft;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, RoutingRequestId, SessionId, TxnId};
use crate::domain::live::{
    Actor, EndedBy, Line, Role, RoutingCause, Session, SessionEndReason, SessionState,
    SessionSteps, Transfer, TransferState, Work, WorkEnd, WorkState,
};
use crate::domain::partner_lines::partner_line;
use crate::domain::reasons::entitled;
use crate::domain::record::{Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::{may_see_channel, may_see_session};
use crate::domain::units::Units;

use super::actors::{acting_rep, acts_for, not_owner};
use super::destination::{Destination, ask_for, check_skills};
use super::stated::Stated;
use super::subject::{AnswerSubject, about};
use super::{leave, partner, room, route};

/// Opens a session and routes it, or finds the one that the channel opened before and that hasn't ended
/// (O2, R10).
pub(crate) fn open(
    draft: &mut Draft<'_>,
    actor: &Actor,
    opening: &Opening,
    stated: &Stated,
    txn: TxnId,
) -> Result<AnswerSubject, Rejection> {
    let channel = draft.expect_channel(&opening.channel)?;
    if !may_see_channel(draft, actor, &channel.id) {
        return Err(Rejection::not_found("channel", &channel.id));
    }
    let reference = &opening.external_reference;
    let previous = draft.reference(&channel.id, reference);
    let known = previous.and_then(|id| draft.session(&id)).filter(|session| !session.is_ended());
    if let Some(known) = known {
        if opening.reopen && matches!(known.state, SessionState::Inactive { .. }) {
            reply(draft, &known)?;
        }
        return Ok(about(RecordKey::Session(known.id)));
    }
    stated.check(draft)?;
    check_skills(draft, &opening.skills)?;
    room::for_a_session(draft)?;
    let mut session = Session { previous, opened_in: Some(txn), ..blank(draft, &channel, opening) };
    session.steps.opened = draft.provenance();
    let target = opening.target.as_ref();
    let destination = Destination::of_new(draft, (actor, target), &mut session, &channel)?;
    ask_for(draft, &mut session, &opening.skills);
    destination.prepare(draft, &mut session);
    destination.enter(draft, &mut session, RoutingCause::New);
    session.trace = destination.trace.map(|trace| Arc::new(trace.taken()));
    session.line = destination.line;
    let id = session.id;
    draft.put(Record::Reference(channel.id.clone(), reference.clone(), id));
    draft.fact(Fact::of(FactKind::SessionOpened).session(id));
    draft.put_arrival(session);
    Ok(about(RecordKey::Session(id)))
}

/// A session that goes nowhere yet.
fn blank(draft: &mut Draft<'_>, channel: &Channel, opening: &Opening) -> Session {
    let now = draft.now();
    Session {
        id: draft.session_id(),
        channel: channel.id.clone(),
        external_reference: opening.external_reference.clone(),
        priority: opening.priority.unwrap_or_default(),
        priority_given: opening.priority.is_some(),
        opened_at: now,
        state: Session::WAITING,
        line: Line::Rep(RepId::least()),
        line_since: now,
        estimated: None,
        required: BTreeMap::new(),
        wished: BTreeMap::new(),
        passed_by: BTreeSet::new(),
        trace: None,
        transfer: None,
        transfers: 0,
        attributes: opening.attributes.clone(),
        previous: None,
        opened_in: None,
        opened_by: None,
        steps: SessionSteps::default(),
        stay: None,
        end_reason: None,
        returns: Vec::new(),
    }
}

/// The session, if `actor` may act on it: its owner, someone who acts for them, or its channel.
/// Who acts for the owner does so on their behalf (S3); a channel acts for itself.
fn own_session(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<Arc<Session>, Rejection> {
    let session = draft.expect_session(id)?;
    if !may_see_session(draft, actor, &session) {
        return Err(Rejection::not_found("session", id));
    }
    let may = match (actor.role, session.owner()) {
        (Role::Adapter | Role::Partner, _) => true,
        (_, Some((owner, _))) => acts_for(draft, actor, owner),
        (role, None) => role != Role::Rep,
    };
    if !may {
        return Err(not_owner(actor, "session", id));
    }
    match (actor.role, session.owner()) {
        (Role::Adapter | Role::Partner, _) | (_, None) => {}
        (_, Some((owner, _))) => draft.acts_for(owner),
    }
    Ok(session)
}

fn not_active(session: &Session, wanted: &str) -> Rejection {
    let message = format!("session {} isn't {wanted}", session.id);
    let reason = match session.state {
        // Only its return, or its end, leaves that (O6).
        SessionState::External { .. } => Reason::WrongState,
        _ => Reason::SessionNotActive,
    };
    let refused = Rejection::new(reason, "session", session.id, message);
    refused.with("state", session.state.name())
}

fn alive(session: &Session) -> Result<(), Rejection> {
    if session.is_ended() {
        let message = format!("session {} has ended", session.id);
        return Err(Rejection::new(Reason::SessionEnded, "session", session.id, message));
    }
    Ok(())
}

/// T16: whoever is being asked to take a session takes it as it was handed to them.
fn not_in_transfer(session: &Session) -> Result<(), Rejection> {
    let Some(transfer) = session.transfer else { return Ok(()) };
    let id = session.id;
    let message = format!("session {id} is in transfer, and stays as it is until that is over");
    let refused = Rejection::new(Reason::TransferInProgress, "session", id, message);
    Err(refused.with("transfer", transfer))
}

/// What is to change about a session.
pub(crate) struct Change<'c> {
    pub attributes: Option<&'c AttributesChange>,
    pub priority: Option<u32>,
    pub skills: Option<&'c Skills>,
}

impl<'c> Change<'c> {
    pub(crate) const fn of(
        attributes: Option<&'c AttributesChange>,
        priority: Option<u32>,
        skills: Option<&'c Skills>,
    ) -> Self {
        Self { attributes, priority, skills }
    }
}

/// Changes facts about a session. One that waits is looked at anew at once (R1).
pub(crate) fn update(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    change: Change<'_>,
    stated: &Stated,
) -> Result<AnswerSubject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let mut changed = (*session).clone();
    let mut wrong = stated.wrong(draft);
    if let Some(change) = change.attributes {
        changed.attributes = change.over(&session.attributes);
        wrong.extend(attributes::faults("attributes", &changed.attributes));
    }
    if !wrong.is_empty() {
        return Err(Rejection::invalid(wrong));
    }
    if let Some(priority) = change.priority {
        changed.priority = priority;
        changed.priority_given = true;
    }
    if let Some(skills) = change.skills {
        check_skills(draft, skills)?;
        changed.required.clear();
        changed.wished.clear();
        ask_for(draft, &mut changed, skills);
        let ours = changed.line.queue().is_some() && draft.partner_of(&changed.line).is_none();
        if changed.waits_for_an_offer() && ours {
            let absence = route::absence(draft, &changed);
            changed.state = SessionState::Waiting { offer: None, absence };
        }
    }
    if changed != *session {
        draft.fact(Fact::of(FactKind::SessionUpdated).session(id));
        if changed.state.is_stranded() && !session.state.is_stranded() {
            draft.fact(route::stranded(&changed));
        }
        draft.put_session(changed);
    }
    Ok(about(RecordKey::Session(id)))
}

/// Puts an active session aside (C4).
pub(crate) fn pause(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<AnswerSubject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let (rep, work) = match &session.state {
        SessionState::Paused { .. } => return Ok(about(RecordKey::Session(id))),
        SessionState::Active { rep, work } => (rep.clone(), *work),
        _ => return Err(not_active(&session, "active")),
    };
    not_in_transfer(&session)?;
    draft.fact(Fact::of(FactKind::SessionPaused).session(id).work(work).rep(&rep));
    let holds = |records: &Draft<'_>, channel: &Channel, work: &Work| {
        capacity::paused_holds(records, channel, work)
    };
    set_aside(draft, session, SessionState::Paused { rep, work }, holds)
}

/// The customer has been silent (O1). Under TAB_BASED the capacity is free (C4).
pub(crate) fn inactivate(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<AnswerSubject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    let (rep, work) = match &session.state {
        SessionState::Inactive { .. } => return Ok(about(RecordKey::Session(id))),
        SessionState::Active { rep, work } | SessionState::Paused { rep, work } => {
            (rep.clone(), *work)
        }
        _ => return Err(not_active(&session, "with a rep")),
    };
    not_in_transfer(&session)?;
    draft.fact(Fact::of(FactKind::SessionInactivated).session(id).work(work).rep(&rep));
    let holds = |_: &Draft<'_>, channel: &Channel, work: &Work| match channel.capacity_model {
        CapacityModel::TabBased => Units::ZERO,
        CapacityModel::StatusBased => work.holds,
    };
    set_aside(draft, session, SessionState::Inactive { rep, work }, holds)
}

/// The session is in `state` from now on, and its work holds what `holds` says.
fn set_aside(
    draft: &mut Draft<'_>,
    session: Arc<Session>,
    state: SessionState,
    holds: impl Fn(&Draft<'_>, &Channel, &Work) -> Units,
) -> Result<AnswerSubject, Rejection> {
    let id = session.id;
    let channel = draft.expect_channel(&session.channel)?;
    let mut session = Arc::unwrap_or_clone(session);
    session.state = state;
    if let Some((_, work)) = session.owner() {
        let mut work = Arc::unwrap_or_clone(draft.expect_work(work)?);
        work.state = WorkState::Paused;
        let holds = holds(draft, &channel, &work);
        capacity::hold(draft, work, holds);
        draft.put_session(session);
    }
    Ok(about(RecordKey::Session(id)))
}

/// Takes a paused session up again; for an inactive one this is the customer's reply (N5).
pub(crate) fn resume(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
) -> Result<AnswerSubject, Rejection> {
    let session = own_session(draft, actor, id)?;
    alive(&session)?;
    match &session.state {
        SessionState::Active { .. } => {}
        SessionState::Paused { .. } => take_up(draft, actor, &session)?,
        SessionState::Inactive { .. } => reply(draft, &session)?,
        _ => return Err(not_active(&session, "paused or inactive")),
    }
    Ok(about(RecordKey::Session(id)))
}

/// Takes a paused session up again. For a rep who has gone somebody else has to do it (P7).
fn take_up(draft: &mut Draft<'_>, actor: &Actor, session: &Session) -> Result<(), Rejection> {
    if !owner_is_gone(draft, session) {
        return reopen(draft, session, true);
    }
    if actor.role == Role::Rep {
        let message = format!("{} isn't signed in; sign in to take a session up", actor.id);
        let refused = Rejection::new(Reason::WrongState, "session", session.id, message);
        return Err(refused.with("state", session.state.name()));
    }
    reroute(draft, session)
}

/// The customer is back (N5): under TAB_BASED, or if the rep has gone (P7), the session is routed anew.
fn reply(draft: &mut Draft<'_>, session: &Session) -> Result<(), Rejection> {
    let channel = draft.expect_channel(&session.channel)?;
    let stays = channel.capacity_model == CapacityModel::StatusBased || session.transfer.is_some();
    if stays && !owner_is_gone(draft, session) {
        reopen(draft, session, false)
    } else {
        reroute(draft, session)
    }
}

fn owner_is_gone(draft: &Draft<'_>, session: &Session) -> bool {
    session.owner().is_some_and(|(rep, _)| draft.rep_presence(rep).is_gone())
}

/// Makes a paused or inactive session active where it is. Where there is no room for its full
/// weight, a rep's own wish is refused; a customer's reply isn't, and leaves it paused.
fn reopen(draft: &mut Draft<'_>, session: &Session, by_rep: bool) -> Result<(), Rejection> {
    let Some((rep, id)) = session.owner() else {
        return Err(not_active(session, "with a rep"));
    };
    let mut work = Arc::unwrap_or_clone(draft.expect_work(id)?);
    let fits = capacity::can_hold_fully(draft, &work);
    if !fits && by_rep {
        let message = format!("{rep} has no room for the full weight of session {}", session.id);
        let refused = Rejection::new(Reason::WrongState, "session", session.id, message);
        return Err(refused.with("state", session.state.name()));
    }
    let (rep, mut session) = (rep.clone(), session.clone());
    if fits {
        work.state = WorkState::Open;
        work.tab_open = true;
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

/// Routes a session anew whose customer is back: to the queue that it came from. One that came to its
/// rep directly goes to that rep, or, if they have gone, to the channel's fallback queue (N5, P7).
fn reroute(draft: &mut Draft<'_>, session: &Session) -> Result<(), Rejection> {
    let Some((rep, work)) = session.owner() else {
        return Err(not_active(session, "inactive"));
    };
    let rep = rep.clone();
    let channel = draft.expect_channel(&session.channel)?;
    let gone = owner_is_gone(draft, session);
    if session.transfer.is_some() {
        leave::give_back(draft, session.clone(), &channel, WorkEnd::Rerouted);
        return Ok(());
    }
    capacity::end(draft, work, WorkEnd::Rerouted);
    draft.fact(Fact::of(FactKind::SessionResumed).session(session.id).work(work).rep(&rep));
    if draft.partner_left(&session.line, &channel).is_some() {
        let stayed = partner_line(draft, session, &rep, RoutingCause::Reopened, draft.now());
        draft.put_arrival(stayed);
        return Ok(());
    }
    let line = match &session.line {
        Line::Queue(queue) if draft.queue(queue).is_some() => {
            leave::line_back(draft, session, &channel, &rep)
        }
        Line::Queue(_) | Line::Rep(_) | Line::Partner(_) if gone => {
            leave::line_back(draft, session, &channel, &rep)
        }
        Line::Queue(_) | Line::Rep(_) | Line::Partner(_) => Line::Rep(rep),
    };
    let line_since = draft.now();
    let state = Session::WAITING;
    let (estimated, stay) = (None, None);
    draft.put_arrival(Session { line, line_since, estimated, stay, state, ..session.clone() });
    Ok(())
}

/// Ends a session (O4, T18). Ending one that has ended changes nothing.
pub(crate) fn end(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    reason: Option<SessionEndReason>,
) -> Result<AnswerSubject, Rejection> {
    end_with(draft, actor, id, (WorkEnd::SessionEnded, reason))
}

/// Ends a session; `why` is what its owner's work says.
pub(crate) fn end_with(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: SessionId,
    (why, reason): (WorkEnd, Option<SessionEndReason>),
) -> Result<AnswerSubject, Rejection> {
    let session = own_session(draft, actor, id)?;
    if session.is_ended() {
        return Ok(about(RecordKey::Session(id)));
    }
    not_barred_from_ending(draft, actor, &session)?;
    if let Some(rep) = acting_rep(actor).and_then(|rep| draft.rep(&rep)) {
        entitled(&rep, &*draft.expect_channel(&session.channel)?)?;
    }
    let by = match actor.role {
        Role::Adapter | Role::Partner => EndedBy::Channel,
        Role::Rep => EndedBy::Owner,
        Role::Admin | Role::Supervisor | Role::Dashboard | Role::Server => EndedBy::Supervisor,
    };
    free_everything(draft, &session, why);
    let at = draft.now();
    let mut session = Arc::unwrap_or_clone(session);
    partner::withdraw(draft, &mut session, true);
    session.transfer = None;
    session.end_reason = reason;
    let forget_at = at + draft.settings().history_retention;
    session.state = SessionState::Ended { at, by, forget_at, actor: Some(actor.clone()) };
    session.steps.ended = draft.provenance();
    draft.put_session(session);
    draft.fact(Fact::of(FactKind::SessionEnded).session(id));
    Ok(about(RecordKey::Session(id)))
}

/// N1: the partner may bar the rep whom it named from ending the session.
fn not_barred_from_ending(
    draft: &Draft<'_>,
    actor: &Actor,
    session: &Session,
) -> Result<(), Rejection> {
    let work = session.owner().and_then(|(_, work)| draft.work(&work));
    match work.filter(|work| actor.role == Role::Rep && work.restrictions.end) {
        None => Ok(()),
        Some(work) => Err(barred(draft, "session", session.id, work.routed_by, "end it")),
    }
}

/// The refusal to do what the partner bars the rep from (N1).
pub(super) fn barred(
    draft: &Draft<'_>,
    kind: &'static str,
    id: impl std::fmt::Display,
    by: Option<RoutingRequestId>,
    what: &str,
) -> Rejection {
    let partner = by.and_then(|id| draft.routing_request(&id)).map(|r| r.partner.to_string());
    let partner = partner.unwrap_or_default();
    let message = format!("the partner {partner} routed {kind} {id}, and lets no rep {what}");
    Rejection::new(Reason::NotAllowedByPartner, kind, id, message).with("partner", partner)
}

/// Ends the work and the transfer of a session.
fn free_everything(draft: &mut Draft<'_>, session: &Session, why: WorkEnd) {
    if let Some((_, work)) = session.owner() {
        match draft.channel(&session.channel) {
            Some(channel) => capacity::wrap_up(draft, work, &channel, why),
            None => capacity::end(draft, work, why),
        }
    }
    if let SessionState::Offered { work, .. } = &session.state {
        capacity::end(draft, *work, WorkEnd::SessionEnded);
    }
    if let Some(transfer) = session.transfer.and_then(|id| draft.transfer(&id)) {
        if let TransferState::Offered { work, .. } = &transfer.state {
            capacity::end(draft, *work, WorkEnd::SessionEnded);
        }
        let state = TransferState::SessionEnded { at: draft.now() };
        let fact = Fact::of(FactKind::TransferSessionEnded).session(session.id);
        draft.fact(fact.transfer(transfer.id));
        let mut transfer = Transfer { state, ..Arc::unwrap_or_clone(transfer) };
        transfer.steps.ended = draft.provenance();
        draft.put_transfer(transfer);
    }
}
