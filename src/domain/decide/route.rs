//! Routing of what waits for one rep in particular: who is offered what, when somebody goes away,
//! and whether anything is left to match (R1, T5, T7, T17).

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::capacity;
use crate::domain::directory::Channel;
use crate::domain::draft::Draft;
use crate::domain::eligibility::{can_take, is_there};
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, SessionId, TransferId, WorkId};
use crate::domain::live::{
    Line, Session, SessionState, Transfer, TransferState, Work, WorkEnd, WorkState,
};
use crate::domain::look::Look;
use crate::domain::record::{IndexKey, RecordKey};
use crate::domain::state::State;

use super::work;

/// Offers a session that has no owner to `rep`, or lets it wait in their line.
pub fn offer_or_wait(draft: &mut Draft<'_>, session: &Session, channel: &Channel, rep: &RepId) {
    if can_take(draft, rep, channel) {
        offer(draft, session, channel, rep);
    } else {
        wait(draft, session.clone(), rep);
    }
}

/// Puts a session that has no owner into a rep's line.
pub fn wait(draft: &mut Draft<'_>, mut session: Session, rep: &RepId) {
    session.state =
        SessionState::Waiting { line: Line::Rep(rep.clone()), since: draft.now(), offer: None };
    draft.fact(Fact::of(FactKind::SessionWaiting).session(session.id).rep(rep));
    draft.put_session(session);
}

/// Asks `rep` to take a session that has no owner. It keeps its place in line if a transfer brings
/// it; otherwise its first owner is being asked (O1).
fn offer(draft: &mut Draft<'_>, session: &Session, channel: &Channel, rep: &RepId) {
    let id = capacity::give(draft, session, channel, rep, session.transfer);
    let mut offered = session.clone();
    match (&mut offered.state, session.transfer.and_then(|t| draft.transfer(&t))) {
        (SessionState::Waiting { offer, .. }, Some(transfer)) => {
            *offer = Some(id);
            offer_transfer(draft, Arc::unwrap_or_clone(transfer), rep, id);
        }
        (state, _) => {
            *state = SessionState::Offered { rep: rep.clone(), work: id };
            let fact = Fact::of(FactKind::SessionOffered);
            draft.fact(fact.session(session.id).work(id).rep(rep));
        }
    }
    draft.put_session(offered);
    accept_by_itself(draft, rep, id);
}

/// Notes on a transfer that `rep` is asked, with `work`.
pub fn offer_transfer(draft: &mut Draft<'_>, mut transfer: Transfer, rep: &RepId, work: WorkId) {
    transfer.state = TransferState::Offered { rep: rep.clone(), work };
    transfer.offered_at = Some(draft.now());
    let fact = Fact::of(FactKind::TransferOffered).session(transfer.session);
    draft.fact(fact.transfer(transfer.id).work(work).rep(rep));
    draft.put_transfer(transfer);
}

/// Accepts `work` at once where the rep's presence configuration says so (R7).
pub fn accept_by_itself(draft: &mut Draft<'_>, rep: &RepId, work: WorkId) {
    let configuration = draft.rep(rep).and_then(|rep| draft.configuration_of(&rep));
    if configuration.is_some_and(|c| c.auto_accept) {
        work::take(draft, work);
    }
}

/// Offers `rep` whatever waits for them and fits, the first in line first (R1, R2). What doesn't
/// fit is passed over: they couldn't take it.
pub fn settle(draft: &mut Draft<'_>, rep: &RepId) {
    if !draft.rep_presence(rep).is_connected() {
        return;
    }
    for waiting in draft.line(&Line::Rep(rep.clone())) {
        let Some(channel) = draft.channel(&waiting.channel) else {
            continue;
        };
        if can_take(draft, rep, &channel) {
            offer(draft, &waiting, &channel, rep);
        }
    }
}

/// Takes the original rep off a session in transfer and frees their capacity (T6, T7).
pub fn remove_owner(draft: &mut Draft<'_>, session: &Session, transfer: &mut Transfer) {
    let Some((owner, work)) = session.owner() else {
        return;
    };
    capacity::end(draft, work, WorkEnd::Transferred);
    transfer.original_removed_at = Some(draft.now());
    let fact = Fact::of(FactKind::RepRemoved).session(session.id);
    draft.fact(fact.transfer(transfer.id).work(work).rep(owner));
}

/// Lets a transfer wait for `rep`: its session has no owner any more and stands in their line at
/// its original age (T7, T22). Returns the rep who was freed by it.
pub fn wait_for(
    draft: &mut Draft<'_>,
    session: &Session,
    mut transfer: Transfer,
    rep: &RepId,
) -> Option<RepId> {
    let freed = session.owner().map(|(owner, _)| owner.clone());
    remove_owner(draft, session, &mut transfer);
    let since = draft.now();
    let mut waiting = session.clone();
    waiting.state = SessionState::Waiting { line: Line::Rep(rep.clone()), since, offer: None };
    draft.put_session(waiting);
    let gone = !there_for(draft, rep, session);
    let absent_until = gone.then(|| since + draft.settings().direct_wait_limit);
    transfer.state = TransferState::Waiting { since, absent_until, stranded: false };
    draft.fact(
        Fact::of(FactKind::TransferWaiting).session(session.id).transfer(transfer.id).rep(rep),
    );
    draft.put_transfer(transfer);
    freed
}

/// After a rep's presence changed: takes back offers that they can't accept any more (T17), starts
/// or stops the clocks of transfers that wait for them, and offers what fits.
pub fn follow_presence(draft: &mut Draft<'_>, rep: &RepId) {
    let mut freed = BTreeSet::from([rep.clone()]);
    let base = draft.base();
    let offered: Vec<Arc<Work>> = base
        .work_of_rep(rep)
        .filter_map(|work| draft.work(&work.id))
        .filter(|work| work.state == WorkState::Offered)
        .collect();
    for work in offered {
        let Some(session) = draft.session(&work.session) else {
            continue;
        };
        if !there_for(draft, rep, &session) {
            freed.extend(withdraw(draft, &work, &session));
        }
    }
    for session in draft.line(&Line::Rep(rep.clone())) {
        if let Some(transfer) = session.transfer {
            mark_absence(draft, rep, &session, transfer);
        }
    }
    for rep in &freed {
        settle(draft, rep);
    }
}

/// Takes an offer back: the transfer waits (T17), or the session does.
fn withdraw(draft: &mut Draft<'_>, work: &Work, session: &Session) -> Option<RepId> {
    capacity::end(draft, work.id, WorkEnd::Withdrawn);
    let fact = Fact::of(FactKind::OfferWithdrawn).session(session.id).work(work.id);
    draft.fact(fact.rep(&work.rep));
    if let Some(transfer) = work.transfer.and_then(|id| draft.transfer(&id)) {
        return wait_for(draft, session, Arc::unwrap_or_clone(transfer), &work.rep);
    }
    wait(draft, session.clone(), &work.rep);
    None
}

fn mark_absence(draft: &mut Draft<'_>, rep: &RepId, session: &Session, id: TransferId) {
    let here = there_for(draft, rep, session);
    let Some(transfer) = draft.transfer(&id) else {
        return;
    };
    let TransferState::Waiting { since, absent_until, stranded } = transfer.state else {
        return;
    };
    let limit = draft.settings().direct_wait_limit;
    let state = match (here, absent_until, stranded) {
        (true, None, false) | (false, Some(_), _) | (false, None, true) => return,
        (true, _, _) => TransferState::Waiting { since, absent_until: None, stranded: false },
        (false, None, false) => {
            let until = Some(draft.now() + limit);
            TransferState::Waiting { since, absent_until: until, stranded: false }
        }
    };
    draft.put_transfer(Transfer { state, ..Arc::unwrap_or_clone(transfer) });
}

fn there_for(draft: &Draft<'_>, rep: &RepId, session: &Session) -> bool {
    draft
        .channel(&session.channel)
        .is_some_and(|channel| is_there(draft, &draft.rep_presence(rep), &channel))
}

/// Of the reps that a transaction touched, those for whom somebody waits whom they could take
/// (R1). Empty in a settled state.
#[must_use]
pub fn unsettled(state: &State, touched: &[RecordKey]) -> BTreeSet<RepId> {
    let mut reps = BTreeSet::new();
    for key in touched {
        match key {
            RecordKey::RepPresence(rep) => {
                reps.insert(rep.clone());
            }
            RecordKey::Session(id) => reps.extend(waits_for(state, *id)),
            RecordKey::Work(_) | RecordKey::Transfer(_) | RecordKey::Reference(..) => {}
            RecordKey::Settings
            | RecordKey::Configuration(_)
            | RecordKey::Status(_)
            | RecordKey::Profile(_)
            | RecordKey::Channel(_)
            | RecordKey::Rep(_) => return having_match(state, waited_for(state)),
        }
    }
    having_match(state, reps)
}

fn having_match(state: &State, reps: BTreeSet<RepId>) -> BTreeSet<RepId> {
    reps.into_iter()
        .filter(|rep| {
            state.line(&Line::Rep(rep.clone())).any(|id| {
                let channel = state.session(&id).and_then(|s| state.channel(&s.channel));
                channel.is_some_and(|channel| can_take(state, rep, &channel))
            })
        })
        .collect()
}

fn waits_for(state: &State, session: SessionId) -> Option<RepId> {
    match &state.session(&session)?.state {
        SessionState::Waiting { line: Line::Rep(rep), offer: None, .. } => Some(rep.clone()),
        _ => None,
    }
}

/// Every rep for whom somebody waits.
#[must_use]
pub fn waited_for(state: &State) -> BTreeSet<RepId> {
    state
        .places()
        .skip_while(|place| matches!(place, IndexKey::Due(..)))
        .map_while(|place| match place {
            IndexKey::InLine(Line::Rep(rep), ..) => Some(rep.clone()),
            _ => None,
        })
        .collect()
}
