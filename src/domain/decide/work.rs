//! What a rep does with work: accept it (T6), decline it (T4, R6), close its tab (C4). What comes after
//! the conversation is in `wrap_up`.

use std::sync::Arc;

use crate::domain::capacity;
use crate::domain::directory::CapacityModel;
use crate::domain::draft::Draft;
use crate::domain::eligibility::is_there;
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{TransferId, WorkId};
use crate::domain::live::{Actor, Role, TransferState, Work, WorkEnd, WorkState};
use crate::domain::reasons::{entitled, refusal};
use crate::domain::record::RecordKey;
use crate::domain::record_lookup::RecordLookup;
use crate::domain::rejection::{Reason, Rejection};
use crate::domain::scope::may_take_transfer;
use crate::domain::units::Units;

use super::actors::{acts_for, ended, not_owner, own_work};
use super::subject::{AnswerSubject, about};
use super::{acceptance, route, session, wrap_up};

/// Accepts offered work. Accepting what one has already accepted changes nothing.
pub(crate) fn accept(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
) -> Result<AnswerSubject, Rejection> {
    let work = own_work(draft, actor, id)?;
    match work.state {
        WorkState::Ended { why, .. } => return Err(ended(id, why)),
        WorkState::Open | WorkState::Paused | WorkState::WrappingUp { .. } => {}
        WorkState::Offered => {
            may_still_receive(draft, &work)?;
            acceptance::take(draft, id);
        }
    }
    Ok(about(RecordKey::Work(id)))
}

/// What a rep must have to receive, they must have when they accept (T26).
fn may_still_receive(draft: &Draft<'_>, work: &Work) -> Result<(), Rejection> {
    let session = draft.expect_session(work.session)?;
    let (rep, channel) = (draft.expect_rep(&work.rep)?, draft.expect_channel(&session.channel)?);
    if is_there(draft, &draft.rep_presence(&work.rep), &channel) {
        return Ok(());
    }
    entitled(&rep, &channel)?;
    Err(refusal(Reason::RecipientNotOnlineForChannel, &rep, &channel))
}

/// Accepts the work that a transfer is offered with: the same decision by another door.
pub(crate) fn accept_transfer(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: TransferId,
) -> Result<AnswerSubject, Rejection> {
    let transfer = draft.expect_transfer(id)?;
    if !may_take_transfer(draft, actor, &transfer) {
        return Err(Rejection::not_found("transfer", id));
    }
    match &transfer.state {
        TransferState::Offered { rep, work } => {
            if !acts_for(draft, actor, rep) {
                return Err(not_owner(actor, "transfer", id));
            }
            draft.acts_for(rep);
            let work = draft.expect_work(*work)?;
            may_still_receive(draft, &work)?;
            acceptance::take(draft, work.id);
        }
        TransferState::Completed { rep, .. } if acts_for(draft, actor, rep) => {}
        TransferState::Waiting { .. } => {
            let message = format!("transfer {id} waits: nobody is being asked to take it yet");
            return Err(Rejection::new(Reason::WorkNotOffered, "transfer", id, message));
        }
        TransferState::Asked(_) => {
            let message = format!("transfer {id} is offered to a partner, not to a rep");
            return Err(Rejection::new(Reason::WorkNotOffered, "transfer", id, message));
        }
        TransferState::HandedOver { .. } | TransferState::Failed { .. } => {
            let message = format!("transfer {id} is over");
            let refused = Rejection::new(Reason::TransferFinal, "transfer", id, message);
            return Err(refused.with("state", transfer.state.name()));
        }
        TransferState::Completed { .. } => {
            let message = format!("transfer {id} was accepted by someone else");
            let refused = Rejection::new(Reason::TransferFinal, "transfer", id, message);
            return Err(refused.with("state", transfer.state.name()));
        }
        TransferState::SessionEnded { .. } => {
            let message = format!("the session of transfer {id} has ended");
            let refused = Rejection::new(Reason::TransferFinal, "transfer", id, message);
            return Err(refused.with("state", transfer.state.name()));
        }
    }
    Ok(about(RecordKey::Transfer(id)))
}

/// Declines offered work, unless a transfer brought it (T4) or the configuration forbids it (R6).
pub(crate) fn decline(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
) -> Result<AnswerSubject, Rejection> {
    let work = own_work(draft, actor, id)?;
    match work.state {
        WorkState::Ended { why: WorkEnd::Declined, .. } => return Ok(about(RecordKey::Work(id))),
        WorkState::Ended { why, .. } => return Err(ended(id, why)),
        WorkState::Open | WorkState::Paused | WorkState::WrappingUp { .. } => {
            let message = format!("work {id} was accepted already");
            return Err(Rejection::new(Reason::WorkNotOffered, "work", id, message));
        }
        WorkState::Offered => {}
    }
    if work.transfer.is_some() {
        let message = format!("work {id} comes by a transfer, which can't be declined");
        return Err(Rejection::new(Reason::TransferNotDeclinable, "work", id, message));
    }
    if work.restrictions.decline && actor.role == Role::Rep {
        return Err(session::barred(draft, "work", id, work.routed_by, "decline it"));
    }
    let configuration = draft.rep(&work.rep).and_then(|rep| draft.configuration_of(&rep));
    if !configuration.is_some_and(|c| c.allow_decline) {
        let message = format!("{}'s presence configuration doesn't allow declining", work.rep);
        return Err(Rejection::new(Reason::DeclineNotAllowed, "work", id, message));
    }
    pass_on(draft, &work, WorkEnd::Declined);
    Ok(about(RecordKey::Work(id)))
}

/// An offer has waited long enough: it goes to someone else (R5).
pub(crate) fn time_out(draft: &mut Draft<'_>, id: WorkId) {
    let Some(work) = draft.work(&id).filter(|w| w.state == WorkState::Offered) else {
        return;
    };
    if work.offer_until.is_some_and(|until| until <= draft.now()) {
        pass_on(draft, &work, WorkEnd::PushTimeout);
    }
}

fn pass_on(draft: &mut Draft<'_>, work: &Work, why: WorkEnd) {
    route::withdraw(draft, work, why);
    route::follow_presence(draft, &work.rep);
}

/// Closes a tab: under TAB_BASED its capacity is free (C4). `end_session` marks the work complete.
pub(crate) fn close(
    draft: &mut Draft<'_>,
    actor: &Actor,
    id: WorkId,
    end_session: bool,
) -> Result<AnswerSubject, Rejection> {
    let work = own_work(draft, actor, id)?;
    match work.state {
        WorkState::Ended { .. } => return Ok(about(RecordKey::Work(id))),
        WorkState::Offered => {
            let message = format!("work {id} is being offered: there is no tab to close yet");
            let refused = Rejection::new(Reason::WrongState, "work", id, message);
            return Err(refused.with("state", work.state.name()));
        }
        WorkState::WrappingUp { .. } => {
            close_wrapping_up(draft, Arc::unwrap_or_clone(work), end_session)?;
            return Ok(about(RecordKey::Work(id)));
        }
        WorkState::Open | WorkState::Paused => {}
    }
    if end_session {
        session::end_with(draft, actor, work.session, (WorkEnd::Completed, None))?;
        return Ok(about(RecordKey::Work(id)));
    }
    if !work.tab_open {
        return Ok(about(RecordKey::Work(id)));
    }
    let rep = work.rep.clone();
    let session = draft.expect_session(work.session)?;
    let channel = draft.expect_channel(&session.channel)?;
    let mut work = Arc::unwrap_or_clone(work);
    work.tab_open = false;
    let holds = match channel.capacity_model {
        CapacityModel::TabBased => Units::ZERO,
        CapacityModel::StatusBased => work.holds,
    };
    draft.fact(Fact::of(FactKind::TabClosed).session(session.id).work(id).rep(&rep));
    capacity::hold(draft, work, holds);
    Ok(about(RecordKey::Work(id)))
}

/// The tab of after-conversation work: with it, or with marking it complete, the rep is done; under
/// STATUS_BASED it takes the mark (C4, C6).
fn close_wrapping_up(
    draft: &mut Draft<'_>,
    mut work: Work,
    complete: bool,
) -> Result<(), Rejection> {
    let session = draft.expect_session(work.session)?;
    let model = draft.expect_channel(&session.channel)?.capacity_model;
    if complete || (work.tab_open && model == CapacityModel::TabBased) {
        wrap_up::finish(draft, &work);
    } else if work.tab_open {
        work.tab_open = false;
        let fact = Fact::of(FactKind::TabClosed).session(session.id);
        draft.fact(fact.work(work.id).rep(&work.rep));
        draft.put_work(work);
    }
    Ok(())
}
