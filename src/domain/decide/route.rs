//! Routing: where a session without an owner goes, who is offered it, and what becomes of it when
//! an offer comes to nothing (R1–R6, T5, T7, T9, T17). Whom to ask is `choose`'s part, and when
//! `settle`'s; here it is done.

use std::sync::Arc;

use crate::domain::capacity::{self, OfferOrigin};
use crate::domain::choose::rep_for;
use crate::domain::directory::{Channel, Queue};
use crate::domain::draft::Draft;
use crate::domain::eligibility::{can_serve, can_take, is_there};
use crate::domain::entry::{Fact, FactKind};
use crate::domain::id::{RepId, SessionId, WorkId};
use crate::domain::line::needs;
use crate::domain::live::{
    Absence, Candidate, HowFound, Line, RoutingCause, Session, SessionState, Transfer,
    TransferState, Work, WorkEnd, WorkState,
};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::time::Span;
use crate::domain::wait;

use super::destination::Destination;
use super::{acceptance, status, strand};

/// Offers a session whose turn has come to whoever can take it, or lets it wait in its line (R1); one
/// that is being handed on stays with its owner while somebody else is asked (T5, T9). Gives whether
/// it was offered.
pub(super) fn place(draft: &mut Draft<'_>, id: SessionId) -> bool {
    let Some((session, channel)) = to_be_placed(draft, id) else {
        return false;
    };
    match find(draft, &session, &channel) {
        Some((rep, origin)) => {
            offer(draft, session, &channel, &rep, origin);
            true
        }
        None => {
            wait(draft, session);
            false
        }
    }
}

/// Lets a session wait whose turn can't come yet.
pub(super) fn let_wait(draft: &mut Draft<'_>, id: SessionId) {
    if let Some((session, _)) = to_be_placed(draft, id) {
        wait(draft, session);
    }
}

/// Sends a session on that its partner was asked about: to where it goes now.
pub(super) fn send_on(draft: &mut Draft<'_>, mut session: Session, found: Destination) {
    found.prepare(draft, &mut session);
    found.enter(draft, &mut session, RoutingCause::New);
    if let Some(transfer) = transfer_of(draft, &session) {
        let mut transfer = Arc::unwrap_or_clone(transfer);
        transfer.line = found.line.clone();
        transfer.state = TransferState::Waiting { since: draft.now() };
        if found.trace.is_some() {
            transfer.trace = found.trace;
        }
        draft.put_transfer(transfer);
    } else if let Some(trace) = found.trace {
        session.trace = Some(Arc::new(trace.taken()));
    }
    if session.owner().is_none() {
        session.line = found.line;
        session.line_since = draft.now();
        session.estimated = None;
        session.state = Session::WAITING;
    }
    draft.put_arrival(session);
}

/// A session that hasn't been offered or ended since it came, and its channel.
pub(super) fn to_be_placed(draft: &Draft<'_>, id: SessionId) -> Option<(Session, Arc<Channel>)> {
    let session = draft.session(&id)?;
    let handed_on = session.owner().is_some() && session.transfer.is_some();
    if !handed_on && !session.waits_for_an_offer() {
        return None;
    }
    let channel = draft.channel(&session.channel)?;
    Some((Arc::unwrap_or_clone(session), channel))
}

/// The transfer of a session that is under way.
fn transfer_of(draft: &Draft<'_>, session: &Session) -> Option<Arc<Transfer>> {
    session.transfer.and_then(|id| draft.transfer(&id))
}

/// Who is to be asked for a session now.
fn find(draft: &Draft<'_>, session: &Session, channel: &Channel) -> Option<(RepId, OfferOrigin)> {
    let transfer = transfer_of(draft, session);
    let line = transfer.as_ref().map_or(&session.line, |transfer| &transfer.line);
    let queue = match line {
        Line::Rep(rep) => {
            let free = !draft.is_marked(rep) && can_take(draft, rep, channel);
            let origin = OfferOrigin { transfer: session.transfer, ..OfferOrigin::default() };
            return free.then(|| (rep.clone(), origin));
        }
        Line::Queue(queue) => queue,
        Line::Partner(_) => return None,
    };
    let choice = rep_for(draft, session, queue)?;
    let queue = draft.queue(queue)?;
    if !can_serve(draft, &choice.rep, &queue, channel, &needs(session)) {
        return None;
    }
    let mut origin = from_queue(session, queue, HowFound::FirstInOrder, choice.candidates);
    if let Some(transfer) = transfer.filter(|_| session.owner().is_some()) {
        (origin.queued_at, origin.estimated) = (Some(transfer.requested_at), None);
    }
    Some((choice.rep, origin))
}

fn from_queue(
    session: &Session,
    queue: Arc<Queue>,
    found: HowFound,
    candidates: Vec<Candidate>,
) -> OfferOrigin {
    OfferOrigin {
        transfer: session.transfer,
        queue: Some(queue),
        queued_at: Some(session.line_since),
        estimated: session.estimated,
        found,
        candidates,
        ..OfferOrigin::default()
    }
}

/// Offers a waiting session to the rep whose turn it is. Returns whether it came to that.
pub(super) fn offer_next(draft: &mut Draft<'_>, rep: &RepId, id: SessionId) -> bool {
    let Some((session, channel)) = to_be_placed(draft, id) else {
        return false;
    };
    let origin = match &session.line {
        Line::Rep(_) if can_take(draft, rep, &channel) => {
            OfferOrigin { transfer: session.transfer, ..OfferOrigin::default() }
        }
        Line::Rep(_) | Line::Partner(_) => return false,
        Line::Queue(queue) => {
            let queue = draft.queue(queue);
            let fits = |q: &Arc<Queue>| can_serve(draft, rep, q, &channel, &needs(&session));
            match queue.filter(fits) {
                Some(queue) => from_queue(&session, queue, HowFound::NextInLine, Vec::new()),
                None => return false,
            }
        }
    };
    offer(draft, session, &channel, rep, origin);
    true
}

/// Asks `rep` to take a session. An owner who hands it on keeps it meanwhile (T5); without one it
/// keeps its place in line if a transfer brings it; otherwise its first owner is being asked (O1).
pub(super) fn offer(
    draft: &mut Draft<'_>,
    mut session: Session,
    channel: &Channel,
    rep: &RepId,
    origin: OfferOrigin,
) -> WorkId {
    if origin.queue.is_some() && session.passed_by.contains(rep) {
        // When even somebody who passed it by is asked, everyone is considered anew (R6).
        session.passed_by.clear();
    }
    let id = capacity::give(draft, &session, channel, rep, origin);
    match transfer_of(draft, &session) {
        Some(transfer) => {
            if matches!(session.state, SessionState::Waiting { .. }) {
                session.state = SessionState::Waiting { offer: Some(id), absence: None };
            }
            offer_transfer(draft, Arc::unwrap_or_clone(transfer), rep, id);
        }
        None => {
            session.state = SessionState::Offered { rep: rep.clone(), work: id };
            let fact = Fact::of(FactKind::SessionOffered);
            draft.fact(fact.session(session.id).work(id).rep(rep));
        }
    }
    draft.put_settled(session);
    let configuration = draft.rep(rep).and_then(|rep| draft.configuration_of(&rep));
    if configuration.is_some_and(|configuration| configuration.auto_accept) {
        acceptance::take(draft, id); // R7
    }
    id
}

/// Notes on a transfer that `rep` is asked, with `work`.
fn offer_transfer(draft: &mut Draft<'_>, mut transfer: Transfer, rep: &RepId, work: WorkId) {
    transfer.state = TransferState::Offered { rep: rep.clone(), work };
    transfer.offered_at = Some(draft.now());
    let fact = Fact::of(FactKind::TransferOffered).session(transfer.session);
    draft.fact(fact.transfer(transfer.id).work(work).rep(rep));
    draft.put_transfer(transfer);
}

/// Lets a session wait in its line. One in transfer stands in the transfer's line, at its original
/// age, and whoever still had it is removed (T7, T9, T22).
fn wait(draft: &mut Draft<'_>, mut session: Session) {
    let fact = match transfer_of(draft, &session) {
        Some(transfer) => wait_in_transfer(draft, &mut session, Arc::unwrap_or_clone(transfer)),
        None => Fact::of(FactKind::SessionWaiting).session(session.id),
    };
    session.state = SessionState::Waiting { offer: None, absence: absence(draft, &session) };
    session.estimated = estimated(draft, &session);
    draft.fact(match &session.line {
        Line::Rep(rep) => fact.rep(rep),
        Line::Queue(queue) => fact.queue(queue),
        Line::Partner(_) => fact,
    });
    if session.state.is_stranded() {
        draft.fact(stranded(&session));
    }
    draft.put_settled(session);
}

/// That a session, alone or in transfer, waits for nobody who is there (T17, R11).
pub(super) fn stranded(session: &Session) -> Fact {
    match session.transfer {
        Some(transfer) => {
            Fact::of(FactKind::TransferStranded).session(session.id).transfer(transfer)
        }
        None => Fact::of(FactKind::SessionStranded).session(session.id),
    }
}

fn wait_in_transfer(draft: &mut Draft<'_>, session: &mut Session, mut transfer: Transfer) -> Fact {
    let handed_on = session.owner().is_some();
    acceptance::remove_owner(draft, session, &mut transfer, WorkEnd::Transferred);
    if session.line != transfer.line || handed_on {
        session.line = transfer.line.clone();
        session.line_since = transfer.requested_at.max(session.line_since);
        session.estimated = None;
    }
    transfer.state = TransferState::Waiting { since: draft.now() };
    let fact = Fact::of(FactKind::TransferWaiting).session(session.id).transfer(transfer.id);
    draft.put_transfer(transfer);
    fact
}

/// Until when a session waits in a rep's line if they aren't there (T17); in a queue's, whether nobody could ever take
/// it (R11).
pub(super) fn absence(draft: &Draft<'_>, session: &Session) -> Option<Absence> {
    match &session.line {
        Line::Rep(rep) if !there_for(draft, rep, session) => {
            let now = draft.now();
            Some(Absence::Until(now + draft.settings().direct_wait_limit, Some(now)))
        }
        Line::Rep(_) | Line::Partner(_) => None,
        Line::Queue(queue) => {
            strand::is_for_nobody(draft, session, queue).then_some(Absence::Stranded)
        }
    }
}

/// The wait that is estimated for a session as it joins its line (E5); what it was told at first
/// counts.
fn estimated(draft: &Draft<'_>, session: &Session) -> Option<Span> {
    let queue = session.line.queue()?;
    session.estimated.or_else(|| wait::value(draft, queue, draft.now()))
}

/// Takes an offer back, and sends its session on (R5, R6, T17).
pub fn withdraw(draft: &mut Draft<'_>, work: &Work, why: WorkEnd) {
    let Some(mut session) = draft.session(&work.session).map(Arc::unwrap_or_clone) else {
        return;
    };
    capacity::end(draft, work.id, why);
    let fact = Fact::of(match why {
        WorkEnd::Declined => FactKind::WorkDeclined,
        WorkEnd::PushTimeout => FactKind::OfferTimedOut,
        _ => FactKind::OfferWithdrawn,
    });
    draft.fact(fact.session(session.id).work(work.id).rep(&work.rep));
    let passed = matches!(why, WorkEnd::Declined | WorkEnd::PushTimeout);
    match &mut session.stay {
        Some(stay) if work.routed_by.is_some() => stay.passed_by(&work.rep, cause_of(why)),
        _ if passed && work.queue.is_some() => {
            session.passed_by.insert(work.rep.clone());
        }
        _ => {}
    }
    status::set_by_offer(draft, &work.rep, why);
    if session.owner().is_none() {
        session.state = Session::WAITING;
    }
    draft.put_arrival(session);
}

/// Why a partner is asked anew whose rep didn't take a session (N6).
const fn cause_of(why: WorkEnd) -> RoutingCause {
    match why {
        WorkEnd::Declined => RoutingCause::Declined,
        WorkEnd::PushTimeout => RoutingCause::TimedOut,
        _ => RoutingCause::RepGone,
    }
}

/// After a rep's presence changed: takes back offers that they can't accept any more (T17, T26, P4),
/// and starts or stops the clocks of sessions that wait for them.
pub fn follow_presence(draft: &mut Draft<'_>, rep: &RepId) {
    for work in draft.work_of(rep).into_iter().filter(|work| work.state == WorkState::Offered) {
        let Some(session) = draft.session(&work.session) else {
            continue;
        };
        // A queue's offer doesn't wait for a lost connection; a rep's does (P4).
        let from_queue = work.queue.is_some() || work.routed_by.is_some();
        let lost = from_queue && !draft.rep_presence(rep).is_connected();
        if lost || !there_for(draft, rep, &session) {
            withdraw(draft, &work, WorkEnd::Withdrawn);
        }
    }
    let line: Vec<SessionId> = draft.line(&Line::Rep(rep.clone())).collect();
    for id in line {
        let Some(session) = draft.session(&id) else { continue };
        let SessionState::Waiting { absence: known, .. } = session.state else {
            continue;
        };
        let new = absence(draft, &session);
        if known.is_some() != new.is_some() {
            let state = SessionState::Waiting { offer: None, absence: new };
            draft.put_session(Session { state, ..Arc::unwrap_or_clone(session) });
        }
    }
}

fn there_for(draft: &Draft<'_>, rep: &RepId, session: &Session) -> bool {
    draft
        .channel(&session.channel)
        .is_some_and(|channel| is_there(draft, &draft.rep_presence(rep), &channel))
}
