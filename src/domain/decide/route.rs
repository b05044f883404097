//! Routing: where a session without an owner goes, who is offered it, and what becomes of it when
//! an offer comes to nothing (R1–R6, T5, T7, T9, T17). Whom to ask is `choose`'s part; here it is
//! done. Whether anything is left to match is in `unsettled`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::domain::capacity::{self, Origin};
use crate::domain::choose::{Choice, rep_for, session_for};
use crate::domain::directory::{Channel, Queue};
use crate::domain::draft::Draft;
use crate::domain::eligibility::{can_serve, can_take, is_there};
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{QueueId, RepId, SessionId, TransferId, WorkId};
use crate::domain::line::{Place, needs};
use crate::domain::live::{
    Absence, Candidate, Found, Line, Session, SessionState, Transfer, TransferState, Work, WorkEnd,
    WorkState,
};
use crate::domain::look::Look;
use crate::domain::sight::Sight;
use crate::domain::state::State;
use crate::domain::time::{Span, Timestamp};
use crate::domain::wait;

use super::{presence, work};

/// Overflows followed before a queue takes the work after all; a loop can't be saved (R9).
const OVERFLOWS: usize = 16;

/// Reps who are offered what goes before a session, until one is found for it.
const OTHERS_FIRST: usize = 16;

/// Sends a session without an owner to its line: it is offered to whoever can take it now, or waits
/// there (R1).
pub fn route(draft: &mut Draft<'_>, session: Session) {
    let Some(channel) = draft.channel(&session.channel) else {
        return;
    };
    match session.line.clone() {
        Line::Rep(rep) if can_take(draft, &rep, &channel) => {
            let origin = Origin { transfer: session.transfer, ..Origin::default() };
            offer(draft, session, &channel, &rep, origin);
        }
        Line::Rep(_) => wait(draft, session),
        Line::Queue(queue) => match find(draft, &session, &queue) {
            Some((choice, queue)) => offer_choice(draft, session, &channel, choice, queue),
            None => wait(draft, session),
        },
    }
}

/// Asks the rep who was found in `queue` for a session.
fn offer_choice(
    draft: &mut Draft<'_>,
    session: Session,
    channel: &Channel,
    choice: Choice,
    queue: Arc<Queue>,
) {
    let session = all_anew(session, &choice.rep);
    let origin = from_queue(&session, queue, Found::FirstInOrder, choice.candidates);
    offer(draft, session, channel, &choice.rep, origin);
}

/// Looks anew at a session that waits in a queue, because what it asks for has changed (R1).
pub fn reconsider(draft: &mut Draft<'_>, id: SessionId) {
    let sight = draft.sight();
    let waiting = sight.session(&id).filter(|session| Place::of(session).is_some());
    let found = waiting.and_then(|s| rep_for(&sight, &s, s.line.queue()?));
    if let Some(choice) = found {
        settle(draft, &choice.rep);
    }
}

/// Who of `queue` is to be asked to take `session`, read so that the decision depends on them. A rep
/// for whom something waits that goes before it is offered that first (R1): so it is where two
/// commits have met and nobody has settled them yet.
fn find(draft: &mut Draft<'_>, session: &Session, queue: &QueueId) -> Option<(Choice, Arc<Queue>)> {
    let mut choice = rep_for(&draft.sight(), session, queue)?;
    for _ in 0..OTHERS_FIRST {
        if !passes_over(&draft.sight(), &choice.rep, session) {
            break;
        }
        settle(draft, &choice.rep);
        choice = rep_for(&draft.sight(), session, queue)?;
    }
    let queue = draft.queue(queue)?;
    let channel = draft.channel(&session.channel)?;
    can_serve(draft, &choice.rep, &queue, &channel, &needs(session)).then_some((choice, queue))
}

/// Does something wait for `rep` that goes before `session` (R2)?
fn passes_over(sight: &Sight<'_>, rep: &RepId, session: &Session) -> bool {
    let next = session_for(sight, rep).and_then(|id| sight.session(&id));
    next.is_some_and(|next| match &next.line {
        Line::Rep(_) => true,
        Line::Queue(_) => Place::would_be(&next) < Place::would_be(session),
    })
}

/// When even somebody who passed it by is asked, everyone is considered anew (R6).
fn all_anew(mut session: Session, rep: &RepId) -> Session {
    if session.passed_by.contains(rep) {
        session.passed_by.clear();
    }
    session
}

fn from_queue(
    session: &Session,
    queue: Arc<Queue>,
    found: Found,
    candidates: Vec<Candidate>,
) -> Origin {
    Origin {
        transfer: session.transfer,
        queue: Some(queue),
        queued_at: Some(session.line_since),
        estimated: session.estimated,
        found,
        candidates,
        check_skipped: false,
    }
}

/// Lets a session without an owner wait in its line.
fn wait(draft: &mut Draft<'_>, mut session: Session) {
    let absence = absence(draft, &session);
    session.state = SessionState::Waiting { offer: None, absence };
    session.estimated = estimated(draft, &session);
    let fact = Fact::of(FactKind::SessionWaiting).session(session.id);
    let fact = match &session.line {
        Line::Rep(rep) => fact.rep(rep),
        Line::Queue(queue) => fact.queue(queue),
    };
    draft.fact(fact);
    draft.put_session(session);
}

/// Until when a session waits in a rep's line if they aren't there (T17). For one in transfer the
/// transfer says it.
fn absence(draft: &Draft<'_>, session: &Session) -> Option<Absence> {
    match &session.line {
        Line::Rep(rep) if session.transfer.is_none() && !there_for(draft, rep, session) => {
            Some(Absence::Until(draft.now() + draft.settings().direct_wait_limit))
        }
        Line::Rep(_) | Line::Queue(_) => None,
    }
}

/// The wait that is estimated for a session as it joins its line (E5); what it was told at first
/// counts.
fn estimated(draft: &Draft<'_>, session: &Session) -> Option<Span> {
    let queue = session.line.queue()?;
    session.estimated.or_else(|| wait::value(draft.base(), queue, draft.now()))
}

/// Asks `rep` to take a session that has no owner. It keeps its place in line if a transfer brings
/// it; otherwise its first owner is being asked (O1).
pub(super) fn offer(
    draft: &mut Draft<'_>,
    mut session: Session,
    channel: &Channel,
    rep: &RepId,
    origin: Origin,
) {
    let id = capacity::give(draft, &session, channel, rep, origin);
    match session.transfer.and_then(|t| draft.transfer(&t)) {
        Some(transfer) => {
            if let SessionState::Waiting { offer, .. } = &mut session.state {
                *offer = Some(id);
            }
            offer_transfer(draft, Arc::unwrap_or_clone(transfer), rep, id);
        }
        None => {
            session.state = SessionState::Offered { rep: rep.clone(), work: id };
            let fact = Fact::of(FactKind::SessionOffered);
            draft.fact(fact.session(session.id).work(id).rep(rep));
        }
    }
    draft.put_session(session);
    accept_by_itself(draft, rep, id);
}

/// Notes on a transfer that `rep` is asked, with `work`.
fn offer_transfer(draft: &mut Draft<'_>, mut transfer: Transfer, rep: &RepId, work: WorkId) {
    transfer.state = TransferState::Offered { rep: rep.clone(), work };
    transfer.offered_at = Some(draft.now());
    let fact = Fact::of(FactKind::TransferOffered).session(transfer.session);
    draft.fact(fact.transfer(transfer.id).work(work).rep(rep));
    draft.put_transfer(transfer);
}

/// Accepts `work` at once where the rep's presence configuration says so (R7). Returns the rep who was
/// freed by that.
fn accept_by_itself(draft: &mut Draft<'_>, rep: &RepId, work: WorkId) -> Option<RepId> {
    let configuration = draft.rep(rep).and_then(|rep| draft.configuration_of(&rep));
    if configuration.is_some_and(|c| c.auto_accept) { work::take(draft, work) } else { None }
}

/// Sends a session that has an owner to the line of its transfer: it is offered to whoever can take
/// it, and the owner keeps it meanwhile (T5, T9); or it waits and the owner is removed (T7).
/// Returns the rep who was freed by that.
pub fn route_transfer(
    draft: &mut Draft<'_>,
    session: Session,
    transfer: Transfer,
) -> Option<RepId> {
    let channel = draft.channel(&session.channel)?;
    let (rep, origin, session) = match transfer.line.clone() {
        Line::Rep(rep) if can_take(draft, &rep, &channel) => {
            let origin = Origin { transfer: Some(transfer.id), ..Origin::default() };
            (rep, origin, session)
        }
        Line::Rep(_) => return wait_in_transfer(draft, session, transfer),
        Line::Queue(queue) => match find(draft, &session, &queue) {
            Some((choice, queue)) => {
                let session = all_anew(session, &choice.rep);
                let origin = Origin {
                    queued_at: Some(transfer.requested_at),
                    estimated: None,
                    ..from_queue(&session, queue, Found::FirstInOrder, choice.candidates)
                };
                (choice.rep, origin, session)
            }
            None => return wait_in_transfer(draft, session, transfer),
        },
    };
    let work = capacity::give(draft, &session, &channel, &rep, origin);
    draft.put_session(session);
    offer_transfer(draft, transfer, &rep, work);
    accept_by_itself(draft, &rep, work)
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
    let fact = Fact::of(FactKind::RepRemoved).session(session.id);
    draft.fact(fact.transfer(transfer.id).work(work).rep(owner));
}

/// Lets a transfer wait: its session has no owner any more and stands in the transfer's line at its
/// original age (T7, T22). Returns the rep who was freed by it.
fn wait_in_transfer(
    draft: &mut Draft<'_>,
    mut session: Session,
    mut transfer: Transfer,
) -> Option<RepId> {
    let freed = session.owner().map(|(owner, _)| owner.clone());
    remove_owner(draft, &session, &mut transfer, WorkEnd::Transferred);
    let since = draft.now();
    if session.line != transfer.line || freed.is_some() {
        session.line = transfer.line.clone();
        session.line_since = transfer.requested_at.max(session.line_since);
        session.estimated = None;
    }
    session.estimated = estimated(draft, &session);
    session.state = Session::WAITING;
    let absent_until = match &transfer.line {
        Line::Rep(rep) if !there_for(draft, rep, &session) => {
            Some(since + draft.settings().direct_wait_limit)
        }
        Line::Rep(_) | Line::Queue(_) => None,
    };
    transfer.state = TransferState::Waiting { since, absent_until, stranded: false };
    let fact = Fact::of(FactKind::TransferWaiting).session(session.id).transfer(transfer.id);
    draft.fact(match &transfer.line {
        Line::Rep(rep) => fact.rep(rep),
        Line::Queue(queue) => fact.queue(queue),
    });
    draft.put_session(session);
    draft.put_transfer(transfer);
    freed
}

/// Offers `rep` whatever waits for them and fits: what is for them in particular, then the first of
/// their queues (R1, R2). What doesn't fit is passed over: they couldn't take it.
pub fn settle(draft: &mut Draft<'_>, rep: &RepId) {
    while let Some(id) = session_for(&draft.sight(), rep) {
        if !offer_next(draft, rep, id) {
            return;
        }
    }
}

/// Offers a waiting session to the rep whose turn it is. Returns whether it came to that.
fn offer_next(draft: &mut Draft<'_>, rep: &RepId, id: SessionId) -> bool {
    let Some(session) = draft.session(&id).map(Arc::unwrap_or_clone) else {
        return false;
    };
    let Some(channel) = draft.channel(&session.channel) else {
        return false;
    };
    let queue = match &session.line {
        Line::Rep(_) if can_take(draft, rep, &channel) => None,
        Line::Rep(_) => return false,
        Line::Queue(queue) => {
            let queue = draft.queue(queue);
            let fits = |q: &Arc<Queue>| can_serve(draft, rep, q, &channel, &needs(&session));
            match queue.filter(fits) {
                Some(queue) => Some(queue),
                None => return false,
            }
        }
    };
    let session = all_anew(session, rep);
    let origin = match queue {
        Some(queue) => from_queue(&session, queue, Found::NextInLine, Vec::new()),
        None => Origin { transfer: session.transfer, ..Origin::default() },
    };
    offer(draft, session, &channel, rep, origin);
    true
}

/// Takes an offer back, and sends its session on at once (R5, R6, T17). Returns who was freed.
pub fn withdraw(draft: &mut Draft<'_>, work: &Work, why: WorkEnd) -> Option<RepId> {
    let mut session = Arc::unwrap_or_clone(draft.session(&work.session)?);
    capacity::end(draft, work.id, why);
    let fact = Fact::of(match why {
        WorkEnd::Declined => FactKind::WorkDeclined,
        WorkEnd::PushTimeout => FactKind::OfferTimedOut,
        _ => FactKind::OfferWithdrawn,
    });
    draft.fact(fact.session(session.id).work(work.id).rep(&work.rep));
    if matches!(why, WorkEnd::Declined | WorkEnd::PushTimeout) && work.queue.is_some() {
        session.passed_by.insert(work.rep.clone());
    }
    presence::set_by_offer(draft, &work.rep, why);
    if let SessionState::Waiting { offer, .. } = &mut session.state {
        *offer = None;
    }
    match work.transfer.and_then(|id| draft.transfer(&id)).map(Arc::unwrap_or_clone) {
        Some(transfer) if session.owner().is_some() => route_transfer(draft, session, transfer),
        Some(transfer) => {
            let channel = draft.channel(&session.channel)?;
            let found = session.line.queue().and_then(|queue| find(draft, &session, queue));
            match found {
                Some((choice, queue)) => {
                    offer_choice(draft, session, &channel, choice, queue);
                    None
                }
                None => wait_in_transfer(draft, session, transfer),
            }
        }
        None => {
            route(draft, session);
            None
        }
    }
}

/// The queue that takes new work meant for `queue`: where one is long, the one it overflows to
/// (R9). `None` if the last of them is full.
#[must_use]
pub fn admitting(
    look: &impl Look,
    state: &State,
    now: Timestamp,
    queue: Arc<Queue>,
) -> Option<Arc<Queue>> {
    let mut queue = queue;
    for _ in 0..OVERFLOWS {
        let length = wait::size(state, &queue.id).length;
        let next = queue.overflow.as_ref().filter(|over| {
            let oldest = || wait::oldest(state, &queue.id);
            over.max_length.is_some_and(|most| length >= most)
                || over
                    .max_wait
                    .is_some_and(|most| oldest().is_some_and(|since| now.since(since) >= most))
        });
        match next.and_then(|over| look.queue(&over.queue)) {
            Some(next) => queue = next,
            None => return queue.max_length.is_none_or(|most| length < most).then_some(queue),
        }
    }
    Some(queue)
}

/// After a rep's presence changed: takes back offers that they can't accept any more (T17, P4),
/// starts or stops the clocks of transfers that wait for them, and offers what fits.
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
        // A queue's offer doesn't wait for a lost connection; a rep's does (P4).
        let lost = work.queue.is_some() && !draft.rep_presence(rep).is_connected();
        if lost || !there_for(draft, rep, &session) {
            freed.extend(withdraw(draft, &work, WorkEnd::Withdrawn));
        }
    }
    let line: Vec<SessionId> =
        draft.sight().waiting(&Line::Rep(rep.clone())).map(|place| place.session).collect();
    for id in line {
        if let Some(session) = draft.session(&id) {
            match session.transfer {
                Some(transfer) => mark_absence(draft, rep, &session, transfer),
                None => mark_absence_of(draft, session),
            }
        }
    }
    for rep in &freed {
        settle(draft, rep);
    }
    offer_choosy(draft, rep);
}

/// Sessions that not every rep may take may be somebody's whom `rep` kept from them, and by going
/// away, or by another status, doesn't any more (T9).
fn offer_choosy(draft: &mut Draft<'_>, rep: &RepId) {
    let queues: Vec<QueueId> = draft.base().queues_of(rep).cloned().collect();
    for queue in queues {
        if wait::size(draft.base(), &queue).ready == 0 {
            continue;
        }
        for id in draft.sight().choosy(&queue) {
            let Some(session) = draft.sight().session(&id) else { continue };
            if let Some(choice) = rep_for(&draft.sight(), &session, &queue) {
                settle(draft, &choice.rep);
            }
        }
    }
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

/// The same for a session that isn't in transfer.
fn mark_absence_of(draft: &mut Draft<'_>, session: Arc<Session>) {
    let SessionState::Waiting { absence: known, .. } = session.state else {
        return;
    };
    let new = absence(draft, &session);
    if known.is_some() != new.is_some() {
        let state = SessionState::Waiting { offer: None, absence: new };
        draft.put_session(Session { state, ..Arc::unwrap_or_clone(session) });
    }
}

fn there_for(draft: &Draft<'_>, rep: &RepId, session: &Session) -> bool {
    draft
        .channel(&session.channel)
        .is_some_and(|channel| is_there(draft, &draft.rep_presence(rep), &channel))
}
