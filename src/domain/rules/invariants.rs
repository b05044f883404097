//! What is true of every state, whatever was asked. Checked by properties and by the simulation
//! after every entry; never on a request's way.

mod partners;
mod violation;

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::id::{RepId, SessionId, WorkId};
use crate::domain::line::Demand;
use crate::domain::live::{
    Line, RepPresence, Session, SessionState, Transfer, TransferState, Work, WorkState,
};
use crate::domain::prospects::anybody_could;
use crate::domain::record::{IndexKey, MarkKey, Record, RecordKey};
use crate::domain::record_lookup::RecordLookup;
use crate::domain::state::State;
use crate::domain::units::Units;

pub use violation::Violation;
use violation::ensure;

/// Checks every invariant of `state`.
///
/// # Errors
/// The first [`Violation`] found.
pub fn check(state: &State) -> Result<(), Violation> {
    let mut load: BTreeMap<&RepId, HeldUnits> = BTreeMap::new();
    let mut live: BTreeMap<SessionId, Vec<&Work>> = BTreeMap::new();
    for (key, held) in state.records() {
        ensure(*key == held.record.key(), "records", || format!("{key:?} holds another record"))?;
        if let Record::Work(work) = &held.record {
            check_work(work)?;
            if work.is_live() {
                load.entry(&work.rep).or_default().add(work);
                live.entry(work.session).or_default().push(work);
            }
        }
    }
    for (_, held) in state.records() {
        match &held.record {
            Record::Session(session) => {
                let work = live.remove(&session.id).unwrap_or_default();
                check_references(state, session)?;
                check_session(state, session, &work)?;
                partners::check_session(state, session)?;
                check_stranded(state, session)?;
            }
            Record::Transfer(transfer) => {
                check_transfer(state, transfer)?;
                partners::check_transfer(state, transfer)?;
            }
            Record::Handoff(handoff) => partners::check_handoff(state, handoff)?,
            Record::RoutingRequest(request) => partners::check_request(state, request)?,
            Record::RepPresence(rep) => {
                check_rep(state, rep, &load.remove(&rep.rep).unwrap_or_default())?;
            }
            Record::Reference(channel, reference, id) => {
                let found = state.session(id);
                let same = found
                    .is_some_and(|s| s.channel == *channel && s.external_reference == *reference);
                ensure(same, "O2", || format!("reference {reference} names no session"))?;
            }
            _ => {}
        }
    }
    ensure(live.is_empty(), "O1", || format!("work of no session: {live:?}"))?;
    ensure(load.is_empty(), "C7", || format!("work of no rep: {load:?}"))?;
    check_index(state)
}

/// D3: nothing that a session needs to go on is gone.
fn check_references(state: &State, session: &Session) -> Result<(), Violation> {
    if session.is_ended() {
        return Ok(());
    }
    let id = session.id;
    let channel = state.channel(&session.channel);
    ensure(channel.is_some(), "D3", || format!("{id} has no channel any more"))?;
    let skills = session.required.keys().chain(session.wished.keys());
    let gone = skills.into_iter().find(|skill| state.skill(skill).is_none());
    ensure(gone.is_none(), "D3", || format!("{id} asks for the skill {gone:?}, which is gone"))?;
    let transfer = session.transfer.and_then(|id| state.transfer(&id));
    let stands = session.owner().is_none().then_some(&session.line);
    for line in stands.into_iter().chain(transfer.as_ref().map(|transfer| &transfer.line)) {
        let there = match line {
            Line::Queue(queue) => state.queue(queue).is_some(),
            Line::Rep(rep) => state.rep(rep).is_some(),
            Line::Partner(partner) => state.partner(partner).is_some(),
        };
        ensure(there, "D3", || format!("{id} stands in {line:?}, which is gone"))?;
    }
    Ok(())
}

fn check_work(work: &Work) -> Result<(), Violation> {
    ensure(work.holds <= work.weight, "C1", || format!("work {} outgrew its weight", work.id))?;
    let freed = work.is_live() || work.holds == Units::ZERO;
    ensure(freed, "C2", || format!("work {} has ended and holds {}", work.id, work.holds))
}

/// What a rep's live work comes to.
#[derive(Debug, Default)]
struct HeldUnits {
    used: Units,
    interruptible: Units,
    count: u32,
}

impl HeldUnits {
    fn add(&mut self, work: &Work) {
        let pool = if work.interruptible { &mut self.interruptible } else { &mut self.used };
        *pool = *pool + work.holds;
        self.count += 1;
    }
}

fn check_rep(state: &State, rep: &RepPresence, held: &HeldUnits) -> Result<(), Violation> {
    let name = &rep.rep;
    for (says, is) in [(rep.used, held.used), (rep.interruptible_used, held.interruptible)] {
        ensure(says == is, "C7", || format!("{name} uses {says}, the work holds {is}"))?;
    }
    ensure(rep.work_count == held.count, "C7", || {
        format!("{name} counts {} of {}", rep.work_count, held.count)
    })?;
    if rep.presence.is_some() {
        return ensure(rep.kept_until.is_none(), "P7", || format!("{name} is there and kept for"));
    }
    for work in state.work_of_rep(name) {
        let id = work.id;
        ensure(work.state != WorkState::Offered, "T17", || {
            format!("{name} is signed out and is offered {id}")
        })?;
        let active = state
            .session(&work.session)
            .is_some_and(|s| matches!(s.state, SessionState::Active { .. }));
        let wrapping_up = matches!(work.state, WorkState::WrappingUp { .. });
        ensure(!rep.is_gone() || !(active || wrapping_up), "P7", || {
            format!("{name} is gone and still has {id}")
        })?;
    }
    Ok(())
}

/// No rep is over 100 %, in either pool (C3, C5), but by what a partner assigned past the check. Holds
/// as long as nobody's configured capacity is lowered.
///
/// # Errors
/// The first rep who is over.
pub fn check_capacity(state: &State) -> Result<(), Violation> {
    for (_, held) in state.records() {
        if let Record::RepPresence(rep) = &held.record {
            let skipped = state.work_of_rep(&rep.rep).any(|work| work.check_skipped);
            let load = state.load_of(&rep.rep);
            ensure(load.is_within() || skipped, "C3", || format!("{} carries {load:?}", rep.rep))?;
        }
    }
    Ok(())
}

/// One owner, or one waiting place, or one being asked for the first time, or an end (O1).
fn check_session(state: &State, session: &Session, live: &[&Work]) -> Result<(), Violation> {
    let id = session.id;
    let offered: BTreeSet<WorkId> =
        live.iter().filter(|w| w.state == WorkState::Offered).map(|w| w.id).collect();
    let (over, held): (Vec<&&Work>, Vec<&&Work>) = live
        .iter()
        .filter(|w| w.state != WorkState::Offered)
        .partition(|w| matches!(w.state, WorkState::WrappingUp { .. }));
    ensure(over.is_empty() || session.is_ended(), "C6", || {
        format!("session {id} goes on, and somebody wraps it up: {over:?}")
    })?;
    ensure(held.len() <= 1, "T6", || format!("session {id} has two owners: {held:?}"))?;
    ensure(offered.len() <= 1, "O1", || format!("session {id} is offered twice: {offered:?}"))?;
    match session.owner() {
        Some((rep, work)) => {
            let owns = held.first().is_some_and(|w| w.id == work && w.rep == *rep);
            ensure(owns, "O1", || format!("session {id}: {rep} owns it without its work"))?;
        }
        None => ensure(held.is_empty(), "O1", || format!("session {id}: work without an owner"))?,
    }
    let transfer = session.transfer.and_then(|t| state.transfer(&t));
    let by_transfer = match transfer.as_ref().map(|t| &t.state) {
        Some(TransferState::Offered { work, .. }) => Some(*work),
        _ => None,
    };
    let expected = match &session.state {
        SessionState::Waiting { offer, .. } => *offer,
        SessionState::Offered { work, .. } => Some(*work),
        SessionState::Ended { .. } => None,
        _ => by_transfer,
    };
    ensure(offered == expected.into_iter().collect(), "O1", || {
        format!("session {id} says {expected:?} is offered, but it is {offered:?}")
    })?;
    let agree = transfer.is_none() || by_transfer == expected;
    ensure(agree, "T5", || format!("session {id} and its transfer disagree on who is asked"))?;
    ensure(session.transfer.is_none() || transfer.is_some_and(|t| !t.is_final()), "T3", || {
        format!("session {id} is in a transfer that is over")
    })
}

/// R11: what nobody of a queue could ever take counts as stranded there, and nothing else does.
fn check_stranded(state: &State, session: &Session) -> Result<(), Violation> {
    let Some(queue) = session.line.queue() else { return Ok(()) };
    if !session.waits_for_an_offer() {
        let id = session.id;
        return ensure(!session.state.is_stranded(), "R11", || {
            format!("{id} is offered, stranded")
        });
    }
    if state.held(&RecordKey::Mark(MarkKey::Queue(queue.clone()))).is_some() {
        return Ok(());
    }
    // What a partner was asked in vain is stranded until it is asked again (N6).
    if state.queue(queue).is_some_and(|queue| queue.partner.is_some()) {
        return Ok(());
    }
    let could = anybody_could(state, queue, &Demand::of(session));
    ensure(could != session.state.is_stranded(), "R11", || {
        let id = session.id;
        format!(
            "session {id} waits in {queue}, stranded or not, and somebody could take it: {could}"
        )
    })
}

fn check_transfer(state: &State, transfer: &Transfer) -> Result<(), Violation> {
    let session = state.session(&transfer.session);
    let current = session.as_ref().is_some_and(|s| s.transfer == Some(transfer.id));
    let id = transfer.id;
    ensure(current != transfer.is_final(), "T16", || {
        format!("transfer {id} is {:?}, its session says under way: {current}", transfer.state)
    })?;
    if let TransferState::Waiting { .. } = transfer.state {
        let owned = session.is_some_and(|s| s.owner().is_some());
        ensure(!owned, "T7", || format!("transfer {id} waits while its session has an owner"))?;
    }
    Ok(())
}

/// The index says what the records say, no more and no less.
fn check_index(state: &State) -> Result<(), Violation> {
    let mut expected: BTreeSet<IndexKey> = BTreeSet::new();
    for (_, held) in state.records() {
        held.record.index(|place| {
            expected.insert(place);
        });
    }
    let actual: BTreeSet<IndexKey> = state.places().cloned().collect();
    ensure(expected == actual, "index", || {
        let odd: Vec<_> = expected.symmetric_difference(&actual).take(3).collect();
        format!("the index differs from the records at {odd:?}")
    })
}

/// A transfer never leaves a final state (T3), and a session that ended stays ended.
///
/// # Errors
/// The first record that came back to life.
pub fn check_step(before: &Record, after: Option<&Record>) -> Result<(), Violation> {
    match (before, after) {
        (Record::Transfer(old), Some(Record::Transfer(new))) if old.is_final() => {
            ensure(old.state == new.state, "T3", || format!("transfer {} left its end", old.id))
        }
        (Record::Session(old), Some(Record::Session(new))) if old.is_ended() => {
            ensure(old.state == new.state, "O4", || format!("session {} left its end", old.id))
        }
        (Record::Handoff(old), Some(Record::Handoff(new))) if !old.is_open() => {
            ensure(old.state == new.state, "T23", || format!("hand-off {} left its end", old.id))
        }
        (Record::RoutingRequest(old), Some(Record::RoutingRequest(new))) if !old.is_open() => {
            ensure(old.state == new.state, "N6", || format!("request {} left its end", old.id))
        }
        (Record::Work(old), Some(Record::Work(new))) if !old.is_live() => {
            ensure(old.state == new.state, "C2", || format!("work {} left its end", old.id))
        }
        _ => Ok(()),
    }
}
